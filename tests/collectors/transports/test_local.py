"""This machine: a clean environment, nothing left running."""

import os
import time
from pathlib import Path

import pytest

from collectors.credentials import Credential
from collectors.errors import DeadlineExceeded
from collectors.model import Protocol, Target
from collectors.transports import local
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput
from tests.collectors.transports.conftest import within_patience

HERE = Target(name="here", protocol=Protocol.LOCAL)


def run(script: bytes, *, deadline_s: float = 30.0, **credential: object) -> ScriptOutput:
    output: ScriptOutput = within_patience(
        local.run,
        HERE,
        script,
        credential=Credential(**credential),  # type: ignore[arg-type]
        policy=ConnectionPolicy(),
        deadline=Deadline.after(deadline_s),
    )
    return output


def test_nothing_of_our_environment_but_the_user_goes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "LD_PRELOAD_X", "http_proxy", "ENV", "BASH_ENV"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    names = {line.split(b"=")[0] for line in run(b"env\n").stdout.splitlines()}
    assert names <= {b"HOME", b"USER", b"LOGNAME", b"PATH", b"LANG", b"LC_ALL", b"PWD", b"OLDPWD", b"SHLVL", b"_"}
    assert run(b"echo $LC_ALL $PATH; pwd\n").stdout == b"C /usr/sbin:/usr/bin:/sbin:/bin\n/\n"


def test_at_the_deadline_children_are_killed_too() -> None:
    output = run(b"sleep 300 & echo $!; sleep 300\n", deadline_s=4.0)
    assert output.timed_out
    assert gone(int(output.stdout))


def test_what_a_script_leaves_behind_neither_delays_the_answer_nor_stays() -> None:
    output = run(b"sleep 300 & echo $!; exit 5\n")
    assert output.exit_status == 5
    assert not output.timed_out
    assert gone(int(output.stdout))


def gone(pid: int) -> bool:
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_script_killed_by_a_signal_has_no_status_and_says_so() -> None:
    output = run(b"kill -KILL $$\n")
    assert output.exit_status in (None, 137)  # sh may or may not stay between us and the script


def test_a_passed_deadline_starts_nothing(tmp_path) -> None:
    with pytest.raises(DeadlineExceeded):
        run(f"touch {tmp_path}/started\n".encode(), deadline_s=-1.0)
    assert not (tmp_path / "started").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_is_privileged_without_sudo() -> None:
    assert run(b"id -u\n", sudo="require").privileged
