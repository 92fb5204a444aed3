"""`auditor init`: from nothing to a client folder that an audit reads, by questions or by options."""

import contextlib
import os
import select
import shlex
import socket
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from auditor.config import load
from auditor.errors import SettingsError
from auditor.exits import Exit
from auditor.inventory import local_target
from auditor.new_client import Login, NewClient, client_text, template, write_client
from auditor.wizard import Wizard, guessed, one_machine, open_ports, read_machines
from collectors.model import Protocol
from reports.texts import Texts

Auditor = Callable[..., Result]
_PATIENCE_S = 60.0
APP = "11111111-2222-3333-4444-555555555555"


def test_options_make_a_folder_that_audit_reads(auditor: Auditor, tmp_path: Path) -> None:
    words = ("--name", "Fournil", "--language", "en", "--machine", "pc-01=winrm://pc-01.corp:5985")
    words += ("--machine", "srv=ssh://root@192.0.2.4:2222", "--machine", "local", "--user", "audit2")
    words += ("--password-from", "env:SSH_PASSWORD", "--windows-user", r"CORP\audit")
    words += ("--windows-password-from", "keyring:auditor/fournil", "--tenant", "Contoso.com", "--client-id", APP)
    words += (
        "--mail-to",
        "Anne <anne@contoso.com>",
        "--mail-from",
        "msp@msp.example",
        "--mail-server",
        "smtp.msp.example",
    )
    made = auditor("init", "clients/fournil", *words)
    assert made.exit_code == 0, made.stderr
    settings = load(tmp_path / "clients" / "fournil")
    assert (settings.contract.client, settings.contract.language) == ("Fournil", "en")
    places = [
        (one.name, one.protocol.value, one.address, one.port, one.user, one.credential) for one in settings.targets
    ]
    assert places == [
        ("pc-01", "winrm", "pc-01.corp", 5985, "", "windows"),
        ("srv", "ssh", "192.0.2.4", 2222, "root", "main"),
        (local_target().name, "local", "", None, "", "main"),
    ]
    main, windows = settings.credentials["main"], settings.credentials["windows"]
    assert (main.user, main.password, main.agent) == ("audit2", "env:SSH_PASSWORD", False)
    assert (windows.user, windows.password) == (r"CORP\audit", "keyring:auditor/fournil")
    (tenant,) = settings.tenants
    assert (tenant.target.address, tenant.client_id, tenant.app.certificate_file) == (
        "contoso.com",
        APP,
        tmp_path / "clients" / "fournil" / "auditor.pem",
    )
    assert settings.mail is not None
    assert [str(box) for box in settings.mail.to] == ["Anne <anne@contoso.com>"]
    assert auditor("audit", "clients/fournil", "--list").exit_code == 0
    assert "keyring set auditor fournil" in made.stdout
    assert (
        "auditor audit clients/fournil --update-feeds --accept-new-host-keys --accept-new-certificates" in made.stdout
    )


def test_the_folder_holds_what_is_filled_in_later_and_ignores_what_is_written(auditor: Auditor, tmp_path: Path) -> None:
    auditor("init", "fournil")
    folder = tmp_path / "fournil"
    names = {".gitignore", "client.toml", "licenses.xlsx", "prices.csv", "waivers.toml"}
    assert {file.name for file in folder.iterdir()} == names
    assert {".auditor.lock", "history.sqlite*", "outbox.sqlite*", "reports/"} <= set(
        (folder / ".gitignore").read_text().split()
    )
    assert (folder / "prices.csv").read_text("utf-8-sig").startswith("référence;")
    assert auditor("audit", "fournil", "--list").exit_code == 0, "lists without a row are read as such"
    with (folder / "prices.csv").open("a", encoding="utf-8") as prices:
        prices.write("SPB;20,60;mois;annuel;01/07/2026;devis\r\n")
    assert "1 price\n" in auditor("audit", "fournil", "--list").stdout


