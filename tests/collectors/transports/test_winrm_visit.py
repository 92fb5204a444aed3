"""A visit over WinRM from one end to the other, against the loopback peer."""

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator

import pytest

from collectors.credentials import Secret
from collectors.errors import DeadlineExceeded, HostError, LoginDenied, NotSupported, Unreachable, UnsafeProtocol
from collectors.model import Target
from collectors.transports import winrm
from collectors.transports.base import ConnectionPolicy, Interpreter
from tests.collectors.transports.winrm_client import SCRIPT, Later, powershell, target, visit
from tests.lab import bad_servers, wsman
from tests.lab.ports import free_port
from tests.lab.wsman import Account, Answer, Authentication, Operation

ALL_WAYS = frozenset(Authentication)


def test_a_script_runs_sealed_over_plain_http() -> None:
    with powershell() as peer:
        output = visit(peer)
        assert (output.stdout, output.stderr, output.exit_status) == (SCRIPT, b"", 0)
        assert (output.timed_out, output.truncated, output.privileged) == (False, False, False)
        assert output.notes == ()
        assert peer.counters.plain == 0
        assert peer.counters.sealed > 0


def test_a_script_runs_over_https_with_the_login_bound_to_the_connection() -> None:
    with powershell(tls=True, hardening=wsman.Hardening.STRICT) as peer:
        assert visit(peer, tls=True).stdout == SCRIPT


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_one_connection_one_login_one_shell_one_command(tls: bool) -> None:
    with powershell(tls=True) as peer:
        visit(peer, tls=tls)
        counters = peer.counters
        assert (counters.connections, counters.logins, counters.shells, counters.commands) == (1, 1, 1, 1)
        assert counters.auth_legs == 2, "the first request already speaks NTLM"
        assert counters.deletes == 1


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_an_ipv6_literal_reaches_the_machine_it_names(tls: bool) -> None:
    with powershell(tls=True, address="::1") as peer:
        assert visit(peer, tls=tls).stdout == SCRIPT
        assert peer.counters.logins == 1


@pytest.mark.parametrize("password", ["é", "€uro-Paß1", "пароль", "a:b c\"'<&>", "x" * 200])
@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_passwords_of_every_script_open(password: str, auth: str) -> None:
    accounts = (Account(password=password),)
    with powershell(tls=True, accounts=accounts, authentication=ALL_WAYS) as peer:
        assert visit(peer, tls=True, auth=auth, password=Secret(password)).stdout == SCRIPT


@pytest.mark.parametrize("user", ["audit", "AUDIT", "WINLAB01\\audit", ".\\audit"])
def test_a_local_account_may_be_written_in_every_usual_way(user: str) -> None:
    with powershell() as peer:
        assert visit(peer, user=user).stdout == SCRIPT


def test_a_user_beyond_ascii_opens() -> None:
    with powershell(accounts=(Account(name="jérôme"),)) as peer:
        assert visit(peer, user="jérôme").stdout == SCRIPT


def test_the_user_of_the_target_comes_before_that_of_the_credential() -> None:
    with powershell() as peer:
        assert visit(peer, at=target(peer, user="audit"), user="somebody").stdout == SCRIPT


def test_basic_over_https_sends_no_request_without_its_header() -> None:
    with powershell(tls=True, authentication=frozenset({Authentication.BASIC})) as peer:
        assert visit(peer, tls=True, auth="basic").stdout == SCRIPT
        assert peer.counters.failed_logins == 0


@pytest.mark.parametrize("auth", ["basic", "certificate"])
def test_what_would_be_read_by_others_is_refused_before_anything_is_sent(auth: str) -> None:
    with powershell(authentication=ALL_WAYS, allow_unencrypted=True) as peer:
        with pytest.raises(UnsafeProtocol, match=r"over plain HTTP .*: refused") as caught:
            visit(peer, auth=auth)
        assert "HTTPS" in caught.value.hint
        assert peer.counters.connections == 0


def test_a_client_certificate_opens_over_https() -> None:
    accounts = (Account(certificate=True),)
    with powershell(tls=True, accounts=accounts, authentication=frozenset({Authentication.CERTIFICATE})) as peer:
        assert peer.certificates is not None
        own = peer.certificates.client("audit")
        output = visit(
            peer, tls=True, auth="certificate", password=None, certificate_file=own.certificate, key_file=own.key
        )
        assert output.stdout == SCRIPT


