"""Opening the history of a provider: 50 clients, 5 years of monthly audits, 30 machines each, in one process.

Opening means what a report or an overview needs of each client's newest run: the trend of twelve months, what is new,
fixed, back again and not re-audited, and since when each finding is open. Against it, on the same files in the same
run, the naive way: unpack every assessment of the history and count. Goal: under one second for all clients.
"""

import argparse
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from auditor.history.background import background_of, figures_of_run
from auditor.history.packing import unpack_assessment
from auditor.history.store import Store
from reports.figures import figures_of
from rules.model import Outcome
from tests.lab.assessments import missing
from tests.lab.histories import years
from tests.lab.snapshots import debian_host

GOAL_S = 1.0
GOAL_RATIO = 10.0
ROUNDS = 5


def make(folder: Path, clients: int, runs: int, machines: int) -> list[Path]:
    """One history as audits leave it, with figures stored, copied for each client."""
    pattern = folder / "pattern.sqlite"
    snapshot = debian_host(packages={f"package-{number}": f"1.{number}-1" for number in range(60)})
    years(pattern, runs=runs, machines=machines, finding=missing, snapshot=snapshot)
    with Store(pattern) as store:
        for run in store.runs():
            figures_of_run(store, run)
    return [Path(shutil.copyfile(pattern, folder / f"client-{number:02d}.sqlite")) for number in range(clients)]


def ours(path: Path) -> tuple[int, int, int]:
    """Months in the trend, findings that came or went, findings with a first day."""
    with Store(path, must_exist=True) as store:
        found = background_of(store, store.latest().id)
    changes = found.changes
    assert changes is not None
    return len(found.trend), len(changes.new) + len(changes.fixed), len(changes.first_seen)


def naive(path: Path) -> tuple[int, int, int]:
    """The same from nothing but the stored assessments."""
    connection = sqlite3.connect(path)
    first: dict[str, object] = {}
    before: set[str] = set()
    now: set[str] = set()
    trend = []
    for run, body in connection.execute("SELECT run_id, body FROM assessments ORDER BY run_id"):
        assessment = unpack_assessment(body)
        before, now = now, {one.fingerprint for one in assessment.findings if one.outcome is Outcome.FAIL}
        first = {one: first.get(one, assessment.as_of) for one in now}
        trend.append(figures_of(assessment, run))
    connection.close()
    return len(trend[-12:]), len(now ^ before), len(first)


def timed(work: Callable[[Path], object], paths: list[Path]) -> float:
    """Seconds of this process over all files: others may keep the machine busy meanwhile."""
    started = time.process_time()
    for path in paths:
        work(path)
    return time.process_time() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--machines", type=int, default=30)
    parser.add_argument("--naive", type=int, default=2, help="how many clients the naive way opens")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        paths = make(Path(name), options.clients, options.runs, options.machines)
        size = sum(path.stat().st_size for path in paths) / 1e6
        found, counted = ours(paths[0]), naive(paths[0])
        assert found == counted, (found, counted)  # both tell the same
        whole = [timed(ours, paths) for _ in range(ROUNDS)]
        started = time.perf_counter()
        timed(ours, paths)
        wall = time.perf_counter() - started
        few = paths[: options.naive]
        ratios = [timed(naive, few) / timed(ours, few) for _ in range(2)]
    years_of = options.runs / 12
    print(f"{options.clients} clients, {years_of:.0f} years, {options.machines} machines, {size:.0f} MB of histories")
    print(f"opened in {median(whole):.2f} s of CPU ({min(whole):.2f} to {max(whole):.2f}), {wall:.2f} s by the clock")
    print(f"{median(ratios):.0f} times as fast as unpacking every assessment ({min(ratios):.0f} to {max(ratios):.0f})")
    reached = median(whole) < GOAL_S and median(ratios) >= GOAL_RATIO
    print(f"goal: under {GOAL_S:.0f} s, and {GOAL_RATIO:.0f} times as fast: {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
