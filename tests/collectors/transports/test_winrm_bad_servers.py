"""Services that refuse, lie, flood or break: each ends in a clear error or a partial answer, never in a hang."""

import base64
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from collectors.credentials import Credential, Secret
from collectors.errors import ConversationFailed, DeadlineExceeded, HostError, LoginDenied, NotSupported
from collectors.model import Target
from collectors.transports import winrm
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput
from collectors.transports.wsman import faults
from tests.collectors.transports.conftest import within_patience
from tests.collectors.transports.winrm_client import SCRIPT, Later, powershell, visit
from tests.lab import bad_servers, wsman
from tests.lab.wsman import Answer, Fault, HttpError, Operation

Behavior = Callable[[socket.socket, threading.Event], None]


def knock(port: int, *, deadline_s: float = 40.0, **policy: float) -> ScriptOutput:
    settings = ConnectionPolicy(**{"connect_timeout_s": 15.0} | policy)  # type: ignore[arg-type]
    output: ScriptOutput = within_patience(
        winrm.run,
        Target(name="pc1", address="127.0.0.1", port=port, tls=False),
        b"1",
        credential=Credential(user="audit", password=Secret("x"), auth="ntlm"),
        policy=settings,
        deadline=Deadline.after(deadline_s),
    )
    return output


