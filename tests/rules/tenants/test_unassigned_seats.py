"""m365.unassigned_seats: paid, and held by nobody."""

from datetime import date
from decimal import Decimal

import pytest

from collectors.cloud.facts import TenantFact
from rules.model import Confidence, Outcome
from rules.prices import Commitment
from tests.lab.tenants import (
    annual,
    ask,
    assignment,
    contract,
    gap,
    guid,
    monthly,
    only,
    price,
    sku,
    spoken,
    subscription,
    tenant,
    trial,
    user,
)

RULE = "m365.unassigned_seats"


@pytest.mark.parametrize(("consumed", "outcome"), [(9, Outcome.FAIL), (10, Outcome.PASS), (11, Outcome.PASS)])
def test_one_seat_without_a_holder_is_enough(consumed, outcome):
    assert only(ask(RULE, tenant(skus=[sku("SPB", enabled=10, consumed=consumed)]))).outcome is outcome


def test_what_it_saves_a_month_and_from_when():
    terms = contract(prices=[price("SPB", "20.60")])
    found = only(ask(RULE, tenant(skus=[sku("SPB", enabled=10, consumed=7)]), terms=terms))
    assert spoken(found) == "SPB: 3 licenses paid for and not assigned (of 10)."
    assert (found.money.now, found.money.later) == (Decimal(0), Decimal("61.80"))
    assert found.money.anniversary_on == date(2027, 3, 1)
    assert found.remedy.text == f"rules.{RULE}.remedy_later"


def test_case_38_the_remedy_reduces_the_monthly_ones_first():
    snapshot = tenant(
        skus=[sku("SPB", enabled=25, consumed=21)],
        subscriptions=[annual("SPB", 20, ends_on=date(2027, 3, 1)), monthly("SPB", 5)],
    )
    assert only(ask(RULE, snapshot)).remedy.text == f"rules.{RULE}.remedy_now"
    more = tenant(
        skus=[sku("SPB", enabled=25, consumed=18)],
        subscriptions=[annual("SPB", 20, ends_on=date(2027, 3, 1)), monthly("SPB", 5)],
    )
    remedy = only(ask(RULE, more)).remedy
    assert (remedy.text, remedy.params["now"], remedy.params["later"]) == (f"rules.{RULE}.remedy_both", 5, 2)


def test_an_unknown_term_names_no_date():
    snapshot = tenant(skus=[sku("SPB", consumed=7)], subscriptions=[subscription("SPB", created_at=None)])
    assert only(ask(RULE, snapshot)).remedy.text == f"rules.{RULE}.remedy"


@pytest.mark.parametrize(
    "offer", [sku("FLOW_FREE", enabled=10_000, consumed=12), sku("RIGHTSMANAGEMENT_ADHOC", enabled=1_000_000)]
)
def test_case_06_and_07_free_offers_are_no_waste(offer):
    assert only(ask(RULE, tenant(skus=[offer, sku("SPB", enabled=2, consumed=2)]))).outcome is Outcome.PASS


def test_case_08_a_grant_is_no_waste_once_the_client_says_so():
    snapshot = tenant(skus=[sku("SPB", enabled=10, consumed=7)])
    assert only(ask(RULE, snapshot, terms=contract(non_billable={"SPB": 10}))).outcome is Outcome.PASS
    without = only(ask(RULE, snapshot))
    assert (without.money.seats, without.money.unpriced) == (3, 3)


def test_case_09_and_10_company_wide_and_server_products_are_never_unused():
    snapshot = tenant(skus=[sku("WIDE", enabled=1, applies_to="Company"), sku("MDATP_Server", enabled=4)])
    assert only(ask(RULE, snapshot)).outcome is Outcome.NOT_APPLICABLE


def test_case_36_the_seats_of_a_trial_are_no_waste():
    snapshot = tenant(skus=[sku("SPE_E5", enabled=25, consumed=6)], subscriptions=[trial("SPE_E5", 25, ends_in=12)])
    assert only(ask(RULE, snapshot)).outcome is Outcome.PASS


def test_case_36_unless_the_trial_is_known_unused_seats_are_unknown_and_no_alarm():
    hidden = gap(TenantFact.SUBSCRIPTIONS, "Organization.Read.All")
    snapshot = tenant(skus=[sku("SPE_E5", enabled=25, consumed=6)], subscriptions=[], gaps=[hidden])
    answers = {found.key: found.outcome for found in ask(RULE, snapshot)}
    assert answers == {guid("SPE_E5"): Outcome.UNKNOWN, "": Outcome.UNKNOWN}
    priced = ask(RULE, snapshot, terms=contract(prices=[price("SPE_E5", "50")]))
    found = next(one for one in priced if one.key)
    assert (found.outcome, found.confidence) == (Outcome.FAIL, Confidence.TENTATIVE)


def test_case_39_a_price_unknown_is_not_free():
    money = only(ask(RULE, tenant(skus=[sku("SPB", consumed=7)]))).money
    assert (money.seats, money.unpriced, money.priced, money.monthly) == (3, 3, False, Decimal(0))


def test_case_40_the_price_of_the_day_of_the_audit_counts():
    rows = [
        price("SPB", "20.00"),
        price("SPB", "22.00", valid_from=date(2026, 7, 1)),
        price("SPB", "30.00", valid_from=date(2027, 1, 1)),
    ]
    found = only(ask(RULE, tenant(skus=[sku("SPB", consumed=9)]), terms=contract(prices=rows)))
    assert found.money.later == Decimal("22.00")


def test_a_monthly_price_alone_leaves_annual_seats_unpriced():
    rows = [price("SPB", "24.00", commitment=Commitment.MONTHLY)]
    found = only(ask(RULE, tenant(skus=[sku("SPB", consumed=9)]), terms=contract(prices=rows)))
    assert found.money.unpriced == 1


def test_case_34_a_seat_somebody_waits_for_is_not_free():
    refused = user("zoe", assignments=[assignment("SPB", group="g", state="Error", error="CountViolation")])
    assert only(ask(RULE, tenant(skus=[sku("SPB", enabled=2, consumed=1)], users=[refused]))).outcome is Outcome.PASS


def test_seats_kept_free_on_purpose_are_told_in_the_proof():
    snapshot = tenant(skus=[sku("SPB", enabled=10, consumed=5)])
    found = only(ask(RULE, snapshot, terms=contract(spare_seats={"SPB": 2})))
    assert found.message.params["count"] == 3
    assert found.evidence[0].what.params == {"count": 2}


@pytest.mark.parametrize("hidden", [TenantFact.SKUS, TenantFact.SUBSCRIPTIONS, TenantFact.USERS])
def test_a_pass_that_rests_on_a_gap_is_unknown(hidden):
    snapshot = tenant(skus=[sku("SPB", enabled=5, consumed=5)], gaps=[gap(hidden)])
    assert only(ask(RULE, snapshot)).outcome is Outcome.UNKNOWN


def test_a_count_left_out_is_unknown():
    assert only(ask(RULE, tenant(skus=[sku("SPB", consumed=None)]))).outcome is Outcome.UNKNOWN


def test_a_term_that_is_likely_only_is_not_asserted():
    snapshot = tenant(skus=[sku("SPB", consumed=7)], subscriptions=[annual("SPB", 10, ends_on=date(2026, 12, 12))])
    assert only(ask(RULE, snapshot)).remedy.text == f"rules.{RULE}.remedy_likely"
