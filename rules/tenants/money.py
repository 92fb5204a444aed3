"""What seats are worth: how many can be given up now, how many at the anniversary, and at which price.

Rules ask with `reclaim` and `to_buy`, each as if it were alone; `rules.tenants.strongest` then counts every seat once
and hands out the monthly seats, of which there are only so many.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from rules.prices import Commitment, Money, Share
from rules.tenants.billing import Position, positions, price_of
from rules.tenants.rule import TenantCase


@dataclass(slots=True, kw_only=True)
class SeatPool:
    """The paid seats of one SKU that can still be given up: `monthly` ones first, they can be reduced now (case 38)."""

    monthly: int
    paid: int

    @classmethod
    def of(cls, position: Position) -> "SeatPool":
        """All paid seats of a SKU; more monthly ones than paid ones cannot be."""
        return cls(monthly=min(position.monthly, position.paid), paid=position.paid)

    def take(self, seats: int) -> tuple[int, int]:
        """Take seats out of the pool: (now, later). Fewer than asked for when no more are paid."""
        seats = min(seats, self.paid)
        now = min(seats, self.monthly)
        self.monthly -= now
        self.paid -= seats
        return now, seats - now


def reclaim(case: TenantCase, *sku_ids: str, seats: int = 1) -> Money | None:
    """What it saves to give up so many seats of each SKU; None when none of them costs money.

    A SKU named twice counts once per mention. SKUs the tenant does not list are left out: nothing is known of them.
    """
    known = positions(case)
    wanted = Counter(sku_id for sku_id in sku_ids if sku_id in known)
    shares = [
        share_of(case, known[sku_id], SeatPool.of(known[sku_id]), seats * times) for sku_id, times in wanted.items()
    ]
    return total(case, shares)


def to_buy(case: TenantCase, sku_id: str, seats: int) -> Money:
    """What it costs to buy so many more seats."""
    position = positions(case)[sku_id]
    price = price_of(case, position.sku, position.commitment) or price_of(case, position.sku)
    if price is None:
        return Money.of([Share(sku_id=sku_id, seats=seats, unpriced=seats, missing=True)])
    return Money.of([Share(sku_id=sku_id, seats=seats, cost=price.monthly * seats, missing=True)])


def share_of(case: TenantCase, position: Position, pool: SeatPool, seats: int) -> Share:
    """The money of so many seats of one SKU, taken out of the pool."""
    now, later = pool.take(seats)
    rest = Commitment.ANNUAL if position.annual else Commitment.UNKNOWN
    unpriced = 0
    amounts = []
    for count, commitment in ((now, Commitment.MONTHLY), (later, rest)):
        price = price_of(case, position.sku, commitment)
        amounts.append(Decimal(0) if price is None else price.monthly * count)
        unpriced += count if price is None else 0
    return Share(sku_id=position.sku.sku_id, seats=now + later, now=amounts[0], later=amounts[1], unpriced=unpriced)


def total(case: TenantCase, shares: Iterable[Share]) -> Money | None:
    """Add up shares; None when no seat is left in them. The anniversary is the first that frees a later seat."""
    parts = tuple(share for share in shares if share.seats)
    if not parts:
        return None
    known = positions(case)
    days = [known[part.sku_id].anniversary_on for part in parts if part.later or part.unpriced]
    return Money.of(parts, min((day for day in days if day is not None), default=None))
