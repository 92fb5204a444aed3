"""The DSA and DLA lists of Debian's security tracker: which fixes Debian announced, when, and in which version.

They decide what "security" means on Debian, and they are the only source of dates (the tracker's own data has none).
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from collectors.errors import FeedInvalid
from collectors.feeds.feed import Edition, Feed, FeedRecord, Part, RawPart
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind

log = logging.getLogger(__name__)

# A codename, once given, never changes its release: this is no data that ages. Before etch releases were numbered x.y.
CODENAMES: Mapping[str, str] = {
    "etch": "debian:4",
    "lenny": "debian:5",
    "squeeze": "debian:6",
    "wheezy": "debian:7",
    "jessie": "debian:8",
    "stretch": "debian:9",
    "buster": "debian:10",
    "bullseye": "debian:11",
    "bookworm": "debian:12",
    "trixie": "debian:13",
    "forky": "debian:14",
    "duke": "debian:15",
}
"""Release key by Debian codename; older releases, testing and unstable have none."""

_NAME = "debian-advisories"
_TRACKER = "https://security-tracker.debian.org/tracker"
_REPOSITORY = "https://salsa.debian.org/security-tracker-team/security-tracker/-/raw/master/data"
_HEAD = re.compile(r"\[(\d{1,2}) ([A-Z][a-z]{2}) (\d{4})\] ((D[SL]A|DTSA)-(\d+)(?:-(\d+))?)(?:\s+(.*))?")
_FIX = re.compile(r"\[([a-z]+)\]\s+-\s+(\S+)\s+(\S+)(?:\s.*)?")
_SPECIAL = re.compile(r"<([a-z-]+)>")
_REMARK = re.compile(r"(NOTE|TODO):|\(.*\)$")
_CVES = re.compile(r"\{(.*)\}")
_RECENT_DAYS = 365  # an unknown codename is news only while advisories are written for it
_LARGEST_LIST = 64 << 20  # bytes; the larger one is about 1 MB
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One line of an advisory: `version` is a source version or a special one ("<not-affected>")."""

    codename: str
    source: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One advisory as listed. `number` is shared by all revisions ("DSA-5865" of DSA-5865-1 and -2)."""

    id: str
    number: str
    listed_on: date
    title: str
    cves: tuple[str, ...]
    fixes: tuple[Fix, ...]


def entries(text: str, *, name: str = "list") -> Iterator[Entry]:
    """Read one list, newest first as published. Raises FeedInvalid on a line it does not understand."""
    head: re.Match[str] | None = None
    cves: list[str] = []
    fixes: list[Fix] = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip()
        if not content:
            continue
        if start := _HEAD.fullmatch(content):
            if head:
                yield _entry(head, cves, fixes, name)
            head, cves, fixes = start, [], []
        elif head is None or not line[0].isspace():
            raise FeedInvalid(_NAME, f"{name}, line {number}: no advisory starts with {content[:60]!r}.")
        elif found := _CVES.fullmatch(content):
            cves += found[1].split()
        elif fix := _FIX.fullmatch(content):
            fixes.append(Fix(codename=fix[1], source=fix[2], version=fix[3]))
        elif not _REMARK.match(content):
            raise FeedInvalid(_NAME, f"{name}, line {number} is not understood: {content[:60]!r}.")
    if head is None:
        raise FeedInvalid(_NAME, f"{name} holds no advisory.")
    yield _entry(head, cves, fixes, name)


def records(texts: Mapping[str, str], *, feed: str = _NAME) -> Iterator[FeedRecord]:
    """Yield advisories and their source packages from several lists (name -> text), older revisions' dates applied.

    A revision ("-2", a regression update) keeps the date of the first one (G5). Advisories without a package in a
    release this product knows (key change notices, ends of life, releases before etch) are left out.
    """
    listed = [entry for name, text in texts.items() for entry in entries(text, name=name)]
    first: dict[str, date] = {}
    for entry in listed:
        first[entry.number] = min(entry.listed_on, first.get(entry.number, entry.listed_on))
    newest = max(entry.listed_on for entry in listed)
    recent = {fix.codename for entry in listed if (newest - entry.listed_on).days < _RECENT_DAYS for fix in entry.fixes}
    for codename in sorted(recent.difference(CODENAMES)):
        log.warning("%s: codename %s is unknown to this version, its rows are left out", feed, codename)
    seen: set[str] = set()
    for entry in listed:
        rows = tuple(_rows(entry)) if entry.id not in seen else ()
        if not rows:
            continue
        seen.add(entry.id)
        yield Advisory(
            id=entry.id,
            feed=feed,
            title=entry.title,
            issued_on=first[entry.number],
            cves=tuple(cve for cve in entry.cves if cve.startswith("CVE-")),
            url=f"{_TRACKER}/{entry.id}",
        )
        yield from rows


def parse(parts: tuple[RawPart, ...]) -> Iterable[FeedRecord]:
    """Read the downloaded lists."""
    return records({part.name: _text(part) for part in parts})


def _edition(parts: tuple[RawPart, ...]) -> Edition:
    """Name the newest advisory of each list: its date is no date of the list, days pass without any advisory."""
    return Edition(label=", ".join(next(entries(_text(part), name=part.name)).id for part in parts))


def _text(part: RawPart) -> str:
    try:
        return part.path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FeedInvalid(_NAME, f"{part.name} is not UTF-8 text.") from error


def _entry(head: re.Match[str], cves: list[str], fixes: list[Fix], name: str) -> Entry:
    day, month, year, identity, kind, number, _revision, title = head.groups()
    try:
        listed_on = date(int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError as error:
        raise FeedInvalid(_NAME, f"{name}: {identity} has no valid date.") from error
    return Entry(
        id=identity,
        number=f"{kind}-{number}",
        listed_on=listed_on,
        title=title or "",
        cves=tuple(cves),
        fixes=tuple(fixes),
    )


def _rows(entry: Entry) -> Iterator[AffectedPackage]:
    for fix in dict.fromkeys(entry.fixes):
        release = CODENAMES.get(fix.codename)
        if release is None:
            continue
        special = _SPECIAL.fullmatch(fix.version)
        state = _state(special[1]) if special else FixState.FIXED
        yield AffectedPackage(
            advisory=entry.id,
            release=release,
            package=fix.source,
            kind=PackageKind.SOURCE,
            state=state,
            fixed_version="" if special else fix.version,
            reason=special[1] if special and state is FixState.NO_FIX else "",
        )


def _state(special: str) -> FixState:
    return FixState.NOT_AFFECTED if special in {"not-affected", "removed"} else FixState.NO_FIX


def _parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
    base = settings.get("base", _REPOSITORY).rstrip("/")
    return tuple(
        Part(name=f"{kind}.list", url=f"{base}/{kind}/list", serves=("debian",), max_bytes=_LARGEST_LIST)
        for kind in ("DSA", "DLA")
    )


FEED = Feed(
    name=_NAME,
    title="Debian security advisories (DSA and DLA lists)",
    licence="Debian security tracker data, no explicit licence",
    homepage="https://www.debian.org/security/",
    max_age_days=3,
    parts=_parts,
    parse=parse,
    edition=_edition,
    minimum_records=10_000,
    settings={"base": _REPOSITORY},
)
