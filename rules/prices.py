"""Prices a client pays, and what they make of seats. Euro, excluding VAT, `Decimal` throughout; none are shipped.

A price that is not known is never 0: amounts then count the seats left out, and the report says "n.c.".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

MONTHS = 12  # of a year: every amount of a year is twelve monthly ones


class Commitment(StrEnum):
    """How long a seat is bought for: monthly ones can be reduced now, annual ones at their anniversary."""

    MONTHLY = "monthly"
    ANNUAL = "annual"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One dated row of the client's price list.

    `product` is a SKU GUID, a part number (compared without case) or a product id of ours. `monthly` is per seat and
    month; a yearly price was divided by twelve when it was read, `source` says where it stands ("prices.xlsx, row 12").
    """

    product: str
    monthly: Decimal
    valid_from: date
    commitment: Commitment = Commitment.UNKNOWN
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of one SKU in a finding's money; amounts per month, those of `unpriced` seats in none of them.

    `seats` can be given up, or are `missing` and must be bought: then the amount is a `cost`.
    """

    sku_id: str
    seats: int
    now: Decimal = Decimal(0)
    later: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What a finding is worth per month: saved (positive `now`, `later`) or to be spent (`cost`).

    `now` can be reduced at once, `later` only on `anniversary_on` (None: at a date not known). `seats` are all the
    seats meant, `unpriced` those whose price is not known and that no amount holds. A year is twelve months. `shares`
    tell the same by SKU. `once` is an amount to be spent a single time (perpetual rights), in none of the others.
    """

    seats: int
    now: Decimal = Decimal(0)
    later: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    anniversary_on: date | None = None
    shares: tuple[Share, ...] = ()
    once: Decimal = Decimal(0)

    @classmethod
    def of(cls, shares: Iterable[Share], anniversary_on: date | None = None) -> "Money":
        """Add up shares, so that a total is never another sum than that of its parts."""
        parts = tuple(shares)
        return cls(
            seats=sum(share.seats for share in parts),
            now=sum((share.now for share in parts), Decimal(0)),
            later=sum((share.later for share in parts), Decimal(0)),
            cost=sum((share.cost for share in parts), Decimal(0)),
            unpriced=sum(share.unpriced for share in parts),
            anniversary_on=anniversary_on,
            shares=parts,
        )

    @property
    def monthly(self) -> Decimal:
        """Possible saving per month, now and later."""
        return self.now + self.later

    @property
    def yearly(self) -> Decimal:
        """Possible saving per year."""
        return self.monthly * MONTHS

    @property
    def priced(self) -> bool:
        """Whether an amount can be shown: false where no seat has a known price."""
        return self.unpriced < self.seats


class PriceBook:
    """The price list, asked by product and date: the row in force has the latest `valid_from` not after the date."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self._rows: dict[str, list[Price]] = {}
        for price in sorted(prices, key=lambda row: row.valid_from):
            self._rows.setdefault(price.product.casefold(), []).append(price)

    def price(self, on: date, *names: str, commitment: Commitment = Commitment.UNKNOWN) -> Price | None:
        """The price in force for the first of `names` that has one; None when none has.

        With a commitment, rows of that commitment come first, then those that name none: a monthly price says nothing
        about an annual seat. Without one, rows that name none come first; where only committed prices are in force it
        is the lowest of them, so that no saving is overstated.
        """
        for name in names:
            rows = [row for row in self._rows.get(name.casefold(), ()) if row.valid_from <= on]
            in_force = {row.commitment: row for row in rows}  # sorted by date: the latest row of each stays
            found = in_force.get(commitment) or in_force.get(Commitment.UNKNOWN)
            if found is None and commitment is Commitment.UNKNOWN and in_force:
                found = min(in_force.values(), key=lambda row: (row.monthly, row.commitment))
            if found is not None:
                return found
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Why a monthly amount changed: `volume` at the old price, `price` on the new quantity; together the difference."""

    volume: Decimal
    price: Decimal


def effects(old_seats: int, old_price: Decimal, new_seats: int, new_price: Decimal) -> Effects:
    """Split the change between two months into more or fewer seats and dearer or cheaper ones (case 40)."""
    return Effects(volume=(new_seats - old_seats) * old_price, price=(new_price - old_price) * new_seats)
