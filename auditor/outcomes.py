"""What became of each client of a run: files, mail, words on the terminal, one JSON document and one exit code."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from auditor.conclusion import Conclusion, conclude
from auditor.delivery import Delivered
from auditor.errors import AuditorError, DeliveryError, HistoryError
from auditor.exits import Exit, first_of
from auditor.history.tables import HistorySettings
from auditor.output import Refused, as_json, documents, result_document
from auditor.overview import client_result, write_overview
from auditor.pipeline import Course, Result
from auditor.progress import Plain, printable
from auditor.rendering import Wish, manager_workbook, mark_of, write_reports
from auditor.suggested import typed
from collectors.errors import CollectorError
from rules.model import Assessment

if TYPE_CHECKING:
    from auditor.mailing.monthly import Told
    from auditor.session import Job
    from reports.background import Background
    from reports.overview import ClientResult
    from reports.texts import Texts

_T = TypeVar("_T")


class Outcomes:
    """What became of each client: told as it is known, its exit code kept.

    What cannot be said (a full disk, a reader that went away) costs no client anything; it is told in the end.
    """

    def __init__(self, *, alone: bool, refused: Sequence[Refused], as_json: bool) -> None:
        self._alone = alone
        self._as_json = as_json
        self._refused = list(refused)
        self._left: list[Refused] = []
        self._codes: list[Exit] = []
        self._documents: list[dict[str, object]] = []
        self._results: list[ClientResult] = []
        self._absent: list[ClientResult] = []
        self._stopped = False
        self._unsaid: OSError | None = None

    def attempt(self, job: "Job", work: Callable[[], _T]) -> _T | None:
        """Do something for one client; None where it failed and there are others to go on with."""
        try:
            return work()
        except Exception as error:
            if self._alone:
                raise
            self._refused.append(Refused(client=job.client, problem=self._problem(job, error)))
            return None

    def conclude(self, job: "Job", course: Course, ended: Callable[[], Result]) -> None:
        """Judge and report one client that was visited.

        Once the operator presses Ctrl-C the others are judged, so that nothing collected is lost, and not reported.
        """
        before = len(self._results)
        try:
            if self._stopped:
                ended()
                again = typed("auditor", "report", job.client)
                problem = f"the operator stopped the run before its report: `{again}` writes it."
                self._leave(job, "stopped", problem)
            else:
                self._take(job, course, ended)
        except KeyboardInterrupt:
            if self._alone or self._stopped:
                raise
            with self._aloud():
                click.echo("Stopping: what was collected is judged and kept; no further report is written.", err=True)
            self._stopped = True
            self._codes.append(Exit.INTERRUPTED)
            if len(self._results) == before:
                self._leave(job, "stopped", "the operator stopped the run while this client was reported.")
        except Exception as error:
            if self._alone:
                raise
            problem = self._problem(job, error)
            if len(self._results) == before:
                self._leave(job, "not_written", problem)
            else:  # its report stands; what went wrong came after
                self._codes.append(Exit.USAGE)

    @contextmanager
    def _aloud(self) -> Iterator[None]:
        """Say something; that it cannot be written is kept for `told`."""
        try:
            yield
        except OSError as error:
            self._unsaid = self._unsaid or error

    def _problem(self, job: "Job", error: Exception) -> str:
        """Tell what cost one client its audit or its report, and return it; a defect of ours with its traceback."""
        problem = str(error)
        with self._aloud():
            if not isinstance(error, (AuditorError, CollectorError, OSError)):
                problem = f"a defect of auditor stopped it ({type(error).__name__}: {error})."
                click.echo(printable("".join(traceback.format_exception(error))), err=True)
            told = problem if problem.startswith(job.client) else f"{job.client}: {problem}"
            click.echo(f"Error: {printable(told)}", err=True)
        return problem

    def _leave(self, job: "Job", state: str, problem: str) -> None:
        """Keep for the overview, and for `--json`, a client that was visited and has no report."""
        from reports.overview import ClientResult

        self._left.append(Refused(client=job.client, problem=problem))
        self._absent.append(ClientResult(client=job.plan.contract.client, state=state, problem=problem))

    def _take(self, job: "Job", course: Course, ended: Callable[[], Result]) -> None:
        """Bring one client's run to its end, write what is wished for, and tell it."""
        from auditor.history.background import background_or_less

        result = ended()
        conclusion = conclude(result, job.wish.fail_on)
        background = background_or_less(course.store, course.run, result.assessment)
        wish = _marked(job.wish, course, result)
        delivered, problems = write_reports(
            result.assessment, wish, background, machines=lambda: course.store.snapshots(course.run)
        )
        if problems and conclusion.code not in (Exit.INTERRUPTED, Exit.USAGE):
            conclusion = Conclusion(code=Exit.USAGE, reasons=("report_not_written", *conclusion.reasons))
        with self._aloud():
            _tell_problems(result, delivered, problems)
        mailed = _mailed(job, result, background)
        if any(told.failed for told in mailed) and conclusion.code not in (Exit.INTERRUPTED, Exit.USAGE):
            conclusion = Conclusion(code=Exit.USAGE, reasons=("mail_not_sent", *conclusion.reasons))
        if job.wish.as_json:
            document = result_document(job.wish.command, result, conclusion, delivered, history=job.history)
            if job.mail is not None:
                document["mail"] = [told.document() for told in mailed]
            self._documents.append(document)
        first = not self._codes
        self._results.append(client_result(result.assessment.client, conclusion, background))
        self._codes.append(conclusion.code)
        tidied = _tidied(course, job.terms)
        with self._aloud():
            if not job.wish.as_json:
                _tell_summary(result.assessment, job.wish.languages[0], delivered, first=first)
        with self._aloud():
            _tell_mailed(job, mailed)
            if tidied:
                click.echo(f"Warning: {printable(tidied)}", err=True)

    def show_all(self, folder: Path) -> None:
        """Write the provider's overview; that it could not be written gives exit code 2 in the end."""
        try:
            delivered = write_overview(folder, (*self._results, *self._absent), self._refused)
        except DeliveryError as error:
            self._codes.append(Exit.USAGE)
            said = f"Error: {error}"
        else:
            said = str(delivered.path)
        with self._aloud():
            click.echo(printable(said), err=True)

    def told(self, command: str) -> Exit:
        """Tell what concerns all clients together and return the code that holds for them.

        Where something could not be printed that code is 2, unless the run was stopped: who started it knows less than
        was found out.
        """
        without = [*self._refused, *self._left]
        codes = [*self._codes, *(Exit.USAGE for _ in without)]
        if not self._alone:
            count = len(without) + len(self._results)
            with self._aloud():
                _tell_names(f"{len(self._refused)} of {count} clients were not audited", self._refused)
                _tell_names(f"{len(self._left)} of {count} clients were audited and have no report", self._left)
        if self._as_json:
            alone, code = self._alone and self._documents, first_of(codes)
            document = as_json(self._documents[0]) if alone else documents(command, code, self._documents, without)
            with self._aloud():
                click.echo(document)
        if self._unsaid is not None:
            _tell_unsaid(self._unsaid)
            codes.append(Exit.USAGE)
        return first_of(codes)


