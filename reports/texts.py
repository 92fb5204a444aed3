"""Texts of the reports in the reader's language: locale files, plurals, dates and numbers.

Nothing depends on a locale installed on the machine. The texts of a language are the TOML files of its folder, read as
one; a text id is the dotted path of its TOML key
("sheets.summary.title"); a text with `one` and `other` is chosen by its `count` parameter (French: 0 and 1 are
singular). French typography (no-break spaces before : ; ! ? % € and inside guillemets) is applied to the text files
when they are read, so that they are written with ordinary spaces; values filled in are left alone.
"""

import logging
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo

from rules.messages import Message

_log = logging.getLogger(__name__)

DEFAULT_ZONE: Final = "Europe/Paris"
Param = str | int | float | Decimal | bool | date | datetime | None
Day = date  # inside the class, `date` is its method
Template = tuple[str, ...]  # literal, name, literal, name, ..., literal

_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_NBSP: Final = "\u00a0"
_NARROW: Final = "\u202f"
_PLACE: Final = re.compile(r"(?P<file>[^,]+)(?:, sheet (?P<sheet>.+))?, row (?P<row>\d+)")
_GROUPED_FROM: Final = 10_000
_PLURAL_FORMS: Final = {"one", "other"}


class UnknownTextError(LookupError):
    """A text id or a parameter a text needs is absent; a report shows a marker instead, tests fail."""


def languages() -> tuple[str, ...]:
    """Codes of all languages there is a folder of locale files for, sorted."""
    folders = resources.files("reports.locales").iterdir()
    return tuple(sorted(folder.name for folder in folders if folder.joinpath("words.toml").is_file()))


@cache
def _entries(language: str) -> Mapping[str, Template | Mapping[str, Template]]:
    """All texts of a language by dotted id. Raises LookupError for a language without a folder."""
    if language not in languages():
        raise LookupError(f"no texts in language {language!r}; there are: {', '.join(languages())}")
    return dict(flatten(tables(language), language))


def tables(language: str) -> dict[str, Any]:
    """The locale files of a language as one table. Raises ValueError for a text that stands in two of them."""
    found: dict[str, Any] = {}
    folder = resources.files("reports.locales") / language
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            _merge(found, tomllib.loads(file.read_text("utf-8")), f"{language}/{file.name}: ")
    return found


def _merge(into: dict[str, Any], table: Mapping[str, Any], path: str) -> None:
    for key, value in table.items():
        there = into.setdefault(key, value)
        if there is value:
            continue
        both_tables = isinstance(there, dict) and isinstance(value, dict)
        if not both_tables:
            raise ValueError(f"locale {path}{key} stands in two files")
        _merge(there, value, f"{path}{key}.")


def flatten(
    table: Mapping[str, object], language: str, prefix: str = ""
) -> list[tuple[str, Template | Mapping[str, Template]]]:
    """List the texts of a parsed locale file as (dotted id, template, or templates by plural form)."""
    found: list[tuple[str, Template | Mapping[str, Template]]] = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, str):
            found.append((name, _template(value, language)))
        elif isinstance(value, dict) and set(value) == _PLURAL_FORMS:
            found.append((name, {form: _template(text, language) for form, text in value.items()}))
        elif isinstance(value, dict):
            found.extend(flatten(value, language, f"{name}."))
        else:
            raise TypeError(f"locale {language}: {name} is neither a text nor a table")
    return found


def _template(text: str, language: str) -> Template:
    return tuple(_PLACEHOLDER.split(typography(text) if language == "fr" else text))


def typography(text: str) -> str:
    """Set French no-break spaces where an ordinary space was typed; text without such a space is unchanged."""
    text = re.sub(r" (?=[;!?])", _NARROW, text)
    text = re.sub(r" (?=[:%€»])", _NBSP, text)
    return text.replace("« ", f"«{_NBSP}")


