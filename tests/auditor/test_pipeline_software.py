"""The license position and waivers in a run: one machine in memory at a time, those not reached as last known."""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

import pytest

from auditor.conclusion import conclude
from auditor.exits import Exit
from auditor.history.store import Store
from auditor.pipeline import Plan, Result, begin, finish
from auditor.progress import Silent
from auditor.spool import Spool, unseen
from collectors.cloud.facts import TenantSnapshot
from collectors.feeds.cache import FeedStore
from collectors.model import Application, GapReason, HostSnapshot, Protocol, Target
from rules.contract import Contract
from rules.model import Finding, Outcome
from rules.rights import Entitlement, Metric, SoftwareTerms, UnwantedSoftware
from rules.software.position import PositionLine, SoftwareSummary
from rules.waivers import Waiver
from tests.lab.snapshots import debian_host
from tests.lab.tenants import tenant
from tests.lab.windows_snapshots import windows_host

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
WINRAR = Application(name="WinRAR 7.01 (64-bit)", version="7.01.0", scope="machine", publisher="win.rar GmbH")
TEAMVIEWER = Application(name="TeamViewer", version="15.40.8", scope="machine", publisher="TeamViewer")
RIGHT = Entitlement(
    id="L1", product="WinRAR", metric=Metric.DEVICE, quantity=Decimal(1), place="licenses.xlsx, row 2", proof="F-12"
)


def _pc(name: str, *applications: Application, taken_at: datetime = NOW) -> HostSnapshot:
    host = windows_host(name, taken_at=taken_at)
    assert host.operating_system is not None
    identity = uuid5(NAMESPACE_DNS, name).hex
    return replace(
        host,
        applications=applications,
        operating_system=replace(host.operating_system, machine_id=identity, hostname=name),
    )


def _off(name: str) -> HostSnapshot:
    target = Target(name=name, protocol=Protocol.WINRM, address="192.0.2.9")
    made = unseen(target, GapReason.UNREACHABLE, "no answer on port 5986.", NOW)
    assert isinstance(made, HostSnapshot)
    return made


def _run(
    folder: Path,
    *seen: HostSnapshot | TenantSnapshot,
    rights: tuple[Entitlement, ...] | None = (RIGHT,),
    waivers: tuple[Waiver, ...] = (),
    software: SoftwareTerms | None = None,
    partial: bool = False,
) -> Result:
    """A run whose visits are over: what they brought is judged and concluded."""
    contract = Contract(
        client="ACME", entitlements=rights, waivers=waivers, software=software or SoftwareTerms(), language="en"
    )
    targets = tuple(one.target for one in seen)
    plan = Plan(contract=contract, targets=targets, clock=lambda: NOW, partial=partial)
    with Store(folder / "history.sqlite") as store:
        course = begin(plan, store)
        for one in seen:
            course.spool.add(one)
        return finish(course, FeedStore(folder / "feeds"), Silent(), interrupted=False)


def _position(result: Result) -> SoftwareSummary:
    assert result.assessment.software is not None
    return result.assessment.software


def _winrar(result: Result) -> PositionLine:
    (found,) = [one for one in _position(result).lines if one.product == "winrar"]
    return found


def _of(result: Result, rule: str) -> list[Finding]:
    return [found for found in result.assessment.findings if found.rule == rule]


def test_a_run_makes_the_position_of_all_its_machines(tmp_path: Path) -> None:
    result = _run(tmp_path, _pc("pc-01", WINRAR), _pc("pc-02", WINRAR), _pc("pc-03"))
    assert (_position(result).seen, _position(result).known) == (3, 3)
    line = _winrar(result)
    assert (line.installed, line.owned, line.gap, line.devices) == (2, 1, -1, ("pc-01", "pc-02"))
    (short,) = [found for found in _of(result, "software.under_licensed") if found.outcome is Outcome.FAIL]
    assert short.key == line.key
    assert result.assessment.failures == ()
    with Store(tmp_path / "history.sqlite") as store:
        assert store.assessment(result.run).software == result.assessment.software


