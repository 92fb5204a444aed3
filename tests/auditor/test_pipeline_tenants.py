"""Tenants in a run: parallel with machines, stored at once, and nothing of one harms another."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.errors import HistoryError
from auditor.history.store import Store
from auditor.pipeline import Plan, Result, begin, collect, conduct, finish
from auditor.progress import Silent
from auditor.spool import Spool
from collectors.cloud.facts import TenantFact, TenantSnapshot, User
from collectors.feeds.cache import FeedStore
from collectors.model import GapReason, Protocol, Target
from rules.contract import Contract
from rules.model import Outcome
from tests.lab.tenants import sku, tenant

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def _target(name: str) -> Target:
    return Target(name=name, protocol=Protocol.M365, address="contoso.com")


def _seen(target: Target) -> TenantSnapshot:
    return replace(tenant(skus=[sku("SPB", enabled=5, consumed=5)]), target=target)


def _plan(*names: str, visit: Callable[[Target], TenantSnapshot] = _seen, **how: object) -> Plan:
    targets = tuple(_target(name) for name in names)
    values = {"contract": Contract(client="c"), "targets": targets, "visit_tenant": visit, "clock": lambda: NOW, **how}
    return Plan(**values)  # type: ignore[arg-type]


def _run(tmp_path: Path, plan: Plan, progress: Silent | None = None) -> Result:
    with Store(tmp_path / "history.sqlite") as store:
        return conduct(plan, store=store, feeds=FeedStore(tmp_path / "feeds"), progress=progress or Silent())


def _reached(result: Result) -> dict[str, bool]:
    return {one.target.name: one.reached for one in result.assessment.tenants}


def test_tenants_are_visited_at_once_and_beside_machines(tmp_path: Path) -> None:
    """Three tenants and a machine that wait for each other: one after the other they would never end."""
    together = threading.Barrier(3, timeout=120)

    def visit(target: Target) -> TenantSnapshot:
        together.wait()
        return _seen(target)

    plan = _plan("a", "b", "c", visit=visit)
    plan = replace(plan, targets=(*plan.targets, Target(name="here", protocol=Protocol.LOCAL)), width=3)
    result = _run(tmp_path, plan)
    assert _reached(result) == {"a": True, "b": True, "c": True}
    assert [machine.reached for machine in result.assessment.machines] == [True]


def test_a_visit_that_breaks_is_one_tenants_gap(tmp_path: Path) -> None:
    def visit(target: Target) -> TenantSnapshot:
        if target.name == "b":
            raise RuntimeError("a defect")
        return _seen(target)

    result = _run(tmp_path, _plan("a", "b", visit=visit))
    assert _reached(result) == {"a": True, "b": False}
    (gap,) = result.assessment.tenants[1].gaps
    assert (gap.kind, gap.reason) == (TenantFact.TENANT, GapReason.FAILED)
    assert "RuntimeError" in gap.detail


def test_ctrl_c_keeps_the_tenants_seen_and_names_the_others(tmp_path: Path) -> None:
    released = threading.Event()

    def visit(target: Target) -> TenantSnapshot:
        if target.name == "slow":
            released.wait(60)
        return _seen(target)

    class Stops(Silent):
        def visited(self, snapshot: object, *, client: str = "") -> None:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        result = _run(tmp_path, _plan("fast", "slow", visit=visit), Stops())
    finally:
        released.set()
    assert result.interrupted
    assert _reached(result) == {"fast": True, "slow": False}
    slow = result.assessment.tenants[1]
    assert slow.gaps[0].reason is GapReason.INTERRUPTED
    assert "before this tenant" in slow.gaps[0].detail
    with Store(tmp_path / "history.sqlite") as store:
        assert store.latest().state == "interrupted"
        stored = {snapshot.target.name: snapshot.reached for snapshot in store.tenants(1)}
    assert stored == {"fast": True, "slow": False}


def test_a_tenant_is_on_disk_before_the_run_ends(tmp_path: Path) -> None:
    seen: list[bool] = []
    first_stored = threading.Event()

    def visit(target: Target) -> TenantSnapshot:
        if target.name == "later":
            first_stored.wait(30)
        return _seen(target)

    class Looks(Silent):
        def visited(self, snapshot: object, *, client: str = "") -> None:
            with Store(tmp_path / "history.sqlite") as other:
                seen.append(other.tenant(1, "first") is not None)
            first_stored.set()

    _run(tmp_path, _plan("first", "later", visit=visit), Looks())
    assert seen == [True, True]


def test_a_tenant_whose_facts_cannot_be_stored_costs_itself_and_not_the_run(tmp_path: Path) -> None:
    def visit(target: Target) -> TenantSnapshot:
        odd = User(id="1", upn="\ud800") if target.name == "odd" else User(id="1", upn="a@b")
        return replace(_seen(target), users=(odd,))

    assert _reached(_run(tmp_path, _plan("fine", "odd", visit=visit))) == {"fine": True, "odd": False}


def test_a_history_without_room_keeps_tenants_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Store, *_: object) -> None:
        raise HistoryError("history.sqlite", "its disk is full.")

    with Store(tmp_path / "history.sqlite") as store:
        spool = Spool(store, store.begin(client="c", started_at=NOW, product_version="0"))
        spool.add(_seen(_target("a")))
        monkeypatch.setattr(Store, "add", full)
        spool.add(_seen(_target("b")))
        assert [snapshot.target.name for snapshot in spool.tenants()] == ["a", "b"]
        assert list(spool) == []
        assert "its disk is full" in spool.problem


def test_a_run_before_that_cannot_be_read_costs_the_comparison_only(tmp_path: Path) -> None:
    _run(tmp_path, _plan("a"))
    with Store(tmp_path / "history.sqlite") as store:
        store.database.connection.execute("UPDATE snapshots SET body = x'00'")
    assert _reached(_run(tmp_path, _plan("a"))) == {"a": True}


@pytest.mark.parametrize(
    ("partial", "outcome", "limited"), [(False, Outcome.NOT_APPLICABLE, False), (True, Outcome.UNKNOWN, True)]
)
def test_case_10_server_licenses_of_a_client_without_machines_ask_for_nothing(
    tmp_path: Path, partial: bool, outcome: Outcome, limited: bool
) -> None:
    """A part of what the client has says nothing of its servers; the whole of a client without machines does."""

    def visit(target: Target) -> TenantSnapshot:
        return replace(tenant(skus=[sku("MDATP_Server", enabled=30, consumed=0)]), target=target)

    result = _run(tmp_path, _plan("a", visit=visit, partial=partial))
    (found,) = [one for one in result.assessment.findings if one.rule == "m365.device_licenses"]
    assert (found.outcome, found.limited) == (outcome, limited)


def test_the_names_of_products_are_asked_of_the_feeds_only_where_there_are_tenants(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        spool = Spool(store, store.begin(client="c", started_at=NOW, product_version="0"))
        assert "m365" not in spool.needed
        spool.add(_seen(_target("a")))
    assert "m365" in spool.needed


def test_a_recorded_tenant_is_a_tenant_whatever_its_protocol(tmp_path: Path) -> None:
    target = Target(name="taped", protocol=Protocol.REPLAY, address=str(tmp_path / "absent.m365"))
    result = _run(tmp_path, replace(_plan(), targets=(target,), visit_tenant=None))
    assert _reached(result) == {"taped": False}
    assert result.assessment.machines == ()


def test_several_clients_share_the_visits_and_nothing_else(tmp_path: Path) -> None:
    together = threading.Barrier(2, timeout=120)

    def visit(target: Target) -> TenantSnapshot:
        together.wait()
        return _seen(target)

    plans = [_plan("cloud", visit=visit, contract=Contract(client=name)) for name in ("one", "two")]
    feeds = FeedStore(tmp_path / "feeds")
    with Store(tmp_path / "1.sqlite") as first, Store(tmp_path / "2.sqlite") as second:
        courses = [begin(plan, store) for plan, store in zip(plans, (first, second), strict=True)]
        assert not collect(courses, feeds, Silent())
        results = [finish(course, feeds, Silent(), interrupted=False) for course in courses]
    assert [result.assessment.client for result in results] == ["one", "two"]
    assert [_reached(result) for result in results] == [{"cloud": True}] * 2


def test_a_stop_ends_the_visits_of_all_clients_and_the_result_of_none(tmp_path: Path) -> None:
    released = threading.Event()

    def visit(target: Target) -> TenantSnapshot:
        if target.name == "slow":
            released.wait(60)
        return _seen(target)

    class Stops(Silent):
        def visited(self, snapshot: object, *, client: str = "") -> None:
            os.kill(os.getpid(), signal.SIGINT)

    first = _plan("fast", visit=visit, contract=Contract(client="one"))
    second = _plan("slow", visit=visit, contract=Contract(client="two"))
    feeds = FeedStore(tmp_path / "feeds")
    try:
        with Store(tmp_path / "1.sqlite") as one, Store(tmp_path / "2.sqlite") as two:
            courses = [begin(first, one), begin(second, two)]
            assert collect(courses, feeds, Stops())
            results = [finish(course, feeds, Silent(), interrupted=True) for course in courses]
    finally:
        released.set()
    assert [_reached(result) for result in results] == [{"fast": True}, {"slow": False}]
