"""Rows of a file of rights -> `Entitlement`, each with what is wrong in it and where.

A row that is no right (the template's example, a total, a remark below the table) is told.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from auditor.entitlements import words
from auditor.entitlements.asides import Asides, only_a_product
from auditor.entitlements.keys import without_keys
from auditor.spreadsheets.rows import Problem, Row
from auditor.spreadsheets.values import UnreadableError, choice, count, day, plain, price, text_of, yes_no
from rules.rights import Channel, Entitlement, Metric, VersionRule

if TYPE_CHECKING:
    from rules.products import Product

_UP_TO: Final = re.compile(r"(?:≤|<=|=<|jusqu['’ ]?(?:à|a)|up to|until)\s*(?P<version>.+)", re.IGNORECASE)
_AND_OLDER: Final = re.compile(
    r"(?P<version>.+?)\s+(?:et|ou|and|or)\s+(?:versions?\s+)?(?:antérieures?|anterieures?|older|earlier|inférieures?)",
    re.IGNORECASE,
)
_WITH_SA: Final = re.compile(
    r"(?P<version>.+?)\s*(?:\+|avec|with)\s*(?:la |the )?(?:SA|software assurance)", re.IGNORECASE
)
_ANY: Final = frozenset(
    {
        "*",
        "any",
        "all",
        "any version",
        "all versions",
        "toutes",
        "toutes versions",
        "toutes les versions",
        "toute version",
    }
)
_UNCLEAR: Final = (Metric.CORE, Metric.SERVER, Metric.USER_CAL, Metric.DEVICE_CAL)  # never guessed from the product
EXAMPLE: Final = "is the template's example, and is not counted"
_LONGEST, _LONGEST_NOTE = 250, 2_000  # characters; a name of more is something pasted by mistake
_SPLIT: Final = re.compile(r"\s*[,;\n|]\s*")
_T = TypeVar("_T")


def rights_of(file: Path, rows: Sequence[Row]) -> tuple[list[Entitlement], list[str], list[Problem]]:
    """The rights of a file's rows, sentences about what was left aside, and every mistake."""
    reader = _Reader(file, rows)
    found = [right for row in rows if (right := reader.right(row)) is not None]
    return found, reader.notes, reader.problems


def product_of(text: str) -> "Product | None":
    """The product a person named; None for a pattern, and for one nobody knows here."""
    from rules.products import product_named

    return product_named(text) if text and "*" not in text else None


