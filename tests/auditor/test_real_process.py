"""The program as a user runs it: its own process, signals, a terminal, servers that misbehave, a real sshd."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from auditor.demo.described import machines
from auditor.demo.recordings import write
from auditor.exits import Exit
from auditor.history.store import Store
from tests.auditor.workbooks import annexes, managers
from tests.lab import bad_servers, sshd
from tests.lab.ports import free_port

_PATIENCE_S = 180
_AUDITOR = (sys.executable, "-m", "auditor")
# What a login does with its terminal: makes it the one whose end the system tells the whole session.
_ON_ITS_OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.fixture(autouse=True)
def hangups_are_heard() -> Iterator[None]:
    """Started under nohup, the tests would have what they start ignore SIGHUP; a handler of ours is not inherited."""
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    (machine,) = [machine for machine in machines() if machine.name == "srv-sauvegarde"]
    return write(machine, tmp_path / "recordings")


def _assessed(output: str) -> dict[str, dict[str, object]]:
    return {machine["target"]["name"]: machine for machine in json.loads(output)["assessment"]["machines"]}


def test_servers_that_misbehave_cost_themselves_and_nobody_else(tmp_path: Path, recording: Path) -> None:
    """Reset, silence, slow drip, endless output, another protocol, refused, filtered: each one machine not audited."""
    behaviors = (
        bad_servers.resets,
        bad_servers.closes_at_once,
        bad_servers.says_nothing,
        bad_servers.drips_its_banner,
        bad_servers.floods_before_its_banner,
        bad_servers.talks_lines_without_end,
        bad_servers.speaks_http,
        bad_servers.turns_to_garbage,
    )
    with ExitStack() as stack:
        ports = [stack.enter_context(bad_servers.serve(behavior)).port for behavior in behaviors]
        ports += [stack.enter_context(bad_servers.unanswered_port()), free_port()]
        hosts = [f"127.0.0.1:{port}" for port in ports]
        done = subprocess.run(
            [*_AUDITOR, "scan", *hosts, f"replay:{recording}", "--user", "nobody", "--deadline", "8", "--json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=_PATIENCE_S,
        )
    assert done.returncode == Exit.INCOMPLETE, done.stderr
    found = _assessed(done.stdout)
    assert found["srv-sauvegarde"]["reached"] is True
    for host in hosts:
        assert found[host]["reached"] is False
        assert f"{host}: not audited: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_host_name_is_one_machine_not_audited(tmp_path: Path) -> None:
    done = subprocess.run(
        [*_AUDITOR, "scan", "surely-not-there.invalid", "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=_PATIENCE_S,
    )
    assert done.returncode == Exit.INCOMPLETE
    assert "surely-not-there.invalid: not audited" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_run_keeps_what_is_already_collected(
    tmp_path: Path, home: Path, recording: Path, number: signal.Signals
) -> None:
    with bad_servers.serve(bad_servers.says_nothing) as silent:
        process = subprocess.Popen(
            [*_AUDITOR, "scan", f"replay:{recording}", f"127.0.0.1:{silent.port}", "-o", "out", "--deadline", "600"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            assert "srv-sauvegarde" in first
            process.send_signal(number)
            if number == signal.SIGHUP:  # from the shell that ends, then from the system: one end of one session
                process.send_signal(number)
            out, err = process.communicate(timeout=_PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == Exit.INTERRUPTED, err
    assert "what was collected so far is kept" in err
    assert (len(managers(tmp_path / "out")), len(annexes(tmp_path / "out"))) == (1, 1)
    assert f"127.0.0.1:{silent.port}" in out, "the machine not reached is named"
    with Store(home / "scans.sqlite") as store:
        run = store.latest()
        assert run.state == "interrupted"
        kept = {snapshot.target.name: snapshot.reached for snapshot in store.snapshots(run.id)}
    assert kept == {"srv-sauvegarde": True, f"127.0.0.1:{silent.port}": False}


def test_a_dropped_ssh_session_costs_nothing_that_was_collected(tmp_path: Path, home: Path, recording: Path) -> None:
    """The terminal goes away, which the system tells by SIGHUP; what would still be said can be said nowhere."""
    with bad_servers.serve(bad_servers.says_nothing) as silent:
        ours, theirs = pty.openpty()
        command = [*_AUDITOR, "scan", f"replay:{recording}", f"127.0.0.1:{silent.port}", "-o", "out"]
        process = subprocess.Popen(
            [sys.executable, "-c", _ON_ITS_OWN_TERMINAL, *command, "--deadline", "600"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=tmp_path,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
            start_new_session=True,
        )
        os.close(theirs)
        try:
            shown = b""
            while b"1/2" not in shown:  # the first machine is stored, the second one is waited for
                shown += os.read(ours, 65536)
            os.close(ours)
            assert process.wait(timeout=_PATIENCE_S) == Exit.INTERRUPTED
        finally:
            process.kill()
    assert (len(managers(tmp_path / "out")), len(annexes(tmp_path / "out"))) == (1, 1)
    with Store(home / "scans.sqlite") as store:
        run = store.latest()
        assert run.state == "interrupted"
        kept = {snapshot.target.name: snapshot.reached for snapshot in store.snapshots(run.id)}
    assert kept == {"srv-sauvegarde": True, f"127.0.0.1:{silent.port}": False}


def test_under_nohup_a_dropped_session_stops_nothing(tmp_path: Path, home: Path, recording: Path) -> None:
    with bad_servers.serve(bad_servers.says_nothing) as silent:
        process = subprocess.Popen(
            [
                *("nohup", *_AUDITOR, "scan", f"replay:{recording}", f"127.0.0.1:{silent.port}"),
                *("-o", "out", "--deadline", "600"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        try:
            assert process.stderr is not None
            assert "srv-sauvegarde" in process.stderr.readline()
            process.send_signal(signal.SIGHUP)
        except BaseException:
            process.kill()
            raise
    try:  # the silent server is gone, which ends the visit that waited for it
        _, err = process.communicate(timeout=_PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == Exit.INCOMPLETE, err
    with Store(home / "scans.sqlite") as store:
        assert store.latest().state == "finished"


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines(tmp_path: Path, recording: Path) -> None:
    ours, theirs = pty.openpty()
    command = [*_AUDITOR, "scan", f"replay:{recording}", "-o", "out"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, cwd=tmp_path, env=environment)
    os.close(theirs)
    shown = _read_terminal(ours, process)
    assert process.wait(timeout=_PATIENCE_S) == Exit.INCOMPLETE
    assert b"0/1" in shown or b"1/1" in shown
    assert b"\x1b[" in shown
    assert b"Coverage" in shown
    piped = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path, env=environment)
    assert b"\x1b[" not in piped.stderr + piped.stdout
    assert b"[1/1] srv-sauvegarde: " in piped.stderr


def _read_terminal(descriptor: int, process: "subprocess.Popen[bytes]") -> bytes:
    shown = b""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        ready, _, _ = select.select([descriptor], [], [], 0.2)
        if ready:
            try:
                piece = os.read(descriptor, 65536)
            except OSError:  # the other end was closed: how Linux tells the end of a terminal
                break
            shown += piece
        elif process.poll() is not None:
            break
    os.close(descriptor)
    return shown


def test_a_reader_that_goes_away_is_no_crash(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m auditor --help | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout.startswith("Usage: auditor")
    assert "Traceback" not in done.stderr


def test_a_terminal_without_accents_still_gets_the_summary(tmp_path: Path) -> None:
    done = subprocess.run(
        [*_AUDITOR, "demo", "-o", "out", "--lang", "fr"],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == Exit.INCOMPLETE, done.stderr
    assert b"Fournil des Terreaux" in done.stdout


def test_a_full_disk_under_the_reports_is_told_by_its_file(tmp_path: Path, recording: Path) -> None:
    """/dev/full behaves as a disk without room; the JSON a program wanted cannot be delivered either."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*_AUDITOR, "scan", f"replay:{recording}", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=tmp_path,
        )
    assert done.returncode == Exit.USAGE
    assert "could not be written to standard output: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.peer
