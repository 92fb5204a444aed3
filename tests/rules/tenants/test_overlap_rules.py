"""m365.redundant_licenses and m365.downgrade_candidates: people who hold too much."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from collectors.cloud.facts import AppsUsage, Mailbox, TenantFact
from rules.model import Confidence, Outcome
from tests.lab.tenants import (
    NOW,
    REPORTS,
    annual,
    ask,
    assignment,
    contract,
    gap,
    guid,
    held,
    judge,
    only,
    price,
    report,
    sku,
    spoken,
    subscription,
    tenant,
    trial,
    user,
)

REDUNDANT, CANDIDATES = "m365.redundant_licenses", "m365.downgrade_candidates"
GB = 1024**3


def holder(*holds, name="ann", skus=None, **changes):
    """A tenant with one person who holds the products named."""
    parts = [
        one if isinstance(one, str) else next(p for p in ("SPE_E3", "SPB") if guid(p) == one.sku_id) for one in holds
    ]
    return tenant(
        skus=skus or [sku(part, enabled=1, consumed=1) for part in parts], users=[user(name, holds=holds)], **changes
    )


def products(found):
    return found.message.params["products"]


def test_case_11_two_add_ons_are_two_seats_and_one_line():
    terms = contract(prices=[price("AAD_PREMIUM", "5.00"), price("EXCHANGESTANDARD", "3.70")])
    found = only(ask(REDUNDANT, holder("SPB", "AAD_PREMIUM", "EXCHANGESTANDARD"), terms=terms))
    assert (found.person, products(found)) == ("ann@example.com", "AAD_PREMIUM, EXCHANGESTANDARD")
    assert (found.message.params["covered_by"], found.money.seats, found.money.monthly) == ("SPB", 2, Decimal("8.70"))


def test_case_12_p1_beside_e3():
    assert products(only(ask(REDUNDANT, holder("SPE_E3", "AAD_PREMIUM")))) == "AAD_PREMIUM"


@pytest.mark.parametrize("add_on", ["AAD_PREMIUM_P2", "EXCHANGEENTERPRISE"])
def test_case_13_and_14_what_is_more_than_business_premium_brings_stays(add_on):
    assert only(ask(REDUNDANT, holder("SPB", add_on))).outcome is Outcome.PASS


def test_case_15_a_plan_switched_off_covers_nothing():
    off = held("SPE_E3", without=["EXCHANGE_S_ENTERPRISE"])
    assert only(ask(REDUNDANT, holder(off, "EXCHANGESTANDARD"))).outcome is Outcome.PASS
    found = only(ask(REDUNDANT, holder("SPE_E3", "EXCHANGESTANDARD")))
    assert products(found) == "EXCHANGESTANDARD"


def test_case_16_and_17_one_product_by_two_ways_is_no_second_product():
    twice = user(
        "ann",
        holds=["SPB"],
        assignments=[assignment("SPB"), assignment("SPB", group="g1"), assignment("SPB", group="g2")],
    )
    assert only(ask(REDUNDANT, tenant(skus=[sku("SPB", consumed=1)], users=[twice]))).outcome is Outcome.PASS


def test_case_18_teams_beside_the_product_without_teams():
    pair = holder("Office_365_w/o_Teams_Bundle_Business_Premium", "Microsoft_Teams_EEA_New")
    assert only(ask(REDUNDANT, pair)).outcome is Outcome.PASS
    found = only(ask(REDUNDANT, holder("O365_BUSINESS_PREMIUM", "Microsoft_Teams_EEA_New")))
    assert products(found) == "Microsoft_Teams_EEA_New"


def test_a_trial_covers_nothing_it_will_end():
    skus = [sku("SPE_E5", enabled=25, consumed=1), sku("SPB", enabled=1, consumed=1)]
    on_trial = [trial("SPE_E5", 25, ends_in=20), subscription("SPB", seats=1)]
    snapshot = holder("SPE_E5", "SPB", skus=skus, subscriptions=on_trial)
    assert only(ask(REDUNDANT, snapshot)).outcome is Outcome.PASS


@pytest.mark.parametrize("counts", [{"warning": 1}, {"suspended": 1}])
def test_what_has_expired_covers_nothing(counts):
    skus = [sku("SPE_E5", enabled=0, consumed=1, **counts), sku("AAD_PREMIUM", enabled=1, consumed=1)]
    assert only(ask(REDUNDANT, holder("SPE_E5", "AAD_PREMIUM", skus=skus))).outcome is Outcome.PASS


def test_case_10_device_products_never_take_part():
    assert only(ask(REDUNDANT, holder("SPE_E5", "MCOCAP"))).outcome is Outcome.PASS
    assert only(ask(REDUNDANT, holder("MCOCAP", "Microsoft_Teams_EEA_New"))).outcome is Outcome.PASS


def test_a_grant_covers_and_is_itself_no_waste():
    terms = contract(non_billable={"SPB": 1})
    assert products(only(ask(REDUNDANT, holder("SPB", "AAD_PREMIUM"), terms=terms))) == "AAD_PREMIUM"
    granted_add_on = contract(non_billable={"AAD_PREMIUM": 1})
    assert only(ask(REDUNDANT, holder("SPB", "AAD_PREMIUM"), terms=granted_add_on)).outcome is Outcome.PASS


def test_a_product_the_tenant_does_not_list_is_not_judged():
    assert only(ask(REDUNDANT, holder("SPB", "AAD_PREMIUM", skus=[sku("SPB")]))).outcome is Outcome.PASS


def test_a_license_by_group_is_taken_away_by_the_group():
    ann = user("ann", holds=["SPB", "AAD_PREMIUM"], assignments=[assignment("AAD_PREMIUM", group="g1")])
    found = only(ask(REDUNDANT, tenant(skus=[sku("SPB"), sku("AAD_PREMIUM")], users=[ann])))
    assert found.remedy.text == f"rules.{REDUNDANT}.remedy_group"


def test_the_proof_shows_ranks_and_the_date_of_the_table():
    found = only(ask(REDUNDANT, holder("SPE_E3", "AAD_PREMIUM")))
    assert any("entra 1" in line.seen for line in found.evidence)
    assert all(line.what.params["table_on"] for line in found.evidence)


@pytest.mark.parametrize("hidden", [TenantFact.SKUS, TenantFact.USERS])
def test_redundancy_is_unknown_where_users_or_products_are_not_read(hidden):
    assert only(ask(REDUNDANT, holder("SPB", gaps=[gap(hidden)]))).outcome is Outcome.UNKNOWN


def large(used, *, archive=False, **changes):
    box = Mailbox(upn="ann@example.com", used_bytes=used, archive=archive, kind="user")
    return holder("SPB", "EXCHANGEENTERPRISE", mailboxes=(box,), **changes)


@pytest.mark.parametrize(("used", "outcome"), [(50 * GB, Outcome.FAIL), (50 * GB + 1, Outcome.PASS)])
def test_case_14_a_mailbox_within_50_gb_is_a_candidate_for_the_smaller_plan(used, outcome):
    assert only(ask(CANDIDATES, large(used))).outcome is outcome


def test_case_14_it_is_a_candidate_only_and_worth_no_money():
    found = only(ask(CANDIDATES, large(3 * GB), terms=contract(prices=[price("EXCHANGEENTERPRISE", "7.50")])))
    assert (found.confidence, found.money, found.person) == (Confidence.TENTATIVE, None, "ann@example.com")


@pytest.mark.parametrize("changes", [{"archive": True}, {"archive": None}])
def test_case_14_an_archive_or_one_nobody_told_of_is_no_sign(changes):
    assert only(ask(CANDIDATES, large(3 * GB, **changes))).outcome is Outcome.PASS
    assert only(ask(CANDIDATES, large(None))).outcome is Outcome.PASS


def apps(*platforms, days_ago=5, **changes):
    row = AppsUsage(upn="ANN@example.com", last_activity_on=NOW.date() - timedelta(days=days_ago), platforms=platforms)
    return holder("O365_BUSINESS_PREMIUM", apps_usage=(row,), **changes)


@pytest.mark.parametrize(
    ("platforms", "outcome"),
    [
        (("web", "mobile"), Outcome.FAIL),
        (("web",), Outcome.FAIL),
        (("web", "windows"), Outcome.PASS),
        (("mac",), Outcome.PASS),
        ((), Outcome.PASS),
    ],
)
def test_office_used_without_being_installed_is_a_candidate(platforms, outcome):
    assert only(ask(CANDIDATES, apps(*platforms))).outcome is outcome


@pytest.mark.parametrize(("days_ago", "outcome"), [(90, Outcome.FAIL), (91, Outcome.PASS)])
def test_who_is_not_seen_at_work_is_another_rules_business(days_ago, outcome):
    assert only(ask(CANDIDATES, apps("web", days_ago=days_ago))).outcome is outcome


def test_a_license_too_new_to_have_been_used_is_no_sign():
    snapshot = apps("web")
    fresh = user("ann", holds=["O365_BUSINESS_PREMIUM"], created_at=NOW - timedelta(days=20))
    assert (
        only(ask(CANDIDATES, tenant(skus=snapshot.skus, users=[fresh], apps_usage=snapshot.apps_usage))).outcome
        is Outcome.PASS
    )


def test_a_plan_without_installed_office_is_none_to_step_down_from():
    row = AppsUsage(upn="ann@example.com", last_activity_on=NOW.date(), platforms=("web",))
    assert only(ask(CANDIDATES, holder("O365_BUSINESS_ESSENTIALS", apps_usage=(row,)))).outcome is Outcome.PASS


def test_both_signs_about_one_person_are_one_line():
    row = AppsUsage(upn="ann@example.com", last_activity_on=NOW.date(), platforms=("web",))
    found = only(ask(CANDIDATES, large(3 * GB, apps_usage=(row,))))
    assert found.message.text == f"rules.{CANDIDATES}.fail_both"
    assert len(found.evidence) == 2


@pytest.mark.parametrize("kind", [TenantFact.MAILBOXES, TenantFact.APPS_USAGE])
@pytest.mark.parametrize("state", [{"age_days": 8}, {"concealed": True}, {"rows": 0}])
def test_a_report_that_cannot_be_used_makes_it_unknown(kind, state):
    reports = (*(one for one in REPORTS if one.kind is not kind), report(kind, **state))
    assert only(ask(CANDIDATES, holder("SPB", reports=reports))).outcome is Outcome.UNKNOWN


def test_a_gap_makes_candidates_unknown():
    assert only(ask(CANDIDATES, holder("SPB", gaps=[gap(TenantFact.MAILBOXES)]))).outcome is Outcome.UNKNOWN


def test_a_redundant_seat_of_a_leaver_is_counted_once():
    left = user("ann", holds=["SPB", "AAD_PREMIUM"], enabled=False, mailbox="user")
    skus = [sku(part, enabled=1, consumed=1) for part in ("SPB", "AAD_PREMIUM")]
    terms = contract(prices=[price("SPB", "20.00"), price("AAD_PREMIUM", "5.00")])
    subscriptions = [annual(part, 1, ends_on=date(2027, 3, 1)) for part in ("SPB", "AAD_PREMIUM")]
    judgement = judge(tenant(skus=skus, users=[left], subscriptions=subscriptions), terms=terms)
    assert judgement.tenant.totals.saving_later == Decimal("25.00")
    redundant = next(found for found in judgement.findings if found.rule == REDUNDANT)
    assert (redundant.outcome, redundant.money) == (Outcome.FAIL, None)
    assert "AAD_PREMIUM" in spoken(redundant)


def test_products_that_cover_only_together_are_both_named():
    skus = [
        sku("MAIL", plans=["EXCHANGE_S_STANDARD", "TEAMS1"]),
        sku("OFFICE", plans=["OFFICE_BUSINESS", "AAD_PREMIUM"]),
        sku("PAIR", plans=["EXCHANGE_S_STANDARD"]),
        sku("SET", plans=["OFFICE_BUSINESS"]),
    ]
    found = only(ask(REDUNDANT, holder("MAIL", "OFFICE", "PAIR", "SET", skus=skus)))
    assert (products(found), found.message.params["covered_by"]) == ("PAIR, SET", "MAIL, OFFICE")
