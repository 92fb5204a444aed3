"""`auditor decisions`: what the client wrote into the returned workbook, and what became of it."""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.commands.options import ANY_PATH, FILE
from auditor.errors import SettingsError
from auditor.exits import Exit
from auditor.progress import printable

if TYPE_CHECKING:
    from auditor.decisions.lines import Asked
    from auditor.decisions.matching import Matched, Matching, Terms
    from auditor.decisions.wording import Said
    from auditor.decisions.workbook import Returned
    from auditor.history.store import Run
    from auditor.settings import ClientSettings
    from reports.texts import Param, Texts
    from rules.contract import Contract
    from rules.decisions import Decision, DecisionState

_TEXT = "cli.decisions."
_CELL = 36  # characters of a name in a table


@click.group(name="decisions", short_help="Take over the decisions of a returned workbook.")
def command() -> None:
    """Take over what the client decided in the returned workbook, and show what became of it.

    The sheet of people to review has a column Decision; what is written there becomes an exception (keep) or a thing to
    do (remove, discuss) in CLIENT/decisions.toml, which every audit reads.
    """


@command.command(name="import")
@click.argument("file", type=FILE)
@click.argument("client_path", metavar="[CLIENT]", type=ANY_PATH, required=False)
@click.option("--by", metavar="NAME", help="Who decided (default: the one person the client's reports are mailed to).")
@click.option("--until", metavar="DATE", help="Last day of what is kept (default: twelve months; at most three years).")
@click.option("--replace", is_flag=True, help="Let a decision win over an earlier, different one about the same line.")
@click.option("--dry-run", is_flag=True, help="Show what would become of each row, and write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before writing (a terminal is asked, a script is not).")
def import_(
    *, file: Path, client_path: Path | None, by: str | None, until: str | None, replace: bool, dry_run: bool, yes: bool
) -> int:
    """Read the decisions of a returned workbook FILE into CLIENT/decisions.toml.

    Rows are told by reference and product, wherever they stand. CLIENT may be left out in a client's folder, or in the
    folder that holds them all: the workbook says whose it is. Every row is shown before anything is written; conflicts
    are never written. Exit code 0: all taken; 1: some rows were refused; 2: nothing could be done with the file.
    """
    from auditor.decisions.client import client_of
    from auditor.decisions.file import FILE_NAME, decisions, write
    from auditor.decisions.lines import Asked
    from auditor.decisions.matching import match
    from auditor.decisions.workbook import is_locked, returned
    from auditor.history.store import Store
    from auditor.pipeline import now
    from reports.texts import Texts

    today = now().date()
    back = None if is_locked(file) else returned(file)
    settings = client_of(client_path, "" if back is None else back.title, locked=back is None)
    back = _unlocked(file, settings) if back is None else back
    terms = _terms(settings, by, until, today, replace=replace)
    texts = Texts(settings.contract.language)
    earlier = decisions(settings.folder)
    with Store(settings.history, must_exist=True) as store:
        asked = Asked(store, _agreed(settings, today), today)
        named = _check_client(settings, store.runs(), back)
        found = match(back, asked, earlier, terms)
        if not named and not any(row.kind != "refused" for row in found.rows):
            problem = f"it does not say whose it is, and no row of it is {settings.contract.client}'s."
            raise SettingsError(str(file), problem, hint="Ask for the workbook as it was sent.")
        _show(texts, settings, asked, back, found, named=named)
    code = Exit.FINDINGS if found.of_kind("refused") else Exit.COMPLIANT
    if not found.decisions or not _may_write(texts, len(found.decisions), dry_run=dry_run, yes=yes):
        return code
    write(settings.folder, earlier, found.decisions)
    click.echo(_say(texts, "written", count=len(found.decisions), file=str(settings.folder / FILE_NAME)))
    click.echo(_say(texts, "names"))
    return code


