"""Servers that refuse, hang, flood or lie: each ends in a clear error or a partial answer, never in a hang."""

import dataclasses
import errno
import socket

import paramiko
import pytest

from collectors.credentials import Credential, Secret
from collectors.errors import ConversationFailed, DeadlineExceeded, HostError, LoginDenied, NotSupported, Unreachable
from collectors.model import Target
from collectors.transports import sockets, ssh
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput
from tests.collectors.transports.conftest import Lab, within_patience
from tests.lab import bad_servers
from tests.lab.bad_servers import Behavior, Manners
from tests.lab.ports import free_port
from tests.lab.sshd import PASSWORD, user

PASSWORD_ONLY = Credential(user="somebody", password=Secret("x"))


def visit(
    port: int,
    *,
    credential: Credential = PASSWORD_ONLY,
    deadline_s: float = 20.0,
    address: str = "127.0.0.1",
    **policy: float,
) -> ScriptOutput:
    target = Target(name="srv1", address=address, port=port)
    settings = ConnectionPolicy(**{"probe_timeout_s": 0.5} | policy)  # type: ignore[arg-type]
    output: ScriptOutput = within_patience(
        ssh.run, target, b"echo\n", credential=credential, policy=settings, deadline=Deadline.after(deadline_s)
    )
    return output


# What these do not say is waited for; the others are told by what they do, however slowly.
SILENT = (bad_servers.says_nothing, bad_servers.drips_its_banner, bad_servers.hangs_in_key_exchange)


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (bad_servers.resets, "reset|closed before"),
        (bad_servers.closes_at_once, "closed before the SSH server said anything"),
        (bad_servers.says_nothing, "the port is open, but nothing speaks"),
        (bad_servers.drips_its_banner, "stopped answering during the key exchange"),
        (bad_servers.hangs_in_key_exchange, "stopped answering during the key exchange"),
        (bad_servers.floods_before_its_banner, "talks without end and is no SSH server"),
        (bad_servers.talks_lines_without_end, "no SSH server.*welcome to this very talkative"),
        (bad_servers.speaks_http, r"no SSH server; it said 'HTTP/1.1 400 Bad Request'"),
        (bad_servers.turns_to_garbage, "during the key exchange"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("way", ["fast", "ordinary"])
def test_a_bad_server_is_told_in_words(request: pytest.FixtureRequest, behave: Behavior, words: str, way: str) -> None:
    credential = PASSWORD_ONLY
    if way == "fast":
        credential = Credential(user="somebody", key_file=request.getfixturevalue("lab").key)
    with bad_servers.serve(behave) as server, pytest.raises(ConversationFailed, match=words) as caught:
        visit(server.port, credential=credential, connect_timeout_s=1.0 if behave in SILENT else 15.0)
    assert caught.value.subject == "srv1"
    assert server.visits == 1


def test_a_server_of_ssh_version_1_is_not_supported() -> None:
    with bad_servers.serve(bad_servers.speaks_ssh_1) as server, pytest.raises(NotSupported, match="version"):
        visit(server.port)


@pytest.mark.parametrize(
    "behave", [bad_servers.says_nothing, bad_servers.drips_its_banner], ids=lambda value: value.__name__
)
def test_the_deadline_of_the_host_beats_every_other_patience(behave: Behavior) -> None:
    with bad_servers.serve(behave) as server, pytest.raises(DeadlineExceeded, match="deadline of the host passed"):
        visit(server.port, deadline_s=0.5, connect_timeout_s=30.0)


def test_a_refused_connection_is_unreachable_and_names_the_address() -> None:
    port = free_port()
    with pytest.raises(Unreachable, match=rf"port {port} \(127.0.0.1: refused the connection\)") as caught:
        visit(port)
    assert caught.value.hint


def test_a_port_that_does_not_answer_is_given_up_after_the_probe() -> None:
    with bad_servers.unanswered_port() as port, pytest.raises(Unreachable, match=r"no answer within 0.5 s"):
        visit(port)


def test_an_unknown_name_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable, match=r"the name 'no-such-host.invalid' cannot be resolved"):
        visit(22, address="no-such-host.invalid")


def test_a_name_that_cannot_exist_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="cannot be resolved"):
        visit(22, address="x" * 70 + ".example")


def test_a_name_server_that_does_not_answer_does_not_hold_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    release = threading.Event()
    monkeypatch.setattr(sockets.socket, "getaddrinfo", lambda *args, **kwargs: release.wait() and [])
    try:
        with pytest.raises(Unreachable, match="could not be resolved in time"):
            visit(22, address="slow.example")
        with pytest.raises(DeadlineExceeded, match="could not be resolved in time"):
            visit(22, address="slow.example", deadline_s=0.3)
    finally:
        release.set()


