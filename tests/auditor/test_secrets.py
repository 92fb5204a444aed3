"""References lead to secrets in memory, or to an error that gives nothing away."""

import os
import sys
from pathlib import Path

import pytest

from auditor.errors import SecretError
from auditor.secrets import Resolver, check_reference
from auditor.settings import CredentialSettings

needs_posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


def _password(reference: str, **resolver: object) -> str:
    settings = CredentialSettings(name="main", password=reference)
    secret = Resolver(**resolver).credential(settings).password  # type: ignore[arg-type]
    assert secret is not None
    return secret.reveal()


def _secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def test_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_PW", "é:€ x")
    assert _password("env:AUDIT_PW") == "é:€ x"


def test_an_unset_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIT_PW", raising=False)
    with pytest.raises(SecretError, match="env:AUDIT_PW"):
        _password("env:AUDIT_PW")


def test_the_first_line_of_a_file(tmp_path: Path) -> None:
    file = _secret_file(tmp_path, "pass word\nsecond\n")
    assert _password(f"file:{file}") == "pass word"


@needs_posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_others_may_read_is_refused_with_the_command_that_mends_it(tmp_path: Path, mode: int) -> None:
    file = _secret_file(tmp_path, "hunter2", mode)
    with pytest.raises(SecretError) as caught:
        _password(f"file:{file}")
    assert f"chmod 600 {file}" in caught.value.hint
    assert "hunter2" not in str(caught.value)


@needs_posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    file = _secret_file(tmp_path, "hunter2")
    os.chown(file, 12345, 12345)
    with pytest.raises(SecretError, match="another user"):
        _password(f"file:{file}")


def test_an_absent_or_empty_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="cannot be read"):
        _password(f"file:{tmp_path / 'absent'}")
    with pytest.raises(SecretError, match="first line is empty"):
        _password(f"file:{_secret_file(tmp_path, '')}")


def test_a_prompt_is_asked_once_for_all_that_share_it() -> None:
    asked = []

    def ask(question: str) -> str:
        asked.append(question)
        return "typed"

    resolver = Resolver(ask)
    settings = CredentialSettings(
        name="main", password="prompt:Domain password", sudo_password="prompt:Domain password"
    )
    credential = resolver.credential(settings)
    assert credential.password is not None
    assert credential.password.reveal() == "typed"
    assert credential.sudo_password == credential.password
    assert asked == ["Domain password"]


@pytest.mark.parametrize(("name", "question"), [("main", "main: password"), ("", "password")])
def test_a_prompt_without_a_question_asks_for_what_it_is(name: str, question: str) -> None:
    asked = []
    Resolver(lambda text: asked.append(text) or "x").credential(CredentialSettings(name=name, password="prompt:"))
    assert asked == [question]


def test_nobody_is_asked_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(SecretError, match="no terminal"):
        _password("prompt:")


def test_a_keyring_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    monkeypatch.setattr(keyring, "get_password", lambda service, user: f"{service}|{user}")
    assert _password("keyring:auditor/lyon/audit") == "auditor/lyon|audit"
    monkeypatch.setattr(keyring, "get_password", lambda service, user: None)
    with pytest.raises(SecretError) as caught:
        _password("keyring:auditor/audit")
    assert "keyring set auditor audit" in caught.value.hint


def test_a_key_store_that_fails_is_an_error_and_not_an_empty_password(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring")
    from keyring.errors import NoKeyringError

    def refuse(service: str, user: str) -> str:
        raise NoKeyringError

    monkeypatch.setattr(keyring, "get_password", refuse)
    with pytest.raises(SecretError, match="NoKeyringError"):
        _password("keyring:auditor/audit")


@pytest.mark.parametrize("text", ["hunter2", "vault:x", "env:", "file:", "keyring:noslash", ":"])
def test_what_is_no_reference_is_told_without_repeating_it(text: str) -> None:
    problem = check_reference(text)
    assert problem
    assert "hunter2" not in problem


def test_only_the_credentials_asked_for_are_resolved() -> None:
    settings = {
        "used": CredentialSettings(name="used"),
        "unused": CredentialSettings(name="unused", password="env:SURELY_NOT_SET_ANYWHERE"),
    }
    assert list(Resolver().credentials(settings, ["used"])) == ["used"]
