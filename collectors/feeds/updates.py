"""What an update of the feeds tells: each step while it runs, and one result per feed."""

from dataclasses import dataclass
from enum import StrEnum

from collectors.feeds.records import FeedState


class FeedOutcome(StrEnum):
    """What became of one feed in one update."""

    RENEWED = "renewed"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedUpdate:
    """One feed of an update; `state` is what is in service now, `error` says why it was not renewed ("" else)."""

    name: str
    outcome: FeedOutcome
    state: FeedState
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedProgress:
    """A step of an update: bytes of one part arrived (`total_bytes` None: unknown), or compiling began (`part` "")."""

    feed: str
    part: str = ""
    received_bytes: int = 0
    total_bytes: int | None = None

    @property
    def compiling(self) -> bool:
        """Whether the feed is being compiled, after its download."""
        return self.part == ""
