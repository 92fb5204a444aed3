"""What a person names becomes a target; nothing named is dropped in silence."""

import json
import socket
from pathlib import Path

import pytest

from auditor.config import load
from auditor.errors import SettingsError
from auditor.inventory import Selection, select
from auditor.settings import ClientSettings
from collectors.model import Protocol, Target


def _one(expression: str) -> Target:
    (target,) = select([expression]).targets
    return target


def _client(folder: Path) -> ClientSettings:
    (folder / "client.toml").write_text(
        """
[client]
name = "Fournil"
[[machines]]
name = "web"
address = "192.0.2.1"
labels = ["dmz", "prod"]
[[machines]]
name = "db"
address = "192.0.2.2"
labels = ["prod"]
""",
        "utf-8",
    )
    return load(folder)


@pytest.mark.parametrize(
    ("expression", "name", "address", "port", "user"),
    [
        ("ssh://audit@srv.example:2222", "srv.example:2222", "srv.example", 2222, "audit"),
        ("ssh://srv.example", "srv.example", "srv.example", None, ""),
        ("ssh://srv.example:22", "srv.example", "srv.example", 22, ""),
        ("srv.example", "srv.example", "srv.example", None, ""),
        ("root@10.0.0.1:22", "10.0.0.1", "10.0.0.1", 22, "root"),
        ("::1", "::1", "::1", None, ""),
        ("fe80::1%eth0", "fe80::1%eth0", "fe80::1%eth0", None, ""),
        ("[::1]:2222", "[::1]:2222", "::1", 2222, ""),
        ("ssh://audit@[2001:db8::5]:2222", "[2001:db8::5]:2222", "2001:db8::5", 2222, "audit"),
        ("ssh://[2001:db8::5]", "2001:db8::5", "2001:db8::5", None, ""),
        ("ssh://DOM%5Cbob@srv", "srv", "srv", None, "DOM\\bob"),
    ],
)
def test_an_address_is_understood(expression: str, name: str, address: str, port: int | None, user: str) -> None:
    target = _one(expression)
    assert (target.name, target.address, target.port, target.user) == (name, address, port, user)
    assert target.protocol is Protocol.SSH


def test_local_is_this_machine_by_its_own_name() -> None:
    target = _one("local")
    assert (target.protocol, target.name) == (Protocol.LOCAL, socket.gethostname())


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "ssh://",
        "ssh://host:99999",
        "ssh://host/path",
        "two words",
        "host:0",
        "ssh://host:0",
        "no-such-file.json",
        "ssh://[::1",
    ],
)
def test_what_means_nothing_is_refused_with_the_forms_there_are(expression: str) -> None:
    with pytest.raises(SettingsError):
        select([expression])


@pytest.mark.parametrize(
    "expression", ["ssh://audit:hunter2@srv", "audit:hunter2@srv", "audit:hunter2@srv:2222", "audit:hunt@er2@srv"]
)
def test_a_password_in_an_address_is_refused_and_not_repeated(expression: str) -> None:
    with pytest.raises(SettingsError) as caught:
        select([expression])
    assert "er2" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "--password-from" in caught.value.hint


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """They could not be stored, and would end the run after the visits."""
    with pytest.raises(SettingsError, match="not valid text"):
        select(["srv\udcff"])
    (tmp_path / "a\udcff.rec").write_bytes(b"")
    with pytest.raises(SettingsError, match="not valid text"):
        select([f"replay:{tmp_path}"])
    inventory = tmp_path / "inventory.json"
    inventory.write_text('{"_meta": {"hostvars": {"\\ud800": {}}}}')
    with pytest.raises(SettingsError, match="not valid text"):
        select([str(inventory)])


def test_the_same_machine_named_twice_is_visited_once() -> None:
    assert len(select(["srv", "srv", "ssh://srv"]).targets) == 1


def test_two_machines_of_one_name_are_an_error() -> None:
    with pytest.raises(SettingsError, match="two different machines"):
        select(["ssh://a@srv", "ssh://b@srv"])


def test_names_and_labels_of_the_client_file(tmp_path: Path) -> None:
    client = _client(tmp_path)
    assert [target.name for target in select(["@prod"], client=client).targets] == ["web", "db"]
    assert [target.address for target in select(["DB", "@dmz"], client=client).targets] == ["192.0.2.2", "192.0.2.1"]


def test_an_unknown_host_of_a_client_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        select(["wbe"], client=_client(tmp_path))
    assert caught.value.hint == "Did you mean `web`?"


def test_an_unknown_label_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        select(["@backup"], client=_client(tmp_path))
    assert "dmz, prod" in caught.value.hint


def test_a_label_without_client_file_says_what_is_missing() -> None:
    with pytest.raises(SettingsError, match="labels belong to a client file"):
        select(["@web"])


def test_a_plain_list_with_comments(tmp_path: Path) -> None:
    file = tmp_path / "machines.txt"
    file.write_text("# ours\nsrv1\n\naudit@srv2:2222   # the other\n", "utf-8")
    assert [target.name for target in select([str(file)]).targets] == ["srv1", "srv2:2222"]


