"""What a missing right costs and a needless one is worth, at the client's own prices; nothing where none is known."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from rules.prices import MONTHS, PriceBook
from rules.software.allotment import Share, units_of
from rules.software.estate import Estate

_CENT = Decimal("0.01")


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
    priced = [right for right in share.home if right.entitlement.unit_price is not None]
    if priced:
        newest = max(
            priced,
            key=lambda right: (right.entitlement.start or date.min, right.entitlement.unit_price or 0, right.order),
        )
        bought = newest.entitlement
        quantity = int(bought.quantity or 0)
        pack = units_of(newest, estate) // quantity if quantity else bought.units_per_pack
        return UnitPrice(amount=bought.unit_price or Decimal(0), pack=max(1, pack), yearly=bought.yearly)
    need = share.need
    listed = book.price(estate.today, need.key, need.title, need.product, need.name)
    return None if listed is None else UnitPrice(amount=listed.monthly * MONTHS, yearly=True)
