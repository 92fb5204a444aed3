"""`auditor mail`: what waits in a client's outbox, and sending it."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.commands.options import ANY_PATH, FOLDER
from auditor.exits import Exit
from auditor.progress import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.mailing.compose import Draft
    from auditor.mailing.monthly import Order, Told
    from auditor.mailing.postman import Trouble
    from auditor.settings import ClientSettings
    from reports.texts import Texts

_CLIENT = click.argument("client_path", metavar="CLIENT", type=ANY_PATH)
_CLIENTS = click.argument("client_paths", metavar="CLIENT...", type=ANY_PATH, nargs=-1, required=True)
_PERIOD = click.option("--period", metavar="YYYY-MM", help="The report of this month (default: the newest).")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_RUN = click.option(
    "--run", "number", type=int, metavar="N", help="Compose from this run (default: the newest that finished)."
)


@click.group(name="mail", short_help="Show, approve and send the reports in the outbox.")
def command() -> None:
    """Show, approve and send the reports in a client's outbox.

    `auditor audit --mail` composes a report's mail and keeps it in CLIENT/outbox.sqlite before anything is sent; there
    is one per client and month, and it is never sent twice unasked. Exit code 2 when something could not be sent.
    """


@command.command(name="list")
@_CLIENTS
def list_(client_paths: tuple[Path, ...]) -> int:
    """List what was composed and what became of it."""
    from auditor.mailing.outbox import FILE_NAME, Entry, Outbox, State

    for path in client_paths:
        settings, texts = _client(path)
        if len(client_paths) > 1:
            click.echo(printable(settings.contract.client))
        file = settings.folder / FILE_NAME
        entries: tuple[Entry, ...] = ()
        if file.is_file():
            with Outbox(file) as outbox:
                entries = outbox.entries()
        for entry in entries:
            line = texts.text(
                "cli.mail.line",
                number=str(entry.id),
                period=entry.period,
                state=texts.text(f"cli.mail.state.{entry.state.value}"),
                at=texts.moment(entry.changed_at),
                to=", ".join(entry.accepted if entry.state is State.SENT else entry.recipients),
            )
            click.echo(printable(line))
            if entry.problem:
                click.echo(printable(texts.text("cli.mail.line_problem", problem=entry.problem)))
        if not entries:
            click.echo(texts.text("cli.mail.empty"))
    return Exit.COMPLIANT


@command.command(name="send")
@_CLIENTS
def send_(client_paths: tuple[Path, ...]) -> int:
    """Send what waits, and try again what was refused."""
    from auditor.mailing.monthly import send

    return _over(client_paths, send)


@command.command(name="release")
@_CLIENT
@_PERIOD
def release_(client_path: Path, period: str | None) -> int:
    """Approve a report that is held, and send it."""
    from auditor.errors import SettingsError
    from auditor.mailing.monthly import release

    if period is not None and not _MONTH.fullmatch(period):
        raise SettingsError("--period", f"{period!r} is no month.", hint="Write year and month: 2026-11.")
    return _over((client_path,), lambda how: release(how, period))


@command.command(name="resend")
@_CLIENT
@_RUN
def resend_(client_path: Path, number: int | None) -> int:
    """Compose a report anew from the history and send it, though it went before.

    It goes to the addresses that client.toml names now. What waited of the same month is replaced.
    """
    from auditor.mailing.monthly import next_copy, resend

    how, texts = _order(client_path)
    draft = _draft(how, number)
    copy = next_copy(how, draft.period)
    return _tell(resend(how, _draft(how, number, copy=copy) if copy else draft), texts)


@command.command(name="preview")
@_CLIENT
@_RUN
@click.option("--output", "-o", type=FOLDER, help="Folder for the file (default: CLIENT/reports).")
def preview_(client_path: Path, number: int | None, output: Path | None) -> int:
    """Write a message as a file (.eml) that a mail program opens; nothing is sent.

    The one that waits in the outbox, byte for byte; without any, the one that would be composed now.
    """
    from auditor.mailing.monthly import preview

    how, texts = _order(client_path)
    told = preview(how, output or how.settings.reports, run=number, make=lambda: _draft(how, number))
    return _tell((told,), texts)


@command.command(name="test")
@_CLIENT
@click.option("--to", metavar="ADDRESS", help="Where it goes (default: the sender, mail.from).")
def test_(client_path: Path, to: str | None) -> int:
    """Send a short test message, without any report."""
    from auditor.mail_tables import mailbox
    from auditor.mailing.monthly import trial
    from auditor.tables import Complaints

    how, texts = _order(client_path)
    box = mailbox(Complaints(Path("--to")), "ADDRESS", to) if to is not None else how.mail.sender
    told, _ = trial(how, replace(how.mail, to=(box,), cc=()))
    return _tell((told,), texts)


def _over(client_paths: Iterable[Path], work: "Callable[[Order], Iterable[Told]]") -> int:
    """Do something for each client; what goes wrong with one costs the others nothing."""
    from auditor.errors import AuditorError
    from auditor.exits import first_of
    from auditor.mailing.postman import Trouble

    paths, trouble, codes = list(client_paths), Trouble(), []
    for path in paths:
        try:
            how, texts = _order(path, trouble)
            codes.append(_tell(work(how), texts))
        except AuditorError as error:
            if len(paths) == 1:
                raise
            click.echo(f"Error: {printable(f'{path}: {error}')}", err=True)
            codes.append(Exit.USAGE)
    return first_of(codes)


def _client(path: Path) -> "tuple[ClientSettings, Texts]":
    from auditor.config import load
    from reports.texts import Texts, languages

    settings = load(path, languages=languages())
    return settings, Texts(settings.contract.language)


def _order(path: Path, trouble: "Trouble | None" = None) -> "tuple[Order, Texts]":
    from auditor.mailing.monthly import order
    from auditor.secrets import Resolver

    settings, texts = _client(path)
    return order(settings, Resolver(), trouble=trouble), texts


def _draft(how: "Order", number: int | None, *, copy: int = 0) -> "Draft":
    """Compose the mail of a run of the history, with the workbook as `auditor report` writes it."""
    from auditor.history.background import background_or_less
    from auditor.history.opening import open_history
    from auditor.mailing.monthly import composed
    from auditor.protection import report_password
    from auditor.rendering import Wish, manager_workbook
    from auditor.secrets import Resolver

    settings, language = how.settings, how.settings.contract.language
    with open_history(settings.folder) as history:
        run = history.store.run(number) if number is not None else history.store.latest(finished=True)
        assessment = history.store.assessment(run.id)
        background = background_or_less(history.store, run.id, assessment)
        wish = Wish(folder=None, languages=(language,), password=report_password(settings, Resolver()))
    return composed(
        how,
        assessment,
        lambda: manager_workbook(assessment, wish, language, background),
        run=run.id,
        copy=copy,
        background=background,
    )


def _tell(told: "Iterable[Told]", texts: "Texts") -> Exit:
    code = Exit.COMPLIANT
    lines = list(told)
    for each in lines:
        click.echo(printable(each.line(texts)), err=each.failed)
        if each.failed:
            code = Exit.USAGE
    if not lines:
        click.echo(texts.text("cli.mail.none_due"))
    return code
