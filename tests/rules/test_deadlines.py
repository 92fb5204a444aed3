"""By when a fix is due: the clock, the promises, the boundary day."""

from datetime import date, timedelta

import pytest

from collectors.feeds.records import Severity
from rules.contract import Sla
from rules.deadlines import Deadline, deadline_of
from tests.rules.checks.estate import TODAY, advisory, days, exploited, knowledge, probability

NOTHING = knowledge()


def _due(*advisories, sla: Sla | None = None, about=NOTHING) -> Deadline:
    found = deadline_of(advisories, sla or Sla(), about)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(Severity.CRITICAL, 14), (Severity.HIGH, 14), (Severity.MEDIUM, 60), (Severity.LOW, 90)],
)
def test_the_contract_gives_each_severity_its_days_from_the_vendors_release(severity, expected):
    found = _due(advisory(severity=severity, days_ago=0))
    assert (found.due_on, found.reason, found.days) == (days(expected), "severity", expected)


def test_G4_an_unknown_severity_counts_as_high_and_says_so():
    found = _due(advisory(severity=Severity.UNKNOWN, days_ago=0), sla=Sla(high=7, medium=60))
    assert (found.due_on, found.reason) == (days(7), "undisclosed")


def test_the_due_day_itself_is_not_late_and_the_day_after_is():
    found = _due(advisory(days_ago=14))
    assert found.due_on == TODAY
    assert not found.is_late(TODAY)
    assert found.days_late(TODAY) == 0
    assert found.is_late(TODAY + timedelta(days=1))
    assert found.days_late(TODAY + timedelta(days=1)) == 1


def test_G4_a_kev_due_date_earlier_than_the_contract_is_the_deadline_and_is_named():
    found = _due(advisory(days_ago=0), about=knowledge(exploited=(exploited(due_in=5),)))
    assert (found.due_on, found.reason, found.reference) == (days(5), "kev", "CVE-2026-0001")


def test_a_kev_due_date_later_than_the_contract_does_not_extend_it():
    found = _due(advisory(days_ago=0), about=knowledge(exploited=(exploited(due_in=40),)))
    assert (found.due_on, found.reason) == (days(14), "severity")


def test_a_kev_due_date_before_the_fix_existed_counts_from_its_release():
    found = _due(advisory(days_ago=2), about=knowledge(exploited=(exploited(due_in=-300),)))
    assert (found.due_on, found.reason, found.words.text) == (days(-2), "kev_released", "rules.deadline.kev_released")


def test_a_contract_without_kev_ignores_its_dates():
    found = _due(advisory(days_ago=0), sla=Sla(kev=False), about=knowledge(exploited=(exploited(due_in=1),)))
    assert found.reason == "severity"


@pytest.mark.parametrize(
    ("severity", "cvss", "covered"),
    [
        (Severity.CRITICAL, None, True),
        (Severity.HIGH, None, True),
        (Severity.MEDIUM, None, False),
        (Severity.MEDIUM, 6.9, False),
        (Severity.MEDIUM, 7.0, True),
        (Severity.LOW, 9.8, True),
        (Severity.UNKNOWN, None, True),
    ],
)
def test_cyber_essentials_gives_14_days_to_critical_high_cvss_7_and_undisclosed(severity, cvss, covered):
    slow = Sla(critical=90, high=90, medium=90, low=90, cyber_essentials=True)
    found = _due(advisory(severity=severity, cvss=cvss, days_ago=0), sla=slow)
    assert (found.reason == "cyber_essentials") is covered
    assert found.due_on == days(14 if covered else 90)


def test_several_promises_leave_the_earliest_named():
    sla = Sla(high=30, cyber_essentials=True)
    about = knowledge(exploited=(exploited(due_in=20),))
    assert _due(advisory(days_ago=0), sla=sla, about=about).reason == "cyber_essentials"
    about = knowledge(exploited=(exploited(due_in=3),))
    assert _due(advisory(days_ago=0), sla=sla, about=about).reason == "kev"


def test_the_oldest_open_advisory_sets_the_deadline():
    old, new = advisory("A-1", days_ago=30, severity=Severity.MEDIUM), advisory("A-2", days_ago=1)
    assert _due(old, new).advisory == "A-2"  # 60 days from 30 ago is later than 14 days from yesterday
    old = advisory("A-1", days_ago=50, severity=Severity.MEDIUM)
    assert _due(old, new).advisory == "A-1"


def test_without_any_date_there_is_no_deadline_but_kev_still_gives_one():
    undated = advisory(days_ago=None)
    assert deadline_of((undated,), Sla(), NOTHING) is None
    assert _due(undated, about=knowledge(exploited=(exploited(due_in=-1),))).due_on == days(-1)


def test_a_probability_of_exploitation_never_shortens_a_deadline():
    assert _due(advisory(days_ago=0), about=knowledge(probabilities=(probability(0.99),))).due_on == days(14)


def test_the_words_name_the_promise_and_the_day():
    words = _due(advisory(days_ago=0)).words
    assert words.text == "rules.deadline.severity_high"
    assert date.fromisoformat(str(words.params["due_on"])) == days(14)
