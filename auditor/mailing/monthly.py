"""What `auditor audit --mail` and `auditor mail` do: compose, keep, send, and say what became of it."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.delivery import deliver
from auditor.errors import SettingsError
from auditor.history.tables import HistorySettings, months_before
from auditor.mail_settings import MailSettings
from auditor.mailing.carrier import Carrier, Fate, Parcel, Receipt
from auditor.mailing.compose import Attachment, Draft, compose, parsed
from auditor.mailing.outbox import FILE_NAME, Entry, Outbox, Overtaken, State
from auditor.mailing.postman import WAITS_S, Postman, Trouble
from auditor.pipeline import now
from auditor.secrets import Resolver
from auditor.settings import ClientSettings
from auditor.suggested import typed
from reports.message import letter, trial_letter
from reports.texts import Texts
from rules.model import Assessment

if TYPE_CHECKING:
    from reports.background import Background

_TEXTS = "cli.mail."
_FAILED = frozenset({"partly", "already_partly", "refused", "unclear", "queued", "not_held", "none_held"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How one client's reports are mailed in this run; with `dry_run` they are written and nothing is sent."""

    settings: ClientSettings
    mail: MailSettings
    carrier: Carrier
    dry_run: bool = False
    trouble: Trouble = field(default_factory=Trouble)
    clock: Callable[[], datetime] = now
    sleep: Callable[[float], None] = time.sleep
    waits_s: tuple[float, ...] = WAITS_S

    @property
    def client(self) -> str:
        """The client's name."""
        return self.settings.contract.client

    @property
    def outbox(self) -> Path:
        """The client's outbox."""
        return self.settings.folder / FILE_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of one message: a text below `cli.mail` with its parameters; `failed` is exit code 2.

    `entry` is its number in the outbox, 0 for what is about none.
    """

    text: str
    params: Mapping[str, str] = field(default_factory=dict)
    failed: bool = False
    entry: int = 0

    def line(self, texts: Texts) -> str:
        """The sentence for the operator."""
        shown = {"folder": typed(self.params["folder"])} if "folder" in self.params else {}
        return texts.text(_TEXTS + self.text, **{**self.params, **shown})

    def document(self) -> dict[str, object]:
        """The same for `--json`."""
        return {"state": self.text, **self.params}


def mail_of(settings: ClientSettings) -> MailSettings:
    """The client's `[mail]`. Raises SettingsError where it has none."""
    if settings.mail is None:
        hint = 'Add a table [mail] with to = ["…"]; the server may stand in provider.toml.'
        raise SettingsError(str(settings.file), "mail: nothing says who gets the report.", hint=hint)
    return settings.mail


def order(
    settings: ClientSettings, resolver: Resolver, *, dry_run: bool = False, trouble: Trouble | None = None
) -> Order:
    """Make ready to mail a client's reports. Raises SettingsError without `[mail]`, SecretError for its password."""
    mail = mail_of(settings)
    return Order(
        settings=settings,
        mail=mail,
        carrier=_carrier(settings, mail, resolver),
        dry_run=dry_run,
        trouble=trouble or Trouble(),
    )


def _carrier(settings: ClientSettings, mail: MailSettings, resolver: Resolver) -> Carrier:
    if mail.smtp is not None:
        from auditor.mailing.smtp import SmtpCarrier

        return SmtpCarrier(mail.smtp, resolver.secret(mail.smtp.password, "mail.password"))
    from auditor.login import client_cloud_policy
    from auditor.mailing.graph_mail import GraphCarrier
    from collectors.cloud.tokens import EntraTokens

    if mail.graph is None:  # `read_mail` names one of the two
        raise SettingsError(str(settings.file), "mail: nothing says how mail is sent.")
    policy = replace(client_cloud_policy(settings), show_device_code=None)
    tokens = EntraTokens(resolver.cloud_credential(mail.graph), policy=policy, tenant=mail.graph.target.name)
    return GraphCarrier(tokens, policy, mailbox=mail.sender.address)


