"""What the tests of mailing share: a client's settings, a workbook, a letter, and a way out that answers as told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from auditor.mail_settings import Mailbox, MailSettings, Security, SmtpSettings
from auditor.mailing.carrier import Fate, Parcel, Receipt
from auditor.mailing.compose import Attachment, Draft, compose
from auditor.mailing.outbox import Entry, Outbox
from auditor.mailing.postman import Postman
from reports import workbook
from reports.message import letter
from rules.model import Assessment
from tests.lab import assessments
from tests.lab.smtp import USER

CLIENT = "Menuiserie Dubois & Fils"
PERIOD = "2026-08"
AT = datetime(2026, 8, 5, 7, 0, tzinfo=UTC)
TO = "direction@contoso.example"
COPY = "compta@contoso.example"
ACCEPTED = Receipt(fate=Fate.ACCEPTED, answer="250 queued")
LATER = Receipt(fate=Fate.LATER, problem="mail.example:587: nothing listens there.")


def settings(*, to: Sequence[str] = (TO,), cc: Sequence[str] = (), **how: object) -> MailSettings:
    """A client's mail settings."""
    told = {
        "sender": Mailbox(address=USER, name="Infogérance Martin"),
        "to": tuple(Mailbox(address=address) for address in to),
        "cc": tuple(Mailbox(address=address) for address in cc),
        "smtp": SmtpSettings(server="localhost", port=587),
    }
    return MailSettings(**{**told, **how})  # type: ignore[arg-type]


def smtp(
    port: int, ca_file: Path | None = None, *, security: Security = Security.STARTTLS, login: bool = True
) -> SmtpSettings:
    """A server of the lab."""
    user, password = (USER, "env:MAIL_PASSWORD") if login else ("", "")
    return SmtpSettings(server="localhost", port=port, security=security, user=user, password=password, ca_file=ca_file)


@cache
def _spotless() -> Attachment:
    return report_of(assessments.spotless())


def report_of(assessment: Assessment, language: str = "fr") -> Attachment:
    """The manager's workbook."""
    return Attachment(name=workbook.file_name(assessment, language), content=workbook.render(assessment, language))


def draft(
    how: MailSettings | None = None, *, assessment: Assessment | None = None, number: str = "1", run: int = 1
) -> Draft:
    """A month's mail, composed."""
    attachment = _spotless() if assessment is None else report_of(assessment)
    assessment = assessment or assessments.spotless()
    return compose(
        letter(assessment, "fr", salutation="Madame Dubois", signature="Infogérance Martin"),
        attachment,
        how or settings(),
        client=assessment.client,
        period=PERIOD,
        at=AT,
        number=number,
        run=run,
    )


@dataclass
class ToldCarrier:
    """Answers in turn as told, then accepts; `carried` is what it was given. `before` runs before anything else."""

    receipts: list[Receipt] = field(default_factory=list)
    carried: list[Parcel] = field(default_factory=list)
    place: str = "mail.example:587"
    before: Callable[[], None] = lambda: None
    commits: bool = True

    def carry(self, parcel: Parcel, committing: Callable[[], None]) -> Receipt:
        self.before()
        receipt = self.receipts.pop(0) if self.receipts else ACCEPTED
        if receipt.fate in (Fate.ACCEPTED, Fate.UNCLEAR):
            committing()
        self.carried.append(parcel)
        return receipt


def postman(carrier: ToldCarrier, waited: list[float] | None = None, **how: object) -> Postman:
    """A postman who notes his waits and waits not at all."""
    told = {
        "client": CLIENT,
        "sender": USER,
        "recipients": (TO,),
        "carrier": carrier,
        "clock": lambda: AT,
        "sleep": (waited if waited is not None else []).append,
    }
    return Postman(**{**told, **how})  # type: ignore[arg-type]


def kept(outbox: Outbox, made: Draft | None = None, *, hold: bool = False) -> Entry:
    """A message in the outbox."""
    return outbox.keep(made or draft(), hold=hold, at=AT).entry