@command.command(name="list")
@click.argument("client_path", metavar="CLIENT", type=ANY_PATH)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON on standard output.")
def list_(*, client_path: Path, as_json: bool) -> int:
    """List what was decided: what is to do, what is done, what is kept and until when.

    Whether something is done is what the newest audit saw: not done where it could not look.
    """
    from auditor.config import load
    from auditor.decisions.file import decisions
    from auditor.decisions.lines import Asked
    from auditor.errors import HistoryError
    from auditor.history.store import Store
    from auditor.pipeline import now
    from reports.texts import Texts, languages

    settings = load(client_path, languages=languages())
    texts, today = Texts(settings.contract.language), now().date()
    found = sorted(decisions(settings.folder), key=lambda one: (one.person.casefold(), one.product.casefold(), one.ref))
    states: tuple[DecisionState | None, ...] = (None,) * len(found)
    run = None
    try:
        with Store(settings.history, must_exist=True) as store:
            asked = Asked(store, _agreed(settings, today), today)
            states, run = asked.states(tuple(found)), asked.run
    except HistoryError:
        if settings.history.exists() and found:
            raise
    if as_json:
        _print_json(settings, run.id if run is not None else None, found, states)
        return Exit.COMPLIANT
    client = settings.contract.client
    if not found:
        click.echo(_say(texts, "list.empty", client=client))
        return Exit.COMPLIANT
    if run is None:
        click.echo(_say(texts, "list.no_run", client=client))
    else:
        click.echo(_say(texts, "list.as_of", client=client, run=run.id, at=texts.moment(run.as_of or run.started_at)))
    heads = [_say(texts, f"head.{name}") for name in ("ref", "person", "product", "decision", "since", "by", "state")]
    _print_table(
        [
            heads,
            *(
                [
                    one.ref,
                    one.person,
                    one.product,
                    _choice(texts, one.choice.value),
                    texts.date(one.decided_on),
                    one.decided_by,
                    _say(texts, f"state.{state}", until=one.until) if state is not None else texts.text("values.none"),
                ]
                for one, state in zip(found, states, strict=True)
            ),
        ]
    )
    return Exit.COMPLIANT


def _unlocked(file: Path, settings: "ClientSettings") -> "Returned":
    """A workbook under a password, opened with that of the client's reports."""
    from auditor.decisions.workbook import returned
    from auditor.protection import report_password
    from auditor.secrets import Resolver

    return returned(file, report_password(settings, Resolver()))


def _agreed(settings: "ClientSettings", today: date) -> "Contract":
    """The contract with the client's own waivers and exceptions, as the files say today."""
    from auditor.agreements import agreed

    return agreed(settings, today).contract


def _terms(settings: "ClientSettings", by: str | None, until: str | None, today: date, *, replace: bool) -> "Terms":
    """Who decided, and until when what is kept holds. Raises SettingsError."""
    from auditor.decisions.client import contact
    from auditor.decisions.file import default_end, latest_end
    from auditor.decisions.matching import Terms
    from auditor.spreadsheets.values import UnreadableError, day

    name = " ".join((by if by is not None else contact(settings)).split())
    if not name:
        hint = 'Say it: --by "Mme Dubois". One person alone under mail.to of the client file is taken for it.'
        raise SettingsError("--by", "who decided is not known.", hint=hint)
    if len(name) > 200:
        raise SettingsError("--by", "a name no longer than 200 characters.")
    try:
        last = default_end(today) if until is None else day(until)
    except UnreadableError as error:
        raise SettingsError("--until", error.problem, hint="Write 2027-06-30.") from None
    if last is None or last < today:
        raise SettingsError("--until", f"{until!r} is no day to come.", hint="Write 2027-06-30.")
    if last > latest_end(today):
        problem = f"{last:%Y-%m-%d} is more than three years from now: nobody looks at a kept license again after that."
        raise SettingsError("--until", problem, hint=f"At most {latest_end(today):%Y-%m-%d}.")
    return Terms(by=name, until=last, today=today, replace=replace)


def _check_client(settings: "ClientSettings", runs: "Sequence[Run]", back: "Returned") -> bool:
    """Whether the workbook says that it is this client's. Raises SettingsError for another one's."""
    from auditor.decisions.client import is_client, named_in

    name = named_in(back.title)
    known = {settings.contract.client, *(run.client for run in runs)}
    if name and not is_client(name, known):
        problem = f"it is a report of {name}, not of {settings.contract.client}: nothing is taken of it."
        raise SettingsError(str(back.file), problem, hint="Name the right client's folder.")
    return bool(name)


