"""Made-up years of a client's history: machines with findings that come, stay and go, month by month."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from auditor.history.packing import pack
from auditor.history.store import Store
from collectors.feeds.records import Severity
from collectors.model import FactKind, Gap, GapReason, HostSnapshot, Target
from rules.messages import Message
from rules.model import Assessment, Finding, MachineSummary, Outcome, PatchState
from tests.lab.snapshots import debian_host

CLIENT = "Fournil"
START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
_PASSING = ("host.coverage", "host.reboot_pending", "system.end_of_support", "package_lists.stale", "patch.overdue")


def missing(
    machine: str, package: str, *, released_on: date | None = None, due_on: date | None = None, installed: str = "1.0"
) -> Finding:
    """A missing fix, as the rule would find it."""
    return Finding(
        rule="patch.missing",
        subject=machine,
        key=package,
        outcome=Outcome.FAIL,
        severity=Severity.HIGH,
        state=PatchState.MISSING,
        message=Message(
            text="rules.patch.missing.fail",
            params={"package": package, "installed_version": installed, "fixed_version": "2.0", "count": 1},
        ),
        released_on=released_on,
        due_on=due_on,
    )


def passing(machine: str, rule: str = "patch.missing") -> Finding:
    """A rule that found nothing on a machine."""
    return Finding(rule=rule, subject=machine, outcome=Outcome.PASS, message=Message(text=f"rules.{rule}.pass"))


def unknown(machine: str, rule: str = "patch.missing") -> Finding:
    """A rule that could not tell."""
    message = Message(text="rules.unknown.not_audited")
    return Finding(rule=rule, subject=machine, outcome=Outcome.UNKNOWN, message=message)


def machine(name: str, *, reached: bool = True, identity: str = "") -> MachineSummary:
    """One machine of an assessment."""
    system = debian_host().operating_system
    gap = Gap(kind=FactKind.HOST, collector="ssh", reason=GapReason.UNREACHABLE, detail="no answer")
    return MachineSummary(
        target=Target(name=name, address=name),
        taken_at=START,
        reached=reached,
        operating_system=replace(system, machine_id=identity) if reached and system is not None else None,
        release="debian:12" if reached else None,
        gaps=() if reached else (gap,),
    )


def assessment(
    as_of: datetime, *findings: Finding, machines: tuple[MachineSummary, ...] = (), **changes: object
) -> Assessment:
    """What a run concludes; without machines, those its findings are about."""
    names = sorted({finding.subject for finding in findings if finding.subject})
    values: dict[str, object] = {
        "client": CLIENT,
        "as_of": as_of,
        "started_at": as_of,
        "finished_at": as_of + timedelta(minutes=2),
        "product_version": "0.1.0",
        "machines": machines or tuple(machine(name) for name in names),
        "findings": findings,
        "feeds": (),
    }
    return Assessment(**(values | changes))  # type: ignore[arg-type]


def keep(store: Store, found: Assessment, *, interrupted: bool = False) -> int:
    """Keep a run as the pipeline does, and give its number."""
    run = store.begin(
        client=found.client, started_at=found.started_at, product_version=found.product_version, demo=found.demo
    )
    for summary in found.machines:
        snapshot = replace(debian_host(), target=summary.target, gaps=summary.gaps, taken_at=found.as_of)
        store.add(run, snapshot, pack(snapshot))
    store.conclude(run, found, interrupted=interrupted)
    return run


def years(
    path: Path,
    *,
    runs: int,
    machines: int,
    snapshot: HostSnapshot,
    finding: Callable[..., Finding] = missing,
    packages: int = 10,
) -> None:
    """Write a history of monthly runs: of every machine's missing fixes, about half are installed each month.

    `finding` makes a missing fix of machine, package, `released_on` and `due_on`; every machine has `snapshot`.
    """
    chance = random.Random(1)
    names = [f"pc-{number:02d}" for number in range(machines)]
    summaries = tuple(machine(name, identity=f"id-{name}") for name in names)
    open_on: dict[str, set[str]] = {name: set() for name in names}
    body = pack(snapshot)
    with Store(path) as store:
        store.database.rows("PRAGMA synchronous = OFF")  # made to be read, in a hurry
        for month in range(runs):
            as_of = START + timedelta(days=30.44 * month)
            released = (as_of - timedelta(days=9)).date()
            found: list[Finding] = []
            for name in names:
                left = {package for package in sorted(open_on[name]) if chance.random() < 0.5}
                new = {f"package-{month}-{number}" for number in range(packages) if chance.random() < 0.7}
                open_on[name] = left | new
                found += [
                    finding(name, package, released_on=released, due_on=released + timedelta(days=14))
                    for package in sorted(open_on[name])
                ]
                found += [passing(name, rule) for rule in _PASSING]
            run = store.begin(client=CLIENT, started_at=as_of, product_version="0.1.0")
            for name in names:
                store.add(run, replace(snapshot, target=replace(snapshot.target, name=name)), body)
            store.conclude(run, assessment(as_of, *found, machines=summaries), interrupted=False)
