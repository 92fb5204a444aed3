"""m365.seat_limit: 300 seats of the Business family, together or per product."""

import pytest

from collectors.cloud.facts import TenantFact
from rules.model import Confidence, Outcome
from tests.lab.tenants import ask, contract, gap, guid, only, sku, spoken, tenant

RULE = "m365.seat_limit"
EEA = "Office_365_w/o_Teams_Bundle_Business_Standard"


def family(premium, standard, **changes):
    return tenant(skus=[sku("SPB", enabled=premium), sku(EEA, enabled=standard)], **changes)


@pytest.mark.parametrize(("standard", "outcome"), [(120, Outcome.PASS), (121, Outcome.FAIL)])
def test_300_are_allowed_301_are_to_be_checked(standard, outcome):
    assert only(ask(RULE, family(180, standard))).outcome is outcome


def test_case_19_variants_without_teams_count_with_the_family():
    found = only(ask(RULE, family(180, 140)))
    assert spoken(found).startswith("To be checked: 320 licenses of the Business family for a limit of 300")
    assert (found.confidence, found.key) == (Confidence.TENTATIVE, "")


def test_seats_given_for_nothing_count_and_are_told_as_no_sheet_has_them_among_those_paid():
    snapshot = tenant(skus=[sku("SPB", enabled=39), sku("O365_BUSINESS_ESSENTIALS", enabled=300)])
    found = only(ask(RULE, snapshot, terms=contract(non_billable={"O365_BUSINESS_ESSENTIALS": 300})))
    assert spoken(found).startswith("To be checked: 339 licenses of the Business family (free of charge: 300)")
    assert "offertes : 300" in spoken(found, "fr").replace("\u00a0", " ")


def test_case_19_per_product_each_is_within_the_limit():
    terms = contract(seat_limit_per_sku=True)
    assert only(ask(RULE, family(180, 140), terms=terms)).outcome is Outcome.PASS
    found = only(ask(RULE, family(301, 140), terms=terms))
    assert (found.outcome, found.key) == (Outcome.FAIL, guid("SPB"))


def test_business_basic_counts_and_apps_for_business_only_when_agreed():
    snapshot = tenant(skus=[sku("O365_BUSINESS_ESSENTIALS", enabled=200), sku("O365_BUSINESS", enabled=150)])
    assert only(ask(RULE, snapshot)).message.params["count"] == 200
    assert only(ask(RULE, snapshot, terms=contract(apps_for_business_counts=True))).outcome is Outcome.FAIL


def test_enterprise_products_have_no_limit():
    snapshot = tenant(skus=[sku("SPE_E3", enabled=2_000), sku("EXCHANGESTANDARD", enabled=900)])
    assert only(ask(RULE, snapshot)).outcome is Outcome.NOT_APPLICABLE


def test_grace_seats_count():
    snapshot = tenant(skus=[sku("SPB", enabled=290, warning=11)])
    assert only(ask(RULE, snapshot)).outcome is Outcome.FAIL


def test_a_count_left_out_is_unknown_unless_the_rest_is_already_too_many():
    assert only(ask(RULE, family(180, None))).outcome is Outcome.UNKNOWN
    assert only(ask(RULE, family(301, None))).outcome is Outcome.FAIL


def test_blind_it_is_unknown():
    assert only(ask(RULE, family(1, 1, gaps=[gap(TenantFact.SKUS)]))).outcome is Outcome.UNKNOWN
