"""m365.under_licensed: seats that are missing, people who wait for one."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from collectors.cloud.facts import TenantFact
from rules.model import Outcome, PriorityLevel, SeatVerdict
from tests.lab.tenants import (
    NOW,
    ask,
    assignment,
    contract,
    gap,
    guid,
    judge,
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

RULE = "m365.under_licensed"


def waiting(name, *, group="g1", **changes):
    """Somebody whose group assigns Business Premium and for whom no seat was left."""
    refused = assignment("SPB", group=group, state="Error", error="CountViolation")
    return user(name, assignments=(refused,), **changes)


@pytest.mark.parametrize(("consumed", "outcome"), [(24, Outcome.PASS), (25, Outcome.PASS), (26, Outcome.FAIL)])
def test_the_last_seat_may_be_taken_and_no_more(consumed, outcome):
    assert only(ask(RULE, tenant(skus=[sku("SPB", enabled=25, consumed=consumed)]))).outcome is outcome


def test_case_01_two_more_than_bought_are_missing():
    terms = contract(prices=[price("SPB", "20.60")])
    found = only(ask(RULE, tenant(skus=[sku("SPB", enabled=25, consumed=27)]), terms=terms))
    assert spoken(found) == "SPB: 2 licenses are missing (27 needed, 25 usable)."
    assert (found.key, found.money.cost, found.money.monthly) == (guid("SPB"), Decimal("41.20"), Decimal(0))
    assert found.priority.level is PriorityLevel.PLAN


def test_case_01_a_quantity_that_fell_since_the_last_audit_explains_it():
    now = tenant(skus=[sku("SPB", enabled=25, consumed=27)])
    before = replace(now, skus=(sku("SPB", enabled=30, consumed=27),), taken_at=NOW - timedelta(days=31))
    found = only(ask(RULE, now, previous=before))
    assert found.evidence[0].what.text == f"rules.{RULE}.tolerance"
    assert found.evidence[0].seen == "enabled 30 -> 25"
    assert f"rules.{RULE}.tolerance" not in {line.what.text for line in only(ask(RULE, now, previous=now)).evidence}


def test_case_02_and_03_grace_seats_are_usable_and_raise_no_alarm_here():
    grace = tenant(skus=[sku("SPB", enabled=0, warning=25, consumed=20, status="Warning")])
    partly = tenant(skus=[sku("SPB", enabled=10, warning=5, consumed=12)])
    assert only(ask(RULE, grace)).outcome is Outcome.PASS
    assert only(ask(RULE, partly)).outcome is Outcome.PASS


def test_case_04_nothing_usable_is_another_rules_verdict():
    snapshot = tenant(skus=[sku("SPB", enabled=0, suspended=25, consumed=14, status="Suspended")])
    assert only(ask(RULE, snapshot)).outcome is Outcome.PASS
    assert judge(snapshot).tenant.licenses[0].verdict is SeatVerdict.CHECK


def test_suspended_seats_are_mentioned_beside_a_deficit():
    found = only(ask(RULE, tenant(skus=[sku("SPB", enabled=5, suspended=20, consumed=8)])))
    assert found.message.params["count"] == 3
    assert found.evidence[0].what.params == {"count": 20}


def test_case_34_people_waiting_are_a_deficit_although_every_seat_is_taken():
    snapshot = tenant(skus=[sku("SPB", enabled=2, consumed=2)], users=[*users(2, holds=["SPB"]), waiting("zoe")])
    found = only(ask(RULE, snapshot))
    assert (found.message.params["count"], found.message.params["waiting"]) == (1, 1)
    assert found.priority.level is PriorityLevel.NOW


def test_case_34_who_holds_the_product_in_another_way_does_not_wait():
    holder = waiting("zoe", licenses=user("x", holds=["SPB"]).licenses)
    snapshot = tenant(skus=[sku("SPB", enabled=3, consumed=3)], users=[*users(2, holds=["SPB"]), holder])
    assert only(ask(RULE, snapshot)).outcome is Outcome.PASS


def test_somebody_two_groups_refuse_waits_for_one_seat():
    twice = user(
        "zoe",
        assignments=[assignment("SPB", group=group, state="Error", error="CountViolation") for group in ("a", "b")],
    )
    snapshot = tenant(skus=[sku("SPB", enabled=2, consumed=2)], users=[*users(2, holds=["SPB"]), twice])
    assert only(ask(RULE, snapshot)).message.params["count"] == 1


@pytest.mark.parametrize("counts", [{"enabled": None, "consumed": 9}, {"enabled": 9, "consumed": None}])
def test_a_count_left_out_is_unknown_and_never_enough(counts):
    found = only(ask(RULE, tenant(skus=[sku("SPB", **counts)])))
    assert (found.outcome, found.key) == (Outcome.UNKNOWN, guid("SPB"))


@pytest.mark.parametrize("hidden", [TenantFact.SKUS, TenantFact.USERS])
def test_a_pass_is_blind_without_licenses_or_without_who_waits(hidden):
    snapshot = tenant(skus=[sku("SPB", enabled=5, consumed=5)], gaps=[gap(hidden, "Some.Read.All")])
    assert only(ask(RULE, snapshot)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "odd",
    [
        sku("FLOW_FREE", enabled=0, consumed=12),
        sku("TENANT_WIDE", enabled=1, consumed=900, applies_to="Company"),
        sku("MCOCAP", enabled=1, consumed=3),
    ],
)
def test_case_06_and_09_free_company_wide_and_device_products_have_no_deficit(odd):
    assert only(ask(RULE, tenant(skus=[odd]))).outcome is Outcome.NOT_APPLICABLE


def test_case_39_a_deficit_without_a_price_is_counted_and_costs_nothing_known():
    money = only(ask(RULE, tenant(skus=[sku("SPB", enabled=1, consumed=3)]))).money
    assert (money.seats, money.unpriced, money.cost) == (2, 2, Decimal(0))


def test_a_deficit_on_a_trial_or_a_grant_is_told_without_a_cost():
    on_trial = tenant(skus=[sku("SPE_E5", enabled=5, consumed=7)], subscriptions=[trial("SPE_E5", 5, ends_in=90)])
    assert only(ask(RULE, on_trial)).money is None
    granted = tenant(skus=[sku("SPB", enabled=5, consumed=7)], subscriptions=[subscription("SPB")])
    assert only(ask(RULE, granted, terms=contract(non_billable={"SPB": 5}))).money is None


def test_the_proof_holds_microsofts_own_counts():
    found = only(ask(RULE, tenant(skus=[sku("SPB", enabled=25, consumed=27)])))
    assert found.evidence[0].seen == "SPB: enabled 25, warning 0, suspended 0, lockedOut 0, consumed 27"
    assert found.evidence[0].as_of == NOW


def test_licenses_that_can_be_taken_back_are_told_beside_what_is_missing():
    left = user("left", holds=["SPB"], enabled=False, mailbox="user")
    snapshot = tenant(skus=[sku("SPB", enabled=1, consumed=2)], users=[left, *users(1, holds=["SPB"])])
    found = only(ask(RULE, snapshot))
    assert found.evidence[0].what.text == f"rules.{RULE}.reclaimable"
    assert found.evidence[0].what.params == {"count": 1}
