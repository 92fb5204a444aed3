"""One command's run from plans to files, words and an exit code: what `scan`, `audit`, `demo` and `firstrun` share."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from auditor.conclusion import Conclusion, conclude
from auditor.delivery import Delivered, deliver, prepare_folder
from auditor.errors import AuditorError, DeliveryError, SettingsError
from auditor.exits import Exit, first_of
from auditor.history_tables import HistorySettings
from auditor.keeping import opened_for_run
from auditor.lock import sole_run
from auditor.output import Refused, as_json, documents, result_document
from auditor.overview import client_result, write_overview
from auditor.pipeline import Course, Plan, Result, begin, collect, finish
from auditor.progress import Plain, for_terminal, printable, shown
from collectors.credentials import Secret
from collectors.errors import CollectorError
from rules.model import Assessment

if TYPE_CHECKING:
    from auditor.mailing.compose import Attachment
    from auditor.mailing.monthly import Order, Told
    from reports.background import Background
    from reports.overview import ClientResult

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What should become of a run's result. `folder` None writes no report.

    `annex` asks for the technician's workbook beside the manager's; with a `password` both are encrypted.
    """

    folder: Path | None
    languages: tuple[str, ...]
    exports: tuple[str, ...] = ()
    annex: bool = False
    password: Secret | None = None
    fail_on: str = "low"
    as_json: bool = False
    command: str = "scan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done for one client; `client` is its folder as the operator named it ("": there is only one).

    `terms` say how long its history keeps what it holds. `mail` says how its report is mailed, None: not at all.
    """

    plan: Plan
    wish: Wish
    history: Path
    client: str = ""
    terms: HistorySettings = field(default_factory=HistorySettings)
    mail: "Order | None" = None


def session(plan: Plan, wish: Wish, *, history: Path, feeds_folder: Path) -> Exit:
    """Run a plan, write what is wished for, tell the operator, and return the exit code.

    Everything that can be refused beforehand (folders, languages, exports, history) is refused before any machine is
    visited. A report that cannot be written leaves the run in the history, and exit code 2.
    """
    return sessions((Job(plan=plan, wish=wish, history=history),), feeds_folder=feeds_folder)


def sessions(
    jobs: Sequence[Job], *, feeds_folder: Path, refused: Sequence[Refused] = (), overview: Path | None = None
) -> Exit:
    """Run the plans of several clients at once, as `session` does with one; `refused` are those that have none.

    What goes wrong on our side with one client (its history, its folder) is told, gives exit code 2 in the end, and
    costs no other client anything; with a single one it is raised. In the folder `overview` the provider finds all of
    them on one page.
    """
    from collectors.feeds.cache import FeedStore

    for job in jobs:
        check_wish(job.wish)
    if overview is not None:
        prepare_folder(overview)
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
            outcomes.attempt(job, partial(outcomes.take, job, course, ended))
    if overview is not None:
        outcomes.show_all(overview)
    return outcomes.told(jobs)


def _begun(job: Job, stores: ExitStack) -> Course:
    if job.wish.folder is not None:
        prepare_folder(job.wish.folder)
    if job.wish.command == "audit":
        stores.enter_context(sole_run(job.history.parent))
    store, notes = opened_for_run(job.history, job.plan.clock())
    stores.enter_context(store)
    return begin(replace(job.plan, warnings=(*job.plan.warnings, *notes)), store)


def _tidy(course: Course, terms: HistorySettings) -> None:
    """Remove from a history what is past its time; that it could not be costs nothing, the next run tries again."""
    from auditor.retention import purge_after_run

    try:
        purge_after_run(course.store, course.run, terms)
    except AuditorError as error:
        click.echo(f"Warning: {printable(f'what is past its time was not removed: {error}')}", err=True)


class _Outcomes:
    """What became of each client: told as it is known, its exit code kept."""

    def __init__(self, *, alone: bool, refused: list[Refused]) -> None:
        self._alone = alone
        self._refused = refused
        self._codes: list[Exit] = []
        self._documents: list[dict[str, object]] = []
        self._results: list[ClientResult] = []

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

    def take(self, job: Job, course: Course, ended: Callable[[], Result]) -> None:
        """Bring one client's run to its end, write what is wished for, and tell it."""
        from auditor.background import background_or_less

        result = ended()
        conclusion = conclude(result, job.wish.fail_on)
        background = background_or_less(course.store, course.run, result.assessment)
        delivered, problems = write_reports(result.assessment, job.wish, background)
        if problems and conclusion.code not in (Exit.INTERRUPTED, Exit.USAGE):
            conclusion = Conclusion(code=Exit.USAGE, reasons=("report_not_written", *conclusion.reasons))
        _tell_problems(result, delivered, problems)
        mailed = _mailed(job, result, background)
        if any(told.failed for told in mailed) and conclusion.code not in (Exit.INTERRUPTED, Exit.USAGE):
            conclusion = Conclusion(code=Exit.USAGE, reasons=("mail_not_sent", *conclusion.reasons))
        if job.wish.as_json:
            document = result_document(job.wish.command, result, conclusion, delivered, history=job.history)
            if job.mail is not None:
                document["mail"] = [told.document() for told in mailed]
            self._documents.append(document)
        else:
            if self._codes:
                click.echo()
            _tell_summary(result.assessment, job.wish.languages[0], delivered)
        _tell_mailed(job, mailed)
        self._codes.append(conclusion.code)
        self._results.append(client_result(result.assessment.client, conclusion, background))
        _tidy(course, job.terms)

    def show_all(self, folder: Path) -> None:
        """Write the provider's overview; that it could not be written gives exit code 2 in the end."""
        try:
            delivered = write_overview(folder, self._results, self._refused)
        except DeliveryError as error:
            click.echo(f"Error: {printable(str(error))}", err=True)
            self._codes.append(Exit.USAGE)
        else:
            click.echo(printable(str(delivered.path)), err=True)

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


