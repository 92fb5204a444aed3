"""A run: everything named is in the result, one machine in memory at a time, and a stop loses nothing collected."""

import gc
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auditor import visits
from auditor.demo.company import AS_OF, Demonstration, prepare
from auditor.demo.described import machines
from auditor.demo.recordings import write
from auditor.errors import HistoryFull
from auditor.history.packing import pack
from auditor.history.store import Store
from auditor.pipeline import Plan, Result, conduct
from auditor.progress import Silent
from auditor.selection import Unvisitable
from auditor.spool import Spool
from collectors import transports
from collectors.credentials import Credential, Secret
from collectors.feeds.cache import FeedStore
from collectors.model import Application, GapReason, HostSnapshot, Protocol, Target
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput, Transport
from collectors.transports.replay import read_recording
from rules.contract import Contract
from tests.lab import bad_servers
from tests.lab.snapshots import debian_host

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def demonstration(tmp_path: Path) -> Demonstration:
    """The machines of the demonstration; tenants in a run are tests/auditor/test_pipeline_tenants.py."""
    whole = prepare(tmp_path / "demo", "en")
    machines = tuple(target for target in whole.plan.targets if target.protocol is not Protocol.M365)
    return replace(whole, plan=replace(whole.plan, targets=machines))


def _run(demonstration: Demonstration, plan: Plan) -> Result:
    with Store(demonstration.history) as store:
        return conduct(plan, store=store, feeds=FeedStore(demonstration.feeds_folder), progress=Silent())


def _host(name: str, number: int) -> HostSnapshot:
    """A machine of its own: another machine-id."""
    host = debian_host()
    assert host.operating_system is not None
    system = replace(host.operating_system, machine_id=f"{number:032x}")
    return replace(host, target=Target(name=name), operating_system=system)


def _states(result: Result) -> dict[str, bool]:
    return {machine.target.name: machine.reached for machine in result.assessment.machines}


def test_two_runs_over_the_same_machines_conclude_the_same(demonstration: Demonstration) -> None:
    """Machines finish in any order; what is concluded does not depend on it."""
    wide = _run(demonstration, replace(demonstration.plan, width=16))
    narrow = _run(demonstration, replace(demonstration.plan, width=1))
    assert wide.assessment == narrow.assessment


def test_a_machine_nobody_can_visit_is_in_the_result(demonstration: Demonstration) -> None:
    named = Unvisitable(target=Target(name="win1"), reason="WinRM is not supported by this version.")
    result = _run(demonstration, replace(demonstration.plan, unvisitable=(named,)))
    assert _states(result)["win1"] is False
    (machine,) = [machine for machine in result.assessment.machines if machine.target.name == "win1"]
    assert machine.gaps[0].reason is GapReason.UNSUPPORTED


def test_a_run_without_any_machine_concludes_that_it_saw_none(demonstration: Demonstration) -> None:
    result = _run(demonstration, replace(demonstration.plan, targets=(), unvisitable=()))
    assert result.assessment.machines == ()


def test_recordings_are_dated_by_the_day_they_were_made(demonstration: Demonstration) -> None:
    plan = replace(demonstration.plan, clock=lambda: NOW, as_of=AS_OF)
    result = _run(demonstration, plan)
    assert {machine.taken_at.date() for machine in result.assessment.machines if machine.reached} == {AS_OF.date()}


class _StopsAfter(Silent):
    """An operator who presses Ctrl-C the moment the first machine is shown."""

    def visited(self, snapshot: object, *, client: str = "") -> None:
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_keeps_the_machine_being_stored_and_names_the_others(demonstration: Demonstration) -> None:
    with bad_servers.serve(bad_servers.says_nothing) as silent:
        slow = Target(name="slow", address="127.0.0.1", port=silent.port)
        first = demonstration.plan.targets[0]
        plan = replace(
            demonstration.plan,
            targets=(first, slow),
            unvisitable=(),
            credentials={"": Credential(user="nobody", password=Secret("x"))},
            policy=ConnectionPolicy(host_deadline_s=600, connect_timeout_s=600),
        )
        with Store(demonstration.history) as store:
            result = conduct(plan, store=store, feeds=FeedStore(demonstration.feeds_folder), progress=_StopsAfter())
            assert store.latest().state == "interrupted"
    assert result.interrupted
    assert _states(result) == {first.name: True, "slow": False}
    (missed,) = [machine for machine in result.assessment.machines if machine.target.name == "slow"]
    assert missed.gaps[0].reason is GapReason.INTERRUPTED


