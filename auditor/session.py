"""One command's run from plans to files, words and an exit code: what `scan`, `audit`, `demo` and `firstrun` share."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from auditor.conclusion import Conclusion, conclude
from auditor.delivery import Delivered, deliver, prepare_folder
from auditor.errors import AuditorError, DeliveryError, SettingsError
from auditor.exits import Exit, first_of
from auditor.lock import sole_run
from auditor.output import Refused, as_json, documents, result_document
from auditor.pipeline import Course, Plan, Result, begin, collect, finish
from auditor.progress import Plain, for_terminal, printable, shown
from auditor.store import Store
from collectors.errors import CollectorError
from rules.model import Assessment

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What should become of a run's result. `folder` None writes no report."""

    folder: Path | None
    languages: tuple[str, ...]
    exports: tuple[str, ...] = ()
    fail_on: str = "low"
    as_json: bool = False
    command: str = "scan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done for one client; `client` is its folder as the operator named it ("": there is only one)."""

    plan: Plan
    wish: Wish
    history: Path
    client: str = ""


def session(plan: Plan, wish: Wish, *, history: Path, feeds_folder: Path) -> Exit:
    """Run a plan, write what is wished for, tell the operator, and return the exit code.

    Everything that can be refused beforehand (folders, languages, exports, history) is refused before any machine is
    visited. A report that cannot be written leaves the run in the history, and exit code 2.
    """
    return sessions((Job(plan=plan, wish=wish, history=history),), feeds_folder=feeds_folder)


def sessions(jobs: Sequence[Job], *, feeds_folder: Path, refused: Sequence[Refused] = ()) -> Exit:
    """Run the plans of several clients at once, as `session` does with one; `refused` are those that have none.

    What goes wrong on our side with one client (its history, its folder) is told, gives exit code 2 in the end, and
    costs no other client anything; with a single one it is raised.
    """
    from collectors.feeds.cache import FeedStore

    for job in jobs:
        check_wish(job.wish)
    feeds = FeedStore(feeds_folder)
    if not any(job.plan.refresh_feeds for job in jobs):
        feeds.states()  # a damaged feed file is refused now, and not after an hour of visits
    outcomes = _Outcomes(alone=len(jobs) + len(refused) == 1, refused=list(refused))
    progress = for_terminal()
    with ExitStack() as stores, shown(progress):
        courses = [(job, course) for job in jobs if (course := outcomes.attempt(job, partial(_begun, job, stores)))]
        interrupted = bool(courses) and collect([course for _, course in courses], feeds, progress)
        for job, course in courses:
            ended = partial(finish, course, feeds, progress, interrupted=interrupted)
            outcomes.attempt(job, partial(outcomes.take, job, ended))
    return outcomes.told(jobs)


def _begun(job: Job, stores: ExitStack) -> Course:
    if job.wish.folder is not None:
        prepare_folder(job.wish.folder)
    if job.wish.command == "audit":
        stores.enter_context(sole_run(job.history.parent))
    return begin(job.plan, stores.enter_context(Store(job.history)))


class _Outcomes:
    """What became of each client: told as it is known, its exit code kept."""

    def __init__(self, *, alone: bool, refused: list[Refused]) -> None:
        self._alone = alone
        self._refused = refused
        self._codes: list[Exit] = []
        self._documents: list[dict[str, object]] = []

    def attempt(self, job: Job, work: Callable[[], _T]) -> _T | None:
        """Do something for one client; None where it failed and there are others to go on with."""
        try:
            return work()
        except (AuditorError, CollectorError) as error:
            if self._alone:
                raise
            self._refused.append(Refused(client=job.client, problem=str(error)))
            click.echo(f"Error: {printable(f'{job.client}: {error}')}", err=True)
            return None

    def take(self, job: Job, ended: Callable[[], Result]) -> None:
        """Bring one client's run to its end, write what is wished for, and tell it."""
        result = ended()
        conclusion = conclude(result, job.wish.fail_on)
        delivered, problems = write_reports(result.assessment, job.wish)
        if problems and conclusion.code not in (Exit.INTERRUPTED, Exit.USAGE):
            conclusion = Conclusion(code=Exit.USAGE, reasons=("report_not_written", *conclusion.reasons))
        _tell_problems(result, delivered, problems)
        if job.wish.as_json:
            self._documents.append(
                result_document(job.wish.command, result, conclusion, delivered, history=job.history)
            )
        else:
            if self._codes:
                click.echo()
            _tell_summary(result.assessment, job.wish.languages[0], delivered)
        self._codes.append(conclusion.code)

    def told(self, jobs: Sequence[Job]) -> Exit:
        """Tell what concerns all clients together and return the code that holds for them."""
        code = first_of([*self._codes, *(Exit.USAGE for _ in self._refused)])
        if not self._alone and self._refused:
            names = ", ".join(refused.client for refused in self._refused)
            count = f"{len(self._refused)} of {len(self._refused) + len(self._codes)}"
            click.echo(printable(f"{count} clients were not audited: {names}"), err=True)
        if jobs and jobs[0].wish.as_json:
            command = jobs[0].wish.command
            alone = self._alone and self._documents
            document = (
                as_json(self._documents[0]) if alone else documents(command, code, self._documents, self._refused)
            )
            click.echo(document)
        return code


def check_wish(wish: Wish) -> None:
    """Refuse a language or an export that does not exist, before anything is done."""
    from auditor.tables import suggestion
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
    if assessment.machines and all(feed.age_days(assessment.as_of) is None for feed in assessment.feeds):
        lines.append(texts.text("cli.no_feeds"))
    lines += [texts.text("cli.report", path=str(item.path)) for item in delivered]
    click.echo("\n".join(lines))


def _tell_problems(result: Result, delivered: Sequence[Delivered], problems: Sequence[str]) -> None:
    voice = Plain()
    for warning in result.warnings:
        voice.note(f"Warning: {warning}")
    for item in delivered:
        if item.problem:
            voice.note(f"{item.wanted} {item.problem}: the new report is {item.path}")
    for problem in problems:
        kept = "" if result.history_problem else f" The run is kept as number {result.run} of the history."
        click.echo(f"Error: {printable(problem)}{kept}", err=True)
    if result.history_problem:
        click.echo(f"Error: history not written: {printable(result.history_problem)}", err=True)
