"""The law for tenants: silence is never an answer, exceptions stay visible, a broken rule is an unknown."""

from datetime import date, timedelta

import msgspec
import pytest

from collectors.cloud.facts import TenantFact
from rules.checks import discover, discover_tenant_rules
from rules.contract import LicenseException
from rules.model import Assessment, Outcome, PriorityLevel
from rules.tenants.engine import judge_tenant, with_tenants
from rules.tenants.rule import TenantRule, finding, machines_by_kind
from tests.lab import snapshots
from tests.lab.tenants import (
    NOW,
    TODAY,
    ask,
    contract,
    gap,
    guid,
    judge,
    knowledge,
    only,
    price,
    sku,
    spoken,
    tenant,
    unreached,
    user,
    users,
)
from tests.lab.windows_snapshots import windows_host

SKUS, USERS = TenantFact.SKUS, TenantFact.USERS


def doubled(**changes):
    """Two people with a redundant license each."""
    people = [user(name, holds=["SPB", "AAD_PREMIUM"]) for name in ("ann", "bob")]
    return tenant(
        skus=[sku("SPB", consumed=2, enabled=2), sku("AAD_PREMIUM", consumed=2, enabled=2)], users=people, **changes
    )


def excepted(who="ann@example.com", *, until=TODAY, product=""):
    return LicenseException(who=who, reason="mutation en cours", until=until, product=product)


def test_host_rules_and_tenant_rules_are_kept_apart():
    tenant_rules = discover_tenant_rules()
    assert tenant_rules
    assert all(rule.id.startswith("m365.") for rule in tenant_rules)
    assert not {rule.id for rule in tenant_rules} & {rule.id for rule in discover()}


def test_a_pass_on_a_gap_is_unknown_and_names_the_missing_permission():
    snapshot = tenant(skus=[sku("SPB")], gaps=[gap(USERS, "User.Read.All")])
    found = only(ask("m365.redundant_licenses", snapshot))
    assert found.outcome is Outcome.UNKNOWN
    assert "User.Read.All" in spoken(found)
    assert found.evidence[0].expected == "User.Read.All"


def test_a_gap_without_a_permission_names_the_area():
    found = only(ask("m365.redundant_licenses", tenant(skus=[sku("SPB")], gaps=[gap(USERS)])))
    assert spoken(found, "fr") == "Non vérifié\u00a0: les utilisateurs n'ont pas pu être lus."
    both = tenant(skus=[sku("SPB")], gaps=[gap(USERS), gap(SKUS)])
    assert "2 areas" in spoken(only(ask("m365.redundant_licenses", both)))


def test_a_fail_stays_a_fail_and_beside_it_stands_what_may_be_hidden():
    snapshot = tenant(skus=[sku("SPB", enabled=1, consumed=3)], gaps=[gap(USERS)])
    outcomes = {found.key: found.outcome for found in ask("m365.under_licensed", snapshot)}
    assert outcomes == {guid("SPB"): Outcome.FAIL, "": Outcome.UNKNOWN}


def test_case_69_licenses_that_could_not_be_read_are_not_an_empty_green_section():
    snapshot = tenant(gaps=[gap(SKUS, "LicenseAssignment.Read.All")])
    for rule in ("m365.under_licensed", "m365.unassigned_seats", "m365.grace_ending", "m365.seat_limit"):
        assert only(ask(rule, snapshot)).outcome is Outcome.UNKNOWN, rule


def test_a_tenant_that_gave_no_answer_is_unknown_to_every_rule_and_told_once():
    judgement = judge(unreached())
    assert {found.outcome for found in judgement.findings} == {Outcome.UNKNOWN}
    assert [found.rule for found in judgement.findings if found.priority.level is not PriorityLevel.NONE] == [
        "m365.coverage"
    ]
    assert judgement.findings[0].rule == "m365.coverage"
    assert (judgement.tenant.reached, judgement.tenant.users) == (False, None)


@pytest.mark.parametrize("rule", [rule.id for rule in discover_tenant_rules()])
def test_every_rule_is_unknown_about_a_tenant_nobody_could_read_a_thing_of(rule):
    gaps = [gap(kind) for kind in TenantFact if kind is not TenantFact.TENANT]
    outcomes = {found.key: found.outcome for found in ask(rule, tenant(gaps=gaps, reports=(), names_concealed=None))}
    assert outcomes.pop("beside", Outcome.NOT_APPLICABLE) is Outcome.NOT_APPLICABLE
    assert set(outcomes.values()) == {Outcome.UNKNOWN}


def test_a_rule_that_breaks_is_an_unknown_and_a_failure():
    def broken(_case):
        raise RuntimeError("boom")

    rule = TenantRule(id="m365.under_licensed", needs=(), check=broken)
    judgement = judge_tenant(tenant(), knowledge(), contract(), NOW, rules=[rule])
    assert only(judgement.findings).outcome is Outcome.UNKNOWN
    assert only(judgement.failures).error == "RuntimeError: boom"
    assert "boom" in spoken(only(judgement.findings))


def test_a_rule_that_says_nothing_is_a_failure_too():
    rule = TenantRule(id="m365.under_licensed", needs=(), check=lambda _case: ())
    assert judge_tenant(tenant(), knowledge(), contract(), NOW, rules=[rule]).failures


def test_a_naive_date_is_refused():
    with pytest.raises(ValueError, match="aware"):
        judge_tenant(tenant(), knowledge(), contract(), NOW.replace(tzinfo=None))


