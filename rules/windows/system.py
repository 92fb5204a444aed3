"""The verdict on Windows itself: what Microsoft fixed, against the build that runs (W1-W8).

A flaw is open iff the running revision is below the lowest fixed one of the machine's own branch. The lowest, because
a hotpatch and the cumulative update of its month are both listed, and either suffices (W6). What is to be installed is
the newest cumulative update listed with a flaw that is still open: one line per machine, whatever its number of flaws.

Where Microsoft names no build of the branch (M2), the update's KB decides: its build where another row or the build
table knows it, else its own trace on the machine, else whether the running build is of that month or later. What is
left is told as a doubt: a fix is never called missing for want of a number.
"""

import logging
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from collectors.feeds.records import Advisory, AffectedPackage, FixState
from collectors.model import HostSnapshot
from rules.knowledge import Knowledge
from rules.model import PatchState
from rules.verdicts import Fix, PatchVerdict, ProductLine
from rules.windows.builds import RunningBuild, revision_in
from rules.windows.doubts import WindowsDoubt
from rules.windows.traces import Traces

_log = logging.getLogger(__name__)

_SERVICING_STACK = "servicing stack"
_HOTPATCH = "hotpatch"
_OTHER_TRACK = "security only"  # closes the same flaws and raises no build that could be compared (M4)


def package_of(architecture: str) -> str:
    """The name under which feeds speak of Windows itself."""
    return f"windows/{architecture}"


def is_servicing_stack(row: AffectedPackage) -> bool:
    """Whether a row is about the servicing stack: part of the cumulative update, or only its condition (W8)."""
    return _SERVICING_STACK in row.remedy_kind.casefold()


class _Need(NamedTuple):
    """One advisory: the lowest revision that closes it, the newest one listed with it, and updates that also do."""

    revision: int
    advisory: Advisory
    newest: int
    kb: str
    substitutes: frozenset[str]


class _Loose(NamedTuple):
    """An advisory without any build of this branch; one of the updates named closes it."""

    advisory: Advisory
    kbs: frozenset[str]


_NONE: frozenset[str] = frozenset()


class _Ways:
    """What the rows of one advisory say, while they are read."""

    __slots__ = ("kb", "lowest", "newest", "others")

    def __init__(self) -> None:
        self.lowest: int | None = None
        self.newest = -1
        self.kb = ""
        self.others: list[str] = []

    def add(self, revision: int | None, kb: str) -> None:
        """Take in one row: the revision that closes the advisory, or the KB alone."""
        if revision is None:
            if kb:
                self.others.append(kb)
            return
        if self.lowest is None or revision < self.lowest:
            self.lowest = revision
        if revision > self.newest:
            self.newest, self.kb = revision, kb


