"""A sheet as a sequence of rows, and its cells as XML.

openpyxl makes everything of the file but the cells: keeping a cell object for each of 500,000 cells costs hundreds of
megabytes and most of the time. Rows are written here instead, straight into the compressed file, each cell through
`reports.cells`; read back they are the same cells (a test compares). A sheet therefore is laid out top-down and rows of
long tables are made while they are written.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from reports.cells import CellKind, Value, content, letter
from reports.charts import Chart
from reports.styles import LOOKS, Style, StyleSheet

MAX_WIDTH: Final = 60
_SAMPLE_ROWS: Final = 400
_CHUNK_CHARS: Final = 200_000
_MEMO_LIMIT: Final = 20_000
_USUAL_WIDTH: Final = 8.43  # of a column nobody set, in characters
_USUAL_HEIGHT: Final = 15.0  # of such a row, in points
_CHAR_PT: Final = 5.25  # of a column, in Calibri
_PRINTED_PT: Final = (806.0, 519.0)  # of a landscape page within its margins
_SAFE: Final = 0.95
_LINE_PT: Final = 13.0
_PADDING_PT: Final = 4.0
_BOX_PADDING_PT: Final = 9.0
_SIZE: Final = 10  # points of the text that _CHARS is measured with
_MOST_LINES: Final = 20
_AFTER_HYPHEN: Final = re.compile(r"(?<=-)")
_CHARS: Final = 1.18  # per unit of column width, DejaVu Sans at 10 points; Calibri takes less room
_BOLD_CHARS: Final = 1.06
_DATED: Final[Mapping[CellKind, Style]] = {CellKind.DATE: Style.DATE, CellKind.DATETIME: Style.MOMENT}


@dataclass(frozen=True, slots=True)
class Styled:
    """A value with a look of its own inside a table (a severity in its colour)."""

    value: Value
    style: Style


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A table column: `title` in the reader's language, `style` of its cells, width in characters.

    Without `width` the width follows the content, between `least` and `most`; what is longer wraps.
    """

    title: str
    style: Style = Style.TEXT
    width: float | None = None
    least: float = 8
    most: float = MAX_WIDTH


@dataclass(frozen=True, slots=True)
class Line:
    """One row outside a table; `height` in points, None for the program's own choice."""

    cells: tuple[tuple[int, Value, Style], ...]
    height: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Many rows of one shape, made one at a time from `items` by `line`."""

    columns: tuple[Column, ...]
    items: Sequence[Any]
    line: Callable[[Any], Sequence[Value | Styled]]
    widths: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Cells in which the reader picks one of a few values; `area` like "H5:H40"."""

    area: str
    values: tuple[str, ...]
    prompt: str


