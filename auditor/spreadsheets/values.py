"""Single values of files people keep: numbers, days, yes and no, as French and English spreadsheets hold them.

What has one meaning is read, however it is written; what has two is refused, with what to write instead. Values come as
the file gives them: text from CSV, numbers, dates and texts from a workbook or TOML.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from auditor.tables import suggestion

_T = TypeVar("_T")
_EURO: Final = re.compile(r"\s*(€|eur|euros?)\s*(ht|h\.t\.)?\s*$", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]+([.,][0-9]+)?")
_GROUPED: Final = re.compile(
    r"(?P<whole>[0-9]{1,3}(?P<by>[ '.,])[0-9]{3}((?P=by)[0-9]{3})*)((?!(?P=by))[.,](?P<rest>[0-9]+))?"
)
_NO_PRICE: Final = frozenset({"", "_", "n.c.", "nc"})
_NO_DAY: Final = frozenset(
    {"", "-", "--", "—", "–", "_", "n/a", "na", "n.a.", "aucune", "aucun", "sans", "néant", "illimité", "illimitée"}
    | {"perpétuel", "perpétuelle", "permanent", "permanente", "à vie", "none", "never", "perpetual", "unlimited"}
)
_TIME: Final = r"(?:[ T][0-9]{1,2}[:h][0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})[/. -]([0-9]{1,2})[/. -]([0-9]{4})" + _TIME)
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})" + _TIME)
_SHORT_YEAR: Final = re.compile(r"[0-9]{1,2}[/. -][0-9a-z]{1,9}[/. -][0-9]{2}")
_NAMED: Final = re.compile(r"([0-9]{1,2})(?:er|st|nd|rd|th)?[ -](?:of )?([a-z]{3,9})\.?[ ,-]+([0-9]{4})")
_NAMED_FIRST: Final = re.compile(r"([a-z]{3,9})\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})")
_WEEKDAY: Final = re.compile(
    r"^(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|(?:mon|tues|wednes|thurs|fri|satur|sun)day),? "
)
_MONTHS: Final[Mapping[str, int]] = {
    name: number
    for number, names in enumerate(
        (
            "janvier janv jan january",
            "fevrier fevr fev february feb",
            "mars march mar",
            "avril avr april apr",
            "mai may",
            "juin june jun",
            "juillet juil july jul",
            "aout august aug",
            "septembre september sept sep",
            "octobre october oct",
            "novembre november nov",
            "decembre december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_YES: Final = frozenset({"oui", "o", "x", "yes", "y", "vrai", "true", "✓", "✔", "1"})
_NO: Final = frozenset({"non", "n", "no", "faux", "false", "0", "-"})
_OLDEST, _NO_END_YEAR = 1980, 9999
_MOST: Final = 10_000_000  # of anything a small company buys; beyond, two cells were joined or a telephone pasted
_MINUS: Final = ("-", "\u2212", "\u2013")
_SPACES: Final = re.compile(r"[\s\u00a0\u202f\u200b\ufeff]+")


class UnreadableError(Exception):
    """A value that is not what its column holds; `problem` and `hint` are sentences for the person who wrote it."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem, hint)
        self.problem = problem
        self.hint = hint


def plain(text: str) -> str:
    """A heading or word without accents, case or punctuation: "À partir du" -> "a_partir_du"."""
    bare = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("Œ", "oe"))
    return re.sub(r"[^a-z0-9]+", "_", bare.encode("ascii", "ignore").decode().casefold()).strip("_")


def tidy(text: str) -> str:
    """Without the kinds of space that spreadsheets and French numbers put around and between, nor what is invisible.

    Soft hyphens and marks of writing direction come along with copied text, and could make one name look like another.
    """
    spaced = _SPACES.sub(" ", text)
    return "".join(one for one in spaced if unicodedata.category(one) not in ("Cc", "Cf")).strip()


def text_of(value: object) -> str:
    """A value as one line of text; 2019.0 is "2019". Raises UnreadableError for a date or a time."""
    if value is None:
        return ""
    if isinstance(value, date | time | timedelta):
        hint = "Spreadsheets turn texts such as 8.1 or 24-04 into dates: format the cell as text and write it again."
        raise UnreadableError(f"{value} is a date or a time, and a text is expected.", hint)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return tidy(str(value))


def price(value: object) -> Decimal | None:
    """An amount in euro, excluding VAT, as written; None where none is known yet ("", "_", "n.c."). 0 is returned."""
    return _number(value, "price", "Write 12.90 or 12,90, in euro and excluding VAT; leave it empty while not known.")


def count(value: object, what: str = "quantity") -> int | None:
    """A whole number as written; None where nothing stands."""
    hint = "Write a whole number, alone in its cell."
    number = _number(value, what, hint, currency=False)
    if number is None:
        return None
    if abs(number - round(number)) > Decimal("1e-9"):  # a formula's 11.999999999999998 is 12
        raise UnreadableError(f"{text_of(value)} is no {what}.", hint)
    return round(number)


def _number(value: object, what: str, hint: str, *, currency: bool = True) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool | date | time | timedelta):
        raise UnreadableError(f"{value} is no {what}.", "The cell is formatted as something else." + " " + hint)
    number = (
        Decimal(str(value)) if isinstance(value, int | float | Decimal) else decimal(str(value), what, hint, currency)
    )
    if number is not None:
        _in_reach(number, tidy(str(value)), what, hint)
    return number


