"""The sheets of an Excel workbook, read by openpyxl from what is left once everything but values is taken out.

A workbook comes from outside: pictures, a million formatted empty rows, a bomb of zeros, other programs' extensions.
So the archive is copied first, in bounded memory, without what holds no value; openpyxl reads the copy. What it does
not tell in its sparing mode (merged areas, hidden rows and columns, formulas without a result) is read beside it.
Source: ECMA-376 part 1, 18.3 (sheetData, mergeCells, cols).
"""

import io
import posixpath
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from lzma import LZMAError
from pathlib import Path
from typing import IO, Any, Final
from xml.etree import ElementTree as ET

from auditor.errors import SettingsError
from auditor.spreadsheets.rows import MAX_COLUMNS, MAX_FILE_BYTES, MAX_ROWS, Cell, Line, Sheet, bytes_of, letters

UNPACKED_LIMIT: Final = 1 << 30  # of a whole file: read in pieces, never held
_KEPT_LIMIT: Final = 24 << 20  # of one part, once what is empty is taken out
_KEPT_ALL_LIMIT: Final = 96 << 20  # of all parts together: this much is held
_PIECE: Final = 1 << 20
_MEMBERS: Final = 5_000
_SHEETS: Final = 100
_ALL_ROWS: Final = 2_500_000  # to the last filled one of each sheet: openpyxl counts through the gaps
_MERGED_LIMIT: Final = 10 * MAX_ROWS  # rows of all merged areas of a sheet
_LAST_ROW: Final = 1_048_576
_NO_VALUES: Final = re.compile(
    r"(?:^|/)(?:docProps|drawings|charts|chartsheets|dialogsheets|macrosheets|media|embeddings|externalLinks|pivotTables|pivotCache|customXml|comments"
    r"|threadedComments|persons|tables|printerSettings|activeX|ctrlProps|slicers|queryTables)(?:/|[0-9]*\.xml$)"
)
_CELL: Final = rb"<(?:\w+:)?c(?=[\s/>])[^<>]*"
_EMPTY_ROW: Final = re.compile(
    rb"<(?:\w+:)?row(?=[\s/>])[^<>]*"
    rb"(?:(?<=/)>|(?<!/)>\s*(?:" + _CELL + rb"(?:(?<=/)>|></(?:\w+:)?c>)\s*)*</(?:\w+:)?row>)"
)
_EMPTY_CELL: Final = re.compile(_CELL + rb"(?:(?<=/)>|></(?:\w+:)?c>)")
_ROW_STARTS: Final = re.compile(rb"<(?:\w+:)?row(?=[\s/>])")
_LOCKED, _OLD = "EncryptedPackage".encode("utf-16-le"), "Workbook".encode("utf-16-le")
_AGAIN: Final = "Open it in a spreadsheet program, save it again as .xlsx, or the list alone as .csv, and run again."
_ENCODING: Final = re.compile(rb"""\s*(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(slots=True)
class _Marks:
    """What stands in a sheet beside its values."""

    merged: list[str] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    uncalculated: set[str] = field(default_factory=set)
    struck: set[str] = field(default_factory=set)  # texts of the sheet's own; shared ones are known to openpyxl
    rows: int = 0
    last: int = 0
    stray: str = ""  # a cell where no list of a person's reaches


def sheets(file: Path, data: bytes | None = None) -> list[Sheet]:
    """Every sheet with its values, in the file's order. Raises SettingsError for what is no readable workbook.

    `data` is the file's content where it was read (and its password taken off) before.
    """
    data = bytes_of(file, MAX_FILE_BYTES) if data is None else data
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise _compound(file, data)
    try:
        return _sheets(file, io.BytesIO(data))
    except DAMAGE as error:
        problem = f"not an Excel workbook, or a damaged one ({type(error).__name__})."
        raise SettingsError(str(file), problem, hint=_AGAIN) from None


# What zipfile, the XML parser and openpyxl raise over a file that breaks the format's rules.
DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, LZMAError, ET.ParseError, EOFError, NotImplementedError, RuntimeError),
    *(LookupError, ValueError, TypeError, AttributeError, OSError, OverflowError),  # the first: unknown encodings too
)


def _compound(file: Path, data: bytes) -> SettingsError:
    """What begins like the files of Office 97: a workbook under a password, or one that old."""
    if _LOCKED in data:
        problem, hint = "not an Excel workbook that can be read: a password protects it.", "Save a copy without one."
    elif _OLD in data:
        problem = "not an Excel workbook of today (.xlsx) but one of Excel 97-2003 (.xls)."
        hint = "Save it as .xlsx: File, Save as, Excel workbook."
    else:
        problem, hint = "not an Excel workbook (.xlsx), or one under a password.", _AGAIN
    return SettingsError(str(file), problem, hint=hint)


def _sheets(file: Path, source: io.BytesIO) -> list[Sheet]:
    copy, marks = _bare(file, source)
    by_title = {title: marks.get(member, _Marks()) for title, member in members(copy).items()}
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of extensions openpyxl leaves out
        book = load_workbook(copy, read_only=True, data_only=True, rich_text=True, keep_links=False, keep_vba=False)
        return [_sheet(file, sheet, by_title.get(sheet.title, _Marks())) for sheet in book.worksheets]


def _bare(file: Path, source: io.BytesIO) -> tuple[io.BytesIO, dict[str, _Marks]]:
    """A copy of the archive without what holds no value, and the marks of each sheet by its member's name."""
    copy = io.BytesIO()
    marks: dict[str, _Marks] = {}
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        wanted = [info for info in archive.infolist() if _is_wanted(info.filename)]
        unpacked = sum(info.file_size for info in wanted)
        if len(archive.infolist()) > _MEMBERS or unpacked > UNPACKED_LIMIT:
            problem = f"it unpacks to {unpacked / 1e6:.0f} MB: no list a person keeps is that large."
            raise SettingsError(str(file), problem, hint="Save the list alone in a new file.")
        kept = 0
        for info in wanted:
            with archive.open(info) as member:
                content = _without_empty(file, info.filename, member)
            kept += len(content)
            if kept > _KEPT_ALL_LIMIT:
                problem = f"it holds more than {_KEPT_ALL_LIMIT >> 20} MB: no list a person keeps is that large."
                raise SettingsError(str(file), problem, hint="Save the list alone in a new file.")
            check_text(file, content)
            if b"purl.oclc.org/ooxml" in content[:4000] and info.filename.endswith("workbook.xml"):
                hint = 'Save it as "Excel workbook (.xlsx)", not as "Strict Open XML".'
                raise SettingsError(str(file), "a workbook of the kind Strict Open XML, which is not read.", hint=hint)
            if b"sheetData" in content:
                marks[info.filename.lstrip("/")] = _marks(content)
            if len(marks) > _SHEETS:
                problem = f"more than {_SHEETS} sheets: no list a person keeps has so many."
                raise SettingsError(str(file), problem, hint="Save the list alone in a new file.")
            if sum(found.last for found in marks.values()) > _ALL_ROWS:
                problem = "values in the last rows of several sheets: no list a person keeps reaches there."
                raise SettingsError(str(file), problem, hint="Delete what does not belong to the list.")
            target.writestr(info.filename, content)
    copy.seek(0)
    return copy, marks


def check_text(file: Path, content: bytes) -> None:
    """Refuse entities, and every encoding but UTF-8: no program writes another, and one could hide entities.

    `content` is that of one part, `file` the workbook it stands in. Raises SettingsError.
    """
    declared = _ENCODING.match(content)
    if b"\x00" in content[:256] or (declared and declared[1].lower() not in (b"utf-8", b"us-ascii")):
        raise SettingsError(str(file), "not an Excel workbook: its parts are not in UTF-8.", hint=_AGAIN)
    if b"<!DOCTYPE" in content:
        raise SettingsError(str(file), "not an Excel workbook: it declares entities of its own.", hint=_AGAIN)


def _is_wanted(name: str) -> bool:
    return name.endswith((".xml", ".rels")) and not _NO_VALUES.search(name.removesuffix(".rels"))


def _without_empty(file: Path, name: str, member: IO[bytes]) -> bytes:
    """A part without empty cells and rows: formatting dragged down to the last row costs time, and no memory."""
    kept: list[bytes] = []
    size, rest = 0, b""
    while piece := member.read(_PIECE):
        rest += piece
        cut = max((found.start() for found in _ROW_STARTS.finditer(rest)), default=0)
        if cut:
            part = _EMPTY_CELL.sub(b"", _EMPTY_ROW.sub(b"", rest[:cut]))
            kept.append(part)
            size, rest = size + len(part), rest[cut:]
        if size + len(rest) > _KEPT_LIMIT:
            problem = f"{name} holds more than {_KEPT_LIMIT >> 20} MB: no list a person keeps is that large."
            raise SettingsError(str(file), problem, hint="Save the list alone in a new file.")
    return b"".join(kept) + _EMPTY_CELL.sub(b"", _EMPTY_ROW.sub(b"", rest))


def _marks(content: bytes) -> _Marks:
    found = _Marks()
    for _, element in ET.iterparse(io.BytesIO(content)):  # noqa: S314 - bounded, and expat expands no bomb
        name = element.tag.rpartition("}")[2]
        if name == "row":
            found.rows += 1
            number = int(element.get("r", found.rows))
            found.last = max(found.last, min(number, _LAST_ROW))
            if number > _LAST_ROW:
                found.stray = f"row {number}"
            if _is_on(element.get("hidden")):
                found.hidden_rows.add(number)
            element.clear()
        elif name == "c":
            _mark_cell(found, element)
        elif name == "mergeCell":
            found.merged.append(element.get("ref", ""))
        elif name == "col" and _is_on(element.get("hidden")):
            first, last = int(element.get("min", 1)), int(element.get("max", 1))
            found.hidden_columns.update(range(first, min(last, MAX_COLUMNS) + 1))
    return found


def _mark_cell(found: _Marks, cell: ET.Element) -> None:
    reference = cell.get("r", "")
    column = re.match(r"[A-Z]{1,3}(?=[0-9])", reference)
    if column and _number(column[0]) > MAX_COLUMNS:
        found.stray = found.stray or f"cell {reference}"
    parts = {child.tag.rpartition("}")[2]: child.text for child in cell}
    if "is" in parts and any(_is_struck(run) for run in cell.iter() if run.tag.rpartition("}")[2] == "r"):
        found.struck.add(reference)
    if "f" in parts and not parts.get("v"):
        found.uncalculated.add(reference)


def _is_struck(run: ET.Element) -> bool:
    """Whether a part of a text of several looks (CT_RElt) says something, and has a line through it."""
    struck, text = False, ""
    for element in run.iter():
        match element.tag.rpartition("}")[2]:
            case "strike":
                struck = _is_on(element.get("val", "1"))
            case "t":
                text += element.text or ""
    return struck and bool(text.strip())


def _is_on(flag: str | None) -> bool:
    return flag in ("1", "true")


def _number(column: str) -> int:
    number = 0
    for letter in column:
        number = number * 26 + ord(letter) - 64
    return number


def members(workbook: io.BytesIO) -> dict[str, str]:
    """The archive's member of each sheet by the sheet's title; raises one of DAMAGE where that cannot be told.

    So it does for a second workbook in the archive, a title given twice and a part that two sheets share: what is
    looked up here would be that of another sheet, or one part read any number of times.
    """
    with zipfile.ZipFile(workbook) as archive:
        names = [name for name in archive.namelist() if name.endswith("workbook.xml") and _is_wanted(name)]
        if len(names) != 1:
            raise ValueError("not one workbook")
        folder, _, leaf = names[0].rpartition("/")
        relations = _bounded(archive, f"{folder}/_rels/{leaf}.rels".lstrip("/"))
        targets = {element.get("Id", ""): element.get("Target", "") for element in relations}
        book = _bounded(archive, names[0])
    listed = []
    for element in book.iter():
        if element.tag.rpartition("}")[2] == "sheet" and _RELATION in element.attrib:
            target = targets.get(element.attrib[_RELATION], "")
            listed.append((element.get("name", ""), posixpath.normpath(posixpath.join(folder, target)).lstrip("/")))
    found = dict(listed)
    if not len(listed) == len(found) == len(set(found.values())):
        raise ValueError("sheets that cannot be told apart")
    return found


def _bounded(archive: zipfile.ZipFile, name: str) -> ET.Element:
    with archive.open(name) as member:
        content = member.read(_KEPT_LIMIT + 1)
    if len(content) > _KEPT_LIMIT:
        raise ValueError(name)
    return ET.fromstring(content)  # noqa: S314 - bounded, and its text was checked when the sheets were read


def _sheet(file: Path, sheet: Any, marks: _Marks) -> Sheet:
    if marks.rows > MAX_ROWS or marks.stray:
        problem = (
            f"sheet {sheet.title}, {marks.stray}: a value this far out is in no list a person keeps."
            if marks.stray
            else f"sheet {sheet.title} has {marks.rows} filled rows (at most {MAX_ROWS} are read)."
        )
        raise SettingsError(str(file), problem, hint="Delete what does not belong to the list.")
    sheet.reset_dimensions()  # some programs write a size that is not the sheet's
    spans = _spans(marks.merged)
    lines = []
    for number, row in enumerate(sheet.iter_rows(), start=1):
        cells = {
            column: _cell(cell, marks)
            for column, cell in enumerate(row, start=1)
            if cell.value is not None or f"{letters(column)}{number}" in marks.uncalculated
        }
        cells = {column: cell for column, cell in cells.items() if cell.fault or str(cell.value).strip()}
        if cells:
            lines.append(Line(number, cells, hidden=number in marks.hidden_rows))
    return Sheet(
        title=sheet.title,
        lines=tuple(_shared(lines, spans)),
        hidden=sheet.sheet_state != "visible",
        hidden_columns=frozenset(marks.hidden_columns),
    )


def _cell(cell: Any, marks: _Marks) -> Cell:
    value = cell.value
    if value is None or cell.coordinate in marks.uncalculated:
        hint = "Open the file in a spreadsheet program, save it there, and run again."
        return Cell(None, "a formula that was never calculated.", hint)
    if cell.data_type == "e":
        return Cell(value, f"the formula's result is the error {value}.", "Write the value itself.")
    if isinstance(value, int | float) and not isinstance(value, bool) and "%" in (cell.number_format or ""):
        return Cell(value, f"{value:.0%} is a percentage.", "Format the cell as a number, and write the number.")
    struck = cell.coordinate in marks.struck or _has_strike(cell)
    return Cell(str(value) if isinstance(value, list) else value, struck=struck)


def _has_strike(cell: Any) -> bool:
    """Whether a line goes through a cell's text, or a part of it that says something."""
    parts = cell.value if isinstance(cell.value, list) else ()  # of several looks, each with a font of its own
    if any(str(part).strip() and getattr(getattr(part, "font", None), "strike", None) for part in parts):
        return True
    try:
        return bool(cell.font.strike)
    except (AttributeError, IndexError):  # a look that the file does not describe
        return False


def _spans(merged: list[str]) -> Mapping[int, list[tuple[int, int, int, str]]]:
    """Merged areas over several rows, by each row below their first: first row, columns, and how they are written."""
    found: dict[int, list[tuple[int, int, int, str]]] = {}
    room = _MERGED_LIMIT
    for reference in merged:
        area = re.fullmatch(r"([A-Z]{1,3})([0-9]+):([A-Z]{1,3})([0-9]+)", reference)
        if area is None:
            continue
        left, top, right, bottom = _number(area[1]), int(area[2]), _number(area[3]), int(area[4])
        rows = range(top, min(bottom, top + MAX_ROWS) + 1)
        room -= len(rows)
        if room < 0:
            raise ValueError("merged areas that overlap")
        for row in rows:
            found.setdefault(row, []).append((top, left, right, reference))
    return found


def _shared(lines: list[Line], spans: Mapping[int, list[tuple[int, int, int, str]]]) -> Iterator[Line]:
    """Give each row its part of the merged areas that begin above it or to its left."""
    by_number = {line.number: line for line in lines}
    for line in lines:
        cells = dict(line.cells)
        for top, left, right, reference in spans.get(line.number, ()):
            first = by_number.get(top)
            value = first.cells.get(left) if first is not None else None
            if value is None:
                continue
            if left != right:
                for column in range(left + 1, min(right, MAX_COLUMNS) + 1):
                    cells.setdefault(column, Cell(None, f"the cells {reference} are merged.", "Split them.", reference))
            if top != line.number:
                cells.setdefault(left, replace(value, span=reference))
        yield replace(line, cells=cells)
