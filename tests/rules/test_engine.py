"""The engine's one law: silence is never an answer. Failures stay in their rule and host; two runs compare."""

import logging
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import collectors.feeds
from collectors.feeds.records import Lifecycle, Severity
from collectors.model import FactKind, Gap, GapReason, KernelState, Target
from rules.checks import discover
from rules.contract import Contract
from rules.engine import Judge
from rules.messages import Message
from rules.model import Outcome, PatchState, PriorityLevel
from rules.rule import FeedRole, Rule, finding, joined
from tests.lab.snapshots import NOW, deb, debian_host, gap, ubuntu_host, unreached
from tests.rules.checks.estate import (
    FEEDS,
    TODAY,
    advisory,
    aged,
    feed,
    fixed,
    judge,
    knowledge,
    offer,
    outcomes,
    verdict,
    without,
)

LIFECYCLES = (
    Lifecycle(
        product="debian",
        cycle="12",
        support_ends_on=TODAY - timedelta(days=99),
        extended_ends_on=TODAY.replace(year=2028),
    ),
    Lifecycle(product="ubuntu", cycle="22.04", support_ends_on=TODAY.replace(year=2029)),
)
KNOWN = knowledge(
    advisories=(advisory(), advisory("DSA-2", days_ago=40, severity=Severity.CRITICAL)),
    affected=(fixed("openssl", "3.0.16-1"), fixed("curl", "8-2", by="DSA-2")),
    lifecycles=LIFECYCLES,
)
HEALTHY = debian_host("healthy", packages={"openssl": "3.0.16-1", "curl": "8-2"})
SICK = debian_host(
    "sick",
    packages=[deb("libssl3", "3.0.15-1", source="openssl"), deb("curl", "8-1"), deb("tzdata", "2026a-0")],
    available_updates=(offer("curl", "8-2"), offer("tzdata", "2026b-0")),
)
MATCH_NOTHING = lambda _snapshot: ()  # noqa: E731


def _rule(check, *, rule_id="test.rule", **options):
    return Rule(id=rule_id, needs=options.pop("needs", ()), check=check, **options)


def _pass(case):
    return (finding("test.rule", case, Outcome.PASS, "pass"),)


def _judge(rule, snapshot, about=KNOWN):
    return Judge(about, Contract(client="ACME"), NOW, [rule], match=MATCH_NOTHING).judge(snapshot)


# --- a broken rule --------------------------------------------------------------------------------------------------


def test_a_rule_that_breaks_is_an_unknown_a_failure_and_a_logged_traceback(caplog):
    def broken(case):
        raise KeyError("no such thing")

    def fine(case):
        return (finding("other.rule", case, Outcome.PASS, "pass"),)

    rules = [_rule(broken), _rule(fine, rule_id="other.rule")]
    with caplog.at_level(logging.ERROR):
        judgement = Judge(KNOWN, Contract(client="ACME"), NOW, rules, match=MATCH_NOTHING).judge(HEALTHY)
    assert [(found.rule, found.outcome) for found in judgement.findings] == [
        ("test.rule", Outcome.UNKNOWN),
        ("other.rule", Outcome.PASS),
    ]
    assert [(failure.rule, failure.subject) for failure in judgement.failures] == [("test.rule", "healthy")]
    assert "no such thing" in judgement.failures[0].error
    assert "Traceback" in caplog.text
    assert "healthy" in caplog.text


def test_a_rule_that_breaks_half_way_through_its_answer_yields_one_unknown():
    def half(case):
        yield finding("test.rule", case, Outcome.FAIL, "fail", key="a")
        raise RuntimeError("later")

    judgement = _judge(_rule(half), HEALTHY)
    assert [found.outcome for found in judgement.findings] == [Outcome.UNKNOWN]


def test_a_matcher_that_breaks_fails_only_the_rules_that_ask_it():
    def explode(_snapshot):
        raise ValueError("bad row")

    judgement = Judge(KNOWN, Contract(client="ACME"), NOW, match=explode).judge(HEALTHY)
    assert {failure.rule for failure in judgement.failures} == {
        "host.reboot_pending",
        "packages.third_party",
        "patch.missing",
        "patch.no_fix",
        "patch.overdue",
    }
    found = {finding.rule: finding.outcome for finding in judgement.findings}
    assert found["patch.missing"] is Outcome.UNKNOWN
    assert found["package_lists.stale"] is Outcome.PASS


def test_no_answer_is_a_defect_and_not_a_pass():
    judgement = _judge(_rule(lambda case: ()), HEALTHY)
    assert judgement.findings[0].outcome is Outcome.UNKNOWN
    assert len(judgement.failures) == 1


def test_an_interrupt_is_not_swallowed():
    def interrupted(case):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _judge(_rule(interrupted), HEALTHY)