def test_a_file_that_stands_there_is_left_alone_and_a_client_is_never_overwritten(
    auditor: Auditor, tmp_path: Path
) -> None:
    folder = tmp_path / "fournil"
    folder.mkdir()
    (folder / "prices.xlsx").write_bytes(b"mine")
    (folder / "licenses.csv").write_bytes(b"mine")
    (folder / "waivers.toml").write_text("format = 1\n# mine\n")
    assert auditor("init", "fournil").exit_code == 0
    assert not (folder / "prices.csv").exists()
    assert not (folder / "licenses.xlsx").exists()
    assert "# mine" in (folder / "waivers.toml").read_text()
    before = (folder / "client.toml").read_bytes()
    again = auditor("init", "fournil", "--machine", "srv")
    assert again.exit_code == Exit.USAGE
    assert "exists already" in again.stderr
    assert (folder / "client.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--password-from", "hunter2"), "--password-from"),
        (("--windows-password-from", "hunter2"), "--windows-password-from"),
        (("--tenant", "common"), "any tenant"),
        (("--tenant", "contoso.com", "--client-id", "hunter2"), "--client-id"),
        (("--client-id", APP), "--tenant"),
        (("--language", "de"), "en, fr"),
        (("--machine", "ssh://audit:hunter2@srv"), "password"),
        (("--machine", "m365://contoso.com"), "--tenant"),
        (("--machine", "srv", "--machine", "SRV"), "duplicate host"),
        (("--mail-from", "a@b.example"), "--mail-to"),
        (("--mail-to", "a@b.example"), "clients/fournil/client.toml: mail: nothing says how mail is sent"),
    ],
)
def test_what_makes_no_client_is_refused_and_nothing_is_left_behind(
    auditor: Auditor, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    refused = auditor("init", "clients/fournil", *words)
    assert refused.exit_code == Exit.USAGE
    assert said in refused.stderr
    assert "hunter2" not in refused.output
    assert sorted(path.name for path in tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--language", "de"), "--language: 'de' is not one of"), (("--name", "."), "client.name: '.' has neither")],
)
def test_what_is_refused_is_named_as_it_was_given(
    auditor: Auditor, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    done = auditor("init", tmp_path / "new", *words)
    assert (done.exit_code, (tmp_path / "new").exists()) == (Exit.USAGE, False)
    assert told in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="quotes are others there")
def test_the_next_steps_can_be_typed_as_they_stand(auditor: Auditor, tmp_path: Path) -> None:
    folder = tmp_path / "Boulangerie L'Éclair & fils"
    done = auditor("init", folder, "--machine", "local")
    doctor, audit = (shlex.split(line) for line in done.stdout.rpartition(":\n")[2].splitlines())
    assert (doctor, audit[:3]) == (["auditor", "doctor", str(folder)], ["auditor", "audit", str(folder)])


def test_a_tenant_without_an_application_is_refused_rather_than_silently_never_audited(
    auditor: Auditor, tmp_path: Path
) -> None:
    refused = auditor("init", "clients/fournil", "--tenant", "contoso.com")
    assert refused.exit_code == Exit.USAGE
    assert "--client-id" in refused.stderr
    assert "auditor onboard m365 --tenant contoso.com" in refused.stderr
    assert list(tmp_path.iterdir()) == []


_PROVIDERS_APP = '[credentials.{}]\nkind = "m365"\nclient_id = "{}"\ncertificate_file = "msp.pem"\n'


def test_the_providers_application_signs_in_to_the_tenant(auditor: Auditor, tmp_path: Path) -> None:
    provider = tmp_path / "clients" / "provider.toml"
    provider.parent.mkdir()
    provider.write_text(_PROVIDERS_APP.format("msp", APP))
    assert auditor("init", "clients/a", "--tenant", "contoso.com").exit_code == 0
    (tenant,) = load(tmp_path / "clients" / "a").tenants
    assert (tenant.target.address, tenant.app.name, tenant.client_id) == ("contoso.com", "msp", APP)
    provider.write_text(_PROVIDERS_APP.format("msp", APP) + _PROVIDERS_APP.format("other", APP))
    refused = auditor("init", "clients/b", "--tenant", "contoso.com")
    assert refused.exit_code == Exit.USAGE
    assert "msp, other" in refused.stderr
    assert not (tmp_path / "clients" / "b").exists()
    client, _ = _asked(tmp_path / "clients" / "c", ["", "", "", "contoso.com", APP, "", ""], {})
    assert (client.client_id, client.application) == (APP, "")
    provider.write_text(_PROVIDERS_APP.format("microsoft365", APP))
    client, shown = _asked(tmp_path / "clients" / "c", ["", "", "", "contoso.com", ""], {})
    assert (client.client_id, client.application) == ("", "microsoft365")
    assert "microsoft365" in shown
    write_client(tmp_path / "clients" / "c", client)
    assert len(load(tmp_path / "clients" / "c").tenants) == 1


def test_who_leaves_a_tenant_out_has_been_told_that_no_report_will_mention_it(tmp_path: Path) -> None:
    answers = ["", "", "", "contoso.com", "", "n", "", "y", ""]
    client, shown = _asked(tmp_path / "fournil", answers, {}, "en")
    assert shown.count("no report would mention Microsoft 365") == 2
    assert (client.tenant, client.client_id, client.application) == ("contoso.com", "", "")
    assert '# tenant = "contoso.com"' in client_text(client)


def test_a_disk_that_refuses_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def rename(self: Path, target: Path) -> Path:
        if len(done) == 2:
            raise OSError(28, "No space left on device")
        done.append(target)
        return self.replace(target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(SettingsError, match="No space left"):
        write_client(tmp_path / "clients" / "fournil", NewClient(name="Fournil"))
    assert len(done) == 2
    assert list(tmp_path.iterdir()) == []


def test_every_place_of_the_template_that_is_filled_in_is_there() -> None:
    full = NewClient(
        name='A "b"',
        machines=(one_machine("srv"), one_machine("pc=winrm://pc")),
        ssh=Login(key_file="~/.ssh/id"),
        windows=Login(password="env:X"),
        tenant="contoso.com",
        client_id=APP,
    )
    text = client_text(full)
    assert len(text) > len(template())
    assert tomllib.loads(text)["client"]["name"] == 'A "b"'
    for line in template().splitlines():
        if line.startswith("#") and not line.startswith(("# key_file", "# password =")):
            assert line in text, "what explains a setting stays"


@pytest.mark.parametrize(
    ("text", "names", "network"),
    [
        ("192.0.2.10", ["192.0.2.10"], False),
        ("srv-web, pc=winrm://pc-01  192.0.2.11;local", ["srv-web", "pc", "192.0.2.11", local_target().name], False),
        ("192.0.2.0/30", ["192.0.2.1", "192.0.2.2"], True),
        ("192.0.2.7/32", ["192.0.2.7"], True),
        ("2001:db8::/127", ["2001:db8::", "2001:db8::1"], True),
    ],
)
def test_machines_are_named_one_by_one_by_list_and_by_network(text: str, names: list[str], network: bool) -> None:
    found, is_network = read_machines(text)
    assert ([target.name for target in found], is_network) == (names, network)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "not/anything", "m365://contoso.com", "telnet://x"])
