"""Whether a usage report has anything to say about a tenant.

Microsoft answers with an empty report where nobody could be in it: a company that only has Office in the browser has no
activations of Office. What nobody needs is no blind spot; else such a tenant would be "unknown" month after month.
"""

from collections.abc import Callable

from collectors.cloud.facts import TenantFact
from rules.tenants.billing import Position, positions
from rules.tenants.plans import plan_table
from rules.tenants.rule import TenantCase

_INSTALLED = (("office", 2), ("visio", 2), ("project", 2))
"""Families of plans, and the rank from which they bring programs to install."""


def matters(case: TenantCase, kind: TenantFact) -> bool:
    """Whether a verdict about this tenant can rest on `kind`. True for all but reports about what it does not own."""
    asks = _REPORTS.get(kind)
    if asks is None or case.snapshot.gaps_of(TenantFact.SKUS):
        return True
    known: dict[TenantFact, bool] = case.once("relevance", dict)
    if kind not in known:
        known[kind] = any(asks(position) for position in positions(case).values())
    return known[kind]


def installs(position: Position) -> bool:
    """Whether a product brings programs to install and to activate."""
    levels = _levels(position)
    return any(levels.get(family, 0) >= rank for family, rank in _INSTALLED)


def _has_mail(position: Position) -> bool:
    return _levels(position).get("exchange", 0) > 0


def _has_holders(position: Position) -> bool:
    return position.has_people and position.sku.consumed != 0


def _levels(position: Position) -> dict[str, int]:
    return plan_table().levels(plan.id for plan in position.sku.plans)


_REPORTS: dict[TenantFact, Callable[[Position], bool]] = {
    TenantFact.USAGE: _has_holders,
    TenantFact.APPS_USAGE: installs,
    TenantFact.ACTIVATIONS: installs,
    TenantFact.MAILBOXES: _has_mail,
}