def test_case_64_a_machine_that_was_not_reached_is_counted_as_it_was_last_seen(tmp_path: Path) -> None:
    before = NOW - timedelta(days=90)
    _run(tmp_path, _pc("pc-01", WINRAR), _pc("pc-02", WINRAR, taken_at=before))
    result = _run(tmp_path, _pc("pc-01", WINRAR), _off("pc-02"))
    line = _winrar(result)
    assert (line.installed, line.old, line.devices) == (2, 1, ("pc-01", "pc-02"))
    assert conclude(result, "never").code is Exit.INCOMPLETE  # it was not audited all the same


def test_case_64_a_machine_never_seen_is_not_counted_and_hides_what_it_holds(tmp_path: Path) -> None:
    result = _run(tmp_path, _pc("pc-01"), _off("pc-02"))
    assert (_position(result).seen, _position(result).known) == (1, 2)
    outcomes = {found.outcome for found in _of(result, "software.under_licensed")}
    assert Outcome.PASS not in outcomes
    assert Outcome.UNKNOWN in outcomes


def test_case_65_a_machine_renamed_since_is_one(tmp_path: Path) -> None:
    _run(tmp_path, _pc("old-name", WINRAR))
    renamed = _pc("new-name", WINRAR)
    earlier = _pc("old-name", WINRAR).operating_system
    assert earlier is not None
    assert renamed.operating_system is not None
    system = replace(renamed.operating_system, machine_id=earlier.machine_id)
    result = _run(tmp_path, replace(renamed, operating_system=system), _off("old-name"))
    assert _winrar(result).installed == 1


def test_a_history_that_cannot_be_read_costs_the_last_known_data_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.errors import HistoryError

    def damaged(*_: object) -> HostSnapshot:
        raise HistoryError("history.sqlite", "damaged.")

    monkeypatch.setattr(Store, "machine_before", damaged)
    assert _position(_run(tmp_path, _pc("pc-01", WINRAR), _off("pc-02"))).seen == 1


def test_a_client_without_a_file_of_rights_keeps_its_exit_code(tmp_path: Path) -> None:
    result = _run(tmp_path, _pc("pc-01", WINRAR), rights=None)
    of_software = [found for found in result.assessment.findings if found.rule.startswith("software.")]
    (told,) = [found for found in of_software if found.outcome is Outcome.UNKNOWN]
    assert (told.rule, told.limited) == ("software.no_entitlement", True)
    assert not [found for found in of_software if found.outcome is Outcome.FAIL]


def test_linux_machines_alone_bring_no_finding_about_rights(tmp_path: Path) -> None:
    result = _run(tmp_path, debian_host(taken_at=NOW), rights=None)
    estate = [found for found in result.assessment.findings if found.rule.startswith("software.") and not found.subject]
    assert estate == []


def test_a_tenant_alone_has_no_position_unless_rights_are_declared(tmp_path: Path) -> None:
    assert _run(tmp_path / "a", tenant(), rights=None).assessment.software is None
    declared = _run(tmp_path / "b", tenant())
    assert _position(declared).known == 0
    assert [found for found in _of(declared, "software.rights_idle") if found.outcome is Outcome.FAIL] == []


def test_a_scan_of_some_machines_makes_no_position(tmp_path: Path) -> None:
    result = _run(tmp_path, _pc("pc-01", WINRAR), partial=True)
    assert result.assessment.software is None
    assert _of(result, "software.under_licensed") == []


def test_unwanted_software_is_told_of_its_machine_also_in_a_scan(tmp_path: Path) -> None:
    terms = SoftwareTerms(unwanted=(UnwantedSoftware(product="teamviewer", reason="règlement"),))
    result = _run(tmp_path, _pc("pc-01", TEAMVIEWER), _pc("pc-02"), software=terms, partial=True)
    found = {one.subject: one.outcome for one in _of(result, "software.unwanted")}
    assert found == {"pc-01": Outcome.FAIL, "pc-02": Outcome.PASS}


