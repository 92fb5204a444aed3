"""OSV documents (osv.dev), the form in which most Linux vendors publish advisories, read into feed records.

One format, seven vendors who use it differently: each `osv_<vendor>.py` states its `Dialect` (which ids are security
advisories, which release an ecosystem string means, what a package name is) and this module does the reading. A
download of one vendor may list packages of another (a CVE that touches both): only the dialect's own rows are kept,
because a release must never look covered by a feed that does not cover it.

Source: https://ossf.github.io/osv-schema/ and https://google.github.io/osv.dev/data/.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import quote

import msgspec

from collectors.errors import FeedInvalid
from collectors.feeds import cvss
from collectors.feeds.feed import Edition, FeedRecord, Part, RawPart
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind, Severity

BUCKET = "https://osv-vulnerabilities.storage.googleapis.com"
"""Where OSV publishes one archive of all documents per vendor."""

NO_STREAM = "?:?"
"""`AffectedPackage.module` of a modular build whose stream no title tells: equal to no installed stream (L15)."""

_QUIET = timedelta(days=30)
_T = TypeVar("_T")
_NO_MODULE = ("",)
_Key = tuple[str, str, PackageKind, str, str]  # release, package, kind, fixed version, module
_CVE = re.compile(r"(?:^|-)(CVE-\d{4}-\d{4,})$")
_STREAM = re.compile(r"(?<![\w.:+-])((?=[^:\s]*[A-Za-z])\w[\w.+-]*:[\w.][\w.+-]*)")
_ADVISORY_ID = re.compile(r"\b[A-Z]{4}-\d{4}:\d+:?")
_REBRANDED_STREAM = re.compile(r":Rocky Linux(?=\d|\b)")  # Rocky's titles say "virt:Rocky Linux" for virt:rhel
_RATING = re.compile(r"^(Critical|Important|Moderate|Low)\s*:|\((Critical|Important|Moderate|Low)\)\s*$", re.IGNORECASE)


class Event(msgspec.Struct, gc=False):
    """One step of a version range; exactly one field is set."""

    introduced: str = ""
    fixed: str = ""
    last_affected: str = ""
    limit: str = ""


class Range(msgspec.Struct):
    """Versions affected, as events in order; only type ECOSYSTEM speaks of package versions."""

    type: str
    events: list[Event]


class PackageName(msgspec.Struct, gc=False):
    """What is affected: `ecosystem` as "Vendor:release", `name` as that vendor names packages."""

    ecosystem: str
    name: str
    purl: str = ""


class Rating(msgspec.Struct, gc=False):
    """A severity entry: a CVSS vector (type CVSS_V2, CVSS_V3, CVSS_V4) or a word (type Ubuntu)."""

    type: str
    score: str


class Affected(msgspec.Struct):
    """One package in one release. The two free-form objects are read by the dialect that knows their shape."""

    package: PackageName | None = None
    ranges: list[Range] | None = None
    ecosystem_specific: msgspec.Raw = msgspec.Raw(b"null")
    database_specific: msgspec.Raw = msgspec.Raw(b"null")


class Reference(msgspec.Struct, gc=False):
    """A link; `type` ADVISORY marks the vendor's own page."""

    type: str = ""
    url: str = ""


class Document(msgspec.Struct):
    """One OSV document; fields this product does not use are not decoded."""

    id: str
    summary: str = ""
    published: str = ""
    withdrawn: str | None = None
    aliases: list[str] | None = None
    related: list[str] | None = None
    upstream: list[str] | None = None
    severity: list[Rating] | None = None
    affected: list[Affected] | None = None
    references: list[Reference] | None = None


class Class(StrEnum):
    """What a document is, by its id."""

    ADVISORY = "advisory"  # an announced security advisory
    OTHER = "other"  # announced, but no security advisory: bug fix, enhancement (D4)
    ENTRY = "entry"  # a CVE entry of a tracker: nothing announced; its date is the CVE's, not that of a fix
    FOREIGN = "foreign"  # another vendor's, or naming no package version: skipped


class Row(msgspec.Struct, frozen=True, gc=False):
    """One package in one release; `fixed_version` "" when the vendor has no fix, `entitlement` "" when it is free."""

    release: str
    package: str
    kind: PackageKind
    fixed_version: str
    entitlement: str = ""


def _no_rating(_document: Document) -> Severity:
    return Severity.UNKNOWN


