"""Machines that mean harm, and people in between: one of them neither stops the run nor learns or changes anything."""

import hashlib
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from collectors.credentials import Secret
from collectors.errors import ConversationFailed, LoginDenied, NotSupported, UnsafeProtocol
from collectors.model import Target
from collectors.transports import winrm
from collectors.transports.base import Deadline
from collectors.transports.wsman import authentication, http, lockout, sealing, shell
from collectors.transports.wsman import visit as visits
from collectors.transports.wsman.endpoint import Endpoint
from tests.collectors.transports.conftest import PATIENCE_S
from tests.collectors.transports.test_winrm_bad_servers import challenge, knock, says, status
from tests.collectors.transports.test_winrm_housekeeping import settled
from tests.collectors.transports.winrm_client import SCRIPT, powershell, visit
from tests.lab import bad_servers, wsman
from tests.lab.wsman import Account, Answer, Authentication, Fault, HttpError, Operation

SIGN, SEAL, EXTENDED, STRONG = 0x10, 0x20, 0x00080000, 0x20000000
UNICODE_NTLM_INFO = 0x00000001 | 0x00000200 | 0x00800000


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    winrm.close()
    yield
    winrm.close()


# ---- answers that keep a reader busy: the expressions of this package hold all threads while they search


def test_hostile_answers_are_read_in_the_time_of_honest_ones() -> None:
    """Once, 160 kB of blanks kept every thread for a minute, eight megabytes for days."""
    code = (
        "from collectors.transports.wsman import sealing, session\n"
        "parts = b'--Encrypted Boundary\\r\\nContent-Type: x\\r\\nOriginalContent:'\n"
        "for body in (b'--Encrypted Boundary\\r\\nContent-Type:' + b' ' * 1000000, parts + b'Length=1' * 120000):\n"
        "    try: sealing.unseal(None, body + b'--Encrypted Boundary--')\n"
        "    except sealing.Damaged: print('damaged')\n"
        "print(session._RELATES_TO.search(b'RelatesTo' * 110000, 0, session._HEADER_BYTES))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout == "damaged\ndamaged\nNone\n"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", "states the length '9999"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 100, "announces an answer without end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", "more than any answer can be"),
    ],
    ids=["more digits than Python reads", "only interim answers", "a negative chunk"],
)
def test_lengths_and_announcements_without_end_are_told(said: bytes, words: str) -> None:
    with bad_servers.serve(says(said)) as server, pytest.raises(ConversationFailed, match=words):
        knock(server.port)


def test_an_envelope_far_larger_than_asked_for_is_not_even_read() -> None:
    """Parsed, it would take twenty times its size: a hundred such machines would end the run."""
    failures = {Operation.CREATE: HttpError(status=200, body=b"<s>" + b"<a/>" * 500_000 + b"</s>")}
    words = "more than any answer can be"
    with powershell(tls=True, failures=failures) as peer, pytest.raises(ConversationFailed, match=words):
        visit(peer, tls=True)


def test_a_service_that_says_at_once_that_there_is_no_output_is_not_asked_without_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(shell.time, "sleep", lambda seconds: pauses.append(seconds) or threading.Event().wait(seconds))
    failures = {Operation.RECEIVE: Fault(code=2150858793)}
    with powershell(lambda _: Answer(steps=(b"x", 60.0)), failures=failures) as peer:
        assert visit(peer, deadline_s=5).timed_out
        assert pauses, "it was asked again and again"
        assert peer.counters.requests < 100


# ---- logins that protect nothing


@pytest.mark.parametrize(
    "flags",
    [0, SIGN, SEAL, SIGN | SEAL, SIGN | SEAL | EXTENDED, SIGN | SEAL | STRONG, SEAL | EXTENDED | STRONG],
    ids=["nothing", "signed", "sealed", "checksums", "40 bits", "no session security", "unsigned"],
)
def test_a_login_that_agrees_on_weak_protection_is_not_gone_on_with(flags: int) -> None:
    """Someone in between can take out of a challenge what protects the messages; pyspnego takes what it is given."""
    fields = struct.pack("<HHI", 0, 0, 48), struct.pack("<I", UNICODE_NTLM_INFO | flags), b"8bytes!!", bytes(8)
    info = struct.pack("<HHI", 4, 4, 48) + bytes(4)
    token = b"NTLMSSP\0" + struct.pack("<I", 2) + b"".join(fields) + info
    said: list[bytes] = []

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        said.append(connection.recv(65536))
        connection.sendall(challenge(token))
        said.append(connection.recv(65536))
        stop.wait()

    with bad_servers.serve(behave) as server:
        with pytest.raises(UnsafeProtocol, match="no encryption, or a weak one"):
            knock(server.port)
        assert settled(lambda: -len(said), -2)
    assert said[1] == b"", "no answer that the password could be guessed from"


