"""software.rights_ending: rights and maintenances that end, to the day (cases 61 and 62)."""

from typing import Any

import pytest

from rules.model import Finding, Outcome, PriorityLevel
from rules.rights import Entitlement, Metric, SoftwareTerms
from rules.software.position import Status
from tests.rules.checks.estate import only, spoken
from tests.rules.checks.software_estate import asked, day, line, position, right

ID = "software.rights_ending"
LINE = line("acrobat", Status.OK, owned=10, required=4)


def _asked(*rights: Entitlement, **options: Any) -> tuple[Finding, ...]:
    return asked(ID, LINE, rights=rights, terms=SoftwareTerms(ends_horizon_days=60), **options)


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        (61, "pass"),
        (60, "fail"),
        (15, "fail"),
        (1, "fail"),
        (0, "fail_today"),
        (-1, "ended"),
        (-60, "ended"),
        (-61, "pass"),
    ],
)
def test_boundary_day_a_right_is_announced_then_told_as_long_after(ends: int, text: str) -> None:
    found = only(_asked(right("L1", end=day(ends))))
    assert found.message.text == f"rules.{ID}.{text}"
    assert found.due_on == (day(ends) if text.startswith("fail") else None)


@pytest.mark.parametrize(
    ("ends", "level"), [(14, PriorityLevel.NOW), (15, PriorityLevel.PLAN), (-1, PriorityLevel.PLAN)]
)
def test_boundary_day_two_weeks_before_it_is_urgent(ends: int, level: PriorityLevel) -> None:
    assert only(_asked(right("L1", end=day(ends)))).priority.level is level


def test_case_61_the_end_of_maintenance_is_not_the_end_of_the_right() -> None:
    found = only(_asked(right("L1", maintenance_end=day(10))))
    assert (found.key, found.priority.level) == ("L1:maintenance", PriorityLevel.WATCH)
    assert "the right stays" in spoken(found)


def test_a_subscription_whose_maintenance_ends_with_it_is_told_once() -> None:
    assert only(_asked(right("L1", end=day(10), maintenance_end=day(10)))).key == "L1"


def test_a_right_that_another_row_goes_on_with_is_renewed() -> None:
    old = right("L1", end=day(10))
    assert only(_asked(old, right("L2", start=day(11), end=day(375)))).outcome is Outcome.PASS
    assert only(_asked(old, right("L2", "acrobat pro", start=day(5)))).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "other",
    [
        right("L2", start=day(12), end=day(375)),  # a day without any right
        right("L2", "AutoCAD", start=day(11)),
        right("L2", start=day(11), metric=Metric.USER),
        right("L2", start=day(-300), end=day(10)),
        right("L2", start=None, end=None),  # always there: it was bought beside, not instead
    ],
)
def test_a_row_of_something_else_renews_nothing(other: Entitlement) -> None:
    found = [one.key for one in _asked(right("L1", end=day(10)), other) if one.outcome is Outcome.FAIL]
    assert "L1" in found


def test_it_rests_on_the_file_alone_so_machines_not_read_change_nothing() -> None:
    blind = position(LINE, seen=1)
    found = only(asked(ID, summary=blind, rights=[right("L1")]))
    assert (found.outcome, found.message.params["count"]) == (Outcome.PASS, 1)


def test_case_62_a_right_that_begins_next_month_has_no_maintenance_to_speak_of() -> None:
    later = right("L1", start=day(30), maintenance_end=day(20))
    assert only(_asked(later)).outcome is Outcome.PASS


def test_a_client_without_a_file_of_rights_is_not_asked() -> None:
    found = only(asked(ID, summary=position(LINE, declared=False), rights=None))
    assert found.outcome is Outcome.NOT_APPLICABLE
