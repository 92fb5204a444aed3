"""Records that feeds yield, whatever their publisher's format. Stored in the compiled SQLite file and nowhere else.

Dates are the vendor's, without time zone; timestamps are aware UTC.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Severity(StrEnum):
    """A vendor's rating on one scale. `UNKNOWN` means undisclosed: deadlines treat it as high (G4)."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"


class FixState(StrEnum):
    """What the vendor says about one package in one release."""

    FIXED = "fixed"  # released in `fixed_version`
    NO_FIX = "no_fix"  # affected, and the vendor has no fix or decided against one (L8, L17); `reason` says which
    PENDING = "pending"  # fixed in proposed-updates or the next point release only (L9)
    NOT_AFFECTED = "not_affected"


class PackageKind(StrEnum):
    """Whether an advisory names a source package (deb, apk, SUSE) or a binary one (Alma, Rocky, Red Hat)."""

    SOURCE = "source"
    BINARY = "binary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One published advisory (DSA, DLA, USN, ALSA, RLSA, RHSA, SUSE-SU, ...) or one CVE entry of a tracker.

    `security` is true when the vendor declares it a security advisory (false: bug fix, enhancement, D4; and CVE entries
    of a tracker that no advisory announced). `issued_on` is the first publication (G5), None when the feed has no date.
    `cvss` is the CVSS v3 base score, None when absent.
    """

    id: str
    feed: str
    title: str = ""
    severity: Severity = Severity.UNKNOWN
    cvss: float | None = None
    issued_on: date | None = None
    cves: tuple[str, ...] = ()
    security: bool = True
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedPackage:
    """What one advisory says about one package in one release (`collectors.releases`).

    `fixed_version` is "" unless `state` is FIXED or PENDING. `module` is "name:stream" for a modular advisory, "" else.
    `entitlement` names what a host must be attached to for the fix ("esm-infra", "esm-apps", "fips", ...), "" when
    free. `reason` is the vendor's own word for NO_FIX ("no-dsa", "ignored", "postponed", "unimportant",
    "end-of-life", "undetermined", "will-not-fix", "fix-deferred", ...).
    """

    advisory: str
    release: str
    package: str
    kind: PackageKind
    state: FixState
    fixed_version: str = ""
    module: str = ""
    entitlement: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploited:
    """An entry of CISA's Known Exploited Vulnerabilities catalog."""

    cve: str
    added_on: date
    due_on: date
    ransomware: bool
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploitProbability:
    """EPSS: probability of exploitation in the next 30 days and its percentile, both 0..1."""

    cve: str
    probability: float
    percentile: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Support dates of one release cycle of a product (endoflife.date slugs: "debian", "ubuntu", ...).

    `support_ends_on` is the end of regular security support; `extended_ends_on` of LTS / ESM / extended support (None
    when there is none); `extended_name` is its name on that page. `ended` holds a bare boolean when no date is given.
    """

    product: str
    cycle: str
    codename: str = ""
    released_on: date | None = None
    support_ends_on: date | None = None
    extended_ends_on: date | None = None
    extended_name: str = ""
    ended: bool | None = None
    lts: bool = False
    latest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """Provenance of one compiled feed, printed with every verdict that rests on it.

    `published_at` is the publisher's own date when the feed carries one; `checked_at` the last successful refresh (a
    304 counts); age is counted from `published_at`, else from `checked_at`. `sha256` is of the raw download. `error`
    is why the last refresh failed ("" when it did not). `covers` are release keys with advisory rows from this feed;
    `announces` is false for a feed that only explains (states of CVEs): alone it supports no verdict on a release.
    """

    name: str
    title: str
    url: str
    licence: str
    max_age_days: int
    fetched_at: datetime | None = None
    checked_at: datetime | None = None
    published_at: datetime | None = None
    sha256: str = ""
    size_bytes: int = 0
    records: int = 0
    edition: str = ""
    error: str = ""
    covers: tuple[str, ...] = ()
    announces: bool = True

    def age_days(self, as_of: datetime) -> float | None:
        """Days since publication, else since the last successful refresh; None when it was never fetched."""
        since = self.published_at or self.checked_at
        return None if since is None else (as_of - since).total_seconds() / 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRecords:
    """The rows a run needs, loaded from the compiled file (or made by a test)."""

    feeds: tuple[FeedState, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    affected: tuple[AffectedPackage, ...] = ()
    exploited: tuple[Exploited, ...] = ()
    probabilities: tuple[ExploitProbability, ...] = ()
    lifecycles: tuple[Lifecycle, ...] = ()