def _in_reach(number: Decimal, written: str, what: str, hint: str) -> None:
    """Raise UnreadableError for a number that nothing a small company buys can have, and say why it cannot."""
    if not number.is_finite():
        raise UnreadableError(f"{written} is no {what}.", hint)
    if number < 0:
        less = "Write what is held now: what was given back or sold is no line of its own."
        raise UnreadableError(f"{written} is below 0, which no {what} can be.", less)
    if number > _MOST:
        pasted = "Were two cells joined, or a number of another kind pasted?"
        raise UnreadableError(f"{written} is more than any {what} can be (at most {_MOST:,}).", pasted)


def decimal(text: str, what: str, hint: str, currency: bool = True) -> Decimal | None:  # noqa: FBT001, FBT002 - inner
    """12.90, 12,90, 1 234,50, 1.234,50 and 1,234.50, with or without €; what has two meanings is refused."""
    written = tidy(text)
    if written.casefold() in (_NO_PRICE if currency else {""}):
        return None
    number = _EURO.sub("", written).removeprefix("€").strip() if currency else written
    if number[:1] in _MINUS and number[1:2].isdigit():
        return -(decimal(number[1:], what, hint, currency) or Decimal(0))
    if _NUMBER.fullmatch(number):
        whole, _, fraction = number.replace(",", ".").partition(".")
        if len(fraction) == 3 and len(whole) <= 3 and whole != "0":
            clear = f"Write {whole}{fraction}, or {number}0."
            raise UnreadableError(f"{written!r} may mean {whole}{fraction} or {whole}.{fraction}.", clear)
        return Decimal(f"{whole}.{fraction or 0}")
    if grouped := _GROUPED.fullmatch(number):
        return Decimal(grouped["whole"].replace(grouped["by"], "") + "." + (grouped["rest"] or "0"))
    raise UnreadableError(f"{written!r} is no {what}.", hint)


def day(value: object, *, day_first: bool = True) -> date | None:
    """A day as written; None where nothing stands, or a word such as "perpetual", or the year 9999.

    "03/04/2026" is 3 April where the day comes first, and refused where nobody can tell.
    """
    found = _day(value, day_first=day_first)
    if found is None or found.year == _NO_END_YEAR:
        return None
    if found.year < _OLDEST:
        raise UnreadableError(f"{found:%Y-%m-%d} cannot be meant: it is before {_OLDEST}.", _write_a_day())
    return found


def _day(value: object, *, day_first: bool) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    if not isinstance(value, str):
        hint = "Format the cell as a date. " + _write_a_day()
        raise UnreadableError(f"{value} is no date.", hint)
    written = tidy(value)
    if written.casefold() in _NO_DAY:
        return None
    year, month, number = _parts(written, day_first=day_first)
    try:
        return date(year, month, number)
    except ValueError:
        raise UnreadableError(f"{written!r} is no date.", _write_a_day()) from None


def _parts(written: str, *, day_first: bool) -> tuple[int, int, int]:
    """Year, month and day of a text; month 0 where it is none. Raises UnreadableError for one with two meanings."""
    if found := _YEAR_FIRST.fullmatch(written):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _DAY_FIRST.fullmatch(written):
        number, month, year = int(found[1]), int(found[2]), int(found[3])
        if not day_first and number != month and number <= 12 and month <= 12:
            hint = f"Write {year}-{month:02d}-{number:02d} or {year}-{number:02d}-{month:02d}."
            raise UnreadableError(f"{written!r} may be day/month or month/day.", hint)
        return year, month, number
    lower = re.sub(r"[^a-z0-9 ./,-]", "", unicodedata.normalize("NFKD", written.casefold()))
    lower = _WEEKDAY.sub("", lower)
    if found := _NAMED.fullmatch(lower):
        return int(found[3]), _MONTHS.get(found[2], 0), int(found[1])
    if found := _NAMED_FIRST.fullmatch(lower):
        return int(found[3]), _MONTHS.get(found[1], 0), int(found[2])
    if _SHORT_YEAR.fullmatch(lower.replace("./", "/")):
        raise UnreadableError(f"{written!r}: a year has four digits.", _write_a_day())
    return 0, 0, 0


def _write_a_day() -> str:
    return "Write 2026-07-01 or 01/07/2026 (the day first)."


def yes_no(value: object) -> bool | None:
    """Yes or no, in either language; None where nothing stands."""
    if value is None or isinstance(value, bool):
        return value
    word = text_of(value).casefold()
    if not word:
        return None
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise UnreadableError(f"{word!r} is neither yes nor no.", "Write yes or no (oui, non), or leave it empty.")


def choice(value: object, words: Mapping[str, _T], what: str, offered: Sequence[str]) -> _T | None:
    """One of the known words (as `plain` gives them); None where nothing stands."""
    written = text_of(value)
    word = plain(written)
    if not written or (not word and written in {"-", "—", "–", "_"}):
        return None
    found = words.get(word)
    if found is None:
        hint = suggestion(word, list(words)) or f"Write one of: {', '.join(offered)}."
        raise UnreadableError(f"{written!r} is no {what}.", hint)
    return found
