"""A client's price list: prices.csv, prices.xlsx or prices.toml in its folder -> `Price` rows. None is shipped.

Every complaint names the file, the row or cell, and the problem. A price that is not known yet ("_", empty, "n.c.") is
no price, never 0. Amounts are euro, excluding VAT.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from auditor.errors import SettingsError
from auditor.tables import suggestion
from rules.prices import MONTHS, Commitment, Price

FILE_NAMES = ("prices.csv", "prices.xlsx", "prices.toml")
_MAX_BYTES = 16 << 20
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "sku": ("sku", "reference", "produit", "product", "code", "part_number"),
    "unit_price_ht": ("unit_price_ht", "prix_unitaire_ht", "unit_price", "prix_ht", "pu_ht", "prix"),
    "period": ("period", "periode", "periodicite"),
    "valid_from": ("valid_from", "valable_a_partir_du", "a_partir_du", "valable_des_le", "date_d_effet"),
    "commitment": ("commitment", "engagement"),
    "source": ("source", "origine", "devis", "facture"),
    "currency": ("currency", "devise", "monnaie"),
    "note": ("note", "notes", "remarque", "commentaire", "name", "nom", "designation", "libelle"),
}
_REQUIRED = ("sku", "unit_price_ht", "period", "valid_from")
_BY_HEADING = {alias: column for column, aliases in _COLUMNS.items() for alias in aliases}
_MISSING = frozenset({"", "_", "n.c.", "nc"})
_PERIODS = {
    **dict.fromkeys(("month", "monthly", "mois", "mensuel", "mensuelle"), 1),
    **dict.fromkeys(("year", "yearly", "annual", "an", "annee", "annuel", "annuelle"), MONTHS),
}
_COMMITMENTS = {
    "": Commitment.UNKNOWN,
    **dict.fromkeys(("monthly", "month", "mensuel", "mensuelle", "mois"), Commitment.MONTHLY),
    **dict.fromkeys(("annual", "yearly", "year", "annuel", "annuelle", "an"), Commitment.ANNUAL),
}
_EURO = re.compile(r"\s*(€|eur|euros?)\s*$", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+([.,][0-9]+)?")
_GROUPED = re.compile(
    r"(?P<whole>[0-9]{1,3}(?P<by>[ '.,])[0-9]{3}((?P=by)[0-9]{3})*)((?!(?P=by))[.,](?P<rest>[0-9]+))?"
)
_DAY_FIRST = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The rows of a client's price list; `notes` tell of rows that hold no price yet."""

    prices: tuple[Price, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: values by column, and where they stand: "row 5", and the cells ("B5") where the file has such."""

    values: Mapping[str, object]
    place: str
    cells: Mapping[str, str] = field(default_factory=dict)

    def at(self, column: str) -> str:
        """Where one value stands."""
        return f"cell {self.cells[column]}" if column in self.cells else f"{self.place}, {column}"

    def text(self, column: str) -> str:
        """A value as text, without spaces around it; "" where there is none."""
        value = self.values.get(column)
        return "" if value is None else _tidy(str(value))


def price_list(folder: Path) -> PriceList:
    """Read the price list of a client folder; an empty one where there is no file. Raises SettingsError."""
    files = [folder / name for name in FILE_NAMES if (folder / name).is_file()]
    if not files:
        return PriceList()
    if len(files) > 1:
        names = " and ".join(file.name for file in files)
        raise SettingsError(str(folder), f"there are {names}: which one counts?", hint="Keep one of them.")
    return read_prices(files[0])


def read_prices(file: Path) -> PriceList:
    """Read one price list by the ending of its name. Raises SettingsError naming file, row or cell, and problem."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(str(file), f"cannot be read: {error.strerror}.") from None
    if len(data) > _MAX_BYTES:
        raise SettingsError(str(file), f"too large for a price list ({len(data) / 1e6:.0f} MB).")
    readers = {".csv": _csv_rows, ".xlsx": _xlsx_rows, ".toml": _toml_rows}
    return _prices(file, readers[file.suffix](file, data))


def _prices(file: Path, rows: Iterable[_Row]) -> PriceList:
    prices, notes = [], []
    seen: dict[tuple[str, Commitment, date], str] = {}
    for row in rows:
        if all(row.text(column) == "" for column in _COLUMNS):
            continue
        price = _price(file, row)
        if price is None:
            notes.append(f"{file.name}, {row.place}: no price yet for {row.text('sku')!r}")
            continue
        key = (price.product.casefold(), price.commitment, price.valid_from)
        if key in seen:
            bound = f" with {price.commitment.value} commitment" if price.commitment else ""
            problem = f"a second price for {price.product!r}{bound} from {price.valid_from:%Y-%m-%d}"
            raise _wrong(file, row.place, f"{problem}, the first is in {seen[key]}.", "Keep one of them.")
        seen[key] = row.place
        prices.append(price)
    return PriceList(prices=tuple(prices), notes=tuple(notes))


def _price(file: Path, row: _Row) -> Price | None:
    """One row; None where its price is not known yet."""
    sku = row.text("sku")
    if not sku:
        raise _wrong(file, row.at("sku"), "which product is this the price of? Its SKU or GUID is missing.")
    currency = row.text("currency")
    if currency and not _EURO.fullmatch(currency):
        raise _wrong(file, row.at("currency"), f"{currency!r}: prices are in euro.", "Convert them, excluding VAT.")
    months = _PERIODS.get(_plain(row.text("period")))
    if months is None:
        hint = "Write month or year (mois, an)."
        raise _wrong(file, row.at("period"), f"{row.text('period')!r} is no period.", hint)
    commitment = _COMMITMENTS.get(_plain(row.text("commitment")))
    if commitment is None:
        hint = "Write monthly or annual (mensuel, annuel), or nothing."
        raise _wrong(file, row.at("commitment"), f"{row.text('commitment')!r} is no commitment.", hint)
    valid_from = _date(file, row)
    amount = _amount(file, row)
    if amount is None:
        return None
    said = row.text("source")
    return Price(
        product=sku,
        monthly=amount / months,
        valid_from=valid_from,
        commitment=commitment,
        source=f"{file.name}, {row.place}" + (f" ({said})" if said else ""),
    )


def _amount(file: Path, row: _Row) -> Decimal | None:
    value, where = row.values.get("unit_price_ht"), row.at("unit_price_ht")
    if isinstance(value, bool | date):
        raise _wrong(file, where, f"{value} is no price.")
    if isinstance(value, int | float | Decimal):
        amount = Decimal(str(value))
    else:
        text = row.text("unit_price_ht")
        if text.casefold() in _MISSING:
            return None
        amount = _decimal(file, where, text)
    if not amount.is_finite() or amount < 0:
        raise _wrong(file, where, f"{row.text('unit_price_ht')} is no price.")
    if amount == 0:
        hint = "Leave a price that is not known empty; what is given for nothing stands in [m365] non_billable."
        raise _wrong(file, where, "0 is no price.", hint)
    return amount


def _decimal(file: Path, where: str, text: str) -> Decimal:
    """12.90, 12,90, 1 234,50, 1.234,50 and 1,234.50, with or without €; what has two meanings is refused."""
    number = _EURO.sub("", text).removeprefix("€").strip()
    if _NUMBER.fullmatch(number):
        whole, _, fraction = number.replace(",", ".").partition(".")
        if len(fraction) == 3 and len(whole) <= 3 and whole != "0":
            hint = f"Write {whole}{fraction}, or {number}0."
            raise _wrong(file, where, f"{text!r} may mean {whole}{fraction} or {whole}.{fraction}.", hint)
        return Decimal(f"{whole}.{fraction or 0}")
    if grouped := _GROUPED.fullmatch(number):
        return Decimal(grouped["whole"].replace(grouped["by"], "") + "." + (grouped["rest"] or "0"))
    hint = "Write 12.90 or 12,90, in euro and excluding VAT; leave it empty while it is not known."
    raise _wrong(file, where, f"{text!r} is no price.", hint)


def _date(file: Path, row: _Row) -> date:
    value, where = row.values.get("valid_from"), row.at("valid_from")
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = row.text("valid_from")
    found = _DAY_FIRST.fullmatch(text)
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else date.fromisoformat(text)
    except ValueError:
        problem = f"{text!r} is no date." if text else "from when is this price valid? The date is missing."
        raise _wrong(file, where, problem, "Write 2026-07-01 or 01/07/2026 (the day first).") from None


def _csv_rows(file: Path, data: bytes) -> Iterator[_Row]:
    text = _decoded(data)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(";,\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    try:
        for values in reader:
            number = reader.line_num
            if not columns:
                if any(value.strip() for value in values):
                    columns = _columns(
                        file, values, [f"row {number}, column {index + 1}" for index in range(len(values))]
                    )
                continue
            if len(values) > len(columns) and any(value.strip() for value in values[len(columns) :]):
                hint = "A decimal comma needs ; between the columns, or quotes around the number."
                raise _wrong(file, f"row {number}", f"{len(values)} values for {len(columns)} columns.", hint)
            yield _Row(dict(zip(columns, values, strict=False)), f"row {number}")
    except csv.Error as error:
        raise _wrong(file, f"row {reader.line_num}", f"not CSV: {error}.") from None
    if not columns:
        raise SettingsError(str(file), "it is empty.", hint=_headings())


def _decoded(data: bytes) -> str:
    """Text as spreadsheet programs save it: UTF-8 with or without a mark, UTF-16, else the Windows code page."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _xlsx_rows(file: Path, data: bytes) -> Iterator[_Row]:
    from openpyxl.utils import get_column_letter

    sheet, values = _first_sheet(file, data, values_only=True)
    formulas: list[tuple[object, ...]] | None = None
    columns: list[str] = []
    for number, found in enumerate(values, start=1):
        if not columns:
            if any(value is not None for value in found):
                headings = ["" if value is None else str(value) for value in found]
                cells_of = [f"cell {get_column_letter(index + 1)}{number}" for index in range(len(headings))]
                columns = _columns(file, headings, cells_of)
            continue
        cells = {column: f"{get_column_letter(index + 1)}{number}" for index, column in enumerate(columns)}
        row = _Row(dict(zip(columns, found, strict=False)), f"sheet {sheet}, row {number}", cells)
        if row.values.get("unit_price_ht") is None and any(value is not None for value in found):
            formulas = formulas or _first_sheet(file, data, values_only=False)[1]
            if str(formulas[number - 1][columns.index("unit_price_ht")] or "").startswith("="):
                hint = "Open the file in a spreadsheet program, save it there, and run again."
                raise _wrong(file, row.at("unit_price_ht"), "a formula that was never calculated.", hint)
        yield row
    if not columns:
        raise SettingsError(str(file), f"the sheet {sheet!r} is empty.", hint=_headings())


def _first_sheet(file: Path, data: bytes, *, values_only: bool) -> tuple[str, list[tuple[object, ...]]]:
    """Title and rows of the first sheet: calculated values, or formulas as written."""
    from zipfile import BadZipFile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=values_only)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # some programs write a size that is not the sheet's
        rows = [tuple(row) for row in sheet.iter_rows(values_only=True)]
        longest = max((len(row) for row in rows), default=0)
        return sheet.title, [row + (None,) * (longest - len(row)) for row in rows]
    except (BadZipFile, InvalidFileException, KeyError, ValueError, IndexError, SyntaxError, OSError) as error:
        hint = "Save it again as .xlsx, or as .csv; a workbook with a password cannot be read."
        raise SettingsError(str(file), f"not an Excel workbook: {type(error).__name__}.", hint=hint) from None


def _toml_rows(file: Path, data: bytes) -> Iterator[_Row]:
    import tomllib

    try:
        document = tomllib.loads(data.decode("utf-8-sig"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(file), f"not valid TOML: {error}.") from None
    tables: Any = document.get("prices")
    others = [key for key in document if key != "prices"]
    if others or not isinstance(tables, list):
        key = others[0] if others else "prices"
        raise SettingsError(str(file), f"{key}: expected tables [[prices]], and nothing else.")
    for number, table in enumerate(tables, start=1):
        place = f"prices[{number}]"
        if not isinstance(table, dict):
            raise _wrong(file, place, "expected a table.")
        for key in table:
            if key not in _COLUMNS:
                raise _wrong(file, f"{place}.{key}", "unknown key.", suggestion(key, list(_COLUMNS)) or _headings())
        yield _Row(table, place)


def _columns(file: Path, headings: Sequence[str], places: Sequence[str]) -> list[str]:
    """Our name of each column. Raises SettingsError for one that is unknown, missing or there twice."""
    columns: list[str] = []
    for heading, place in zip(headings, places, strict=True):
        name = _plain(heading)
        if not name:
            columns.append("")
            continue
        column = _BY_HEADING.get(name)
        if column is None:
            hint = suggestion(name, list(_BY_HEADING)) or _headings()
            raise _wrong(file, place, f"unknown column {heading.strip()!r}.", hint)
        if column in columns and column != "note":
            raise _wrong(file, place, f"a second column {column} ({heading.strip()!r}).")
        columns.append(column)
    missing = [column for column in _REQUIRED if column not in columns]
    if missing:
        raise SettingsError(str(file), f"the column {missing[0]} is missing.", hint=_headings())
    return columns


def _headings() -> str:
    french = "sku, prix unitaire HT, période, engagement, à partir du, source"
    return f"Columns: sku, unit_price_ht, period, commitment, valid_from, source (or {french})."


def _plain(text: str) -> str:
    """A heading or word without accents, case or punctuation: "À partir du" -> "a_partir_du"."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", bare.casefold()).strip("_")


def _tidy(text: str) -> str:
    """Without the kinds of space that spreadsheets and French numbers put around and between."""
    return re.sub(r"[\s\u00a0\u202f]+", " ", text).strip()


def _wrong(file: Path, place: str, problem: str, hint: str = "") -> SettingsError:
    return SettingsError(str(file), f"{place}: {problem}", hint=hint)