def test_a_client_certificate_that_maps_to_nobody_is_refused_in_words() -> None:
    with powershell(tls=True, authentication=frozenset({Authentication.CERTIFICATE})) as peer:
        assert peer.certificates is not None
        own = peer.certificates.client("nobody")
        with pytest.raises(LoginDenied, match="the client certificate was refused") as caught:
            visit(peer, tls=True, auth="certificate", certificate_file=own.certificate, key_file=own.key)
        assert "certmapping" in caught.value.hint


def test_a_client_certificate_that_cannot_be_read_is_told_before_any_connection() -> None:
    with powershell(tls=True) as peer:
        with pytest.raises(LoginDenied, match=r"client certificate .*ca.* cannot be used"):
            visit(peer, tls=True, auth="certificate", certificate_file=peer.ca_file, key_file=peer.ca_file)
        with pytest.raises(LoginDenied, match="no client certificate is configured"):
            visit(peer, tls=True, auth="certificate")


@pytest.mark.parametrize(("lacking", "word"), [({"password": None}, "password"), ({"user": ""}, "user")])
@pytest.mark.parametrize("auth", ["ntlm", "auto"])
def test_a_missing_credential_is_told_before_any_connection(auth: str, lacking: dict[str, object], word: str) -> None:
    with powershell() as peer, pytest.raises(LoginDenied, match=f"no {word} is configured"):
        visit(peer, auth=auth, **lacking)
    assert peer.counters.connections == 0


def test_an_unknown_way_to_log_in_is_told() -> None:
    with powershell() as peer, pytest.raises(NotSupported, match="'digest' is not known"):
        visit(peer, auth="digest")


def test_auto_is_ntlm_where_there_is_no_kerberos() -> None:
    with powershell() as peer:
        assert visit(peer, auth="auto").stdout == SCRIPT


# ---- wrong credentials


@pytest.mark.parametrize("auth", ["ntlm", "auto", "basic"])
def test_a_wrong_password_is_tried_once_and_never_again(auth: str) -> None:
    with powershell(tls=True, authentication=ALL_WAYS) as peer:
        with pytest.raises(LoginDenied, match=r"login as audit by (NTLM|Basic) was refused") as caught:
            visit(peer, tls=True, auth=auth, password=Secret("wr0ng"))
        assert peer.counters.failed_logins == 1
        assert "twice" in caught.value.hint
        assert "wr0ng" not in str(caught.value)


def test_a_locked_account_is_not_knocked_at_again() -> None:
    with powershell(accounts=(Account(locked=True),)) as peer:
        with pytest.raises(LoginDenied, match="refused") as caught:
            visit(peer)
        assert "locked" in caught.value.hint
        assert peer.counters.failed_logins == 1


def test_a_service_that_offers_no_way_of_ours_says_which_it_offers() -> None:
    with powershell(tls=True, authentication=frozenset({Authentication.BASIC})) as peer:
        with pytest.raises(NotSupported, match="does not accept NTLM, only Basic") as caught:
            visit(peer, tls=True)
        assert "winrm/config/service/auth" in caught.value.hint


def test_access_denied_names_the_groups_that_may() -> None:
    with powershell(accounts=(Account(shell_right=False),)) as peer:
        with pytest.raises(LoginDenied, match=r"the account may not open a remote shell \(5\)") as caught:
            visit(peer)
        assert "Remote Management Users" in caught.value.hint


# ---- sizes


