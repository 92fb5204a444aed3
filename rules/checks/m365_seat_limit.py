"""m365.seat_limit: more seats of the Business family than Microsoft sells to one customer (case 19).

300 by default, over the whole family: its variants without Teams count, "Apps for business" only if the client's file
says so. Microsoft's pages have contradicted each other on "together or per product": the file decides, and the result
is to be checked, never a verdict.

Seats given for nothing count for the limit as well, and are told: no sheet has them among those paid.

Texts: `fail` (count), `fail_granted` (count), `pass` (count), `unread`, `not_applicable`, `remedy`. Parameters: limit,
products, granted.
"""

from collections.abc import Iterable

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.messages import Params
from rules.model import Confidence, Finding, Outcome, Priority, PriorityLevel, SkuKind
from rules.rule import joined
from rules.tenants.billing import Position, positions
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.skus import sku_table
from rules.tenants.wording import seats_evidence

ID = "m365.seat_limit"


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL for the family, or one per SKU where the limit holds for each; else one PASS or UNKNOWN."""
    family = _family(case)
    limit = case.contract.m365.seat_limit
    groups = [(one.sku.sku_id, [one]) for one in family] if case.contract.m365.seat_limit_per_sku else [("", family)]
    above = [_above(case, key, members) for key, members in groups if _usable(members) > limit]
    if above:
        return above
    params: Params = {"count": _usable(family), "limit": limit}
    if any(position.sku.enabled is None for position in family):
        return [finding(ID, case, Outcome.UNKNOWN, "unread", params=params)]
    return [finding(ID, case, Outcome.PASS, "pass", params=params)]


def _family(case: TenantCase) -> list[Position]:
    return case.once(
        ID,
        lambda: [
            position
            for position in positions(case).values()
            if position.kind is SkuKind.USER
            and sku_table().is_business(position.sku, with_apps=case.contract.m365.apps_for_business_counts)
        ],
    )


def _usable(members: Iterable[Position]) -> int:
    return sum((position.sku.enabled or 0) + position.sku.warning for position in members)


def _above(case: TenantCase, key: str, members: list[Position]) -> Finding:
    granted = sum(position.granted for position in members)
    params: Params = {
        "count": _usable(members),
        "granted": granted,
        "limit": case.contract.m365.seat_limit,
        "products": joined(position.name for position in members),
    }
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail_granted" if granted else "fail",
        key=key,
        params=params,
        severity=Severity.LOW,
        confidence=Confidence.TENTATIVE,
        remedy="remedy",
        priority=Priority(level=PriorityLevel.PLAN, score=10.0),
        evidence=tuple(seats_evidence(case, position) for position in members),
    )


RULE = TenantRule(
    id=ID,
    needs=(TenantFact.SKUS,),
    check=check,
    applies=lambda case: bool(_family(case)) or bool(case.snapshot.gaps_of(TenantFact.SKUS)),
)