@dataclass(slots=True)
class Page:
    """What a sheet's `build` fills: rows from the top, then how it behaves on screen and paper.

    `one_wide` keeps all columns on one printed page, in smaller letters, where a line must be read whole. Only the
    first `printed` columns go on paper (0: all of them). `pages` counts printed pages and `place` is how far the last
    is filled, in points of the sheet; `goes_on` says that the main table does not end on the first. All three are
    reckoned for Calibri, in which a page holds the least; a sheet that is `paged` ends its pages where they say.
    """

    title: str
    portrait: bool = False
    one_page: bool = False
    one_wide: bool = False
    printed: int = 0
    blocks: list[tuple[int, Line | Table]] = field(default_factory=list)
    merges: list[str] = field(default_factory=list)
    links: list[tuple[str, str, str]] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    widths: dict[int, float] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    header_row: int | None = None
    paged: bool = False
    pages: int = 1
    place: float = 0.0
    goes_on: bool = False
    frozen: str | None = None
    filtered: str | None = None
    next_row: int = 1
    last_column: int = 1

    def line(self, *cells: tuple[int, Value, Style], height: float | None = None) -> int:
        """Add one row of (column from 1, value, style); return its number."""
        if self.paged:
            self.keep(height or _USUAL_HEIGHT)
        self.blocks.append((self.next_row, Line(cells, height)))
        self.last_column = max([self.last_column, *(column for column, _, _ in cells)])
        self.next_row += 1
        self._down(height or _USUAL_HEIGHT)
        return self.next_row - 1

    def wide(self, value: Value, style: Style, first: int, last: int, height: float | None = None) -> int:
        """Add one row with a single value across columns `first` to `last` (merged; not for tables)."""
        cells = tuple((column, value if column == first else None, style) for column in range(first, last + 1))
        row = self.line(*cells, height=height)
        self.merge(row, first, last)
        return row

    def note(self, text: str, style: Style, last: int) -> int:
        """Add a text across columns 1 to `last`, as high as it needs (merged cells are never fitted by the program)."""
        across = room(self.across(last), bold=LOOKS[style].bold)
        lines = lines_of(text, max(1, int(across * _SIZE / LOOKS[style].size)))
        padding = _BOX_PADDING_PT if LOOKS[style].fill else _PADDING_PT
        return self.wide(text, style, 1, last, lines * _LINE_PT * max(1.0, LOOKS[style].size / _SIZE) + padding)

    def merge(self, row: int, first: int, last: int) -> None:
        """Join the cells of one row between two columns."""
        if last > first:
            self.merges.append(f"{letter(first)}{row}:{letter(last)}{row}")

    def heading(self, title: str, intro: str, columns: int) -> None:
        """Add a sheet's heading and one sentence below it."""
        self.wide(title, Style.TITLE, 1, columns, 32)
        self.wide(intro, Style.SUBTITLE, 1, columns, 22)
        self.skip()

    def heading_above(self, title: str, intro: str) -> None:
        """Put the heading into the rows left free above a table, across as many columns as its words take."""
        wanted = max(len(intro) * LOOKS[Style.SUBTITLE].size, len(title) * LOOKS[Style.TITLE].size) / _SIZE / _CHARS + 3
        last, across = 1, self.across(1)
        while across < wanted:
            last += 1
            across += self.widths.get(last, _USUAL_WIDTH)
        below, back = self.blocks, (self.next_row, self.pages, self.place)
        self.blocks, self.next_row = [], 1
        self.heading(title, intro, last)
        self.blocks += below
        self.next_row, self.pages, self.place = back

    def across(self, last: int) -> float:
        """Width of columns 1 to `last`, in characters."""
        return sum(self.widths.get(column, _USUAL_WIDTH) for column in range(1, last + 1))

    @property
    def last_printed(self) -> int:
        """The last column that goes on paper."""
        return self.printed or self.last_column

    def skip(self, rows: int = 1) -> None:
        """Leave empty rows, which no page is begun for."""
        self.next_row += rows
        self.place = min(self.place + rows * _USUAL_HEIGHT, self.capacity)

    @property
    def capacity(self) -> float:
        """Points of the sheet that one printed page holds, all columns fitted to its width."""
        wide, high = _PRINTED_PT[::-1] if self.portrait else _PRINTED_PT
        return high * _SAFE / min(1.0, wide / (self.across(self.last_printed) * _CHAR_PT))

    def _down(self, height: float) -> None:
        if self.place + height > self.capacity:
            self.pages += 1
            self.place = 0.0
        self.place += height

    def turn(self) -> None:
        """Go on at the top of a new printed page."""
        self.breaks.append(self.next_row - 1)
        self.pages += 1
        self.place = 0.0

    def keep(self, height: float) -> None:
        """Go on at the top of a new printed page where so many points are not left: nothing is cut in two."""
        if self.place and self.place + height > self.capacity:
            self.turn()

    def link(self, row: int, column: int, sheet: str, display: str, *, to: int = 1) -> None:
        """Make a cell jump to row `to` of a sheet of the same file."""
        quoted = sheet.replace("'", "''")
        self.links.append((f"{letter(column)}{row}", f"'{quoted}'!A{to}", display))

    def draw(self, chart: Chart) -> None:
        """Add a chart and leave the rows it covers."""
        self.charts.append(chart)
        self._down(chart.rows * _USUAL_HEIGHT)
        self.next_row += chart.rows
        self.skip()

    def header(self, columns: Sequence[Column]) -> int:
        """Add the header row of a table."""
        cells = tuple((number, column.title, Style.HEADER) for number, column in enumerate(columns, 1))
        titles = ((column.title, room(self.widths[number], bold=True)) for number, column in enumerate(columns, 1))
        deepest = max(lines_of(title, width) for title, width in titles)
        return self.line(*cells, height=row_height(deepest) + 4)

    def table(
        self,
        columns: Sequence[Column],
        items: Sequence[Any],
        line: Callable[[Any], Sequence[Value | Styled]],
        *,
        main: bool = False,
    ) -> int:
        """Add a header and one row per item, and return the number of the first item's row.

        The `main` table repeats its header on paper, is frozen and filtered.
        """
        sample = [line(item) for item in islice(items, _SAMPLE_ROWS)]
        self._fit(columns, sample)
        head = self.header(columns)
        for height in self.heights(columns, sample):
            self._down(height)
        self.pages += len(items) > len(sample)
        self.goes_on = self.goes_on or (main and self.pages > 1)
        self.blocks.append((self.next_row, Table(tuple(columns), items, line, self.widths)))
        self.next_row += len(items)
        if main:
            self.header_row = head
            self.frozen = f"{letter(2)}{head + 1}"
            if items:
                self.filtered = f"A{head}:{letter(len(columns))}{self.next_row - 1}"
        return head + 1

    def heights(self, columns: Sequence[Column], rows: Iterable[Sequence[Value | Styled]]) -> Iterator[float]:
        """Height in points of each row of a table whose widths are set."""
        rooms = [_rooms(self.widths[number]) for number in range(1, len(columns) + 1)]
        for row in rows:
            cells = zip(row, columns, rooms, strict=True)
            yield row_height(max(_lines(value, column.style, both) for value, column, both in cells))

    def _fit(self, columns: Sequence[Column], sample: Sequence[Sequence[Value | Styled]]) -> None:
        for number, column in enumerate(columns, 1):
            if number in self.widths:  # set by the sheet, or by a table above
                continue
            width = column.width
            if width is None:
                longest = max((_width(row[number - 1]) for row in sample), default=0.0)
                width = min(column.most, max(column.least, longest * 1.1 + 3, _longest_word(column.title) + 4))
            self.widths[number] = min(MAX_WIDTH, width)