def _unfixed(_affected: Affected) -> str:
    return "unfixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one vendor uses OSV.

    `classify` tells what a document is, by its id. `rows` names the packages and releases behind one affected entry
    and one fixed version ("" when unfixed); empty when the entry is left out on purpose (another product line, a
    release without key). `rate` reads the vendor's own rating where only this vendor has one. `reason` words why an
    entry has no fix. `entries_are_security` says whether fixes named by a tracker entry count as declared security
    fixes; `keep_free_entry_fixes` is false where every free fix that counts is announced by an advisory as well.
    `modular` is set where RPM modules exist.
    """

    feed: str
    folder: str
    classify: Callable[[str], Class]
    rows: Callable[[PackageName, Affected, str], tuple[Row, ...]]
    rate: Callable[[Document], Severity] = _no_rating
    reason: Callable[[Affected], str] = _unfixed
    entries_are_security: bool = False
    keep_free_entry_fixes: bool = True
    modular: bool = False


def read(name: str, data: bytes, dialect: Dialect) -> tuple[FeedRecord, ...]:
    """Read one document by one vendor's dialect.

    Returns the advisory followed by its affected packages, or nothing when the document is withdrawn, foreign, or has
    no row in a release this product knows. Several rows of one package and module carry several fixed versions when
    the vendor lists several builds (rebuilt modules, a plus repository): each of them holds the fix.
    Raises FeedInvalid when `data` is no OSV document; `name` says which.
    """
    return _records(name, decode(name, data, feed=dialect.feed), dialect)


def parse_member(name: str, data: bytes) -> tuple[FeedRecord, ...]:
    """Read one document of any vendor, by every dialect that knows it.

    For documents of unknown origin; a feed uses the `parse_member` of its own module.
    """
    import importlib

    document = decode(name, data)
    modules = [importlib.import_module(f"collectors.feeds.osv_{vendor}") for vendor in _VENDORS]
    return tuple(record for module in modules for record in _records(name, document, module.DIALECT))


def decode(name: str, data: bytes, *, feed: str = "osv") -> Document:
    """Decode one document; raises FeedInvalid when it is no JSON or of another shape."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FeedInvalid(feed, f"{name} is not an OSV document: {error}.") from error


def decode_specific(raw: msgspec.Raw, kind: type[_T], *, feed: str) -> _T | None:
    """Decode a vendor's free-form object; None when it is absent. Raises FeedInvalid when it has another shape."""
    if raw == _ABSENT:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FeedInvalid(feed, f"a document's free-form object has another shape: {error}.") from error


def archive(folder: str, distribution: str) -> Callable[[Mapping[str, str], date], tuple[Part, ...]]:
    """Return the `Feed.parts` of a vendor's archive; `distribution` is the first half of the release keys it serves.

    The setting `base` names another server (a mirror of OSV's bucket).
    """

    def parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
        base = settings.get("base", BUCKET).rstrip("/")
        return (Part(name="all.zip", url=f"{base}/{quote(folder)}/all.zip", serves=(distribution,)),)

    return parts


def edition(parts: tuple[RawPart, ...]) -> Edition:
    """Date an archive by its own date once that is long past; until then the last refresh tells the age.

    Each vendor writes something every week: a mirror or proxy that has served one copy for a month no longer follows.
    """
    dates = [
        part.last_modified
        for part in parts
        if part.last_modified is not None and (part.seen_at or part.fetched_at) - part.last_modified > _QUIET
    ]
    return Edition(published_at=min(dates, default=None))


def streams_of(title: str) -> tuple[str, ...]:
    """Return every "name:stream" an advisory's title names, in order (L15).

    "Moderate: virt:rhel and virt-devel:rhel security update" names two, "Important: varnish security update" none.
    """
    text = _REBRANDED_STREAM.sub(":rhel", _ADVISORY_ID.sub("", title))
    return tuple(dict.fromkeys(stream.rstrip(".") for stream in _STREAM.findall(text)))


def without_zero_epoch(version: str) -> str:
    """Write an rpm version as hosts do: an epoch of 0 is left out."""
    return version.removeprefix("0:")


def without_epoch(version: str) -> str:
    """Write the version of a *source* rpm as hosts know it: SOURCERPM is a file name and holds no epoch."""
    return version.rpartition(":")[2]


def _records(name: str, document: Document, dialect: Dialect) -> tuple[FeedRecord, ...]:
    kind = dialect.classify(document.id)
    if document.withdrawn or kind is Class.FOREIGN:
        return ()
    rows = _affected(document, kind, dialect)
    if not rows:
        return ()
    score = _score(document)
    advisory = Advisory(
        id=document.id,
        feed=dialect.feed,
        title=document.summary,
        severity=_severity(document, dialect, score),
        cvss=score,
        issued_on=None if kind is Class.ENTRY else _date(name, document, dialect),
        cves=_cves(document, kind),
        security=kind is Class.ADVISORY or (kind is Class.ENTRY and dialect.entries_are_security),
        url=_url(document),
    )
    return (advisory, *rows)


