"""The verdict on .NET Framework: a cumulative update of its own beside that of Windows (W9).

Nothing on the machine tells its patch level as plainly as a build does, so that the verdict is careful: a roll-up of
component servicing that is new enough, or the trace of this update or a later one, means patched; that Windows Update
offers it means missing; everything else is a doubt, never a missing patch.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from collectors.feeds.records import Advisory, FixState
from collectors.model import HostSnapshot
from collectors.windows.facts import DotNet
from rules.knowledge import Knowledge
from rules.model import PatchState
from rules.verdicts import PatchVerdict, ProductLine
from rules.windows.builds import RunningBuild, numbers
from rules.windows.doubts import WindowsDoubt
from rules.windows.offers import offered_kbs
from rules.windows.opened import Opened, Product, doubt_about, verdict_on
from rules.windows.system import SystemUpdates
from rules.windows.traces import Traces

# The least Release value of each version.
# Source: https://learn.microsoft.com/dotnet/framework/install/how-to-determine-which-versions-are-installed
_RELEASES = (
    (533320, "4.8.1"),
    (528040, "4.8"),
    (461808, "4.7.2"),
    (461308, "4.7.1"),
    (460798, "4.7"),
    (394802, "4.6.2"),
    (394254, "4.6.1"),
    (393295, "4.6"),
    (379893, "4.5.2"),
)
_OLDEST_WITH_REVISION = 1000  # "4.8.9344.0" and "4.8.1.9344" both hold their revision in a part this large


def version_of(dotnet: DotNet | None) -> str:
    """Version of .NET Framework 4 by its Release value, "3.5" where only that is installed, "" for none."""
    if dotnet is None:
        return ""
    release = dotnet.framework_release
    if release is not None:
        return next((version for least, version in _RELEASES if release >= least), "")
    return "3.5" if dotnet.framework_35 else ""


def packages_of(snapshot: HostSnapshot, architecture: str) -> tuple[str, ...]:
    """The names under which feeds speak of this machine's .NET Framework, the decisive one first."""
    dotnet = None if snapshot.windows is None else snapshot.windows.dotnet
    versions = [version_of(dotnet)]
    if dotnet is not None and dotnet.framework_35:
        versions.append("3.5")
    return tuple(f"dotnet-framework:{version}/{architecture}" for version in dict.fromkeys(versions) if version)


class _Way(NamedTuple):
    """One way to close an advisory: an update, the roll-up revision it brings (None: not told) and its day."""

    kb: str
    revision: int | None
    released: date | None


class _Answer(NamedTuple):
    """What a machine tells of its .NET Framework: all that decides, so that equal machines share a verdict."""

    own: int
    kbs: frozenset[str]
    offered: frozenset[str]
    rollup: int
    waiting: int