def _width(value: Value | Styled) -> float:
    plain = value.value if isinstance(value, Styled) else value
    match plain:
        case None:
            return 0
        case str():
            return max(map(len, plain.split("\n")))
        case datetime():
            return 16
        case date():
            return 11
        case _:
            return len(f"{plain:,}")


def _longest_word(title: str) -> int:
    return max(map(len, title.split()), default=0)


def room(width: float, *, bold: bool = False) -> int:
    """Characters that fit on one line of a column in the widest of the usual fonts, less the cell's padding."""
    return max(1, int((width - 1.6) * (_BOLD_CHARS if bold else _CHARS)))


def _rooms(width: float) -> tuple[int, int]:
    return room(width), room(width, bold=True)


def _lines(value: Value | Styled, style: Style, rooms: tuple[int, int]) -> int:
    """Lines a table's cell takes."""
    plain, look = (value.value, value.style) if isinstance(value, Styled) else (value, style)
    if not isinstance(plain, str) or (len(plain) <= rooms[True] and "\n" not in plain):
        return 1
    return lines_of(plain, rooms[LOOKS[look].bold])


def row_height(lines: int) -> float:
    """Height in points of a row with so many lines of text, up to twenty: one endless name must not fill a page."""
    return min(lines, _MOST_LINES) * _LINE_PT + _PADDING_PT


@lru_cache(maxsize=_MEMO_LIMIT)
def lines_of(text: str, width: int) -> int:
    """Lines a text takes when it is wrapped between words; a word too long for a line is cut."""
    total = 0
    for part in text.split("\n"):
        used, lines = 0, 1
        for word in part.split(" "):
            size = len(word)
            if used and used + 1 + size <= width:
                used += 1 + size
            elif not used and size <= width:
                used = size
            else:
                lines += 1 if used else 0
                extra, used = _broken(word, width)
                lines += extra
        total += lines
    return total


