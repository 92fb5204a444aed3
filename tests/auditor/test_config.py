"""A client file says what it means, or is refused with file, key and a suggestion."""

from pathlib import Path

import pytest

from auditor.config import load
from auditor.errors import SettingsError
from collectors.feeds import discover
from collectors.model import Protocol

_CLIENT = '[client]\nname = "Fournil"\n'


def _write(folder: Path, text: str) -> Path:
    (folder / "client.toml").write_text(text, "utf-8")
    return folder


def _refused(folder: Path, text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(_write(folder, text))
    assert caught.value.subject == str(folder / "client.toml"), "the message names the file"
    return caught.value


def test_a_minimal_client_file_has_the_contract_defaults(tmp_path: Path) -> None:
    settings = load(_write(tmp_path, _CLIENT))
    assert settings.contract.client == "Fournil"
    assert (settings.contract.sla.critical, settings.contract.sla.medium) == (14, 60)
    assert settings.contract.package_lists_max_age_days == 7
    assert settings.targets == ()
    assert settings.connection.known_hosts[0] == tmp_path / "known_hosts"


def test_everything_written_arrives(tmp_path: Path) -> None:
    settings = load(
        _write(
            tmp_path,
            _CLIENT
            + """
language = "en"
fail_on = "high"
[sla]
critical = 3
cyber_essentials = true
[limits]
reboot_grace_days = 0
[limits.feed_max_age_days]
epss = 1
[connection]
credential = "main"
width = 8
host_deadline_s = 30
[credentials.main]
user = "audit"
password = "file:secrets/audit"
sudo = "try"
[[machines]]
name = "web"
address = "[2001:db8::1]"
port = 2222
labels = ["dmz"]
exposure = "internet"
[[machines]]
name = "here"
protocol = "local"
[[machines]]
name = "taped"
protocol = "replay"
address = "taped.rec"
""",
        )
    )
    assert settings.contract.language == "en"
    assert settings.contract.sla.critical == 3
    assert settings.contract.sla.cyber_essentials
    assert settings.contract.feed_max_age_days == {"epss": 1}
    assert settings.fail_on == "high"
    assert settings.connection.width == 8
    web, here, taped = settings.targets
    assert (web.address, web.port, web.credential, web.labels) == ("2001:db8::1", 2222, "main", ("dmz",))
    assert (here.protocol, here.address) == (Protocol.LOCAL, "")
    assert taped.address == str(tmp_path / "taped.rec")
    assert settings.credentials["main"].password == f"file:{tmp_path}/secrets/audit"


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        pytest.param('[client]\nnmae = "x"', "client.nmae: unknown key", "Did you mean `name`?", id="unknown key"),
        pytest.param(
            _CLIENT + "[sla]\nhihg = 3", "sla.hihg: unknown key", "Did you mean `high`?", id="unknown SLA key"
        ),
        pytest.param(_CLIENT + "[slaa]\nhigh = 3", "slaa: unknown key", "Did you mean `sla`?", id="unknown table"),
        pytest.param(
            _CLIENT + '[sla]\nhigh = "3"', "sla.high: expected a whole number, got a text", "", id="wrong type"
        ),
        pytest.param(
            _CLIENT + "[sla]\nhigh = -1", "sla.high: expected a whole number of at least 0", "", id="out of range"
        ),
        pytest.param(_CLIENT + "[sla]\nkev = 1", "sla.kev: expected true or false", "", id="number for a switch"),
        pytest.param("format = 2\n" + _CLIENT, "format: this auditor reads format 1", "", id="newer format"),
        pytest.param("format = 1", "client: this table is missing", "[client]", id="no client"),
        pytest.param(
            '[client]\nname = ""', "client.name: expected a text in quotes, and not an empty one", "", id="empty name"
        ),
        pytest.param(
            '[client]\nname = "."', "client.name: '.' has neither letters nor digits", "", id="a dot for a name"
        ),
        pytest.param(
            '[client]\nname = "   "', "client.name: '   ' has neither letters", "client's name", id="a blank name"
        ),
        pytest.param(
            '[client]\nname = "A\\u0000B"',
            "client.name: holds a line break or another control character",
            "client's name",
            id="NUL in it",
        ),
        pytest.param('[client]\nname = "A\\nB"', "client.name: holds a line break or", "reports", id="line break"),
        pytest.param(_CLIENT + 'language = "de"', "client.language: 'de' is not one of en, fr", "", id="language"),
        pytest.param(
            _CLIENT + 'fail_on = "hi"', "client.fail_on: 'hi' is not one of critical, high", "", id="threshold"
        ),
        pytest.param(_CLIENT + "[machines]\nname = 1", "machines: expected tables", "", id="single brackets"),
        pytest.param(
            _CLIENT + "[[machines]]\nname = 'a'\nporrt = 3", 'machines[1] ("a").porrt: unknown key', "`port`", id="port"
        ),
        pytest.param(
            _CLIENT + "[[machines]]\nname = 'a'\nport = 70000", 'machines[1] ("a").port: expected', "", id="port range"
        ),
        pytest.param(
            _CLIENT + "[[machines]]\nname = 'a'\nlabels = ['x', 1]", 'machines[1] ("a").labels[1]', "", id="label type"
        ),
        pytest.param(
            _CLIENT + "[[machines]]\nname = 'a'\nprotocol = 'telnet'",
            "(\"a\").protocol: 'telnet' is not one of ssh",
            "",
            id="protocol",
        ),
        pytest.param(
            _CLIENT + "[[machines]]\nname = 'a'\n[[machines]]\nname = 'A'\naddress = 'b'",
            'machines[2] ("A").name: duplicate host',
            "",
            id="duplicate host",
        ),
        pytest.param(
            _CLIENT + "[[machines]]\nname = 'a'\naddress='h'\n[[machines]]\nname = 'b'\naddress = 'H'",
            'machines[2] ("b").address: duplicate host',
            "",
            id="duplicate address",
        ),
        pytest.param(
            _CLIENT + "[credentials.main]\n[[machines]]\nname = 'a'\ncredential = 'mian'",
            "there is no credential 'mian'",
            "`main`",
            id="unknown credential",
        ),
        pytest.param(
            _CLIENT + "[[machines]]\nname = 'a'\nprotocol = 'replay'", "needs the path", "", id="replay without path"
        ),
        pytest.param(_CLIENT + "[[machines]]\nname = '@a'", "cannot start with @", "", id="name like a label"),
        pytest.param(_CLIENT + "[feeds.kevv]\nx = 'y'", "feeds.kevv: no such feed", "", id="unknown feed"),
        pytest.param(
            _CLIENT + "[limits.feed_max_age_days]\nepsss = 1", "feed_max_age_days.epsss: no such", "", id="limit"
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_path(tmp_path: Path, text: str, problem: str, hint: str) -> None:
    error = _refused(tmp_path, text)
    assert problem in error.problem
    assert hint in error.hint


def test_bad_toml_names_the_line(tmp_path: Path) -> None:
    error = _refused(tmp_path, '[client]\nname = "Fournil\n')
    assert "not valid TOML" in error.problem
    assert "line 2" in error.problem


def test_a_file_that_is_not_utf_8_says_so(tmp_path: Path) -> None:
    (tmp_path / "client.toml").write_bytes('[client]\nname = "Boulangerie Médard"\n'.encode("latin-1"))
    with pytest.raises(SettingsError, match="not UTF-8"):
        load(tmp_path)


def test_a_byte_order_mark_of_a_windows_editor_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "client.toml").write_bytes(b"\xef\xbb\xbf" + _CLIENT.encode())
    assert load(tmp_path).contract.client == "Fournil"


def test_a_folder_without_client_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    assert "auditor init" in caught.value.hint


def test_a_secret_in_clear_is_refused_and_never_repeated(tmp_path: Path) -> None:
    error = _refused(tmp_path, _CLIENT + '[credentials.main]\npassword = "hunter2:correct"')
    assert "credentials.main.password" in error.problem
    assert "hunter2" not in str(error)


def test_every_setting_a_feed_declares_is_accepted(tmp_path: Path) -> None:
    tables = "".join(f'[feeds.{feed.name}]\n{key} = "x"\n' for feed in discover() for key in list(feed.settings)[:1])
    assert load(_write(tmp_path, _CLIENT + tables)).contract.client == "Fournil"


_WINDOWS = """
[connection]
credential = "domain"
ca_file = "ca.pem"
[credentials.domain]
user = 'CORP\\audit'
password = "env:AUDIT_PASSWORD"
auth = "ntlm"
[credentials.card]
auth = "certificate"
certificate_file = "audit.pem"
key_file = "audit.key"
[[machines]]
name = "pc1"
protocol = "winrm"
[[machines]]
name = "old"
protocol = "winrm"
address = "[2001:db8::7]"
port = 5985
tls = false
credential = "card"
"""


def test_windows_machines_of_a_client_file(tmp_path: Path) -> None:
    settings = load(_write(tmp_path, _CLIENT + _WINDOWS))
    first, second = settings.targets
    assert (first.protocol, first.address, first.port, first.tls) == (Protocol.WINRM, "pc1", None, None)
    assert (second.address, second.port, second.tls, second.credential) == ("2001:db8::7", 5985, False, "card")
    assert settings.credentials["domain"].user == "CORP\\audit"
    assert settings.credentials["domain"].auth == "ntlm"
    assert settings.credentials["card"].certificate_file == tmp_path / "audit.pem"
    assert settings.connection.ca_file == tmp_path / "ca.pem"
    assert settings.connection.known_certificates == tmp_path / "known_certificates"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[credentials.a]\nauth = "certificate"\n', 'credentials.a.auth: auth = "certificate" needs'),
        ('[credentials.a]\nauth = "digest"\n', "not one of auto, ntlm, kerberos, certificate, basic"),
        ('[[machines]]\nname = "pc1"\ntls = true\n', 'machines[1] ("pc1").tls: only a machine with protocol'),
    ],
)
def test_what_windows_settings_cannot_mean_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in str(_refused(tmp_path, _CLIENT + text))


def test_two_windows_machines_at_one_address_are_one_too_many(tmp_path: Path) -> None:
    machines = "".join(f'[[machines]]\nname = "{name}"\nprotocol = "winrm"\naddress = "pc1"\n' for name in ("a", "b"))
    assert "same address and port" in str(_refused(tmp_path, _CLIENT + machines))
