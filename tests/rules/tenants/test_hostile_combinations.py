"""Combinations that made sound single answers wrong: two reasons for a seat, moves, histories, exceptions."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from collectors.cloud.facts import Activations, AppsUsage, TenantFact
from rules.contract import LicenseException
from rules.model import Assessment, Confidence, Outcome, PriorityLevel
from rules.prices import Commitment
from rules.tenants.engine import with_tenants
from tests.lab.tenants import (
    NOW,
    TODAY,
    annual,
    ask,
    assignment,
    contract,
    gap,
    guid,
    judge,
    monthly,
    only,
    price,
    sku,
    spoken,
    subscription,
    tenant,
    trial,
    unreached,
    user,
    users,
)
from tests.rules.tenants.asking import SILENT, asked, box, idle, named, used

STANDARD = "O365_BUSINESS_PREMIUM"  # Microsoft 365 Business Standard
PRICES = [price("SPB", "22.00"), price(STANDARD, "11.70"), price("EXCHANGESTANDARD", "3.70")]


def leavers(count):
    return [user(f"gone{number}", holds=["SPB"], enabled=False, mailbox="user") for number in range(count)]


def staff(count):
    return [user(f"staff{number}", holds=["SPB"]) for number in range(count)]


def saved(judgement):
    return judgement.tenant.totals.saving_now + judgement.tenant.totals.saving_later


def fails(judgement, rule):
    return [one for one in judgement.findings if one.rule == rule and one.outcome is Outcome.FAIL]


# Money: what is taken back fills what is missing first


def test_case_01_seats_taken_back_fill_the_gap_before_they_save_anything():
    """25 bought, 27 held, 3 by leavers: 24 are needed then, one comes off the invoice and not three."""
    snapshot = tenant(skus=[sku("SPB", enabled=25, consumed=27)], users=[*staff(24), *leavers(3)])
    judgement = judge(snapshot, terms=contract(prices=PRICES))
    assert saved(judgement) == Decimal("22.00")
    assert len(fails(judgement, "m365.disabled_users")) == 3
    short = only(fails(judgement, "m365.under_licensed"))
    assert (short.message.params["count"], short.remedy.params["count"]) == (2, 3)
    assert "que les autres constats proposent de retirer (3)" in spoken_remedy(short, "fr")


def test_case_03_seats_taken_back_replace_those_in_grace_first():
    skus = [sku("SPB", enabled=10, consumed=12, warning=5)]
    grace = subscription("SPB", seats=5, status="Warning", next_lifecycle_at=NOW + timedelta(days=18))
    snapshot = tenant(skus=skus, subscriptions=[subscription("SPB"), grace], users=[*staff(9), *leavers(3)])
    assert saved(judge(snapshot, terms=contract(prices=PRICES))) == Decimal("22.00")


def test_seats_kept_free_on_purpose_are_filled_before_anything_is_saved():
    snapshot = tenant(skus=[sku("SPB", enabled=28, consumed=27)], users=[*staff(24), *leavers(3)])
    assert saved(judge(snapshot, terms=contract(prices=PRICES))) == Decimal("66.00") + Decimal("22.00")
    kept = contract(prices=PRICES, spare_seats={"SPB": 3})
    assert saved(judge(snapshot, terms=kept)) == Decimal("22.00")


def test_case_36_leavers_do_not_save_the_seats_of_a_trial():
    """10 paid and 25 on trial, 12 held, 3 by leavers: 9 are needed, and only one paid seat is too many."""
    skus = [sku("SPB", enabled=35, consumed=12)]
    subscriptions = [subscription("SPB", seats=10), trial("SPB", 25, ends_in=12)]
    snapshot = tenant(skus=skus, subscriptions=subscriptions, users=[*staff(9), *leavers(3)])
    assert saved(judge(snapshot, terms=contract(prices=PRICES))) == Decimal("22.00")


def test_case_01_the_ninety_days_are_in_the_advice_and_not_in_the_small_print():
    now = tenant(skus=[sku("SPB", enabled=25, consumed=27)], users=staff(27))
    before = replace(now, taken_at=NOW - timedelta(days=30), skus=(sku("SPB", enabled=30, consumed=27),))
    short = only(ask("m365.under_licensed", now, previous=before))
    assert "90 jours" in spoken_remedy(short, "fr")
    assert "90" not in spoken_remedy(only(ask("m365.under_licensed", now)), "fr")


def test_case_08_without_a_price_a_surplus_is_not_called_paid_for():
    snapshot = tenant(skus=[sku("SPB", enabled=10, consumed=7)], users=staff(7))
    found = only(ask("m365.unassigned_seats", snapshot))
    assert named(found) == (Outcome.FAIL, "fail_unpriced")
    assert "prix à confirmer" in spoken(found, "fr")
    assert "payées" not in spoken(found, "fr")


# Terms: what the last audit saw


def moved(days_later, *, seen_days_ago=30):
    """A subscription that comes round on 5 December, and on what day the last audit saw it come."""
    due = datetime(2026, 12, 5, tzinfo=UTC)
    one = subscription("SPB", created_at=datetime(2025, 12, 5, tzinfo=UTC), next_lifecycle_at=due)
    now = tenant(skus=[sku("SPB", consumed=7)], subscriptions=[one], users=staff(7))
    earlier = replace(one, next_lifecycle_at=due - timedelta(days=days_later))
    return now, replace(now, taken_at=NOW - timedelta(days=seen_days_ago), subscriptions=(earlier,))


def test_case_37_a_subscription_that_came_round_a_month_ago_is_monthly_though_it_looks_annual():
    now, before = moved(30)
    judgement = judge(now, previous=before)
    assert fails(judgement, "m365.renewal_decision") == []
    assert only(judgement.tenant.licenses).commitment is Commitment.MONTHLY
    assert only(fails(judgement, "m365.unassigned_seats")).money.shares[0].unpriced == 3


@pytest.mark.parametrize("days_later", [0, 365])
def test_case_37_what_was_far_off_a_month_ago_is_annual_for_sure(days_later):
    now, before = moved(days_later, seen_days_ago=30 if days_later == 0 else 340)
    found = only(fails(judge(now, previous=before), "m365.renewal_decision"))
    assert found.confidence is (Confidence.FIRM if days_later == 0 else Confidence.TENTATIVE)


def test_case_37_a_term_ended_together_with_another_is_known_the_second_month():
    due = datetime(2026, 12, 20, tzinfo=UTC)
    one = subscription("SPB", created_at=datetime(2026, 3, 10, tzinfo=UTC), next_lifecycle_at=due)
    now = tenant(skus=[sku("SPB", consumed=7)], subscriptions=[one], users=staff(7))
    assert named(only(ask("m365.renewal_decision", now))) == (Outcome.UNKNOWN, "unknown_term")
    earlier = replace(one, next_lifecycle_at=due - timedelta(days=30))
    before = replace(now, taken_at=NOW - timedelta(days=30), subscriptions=(earlier,))
    assert only(ask("m365.renewal_decision", now, previous=before)).outcome is Outcome.PASS


def test_case_37_no_more_seats_are_decided_than_come_round():
    """5 seats come round in 25 days, 20 in half a year; 8 are needless, and 5 can go now."""
    near = annual("SPB", 5, ends_on=TODAY + timedelta(days=40))
    snapshot = tenant(
        skus=[sku("SPB", enabled=25, consumed=17)],
        subscriptions=[near, annual("SPB", 20, ends_on=TODAY + timedelta(days=200))],
        users=staff(17),
    )
    found = only(fails(judge(snapshot, terms=contract(prices=PRICES)), "m365.renewal_decision"))
    assert (found.message.params["count"], found.message.params["yearly"]) == (5, 22 * 12 * 5)


def test_case_37_advice_nobody_can_follow_yet_is_to_be_watched_only():
    surplus = tenant(skus=[sku("SPB", consumed=7)], users=staff(7))
    levels = {
        subscriptions: only(ask("m365.unassigned_seats", replace(surplus, subscriptions=subscriptions))).priority.level
        for subscriptions in (
            (annual("SPB", 10, ends_on=TODAY + timedelta(days=200)),),
            (annual("SPB", 10, ends_on=TODAY + timedelta(days=45)),),
            (monthly("SPB", 10),),
        )
    }
    assert list(levels.values()) == [PriorityLevel.WATCH, PriorityLevel.PLAN, PriorityLevel.PLAN]


# Old licenses after a change of plan


@pytest.mark.parametrize(("state", "rule"), [("suspended", "m365.suspended_seats"), ("warning", "m365.grace_ending")])
def test_case_04_who_already_works_with_another_plan_loses_nothing(state, rule):
    old = sku(STANDARD, enabled=0, consumed=5, **{state: 5})
    subscriptions = [subscription("SPB", seats=5), subscription(STANDARD, seats=5, status=state.capitalize())]
    both = users(5, holds=["SPB", STANDARD])
    snapshot = tenant(skus=[sku("SPB", enabled=5, consumed=5), old], subscriptions=subscriptions, users=both)
    assert [one for one in ask(rule, snapshot) if one.priority.level is PriorityLevel.NOW] == []
    one_left = replace(snapshot, users=(*both[:4], user("left", holds=[STANDARD])))
    found = [one for one in ask(rule, one_left) if one.outcome is Outcome.FAIL]
    assert only(found).message.params["count"] == 1
    assert found[0].priority.level is PriorityLevel.NOW


def test_case_36_a_trial_that_is_over_leaves_nobody_without_service():
    over = trial("SPE_E5", 25, ends_in=-60, status="Suspended")
    skus = [sku("SPE_E5", enabled=0, suspended=25, consumed=6)]
    snapshot = tenant(skus=skus, subscriptions=[over], users=users(6, holds=["SPE_E5"]))
    assert {named(one) for one in ask("m365.suspended_seats", snapshot)} == {
        (Outcome.PASS, "pass"),
        (Outcome.NOT_APPLICABLE, "trial_over"),
    }


def test_case_36_a_trial_somebody_took_up_alone_bills_nothing():
    name = "Some_Product_Viral_Trial"
    snapshot = tenant(skus=[sku(name, enabled=50, consumed=2)], subscriptions=[trial(name, 50, ends_in=10)])
    assert only(ask("m365.trial_ending", snapshot)).outcome is Outcome.PASS


def test_case_12_where_subscriptions_are_unread_a_possible_trial_covers_nothing():
    skus = [sku("SPE_E5", enabled=5, consumed=1), sku("AAD_PREMIUM", enabled=1, consumed=1)]
    people = [user("ann", holds=["SPE_E5", "AAD_PREMIUM"])]
    unread = tenant(skus=skus, subscriptions=[], users=people, gaps=[gap(TenantFact.SUBSCRIPTIONS)])
    assert only(ask("m365.redundant_licenses", unread)).outcome is Outcome.UNKNOWN
    priced = contract(prices=[price("SPE_E5", "57"), price("AAD_PREMIUM", "5.60")])
    assert Outcome.FAIL in {one.outcome for one in ask("m365.redundant_licenses", unread, terms=priced)}


# One person, one advice


def test_case_23_nobody_is_told_to_go_and_to_get_a_smaller_or_larger_plan():
    away = idle("ann", 200, holds=["SPB", "EXCHANGEENTERPRISE"])
    skus = [sku(name, enabled=1, consumed=1) for name in ("SPB", "EXCHANGEENTERPRISE")]
    snapshot = tenant(skus=skus, users=[away], mailboxes=[box("ann", 5, kind="user")])
    assert only(asked("m365.downgrade_candidates", snapshot)).outcome is Outcome.PASS

    gone = idle("bob", 200, holds=[STANDARD])
    shared = Activations(upn="bob@example.com", product="APPS", windows=1, shared_computer=True, last_on=TODAY)
    hosts = tenant(skus=[sku(STANDARD, enabled=1, consumed=1)], users=[gone], activations=[shared])
    assert only(asked("m365.office_shared_hosts", hosts, servers={"rds_host": 1})).outcome is Outcome.PASS


def test_case_31_a_guest_whose_activity_could_not_be_checked_is_not_called_inactive():
    guest = user("ann", holds=["SPB"], type="Guest", **SILENT)
    found = only(asked("m365.guest_licenses", tenant(skus=[sku("SPB", consumed=1)], users=[guest])))
    assert named(found) == (Outcome.FAIL, "fail_unknown")


def test_case_25_usage_reports_alone_say_nothing_about_the_years_before_them():
    ann = user("ann", holds=["SPB"], created_at=NOW - timedelta(days=2000), **SILENT)
    snapshot = tenant(skus=[sku("SPB", consumed=1)], users=[ann], usage=[used("ann", None)])
    found = only(asked("m365.never_active_users", snapshot))
    assert (named(found), found.confidence) == ((Outcome.FAIL, "fail_usage"), Confidence.TENTATIVE)
    assert "aucune activité connue depuis" not in spoken(found, "fr")


def test_case_34_an_error_that_outlived_the_shortage_asks_for_another_attempt():
    waits = user("ann", assignments=(assignment("SPB", group="g", state="Error", error="CountViolation"),))
    over = tenant(skus=[sku("SPB", enabled=5, consumed=2)], users=[waits, *staff(2)])
    assert named(only(ask("m365.assignment_errors", over)))[1] == "fail_count_violation_over"
    short = tenant(skus=[sku("SPB", enabled=2, consumed=2)], users=[waits, *staff(2)])
    assert named(only(ask("m365.assignment_errors", short)))[1] == "fail_count_violation"


def test_case_22_a_sentence_about_a_leaver_reads_well_where_no_activity_is_known():
    gone = user("ann", holds=["SPB"], enabled=False, **SILENT)
    found = only(asked("m365.disabled_users", tenant(skus=[sku("SPB", consumed=1)], users=[gone])))
    assert ".." not in spoken(found, "fr")


def test_no_guid_reaches_a_sentence():
    group, unlisted = guid("a group nobody read"), guid("a product nobody lists")
    error = assignment(unlisted, group=group, state="Error", error="CountViolation")
    snapshot = tenant(skus=[sku("SPB", consumed=0)], users=[user("ann", assignments=(error,))])
    found = only(ask("m365.assignment_errors", snapshot))
    assert unlisted not in spoken(found)
    assert unlisted[:8] in spoken(found)
    assert group not in str(found.evidence[0].what.params)


def test_case_15_apps_that_were_never_installed_stay_a_sign_for_those_who_work():
    rows = [AppsUsage(upn="ann@example.com", last_activity_on=TODAY - timedelta(days=3), platforms=("web",))]
    snapshot = tenant(
        skus=[sku(STANDARD, consumed=1)],
        users=[user("ann", holds=[STANDARD])],
        apps_usage=rows,
        mailboxes=[box("ann", 5, kind="user")],
    )
    assert named(only(asked("m365.downgrade_candidates", snapshot))) == (Outcome.FAIL, "fail_apps")


# Exceptions


def excepted(who="ann@example.com", **changes):
    one = LicenseException(who=who, reason="parental leave", until=date(2026, 12, 31))
    return contract(prices=PRICES, exceptions=(replace(one, **changes),))


def test_case_23_an_exception_is_called_idle_only_where_that_is_known():
    terms = excepted()
    owned = {"skus": [sku("SPB", enabled=1, consumed=1)]}
    back = tenant(**owned, users=[user("ann", holds=["SPB"])])
    assert judge(back, terms=terms).tenant.unmatched_exceptions == ("ann@example.com",)
    assert judge(unreached(), terms=terms).tenant.unmatched_exceptions == ()
    unread = tenant(**owned, gaps=[gap(TenantFact.USERS)])
    assert judge(unread, terms=terms).tenant.unmatched_exceptions == ()
    silent = tenant(**owned, users=[user("ann", holds=["SPB"], **SILENT)], reports=(), gaps=[gap(TenantFact.USAGE)])
    assert judge(silent, terms=terms).tenant.unmatched_exceptions == ()
    misspelt = excepted("anne@example.com")
    assert judge(silent, terms=misspelt).tenant.unmatched_exceptions == ("anne@example.com",)


def test_an_exception_for_one_of_two_tenants_is_not_idle_in_the_other():
    terms = excepted()
    owned = {"skus": [sku("SPB", enabled=1, consumed=1)]}
    here = judge(tenant("a.example", **owned, users=[idle("ann")]), terms=terms)
    there = judge(tenant("b.example", **owned, users=[user("zoe", holds=["SPB"])]), terms=terms)
    assert idle_exceptions(here, there) == []
    assert idle_exceptions(there, judge(tenant("c.example", **owned), terms=terms)) == ["ann@example.com"]
    assert idle_exceptions(there, judge(unreached("d.example"), terms=terms)) == []


def idle_exceptions(*judgements):
    empty = Assessment(
        client="ACME",
        as_of=NOW,
        started_at=NOW,
        finished_at=NOW,
        product_version="0",
        machines=(),
        findings=(),
        feeds=(),
    )
    return [name for one in with_tenants(empty, judgements).tenants for name in one.unmatched_exceptions]


def spoken_remedy(found, language):
    return spoken(replace(found, message=found.remedy), language)
