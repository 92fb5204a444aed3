"""The verdict on Windows machines: by build, beside a matcher by KB list over the same estate, in the same run.

Made-up feeds (24 months, 110 flaws a month, eight branches) and machines (builds of the last year, 90 component
servicing packages, 40 hotfixes, 120 lines of history each). Every machine is made afresh and timed alone. The peer
asks of each machine which updates of its product are neither installed nor superseded by one that is; it is what one
would write with a list of KBs, and it takes every gap in the chains of supersedence for a missing patch.

Goal: under 5 ms of CPU per machine. The first machine of each branch pays for compiling what Microsoft says of it:
that is the worst case shown, once per branch and run.
"""

import argparse
import random
import resource
import statistics
import time
from datetime import UTC, date, datetime, timedelta

from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    FeedRecords,
    FeedState,
    FixState,
    PackageKind,
    WindowsBuild,
)
from collectors.model import HostSnapshot, OperatingSystem, Protocol, RebootSignal, RebootState, Target
from collectors.windows.facts import (
    DotNet,
    InstalledUpdate,
    OfferedUpdate,
    ProductType,
    UpdatePolicy,
    UpdateSearch,
    UpdateSource,
    WindowsFacts,
    WindowsSystem,
)
from rules.contract import Contract
from rules.engine import Judge
from rules.knowledge import Knowledge
from rules.matching import Matcher

BRANCHES = (
    (14393, "server"),
    (17763, "server"),
    (20348, "server"),
    (26100, "server"),
    (19045, "client"),
    (22631, "client"),
    (26100, "client"),
    (26200, "client"),
)
MONTHS, FLAWS, GOAL_MS = 24, 110, 5.0
NOW = datetime(2026, 6, 20, tzinfo=UTC)


def revision(month: int, kind: str) -> int:
    return (30_000 if kind == "server" else 5_000) + 150 * month


def kb(branch: int, kind: str, month: int) -> str:
    return f"KB{5_000_000 + BRANCHES.index((branch, kind)) * 1000 + month}"


def feeds() -> FeedRecords:
    advisories, rows, builds = [], [], []
    for month in range(MONTHS):
        day = date(2024, 7, 9) + timedelta(days=30 * month)
        for number in range(FLAWS):
            cve = f"CVE-{2024 + month // 12}-{month:02}{number:04}"
            advisories.append(Advisory(id=cve, feed="msrc", issued_on=day, cves=(cve,)))
            for branch, kind in BRANCHES:
                rows.append(_row(cve, branch, kind, revision(month, kind), kb(branch, kind, month)))
                if kind == "client" and month % 3:  # the hotpatch of the month: a lower build closes the same flaws
                    rows.append(_row(cve, branch, kind, revision(month, kind) - 50, f"KB{5_900_000 + month}"))
        for branch, kind in BRANCHES:
            builds.append(
                WindowsBuild(build=f"{branch}.{revision(month, kind)}", kb=kb(branch, kind, month), released_on=day)
            )
    covers = tuple(f"windows:{branch}-{kind}" for branch, kind in BRANCHES)
    states = tuple(
        FeedState(name=name, title=name, url="", licence="", max_age_days=9, checked_at=NOW, covers=covered)
        for name, covered in (("msrc", covers), ("kev", ()), ("epss", ()), ("endoflife", ()))
    )
    return FeedRecords(feeds=states, advisories=tuple(advisories), affected=tuple(rows), windows_builds=tuple(builds))


def _row(cve: str, branch: int, kind: str, fixed: int, remedy: str) -> AffectedPackage:
    return AffectedPackage(
        advisory=cve,
        release=f"windows:{branch}-{kind}",
        package="windows/x64",
        kind=PackageKind.BINARY,
        state=FixState.FIXED,
        fixed_version=f"10.0.{branch}.{fixed}",
        remedy=remedy,
    )