def test_what_names_no_machine_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        read_machines(text)


def test_a_list_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "machines.txt").write_text("# the shop\nsrv-web\npc=winrm://pc-01 # till\n")
    found, _ = read_machines(str(tmp_path / "machines.txt"))
    assert [(one.name, one.protocol.value) for one in found] == [("srv-web", "ssh"), ("pc", "winrm")]


@pytest.mark.parametrize(
    ("open_", "protocol", "port"),
    [
        ({5986, 5985, 22}, Protocol.WINRM, None),
        ({5985}, Protocol.WINRM, 5985),
        ({22}, Protocol.SSH, None),
        ({5985, 22}, Protocol.WINRM, 5985),
        (set(), Protocol.SSH, None),
    ],
)
def test_the_port_that_answers_tells_how_a_machine_is_reached(
    open_: set[int], protocol: Protocol, port: int | None
) -> None:
    found = guessed(one_machine("192.0.2.10"), frozenset(open_))
    assert (found.protocol, found.port) == (protocol, port)
    told = one_machine("ssh://192.0.2.10:22")
    assert guessed(told, frozenset(open_)) == told, "what a person wrote is not guessed at"


def test_a_port_is_tried_for_real() -> None:
    with socket.socket() as listening, socket.socket() as closed:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        closed.bind(("127.0.0.1", 0))
        ports = (listening.getsockname()[1], closed.getsockname()[1])
        assert open_ports("127.0.0.1", ports) == {ports[0]}


def _asked(
    folder: Path, answers: Sequence[str], ports: dict[str, set[int]], language: str = "fr"
) -> tuple[NewClient, str]:
    """What a conversation with these answers comes to, and what was shown."""
    wizard = Wizard(folder, Texts(language, strict=True), lambda address, _: frozenset(ports.get(address, ())))
    with CliRunner().isolation(input="\n".join(answers) + "\n") as (out, *_):
        client = wizard.ask()
        return client, out.getvalue().decode()


def test_every_question_has_a_default(tmp_path: Path) -> None:
    client, shown = _asked(tmp_path / "fournil", [""] * 5, {})
    assert client == NewClient(name="fournil", language="fr")
    assert "{" not in shown


