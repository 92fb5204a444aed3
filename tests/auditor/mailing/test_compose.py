"""One message: MIME that Python's own parser reads back, headers nobody can add to, one client in every part."""

import hashlib
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime

import pytest

from auditor.errors import MailError
from auditor.mail_settings import Mailbox
from auditor.mailing.compose import WORKBOOK, Attachment, attachment_of, check_identity, check_workbook, compose, parsed
from reports.message import letter
from tests.auditor.mailing.parcels import AT, CLIENT, COPY, PERIOD, TO, USER, draft, report_of, settings
from tests.lab import assessments


def identity(content: bytes, **changed: object) -> None:
    made = draft()
    told = {
        "client": CLIENT,
        "period": PERIOD,
        "recipients": (TO,),
        "file_name": made.file_name,
        "file_sha256": made.file_sha256,
    }
    check_identity(content, **{**told, **changed})  # type: ignore[arg-type]


def test_a_message_has_text_page_and_workbook() -> None:
    made = draft(settings(cc=(COPY,), reply_to=(Mailbox(address="support@martin.example"),)))
    mail = parsed(made.content)
    words = letter(assessments.spotless(), "fr", salutation="Madame Dubois", signature="Infogérance Martin")
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert text.get_content().replace("\r\n", "\n") == words.text
    assert page.get_content().replace("\r\n", "\n") == words.html
    assert mail["Subject"] == words.subject == made.subject
    assert mail["From"].addresses[0].display_name == "Infogérance Martin"
    assert (mail["To"], mail["Cc"], mail["Reply-To"]) == (TO, COPY, "support@martin.example")
    assert parsedate_to_datetime(mail["Date"]) == AT
    assert mail["Auto-Submitted"] == "auto-generated"
    (part,) = mail.iter_attachments()
    assert part.get_content_type() == WORKBOOK
    assert part.get_filename() == made.file_name == "2026-08_Menuiserie-Dubois-&-Fils_rapport-correctifs.xlsx"
    assert hashlib.sha256(part.get_content()).hexdigest() == made.file_sha256


def test_nothing_of_it_needs_more_than_ascii_and_no_line_is_too_long() -> None:
    content = draft().content
    assert content.isascii()
    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_an_old_parser_reads_the_names_too() -> None:
    old = message_from_bytes(draft().content)  # the parser of 2001: encoded words and names as they are on the wire
    assert str(make_header(decode_header(old["Subject"]))).startswith(f"[{CLIENT}] Rapport mensuel")
    assert str(make_header(decode_header(old["From"]))) == f"Infogérance Martin <{USER}>"


def test_a_file_name_with_accents_and_of_any_length_arrives() -> None:
    client = "Société d'électricité « Éclair » 株式会社 " + "très longue " * 4
    assessment = replace(assessments.spotless(), client=client)
    made = draft(assessment=assessment)
    found = attachment_of(parsed(made.content))
    assert found is not None
    assert found.name == made.file_name == report_of(assessment).name
    assert b"filename*" in made.content


@pytest.mark.parametrize(
    "hostile", ["X\r\nBcc: all@evil.example", "X\nBcc: all@evil.example", "X\r\n\r\n<b>body", "X\x00\x0b"]
)
def test_no_name_can_add_a_header_or_a_body(hostile: str) -> None:
    assessment = replace(assessments.spotless(), client=hostile)
    how = settings(sender=Mailbox(address=USER, name=hostile))
    words = replace(letter(assessments.spotless(), "fr"), subject=hostile)
    attachment = report_of(assessment)
    made = compose(words, attachment, how, client=hostile, period=PERIOD, at=AT, number="1")
    mail = parsed(made.content)
    assert mail["Bcc"] is None
    assert not mail.defects
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted", "MIME-Version",
        "Content-Type",
    }  # fmt: skip


def test_the_same_input_gives_the_same_bytes_and_another_number_another_message() -> None:
    assert draft() == draft()
    assert draft(number="2").message_id != draft().message_id
    assert draft().message_id.endswith("@infogerance.example>")


def test_a_workbook_above_the_limit_is_told_with_both_sizes() -> None:
    big = replace(report_of(assessments.spotless()), content=b"PK\x03\x04" + bytes(2_100_000))
    with pytest.raises(MailError, match=r"2\.1 MB are more than mail\.attachment_limit_mb = 2 allows"):
        compose(
            letter(assessments.spotless(), "fr"),
            big,
            settings(attachment_limit_mb=2.0),
            client=CLIENT,
            period=PERIOD,
            at=AT,
            number="1",
        )


def test_another_clients_workbook_is_not_sent_whatever_its_file_is_called() -> None:
    other = report_of(replace(assessments.spotless(), client="Cabinet Martin"))
    disguised = Attachment(name=report_of(assessments.spotless()).name, content=other.content)
    with pytest.raises(MailError, match=r"says it is '.*Cabinet Martin', not Menuiserie"):
        check_workbook(disguised, client=CLIENT, period=PERIOD)


@pytest.mark.parametrize(
    "name", ["2026-08_Cabinet-Martin_rapport.xlsx", "2026-07_Menuiserie-Dubois-&-Fils_rapport.xlsx"]
)
def test_a_file_named_for_another_client_or_month_is_not_sent(name: str) -> None:
    with pytest.raises(MailError, match="file's name is not that of Menuiserie"):
        check_workbook(replace(report_of(assessments.spotless()), name=name), client=CLIENT, period=PERIOD)


def test_a_file_that_is_no_workbook_is_not_sent() -> None:
    for content in (b"", b"no zip", b"PK\x03\x04 cut off"):
        with pytest.raises(MailError, match="does not say whose it is"):
            check_workbook(replace(report_of(assessments.spotless()), content=content), client=CLIENT, period=PERIOD)


def test_a_workbook_locked_by_a_password_is_told_by_its_name() -> None:
    locked = replace(report_of(assessments.spotless()), content=b"\xd0\xcf\x11\xe0 locked")
    check_workbook(locked, client=CLIENT, period=PERIOD)
    with pytest.raises(MailError):
        check_workbook(locked, client="Cabinet Martin", period=PERIOD)


def test_a_stored_message_is_sent_only_as_it_was_composed() -> None:
    content = draft().content
    identity(content)
    for changed in (
        {"recipients": (COPY,)},
        {"recipients": (TO, COPY)},
        {"client": "Cabinet Martin"},
        {"period": "2026-07"},
        {"file_name": "2026-08_Menuiserie-Dubois-&-Fils_autre.xlsx"},
        {"file_sha256": "0" * 64},
    ):
        with pytest.raises(MailError, match="nothing is sent"):
            identity(content, **changed)
    with pytest.raises(MailError, match=r"addressed to direction@contoso.example, evil@evil.example"):
        identity(content.replace(b"\r\nSubject:", b"\r\nBcc: evil@evil.example\r\nSubject:", 1))
