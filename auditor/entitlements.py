"""What a client bought: licenses.xlsx, .csv or .toml in its folder -> `Entitlement` rows.

People keep this list by hand, so it is read generously where it has one meaning and refused, with sheet and cell, where
it has two; every mistake of a file is told at once. No row is dropped in silence: what is left aside is in the notes.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from auditor import entitlement_words as words
from auditor.errors import SettingsError
from auditor.spreadsheet_values import UnreadableError, choice, count, day, plain, price, text_of, tidy, yes_no
from auditor.spreadsheets import Problem, Row, read, refuse
from rules.rights import Channel, Entitlement, Metric, VersionRule

_STEMS: Final = ("licenses", "licences")
_READ: Final = (".xlsx", ".csv", ".toml", ".xlsm")
_NOT_READ: Final = (".xls", ".xlsb", ".xltx", ".ods", ".fods", ".numbers", ".tsv", ".txt", ".json", ".yaml", ".yml")
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
_EXAMPLE: Final = "is the template's example, and is not counted"
_SPLIT: Final = re.compile(r"\s*[,;\n|]\s*")
_T = TypeVar("_T")

if TYPE_CHECKING:
    from rules.products import Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """A client's rights; `entitlements` is None without a file, and with one nobody has filled in yet.

    `notes` are sentences about what was left aside or looks wrong; `file` is the file's name, "" without one.
    """

    entitlements: tuple[Entitlement, ...] | None = None
    notes: tuple[str, ...] = ()
    file: str = ""


def rights_file(folder: Path) -> Path | None:
    """The client's file of rights, None where there is none. Raises SettingsError for two, and for a kind not read."""
    there = sorted(file for file in folder.iterdir() if file.stem.casefold() in _STEMS) if folder.is_dir() else []
    candidates = [file for file in there if file.suffix.casefold() in (*_READ, *_NOT_READ) and file.is_file()]
    if not candidates:
        return None
    if len(candidates) > 1:
        names = " and ".join(file.name for file in candidates)
        raise SettingsError(str(folder), f"there are {names}: which one counts?", hint="Keep one of them.")
    (file,) = candidates
    if file.suffix.casefold() not in _READ:
        hint = "Save it as licenses.xlsx (Excel workbook), licenses.csv or licenses.toml."
        raise SettingsError(str(file), f"files of rights are not read from {file.suffix}.", hint=hint)
    return file


def entitlements(folder: Path) -> Rights:
    """Read the rights of a client folder. Raises SettingsError naming file, sheet and cell, and every mistake."""
    file = rights_file(folder)
    return read_rights(file) if file is not None else Rights()


def read_rights(file: Path) -> Rights:
    """Read one file of rights by the ending of its name. Raises SettingsError like `entitlements`."""
    reading = read(file, words.KIND)
    reader = _Reader(file, list(reading.problems))
    found = [right for row in reading.rows if (right := reader.right(row)) is not None]
    refuse(file, reader.problems)
    notes = [f"{file.name}, {note}" for note in (*reading.notes, *reader.notes)]
    if not found and file.suffix.casefold() != ".toml":
        empty = f"{file.name} holds no right yet: nothing is compared with what was bought until it is filled in"
        others = [note for note in notes if not note.endswith(_EXAMPLE)]
        return Rights(notes=(*others, empty), file=file.name)
    found = _named(found)
    notes += [f"{file.name}, {note}" for note in (*_repeated(found), *_unknown_products(found))]
    return Rights(entitlements=tuple(found), notes=tuple(notes), file=file.name)


