"""`[mail]`: who gets the report, through which server; every mistake is told with file and key."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor.config import load
from auditor.errors import SettingsError
from auditor.mail_settings import Mailbox, MailSettings, Security
from auditor.mailing.compose import compose, parsed
from reports.message import trial_letter

AT = datetime(2026, 11, 3, 6, tzinfo=UTC)
APP = """
[credentials.post]
kind = "m365"
client_id = "11111111-2222-3333-4444-555555555555"
secret = "env:POST_SECRET"
"""
PROVIDER = """
[mail]
from = "Infogérance Martin <rapports@martin.example>"
server = "smtp.martin.example"
user = "rapports@martin.example"
password = "file:secrets/mail"
"""


def read(tmp_path: Path, mail: str, provider: str = "", more: str = "") -> MailSettings | None:
    folder = tmp_path / "clients" / "contoso"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "client.toml").write_text(f'[client]\nname = "Contoso"\n{more}\n{mail}', "utf-8")
    if provider:
        (tmp_path / "clients" / "provider.toml").write_text(provider, "utf-8")
    return load(folder).mail


def settled(tmp_path: Path, mail: str, provider: str = "", more: str = "") -> MailSettings:
    found = read(tmp_path, f"[mail]\n{mail}", provider, more)
    assert found is not None
    return found


OWN = 'from = "rapports@martin.example"\nto = "direction@contoso.example"\nserver = "smtp.martin.example"\n'


def test_without_a_table_of_its_own_a_client_is_mailed_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") is None
    assert read(tmp_path, "", PROVIDER) is None


def test_a_clients_own_table_is_enough(tmp_path: Path) -> None:
    mail = settled(tmp_path, OWN)
    assert mail.smtp is not None
    assert (mail.smtp.server, mail.smtp.port, mail.smtp.security) == ("smtp.martin.example", 587, Security.STARTTLS)
    assert mail.recipients == ("direction@contoso.example",)
    assert mail.hold, "the first reports wait for approval"
    assert not mail.complete_only


def test_the_provider_names_the_server_and_the_client_the_recipients(tmp_path: Path) -> None:
    mail = settled(tmp_path, 'to = ["Anne Dubois <anne@contoso.example>", "b@contoso.example"]\nhold = false', PROVIDER)
    assert mail.sender == Mailbox(address="rapports@martin.example", name="Infogérance Martin")
    assert mail.to[0] == Mailbox(address="anne@contoso.example", name="Anne Dubois")
    assert mail.smtp is not None
    assert mail.smtp.password == f"file:{tmp_path / 'clients' / 'secrets' / 'mail'}", "beside the provider's file"
    assert not mail.hold


@pytest.mark.parametrize("key", ['to = "a@contoso.example"', 'salutation = "Madame Dubois"'])
def test_the_providers_file_names_no_recipient(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError, match=rf"provider.toml: mail.{key.split()[0]}: .* shared by all"):
        settled(tmp_path, 'to = "b@contoso.example"', PROVIDER + key)


def test_the_providers_password_is_not_offered_to_a_server_that_a_client_names(tmp_path: Path) -> None:
    mail = settled(tmp_path, 'to = "a@contoso.example"\nserver = "smtp.contoso.example"', PROVIDER)
    assert mail.smtp is not None
    assert (mail.smtp.server, mail.smtp.user, mail.smtp.password) == ("smtp.contoso.example", "", "")


def test_graph_takes_the_place_of_a_server(tmp_path: Path) -> None:
    graph = 'to = "a@contoso.example"\ngraph = { tenant = "martin.example", credential = "post" }'
    mail = settled(tmp_path, graph, PROVIDER, APP)
    assert mail.smtp is None
    assert mail.graph is not None
    assert (mail.graph.target.address, mail.graph.app.name) == ("martin.example", "post")


@pytest.mark.parametrize(
    ("mail", "problem"),
    [
        ('server = "smtp.example.com"\nto = "a@b.example"', r"mail\.from: the sender's address is missing"),
        ('server = "smtp.example.com"\nfrom = "a@b.example"', r"mail\.to: who gets the report"),
        ('from = "a@b.example"\nto = "a@b.example"', r"mail: nothing says how mail is sent"),
        (OWN + 'sender = "x"', r"mail\.sender: unknown key"),
        (OWN + 'recipient = "x"', r"mail\.recipient: unknown key"),
        (OWN.replace("direction@contoso.example", "direction"), r"mail\.to: 'direction' is no mail address"),
        (OWN.replace("direction@", "a..b@"), r"mail\.to: .* is no mail address"),
        (OWN.replace("direction@", "a,b@"), r"mail\.to: .* is no mail address"),
        (OWN.replace("direction@", "é@"), r"mail\.to: .* cannot be mailed to"),
        (OWN + 'cc = ["a@b.example", "b"]', r"mail\.cc\[2\]: 'b' is no mail address"),
        (OWN + 'reply_to = "x@y@z"', r"mail\.reply_to: .* is no mail address"),
        (OWN + 'salutation = "Madame\\nBcc: x@y.example"', r"mail\.salutation: holds a line break"),
        (OWN.replace("direction@contoso.example", "X\\r\\nBcc: y@z.example <a@b.example>"), r"mail\.to: holds a line"),
        (OWN + "port = 0", r"mail\.port"),
        (OWN + 'security = "ssl"', r"mail\.security: .* is not one of starttls, tls, none"),
        (OWN + 'security = "none"', r"mail\.security: reports and passwords are not sent over the network in clear"),
        (OWN.replace("smtp.martin.example", "smtp martin"), r"mail\.server: 'smtp martin' is no host name"),
        (OWN + 'user = "x"', r"mail\.password: is missing"),
        (OWN + 'password = "env:X"', r"mail\.user: is missing"),
        (OWN + 'user = "x"\npassword = "hunter2"', r"mail\.password: a secret is written as a reference"),
        (OWN + "attachment_limit_mb = 0", r"mail\.attachment_limit_mb"),
        (OWN + 'send = "sometimes"', r"mail\.send: .* is not one of always, complete"),
        (OWN + 'graph = { tenant = "a.example", credential = "post" }', r"mail\.graph: a server is named as well"),
        ('to = "a@b.example"\nuser = "x"', r"mail\.user: goes with a server"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(tmp_path: Path, mail: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=rf"client\.toml: {problem}"):
        settled(tmp_path, mail)


@pytest.mark.parametrize(
    ("graph", "problem"),
    [
        ('{ tenant = "common", credential = "post" }', r"mail\.graph\.tenant: 'common' means any tenant"),
        ('{ tenant = "a.example", credential = "absent" }', r"mail\.graph\.credential: there is no credential"),
        ('{ tenant = "a.example", credential = "main" }', r"mail\.graph\.credential: .* logs in to machines"),
        ('{ tenant = "a.example", credential = "person" }', r"mail\.graph\.credential: a device code needs a person"),
        ('{ tenant = "a.example", credential = "post", cloud = "moon" }', r"mail\.graph\.cloud: 'moon' is not one of"),
        ('{ tenant = "a.example" }', r"mail\.graph: `credential` is missing"),
    ],
)
def test_a_mistake_about_graph_is_told_too(tmp_path: Path, graph: str, problem: str) -> None:
    others = '[credentials.main]\nuser = "x"\n[credentials.person]\nkind = "m365"\ndevice_code = true\n'
    mail = f'from = "a@b.example"\nto = "a@b.example"\ngraph = {graph}'
    with pytest.raises(SettingsError, match=problem):
        settled(tmp_path, mail, more=APP + others)


def test_what_stands_in_place_of_a_reference_is_never_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        settled(tmp_path, OWN + 'user = "x"\npassword = "hunter2"')
    assert "hunter2" not in str(refused.value)


def test_clear_text_goes_to_this_machine_alone(tmp_path: Path) -> None:
    mail = settled(tmp_path, OWN.replace("smtp.martin.example", "127.0.0.1") + 'security = "none"')
    assert mail.smtp is not None
    assert mail.smtp.port == 25


def test_a_domain_with_accents_is_mailed_to_by_its_registered_name(tmp_path: Path) -> None:
    mail = settled(tmp_path, OWN.replace("contoso.example", "münchen.example"))
    assert mail.recipients == ("direction@xn--mnchen-3ya.example",)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ('Support "é" <a@martin.example>', 'Support "é"'),
        ('"Martin, Support" <a@martin.example>', "Martin, Support"),
        (r'"Les \"Pros\"" <a@martin.example>', 'Les "Pros"'),
        ("<a@martin.example>", ""),
    ],
)
def test_a_name_may_stand_in_quotes_or_hold_some(tmp_path: Path, written: str, name: str) -> None:
    mail = settled(tmp_path, OWN.replace('"rapports@martin.example"', f"'{written}'"))
    assert mail.sender == Mailbox(address="a@martin.example", name=name)
    draft = compose(
        trial_letter("Contoso", "fr", signature=""), None, mail, client="Contoso", period="", at=AT, number="1"
    )
    (box,) = parsed(draft.content)["From"].addresses
    assert (box.display_name, box.addr_spec) == (name, "a@martin.example")


@pytest.mark.parametrize("written", ["Bö <a@b.example> x", "é a@b.example", "Bö <a@b.example"])
def test_what_is_no_address_is_not_blamed_on_accents(tmp_path: Path, written: str) -> None:
    with pytest.raises(SettingsError, match="is no mail address"):
        settled(tmp_path, OWN.replace("rapports@martin.example", written))


def test_somebody_named_twice_gets_one_message(tmp_path: Path) -> None:
    assert settled(tmp_path, OWN + 'cc = ["Direction@Contoso.example"]').recipients == ("direction@contoso.example",)