def test_a_conversation_finds_the_machines_of_a_network(tmp_path: Path) -> None:
    ports = {"192.0.2.1": {22}, "192.0.2.2": {5985}}
    answers = [
        "Fournil",
        "en",
        "192.0.2.0/29",
        "y",
        "",
        "audit",
        "key",
        "",
        "audit",
        "env",
        "",
        "contoso.com",
        APP,
        "",
        "",
    ]
    client, shown = _asked(tmp_path / "fournil", answers, ports, "en")
    assert [(one.address, one.protocol.value, one.port) for one in client.machines] == [
        ("192.0.2.1", "ssh", None),
        ("192.0.2.2", "winrm", 5985),
    ]
    assert client.ssh is not None
    assert client.ssh.key_file.startswith("~/.ssh/")
    assert client.windows == Login(user="audit", password="env:FOURNIL_WINDOWS")
    assert (client.tenant, client.client_id, client.certificate) == ("contoso.com", APP, "auditor.pem")
    assert "Take these 2 machines?" in shown
    write_client(tmp_path / "fournil", client)
    assert len(load(tmp_path / "fournil").targets) == 2


def test_an_answer_that_means_nothing_is_asked_again_and_a_secret_is_not_repeated(tmp_path: Path) -> None:
    answers = ["", "", "telnet://x", "srv", "y", "ssh", "srv-web", "", "audit", "password", "env", "hunter2", "env:PW"]
    answers += ["common", "contoso.com", "no-id", "", "y", "nobody@", "anne@contoso.com", "msp@msp.example", ""]
    answers += ["smtp.msp.example", "", "file", ""]
    client, shown = _asked(tmp_path / "fournil", answers, {}, "en")
    assert client.ssh == Login(user="audit", password="env:PW")
    assert shown.count("hunter2") == 1, "as typed on the terminal, and never by us"
    assert (client.tenant, client.client_id) == ("contoso.com", "")
    assert client.mail is not None
    assert (client.mail.to, client.mail.password) == (("anne@contoso.com",), "file:fournil-mail.password")
    assert "An answer is needed here." in shown


def test_the_providers_mail_server_and_application_are_not_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "provider.toml").write_text('[mail]\nfrom = "msp@msp.example"\nserver = "smtp.msp.example"\n')
    client, _ = _asked(tmp_path / "fournil", ["", "", "", "", "anne@contoso.com"], {})
    write_client(tmp_path / "fournil", client)
    mail = load(tmp_path / "fournil").mail
    assert mail is not None
    assert (mail.sender.address, mail.to[0].address) == ("msp@msp.example", "anne@contoso.com")


def test_the_end_of_input_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(click.Abort):
        _asked(tmp_path / "fournil", ["Fournil"], {})
    assert list(tmp_path.iterdir()) == []


@contextmanager
def _terminal(*arguments: str, place: Path, home: Path) -> Iterator[tuple[int, int]]:
    """`auditor ARGUMENTS` on a pseudo-terminal of its own: its process and our end of the line."""
    pty = pytest.importorskip("pty", reason="needs a POSIX terminal")
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "AUDITOR_HOME": str(home), "LANG": "C.UTF-8"}
    process, line = pty.fork()
    if process == 0:  # pragma: no cover - the child
        os.chdir(place)
        os.execve(sys.executable, [sys.executable, "-m", "auditor", *arguments], environment)
    try:
        yield process, line
    finally:
        os.close(line)  # hangs up on whoever is still there
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, 0)


def _until(line: int, words: str) -> None:
    """Read what is shown until the words appear, patiently."""
    seen = b""
    while words.encode() not in seen:
        assert select.select([line], [], [], _PATIENCE_S)[0], f"nothing more came after {seen!r}"
        seen += os.read(line, 4096)


def _pressed_ctrl_c(process: int, line: int) -> int:
    """Press Ctrl-C until the program ends, and return its exit code.

    Once is not enough for sure: Python may have noted the signal and be about to wait for input all the same.
    """
    for _ in range(int(_PATIENCE_S / 10)):
        os.write(line, b"\x03")
        for _ in range(100):  # long enough to end in: pressed once more meanwhile, it would end in another way
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.1)
    raise AssertionError("Ctrl-C does not end it")


def test_ctrl_c_on_a_real_terminal_leaves_nothing_behind(tmp_path: Path, home: Path) -> None:
    with _terminal("init", "fournil", place=tmp_path, home=home) as (process, line):
        _until(line, "Client's name")
        os.write(line, b"Fournil\n")
        _until(line, "Language of the reports")
        assert _pressed_ctrl_c(process, line) == Exit.INTERRUPTED
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_nothing_is_asked(auditor: Auditor, tmp_path: Path) -> None:
    made = auditor("init", "fournil")
    assert made.exit_code == 0
    assert "Client's name" not in made.output
    assert 'language = "fr"' in (tmp_path / "fournil" / "client.toml").read_text()