@pytest.mark.parametrize("level", ["0", "1", "2", "9", "high", ""])
def test_the_environment_cannot_bring_back_the_first_version_of_ntlm(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with powershell() as peer:
        monkeypatch.setenv("LM_COMPAT_LEVEL", level)
        with pytest.raises(UnsafeProtocol, match="LM_COMPAT_LEVEL"):
            visit(peer)
        assert peer.counters.requests == 0
        monkeypatch.setenv("LM_COMPAT_LEVEL", "5")
        assert visit(peer).stdout == SCRIPT


def test_without_md5_the_reason_is_ours_and_not_the_machine_s(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise ValueError("[digital envelope routines] unsupported")

    authentication._has_ntlm_ciphers.cache_clear()
    with powershell() as peer:
        with monkeypatch.context() as fips:
            fips.setattr(hashlib, "md5", forbidden)
            with pytest.raises(NotSupported, match="FIPS mode, or no legacy provider"):
                visit(peer)
        authentication._has_ntlm_ciphers.cache_clear()
        assert peer.counters.requests == 0


def test_without_the_legacy_provider_the_reason_is_told() -> None:
    """A cryptography library without RC4, as distributions ship it."""
    code = "from collectors.transports.wsman import authentication\nprint(authentication._has_ntlm_ciphers())\n"
    for without, expected in (("", "True\n"), ("1", "False\n")):
        environment = {"CRYPTOGRAPHY_OPENSSL_NO_LEGACY": without} if without else {}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
        assert done.stdout == expected


def test_a_machine_that_forbids_ntlm_says_so_before_any_password() -> None:
    with (
        bad_servers.serve(says(status("401 Unauthorized", "WWW-Authenticate: Negotiate"))) as server,
        pytest.raises(NotSupported, match="before any password was looked at") as caught,
    ):
        knock(server.port)
    assert "Restrict NTLM" in caught.value.hint


@pytest.mark.parametrize("what", ["user", "password"])
@pytest.mark.parametrize("auth", ["ntlm", "basic", "auto"])
def test_bytes_that_are_no_text_are_not_tried_as_another_password(what: str, auth: str) -> None:
    broken = "caf\udce9"  # Latin-1 of the environment
    given: dict[str, Any] = {"user": broken} if what == "user" else {"password": Secret(broken)}
    with powershell(tls=True) as peer:
        with pytest.raises(LoginDenied, match=rf"the {what} to log in with is no text in UTF-8") as caught:
            visit(peer, tls=True, auth=auth, **given)
        assert "caf" not in str(caught.value)
        assert peer.counters.requests == 0


# ---- a password shown once too often


@pytest.mark.parametrize(("auth", "tls", "logins"), [("ntlm", False, 1), ("basic", True, 2)])
def test_a_login_refused_in_mid_conversation_is_not_repeated_to_tidy_up(auth: str, tls: bool, logins: int) -> None:
    """Locked meanwhile, or the password was changed: one more try would count."""
    enabled = frozenset(Authentication)
    with wsman.serve(runner=wsman.RecordedPowerShell(lambda s: s.encode()), tls=True, authentication=enabled) as peer:
        peer.settings.failures = {Operation.COMMAND: HttpError(status=401)}
        with pytest.raises(LoginDenied):
            visit(peer, tls=tls, auth=auth)
        assert peer.counters.connections == 1
        assert peer.counters.logins == logins  # over Basic, each message is one


@pytest.mark.parametrize("width", [1, 12])
def test_a_wrong_domain_password_over_basic_is_tried_on_two_machines_at_most(width: int) -> None:
    enabled = frozenset({Authentication.BASIC})
    with powershell(tls=True, hosts=12, accounts=(Account(domain="LAB"),), authentication=enabled) as peer:

        def one(machine: wsman.Machine) -> str:
            at = Target(name=machine.address, address=machine.address, port=peer.tls_port, tls=True)
            with pytest.raises(LoginDenied) as caught:
                visit(peer, tls=True, at=at, auth="basic", user="LAB\\audit", password=Secret("wr0ng"))
            return str(caught.value)

        with ThreadPoolExecutor(width) as pool:
            told = list(pool.map(one, peer.machines))
        assert peer.counters.failed_logins == lockout.ATTEMPTS
        assert sum("was not tried" in words for words in told) == 10


def test_over_basic_a_fault_is_the_answer_to_a_password_that_was_right() -> None:
    enabled = frozenset({Authentication.BASIC})
    accounts = (Account(domain="LAB", shell_right=False),)
    with powershell(tls=True, hosts=4, accounts=accounts, authentication=enabled) as peer:
        for machine in peer.machines:
            at = Target(name=machine.address, address=machine.address, port=peer.tls_port, tls=True)
            with pytest.raises(LoginDenied, match="may not open a remote shell"):
                visit(peer, tls=True, at=at, auth="basic", user="LAB\\audit")


# ---- a run that is stopped


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_visit_that_was_still_connecting_when_all_were_ended_does_not_begin(
    tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C the process waits for its visits: one that began only then would hold the terminal for minutes."""
    connecting, stopped = threading.Event(), threading.Event()
    honest = visits.dial

    def slow(*arguments: Any, **settings: Any) -> socket.socket:
        connecting.set()
        stopped.wait(PATIENCE_S)
        return honest(*arguments, **settings)

    monkeypatch.setattr(visits, "dial", slow)
    with powershell(tls=True) as peer, ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(visit, peer, tls=tls)
        assert connecting.wait(PATIENCE_S)
        winrm.close()
        stopped.set()
        with pytest.raises(ConversationFailed, match="the visit was stopped"):
            under_way.result(PATIENCE_S)
        assert peer.counters.logins == 0
        assert visit(peer, tls=tls).stdout == SCRIPT, "the next run is another matter"


def test_a_visit_that_waits_for_the_same_login_elsewhere_is_ended_too() -> None:
    where, password = Endpoint("pc1", 5985, tls=False), Secret("x")

    def wait() -> None:
        with lockout.attempt("c", where, "D\\u", password, Deadline.after(10 * PATIENCE_S)):
            pytest.fail("it was let in")

    with (
        lockout.attempt("a", where, "D\\u", password, Deadline.after(9)),
        lockout.attempt("b", where, "D\\u", password, Deadline.after(9)),
        ThreadPoolExecutor(1) as pool,
    ):
        (account,) = lockout._accounts.values()
        waiting = pool.submit(wait)
        assert settled(lambda: -len(account.change._waiters), -1)  # type: ignore[attr-defined]
        winrm.close()
        with pytest.raises(ConversationFailed, match="the visit was stopped"):
            waiting.result(PATIENCE_S)


# ---- small print


def test_a_name_beyond_ascii_is_asked_for_as_dns_knows_it() -> None:
    assert Endpoint("münchen.example", 5985, tls=False).header == "xn--mnchen-3ya.example:5985"
    assert Endpoint("pc1", 5985, tls=False).header == "pc1:5985"
    assert Endpoint("fe80::1%eth0", 5985, tls=False).header == "[fe80::1]:5985"


def test_a_fault_whose_number_has_a_sign_is_the_same_fault() -> None:
    signed = 2150859173 - (1 << 32)
    failures = {Operation.CREATE: Fault(code=signed)}
    with powershell(failures=failures) as peer, pytest.raises(ConversationFailed, match="MaxShellsPerUser"):
        visit(peer)


def test_a_sealed_answer_keeps_its_head_short() -> None:
    head = b"--Encrypted Boundary\r\n\tContent-Type: x\r\n" + b"\t" * 2000 + b"OriginalContent: Length=1\r\n"
    parts = head + b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
    with pytest.raises(sealing.Damaged, match="its parts are not those"):
        sealing.unseal(None, parts + bytes(8) + b"--Encrypted Boundary--\r\n")


def test_limits_of_an_answer_leave_room_for_what_is_asked_for() -> None:
    asked_for = 153_600
    assert 4 * asked_for < http._BODY_LIMIT_BYTES <= 1024 * 1024
