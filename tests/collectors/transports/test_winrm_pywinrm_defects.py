"""Defects and limits of pywinrm 0.5.0 that our wrapper covers, P1 to P18; where it can be shown, stock fails first."""

import base64
import hashlib
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import winrm as pywinrm
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError, WSManFaultError
from winrm.protocol import Protocol as Stock

from collectors.credentials import Secret
from collectors.errors import ConversationFailed, LoginDenied, Unreachable, UnsafeProtocol
from collectors.model import Target
from collectors.transports import winrm
from collectors.transports.base import ConnectionPolicy
from collectors.transports.wsman.bootstrap import BOOTSTRAP, COMMAND
from tests.collectors.transports.winrm_client import SCRIPT, powershell, target, visit
from tests.lab import bad_servers, wsman
from tests.lab.wsman import Account, Answer, Authentication, Hardening, Operation, messages


@pytest.fixture(autouse=True)
def _requests_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's environment reaches the stock side."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def stock(peer: wsman.Peer, *, tls: bool = False, **settings: Any) -> Stock:
    chosen: dict[str, Any] = {"transport": "ntlm", "username": "audit", "password": wsman.PASSWORD} | settings
    if tls:
        chosen.setdefault("ca_trust_path", str(peer.ca_file))
    return Stock(endpoint=peer.tls_url if tls else peer.url, **chosen)


def stock_session(peer: wsman.Peer) -> pywinrm.Session:
    return pywinrm.Session(peer.url, auth=("audit", wsman.PASSWORD), transport="ntlm")


