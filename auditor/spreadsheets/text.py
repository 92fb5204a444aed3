"""CSV and TOML as people and their programs write them: any usual separator and encoding, a place for every value."""

import csv
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from auditor.errors import SettingsError
from auditor.spreadsheets.rows import (
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_TEXT_BYTES,
    Cell,
    Kind,
    Line,
    Problem,
    Reading,
    Row,
    Sheet,
    bytes_of,
)
from auditor.spreadsheets.tables import HEADING_WITHIN, as_headings
from auditor.tables import suggestion

_SEPARATORS: Final = ";,\t|"
_HEADINGS_END: Final = 20_000  # characters; the csv module raises over a longer value


def csv_sheet(file: Path, kind: Kind) -> Sheet:
    """A CSV file as a sheet without a title. Raises SettingsError for what is no CSV."""
    text = _decoded(file, bytes_of(file, MAX_TEXT_BYTES))
    separator = _separator(text, kind)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines = []
    row = 0
    try:
        for row, values in enumerate(reader, start=1):  # as a spreadsheet program counts: a value may span lines
            cells = {number: Cell(value) for number, value in enumerate(values, start=1) if value.strip()}
            if len(values) > MAX_COLUMNS:
                raise SettingsError(str(file), f"row {row}: {len(values)} columns: too many for a list a person keeps.")
            if cells:
                lines.append(Line(row, cells))
            if len(lines) > MAX_ROWS:
                raise SettingsError(str(file), f"more than {MAX_ROWS} rows: too many to be a list a person keeps.")
    except csv.Error as error:
        hint = 'A quotation mark (") that opens a value must be closed.'
        raise SettingsError(str(file), f"row {row + 1}: not CSV: {error}.", hint=hint) from None
    return Sheet(title="", lines=tuple(lines))


def _decoded(file: Path, data: bytes) -> str:
    """Text as spreadsheet programs save it: UTF-8 with or without a mark, UTF-16, else the Windows code page."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    if "\x00" in text:
        raise SettingsError(str(file), "not CSV: it holds binary data.", hint="Save it as .csv, with UTF-8.")
    return text


def _separator(text: str, kind: Kind) -> str:
    """What stands between the columns: what makes most headings of a line, else what is most frequent in the first."""
    lines = [line for line in text.splitlines() if line.strip()][:HEADING_WITHIN]
    first = lines[0] if lines else ""

    def recognized(separator: str) -> tuple[int, int]:
        best = 0
        for line in lines:
            values = next(csv.reader([line[:_HEADINGS_END]], delimiter=separator), [])
            cells = {number: Cell(value) for number, value in enumerate(values, start=1) if value.strip()}
            best = max(best, len(as_headings(Line(0, cells), kind).columns))
        return best, first.count(separator)

    return max(_SEPARATORS, key=recognized)


def toml_rows(file: Path, kind: Kind) -> Reading:
    """The tables of a TOML file as rows. Raises SettingsError for what is no TOML, or other tables."""
    import tomllib

    data = bytes_of(file, MAX_TEXT_BYTES)
    try:
        text = data.decode("utf-8-sig")
        document: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:  # of TOML, of UTF-8, of a number of thousands of digits
        raise SettingsError(str(file), f"not valid TOML: {error}.") from None
    tables = document.get(kind.table)
    others = [key for key in document if key != kind.table and (key, document[key]) != ("format", 1)]
    if others or not isinstance(tables, list):
        key = others[0] if others else kind.table
        raise SettingsError(str(file), f"{key}: expected tables [[{kind.table}]], and nothing else but format = 1.")
    lines = _toml_lines(text, kind.table, len(tables))
    rows, problems = [], []
    for number, table in enumerate(tables, start=1):
        place = f"{kind.table}[{number}]"
        if not isinstance(table, dict):
            problems.append(Problem(place, "expected a table."))
            continue
        cells = {key: f"{place}.{key}{_line(lines, number, key)}" for key in (*table, *kind.columns)}
        for key in table:
            if key not in kind.english:
                hint = suggestion(key, kind.columns) or f"Known keys: {', '.join(kind.columns)}."
                problems.append(Problem(cells[key], "unknown key.", hint))
        rows.append(Row(table, place, cells))
    return Reading(rows=tuple(rows), problems=tuple(problems))


def _toml_lines(text: str, table: str, count: int) -> list[list[tuple[int, str]]]:
    """The numbered lines of each table; [] where they cannot be told (tables written in one line, say)."""
    blocks: list[list[tuple[int, str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"\s*\[\[\s*{table}\s*\]\]", line):
            blocks.append([])
        if blocks:
            blocks[-1].append((number, line))
    return blocks if len(blocks) == count else []


def _line(blocks: list[list[tuple[int, str]]], number: int, key: str) -> str:
    """Tell the line of a key, or of its table where the key is not there; "" where nobody knows."""
    if not blocks:
        return ""
    block = blocks[number - 1]
    pattern = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""")
    return f" (line {next((at for at, line in block if pattern.match(line)), block[0][0])})"
