"""`auditor history`: the runs of a client, their figures, what changed in each; and what is past its time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from auditor.commands.options import ANY_PATH
from auditor.errors import SettingsError
from auditor.exits import Exit
from auditor.progress import printable

if TYPE_CHECKING:
    from auditor.history.opening import History
    from auditor.history.retention import Purged
    from auditor.history.timeline import Line
    from auditor.settings import ClientSettings
    from reports.background import Change, Changes
    from reports.texts import Texts

_TEXT = "cli.history."
_COLUMNS = ("run", "as_of", "machines", "updated", "urgent", "overdue", "licenses", "new", "fixed", "kept", "state")
_NUMBERS = frozenset(_COLUMNS) - {"as_of", "state"}
_LEFT_OUT = ("kept", "licenses", "updated", "urgent")  # in this order, where a terminal is narrow
_WIDE = 200  # where there is no terminal


@click.command(name="history", short_help="Show past runs, trends and what changed since.")
@click.argument("client_path", metavar="CLIENT", type=ANY_PATH)
@click.option("--run", "number", type=int, metavar="N", help="Show this run: figures, feeds, what changed.")
@click.option("--changes", "with_changes", is_flag=True, help="List what is new, fixed, back again or not re-audited.")
@click.option("--last", type=click.IntRange(1), default=24, metavar="N", help="How many runs to list (default 24).")
@click.option("--purge", "purging", is_flag=True, help="Remove what is past its time by [history] of the client file.")
@click.option("--lang", "language", metavar="CODE", help="Language: fr or en (default: the client's).")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON on standard output.")
def command(
    *,
    client_path: Path,
    number: int | None,
    with_changes: bool,
    last: int,
    purging: bool,
    language: str | None,
    as_json: bool,
) -> int:
    """Show past runs of CLIENT with their figures, and what changed since the run before.

    CLIENT is a client folder, or a history file (*.sqlite). A finding is fixed only where it was looked for again and
    not found; on a machine that was not reached it is "not re-audited". Deadlines run from the vendor's release of a
    fix to its installation: kept, missed, or untold where both lie between two audits.

    An audit removes by itself what is past its time, counted from the run before it; --purge does so now. Evidence goes
    after keep_months, names and last sign-ins of people, and mails that were never sent, after personal_data_months;
    figures and findings stay.
    """
    from auditor.history.opening import open_history
    from auditor.rendering import known_language
    from reports.texts import Texts

    if purging and (number is not None or with_changes):
        raise SettingsError("--purge", "goes with neither --run nor --changes.")
    with open_history(client_path) as history:
        texts = Texts(known_language(language or history.language))
        if purging:
            _purge(history, texts, as_json=as_json)
        elif number is not None or with_changes:
            _one(history, texts, number, with_changes=with_changes, as_json=as_json)
        else:
            _all(history, texts, last, as_json=as_json)
    return Exit.COMPLIANT


def _all(history: "History", texts: "Texts", last: int, *, as_json: bool) -> None:
    from auditor.history.timeline import lines

    found = lines(history.store, last)
    if as_json:
        _print_json({"history": str(history.store.path), "runs": [_document(line) for line in found]})
        return
    if not found:
        click.echo(texts.text(f"{_TEXT}none"))
        return
    heads = {name: texts.text(f"{_TEXT}head.{name}") for name in _COLUMNS}
    _print_table([heads, *(_cells(line, texts) for line in found)])


def _cells(line: "Line", texts: "Texts") -> dict[str, str]:
    run, figures, counts, kept = line.run, line.figures, line.counts, line.deadlines
    unknown = texts.text("values.none")
    cells = {
        "run": str(run.id),
        "as_of": texts.moment(run.as_of or run.started_at),
        "state": texts.text(f"{_TEXT}state.{run.state}"),
    }
    if figures is None:
        return cells
    if run.state == "finished" and not figures.complete:
        cells["state"] = texts.text(f"{_TEXT}state.incomplete")
    told = kept.kept + kept.missed
    return cells | {
        "machines": f"{figures.reached}/{figures.known}",
        "updated": f"{figures.updated}/{figures.decided}" if figures.decided else unknown,
        "urgent": unknown if figures.urgent is None else str(figures.urgent),
        "overdue": unknown if figures.overdue is None else str(figures.overdue),
        "licenses": unknown if figures.license_base is None else f"{figures.license_good}/{figures.license_base}",
        "new": str(counts["new"] + counts["reopened"]) if counts else "",
        "fixed": str(counts["fixed"]) if counts else "",
        "kept": f"{kept.kept}/{told}" if told else "",
    }


def _one(history: "History", texts: "Texts", number: int | None, *, with_changes: bool, as_json: bool) -> None:
    from auditor.history.background import background_of
    from auditor.history.timeline import line_of, rested_on

    store = history.store
    run = store.run(number) if number is not None else store.latest()
    line, changes = line_of(store, run)
    feeds = rested_on(store, run.id)
    if as_json:
        trend = background_of(store, run.id).trend if line.figures is not None else ()
        _print_json({"run": _document(line), "trend": trend, "feeds": feeds, "changes": changes})
        return
    say = texts.text
    moment = texts.moment(run.as_of or run.started_at)
    state = say(f"{_TEXT}state.{run.state}")
    click.echo(printable(say(f"{_TEXT}title", run=run.id, client=run.client, as_of=moment, state=state)))
    click.echo(say(f"{_TEXT}version", version=run.product_version))
    if feeds:
        click.echo(say(f"{_TEXT}feeds"))
    for feed in feeds:
        at = feed.published_at or feed.fetched_at
        text = "feed_never" if at is None else "feed_stale" if feed.stale else "feed"
        click.echo(printable(f"  {say(_TEXT + text, title=feed.title, at=_moment(texts, at))}"))
    if changes is None:
        click.echo(say(f"{_TEXT}first" if run.concluded else f"{_TEXT}stopped"))
        return
    _tell_changes(texts, changes)
    if with_changes:
        for kind in ("new", "reopened", "fixed", "unseen"):
            _list_changes(texts, kind, getattr(changes, kind))


def _tell_changes(texts: "Texts", changes: "Changes") -> None:
    say, kept = texts.text, changes.deadlines
    click.echo(say(f"{_TEXT}since", before=texts.moment(changes.before)))
    counts = {
        "new": len(changes.new),
        "still_open": changes.still_open,
        "fixed": len(changes.fixed),
        "reopened": len(changes.reopened),
        "unseen": len(changes.unseen),
    }
    click.echo(f"  {say(f'{_TEXT}counts', **counts)}")
    if kept.kept + kept.missed + kept.untold:
        click.echo(f"  {say(f'{_TEXT}deadlines', kept=kept.kept, missed=kept.missed, untold=kept.untold)}")


def _list_changes(texts: "Texts", kind: str, changes: "Sequence[Change]") -> None:
    if not changes:
        return
    click.echo(texts.text(f"{_TEXT}list.{kind}"))
    for change in sorted(changes, key=lambda one: (one.subject, one.rule, one.key)):
        title = texts.text(f"rules.{change.rule}.title") if texts.has(f"rules.{change.rule}.title") else change.rule
        parts = [change.ref, change.subject, title, change.key, _when(texts, kind, change)]
        click.echo(printable(f"  {'  '.join(part for part in parts if part)}"))


def _when(texts: "Texts", kind: str, change: "Change") -> str:
    say = texts.text
    first = "" if change.first_on is None else texts.date(change.first_on)
    if kind != "fixed":
        return "" if kind == "new" or not first else say(f"{_TEXT}when.open", first=first)
    outcome = "" if change.late is None else say(f"{_TEXT}when.{'missed' if change.late else 'kept'}")
    return f"{say(f'{_TEXT}when.fixed', first=first)} {outcome}".rstrip() if first else outcome


def _purge(history: "History", texts: "Texts", *, as_json: bool) -> None:
    from auditor.history.retention import purge
    from auditor.history.tables import HistorySettings
    from auditor.pipeline import now

    terms = HistorySettings() if history.settings is None else history.settings.history_terms
    done = purge(history.store, terms, now())
    mails = 0 if history.settings is None else _expired_mails(history.settings)
    if as_json:
        purged = {"evidence": done.evidence, "people": done.people, "mails": mails}
        _print_json({"purged": purged, "problem": done.problem})
        return
    for line in _purged(texts, done, mails):
        click.echo(printable(line), err=line.startswith("Warning"))


def _expired_mails(settings: "ClientSettings") -> int:
    from auditor.mailing.monthly import oldest_kept
    from auditor.mailing.outbox import FILE_NAME, Outbox
    from auditor.pipeline import now

    file = settings.folder / FILE_NAME
    if not file.is_file():
        return 0
    with Outbox(file) as outbox:
        return outbox.expire(oldest_kept(now(), settings.history_terms))


def _purged(texts: "Texts", done: "Purged", mails: int) -> list[str]:
    found = [
        texts.text(f"{_TEXT}purged.{kind}", count=len(runs), runs=", ".join(str(run) for run in runs))
        for kind, runs in (("evidence", done.evidence), ("people", done.people))
        if runs
    ]
    if mails:
        found.append(texts.text(f"{_TEXT}purged.mails", count=mails))
    if done.problem:
        found.append(f"Warning: {done.problem}")
    return found or [texts.text(f"{_TEXT}purged.nothing")]


def _document(line: "Line") -> dict[str, object]:
    return {
        "run": line.run,
        "figures": line.figures,
        "changes": line.counts or None,
        "deadlines": line.deadlines,
    }


def _moment(texts: "Texts", at: str | None) -> str:
    from datetime import datetime

    return "" if at is None else texts.moment(datetime.fromisoformat(at))


def _print_json(document: dict[str, object]) -> None:
    from auditor.output import as_json

    click.echo(as_json({"format": 1, "command": "history", **document}))


def _print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows below their heads; a narrow terminal gets fewer columns, so that no line is broken."""
    widths = {name: max(len(row.get(name, "")) for row in rows) for name in _COLUMNS}
    for name in _LEFT_OUT:
        if sum(widths.values()) + 2 * (len(widths) - 1) > get_terminal_size((_WIDE, 24)).columns:
            del widths[name]
    for row in rows:
        cells = (
            row.get(name, "").rjust(width) if name in _NUMBERS else row.get(name, "").ljust(width)
            for name, width in widths.items()
        )
        click.echo(printable("  ".join(cells).rstrip()))
