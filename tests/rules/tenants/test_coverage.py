"""m365.coverage: each blind spot told once, in the words of whoever can mend it."""

import pytest

from collectors.cloud.facts import TenantFact
from collectors.model import GapReason
from reports.texts import Texts
from rules.model import Outcome, PriorityLevel
from tests.lab.tenants import REPORTS, ask, gap, judge, only, report, sku, spoken, tenant, unreached

RULE = "m365.coverage"
USAGE, SIGN_INS = TenantFact.USAGE, TenantFact.SIGN_INS
NO_PREMIUM = gap(SIGN_INS, reason=GapReason.UNSUPPORTED, detail="no Entra ID P1")


OWNED = [sku("SPB", consumed=1)]


def by_key(snapshot):
    return {found.key: found for found in ask(RULE, snapshot)}


def with_report(**changes):
    return (*(one for one in REPORTS if one.kind is not USAGE), report(USAGE, **changes))


def test_a_tenant_that_was_read_whole_passes():
    assert only(ask(RULE, tenant(skus=[sku("SPB")]))).outcome is Outcome.PASS


@pytest.mark.parametrize("reason", list(GapReason))
def test_a_tenant_that_gave_no_answer_comes_first_whatever_the_reason(reason):
    found = only(ask(RULE, unreached(reason=reason)))
    assert (found.outcome, found.key) == (Outcome.UNKNOWN, "not_audited")
    assert found.evidence[0].seen == "the sign-in was refused"
    expected = PriorityLevel.WATCH if reason is GapReason.INTERRUPTED else PriorityLevel.NOW
    assert found.priority.level is expected


def test_missing_permissions_are_named_in_the_remedy():
    gaps = [
        gap(USAGE, "Reports.Read.All"),
        gap(TenantFact.APPS_USAGE, "Reports.Read.All"),
        gap(TenantFact.ORGANIZATION, "Organization.Read.All"),
    ]
    found = only(ask(RULE, tenant(gaps=gaps, reports=())))
    assert found.message.params["count"] == 3
    assert found.remedy.params["permissions"] == "Organization.Read.All, Reports.Read.All"
    assert [line.expected for line in found.evidence] == [one.permission for one in gaps]


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (TenantFact.SKUS, PriorityLevel.PLAN),
        (TenantFact.SUBSCRIPTIONS, PriorityLevel.PLAN),
        (TenantFact.USERS, PriorityLevel.PLAN),
        (TenantFact.ORGANIZATION, PriorityLevel.WATCH),
    ],
)
def test_what_the_verdicts_rest_on_weighs_more(kind, level):
    assert only(ask(RULE, tenant(gaps=[gap(kind)]))).priority.level is level


def test_case_28_concealed_names_are_told_once_with_the_switch_and_privacy():
    concealed = gap(USAGE, detail="names are concealed")
    snapshot = tenant(skus=OWNED, reports=with_report(concealed=True), gaps=[concealed, NO_PREMIUM])
    found = by_key(snapshot)
    assert set(found) == {"concealed", "sign_ins"}
    assert "RGPD" in spoken_remedy(found["concealed"])
    assert found["concealed"].priority.level is PriorityLevel.PLAN


def test_concealed_names_weigh_less_where_sign_ins_are_told():
    found = by_key(tenant(skus=OWNED, reports=with_report(concealed=True)))
    assert found["concealed"].priority.level is PriorityLevel.WATCH
    assert "activity is judged by sign-ins" in spoken(found["concealed"])


@pytest.mark.parametrize(("age_days", "keys"), [(7, {""}), (8, {"stale"}), (12, {"stale"})])
def test_case_29_a_report_of_twelve_days_is_used_no_more(age_days, keys):
    assert set(by_key(tenant(skus=OWNED, reports=with_report(age_days=age_days)))) == keys


def test_case_29_the_date_of_the_report_is_told():
    found = by_key(tenant(skus=OWNED, reports=with_report(age_days=12), gaps=[NO_PREMIUM]))["stale"]
    assert spoken(found) == "Usage reports are of 10 Nov 2026 (limit: 7 days): they no longer tell who is active."


def test_an_empty_report_is_told_and_not_called_inactivity():
    empty = tenant(
        skus=OWNED, reports=with_report(refreshed_on=None, rows=0), gaps=[gap(USAGE, reason=GapReason.MISSING)]
    )
    found = by_key(empty)
    assert set(found) == {"stale"}
    assert found["stale"].message.text == f"rules.{RULE}.empty_sign_ins"


def test_case_70_reports_about_what_the_tenant_does_not_own_are_missed_by_nobody():
    """A company with Office in the browser only has an empty report of activations every month."""
    basic = [sku("O365_BUSINESS_ESSENTIALS", consumed=1)]
    kinds = (TenantFact.ACTIVATIONS, TenantFact.APPS_USAGE)
    empty = (*(one for one in REPORTS if one.kind not in kinds), *(report(one, refreshed_on=None) for one in kinds))
    gaps = [gap(kind, reason=GapReason.MISSING, detail="the report is empty") for kind in kinds]
    snapshot = tenant(skus=basic, reports=empty, gaps=gaps)
    assert [one.rule for one in judge(snapshot).findings if one.outcome is Outcome.UNKNOWN] == []
    assert only(ask(RULE, snapshot)).outcome is Outcome.PASS
    assert set(by_key(tenant(skus=OWNED, reports=empty, gaps=gaps))) == {"stale"}


def test_what_no_verdict_rests_on_is_told_and_leaves_the_run_complete():
    beside = [gap(kind) for kind in (TenantFact.GROUPS, TenantFact.DEVICES, TenantFact.DELETED_USERS)]
    unasked = gap(TenantFact.MAILBOX_TYPES, reason=GapReason.REFUSED)
    found = by_key(tenant(skus=OWNED, gaps=[*beside, unasked]))
    assert {key: one.outcome for key, one in found.items()} == {"": Outcome.PASS, "beside": Outcome.NOT_APPLICABLE}
    assert len(found["beside"].evidence) == 4
    asked = gap(TenantFact.MAILBOX_TYPES, "MailboxSettings.Read")
    assert set(by_key(tenant(skus=OWNED, gaps=[asked]))) == {"partial"}


def test_case_69_licenses_unread_are_not_audited_in_so_many_words():
    found = only(ask(RULE, tenant(gaps=[gap(TenantFact.SKUS, "LicenseAssignment.Read.All")])))
    assert spoken(found).startswith("Microsoft 365 licenses not audited")
    one = only(ask(RULE, tenant(skus=OWNED, gaps=[gap(TenantFact.USERS)])))
    assert spoken(one) == "Not verified: users could not be read."


def test_that_sign_ins_are_not_sold_to_this_tenant_is_told_and_no_blind_spot():
    found = by_key(tenant(skus=[sku("SPB")], gaps=[NO_PREMIUM]))
    assert {key: one.outcome for key, one in found.items()} == {"": Outcome.PASS, "sign_ins": Outcome.NOT_APPLICABLE}


def test_no_other_rule_gives_a_priority_to_the_same_blind_spot():
    snapshot = tenant(skus=[sku("SPB")], gaps=[gap(kind) for kind in TenantFact if kind is not TenantFact.TENANT])
    told = [
        one.rule
        for one in judge(snapshot).findings
        if one.outcome is Outcome.UNKNOWN and one.priority.level is not PriorityLevel.NONE
    ]
    assert told == [RULE]


def spoken_remedy(found):
    return Texts("fr", strict=True).message(found.remedy)