def test_ctrl_c_also_keeps_machines_that_finished_while_one_was_being_stored(demonstration: Demonstration) -> None:
    """Their visits are over; only their turn to be stored had not come yet."""

    class StopsLate(_StopsAfter):
        stopped = False

        def visited(self, snapshot: object, *, client: str = "") -> None:
            if not self.stopped:
                self.stopped = True
                assert len(handed_over) == len(demonstration.plan.targets)
                assert not wait(handed_over, timeout=120).not_done
                super().visited(snapshot)

    handed_over: list[Future[Any]] = []

    class Watched(ThreadPoolExecutor):
        def submit(self, *work: Any, **how: Any) -> Future[Any]:
            handed_over.append(super().submit(*work, **how))
            return handed_over[-1]

    plan = replace(demonstration.plan, width=16, unvisitable=())
    with pytest.MonkeyPatch.context() as patch, Store(demonstration.history) as store:
        patch.setattr(visits, "ThreadPoolExecutor", Watched)
        result = conduct(plan, store=store, feeds=FeedStore(demonstration.feeds_folder), progress=StopsLate())
    assert result.interrupted
    interrupted = [
        machine.target.name
        for machine in result.assessment.machines
        if any(gap.reason is GapReason.INTERRUPTED for gap in machine.gaps)
    ]
    assert interrupted == []


def test_transports_are_closed_after_a_stop_too(demonstration: Demonstration) -> None:
    closed: list[str] = []
    replayed = transports.discover()[Protocol.REPLAY]

    def broken() -> None:
        closed.append("broken")
        raise RuntimeError("half of it is not there yet")

    available = {
        Protocol.SSH: replace(replayed, close=broken),
        Protocol.REPLAY: replace(replayed, close=lambda: closed.append("replay")),
    }
    plan = replace(demonstration.plan, width=1, unvisitable=())
    with pytest.MonkeyPatch.context() as patch, Store(demonstration.history) as store:
        patch.setattr(transports, "discover", lambda: available)
        result = conduct(plan, store=store, feeds=FeedStore(demonstration.feeds_folder), progress=_StopsAfter())
    assert result.interrupted
    assert closed == ["broken", "replay"]


def test_signals_are_given_back_after_the_visits(demonstration: Demonstration) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    _run(demonstration, demonstration.plan)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_run_outside_the_main_thread_leaves_signals_alone(demonstration: Demonstration) -> None:
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(_run(demonstration, demonstration.plan)))
    thread.start()
    thread.join()
    plan = demonstration.plan  # one machine has two names
    assert len(results[0].assessment.machines) == len(plan.targets) + len(plan.unvisitable) - 1


def test_a_history_without_room_keeps_machines_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Store, *_: object) -> None:
        raise HistoryFull("history.sqlite", "its disk is full.")

    snapshots = {name: _host(name, number) for number, name in enumerate(("a", "b"))}
    with Store(tmp_path / "history.sqlite") as store:
        spool = Spool(store, store.begin(client="c", started_at=NOW, product_version="0"))
        spool.add(snapshots["a"])
        monkeypatch.setattr(Store, "add", full)
        spool.add(snapshots["b"])
        assert {snapshot.target.name for snapshot in spool} == {"a", "b"}
        assert "its disk is full" in spool.problem


def test_a_machine_whose_facts_cannot_be_stored_costs_itself_and_not_the_run(tmp_path: Path) -> None:
    odd = replace(_host("odd", 1), applications=(Application(name="\ud800", version="1", scope="snap"),))
    with Store(tmp_path / "history.sqlite") as store:
        spool = Spool(store, store.begin(client="c", started_at=NOW, product_version="0"))
        spool.add(odd)
        spool.add(_host("b", 2))
        assert {snapshot.target.name: snapshot.reached for snapshot in spool} == {"odd": False, "b": True}


