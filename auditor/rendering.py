"""From an assessment to files: which reports are wished for, in which languages, and writing them into their folder."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.delivery import Delivered, deliver
from auditor.errors import DeliveryError, HistoryError, SettingsError
from auditor.history.store import Run
from collectors.credentials import Secret
from collectors.model import HostSnapshot
from rules.model import Assessment

if TYPE_CHECKING:
    from auditor.mailing.compose import Attachment
    from reports.background import Background

Machines = Callable[[], Iterable[HostSnapshot]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What should become of a run's result. `folder` None writes no report.

    `annex` asks for the technician's workbook beside the manager's; with a `password` both are encrypted. `mark` is the
    number of the run to put into every file name (`mark_of`), None for the plain names of its month.
    """

    folder: Path | None
    languages: tuple[str, ...]
    exports: tuple[str, ...] = ()
    annex: bool = False
    password: Secret | None = None
    fail_on: str = "low"
    as_json: bool = False
    command: str = "scan"
    mark: int | None = None


def check_wish(wish: Wish) -> None:
    """Refuse a language or an export that does not exist, before anything is done."""
    from auditor.tables import suggestion
    from reports.exports import discover, discover_by_machine

    for language in wish.languages:
        known_language(language)
    exports = [*discover(), *discover_by_machine()]
    for name in wish.exports:
        if name not in exports:
            hint = suggestion(name, exports) or f"Known exports: {', '.join(exports)}."
            raise SettingsError("--export", f"there is no export {name!r}.", hint=hint)


def known_language(language: str, option: str = "--lang") -> str:
    """Return the language when there are texts in it; SettingsError naming the option and the known ones otherwise."""
    from reports.texts import languages

    if language not in languages():
        raise SettingsError(option, f"{language!r} is not one of {', '.join(languages())}.")
    return language


def mark_of(run: int, assessment: Assessment, runs: Iterable[Run]) -> int | None:
    """The `mark` of one of the `runs` of a history: its number, None where the plain names of its month are its own.

    They belong to the newest run that finished; until one did, to the first that was stopped. So no stopped run, which
    may have seen less, takes the place of another.
    """
    month = _month(assessment.as_of)
    rivals = [
        one
        for one in runs
        if one.concluded and one.client == assessment.client and one.as_of is not None and _month(one.as_of) == month
    ]
    owner = max(rivals, key=_precedence, default=None)
    return None if owner is None or owner.id == run else run


def _precedence(run: Run) -> tuple[bool, int]:
    finished = run.state == "finished"
    return finished, run.id if finished else -run.id


def _month(moment: datetime) -> tuple[int, int]:
    """The month a file name tells."""
    from zoneinfo import ZoneInfo

    from reports.texts import DEFAULT_ZONE

    local = moment.astimezone(ZoneInfo(DEFAULT_ZONE))
    return local.year, local.month


def _mark(wish: Wish, language: str) -> str:
    """What is put behind a file's name, "" where nothing is."""
    from reports.texts import Texts

    return "" if wish.mark is None else Texts(language).text("workbook.mark", run=str(wish.mark))


def write_reports(
    assessment: Assessment,
    wish: Wish,
    background: "Background | None" = None,
    *,
    machines: Machines | None = None,
) -> tuple[tuple[Delivered, ...], tuple[str, ...]]:
    """Render and write every report wished for; return what was written and what could not be.

    `machines` gives what was seen of each machine, for the exports that have a file per machine.
    """
    if wish.folder is None:
        return (), ()
    delivered: list[Delivered] = []
    problems: list[str] = []
    for name, content in rendered(assessment, wish, background):
        try:
            delivered.append(deliver(wish.folder, name, content))
        except DeliveryError as error:
            problems.append(str(error))
    if machines is not None:
        try:
            for place, name, content in _by_machine(assessment, wish, machines):
                delivered.append(deliver(wish.folder / place, name, content))
        except (DeliveryError, HistoryError) as error:
            problems.append(str(error))
    return tuple(delivered), tuple(problems)


def _by_machine(assessment: Assessment, wish: Wish, machines: Machines) -> Iterator[tuple[str, str, bytes]]:
    """Folder, name and content of each file of the exports that have one per machine."""
    from reports.exports import discover_by_machine

    known = discover_by_machine()
    wanted = [known[name] for name in wish.exports if name in known]
    mark = _mark(wish, "en")  # as the folder's name is
    for snapshot in machines() if wanted else ():
        for export in wanted:
            folder, name = export.path(assessment, snapshot.target.name)
            yield folder + mark, name, export.render(snapshot, assessment)


def rendered(assessment: Assessment, wish: Wish, background: "Background | None" = None) -> Sequence[tuple[str, bytes]]:
    """File names and contents of a wish: the workbooks of each language, then each export, all in that language.

    `background` tells the workbooks of earlier months.
    """
    from auditor.protection import SUFFIX, protected
    from reports import workbook
    from reports.exports import annex, discover

    exports = discover()
    files: list[tuple[str, bytes]] = []
    for language in wish.languages:
        mark, first = _mark(wish, language), len(files)
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
            export = exports.get(name)
            if export is not None and export is not annex.EXPORT:
                files.append((export.file_name(assessment, language), export.render(assessment, language)))
        files[first:] = [(_with_mark(name, mark), content) for name, content in files[first:]]
    if (password := wish.password) is None:
        return files
    return [(name, protected(content, password) if name.endswith(SUFFIX) else content) for name, content in files]


def _with_mark(name: str, mark: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}{mark}{dot}{suffix}"


def manager_workbook(
    assessment: Assessment, wish: Wish, language: str, background: "Background | None" = None
) -> "Attachment":
    """The manager's workbook in one language, as `write_reports` writes it: what goes along with a mail.

    Its name is the plain one of its month: there is one such mail.
    """
    from auditor.mailing.compose import Attachment

    alone = replace(wish, languages=(language,), exports=(), annex=False, mark=None)
    name, content = rendered(assessment, alone, background)[0]
    return Attachment(name=name, content=content)
