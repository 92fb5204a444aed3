"""Work that a run may drop when it ends."""

import subprocess
import sys
import threading
from concurrent.futures import CancelledError, wait

import pytest

from auditor.workers import Droppable


def test_results_and_errors_come_back() -> None:
    pool = Droppable(3, "test")
    futures = [pool.submit(lambda number: 6 // number, number) for number in (1, 2, 0)]
    wait(futures)
    assert [future.result() for future in futures[:2]] == [6, 3]
    with pytest.raises(ZeroDivisionError):
        futures[2].result()
    pool.shutdown()


def test_what_is_not_begun_can_be_cancelled_and_the_rest_is_waited_for() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        go_on.wait(30)
        return "done"

    pool = Droppable(1, "test")
    running, waiting = pool.submit(slow), pool.submit(slow)
    begun.wait(30)
    pool.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(CancelledError):
        waiting.result()
    go_on.set()
    assert running.result(30) == "done"
    pool.shutdown()


def test_a_process_ends_without_waiting_for_what_it_dropped() -> None:
    """A tenant that makes us wait ten minutes must not keep the terminal that long after Ctrl-C."""
    code = (
        "import time\nfrom auditor.workers import Droppable\n"
        "pool = Droppable(1, 'test')\npool.submit(time.sleep, 600)\npool.shutdown(wait=False, cancel_futures=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
