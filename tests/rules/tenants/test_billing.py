"""What each SKU is: free or paid, by people or by something else, and for how long its seats are bought."""

from datetime import date

import pytest

from collectors.cloud.facts import TenantFact
from rules.model import FreeReason, Outcome, SeatVerdict, SkuKind
from rules.prices import Commitment
from rules.tenants.billing import positions
from rules.tenants.rule import TenantCase
from tests.lab.tenants import (
    NOW,
    annual,
    ask,
    contract,
    gap,
    guid,
    judge,
    knowledge,
    monthly,
    price,
    sku,
    subscription,
    tenant,
    trial,
    user,
    users,
)


def position(snapshot, part_number, **terms):
    case = TenantCase(snapshot=snapshot, knowledge=knowledge(), contract=contract(**terms), as_of=NOW)
    return positions(case)[guid(part_number)]


def endless(part_number, **changes):
    return subscription(part_number, next_lifecycle_at=None, **changes)


def test_case_06_a_free_offer_is_no_waste():
    found = position(tenant(skus=[sku("FLOW_FREE", enabled=10_000, consumed=12)]), "FLOW_FREE")
    assert (found.free_reason, found.reducible, found.verdict) == (FreeReason.LISTED, 0, SeatVerdict.NONE)


def test_case_07_a_million_seats_explode_no_total():
    snapshot = tenant(
        skus=[
            sku("RIGHTSMANAGEMENT_ADHOC", enabled=1_000_000),
            sku("SOME_UNKNOWN_OFFER", enabled=10_000, consumed=3),
            sku("SPB", enabled=5, consumed=5),
        ],
        users=users(5, holds=["SPB"]),
    )
    summary = judge(snapshot, terms=contract(prices=[price("SPB", "20.60"), price("SOME_UNKNOWN_OFFER", "1")])).tenant
    by_part = {line.part_number: line for line in summary.licenses}
    assert by_part["SOME_UNKNOWN_OFFER"].free_reason is FreeReason.UNLIMITED
    assert (summary.totals.products, str(summary.totals.monthly_cost)) == (1, "103.00")


@pytest.mark.parametrize(
    ("enabled", "people", "reason"), [(9_999, 2, ""), (10_000, 999, "unlimited"), (10_000, 1_000, "")]
)
def test_ten_thousand_seats_are_an_offer_in_a_small_tenant_only(enabled, people, reason):
    snapshot = tenant(skus=[sku("BIG", enabled=enabled)], users=users(people))
    assert position(snapshot, "BIG", prices=[price("BIG", "3")]).free_reason == reason


def test_where_users_are_not_read_the_seats_in_use_tell_how_small_a_tenant_is():
    snapshot = tenant(skus=[sku("BIG", enabled=50_000, consumed=40)], gaps=[gap(TenantFact.USERS)])
    assert position(snapshot, "BIG", prices=[price("BIG", "3")]).free_reason is FreeReason.UNLIMITED


def test_case_08_a_grant_with_the_guid_of_the_paid_product_needs_the_clients_word():
    snapshot = tenant(skus=[sku("SPB", enabled=10, consumed=7)])
    assert position(snapshot, "SPB").reducible == 3
    granted = position(snapshot, "SPB", non_billable={"SPB": 10})
    assert (granted.free_reason, granted.reducible) == (FreeReason.GRANTED, 0)


def test_a_grant_of_some_seats_leaves_the_others_paid():
    snapshot = tenant(skus=[sku("SPB", enabled=10, consumed=2)])
    partly = position(snapshot, "SPB", non_billable={guid("SPB"): 6})
    assert (partly.billable, partly.paid, partly.reducible) == (True, 4, 4)


def test_case_09_a_company_wide_product_has_no_seats_to_judge():
    found = position(tenant(skus=[sku("TENANT_WIDE", enabled=1, consumed=0, applies_to="Company")]), "TENANT_WIDE")
    assert (found.kind, found.verdict, found.has_people) == (SkuKind.COMPANY, SeatVerdict.NONE, False)


@pytest.mark.parametrize(
    ("part_number", "kind"),
    [
        ("MDATP_Server", SkuKind.SERVER),
        ("Defender_for_Business_Servers", SkuKind.SERVER),
        ("MCOCAP", SkuKind.DEVICE),
        ("SPB", SkuKind.USER),
    ],
)
def test_case_10_devices_and_servers_are_not_people(part_number, kind):
    assert position(tenant(skus=[sku(part_number)]), part_number).kind is kind


def test_a_room_is_told_by_its_plan_whatever_its_guid():
    room = sku("SOME_NEW_ROOM", plans=["ec17f317-f4bc-451e-b2da-0167e5c260f9"])
    assert position(tenant(skus=[room]), "SOME_NEW_ROOM").kind is SkuKind.DEVICE


