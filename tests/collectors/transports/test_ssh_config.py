"""ssh_config: names, ports, users, keys and jump hosts, alone and against real daemons."""

import shutil
import subprocess
from pathlib import Path

import pytest

from collectors.credentials import Credential, Secret
from collectors.errors import HostKeyUnknown, LoginDenied, NotSupported, Unreachable
from collectors.model import Target
from collectors.transports import ssh
from collectors.transports.secure_shell.client_config import Hop, route
from tests.collectors.transports.conftest import Lab
from tests.lab.sshd import make_key, user

ME = user("user").encode() + b"\n"


def hops(tmp_path: Path, text: str, target: Target, **credential: str) -> list[tuple[str, int, str]]:
    file = tmp_path / "config"
    file.write_text(text)
    found = route(target, Credential(ssh_config=file, **credential))  # type: ignore[arg-type]
    return [(hop.host, hop.port, hop.user) for hop in found]


def test_without_a_file_the_target_speaks_for_itself() -> None:
    target = Target(name="a", address="10.0.0.1", port=2222, user="me")
    assert route(target, Credential()) == (Hop(host="10.0.0.1", port=2222, user="me"),)


def test_a_missing_file_is_no_error(tmp_path: Path) -> None:
    found = route(Target(name="a", user="me"), Credential(ssh_config=tmp_path / "none"))
    assert found == (Hop(host="a", port=22, user="me"),)


@pytest.mark.parametrize("address", ["2001:db8::1", "[2001:db8::1]"])
def test_brackets_around_an_ipv6_address_are_dropped(address: str) -> None:
    assert route(Target(name="a", address=address, user="me"), Credential())[0].host == "2001:db8::1"


def test_the_file_fills_in_what_nobody_stated(tmp_path: Path) -> None:
    text = "Host web*\n HostName %h.example.com\n Port 2200\n User deploy\nHost *\n User other\n"
    assert hops(tmp_path, text, Target(name="web1")) == [("web1.example.com", 2200, "deploy")]


def test_what_target_or_credential_state_beats_the_file(tmp_path: Path) -> None:
    text = "Host *\n Port 2200\n User deploy\n"
    assert hops(tmp_path, text, Target(name="a", port=22, user="me"), user="them") == [("a", 22, "me")]
    assert hops(tmp_path, text, Target(name="a"), user="them") == [("a", 2200, "them")]


def test_jump_hosts_are_visited_in_order_and_chains_followed(tmp_path: Path) -> None:
    text = (
        "Host inner\n ProxyJump ops@mid:2201\n User in\n"
        "Host mid\n HostName mid.example\n ProxyJump outer\n User ignored\n"
        "Host outer\n HostName 192.0.2.9\n Port 2209\n User gate\n"
        "Host listed\n ProxyJump outer,[2001:db8::5]:2205\n User in\n"
        "Host direct\n ProxyJump none\n User in\n"
    )
    chain = [("192.0.2.9", 2209, "gate"), ("mid.example", 2201, "ops"), ("inner", 22, "in")]
    assert hops(tmp_path, text, Target(name="inner")) == chain
    listed = hops(tmp_path, text, Target(name="listed"))
    assert [hop[:2] for hop in listed] == [("192.0.2.9", 2209), ("2001:db8::5", 2205), ("listed", 22)]
    assert len(hops(tmp_path, text, Target(name="direct"))) == 1


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs ssh")
@pytest.mark.peer
def test_ssh_reads_the_same_out_of_the_same_file(tmp_path: Path) -> None:
    """The file below uses what real ones do; `ssh -G` is the answer nobody here wrote."""
    (tmp_path / "more").write_text("Host far\n HostName far.example\n\n")
    text = (
        f"Include {tmp_path}/mo*\n"
        'Host near "quoted"\n HostName=near.example\n  Port\t2022\n'
        "Host *.lan !bad.lan\n User lan\nHost *\n User anyone\n"
    )
    file = tmp_path / "config"
    file.write_text(text)
    for name in ("far", "near", "quoted", "a.lan", "bad.lan", "elsewhere"):
        answer = subprocess.run(["ssh", "-G", "-F", str(file), name], capture_output=True, text=True, check=True).stdout
        expected = dict(line.split(" ", 1) for line in answer.splitlines() if " " in line)
        (hop,) = route(Target(name=name), Credential(ssh_config=file))
        assert (hop.host, str(hop.port), hop.user) == (expected["hostname"], expected["port"], expected["user"]), name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Host a\n ProxyCommand nc %h %p\n", "ProxyCommand"),
        ("Host a\n ProxyJump a\n", "circle"),
        ("Host a\n ProxyJump user@\n", "not \\[user@\\]host"),
        ("Host a\n Port twenty\n", "'twenty', which is no number"),
        ("!!!\n", "not a valid ssh_config"),
    ],
)
def test_what_cannot_be_followed_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(NotSupported, match=words):
        hops(tmp_path, text, Target(name="a"))


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotSupported, match="not a valid ssh_config"):
        route(Target(name="a"), Credential(ssh_config=file))


@pytest.mark.peer
def test_a_host_of_the_file_is_visited_with_its_key_and_name(lab: Lab, tmp_path: Path) -> None:
    daemon = lab.daemon()
    config = tmp_path / "config"
    config.write_text(
        f"Host web\n HostName 127.0.0.1\n Port {daemon.port}\n User {user('user')}\n"
        f" IdentityFile {tmp_path}/absent\n IdentityFile {lab.key}\n HostKeyAlias web.alias\n"
    )
    kind, key = Path(f"{daemon.host_keys[0]}.pub").read_text().split()[:2]
    policy = lab.policy(known_hosts=(lab.known_hosts(extra=f"web.alias {kind} {key}\n"),))
    output = lab.visit(daemon, target=Target(name="web"), policy=policy, key_file=None, ssh_config=config)
    assert output.stdout == ME


