"""What a thousand visits must not leave behind: threads, open files, noise, libraries loaded for nothing."""

import contextlib
import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor

import paramiko
import pytest

from collectors.credentials import Credential, Secret
from collectors.errors import DeadlineExceeded, HostError, LoginDenied
from collectors.model import Protocol, Target
from collectors.transports import local, ssh
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput
from collectors.transports.secure_shell.sockets import GuardedSocket
from tests.collectors.transports.conftest import PATIENCE_S, Lab
from tests.lab import bad_servers
from tests.lab.sshd import PASSWORD, make_key


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  the listing itself is one of them


def settled(count: object, at_most: int) -> bool:
    for _ in range(300):
        if count() <= at_most:  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


@pytest.mark.peer
def test_visits_leave_neither_threads_nor_open_files(lab: Lab) -> None:
    daemon, policy = lab.daemon(), lab.policy(lab.daemon())
    unknown = ConnectionPolicy(known_hosts=())
    stranger = make_key(lab.directory / "stranger")

    def round_of_visits() -> None:
        for way in ({}, {"password": Secret(PASSWORD)}, {"sudo": "try"}):
            lab.visit(daemon, policy=policy, **way)
            with pytest.raises(HostError):
                lab.visit(daemon, policy=unknown, **way)
            with contextlib.suppress(DeadlineExceeded):  # where the machine is slow it passes during the login already
                lab.visit(daemon, b"sleep 9\n", policy=policy, deadline_s=0.7, **way)
        with pytest.raises(LoginDenied):
            lab.visit(daemon, policy=policy, key_file=stranger)
        with bad_servers.serve(bad_servers.speaks_http) as server, pytest.raises(HostError):
            lab.visit(daemon, policy=policy, target=lab.target(daemon, port=server.port))

    round_of_visits()
    gc.collect()
    threads, files = threading.active_count(), open_files()
    gc.disable()  # what is let go must be gone by itself
    try:
        for _ in range(2):
            round_of_visits()
        assert settled(threading.active_count, threads), [thread.name for thread in threading.enumerate()]
        assert settled(open_files, files)
    finally:
        gc.enable()


@pytest.mark.peer
def test_errors_are_raised_and_not_also_logged(
    lab: Lab, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        with bad_servers.serve(bad_servers.turns_to_garbage) as server, pytest.raises(HostError):
            lab.visit(lab.daemon(), target=lab.target(lab.daemon(), port=server.port))
        with pytest.raises(HostError):
            lab.visit(lab.daemon(), policy=lab.policy())
        with pytest.raises(LoginDenied):
            lab.visit(lab.daemon(), password=Secret("wr0ng"))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.peer
def test_no_secret_is_logged_however_much_is(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    key = lab.directory / "protected"
    if not key.exists():
        make_key(key, passphrase="Phrase-1!")
    with caplog.at_level(logging.DEBUG):
        lab.visit(lab.daemon(), kind="sudopw", password=Secret(PASSWORD), sudo="try", sudo_password=Secret(PASSWORD))
        with pytest.raises(LoginDenied):
            lab.visit(lab.daemon(), key_file=key, passphrase=Secret("Phrase-1!"))
    assert any("srv1: visiting" in record.getMessage() for record in caplog.records)
    assert PASSWORD not in caplog.text
    assert "Phrase-1!" not in caplog.text


@pytest.mark.peer
@pytest.mark.parametrize("way", [{}, {"password": Secret(PASSWORD)}], ids=["fast", "ordinary"])
def test_closing_the_transport_ends_visits_under_way(lab: Lab, way: dict[str, Secret]) -> None:
    credential = Credential(**({"key_file": lab.key} | way))  # type: ignore[arg-type]
    daemon, policy = lab.daemon(), lab.policy(lab.daemon())
    with ThreadPoolExecutor(1) as pool:
        visit = pool.submit(
            ssh.run,
            lab.target(daemon),
            b"echo begun; sleep 50\n",
            credential=credential,
            policy=policy,
            deadline=Deadline.after(2 * PATIENCE_S),
        )
        while not visit.done():
            time.sleep(0.3)
            ssh.close()
        try:
            assert visit.result().truncated
        except HostError as error:
            assert "stopped" in str(error)  # noqa: PT017  either end is right, depending on the moment


def test_closing_the_local_transport_ends_what_runs_here() -> None:
    with ThreadPoolExecutor(1) as pool:
        visit = pool.submit(
            local.run,
            Target(name="here", protocol=Protocol.LOCAL),
            b"echo begun; sleep 50\n",
            credential=Credential(),
            policy=ConnectionPolicy(),
            deadline=Deadline.after(2 * PATIENCE_S),
        )
        while not visit.done():
            time.sleep(0.2)
            local.close()
        assert isinstance(visit.result(), ScriptOutput)


def test_closing_while_a_thread_still_imports_the_transport_s_parts_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "collectors.transports.secure_shell.jumps"
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))  # in the table, nothing in it yet
    ssh.close()


def test_closing_while_other_visits_connect_is_no_error() -> None:
    stop = threading.Event()

    def connect() -> None:
        while not stop.is_set():
            ours, theirs = socket.socketpair()
            GuardedSocket(ours, Deadline.after(9), limit_bytes=99, tcp=False).close()
            theirs.close()

    with ThreadPoolExecutor(2) as pool:
        visits = [pool.submit(connect) for _ in range(2)]
        try:
            for _ in range(300):
                ssh.close()
        finally:
            stop.set()
        assert [visit.result() for visit in visits] == [None, None]


def test_a_descriptor_is_not_given_back_while_a_thread_waits_on_it() -> None:
    """Its number would go to the next connection, and the thread would wait for that one, which nobody wakes."""
    ours, theirs = socket.socketpair()
    reading, events = threading.Event(), list[str]()

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(ours, name)

        def setsockopt(self, *_: object) -> None:
            """A socket pair is no TCP connection."""

        def recv(self, size: int) -> bytes:
            reading.set()
            data = ours.recv(size)
            events.append("left")
            return data

        def close(self) -> None:
            events.append("closed")
            ours.close()

    guarded = GuardedSocket(Slow(), Deadline.after(PATIENCE_S), limit_bytes=99)
    with theirs, ThreadPoolExecutor(1) as pool:
        reader = pool.submit(guarded.recv, 1)
        reading.wait()
        guarded.close()
        assert reader.result() == b""
    assert events == ["left", "closed"]
    with pytest.raises(OSError, match="closed on our side"):
        guarded.recv(1)


def test_finding_the_transports_does_not_load_paramiko() -> None:
    code = "import sys; from collectors.transports import discover; discover(); print('paramiko' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    "name",
    [
        "_parse_newkeys",
        "_parse_kex_init",
        "_really_parse_kex_init",
        "_verify_key",
        "_check_banner",
        "_filter_algorithm",
        "_send_message",
        "_auth_trigger",
        "_parse_disconnect",
        "run",
    ],
)
def test_paramiko_still_has_the_inner_parts_the_fast_way_stands_on(name: str) -> None:
    assert callable(getattr(paramiko.Transport, name))