def test_one_snapshot_is_in_memory_at_a_time(tmp_path: Path) -> None:
    def alive() -> int:
        gc.collect()
        return sum(isinstance(thing, HostSnapshot) for thing in gc.get_objects())

    with Store(tmp_path / "history.sqlite") as store:
        spool = Spool(store, store.begin(client="c", started_at=NOW, product_version="0"))
        for number in range(20):
            spool.add(_host(f"h{number}", number))
        before = alive()
        walk: Iterator[HostSnapshot] = iter(spool)
        next(walk)
        next(walk)
        assert alive() - before <= 2


def test_packages_wanted_from_the_feeds_are_gathered_while_visiting(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        spool = Spool(store, store.begin(client="c", started_at=NOW, product_version="0"))
        spool.add(debian_host(packages={"openssl": "3.0.15-1~deb12u1"}))
    assert "openssl" in spool.needed["debian:12"]


@pytest.fixture
def quick_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local machine that answers at once, with what one of the demonstration's said."""
    (machine,) = [machine for machine in machines() if machine.name == "srv-sauvegarde"]
    said = read_recording(write(machine, tmp_path / "demo")).output
    local = Transport(protocol=Protocol.LOCAL, run=lambda *_, **__: said)
    monkeypatch.setattr("collectors.transports.discover", lambda: {Protocol.LOCAL: local})
    nonce = said.stdout.split()[1].decode()  # an answer bears the number of the question it was made for
    monkeypatch.setattr("collectors.scan.new_nonce", lambda: nonce)


@pytest.mark.usefixtures("quick_local")
def test_a_recording_of_a_run_is_written_for_each_machine_visited(tmp_path: Path) -> None:
    plan = Plan(
        contract=Contract(client="c"),
        targets=(Target(name="here", protocol=Protocol.LOCAL),),
        record_into=tmp_path / "taped",
    )
    with Store(tmp_path / "history.sqlite") as store:
        conduct(plan, store=store, feeds=FeedStore(tmp_path / "feeds"), progress=Silent())
    assert [file.name for file in (tmp_path / "taped").iterdir()] == ["here.rec"]


@pytest.mark.usefixtures("quick_local")
def test_a_recording_that_cannot_be_written_is_told_and_the_machine_is_audited(tmp_path: Path) -> None:
    class Listens(Silent):
        def __init__(self) -> None:
            self.said: list[str] = []

        def note(self, text: str) -> None:
            self.said.append(text)

    progress, taped = Listens(), tmp_path / "taped"
    here = Target(name="x" * 300, protocol=Protocol.LOCAL)
    plan = Plan(contract=Contract(client="c"), targets=(here,), record_into=taped)
    with Store(tmp_path / "history.sqlite") as store:
        result = conduct(plan, store=store, feeds=FeedStore(tmp_path / "feeds"), progress=progress)
    assert list(_states(result).values()) == [True]
    assert [note for note in progress.said if "could not be recorded" in note]


def test_pack_gives_less_than_a_tenth_of_the_snapshot(tmp_path: Path) -> None:
    packages = {f"package-{number}": f"1.{number}-1" for number in range(500)}
    assert len(pack(debian_host(packages=packages))) < 15_000


def test_W31_what_a_machine_said_that_runs_no_powershell_is_what_is_recorded(tmp_path: Path) -> None:
    """Its PowerShell said nothing of use; a replay of that would be a machine nobody could read."""

    def silent(*_: object, **__: object) -> ScriptOutput:
        return ScriptOutput(stdout=b"", stderr=b"blocked", exit_status=1)

    def registry(*_: object, **__: object) -> ScriptOutput:
        return ScriptOutput(stdout=b"@@A1-REG 1\r\n", exit_status=0)

    target = Target(name="pc", protocol=Protocol.WINRM)
    transport = Transport(protocol=Protocol.WINRM, run=silent, run_command=registry)
    recorded = visits.recording({Protocol.WINRM: transport}, tmp_path, [])[Protocol.WINRM]
    rest = {"credential": Credential(), "policy": ConnectionPolicy(), "deadline": Deadline.after(5)}
    recorded.run(target, b"", **rest)  # type: ignore[arg-type]
    assert recorded.run_command is not None
    recorded.run_command(target, b"", **rest)  # type: ignore[arg-type]
    (file,) = tmp_path.iterdir()
    assert read_recording(file).output.stdout == b"@@A1-REG 1\r\n"
