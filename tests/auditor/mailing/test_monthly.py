"""`auditor audit --mail` and `auditor mail`, from client.toml to a message in a mailbox, and every way between."""

import base64
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from auditor.demo.described import machines
from auditor.demo.recordings import write
from auditor.exits import Exit
from auditor.history.store import Store
from auditor.mailing import monthly
from auditor.mailing.compose import attachment_of, parsed
from auditor.mailing.outbox import Outbox, State
from tests.auditor.conftest import auditor, home, logging_as_found
from tests.auditor.mailing.parcels import TO, USER
from tests.lab.graph_mail import graph_mail
from tests.lab.smtp import CLOSE, PASSWORD, MailServer, mail_server, odd_server

__all__ = ["auditor", "home", "logging_as_found"]
Run = Callable[..., Result]
LOGIN = ("user", "password", "ca_file")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (machine,) = [machine for machine in machines() if machine.name == "srv-sauvegarde"]
    return write(machine, tmp_path_factory.mktemp("recordings"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path / "tls") as running:
        yield running


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait between tries."""
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    made = monthly.order

    def order(*arguments: Any, **how: Any) -> monthly.Order:
        return replace(made(*arguments, **how), waits_s=(0.0,), sleep=lambda _: None)

    monkeypatch.setattr(monthly, "order", order)


def folder(tmp_path: Path, recording: Path, mail: str, name: str = "dubois", client: str = "Menuiserie Dubois") -> Path:
    made = tmp_path / "clients" / name
    made.mkdir(parents=True)
    machine = f'[[machines]]\nname = "srv-sauvegarde"\nprotocol = "replay"\naddress = "{recording}"\n'
    (made / "client.toml").write_text(f"[client]\nname = {json.dumps(client)}\n{machine}\n{mail}", "utf-8")
    return made


def table(server: MailServer, **more: str) -> str:
    told = {
        "from": f'"Infogérance Martin <{USER}>"',
        "to": f'"{TO}"',
        "salutation": '"Madame Dubois"',
        "server": '"localhost"',
        "port": str(server.port),
        "user": f'"{USER}"',
        "password": '"env:MAIL_PASSWORD"',
        "ca_file": f'"{server.ca_file}"',
        "hold": "false",
        **more,
    }
    return "[mail]\n" + "".join(f"{key} = {value}\n" for key, value in told.items())


def states(client: Path) -> list[State]:
    with Outbox(client / "outbox.sqlite") as outbox:
        return [entry.state for entry in outbox.entries()]


def test_a_report_arrives_with_its_workbook(tmp_path: Path, recording: Path, server: MailServer, auditor: Run) -> None:
    client = folder(tmp_path, recording, table(server))
    done = auditor("audit", client, "--mail")
    assert f"Courriel : envoyé à {TO}." in done.stdout.replace("\u00a0", " ")
    (received,) = server.received
    mail = received.message
    assert (received.sender, received.recipients, received.user, received.tls) == (USER, (TO,), USER, True)
    assert mail["Subject"].startswith("[Menuiserie Dubois] Rapport mensuel")
    assert mail["Subject"].endswith("audit incomplet"), "no feed was downloaded"
    attachment = attachment_of(mail)
    assert attachment is not None
    assert attachment.content == (client / "reports" / attachment.name).read_bytes(), "the very file in the folder"
    assert len(list(mail.iter_attachments())) == 1, "the technician's workbook is never attached"
    assert states(client) == [State.SENT]
    assert PASSWORD not in done.output


@pytest.mark.parametrize("refused", [False, True])
def test_the_password_is_in_no_log_and_in_no_file(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    password = "wrong-Pässword" if refused else PASSWORD
    monkeypatch.setenv("MAIL_PASSWORD", password)
    client = folder(tmp_path, recording, table(server))
    done = auditor("--debug", "audit", client, "--mail", "--json")
    assert (states(client) == [State.QUEUED]) is refused
    plain = base64.b64encode(f"\0{USER}\0{password}".encode()).decode()
    written = b"".join(file.read_bytes() for file in client.rglob("*") if file.is_file())
    for secret in (password, base64.b64encode(password.encode()).decode(), plain):
        assert secret not in done.output + done.stderr
        assert secret.encode() not in written


def test_the_exit_code_is_the_audits_where_the_mail_went(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server))
    assert auditor("audit", client, "--mail").exit_code == auditor("audit", client).exit_code == Exit.INCOMPLETE
    assert len(server.received) == 1, "without --mail nothing is mailed"


def test_run_again_in_the_same_month_it_says_when_it_was_sent(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server))
    auditor("audit", client, "--mail")
    done = auditor("audit", client, "--mail")
    assert done.exit_code == Exit.INCOMPLETE, "not a failure"
    assert "a déjà été envoyé le" in done.stdout
    assert f"auditor mail resend {client}" in done.stdout
    assert len(server.received) == 1


def test_run_again_in_the_same_month_a_recipient_who_was_refused_it_has_not_got_it(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    """The first run says so and fails; so does every other one of the month, until it is sent again."""
    client = folder(tmp_path, recording, table(server, cc='"deux@contoso.example"'))
    server.rcpt["deux@contoso.example"] = ["550 5.1.1 no such user"]
    first = auditor("audit", client, "--mail")
    again = auditor("audit", client, "--mail")
    assert first.exit_code == again.exit_code == Exit.USAGE
    told = again.stderr.replace("\u00a0", " ")
    assert f" à {TO}, mais REFUSÉ pour d'autres (deux@contoso.example: " in told
    assert "no such user" in told
    assert f"auditor mail resend {client}" in told
    assert f"  {TO}\n" in auditor("mail", "list", client).stdout, "sent to him alone"
    document = json.loads(auditor("audit", client, "--mail", "--json").stdout)
    assert (document["mail"][0]["state"], document["mail"][0]["to"]) == ("already_partly", TO)
    assert auditor("mail", "resend", client).exit_code == Exit.COMPLIANT
    assert server.received[-1].recipients == (TO, "deux@contoso.example")
    assert auditor("audit", client, "--mail").exit_code == Exit.INCOMPLETE


def test_resend_sends_it_once_more_to_the_addresses_of_now(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server))
    auditor("audit", client, "--mail")
    file = client / "client.toml"
    file.write_text(file.read_text("utf-8").replace(TO, "nouvelle@contoso.example"), "utf-8")
    assert auditor("mail", "resend", client).exit_code == Exit.COMPLIANT
    assert [received.recipients for received in server.received] == [(TO,), ("nouvelle@contoso.example",)]
    first, second = (received.message for received in server.received)
    assert first["Message-ID"] != second["Message-ID"]
    assert attachment_of(first) == attachment_of(second), "the same workbook, from the history"
    assert states(client) == [State.SENT, State.SENT]


def test_a_report_that_is_held_goes_when_it_is_released(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server, hold="true"))
    done = auditor("audit", client, "--mail")
    assert (done.exit_code, server.received, states(client)) == (Exit.INCOMPLETE, [], [State.HELD])
    assert f"auditor mail release {client}" in done.stdout
    assert auditor("mail", "send", client).exit_code == Exit.COMPLIANT
    assert server.received == [], "sending does not release"
    preview = auditor("mail", "preview", client, "-o", tmp_path / "out")
    (file,) = (tmp_path / "out").glob("*.eml")
    assert str(file) in preview.stdout
    assert auditor("mail", "release", client).exit_code == Exit.COMPLIANT
    assert server.received[0].content == file.read_bytes(), "what was read is what was sent"
    assert states(client) == [State.SENT]
    assert "Rien à envoyer." in auditor("mail", "release", client).stdout


@pytest.mark.parametrize("period", ["2026-13", "11/2026", "2026-1", "novembre"])
def test_what_is_no_month_is_refused_and_releases_nothing(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run, period: str
) -> None:
    client = folder(tmp_path, recording, table(server, hold="true"))
    done = auditor("mail", "release", client, "--period", period)
    assert done.exit_code == Exit.USAGE
    assert f"--period: {period!r} is no month. Write year and month: 2026-11." in done.stderr


def test_a_release_that_finds_nothing_held_says_what_there_is(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server, hold="true"))
    auditor("audit", client, "--mail")
    done = auditor("mail", "release", client, "--period", "2020-01")
    assert (done.exit_code, states(client)) == (Exit.USAGE, [State.HELD])
    assert "aucun rapport de 2020-01 n'attend votre accord" in done.stderr
    assert f"auditor mail list {client}" in done.stderr
    server.data = ["451 4.3.0 try later"] * 9
    assert auditor("mail", "release", client).exit_code == Exit.USAGE
    assert states(client) == [State.QUEUED]
    done = auditor("mail", "release", client)
    assert (done.exit_code, states(client)) == (Exit.USAGE, [State.QUEUED])
    assert f"auditor mail send {client}" in done.stderr
    assert "Rien à envoyer" not in done.stdout


def test_a_command_that_is_told_can_be_typed_as_it_stands(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server, hold="true"), name="Boulangerie Éloïse & fils")
    done = auditor("audit", client, "--mail")
    command = done.stdout.replace("\u00a0", " ").rpartition("envoyer : ")[2].splitlines()[0]
    assert shlex.split(command) == ["auditor", "mail", "release", str(client)]
    document = json.loads(auditor("audit", client, "--mail", "--json").stdout)
    assert document["mail"][0]["folder"] == str(client), "a program is given the folder itself"


def test_a_report_nobody_released_is_dropped_when_the_time_of_personal_data_is_over(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server, hold="true"))
    auditor("audit", client, "--mail")
    assert "jamais envoyé" not in auditor("history", client, "--purge").stdout
    connection = sqlite3.connect(client / "outbox.sqlite")
    connection.execute("UPDATE messages SET made_at = '2020-01-01T06:00:00+00:00', period = '2020-01'")
    connection.commit()
    connection.close()
    assert "1 courriel jamais envoyé est retiré" in auditor("history", client, "--purge").stdout
    assert states(client) == []


def test_an_incomplete_audit_is_held_where_only_complete_ones_go(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server, send='"complete"'))
    done = auditor("audit", client, "--mail")
    assert "retenu, car l'audit est incomplet" in done.stdout
    assert (server.received, states(client)) == ([], [State.HELD])


def test_a_dry_run_writes_a_file_that_any_mail_program_opens_and_sends_nothing(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server))
    done = auditor("audit", client, "--dry-run")
    (file,) = (client / "reports").glob("*.eml")
    assert str(file) in done.stdout
    mail = message_from_bytes(file.read_bytes(), policy=default)
    assert mail["To"] == TO
    assert not mail.defects
    (part,) = mail.iter_attachments()
    assert part.get_filename().endswith(".xlsx")
    assert server.received == []
    assert not (client / "outbox.sqlite").exists() or states(client) == []
    assert auditor("audit", client, "--mail").exit_code == Exit.INCOMPLETE
    assert len(server.received) == 1, "a dry run does not count as sent"


def test_a_server_that_is_down_leaves_the_report_written_and_the_mail_waiting(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server, port="1"))
    done = auditor("audit", client, "--mail", "--json")
    assert done.exit_code == Exit.USAGE
    assert "NON ENVOYÉ, gardé dans la boîte d'envoi" in done.stderr
    assert "connection refused" in done.stderr
    document = json.loads(done.stdout)
    assert document["exit"]["reasons"][0] == "mail_not_sent"
    assert document["mail"][0]["state"] == "queued"
    assert document["run"] == 1
    assert list((client / "reports").glob("*.xlsx"))
    assert states(client) == [State.QUEUED]
    file = client / "client.toml"
    file.write_text(file.read_text("utf-8").replace("port = 1\n", f"port = {server.port}\n"), "utf-8")
    assert auditor("mail", "send", client).exit_code == Exit.COMPLIANT
    assert (len(server.received), states(client)) == (1, [State.SENT])


def test_a_message_that_waits_is_replaced_by_the_next_audit_of_the_month(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server, port="1"))
    auditor("audit", client, "--mail")
    file = client / "client.toml"
    file.write_text(file.read_text("utf-8").replace("port = 1\n", f"port = {server.port}\n"), "utf-8")
    auditor("audit", client, "--mail")
    assert (len(server.received), states(client)) == (1, [State.SENT])


def test_when_nobody_knows_whether_it_arrived_it_is_told_and_not_repeated(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    with odd_server(after_data=[CLOSE]) as odd:
        server.port = odd.port
        mail = "\n".join(
            line for line in table(server, security='"none"').split("\n") if line.split(" ")[0] not in LOGIN
        )
        client = folder(tmp_path, recording, mail)
        done = auditor("audit", client, "--mail")
        assert (done.exit_code, states(client)) == (Exit.USAGE, [State.UNCLEAR])
        assert "ENVOI INCERTAIN" in done.stderr
        again = auditor("audit", client, "--mail")
        auditor("mail", "send", client)
        assert "ENVOI INCERTAIN" in again.stderr
        assert len(odd.messages) == 1
        assert auditor("mail", "resend", client).exit_code == Exit.COMPLIANT
        assert len(odd.messages) == 2, "asked for, it goes"


_KILLED = """
import os, signal, sys
from auditor.cli import main
from auditor.mailing import smtp
def die(content):
    os.kill(os.getpid(), signal.SIGKILL)
smtp._dotted = die
sys.exit(main(["audit", sys.argv[1], "--mail"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_in_the_middle_of_sending_the_next_run_says_so(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server))
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(client)], env=dict(os.environ), check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert states(client) == [State.SENDING]
    again = auditor("audit", client, "--mail")
    assert (again.exit_code, states(client)) == (Exit.USAGE, [State.UNCLEAR])
    assert "stopped while it handed the message over" in again.stderr
    assert server.received == []


def test_a_wrong_password_costs_the_mail_and_not_the_report(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2-wrong")
    client = folder(tmp_path, recording, table(server))
    done = auditor("--debug", "audit", client, "--mail")
    assert done.exit_code == Exit.USAGE
    assert "refuses user" in done.stderr
    assert "hunter2" not in done.output
    assert b"hunter2" not in (client / "outbox.sqlite").read_bytes()
    assert list((client / "reports").glob("*.xlsx"))
    with Store(client / "history.sqlite") as store:
        assert store.latest().state == "finished"


def test_what_mail_needs_is_asked_before_anything_is_visited(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = folder(tmp_path, recording, "")
    assert "mail: nothing says who gets the report" in auditor("audit", client, "--mail").stderr
    other = folder(tmp_path, recording, table(server), name="martin", client="Cabinet Martin")
    monkeypatch.delenv("MAIL_PASSWORD")
    assert "env:MAIL_PASSWORD" in auditor("audit", other, "--mail").stderr
    assert not (client / "history.sqlite").exists()
    assert not (other / "history.sqlite").exists()


def test_several_clients_get_their_own_reports_and_one_failing_harms_no_other(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    provider = table(server).replace(f'to = "{TO}"\n', "").replace('salutation = "Madame Dubois"\n', "")
    paths = []
    for name, address in (("a", "a@one.example"), ("b", "b@two.example"), ("c", "c@three.example")):
        paths.append(folder(tmp_path, recording, f'[mail]\nto = "{address}"\n', name=name, client=f"Client {name}"))
    (tmp_path / "clients" / "provider.toml").write_text(provider, "utf-8")
    server.rcpt["b@two.example"] = ["550 5.1.1 no such user"]
    done = auditor("audit", *paths, "--mail")
    assert done.exit_code == Exit.USAGE
    assert "no such user" in done.stderr
    found = {received.recipients: received.message for received in server.received}
    assert set(found) == {("a@one.example",), ("c@three.example",)}
    for (address,), mail in found.items():
        attachment = attachment_of(mail)
        assert attachment is not None
        assert f"Client-{address[0]}" in attachment.name
        assert f"[Client {address[0]}]" in mail["Subject"]
    assert [states(path) for path in paths] == [[State.SENT], [State.REFUSED], [State.SENT]]


def test_a_folder_copied_for_another_client_sends_nothing_of_the_first(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server, hold="true"))
    auditor("audit", client, "--mail")
    file = client / "client.toml"
    text = file.read_text("utf-8").replace("Menuiserie Dubois", "Cabinet Martin").replace(TO, "x@martin.example")
    file.write_text(text, "utf-8")
    done = auditor("mail", "release", client)
    assert done.exit_code == Exit.USAGE
    assert "it is Menuiserie Dubois's, and this folder Cabinet Martin's: nothing is sent" in done.stderr
    assert server.received == []


def test_list_shows_what_became_of_each(tmp_path: Path, recording: Path, server: MailServer, auditor: Run) -> None:
    client = folder(tmp_path, recording, table(server))
    assert "La boîte d'envoi est vide." in auditor("mail", "list", client).stdout
    server.rcpt[TO] = ["550 5.1.1 no such user"]
    auditor("audit", client, "--mail")
    done = auditor("mail", "list", client)
    assert done.exit_code == Exit.COMPLIANT
    assert "refusé" in done.stdout
    assert TO in done.stdout
    assert "no such user" in done.stdout
    auditor("mail", "send", client)
    assert "envoyé" in auditor("mail", "list", client).stdout


def test_a_test_message_goes_to_the_provider_unless_told_otherwise(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server))
    assert auditor("mail", "test", client).exit_code == Exit.COMPLIANT
    assert auditor("mail", "test", client, "--to", "moi@martin.example").exit_code == Exit.COMPLIANT
    assert [received.recipients for received in server.received] == [(USER,), ("moi@martin.example",)]
    assert attachment_of(server.received[0].message) is None
    assert "is no mail address" in auditor("mail", "test", client, "--to", "moi").stderr
    server.data.append("554 5.7.1 spam")
    done = auditor("mail", "test", client)
    assert done.exit_code == Exit.USAGE
    assert "554 5.7.1 spam" in done.stderr


def test_a_workbook_above_the_limit_costs_the_mail_and_not_the_report(
    tmp_path: Path, recording: Path, server: MailServer, auditor: Run
) -> None:
    client = folder(tmp_path, recording, table(server, attachment_limit_mb="0.001"))
    done = auditor("audit", client, "--mail")
    assert done.exit_code == Exit.USAGE
    assert "more than mail.attachment_limit_mb = 0.001 allows" in done.stderr
    assert list((client / "reports").glob("*.xlsx"))
    assert server.received == []


def test_graph_sends_it_too(tmp_path: Path, recording: Path, auditor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with graph_mail(tmp_path / "graph", USER) as lab:
        monkeypatch.setenv("POST_SECRET", lab.tenant.secret)
        text = (
            f'[credentials.post]\nkind = "m365"\nclient_id = "{lab.tenant.client_id}"\nsecret = "env:POST_SECRET"\n'
            f'[graph]\nlogin = "{lab.url}"\nurl = "{lab.url}/v1.0"\nca_file = "{lab.ca_file}"\n'
            f'[mail]\nfrom = "{USER}"\nto = "{TO}"\nhold = false\n'
            f'graph = {{ tenant = "{lab.tenant.id}", credential = "post" }}\n'
        )
        client = folder(tmp_path, recording, text)
        done = auditor("audit", client, "--mail")
    assert f"envoyé à {TO}" in done.stdout
    ((name, content),) = lab.sent[0]["files"]
    assert content == (client / "reports" / name).read_bytes()
    assert lab.tenant.secret not in done.output


def test_every_message_in_the_outbox_opens(tmp_path: Path, recording: Path, server: MailServer, auditor: Run) -> None:
    client = folder(tmp_path, recording, table(server, hold="true"), client='Société "Étoile" <& fils>')
    auditor("audit", client, "--mail")
    with Outbox(client / "outbox.sqlite") as outbox:
        (entry,) = outbox.entries()
        mail = parsed(outbox.content(entry))
    assert 'Société "Étoile" <& fils>' in mail["Subject"]
    page = mail.get_body(("html",))
    assert page is not None
    assert "<& fils>" not in page.get_content()
