"""A real Postfix: TLS required, logins by SASL, delivered into a Maildir and read back."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from auditor.mail_settings import Security
from auditor.mailing.carrier import Fate, Parcel, Receipt
from auditor.mailing.compose import attachment_of, compose
from auditor.mailing.smtp import SmtpCarrier
from collectors.credentials import Secret
from reports.message import letter
from tests.auditor.mailing.parcels import AT, CLIENT, PERIOD, USER, draft, report_of, settings, smtp
from tests.lab import assessments, postfix
from tests.lab.postfix import DOMAIN, KNOWN, SIZE_LIMIT, Postfix
from tests.lab.smtp import PASSWORD

pytestmark = [pytest.mark.peer, pytest.mark.xdist_group("postfix")]


@pytest.fixture(scope="module")
def server() -> Iterator[Postfix]:
    postfix.require()
    with postfix.postfix() as running:
        yield running


def carry(
    server: Postfix,
    content: bytes,
    *,
    to: tuple[str, ...] = KNOWN,
    password: str = PASSWORD,
    implicit: bool = False,
    login: bool = True,
) -> Receipt:
    port = server.tls_port if implicit else server.port
    where = smtp(port, server.ca_file, security=Security.TLS if implicit else Security.STARTTLS, login=login)
    carrier = SmtpCarrier(where, Secret(password) if login else None)
    return carrier.carry(Parcel(sender=USER, recipients=to, content=content), lambda: None)


def test_a_report_is_delivered_and_its_workbook_is_the_same(server: Postfix) -> None:
    made = draft(settings(to=KNOWN))
    receipt = carry(server, made.content)
    assert (receipt.fate, receipt.answer.startswith("250 2.0.0 Ok: queued as")) == (Fate.ACCEPTED, True)
    for address in KNOWN:
        (mail,) = server.delivered(address)
        assert (mail["Subject"], mail["Message-ID"]) == (made.subject, made.message_id)
        assert [box.addr_spec for box in mail["To"].addresses] == list(KNOWN)
        assert "with ESMTPSA" in mail["Received"], "Postfix notes that it came over TLS, after a login"
        assert not mail.defects
        attachment = attachment_of(mail)
        assert attachment is not None
        assert attachment == report_of(assessments.spotless())


def test_tls_from_the_first_byte_is_taken_too(server: Postfix) -> None:
    before = len(list((server.mailbox(KNOWN[1]) / "new").glob("*")))
    assert carry(server, draft().content, to=KNOWN[1:], implicit=True).fate is Fate.ACCEPTED
    server.delivered(KNOWN[1], count=before + 1)


def test_a_wrong_password_is_told_as_such(server: Postfix) -> None:
    receipt = carry(server, draft().content, password="wrong")
    assert receipt.fate is Fate.OURS
    assert "535 5.7.8" in receipt.problem


def test_without_a_login_nothing_is_taken_and_the_cure_is_named(server: Postfix) -> None:
    receipt = carry(server, draft().content, login=False)
    assert receipt.fate is Fate.OURS
    assert "mail.user" in receipt.hint


def test_an_unknown_recipient_is_refused_and_the_known_one_gets_it(server: Postfix) -> None:
    unknown = f"nobody@{DOMAIN}"
    receipt = carry(server, draft().content, to=(unknown, KNOWN[1]))
    assert receipt.fate is Fate.ACCEPTED
    assert receipt.refused[unknown].startswith("550 5.1.1")
    assert carry(server, draft().content, to=(unknown,)).fate is Fate.REFUSED


def test_a_message_above_the_servers_limit_is_not_even_begun(server: Postfix) -> None:
    made = report_of(assessments.spotless())
    big = replace(made, content=b"\xd0\xcf\x11\xe0" + bytes(SIZE_LIMIT))  # locked by a password, and large
    content = compose(
        letter(assessments.spotless(), "fr"), big, settings(), client=CLIENT, period=PERIOD, at=AT, number="1"
    ).content
    receipt = carry(server, content)
    assert receipt.fate is Fate.REFUSED
    assert f"takes messages up to {SIZE_LIMIT:,} bytes" in receipt.problem


def test_a_certificate_of_an_authority_unknown_here_is_not_trusted(server: Postfix) -> None:
    carrier = SmtpCarrier(smtp(server.port, None), Secret(PASSWORD))
    receipt = carrier.carry(Parcel(sender=USER, recipients=KNOWN, content=draft().content), lambda: None)
    assert receipt.fate is Fate.OURS
    assert "its certificate is not accepted" in receipt.problem