def mail_report(
    how: Order,
    assessment: Assessment,
    workbook: Callable[[], Attachment],
    *,
    run: int,
    interrupted: bool = False,
    background: "Background | None" = None,
) -> tuple[Told, ...]:
    """Compose a run's mail, keep it and send it, and whatever of this client waits to be sent.

    `workbook` gives the manager's workbook in the client's language. Raises MailError when nothing could be composed.
    """
    if interrupted:
        return (Told(text="stopped"),)
    draft = composed(how, assessment, workbook, run=run, background=background)
    if how.dry_run:
        return (_written(how.settings.reports, draft.content, draft.file_name),)
    hold = how.mail.hold or (how.mail.complete_only and draft.incomplete)
    with Outbox(how.outbox) as outbox:
        outbox.expire(oldest_kept(how.clock(), how.settings.history_terms))
        kept = outbox.keep(draft, hold=hold, at=how.clock())
        waiting = [entry for entry in outbox.entries() if entry.state in (State.QUEUED, State.SENDING)]
        told = _send(how, outbox, waiting)
        if not any(each.entry in (kept.entry.id, 0) for each in told):  # 0: nothing was sent, whichever it is about
            told = (_told(how, outbox.entry(kept.entry.id), again=not kept.new), *told)
        return told


def oldest_kept(moment: datetime, terms: HistorySettings) -> datetime:
    """From when on a message that was not sent is kept: as long as the history keeps people."""
    day = months_before(moment.astimezone(UTC).date(), terms.personal_data_months)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def composed(
    how: Order,
    assessment: Assessment,
    workbook: Callable[[], Attachment],
    *,
    run: int,
    copy: int = 0,
    background: "Background | None" = None,
) -> Draft:
    """Compose a run's mail as it would be sent now. Raises MailError."""
    language = how.settings.contract.language
    day = Texts(language).local_day(assessment.as_of)
    period = f"{day.year}-{day.month:02d}"
    return compose(
        letter(
            assessment,
            language,
            salutation=how.mail.salutation,
            signature=how.mail.sender.name,
            background=background,
        ),
        workbook(),
        how.mail,
        client=assessment.client,
        period=period,
        at=how.clock(),
        number=f"{assessment.client}\0{period}\0{copy}",
        run=run,
    )


def send(how: Order) -> tuple[Told, ...]:
    """Send what waits, and try again what was refused."""
    with Outbox(how.outbox) as outbox:
        wanted = (State.QUEUED, State.REFUSED, State.SENDING)
        return _send(how, outbox, [entry for entry in outbox.entries() if entry.state in wanted])


def release(how: Order, period: str | None = None) -> tuple[Told, ...]:
    """Send what was held: the newest report, or that of a month. One that waits for `auditor mail send` is named."""
    with Outbox(how.outbox) as outbox:
        there = [entry for entry in outbox.entries() if period in (None, entry.period)]
        held = [entry for entry in there if entry.state is State.HELD]
        if held:
            return _send(how, outbox, [outbox.move(entry, State.QUEUED, at=how.clock()) for entry in held[-1:]])
    folder = str(how.settings.folder)
    waiting = next((entry for entry in reversed(there) if entry.state in (State.QUEUED, State.REFUSED)), None)
    if waiting is not None:
        return (_told_as("not_held", waiting.id, period=waiting.period, folder=folder),)
    return (_told_as("none_held", period=period, folder=folder),) if period is not None else ()


def resend(how: Order, draft: Draft) -> tuple[Told, ...]:
    """Send a report though it went, or may have gone, before."""
    with Outbox(how.outbox) as outbox:
        return _send(how, outbox, [outbox.keep_again(draft, at=how.clock())])


def next_copy(how: Order, period: str) -> int:
    """The number of a further message of that month."""
    with Outbox(how.outbox) as outbox:
        return outbox.next_copy(how.client, period)


def preview(how: Order, folder: Path, *, run: int | None, make: Callable[[], Draft]) -> Told:
    """Write a message as a file: the one that waits for that run (None: any), byte for byte, else what `make` gives."""
    content, name = b"", ""
    if how.outbox.is_file():
        with Outbox(how.outbox) as outbox:
            waiting = [entry for entry in outbox.entries() if not entry.gone and run in (None, entry.run)]
            if waiting:
                content, name = outbox.content(waiting[-1]), waiting[-1].file_name
    if not content:
        draft = make()
        content, name = draft.content, draft.file_name
    return _written(folder, content, name)


