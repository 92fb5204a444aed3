"""m365.grace_ending: a subscription has expired and its seats work for the days of grace only (cases 2, 3).

FAIL where people lose their seat when the grace ends, with the day if Graph tells it; also, less urgent, where nobody
does: someone must decide whether to renew or to let it go. A product with seats enough beside is not called short; who
already works with another product that covers this one loses nothing.

Texts: `fail` (count), `fail_undated` (count), `idle` (count), `other_kind` (count), `pass`, `not_applicable`, `remedy`,
`remedy_idle`. Parameters: product, ends_on.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.messages import Params
from rules.model import Finding, Outcome, Priority, PriorityLevel, SkuKind
from rules.tenants.billing import WITHOUT_PEOPLE, Position, positions
from rules.tenants.covering import replaced
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.terms import ends_on
from rules.tenants.wording import proof_of, uncounted

ID = "m365.grace_ending"
_IN_GRACE = "warning"


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per SKU with seats in grace, or one PASS."""
    return list(_answers(case)) or [finding(ID, case, Outcome.PASS, "pass")]


def _answers(case: TenantCase) -> Iterator[Finding]:
    for position in positions(case).values():
        if not position.sku.warning or position.free_reason in WITHOUT_PEOPLE:
            continue
        if position.kind is not SkuKind.USER:
            yield _expired(case, position, 0, idle="other_kind")
        elif position.seats is None:
            yield uncounted(ID, case, position)
        else:
            yield _expired(case, position, max(0, position.seats.at_risk - replaced(case, position)))


def _expired(case: TenantCase, position: Position, at_risk: int, *, idle: str = "idle") -> Finding:
    end = _last_day(position)
    params: Params = {
        "count": at_risk or position.sku.warning,
        "product": position.name,
        "ends_on": None if end is None else end.isoformat(),
    }
    text = idle if not at_risk else "fail" if end is not None else "fail_undated"
    days_left = 0 if end is None else (end - case.today).days
    return finding(
        ID,
        case,
        Outcome.FAIL,
        text,
        key=position.sku.sku_id,
        params=params,
        severity=Severity.HIGH if at_risk else Severity.LOW,
        remedy="remedy" if at_risk else "remedy_idle",
        priority=Priority(level=PriorityLevel.NOW, score=300.0 - max(0, days_left))
        if at_risk
        else Priority(level=PriorityLevel.WATCH, score=30.0),
        evidence=proof_of(case, position),
        due_on=end,
    )


def _last_day(position: Position) -> date | None:
    """The first day on which seats in grace stop working; None where Graph does not tell it."""
    days = (ends_on(one) for one in position.subscriptions if one.status.casefold() == _IN_GRACE)
    return min((day for day in days if day is not None), default=None)


RULE = TenantRule(
    id=ID,
    needs=(TenantFact.SKUS,),
    check=check,
    applies=lambda case: bool(positions(case)) or bool(case.snapshot.gaps_of(TenantFact.SKUS)),
)
