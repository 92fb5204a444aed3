"""m365.assignment_errors: what a group should give and Microsoft could not."""

import pytest

from collectors.cloud.facts import Group, TenantFact
from rules.model import Outcome, PriorityLevel
from tests.lab.tenants import ask, assignment, gap, only, sku, spoken, tenant, user

RULE = "m365.assignment_errors"


def refused(*, error="CountViolation", state="Error", holds=()):
    failed = assignment("SPB", group="g1", state=state, error=error)
    return tenant(
        skus=[sku("SPB", enabled=5, consumed=5)],
        users=[user("zoe", holds=holds, assignments=(failed,))],
        groups=(Group(id="g1", name="LIC-M365BP"),),
    )


@pytest.mark.parametrize("error", ["", "None", "none"])
def test_case_33_no_error_is_no_error_however_it_is_written(error):
    assert only(ask(RULE, refused(error=error, state="Active"))).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("CountViolation", "count_violation"),
        ("MutuallyExclusiveViolation", "mutually_exclusive"),
        ("DependencyViolation", "dependency"),
        ("ProhibitedInUsageLocationViolation", "prohibited_location"),
        ("UniquenessViolation", "uniqueness"),
        ("Other", "other"),
        ("SomethingNew", "other"),
    ],
)
def test_each_error_has_its_words_and_its_remedy(error, text):
    found = only(ask(RULE, refused(error=error)))
    assert found.message.text == f"rules.{RULE}.fail_{text}"
    assert found.remedy.text == f"rules.{RULE}.remedy_{text}"
    assert (found.person, found.priority.level) == ("zoe@example.com", PriorityLevel.PLAN)


@pytest.mark.parametrize("state", ["Error", "ActiveWithError"])
def test_an_error_state_without_a_word_is_an_error(state):
    assert only(ask(RULE, refused(error="None", state=state))).outcome is Outcome.FAIL


def test_case_34_the_proof_names_the_group():
    found = only(ask(RULE, refused()))
    assert found.evidence[0].what.params["group"] == "LIC-M365BP"
    assert spoken(found) == "SPB: license awaited, none is left."


def test_who_holds_the_product_in_another_way_lacks_nothing():
    found = only(ask(RULE, refused(holds=["SPB"])))
    assert (found.message.text, found.priority.level) == (f"rules.{RULE}.held", PriorityLevel.WATCH)


def test_blind_it_is_unknown():
    assert only(ask(RULE, tenant(skus=[sku("SPB")], gaps=[gap(TenantFact.USERS)]))).outcome is Outcome.UNKNOWN
