"""The workbook as it came back: whose it is, which run it shows, and the rows of its sheet of people.

Everything a spreadsheet program or a person does to a file between the two is expected: saved by another program,
renamed, columns moved, added or deleted, rows sorted, hidden, deleted or copied, other sheets beside it, in French or
in English. A line is known by its visible reference, never by its position.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from auditor.decisions.wording import Said
from auditor.errors import SettingsError
from auditor.spreadsheets.rows import MAX_FILE_BYTES, Cell, Kind, Line, Sheet, bytes_of
from auditor.spreadsheets.tables import HEADING_WITHIN, Headings, as_headings
from auditor.spreadsheets.values import UnreadableError, plain, text_of
from collectors.credentials import Secret
from reports.cells import clean, shorten
from reports.texts import Texts, languages

_COLUMNS: Final = ("ref", "user", "reason", "last", "product", "money", "confidence", "decision", "comment")
_TOLD: Final = ("ref", "user", "product", "decision", "comment")
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {"ref": ("reference", "ref_no"), "comment": ("commentaires", "comments")}
_OLE, _ZIP = b"\xd0\xcf\x11\xe0", b"PK\x03\x04"
_LOCKED: Final = "EncryptedPackage".encode("utf-16-le")
_CREATED: Final = "{http://purl.org/dc/terms/}created"
_TITLE: Final = "{http://purl.org/dc/elements/1.1/}title"
_AGAIN: Final = "Open the returned file in a spreadsheet program, save it as .xlsx (Excel workbook) and import that."
_PROPERTIES_LIMIT: Final = 1 << 20
_PINNED_SHOWN: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedRow:
    """One row as it came back, its cells as texts; `faults` are cells nobody can read, by column.

    `columns` are those its table has: a cell that is empty says something else than a column that is gone. `struck` are
    columns whose text has a line through it.
    """

    place: str
    ref: str = ""
    user: str = ""
    product: str = ""
    decision: str = ""
    comment: str = ""
    columns: frozenset[str] = frozenset()
    struck: frozenset[str] = frozenset()
    faults: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A returned workbook. `title` is the document's own ("" for none), `texts` the first cells of every sheet.

    `made_at` is when the report was made, None where the file does not say. `notes` are what the operator should know.
    """

    file: Path
    title: str
    made_at: datetime | None
    rows: tuple[ReturnedRow, ...]
    notes: tuple[Said, ...] = ()


@cache
def _kind() -> Kind:
    """The columns of the sheet of people, by their headings in every language."""
    by_language: dict[str, dict[str, tuple[str, ...]]] = {}
    for language in languages():
        texts = Texts(language)
        by_language[language] = {
            column: (plain(texts.text(f"sheets.users.{column}")), *_ALSO.get(column, ())) for column in _COLUMNS
        }
    french = by_language.pop("fr", {})
    others = {
        column: tuple(dict.fromkeys(alias for known in by_language.values() for alias in known[column]))
        for column in _COLUMNS
    }
    return Kind(
        table="",
        content="decision",
        english=others,
        french=french,
        required=("ref", "decision"),
        hint="Import the workbook that the client filled in and sent back.",
        extra_told=True,
    )


def is_locked(file: Path) -> bool:
    """Whether a password protects the file. Raises SettingsError where it cannot be read."""
    data = bytes_of(file, MAX_FILE_BYTES)
    return data.startswith(_OLE) and _LOCKED in data


