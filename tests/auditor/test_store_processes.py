"""Killed at any instant nothing stored is lost; several processes at once put nothing in disorder. Real processes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from auditor.history.background import background_of
from auditor.history.store import Store

# Writes runs until it is killed, and says on its output what it has stored, after it has stored it.
_WRITER = """
import sys
from datetime import timedelta
from pathlib import Path
from auditor.history.packing import pack
from auditor.history.retention import purge
from auditor.history.tables import HistorySettings
from auditor.history.background import figures_of_run
from auditor.history.store import Store
from tests.lab.histories import START, assessment, machine, missing, passing
from tests.lab.snapshots import debian_host
from dataclasses import replace

path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
host = debian_host(packages={f"package-{number}": "1.0" for number in range(150)})
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    as_of = START + timedelta(days=number)
    with Store(path) as store:
        run = store.begin(client="Fournil", started_at=as_of, product_version="0.1.0")
        print("begun", run, flush=True)
        for target in (f"{name}-a", f"{name}-b"):
            snapshot = replace(host, target=replace(host.target, name=target))
            store.add(run, snapshot, pack(snapshot))
            print("added", run, target, flush=True)
        found = [missing(f"{name}-a", f"p{package}") for package in range(number % 5)] or [passing(f"{name}-a")]
        summaries = (machine(f"{name}-a"), machine(f"{name}-b"))
        store.conclude(run, assessment(as_of, *found, passing(f"{name}-b"), machines=summaries), interrupted=False)
        print("concluded", run, len(found), flush=True)
        figures_of_run(store, store.run(run))
        if number % 3 == 2:
            purge(store, HistorySettings(keep_months=240, personal_data_months=1), as_of + timedelta(days=40))
"""


def _writer(path: Path, name: str, count: int) -> "subprocess.Popen[str]":
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), name, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _check(path: Path, lines: list[str]) -> None:
    """Everything that was told to be stored is there, whole."""
    if not path.exists():
        assert lines == []
        return
    with Store(path) as store:
        store.database.check()
        states = {run.id: run.state for run in store.runs()}
        for line in lines:
            word, run, *rest = line.split()
            assert int(run) in states
            if word == "added":
                assert store.snapshot(int(run), rest[0]) is not None
            if word == "concluded":
                assert states[int(run)] == "finished"
                assert len(store.assessment(int(run)).findings) == int(rest[0]) + 1
        for number, state in states.items():
            if state == "finished":
                assert background_of(store, number).trend[-1].run == number


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_killed_at_any_instant_nothing_stored_is_lost(tmp_path: Path) -> None:
    """The same file is written, killed and opened again, after any step; what was stored before stays too."""
    path = tmp_path / "history.sqlite"
    chance, told = random.Random(20261123), list[str]()
    for steps in (0, 1, 2, 6, 11, 16):  # a run is told in four lines
        process = _writer(path, "pc", 1000)
        assert process.stdout is not None
        _go(process)
        told += [process.stdout.readline() for _ in range(steps)]
        time.sleep(chance.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        told += [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        _, errors = process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL, errors
        _check(path, told)
    assert any(line.startswith("concluded") for line in told)


def test_two_processes_write_their_runs_into_one_history(tmp_path: Path) -> None:
    """Each run has a number of its own and all it stored; each is compared with its own machines only."""
    path = tmp_path / "history.sqlite"
    processes = [_writer(path, name, 5) for name in ("left", "right")]
    for process in processes:
        _go(process)
    told = []
    for process in processes:
        out, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
        told.append(out.splitlines())
    _check(path, [line for lines in told for line in lines])
    mine = [{int(line.split()[1]) for line in lines} for lines in told]
    assert len(mine[0] | mine[1]) == 10
    with Store(path) as store:
        for runs in mine:
            for run in sorted(runs):
                before = store.run(run).before
                assert before is None or before in runs
