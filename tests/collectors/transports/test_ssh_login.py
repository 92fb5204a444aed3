"""Every way to log in, against real OpenSSH; and what is said, and not tried again, when a way is refused."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from collectors.credentials import Secret
from collectors.errors import LoginDenied, NotSupported
from collectors.model import Target
from collectors.transports.base import ConnectionPolicy
from tests.collectors.transports.conftest import Lab
from tests.lab import bad_servers
from tests.lab import sshd as lab_sshd
from tests.lab.bad_servers import Manners
from tests.lab.sshd import PASSWORD, make_key, user

pytestmark = pytest.mark.peer
ME = user("user").encode() + b"\n"


def public(key: Path) -> Path:
    return Path(f"{key}.pub")


@pytest.mark.parametrize(
    ("kind", "bits"), [("ed25519", None), ("ecdsa", 256), ("ecdsa", 521), ("rsa", 3072)], ids=lambda value: str(value)
)
def test_a_key_of_every_kind_opens(lab: Lab, tmp_path: Path, kind: str, bits: int | None) -> None:
    daemon = lab.daemon()
    key = make_key(tmp_path / "key", kind, bits=bits)
    daemon.authorize(user("bash"), public(key), public(lab.key))
    assert lab.visit(daemon, kind="bash", key_file=key).stdout == user("bash").encode() + b"\n"


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_with_a_passphrase_opens(lab: Lab, tmp_path: Path, kind: str) -> None:
    daemon = lab.daemon()
    key = make_key(tmp_path / "key", kind, "grüße & clés")
    daemon.authorize(user("bash"), public(key), public(lab.key))
    output = lab.visit(daemon, kind="bash", key_file=key, passphrase=Secret("grüße & clés"))
    assert output.exit_status == 0


def test_an_old_pem_key_opens(lab: Lab, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", str(key)], check=True)
    daemon = lab.daemon()
    daemon.authorize(user("bash"), public(key), public(lab.key))
    assert lab.visit(daemon, kind="bash", key_file=key).exit_status == 0


@pytest.mark.parametrize(
    ("passphrase", "words"),
    [(None, "no passphrase was given"), (Secret("wrong-one"), "the passphrase is wrong")],
    ids=["none", "wrong"],
)
def test_a_protected_key_without_its_passphrase_is_named_before_any_connection(
    lab: Lab, tmp_path: Path, passphrase: Secret | None, words: str
) -> None:
    daemon = lab.daemon()
    key = make_key(tmp_path / "key", passphrase="secret-phrase")
    before = daemon.connections()
    with pytest.raises(LoginDenied, match=words) as caught:
        lab.visit(daemon, key_file=key, passphrase=passphrase)
    assert str(key) in str(caught.value)
    assert "wrong-one" not in str(caught.value)
    assert passphrase is not None or "ssh-agent" in caught.value.hint
    assert daemon.connections() == before


@pytest.mark.parametrize("content", [b"", b"ssh-ed25519 AAAA public\n", b"PuTTY-User-Key-File-3: ssh-ed25519\n"])
def test_a_file_that_is_no_private_key_is_named(lab: Lab, tmp_path: Path, content: bytes) -> None:
    key = tmp_path / "key"
    key.write_bytes(content)
    with pytest.raises(LoginDenied, match="not a private key"):
        lab.visit(lab.daemon(), key_file=key)


def test_a_missing_key_file_is_named(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(LoginDenied, match=r"gone.*cannot be read"):
        lab.visit(lab.daemon(), key_file=tmp_path / "gone")


def test_a_password_opens(lab: Lab) -> None:
    assert lab.visit(lab.daemon(), password=Secret(PASSWORD)).stdout == ME


def test_a_wrong_password_is_tried_once_and_never_shown(lab: Lab) -> None:
    daemon = lab.daemon("pam", use_pam=True)
    with pytest.raises(LoginDenied, match="password") as caught:
        lab.visit(daemon, password=Secret("not-the-password"))
    assert "not-the-password" not in str(caught.value)
    assert daemon.log.read_text().count("Failed password") == 1


def test_keyboard_interactive_alone_opens_with_the_password(lab: Lab) -> None:
    daemon = lab.daemon("interactive", use_pam=True, options=INTERACTIVE)
    assert lab.visit(daemon, password=Secret(PASSWORD)).stdout == ME


def test_keyboard_interactive_with_a_wrong_password_is_tried_once(lab: Lab) -> None:
    daemon = lab.daemon("interactive", use_pam=True, options=INTERACTIVE)
    with pytest.raises(LoginDenied, match="keyboard-interactive"):
        lab.visit(daemon, password=Secret("not-the-password"))
    assert daemon.log.read_text().count("Failed keyboard-interactive") <= 1


INTERACTIVE = {"PasswordAuthentication": "no", "KbdInteractiveAuthentication": "yes", "PubkeyAuthentication": "no"}


@pytest.mark.parametrize("question", ["Verification code: ", "One-time password: ", "New password: "])
def test_a_question_that_is_not_for_the_password_is_not_answered(lab: Lab, question: str) -> None:
    manners = Manners(questions=((question, False),), accept_keys=False)
    with (
        bad_servers.paramiko_server(manners, paramiko.RSAKey.generate(2048)) as server,
        pytest.raises(LoginDenied, match=question.strip()),
    ):
        lab.visit(lab.daemon(), target=stranger(server.port), policy=accepting(lab), password=Secret(PASSWORD))
    assert manners.answers == []


def stranger(port: int) -> Target:
    return Target(name="srv1", address="127.0.0.1", port=port, user="somebody")


def accepting(lab: Lab) -> ConnectionPolicy:
    return ConnectionPolicy(known_hosts=(lab.known_hosts(),), accept_new_host_keys=True)


@pytest.fixture(scope="session")
def authority(lab: Lab) -> Path:
    return make_key(lab.directory / "user_ca")


def test_a_user_certificate_opens_where_the_key_alone_does_not(lab: Lab, tmp_path: Path, authority: Path) -> None:
    daemon = lab.daemon("certificates", options={"TrustedUserCAKeys": f"{authority}.pub"})
    key = make_key(tmp_path / "key")
    certificate = lab_sshd.sign_user_key(authority, key, user("user"))
    elsewhere = certificate.rename(tmp_path / "elsewhere.pub")
    assert lab.visit(daemon, key_file=key, certificate_file=elsewhere).stdout == ME
    with pytest.raises(LoginDenied):
        lab.visit(daemon, key_file=key)


def test_a_certificate_beside_its_key_is_found(lab: Lab, tmp_path: Path, authority: Path) -> None:
    daemon = lab.daemon("certificates", options={"TrustedUserCAKeys": f"{authority}.pub"})
    key = make_key(tmp_path / "key", "rsa")
    lab_sshd.sign_user_key(authority, key, user("user"))
    assert lab.visit(daemon, key_file=key).stdout == ME


def test_after_an_expired_certificate_the_key_itself_is_offered(lab: Lab, tmp_path: Path, authority: Path) -> None:
    daemon = lab.daemon("certificates", options={"TrustedUserCAKeys": f"{authority}.pub"})
    key = make_key(tmp_path / "key")
    lab_sshd.sign_user_key(authority, key, user("bash"), "-V", "20200101:20200102")
    daemon.authorize(user("bash"), public(key))
    assert lab.visit(daemon, kind="bash", key_file=key).exit_status == 0


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    lab_sshd.require_lab("ssh-agent", "ssh-add")
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    while not path.exists():
        assert process.poll() is None
        os.sched_yield()
    yield path
    process.terminate()
    process.wait()


def add_to_agent(key: Path) -> None:
    subprocess.run(["ssh-add", "-q", str(key)], check=True, capture_output=True)


def test_the_agent_opens_when_it_may_be_asked(lab: Lab, agent: Path, tmp_path: Path) -> None:
    add_to_agent(make_key(tmp_path / "other"))
    add_to_agent(lab.key)
    assert lab.visit(lab.daemon(), agent=True).stdout == ME


def test_a_protected_key_of_ssh_config_is_left_to_the_agent(lab: Lab, agent: Path, tmp_path: Path) -> None:
    daemon = lab.daemon()
    protected = make_key(tmp_path / "protected", passphrase="secret-phrase")
    config = tmp_path / "config"
    config.write_text(f"Host *\n IdentityFile {protected}\n")
    add_to_agent(lab.key)
    assert lab.visit(daemon, agent=True, ssh_config=config).stdout == ME
    with pytest.raises(LoginDenied, match="no passphrase was given"):
        lab.visit(daemon, key_file=None, ssh_config=config)


def test_the_agent_is_not_asked_unless_configured(lab: Lab, agent: Path) -> None:
    add_to_agent(lab.key)
    with pytest.raises(LoginDenied, match="no key, agent or password"):
        lab.visit(lab.daemon(), key_file=None)


def test_without_an_agent_running_the_next_way_is_taken(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nonexistent/agent")
    assert lab.visit(lab.daemon(), agent=True, password=Secret(PASSWORD)).stdout == ME


def test_a_refused_key_is_not_offered_twice_and_the_password_follows(lab: Lab, tmp_path: Path) -> None:
    daemon = lab.daemon("counting", options={"LogLevel": "DEBUG1"})
    key = make_key(tmp_path / "unknown")
    assert lab.visit(daemon, key_file=key, password=Secret(PASSWORD)).stdout == ME
    assert (
        daemon.log.read_text().count("userauth-request for user auditlab-user service ssh-connection method publickey")
        == 1
    )


def test_a_refused_key_alone_ends_with_one_connection(lab: Lab, tmp_path: Path) -> None:
    daemon = lab.daemon("refusing")
    before = daemon.connections()
    with pytest.raises(LoginDenied, match="unknown was refused; the server accepts publickey") as caught:
        lab.visit(daemon, key_file=make_key(tmp_path / "unknown"))
    assert caught.value.hint
    assert daemon.connections() == before + 1


def test_key_and_password_both_required_by_the_server_are_both_given(lab: Lab) -> None:
    daemon = lab.daemon("both", options={"AuthenticationMethods": "publickey,password"})
    assert lab.visit(daemon, key_file=lab.key, password=Secret(PASSWORD)).stdout == ME
    with pytest.raises(LoginDenied, match="not enough"):
        lab.visit(daemon, key_file=lab.key)


def test_an_unknown_user_is_denied(lab: Lab) -> None:
    daemon = lab.daemon()
    with pytest.raises(LoginDenied, match="login as nobody-here was refused"):
        lab.visit(daemon, target=lab.target(daemon, user="nobody-here"))


@pytest.mark.parametrize("kind", ["bash", "fish", "csh"])
def test_the_login_shell_does_not_matter(lab: Lab, kind: str) -> None:
    script = b'x="a b"; for w in $x; do printf "%s;" "$w"; done; echo $((6*7))\n'
    assert lab.visit(lab.daemon(), script, kind=kind).stdout == b"a;b;42\n"


def test_a_nologin_shell_hands_over_what_it_said(lab: Lab) -> None:
    output = lab.visit(lab.daemon(), kind="nologin")
    assert b"not available" in output.stdout
    assert output.exit_status == 1


def test_a_forced_command_hands_over_what_it_said(lab: Lab) -> None:
    daemon = lab.daemon("forced", lines=[f"Match User {user('limited')}", "ForceCommand /bin/echo restricted"])
    output = lab.visit(daemon, b"id -un\n" + b": padding\n" * 300_000, kind="limited")
    assert output.stdout == b"restricted\n"


def test_a_banner_and_a_message_of_the_day_do_not_mix_with_the_answer(lab: Lab) -> None:
    banner = lab.directory / "banner.txt"
    banner.write_text("Accès réservé\n" * 20)
    daemon = lab.daemon("banner", use_pam=True, options={"Banner": str(banner), "PrintMotd": "yes"})
    assert lab.visit(daemon).stdout == ME
    assert lab.visit(daemon, password=Secret(PASSWORD)).stdout == ME


def test_an_ipv6_address_is_visited_as_it_stands(lab: Lab) -> None:
    daemon = lab.daemon("six", addresses=("::1",))
    assert lab.visit(daemon, target=lab.target(daemon, address="::1")).stdout == ME
    assert lab.visit(daemon, target=lab.target(daemon, address="[::1]")).stdout == ME


@pytest.mark.parametrize(
    "options",
    [
        {"KexAlgorithms": "diffie-hellman-group14-sha1,diffie-hellman-group1-sha1"},
        {"HostKeyAlgorithms": "ssh-rsa"},
        {"Ciphers": "chacha20-poly1305@openssh.com"},
    ],
    ids=["kex", "host-key", "cipher"],
)
def test_an_old_appliance_is_told_apart_and_its_algorithms_named(
    lab: Lab, tmp_path: Path, options: dict[str, str]
) -> None:
    name, algorithms = next(iter(options.items()))
    host_key = lab.directory / "old_rsa"
    if not host_key.exists():
        make_key(host_key, "rsa")
    daemon = lab.daemon(f"old-{name}", host_keys=(host_key,), options=options)
    with pytest.raises(NotSupported) as caught:
        lab.visit(daemon)
    assert all(algorithm in str(caught.value) for algorithm in algorithms.split(","))
    assert "OpenSSH_" in str(caught.value)
    assert caught.value.hint


def test_a_server_that_runs_no_command_is_told_apart(lab: Lab) -> None:
    manners = Manners(run_commands=False)
    with (
        bad_servers.paramiko_server(manners, paramiko.RSAKey.generate(2048)) as server,
        pytest.raises(NotSupported, match="runs no command"),
    ):
        lab.visit(lab.daemon(), target=stranger(server.port), policy=accepting(lab))


@pytest.mark.parametrize("way", ["key", "password"])
def test_a_server_that_hangs_up_after_one_refusal_has_denied_the_login(lab: Lab, tmp_path: Path, way: str) -> None:
    daemon = lab.daemon("impatient", options={"MaxAuthTries": "1", "LogLevel": "DEBUG1"})
    credential = {"key_file": make_key(tmp_path / "stranger")} if way == "key" else {"password": Secret("wr0ng")}
    with pytest.raises(LoginDenied, match="Too many authentication failures"):
        lab.visit(daemon, **credential)
    method = "publickey" if way == "key" else "password"
    assert daemon.log.read_text().count(f"service ssh-connection method {method}") == 1
