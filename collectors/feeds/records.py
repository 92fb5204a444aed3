"""Records that feeds yield, whatever their publisher's format. Stored in the compiled SQLite file and nowhere else.

Dates are the vendor's, without time zone; timestamps are aware UTC.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

_TUESDAY = 1


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
    "end-of-life", "undetermined", "will-not-fix", "fix-deferred", ...). `remedy` names what installs the fix where the
    version alone does not ("KB5094126"), `remedy_kind` the vendor's word for it ("Security Update", "Monthly Rollup",
    "Hotpatch").

    Microsoft's rows: `release` "windows:26100-client" with `package` "windows/x64" (x86, arm64) and a full build
    ("10.0.26100.8655", "6.3.9600.23228") as fixed version, always one of the release's own branch; ".NET Framework"
    rows of that release with `package` "dotnet-framework:4.8.1/x64"; elsewhere "dotnet:8.0" + "dotnet" or "aspnetcore",
    "sql-server:2019" + "sql-server" (`module` the servicing branch: "GDR", "CU 32"; of 2016 and older with the service
    pack: "SP3 GDR", "SP3 ACP" for the Azure Connect pack), "exchange:2019" or "exchange:se" + "exchange"
    (`module` "CU15", "RTM"), "office-msi:2016" + "office/x64", "excel/x64", "skype-for-business/x86" (each program its
    own KB), "office:<channel GUID>" + "office" (`module` the version branch "19628", `remedy` ""). One KB that serves
    several .NET Framework versions has one row for each ("3.5", "4.8.1"); where the part that is installed has a KB of
    its own, a second row names that: either KB means fixed (W9). A row without `fixed_version` has a `remedy`:
    Microsoft named no build that is one of this branch, and the KB decides. Of several rows of one (CVE, release,
    package) the lowest build is enough: hotpatch and cumulative update stand side by side (W6).
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
    remedy: str = ""
    remedy_kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedRange:
    """Versions of one application that one CVE affects, from CPE match ranges (NVD).

    `product` is "vendor:product" as CPE writes it, without its backslashes ("google:chrome", "7-zip:7-zip",
    "notepad-plus-plus:notepad++"). Bounds are "" when open; `fixed_version` is the first version that is not affected,
    `last_affected` the last one that is: never both. One version alone stands as `introduced` and `last_affected`, with
    its update level behind a colon where CPE tells one ("1.8.0:update202"); a range open on both sides is never
    yielded. `target` names the system or host software the range is limited to
    ("macos", "android", "iphone_os", "wordpress"; "windows" or "" concern Windows). `edition` is the software edition
    it is limited to ("esr", "classic", "continuous", "enterprise"), "" for all: an ESR build is judged by rows of
    edition "esr" (or of product "mozilla:firefox_esr") alone.
    """

    cve: str
    product: str
    introduced: str = ""
    fixed_version: str = ""
    last_affected: str = ""
    target: str = ""
    edition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsBuild:
    """One published build of Windows or Windows Server: explains builds, never decides a verdict.

    `build` is "26100.8655"; `kb` may be "". Previews and out-of-band releases are flagged (W7); out-of-band does not
    mean security.
    """

    build: str
    kb: str = ""
    released_on: date | None = None
    preview: bool = False
    out_of_band: bool = False
    hotpatch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuName:
    """What Microsoft calls one product: `sku_id` is its GUID in lower case, `part_number` e.g. "SPB".

    Names and part numbers are for people: neither is unique.
    """

    sku_id: str
    part_number: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanName:
    """One service plan of one SKU: `id` and `sku_id` are GUIDs in lower case.

    `name` is as Graph writes it ("EXCHANGE_S_STANDARD"), `title` for people ("Exchange Online (Plan 1)"); neither is
    unique.
    """

    id: str
    sku_id: str
    name: str
    title: str = ""


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
    `patch_tuesday` is true for a feed that brings new fixes on every second Tuesday of a month: what was refreshed
    before the last one is stale, however young.
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
    patch_tuesday: bool = False

    def age_days(self, as_of: datetime) -> float | None:
        """Days since publication, else since the last successful refresh; None when it was never fetched."""
        since = self.published_at or self.checked_at
        return None if since is None else (as_of - since).total_seconds() / 86400

    def is_stale(self, as_of: datetime, limit_days: int | None = None) -> bool:
        """Whether the feed is older than `limit_days` (None: its own limit), or was never fetched (G6).

        Exactly the limit is still fresh. With `patch_tuesday`, also when it was not refreshed since the last one.
        """
        age = self.age_days(as_of)
        return (
            age is None or age > (self.max_age_days if limit_days is None else limit_days) or self.misses_patches(as_of)
        )

    def misses_patches(self, as_of: datetime) -> bool:
        """Whether fixes were due since the last refresh: Microsoft published on a Patch Tuesday in between."""
        if not self.patch_tuesday:
            return False
        return self.checked_at is None or self.checked_at < last_patch_tuesday(as_of)


def last_patch_tuesday(as_of: datetime) -> datetime:
    """Return when Microsoft last published its monthly fixes: 18:00 UTC on the second Tuesday of a month.

    That is 10:00 Pacific time in winter; in summer an hour after it, which errs to the safe side.
    """
    moment = as_of.astimezone(UTC)
    while True:
        first = moment.replace(day=1, hour=18, minute=0, second=0, microsecond=0)
        tuesday = first + timedelta(days=(_TUESDAY - first.weekday()) % 7 + 7)
        if tuesday <= as_of:
            return tuesday
        moment = first - timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRecords:
    """The rows a run needs, loaded from the compiled file (or made by a test)."""

    feeds: tuple[FeedState, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    affected: tuple[AffectedPackage, ...] = ()
    exploited: tuple[Exploited, ...] = ()
    probabilities: tuple[ExploitProbability, ...] = ()
    lifecycles: tuple[Lifecycle, ...] = ()
    ranges: tuple[AffectedRange, ...] = ()
    windows_builds: tuple[WindowsBuild, ...] = ()
    sku_names: tuple[SkuName, ...] = ()
    plan_names: tuple[PlanName, ...] = ()
