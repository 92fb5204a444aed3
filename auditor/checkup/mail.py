"""Whether the way out for mail is open: connection, certificate and login, without sending anything."""

from typing import TYPE_CHECKING

from auditor.checkup.checks import Check, Section, State, say
from auditor.errors import AuditorError
from auditor.secrets import Resolver
from auditor.settings import ClientSettings

if TYPE_CHECKING:
    from auditor.mailing.carrier import Receipt


def mail_section(settings: ClientSettings, resolver: Resolver, *, offline: bool) -> Section:
    """Go as far as the server's answer to the login; of Graph, as far as the token's permissions."""
    return Section(name="mail", heading=say("mail"), checks=tuple(_checks(settings, resolver, offline=offline)))


def _checks(settings: ClientSettings, resolver: Resolver, *, offline: bool) -> list[Check]:
    from auditor.mailing.monthly import order

    if settings.mail is None:
        return []
    try:
        carrier = order(settings, resolver).carrier
    except AuditorError as error:
        return [_failed(f"{error.subject}: {error.problem}", error.hint)]
    to = ", ".join(settings.mail.recipients)
    if offline:
        return [Check(name="mail.way", state=State.NOTE, text=say("mail_unasked", place=carrier.place, to=to))]
    try:
        receipt: Receipt = carrier.reach()
    except AuditorError as error:
        return [_failed(f"{error.subject}: {error.problem}", error.hint)]
    from auditor.mailing.carrier import Fate

    if receipt.fate is not Fate.ACCEPTED:
        return [_failed(receipt.problem, receipt.hint)]
    if receipt.problem:
        return [Check(name="mail.way", state=State.WARNING, text=receipt.problem, todo=receipt.hint)]
    text = say("mail_open_held" if settings.mail.hold else "mail_open", place=carrier.place, to=to)
    return [Check(name="mail.way", state=State.OK, text=text)]


def _failed(problem: str, hint: str) -> Check:
    return Check(name="mail.way", state=State.FAILED, text=problem, todo=hint, refuses=True)
