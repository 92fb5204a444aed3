"""m365.guest_licenses: a question about guests with a paid license, never an order."""

from collectors.cloud.facts import TenantFact
from rules.model import Confidence, Outcome
from tests.lab.tenants import contract, gap, only, price, sku, spoken, tenant, user, users
from tests.rules.tenants.asking import NEVER, SPB, asked, idle, named

RULE = "m365.guest_licenses"


def _guest(**changes):
    return user("gil", holds=["SPB"], type="Guest", **changes)


def test_case_31_a_guest_with_a_paid_license_is_asked_about():
    found = only(asked(RULE, tenant(skus=SPB, users=[_guest()]), terms=contract(prices=[price("SPB", "20")])))
    assert (named(found), found.confidence) == ((Outcome.FAIL, "fail"), Confidence.TENTATIVE)
    assert "invité avec licence payante" in spoken(found, "fr")
    assert found.money is not None
    assert found.money.monthly == 20


def test_case_31_a_guest_nobody_saw_says_so():
    assert named(only(asked(RULE, tenant(skus=SPB, users=[_guest(**NEVER)])))) == (Outcome.FAIL, "fail_unseen")


def test_a_guest_is_not_also_inactive():
    snapshot = tenant(skus=SPB, users=[idle("gil", 400, type="Guest")])
    assert only(asked(RULE, snapshot)).outcome is Outcome.FAIL
    assert only(asked("m365.inactive_users", snapshot)).outcome is Outcome.PASS


def test_a_guest_with_a_free_license_is_nobodys_business():
    owned = [sku("FLOW_FREE", enabled=10_000, consumed=1), *SPB]
    snapshot = tenant(skus=owned, users=[user("gil", holds=["FLOW_FREE"], type="Guest"), *users(1, holds=["SPB"])])
    assert only(asked(RULE, snapshot)).outcome is Outcome.PASS


def test_case_32_members_pass():
    assert only(asked(RULE, tenant(skus=SPB, users=users(3, holds=["SPB"])))).outcome is Outcome.PASS


def test_users_unread_are_unknown():
    assert only(asked(RULE, tenant(skus=SPB, gaps=[gap(TenantFact.USERS)]))).outcome is Outcome.UNKNOWN
