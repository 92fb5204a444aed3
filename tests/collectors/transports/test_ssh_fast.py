"""The one-flight way: taken where it should be, believed only when the server agrees, else left for the other."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from collectors.credentials import Credential, Secret
from collectors.errors import HostKeyUnknown, LoginDenied
from collectors.model import Target
from collectors.transports import ssh
from collectors.transports.base import ConnectionPolicy, Deadline
from collectors.transports.secure_shell import fast, ordinary, sockets, wire
from tests.collectors.transports.conftest import Lab
from tests.lab import bad_servers, sshd
from tests.lab.bad_servers import Manners
from tests.lab.ports import free_port
from tests.lab.sshd import PASSWORD, user

ME = user("user").encode() + b"\n"


@pytest.fixture
def no_ordinary_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail("the ordinary way was taken")

    monkeypatch.setattr(ordinary, "log_in", refuse)


@pytest.fixture
def ordinary_logins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry per login the ordinary way."""
    logins: list[str] = []
    log_in = ordinary.log_in

    def counted(wire: object, name: str, *args: object, **kwargs: object) -> None:
        logins.append(name)
        log_in(wire, name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ordinary, "log_in", counted)
    return logins


@pytest.mark.peer
@pytest.mark.usefixtures("no_ordinary_way")
def test_a_key_takes_the_fast_way_to_openssh(lab: Lab) -> None:
    assert lab.visit(lab.daemon()).stdout == ME


