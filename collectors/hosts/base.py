"""What every source of host facts agrees on: when it applies, what it runs, and how its text becomes facts.

A collector never answers with emptiness: its parse function returns facts, raises `Unreadable`, or returns the facts of
the lines it understood together with a gap that names the first line it did not.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from collectors.model import (
    Application,
    AvailableUpdate,
    FactKind,
    Gap,
    GapReason,
    Kernel,
    LastUpdate,
    OperatingSystem,
    Package,
    PackageLists,
    RebootSignal,
    Repository,
    Subscription,
)

_SHOWN_CHARACTERS = 120
MAX_LINE_CHARACTERS = 8192  # no line we understand is longer; expressions tried on millions would never come to an end
_DENIALS = (
    "permission denied",
    "operation not permitted",
    "must be root",
    "must be run as root",
    "requires root",
    "root privileges",
    "superuser",
    "not allowed to",
    "access denied",
    "are you root",
)
_PASSWORD = re.compile(r"://[^/@\s]*@")
_QUERY = re.compile(r"(://[^\s?\"']*\?)[^\s\"'>)]+")

Item = TypeVar("Item")


class Family(StrEnum):
    """Which package manager rules a host; decided on the host by the script, from os-release and what is installed."""

    DEB = "deb"
    RHEL = "rhel"
    SUSE = "suse"
    RPM = "rpm"
    APK = "apk"
    WINDOWS = "windows"
    UNKNOWN = "unknown"


ALL_FAMILIES = frozenset(Family) - {Family.WINDOWS}
RPM_FAMILIES = frozenset({Family.RHEL, Family.SUSE, Family.RPM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What one collector's command printed. Text is UTF-8; bytes that are not are written in hexadecimal.

    `missing` names the tool whose absence kept the command from running; `skipped` is true where the collector's own
    condition said no. `timed_out` is true when the host stopped the command at its time limit.
    """

    name: str
    stdout: str = ""
    stderr: str = ""
    exit_status: int = 0
    missing: str = ""
    skipped: bool = False
    timed_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Who offers one package, from the package manager's lists: for the installed version, else for its upgrade."""

    origin: str
    candidate_version: str = ""
    candidate_origin: str = ""
    security: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one section tells; `collectors.assembly` puts the sections of a host together.

    `offers` is by "name:architecture". `held_back` are names of packages an update is kept back for. `clock` is the
    host's own time. `kernel_images` are the releases found under /boot and /lib/modules.
    """

    operating_system: OperatingSystem | None = None
    clock: datetime | None = None
    packages: tuple[Package, ...] = ()
    offers: Mapping[str, Offer] = field(default_factory=dict)
    held_back: tuple[str, ...] = ()
    kernels: tuple[Kernel, ...] = ()
    kernel_images: tuple[str, ...] = ()
    livepatch: str = ""
    reboot_signals: tuple[RebootSignal, ...] = ()
    reboot_packages: tuple[str, ...] = ()
    available_updates: tuple[AvailableUpdate, ...] = ()
    package_lists: PackageLists | None = None
    repositories: tuple[Repository, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    applications: tuple[Application, ...] = ()
    last_update: LastUpdate | None = None
    gaps: tuple[Gap, ...] = ()


class Unreadable(Exception):
    """A section's text gives no fact at all; `detail` is one English sentence for a technician."""

    def __init__(self, reason: GapReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCollector:
    """A collector module's `COLLECTOR`.

    `command` is POSIX sh, run by its own `sh -c` with standard input from /dev/null; it must write nothing on the host.
    `parse` turns the section into facts; it is called only for exit statuses in `answers`. `needs` are tools that must
    exist, else the facts are a MISSING gap, or no gap where `optional` says that the tool's absence is an answer.
    `when` is an sh condition of the host on which the collector does not apply at all when it is false (`have TOOL`
    tests for a tool). `slow` sections come after the fast ones, each on its own; `timeout_s` is the limit on the host.
    """

    name: str
    kinds: tuple[FactKind, ...]
    command: str
    parse: Callable[[Section], Facts]
    families: frozenset[Family] = ALL_FAMILIES
    needs: tuple[str, ...] = ()
    when: str = ""
    answers: frozenset[int] = frozenset({0})
    optional: bool = False
    slow: bool = False
    timeout_s: int = 20

    def read(self, section: Section) -> Facts:
        """Facts of a section, or its gaps; never raises for anything a host may print."""
        if section.skipped:
            return Facts()
        try:
            return Facts() if section.missing and self.optional else self.parse(self._answered(section))
        except Unreadable as failure:
            gaps = (self.gap(kind, failure.reason, failure.detail) for kind in self.kinds)
            return Facts(gaps=tuple(gaps))

    def _answered(self, section: Section) -> Section:
        """The section when its command ran to an end that counts as an answer; raises `Unreadable` else."""
        if section.missing:
            raise Unreadable(GapReason.MISSING, f"{section.missing} is not installed")
        if section.timed_out:
            raise Unreadable(GapReason.TIMED_OUT, f"stopped on the host after {self.timeout_s} s")
        if section.exit_status not in self.answers:
            raise _refused(section)
        return section

    def gap(self, kind: FactKind, reason: GapReason, detail: str) -> Gap:
        """One gap in this collector's name."""
        return Gap(kind=kind, collector=self.name, reason=reason, detail=detail)


def _refused(section: Section) -> Unreadable:
    said = first_line(section.stderr) or first_line(section.stdout)
    detail = f"exit status {section.exit_status}" + (f": {said}" if said else "")
    return Unreadable(denied_or(GapReason.FAILED, section.stderr or section.stdout), detail)


def denied_or(reason: GapReason, text: str) -> GapReason:
    """DENIED when the text speaks of a missing right, else `reason`."""
    lowered = text.lower()
    return GapReason.DENIED if any(words in lowered for words in _DENIALS) else reason


def lines_of(text: str) -> list[str]:
    """Lines as the host wrote them; str.splitlines() would also cut at form feeds and the like inside a name."""
    return text.removesuffix("\n").split("\n") if text else []


def first_line(text: str) -> str:
    """First line with something on it, cut to a length fit for a report."""
    line = next((line.strip() for line in lines_of(text) if line.strip()), "")
    return shown(line)


def shown(text: str) -> str:
    """A text made fit to quote: without the secrets of addresses, at most 120 characters, marked when cut."""
    text = text[:MAX_LINE_CHARACTERS]
    text = _QUERY.sub(r"\1…", _PASSWORD.sub("://", text))
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def read_lines(
    name: str, kind: FactKind, lines: Iterable[str], parse: Callable[[str], Item | None]
) -> tuple[tuple[Item, ...], tuple[Gap, ...]]:
    """Read lines one by one. `parse` returns None for a line that is rightly without a fact, ValueError for nonsense.

    Returns the items, and one UNPARSABLE gap that counts the unread lines and quotes the first.
    """
    items: list[Item] = []
    unread: list[str] = []
    total = 0
    for line in lines:
        if not line.strip():
            continue
        total += 1
        try:
            item = parse(_bounded(line))
        except ValueError:
            unread.append(line)
        else:
            if item is not None:
                items.append(item)
    return tuple(items), unread_gap(name, kind, unread, total)


def _bounded(line: str) -> str:
    if len(line) > MAX_LINE_CHARACTERS:
        raise ValueError
    return line


def unread_gap(name: str, kind: FactKind, unread: list[str], total: int) -> tuple[Gap, ...]:
    """One UNPARSABLE gap for lines nobody understood; no gap when there are none."""
    if not unread:
        return ()
    detail = f"{len(unread)} of {total} lines not understood, the first: {shown(unread[0])!r}"
    return (Gap(kind=kind, collector=name, reason=GapReason.UNPARSABLE, detail=detail),)


def json_of(text: str) -> Any:
    """A JSON document; raises ValueError (or RecursionError) for anything else.

    Half of a surrogate pair, which JSON can spell and no file can hold, counts as nonsense: stored with the other facts
    it would end the whole run.
    """
    document = json.loads(text)
    json.dumps(document, ensure_ascii=False).encode()
    return document


def prefixed(text: str) -> dict[str, list[str]]:
    """Lines of the form "key:value" by key, in order; raises `Unreadable` for a line of another form.

    Empty lines are skipped: the commands print one after every file, whose own last line may lack its end.
    """
    found: dict[str, list[str]] = {}
    for line in lines_of(text):
        if not line:
            continue
        key, colon, value = line.partition(":")
        if not colon or not key.replace("_", "").isalnum():
            raise Unreadable(GapReason.UNPARSABLE, f"line not understood: {shown(line)!r}")
        found.setdefault(key, []).append(value)
    return found
