"""What a way out is given, and what it answers.

Only one thing decides whether a message may be handed over again: whether the other side can have accepted it. So a
carrier says `committing()` right before the step after which it can have, and not earlier; a failure before that is
LATER or OURS, one after it UNCLEAR.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Fate(StrEnum):
    """What became of one attempt."""

    ACCEPTED = "accepted"  # the other side took it, for all recipients but those in `refused` and `later`
    LATER = "later"  # not now: busy, greylisted, unreachable; trying again may help
    OURS = "ours"  # not accepted and no use to try again before somebody mends a setting: password, certificate, right
    REFUSED = "refused"  # this message, or every recipient of it, was refused for good
    UNCLEAR = "unclear"  # handed over, and no answer came: it may have arrived


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One message on its way: `content` are its bytes, `recipients` those who have not got it yet."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer to one attempt. `problem` and `hint` are sentences for the operator; `answer` the other side's words.

    `refused` (for good) and `later` give a reason by recipient. `wait_s` is how long the other side asked to wait.
    """

    fate: Fate
    problem: str = ""
    hint: str = ""
    answer: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    later: Mapping[str, str] = field(default_factory=dict)
    wait_s: float | None = None

    @property
    def told(self) -> str:
        """Problem and hint in one line."""
        return " ".join(filter(None, (self.problem, self.hint)))


class Carrier(Protocol):
    """A way out. `place` names it in words and is the same for all messages that go there."""

    place: str

    def carry(self, parcel: Parcel, committing: Callable[[], None]) -> Receipt:
        """Try once. What `committing` raises passes through, and nothing is handed over then."""

    def reach(self) -> Receipt:
        """Go as far as handing over would, and send nothing."""
