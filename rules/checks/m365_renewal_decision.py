"""m365.renewal_decision: an annual subscription comes round soon, and it holds seats nobody needs (case 37).

The last window to reduce it: an anniversary within the contract's horizon, with unassigned seats or people whose seat
may go (as the other rules found). Monthly seats are given up first and need no window; a monthly roll-over is never
told. An active subscription whose day has passed is told: something did not renew as it should.

Texts: `fail` (count), `fail_priced` (count), `passed`, `unknown_term` (count), `unknown_activity`, `pass`,
`not_applicable`, `remedy`, `remedy_likely`, `remedy_passed`. Parameters: product, ends_on, seats, unassigned,
people, yearly (whole euros, excluding VAT).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from collectors.cloud.facts import Subscription, TenantFact
from collectors.feeds.records import Severity
from rules.messages import Params
from rules.model import Confidence, Finding, Outcome, Priority, PriorityLevel
from rules.prices import MONTHS, Commitment
from rules.tenants.billing import Position, positions, price_of
from rules.tenants.money import SeatPool
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.terms import ends_on, is_active, term_in
from rules.tenants.wording import proof_of

ID = "m365.renewal_decision"
NEAR_DAYS = 14
_LATE_DAYS = 3  # a subscription that renews by itself shows its new day by then
_ACTIVITY_RULES = ("m365.inactive_users", "m365.never_active_users")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needless:
    """Seats of one SKU nobody needs: unassigned ones, and those of people who may lose theirs."""

    unassigned: int
    people: int

    def beyond_monthly(self, position: Position) -> int:
        """How many of them no monthly seat takes up."""
        _now, later = SeatPool.of(position).take(self.unassigned + self.people)
        return later


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one finding per SKU about which someone must decide, or one PASS."""
    people = _people(case)
    found = [
        answer
        for position in positions(case).values()
        if position.billable and not position.left_out
        for answer in _answers(case, position, people.get(position.sku.sku_id, 0))
    ]
    return found or [finding(ID, case, Outcome.PASS, "pass")]


def _people(case: TenantCase) -> dict[str, int]:
    """People whose seat may go, by SKU: each counted once, as in the money of the findings."""
    counts: dict[str, int] = {}
    for found in case.found:
        if found.outcome is Outcome.FAIL and found.person and found.money is not None:
            for share in found.money.shares:
                counts[share.sku_id] = counts.get(share.sku_id, 0) + (0 if share.missing else share.seats)
    return counts


def _answers(case: TenantCase, position: Position, people: int) -> Iterator[Finding]:
    """At most one finding: the day that has passed before the one that comes, and the first of several."""
    active = [one for one in position.subscriptions if is_active(one) and not one.trial and ends_on(one) is not None]
    passed = [one for one in active if _has_passed(case, one)]
    if passed:
        yield _passed(case, position, min(_days(passed)))
        return
    horizon = case.contract.renewal_horizon_days
    near = [one for one in active if 0 <= (_day(one) - case.today).days <= horizon]
    terms = {one.id: term_in(case, one) for one in near}
    annual = [one for one in near if terms[one.id].commitment is Commitment.ANNUAL]
    unclear = [one for one in near if terms[one.id].commitment is Commitment.UNKNOWN]
    needless = _Needless(unassigned=position.reducible, people=people)
    count = needless.beyond_monthly(position)
    if annual and count:
        sure = any(terms[one.id].sure for one in annual)
        known = all(one.seats is not None for one in annual)
        most = sum(one.seats or 0 for one in annual) if known else count  # what comes round is all that can go
        if count := min(count, most):
            yield _decide(case, position, min(_days(annual)), needless, count, sure=sure)
    elif unclear and count:
        params = _params(position, min(_days(unclear)), needless, count)
        yield _unknown(case, position, "unknown_term", params)
    elif annual and _is_blind(case):
        yield _unknown(case, position, "unknown_activity", _params(position, min(_days(annual)), needless, count))


def _has_passed(case: TenantCase, subscription: Subscription) -> bool:
    """Whether the day has passed: of a monthly subscription only when the visit saw it too late to be a roll-over."""
    day, seen_on = _day(subscription), case.snapshot.taken_at.date()
    if (seen_on - day).days > _LATE_DAYS:
        return True
    return day < case.today and term_in(case, subscription).commitment is Commitment.ANNUAL


def _decide(case: TenantCase, position: Position, day: date, needless: _Needless, count: int, *, sure: bool) -> Finding:
    params = _params(position, day, needless, count)
    price = price_of(case, position.sku, Commitment.ANNUAL)
    if price is not None:
        yearly = (price.monthly * MONTHS * count).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        params["yearly"] = int(yearly)
    level = PriorityLevel.NOW if (day - case.today).days <= NEAR_DAYS else PriorityLevel.PLAN
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail" if price is None else "fail_priced",
        key=position.sku.sku_id,
        params=params,
        severity=Severity.MEDIUM,
        confidence=Confidence.FIRM if sure else Confidence.TENTATIVE,
        remedy="remedy" if sure else "remedy_likely",
        priority=Priority(level=level, score=60.0),
        evidence=proof_of(case, position),
        due_on=day,
    )


def _passed(case: TenantCase, position: Position, day: date) -> Finding:
    params: Params = {"product": position.name, "ends_on": day.isoformat()}
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "passed",
        key=position.sku.sku_id,
        params=params,
        severity=Severity.LOW,
        confidence=Confidence.TENTATIVE,
        remedy="remedy_passed",
        priority=Priority(level=PriorityLevel.WATCH, score=25.0),
        evidence=proof_of(case, position),
        due_on=day,
    )


def _unknown(case: TenantCase, position: Position, text: str, params: Params) -> Finding:
    key = position.sku.sku_id
    return finding(ID, case, Outcome.UNKNOWN, text, key=key, params=params, evidence=proof_of(case, position))


def _params(position: Position, day: date, needless: _Needless, count: int) -> Params:
    return {
        "count": count,
        "product": position.name,
        "ends_on": day.isoformat(),
        "seats": position.sku.enabled,
        "unassigned": needless.unassigned,
        "people": needless.people,
    }


def _is_blind(case: TenantCase) -> bool:
    """Whether it is unknown who still uses a seat."""
    return any(
        found.rule in _ACTIVITY_RULES and found.outcome is Outcome.UNKNOWN and not found.person for found in case.found
    )


def _day(subscription: Subscription) -> date:
    day = ends_on(subscription)
    assert day is not None, "only subscriptions that have a next state are asked"
    return day


def _days(subscriptions: Iterable[Subscription]) -> list[date]:
    return [_day(one) for one in subscriptions]


RULE = TenantRule(
    id=ID,
    needs=(TenantFact.SKUS, TenantFact.SUBSCRIPTIONS),
    check=check,
    applies=lambda case: (
        any(position.billable for position in positions(case).values()) or bool(case.snapshot.gaps_of(TenantFact.SKUS))
    ),
    last=True,
)
