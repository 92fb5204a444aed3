"""The one gate every cell of a workbook passes.

Names and versions come from machines an attacker may own. A text must never become a formula, an error value or a file
that does not open, and must never be cut without a mark. Numbers and dates are written as such, so that Excel sorts and
sums them. Measured traps behind each rule: openpyxl turns "=..." into a live formula and "#N/A" into an error, raises
on control characters, and passes U+FFFE, U+FFFF and lone surrogates, which yield a file that no program reads.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

Value = str | int | float | Decimal | bool | date | datetime | None

TEXT_LIMIT: Final = 32_767  # UTF-16 code units in one cell (Excel specifications and limits)
REPLACEMENT: Final = "\ufffd"
_ELLIPSIS: Final = "…"
_FORMULA_STARTERS: Final = ("=", "+", "-", "@", "#", "'", "\t")
# C0 and C1 controls but tab and line feed, lone surrogates, non-characters, and the marks that turn the reading
# direction (a name written with them shows as another name).
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]"
)
# ST_Xstring (ECMA-376 part 1, 22.9.2.19): "_x0041_" in a file is read as "A"; the underscore itself must be escaped.
_ESCAPE_LOOKALIKE: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_EPOCH: Final = date(1899, 12, 30)
_DAY_S: Final = 86_400


class CellKind(StrEnum):
    """How a cell is written."""

    EMPTY = "empty"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"


@dataclass(frozen=True, slots=True)
class CellContent:
    """What goes into the file: `text` for TEXT, else `number` (dates as Excel serial days, local time).

    `quoted` asks for the cell style's quotePrefix: Excel then keeps a text as text when somebody edits the cell.
    """

    kind: CellKind
    text: str = ""
    number: float | int | Decimal = 0
    quoted: bool = False


EMPTY: Final = CellContent(CellKind.EMPTY)


def content(value: Value, zone: ZoneInfo) -> CellContent:
    """Turn any value into what a cell may hold.

    Aware datetimes become local time of `zone`, without offset (Excel knows none); a naive one raises ValueError,
    because nobody can say which hour it means. Not-a-number, infinities and None are empty cells. A bool raises
    TypeError: say "yes" or "no" in the reader's language.
    """
    match value:
        case None:
            return EMPTY
        case str():
            return text_content(value)
        case bool():
            raise TypeError("a yes/no value has no language: pass a text")
        case int():
            return CellContent(CellKind.NUMBER, number=value)
        case float() | Decimal():
            return CellContent(CellKind.NUMBER, number=value) if _is_finite(value) else EMPTY
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"naive datetime {value.isoformat()} in a report")
            local = value.astimezone(zone).replace(tzinfo=None)
            seconds = local.hour * 3600 + local.minute * 60 + local.second
            return CellContent(CellKind.DATETIME, number=round((local.date() - _EPOCH).days + seconds / _DAY_S, 8))
        case date():
            return CellContent(CellKind.DATE, number=(value - _EPOCH).days)


def _is_finite(value: float | Decimal) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else value - value == 0


def text_content(value: str) -> CellContent:
    """Clean a text; empty text is an empty cell."""
    if not value:
        return EMPTY
    text = clean(value)
    return CellContent(CellKind.TEXT, text=text, quoted=text.startswith(_FORMULA_STARTERS))


def clean(value: str) -> str:
    """Return a text every spreadsheet program can open: unsafe characters replaced, length limited with an ellipsis.

    All line ends become line feeds. Text that already is safe comes back unchanged.
    """
    text = value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value
    text = shorten(_UNSAFE.sub(REPLACEMENT, text), TEXT_LIMIT)
    if "_x" in text:
        text = shorten(_ESCAPE_LOOKALIKE.sub("_x005F_", text), TEXT_LIMIT)
    return text


def shorten(text: str, limit: int) -> str:
    """Cut a text to at most `limit` UTF-16 code units, ending in "…" when something was cut."""
    if len(text) * 2 <= limit:
        return text
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if units <= limit:
        return text
    cut = text.encode("utf-16-le", "surrogatepass")[: (limit - 1) * 2].decode("utf-16-le", "ignore")
    return cut + _ELLIPSIS


def letter(column: int) -> str:
    """Return a column's letters: 1 is A, 27 is AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def guard_csv(value: str) -> str:
    """Protect a CSV field: there, unlike in a workbook, a leading `= + - @`, tab or return is run as a formula."""
    text = _UNSAFE.sub(REPLACEMENT, value.replace("\r\n", "\n"))
    return f"'{text}" if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