def returned(file: Path, password: Secret | None = None) -> Returned:
    """Read a returned workbook; `password` is that of the client's reports, tried where the file has one.

    Raises SettingsError for what is no workbook of ours, with what to do about it.
    """
    from auditor.spreadsheets.pinned import pinned
    from auditor.spreadsheets.xlsx import sheets

    data = bytes_of(file, MAX_FILE_BYTES)
    if data.startswith(_OLE) and _LOCKED in data:
        data = _opened(file, data, password)
    _check_kind(file, data)
    title, made_at = _properties(data)
    rows: list[ReturnedRow] = []
    notes: list[Said] = []
    found = 0
    without: list[tuple[str, str, str]] = []
    read = sheets(file, data)
    beside = pinned(file, data)
    for sheet in read:
        headings = _headings(sheet)
        named = set(headings.columns.values()) if headings is not None else set()
        if headings is not None and {"ref", "decision"} <= named:
            found += 1
            rows += _rows(sheet, headings)
            notes += _notes(sheet, headings)
            notes += _pinned(sheet, beside.get(sheet.title, {}))
        elif headings is not None and ("decision" in named or len(named) > len(_COLUMNS) // 2):
            gone = "ref" if "ref" not in named else "decision"
            without.append((sheet.title, gone, Texts(_language(headings)).text(f"sheets.users.{gone}")))
    if not found:
        raise _no_people(file, *without[:1])
    notes += [Said("file.not_read", {"sheet": title, "column": column}) for title, column, _ in without]
    return Returned(file=file, title=title, made_at=made_at, rows=tuple(rows), notes=tuple(notes))


def _no_people(file: Path, nearest: tuple[str, str, str] | None = None) -> SettingsError:
    """What to say of a workbook without a whole table; `nearest`: a sheet, our name of what it lacks, the heading."""
    what = "no sheet has the columns of the people to review (Réf., Décision)."
    hint = "Without the references no line can be told from another: ask for the workbook as it was sent."
    if nearest is not None:
        sheet, column, heading = nearest
        what = f'sheet {sheet}: no column is headed "{heading}".'
        if column == "decision":
            hint = f'Was it renamed or deleted? Write "{heading}" above the answers again, save, and import again.'
    return SettingsError(str(file), what, hint=hint)


def _language(headings: Headings) -> str:
    """The language a sheet's headings are in."""
    return "fr" if headings.french else "en"


def _check_kind(file: Path, data: bytes) -> None:
    """Refuse by content, whatever the file is called, what is not an Excel workbook but may hold decisions."""
    if data.startswith(_OLE):
        return  # told apart, and refused with what to do, by the reader of workbooks
    if not data.startswith(_ZIP):
        kind = f"a {file.suffix.casefold()} file" if file.suffix.casefold() in (".csv", ".pdf", ".txt") else "this file"
        raise SettingsError(str(file), f"{kind} is no Excel workbook (.xlsx): its lines cannot be told.", hint=_AGAIN)
    from auditor.spreadsheets.xlsx import DAMAGE

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except DAMAGE:
        return  # damaged: told by the reader
    for member, kind in (("content.xml", "an OpenDocument spreadsheet (.ods)"), ("xl/workbook.bin", "a binary .xlsb")):
        if member in names:
            raise SettingsError(str(file), f"it is {kind}, which is not read.", hint=_AGAIN)


def _opened(file: Path, data: bytes, password: Secret | None) -> bytes:
    """The workbook without its password, in memory alone."""
    problem = "a password protects it"
    if password is None:
        hint = "Save a copy without one. That of report.password in client.toml is tried where CLIENT is named."
        raise SettingsError(str(file), f"{problem}.", hint=hint)
    from msoffcrypto import OfficeFile  # type: ignore[import-untyped]

    out = io.BytesIO()
    try:
        book = OfficeFile(io.BytesIO(data))
        book.load_key(password=password.reveal(), verify_password=True)
        book.decrypt(out)
    except Exception:  # noqa: BLE001 - the library raises what it likes over a wrong password or a damaged file
        problem += ", and it is not that of the client's reports."
        raise SettingsError(str(file), problem, hint="Save a copy without one.") from None
    return out.getvalue()


def _properties(data: bytes) -> tuple[str, datetime | None]:
    """Title and moment of the report, from the document's properties: office programs keep both when they save."""
    from auditor.spreadsheets.xlsx import DAMAGE

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("docProps/core.xml") as member:
            content = member.read(_PROPERTIES_LIMIT)
        if b"<!DOCTYPE" in content:
            return "", None
        root = ET.fromstring(content)  # noqa: S314 - bounded, and without entities of its own
    except DAMAGE:
        return "", None
    title, created = root.findtext(_TITLE) or "", root.findtext(_CREATED) or ""
    try:
        moment = datetime.fromisoformat(created.strip())
    except ValueError:
        return title, None
    return title, moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _headings(sheet: Sheet) -> Headings | None:
    """The line that names most of our columns; None where none names two."""
    best, most = None, 1
    for line in sheet.lines[:HEADING_WITHIN]:
        found = as_headings(line, _kind())
        if len(set(found.columns.values())) > most:
            best, most = found, len(set(found.columns.values()))
    return best


def _rows(sheet: Sheet, headings: Headings) -> Iterator[ReturnedRow]:
    for line in sheet.lines:
        if line.number <= headings.line.number:
            continue
        again = as_headings(line, _kind())
        if {"ref", "decision"} <= set(again.columns.values()):
            headings = again  # a second table below the first, or its headings repeated
            continue
        row = _row(sheet, line, headings)
        if row is not None:
            yield row


def _row(sheet: Sheet, line: Line, headings: Headings) -> ReturnedRow | None:
    """A row that says anything in our columns; None for titles, notes over merged cells, and empty ones."""
    own = [number for number, cell in line.cells.items() if cell.is_own]
    if len(own) == 1 and len(line.cells) > 1:
        return None
    values: dict[str, str] = {}
    faults: dict[str, str] = {}
    struck: set[str] = set()
    for number, column in headings.columns.items():
        cell = line.cells.get(number)
        if column not in _TOLD or cell is None:
            continue
        text, fault = _text(cell)
        if cell.struck:
            struck.add(column)
        if fault:
            faults[column] = fault
        elif text and values.get(column, text) != text:
            faults[column] = "two columns of this heading say different things."
        elif text:
            values[column] = text
    if not any(values.get(column) or column in faults for column in ("ref", "decision", "comment")):
        return None
    columns = frozenset(headings.columns.values())
    place = _place(sheet, f"A{line.number}")
    return ReturnedRow(place=place, columns=columns, struck=frozenset(struck), faults=faults, **values)


def _place(sheet: Sheet, cell: str) -> str:
    """Where something stands, as spreadsheet programs write it in any language."""
    title = sheet.title.replace("'", "''")
    return f"'{title}'!{cell}"


def _text(cell: Cell) -> tuple[str, str]:
    if cell.fault:
        return "", cell.fault
    if isinstance(cell.value, str):
        lines = (" ".join(line.split()) for line in clean(cell.value).splitlines())
        return "\n".join(line for line in lines if line), ""
    try:
        return text_of(cell.value), ""
    except UnreadableError as error:
        return str(cell.value), error.problem if cell.value is None else ""


def _notes(sheet: Sheet, headings: Headings) -> Iterator[Said]:
    if sheet.hidden:
        yield Said("file.hidden_sheet", {"sheet": sheet.title})
    hidden: Sequence[int] = [line.number for line in sheet.lines if line.hidden and line.number > headings.line.number]
    if hidden:
        yield Said("file.hidden_rows", {"sheet": sheet.title, "count": len(hidden)})
    for column in ("user", "product"):
        if column not in headings.columns.values():
            yield Said("file.column_gone", {"sheet": sheet.title, "column": column})


def _pinned(sheet: Sheet, notes: Mapping[str, str]) -> Iterator[Said]:
    """What people pinned to cells: it is not a decision, and may well change one ("until March")."""
    for cell, text in notes.items():
        yield Said("file.pinned", {"place": _place(sheet, cell), "text": shorten(clean(text), _PINNED_SHOWN)})