def _marked(wish: Wish, course: Course, result: Result) -> Wish:
    """Of an audit that was stopped, the reports stand beside those of a finished one of the same month."""
    if not result.interrupted or wish.command != "audit":
        return wish
    try:
        return replace(wish, mark=mark_of(result.run, result.assessment, course.store.runs()))
    except HistoryError:  # told as the result's `history_problem`; whose the plain names are is not known
        return replace(wish, mark=result.run)


def _tell_unsaid(error: OSError) -> None:
    """Say that output is missing; a reader that went away (`| head`) knows. What is still buffered is let go."""
    if not isinstance(error, BrokenPipeError):
        problem = f"what was to be printed could not be written to standard output: {error.strerror or error}."
        with suppress(OSError):
            click.echo(f"Error: {printable(problem)}", err=True)
    with suppress(OSError):  # not a file: nothing is written at the end of the process
        stdout, nowhere = sys.stdout.fileno(), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stdout)
        os.close(nowhere)


def _tell_names(what: str, clients: "Sequence[Refused]") -> None:
    if clients:
        click.echo(printable(f"{what}: {', '.join(one.client for one in clients)}"), err=True)


def _mailed(job: "Job", result: Result, background: "Background") -> "tuple[Told, ...]":
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


def _tell_mailed(job: "Job", mailed: "Sequence[Told]") -> None:
    """Say what became of the mail; beside a JSON document on standard error alone."""
    from reports.texts import Texts

    texts = Texts(job.wish.languages[0])
    for told in mailed:
        click.echo(printable(told.line(texts)), err=told.failed or job.wish.as_json)


def _tell_summary(assessment: Assessment, language: str, delivered: Sequence[Delivered], *, first: bool) -> None:
    from reports.console import summary_lines
    from reports.texts import Texts

    texts = Texts(language)
    lines = summary_lines(assessment, language)
    if assessment.machines and all(feed.age_days(assessment.as_of) is None for feed in assessment.feeds):
        lines.append(texts.text("cli.no_feeds"))
    lines += _report_lines(texts, delivered)
    click.echo("\n".join(lines if first else ["", *lines]))


def _report_lines(texts: "Texts", delivered: Sequence[Delivered]) -> list[str]:
    """Name every report; those with a folder of their own, one per machine, by that folder and their count."""
    folders: dict[Path, list[Delivered]] = {}
    for item in delivered:
        folders.setdefault(item.path.parent, []).append(item)
    lines = []
    for place, (folder, items) in enumerate(folders.items()):
        if place and len(items) > 1:
            lines.append(texts.text("cli.reports", count=len(items), path=str(folder)))
        else:
            lines += [texts.text("cli.report", path=str(item.path)) for item in items]
    return lines


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


def _tidied(course: Course, terms: HistorySettings) -> str:
    """Remove from a history what is past its time; return why it could not be ("": it was); the next run tries."""
    from auditor.history.retention import purge_after_run

    try:
        purge_after_run(course.store, course.run, terms)
    except AuditorError as error:
        return f"what is past its time was not removed: {error}"
    return ""
