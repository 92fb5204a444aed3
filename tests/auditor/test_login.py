"""How a run logs in: the client file's word, overridden by the command line, resolved for this run's machines only."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.config import load
from auditor.errors import SettingsError
from auditor.login import client_cloud_policy, connection_policy, credentials, overrides
from auditor.settings import CredentialSettings
from collectors.cloud.policy import DeviceCode

_WRITTEN = {
    "main": CredentialSettings(name="main", user="audit", agent=True),
    "other": CredentialSettings(name="other", password="env:SURELY_NOT_SET_ANYWHERE"),
}


def _changes(**given: object) -> dict[str, object]:
    values: dict[str, object] = {"user": None, "key_file": None, "password_from": "", "sudo": None, "auth": None}
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


def test_accepted_certificates_go_to_our_own_file_beside_the_host_keys(home: Path, tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.write_text("")
    policy = connection_policy(
        None, accept_new_host_keys=False, accept_new_certificates=True, deadline_s=None, ca_file=authorities
    )
    assert policy.known_certificates == home / "known_certificates"
    assert (policy.accept_new_certificates, policy.ca_file) == (True, authorities)
    assert not policy.accept_new_host_keys


def test_the_command_that_accepts_a_new_certificate_repeats_this_run() -> None:
    words = ("scan", "winrm://CORP\\audit@pc1", "--password-from", "prompt:")
    policy = connection_policy(None, accept_new_host_keys=False, deadline_s=None, again=words)
    assert policy.accept_certificates_command == (
        "auditor scan 'winrm://CORP\\audit@pc1' --password-from prompt: --accept-new-certificates"
    )


def test_authorities_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--ca-file: there is no file .*absent\.pem"):
        connection_policy(None, accept_new_host_keys=False, deadline_s=None, ca_file=tmp_path / "absent.pem")


def test_a_way_of_winrm_that_an_inventory_asks_for_is_the_operators_own_login_with_that_way() -> None:
    found = credentials({}, {"", ":kerberos"})
    assert (found[""].auth, found[":kerberos"].auth) == ("auto", "kerberos")
    assert found[":kerberos"].user == ""


def test_the_command_lines_auth_overrides_every_other(tmp_path: Path) -> None:
    found = credentials(_WRITTEN, {"main", ":kerberos"}, _changes(auth="ntlm"))
    assert {credential.auth for credential in found.values()} == {"ntlm"}


def test_a_device_code_is_shown_only_where_somebody_may_read_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    assert client_cloud_policy(None).show_device_code is None
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    show = client_cloud_policy(None).show_device_code
    assert show is not None
    show(DeviceCode(tenant="cloud", url="https://x.example", code="AB\x1b[2JCD", expires_at=datetime.now(UTC)))
    said = capsys.readouterr().err
    assert "cloud: open https://x.example and enter the code AB?[2JCD" in said


def test_an_absent_file_of_authorities_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "client.toml").write_text('[client]\nname = "c"\n[graph]\nca_file = "absent.pem"\n')
    with pytest.raises(SettingsError, match=r"graph\.ca_file"):
        client_cloud_policy(load(tmp_path))
