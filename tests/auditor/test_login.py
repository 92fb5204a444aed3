"""How a run logs in: the client file's word, overridden by the command line, resolved for this run's machines only."""

from pathlib import Path

import pytest

from auditor.errors import SettingsError
from auditor.login import connection_policy, credentials, overrides
from auditor.settings import CredentialSettings

_WRITTEN = {
    "main": CredentialSettings(name="main", user="audit", agent=True),
    "other": CredentialSettings(name="other", password="env:SURELY_NOT_SET_ANYWHERE"),
}


def _changes(**given: object) -> dict[str, object]:
    values: dict[str, object] = {"user": None, "key_file": None, "password_from": "", "sudo": None}
    return overrides(**(values | given))  # type: ignore[arg-type]


def test_only_credentials_of_machines_to_visit_are_resolved() -> None:
    assert set(credentials(_WRITTEN, {"main"})) == {"main"}


def test_the_command_line_overrides_what_it_names_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_PW", "secret")
    found = credentials(_WRITTEN, {"main"}, _changes(password_from="env:AUDIT_PW", sudo="try"))["main"]
    assert (found.user, found.agent, found.sudo) == ("audit", True, "try")
    assert found.password is not None
    assert found.password.reveal() == "secret"
    assert found.sudo_password is not None


def test_a_machine_that_names_no_credential_logs_in_as_the_operator_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    for name in ("config", "id_ed25519", "id_rsa"):
        (tmp_path / ".ssh" / name).write_text("")
    found = credentials({}, {""})[""]
    assert found.agent
    assert found.ssh_config == tmp_path / ".ssh" / "config"
    assert found.key_file == tmp_path / ".ssh" / "id_ed25519"


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.pem"):
        _changes(key_file=tmp_path / "absent.pem")


def test_accepted_host_keys_go_to_our_own_file_and_the_users_are_read_too(home: Path) -> None:
    policy = connection_policy(None, accept_new_host_keys=True, deadline_s=7.0)
    assert policy.known_hosts[0] == home / "known_hosts"
    assert Path.home() / ".ssh" / "known_hosts" in policy.known_hosts
    assert (policy.accept_new_host_keys, policy.host_deadline_s) == (True, 7.0)


def test_the_command_that_accepts_a_new_key_repeats_this_run_with_its_login() -> None:
    words = ("scan", "ssh://a@[::1]:22", "--key", Path("my keys/k"))
    policy = connection_policy(None, accept_new_host_keys=False, deadline_s=None, again=words)
    assert policy.accept_command == "auditor scan 'ssh://a@[::1]:22' --key 'my keys/k' --accept-new-host-keys"