def trial(how: Order, to: MailSettings) -> tuple[Told, Receipt]:
    """Send a message that only proves that mail arrives to the addresses of `to`; it is not kept."""
    at = how.clock()
    words = trial_letter(how.client, how.settings.contract.language, signature=how.mail.sender.name)
    draft = compose(words, None, to, client=how.client, period="", at=at, number=f"{how.client}\0{at}")
    parcel = Parcel(sender=draft.sender, recipients=draft.recipients, content=draft.content)
    receipt = how.carrier.carry(parcel, lambda: None)
    names = ", ".join(draft.recipients)
    if receipt.fate is Fate.ACCEPTED and not receipt.refused and not receipt.later:
        return Told(text="sent", params={"to": names}), receipt
    beside = "; ".join(f"{who}: {why}" for who, why in {**receipt.refused, **receipt.later}.items())
    return Told(text="failed", params={"problem": receipt.told or beside}, failed=True), receipt


def _send(how: Order, outbox: Outbox, entries: Iterable[Entry]) -> tuple[Told, ...]:
    """Send messages, one process at a time; what another one settled meanwhile is left as it is."""
    wanted = list(entries)
    if not wanted:
        return ()
    postman = Postman(
        client=how.client,
        sender=how.mail.sender.address,
        recipients=how.mail.recipients,
        carrier=how.carrier,
        clock=how.clock,
        trouble=how.trouble,
        sleep=how.sleep,
        waits_s=how.waits_s,
    )
    with outbox.sending_alone() as alone:
        if not alone:
            return (Told(text="under_way", failed=True),)
        unclear = outbox.settle(at=how.clock())
        there = {entry.id: entry for entry in outbox.entries()}
        left = (there[before.id] for before in wanted if before.id in there)
        ready = [entry for entry in left if entry.state in (State.QUEUED, State.REFUSED)]
        return (
            *(_told(how, entry) for entry in unclear),
            *(_delivered(how, outbox, postman, entry) for entry in ready),
        )


def _delivered(how: Order, outbox: Outbox, postman: Postman, entry: Entry) -> Told:
    try:
        return _told(how, postman.deliver(outbox, entry))
    except Overtaken:  # who replaced it waits for its turn to send
        return Told(text="replaced", params={"period": entry.period}, entry=entry.id)


def _told(how: Order, entry: Entry, *, again: bool = False) -> Told:
    """Say where a message stands; `again`: it was there before this run."""
    folder, to = str(how.settings.folder), ", ".join(entry.recipients)
    match entry.state:
        case State.HELD:
            text, params = "held", {"to": to, "folder": folder}
            if entry.incomplete and not how.mail.hold:
                text = "held_incomplete"
        case State.SENT:  # to those who took it; one who was refused has no report, however often this is asked
            text, params = "sent", {"to": ", ".join(entry.accepted)}
            if again:
                at = Texts(how.settings.contract.language).moment(entry.changed_at)
                text, params = "already", {**params, "period": entry.period, "at": at, "folder": folder}
            if entry.problem:
                text, params = "already_partly" if again else "partly", {**params, "problem": entry.problem}
        case State.REFUSED:
            text, params = "refused", {"problem": entry.problem}
        case State.UNCLEAR | State.SENDING:
            text, params = "unclear", {"problem": entry.problem, "folder": folder}
        case State.QUEUED:
            text, params = "queued", {"problem": entry.problem, "folder": folder}
    return _told_as(text, entry.id, **params)


def _told_as(text: str, entry: int = 0, **params: str) -> Told:
    return Told(text=text, params=params, failed=text in _FAILED, entry=entry)


def _written(folder: Path, content: bytes, file_name: str) -> Told:
    name = f"{Path(file_name).stem}.eml"
    parsed(content)
    return Told(text="written", params={"path": str(deliver(folder, name, content).path)})
