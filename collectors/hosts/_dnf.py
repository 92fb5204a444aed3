"""What dnf and yum print alike: the list of advisories, then the list of updates, each followed by its exit status."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collectors.hosts.base import Facts, Section, Unreadable, denied_or, first_line, lines_of, read_lines
from collectors.model import AvailableUpdate, FactKind, Gap, GapReason

# A plain user's dnf and yum make a cache directory of their own under /var/tmp, even when told to use the system's;
# one that was not there before is removed again.
LEAVE_NOTHING = r"""
tool_dirs() { for d in /var/tmp/dnf-"$(id -un)"-* /var/tmp/yum-"$(id -un)"-*; do [ -d "$d" ] && echo "$d"; done; }
before=" $(tool_dirs | tr '\n' ' ')"
leave() { tool_dirs | while read -r d; do case $before in *" $d "*) ;; *) rm -rf "$d" ;; esac; done; }
[ "$(id -u)" = 0 ] || trap leave EXIT
trap 'exit 143' TERM
"""

_UPDATES_PENDING = 100
_NO_CACHE = re.compile(r"no cache for (?:repository )?['\"]?([^'\"\s]+)", re.IGNORECASE)
_STATUS = re.compile(r"status:([0-9]{1,3})")
_EVR = re.compile(r"(?:(\d+):)?([^-:]+)-([^-]+)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_SEVERITIES = {"critical", "important", "moderate", "low"}
_OBSOLETES = "obsoleting packages"
# What plugins and the tool itself say beside the lists, on standard output.
_SAID = (
    "Available upgrades",
    "Last metadata expiration check",
    "Loaded plugins",
    "Local host",
    "Modular dependency problem",
    "Not root, Subscription Management",
    "Repositories loaded.",
    "Security: ",
    "Subscription Manager is operating",
    "This system is ",
    "Unable to read consumer identity",
    "Update notice ",
    "Updating Subscription Management",
    "Updating and loading repositories:",
    "You can use subscription-manager",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Notice:
    """One line of the advisory list; `security` is told by its type column."""

    advisory: str
    security: bool
    severity: str
    name: str
    architecture: str


def parse(collector: str, section: Section) -> Facts:
    """Facts of two lists, each closed by a line "status:N"."""
    notices_text, updates_text = _two_parts(section)
    gaps = _unasked(collector, section.stderr)
    notices, unread = read_lines(collector, FactKind.AVAILABLE_UPDATES, notices_text, _notice)
    updates, unread_updates = read_lines(collector, FactKind.AVAILABLE_UPDATES, _joined(updates_text), _update)
    known: dict[tuple[str, str], list[_Notice]] = {}
    for notice in notices:
        known.setdefault((notice.name, notice.architecture), []).append(notice)
    described = tuple(
        _described(update, known.get((update.name, update.architecture), []), advisories_exist=bool(notices))
        for update in updates
    )
    return Facts(available_updates=described, gaps=gaps + unread + unread_updates)


def _two_parts(section: Section) -> tuple[list[str], list[str]]:
    parts: list[list[str]] = [[]]
    statuses: list[int] = []
    for line in lines_of(section.stdout):
        if (match := _STATUS.fullmatch(line)) is not None:
            statuses.append(int(match[1]))
            parts.append([])
        else:
            parts[-1].append(line)
    if len(statuses) != 2:
        raise Unreadable(GapReason.TRUNCATED, f"{len(statuses)} of 2 lists came home")
    for status, good in zip(statuses, ((0,), (0, _UPDATES_PENDING)), strict=True):
        if status not in good:
            said = first_line(_told(section.stderr)) or first_line(section.stdout)
            raise Unreadable(_why(section.stderr), f"exit status {status}: {said}")
    return parts[0], parts[1]


def _told(stderr: str) -> str:
    """Standard error without warnings that explain nothing."""
    return "\n".join(line for line in lines_of(stderr) if not line.startswith("Unable to detect release version"))


def _why(stderr: str) -> GapReason:
    return GapReason.MISSING if _NO_CACHE.search(stderr) else denied_or(GapReason.FAILED, stderr)


def _unasked(collector: str, stderr: str) -> tuple[Gap, ...]:
    """One gap for repositories without a cache: what they offer is not in the list, and dnf exits 0 all the same."""
    names = sorted(set(_NO_CACHE.findall(stderr)))
    if not names:
        return ()
    detail = f"no cached metadata for {', '.join(names)}: what it offers was not looked at"
    gap = Gap(kind=FactKind.AVAILABLE_UPDATES, collector=collector, reason=GapReason.MISSING, detail=detail)
    return (gap,)


def _joined(lines: Iterable[str]) -> list[str]:
    """Rows made whole again: a name too long for its column stands alone on its line. Ends before the obsoletes."""
    rows: list[str] = []
    for line in lines:
        if line.lower().startswith(_OBSOLETES):  # dnf 5 writes it small
            break
        if not line.strip() or line.startswith(_SAID):
            continue
        if rows and len(rows[-1].split()) < 3 and line[0] in " \t":
            rows[-1] = f"{rows[-1]} {line.strip()}"
        else:
            rows.append(line)
    return rows


def _notice(line: str) -> _Notice | None:
    if line.startswith(_SAID) or line.split()[:2] == ["Name", "Type"]:
        return None
    words = line.split()
    if len(words) == 3:  # dnf 4 and yum: id, type, package
        advisory, kind, package = words
        severity, slash, security = kind.partition("/")
        return _made(advisory, package, security=bool(slash) and security.startswith("Sec"), severity=severity)
    if len(words) == 5 and _DATE.fullmatch(words[3]):  # dnf 5, an advisory without severity
        words.insert(2, "")
    if len(words) >= 5:  # dnf 5: id, type, severity, package, date
        return _made(words[0], words[3], security=words[1] == "security", severity=words[2])
    raise ValueError(line)


def _made(advisory: str, package: str, *, security: bool, severity: str) -> _Notice:
    name, architecture = _name_and_architecture(package)
    severity = severity.lower() if security and severity.lower() in _SEVERITIES else ""
    return _Notice(advisory=advisory, security=security, severity=severity, name=name, architecture=architecture)


def _name_and_architecture(package: str) -> tuple[str, str]:
    """Of "bind-libs-32:9.11.36-3.el8.x86_64"."""
    stem, dot, architecture = package.rpartition(".")
    name, version, release = stem.rsplit("-", 2)
    if not dot or not name or _EVR.fullmatch(f"{version}-{release}") is None:
        raise ValueError(package)
    return name, architecture


def _update(line: str) -> AvailableUpdate | None:
    words = line.split()
    if len(words) != 3:
        raise ValueError(line)
    name, dot, architecture = words[0].rpartition(".")
    match = _EVR.fullmatch(words[1])
    if not dot or match is None:
        raise ValueError(line)
    epoch, version, release = match.groups()
    candidate = f"{version}-{release}" if epoch in (None, "0") else f"{epoch}:{version}-{release}"
    return AvailableUpdate(
        name=name, architecture=architecture, installed_version="", candidate_version=candidate, origin=words[2]
    )


def _described(update: AvailableUpdate, notices: list[_Notice], *, advisories_exist: bool) -> AvailableUpdate:
    """The update with its advisories. Where no advisory is published at all, nobody says what is security (L18)."""
    security = [notice for notice in notices if notice.security]
    order = ("critical", "important", "moderate", "low", "")
    return AvailableUpdate(
        name=update.name,
        architecture=update.architecture,
        installed_version=update.installed_version,
        candidate_version=update.candidate_version,
        origin=update.origin,
        security=bool(security) if advisories_exist else None,
        advisories=tuple(sorted({notice.advisory for notice in notices})),
        severity=min((notice.severity for notice in security), key=order.index, default=""),
    )


def parser(collector: str) -> Callable[[Section], Facts]:
    """`parse` in one collector's name."""
    return lambda section: parse(collector, section)