class SystemUpdates:
    """Everything Microsoft has fixed in one branch of Windows, for one architecture. Hosts of one build share verdicts.

    `covered` tells whether there is anything to judge by: without rows nothing is known about the branch.
    """

    def __init__(self, knowledge: Knowledge, build: RunningBuild) -> None:
        self._branch = build.branch
        self._name = build.name
        self._announced = bool(knowledge.advisory_feeds(build.release))
        rows = [
            row
            for row in knowledge.affected.get((build.release, package_of(build.architecture)), ())
            if row.state is FixState.FIXED and not is_servicing_stack(row)
        ]
        self.covered = bool(rows)
        self._revision_of = _revisions_by_kb(rows, knowledge, build.branch)
        self._needs, self._loose = self._compile(rows, knowledge)
        self._revisions = [need.revision for need in self._needs]
        self._dates = _dates(self._needs, knowledge, build.branch)
        self._kb_of = {revision: kb for kb, revision in self._revision_of.items()}
        self._wanted = frozenset().union(
            *(need.substitutes for need in self._needs), *(loose.kbs for loose in self._loose)
        )
        self._made: dict[tuple[int, int | None, frozenset[str], bool], tuple[PatchVerdict, ...]] = {}

    def verdicts(self, build: RunningBuild, traces: Traces, snapshot: HostSnapshot) -> tuple[PatchVerdict, ...]:
        """Judge one host; at most one verdict each for what is missing, waits for a restart, and is in doubt."""
        identity = (build.revision, self._waiting(build, traces, snapshot), self._wanted & traces.kbs, traces.unread)
        made = self._made.get(identity)
        if made is None:
            made = self._made[identity] = tuple(self._judge(*identity[:3], unread=traces.unread))
        return made

    def revision_of(self, kb: str) -> int | None:
        """The revision an update brings this branch to, None for an update that is none of its cumulative ones."""
        return self._revision_of.get(kb)

    def _waiting(self, build: RunningBuild, traces: Traces, snapshot: HostSnapshot) -> int | None:
        """The revision that a restart would bring (W4), None when none would.

        Component servicing says so; else any record of an update newer than the running build, installed since the
        machine was last started, together with Windows' own word that a restart is owed (W3).
        """
        found = traces.waiting_revision(build.branch)
        if found is not None and found > build.revision:
            return found
        system = snapshot.operating_system
        if not traces.restart_owed or system is None or system.boot_time is None:
            return None
        booted_on = system.boot_time.date()
        since = {
            update.kb
            for update in traces.updates
            if update.kb in traces.kbs and update.installed_on is not None and update.installed_on >= booted_on
        }
        newer = (revision for kb in since if (revision := self._revision_of.get(kb, 0)) > build.revision)
        return max(newer, default=None)

    def _judge(self, own: int, waiting: int | None, kbs: frozenset[str], *, unread: bool) -> Iterator[PatchVerdict]:
        if not self.covered:
            if self._announced:  # of another architecture only, or of nothing but .NET Framework
                yield self._doubt(own, WindowsDoubt.NOT_COVERED, ())
            return
        missing: list[_Need] = []
        pending: list[_Need] = []
        hidden: list[_Loose] = []
        for need in self._needs[bisect_right(self._revisions, own) :]:
            if not need.substitutes.isdisjoint(kbs):
                continue
            if waiting is not None and need.revision <= waiting:
                pending.append(need)
            elif need.substitutes and unread:
                hidden.append(_Loose(need.advisory, need.substitutes | {need.kb}))
            else:
                missing.append(need)
        if missing:
            best = max(missing, key=lambda need: need.newest)
            yield self._verdict(own, PatchState.MISSING, missing, best.newest, best.kb)
        if pending and waiting is not None:
            yield self._verdict(own, PatchState.REBOOT_PENDING, pending, waiting, self._kb_of.get(waiting, ""))
        if hidden:
            yield self._doubt(own, WindowsDoubt.TRACES, hidden)
        doubtful = [loose for loose in self._loose if loose.kbs.isdisjoint(kbs) and not self._is_as_new(own, loose)]
        if doubtful:
            yield self._doubt(own, WindowsDoubt.BUILD, doubtful)

    def _doubt(self, own: int, reason: WindowsDoubt, doubtful: Sequence[_Loose]) -> PatchVerdict:
        return PatchVerdict(
            package=self._name,
            packages=(),
            installed_version=f"{self._branch}.{own}",
            fixed_version="",
            state=PatchState.UNKNOWN,
            advisories=tuple(loose.advisory for loose in doubtful),
            reason=reason,
            remedy=", ".join(sorted({kb for loose in doubtful for kb in loose.kbs})),
            line=ProductLine.WINDOWS,
            fixes=tuple(Fix("", ", ".join(sorted(loose.kbs))) for loose in doubtful),
        )

    def _verdict(self, own: int, state: PatchState, needs: list[_Need], revision: int, kb: str) -> PatchVerdict:
        ordered = sorted(needs, key=lambda need: (need.advisory.issued_on or date.max, need.advisory.id))
        return PatchVerdict(
            package=self._name,
            packages=(),
            installed_version=f"{self._branch}.{own}",
            fixed_version=f"{self._branch}.{revision}",
            state=state,
            advisories=tuple(need.advisory for need in ordered),
            remedy=kb,
            remedy_on=self._dates.get(revision),
            line=ProductLine.WINDOWS,
            fixes=tuple(Fix(f"{self._branch}.{need.newest}", need.kb) for need in ordered),
        )

    def _is_as_new(self, own: int, loose: _Loose) -> bool:
        """Whether the running build came out with the fix or after it; cumulative updates hold all earlier ones."""
        released = max((day for revision, day in self._dates.items() if revision <= own), default=None)
        return released is not None and loose.advisory.issued_on is not None and released >= loose.advisory.issued_on

    def _compile(self, rows: Iterable[AffectedPackage], knowledge: Knowledge) -> tuple[list[_Need], tuple[_Loose, ...]]:
        revisions: dict[tuple[str, str, str], int | None] = {}  # few updates stand in thousands of rows
        found: dict[str, _Ways] = {}
        for row in rows:
            identity = (row.fixed_version, row.remedy, row.remedy_kind)
            if identity not in revisions:
                revisions[identity] = self._revision(row)
            ways = found.get(row.advisory)
            if ways is None:
                ways = found[row.advisory] = _Ways()
            ways.add(revisions[identity], row.remedy)
        needs: list[_Need] = []
        loose: list[_Loose] = []
        for identity_of, ways in found.items():
            advisory = knowledge.advisories.get(identity_of)
            if advisory is None or not advisory.security:
                continue
            others = frozenset(ways.others) if ways.others else _NONE
            if ways.lowest is not None:
                needs.append(_Need(ways.lowest, advisory, ways.newest, ways.kb, others))
            elif others:
                loose.append(_Loose(advisory, others))
        if loose:
            _log.info("%s: %d advisories name no build of this branch; their KB decides", self._name, len(loose))
        needs.sort(key=lambda need: (need.revision, need.advisory.id))
        loose.sort(key=lambda one: (one.advisory.issued_on or date.max, one.advisory.id))
        return needs, tuple(loose)

    def _revision(self, row: AffectedPackage) -> int | None:
        if _OTHER_TRACK in row.remedy_kind.casefold():
            return None
        found = revision_in(row.fixed_version, self._branch)
        if found is None or _HOTPATCH in row.remedy_kind.casefold():  # a slip there would hide the lower build (W6)
            return self._revision_of.get(row.remedy, found)
        return found


def _revisions_by_kb(rows: Iterable[AffectedPackage], knowledge: Knowledge, branch: int) -> dict[str, int]:
    """The revision each update brings the branch to: as the build table says, else as most rows say."""
    told: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        revision = revision_in(row.fixed_version, branch)
        if revision is not None and row.remedy:
            told[row.remedy][revision] += 1
    found = {kb: votes.most_common(1)[0][0] for kb, votes in told.items()}
    for build in knowledge.windows_builds.values():
        revision = revision_in(build.build, branch)
        if revision is not None and build.kb:
            found[build.kb] = revision
    return found


def _dates(needs: Iterable[_Need], knowledge: Knowledge, branch: int) -> dict[int, date]:
    """When each revision was released: as the build table says, else as most of its advisories say."""
    told: defaultdict[int, Counter[date]] = defaultdict(Counter)
    for need in needs:
        if need.advisory.issued_on is not None:
            told[need.newest][need.advisory.issued_on] += 1
    found = {revision: votes.most_common(1)[0][0] for revision, votes in told.items()}
    for build in knowledge.windows_builds.values():
        revision = revision_in(build.build, branch)
        if revision is not None and build.released_on is not None:
            found[revision] = build.released_on
    return found