class FrameworkUpdates:
    """What Microsoft has fixed in the .NET Framework of one Windows."""

    def __init__(self, knowledge: Knowledge, build: RunningBuild, packages: tuple[str, ...], system: SystemUpdates):
        self._version = packages[0].partition(":")[2].partition("/")[0]
        self._system = system
        self._ways: dict[str, tuple[Advisory, tuple[_Way, ...]]] = {}
        for package in packages:  # 3.5 speaks only where the newer version is silent: one update holds both
            for identity, (advisory, ways) in _ways(knowledge, build.release, package).items():
                self._ways.setdefault(identity, (advisory, ways))
        self._released = _first_days(self._ways.values())
        self._made: dict[_Answer, tuple[PatchVerdict, ...]] = {}

    def verdicts(self, build: RunningBuild, snapshot: HostSnapshot, traces: Traces) -> tuple[PatchVerdict, ...]:
        """Judge one host."""
        known = frozenset(self._released)
        rollups = [rollup for rollup in traces.dotnet_rollups() if self._speaks_of(rollup.revision)]
        answer = _Answer(
            own=build.revision,
            kbs=traces.kbs & known,
            offered=offered_kbs(snapshot) & known,
            rollup=max((rollup.revision for rollup in rollups if not rollup.waiting), default=0),
            waiting=max((rollup.revision for rollup in rollups if rollup.waiting), default=0),
        )
        made = self._made.get(answer)
        if made is None:
            made = self._made[answer] = tuple(self._judge(answer))
        return made

    def _judge(self, answer: _Answer) -> Iterable[PatchVerdict]:
        latest = max((day for kb in answer.kbs if (day := self._released[kb]) is not None), default=None)
        groups: defaultdict[PatchState, list[Opened]] = defaultdict(list)
        for advisory, ways in self._ways.values():
            state = self._state(ways, answer, latest)
            if state is not PatchState.NONE:
                way = next((way for way in ways if way.kb in answer.offered), ways[0])
                fixed = "" if way.revision is None else f"{self._version} ({way.revision})"
                groups[state].append(Opened(advisory, fixed, way.kb))
        installed = f"{self._version} ({answer.rollup})" if answer.rollup else self._version
        product = Product(ProductLine.DOTNET_FRAMEWORK, ".NET Framework", installed)
        for state in (PatchState.MISSING, PatchState.REBOOT_PENDING):
            if groups[state]:
                yield verdict_on(product, groups[state], state, remedy=self._newest(groups[state]))
        if groups[PatchState.UNKNOWN]:
            yield doubt_about(product, WindowsDoubt.DOTNET_FRAMEWORK, groups[PatchState.UNKNOWN])

    def _newest(self, opened: Iterable[Opened]) -> str:
        return max(opened, key=lambda one: self._released.get(one.remedy) or date.min).remedy

    def _state(self, ways: tuple[_Way, ...], answer: _Answer, latest: date | None) -> PatchState:
        if any(self._is_closed(way, answer, latest) for way in ways):
            return PatchState.NONE
        if any(way.revision is not None and answer.waiting >= way.revision for way in ways):
            return PatchState.REBOOT_PENDING
        # Part of the cumulative update of Windows (Server 2016): its build then decides, both ways.
        if all(self._system.revision_of(way.kb) is not None for way in ways):
            return PatchState.MISSING
        return PatchState.MISSING if self._is_offered(ways, answer) else PatchState.UNKNOWN

    def _is_closed(self, way: _Way, answer: _Answer, latest: date | None) -> bool:
        if way.kb in answer.kbs or (way.revision is not None and answer.rollup >= way.revision):
            return True
        revision = self._system.revision_of(way.kb)
        if revision is not None and answer.own >= revision:
            return True
        return latest is not None and way.released is not None and latest >= way.released

    def _is_offered(self, ways: tuple[_Way, ...], answer: _Answer) -> bool:
        """Whether Windows Update offers the fix itself, or a later update that holds it."""
        days = [day for kb in answer.offered if (day := self._released[kb]) is not None]
        latest = max(days, default=None)
        later = latest is not None and any(way.released is not None and latest >= way.released for way in ways)
        return later or any(way.kb in answer.offered for way in ways)

    def _speaks_of(self, revision: int) -> bool:
        """Whether a roll-up is of this version: those of 4.8.1 count from 9000, all earlier ones stay below."""
        return (revision >= 9000) is (self._version == "4.8.1")


def _ways(knowledge: Knowledge, release: str, package: str) -> dict[str, tuple[Advisory, tuple[_Way, ...]]]:
    """The ways to close each advisory about one version of .NET Framework."""
    found: defaultdict[str, list[_Way]] = defaultdict(list)
    for row in knowledge.affected.get((release, package), ()):
        advisory = knowledge.advisories.get(row.advisory)
        if advisory is not None and advisory.security and row.state is FixState.FIXED and row.remedy:
            found[row.advisory].append(_Way(row.remedy, _revision(row.fixed_version), advisory.issued_on))
    return {identity: (knowledge.advisories[identity], tuple(ways)) for identity, ways in found.items()}


def _first_days(found: Iterable[tuple[Advisory, tuple[_Way, ...]]]) -> dict[str, date | None]:
    """The day each update first appeared."""
    days: dict[str, date | None] = {}
    for _, ways in found:
        for way in ways:
            known = days.get(way.kb)
            days[way.kb] = way.released if known is None else min(known, way.released or known)
    return days


def _revision(fixed_version: str) -> int | None:
    """The part of a fixed version that roll-ups count by; None for anything but version 4."""
    parts = numbers(fixed_version)
    if parts[:1] != (4,):
        return None
    return next((part for part in parts[2:] if part >= _OLDEST_WITH_REVISION), None)
