"""m365.trial_ending: a trial ends soon, or should have (case 36).

A trial bills by itself at its end unless it is cancelled, or takes the product from those who use it. Offers that
people take up themselves and that never bill (`rules/tenants/skus.toml`) are none. A trial in grace or suspended is
told by `m365.grace_ending` and `m365.suspended_seats`.

Texts: `fail` (count = people), `uncounted`, `idle`, `passed`, `pass`, `not_applicable`, `remedy`, `remedy_idle`,
`remedy_passed`. Parameters: product, ends_on, seats.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.messages import Params
from rules.model import Confidence, Finding, Outcome, Priority, PriorityLevel
from rules.tenants.billing import WITHOUT_PEOPLE, Position, positions
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.terms import ends_on, is_active
from rules.tenants.wording import proof_of

ID = "m365.trial_ending"
NEAR_DAYS = 14


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per SKU whose trial ends within the contract's horizon, or one PASS."""
    return list(_answers(case)) or [finding(ID, case, Outcome.PASS, "pass")]


def _answers(case: TenantCase) -> Iterator[Finding]:
    for position in positions(case).values():
        if position.free_reason in WITHOUT_PEOPLE:
            continue
        trials = [one for one in position.subscriptions if one.trial and is_active(one)]
        days = [day for day in map(ends_on, trials) if day is not None]
        near = [day for day in days if (day - case.today).days <= case.contract.renewal_horizon_days]
        if near:
            yield _ending(case, position, min(near))


def _ending(case: TenantCase, position: Position, day: date) -> Finding:
    people = _people_on_trial(position)
    passed = day < case.today
    uncounted = position.seats is None
    text = "passed" if passed else "fail" if people else "uncounted" if uncounted else "idle"
    params: Params = {
        "count": people,
        "product": position.name,
        "ends_on": day.isoformat(),
        "seats": position.on_trial,
    }
    concerned = bool(people) or uncounted
    near = not passed and (day - case.today).days <= NEAR_DAYS
    level = PriorityLevel.NOW if people and near else PriorityLevel.PLAN if concerned else PriorityLevel.WATCH
    return finding(
        ID,
        case,
        Outcome.FAIL,
        text,
        key=position.sku.sku_id,
        params=params,
        severity=Severity.MEDIUM if people else Severity.LOW,
        confidence=Confidence.TENTATIVE if passed else Confidence.FIRM,
        remedy={"idle": "remedy_idle", "passed": "remedy_passed"}.get(text, "remedy"),
        priority=Priority(level=level, score=65.0),
        evidence=proof_of(case, position),
        due_on=day,
    )


def _people_on_trial(position: Position) -> int:
    """People for whom no paid seat is left: they work on the trial."""
    if position.seats is None:
        return 0
    return max(0, position.seats.need - (position.seats.enabled - position.on_trial))


RULE = TenantRule(
    id=ID,
    needs=(TenantFact.SKUS, TenantFact.SUBSCRIPTIONS),
    check=check,
    applies=lambda case: bool(positions(case)) or bool(case.snapshot.gaps_of(TenantFact.SKUS)),
)