def incompressible(size: int) -> bytes:
    text = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(size // 64 + 1))
    return text[:size].encode()


def test_P1_a_script_longer_than_a_command_line_runs() -> None:
    script = "#" * 3109
    with powershell() as peer:
        refused = stock_session(peer).run_ps(script)
        assert refused.status_code == 1
        assert b"too long" in refused.std_err
        assert visit(peer, script.encode()).stdout == script.encode()


def test_P1_the_bootstrap_is_short_and_the_same_for_every_script() -> None:
    assert len(BOOTSTRAP) == 317
    assert len(COMMAND) < 1000


def test_P2_a_lost_link_leaves_stock_s_shells_open_until_the_quota_is_full() -> None:
    with wsman.serve(runner=wsman.RecordedPowerShell(lambda s: s.encode()), max_shells_per_user=3) as peer:
        peer.settings.failures = {Operation.RECEIVE: wsman.Drop()}
        for count in range(1, 4):
            with pytest.raises(requests.exceptions.ConnectionError):
                stock_session(peer).run_cmd("powershell -c 1")
            assert peer.open_shells == count
        peer.settings.failures = {}
        with pytest.raises(WSManFaultError) as caught:
            stock_session(peer).run_cmd("powershell -c 1")
        assert caught.value.wsman_fault_code == 2150859173


def test_P2_ours_leaves_none_and_a_full_quota_is_told_in_words() -> None:
    with powershell(max_shells_per_user=3) as peer:
        for failing in range(5):
            peer.settings.failures = {Operation.RECEIVE: wsman.Drop()}
            assert visit(peer).truncated, failing
            assert peer.open_shells == 0
        peer.settings.failures = {}
        assert visit(peer).stdout == SCRIPT
    with powershell(max_shells_per_user=0) as peer:
        with pytest.raises(ConversationFailed, match=r"as many shells open as it may \(MaxShellsPerUser\)") as caught:
            visit(peer)
        assert "2150859173" in str(caught.value)
        assert "winrm/config/winrs" in caught.value.hint


def test_P3_accents_survive_the_code_page() -> None:
    with wsman.serve(runner=wsman.CommandPrompt()) as peer:
        assert stock_session(peer).run_cmd("echo Édité").std_out == "Édité\r\n".encode("cp437")
        with powershell(lambda _: "10 €".encode()) as other:
            assert visit(other).stdout.decode() == "10 €"


def test_P3_bytes_of_another_code_page_are_handed_over_as_they_came() -> None:
    with powershell(stdout_prefix=b"\x82") as peer:
        assert visit(peer).stdout == b"\x82" + SCRIPT


def test_P4_standard_input_beyond_code_page_437_is_sent() -> None:
    script = "'€ é 日本'"
    with powershell() as peer:
        protocol = stock(peer)
        shell = protocol.open_shell()
        command = protocol.run_command(shell, COMMAND)
        with pytest.raises(UnicodeEncodeError):
            protocol.send_command_input(shell, command, script, end=True)
        protocol.close_shell(shell)
        assert visit(peer, script.encode()).stdout.decode() == script


def test_P5_big_input_fits_the_envelope_of_old_services() -> None:
    script = incompressible(500_000)
    with powershell(lambda text: text.encode(), max_envelope_kb=150) as peer:
        protocol = stock(peer)
        shell = protocol.open_shell()
        command = protocol.run_command(shell, COMMAND)
        with pytest.raises(WinRMTransportError) as caught:
            protocol.send_command_input(shell, command, base64.b64encode(script), end=True)
        assert caught.value.code == 413
        stock(peer).close_shell(shell)
        assert visit(peer, script).stdout == script
        assert peer.counters.too_large == 1, "the stock one"


def test_P6_a_silent_command_is_not_waited_for_without_end() -> None:
    with wsman.serve(runner=wsman.RecordedPowerShell(lambda _: Answer(steps=(300.0,)))) as peer:
        protocol = stock(peer, operation_timeout_sec=1, read_timeout_sec=5)
        shell = protocol.open_shell()
        command = protocol.run_command(shell, COMMAND)  # which waits for a script
        waiting = threading.Thread(target=lambda: _quietly(protocol.get_command_output, shell, command), daemon=True)
        waiting.start()
        while waiting.is_alive() and peer.counters.timeouts < 3:
            time.sleep(0.05)
        assert waiting.is_alive(), "stock asks again for ever"
        stock(peer).close_shell(shell)
        waiting.join()
        output = visit(peer, deadline_s=5.0)
        assert output.timed_out
        assert peer.open_shells == 0


def _quietly(call: Any, *arguments: Any) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011  whatever ends it: its shell is deleted under it
        call(*arguments)


def test_P7_an_answer_to_another_question_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = messages._envelope

    def foreign(action: str, relates_to: str, body: str) -> bytes:
        return honest(action, f"uuid:{uuid.uuid4()}" if "Create" in action else relates_to, body)

    monkeypatch.setattr(messages, "_envelope", foreign)
    with wsman.serve(runner=wsman.RecordedPowerShell(lambda s: s.encode())) as peer:
        protocol = stock(peer)
        protocol.close_shell(protocol.open_shell())  # taken without a word
        with pytest.raises(ConversationFailed, match="belongs to another question"):
            visit(peer)


def test_P7_stock_checks_with_assert_which_python_O_takes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = messages._envelope
    monkeypatch.setattr(messages, "_envelope", lambda action, _, body: honest(action, f"uuid:{uuid.uuid4()}", body))
    with wsman.serve() as peer:
        protocol = stock(peer)
        with pytest.raises(AssertionError):
            protocol.close_shell(protocol.open_shell())


@pytest.mark.parametrize(("password", "failure"), [("é", InvalidCredentialsError), ("€", UnicodeEncodeError)])
def test_P8_basic_passwords_are_sent_as_utf_8(password: str, failure: type[Exception]) -> None:
    enabled = frozenset({Authentication.BASIC})
    with powershell(tls=True, accounts=(Account(password=password),), authentication=enabled) as peer:
        with pytest.raises(failure):
            stock(peer, tls=True, transport="basic", password=password).open_shell()
        assert visit(peer, tls=True, auth="basic", password=Secret(password)).stdout == SCRIPT


def test_P9_credentials_go_to_the_ipv6_address_and_not_to_a_host_named_http() -> None:
    with powershell(address="::1") as peer:
        assert pywinrm.Session(peer.url, auth=("a", "b")).url == "http://http:5985/wsman"
        assert visit(peer).stdout == SCRIPT


def test_P10_a_dead_host_costs_the_probe_and_not_the_read_timeout() -> None:
    with bad_servers.unanswered_port() as port:
        protocol = Stock(
            endpoint=f"http://127.0.0.1:{port}/wsman",
            transport="ntlm",
            username="audit",
            password="x",
            read_timeout_sec=2,
            operation_timeout_sec=1,
        )
        with pytest.raises(requests.exceptions.ConnectTimeout, match="connect timeout=2"):
            protocol.open_shell()
        at = Target(name="pc1", address="127.0.0.1", port=port, tls=False)
        with powershell() as peer, pytest.raises(Unreachable, match=r"no answer within 0.2 s"):
            visit(peer, at=at, policy=ConnectionPolicy(probe_timeout_s=0.2))


def test_P11_answers_far_larger_than_the_envelope_arrive_in_pieces() -> None:
    answer = incompressible(3_000_000)
    with powershell(lambda _: answer) as peer:
        assert visit(peer).stdout == answer
        assert peer.counters.receives >= 3_000_000 // 153_600


def test_P12_after_http_413_nothing_more_is_said_on_the_session() -> None:
    with powershell(max_envelope_kb=32) as peer:
        protocol = stock(peer)
        shell = protocol.open_shell()
        command = protocol.run_command(shell, COMMAND)
        with pytest.raises(WinRMTransportError) as caught:
            protocol.send_command_input(shell, command, b"x" * 60_000, end=True)
        assert caught.value.code == 413
        with pytest.raises((WinRMTransportError, InvalidCredentialsError)):
            protocol.send_command_input(shell, command, b"x", end=True)  # the sequence is out of step
        broken = peer.counters.refused_seals
        assert broken > 0
        stock(peer).close_shell(shell)

        output = visit(peer, incompressible(90_000))
        assert output.truncated
        assert "HTTP 413" in output.notes[0]
        assert peer.counters.refused_seals == broken, "ours never spoke out of step"
        assert peer.open_shells == 0


def test_P13_certificates_are_checked_and_the_trust_store_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    winrm.close()
    read: list[str | None] = []
    honest = ssl.create_default_context

    def counted(*arguments: Any, cafile: str | None = None, **settings: Any) -> ssl.SSLContext:
        read.append(cafile)
        return honest(*arguments, cafile=cafile, **settings)

    with powershell(tls=True, hosts=5) as peer:
        monkeypatch.setattr(ssl, "create_default_context", counted)
        for machine in peer.machines:
            at = Target(name=machine.address, address=machine.address, port=peer.tls_port)
            assert visit(peer, tls=True, at=at).stdout == SCRIPT
        assert read == [str(peer.ca_file)]


def test_P14_clixml_on_standard_error_is_handed_over_and_never_read() -> None:
    noise = '#< CLIXML\r\n<Objs Version="1.1.0.1"><S S="Error">Accès refusé</S></Objs>'.encode("cp850")
    with powershell(stderr_noise=noise) as peer:
        with pytest.warns(UserWarning, match="problem converting the Powershell error message"):
            stock_session(peer).run_ps("1")
        output = visit(peer)
        assert (output.stdout, output.stderr) == (SCRIPT, noise)


def test_P15_messages_are_sealed_also_where_the_service_would_take_them_in_clear() -> None:
    with powershell() as peer:
        with pytest.raises(WinRMTransportError) as caught:
            stock(peer, message_encryption="never").open_shell()
        assert (caught.value.code, caught.value.response_text) == (500, "")
        assert visit(peer).stdout == SCRIPT
    with powershell(allow_unencrypted=True, authentication=frozenset(Authentication)) as peer:
        assert visit(peer).stdout == SCRIPT
        assert peer.counters.plain == 0
        with pytest.raises(UnsafeProtocol):
            visit(peer, auth="basic")


def test_P16_the_login_is_bound_to_the_tls_connection() -> None:
    with powershell(tls=True, hardening=Hardening.STRICT) as peer:
        with pytest.raises(InvalidCredentialsError):
            stock(peer, tls=True, send_cbt=False).open_shell()
        assert visit(peer, tls=True).stdout == SCRIPT


def test_P17_errors_are_named() -> None:
    with powershell(accounts=(Account(), Account(name="clerk", shell_right=False))) as peer:
        with pytest.raises(InvalidCredentialsError):
            stock(peer, password="wr0ng").open_shell()
        with pytest.raises(LoginDenied, match="login as audit by NTLM was refused"):
            visit(peer, password=Secret("wr0ng"))
        with pytest.raises(WSManFaultError) as caught:
            stock(peer, username="clerk").open_shell()
        assert caught.value.wsman_fault_code == 5
        with pytest.raises(LoginDenied, match=r"may not open a remote shell \(5\)"):
            visit(peer, user="clerk")


@pytest.fixture
def _foreign_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    other = tmp_path / "other.pem"
    other.write_text("")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(other))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):  # which would keep the stock client off the proxy
        monkeypatch.delenv(name, raising=False)
    winrm.close()
    yield
    winrm.close()


@pytest.mark.usefixtures("_foreign_environment")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_P18_neither_ca_files_nor_proxies_of_the_environment_interfere() -> None:
    with powershell(tls=True) as peer:
        with pytest.raises((requests.exceptions.RequestException, OSError)):
            stock(peer, tls=True).open_shell()
        assert visit(peer, tls=True).stdout == SCRIPT
        assert visit(peer, at=target(peer)).stdout == SCRIPT
