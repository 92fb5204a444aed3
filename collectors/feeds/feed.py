"""What one feed module declares: where to download, how to read it, under which licence and for how long it holds."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    AffectedRange,
    Exploited,
    ExploitProbability,
    Lifecycle,
    PlanName,
    SkuName,
    WindowsBuild,
)

FeedRecord = (
    Advisory
    | AffectedPackage
    | AffectedRange
    | Exploited
    | ExploitProbability
    | Lifecycle
    | WindowsBuild
    | SkuName
    | PlanName
)

# Settings every feed understands beside its own, with their defaults. `enabled` overrides `enabled_by_default`;
# `accept_shrunk` takes a feed that lost most of its records or a whole release, which is otherwise refused.
COMMON_SETTINGS: Mapping[str, str] = {"accept_shrunk": "false", "enabled": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file a feed is made of; `name` is unique within the feed and names the file on disk.

    `serves` says for whom: distributions ("debian") or release keys ("debian:12") of `collectors.releases`; a part that
    serves nobody in the estate is not downloaded, and a feed without a needed part is left out. Empty: for everyone.
    `fallbacks` are tried in order when `url` cannot be had. `max_bytes` caps the file, compressed and decompressed.
    `accept` is the media type asked for ("": whatever comes). `optional` says that the publisher may not have it (yet):
    its absence (400, 404, 410) fails nothing, and a copy already held stays.
    """

    name: str
    url: str
    serves: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    max_bytes: int = 2 << 30
    accept: str = ""
    optional: bool = False

    def needed_by(self, releases: Collection[str]) -> bool:
        """Whether an estate of these release keys needs this part."""
        return not self.serves or any(
            release in self.serves or release.partition(":")[0] in self.serves for release in releases
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPart:
    """A downloaded part on disk, exactly as served (after transfer decoding), with what the server said of it.

    `seen_at` is when the server last gave these bytes or said that they are still the newest (None: at `fetched_at`).
    """

    name: str
    url: str
    path: Path
    sha256: str
    fetched_at: datetime
    last_modified: datetime | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What the publisher says of itself inside the download: date and edition label (catalog version, model)."""

    published_at: datetime | None = None
    label: str = ""


def _no_edition(_parts: tuple[RawPart, ...]) -> Edition:
    return Edition()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A feed module's `FEED`.

    `parts` gives the files to download, from the settings of this feed (see `settings`) and today's date in UTC, for
    publishers who name files by date. `parse` yields records from
    all parts together and raises `collectors.errors.FeedInvalid` on anything it does not understand: half a feed is
    never compiled. An advisory is yielded before its affected packages. `parse_member`, when set, replaces `parse` for
    zip archives of many JSON documents (OSV): it reads one member and must be a module-level function, because it
    runs in worker processes; members whose CRC did not change are not read again. `parse_part` replaces `parse` for
    files that stand alone: it reads one, and a file whose bytes did not change is not read again. `minimum_records`
    refuses a feed that shrank to nearly nothing. `rolling` is true where old content leaves as time passes, so that a
    release that is no longer spoken of is no sign of damage. `settings` documents the keys a provider may set and
    their defaults. `revision` is
    raised whenever the same bytes would now yield other records: the raw copy is then compiled again. `announces` is
    false for a feed that explains CVEs without announcing fixes (`FeedState.announces`); `patch_tuesday` is
    `FeedState.patch_tuesday`.
    """

    name: str
    title: str
    licence: str
    homepage: str
    max_age_days: int
    parts: Callable[[Mapping[str, str], date], tuple[Part, ...]]
    parse: Callable[[tuple[RawPart, ...]], Iterable[FeedRecord]] | None = None
    parse_member: Callable[[str, bytes], tuple[FeedRecord, ...]] | None = None
    parse_part: Callable[[RawPart], Iterable[FeedRecord]] | None = None
    edition: Callable[[tuple[RawPart, ...]], Edition] = _no_edition
    minimum_records: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    enabled_by_default: bool = True
    announces: bool = True
    patch_tuesday: bool = False
    rolling: bool = False
    revision: int = 1
