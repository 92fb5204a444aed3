"""Tables as people keep them, in .csv, .xlsx or .toml: rows by column, with a place for every cell.

The heading line is found below titles, in either language and any order of columns. Nothing is dropped in silence: what
is left aside on purpose is told in `Reading.notes`, what has no clear meaning in `Reading.problems`, all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from auditor.errors import FileRefused, SettingsError
from auditor.spreadsheets.values import UnreadableError, text_of

MAX_TEXT_BYTES: Final = 16 << 20
MAX_FILE_BYTES: Final = 64 << 20
MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 256
_WORDS_OF_EXCEL: Final = "Save it again as .xlsx, or as .csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a kind of file holds: its columns by our name, with the headings people give them (as `plain` has them).

    `table` names the tables of its TOML form, `content` what a row is ("price"). A column that is `required` must be
    there; of others the file may have any. An unknown column is refused, or told where `extra_told`. `unclear` are
    headings (as `plain` has them) that may mean several columns, with what to write instead.
    """

    table: str
    content: str
    english: Mapping[str, tuple[str, ...]]
    french: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    hint: str
    extra_told: bool = False
    silent_sheets: frozenset[str] = frozenset()
    unclear: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Our names."""
        return tuple(self.english)

    def by_heading(self) -> dict[str, str]:
        """Our name of every heading."""
        both = (*self.french.items(), *self.english.items())
        return {alias: column for column, aliases in both for alias in (column, *aliases)}

    def french_only(self) -> frozenset[str]:
        """Headings nobody writes in English."""
        english = {alias for column, aliases in self.english.items() for alias in (column, *aliases)}
        return frozenset(alias for aliases in self.french.values() for alias in aliases) - english


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and what to do."""

    place: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.place}: {self.problem}" if self.place else self.problem
        return f"{text} {self.hint}" if self.hint else text


@dataclass(frozen=True, slots=True)
class Row:
    """One row: values by column, and where they stand: "sheet Licences, row 5", and each cell where the file has such.

    `faults` are cells that cannot be read as anything, `french` tells the language of the headings, `after_gap` that an
    empty line stands above.
    """

    values: Mapping[str, object]
    place: str
    cells: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Problem] = field(default_factory=dict)
    french: bool = True
    after_gap: bool = False

    def at(self, column: str) -> str:
        """Where one value stands, or would stand."""
        return self.cells.get(column) or f"{self.place}, {column}"

    def text(self, column: str) -> str:
        """A value as text, without spaces around it; "" where there is none. A date stays one, in ISO form."""
        value = self.values.get(column)
        try:
            return text_of(value)
        except UnreadableError:
            return str(value)

    @property
    def is_empty(self) -> bool:
        """Whether no column of ours holds anything."""
        return not self.faults and all(self.text(column) == "" for column in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file as read: rows that hold something, what was left aside, what is wrong with the file as a whole."""

    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a sheet; `fault` and `hint` where it cannot be read (an error value, an uncalculated formula).

    `struck`: a line is drawn through the text, or a part of it.
    """

    value: object
    fault: str = ""
    hint: str = ""
    span: str = ""  # "B5:B9" where the cell belongs to a merged area that begins elsewhere
    struck: bool = False

    @property
    def is_own(self) -> bool:
        """Whether something stands in this very cell, readable or not."""
        return not self.span and (self.value is not None or bool(self.fault))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sheet: filled cells by column number, from 1."""

    number: int
    cells: Mapping[int, Cell]
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet of a workbook, or a CSV file (title "")."""

    title: str
    lines: tuple[Line, ...]
    hidden: bool = False
    hidden_columns: frozenset[int] = frozenset()

    def row(self, line: Line) -> str:
        """Where a line stands."""
        return f"sheet {self.title}, row {line.number}" if self.title else f"row {line.number}"

    def cell(self, line: Line, column: int) -> str:
        """Where a cell stands."""
        if not self.title:
            return f"row {line.number}, column {column}"
        return f"sheet {self.title}, cell {letters(column)}{line.number}"


def letters(column: int) -> str:
    """The letters of a column: 28 -> "AB"."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def read(file: Path, kind: Kind) -> Reading:
    """Read a file by the ending of its name.

    Raises SettingsError where the file as a whole cannot be read (absent, far too large, damaged, with a password).
    """
    match file.suffix.casefold():
        case ".toml":
            from auditor.spreadsheets.text import toml_rows

            return toml_rows(file, kind)
        case ".csv":
            from auditor.spreadsheets.tables import tables
            from auditor.spreadsheets.text import csv_sheet

            return tables([csv_sheet(file, kind)], kind)
        case ".xlsx" | ".xlsm":
            from auditor.spreadsheets.tables import tables
            from auditor.spreadsheets.xlsx import sheets

            return tables(sheets(file), kind)
        case other:
            raise SettingsError(str(file), f"{other} files are not read.", hint=f"{_WORDS_OF_EXCEL}.")


def refuse(file: Path, problems: Sequence[Problem]) -> None:
    """Raise SettingsError with every problem of a file; does nothing without any."""
    if len(problems) == 1:
        (only,) = problems
        place = f"{only.place}: " if only.place else ""
        raise SettingsError(str(file), f"{place}{only.problem}", hint=only.hint)
    if problems:
        raise FileRefused(str(file), [str(problem) for problem in problems])


def bytes_of(file: Path, limit: int) -> bytes:
    """The content of a file. Raises SettingsError for one that cannot be read or is too large to be what it should."""
    try:
        size = file.stat().st_size
        if size > limit:
            raise SettingsError(
                str(file),
                f"too large to be a list a person keeps ({size / 1e6:.0f} MB; at most {limit >> 20} MB are read).",
                hint="Remove pictures and sheets that do not belong here, or save the list alone as .csv.",
            )
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(str(file), f"cannot be read: {error.strerror}.") from None