def _broken(word: str, width: int) -> tuple[int, int]:
    """Cut a word that has a line to begin on: (further lines, characters on the last); hyphens are breaks."""
    lines = used = 0
    for piece in _AFTER_HYPHEN.split(word):
        size = len(piece)
        if used + size <= width:
            used += size
            continue
        lines += (1 if used else 0) + (size - 1) // width
        used = (size - 1) % width + 1
    return lines, used


class RowWriter:
    """Writes the rows of a page as the content of `<sheetData>`, in pieces of bounded size."""

    def __init__(self, styles: StyleSheet, zone: ZoneInfo, worded: Callable[[str], str] | None = None) -> None:
        """`worded` has the last word on every text."""
        self._styles = styles
        self._zone = zone
        self._worded = worded
        self._memo: dict[tuple[type, Value, Style], str] = {}

    def pieces(self, page: Page) -> Iterator[bytes]:
        """Yield the XML of all rows in ascending order, UTF-8."""
        buffer: list[str] = []
        size = 0
        for row in self._rows(page):
            buffer.append(row)
            size += len(row)
            if size > _CHUNK_CHARS:
                yield "".join(buffer).encode()
                buffer.clear()
                size = 0
        yield "".join(buffer).encode()

    def _rows(self, page: Page) -> Iterator[str]:
        for start, block in page.blocks:
            if isinstance(block, Line):
                yield self._line(start, block)
            else:
                yield from self._table(start, block)

    def _line(self, row: int, line: Line) -> str:
        height = "" if line.height is None else f' ht="{line.height:g}" customHeight="1"'
        cells = "".join(
            f'<c r="{letter(column)}{row}"{self._tail(value, style)}'
            for column, value, style in sorted(line.cells, key=_column)
        )
        return f'<row r="{row}"{height}>{cells}</row>'

    def _table(self, start: int, table: Table) -> Iterator[str]:
        heads = [
            (f'<c r="{letter(number)}', column.style, _rooms(table.widths[number]))
            for number, column in enumerate(table.columns, 1)
        ]
        tail = self._tail
        for row, item in enumerate(table.items, start):
            parts = [""]
            middle = f'{row}"'
            deepest = 1
            for (head, style, rooms), value in zip(heads, table.line(item), strict=True):
                if isinstance(value, Styled):
                    plain, look = value.value, value.style
                else:
                    plain, look = value, style
                if isinstance(plain, str) and (len(plain) > rooms[True] or "\n" in plain):
                    deepest = max(deepest, lines_of(plain, rooms[LOOKS[look].bold]))
                parts += (head, middle, tail(plain, look))
            parts[0] = f'<row r="{row}" ht="{row_height(deepest):g}" customHeight="1">'
            parts.append("</row>")
            yield "".join(parts)

    def _tail(self, value: Value, style: Style) -> str:
        """Return what follows a cell's reference; the same value in the same style is written once and remembered."""
        key = (type(value), value, style)
        known = self._memo.get(key)
        if known is None:
            known = self._render(value, style)
            if len(self._memo) < _MEMO_LIMIT and len(known) < 400:
                self._memo[key] = known
        return known

    def _render(self, value: Value, style: Style) -> str:
        if self._worded is not None and isinstance(value, str):
            value = self._worded(value)
        cell = content(value, self._zone)
        if cell.kind is CellKind.EMPTY:
            return f' s="{self._styles.number(style)}"/>'
        if cell.kind is CellKind.TEXT:
            number = self._styles.number(style, quoted=cell.quoted)
            keep = ' xml:space="preserve"' if cell.text != cell.text.strip() or "\n" in cell.text else ""
            return f' s="{number}" t="inlineStr"><is><t{keep}>{escape(cell.text)}</t></is></c>'
        if cell.kind in _DATED and style is Style.TEXT:
            style = _DATED[cell.kind]
        return f' s="{self._styles.number(style)}"><v>{cell.number}</v></c>'


def _column(cell: tuple[int, Value, Style]) -> int:
    return cell[0]