def machine(number: int) -> HostSnapshot:
    """One machine, every string of its own: nothing is shared with another."""
    chance = random.Random(number)
    branch, kind = BRANCHES[number % len(BRANCHES)]
    month = MONTHS - 1 - chance.choice((0, 0, 0, 1, 1, 2, 3, 11))
    own = revision(month, kind)
    known = [kb(branch, kind, one) for one in range(month + 1)]
    packages = [
        InstalledUpdate(
            source=UpdateSource.CBS,
            state="superseded" if one < 89 else "installed",
            package=f"Package_for_RollupFix~31bf3856ad364e35~amd64~~{branch}.{own - 89 + one}.1.7",
            build=f"{branch}.{own - 89 + one}",
        )
        for one in range(90)
    ]
    hotfixes = [InstalledUpdate(source=UpdateSource.QFE, state="installed", kb=one) for one in known[-40:]]
    tried = [
        InstalledUpdate(source=UpdateSource.HISTORY, state="succeeded", kb=chance.choice(known), title=f"t{one}")
        for one in range(120)
    ]
    offers = (
        OfferedUpdate(
            update_id=str(number),
            revision=1,
            server="default",
            kbs=(kb(branch, kind, MONTHS - 1),),
            categories=("0fa1201d-4330-4fa8-8ae9-b877473b6441",),
        ),
    )
    client = kind == "client"
    facts = WindowsFacts(
        system=WindowsSystem(
            build=branch,
            ubr=own,
            product_type=ProductType.CLIENT if client else ProductType.SERVER,
            edition_id="Professional" if client else "ServerStandard",
        ),
        installed_updates=(*packages, *hotfixes, *tried),
        search=(UpdateSearch(server="default", result_code=2, updates=offers),),
        policy=UpdatePolicy(uses_wsus=False),
        dotnet=DotNet(),
    )
    system = OperatingSystem(
        id="windows",
        version_id=f"10.0.{branch}.{own}",
        variant_id=kind,
        pretty_name="Windows",
        architecture="x64",
        boot_time=NOW - timedelta(days=4),
    )
    signals = tuple(RebootSignal(name=name, required=False) for name in ("component-servicing", "windows-update"))
    return HostSnapshot(
        target=Target(name=f"pc{number:04}", protocol=Protocol.REPLAY),
        taken_at=NOW,
        operating_system=system,
        reboot=RebootState(signals=signals),
        windows=facts,
    )


class KbList:
    """The peer: installed KBs, and who supersedes whom."""

    def __init__(self, records: FeedRecords) -> None:
        self._closing: dict[str, dict[str, list[str]]] = {}
        self._below: dict[str, str] = {}
        for row in records.affected:
            self._closing.setdefault(row.release, {}).setdefault(row.remedy, []).append(row.advisory)
        for branch, kind in BRANCHES:
            for month in range(1, MONTHS):
                self._below[kb(branch, kind, month)] = kb(branch, kind, month - 1)

    def match(self, snapshot: HostSnapshot) -> list[str]:
        assert snapshot.windows is not None
        assert snapshot.operating_system is not None
        done = {one.kb for one in snapshot.windows.installed_updates if one.kb}
        for installed in tuple(done):
            lower = self._below.get(installed)
            while lower is not None and lower not in done:
                done.add(lower)
                lower = self._below.get(lower)
        release = f"windows:{snapshot.windows.system.build}-{snapshot.operating_system.variant_id}"
        lacking = [update for update in self._closing[release] if update not in done]
        return sorted({cve for update in lacking for cve in self._closing[release][update]})


def timed(judge, machines: int) -> tuple[list[float], float]:
    """Milliseconds of CPU per machine, and the seconds of all; machines are made outside the clock."""
    spent = []
    for number in range(machines):
        snapshot = machine(number)
        start = time.process_time()
        judge(snapshot)
        spent.append((time.process_time() - start) * 1000)
    return spent, sum(spent) / 1000


def line(name: str, spent: list[float], cpu: float) -> str:
    ordered = sorted(spent)
    return (
        f"  {name:34} median {statistics.median(spent):7.3f} ms   99th {ordered[int(len(spent) * 0.99)]:7.3f} ms"
        f"   worst {ordered[-1]:7.3f} ms   {cpu:6.2f} s CPU"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    records = feeds()
    knowledge = Knowledge.from_records(records)
    print(f"{options.machines} machines, {len(records.affected)} rows, {options.rounds} rounds in turn")
    ratios = []
    for _ in range(options.rounds):
        ours, cpu = timed(Matcher(knowledge).match, options.machines)
        print(line("ours: verdict by build", ours, cpu))
        peer, theirs = timed(KbList(records).match, options.machines)
        print(line("a matcher by KB list", peer, theirs))
        judged, whole = timed(Judge(knowledge, Contract(client="Bench"), NOW).judge, options.machines)
        print(line("ours: every rule, with its proofs", judged, whole))
        ratios.append(theirs / cpu)
        if statistics.median(ours) > GOAL_MS or statistics.median(judged) > GOAL_MS:
            raise SystemExit(f"over the goal of {GOAL_MS} ms per machine")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  CPU of the KB list / ours: {min(ratios):.1f} .. {max(ratios):.1f}; peak memory {peak:.0f} MB in all")


if __name__ == "__main__":
    main()
