"""One command's run from a plan to files, words and an exit code: what `scan`, `audit`, `demo` and `firstrun` share."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from auditor.conclusion import Conclusion, conclude
from auditor.delivery import Delivered, deliver, prepare_folder
from auditor.errors import DeliveryError, SettingsError
from auditor.exits import Exit
from auditor.pipeline import Plan, Result
from auditor.pipeline import conduct as run_plan
from auditor.progress import Plain, for_terminal, printable, shown
from auditor.store import Store
from rules.model import Assessment

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What should become of a run's result. `folder` None writes no report."""

    folder: Path | None
    languages: tuple[str, ...]
    exports: tuple[str, ...] = ()
    fail_on: str = "low"
    as_json: bool = False
    command: str = "scan"


def session(plan: Plan, wish: Wish, *, history: Path, feeds_folder: Path) -> Exit:
    """Run a plan, write what is wished for, tell the operator, and return the exit code.

    Everything that can be refused beforehand (folders, languages, exports, history) is refused before any machine is
    visited. A report that cannot be written leaves the run in the history, and exit code 2.
    """
    from collectors.feeds.cache import FeedStore

    check_wish(wish)
    if wish.folder is not None:
        prepare_folder(wish.folder)
    progress = for_terminal()
    feeds = FeedStore(feeds_folder)
    if not plan.refresh_feeds:
        feeds.states()  # a damaged feed file is refused now, and not after an hour of visits
    with Store(history) as store:
        with shown(progress):
            result = run_plan(plan, store=store, feeds=feeds, progress=progress)
        conclusion = conclude(result, wish.fail_on)
        delivered, problems = write_reports(result.assessment, wish)
    if problems and conclusion.code not in (Exit.INTERRUPTED, Exit.USAGE):
        conclusion = Conclusion(code=Exit.USAGE, reasons=("report_not_written", *conclusion.reasons))
    _tell_problems(result, delivered, problems)
    if wish.as_json:
        from auditor.output import result_as_json

        click.echo(result_as_json(wish.command, result, conclusion, delivered, history=history))
    else:
        _tell_summary(result.assessment, wish.languages[0], delivered)
    return conclusion.code


def check_wish(wish: Wish) -> None:
    """Refuse a language or an export that does not exist, before anything is done."""
    from auditor.config import suggestion
    from reports.exports import discover

    for language in wish.languages:
        known_language(language)
    exports = list(discover())
    for name in wish.exports:
        if name not in exports:
            hint = suggestion(name, exports) or f"Known exports: {', '.join(exports)}."
            raise SettingsError("--export", f"there is no export {name!r}.", hint=hint)


def known_language(language: str) -> str:
    """Return the language when there are texts in it; SettingsError naming the known ones otherwise."""
    from reports.texts import languages

    if language not in languages():
        raise SettingsError("--lang", f"{language!r} is not one of {', '.join(languages())}.")
    return language


def write_reports(assessment: Assessment, wish: Wish) -> tuple[tuple[Delivered, ...], tuple[str, ...]]:
    """Render and write every report wished for; return what was written and what could not be."""
    if wish.folder is None:
        return (), ()
    delivered, problems = [], []
    for name, content in rendered(assessment, wish):
        try:
            delivered.append(deliver(wish.folder, name, content))
        except DeliveryError as error:
            problems.append(str(error))
    return tuple(delivered), tuple(problems)


def rendered(assessment: Assessment, wish: Wish) -> Sequence[tuple[str, bytes]]:
    """File names and contents of a wish: a workbook per language, each export per language."""
    from reports import workbook
    from reports.exports import discover

    exports = discover()
    files = []
    for language in wish.languages:
        files.append((workbook.file_name(assessment, language), workbook.render(assessment, language)))
        for name in wish.exports:
            export = exports[name]
            files.append((export.file_name(assessment, language), export.render(assessment, language)))
    return files


def _tell_summary(assessment: Assessment, language: str, delivered: Sequence[Delivered]) -> None:
    from reports.console import summary_lines
    from reports.texts import Texts

    texts = Texts(language)
    lines = summary_lines(assessment, language)
    if all(feed.age_days(assessment.as_of) is None for feed in assessment.feeds):
        lines.append(texts.text("cli.no_feeds"))
    lines += [texts.text("cli.report", path=str(item.path)) for item in delivered]
    click.echo("\n".join(lines))


def _tell_problems(result: Result, delivered: Sequence[Delivered], problems: Sequence[str]) -> None:
    voice = Plain()
    for item in delivered:
        if item.problem:
            voice.note(f"{item.wanted} {item.problem}: the new report is {item.path}")
    for problem in problems:
        kept = "" if result.history_problem else f" The run is kept as number {result.run} of the history."
        click.echo(f"Error: {printable(problem)}{kept}", err=True)
    if result.history_problem:
        click.echo(f"Error: history not written: {printable(result.history_problem)}", err=True)
