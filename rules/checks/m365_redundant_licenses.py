"""m365.redundant_licenses: a product a person holds is wholly covered by the others this person holds (cases 11-18).

Judged on the plans in effect, by ranked families (`rules.tenants.plans`), among products held for good
(`rules.tenants.covering`). Products of devices and servers never take part.

Texts: `fail`, `remedy`, `remedy_group` (count = products), `pass` (count = people), `not_applicable`, `plans`,
`plans_off` (count). Parameters: products, covered_by.
"""

from collections.abc import Iterable, Iterator

from collectors.cloud.facts import TenantFact, User
from collectors.feeds.records import Severity
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.rule import joined
from rules.tenants.billing import positions
from rules.tenants.covering import holdings, lasting
from rules.tenants.money import reclaim
from rules.tenants.plans import Holding, plan_table, redundant
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.wording import owns_seats

ID = "m365.redundant_licenses"


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per person, or one PASS."""
    found = list(_answers(case))
    licensed = sum(bool(user.licenses) for user in case.snapshot.users)
    return found or [finding(ID, case, Outcome.PASS, "pass", params={"count": licensed})]


def _answers(case: TenantCase) -> Iterator[Finding]:
    known = lasting(case)
    keep = {sku_id for sku_id, position in known.items() if not position.billable or position.left_out}
    for user in sorted(case.snapshot.users, key=lambda one: (one.upn, one.id)):
        held = tuple(holdings(user, known))
        if len(held) < 2:
            continue
        needless = redundant(held, plan_table(), keep=keep)
        if needless:
            yield _needless(case, user, held, needless)


def _needless(case: TenantCase, user: User, held: tuple[Holding, ...], needless: tuple[str, ...]) -> Finding:
    known = positions(case)
    params: Params = {
        "count": len(needless),
        "products": joined(sorted(known[sku_id].name for sku_id in needless)),
        "covered_by": joined(sorted(known[sku_id].name for sku_id in _covering(held, needless))),
    }
    by_group = any(one.group for one in user.assignments if one.sku_id in needless)
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail",
        key=user.id,
        person=user.upn,
        params=params,
        severity=Severity.LOW,
        remedy=Message(text=f"rules.{ID}.{'remedy_group' if by_group else 'remedy'}", params=params),
        priority=Priority(level=PriorityLevel.PLAN, score=15.0),
        evidence=tuple(_evidence(case, user, held)),
        money=reclaim(case, *needless),
    )


def _covering(held: Iterable[Holding], needless: tuple[str, ...]) -> list[str]:
    """The products that stay and cover: one alone where one suffices, else all that stay."""
    table = plan_table()
    stay = [holding for holding in held if holding.sku_id not in needless]
    dropped = [holding for holding in held if holding.sku_id in needless]
    for holding in stay:
        if all(table.covers(holding.plans, one.plans) for one in dropped):
            return [holding.sku_id]
    return [holding.sku_id for holding in stay]


def _evidence(case: TenantCase, user: User, held: Iterable[Holding]) -> Iterator[Evidence]:
    known, table = positions(case), plan_table()
    off = {one.sku_id: len(one.disabled_plans) for one in user.licenses}
    for holding in held:
        ranks = ", ".join(f"{family} {rank}" for family, rank in sorted(table.levels(holding.plans).items()))
        text, count = ("plans_off", off[holding.sku_id]) if off[holding.sku_id] else ("plans", len(holding.plans))
        params: Params = {"count": count, "product": known[holding.sku_id].name, "table_on": table.as_of.isoformat()}
        yield Evidence(
            what=Message(text=f"rules.{ID}.{text}", params=params),
            seen=ranks,
            source="Microsoft Graph, users, subscribedSkus",
            as_of=case.snapshot.taken_at,
        )


RULE = TenantRule(
    id=ID, needs=(TenantFact.SKUS, TenantFact.SUBSCRIPTIONS, TenantFact.USERS), check=check, applies=owns_seats
)
