"""A client's price list: prices.csv, prices.xlsx or prices.toml in its folder -> `Price` rows. None is shipped.

Every complaint names the file, the row or cell, and the problem. A price that is not known yet ("_", empty, "n.c.") is
no price, never 0. Amounts are euro, excluding VAT.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from auditor.errors import SettingsError
from auditor.spreadsheets import values
from auditor.spreadsheets.rows import Kind, Problem, Row, read, refuse
from auditor.spreadsheets.values import UnreadableError
from auditor.tables import stands
from rules.prices import MONTHS, Commitment, Price

FILE_NAMES = ("prices.csv", "prices.xlsx", "prices.toml")
_ENGLISH: Final[Mapping[str, tuple[str, ...]]] = {
    "sku": ("reference", "product", "code", "part_number"),
    "unit_price_ht": ("unit_price",),
    "period": (),
    "valid_from": (),
    "commitment": (),
    "source": (),
    "currency": (),
    "note": ("notes", "name"),
}
_FRENCH: Final[Mapping[str, tuple[str, ...]]] = {
    "sku": ("produit",),
    "unit_price_ht": ("prix_unitaire_ht", "prix_ht", "pu_ht", "prix"),
    "period": ("periode", "periodicite"),
    "valid_from": ("valable_a_partir_du", "a_partir_du", "valable_des_le", "date_d_effet"),
    "commitment": ("engagement",),
    "source": ("origine", "devis", "facture"),
    "currency": ("devise", "monnaie"),
    "note": ("remarque", "commentaire", "nom", "designation", "libelle"),
}
_KIND: Final = Kind(
    table="prices",
    content="price",
    english=_ENGLISH,
    french=_FRENCH,
    required=("sku", "unit_price_ht", "period", "valid_from"),
    hint="Columns: sku, unit_price_ht, period, commitment, valid_from, source "
    "(or sku, prix unitaire HT, période, engagement, à partir du, source).",
)
_PERIODS = {
    **dict.fromkeys(("month", "monthly", "mois", "mensuel", "mensuelle"), 1),
    **dict.fromkeys(("year", "yearly", "annual", "an", "annee", "annuel", "annuelle"), MONTHS),
}
_COMMITMENTS = {
    **dict.fromkeys(("monthly", "month", "mensuel", "mensuelle", "mois"), Commitment.MONTHLY),
    **dict.fromkeys(("annual", "yearly", "year", "annuel", "annuelle", "an"), Commitment.ANNUAL),
}
_EUROS: Final = frozenset({"eur", "euro", "euros", "€"})
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The rows of a client's price list; `notes` tell of rows that hold no price yet, and of what was left aside."""

    prices: tuple[Price, ...] = ()
    notes: tuple[str, ...] = ()


def price_list(folder: Path) -> PriceList:
    """Read the price list of a client folder; an empty one where there is no file. Raises SettingsError."""
    files = [folder / name for name in FILE_NAMES if stands(folder / name)]
    if not files:
        return PriceList()
    if len(files) > 1:
        names = " and ".join(file.name for file in files)
        raise SettingsError(str(folder), f"there are {names}: which one counts?", hint="Keep one of them.")
    return read_prices(files[0])


def read_prices(file: Path) -> PriceList:
    """Read one price list by the ending of its name. Raises SettingsError naming file, row or cell, and problem."""
    reading = read(file, _KIND)
    refuse(file, reading.problems)
    found = _prices(file, reading.rows)
    return PriceList(prices=found.prices, notes=(*(f"{file.name}, {note}" for note in reading.notes), *found.notes))


def _prices(file: Path, rows: Iterable[Row]) -> PriceList:
    prices: list[Price] = []
    notes: list[str] = []
    problems: list[Problem] = []
    seen: dict[tuple[str, Commitment, date], str] = {}
    for row in rows:
        if row.is_empty:
            continue
        try:
            price = _price(file, row)
        except _RefusedError as refused:
            problems.append(refused.problem)
            continue
        if price is None:
            notes.append(f"{file.name}, {row.place}: no price yet for {row.text('sku')!r}")
            continue
        key = (price.product.casefold(), price.commitment, price.valid_from)
        if key in seen:
            bound = f" with {price.commitment.value} commitment" if price.commitment else ""
            problem = f"a second price for {price.product!r}{bound} from {price.valid_from:%Y-%m-%d}"
            problems.append(Problem(row.place, f"{problem}, the first is in {seen[key]}.", "Keep one of them."))
        seen.setdefault(key, row.place)
        prices.append(price)
    refuse(file, problems)
    return PriceList(prices=tuple(prices), notes=tuple(notes))


class _RefusedError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _price(file: Path, row: Row) -> Price | None:
    """One row; None where its price is not known yet."""
    sku = row.text("sku")
    if not sku:
        raise _wrong(row, "sku", "which product is this the price of? Its SKU or GUID is missing.")
    currency = row.text("currency")
    if currency and currency.casefold() not in _EUROS:
        raise _wrong(row, "currency", f"{currency!r}: prices are in euro.", "Convert them, excluding VAT.")
    months = _PERIODS.get(values.plain(row.text("period")))
    if months is None:
        raise _wrong(row, "period", f"{row.text('period')!r} is no period.", "Write month or year (mois, an).")
    bound = row.text("commitment")
    commitment = _COMMITMENTS.get(values.plain(bound)) if bound else Commitment.UNKNOWN
    if commitment is None:
        hint = "Write monthly or annual (mensuel, annuel), or nothing."
        raise _wrong(row, "commitment", f"{bound!r} is no commitment.", hint)
    valid_from = _read(row, "valid_from", values.day)
    if valid_from is None:
        hint = "Write 2026-07-01 or 01/07/2026 (the day first)."
        raise _wrong(row, "valid_from", "from when is this price valid? The date is missing.", hint)
    amount = _read(row, "unit_price_ht", values.price)
    if amount is None:
        return None
    if amount == 0:
        hint = "Leave a price that is not known empty; what is given for nothing stands in [m365] non_billable."
        raise _wrong(row, "unit_price_ht", "0 is no price.", hint)
    said = row.text("source")
    return Price(
        product=sku,
        monthly=amount / months,
        valid_from=valid_from,
        commitment=commitment,
        source=f"{file.name}, {row.place}" + (f" ({said})" if said else ""),
    )


def _read(row: Row, column: str, reader: Callable[[object], _T]) -> _T:
    if column in row.faults:
        raise _RefusedError(row.faults[column])
    try:
        return reader(row.values.get(column))
    except UnreadableError as error:
        raise _wrong(row, column, error.problem, error.hint) from None


def _wrong(row: Row, column: str, problem: str, hint: str = "") -> _RefusedError:
    return _RefusedError(Problem(row.at(column), problem, hint))
