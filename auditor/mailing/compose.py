"""Words and workbook -> the bytes of one message, and the check that all of it is about one and the same client.

The same input gives the same bytes; date and number of the message come from outside.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from unicodedata import normalize
from xml.etree import ElementTree as ET

from auditor.errors import MailError
from auditor.mail_settings import Mailbox, MailSettings
from reports.message import Letter

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MEGABYTE = 1_000_000
_LINE, _FIRST_LINE = 76, len("Reply-To")  # characters of a header's line, and of the longest name before one
_CUT_NAME, _CUT_BYTES = 78, 156  # a client's name in a file name was cut where it has that many of them, or more
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
_ZIP, _OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # a workbook, and one locked by a password


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """The workbook that goes along: its file name and bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A composed message with what identifies it. `period` is the month of its data ("2026-08")."""

    client: str
    period: str
    language: str
    recipients: tuple[str, ...]
    sender: str
    subject: str
    message_id: str
    content: bytes
    run: int = 0
    incomplete: bool = False
    file_name: str = ""
    file_sha256: str = ""


def compose(
    letter: Letter,
    attachment: Attachment | None,
    settings: MailSettings,
    *,
    client: str,
    period: str,
    at: datetime,
    number: str,
    run: int = 0,
) -> Draft:
    """Compose one message. `number` makes its Message-ID: the same for the same message, however often it is tried.

    Raises MailError for a workbook above the limit, or one that is not this client's.
    """
    digest = hashlib.sha256(number.encode()).hexdigest()[:32]
    message_id = f"<auditor.{digest}@{settings.sender.address.rpartition('@')[2]}>"
    if attachment is not None:
        _check_size(attachment, settings.attachment_limit_mb)
        check_workbook(attachment, client=client, period=period)
    return Draft(
        client=client,
        period=period,
        language=letter.language,
        recipients=settings.recipients,
        sender=settings.sender.address,
        subject=header(letter.subject),
        message_id=message_id,
        content=_head(letter, settings, at, message_id) + _body(letter, attachment, digest),
        run=run,
        incomplete=letter.incomplete,
        file_name=attachment.name if attachment is not None else "",
        file_sha256=hashlib.sha256(attachment.content).hexdigest() if attachment is not None else "",
    )


def _head(letter: Letter, settings: MailSettings, at: datetime, message_id: str) -> bytes:
    """The headers but those of the content. Python 3.11 loses spaces where it folds encoded words: these are ours."""
    lines = [("From", _listed(settings.sender)), ("To", _listed(*settings.to))]
    lines += [("Cc", _listed(*settings.cc))] if settings.cc else []
    lines += [("Reply-To", _listed(*settings.reply_to))] if settings.reply_to else []
    lines += [
        ("Subject", _encoded(letter.subject, _FIRST_LINE)),
        ("Date", format_datetime(at)),
        ("Message-ID", message_id),
        ("Auto-Submitted", "auto-generated"),  # no out-of-office answers to a monthly report (RFC 3834)
    ]
    return "".join(f"{name}: {value}\r\n" for name, value in lines).encode("ascii")


def _body(letter: Letter, attachment: Attachment | None, digest: str) -> bytes:
    """Text, page and workbook, with their headers."""
    mail = EmailMessage(policy=SMTP)
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    if attachment is not None:
        maintype, _, subtype = WORKBOOK.partition("/")
        mail.add_attachment(attachment.content, maintype=maintype, subtype=subtype, filename=header(attachment.name))
    mail["Content-Language"] = letter.language  # now: setting the content takes such headers away
    for place, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        # Ours instead of random ones; "=_" occurs in no quoted-printable and in no base64 text.
        part.set_boundary(f"=_{digest}_{place}")
    return mail.as_bytes()


def _listed(*boxes: Mailbox) -> str:
    return ",\r\n ".join(_address(box) for box in boxes)


def _address(box: Mailbox) -> str:
    name = header(box.name)
    if not name or name.isascii():
        return formataddr((name, box.address))
    return f"{_encoded(name, _FIRST_LINE)}\r\n <{box.address}>"


def _encoded(text: str, first_line: int) -> str:
    """A text for a header: as it is where that is plain and short, else as encoded words (RFC 2047), folded."""
    text = header(text)
    if text.isascii() and len(text) <= _LINE - first_line and "=?" not in text:
        return text
    return Header(text, "utf-8", maxlinelen=_LINE, header_name="x" * first_line).encode(linesep="\r\n")


def header(text: str) -> str:
    """A text that fits into one header, whatever stood in it."""
    return _CONTROL.sub(" ", text).strip()


def parsed(content: bytes) -> EmailMessage:
    """A stored message, read back."""
    mail = BytesParser(policy=SMTP).parsebytes(content)
    if not isinstance(mail, EmailMessage):  # the policy makes them; a promise to the type checker
        raise TypeError("no message")
    return mail


def addressed_to(mail: EmailMessage) -> tuple[str, ...]:
    """The addresses in the message's own headers, in lower case, sorted."""
    boxes = [box for name in ("To", "Cc", "Bcc") for box in _boxes(mail, name)]
    return tuple(sorted({address.casefold() for address in boxes}))


