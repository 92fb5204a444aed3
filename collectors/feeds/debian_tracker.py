"""Debian's security tracker: the state of every CVE in every source package of the supported releases.

It says why a CVE has no fix (no-dsa, ignored, postponed, unimportant, end-of-life, undetermined: L8) and which fixes
wait for a point release (L9). An entry announces nothing: rows are per CVE and not `security`, the DSA and DLA lists
decide that (D2). The data carries no dates.

The dump is 60 to 75 MB of JSON: it is cut into one raw slice per source package, and each is decoded alone.
Source: https://security-tracker.debian.org/tracker/data/json, bin/tracker_service.py of the tracker.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import msgspec

from collectors.errors import FeedInvalid
from collectors.feeds import cvss
from collectors.feeds.debian_advisories import CODENAMES
from collectors.feeds.feed import Feed, FeedRecord, Part, RawPart
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind, Severity

_NAME = "debian-tracker"
_TRACKER = "https://security-tracker.debian.org/tracker"
_DUMP = f"{_TRACKER}/data/json"
_LARGEST_DUMP = 512 << 20  # bytes; it is 60 to 75 MB


class _Release(msgspec.Struct):
    status: str
    repositories: dict[str, str] = {}
    fixed_version: str = ""
    urgency: str = ""
    nodsa: str | None = None
    nodsa_reason: str | None = None
    next_point_update: bool = False


class _Issue(msgspec.Struct):
    releases: dict[str, _Release] | list[None] = {}  # an issue without any release was seen as an empty list

    @property
    def states(self) -> dict[str, _Release]:
        """State by codename, of the releases that have a key."""
        releases = self.releases if isinstance(self.releases, dict) else {}
        return {codename: state for codename, state in releases.items() if codename in CODENAMES}


_SOURCES = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ISSUES = msgspec.json.Decoder(dict[str, _Issue])


def records(data: bytes, *, feed: str = _NAME) -> Iterator[FeedRecord]:
    """Yield one advisory per CVE, then the rows of all source packages.

    The dump is read twice: an advisory carries the gravest urgency any source package and release gave it, and comes
    before its rows. Raises FeedInvalid when the dump is broken or of another shape, naming the source package.
    """
    sources = _sources(data)
    severities: dict[str, Severity] = {}
    for source, raw in sources.items():
        for issue, content in _issues(source, raw).items():
            if found := [_severity(state) for state in content.states.values()]:
                severities[issue] = cvss.highest((*found, severities.get(issue, Severity.UNKNOWN)))
    for issue, severity in severities.items():
        yield Advisory(
            id=_identity(issue),
            feed=feed,
            severity=severity,
            cves=(issue,) if issue.startswith("CVE-") else (),
            security=False,
            url=f"{_TRACKER}/{issue}",
        )
    for source, raw in sources.items():
        for issue, content in _issues(source, raw).items():
            for codename, state in content.states.items():
                if row := _row(issue, source, codename, state):
                    yield row


def parse(parts: tuple[RawPart, ...]) -> Iterable[FeedRecord]:
    """Read the downloaded dump."""
    (part,) = parts
    return records(part.path.read_bytes())


def _sources(data: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _SOURCES.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FeedInvalid(_NAME, f"the dump is broken: {error}.") from error


def _issues(source: str, raw: msgspec.Raw) -> dict[str, _Issue]:
    try:
        return _ISSUES.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FeedInvalid(_NAME, f"the entries of {source} have another shape: {error}.") from error


def _identity(issue: str) -> str:
    """Name an entry as OSV does, so that both feeds speak of one thing."""
    return f"DEBIAN-{issue}"


def _severity(state: _Release) -> Severity:
    return cvss.severity_of_word(state.urgency.rstrip("*"))


def _row(issue: str, source: str, codename: str, state: _Release) -> AffectedPackage | None:
    """Return what the tracker says of one package in one release; None when it was never affected ("0", L8)."""
    fix, version, reason = FixState.NO_FIX, "", ""
    match state.status:
        case "resolved":
            fix, version = FixState.FIXED, state.fixed_version
            if version in {"", "0"}:
                return None
        case "open" if _is_pending(codename, state):
            fix, version = FixState.PENDING, state.repositories.get(f"{codename}-proposed-updates", "")
        case "open" | "undetermined":
            reason = _reason(state)
        case other:
            raise FeedInvalid(_NAME, f"{issue} in {source} ({codename}) has the unknown status {other!r}.")
    return AffectedPackage(
        advisory=_identity(issue),
        release=CODENAMES[codename],
        package=source,
        kind=PackageKind.SOURCE,
        state=fix,
        fixed_version=version,
        reason=reason,
    )


def _is_pending(codename: str, state: _Release) -> bool:
    return state.next_point_update or f"{codename}-proposed-updates" in state.repositories


def _reason(state: _Release) -> str:
    """Return Debian's word for having no fix, the most telling first; "unfixed" when it gave none."""
    urgency = state.urgency.rstrip("*")
    if urgency in {"end-of-life", "unimportant"}:
        return urgency
    if state.status == "undetermined":
        return "undetermined"
    return state.nodsa_reason or ("unfixed" if state.nodsa is None else "no-dsa")


def _parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
    return (Part(name="tracker.json", url=settings.get("url", _DUMP), serves=("debian",), max_bytes=_LARGEST_DUMP),)


FEED = Feed(
    name=_NAME,
    title="Debian security tracker",
    licence="Debian security tracker data, no explicit licence",
    homepage="https://security-tracker.debian.org/",
    max_age_days=3,
    parts=_parts,
    parse=parse,
    minimum_records=50_000,
    settings={"url": _DUMP},
    announces=False,
)
