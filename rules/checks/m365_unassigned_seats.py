"""m365.unassigned_seats: seats that are paid for and that nobody holds (cases 6, 7, 8, 36, 38).

Free, trial, tenant-wide, device and server SKUs are never unused. Seats given for nothing, kept on purpose, in grace or
on trial are no surplus. Monthly seats can be given up now, annual ones at their anniversary: monthly ones go first, and
where only annual ones are left the finding waits until their day comes near.
Where subscriptions could not be read, a product without a price of its own may be a trial: unknown.

Texts: `fail` (count), `fail_unpriced` (count), `unknown_terms` (count), `pass` (count = products), `not_applicable`,
`remedy`, `remedy_now`, `remedy_later`, `remedy_both`, `remedy_likely`, `spare` (count). Parameters: product, bought,
now, later, anniversary_on.
"""

from collections.abc import Iterable, Iterator

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.tenants.billing import Position, price_of
from rules.tenants.money import SeatPool, reclaim
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.wording import owns_seats, proof_of, uncounted, with_people

ID = "m365.unassigned_seats"


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per SKU with a surplus, an UNKNOWN per SKU that cannot be judged, or one PASS."""
    billed = [position for position in with_people(case) if position.billable]
    found = list(_answers(case, billed))
    return found or [finding(ID, case, Outcome.PASS, "pass", params={"count": len(billed)})]


def _answers(case: TenantCase, billed: Iterable[Position]) -> Iterator[Finding]:
    unread = bool(case.snapshot.gaps_of(TenantFact.SUBSCRIPTIONS))
    for position in billed:
        if position.seats is None:
            yield uncounted(ID, case, position)
        elif position.reducible and unread and price_of(case, position.sku) is None:
            params: Params = {"count": position.reducible, "product": position.name}
            key = position.sku.sku_id
            evidence = proof_of(case, position)
            yield finding(ID, case, Outcome.UNKNOWN, "unknown_terms", key=key, params=params, evidence=evidence)
        elif position.reducible:
            yield _surplus(case, position, unread=unread)


def _surplus(case: TenantCase, position: Position, *, unread: bool) -> Finding:
    seats = position.reducible
    now, later = SeatPool.of(position).take(seats)
    anniversary = position.anniversary_on
    params: Params = {"count": seats, "product": position.name, "bought": position.sku.enabled}
    terms: Params = {
        "now": now,
        "later": later,
        "anniversary_on": None if anniversary is None else anniversary.isoformat(),
    }
    if not later:
        remedy = "remedy_now"
    elif anniversary is None:
        remedy = "remedy"
    elif not position.sure_of_terms:
        remedy = "remedy_likely"
    else:
        remedy = "remedy_both" if now else "remedy_later"
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail_unpriced" if price_of(case, position.sku, position.commitment) is None else "fail",
        key=position.sku.sku_id,
        params=params,
        severity=Severity.LOW,
        confidence=Confidence.TENTATIVE if unread else Confidence.FIRM,
        remedy=Message(text=f"rules.{ID}.{remedy}", params=params | terms),
        priority=Priority(
            level=PriorityLevel.WATCH if _must_wait(case, position, now) else PriorityLevel.PLAN, score=20.0
        ),
        evidence=(*_spare(position), *proof_of(case, position)),
        money=reclaim(case, position.sku.sku_id, seats=seats),
    )


def _must_wait(case: TenantCase, position: Position, now: int) -> bool:
    """Whether nothing can be done before a day that is far off: the same advice month after month is read by nobody."""
    if now or position.anniversary_on is None or not position.sure_of_terms:
        return False
    return (position.anniversary_on - case.today).days > case.contract.renewal_horizon_days


def _spare(position: Position) -> Iterator[Evidence]:
    if position.spare:
        what = Message(text=f"rules.{ID}.spare", params={"count": position.spare})
        yield Evidence(what=what, seen=str(position.spare), source="client.toml, m365.spare_seats")


RULE = TenantRule(
    id=ID, needs=(TenantFact.SKUS, TenantFact.SUBSCRIPTIONS, TenantFact.USERS), check=check, applies=owns_seats
)
