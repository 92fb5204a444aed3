"""Windows machines are named by a winrm:// address, a list, or an Ansible inventory."""

import json
from pathlib import Path

import pytest

from auditor.errors import SettingsError
from auditor.inventory import select
from auditor.selection import Selection
from collectors.model import Protocol, Target


def _one(expression: str) -> Target:
    (target,) = select([expression]).targets
    return target


def _ansible(folder: Path, **hostvars: dict[str, object]) -> Selection:
    file = folder / "inventory.json"
    file.write_text(json.dumps({"_meta": {"hostvars": hostvars}, "windows": {"hosts": list(hostvars)}}), "utf-8")
    return select([str(file)])


@pytest.mark.parametrize(
    ("expression", "name", "port", "user", "tls"),
    [
        ("winrm://pc1.corp.example", "pc1.corp.example", None, "", None),
        ("winrm://audit@pc1", "pc1", None, "audit", None),
        ("winrm://audit@pc1:5985", "pc1", 5985, "audit", None),
        ("winrm+http://pc1", "pc1", None, "", False),
        ("winrm+https://pc1:5985", "pc1", 5985, "", True),
        ("winrm://pc1:15986", "pc1:15986", 15986, "", None),
        (r"winrm://CORP\audit@pc1", "pc1", None, r"CORP\audit", None),
        ("winrm://CORP%5Caudit@pc1", "pc1", None, r"CORP\audit", None),
        ("winrm://audit@CORP.EXAMPLE@pc1", "pc1", None, "audit@CORP.EXAMPLE", None),
        ("winrm://audit%40CORP.EXAMPLE@pc1", "pc1", None, "audit@CORP.EXAMPLE", None),
        ("winrm://[2001:db8::5]", "2001:db8::5", None, "", None),
        ("winrm+https://audit@[2001:db8::5]:443", "[2001:db8::5]:443", 443, "audit", True),
    ],
)
def test_a_windows_address_is_understood(expression: str, name: str, port: int | None, user: str, tls: object) -> None:
    target = _one(expression)
    assert (target.name, target.port, target.user, target.tls) == (name, port, user, tls)
    assert target.protocol is Protocol.WINRM
    assert target.address in {name, "2001:db8::5", "pc1"}


@pytest.mark.parametrize(
    "expression", ["winrm://", "winrm://pc1/wsman", "winrm://pc1:0", "winrm://[::1", "winrms://pc1"]
)
def test_what_is_no_windows_address_is_refused(expression: str) -> None:
    with pytest.raises(SettingsError):
        select([expression])


def test_a_password_in_a_windows_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        select(["winrm+https://audit:hunter2@pc1"])
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert str(caught.value).startswith("winrm+https://…")


def test_windows_machines_stand_in_a_list_beside_linux_ones(tmp_path: Path) -> None:
    file = tmp_path / "machines.txt"
    file.write_text("srv-web  # linux\nwinrm://pc1\nwinrm+http://pc2:5985\n")
    assert [target.protocol.value for target in select([str(file)]).targets] == ["ssh", "winrm", "winrm"]


def test_an_ansible_winrm_host_is_visited_over_https_on_the_port_it_names(tmp_path: Path) -> None:
    selection = _ansible(
        tmp_path,
        pc1={"ansible_connection": "winrm", "ansible_host": "192.0.2.7", "ansible_user": r"CORP\ops"},
        pc2={"ansible_connection": "ansible.builtin.winrm", "ansible_port": 5985},
        pc3={"ansible_connection": "winrm", "ansible_winrm_scheme": "https", "ansible_winrm_port": "8443"},
    )
    found = {target.name: target for target in selection.targets}
    assert {target.protocol for target in selection.targets} == {Protocol.WINRM}
    assert (found["pc1"].address, found["pc1"].user, found["pc1"].port) == ("192.0.2.7", r"CORP\ops", None)
    assert [found[name].tls for name in ("pc1", "pc2", "pc3")] == [True, False, True]
    assert found["pc3"].port == 8443
    assert found["pc1"].labels == ("windows",)


def test_an_ansible_psrp_host_is_the_same_endpoint(tmp_path: Path) -> None:
    selection = _ansible(
        tmp_path,
        pc1={"ansible_connection": "psrp", "ansible_psrp_host": "192.0.2.8", "ansible_psrp_user": "ops"},
        pc2={"ansible_connection": "psrp", "ansible_psrp_protocol": "http"},
        pc3={"ansible_connection": "psrp", "ansible_psrp_port": 5985},
    )
    first, second, third = selection.targets
    assert (first.address, first.user, first.tls) == ("192.0.2.8", "ops", True)
    assert (second.port, second.tls) == (None, False), "without TLS and port the transport takes 5985"
    assert (third.port, third.tls) == (5985, False)


@pytest.mark.parametrize(
    ("connection", "variable", "written", "credential"),
    [
        ("winrm", "ansible_winrm_transport", "kerberos", ":kerberos"),
        ("winrm", "ansible_winrm_transport", ["ntlm"], ":ntlm"),
        ("winrm", "ansible_winrm_transport", ["kerberos", "ntlm"], ""),
        ("winrm", "ansible_winrm_transport", "ssl", ":basic"),
        ("winrm", "ansible_winrm_transport", "credssp", ""),
        ("psrp", "ansible_psrp_auth", "negotiate", ""),
        ("psrp", "ansible_psrp_auth", "certificate", ":certificate"),
    ],
)
def test_the_way_to_log_in_of_an_inventory_is_kept(
    tmp_path: Path, connection: str, variable: str, written: object, credential: str
) -> None:
    (target,) = _ansible(tmp_path, pc1={"ansible_connection": connection, variable: written}).targets
    assert target.credential == credential


def test_passwords_and_ignored_certificates_of_a_windows_inventory_are_said_to_be_left_aside(tmp_path: Path) -> None:
    variables: dict[str, object] = {
        "ansible_connection": "winrm",
        "ansible_winrm_password": "hunter2",
        "ansible_winrm_server_cert_validation": "ignore",
    }
    selection = _ansible(tmp_path, pc1=variables)
    assert "hunter2" not in repr(selection)
    assert any("passwords written there are not used (1 machines)" in note for note in selection.notes)
    assert any("certificates are checked although" in note and "--ca-file" in note for note in selection.notes)