@pytest.fixture
def jump_config(lab: Lab, tmp_path: Path) -> Path:
    """target <- second jump <- first jump, each a daemon of its own."""
    first, second, goal = lab.daemon("jump1"), lab.daemon("jump2"), lab.daemon()
    config = tmp_path / "config"
    config.write_text(
        f"Host gate\n HostName 127.0.0.1\n Port {first.port}\n User {user('bash')}\n"
        f"Host mid\n HostName 127.0.0.1\n Port {second.port}\n User {user('bash')}\n ProxyJump gate\n"
        f"Host goal\n HostName 127.0.0.1\n Port {goal.port}\n ProxyJump mid\n"
        f"Host near\n HostName 127.0.0.1\n Port {goal.port}\n ProxyJump gate\n"
    )
    ssh.close()
    return config


@pytest.mark.peer
def test_a_target_behind_a_chain_of_jump_hosts_is_reached(lab: Lab, jump_config: Path) -> None:
    daemons = (lab.daemon("jump1"), lab.daemon("jump2"), lab.daemon())
    before = [daemon.connections() for daemon in daemons]
    for way in ({}, {"password": Secret("Plain-Pass1!")}):
        output = lab.visit(
            daemons[2],
            b"id -un; printf '\\000\\377'; cat /etc/passwd /etc/services\n",
            target=Target(name="goal", user=user("user")),
            policy=lab.policy(*daemons),
            ssh_config=jump_config,
            **way,
        )
        assert output.stdout.startswith(ME + b"\0\xff")
        assert output.stdout.endswith(Path("/etc/services").read_bytes())
        assert output.exit_status == 0
    assert all(daemon.connections() > count for daemon, count in zip(daemons, before, strict=True))


@pytest.mark.peer
def test_one_login_at_the_jump_host_serves_every_target_behind_it(lab: Lab, jump_config: Path) -> None:
    gate, goal = lab.daemon("jump1"), lab.daemon()
    credential = Credential(key_file=lab.key, ssh_config=jump_config)
    policy = lab.policy(gate, goal)
    before = gate.connections()
    from concurrent.futures import ThreadPoolExecutor

    from collectors.transports.base import Deadline

    def visit(number: int) -> bytes:
        target = Target(name="near", user=user("user"))
        script = b"echo %d\n" % number
        return ssh.run(target, script, credential=credential, policy=policy, deadline=Deadline.after(40)).stdout

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(visit, range(12))) == sorted(b"%d\n" % number for number in range(12))
    assert gate.connections() == before + 1


@pytest.mark.peer
def test_a_wrong_password_at_the_jump_host_is_given_once_for_all_targets(lab: Lab, jump_config: Path) -> None:
    gate = lab.daemon("jump1")
    credential = Credential(password=Secret("wr0ng"), ssh_config=jump_config)
    before = gate.log.read_text().count("Failed password")
    from collectors.transports.base import Deadline

    for _ in range(3):
        with pytest.raises(LoginDenied, match=r"at the jump host 127.0.0.1"):
            ssh.run(
                Target(name="near", user=user("user")),
                b"echo\n",
                credential=credential,
                policy=lab.policy(gate, lab.daemon()),
                deadline=Deadline.after(40),
            )
    assert gate.log.read_text().count("Failed password") == before + 1


@pytest.mark.peer
def test_a_jump_host_that_forbids_forwarding_is_named(lab: Lab, tmp_path: Path) -> None:
    gate = lab.daemon("closed-gate", options={"AllowTcpForwarding": "no"})
    config = tmp_path / "config"
    config.write_text(f"Host goal\n HostName 10.255.0.1\n ProxyJump {user('bash')}@127.0.0.1:{gate.port}\n")
    with pytest.raises(Unreachable, match=r"the jump host 127.0.0.1 forbids forwarding to 10.255.0.1:22") as caught:
        lab.visit(gate, target=Target(name="goal", user="x"), policy=lab.policy(gate), ssh_config=config)
    assert "AllowTcpForwarding" in caught.value.hint


@pytest.mark.peer
def test_a_target_the_jump_host_cannot_reach_is_unreachable(lab: Lab, jump_config: Path, tmp_path: Path) -> None:
    gate = lab.daemon("jump1")
    config = tmp_path / "config2"
    config.write_text(f"Host goal\n HostName 127.0.0.1\n Port 1\n ProxyJump {user('bash')}@127.0.0.1:{gate.port}\n")
    with pytest.raises(Unreachable, match=r"the jump host 127.0.0.1 cannot reach 127.0.0.1:1"):
        lab.visit(gate, target=Target(name="goal", user="x"), policy=lab.policy(gate), ssh_config=config)


@pytest.mark.peer
def test_the_host_keys_of_jump_host_and_target_are_both_checked(lab: Lab, jump_config: Path) -> None:
    gate, goal = lab.daemon("jump1"), lab.daemon()
    target = Target(name="near", user=user("user"))
    for known in (gate, goal):
        ssh.close()
        with pytest.raises(HostKeyUnknown):
            lab.visit(goal, target=target, policy=lab.policy(known), ssh_config=jump_config)


@pytest.mark.peer
def test_a_jump_host_refusing_our_key_is_named(lab: Lab, jump_config: Path, tmp_path: Path) -> None:
    gate, goal = lab.daemon("jump1"), lab.daemon()
    stranger = make_key(tmp_path / "stranger")
    with pytest.raises(LoginDenied, match=r"refused at the jump host 127.0.0.1"):
        lab.visit(
            goal,
            target=Target(name="near", user=user("user")),
            policy=lab.policy(gate, goal),
            key_file=stranger,
            ssh_config=jump_config,
        )