def test_of_several_addresses_the_one_that_answers_is_used(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = lab.daemon()

    def both(host: str, port: int, *args: object, **kwargs: object) -> list[tuple[object, ...]]:
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        return [six, four]

    monkeypatch.setattr(sockets.socket, "getaddrinfo", both)
    known = lab.known_hosts(extra=daemon.known_hosts_lines(f"[dual.example]:{daemon.port}"))
    target = lab.target(daemon, address="dual.example")
    output = lab.visit(daemon, target=target, policy=lab.policy(known_hosts=(known,)))
    assert output.stdout == user("user").encode() + b"\n"
    with pytest.raises(Unreachable, match=r"::1: refused the connection; 127.0.0.1: refused the connection"):
        visit(free_port(), address="dual.example")


def test_without_ipv6_on_this_machine_the_other_address_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(host: str, port: int, *args: object, **kwargs: object) -> list[tuple[object, ...]]:
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        return [six, (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    real = socket.socket

    def without_ipv6(family: int, *args: int, **kwargs: object) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *args)

    monkeypatch.setattr(sockets.socket, "getaddrinfo", both)
    with bad_servers.serve(bad_servers.says_nothing) as server:
        monkeypatch.setattr(sockets.socket, "socket", without_ipv6)
        policy = ConnectionPolicy()
        with sockets.dial(
            "h", "dual.example", server.port, policy=policy, deadline=Deadline.after(9), hint="?"
        ) as sock:
            assert sock.getpeername()[0] == "127.0.0.1"
        port = free_port_of(real)
        with pytest.raises(Unreachable, match=r"::1: Address family not supported"):
            sockets.dial("h", "dual.example", port, policy=policy, deadline=Deadline.after(9), hint="?")


def free_port_of(kind: type[socket.socket]) -> int:
    with kind(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_name_with_a_nul_inside_is_unreachable_at_once() -> None:
    with pytest.raises(Unreachable, match="cannot be resolved"):
        visit(22, address="a\0b.example")


@pytest.mark.peer
@pytest.mark.parametrize("way", [{}, {"password": Secret(PASSWORD)}], ids=["fast", "ordinary"])
class TestAfterLogin:
    """The command was accepted: from then on whatever came is handed over."""

    def test_a_connection_lost_mid_output_hands_over_what_came(self, lab: Lab, way: dict[str, Secret]) -> None:
        lines = [f"Match User {user('limited')}", "ForceCommand printf kept; sleep 2; kill -9 $PPID; sleep 5"]
        output = lab.visit(lab.daemon("killed", lines=lines), kind="limited", **way)
        assert output.stdout == b"kept"
        assert output.truncated
        assert not output.timed_out
        assert output.exit_status is None
        assert "the connection was lost while the script ran" in output.notes

    def test_a_command_that_hangs_is_timed_out(self, lab: Lab, way: dict[str, Secret]) -> None:
        lines = [f"Match User {user('limited')}", "ForceCommand sleep 600"]
        output = lab.visit(lab.daemon("hung", lines=lines), kind="limited", deadline_s=5.0, **way)
        assert output == ScriptOutput(stdout=b"", timed_out=True)

    def test_a_command_killed_by_a_signal_has_no_status(self, lab: Lab, way: dict[str, Secret]) -> None:
        output = lab.visit(lab.daemon(), b"printf before; kill -TERM $$\n", kind="bash", **way)
        assert output.stdout == b"before"
        assert output.exit_status is None

    def test_endless_output_stops_at_the_limit(self, lab: Lab, way: dict[str, Secret]) -> None:
        daemon = lab.daemon()
        policy = dataclasses.replace(lab.policy(daemon), output_limit_bytes=3_000_000)
        output = lab.visit(daemon, b"yes 0123456789abcdef\n", policy=policy, **way)
        assert len(output.stdout) == 3_000_000
        assert output.truncated


@pytest.mark.parametrize("way", ["fast", "ordinary"])
@pytest.mark.parametrize("hang", ["channel", "command"])
def test_a_server_that_hangs_after_the_login(lab: Lab, hang: str, way: str) -> None:
    manners = Manners(hang=hang, password="x")
    credential = PASSWORD_ONLY if way == "ordinary" else Credential(user="somebody", key_file=lab.key)
    with bad_servers.paramiko_server(manners, paramiko.RSAKey.generate(2048)) as server:
        target = Target(name="srv1", address="127.0.0.1", port=server.port)
        policy = ConnectionPolicy(known_hosts=(lab.known_hosts(),), accept_new_host_keys=True)

        def run() -> ScriptOutput | HostError:
            try:
                return ssh.run(target, b"echo\n", credential=credential, policy=policy, deadline=deadline)
            except HostError as error:
                return error

        deadline = Deadline.after(5.0)
        result = within_patience(run)
    if hang == "command":
        assert result == ScriptOutput(stdout=b"", timed_out=True)
    else:
        assert isinstance(result, DeadlineExceeded)


def test_a_server_that_hangs_in_the_login(lab: Lab) -> None:
    manners = Manners(hang="login")
    with bad_servers.paramiko_server(manners, paramiko.RSAKey.generate(2048)) as server:
        target = Target(name="srv1", address="127.0.0.1", port=server.port, user="somebody")
        policy = ConnectionPolicy(known_hosts=(lab.known_hosts(),), accept_new_host_keys=True)
        with pytest.raises(DeadlineExceeded, match="during the login"):
            lab.visit(lab.daemon(), target=target, policy=policy, deadline_s=5.0)


def test_without_any_way_to_log_in_nobody_is_called() -> None:
    with bad_servers.serve(bad_servers.says_nothing) as server:
        with pytest.raises(LoginDenied, match="no key, agent or password is configured to log in as somebody"):
            visit(server.port, credential=Credential(user="somebody"))
        assert server.visits == 0