def attachment_of(mail: EmailMessage) -> Attachment | None:
    """The workbook in a message; None for one without."""
    for part in mail.iter_attachments():
        content = part.get_content()
        if isinstance(content, bytes):
            return Attachment(name=part.get_filename() or "", content=content)
    return None


def check_identity(
    content: bytes, *, client: str, period: str, recipients: Sequence[str], file_name: str, file_sha256: str
) -> None:
    """Raise MailError unless a stored message is this client's in every part: whom it goes to, and what is in it."""
    mail = parsed(content)
    wanted = tuple(sorted({address.casefold() for address in recipients}))
    if addressed_to(mail) != wanted:
        told = ", ".join(addressed_to(mail)) or "nobody"
        raise MailError(client, f"the message is addressed to {told}, not to {', '.join(wanted)}: nothing is sent.")
    found = attachment_of(mail)
    if found is None or found.name != file_name or hashlib.sha256(found.content).hexdigest() != file_sha256:
        raise MailError(client, f"the message does not carry {file_name} as it was composed: nothing is sent.")
    check_workbook(found, client=client, period=period)


def check_workbook(attachment: Attachment, *, client: str, period: str) -> None:
    """Raise MailError unless file name and workbook say that they are of this client and month.

    A workbook with a password cannot be looked into: its name alone is compared then.
    """
    month, _, rest = attachment.name.partition("_")
    named = rest.rpartition("_")[0]
    same = _plain(named) == _plain(client)
    long = len(named) >= _CUT_NAME or len(named.encode()) >= _CUT_BYTES
    cut = long and _plain(client).startswith(_plain(named))
    if month != period or not (same or cut):
        raise MailError(attachment.name, f"this file's name is not that of {client}, {period}: nothing is sent.")
    if attachment.content.startswith(_OFFICE):
        return
    title = _title(attachment.content)
    if header(client) not in header(title):
        told = f"says it is {title!r}" if title else "does not say whose it is"
        raise MailError(attachment.name, f"this workbook {told}, not {client}'s: nothing is sent.")


def _check_size(attachment: Attachment, limit_mb: float) -> None:
    size_mb = len(attachment.content) / _MEGABYTE
    if size_mb > limit_mb:
        raise MailError(
            attachment.name,
            f"{size_mb:.1f} MB are more than mail.attachment_limit_mb = {limit_mb:g} allows.",
            hint="Raise it if the servers on both sides take more, or hand the file over another way.",
        )


def _boxes(mail: EmailMessage, name: str) -> Sequence[str]:
    return [box.addr_spec for value in mail.get_all(name, []) for box in value.addresses]


def _title(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            root = ET.fromstring(file.read("docProps/core.xml"))  # noqa: S314 - written by us a moment ago
    except (zipfile.BadZipFile, KeyError, ET.ParseError):
        return ""
    found = root.find(_TITLE)
    return (found.text or "") if found is not None else ""


def _plain(text: str) -> str:
    """Letters and digits alone, for comparing a name with what became of it in a file name."""
    return "".join(char for char in normalize("NFC", text).casefold() if char.isalnum())
