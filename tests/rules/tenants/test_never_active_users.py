"""m365.never_active_users: a starter's grace from account and license, then a question."""

from dataclasses import replace
from datetime import timedelta

import pytest

from collectors.cloud.facts import SignIn, SignInKnowledge, TenantFact
from rules.model import Confidence, Outcome
from tests.lab.tenants import NOW, TODAY, assignment, contract, gap, only, spoken, tenant, user, users
from tests.rules.tenants.asking import NEVER, SILENT, SPB, asked, named, used

RULE = "m365.never_active_users"


def _starter(days_ago, *, licensed_days_ago=None, **changes):
    given = NOW - timedelta(days=days_ago if licensed_days_ago is None else licensed_days_ago)
    made = user("eve", holds=["SPB"], created_at=NOW - timedelta(days=days_ago), **{**NEVER, **changes})
    return replace(made, assignments=(assignment("SPB", updated_at=given),))


@pytest.mark.parametrize(("days", "outcome"), [(8, Outcome.PASS), (30, Outcome.PASS), (31, Outcome.FAIL)])
def test_case_26_a_starter_has_thirty_days(days, outcome):
    assert only(asked(RULE, tenant(skus=SPB, users=[_starter(days)]))).outcome is outcome


@pytest.mark.parametrize(("days", "outcome"), [(30, Outcome.PASS), (31, Outcome.FAIL)])
def test_case_26_the_grace_begins_with_the_license_where_that_came_later(days, outcome):
    snapshot = tenant(skus=SPB, users=[_starter(400, licensed_days_ago=days)])
    assert only(asked(RULE, snapshot)).outcome is outcome


def test_case_26_a_free_license_given_yesterday_gives_no_new_grace():
    eve = _starter(400)
    given = (*eve.assignments, assignment("FLOW_FREE", updated_at=NOW - timedelta(days=1)))
    assert only(asked(RULE, tenant(skus=SPB, users=[replace(eve, assignments=given)]))).outcome is Outcome.FAIL


def test_case_26_an_assignment_in_error_gave_no_license():
    eve = _starter(400)
    failed = assignment("SPB", state="Error", error="CountViolation", updated_at=NOW - timedelta(days=1))
    snapshot = tenant(skus=SPB, users=[replace(eve, assignments=(*eve.assignments, failed))])
    assert only(asked(RULE, snapshot)).outcome is Outcome.FAIL


def test_case_26_the_latest_of_several_ways_counts():
    eve = _starter(400)
    recent = assignment("SPB", group="aaaa", updated_at=NOW - timedelta(days=10))
    snapshot = tenant(skus=SPB, users=[replace(eve, assignments=(*eve.assignments, recent))])
    assert only(asked(RULE, snapshot)).outcome is Outcome.PASS


def test_the_proof_says_where_nothing_was_found():
    found = only(asked(RULE, tenant(skus=SPB, users=[_starter(45)], usage=[used("eve", None)])))
    told = [line.what.text.rpartition(".")[2] for line in found.evidence]
    assert told == ["account_enabled", "license", "sign_in_never", "usage_none"]
    found = only(asked(RULE, tenant(skus=SPB, users=[_starter(45)])))
    assert not [line for line in found.evidence if "usage" in line.what.text]


def test_the_grace_is_the_contracts():
    snapshot = tenant(skus=SPB, users=[_starter(31)])
    assert only(asked(RULE, snapshot, terms=contract(starter_grace_days=60))).outcome is Outcome.PASS


def test_who_was_never_seen_is_named_with_the_start_and_a_question():
    found = only(asked(RULE, tenant(skus=SPB, users=[_starter(45)], usage=[used("eve", None)])))
    assert (named(found), found.confidence) == ((Outcome.FAIL, "fail"), Confidence.FIRM)
    assert found.message.params["since_on"] == (TODAY - timedelta(days=45)).isoformat()
    assert "il y a 45 jours" in spoken(found, "fr")
    assert found.money is not None


def test_failed_attempts_of_a_new_account_are_told():
    attempts = {"sign_in": SignIn(at=NOW - timedelta(days=3)), "sign_in_known": SignInKnowledge.KNOWN}
    found = list(asked(RULE, tenant(skus=SPB, users=[_starter(45, **attempts), user("ben")])))
    assert named(only(found)) == (Outcome.FAIL, "fail_attempted")


def test_who_was_never_seen_is_not_also_inactive():
    snapshot = tenant(skus=SPB, users=[_starter(400)])
    assert only(asked("m365.inactive_users", snapshot)).outcome is Outcome.PASS


def test_without_entra_p1_a_report_without_any_date_is_a_sign_only():
    snapshot = tenant(skus=SPB, users=[_starter(45, **SILENT)], usage=[used("eve", None)])
    found = only(asked(RULE, snapshot))
    assert (found.outcome, found.confidence) == (Outcome.FAIL, Confidence.TENTATIVE)


def test_case_28_unknown_activity_is_no_pass():
    assert named(only(asked(RULE, tenant(skus=SPB, users=users(2, holds=["SPB"], **SILENT))))) == (
        Outcome.UNKNOWN,
        "unknown",
    )


def test_people_at_work_pass_with_their_number():
    found = only(asked(RULE, tenant(skus=SPB, users=users(3, holds=["SPB"]))))
    assert (found.outcome, found.message.params["count"]) == (Outcome.PASS, 3)


def test_users_unread_are_unknown():
    assert only(asked(RULE, tenant(skus=SPB, gaps=[gap(TenantFact.USERS)]))).outcome is Outcome.UNKNOWN
