"""When to act: KEV, EPSS, severity, exposure, in that order, in words."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.feeds.records import Severity
from rules.model import PriorityLevel
from rules.priority import EPSS_THRESHOLDS, Sight, Threat, priority_of, threat_of, worst
from tests.rules.checks.estate import exploited, knowledge, probability

SEEN = Sight(epss_model=EPSS_THRESHOLDS.model)
SEVERITIES = st.sampled_from(Severity)
EXPOSURES = st.sampled_from(["", "internal", "internet"])


def _threat(*, kev: bool = False, ransomware: bool = False, epss: float | None = None, cves: int = 1) -> Threat:
    entries = (exploited(ransomware=ransomware),) if kev else ()
    return Threat(cve_count=cves, exploited=entries, epss_max=epss, epss_cve="CVE-2026-0001")


def _level(threat: Threat, severity: Severity, exposure: str = "") -> PriorityLevel:
    return priority_of(threat, severity, exposure, SEEN).level


def test_an_exploited_flaw_is_for_now_even_when_rated_low_and_internal():
    assert _level(_threat(kev=True), Severity.LOW, "internal") is PriorityLevel.NOW


@pytest.mark.parametrize(
    ("epss", "level"),
    [
        (EPSS_THRESHOLDS.urgent, PriorityLevel.NOW),
        (EPSS_THRESHOLDS.urgent - 0.001, PriorityLevel.PLAN),
        (EPSS_THRESHOLDS.raised, PriorityLevel.PLAN),
        (EPSS_THRESHOLDS.raised - 0.001, PriorityLevel.WATCH),
        (None, PriorityLevel.WATCH),
    ],
)
def test_a_low_flaw_moves_up_exactly_at_the_epss_thresholds(epss, level):
    assert _level(_threat(epss=epss), Severity.LOW) is level


@pytest.mark.parametrize(
    ("severity", "exposure", "level"),
    [
        (Severity.CRITICAL, "internal", PriorityLevel.NOW),
        (Severity.HIGH, "", PriorityLevel.PLAN),
        (Severity.HIGH, "internet", PriorityLevel.NOW),
        (Severity.UNKNOWN, "internet", PriorityLevel.NOW),
        (Severity.MEDIUM, "internal", PriorityLevel.WATCH),
        (Severity.MEDIUM, "internet", PriorityLevel.PLAN),
        (Severity.LOW, "internet", PriorityLevel.WATCH),
    ],
)
def test_severity_and_exposure_decide_where_nothing_is_exploited(severity, exposure, level):
    assert _level(_threat(), severity, exposure) is level


@given(SEVERITIES, SEVERITIES, EXPOSURES, EXPOSURES, st.floats(0, 1), st.floats(0, 1))
def test_the_order_is_kev_then_epss_band_then_severity_then_exposure(one, other, here, there, low, high):
    """Whatever comes later in the order never outweighs what comes earlier."""
    exploited_one = priority_of(_threat(kev=True, epss=low), one, here, SEEN)
    merely_likely = priority_of(_threat(epss=high), other, there, SEEN)
    assert exploited_one.score > merely_likely.score
    likely = priority_of(_threat(epss=EPSS_THRESHOLDS.urgent), one, here, SEEN)
    unlikely = priority_of(_threat(epss=low / 100), other, there, SEEN)
    assert likely.score > unlikely.score


def test_severity_outranks_exposure():
    for one, other in itertools.combinations((Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW), 2):
        assert (
            priority_of(_threat(), one, "internal", SEEN).score > priority_of(_threat(), other, "internet", SEEN).score
        )


def test_the_reasons_stand_in_the_order_they_decide():
    found = priority_of(_threat(kev=True, ransomware=True, epss=0.9), Severity.HIGH, "internet", SEEN)
    assert [reason.text.removeprefix("rules.priority.") for reason in found.reasons] == [
        "ransomware",
        "epss",
        "severity_high",
        "internet",
    ]


def test_an_undisclosed_severity_is_shown_as_such_and_ranks_as_high():
    undisclosed, high = (priority_of(_threat(), severity, "", SEEN) for severity in (Severity.UNKNOWN, Severity.HIGH))
    assert (undisclosed.level, undisclosed.score) == (high.level, high.score)
    assert undisclosed.reasons[0].text == "rules.priority.severity_unknown"


def test_a_priority_decided_blind_says_that_it_may_be_too_low():
    found = priority_of(_threat(), Severity.LOW, "", Sight(kev=False, epss=False))
    assert {reason.text for reason in found.reasons} >= {"rules.priority.kev_unseen", "rules.priority.epss_unseen"}


def test_a_fix_without_cve_cannot_be_in_kev_so_a_blind_spot_there_is_not_mentioned():
    found = priority_of(_threat(cves=0), Severity.LOW, "", Sight(kev=False, epss=False))
    assert [reason.text for reason in found.reasons] == ["rules.priority.severity_low"]


def test_scores_of_another_epss_model_than_the_thresholds_were_chosen_for_are_marked():
    found = priority_of(_threat(epss=0.2), Severity.LOW, "", Sight(epss_model="v2027.01.01"))
    assert found.reasons[-1].params == {"model": "v2027.01.01", "expected": EPSS_THRESHOLDS.model}


def test_a_threat_counts_what_the_feeds_know_and_names_the_likeliest_cve():
    about = knowledge(
        exploited=(exploited("CVE-1"),), probabilities=(probability(0.2, "CVE-1"), probability(0.7, "CVE-2"))
    )
    found = threat_of(("CVE-1", "CVE-2", "CVE-3"), about)
    assert (found.cve_count, len(found.exploited), found.epss_max, found.epss_cve) == (3, 1, 0.7, "CVE-2")
    assert threat_of((), about).epss_max is None


def test_the_worst_severity_prefers_a_stated_high_to_an_undisclosed_one():
    assert worst([Severity.UNKNOWN, Severity.HIGH, Severity.LOW]) is Severity.HIGH
    assert worst([Severity.UNKNOWN, Severity.MEDIUM]) is Severity.UNKNOWN
    assert worst([]) is Severity.UNKNOWN
