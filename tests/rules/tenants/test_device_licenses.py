"""m365.device_licenses: counted by server, device or resource, and never by people."""

import pytest

from collectors.cloud.facts import TenantFact
from rules.model import Confidence, Outcome
from tests.lab.tenants import ask, gap, guid, only, sku, spoken, tenant

RULE = "m365.device_licenses"


def servers(count):
    return tenant(skus=[sku("MDATP_Server", enabled=count, consumed=0)])


@pytest.mark.parametrize(("licenses", "outcome"), [(3, Outcome.PASS), (4, Outcome.PASS), (5, Outcome.FAIL)])
def test_case_10_server_licenses_are_compared_with_the_servers_seen(licenses, outcome):
    found = only(ask(RULE, servers(licenses), servers={"windows_server": 3, "linux": 1, "windows_client": 20}))
    assert (found.outcome, found.key) == (outcome, guid("MDATP_Server"))


def test_case_10_more_licenses_than_servers_are_to_be_checked_and_no_money():
    found = only(ask(RULE, servers(5), servers={"windows_server": 3}))
    assert spoken(found) == "To be checked, MDATP_Server: 2 licenses more than servers audited (3)."
    assert (found.confidence, found.money) == (Confidence.TENTATIVE, None)


def test_case_10_where_none_of_the_machines_could_be_audited_it_is_unknown():
    found = only(ask(RULE, servers(4), servers={}))
    assert (found.outcome, found.limited) == (Outcome.UNKNOWN, True)


def test_case_10_an_audit_of_microsoft_365_alone_has_nothing_to_compare_with_and_asks_for_nothing():
    found = only(ask(RULE, servers(4)))
    assert (found.outcome, found.message.text) == (Outcome.NOT_APPLICABLE, f"rules.{RULE}.out_of_scope")
    assert "the audit is about no machine" in spoken(found)


@pytest.mark.parametrize(("part", "text"), [("MCOCAP", "devices"), ("SHAREPOINTSTORAGE", "resources")])
def test_devices_and_resources_are_told_without_being_counted(part, text):
    product = sku(part, sku_id="99049c9c-6011-4908-bf17-15f496e6519d") if part == "SHAREPOINTSTORAGE" else sku(part)
    found = only(ask(RULE, tenant(skus=[product])))
    assert (found.outcome, found.message.text) == (Outcome.NOT_APPLICABLE, f"rules.{RULE}.{text}")


def test_a_tenant_without_such_products_is_not_concerned_and_blind_it_is_unknown():
    assert only(ask(RULE, tenant(skus=[sku("SPB")]))).outcome is Outcome.NOT_APPLICABLE
    assert only(ask(RULE, tenant(gaps=[gap(TenantFact.SKUS)]))).outcome is Outcome.UNKNOWN
    assert only(ask(RULE, servers(None))).outcome is Outcome.UNKNOWN