def _waiver(rule: str, **changes: object) -> Waiver:
    made = Waiver(id="W1", rule=rule, reason="budget 2027", approved_by="Mme Dubois", until=date(2027, 6, 30))
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_waiver_of_a_deficit_is_attached_printed_and_leaves_the_exit_code_alone(tmp_path: Path) -> None:
    machines = (_pc("pc-01", WINRAR), _pc("pc-02", WINRAR))
    without = _run(tmp_path / "a", *machines)
    (short,) = [one for one in _of(without, "software.under_licensed") if one.outcome is Outcome.FAIL]
    waived = _run(tmp_path / "b", *machines, waivers=(_waiver("software.under_licensed", key="WinRAR"),))
    (same,) = [one for one in _of(waived, "software.under_licensed") if one.outcome is Outcome.FAIL]
    assert same.fingerprint == short.fingerprint
    assert same.waiver is not None
    assert [use.state for use in waived.assessment.waivers] == ["in_force"]


@pytest.mark.parametrize(("until", "holds"), [(NOW.date(), True), (NOW.date() - timedelta(days=1), False)])
def test_boundary_day_a_waiver_holds_to_its_last_day(tmp_path: Path, until: date, holds: bool) -> None:
    terms = SoftwareTerms(unwanted=(UnwantedSoftware(product="teamviewer", reason="règlement"),))
    waiver = _waiver("software.unwanted", subject="pc-01", until=until)
    result = _run(tmp_path, _pc("pc-01", TEAMVIEWER), software=terms, waivers=(waiver,))
    (found,) = _of(result, "software.unwanted")
    assert (found.waiver is not None) is holds
    assert [one.key for one in _of(result, "waiver.ending")] == ["W1"]


def test_a_waiver_about_a_machine_left_out_of_a_scan_is_not_orphaned(tmp_path: Path) -> None:
    waiver = _waiver("software.unwanted", subject="pc-09")
    assert _run(tmp_path / "a", _pc("pc-01"), waivers=(waiver,), partial=True).assessment.waivers[0].state == "in_force"
    assert _run(tmp_path / "b", _pc("pc-01"), waivers=(waiver,)).assessment.waivers[0].state == "orphaned"


def test_one_snapshot_is_in_memory_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand machines must not be kept: only what the position needs of each."""
    alive: list[int] = []
    passed: list[weakref.ref[HostSnapshot]] = []
    original = Spool.__iter__

    def watched(self: Spool) -> Iterator[HostSnapshot]:
        for snapshot in original(self):
            gc.collect()
            alive.append(sum(reference() is not None for reference in passed))
            watched_one = _Watched(snapshot)
            passed.append(weakref.ref(watched_one))
            yield watched_one
            del watched_one, snapshot

    monkeypatch.setattr(Spool, "__iter__", watched)
    _run(tmp_path, *(_pc(f"pc-{number:02d}", WINRAR) for number in range(6)))
    assert len(alive) == 6
    assert max(alive) <= 1


class _Watched(HostSnapshot):
    """A snapshot that can be watched: its own class has no room for weak references."""

    __slots__ = ("__weakref__",)

    def __init__(self, snapshot: HostSnapshot) -> None:
        for name in HostSnapshot.__dataclass_fields__:
            object.__setattr__(self, name, getattr(snapshot, name))


def test_a_name_in_the_clients_file_that_no_machine_bears_is_told(tmp_path: Path) -> None:
    terms = SoftwareTerms(
        primary_users={"pc-1": "jean@acme.example", "pc-01": "eva@acme.example"}, retired=("pc-02x", "gone-for-ever")
    )
    result = _run(tmp_path, _pc("pc-01"), _pc("pc-02"), software=terms)
    told = " ".join(result.warnings)
    assert "'pc-1'" in told
    assert "'pc-02x'" in told
    assert "'pc-01'" not in told
    assert "gone-for-ever" not in told