class _Reader:
    """Turns rows into rights, collecting what is wrong and what is left aside."""

    def __init__(self, file: Path, rows: Sequence[Row]) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self._asides = Asides(rows)
        self._ids: dict[str, str] = {}

    def right(self, row: Row) -> Entitlement | None:
        """One row; None for one that is no right, which is told."""
        if self._is_no_right(row):
            return None
        if only_a_product(row):
            hint = "Fill in metric and quantity; what is a remark belongs into a column of that name."
            self._wrong(row, "product", f"{row.text('product')!r} stands alone: how many were bought?", hint)
            return None
        before = len(self.problems)
        product = self._text(row, "product")
        if not product and "product" not in row.faults:
            self._wrong(row, "product", "which product is this a right for? Its name is missing.")
        version, version_rule = self._version(row)
        channel, typed = self._channel(row)
        metric, pack = self._metric(row, product, typed, channel)
        quantity = self._quantity(row, metric)
        start, end = self._day(row, "start"), self._day(row, "end")
        maintenance_end = self._day(row, "maintenance_end")
        self._in_order(row, start, end, maintenance_end)
        unit_price, yearly = self._price(row, channel, metric)
        given = self._id(row)
        made = Entitlement(
            id=given,
            product=product,
            metric=metric or Metric.DEVICE,
            quantity=None if metric is Metric.SITE else Decimal(quantity or 0),
            place=f"{self.file.name}, {row.place}",
            publisher=self._text(row, "publisher"),
            edition=self._text(row, "edition"),
            version=version,
            version_rule=version_rule,
            units_per_pack=pack,
            channel=channel,
            bound_to=tuple(part for part in _SPLIT.split(self._listed(row, "bound_to")) if part),
            start=start,
            end=end,
            maintenance_end=maintenance_end,
            downgrade=self._value(row, "downgrade", yes_no),
            second_device=bool(self._value(row, "second_device", yes_no)),
            virtualization=self._virtual(row),
            proof=self._text(row, "proof"),
            unit_price=unit_price,
            yearly=yearly,
            note=self._text(row, "note"),
        )
        if len(self.problems) > before:
            return None
        if quantity == 0 and metric is not Metric.SITE:
            self.notes.append(f"{row.place}: a quantity of 0 is no right, and is not counted")
            return None
        self._asides.counted(row, quantity or 0)
        return made

    def _is_no_right(self, row: Row) -> bool:
        """Whether a row is the template's example, or a total; both are told."""
        if plain(row.text("id")) in words.EXAMPLES:
            if _is_the_example(row):
                self.notes.append(f"{row.place} {EXAMPLE}")
            else:
                hint = "Clear that cell if the row counts; delete the row if it does not."
                self._wrong(row, "id", f"marked {row.text('id')!r}, and is not the template's example.", hint)
            return True
        aside = self._asides.what(row)
        if aside:
            self.notes.append(f"{row.place} {aside}")
        return bool(aside)

    def _wrong(self, row: Row, column: str, problem: str, hint: str = "") -> None:
        self.problems.append(Problem(row.at(column), problem, hint))

    def _value(self, row: Row, column: str, reader: Callable[[object], _T | None]) -> _T | None:
        """A value read by `reader`; None where it is missing or wrong, which is told."""
        if column in row.faults:
            if row.faults[column] not in self.problems:
                self.problems.append(row.faults[column])
            return None
        value = row.values.get(column)
        try:
            return reader(value)
        except UnreadableError as error:
            self._wrong(row, column, error.problem, error.hint)
            return None

    def _text(self, row: Row, column: str) -> str:
        text = self._value(row, column, text_of) or ""
        most = _LONGEST_NOTE if column == "note" else _LONGEST
        if len(text) > most:
            self._wrong(row, column, f"a text of {len(text)} characters (at most {most}).", "Shorten it.")
        return self._without_keys(row, column, text[:most])

    def _without_keys(self, row: Row, column: str, text: str) -> str:
        kept = without_keys(text)
        if kept != text:
            self.notes.append(
                f"{row.at(column)}: a product key stands here; no report shows more than its last five characters. "
                "Write the number of the invoice or contract instead, and keep keys out of this file"
            )
        return kept

    def _listed(self, row: Row, column: str) -> str:
        """A list in one cell, its lines kept; in TOML it may be a list."""
        value = row.values.get(column)
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return self._without_keys(row, column, ";".join(value))
        return self._without_keys(row, column, value.strip()) if isinstance(value, str) else self._text(row, column)

    def _day(self, row: Row, column: str) -> date | None:
        return self._value(row, column, lambda value: day(value, day_first=row.french))

    def _id(self, row: Row) -> str:
        given = self._text(row, "id")
        if given and given.casefold() in self._ids:
            self._wrong(row, "id", f"{given!r} is also the id of {self._ids[given.casefold()]}.", "Each needs its own.")
        elif given:
            self._ids[given.casefold()] = row.place
        return given

    def _version(self, row: Row) -> tuple[str, VersionRule]:
        written = self._text(row, "version")
        version, rule = written, None
        if written.casefold() in _ANY:
            version, rule = "", VersionRule.ANY
        elif found := (_UP_TO.fullmatch(written) or _AND_OLDER.fullmatch(written)):
            version, rule = found["version"], VersionRule.UP_TO
        elif found := _WITH_SA.fullmatch(written):
            version, rule = found["version"], VersionRule.ANY
        said = self._value(
            row,
            "version_rule",
            lambda value: choice(value, words.VERSION_RULES, "rule of versions", words.VERSION_RULE_WORDS),
        )
        if rule is not None and said is not None and said is not rule:
            problem = f"{row.text('version_rule')!r} contradicts the version {written!r}."
            self._wrong(row, "version_rule", problem, "Clear one of the two cells.")
        rule = rule or said or VersionRule.EXACT
        if rule is VersionRule.UP_TO and not version:
            self._wrong(row, "version", "up to which version? It is missing.")
        return version.strip(), rule

    def _channel(self, row: Row) -> tuple[Channel, tuple[Metric, int | None] | None]:
        """How it was bought, and the metric that a column "type" may name instead."""
        channel = self._value(
            row, "channel", lambda value: choice(value, words.CHANNELS, "channel", words.CHANNEL_WORDS)
        )
        typed = self._text(row, "type")
        name = plain(typed)
        if not name or name in words.PERPETUAL:
            return channel or Channel.UNKNOWN, None
        if name not in words.CHANNELS and name not in words.METRICS:
            offered = ", ".join((*words.CHANNEL_WORDS, *words.METRIC_WORDS))
            self._wrong(row, "type", f"{typed!r} is neither a channel nor a metric.", f"Write one of: {offered}.")
        return channel or words.CHANNELS.get(name, Channel.UNKNOWN), words.METRICS.get(name)

    def _metric(
        self, row: Row, product: str, typed: tuple[Metric, int | None] | None, channel: Channel
    ) -> tuple[Metric | None, int]:
        """The metric and the units of one pack."""
        said = self._value(row, "metric", lambda value: choice(value, words.METRICS, "metric", words.METRIC_WORDS))
        written = row.text("metric") or "metric" in row.faults
        metric, of_word = said or typed or (None, None)
        if metric is None and not written:
            metric = self._usual_metric(row, product, channel)
        pack = self._value(row, "units_per_pack", lambda value: count(value, "number of units"))
        if pack == 0:
            self._wrong(row, "units_per_pack", "a pack of 0 units holds nothing.", "Leave it empty for 1.")
        if pack is not None and of_word is not None and pack != of_word:
            problem = f"{pack} units in a pack contradict the metric {row.text('metric')!r}."
            self._wrong(row, "units_per_pack", problem, "Clear it, or correct the metric.")
        return metric, pack or of_word or 1

    def _usual_metric(self, row: Row, product: str, channel: Channel) -> Metric | None:
        """The product's usual metric where the row names none and nothing else can be meant."""
        if plain(row.text("quantity")) in words.METRICS:  # "unlimited", "site"
            return words.METRICS[plain(row.text("quantity"))][0]
        known = product_of(product)
        usual = known.metric if known is not None else None
        if channel is Channel.SUBSCRIPTION:
            usual = Metric.SUBSCRIPTION_SEAT
        if usual is None or usual in _UNCLEAR:
            hint = f"Write one of: {', '.join(words.METRIC_WORDS)}."
            column = "type" if "metric" not in row.cells and "type" in row.cells else "metric"
            self._wrong(row, column, "what does one of them cover? The metric is missing.", hint)
            return None
        self.notes.append(f"{row.place} names no metric: {product} is counted by {usual.value.replace('_', ' ')}")
        return usual

    def _quantity(self, row: Row, metric: Metric | None) -> int | None:
        is_site = metric is Metric.SITE
        if words.METRICS.get(plain(row.text("quantity")), (None, None))[0] is Metric.SITE:
            if not is_site:
                self._wrong(row, "quantity", f"{row.text('quantity')!r} is no quantity.", "The metric for it is: site.")
            return None
        quantity = self._value(row, "quantity", count)
        if quantity is None and not is_site and not row.text("quantity") and "quantity" not in row.faults:
            self._wrong(row, "quantity", "how many were bought? The quantity is missing.")
        if is_site and quantity not in (None, 1):
            hint = "Leave the quantity empty, or choose another metric."
            self._wrong(row, "quantity", f"a site covers everything, and {quantity} is a number of something.", hint)
        return quantity

    def _in_order(self, row: Row, start: date | None, end: date | None, maintenance_end: date | None) -> None:
        for column, last in (("end", end), ("maintenance_end", maintenance_end)):
            if start is not None and last is not None and last < start:
                self._wrong(row, column, f"{last:%Y-%m-%d} is before the start, {start:%Y-%m-%d}.")

    def _virtual(self, row: Row) -> int | None:
        return self._value(row, "virtualization", lambda value: count(value, "number of virtual machines"))

    def _price(self, row: Row, channel: Channel, metric: Metric | None) -> tuple[Decimal | None, bool]:
        """The price of one, and whether it is for a year."""
        currency = self._text(row, "currency")
        if currency and plain(currency) not in {"eur", "euro", "euros"} and currency != "€":
            self._wrong(row, "currency", f"{currency!r}: prices are in euro.", "Convert them, excluding VAT.")
        amounts = {name: self._value(row, name, price) for name in ("unit_price", "yearly_price", "monthly_price")}
        given = [name for name, amount in amounts.items() if amount is not None]
        if not given:
            self._period(row)
            return None, False
        if len(given) > 1:
            self._wrong(row, given[1], f"a second price beside that of {row.at(given[0])}.", "Keep one of them.")
        (name, amount) = given[0], amounts[given[0]]
        months = {"yearly_price": 12, "monthly_price": 1}.get(name, self._period(row))
        if amount == 0:
            self.notes.append(f"{row.at(name)}: a price of 0 is read as not known")
            return None, False
        if months is None and (channel is Channel.SUBSCRIPTION or metric is Metric.SUBSCRIPTION_SEAT):
            hint = f"Add a column period with one of: {', '.join(words.PERIOD_WORDS)}."
            self._wrong(row, "period", "a subscription's price is for a month or a year: which?", hint)
        assert amount is not None
        return (amount * 12 if months == 1 else amount), bool(months)

    def _period(self, row: Row) -> int | None:
        return self._value(row, "period", lambda value: choice(value, words.PERIODS, "period", words.PERIOD_WORDS))


def _is_the_example(row: Row) -> bool:
    """Whether a row marked as the example still is what the template says."""
    from auditor.entitlements.template import examples

    shown = {plain(row.text(column)) for column in ("product", "quantity", "proof")}
    return shown in [{plain(str(given[column])) for column in ("product", "quantity", "proof")} for given in examples()]