# --- blindness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in FactKind if kind is not FactKind.HOST])
def test_a_pass_that_rests_on_a_gap_is_unknown_for_every_kind_of_fact(kind):
    host = replace(HEALTHY, gaps=(gap(kind, GapReason.DENIED),))
    found = _judge(_rule(_pass, needs=(kind,)), host).findings[0]
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, f"rules.unknown.{kind.value}")
    assert found.gaps == host.gaps
    assert _judge(_rule(_pass), host).findings[0].outcome is Outcome.PASS


def test_several_gaps_are_told_in_one_sentence_with_each_in_the_evidence():
    host = replace(HEALTHY, gaps=(gap(FactKind.PACKAGES), gap(FactKind.REBOOT)))
    found = _judge(_rule(_pass, needs=(FactKind.PACKAGES, FactKind.REBOOT)), host).findings[0]
    assert found.message == Message(text="rules.unknown.several", params={"count": 2})
    assert [line.what.text for line in found.evidence] == ["rules.fact.packages", "rules.fact.reboot"]


def test_a_fact_that_is_not_there_and_that_nothing_explains_is_a_gap():
    host = replace(HEALTHY, reboot=None, kernels=None, package_lists=None)
    for kind in (FactKind.REBOOT, FactKind.KERNELS, FactKind.PACKAGE_LISTS):
        assert _judge(_rule(_pass, needs=(kind,)), host).findings[0].outcome is Outcome.UNKNOWN
    assert _judge(_rule(_pass, needs=(FactKind.KERNELS,)), replace(HEALTHY, kernels=KernelState())).findings[
        0
    ].outcome is (Outcome.PASS)


def test_a_system_that_was_not_identified_is_unknown_to_every_rule_that_does_not_judge_absence():
    judgement = judge(replace(HEALTHY, operating_system=None))
    assert {found.outcome for found in judgement.findings} == {Outcome.UNKNOWN}
    assert judgement.failures == ()


def test_a_rule_that_does_not_apply_is_not_asked():
    def never(case):
        raise AssertionError("asked")

    found = _judge(_rule(never, applies=lambda case: False), HEALTHY).findings
    assert [line.outcome for line in found] == [Outcome.NOT_APPLICABLE]


# --- properties -----------------------------------------------------------------------------------------------------

_GAPS = st.builds(
    Gap,
    kind=st.sampled_from(FactKind),
    collector=st.just("test"),
    reason=st.sampled_from(GapReason),
    detail=st.just("hidden"),
)
_HOSTS = st.sampled_from(
    [
        HEALTHY,
        SICK,
        debian_host("theirs", packages={"tzdata": "1"}, available_updates=(offer("tzdata", "2"),)),
        ubuntu_host("ubuntu", packages={"bash": "5"}),
        debian_host("odd", packages={"bash": "5"}, id="kali"),
        debian_host("container", packages={"bash": "5"}, container=True, kernels=None, reboot=None),
        debian_host("silent", packages={"bash": "5"}, reboot=None, package_lists=None, repositories=()),
    ]
)
_STALE = st.sampled_from([FEEDS, *(aged(name.name, 99) for name in FEEDS), *(without(name.name) for name in FEEDS)])


def _seen(host, about):
    judgement = Judge(about, Contract(client="ACME"), NOW).judge(host)
    assert judgement.failures == ()
    return {(found.rule, found.key): found for found in judgement.findings}


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(_HOSTS, st.lists(_GAPS, min_size=1, max_size=4))
def test_hiding_a_fact_never_turns_anything_into_a_pass(host, gaps):
    before = _seen(host, KNOWN)
    after = _seen(replace(host, gaps=(*host.gaps, *gaps)), KNOWN)
    for key, found in after.items():
        if found.outcome is Outcome.PASS and key not in before:
            # The one loss: an update only the updater knew of. The advisories' own answer stands, and says it is alone.
            assert found.message.text in ("rules.patch.missing.pass_alone", "rules.patch.overdue.pass")
            assert after["patch.missing", ""].message.text == "rules.patch.missing.pass_alone"
            assert after["host.coverage", "partial"].outcome is Outcome.UNKNOWN
        elif found.outcome is Outcome.PASS:
            assert before[key].outcome is Outcome.PASS
    rules = {rule for rule, _ in before}
    assert {rule for rule, _ in after} == rules, "every rule still answers"


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(_HOSTS, _STALE)
def test_losing_a_feed_never_turns_anything_into_a_pass_and_never_loses_a_fail_of_its_own_facts(host, feeds):
    before = _seen(host, KNOWN)
    after = _seen(host, replace(KNOWN, feeds={state.name: state for state in feeds}))
    for key, found in after.items():
        if found.outcome is Outcome.PASS:
            assert before[key].outcome is Outcome.PASS
    for key, found in before.items():
        if found.outcome is Outcome.FAIL:
            assert after[key].outcome is Outcome.FAIL


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(_HOSTS, st.lists(_GAPS, max_size=3))
def test_fingerprints_are_distinct_within_a_run_and_the_same_in_the_next(host, gaps):
    hidden = replace(host, gaps=tuple(gaps))
    one = [found.fingerprint for found in judge(hidden, KNOWN).findings]
    other = [found.fingerprint for found in judge(hidden, KNOWN, as_of=NOW + timedelta(hours=1)).findings]
    assert max(Counter(one).values()) == 1
    assert one == other


