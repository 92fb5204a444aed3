"""What seats are worth, and that each is counted once."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.messages import Message
from rules.model import Finding, Outcome
from rules.prices import Commitment
from rules.tenants.billing import positions
from rules.tenants.engine import judge_tenant
from rules.tenants.money import SeatPool, reclaim, to_buy
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.strongest import counted_once
from tests.lab.tenants import (
    NOW,
    annual,
    contract,
    guid,
    judge,
    knowledge,
    monthly,
    price,
    sku,
    subscription,
    tenant,
    user,
    users,
)

SPB = guid("SPB")
COUNTS = st.integers(min_value=0, max_value=60)


def case_of(snapshot, **terms):
    return TenantCase(snapshot=snapshot, knowledge=knowledge(), contract=contract(**terms), as_of=NOW)


def mixed(*, enabled=25, consumed=21):
    """Case 38: 20 annual seats and 5 monthly ones."""
    return tenant(
        skus=[sku("SPB", enabled=enabled, consumed=consumed)],
        subscriptions=[annual("SPB", 20, ends_on=date(2027, 3, 1)), monthly("SPB", 5)],
    )


PRICES = [
    price("SPB", "20.00", commitment=Commitment.ANNUAL),
    price("SPB", "24.00", commitment=Commitment.MONTHLY),
]


def told(case, rule, *, person="", money=None, outcome=Outcome.FAIL):
    return replace(finding(rule, case, outcome, "fail", key=person or SPB, person=person), money=money)


def test_case_38_the_monthly_seats_are_given_up_first():
    money = reclaim(case_of(mixed(), prices=PRICES), SPB, seats=4)
    assert (money.now, money.later, money.unpriced) == (Decimal("96.00"), Decimal(0), 0)


def test_case_38_what_the_monthly_seats_do_not_cover_waits_for_the_anniversary():
    money = reclaim(case_of(mixed(), prices=PRICES), SPB, seats=7)
    assert (money.now, money.later) == (Decimal("120.00"), Decimal("40.00"))
    assert money.anniversary_on == date(2027, 3, 1)


def test_case_39_seats_without_a_price_are_counted_and_in_no_amount():
    money = reclaim(case_of(mixed()), SPB, seats=4)
    assert (money.seats, money.unpriced, money.monthly, money.priced) == (4, 4, Decimal(0), False)


def test_case_39_one_price_of_two_is_told_apart():
    snapshot = tenant(skus=[sku("SPB"), sku("SPE_E3")])
    money = reclaim(case_of(snapshot, prices=[price("SPB", "20.00")]), SPB, guid("SPE_E3"))
    assert (money.seats, money.unpriced, money.monthly) == (2, 1, Decimal("20.00"))


def test_an_unknown_term_is_not_called_reducible_now():
    snapshot = tenant(skus=[sku("SPB")], subscriptions=[subscription("SPB", created_at=None)])
    money = reclaim(case_of(snapshot, prices=[price("SPB", "20.00")]), SPB)
    assert (money.now, money.later, money.anniversary_on) == (Decimal(0), Decimal("20.00"), None)


def test_nothing_free_is_worth_anything():
    snapshot = tenant(skus=[sku("FLOW_FREE"), sku("SPB")])
    case = case_of(snapshot, non_billable={"SPB": 10})
    assert reclaim(case, guid("FLOW_FREE"), SPB, guid("NOT_OWNED")) is None


def test_missing_seats_cost_what_the_others_cost():
    case = case_of(tenant(skus=[sku("SPB", enabled=25, consumed=27)]), prices=PRICES)
    assert to_buy(case, SPB, 2).cost == Decimal("40.00")
    assert to_buy(case_of(mixed()), SPB, 2).unpriced == 2


def test_one_seat_with_two_reasons_is_counted_by_the_stronger_one():
    case = case_of(mixed(), prices=PRICES)
    weaker = told(case, "m365.redundant_licenses", person="ann@example.com", money=reclaim(case, SPB))
    stronger = told(case, "m365.disabled_users", person="Ann@example.com", money=reclaim(case, SPB))
    counted = counted_once(case, [weaker, stronger])
    assert counted[0].money is None
    assert counted[1].money.monthly == Decimal("24.00")


def test_the_monthly_seats_are_handed_out_once_over_all_findings():
    case = case_of(mixed(), prices=PRICES)
    findings = [
        told(case, "m365.inactive_users", person=f"u{number}@example.com", money=reclaim(case, SPB))
        for number in range(3)
    ]
    findings.append(told(case, "m365.unassigned_seats", money=reclaim(case, SPB, seats=4)))
    counted = counted_once(case, findings)
    assert [found.money.now for found in counted] == [24, 0, 0, 96]
    assert [found.money.later for found in counted] == [0, 20, 20, 0]


def test_only_a_fail_is_worth_money():
    case = case_of(mixed(), prices=PRICES)
    told_only = told(case, "m365.guest_licenses", money=reclaim(case, SPB), outcome=Outcome.NOT_APPLICABLE)
    assert counted_once(case, [told_only])[0].money is None


def test_what_must_be_bought_is_not_given_up_as_well():
    case = case_of(tenant(skus=[sku("SPB", enabled=25, consumed=27)]), prices=PRICES)
    short = told(case, "m365.under_licensed", money=to_buy(case, SPB, 2))
    assert counted_once(case, [short])[0].money == short.money


@settings(deadline=None)
@given(
    enabled=COUNTS, annual_seats=COUNTS, monthly_seats=COUNTS, wanted=st.lists(st.integers(min_value=0, max_value=9))
)
def test_no_more_seats_are_given_up_than_are_paid_for(enabled, annual_seats, monthly_seats, wanted):
    snapshot = tenant(
        skus=[sku("SPB", enabled=enabled)],
        subscriptions=[
            subscription("SPB", seats=annual_seats),
            monthly("SPB", monthly_seats),
        ],
    )
    position = positions(case_of(snapshot))[SPB]
    pool = SeatPool.of(position)
    taken = [pool.take(seats) for seats in wanted]
    assert sum(now + later for now, later in taken) == min(sum(wanted), enabled)
    assert sum(now for now, _later in taken) == min(sum(wanted), monthly_seats, enabled)


def test_totals_hold_each_seat_once_and_say_how_many_products_have_no_price():
    """Case 39: "hors n produits sans prix"."""
    snapshot = tenant(
        skus=[
            sku("SPB", enabled=10, consumed=6),
            sku("SPE_E3", enabled=5, consumed=5),
            sku("FLOW_FREE", enabled=10_000),
        ],
        users=[user(name, holds=["SPB"]) for name in ("ann", "bob")] + users(5, holds=["SPE_E3"]),
    )
    totals = judge(snapshot, terms=contract(prices=[price("SPB", "20.00")])).tenant.totals
    assert (totals.products, totals.unpriced_products) == (2, 1)
    assert totals.monthly_cost == Decimal("200.00")
    assert totals.saving_now + totals.saving_later == Decimal("80.00")


def test_lines_and_findings_tell_the_same_saving():
    judgement = judge(mixed(), terms=contract(prices=PRICES))
    line = judgement.tenant.licenses[0]
    money = [found.money for found in judgement.findings if found.money is not None]
    assert line.saving_now == sum(one.now for one in money) == Decimal("96.00")
    assert line.monthly_cost == Decimal("520.00")  # 20 at 20.00 and 5 at 24.00


def test_a_tenant_without_licenses_has_no_amounts_and_breaks_nothing():
    """Case 70: nothing bought, nothing used: not applicable, and no division by zero."""
    judgement = judge(tenant())
    assert judgement.tenant.licenses == ()
    assert judgement.tenant.totals.products == 0
    by_rule = {found.rule: found.outcome for found in judgement.findings}
    assert by_rule["m365.under_licensed"] is Outcome.NOT_APPLICABLE
    assert by_rule["m365.unassigned_seats"] is Outcome.NOT_APPLICABLE
    assert by_rule["m365.redundant_licenses"] is Outcome.NOT_APPLICABLE


def test_a_rule_asked_last_sees_what_the_others_found_counted_once():
    seen = []

    def look(case):
        seen.extend(case.found)
        yield finding("m365.renewal_decision", case, Outcome.PASS, "pass")

    def waste(case):
        yield told(case, "m365.disabled_users", person="ann@example.com", money=reclaim(case, SPB))
        yield told(case, "m365.redundant_licenses", person="ann@example.com", money=reclaim(case, SPB))

    rules = [
        TenantRule(id="m365.renewal_decision", needs=(), check=look, last=True),
        TenantRule(id="m365.disabled_users", needs=(), check=waste),
    ]
    judge_tenant(mixed(), knowledge(), contract(prices=PRICES), NOW, rules=rules)
    assert [isinstance(found, Finding) and found.money is not None for found in seen] == [True, False]
    assert isinstance(seen[0].message, Message)


def test_case_39_seats_to_buy_without_a_price_are_in_the_totals_as_a_number():
    """The cost to plan is then "at least": what lacks a price is told beside it."""
    snapshot = tenant(skus=[sku("SPB", enabled=1, consumed=3), sku("SPE_E3", enabled=1, consumed=2)])
    totals = judge(snapshot, terms=contract(prices=[price("SPE_E3", "36.00")])).tenant.totals
    assert (totals.cost, totals.unpriced_missing, totals.unpriced_seats) == (Decimal("36.00"), 2, 0)