def _show(
    texts: "Texts", settings: "ClientSettings", asked: "Asked", back: "Returned", found: "Matching", *, named: bool
) -> None:
    """Every row and what becomes of it, before anything is written."""
    from auditor.decisions.matching import KNOWN, REFUSED, TAKEN, unreasoned

    client = settings.contract.client
    click.echo(_say(texts, "title", file=str(back.file), client=client))
    click.echo(_shown(texts, asked, back))
    if not named:
        click.echo(_say(texts, "unnamed", client=client))
    for kind in (TAKEN, KNOWN, REFUSED):
        if rows := found.of_kind(kind):
            click.echo(f"\n{_say(texts, kind)}")
            _print_rows(texts, rows, with_places=kind == REFUSED)
    if not found.rows:
        click.echo(_say(texts, "nobody"))
    lines = [_worded(texts, remark) for remark in found.remarks]
    lines += [_say(texts, "note", what=_worded(texts, note)) for note in back.notes]
    for name, count in (("unreasoned", unreasoned(found.rows)), ("blank", found.blank), ("absent", found.absent)):
        lines += [_say(texts, name, count=count)] if count else []
    if lines:
        click.echo()
    for line in dict.fromkeys(lines):
        click.echo(line)


def _shown(texts: "Texts", asked: "Asked", back: "Returned") -> str:
    """Which run the file shows, and that it is not the newest."""
    shown, last = asked.shown_by(back.made_at), asked.run
    last_at = texts.moment(last.as_of or last.started_at)
    if shown is None:
        return _say(texts, "undated", last=last.id, last_at=last_at)
    at = texts.moment(shown.as_of or shown.started_at)
    if shown.id == last.id:
        return _say(texts, "shows", run=shown.id, at=at)
    return _say(texts, "older", run=shown.id, at=at, last=last.id, last_at=last_at)


def _print_rows(texts: "Texts", rows: "Sequence[Matched]", *, with_places: bool) -> None:
    heads = [_say(texts, f"head.{name}") for name in ("ref", "person", "product", "decision", "becomes")]
    table = [heads]
    for row in rows:
        why = _worded(texts, row.why)
        why = f"{why} [{', '.join(row.places)}]" if with_places else why
        table.append([row.ref, row.person, row.product, row.written, why])
    _print_table(table)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    cut = [[cell if len(cell) <= _CELL else f"{cell[: _CELL - 1]}…" for cell in row[:-1]] + [row[-1]] for row in rows]
    widths = [max(len(row[column]) for row in cut) for column in range(len(cut[0]))]
    for row in cut:
        click.echo(
            printable("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        )


def _worded(texts: "Texts", said: "Said") -> str:
    params = dict(said.params)
    if "choice" in params:
        params["choice"] = _choice(texts, str(params["choice"]))
    if "column" in params:
        params["column"] = texts.text(f"sheets.users.{params['column']}")
    return printable(texts.text(f"{_TEXT}{said.text}", **params))


def _say(texts: "Texts", name: str, **params: "Param") -> str:
    return printable(texts.text(f"{_TEXT}{name}", **params))


def _choice(texts: "Texts", choice: str) -> str:
    return texts.text(f"sheets.users.{choice}")


def _may_write(texts: "Texts", count: int, *, dry_run: bool, yes: bool) -> bool:
    """Whether the operator, who has seen the rows by now, lets them be written."""
    if dry_run:
        click.echo(_say(texts, "dry"))
        return False
    # On standard error: a table that goes into a file or a pager must not take the question along.
    asked = not yes and sys.stdin.isatty()
    if asked and not click.confirm(_say(texts, "confirm", count=count), err=True):
        click.echo(_say(texts, "declined"))
        return False
    return True


def _print_json(
    settings: "ClientSettings", run: int | None, found: "Sequence[Decision]", states: "Sequence[DecisionState | None]"
) -> None:
    from auditor.output import as_json

    rows = [{"decision": one, "state": state} for one, state in zip(found, states, strict=True)]
    click.echo(
        as_json(
            {"format": 1, "command": "decisions", "client": settings.contract.client, "run": run, "decisions": rows}
        )
    )