@pytest.mark.parametrize("size", [0, 1, 3_040, 89_999, 400_000])
def test_a_script_of_any_size_arrives_unchanged(size: int) -> None:
    script = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(size // 64 + 1))[:size]
    with powershell(lambda text: hashlib.sha256(text.encode()).hexdigest().encode()) as peer:
        assert visit(peer, script.encode()).stdout.decode() == hashlib.sha256(script.encode()).hexdigest()


def test_accents_in_the_script_arrive() -> None:
    with powershell() as peer:
        assert visit(peer, "'é€ß日本'".encode()).stdout.decode() == "'é€ß日本'"


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_three_megabytes_of_answer_arrive_unchanged(tls: bool) -> None:
    answer = hashlib.shake_128(b"x").digest(3_000_000)
    with powershell(lambda _: answer, tls=True) as peer:
        assert visit(peer, tls=tls).stdout == answer


def test_standard_error_is_kept_apart() -> None:
    with powershell(lambda _: Answer(stdout=b"out", stderr=wsman.CLIXML_PROGRESS, exit_code=7)) as peer:
        output = visit(peer)
        assert (output.stdout, output.stderr, output.exit_status) == (b"out", wsman.CLIXML_PROGRESS, 7)


def test_answers_cut_anywhere_are_put_together() -> None:
    answer = bytes(range(256)) * 4
    with powershell(lambda _: answer, stream_bytes=7, streams_per_response=3) as peer:
        assert visit(peer).stdout == answer


def test_a_flood_ends_at_the_limit_and_leaves_no_shell() -> None:
    with wsman.serve(runner=wsman.Flood()) as peer:
        output = visit(peer, policy=ConnectionPolicy(output_limit_bytes=500_000))
        assert len(output.stdout) == 500_000
        assert output.truncated
        assert output.exit_status is None
        assert peer.open_shells == 0


# ---- time


def test_at_the_deadline_what_has_come_is_handed_over_and_the_shell_is_gone() -> None:
    with powershell(lambda _: Answer(steps=(b"early", 300.0, b"late"))) as peer:
        output = visit(peer, deadline_s=6.0)
        assert output.stdout == b"early"
        assert output.timed_out
        assert not output.truncated
        assert output.exit_status is None
        assert peer.counters.connections == 1, "no Receive was under way: the shell is deleted in peace"


def test_silence_longer_than_one_receive_is_waited_out() -> None:
    async def pauses(process: wsman.Process) -> AsyncIterator[wsman.Output]:
        await process.stdin.read()
        yield wsman.Chunk(b"one")
        while not peer.counters.timeouts:  # until the service has answered OperationTimeout
            await asyncio.sleep(0.05)
        yield wsman.Chunk(b"two")
        yield wsman.Exit(0)

    with wsman.serve(runner=pauses) as peer:
        output = visit(peer)
        assert (output.stdout, output.exit_status) == (b"onetwo", 0)
        assert peer.open_shells == 0


def test_a_service_that_stalls_in_mid_answer_is_left_at_the_deadline() -> None:
    with powershell(lambda _: b"x" * 100_000, stall_after_bytes=1000) as peer:
        output = visit(peer, deadline_s=6.0)
        assert output.stdout == b"x" * 1000
        assert output.timed_out


def test_a_service_that_hangs_before_the_shell_is_a_deadline_and_nothing_ran() -> None:
    words = "deadline of the host passed during the start of the shell"
    with powershell(failures={Operation.CREATE: wsman.Hang()}) as peer, pytest.raises(DeadlineExceeded, match=words):
        visit(peer, deadline_s=6.0)


def test_a_service_that_hangs_while_it_should_answer_leaves_what_had_come() -> None:
    with powershell(lambda _: Answer(steps=(b"early", 300.0))) as peer:
        peer.settings.failures = Later(Operation.RECEIVE, wsman.Hang())
        output = visit(peer, deadline_s=6.0)
        assert output.stdout == b"early"
        assert output.timed_out


@pytest.mark.parametrize("answered", range(2, 7))
def test_a_connection_lost_at_any_point_leaves_no_shell_behind(answered: int) -> None:
    """P2: the shell is deleted over a fresh connection; what had come is handed over."""
    with powershell(lambda _: Answer(steps=(b"early", 1.0, b"late")), drop_after=answered) as peer:
        try:
            output = visit(peer)
        except HostError as error:
            assert "connection broke" in str(error)  # noqa: PT017
        else:
            assert output.truncated or output.stdout == b"earlylate"
            assert output.stdout in (b"", b"early", b"earlylate")


def test_a_machine_that_goes_down_for_good_ends_the_visit_at_once() -> None:
    with wsman.serve(
        runner=wsman.RecordedPowerShell(lambda _: Answer(steps=(b"early", 9.0))), drop_after=4, stay_down=True
    ) as peer:
        output = visit(peer)
        assert output.truncated
        assert "connection broke" in output.notes[0]


def test_nothing_on_the_port_is_unreachable_and_the_hint_speaks_of_winrm() -> None:
    port = free_port()
    at = Target(name="pc1", address="127.0.0.1", port=port, tls=False)
    with powershell() as peer, pytest.raises(Unreachable, match=rf"port {port} \(127.0.0.1: refused") as caught:
        visit(peer, at=at)
    assert "winrm quickconfig" in caught.value.hint


def test_a_dead_machine_costs_the_probe_and_no_more() -> None:
    policy = ConnectionPolicy(probe_timeout_s=0.3)
    with bad_servers.unanswered_port() as port, powershell() as peer:
        at = Target(name="pc1", address="127.0.0.1", port=port, tls=False)
        with pytest.raises(Unreachable, match=r"no answer within 0.3 s"):
            visit(peer, at=at, policy=policy)


# ---- commands, and machines without PowerShell


def test_a_command_line_runs_in_a_shell_of_its_own() -> None:
    registry = {"HKLM\\SOFTWARE\\X": "Édition\r\n".encode()}
    with wsman.serve(runner=wsman.CommandPrompt(registry=registry)) as peer:
        output = visit(peer, b'reg.exe query "HKLM\\SOFTWARE\\X"', run=winrm.run_command)
        assert output.stdout.decode() == "Édition\r\n"
        assert output.exit_status == 0
        assert peer.open_shells == 0


def test_a_command_line_of_more_than_one_line_is_our_own_mistake() -> None:
    with powershell() as peer:
        for line in (b"a\nb", b"x" * 8192, b"\xff"):
            with pytest.raises(ValueError, match=r"one line|ascii"):
                visit(peer, line, run=winrm.run_command)


def test_without_powershell_the_words_of_cmd_exe_come_back() -> None:
    with wsman.serve(runner=wsman.CommandPrompt()) as peer:
        output = visit(peer)
        assert output.stdout == b""
        assert b"powershell.exe' is not recognized" in output.stderr
        assert output.exit_status == 1
        assert not output.truncated
        assert peer.open_shells == 0


async def _not_found(process: wsman.Process) -> AsyncIterator[wsman.Output]:
    await asyncio.sleep(0)
    yield wsman.Chunk("'powershell.exe' n’est pas reconnu".encode(), "stderr")
    yield wsman.Exit(9009)


def test_exit_code_9009_is_noted_as_powershell_missing() -> None:
    with wsman.serve(runner=_not_found) as peer:
        output = visit(peer)
        assert output.exit_status == 9009
        assert output.notes == ("cmd.exe found no powershell.exe",)


@pytest.mark.parametrize(("code", "words"), [(2147942402, "not found"), (2147943660, "a policy .* forbids")])
def test_powershell_that_cannot_start_is_an_answer_and_no_error(code: int, words: str) -> None:
    import re

    failures = {Operation.COMMAND: wsman.Fault(code=code, reason="?")}
    with powershell(failures=failures) as peer:
        output = visit(peer)
        assert output.stdout == b""
        assert output.exit_status == code & 0xFFFF
        assert re.search(words, output.notes[0])


def test_a_script_that_refuses_its_input_still_tells_what_it_printed() -> None:
    async def deaf(process: wsman.Process) -> AsyncIterator[wsman.Output]:
        await asyncio.sleep(0)
        yield wsman.Chunk(b"no thanks")
        yield wsman.Exit(3)

    with wsman.serve(runner=deaf) as peer:
        output = visit(peer)
        assert output.stdout == b"no thanks"
        assert output.exit_status == 3


def test_the_transport_says_what_it_is() -> None:
    assert winrm.TRANSPORT.interpreter is Interpreter.POWERSHELL
    assert winrm.TRANSPORT.default_port == 5986
    assert winrm.TRANSPORT.run_command is winrm.run_command


@pytest.mark.parametrize(
    ("port", "tls", "expected"),
    [
        (None, None, (5986, True)),
        (None, False, (5985, False)),
        (None, True, (5986, True)),
        (5985, None, (5985, False)),
        (5986, None, (5986, True)),
        (443, None, (443, True)),
        (5985, True, (5985, True)),
    ],
)
def test_the_port_decides_about_tls_unless_the_target_does(
    port: int | None, tls: bool | None, expected: tuple[int, bool]
) -> None:
    from collectors.transports.wsman.endpoint import endpoint

    where = endpoint(Target(name="x", address="x", port=port, tls=tls))
    assert (where.port, where.tls) == expected


def test_an_ipv6_zone_stays_out_of_headers_and_certificates() -> None:
    from collectors.transports.wsman.endpoint import Endpoint

    where = Endpoint("fe80::1%eth0", 5985, tls=False)
    assert where.place == "[fe80::1]:5985"
    assert where.is_address


def test_the_deadline_of_a_visit_already_over_sends_nothing() -> None:
    with powershell() as peer:
        with pytest.raises(DeadlineExceeded):
            visit(peer, deadline_s=-1.0)
        assert peer.counters.logins == 0


def test_the_target_is_not_changed() -> None:
    with powershell() as peer:
        at = target(peer)
        before = dataclasses.astuple(at)
        visit(peer, at=at)
        assert dataclasses.astuple(at) == before
