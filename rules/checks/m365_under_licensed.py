"""m365.under_licensed: more people hold or wait for a product than seats work for it (cases 1, 3, 34).

Seats in grace still work, so they count; seats people wait for (their group assigns the product, none was left) count
as need. A SKU without any working seat is `m365.suspended_seats`. Microsoft allows 90 days to settle after a quantity
was reduced: told where the last audit saw more seats. Nothing needs to be bought that other rules would take back: the
remedy says how many that are. The cost is that of buying all that is missing, should nothing be taken back.

Texts: `fail` (count), `fail_waiting` (count), `pass` (count = products), `not_applicable`, `remedy`,
`remedy_tolerance`, `remedy_reclaim` (count), `remedy_reclaim_tolerance` (count), `remedy_waiting`,
`remedy_waiting_reclaim` (count), `tolerance`, `suspended` (count), `reclaimable` (count). Parameters: product, need,
usable, waiting, seen_on.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.tenants.billing import Position
from rules.tenants.money import to_buy
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.seats import Seats
from rules.tenants.wording import SKUS_SOURCE, owns_seats, proof_of, uncounted, with_people

ID = "m365.under_licensed"


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per SKU with a deficit, an UNKNOWN per SKU without counts, or one PASS."""
    found = list(_answers(case))
    return found or [finding(ID, case, Outcome.PASS, "pass", params={"count": len(list(with_people(case)))})]


def _answers(case: TenantCase) -> Iterator[Finding]:
    for position in with_people(case):
        if position.seats is None:
            yield uncounted(ID, case, position)
        elif position.seats.deficit:
            yield _short(case, position, position.seats)


def _short(case: TenantCase, position: Position, seats: Seats) -> Finding:
    sku_id = position.sku.sku_id
    params: Params = {
        "count": seats.deficit,
        "product": position.name,
        "need": seats.need,
        "usable": seats.usable,
        "waiting": seats.waiting,
    }
    waits = seats.waiting > 0
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail_waiting" if waits else "fail",
        key=sku_id,
        params=params,
        severity=Severity.HIGH if waits else Severity.MEDIUM,
        remedy=_remedy(case, position, waits=waits),
        priority=Priority(level=PriorityLevel.NOW if waits else PriorityLevel.PLAN, score=70.0),
        evidence=(*_beside(case, position, seats), *proof_of(case, position)),
        money=to_buy(case, sku_id, seats.deficit) if position.billable else None,
    )


def _remedy(case: TenantCase, position: Position, *, waits: bool) -> Message:
    """Take back what other rules found first; who waits for a seat is helped by no tolerance."""
    back = case.reclaimable.get(position.sku.sku_id, 0)
    before = None if waits else _more_before(case, position)
    params: Params = {"count": back, "seen_on": None if before is None else before[1].date().isoformat()}
    parts = ("remedy", "waiting" if waits else "", "reclaim" if back else "", "tolerance" if before else "")
    return Message(text=f"rules.{ID}.{'_'.join(part for part in parts if part)}", params=params)


def _more_before(case: TenantCase, position: Position) -> tuple[int, datetime] | None:
    """How many seats the last audit saw, and when, where that was more."""
    if case.previous is None or position.sku.enabled is None:
        return None
    before = next((sku.enabled for sku in case.previous.skus if sku.sku_id == position.sku.sku_id), None)
    return (before, case.previous.taken_at) if before is not None and before > position.sku.enabled else None


def _beside(case: TenantCase, position: Position, seats: Seats) -> Iterator[Evidence]:
    """What explains a deficit: fewer seats than at the last audit, seats that are suspended."""
    if (before := _more_before(case, position)) is not None:
        count, seen_at = before
        what = Message(text=f"rules.{ID}.tolerance", params={"seen_on": seen_at.date().isoformat()})
        yield Evidence(what=what, seen=f"enabled {count} -> {seats.enabled}", source=SKUS_SOURCE, as_of=seen_at)
    if people := case.reclaimable.get(position.sku.sku_id, 0):
        what = Message(text=f"rules.{ID}.reclaimable", params={"count": people})
        yield Evidence(what=what, seen=str(people), as_of=case.as_of)
    if stopped := seats.suspended + seats.locked_out:
        what = Message(text=f"rules.{ID}.suspended", params={"count": stopped})
        yield Evidence(what=what, seen=str(stopped), source=SKUS_SOURCE, as_of=case.snapshot.taken_at)


RULE = TenantRule(id=ID, needs=(TenantFact.SKUS, TenantFact.USERS), check=check, applies=owns_seats, last=True)