@pytest.mark.peer
@pytest.mark.usefixtures("no_ordinary_way")
def test_login_channel_and_command_leave_in_one_flight(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent between the client's new keys and the answer to login, channel and command."""
    turns: list[str] = []
    guarded = sockets.GuardedSocket

    def read(self: sockets.GuardedSocket, original=guarded._read) -> bytes:
        data = original(self)
        turns.append("read")
        return data

    def send(self: sockets.GuardedSocket, data: bytes, original=guarded.send) -> int:
        if self._held is None:
            turns.append("send")
        return original(self, data)

    monkeypatch.setattr(guarded, "_read", read)
    monkeypatch.setattr(guarded, "send", send)
    assert lab.visit(lab.daemon()).stdout == ME
    exchanges = [turn for number, turn in enumerate(turns) if number == 0 or turns[number - 1] != turn]
    # version, algorithms + key exchange, the flight, the script, good-bye: five changes from sending to reading
    assert exchanges.count("send") <= 6


@pytest.mark.peer
@pytest.mark.usefixtures("no_ordinary_way")
@pytest.mark.parametrize("limit", ["16K", "default 1s"], ids=["by-volume", "by-time"])
def test_keys_renewed_by_the_server_in_mid_talk_lose_nothing(lab: Lab, limit: str) -> None:
    daemon = lab.daemon(f"rekey-{limit[:3].strip()}", options={"RekeyLimit": limit, "LogLevel": "DEBUG1"})
    script = b"seq 1 60000; sleep 1.2; seq 1 60000; cat >/dev/null\n" + b": padding padding padding\n" * 40_000
    expected = "".join(f"{number}\n" for number in range(1, 60001)).encode() * 2
    assert lab.visit(daemon, script).stdout == expected
    assert daemon.log.read_text().count("SSH2_MSG_KEXINIT sent") > 1


def test_a_server_that_numbers_channels_otherwise_is_visited_the_ordinary_way(
    lab: Lab, ordinary_logins: list[str]
) -> None:
    manners = Manners(first_channel=7)
    assert talk(lab, manners) == b"heard echo\n"
    assert ordinary_logins == ["somebody"]


@pytest.mark.peer
def test_a_paramiko_without_an_inner_part_is_used_the_ordinary_way(
    lab: Lab, ordinary_logins: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "_INNER_PARTS", (*fast._INNER_PARTS, "_renamed_since"))
    assert lab.visit(lab.daemon()).stdout == ME
    assert ordinary_logins == [user("user")]


@pytest.mark.peer
@pytest.mark.parametrize("part", ["_login_request", "_handlers", "_open_channel"])
@pytest.mark.parametrize("error", [AttributeError, TypeError])
def test_a_paramiko_that_works_otherwise_inside_is_used_the_ordinary_way(
    lab: Lab, ordinary_logins: list[str], monkeypatch: pytest.MonkeyPatch, part: str, error: type[Exception]
) -> None:
    def changed(*_: object) -> None:
        raise error("'Transport' object has no attribute '_renamed'")

    monkeypatch.setattr(fast.FastWire, part, changed)
    assert lab.visit(lab.daemon()).stdout == ME
    assert ordinary_logins == [user("user")]


@pytest.mark.peer
@pytest.mark.parametrize("way", [{}, {"password": Secret(PASSWORD)}], ids=["fast", "ordinary"])
def test_no_login_without_a_checked_host_key_whatever_paramiko_calls_its_parts(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, way: dict[str, Secret]
) -> None:
    monkeypatch.delattr(wire.Wire, "_verify_key")  # as if paramiko called the method by another name
    with pytest.raises(HostKeyUnknown):
        lab.visit(lab.daemon(), policy=lab.policy(), **way)
    assert lab.visit(lab.daemon(), **way).stdout == ME


@pytest.mark.usefixtures("no_ordinary_way")
def test_a_server_of_another_make_goes_along_too(lab: Lab) -> None:
    assert talk(lab, Manners()) == b"heard echo\n"


def test_a_refused_key_is_shown_to_the_server_once(lab: Lab, ordinary_logins: list[str]) -> None:
    manners = Manners(accept_keys=False)
    with pytest.raises(LoginDenied):
        talk(lab, manners)
    assert len(manners.attempts) == 1
    assert ordinary_logins == []


def talk(lab: Lab, manners: Manners) -> bytes:
    with bad_servers.paramiko_server(manners, paramiko.RSAKey.generate(2048)) as server:
        policy = ConnectionPolicy(known_hosts=(lab.known_hosts(),), accept_new_host_keys=True)
        target = Target(name="srv1", address="127.0.0.1", port=server.port, user="somebody")
        credential = Credential(key_file=lab.key)
        return ssh.run(target, b"echo\n", credential=credential, policy=policy, deadline=Deadline.after(30)).stdout


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    import socket

    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.peer
def test_dropbear_goes_along_and_answers_a_wrong_key(lab: Lab, tmp_path: Path, ordinary_logins: list[str]) -> None:
    sshd.require_lab("dropbear", "dropbearkey")
    home = Path(f"~{user('bash')}").expanduser() / ".ssh"
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "authorized_keys").write_text(Path(f"{lab.key}.pub").read_text())
    (home / "authorized_keys").chmod(0o600)
    for path in (home, home / "authorized_keys"):
        shutil.chown(path, user("bash"), user("bash"))
    host_key, port = tmp_path / "host", free_port()
    subprocess.run(["dropbearkey", "-t", "ed25519", "-f", str(host_key)], check=True, capture_output=True)
    with running(
        ["dropbear", "-F", "-E", "-r", str(host_key), "-p", f"127.0.0.1:{port}", "-P", str(tmp_path / "pid")], port
    ):
        policy = ConnectionPolicy(known_hosts=(tmp_path / "known",), accept_new_host_keys=True)
        target = Target(name="box", address="127.0.0.1", port=port, user=user("bash"))

        def visit(key: Path) -> bytes:
            script = b"id -un; printf '\\000\\377'\n"
            credential = Credential(key_file=key)
            return ssh.run(target, script, credential=credential, policy=policy, deadline=Deadline.after(30)).stdout

        assert visit(lab.key) == user("bash").encode() + b"\n\0\xff"
        with pytest.raises(LoginDenied):
            visit(sshd.make_key(tmp_path / "stranger"))
    assert ordinary_logins == []


@pytest.mark.peer
@pytest.mark.parametrize("kind", ["user", "bash", "fish", "csh"])
def test_openssh_s_own_client_returns_the_same_bytes(lab: Lab, kind: str) -> None:
    """The check that does without paramiko: same host, same script, another program."""
    sshd.require_lab("ssh")
    daemon = lab.daemon()
    script = (
        b"export LC_ALL=C\nprintf '\\000\\001\\377\\r\\n'; cat /etc/passwd; dpkg-query -W 2>/dev/null\n"
        b"printf 'to stderr' >&2; exit 7\n"
    )
    options = [
        f"-oUserKnownHostsFile={lab.known_hosts(daemon)}",
        "-oStrictHostKeyChecking=yes",
        "-oBatchMode=yes",
        "-F",
        "none",
    ]
    command = ["ssh", "-i", str(lab.key), "-p", str(daemon.port), *options, f"{user(kind)}@127.0.0.1", "sh -s"]
    theirs = subprocess.run(command, input=script, capture_output=True, check=False)
    ours = lab.visit(daemon, script, kind=kind)
    assert (ours.stdout, ours.stderr, ours.exit_status) == (theirs.stdout, theirs.stderr, theirs.returncode)
    assert len(ours.stdout) > 1000