def write_reports(
    assessment: Assessment, wish: Wish, background: "Background | None" = None
) -> tuple[tuple[Delivered, ...], tuple[str, ...]]:
    """Render and write every report wished for; return what was written and what could not be."""
    if wish.folder is None:
        return (), ()
    delivered, problems = [], []
    for name, content in rendered(assessment, wish, background):
        try:
            delivered.append(deliver(wish.folder, name, content))
        except DeliveryError as error:
            problems.append(str(error))
    return tuple(delivered), tuple(problems)


def rendered(assessment: Assessment, wish: Wish, background: "Background | None" = None) -> Sequence[tuple[str, bytes]]:
    """File names and contents of a wish: the workbooks of each language, then each export, all in that language.

    `background` tells the workbooks of earlier months.
    """
    from auditor.protection import SUFFIX, protected
    from reports import workbook
    from reports.exports import annex, discover

    exports = discover()
    files = []
    for language in wish.languages:
        files.append(
            (
                workbook.file_name(assessment, language),
                workbook.render(assessment, language, background=background),
            )
        )
        if wish.annex or annex.EXPORT.name in wish.exports:
            content = annex.render(assessment, language, background=background)
            files.append((annex.file_name(assessment, language), content))
        for name in wish.exports:
            if name != annex.EXPORT.name:
                export = exports[name]
                files.append((export.file_name(assessment, language), export.render(assessment, language)))
    if (password := wish.password) is None:
        return files
    return [(name, protected(content, password) if name.endswith(SUFFIX) else content) for name, content in files]


def manager_workbook(
    assessment: Assessment, wish: Wish, language: str, background: "Background | None" = None
) -> "Attachment":
    """The manager's workbook in one language, as `write_reports` writes it: what goes along with a mail."""
    from auditor.mailing.compose import Attachment

    alone = replace(wish, languages=(language,), exports=(), annex=False)
    name, content = rendered(assessment, alone, background)[0]
    return Attachment(name=name, content=content)


def _mailed(job: Job, result: Result, background: "Background") -> "tuple[Told, ...]":
    """Mail the report where that is asked for; the report itself is written, and in the history, by then."""
    how = job.mail
    if how is None:
        return ()
    from auditor.mailing.monthly import Told, mail_report

    assessment, language = result.assessment, how.settings.contract.language
    try:
        return mail_report(
            how,
            assessment,
            lambda: manager_workbook(assessment, job.wish, language, background),
            run=result.run,
            interrupted=result.interrupted,
            background=background,
        )
    except AuditorError as error:
        return (Told(text="failed", params={"problem": str(error)}, failed=True),)


def _tell_mailed(job: Job, mailed: "Sequence[Told]") -> None:
    """Say what became of the mail; beside a JSON document on standard error alone."""
    from reports.texts import Texts

    texts = Texts(job.wish.languages[0])
    for told in mailed:
        click.echo(printable(told.line(texts)), err=told.failed or job.wish.as_json)


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
