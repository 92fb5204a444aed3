"""The table of licenses: one line per product, and what the columns mean."""

from datetime import date
from decimal import Decimal

import pytest

from collectors.cloud.facts import SignInKnowledge, TenantFact
from collectors.feeds.records import FeedRecords, SkuName
from rules.knowledge import Knowledge
from rules.model import FreeReason, SeatVerdict, SkuKind
from rules.prices import Commitment
from tests.lab.tenants import (
    annual,
    contract,
    gap,
    guid,
    judge,
    monthly,
    price,
    sku,
    subscription,
    tenant,
    unreached,
    user,
    users,
)


def lines(snapshot, **options):
    return {line.part_number: line for line in judge(snapshot, **options).tenant.licenses}


def test_a_line_tells_seats_cost_and_saving():
    left = user("left", holds=["SPB"], enabled=False, mailbox="user")
    snapshot = tenant(skus=[sku("SPB", enabled=10, consumed=7)], users=[left, *users(6, holds=["SPB"])])
    line = lines(snapshot, terms=contract(prices=[price("SPB", "20.60")]))["SPB"]
    assert (line.bought, line.assigned, line.free, line.reducible, line.deficit, line.inactive) == (10, 7, 3, 3, 0, 1)
    assert (line.monthly_price, line.monthly_cost) == (Decimal("20.60"), Decimal("206.00"))
    assert (line.saving_now, line.saving_later) == (Decimal(0), Decimal("82.40"))
    assert (line.commitment, line.renewal_on) == (Commitment.ANNUAL, date(2027, 3, 1))
    assert (line.verdict, line.billable, line.kind) == (SeatVerdict.EXCESS, True, SkuKind.USER)


def test_a_product_of_which_seats_can_be_given_back_is_a_surplus_though_all_are_assigned():
    left = user("left", holds=["SPB"], enabled=False, mailbox="user")
    full = tenant(skus=[sku("SPB", enabled=7, consumed=7)], users=[left, *users(6, holds=["SPB"])])
    assert lines(full)["SPB"].verdict is SeatVerdict.EXCESS
    needed = tenant(skus=[sku("SPB", enabled=6, consumed=6)], users=users(6, holds=["SPB"]))
    assert lines(needed)["SPB"].verdict is SeatVerdict.OK


def test_a_product_that_expired_is_to_be_checked_as_long_as_its_grace_lasts():
    expired = sku("SPB", enabled=0, consumed=2, warning=3, status="Warning")
    lapsed = subscription("SPB", status="Warning", seats=3)
    snapshot = tenant(skus=[expired], subscriptions=[lapsed], users=users(2, holds=["SPB"]))
    assert lines(snapshot)["SPB"].verdict is SeatVerdict.CHECK


def test_case_39_a_cost_that_lacks_one_price_is_unknown_and_not_less():
    snapshot = tenant(
        skus=[sku("SPB", enabled=25, consumed=25)],
        subscriptions=[annual("SPB", 20, ends_on=date(2027, 3, 1)), monthly("SPB", 5)],
    )
    line = lines(snapshot, terms=contract(prices=[price("SPB", "24", commitment=Commitment.MONTHLY)]))["SPB"]
    assert line.monthly_cost is None


def test_case_08_granted_seats_cost_nothing():
    snapshot = tenant(skus=[sku("SPB", enabled=10, consumed=10)])
    line = lines(snapshot, terms=contract(prices=[price("SPB", "20.00")], non_billable={"SPB": 4}))["SPB"]
    assert (line.granted, line.monthly_cost) == (4, Decimal("120.00"))
    given = lines(snapshot, terms=contract(prices=[price("SPB", "20.00")], non_billable={"SPB": 10}))["SPB"]
    assert (given.free_reason, given.monthly_cost, given.monthly_price) == (FreeReason.GRANTED, None, None)


def test_who_does_not_use_a_license_is_unknown_where_activity_is():
    people = users(3, holds=["SPB"], sign_in=None, sign_in_known=SignInKnowledge.NOT_ASKED)
    snapshot = tenant(skus=[sku("SPB", enabled=3, consumed=3)], users=people, reports=(), gaps=[gap(TenantFact.USAGE)])
    assert lines(snapshot)["SPB"].inactive is None


@pytest.mark.parametrize("counts", [{"enabled": None}, {"consumed": None}])
def test_a_count_left_out_leaves_its_columns_unknown(counts):
    line = lines(tenant(skus=[sku("SPB", **counts)]), terms=contract(prices=[price("SPB", "20")]))["SPB"]
    assert (line.verdict, line.free, line.deficit, line.monthly_cost) == (SeatVerdict.UNKNOWN, None, None, None)


def test_free_products_have_a_line_and_no_columns_of_money():
    line = lines(
        tenant(skus=[sku("FLOW_FREE", enabled=10_000, consumed=12)]), terms=contract(prices=[price("FLOW_FREE", "3")])
    )["FLOW_FREE"]
    assert (line.billable, line.free, line.monthly_price, line.monthly_cost) == (False, None, None, None)


def test_products_bear_microsofts_name_where_the_table_was_read_and_their_part_number_elsewhere():
    names = (
        SkuName(sku_id=guid("SPB"), part_number="SPB", name="Microsoft\u00a0365  Business Premium "),
        SkuName(sku_id=guid("SPE_E3"), part_number="SPE_E3", name=""),
    )
    about = Knowledge.from_records(FeedRecords(sku_names=names))
    snapshot = tenant(skus=[sku("SPB"), sku("SPE_E3"), sku("O365_w/o Teams\u00a0Bundle_M3")])
    assert {line.name for line in judge(snapshot, about=about).tenant.licenses} == {
        "Microsoft 365 Business Premium",
        "SPE_E3",
        "O365_w/o Teams Bundle_M3",
    }


def test_a_tenant_that_was_not_read_has_no_lines_and_no_totals():
    summary = judge(unreached()).tenant
    assert (summary.licenses, summary.totals.products, summary.totals.monthly_cost) == ((), 0, Decimal(0))