def says(*answers: bytes) -> Behavior:
    """Reads a request, sends an answer, and so on; then waits."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        for answer in answers:
            connection.recv(65536)
            connection.sendall(answer)
        stop.wait()

    return behave


def hangs_up_after(answer: bytes) -> Behavior:
    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        connection.close()

    return behave


def status(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {line}", f"Content-Length: {len(body)}", *headers, "", "")).encode() + body


def challenge(token: bytes) -> bytes:
    return status("401 Unauthorized", f"WWW-Authenticate: Negotiate {base64.b64encode(token).decode()}")


def drips_headers(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not stop.wait(0.05):
        connection.sendall(b"X-More: y\r\n")


def floods_headers(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not stop.is_set():
        connection.sendall(b"X-More: y\r\n" * 1000)


def floods_body(connection: socket.socket, stop: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not stop.is_set():
        connection.sendall(b"x" * 65536)


def speaks_ssh(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    stop.wait()


@pytest.mark.parametrize(
    ("behave", "kind", "words"),
    [
        (bad_servers.resets, ConversationFailed, r"connection broke during the login \((reset|closed)"),
        (
            bad_servers.closes_at_once,
            ConversationFailed,
            r"broke during the login \((closed by the server|reset|closed)",
        ),
        (floods_headers, ConversationFailed, "headers without end"),
        (floods_body, ConversationFailed, "more than any answer can be"),
        (speaks_ssh, ConversationFailed, r"speaks no HTTP; it said 'SSH-2.0-OpenSSH_9.2'"),
        (says(b"\x1b[31mHELLO\r\n\r\n"), ConversationFailed, r"it said '\[31mHELLO'"),
        (says(b"HTTP/9 what\r\n\r\n"), ConversationFailed, "speaks no HTTP"),
        (says(status("404 Not Found")), NotSupported, r"no WinRM service at /wsman \(HTTP 404\)"),
        (says(status("403 Forbidden")), NotSupported, "HTTP 403"),
        (says(status("503 Service Unavailable")), NotSupported, "not running or overloaded"),
        (says(status("407 Proxy Authentication Required")), NotSupported, "proxy"),
        (says(status("302 Found", "Location: http://evil.example/")), NotSupported, "sends us elsewhere"),
        (says(status("500 Internal Server Error")), ConversationFailed, "HTTP 500 and nothing else"),
        (says(status("413 Too Large")), ConversationFailed, "HTTP 413"),
        (says(status("400 Bad Request")), NotSupported, "could not read the request"),
        (says(status("418 I'm a teapot")), ConversationFailed, "HTTP 418"),
        (says(status("401 Unauthorized", "WWW-Authenticate: Kerberos")), NotSupported, "NTLM, only Kerberos"),
        (says(status("401 Unauthorized")), NotSupported, "before any password was looked at"),
        (says(status("200 OK")), ConversationFailed, "makes no sense|does not come to an end"),
        (says(challenge(b"nonsense")), ConversationFailed, "login by NTLM makes no sense"),
        (says(status("401 No", "WWW-Authenticate: Negotiate !!!")), ConversationFailed, "damaged base64"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), ConversationFailed, "states the length '-5'"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), ConversationFailed, "more than any answer"),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            ConversationFailed,
            "chunks are damaged",
        ),
        (
            says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"),
            ConversationFailed,
            "more than any",
        ),
        (
            hangs_up_after(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
            ConversationFailed,
            "closed by the server",
        ),
    ],
)
def test_a_bad_service_is_told_in_words(behave: Behavior, kind: type[HostError], words: str) -> None:
    with bad_servers.serve(behave) as server, pytest.raises(kind, match=words) as caught:
        knock(server.port)
    assert caught.value.subject == "pc1"
    assert server.visits == 1, "nothing is tried twice"


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (bad_servers.says_nothing, "the port is open, but nothing speaks on it"),
        (drips_headers, "stopped answering during the login"),
        (says(challenge(b"NTLMSSP\0\2\0\0\0" + b"\xff" * 60)), "makes no sense|stopped answering"),
        (says(b"HTTP/1.1 200 OK\r\n\r\nan end that never comes"), "stopped answering during the login"),
    ],
)
def test_a_service_that_never_ends_is_left_with_the_connect_timeout(behave: Behavior, words: str) -> None:
    with bad_servers.serve(behave) as server, pytest.raises(ConversationFailed, match=words):
        knock(server.port, connect_timeout_s=2.0)
    assert server.visits == 1, "nothing is tried twice"


@pytest.mark.parametrize("behave", [bad_servers.says_nothing, drips_headers], ids=lambda one: one.__name__)
def test_the_deadline_of_the_host_beats_every_other_patience(behave: Behavior) -> None:
    with bad_servers.serve(behave) as server, pytest.raises(DeadlineExceeded, match="deadline of the host passed"):
        knock(server.port, deadline_s=2.0, connect_timeout_s=30.0)


def test_a_challenge_that_never_ends_is_given_up() -> None:
    token = base64.b64decode(
        "TlRMTVNTUAACAAAADAAMADgAAAA1gonijLCT1sRBPZQAAAAAAAAAAAAAAABEAAAACgBhSgAAAA9MAEEAQgAuAFQATwBwAA=="
    )
    with bad_servers.serve(says(*[challenge(token)] * 9)) as server, pytest.raises(HostError):
        knock(server.port)
    assert server.visits == 1


# ---- a service that lies once we are logged in


def unsealed(monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes, str], tuple[bytes, str]]) -> None:
    """What the service answers is changed on the way."""
    from collectors.transports.wsman import http

    honest = http.Http._answer

    def altered(self: Any) -> http.Answer:
        answer = honest(self)
        if answer.body:
            body, kind = change(answer.body, answer.headers.get("content-type", ""))
            return http.Answer(answer.status, answer.headers | {"content-type": kind}, body)
        return answer

    monkeypatch.setattr(http.Http, "_answer", altered)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda body, kind: (b"<s:Envelope/>", "application/soap+xml"), "it is not sealed; what it says is not"),
        (lambda body, kind: (body[:-40] + b"x" * 14 + body[-26:], kind), "its signature does not fit"),
        (lambda body, kind: (body[: len(body) // 2], kind), "its parts are not those of a sealed message"),
        (lambda body, kind: (body.replace(b"Length=", b"Length=9"), kind), "its length does not fit"),
        (lambda body, kind: (b"--Encrypted Boundary--\r\n", kind), "its parts are not those"),
    ],
    ids=["in clear", "altered", "cut", "another length", "nothing inside"],
)
def test_what_is_not_sealed_as_it_should_be_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, change: Any, words: str
) -> None:
    with wsman.serve(runner=wsman.RecordedPowerShell(lambda s: s.encode())) as peer:
        unsealed(monkeypatch, change)
        with pytest.raises(ConversationFailed, match=words):
            visit(peer)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>It works!</html>",
        b"not xml at all",
        b'<!DOCTYPE s [<!ENTITY a "b">]><s>&a;</s>',
        b"<s:Envelope xmlns:s='x'><a:RelatesTo xmlns:a='y'>uuid:nonsense</a:RelatesTo></s:Envelope>",
        b"\xff\xfe<\0s\0>\0",
    ],
)
def test_an_answer_that_is_no_envelope_is_told(body: bytes) -> None:
    failures = {Operation.CREATE: HttpError(status=200, body=body)}
    with powershell(tls=True, failures=failures) as peer:
        with pytest.raises(ConversationFailed, match=r"cannot be used|makes no sense"):
            visit(peer, tls=True)
        assert peer.counters.shells == 0


def test_an_http_error_in_the_middle_hands_over_what_had_come() -> None:
    with powershell(lambda _: Answer(steps=(b"early", 60.0, b"late"))) as peer:
        peer.settings.failures = Later(Operation.RECEIVE, HttpError(status=503))
        output = visit(peer)
        assert output.stdout == b"early"
        assert output.truncated
        assert "HTTP 503" in output.notes[0]


def test_a_fault_in_the_middle_hands_over_what_had_come_and_says_why() -> None:
    with powershell(lambda _: Answer(steps=(b"early", 60.0, b"late"))) as peer:
        peer.settings.failures = Later(Operation.RECEIVE, Fault(code=995))
        output = visit(peer)
        assert output.stdout == b"early"
        assert "the machine aborted the operation (995)" in output.notes[0]


# ---- faults in words


@pytest.mark.parametrize(
    ("code", "kind", "words", "cure"),
    [
        (5, LoginDenied, r"may not open a remote shell \(5\)", "Remote Management Users"),
        (2147942405, LoginDenied, r"may not open a remote shell \(0x80070005\)", "Remote Management Users"),
        (1326, LoginDenied, "user or password is wrong", "nothing was tried twice"),
        (0xC000006D, LoginDenied, r"user or password is wrong \(0xC000006D\)", "Correct"),
        (1909, LoginDenied, "the account is locked", "Unlock"),
        (0xC0000234, LoginDenied, r"the account is locked \(0xC0000234\)", "Unlock"),
        (0xC0000071, LoginDenied, "the password has expired", "Change it"),
        (1330, LoginDenied, "the password has expired", "Change it"),
        (1907, LoginDenied, "must be changed", "Change it"),
        (1331, LoginDenied, "the account is disabled", "Enable it"),
        (0xC000015B, LoginDenied, "may not log in over the network", "Access this computer from the network"),
        (1385, LoginDenied, "may not log in over the network", "Access this computer from the network"),
        (1311, ConversationFailed, "reaches no domain controller", "domain"),
        (2150859173, ConversationFailed, r"MaxShellsPerUser\) \(2150859173\)", "winrm/config/winrs"),
        (2150859174, ConversationFailed, "MaxConcurrentOperationsPerUser", "winrm/config/service"),
        (2150859179, ConversationFailed, "MaxConcurrentUsers", "MaxConcurrentUsers"),
        (2150858793, ConversationFailed, "its own time limit", "load"),
        (2150859180, ConversationFailed, "allows no remote shells", "AllowRemoteShellAccess"),
        (14, ConversationFailed, "out of memory", "restart"),
        (4711, ConversationFailed, r"The WS-Management service cannot process the request. \(4711\)", "event log"),
    ],
)
def test_fault_codes_are_named_in_words_with_their_cure(
    code: int, kind: type[HostError], words: str, cure: str
) -> None:
    with powershell(failures={Operation.CREATE: Fault(code=code)}) as peer:
        with pytest.raises(kind, match=words) as caught:
            visit(peer)
        assert cure in caught.value.hint
        assert peer.counters.failed_logins == 0


def test_a_fault_without_a_number_keeps_the_service_s_own_words() -> None:
    error = faults.explained("pc1", None, "Zugriff verweigert\x1b[2J", during="the start of the shell")
    assert str(error).startswith("pc1: the start of the shell was refused: Zugriff verweigert [2J.")


def test_a_locked_shell_command_is_refused_before_anything_ran() -> None:
    words = "the start of the command was refused"
    with powershell(failures={Operation.COMMAND: Fault(code=5)}) as peer, pytest.raises(LoginDenied, match=words):
        visit(peer)


def test_the_service_s_user_quota_is_told_in_words() -> None:
    with powershell(max_operations_per_user=0) as peer, pytest.raises(HostError, match="MaxConcurrentOperations"):
        visit(peer)


def test_an_http_500_without_a_body_is_told_with_the_usual_reasons() -> None:
    with powershell(failures={Operation.CREATE: HttpError(status=500)}) as peer:
        with pytest.raises(ConversationFailed, match="HTTP 500 and nothing else") as caught:
            visit(peer)
        assert "AllowUnencrypted" in caught.value.hint


def test_text_of_a_profile_before_the_answer_is_handed_over_with_it() -> None:
    with powershell(stdout_prefix=b"Welcome!\r\n") as peer:
        assert visit(peer).stdout == b"Welcome!\r\n" + SCRIPT