def test_a_wrong_line_of_a_list_is_named_by_its_number(tmp_path: Path) -> None:
    file = tmp_path / "machines.txt"
    file.write_text("srv1\n[webservers]\n", "utf-8")
    with pytest.raises(SettingsError) as caught:
        select([str(file)])
    assert caught.value.subject == f"{file}:2"


def test_a_list_that_names_itself_does_not_run_in_circles(tmp_path: Path) -> None:
    file = tmp_path / "machines.txt"
    file.write_text(f"{file}\n", "utf-8")
    with pytest.raises(SettingsError, match="one target expression a line"):
        select([str(file)])


def test_an_empty_list_is_an_error_and_not_an_empty_audit(tmp_path: Path) -> None:
    file = tmp_path / "machines.txt"
    file.write_text("# none yet\n", "utf-8")
    with pytest.raises(SettingsError, match="names no machine"):
        select([str(file)])


def _ansible(folder: Path, data: object) -> Selection:
    file = folder / "inventory.json"
    file.write_text(json.dumps(data), "utf-8")
    return select([str(file)])


def test_an_ansible_inventory_gives_address_port_user_and_groups(tmp_path: Path) -> None:
    selection = _ansible(
        tmp_path,
        {
            "_meta": {
                "hostvars": {
                    "web1": {"ansible_host": "192.0.2.1", "ansible_port": "2222", "ansible_user": "ops"},
                    "here": {"ansible_connection": "local"},
                }
            },
            "all": {"children": ["ungrouped", "prod"]},
            "prod": {"children": ["web"]},
            "web": {"hosts": ["web1", "web2"]},
            "ungrouped": {"hosts": ["here"]},
        },
    )
    found = {target.name: target for target in selection.targets}
    assert (found["web1"].address, found["web1"].port, found["web1"].user) == ("192.0.2.1", 2222, "ops")
    assert found["web1"].labels == ("prod", "web")
    assert found["web2"].address == "web2", "a host without variables is a host"
    assert found["here"].protocol is Protocol.LOCAL


def test_an_ansible_host_we_cannot_visit_is_kept_as_not_audited(tmp_path: Path) -> None:
    selection = _ansible(
        tmp_path,
        {
            "_meta": {"hostvars": {"box1": {"ansible_connection": "docker"}, "tpl": {"ansible_host": "{{ ip }}"}}},
            "all": {"hosts": ["box1", "tpl"]},
        },
    )
    assert selection.targets == ()
    assert [machine.target.name for machine in selection.unvisitable] == ["box1", "tpl"]


def test_passwords_of_an_ansible_inventory_are_not_used_and_that_is_said(tmp_path: Path) -> None:
    selection = _ansible(
        tmp_path, {"_meta": {"hostvars": {"a": {"ansible_password": "hunter2"}}}, "all": {"hosts": ["a"]}}
    )
    assert "not used" in selection.notes[0]
    assert "hunter2" not in repr(selection)


@pytest.mark.parametrize("variable", ["ansible_private_key_file", "ansible_ssh_private_key_file"])
def test_key_files_of_an_ansible_inventory_are_not_used_and_that_is_said(tmp_path: Path, variable: str) -> None:
    selection = _ansible(tmp_path, {"_meta": {"hostvars": {"a": {variable: "~/k"}, "b": {}}}, "all": {"hosts": ["a"]}})
    (note,) = selection.notes
    assert "key files named there are not used (1 machines)" in note
    assert "--key" in note


@pytest.mark.parametrize(
    "data",
    [
        {"all": {"hosts": ["a"]}},
        {"_meta": {"hostvars": {}}, "web": {"hosts": "a"}},
        {"_meta": {"hostvars": {}}, "web": ["a"]},
        {"_meta": {"hostvars": {"a": []}}},
        {"_meta": {"hostvars": {"a": {"ansible_port": "ssh"}}}},
        {"_meta": {"hostvars": {}}},
    ],
)
def test_json_of_another_shape_is_refused(tmp_path: Path, data: object) -> None:
    with pytest.raises(SettingsError, match=r"inventory\.json"):
        _ansible(tmp_path, data)


def test_groups_that_contain_each_other_end(tmp_path: Path) -> None:
    selection = _ansible(
        tmp_path,
        {"_meta": {"hostvars": {}}, "a": {"children": ["b"], "hosts": ["h"]}, "b": {"children": ["a"], "hosts": []}},
    )
    assert selection.targets[0].labels == ("a", "b")


def test_a_folder_of_recordings_is_one_target_each(tmp_path: Path) -> None:
    for name in ("web", "db"):
        (tmp_path / f"{name}.rec").write_bytes(b"{}\n")
    targets = select([f"replay:{tmp_path}"]).targets
    assert [(target.name, target.protocol) for target in targets] == [("db", Protocol.REPLAY), ("web", Protocol.REPLAY)]


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no recording"):
        select([f"replay:{tmp_path}"])


@pytest.mark.parametrize(("text", "shown"), [("rdp://pc1", "rdp://pc1"), ("http://ann:hunter2@web", "http://…")])
def test_an_address_of_another_protocol_is_named_and_its_password_never_repeated(text: str, shown: str) -> None:
    with pytest.raises(SettingsError, match="is not supported") as raised:
        select([text])
    assert str(raised.value).startswith(f"{shown}:")
    assert "hunter2" not in str(raised.value)