class _Reader:
    """Turns rows into rights, collecting what is wrong and what is left aside."""

    def __init__(self, file: Path, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        self.notes: list[str] = []
        self._ids: dict[str, str] = {}

    def right(self, row: Row) -> Entitlement | None:
        """One row; None for one that is no right, which is told."""
        if self._is_no_right(row):
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
        return made

    def _is_no_right(self, row: Row) -> bool:
        """Whether a row is the template's example, or a total; both are told."""
        if plain(row.text("id")) in words.EXAMPLES:
            if _is_the_example(row):
                self.notes.append(f"{row.place} {_EXAMPLE}")
            else:
                hint = "Clear that cell if the row counts; delete the row if it does not."
                self._wrong(row, "id", f"marked {row.text('id')!r}, and is not the template's example.", hint)
            return True
        texts = [plain(row.text(column)) for column in ("product", "publisher", "id", "note")]
        is_total = any(text in words.TOTALS for text in texts[:1]) or (
            not texts[0] and any(text in words.TOTALS for text in texts)
        )
        if is_total:
            self.notes.append(f"{row.place} is a total, and is not counted")
        return is_total

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
        return self._value(row, column, text_of) or ""

    def _listed(self, row: Row, column: str) -> str:
        """A list in one cell, its lines kept; in TOML it may be a list."""
        value = row.values.get(column)
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return ";".join(value)
        return str(value).strip() if isinstance(value, str) else self._text(row, column)

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
        known = _product(product)
        usual = known.metric if known is not None else None
        if channel is Channel.SUBSCRIPTION:
            usual = Metric.SUBSCRIPTION_SEAT
        if usual is None or usual in _UNCLEAR:
            hint = f"Write one of: {', '.join(words.METRIC_WORDS)}."
            self._wrong(row, "metric", "what does one of them cover? The metric is missing.", hint)
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
            self._wrong(row, given[1], f"a second price beside {given[0]}.", "Keep one of them.")
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
    from auditor.entitlement_template import examples

    shown = {plain(row.text(column)) for column in ("product", "quantity", "proof")}
    return shown in [{plain(str(given[column])) for column in ("product", "quantity", "proof")} for given in examples()]


def _named(rights: list[Entitlement]) -> list[Entitlement]:
    """Give every right without an id one that stays the same while rows are moved and quantities change."""
    taken = {right.id.casefold() for right in rights if right.id}
    named = []
    for right in rights:
        made = right.id or _fingerprint(right)
        number = 1
        while not right.id and made.casefold() in taken:
            number += 1
            made = f"{_fingerprint(right)}-{number}"
        taken.add(made.casefold())
        named.append(replace(right, id=made))
    return named


def _fingerprint(right: Entitlement) -> str:
    about = (right.product, right.edition, right.version, right.metric, right.channel, right.proof, right.start)
    text = "\x1f".join(tidy(str(part)).casefold() for part in about)
    return f"R-{hashlib.sha256(text.encode()).hexdigest()[:6].upper()}"


def _repeated(rights: list[Entitlement]) -> list[str]:
    """Tell of rows that are the same in everything: both count, and one of them may be a slip."""
    compared = [field.name for field in fields(Entitlement) if field.name not in ("id", "place")]
    rows = [tuple(getattr(right, name) for name in compared) for right in rights]
    notes = []
    for row, times in Counter(rows).items():
        if times > 1:
            places = [right.place.partition(", ")[2] for right, own in zip(rights, rows, strict=True) if own == row]
            notes.append(f"{' and '.join(places)} are the same; all are counted: delete those written twice")
    return notes


def _unknown_products(rights: list[Entitlement]) -> list[str]:
    """Tell of products nobody knows here: such a right meets nothing unless it is written as a pattern."""
    notes = []
    for right in rights:
        if "*" not in right.product and _product(right.product) is None:
            hint = _similar(right.product)
            place = right.place.partition(", ")[2]
            notes.append(f"{place}: {right.product!r} is no product known here. {hint}".rstrip())
    return notes


def _product(text: str) -> "Product | None":
    from rules.products import product_named

    return product_named(text) if text and "*" not in text else None


def _similar(text: str) -> str:
    from difflib import get_close_matches

    from rules.products import products

    names = {product.name.casefold(): product.name for product in products()}
    close = get_close_matches(text.casefold(), list(names), n=1, cutoff=0.6)
    if close:
        return f"Did you mean {names[close[0]]!r}?"
    return f"Write its name as installed programs show it, with * for what varies ({text}*)."
