"""What a thousand visits over WinRM must not leave behind: shells, threads, open files, secrets, libraries."""

import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import types
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from collectors.credentials import Credential, Secret
from collectors.errors import HostError, LoginDenied
from collectors.model import Target
from collectors.transports import winrm
from collectors.transports.base import ConnectionPolicy, Deadline
from collectors.transports.wsman import authentication, connection, shell
from collectors.transports.wsman.connection import Connection
from collectors.transports.wsman.endpoint import Endpoint
from tests.collectors.transports.conftest import PATIENCE_S
from tests.collectors.transports.winrm_client import SCRIPT, powershell, target, visit
from tests.lab import bad_servers, wsman
from tests.lab.wsman import Account, Answer, Authentication, CertificateKind


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  the listing itself is one of them


def settled(count: object, at_most: int) -> bool:
    for _ in range(300):
        if count() <= at_most:  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


def test_visits_leave_neither_threads_nor_open_files_nor_shells() -> None:
    with powershell(tls=True, authentication=frozenset(Authentication)) as peer:

        def round_of_visits() -> None:
            for tls in (False, True):
                visit(peer, tls=tls)
                visit(peer, tls=tls, policy=ConnectionPolicy(output_limit_bytes=3, ca_file=peer.ca_file))
                with pytest.raises(LoginDenied):
                    visit(peer, tls=tls, password=Secret("wr0ng"))
                peer.settings.failures = {wsman.Operation.RECEIVE: wsman.Drop()}
                visit(peer, tls=tls)
                peer.settings.failures = {}
            with pytest.raises(HostError):
                visit(peer, tls=True, policy=ConnectionPolicy())
            with bad_servers.serve(bad_servers.speaks_http) as server, pytest.raises(HostError):
                visit(peer, at=target(peer, port=server.port))

        round_of_visits()
        gc.collect()
        threads, files = threading.active_count(), open_files()
        gc.disable()  # what is let go must be gone by itself
        try:
            for _ in range(3):
                round_of_visits()
            assert settled(threading.active_count, threads), [thread.name for thread in threading.enumerate()]
            assert settled(open_files, files)
        finally:
            gc.enable()
        assert not connection._open


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_closing_the_transport_ends_visits_under_way_and_their_shells(tls: bool) -> None:
    with powershell(lambda _: Answer(steps=(b"begun", 60.0)), tls=True) as peer, ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(
            winrm.run,
            target(peer, tls=tls),
            b"1",
            credential=Credential(user="audit", password=Secret(wsman.PASSWORD)),
            policy=ConnectionPolicy(ca_file=peer.ca_file),
            deadline=Deadline.after(2 * PATIENCE_S),
        )
        assert settled(lambda: -peer.counters.receives, -1)
        winrm.close()
        output = under_way.result(PATIENCE_S)
        assert output.truncated
        assert output.notes == ("the visit was stopped during the run of the script.",)
        assert settled(lambda: peer.open_shells, 0)


def test_closing_while_other_visits_connect_is_no_error() -> None:
    stop = threading.Event()

    def connect() -> None:
        while not stop.is_set():
            ours, theirs = socket.socketpair()
            with theirs:
                ours.setsockopt = lambda *_: None  # type: ignore[method-assign]
                one = Connection("pc1", ours, limit=Deadline.after(9), host_deadline=Deadline.after(9))
                one.close()
                one.close()

    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            pool.submit(connect)
        for _ in range(300):
            winrm.close()
        stop.set()


def test_closing_while_a_thread_still_imports_the_transport_s_parts_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "collectors.transports.wsman.authentication"
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))  # in the table, nothing in it yet
    winrm.close()


def test_an_interruption_deletes_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with powershell() as peer:
        monkeypatch.setattr(shell.Shell, "hear", interrupted)
        with pytest.raises(KeyboardInterrupt):
            winrm.run(
                target(peer),
                SCRIPT,
                credential=Credential(user="audit", password=Secret(wsman.PASSWORD)),
                policy=ConnectionPolicy(),
                deadline=Deadline.after(20),
            )
        assert peer.open_shells == 0
        assert peer.counters.deletes == 1


