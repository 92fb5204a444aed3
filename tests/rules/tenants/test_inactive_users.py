"""m365.inactive_users: candidates with date and proof; what is not known is said once and is no saving."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from collectors.cloud.facts import SignIn, SignInKnowledge, TenantFact
from collectors.model import GapReason
from rules.contract import LicenseException
from rules.model import Confidence, Outcome
from tests.lab.tenants import (
    NOW,
    REPORTS,
    TODAY,
    annual,
    contract,
    gap,
    monthly,
    only,
    price,
    report,
    sku,
    spoken,
    tenant,
    user,
    users,
)
from tests.rules.tenants.asking import NEVER, SILENT, SPB, asked, box, idle, named, used

RULE = "m365.inactive_users"
PRICES = contract(prices=[price("SPB", "20.60")])


def _with_usage(**changes):
    mine = report(TenantFact.USAGE, **changes)
    return (mine, *(one for one in REPORTS if one.kind is not TenantFact.USAGE))


@pytest.mark.parametrize(("days", "outcome"), [(90, Outcome.PASS), (91, Outcome.FAIL)])
def test_ninety_days_are_not_yet_inactive(days, outcome):
    assert only(asked(RULE, tenant(skus=SPB, users=[idle("ann", days)]))).outcome is outcome


def test_an_inactive_person_is_named_with_date_proof_and_saving():
    found = only(asked(RULE, tenant(skus=SPB, users=[idle("ann", 120), *users(2, holds=["SPB"])]), terms=PRICES))
    assert named(found) == (Outcome.FAIL, "fail")
    assert (found.person, found.message.params["days"]) == ("ann@example.com", 120)
    assert found.money is not None
    assert found.money.monthly == Decimal("20.60")
    assert spoken(found, "fr").startswith("Ann\u00a0: dernière connexion réussie le 25/07/2026, il y a 120 jours")


def test_case_23_a_long_leave_is_a_candidate_until_the_clients_file_excepts_it():
    snapshot = tenant(skus=SPB, users=[idle("ann", 120)])
    assert only(asked(RULE, snapshot)).outcome is Outcome.FAIL
    leave = LicenseException(who="Ann@Example.com", reason="congé maternité", until=TODAY)
    excepted = only(asked(RULE, snapshot, terms=contract(exceptions=(leave,))))
    assert (excepted.outcome, excepted.money) == (Outcome.NOT_APPLICABLE, None)
    assert any("congé maternité" in str(line.what.params.values()) for line in excepted.evidence)
    over = replace(leave, until=TODAY - timedelta(days=1))
    assert only(asked(RULE, snapshot, terms=contract(exceptions=(over,)))).outcome is Outcome.FAIL


def test_case_24_failed_attempts_do_not_make_a_leaver_active_and_are_told():
    sprayed = SignIn(successful_at=datetime(2025, 3, 4, tzinfo=UTC), at=NOW - timedelta(days=1))
    ann = user("ann", holds=["SPB"], sign_in=sprayed)
    found = only(asked(RULE, tenant(skus=SPB, users=[ann])))
    assert named(found) == (Outcome.FAIL, "fail_attempted")
    assert "04/03/2025" in spoken(found, "fr")
    assert "21/11/2026" in spoken(found, "fr")
    assert found.remedy is not None
    assert found.remedy.text.endswith("remedy_attempted")


def test_case_25_no_success_on_record_is_a_candidate_with_low_confidence():
    old = SignIn(at=datetime(2023, 6, 1, tzinfo=UTC))
    ann = user("ann", holds=["SPB"], created_at=datetime(2021, 1, 1, tzinfo=UTC), sign_in=old)
    found = only(asked(RULE, tenant(skus=SPB, users=[ann])))
    assert (named(found), found.confidence) == ((Outcome.FAIL, "fail_attempt"), Confidence.TENTATIVE)
    assert found.message.params["last_on"] == "2023-06-01"


def test_case_25_with_recent_failures_no_date_is_claimed():
    failing = SignIn(at=NOW - timedelta(days=2))
    ann = user("ann", holds=["SPB"], created_at=datetime(2021, 1, 1, tzinfo=UTC), sign_in=failing)
    found = only(asked(RULE, tenant(skus=SPB, users=[ann, user("ben")])))
    assert named(found) == (Outcome.FAIL, "fail_no_success")


def test_case_27_a_service_mailbox_that_works_is_active():
    scanner = user("scanner", holds=["SPB"], **NEVER)
    mail = box("scanner", 1, kind="user", last_activity_on=TODAY - timedelta(days=1))
    snapshot = tenant(skus=SPB, users=[scanner], usage=[used("scanner", 1)], mailboxes=[mail])
    assert only(asked(RULE, snapshot)).outcome is Outcome.PASS
    assert only(asked("m365.never_active_users", snapshot)).outcome is Outcome.PASS


def test_without_entra_p1_the_usage_report_is_the_proof():
    ann = user("ann", holds=["SPB"], **SILENT)
    p1 = gap(TenantFact.SIGN_INS, reason=GapReason.UNSUPPORTED)
    found = only(asked(RULE, tenant(skus=SPB, users=[ann], usage=[used("ann", 120)], gaps=[p1])))
    assert named(found) == (Outcome.FAIL, "fail_usage")
    assert "20/11/2026" in spoken(found, "fr")  # the day the report speaks of
    working = tenant(skus=SPB, users=[ann], usage=[used("ann", 3)], gaps=[p1])
    assert only(asked(RULE, working)).outcome is Outcome.PASS


def test_case_28_with_concealed_names_inactivity_is_unknown_for_all_and_no_saving_is_told():
    hidden = [gap(TenantFact.USAGE), gap(TenantFact.SIGN_INS, reason=GapReason.UNSUPPORTED)]
    snapshot = tenant(
        skus=SPB,
        users=users(4, holds=["SPB"], **SILENT),
        reports=_with_usage(concealed=True),
        names_concealed=True,
        gaps=hidden,
    )
    found = only(asked(RULE, snapshot, terms=PRICES))
    assert named(found) == (Outcome.UNKNOWN, "unknown_concealed")
    assert (found.message.params["count"], found.money) == (4, None)
    assert found.remedy is not None
    assert found.remedy.text.endswith("remedy_concealed")
    assert only(asked("m365.never_active_users", snapshot)).outcome is Outcome.UNKNOWN


def test_case_28_concealed_names_hide_nothing_where_sign_ins_are_told():
    snapshot = tenant(
        skus=SPB, users=[idle("ann", 120)], reports=_with_usage(concealed=True), gaps=[gap(TenantFact.USAGE)]
    )
    assert only(asked(RULE, snapshot)).outcome is Outcome.FAIL


@pytest.mark.parametrize(("age", "outcome"), [(7, Outcome.FAIL), (8, Outcome.UNKNOWN), (12, Outcome.UNKNOWN)])
def test_case_29_a_report_older_than_seven_days_makes_nobody_inactive(age, outcome):
    ann = user("ann", holds=["SPB"], **SILENT)
    snapshot = tenant(skus=SPB, users=[ann], usage=[used("ann", 300)], reports=_with_usage(age_days=age))
    found = only(asked(RULE, snapshot))
    assert found.outcome is outcome
    if outcome is Outcome.UNKNOWN:
        assert named(found)[1] == "unknown_stale"
        refreshed = TODAY - timedelta(days=age)
        assert f"{refreshed.day:02d}/{refreshed.month:02d}/2026" in spoken(found, "fr")


@pytest.mark.parametrize("changes", [{"rows": 0}, {"refreshed_on": None, "rows": 0}])
def test_case_29_an_empty_report_is_said_once(changes):
    snapshot = tenant(skus=SPB, users=users(5, holds=["SPB"], **SILENT), reports=_with_usage(**changes))
    assert named(only(asked(RULE, snapshot))) == (Outcome.UNKNOWN, "unknown_empty")


def test_a_refused_report_names_its_permission():
    denied = [gap(TenantFact.USAGE, "Reports.Read.All"), gap(TenantFact.SIGN_INS, "AuditLog.Read.All")]
    found = only(asked(RULE, tenant(skus=SPB, users=users(2, holds=["SPB"], **SILENT), reports=(), gaps=denied)))
    assert named(found) == (Outcome.UNKNOWN, "unknown_unread")
    assert {line.expected for line in found.evidence} >= {"Reports.Read.All", "AuditLog.Read.All"}


def test_case_30_a_user_without_a_row_is_unknown_and_not_inactive():
    snapshot = tenant(skus=SPB, users=users(2, holds=["SPB"], **SILENT), usage=[used("user1", 3)])
    found = only(asked(RULE, snapshot))
    assert (named(found), found.message.params["count"]) == ((Outcome.UNKNOWN, "unknown_usable"), 1)


def test_what_is_known_is_told_beside_what_is_not():
    snapshot = tenant(skus=SPB, users=[idle("ann", 120), user("ben", holds=["SPB"], **SILENT)])
    found = asked(RULE, snapshot)
    assert sorted(one.outcome for one in found) == [Outcome.FAIL, Outcome.UNKNOWN]


def test_case_38_the_saving_is_split_in_now_and_at_the_anniversary():
    owned = [monthly("SPB", 1), annual("SPB", 24, ends_on=date(2027, 3, 1))]
    snapshot = tenant(skus=[sku("SPB", enabled=25, consumed=25)], subscriptions=owned, users=[idle("ann"), idle("ben")])
    found = asked(RULE, snapshot, terms=PRICES)
    assert sum(one.money.now for one in found) == Decimal("20.60")
    assert sum(one.money.later for one in found) == Decimal("20.60")
    assert {one.money.anniversary_on for one in found if one.money.later} == {date(2027, 3, 1)}


def test_the_proof_holds_both_sources():
    found = only(asked(RULE, tenant(skus=SPB, users=[idle("ann", 150)], usage=[used("ann", 200)])))
    told = [line.what.text.rpartition(".")[2] for line in found.evidence]
    assert (told, found.confidence) == (["account_enabled", "license", "sign_in", "usage"], Confidence.CONFIRMED)


def test_two_licenses_of_one_person_are_one_line_with_both():
    owned = [*SPB, sku("MCOEV", plans=("MCOEV",), consumed=1)]
    found = only(asked(RULE, tenant(skus=owned, users=[idle("ann", holds=["SPB", "MCOEV"])])))
    assert found.message.params["licenses"] == "MCOEV, SPB"
    assert found.money is not None
    assert found.money.seats == 2


def test_case_32_a_user_without_a_type_is_a_member():
    found = only(asked(RULE, tenant(skus=SPB, users=[idle("ann", 120, type="Member")])))
    assert found.outcome is Outcome.FAIL


def test_users_unread_are_unknown():
    assert only(asked(RULE, tenant(skus=SPB, gaps=[gap(TenantFact.USERS)]))).outcome is Outcome.UNKNOWN


def test_nobody_with_a_paid_license_is_nothing_to_judge():
    assert only(asked(RULE, tenant(users=[user("ann")]))).outcome is Outcome.NOT_APPLICABLE


def test_a_tenant_with_nulls_everywhere_accuses_nobody():
    nothing = {"mail": "", "enabled": None, "created_at": None, "assignments": (), "sign_in": SignIn()}
    blank = replace(user("ann", holds=["SPB"], **nothing), name="", sign_in_known=SignInKnowledge.KNOWN)
    found = only(asked(RULE, tenant(skus=SPB, users=[blank])))
    assert found.outcome is Outcome.UNKNOWN
