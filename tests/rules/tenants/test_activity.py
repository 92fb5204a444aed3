"""When a user was last seen, by what proof: sign-ins before usage reports, and what is unknown is never inactive."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from collectors.cloud.facts import AppsUsage, Mailbox, SignIn, SignInKnowledge, TenantFact, Usage
from rules.model import Confidence
from rules.tenants.activity import (
    Activities,
    ActivityState,
    Clock,
    Proof,
    ReportState,
    Traces,
    judge_activity,
    report_state,
)
from rules.tenants.rule import TenantCase
from tests.lab.tenants import NOW, REPORTS, TODAY, contract, gap, knowledge, report, tenant, user

CLOCK = Clock(today=TODAY, seen_on=TODAY)
SILENT = {"sign_in": None, "sign_in_known": SignInKnowledge.NOT_ASKED}
NEVER = {"sign_in": None, "sign_in_known": SignInKnowledge.NEVER}


def _ago(days):
    return NOW - timedelta(days=days)


def _signed(success=None, at=None):
    return {"sign_in": SignIn(successful_at=success, at=at), "sign_in_known": SignInKnowledge.KNOWN}


def _traces(days_ago, *, told=True, lag=2):
    """A row of the usage reports: the report is `lag` days old, the activity `days_ago` (None: none at all)."""
    refreshed = TODAY - timedelta(days=lag)
    if days_ago is None:
        return Traces(told=told, refreshed_on=refreshed)
    return Traces(told=told, last_on=TODAY - timedelta(days=days_ago), idle_days=days_ago - lag, refreshed_on=refreshed)


def _judge(traces=Traces(), *, clock=CLOCK, licensed_on=None, **changes):  # noqa: B008 - frozen
    return judge_activity(user("ann", **changes), traces, clock, licensed_on=licensed_on)


@pytest.mark.parametrize(("days", "state"), [(90, ActivityState.ACTIVE), (91, ActivityState.INACTIVE)])
def test_ninety_days_since_the_last_success_are_not_yet_inactive(days, state):
    seen = _judge(**_signed(_ago(days)))
    assert (seen.state, seen.proof, seen.last_on) == (state, Proof.SIGN_IN, TODAY - timedelta(days=days))


@pytest.mark.parametrize(("days", "state"), [(92, ActivityState.ACTIVE), (93, ActivityState.INACTIVE)])
def test_usage_is_counted_to_the_day_its_report_speaks_of(days, state):
    seen = _judge(_traces(days, lag=2), **SILENT)
    assert (seen.state, seen.proof, seen.as_of) == (state, Proof.USAGE, TODAY - timedelta(days=2))


def test_the_limit_is_the_contracts():
    assert _judge(clock=replace(CLOCK, inactive_days=30), **_signed(_ago(31))).state is ActivityState.INACTIVE


def test_an_old_snapshot_judged_later_makes_nobody_inactive():
    later = Clock(today=TODAY + timedelta(days=60), seen_on=TODAY)
    assert _judge(clock=later, **_signed(_ago(60))).state is ActivityState.ACTIVE


def test_case_24_failed_attempts_of_yesterday_are_no_activity():
    seen = _judge(**_signed(datetime(2025, 3, 4, tzinfo=UTC), at=_ago(1)))
    assert seen.state is ActivityState.INACTIVE
    assert (seen.last_on, seen.attempt_on) == (date(2025, 3, 4), TODAY - timedelta(days=1))


def test_case_25_no_success_on_record_and_an_old_attempt_is_inactive_with_low_confidence():
    seen = _judge(created_at=datetime(2021, 1, 1, tzinfo=UTC), **_signed(None, at=datetime(2023, 6, 1, tzinfo=UTC)))
    assert (seen.state, seen.confidence) == (ActivityState.INACTIVE, Confidence.TENTATIVE)
    assert (seen.proof, seen.last_on) == (Proof.ATTEMPT, date(2023, 6, 1))


def test_case_25_of_an_account_younger_than_the_property_no_success_means_never():
    seen = _judge(created_at=datetime(2025, 1, 1, tzinfo=UTC), **_signed(None, at=_ago(1)))
    assert (seen.state, seen.confidence, seen.attempt_on) == (
        ActivityState.NEVER,
        Confidence.TENTATIVE,
        TODAY - timedelta(days=1),
    )


def test_case_25_a_recent_attempt_is_no_last_activity():
    seen = _judge(created_at=datetime(2021, 1, 1, tzinfo=UTC), **_signed(None, at=_ago(1)))
    assert (seen.state, seen.confidence) == (ActivityState.INACTIVE, Confidence.TENTATIVE)
    assert (seen.last_on, seen.attempt_on) == (None, TODAY - timedelta(days=1))


def test_where_no_user_of_the_tenant_has_a_success_its_absence_says_nothing():
    mute = replace(CLOCK, successes_told=False)
    assert _judge(clock=mute, **_signed(None, at=_ago(1))).state is ActivityState.UNKNOWN
    assert _judge(clock=mute, **_signed(None, at=_ago(91))).state is ActivityState.INACTIVE


@pytest.mark.parametrize(
    ("created", "licensed", "state"),
    [
        (8, None, ActivityState.STARTING),
        (30, None, ActivityState.STARTING),
        (31, None, ActivityState.NEVER),
        (400, 30, ActivityState.STARTING),
        (400, 31, ActivityState.NEVER),
    ],
)
def test_case_26_who_never_signed_in_has_thirty_days_from_account_and_license(created, licensed, state):
    licensed_on = None if licensed is None else TODAY - timedelta(days=licensed)
    seen = _judge(created_at=_ago(created), licensed_on=licensed_on, **NEVER)
    assert seen.state is state
    assert seen.since_on == TODAY - timedelta(days=min(created, licensed or created))


def test_case_26_a_start_nobody_knows_gives_no_verdict():
    assert _judge(created_at=None, **NEVER).state is ActivityState.UNKNOWN


def test_never_is_firm_only_where_sign_ins_and_usage_agree():
    assert _judge(_traces(None), **NEVER).confidence is Confidence.FIRM
    assert _judge(**NEVER).confidence is Confidence.TENTATIVE
    assert _judge(_traces(None), **SILENT).confidence is Confidence.TENTATIVE


@pytest.mark.parametrize(
    ("created", "state"),
    [(date(2023, 11, 30), ActivityState.INACTIVE), (date(2023, 12, 1), ActivityState.NEVER)],
)
def test_case_25_the_property_exists_since_december_2023(created, state):
    made = datetime(created.year, created.month, created.day, tzinfo=UTC)
    assert _judge(created_at=made, **_signed(None, at=_ago(1))).state is state


@pytest.mark.parametrize(("days", "last_on"), [(90, None), (91, TODAY - timedelta(days=91))])
def test_case_25_only_an_attempt_beyond_the_limit_bounds_the_last_success(days, last_on):
    seen = _judge(created_at=datetime(2021, 1, 1, tzinfo=UTC), **_signed(None, at=_ago(days)))
    assert (seen.last_on, seen.state) == (last_on, ActivityState.INACTIVE)


def test_the_proof_speaks_of_the_day_it_was_read_and_never_of_the_future():
    later = Clock(today=TODAY + timedelta(days=9), seen_on=TODAY)
    attempts = _signed(None, at=_ago(400))
    for facts in (_signed(_ago(200)), attempts, NEVER):
        made = datetime(2021, 1, 1, tzinfo=UTC)
        assert _judge(clock=later, created_at=made, **facts).as_of == TODAY
        assert _judge(clock=replace(CLOCK, seen_on=TODAY + timedelta(days=9)), created_at=made, **facts).as_of == TODAY


def test_what_only_a_side_report_dates_is_a_sign_only():
    seen = _judge(_traces(200, told=False), **NEVER)
    assert (seen.state, seen.confidence) == (ActivityState.INACTIVE, Confidence.TENTATIVE)
    assert _judge(_traces(200), **NEVER).confidence is Confidence.FIRM


def test_an_account_older_than_microsofts_memory_is_never_a_sign_only():
    before, since = datetime(2020, 4, 30, tzinfo=UTC), datetime(2020, 5, 1, tzinfo=UTC)
    assert _judge(_traces(None), created_at=before, **NEVER).confidence is Confidence.TENTATIVE
    assert _judge(_traces(None), created_at=since, **NEVER).confidence is Confidence.FIRM


def test_recent_attempts_on_an_account_of_unknown_age_prove_nothing():
    assert _judge(created_at=None, **_signed(None, at=_ago(1))).state is ActivityState.UNKNOWN


@pytest.mark.parametrize("sign_in", [NEVER, _signed(None, at=_ago(500)), _signed(_ago(500)), SILENT])
@pytest.mark.parametrize("told", [True, False])
def test_case_27_a_mailbox_that_works_is_active_however_it_signs_in(sign_in, told):
    seen = _judge(_traces(3, told=told), **sign_in)
    assert (seen.state, seen.proof) == (ActivityState.ACTIVE, Proof.USAGE)


def test_case_28_without_sign_ins_and_reports_nothing_is_known():
    assert _judge(**SILENT).state is ActivityState.UNKNOWN


def test_a_user_whom_only_a_side_report_knows_to_be_idle_is_unknown():
    assert _judge(_traces(200, told=False), **SILENT).state is ActivityState.UNKNOWN


def test_two_sources_that_agree_confirm():
    assert _judge(_traces(200), **_signed(_ago(150))).confidence is Confidence.CONFIRMED
    assert _judge(**_signed(_ago(150))).confidence is Confidence.FIRM


def test_the_later_of_sign_in_and_usage_is_the_date_told():
    seen = _judge(_traces(120), **_signed(_ago(150)))
    assert (seen.last_on, seen.proof) == (TODAY - timedelta(days=120), Proof.USAGE)


def _case(snapshot, **terms):
    return TenantCase(snapshot=snapshot, knowledge=knowledge(), contract=contract(**terms), as_of=NOW)


def _reports(*mine):
    kinds = {one.kind for one in mine}
    return (*mine, *(one for one in REPORTS if one.kind not in kinds))


@pytest.mark.parametrize(
    ("changes", "gaps", "state"),
    [
        ({"age_days": 7}, (), ReportState.USABLE),
        ({"age_days": 8}, (), ReportState.STALE),
        ({"age_days": 12}, (), ReportState.STALE),
        ({"rows": 0}, (), ReportState.EMPTY),
        ({"refreshed_on": None}, (), ReportState.EMPTY),
        ({"concealed": True}, (gap(TenantFact.USAGE),), ReportState.CONCEALED),
        ({}, (gap(TenantFact.USAGE),), ReportState.UNREAD),
    ],
)
def test_case_29_a_report_is_usable_for_seven_days_and_never_when_hidden(changes, gaps, state):
    snapshot = tenant(reports=_reports(report(TenantFact.USAGE, **changes)), gaps=gaps)
    assert report_state(_case(snapshot), TenantFact.USAGE) is state


def test_case_29_a_report_that_was_not_read_is_none():
    assert report_state(_case(tenant(reports=())), TenantFact.USAGE) is ReportState.UNREAD


def test_case_29_the_dates_of_a_stale_report_are_not_used():
    ann = user("ann", **SILENT)
    rows = (Usage(upn=ann.upn, last_on=TODAY - timedelta(days=200)),)
    stale = tenant(users=[ann], usage=rows, reports=_reports(report(TenantFact.USAGE, age_days=12)))
    assert Activities(_case(stale)).of(ann).state is ActivityState.UNKNOWN
    assert Activities(_case(stale, usage_max_age_days=12)).of(ann).state is ActivityState.INACTIVE


def test_reports_are_joined_by_principal_name_without_case():
    ann = user("ann", upn="Ann@Example.com", **SILENT)
    rows = (Usage(upn="ann@EXAMPLE.com", last_on=TODAY - timedelta(days=3)),)
    assert Activities(_case(tenant(users=[ann], usage=rows))).of(ann).state is ActivityState.ACTIVE


@pytest.mark.parametrize(
    "side",
    [
        {"apps_usage": (AppsUsage(upn="ann@example.com", last_activation_on=TODAY - timedelta(days=20)),)},
        {"mailboxes": (Mailbox(upn="ann@example.com", last_activity_on=TODAY - timedelta(days=20)),)},
    ],
)
def test_any_report_can_prove_activity(side):
    ann = user("ann", **SILENT)
    idle = (Usage(upn=ann.upn, last_on=TODAY - timedelta(days=200)),)
    seen = Activities(_case(tenant(users=[ann], usage=idle, **side))).of(ann)
    assert (seen.state, seen.last_on) == (ActivityState.ACTIVE, TODAY - timedelta(days=20))


def test_the_newest_date_of_all_reports_counts_whatever_their_order():
    ann = user("ann", **SILENT)
    older = (AppsUsage(upn=ann.upn, last_activity_on=TODAY - timedelta(days=150)),)
    usage = (Usage(upn=ann.upn, last_on=TODAY - timedelta(days=120)),)
    seen = Activities(_case(tenant(users=[ann], usage=usage, apps_usage=older))).of(ann)
    assert (seen.state, seen.last_on) == (ActivityState.INACTIVE, TODAY - timedelta(days=120))


def test_a_mailbox_without_a_date_does_not_take_the_usage_report_back():
    ann = user("ann", **SILENT)
    usage, mail = (Usage(upn=ann.upn, last_on=TODAY - timedelta(days=120)),), (Mailbox(upn=ann.upn),)
    assert Activities(_case(tenant(users=[ann], usage=usage, mailboxes=mail))).of(ann).state is ActivityState.INACTIVE


def test_a_user_the_report_does_not_know_is_unknown_and_not_inactive():
    ann = user("ann", **SILENT)
    snapshot = tenant(users=[ann], usage=(Usage(upn="ben@example.com", last_on=TODAY),))
    assert Activities(_case(snapshot)).of(ann).state is ActivityState.UNKNOWN
