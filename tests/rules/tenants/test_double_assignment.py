"""m365.double_assignment: two ways to one seat are told once per SKU, and cost nothing."""

from dataclasses import replace

from collectors.cloud.facts import Group, TenantFact
from rules.model import Outcome
from rules.tenants.billing import positions
from rules.tenants.rule import TenantCase
from tests.lab.tenants import NOW, assignment, contract, gap, knowledge, only, sku, spoken, tenant, user, users
from tests.rules.tenants.asking import SPB, asked, named

RULE = "m365.double_assignment"
SALES = Group(id="aaaa", name="LIC-M365BP")


def _holder(name, *groups, sku_name="SPB", **changes):
    ways = tuple(assignment(sku_name, group=group, **changes) for group in groups)
    return replace(user(name, holds=[sku_name]), assignments=ways)


def test_case_16_direct_and_by_group_is_one_seat_and_a_line_without_money():
    snapshot = tenant(skus=SPB, users=[_holder("ann", "", "aaaa"), _holder("ben", "", "aaaa")], groups=[SALES])
    found = only(asked(RULE, snapshot))
    assert (named(found), found.money, found.person) == ((Outcome.FAIL, "fail"), None, "")
    assert found.message.params["count"] == 2
    assert [line.seen for line in found.evidence] == ["ann@example.com", "ben@example.com"]
    assert found.evidence[0].what.params["groups"] == "LIC-M365BP"
    assert "0 €" in spoken(found, "fr").replace("\u00a0", " ")


def test_case_17_two_groups_are_one_seat():
    snapshot = tenant(skus=[sku("SPB", enabled=1, consumed=1)], users=[_holder("ann", "aaaa", "bbbb")])
    found = only(asked(RULE, snapshot))
    assert found.evidence[0].what.text.endswith("evidence_groups")
    case = TenantCase(snapshot=snapshot, knowledge=knowledge(), contract=contract(), as_of=NOW)
    seats = positions(case)[SPB[0].sku_id].seats
    assert seats is not None
    assert (seats.need, seats.deficit) == (1, 0)


def test_an_assignment_in_error_is_no_second_way():
    ann = _holder("ann", "")
    failed = assignment("SPB", group="aaaa", state="Error", error="CountViolation")
    snapshot = tenant(skus=SPB, users=[replace(ann, assignments=(*ann.assignments, failed))])
    assert only(asked(RULE, snapshot)).outcome is Outcome.PASS


def test_free_licenses_are_left_out():
    free = [sku("FLOW_FREE", enabled=10_000, consumed=1)]
    assert only(asked(RULE, tenant(skus=free, users=[_holder("ann", "", "aaaa", sku_name="FLOW_FREE")]))).outcome is (
        Outcome.PASS
    )


def test_one_way_each_passes():
    assert only(asked(RULE, tenant(skus=SPB, users=users(3, holds=["SPB"])))).outcome is Outcome.PASS


def test_users_unread_are_unknown():
    assert only(asked(RULE, tenant(skus=SPB, gaps=[gap(TenantFact.USERS)]))).outcome is Outcome.UNKNOWN
