"""The WS-Man peer is honest: two clients that were not written by us get from it what they get from Windows.

Stock pywinrm first, then pypsrp's WinRS. Expected values are those known of these clients against Windows.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from winrm.exceptions import (
    InvalidCredentialsError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)
from winrm.protocol import Protocol

from tests.lab import wsman
from tests.lab.wsman import Authentication, Hardening, Peer

pytestmark = pytest.mark.peer
EVERY_KIND = frozenset(Authentication)


@pytest.fixture(autouse=True)
def no_certificate_authorities_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


def client(url: str, password: str = wsman.PASSWORD, **options: Any) -> Protocol:
    return Protocol(endpoint=url, **{"username": "audit", "password": password, "transport": "ntlm", **options})


@contextmanager
def command(protocol: Protocol, line: str = "anything.exe", **options: Any) -> Iterator[tuple[str, str]]:
    shell = protocol.open_shell(codepage=65001, noprofile=True)
    try:
        running = protocol.run_command(shell, line, console_mode_stdin=False, **{"skip_cmd_shell": True, **options})
        yield shell, running
        protocol.cleanup_command(shell, running)
    finally:
        protocol.close_shell(shell)


def echo(protocol: Protocol) -> bytes:
    with command(protocol, "echo Bonjour", skip_cmd_shell=False) as (shell, running):
        stdout: bytes = protocol.get_command_output(shell, running)[0]
    return stdout


def ntlm_over_https(peer: Peer, **options: Any) -> Protocol:
    return client(peer.tls_url, ca_trust_path=str(peer.ca_file), **options)


@pytest.mark.parametrize("encryption", ["auto", "always"])
def test_ntlm_over_http_is_sealed(encryption: str) -> None:
    with wsman.serve(runner=wsman.CommandPrompt()) as peer:
        assert echo(client(peer.url, message_encryption=encryption)) == b"Bonjour\r\n"
        assert peer.counters.plain == 0
        assert peer.counters.sealed >= 5
        assert peer.open_shells == 0


@pytest.mark.parametrize("encryption", ["auto", "always"])
def test_ntlm_over_https_binds_the_channel(encryption: str) -> None:
    with wsman.serve(tls=True, runner=wsman.CommandPrompt(), hardening=Hardening.STRICT) as peer:
        assert echo(ntlm_over_https(peer, message_encryption=encryption)) == b"Bonjour\r\n"
        assert (peer.counters.sealed > 0) is (encryption == "always")


@pytest.mark.parametrize(
    ("hardening", "admitted"), [(Hardening.NONE, True), (Hardening.RELAXED, True), (Hardening.STRICT, False)]
)
def test_P16_strict_hardening_refuses_a_client_without_channel_binding(hardening: Hardening, admitted: bool) -> None:
    with wsman.serve(tls=True, runner=wsman.CommandPrompt(), hardening=hardening) as peer:
        protocol = ntlm_over_https(peer, send_cbt=False)
        if admitted:
            assert echo(protocol) == b"Bonjour\r\n"
        else:
            with pytest.raises(InvalidCredentialsError):
                protocol.open_shell()


def test_basic_over_https() -> None:
    with wsman.serve(tls=True, runner=wsman.CommandPrompt(), authentication=EVERY_KIND) as peer:
        assert echo(ntlm_over_https(peer, transport="basic")) == b"Bonjour\r\n"
        with pytest.raises(InvalidCredentialsError):
            ntlm_over_https(peer, transport="basic", password="wrong").open_shell()


def test_P8_basic_wants_utf_8() -> None:
    account = wsman.Account(password="Été-2026")
    with wsman.serve(tls=True, runner=wsman.CommandPrompt(), authentication=EVERY_KIND, accounts=(account,)) as peer:
        with pytest.raises(InvalidCredentialsError):  # pywinrm sends a str as latin-1
            ntlm_over_https(peer, transport="basic", password=account.password).open_shell()
        assert echo(ntlm_over_https(peer, password=account.password)) == b"Bonjour\r\n"


def test_a_client_certificate_stands_for_its_account() -> None:
    accounts = (wsman.Account(name="audit", certificate=True),)
    with wsman.serve(tls=True, runner=wsman.CommandPrompt(), authentication=EVERY_KIND, accounts=accounts) as peer:
        assert peer.certificates is not None
        own, stranger = peer.certificates.client("audit"), peer.certificates.client("mallory")
        keys = {"transport": "certificate", "cert_pem": str(own.certificate), "cert_key_pem": str(own.key)}
        assert echo(ntlm_over_https(peer, **keys)) == b"Bonjour\r\n"
        keys |= {"cert_pem": str(stranger.certificate), "cert_key_pem": str(stranger.key)}
        with pytest.raises(InvalidCredentialsError):
            ntlm_over_https(peer, **keys).open_shell()


def test_ipv6() -> None:
    with wsman.serve(address="::1", tls=True, runner=wsman.CommandPrompt()) as peer:
        assert echo(client(peer.url)) == b"Bonjour\r\n"
        assert echo(ntlm_over_https(peer)) == b"Bonjour\r\n"


@pytest.mark.parametrize(
    "kind",
    [
        wsman.CertificateKind.EXPIRED,
        wsman.CertificateKind.WRONG_NAME,
        wsman.CertificateKind.SELF_SIGNED,
        wsman.CertificateKind.OTHER_AUTHORITY,
    ],
)
def test_a_bad_certificate_is_bad(kind: wsman.CertificateKind) -> None:
    import requests

    with wsman.serve(tls=True, certificate=kind) as peer:
        with pytest.raises(requests.exceptions.SSLError):
            ntlm_over_https(peer).open_shell()
        assert peer.counters.logins == 0


@pytest.mark.parametrize(
    ("account", "password"),
    [
        pytest.param(wsman.Account(), "wrong", id="wrong password"),
        pytest.param(wsman.Account(name="other"), wsman.PASSWORD, id="no such user"),
        pytest.param(wsman.Account(locked=True), wsman.PASSWORD, id="locked"),
        pytest.param(wsman.Account(domain="CORP"), wsman.PASSWORD, id="other domain"),
    ],
)
def test_P17_bad_credentials(account: wsman.Account, password: str) -> None:
    with wsman.serve(accounts=(account,)) as peer:
        with pytest.raises(InvalidCredentialsError):
            client(peer.url, password).open_shell()
        assert peer.counters.shells == 0
        assert peer.counters.failed_logins > 0


def test_too_many_wrong_passwords_lock_the_account() -> None:
    with wsman.serve(runner=wsman.CommandPrompt(), lockout_threshold=2) as peer:
        for _ in range(2):
            with pytest.raises(InvalidCredentialsError):
                client(peer.url, "wrong").open_shell()
        with pytest.raises(InvalidCredentialsError):
            client(peer.url).open_shell()


@pytest.mark.parametrize("name", ["audit", "AUDIT", ".\\audit", "WINLAB01\\audit"])
def test_a_local_account_is_found_however_it_is_written(name: str) -> None:
    with wsman.serve(runner=wsman.CommandPrompt()) as peer:
        assert echo(client(peer.url, username=name)) == b"Bonjour\r\n"


@pytest.mark.parametrize("name", ["CORP\\audit", "corp\\Audit", "audit@corp.test"])
def test_a_domain_account(name: str) -> None:
    with wsman.serve(runner=wsman.CommandPrompt(), accounts=(wsman.Account(domain="CORP"),)) as peer:
        assert echo(client(peer.url, username=name)) == b"Bonjour\r\n"


def test_P17_no_shell_right_is_access_denied() -> None:
    with wsman.serve(accounts=(wsman.Account(shell_right=False),)) as peer:
        with pytest.raises(WSManFaultError) as caught:
            client(peer.url).open_shell()
        assert caught.value.wsman_fault_code == 5
        assert caught.value.fault_subcode == "w:AccessDenied"


def test_P15_a_plain_message_where_only_sealed_ones_are_allowed() -> None:
    with wsman.serve() as peer:
        with pytest.raises(WinRMTransportError) as caught:
            client(peer.url, message_encryption="never").open_shell()
        assert caught.value.code == 500
        assert caught.value.response_text == ""
    with wsman.serve(runner=wsman.CommandPrompt(), allow_unencrypted=True) as peer:
        assert echo(client(peer.url, message_encryption="never")) == b"Bonjour\r\n"
        assert peer.counters.sealed == 0


def send_all(protocol: Protocol, data: bytes, chunk: int = 90_000) -> bytes:
    with command(protocol) as (shell, running):
        for start in range(0, len(data), chunk):
            protocol.send_command_input(shell, running, data[start : start + chunk], end=start + chunk >= len(data))
        stdout: bytes = protocol.get_command_output(shell, running)[0]
    return stdout


def test_300_kb_on_standard_input_arrive_whole() -> None:
    data = os.urandom(300_000)
    with wsman.serve() as peer:
        printed = send_all(client(peer.url), data)
    assert printed.split() == [b"300000", hashlib.sha256(data).hexdigest().encode()]


def test_P5_P12_a_chunk_above_the_envelope_is_413_and_breaks_the_seal() -> None:
    with wsman.serve(max_envelope_kb=150) as peer:
        protocol = client(peer.url)
        assert send_all(protocol, os.urandom(200_000)).startswith(b"200000 ")
        shell = protocol.open_shell()
        running = protocol.run_command(shell, "anything.exe")
        with pytest.raises(WinRMTransportError) as caught:
            protocol.send_command_input(shell, running, os.urandom(150_000), end=True)
        assert caught.value.code == 413
        with pytest.raises(WinRMTransportError):
            protocol.close_shell(shell)
        assert (peer.counters.too_large, peer.counters.refused_seals) == (1, 1)
        assert peer.open_shells == 1
        client(peer.url).close_shell(shell)
        assert peer.open_shells == 0


def test_P11_3_mb_of_output_in_small_envelopes() -> None:
    printed = os.urandom(3_000_000)
    with wsman.serve(runner=wsman.Played(wsman.Answer(stdout=printed, exit_code=7))) as peer:
        protocol = client(peer.url)
        with command(protocol) as (shell, running):
            stdout, stderr, code = protocol.get_command_output(shell, running)
        assert peer.counters.receives >= 3_000_000 * 4 / 3 / 153_600
    assert (stdout == printed, stderr, code) == (True, b"", 7)


def test_both_streams_cut_at_any_byte() -> None:
    answer = wsman.Answer(stdout="é€".encode() * 50, stderr=wsman.CLIXML_PROGRESS, steps=(0.01, b"\x82", 0.01, b"end"))
    with wsman.serve(runner=wsman.Played(answer), stream_bytes=7, streams_per_response=3) as peer:
        protocol = client(peer.url)
        with command(protocol) as (shell, running):
            stdout, stderr, _ = protocol.get_command_output(shell, running)
    assert stdout == "é€".encode() * 50 + b"\x82end"
    assert stderr == wsman.CLIXML_PROGRESS


def test_P6_no_output_in_time_is_a_fault_to_go_on_after() -> None:
    with wsman.serve(runner=wsman.Played(wsman.Answer(steps=(2.5, b"late")))) as peer:
        protocol = client(peer.url, operation_timeout_sec=1, read_timeout_sec=5)
        with command(protocol) as (shell, running):
            with pytest.raises(WinRMOperationTimeoutError):
                protocol.get_command_output_raw(shell, running)
            assert protocol.get_command_output(shell, running)[0] == b"late"
        assert peer.counters.timeouts == 2


def fault_code(act: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(WSManFaultError) as caught:
        act()
    return int(str(caught.value.wsman_fault_code)), str(caught.value.fault_subcode)


def test_the_shell_above_the_quota_is_refused() -> None:
    with wsman.serve(max_shells_per_user=3) as peer:
        protocol = client(peer.url)
        shells = [protocol.open_shell() for _ in range(3)]
        assert fault_code(protocol.open_shell) == (2150859173, "w:QuotaLimit")
        protocol.close_shell(shells[0])
        protocol.open_shell()
        assert peer.open_shells == 3


def test_P2_run_cmd_leaves_its_shell_open_when_the_link_is_lost() -> None:
    from winrm import Session

    drop = {wsman.Operation.RECEIVE: wsman.Drop()}
    with wsman.serve(runner=wsman.CommandPrompt(), max_shells_per_user=3, failures=drop) as peer:
        for _ in range(3):
            with pytest.raises(Exception, match="aborted"):
                Session(peer.url, auth=("audit", wsman.PASSWORD), transport="ntlm").run_cmd("echo x")
        assert peer.open_shells == 3
        assert fault_code(client(peer.url).open_shell)[0] == 2150859173


def test_the_operation_above_the_quota_is_refused_though_the_others_were_terminated() -> None:
    with wsman.serve(runner=wsman.Played(wsman.Answer()), max_operations_per_user=15) as peer:
        protocol = client(peer.url)
        shell = protocol.open_shell()
        for _ in range(15):
            running = protocol.run_command(shell, "anything.exe")
            protocol.cleanup_command(shell, running)
        assert fault_code(lambda: protocol.run_command(shell, "anything.exe")) == (2150859174, "w:QuotaLimit")
        protocol.close_shell(shell)
        with command(client(peer.url)):
            assert peer.counters.commands == 17


def test_an_idle_shell_expires() -> None:
    import time

    with wsman.serve(idle_timeout_s=0.2) as peer:
        protocol = client(peer.url)
        shell = protocol.open_shell()
        time.sleep(0.4)
        assert peer.open_shells == 0
        assert fault_code(lambda: protocol.run_command(shell, "anything.exe"))[0] == 2150858843


def test_P1_a_script_through_cmd_exe_ends_at_3066_characters() -> None:
    from winrm import Session

    ran = wsman.RecordedPowerShell(lambda script: script.encode())
    with wsman.serve(runner=ran) as peer:
        session = Session(peer.url, auth=("audit", wsman.PASSWORD), transport="ntlm")
        assert session.run_ps("x" * 3_060).std_out == b"x" * 3_060
        too_long = session.run_ps("x" * 3_066)
        assert too_long.status_code == 1
        assert b"The command line is too long." in too_long.std_err


def test_without_cmd_exe_the_line_may_be_longer_and_the_program_must_exist() -> None:
    with wsman.serve(runner=wsman.Played(wsman.Answer(stdout=b"ran"))) as peer:
        protocol = client(peer.url)
        for length, skip, expected in ((8_191, False, b"ran"), (8_192, False, b""), (32_000, True, b"ran")):
            with command(protocol, "x" * length, skip_cmd_shell=skip) as (shell, running):
                assert protocol.get_command_output(shell, running)[0] == expected
        shell = protocol.open_shell()
        assert fault_code(lambda: protocol.run_command(shell, "x" * 32_768, skip_cmd_shell=True))[0] == 206
        protocol.close_shell(shell)
    with wsman.serve(runner=wsman.CommandPrompt()) as peer:
        protocol = client(peer.url)
        shell = protocol.open_shell()
        assert fault_code(lambda: protocol.run_command(shell, "nothere.exe", skip_cmd_shell=True))[0] == 2
        protocol.close_shell(shell)


def test_P3_reg_query_answers_oem_bytes() -> None:
    key = r"HKLM\SOFTWARE\Contoso"
    printed = b"\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\r\n    Name    REG_SZ    Caf\x82\r\n\r\n"
    with wsman.serve(runner=wsman.CommandPrompt(registry={key: printed})) as peer:
        protocol = client(peer.url)
        for line, expected in ((f'reg query "{key.lower()}" /s', (printed, 0)), ("reg query HKLM\\None", (b"", 1))):
            with command(protocol, line, skip_cmd_shell=False) as (shell, running):
                stdout, _, code = protocol.get_command_output(shell, running)
            assert (stdout, code) == expected


def test_terminate_ends_a_process_that_never_would() -> None:
    with wsman.serve(runner=wsman.Flood()) as peer:
        protocol = client(peer.url)
        with command(protocol) as (shell, running):
            assert protocol.get_command_output_raw(shell, running)[0].startswith(b"xxx")
        assert peer.open_shells == 0
        assert peer.machine.running_commands == 0


def test_a_process_that_stalls_has_printed_what_it_printed() -> None:
    with wsman.serve(runner=wsman.Played(wsman.Answer(stdout=b"0123456789")), stall_after_bytes=4) as peer:
        protocol = client(peer.url, operation_timeout_sec=1, read_timeout_sec=5)
        with command(protocol) as (shell, running):
            assert protocol.get_command_output_raw(shell, running)[0] == b"0123"
            with pytest.raises(WinRMOperationTimeoutError):
                protocol.get_command_output_raw(shell, running)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (wsman.HttpError(status=500), WinRMTransportError),
        (wsman.HttpError(status=503, body=b"busy"), WinRMTransportError),
        (wsman.Fault(code=1359, reason="An internal error occurred."), WSManFaultError),
    ],
)
def test_a_failure_of_choice(failure: wsman.Failure, expected: type[Exception]) -> None:
    with wsman.serve(failures={wsman.Operation.COMMAND: failure}) as peer:
        protocol = client(peer.url)
        shell = protocol.open_shell()
        with pytest.raises(expected):
            protocol.run_command(shell, "anything.exe")
        protocol.close_shell(shell)
        assert peer.open_shells == 0


def test_the_link_drops_after_so_many_messages() -> None:
    with wsman.serve(drop_after=1) as peer:
        protocol = client(peer.url)
        shell = protocol.open_shell()
        with pytest.raises(Exception, match="aborted"):
            protocol.run_command(shell, "anything.exe")
        client(peer.url).close_shell(shell)
        assert peer.open_shells == 0
    with wsman.serve(drop_after=1, stay_down=True) as peer:
        shell = client(peer.url).open_shell()
        for _ in range(2):
            with pytest.raises(Exception, match="aborted"):
                client(peer.url).close_shell(shell)
        assert peer.open_shells == 1


# pypsrp's WinRS, the second client


def winrs(peer: Peer, *, tls: bool, data: bytes, **options: Any) -> bytes:
    shells, connections = pytest.importorskip("pypsrp.shell"), pytest.importorskip("pypsrp.wsman")
    if tls:
        options["cert_validation"] = str(peer.ca_file)
    connection = connections.WSMan(
        peer.address,
        port=peer.tls_port if tls else peer.port,
        ssl=tls,
        username="audit",
        password=wsman.PASSWORD,
        path="wsman",
        **options,
    )
    with connection, shells.WinRS(connection, codepage=65001) as shell:
        process = shells.Process(shell, "anything.exe", no_shell=True)
        process.begin_invoke()
        process.send(data, end=True)
        process.end_invoke()
        process.signal(shells.SignalCode.TERMINATE)
    stdout: bytes = process.stdout
    return stdout


@pytest.mark.parametrize(
    ("tls", "authentication", "encryption"),
    [
        pytest.param(False, "ntlm", "always", id="NTLM over HTTP, sealed"),
        pytest.param(False, "negotiate", "always", id="SPNEGO over HTTP, sealed"),
        pytest.param(True, "ntlm", "auto", id="NTLM over HTTPS"),
        pytest.param(True, "negotiate", "auto", id="SPNEGO over HTTPS"),
        pytest.param(True, "negotiate", "always", id="SPNEGO over HTTPS, sealed"),
        pytest.param(True, "basic", "auto", id="Basic over HTTPS"),
    ],
)
def test_a_second_client_works(tls: bool, authentication: str, encryption: str) -> None:
    data = os.urandom(300_000)
    with wsman.serve(tls=True, authentication=EVERY_KIND, hardening=Hardening.STRICT) as peer:
        printed = winrs(peer, tls=tls, data=data, auth=authentication, encryption=encryption)
        assert printed.split() == [b"300000", hashlib.sha256(data).hexdigest().encode()]
        assert (peer.counters.sealed > 0) is (encryption == "always")
        assert peer.open_shells == 0


def test_a_kind_of_authentication_that_is_off_is_refused() -> None:
    from pypsrp.exceptions import AuthenticationError

    with wsman.serve(tls=True, authentication=frozenset({Authentication.NTLM})) as peer:
        for kind in ("basic", "negotiate"):
            with pytest.raises(AuthenticationError):
                winrs(peer, tls=True, data=b"", auth=kind)
        assert peer.counters.shells == 0


# Many machines


def test_one_process_serves_a_thousand_machines(tmp_path: Path) -> None:
    import json

    process = subprocess.Popen(
        (sys.executable, "-m", "tests.lab.wsman", "--hosts", "1000", "--output", "1000"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        assert (ready["first"], ready["last"]) == ("127.0.10.1", "127.0.13.250")
        for address in (ready["first"], "127.0.12.17", ready["last"]):
            protocol = client(f"http://{address}:{ready['port']}/wsman", ready["password"])
            with command(protocol) as (shell, running):
                assert len(protocol.get_command_output(shell, running)[0]) == 1_000
        process.stdin.write("counters\n")
        process.stdin.flush()
        counters = json.loads(process.stdout.readline())
        assert (counters["logins"], counters["open_shells"]) == (3, 0)
        status = Path(f"/proc/{ready['pid']}/status")
        if status.exists():
            peak_kb = next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line)
            assert peak_kb < 100_000
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(120) == 0
