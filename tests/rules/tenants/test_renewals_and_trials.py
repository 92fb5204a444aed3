"""m365.renewal_decision and m365.trial_ending: only where somebody must decide."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from collectors.cloud.facts import SignInKnowledge, TenantFact
from rules.model import Confidence, Outcome, PriorityLevel
from tests.lab.tenants import (
    NOW,
    TODAY,
    annual,
    ask,
    contract,
    gap,
    guid,
    judge,
    monthly,
    only,
    price,
    sku,
    spoken,
    subscription,
    tenant,
    trial,
    user,
    users,
)

RENEWAL, TRIAL = "m365.renewal_decision", "m365.trial_ending"


def bought(*subscriptions, enabled=20, consumed=17, **changes):
    return tenant(skus=[sku("SPB", enabled=enabled, consumed=consumed)], subscriptions=subscriptions, **changes)


def in_days(count):
    return TODAY + timedelta(days=count)


def test_case_37_the_last_window_to_reduce_is_told_with_what_a_year_costs():
    terms = contract(prices=[price("SPB", "20.60")])
    found = only(ask(RENEWAL, bought(annual("SPB", 20, ends_on=in_days(25))), terms=terms))
    assert (found.outcome, found.due_on, found.priority.level) == (Outcome.FAIL, in_days(25), PriorityLevel.PLAN)
    assert "3 needless licenses of 20, that is €742 a year" in spoken(found)
    assert found.money is None  # the seats themselves are told, and counted, by m365.unassigned_seats


def test_case_37_a_monthly_roll_over_is_never_told():
    assert only(ask(RENEWAL, bought(monthly("SPB", 20)))).outcome is Outcome.PASS


def test_case_37_an_anniversary_without_a_needless_seat_needs_no_decision():
    assert only(ask(RENEWAL, bought(annual("SPB", 20, ends_on=in_days(25)), consumed=20))).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("days", "outcome"), [(0, Outcome.FAIL), (45, Outcome.FAIL), (46, Outcome.PASS), (300, Outcome.PASS)]
)
def test_the_horizon_is_the_contracts(days, outcome):
    assert only(ask(RENEWAL, bought(annual("SPB", 20, ends_on=in_days(days))))).outcome is outcome


@pytest.mark.parametrize(("days", "level"), [(14, PriorityLevel.NOW), (15, PriorityLevel.PLAN)])
def test_two_weeks_before_it_is_for_now(days, level):
    assert only(ask(RENEWAL, bought(annual("SPB", 20, ends_on=in_days(days))))).priority.level is level


def test_case_38_needless_seats_that_monthly_ones_take_up_need_no_window():
    both = (annual("SPB", 15, ends_on=in_days(40)), monthly("SPB", 5))
    assert only(ask(RENEWAL, bought(*both))).outcome is Outcome.PASS
    found = only(ask(RENEWAL, bought(*both, consumed=13)))
    assert found.message.params["count"] == 2


def test_people_whose_seat_may_go_count_with_the_unassigned_ones():
    left = user("left", holds=["SPB"], enabled=False, mailbox="user")
    snapshot = bought(
        annual("SPB", 20, ends_on=in_days(40)), enabled=3, consumed=3, users=[left, *users(2, holds=["SPB"])]
    )
    found = only(ask(RENEWAL, snapshot))
    assert (found.message.params["unassigned"], found.message.params["people"]) == (0, 1)


def test_within_a_month_of_its_day_a_monthly_one_cannot_be_ruled_out():
    near, far = (only(ask(RENEWAL, bought(annual("SPB", 20, ends_on=in_days(days))))) for days in (20, 40))
    assert (near.confidence, far.confidence) == (Confidence.TENTATIVE, Confidence.FIRM)


def test_dates_that_tell_no_term_are_unknown():
    ends_at = datetime.combine(in_days(20), datetime.min.time(), tzinfo=UTC)
    unclear = subscription("SPB", seats=20, created_at=None, next_lifecycle_at=ends_at)
    found = only(ask(RENEWAL, bought(unclear)))
    assert (found.outcome, found.key) == (Outcome.UNKNOWN, guid("SPB"))


def test_where_activity_is_unknown_a_near_anniversary_is_not_called_fine():
    people = users(20, holds=["SPB"], sign_in=None, sign_in_known=SignInKnowledge.NOT_ASKED)
    snapshot = bought(
        annual("SPB", 20, ends_on=in_days(25)), consumed=20, users=people, reports=(), gaps=[gap(TenantFact.USAGE)]
    )
    found = only(ask(RENEWAL, snapshot))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, f"rules.{RENEWAL}.unknown_activity")


@pytest.mark.parametrize(("late", "outcome"), [(1, Outcome.FAIL), (20, Outcome.FAIL)])
def test_an_annual_day_that_has_passed_is_not_silent(late, outcome):
    found = only(ask(RENEWAL, bought(annual("SPB", 20, ends_on=in_days(-late)), consumed=20)))
    assert (found.outcome, found.message.text) == (outcome, f"rules.{RENEWAL}.passed")


@pytest.mark.parametrize(("late", "outcome"), [(3, Outcome.PASS), (4, Outcome.FAIL)])
def test_a_monthly_roll_over_may_show_a_few_days_late(late, outcome):
    end = datetime.combine(in_days(-late), datetime.min.time(), tzinfo=UTC)
    snapshot = bought(monthly("SPB", 20, created_at=datetime(2026, 5, end.day, tzinfo=UTC), next_lifecycle_at=end))
    assert only(ask(RENEWAL, snapshot)).outcome is outcome


def test_an_expired_subscription_is_left_to_the_rule_about_grace():
    lapsed = annual("SPB", 20, ends_on=in_days(10), status="Warning")
    snapshot = tenant(skus=[sku("SPB", enabled=0, warning=20, consumed=17)], subscriptions=[lapsed])
    assert only(ask(RENEWAL, snapshot)).outcome is Outcome.PASS
    assert only(ask("m365.grace_ending", snapshot)).outcome is Outcome.FAIL


@pytest.mark.parametrize("hidden", [TenantFact.SKUS, TenantFact.SUBSCRIPTIONS])
def test_renewals_are_unknown_where_subscriptions_are_not_read(hidden):
    snapshot = bought(annual("SPB", 20, ends_on=in_days(200)), gaps=[gap(hidden)])
    assert only(ask(RENEWAL, snapshot)).outcome is Outcome.UNKNOWN


def test_free_products_have_no_renewal_to_decide():
    assert only(ask(RENEWAL, tenant(skus=[sku("FLOW_FREE", enabled=10_000)]))).outcome is Outcome.NOT_APPLICABLE


def test_case_36_six_people_work_on_a_trial_that_ends_in_twelve_days():
    snapshot = tenant(skus=[sku("SPE_E5", enabled=25, consumed=6)], subscriptions=[trial("SPE_E5", 25, ends_in=12)])
    found = only(ask(TRIAL, snapshot))
    assert spoken(found) == "SPE_E5: 6 people work on a trial that ends or will be billed on 4 Dec 2026."
    assert (found.priority.level, found.due_on, found.money) == (PriorityLevel.NOW, date(2026, 12, 4), None)
    assert judge(snapshot, terms=contract(prices=[price("SPE_E5", "50")])).tenant.totals.monthly_cost == Decimal(0)


@pytest.mark.parametrize(("days", "outcome"), [(0, Outcome.FAIL), (45, Outcome.FAIL), (46, Outcome.PASS)])
def test_a_trial_is_told_within_the_horizon(days, outcome):
    snapshot = tenant(skus=[sku("SPE_E5", consumed=6)], subscriptions=[trial("SPE_E5", 25, ends_in=days)])
    assert only(ask(TRIAL, snapshot)).outcome is outcome


def test_a_trial_nobody_uses_may_bill_all_the_same():
    snapshot = tenant(skus=[sku("SPE_E5", consumed=0)], subscriptions=[trial("SPE_E5", 10, ends_in=12)])
    found = only(ask(TRIAL, snapshot))
    assert (found.message.text, found.priority.level) == (f"rules.{TRIAL}.idle", PriorityLevel.WATCH)


def test_a_trial_that_should_have_ended_is_not_silent():
    snapshot = tenant(skus=[sku("SPE_E5", consumed=3)], subscriptions=[trial("SPE_E5", 10, ends_in=-1)])
    assert only(ask(TRIAL, snapshot)).message.text == f"rules.{TRIAL}.passed"


def test_only_people_beyond_the_paid_seats_work_on_the_trial():
    both = [annual("SPB", 10, ends_on=date(2027, 6, 1)), trial("SPB", 25, ends_in=12)]
    some = tenant(skus=[sku("SPB", enabled=35, consumed=13)], subscriptions=both)
    assert only(ask(TRIAL, some)).message.params["count"] == 3
    none = tenant(skus=[sku("SPB", enabled=35, consumed=9)], subscriptions=both)
    assert only(ask(TRIAL, none)).message.text == f"rules.{TRIAL}.idle"


def test_an_offer_that_never_bills_is_no_trial_to_decide():
    snapshot = tenant(skus=[sku("FLOW_FREE", consumed=6)], subscriptions=[trial("FLOW_FREE", 10_000, ends_in=3)])
    assert only(ask(TRIAL, snapshot)).outcome is Outcome.PASS


def test_trials_are_unknown_where_subscriptions_are_not_read():
    snapshot = tenant(skus=[sku("SPE_E5")], subscriptions=[], gaps=[gap(TenantFact.SUBSCRIPTIONS)])
    assert only(ask(TRIAL, snapshot)).outcome is Outcome.UNKNOWN


def test_the_date_of_the_audit_decides_and_not_that_of_the_visit():
    snapshot = bought(annual("SPB", 20, ends_on=in_days(50)))
    assert only(ask(RENEWAL, snapshot)).outcome is Outcome.PASS
    assert only(ask(RENEWAL, snapshot, as_of=NOW + timedelta(days=5))).outcome is Outcome.FAIL


def test_case_10_device_licenses_nobody_holds_are_not_needless_at_their_anniversary():
    snapshot = tenant(
        skus=[sku("MCOCAP", enabled=4, consumed=0)], subscriptions=[annual("MCOCAP", 4, ends_on=in_days(25))]
    )
    assert only(ask(RENEWAL, snapshot)).outcome is Outcome.PASS


def test_a_trial_without_counts_is_not_called_unused():
    snapshot = tenant(skus=[sku("SPE_E5", consumed=None)], subscriptions=[trial("SPE_E5", 25, ends_in=12)])
    assert only(ask(TRIAL, snapshot)).message.text == f"rules.{TRIAL}.uncounted"
