"""Which products a person holds for good, and whether they do without another one.

Nothing is covered by a trial, a free offer or a subscription that has expired: those end. Where subscriptions could not
be read, a product without a price may be a trial and covers nothing either.
"""

from collections.abc import Iterator, Mapping

from collectors.cloud.facts import TenantFact, User
from rules.model import FreeReason, SkuKind
from rules.tenants.billing import Position, positions, price_of
from rules.tenants.plans import Holding, plan_table
from rules.tenants.rule import TenantCase

_LASTING = (FreeReason.NONE, FreeReason.GRANTED)


def lasting(case: TenantCase) -> Mapping[str, Position]:
    """Products held for good, by GUID: paid or granted, by people, with seats that are not about to end."""
    return case.once("lasting", lambda: {key: one for key, one in positions(case).items() if _lasts(case, one)})


def holdings(user: User, known: Mapping[str, Position]) -> Iterator[Holding]:
    """What a user holds of these products, without the plans switched off."""
    for held in user.licenses:
        position = known.get(held.sku_id)
        if position is not None:
            yield Holding(sku_id=held.sku_id, plans=plans_of(position) - held.disabled_plans)


def plans_of(position: Position) -> frozenset[str]:
    """GUIDs of a product's service plans."""
    return frozenset(plan.id for plan in position.sku.plans)


def replaced(case: TenantCase, position: Position) -> int:
    """How many people hold a product and would miss nothing without it: they hold another that covers it.

    After a change of plan the old licenses often stay assigned until their subscription is gone.
    """
    key = position.sku.sku_id
    others = {sku_id: one for sku_id, one in lasting(case).items() if sku_id != key}
    return sum(_does_without(user, key, position, others) for user in case.snapshot.users)


def _does_without(user: User, key: str, position: Position, others: Mapping[str, Position]) -> bool:
    mine = next((held for held in user.licenses if held.sku_id == key), None)
    if mine is None:
        return False
    wide = frozenset[str]().union(*(holding.plans for holding in holdings(user, others)))
    return plan_table().covers(wide, plans_of(position) - mine.disabled_plans)


def _lasts(case: TenantCase, position: Position) -> bool:
    if position.kind is not SkuKind.USER or position.free_reason not in _LASTING or position.sku.enabled == 0:
        return False
    if 0 < position.on_trial == position.sku.enabled:
        return False
    unread = bool(case.snapshot.gaps_of(TenantFact.SUBSCRIPTIONS))
    return not unread or position.free_reason is FreeReason.GRANTED or price_of(case, position.sku) is not None
