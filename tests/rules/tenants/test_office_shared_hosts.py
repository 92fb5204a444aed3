"""m365.office_shared_hosts: Office on remote desktop servers wants the right to shared computers (case 42)."""

from dataclasses import replace

import pytest

from collectors.cloud.facts import Activations, TenantFact
from rules.model import Outcome
from tests.lab.tenants import REPORTS, TODAY, gap, held, only, report, sku, spoken, tenant, user, users
from tests.rules.tenants.asking import asked, named

RULE = "m365.office_shared_hosts"
STANDARD = "O365_BUSINESS_PREMIUM"  # Microsoft 365 Business Standard, by its part number of old
SKUS = tuple(sku(name, consumed=1) for name in (STANDARD, "SPB", "SPE_E3", "O365_BUSINESS_ESSENTIALS"))
HOST = {"windows_server": 2, "rds_host": 1}


def _shared(name="ann"):
    upn, product = f"{name}@example.com", "MICROSOFT 365 APPS FOR BUSINESS"
    return Activations(upn=upn, product=product, windows=1, shared_computer=True, last_on=TODAY)


def _asked(*people, rows=(), servers=HOST, **changes):
    return asked(RULE, tenant(skus=SKUS, users=people, activations=rows, **changes), servers=servers)


def test_case_42_business_standard_on_a_shared_computer_is_named():
    found = only(_asked(user("ann", holds=[STANDARD]), rows=[_shared()]))
    assert (named(found), found.person) == ((Outcome.FAIL, "fail"), "ann@example.com")
    assert STANDARD in spoken(found)


@pytest.mark.parametrize("plan", ["SPB", "SPE_E3"])
def test_case_42_business_premium_and_enterprise_office_are_entitled(plan):
    assert only(_asked(user("ann", holds=[plan]), rows=[_shared()])).outcome is Outcome.PASS


def test_case_42_effective_plans_count_and_not_the_name_of_the_sku():
    off = held("SPB", without=["OFFICE_SHARED_COMPUTER_ACTIVATION"])
    assert only(_asked(user("ann", holds=[off]), rows=[_shared()])).outcome is Outcome.FAIL


def test_case_42_without_any_office_it_says_so():
    found = only(_asked(user("ann", holds=["O365_BUSINESS_ESSENTIALS"]), rows=[_shared()]))
    assert named(found) == (Outcome.FAIL, "fail_none")


def test_case_42_a_report_that_shows_nobody_is_an_answer_and_names_who_has_no_right():
    """Office refuses to start on such a server without the right: a doubt that comes back every month helps nobody."""
    people = users(3, holds=[STANDARD])
    found = only(_asked(*people))
    assert (named(found), found.message.params["count"]) == ((Outcome.PASS, "pass_hosts"), 3)
    assert "user1@example.com" in found.evidence[0].seen
    assert only(_asked(*people, gaps=[gap(TenantFact.ACTIVATIONS)])).outcome is Outcome.UNKNOWN


def test_case_42_a_leaver_whom_the_report_still_lists_works_nowhere():
    gone = user("ann", holds=["O365_BUSINESS_ESSENTIALS"], enabled=False)
    assert only(_asked(gone, rows=[_shared()])).outcome is Outcome.PASS


def test_case_42_only_products_with_office_are_named():
    found = only(_asked(user("ann", holds=[STANDARD, "FLOW_FREE", "unlisted"]), rows=[_shared()]))
    assert found.message.params["licenses"] == STANDARD


def test_a_host_where_everybody_has_the_right_passes():
    assert only(_asked(*users(3, holds=["SPB"]))).outcome is Outcome.PASS


def test_without_such_a_host_there_is_nothing_to_judge_unless_shared_use_is_reported():
    ann = user("ann", holds=[STANDARD])
    assert only(_asked(ann, servers={"windows_client": 9})).outcome is Outcome.NOT_APPLICABLE
    assert only(_asked(ann, rows=[_shared()], servers={"windows_client": 9})).outcome is Outcome.FAIL
    assert only(_asked(ann, servers={})).outcome is Outcome.PASS  # no machine audited; nobody is seen on a shared one


def test_a_person_without_a_display_name_is_called_by_the_address():
    ann = replace(user("ann", holds=[STANDARD]), name="")
    assert spoken(only(_asked(ann, rows=[_shared()]))).startswith("ann@example.com")


def test_one_person_on_two_products_is_one_line():
    assert len(_asked(user("ann", holds=[STANDARD]), rows=[_shared(), _shared()])) == 1


@pytest.mark.parametrize(
    ("changes", "text"), [({"age_days": 7}, "fail"), ({"age_days": 8}, "unknown_stale"), ({"rows": 0}, "unknown_empty")]
)
def test_case_29_an_old_report_proves_nothing(changes, text):
    mine = report(TenantFact.ACTIVATIONS, **changes)
    reports = (mine, *(one for one in REPORTS if one.kind is not TenantFact.ACTIVATIONS))
    assert named(only(_asked(user("ann", holds=[STANDARD]), rows=[_shared()], reports=reports)))[1] == text


def test_a_report_that_could_not_be_read_is_unknown():
    found = only(_asked(user("ann", holds=["SPB"]), reports=(), gaps=[gap(TenantFact.ACTIVATIONS)]))
    assert found.outcome is Outcome.UNKNOWN