def test_a_shell_that_cannot_be_deleted_ends_with_its_idle_timeout() -> None:
    failures = {wsman.Operation.DELETE: wsman.Fault(code=995)}
    with wsman.serve(runner=wsman.RecordedPowerShell(lambda s: s.encode()), failures=failures) as peer:
        assert visit(peer, deadline_s=30).stdout == SCRIPT
        (left,) = peer.machine.shells.values()
        assert 180 <= left.idle_s <= 30 + 180


def test_errors_are_raised_and_not_also_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO), powershell(tls=True, certificate=CertificateKind.SELF_SIGNED) as peer:
        with pytest.raises(HostError):
            visit(peer, tls=True)
        with pytest.raises(LoginDenied):
            visit(peer, password=Secret("wr0ng"))
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_no_secret_is_logged_however_much_is(auth: str, caplog: pytest.LogCaptureFixture) -> None:
    password = "Geheim-é€-1!"
    accounts = (Account(password=password),)
    with (
        caplog.at_level(logging.DEBUG),
        powershell(tls=True, accounts=accounts, authentication=frozenset(Authentication)) as peer,
    ):
        visit(peer, tls=True, auth=auth, password=Secret(password))
        with pytest.raises(LoginDenied):
            visit(peer, tls=True, auth=auth, password=Secret(password + "x"))
    assert any("pc1: visiting" in record.getMessage() for record in caplog.records)
    assert "Geheim" not in caplog.text
    assert "TlRMTVNTUAAD" not in caplog.text, "an NTLM answer lets its reader guess at the password"
    assert "R2VoZWlt" not in caplog.text


def test_no_secret_is_shown_by_what_carries_it() -> None:
    where = Endpoint("pc1", 5986, tls=True)
    for auth in ("basic", "ntlm"):
        credential = Credential(user="audit", password=Secret("Geheim-1!"), auth=auth)
        way = authentication.way("pc1", where, "audit", credential, Deadline.after(9))
        assert "Geheim" not in repr(way)
        assert "YXVkaXQ6R2VoZWlt" not in repr(way)


def test_a_password_is_hashed_once_for_all_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    import spnego

    winrm.close()
    hashed: list[object] = []
    honest = spnego.Password

    class Counted(honest):  # type: ignore[valid-type, misc]
        def __init__(self, *arguments: object, **settings: object) -> None:
            hashed.append(1)
            super().__init__(*arguments, **settings)

    with powershell(hosts=5) as peer:
        monkeypatch.setattr(spnego, "Password", Counted)
        with ThreadPoolExecutor(5) as pool:
            list(
                pool.map(
                    lambda one: visit(peer, at=Target(name="x", address=one.address, port=peer.port, tls=False)),
                    peer.machines,
                )
            )
    assert len(hashed) == 1
    winrm.close()
    assert not authentication._seeds


def test_pywinrm_s_own_transport_is_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes the process's filters of warnings each time, and reads proxies and CA files from the environment."""
    from winrm.transport import Transport

    def made(*_: object, **__: object) -> None:
        raise AssertionError("pywinrm's transport was made")

    monkeypatch.setattr(Transport, "__init__", made)
    filters = list(warnings.filters)
    with powershell() as peer:
        assert visit(peer).stdout == SCRIPT
    assert warnings.filters == filters


def test_finding_the_transports_loads_nothing_heavy() -> None:
    code = (
        "import sys; from collectors.transports import discover; discover()['winrm'].close(); "
        "print([one for one in ('winrm', 'spnego', 'requests', 'cryptography', 'gssapi', 'ssl') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_pywinrm_still_has_the_verbs_ours_stands_on() -> None:
    for name in ("open_shell", "run_command", "send_command_input", "get_command_output_raw", "close_shell"):
        assert callable(getattr(shell.Verbs, name))
