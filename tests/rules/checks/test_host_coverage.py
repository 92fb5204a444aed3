"""host.coverage: what was not seen is told once, by name, with what to do."""

import pytest

from collectors.model import FactKind, GapReason
from rules.model import NO_PRIORITY, Outcome, PriorityLevel
from tests.lab.snapshots import alma_host, debian_host, gap, unreached
from tests.rules.checks.estate import FEEDS, ask, judge, knowledge, only, outcomes

RULE = "host.coverage"


def test_a_host_seen_completely_passes():
    assert only(ask(RULE, debian_host(packages={"bash": "5"}))).outcome is Outcome.PASS


@pytest.mark.parametrize("reason", list(GapReason))
def test_G1_a_host_that_was_not_reached_is_not_audited_and_says_why_and_what_to_do(reason):
    found = only(ask(RULE, unreached(reason=reason, detail="no route to host")))
    assert (found.key, found.outcome) == ("not_audited", Outcome.UNKNOWN)
    assert found.message.text == f"rules.{RULE}.not_audited_{reason.value}"
    assert found.evidence[0].seen == "no route to host"
    assert found.gaps[0].reason is reason
    expected = PriorityLevel.WATCH if reason is GapReason.INTERRUPTED else PriorityLevel.NOW
    assert found.priority.level is expected


def test_G1_it_is_told_once_and_every_other_rule_is_unknown_without_a_priority():
    findings = judge(unreached()).findings
    assert {finding.outcome for finding in findings} == {Outcome.UNKNOWN}
    told = [finding for finding in findings if finding.priority != NO_PRIORITY]
    assert [finding.rule for finding in told] == [RULE]
    assert {finding.message.text for finding in findings if finding.rule != RULE} == {"rules.unknown.not_audited"}


def test_G2_areas_that_could_not_be_read_are_one_finding_with_each_gap_in_the_evidence():
    gaps = (gap(FactKind.PACKAGES), gap(FactKind.REBOOT, GapReason.DENIED), gap(FactKind.PACKAGES))
    found = only(ask(RULE, debian_host(packages={"bash": "5"}, gaps=gaps)))
    assert (found.key, found.message.params["count"]) == ("partial", 2)
    assert len(found.evidence) == 3
    assert found.priority.level is PriorityLevel.PLAN


def test_an_area_no_verdict_on_patches_rests_on_is_only_watched():
    found = only(ask(RULE, debian_host(packages={"bash": "5"}, gaps=(gap(FactKind.APPLICATIONS),))))
    assert found.priority.level is PriorityLevel.WATCH


def test_a_system_that_could_not_be_identified_is_a_blind_spot_even_without_a_gap():
    found = only(ask(RULE, debian_host(packages={"bash": "5"}, operating_system=None)))
    assert (found.key, found.outcome) == ("partial", Outcome.UNKNOWN)


@pytest.mark.parametrize(
    "host",
    [
        debian_host(packages={"bash": "5"}, id="kali", version_id="2026.3"),
        debian_host(packages={"bash": "5"}, id="raspbian"),
        alma_host(packages={"bash": "5"}, id="centos", version_id="9", pretty_name="CentOS Stream 9"),
    ],
)
def test_L18_L27_a_system_without_advisories_says_that_its_patches_are_not_verified(host):
    found = only(ask(RULE, host))
    assert (found.key, found.message.text) == ("unsupported", f"rules.{RULE}.unsupported")


def test_a_supported_system_whose_feed_was_never_downloaded_says_how_to_get_it():
    found = only(ask(RULE, debian_host(packages={"bash": "5"}), knowledge(feeds=FEEDS[1:])))
    assert found.message.text == f"rules.{RULE}.no_feed"


def test_two_kinds_of_blind_spot_are_two_findings():
    host = debian_host(packages={"bash": "5"}, id="kali", gaps=(gap(FactKind.PACKAGES),))
    assert outcomes(ask(RULE, host)) == {"partial": Outcome.UNKNOWN, "unsupported": Outcome.UNKNOWN}
