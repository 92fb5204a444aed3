"""What a missing right costs and a needless one is worth, at the client's own prices; nothing where none is known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from rules.prices import MONTHS, PriceBook
from rules.rights import Channel
from rules.software.allotment import Share, units_of
from rules.software.estate import Estate
from rules.software.matching import Right, is_oem
from rules.software.position import Reduction

_CENT = Decimal("0.01")
_SOLD_FOR_GOOD = frozenset({Channel.RETAIL, Channel.VOLUME})  # but for such as have an end


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice:
    """The price of one pack of `pack` units, excluding VAT: once, or a year where `yearly`."""

    amount: Decimal
    pack: int = 1
    yearly: bool = False

    @property
    def of_unit(self) -> Decimal:
        """The price of one unit, to the cent."""
        return (self.amount / self.pack).quantize(_CENT, ROUND_HALF_UP)

    def cost(self, units: int) -> Decimal:
        """What it costs to buy so many units: whole packs."""
        return self.amount * -(-units // self.pack)

    def value(self, units: int) -> Decimal:
        """What so many units cost: whole packs, since no part of one can be given up."""
        return self.amount * (units // self.pack)


def unit_price(share: Share, estate: Estate, book: PriceBook) -> UnitPrice | None:
    """The price of a line's unit: of the right bought last, else of the price list; None where neither tells."""
    near = share.home or share.short_of  # one of another version of the product tells what a right to it may cost
    priced = [right for right in near if right.entitlement.unit_price is not None]
    if priced:
        newest = max(
            priced,
            key=lambda right: (right.entitlement.start or date.min, right.entitlement.unit_price or 0, right.order),
        )
        return _own_price(newest, estate)
    return _listed(share, estate, book)


def _own_price(right: Right, estate: Estate) -> UnitPrice:
    bought = right.entitlement
    return UnitPrice(amount=bought.unit_price or Decimal(0), pack=_pack(right, estate), yearly=bought.yearly)


def _pack(right: Right, estate: Estate) -> int:
    quantity = int(right.entitlement.quantity or 0)
    return max(1, units_of(right, estate) // quantity if quantity else right.entitlement.units_per_pack)


def _listed(share: Share, estate: Estate, book: PriceBook) -> UnitPrice | None:
    need = share.need
    listed = book.price(estate.today, need.key, need.title, need.product, need.name)
    return None if listed is None else UnitPrice(amount=listed.monthly * MONTHS, yearly=True)


def reductions(share: Share, estate: Estate, book: PriceBook, surplus: int) -> tuple[Reduction, ...]:
    """When a surplus can fall: only what ends can be left out, each right on its own day and at its own price.

    What ends first goes first, rights whose end nobody told last; whole packs, since no part of one can be given up.
    Rights that were paid once have no end that saves anything.
    """
    listed = _listed(share, estate, book)
    found: dict[date | None, list[tuple[int, Decimal | None]]] = {}
    for right in sorted(share.home, key=_by_end):
        if not _comes_every_year(right, listed):
            continue
        price = listed if right.entitlement.unit_price is None else _own_price(right, estate)
        pack = _pack(right, estate)
        units = min(surplus, units_of(right, estate)) // pack * pack
        if units:
            surplus -= units
            found.setdefault(right.entitlement.end, []).append((units, None if price is None else price.value(units)))
    return tuple(_together(found))


def is_paid_by_the_year(share: Share, estate: Estate, book: PriceBook) -> bool:
    """Whether some right bought for a line is paid again every year."""
    listed = _listed(share, estate, book)
    return any(_comes_every_year(right, listed) for right in share.home)


def _comes_every_year(right: Right, listed: UnitPrice | None) -> bool:
    """Whether a right is paid again every year: as its row says, else as it was bought, else as it is listed."""
    row = right.entitlement
    if row.unit_price is not None:
        return row.yearly
    for_good = is_oem(right) or (row.channel in _SOLD_FOR_GOOD and row.end is None)
    return row.channel is Channel.SUBSCRIPTION or (listed is not None and not for_good)


def _by_end(right: Right) -> tuple[bool, date, tuple[tuple[int, ...], tuple[str, ...]]]:
    end = right.entitlement.end
    return (end is None, end or date.max, right.order)


def _together(found: dict[date | None, list[tuple[int, Decimal | None]]]) -> Iterator[Reduction]:
    """What ends on one day is one reduction; without a price of all of it, it has none."""
    for on, parts in found.items():
        yield Reduction(units=sum(units for units, _ in parts), on=on, amount=_sum(amount for _, amount in parts))


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    told = list(amounts)
    known = [amount for amount in told if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(told) else None


def saving(parts: Iterable[Reduction]) -> Decimal | None:
    """What leaving out all of a surplus saves a year; what has no price is not in it, None where nothing has one."""
    known = [part.amount for part in parts if part.amount is not None]
    return sum(known, Decimal(0)) if known else None