def test_an_exception_marks_a_finding_and_takes_it_out_of_the_count():
    terms = contract(prices=[price("AAD_PREMIUM", "5.00")], exceptions=(excepted("ANN@example.com"),))
    judgement = judge(doubled(), terms=terms)
    found = {one.person: one for one in judgement.findings if one.rule == "m365.redundant_licenses"}
    ann, bob = found["ann@example.com"], found["bob@example.com"]
    assert (ann.outcome, ann.money, ann.priority.level) == (Outcome.NOT_APPLICABLE, None, PriorityLevel.NONE)
    assert ann.evidence[-1].what.params == {"reason": "mutation en cours", "until_on": TODAY.isoformat()}
    assert (bob.outcome, bob.money.seats) == (Outcome.FAIL, 1)
    assert str(judgement.tenant.totals.saving_later) == "5.00"


def test_after_its_last_day_the_finding_returns():
    terms = contract(exceptions=(excepted(until=TODAY - timedelta(days=1)),))
    judgement = judge(doubled(), terms=terms)
    found = [one for one in judgement.findings if one.rule == "m365.redundant_licenses"]
    assert {one.outcome for one in found} == {Outcome.FAIL}
    assert judgement.tenant.unmatched_exceptions == ()


def test_an_exception_for_one_product_leaves_the_others_of_that_person():
    people = [user("ann", holds=["SPB", "AAD_PREMIUM", "EXCHANGESTANDARD"])]
    snapshot = tenant(
        skus=[sku(part, enabled=1, consumed=1) for part in ("SPB", "AAD_PREMIUM", "EXCHANGESTANDARD")], users=people
    )
    one = only(ask("m365.redundant_licenses", snapshot, terms=contract(exceptions=(excepted(product="aad_premium"),))))
    assert (one.outcome, [share.sku_id for share in one.money.shares]) == (Outcome.FAIL, [guid("EXCHANGESTANDARD")])
    both = (excepted(product="aad_premium"), excepted(product=guid("EXCHANGESTANDARD")))
    assert (
        only(ask("m365.redundant_licenses", snapshot, terms=contract(exceptions=both))).outcome
        is Outcome.NOT_APPLICABLE
    )


def test_an_exception_that_met_nothing_is_reported():
    exceptions = (excepted("gone@example.com"), excepted(product="VISIOCLIENT"))
    tenant_summary = judge(doubled(), terms=contract(exceptions=exceptions)).tenant
    assert tenant_summary.unmatched_exceptions == ("gone@example.com", "ann@example.com: VISIOCLIENT")


def test_a_product_left_out_of_alerts_stays_in_the_table():
    snapshot = tenant(skus=[sku("SPB", enabled=10, consumed=4)])
    judgement = judge(snapshot, terms=contract(left_out=("SPB",), prices=[price("SPB", "20")]))
    found = only([one for one in judgement.findings if one.rule == "m365.unassigned_seats"])
    assert (found.outcome, found.money) == (Outcome.NOT_APPLICABLE, None)
    line = judgement.tenant.licenses[0]
    assert (line.left_out, line.reducible, line.saving_later) == (True, 6, 0)


def test_findings_of_machines_and_tenants_share_one_order():
    judgements = [judge(doubled(target=tenant(name).target)) for name in ("b.example", "a.example")]
    empty = Assessment(
        client="ACME",
        as_of=NOW,
        started_at=NOW,
        finished_at=NOW,
        product_version="1",
        machines=(),
        findings=(),
        feeds=(),
    )
    joined = with_tenants(empty, judgements)
    assert [one.target.name for one in joined.tenants] == ["a.example", "b.example"]
    levels = [list(PriorityLevel).index(found.priority.level) for found in joined.findings]
    assert levels == sorted(levels)


def test_an_assessment_with_tenants_survives_the_history():
    terms = contract(prices=[price("SPB", "20.60")])
    empty = Assessment(
        client="ACME",
        as_of=NOW,
        started_at=NOW,
        finished_at=NOW,
        product_version="1",
        machines=(),
        findings=(),
        feeds=(),
    )
    joined = with_tenants(empty, [judge(doubled(), terms=terms)])
    assert msgspec.json.decode(msgspec.json.encode(joined), type=Assessment) == joined


def test_two_runs_over_the_same_tenant_are_equal():
    assert judge(doubled()) == judge(doubled())


def test_only_findings_about_people_name_people():
    for found in judge(doubled()).findings:
        assert bool(found.person) == (found.rule == "m365.redundant_licenses")


def test_machines_are_counted_by_what_a_server_license_is_compared_with():
    session_host = windows_host("rds1", kind="server", build="20348.4405", roles=("remote-desktop-session-host",))
    counts = machines_by_kind([snapshots.debian_host(), windows_host("pc1"), session_host, snapshots.unreached()])
    assert counts == {"linux": 1, "windows_client": 1, "windows_server": 1, "rds_host": 1}


def test_finding_helper_words_remedy_and_state():
    case = doubled()

    def check(asked):
        yield finding("m365.under_licensed", asked, Outcome.UNKNOWN, "pass", params={"count": 1}, remedy="remedy")

    rule = TenantRule(id="m365.under_licensed", needs=(), check=check)
    found = only(judge_tenant(case, knowledge(), contract(), NOW, rules=[rule]).findings)
    assert (found.state, found.remedy.text) == ("unknown", "rules.m365.under_licensed.remedy")


def test_users_are_counted_with_and_without_a_license():
    summary = judge(tenant(skus=[sku("SPB", consumed=2)], users=[*users(2, holds=["SPB"]), user("guest")])).tenant
    assert (summary.users, summary.licensed_users) == (3, 2)
    assert summary.taken_at.date() == date(2026, 11, 22)