class Texts:
    """Texts, dates and numbers of one language.

    `zone` is where the reader lives: timestamps are shown in its local time. With `strict` an absent text or parameter
    raises UnknownTextError; otherwise a visible marker stands in its place and the log tells.
    """

    def __init__(self, language: str, *, zone: str = DEFAULT_ZONE, strict: bool = False) -> None:
        self.language = language
        self.zone = ZoneInfo(zone)
        self._strict = strict
        self._entries = _entries(language)
        self._missing: set[str] = set()

    def has(self, text_id: str) -> bool:
        """Whether this language has the text."""
        return text_id in self._entries

    def message(self, message: Message) -> str:
        """Word a message of the rules: `*_on` parameters are ISO dates, `*_at` ISO timestamps."""
        return self._fill(message.text, {name: self._param(name, value) for name, value in message.params.items()})

    def text(self, text_id: str, **params: Param) -> str:
        """Return the text of an id with its parameters filled in."""
        return self._fill(text_id, params)

    def _param(self, name: str, value: Param) -> Param:
        if isinstance(value, str) and name == "place":
            return self.place(value)
        if isinstance(value, str) and value:
            try:
                if name.endswith("_on"):
                    return date.fromisoformat(value)
                if name.endswith("_at"):
                    return datetime.fromisoformat(value)
            except ValueError:
                return value
        return value

    def _fill(self, text_id: str, params: Mapping[str, Param]) -> str:
        entry = self._entries.get(text_id)
        if entry is None:
            return self._absent(text_id, f"no text {text_id!r} in language {self.language!r}")
        if isinstance(entry, Mapping):
            count = params.get("count")
            if not isinstance(count, int):
                return self._absent(text_id, f"text {text_id!r} needs a whole number as parameter 'count'")
            entry = entry[self.plural_form(count)]
        if len(entry) == 1:
            return entry[0]
        parts = list(entry)
        for position in range(1, len(parts), 2):
            name = parts[position]
            if name in params:
                parts[position] = self.value(params[name])
            else:
                parts[position] = self._absent(name, f"text {text_id!r} needs parameter {name!r}")
        return "".join(parts)

    def _absent(self, name: str, problem: str) -> str:
        if self._strict:
            raise UnknownTextError(problem)
        if problem not in self._missing:
            self._missing.add(problem)
            _log.error("%s", problem)
        return f"[?{name}]"

    def place(self, place: str) -> str:
        """Word a place in a file of the client's ("licenses.xlsx, sheet Licences, row 7") in this language."""
        found = _PLACE.fullmatch(place)
        if found is None:
            return place
        parts = [found["file"]]
        parts += [self.text(f"values.place_{name}", name=found[name]) for name in ("sheet", "row") if found[name]]
        return ", ".join(parts)

    def plural_form(self, count: int) -> str:
        """Return the plural form a count takes: French has the singular for 0 and 1, English for 1 only."""
        singular = abs(count) < 2 if self.language == "fr" else abs(count) == 1
        return "one" if singular else "other"

    def value(self, value: Param) -> str:
        """Word a bare value: dates and numbers in the language's form, yes/no, "n.c." for None."""
        match value:
            case None:
                return self.text("values.none")
            case bool():
                return self.text("values.yes" if value else "values.no")
            case int() | float() | Decimal():
                return self.number(value)
            case datetime():
                return self.moment(value)
            case date():
                return self.date(value)
            case str():
                return value

    def number(self, value: float | Decimal, *, decimals: int | None = None) -> str:
        """Format a number: decimal comma and narrow no-break groups in French; groups from 10,000 on."""
        text = f"{value:.{decimals}f}" if decimals is not None else str(value)
        whole, _, fraction = text.partition(".")
        if abs(int(value)) >= _GROUPED_FROM:
            whole = f"{int(whole):,}".replace(",", _NARROW if self.language == "fr" else ",")
        point = "," if self.language == "fr" else "."
        return f"{whole}{point}{fraction}" if fraction else whole

    def euros(self, value: Decimal) -> str:
        """Word an amount in whole euros: "1 234 €", in English "€1,234". VAT is the sentence's business."""
        amount = int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))
        digits = f"{amount:,}"
        return f"{digits.replace(',', _NARROW)}{_NBSP}€" if self.language == "fr" else f"€{digits}".replace("€-", "-€")

    def percent(self, ratio: float, *, decimals: int = 0) -> str:
        """Format a ratio (0..1) as a percentage; all and nothing are said of nothing else ("more than 99%")."""
        gap = _NBSP if self.language == "fr" else ""
        step = 10.0**-decimals
        shown = round(ratio * 100, decimals)
        worded = ""
        if 0 < ratio < 1 and shown in (0, 100):
            worded, shown = ("values.over", 100 - step) if shown else ("values.under", step)
        text = f"{self.number(shown, decimals=decimals)}{gap}%"
        return self.text(worded, figure=text) if worded else text

    def date(self, value: date) -> str:
        """Format a date: 05/08/2026 in French, 5 Aug 2026 in English (no day and month to confuse)."""
        if self.language == "fr":
            return f"{value.day:02d}/{value.month:02d}/{value.year}"
        return f"{value.day} {self.text(f'months.short.m{value.month:02d}')} {value.year}"

    def moment(self, value: datetime) -> str:
        """Format an aware timestamp in the reader's local time."""
        local = value.astimezone(self.zone)
        return self.text("values.moment", day=self.date(local.date()), time=f"{local.hour:02d}:{local.minute:02d}")

    def month(self, value: Day) -> str:
        """Name a month with its year: "août 2026"."""
        return f"{self.text(f'months.long.m{value.month:02d}')} {value.year}"

    def listing(self, items: list[str], *, limit: int = 5) -> str:
        """Join names as a sentence would, naming at most `limit` and counting the rest."""
        rest = len(items) - limit
        if rest > 0:
            return self.text("values.list_more", names=", ".join(items[:limit]), rest=rest)
        if len(items) > 1:
            return self.text("values.list_and", names=", ".join(items[:-1]), last=items[-1])
        return "".join(items)

    def clauses(self, parts: Sequence[str]) -> str:
        """Join parts of a sentence that may hold commas."""
        joined = parts[0] if parts else ""
        for part in parts[1:]:
            joined = self.text("values.clauses", first=joined, next=part)
        return joined

    def labelled(self, label: str, what: str) -> str:
        """Set a label before what it names."""
        return self.text("values.labelled", label=label, what=what)

    def local_day(self, value: datetime) -> Day:
        """Return the calendar day of an aware timestamp where the reader lives."""
        return value.astimezone(self.zone).date()
