"""One audit of a client at a time: held against another process, given back when that one dies."""

import signal
import subprocess
import sys

import pytest

from auditor.errors import SettingsError
from auditor.lock import FILE_NAME, sole_run

HOLD = """
import sys
from pathlib import Path
from auditor.lock import sole_run
with sole_run(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        (sys.executable, "-c", HOLD, str(tmp_path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path, holder):
    with (
        pytest.raises(SettingsError, match=rf"audited already \(process {holder.pid}, since 20") as refused,
        sole_run(tmp_path),
    ):
        pytest.fail("both hold it")
    assert "Wait" in refused.value.hint


def test_a_process_that_was_killed_holds_nothing(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with sole_run(tmp_path):
        assert (tmp_path / FILE_NAME).exists()


def test_it_can_be_held_again_after_it_was_given_back(tmp_path):
    for _ in range(2):
        with sole_run(tmp_path):
            pass


def test_without_a_place_for_the_lock_the_audit_runs_all_the_same(tmp_path):
    ran = False
    with sole_run(tmp_path / "gone"):
        ran = True
    assert ran


def test_what_a_link_in_the_place_of_the_lock_leads_to_is_not_written(tmp_path):
    (tmp_path / "precious").write_text("notes")
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "precious")
    with sole_run(tmp_path):
        assert (tmp_path / "precious").read_text() == "notes"