def test_first_visit_to_a_real_sshd_is_refused_then_accepted_then_recorded(tmp_path: Path, home: Path) -> None:
    sshd.require_lab()
    with sshd.lab_directory() as lab, sshd.sshd(lab) as daemon:
        key = sshd.make_key(lab / "operator")
        daemon.authorize(sshd.user("user"), Path(f"{key}.pub"))
        target = f"ssh://{sshd.user('user')}@127.0.0.1:{daemon.port}"
        scan = [*_AUDITOR, "scan", target, "--key", str(key), "--json"]

        def run(*more: str) -> "subprocess.CompletedProcess[str]":
            return subprocess.run(
                [*scan, *more], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=_PATIENCE_S
            )

        refused = run()
        assert refused.returncode == Exit.INCOMPLETE
        assert f"`auditor scan {target} --key {key} --accept-new-host-keys`" in refused.stderr
        accepted = run("--accept-new-host-keys", "--record", "taped")
        (machine,) = _assessed(accepted.stdout).values()
        assert machine["reached"] is True, accepted.stderr
        assert (home / "known_hosts").is_file()
        stranger = run("--key", str(sshd.make_key(lab / "stranger")))
        (again,) = _assessed(stranger.stdout).values()
        assert again["gaps"][0]["reason"] == "denied", "the key accepted once is known now: it came to the login"  # type: ignore[index]
    played = subprocess.run(
        [*_AUDITOR, "scan", "replay:taped", "--json"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    (taped,) = _assessed(played.stdout).values()
    assert taped["package_count"] == machine["package_count"]
    assert taped["target"]["name"] == machine["target"]["name"]


@pytest.mark.peer
def test_a_wrong_password_is_one_machine_denied_and_appears_nowhere(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sshd.require_lab()
    monkeypatch.setenv("AUDIT_PW", "surely-wrong-hunter2")
    with sshd.lab_directory() as lab, sshd.sshd(lab) as daemon:
        done = subprocess.run(
            [
                *(*_AUDITOR, "--debug", "scan", f"ssh://{sshd.user('user')}@127.0.0.1:{daemon.port}"),
                *("--password-from", "env:AUDIT_PW", "--accept-new-host-keys", "--json", "-o", "out"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=_PATIENCE_S,
        )
    (machine,) = _assessed(done.stdout).values()
    assert machine["reached"] is False
    assert machine["gaps"][0]["reason"] == "denied"
    assert "hunter2" not in done.stdout + done.stderr
    for file in (*home.rglob("*"), *(tmp_path / "out").iterdir()):
        assert not file.is_file() or b"hunter2" not in file.read_bytes()


@pytest.mark.peer
def test_login_shells_forced_commands_and_banners_at_once(tmp_path: Path) -> None:
    """fish and csh are audited like any other; where no command can be run, the machine is not audited and says why."""
    sshd.require_lab("fish", "csh")
    with sshd.lab_directory() as lab:
        sshd.make_accounts()
        key = sshd.make_key(lab / "operator")
        (lab / "banner").write_text("\x1b[31mAuthorized users only\n@@A1 0 0\n")
        forced = [f"Match User {sshd.user('limited')}", "  ForceCommand /bin/echo restricted"]
        with sshd.sshd(lab, options={"Banner": str(lab / "banner")}, lines=forced, use_pam=True) as daemon:
            kinds = ("fish", "csh", "nologin", "limited")
            machines_of = ""
            for kind in kinds:
                daemon.authorize(sshd.user(kind), Path(f"{key}.pub"))
                machines_of += f'[[machines]]\nname = "{kind}"\naddress = "localhost-{kind}"\nport = {daemon.port}\n'
                machines_of += f'user = "{sshd.user(kind)}"\n'
            (lab / "ssh_config").write_text("Host localhost-*\n  HostName 127.0.0.1\n")
            client = tmp_path / "client"
            client.mkdir()
            (client / "client.toml").write_text(
                '[client]\nname = "Lab"\n[connection]\ncredential = "main"\n'
                f'[credentials.main]\nkey_file = "{key}"\nssh_config = "{lab / "ssh_config"}"\n{machines_of}'
            )
            done = subprocess.run(
                [*_AUDITOR, "audit", str(client), "--accept-new-host-keys", "--json"],
                capture_output=True,
                text=True,
                check=False,
                cwd=tmp_path,
                timeout=_PATIENCE_S,
            )
    found = _assessed(done.stdout)
    seen = {name for name, machine in found.items() if machine["reached"] is True}
    assert {"nologin", "limited"}.isdisjoint(seen), done.stderr
    assert "forced command or no login shell?" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    # All four names lead to one machine: those that were seen are told as one, under its first name.
    assert len(seen) == 1
    (machine,) = [found[name] for name in seen]
    assert {machine["target"]["name"], *machine["aliases"]} == {"fish", "csh"}  # type: ignore[index, misc]
