"""m365.suspended_seats: people hold a product of which no seat works any more (cases 4, 5).

Suspended seats can come back until the subscription is deleted, and its data with it; locked ones were cancelled by the
client. Where nobody is left without service they are told without being counted: no seat, no cost, no surplus. Who
already works with another product that covers it is not without service, nor is anybody whose trial is simply over.

Texts: `fail` (count), `suspended` (count), `locked` (count), `replaced` and `trial_over` (count = people), `pass`,
`not_applicable`, `remedy`. Parameters: product.
"""

from collections.abc import Iterable

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.messages import Params
from rules.model import Finding, FreeReason, Outcome, Priority, PriorityLevel, SkuKind
from rules.tenants.billing import WITHOUT_PEOPLE, Position, positions
from rules.tenants.covering import replaced
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.wording import proof_of, uncounted

ID = "m365.suspended_seats"


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per SKU that leaves people without service or one PASS, and what is suspended beside it."""
    stopped = [
        position
        for position in positions(case).values()
        if position.sku.suspended + position.sku.locked_out and position.free_reason not in WITHOUT_PEOPLE
    ]
    found = [_answer(case, position) for position in stopped]
    if any(one.outcome in (Outcome.FAIL, Outcome.UNKNOWN) for one in found):
        return found
    return [finding(ID, case, Outcome.PASS, "pass"), *found]


def _answer(case: TenantCase, position: Position) -> Finding:
    if position.kind is SkuKind.USER and position.seats is None:
        return uncounted(ID, case, position)
    held = position.seats.without_service if position.kind is SkuKind.USER and position.seats is not None else 0
    people = max(0, held - replaced(case, position))
    if not held:
        return _told(case, position, *_stopped(position))
    if position.free_reason is FreeReason.TRIAL:
        return _told(case, position, "trial_over", held)
    if not people:
        return _told(case, position, "replaced", held)
    params: Params = {"count": people, "product": position.name}
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail",
        key=position.sku.sku_id,
        params=params,
        severity=Severity.HIGH,
        remedy="remedy",
        priority=Priority(level=PriorityLevel.NOW, score=320.0),
        evidence=proof_of(case, position),
    )


def _stopped(position: Position) -> tuple[str, int]:
    sku = position.sku
    return ("suspended", sku.suspended) if sku.suspended else ("locked", sku.locked_out)


def _told(case: TenantCase, position: Position, text: str, count: int) -> Finding:
    params: Params = {"count": count, "product": position.name}
    return finding(
        ID,
        case,
        Outcome.NOT_APPLICABLE,
        text,
        key=position.sku.sku_id,
        params=params,
        evidence=proof_of(case, position),
    )


RULE = TenantRule(
    id=ID,
    needs=(TenantFact.SKUS,),
    check=check,
    applies=lambda case: bool(positions(case)) or bool(case.snapshot.gaps_of(TenantFact.SKUS)),
)