def test_case_36_a_product_held_by_trials_alone_is_free():
    snapshot = tenant(skus=[sku("SPE_E5", enabled=25, consumed=6)], subscriptions=[trial("SPE_E5", 25, ends_in=12)])
    found = position(snapshot, "SPE_E5", prices=[price("SPE_E5", "50")])
    assert (found.free_reason, found.paid, found.reducible) == (FreeReason.TRIAL, 0, 0)


def test_trial_seats_beside_paid_ones_are_no_surplus_of_the_paid_ones():
    snapshot = tenant(
        skus=[sku("SPB", enabled=35, consumed=8)],
        subscriptions=[annual("SPB", 10, ends_on=date(2027, 3, 1)), trial("SPB", 25, ends_in=20)],
    )
    found = position(snapshot, "SPB")
    assert (found.billable, found.on_trial, found.paid, found.reducible) == (True, 25, 10, 2)


@pytest.mark.parametrize(
    ("part_number", "prices", "reason"),
    [
        ("SOMETHING_VIRAL", [], FreeReason.NAMED),
        ("SOMETHING_VIRAL", [price("SOMETHING_VIRAL", "5")], FreeReason.NAMED),
        ("SOMETHING", [], FreeReason.UNPRICED),
        ("SOMETHING", [price("SOMETHING", "5")], FreeReason.NONE),
    ],
)
def test_what_never_ends_is_free_by_its_name_or_by_the_lack_of_a_price(part_number, prices, reason):
    snapshot = tenant(skus=[sku(part_number)], subscriptions=[endless(part_number)])
    assert position(snapshot, part_number, prices=prices).free_reason is reason


def test_what_ends_is_paid_for_whatever_it_is_called_and_whether_or_not_a_price_is_known():
    assert position(tenant(skus=[sku("SOMETHING_VIRAL")]), "SOMETHING_VIRAL").billable
    assert position(tenant(skus=[sku("SPB")]), "SPB").billable


def test_a_product_microsoft_sells_is_not_free_because_its_date_is_missing_and_its_price_unknown():
    """False calm otherwise: with no price list, a disabled holder of Business Premium would cost nothing."""
    snapshot = tenant(
        skus=[sku("SPB", enabled=8, consumed=1)],
        subscriptions=[endless("SPB", seats=8)],
        users=[user("gone", holds=["SPB"], enabled=False)],
    )
    (found,) = ask("m365.disabled_users", snapshot)
    assert found.outcome is not Outcome.NOT_APPLICABLE
    assert found.person


def test_one_subscription_that_ends_among_endless_ones_makes_a_product_paid():
    snapshot = tenant(skus=[sku("X")], subscriptions=[endless("X"), annual("X", 3, ends_on=date(2027, 3, 1))])
    assert position(snapshot, "X").billable


def test_seats_are_told_apart_by_the_terms_of_their_subscriptions():
    snapshot = tenant(
        skus=[sku("SPB", enabled=25, consumed=21)],
        subscriptions=[annual("SPB", 20, ends_on=date(2027, 3, 1)), monthly("SPB", 5)],
    )
    found = position(snapshot, "SPB")
    assert (found.annual, found.monthly, found.commitment) == (20, 5, Commitment.UNKNOWN)
    assert found.anniversary_on == date(2027, 3, 1)


def test_seats_kept_free_on_purpose_are_no_surplus():
    snapshot = tenant(skus=[sku("SPB", enabled=10, consumed=7)])
    assert position(snapshot, "SPB", spare_seats={"spb": 2}).reducible == 1
    assert position(snapshot, "SPB", spare_seats={"spb": 4}).reducible == 0


def test_grace_seats_end_by_themselves_and_are_no_surplus():
    assert position(tenant(skus=[sku("SPB", enabled=10, warning=5, consumed=7)]), "SPB").reducible == 3
    assert position(tenant(skus=[sku("SPB", enabled=0, warning=25, consumed=20)]), "SPB").reducible == 0


@pytest.mark.parametrize("counts", [{"enabled": None}, {"consumed": None}])
def test_a_count_that_graph_left_out_is_unknown_and_not_zero(counts):
    found = position(tenant(skus=[sku("SPB", **counts)]), "SPB")
    assert (found.verdict, found.seats) == (SeatVerdict.UNKNOWN, None)


def test_a_deleted_product_is_none_of_the_tenants():
    snapshot = tenant(skus=[sku("SPB", status="Deleted"), sku("SPE_E3")])
    assert [line.part_number for line in judge(snapshot).tenant.licenses] == ["SPE_E3"]