def _affected(document: Document, kind: Class, dialect: Dialect) -> list[AffectedPackage]:
    streams = (streams_of(document.summary) or (NO_STREAM,)) if dialect.modular else _NO_MODULE
    only_paid = kind is Class.ENTRY and not dialect.keep_free_entry_fixes
    entitlements: dict[_Key, str] = {}
    reasons: dict[_Key, str] = {}
    for affected in document.affected or ():
        if affected.package is None:
            continue
        for fixed in _fixed_versions(affected):
            for row in dialect.rows(affected.package, affected, fixed):
                if fixed and only_paid and not row.entitlement:
                    continue
                for module in streams if ".module" in row.fixed_version else _NO_MODULE:
                    key = (row.release, row.package, row.kind, row.fixed_version, module)
                    # An entitlement stands only where the same fix is not free as well.
                    entitlements[key] = row.entitlement and entitlements.get(key, row.entitlement)
                    if not fixed:
                        reasons[key] = dialect.reason(affected)
    return [
        AffectedPackage(
            advisory=document.id,
            release=release,
            package=package,
            kind=package_kind,
            state=_FIXED if version else _NO_FIX,
            fixed_version=version,
            module=module,
            entitlement=entitlement,
            reason=reasons.get(key, "") if reasons else "",
        )
        for key, entitlement in entitlements.items()
        for release, package, package_kind, version, module in (key,)
    ]


def _fixed_versions(affected: Affected) -> tuple[str, ...]:
    """Return the versions that fix a package; ("",) when it is affected and nothing fixes it.

    A range that ends in `last_affected` names no fixed version to require and says nothing about later ones: it
    yields nothing, as does one of commits (type GIT).
    """
    listed = affected.ranges or ()
    if len(listed) == 1 and listed[0].type == "ECOSYSTEM":  # nearly all of them hold two events
        events = listed[0].events
        if len(events) == 2 and (only := events[1].fixed) and not events[0].fixed:
            return (only,)
    ranges = [one.events for one in listed if one.type == "ECOSYSTEM"]
    fixed = tuple(dict.fromkeys(event.fixed for events in ranges for event in events if event.fixed))
    if fixed or not ranges:
        return fixed
    ends = any(event.last_affected or event.limit for events in ranges for event in events)
    return () if ends else ("",)


def _severity(document: Document, dialect: Dialect, score: float | None) -> Severity:
    own = dialect.rate(document)
    if own is not Severity.UNKNOWN:
        return own
    if match := _RATING.search(document.summary):
        return cvss.severity_of_word(match[1] or match[2])
    return Severity.UNKNOWN if score is None else cvss.severity_of_score(score)


def _score(document: Document) -> float | None:
    scores = [cvss.base_score(rating.score) for rating in document.severity or () if rating.type == "CVSS_V3"]
    return max((score for score in scores if score is not None), default=None)


def _cves(document: Document, kind: Class) -> tuple[str, ...]:
    own = _CVE.search(document.id)
    if own and kind is Class.ENTRY:
        return (own[1],)
    names = [document.id, *(document.upstream or ()), *(document.related or ()), *(document.aliases or ())]
    return tuple(dict.fromkeys(match[1] for match in map(_CVE.search, names) if match))


def _date(name: str, document: Document, dialect: Dialect) -> date | None:
    """Return the day of first publication (G5): `modified` never counts."""
    if not document.published:
        return None
    try:
        return date.fromisoformat(document.published[:10])
    except ValueError as error:
        raise FeedInvalid(dialect.feed, f"{name} has the publication date {document.published!r}.") from error


def _url(document: Document) -> str:
    """Return the vendor's own page: a rebuild's advisory also links the one it rebuilds."""
    links = [reference.url for reference in document.references or () if reference.type == "ADVISORY"]
    if len(links) == 1:
        return links[0]
    own = (document.id, document.id.replace(":", "-"))
    return next((link for link in links if any(name in link for name in own)), links[0] if links else "")


_VENDORS = ("almalinux", "alpine", "debian", "opensuse", "redhat", "rocky", "suse", "ubuntu")
_ABSENT = msgspec.Raw(b"null")
_FIXED, _NO_FIX = FixState.FIXED, FixState.NO_FIX  # looked up once: an enum member costs as much as a whole field
_DECODER = msgspec.json.Decoder(Document)