def test_a_fingerprint_is_rule_subject_and_key_and_nothing_that_changes_from_month_to_month():
    one = verdict("openssl", fixed_version="1.0-2")
    other = verdict("openssl", fixed_version="1.0-9", advisories=(advisory("DSA-77", severity=Severity.LOW),))
    found = [
        next(line for line in judge(SICK, verdicts=[made]).findings if line.key == "openssl") for made in (one, other)
    ]
    assert found[0].fingerprint == found[1].fingerprint
    assert found[0].message != found[1].message


def test_every_rule_answers_for_every_host_so_that_a_percentage_has_its_base():
    for host in (HEALTHY, SICK, unreached(), debian_host("odd", packages={"bash": "5"}, id="kali")):
        assert {found.rule for found in judge(host, KNOWN).findings} == {rule.id for rule in discover()}


# --- the whole run --------------------------------------------------------------------------------------------------


def _conclude(hosts, *, feeds=FEEDS, contract=None):
    about = replace(KNOWN, feeds={state.name: state for state in feeds})
    made = Judge(about, contract or Contract(client="ACME"), NOW)
    return made.conclude(
        [made.judge(host) for host in hosts],
        client="ACME",
        started_at=NOW - timedelta(minutes=5),
        finished_at=NOW,
        product_version="1.2.3",
    )


def test_the_conclusion_is_the_same_whatever_order_the_hosts_answered_in():
    hosts = [HEALTHY, SICK, unreached()]
    assert _conclude(hosts) == _conclude(reversed(hosts))


def test_findings_are_sorted_by_priority_then_subject_rule_and_key():
    findings = _conclude([HEALTHY, SICK, unreached()]).findings
    levels = [list(PriorityLevel).index(found.priority.level) for found in findings]
    assert levels == sorted(levels)
    of_none = [(f.subject, f.rule, f.key) for f in findings if f.priority.level is PriorityLevel.NONE]
    assert of_none == sorted(of_none)


def test_the_conclusion_carries_the_contracts_days_and_the_machines():
    found = _conclude([SICK, unreached()])
    assert found.sla_days == {"critical": 14, "high": 14, "medium": 60, "low": 90}
    assert [(m.target.name, m.reached, m.package_count, m.release) for m in found.machines] == [
        ("down01", False, 0, None),
        ("sick", True, 3, "debian:12"),
    ]
    assert found.stale_feeds == ()


def test_G6_stale_and_absent_feeds_of_this_estate_are_named_and_those_of_others_are_not():
    feeds = (
        feed("tracker", age_days=9, covers=("debian:12",)),
        feed("suse", age_days=99, covers=("sles:15.5",)),
        feed("epss"),
        feed("endoflife", checked_at=None),
    )
    assert _conclude([HEALTHY], feeds=feeds).stale_feeds == ("endoflife", "kev", "tracker")


@pytest.mark.parametrize("role", [role for role in FeedRole if role.is_single])
def test_a_feed_the_product_downloads_plays_every_role(role):
    assert [known.name for known in collectors.feeds.discover() if known.name == role.value]


def test_an_unaware_date_is_refused():
    with pytest.raises(ValueError, match="aware"):
        Judge(KNOWN, Contract(client="ACME"), datetime(2026, 11, 22))  # noqa: DTZ001


def test_hosts_with_the_same_fix_share_its_proof_and_its_words():
    hosts = [replace(SICK, target=Target(name=f"h{number}")) for number in range(2)]
    made = Judge(KNOWN, Contract(client="ACME"), NOW)
    one, other = (next(found for found in made.judge(host).findings if found.key == "openssl") for host in hosts)
    assert one.message is other.message
    assert one.priority is other.priority
    assert all(a is b for a, b in zip(one.evidence[:-1], other.evidence[:-1], strict=True))


def test_equal_kernel_verdicts_of_two_hosts_share_their_proof_too():
    known = (advisory(),)
    made = Judge(
        KNOWN,
        Contract(client="ACME"),
        NOW,
        match=lambda _: (verdict("linux", PatchState.MISSING, kernel=True, advisories=known),),
    )
    one, other = (made.judge(host).findings for host in (HEALTHY, SICK))
    evidence = [next(f.evidence for f in found if f.key == "linux") for found in (one, other)]
    assert evidence[0][0] is evidence[1][0]


def test_a_report_cell_names_a_few_and_counts_the_rest():
    assert joined(["a", "b"]) == "a, b"
    assert joined([str(n) for n in range(9)]) == "0, 1, 2, 3, 4, 5 (+3)"
    assert joined([]) == ""


def test_the_whole_estate_of_a_sick_host_reads_as_expected():
    found = outcomes([line for line in judge(SICK, KNOWN).findings if line.rule == "patch.missing"])
    assert found == {"curl": Outcome.FAIL, "openssl": Outcome.FAIL, "tzdata": Outcome.FAIL}
