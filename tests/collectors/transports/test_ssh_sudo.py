"""More rights where they work, none where they do not, and never a second guess at a password."""

import pytest

from collectors.credentials import Secret
from collectors.errors import LoginDenied
from collectors.transports import replay
from collectors.transports.base import ConnectionPolicy, Deadline
from tests.collectors.transports.conftest import Lab
from tests.lab import sshd as lab_sshd
from tests.lab.sshd import PASSWORD, user

pytestmark = pytest.mark.peer
WHO = b"id -un; printf '\\000\\377'\n"


@pytest.fixture(autouse=True)
def _sudo(lab: Lab) -> None:
    lab_sshd.require_lab("sudo")


# The password way takes the ordinary path, the key the fast one: both must hold the same dialogue.
WAYS = pytest.mark.parametrize("way", [{}, {"password": Secret(PASSWORD)}], ids=["fast", "ordinary"])


@WAYS
@pytest.mark.parametrize("mode", ["try", "require"])
def test_sudo_without_password(lab: Lab, way: dict[str, Secret], mode: str) -> None:
    output = lab.visit(lab.daemon(), WHO, kind="sudo", sudo=mode, **way)
    assert output.stdout == b"root\n\0\xff"
    assert output.privileged
    assert output.stderr == b""
    assert output.notes == ()


@WAYS
@pytest.mark.parametrize("mode", ["try", "require"])
def test_sudo_with_its_password(lab: Lab, way: dict[str, Secret], mode: str) -> None:
    output = lab.visit(lab.daemon(), WHO, kind="sudopw", sudo=mode, sudo_password=Secret(PASSWORD), **way)
    assert output.stdout == b"root\n\0\xff"
    assert output.privileged


@WAYS
def test_a_password_that_sudo_does_not_ask_for_reaches_nobody(lab: Lab, way: dict[str, Secret]) -> None:
    output = lab.visit(
        lab.daemon(), b"cat; id -un >&2\n", kind="sudo", sudo="try", sudo_password=Secret("s3cr3t"), **way
    )
    assert b"s3cr3t" not in output.stdout + output.stderr
    assert output.stderr == b"root\n"


@WAYS
def test_where_sudo_is_refused_the_script_runs_without_and_says_so(lab: Lab, way: dict[str, Secret]) -> None:
    output = lab.visit(lab.daemon(), WHO + b"exit 9\n", kind="user", sudo="try", **way)
    assert output.stdout == user("user").encode() + b"\n\0\xff"
    assert not output.privileged
    assert output.exit_status == 9
    assert len(output.notes) == 1
    assert output.notes[0].startswith("ran without root: sudo said: ")


@WAYS
def test_where_sudo_is_required_a_refusal_is_a_denial(lab: Lab, way: dict[str, Secret]) -> None:
    with pytest.raises(LoginDenied, match="sudo is required and was not granted") as caught:
        lab.visit(lab.daemon(), WHO, kind="user", sudo="require", **way)
    assert caught.value.hint


@WAYS
def test_a_wrong_password_is_given_once(lab: Lab, way: dict[str, Secret]) -> None:
    output = lab.visit(lab.daemon(), WHO, kind="sudopw", sudo="try", sudo_password=Secret("wr0ng"), **way)
    assert output.notes == ("ran without root: sudo refused the password",)
    assert output.stdout == user("sudopw").encode() + b"\n\0\xff"
    assert b"wr0ng" not in output.stderr


@pytest.mark.parametrize("kind", ["fish", "csh"])
@pytest.mark.parametrize("password", [None, Secret(PASSWORD)], ids=["silent", "asked"])
def test_the_login_shell_does_not_matter_to_sudo(lab: Lab, kind: str, password: Secret | None) -> None:
    output = lab.visit(lab.daemon(), WHO, kind=kind, sudo="try", sudo_password=password)
    granted = kind == "fish" or password is not None
    assert output.privileged is granted
    assert output.stdout == (b"root" if granted else user(kind).encode()) + b"\n\0\xff"


def test_a_nologin_shell_refuses_sudo_as_it_refuses_everything(lab: Lab) -> None:
    output = lab.visit(lab.daemon(), WHO, kind="nologin", sudo="try")
    assert b"not available" in output.stdout
    assert output.notes


def test_root_needs_no_sudo(lab: Lab) -> None:
    from pathlib import Path

    daemon = lab.daemon("rooted")
    daemon.authorize("root", Path(f"{lab.key}.pub"))
    output = lab.visit(daemon, WHO, target=lab.target(daemon, user="root"), sudo="require")
    assert output.privileged
    assert output.stdout.startswith(b"root\n")


def test_a_forced_command_refuses_sudo_and_then_answers_in_its_own_way(lab: Lab) -> None:
    lines = [f"Match User {user('limited')}", "ForceCommand /bin/echo restricted"]
    daemon = lab.daemon("forced-sudo", lines=lines)
    output = lab.visit(daemon, WHO, kind="limited", sudo="try")
    assert output.stdout == b"restricted\n"
    assert output.notes == ("ran without root: sudo did not start a shell",)


def test_sudo_that_stays_silent_is_given_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.transports.outcome.SUDO_PATIENCE_S", 1.0)
    lines = [
        f"Match User {user('limited')}",
        'ForceCommand case "$SSH_ORIGINAL_COMMAND" in sudo*) sleep 300;; *) exec sh -s;; esac',
    ]
    daemon = lab.daemon("silent-sudo", lines=lines)
    for way in ({}, {"password": Secret(PASSWORD)}):
        output = lab.visit(daemon, WHO, kind="limited", sudo="try", **way)
        assert output.stdout.startswith(user("limited").encode())
        assert "sudo gave no answer" in output.notes[0]
        with pytest.raises(LoginDenied, match="sudo gave no answer"):
            lab.visit(daemon, WHO, kind="limited", sudo="require", **way)


def test_no_secret_is_in_a_recording(lab: Lab, tmp_path) -> None:
    from collectors.credentials import Credential
    from collectors.transports import ssh

    daemon = lab.daemon()
    target = lab.target(daemon, "sudopw")
    credential = Credential(password=Secret(PASSWORD), sudo="require", sudo_password=Secret(PASSWORD))
    run = replay.record(ssh.run, tmp_path)
    policy = ConnectionPolicy(known_hosts=lab.policy(daemon).known_hosts)
    run(target, b"env; id >&2\n", credential=credential, policy=policy, deadline=Deadline.after(40))
    content = (tmp_path / "srv1.rec").read_bytes()
    assert b"SUDO_USER=auditlab-sudopw" in content
    assert PASSWORD.encode() not in content
    import base64

    assert base64.b64encode(PASSWORD.encode())[:12] not in content
