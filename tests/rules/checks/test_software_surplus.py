"""software.surplus: only what is paid by the year can be saved, and only where every machine was read."""

from decimal import Decimal
from typing import Any

import pytest

from rules.model import Outcome, PriorityLevel
from rules.rights import SoftwareTerms
from rules.software.position import PositionLine, Reduction, Status
from tests.rules.checks.estate import only, spoken
from tests.rules.checks.software_estate import asked, day, line, position

ID = "software.surplus"


def _yearly(**changes: Any) -> PositionLine:
    """Two too many, which end on `ends_on` together."""
    values = {"owned": 6, "required": 4, "yearly": True, "saving": Decimal("578.00"), **changes}
    part = Reduction(units=2, on=values.get("ends_on"), amount=values["saving"])
    return line("acrobat", Status.EXCESS, **{"reductions": (part,), **values})


def test_a_surplus_paid_by_the_year_can_be_given_up_when_the_right_ends() -> None:
    found = only(asked(ID, _yearly(ends_on=day(30))))
    assert (found.outcome, found.due_on) == (Outcome.FAIL, day(30))
    assert spoken(found).startswith("Acrobat: 2 licenses paid by the year and not used (rights 6, need 4)")
    assert found.money is not None
    assert (found.money.now, found.money.later) == (Decimal(0), Decimal(578) / 12)
    assert found.money.anniversary_on == day(30)


@pytest.mark.parametrize(
    ("ends", "level"), [(60, PriorityLevel.PLAN), (61, PriorityLevel.WATCH), (0, PriorityLevel.PLAN)]
)
def test_boundary_day_the_horizon_of_the_contract_makes_it_a_plan(ends: int, level: PriorityLevel) -> None:
    found = only(asked(ID, _yearly(ends_on=day(ends)), terms=SoftwareTerms(ends_horizon_days=60)))
    assert (found.priority.level, found.due_on) == (level, day(ends))


def test_an_end_that_is_over_or_unknown_is_no_day_to_act_by() -> None:
    for ends_on in (day(-1), None):
        found = only(asked(ID, _yearly(ends_on=ends_on)))
        assert (found.outcome, found.due_on, found.message.text) == (Outcome.FAIL, None, f"rules.{ID}.fail_undated")


def test_what_ends_later_is_not_given_back_with_what_ends_next() -> None:
    parts = (
        Reduction(units=1, on=day(5), amount=Decimal(289)),
        Reduction(units=1, on=day(300), amount=Decimal(320)),
    )
    found = only(asked(ID, _yearly(ends_on=day(5), saving=Decimal(609), reductions=parts)))
    assert (found.due_on, found.message.params["count"]) == (day(5), 1)
    assert "2 licenses paid by the year and not used (rights 6, need 4), 1 of them until" in spoken(found)
    assert found.money is not None
    assert (found.money.seats, found.money.later) == (1, Decimal(289) / 12)


def test_what_was_bought_for_good_is_not_called_paid_by_the_year() -> None:
    """Two bought for good and two a year, one needed: only the two that end can be given up."""
    found = only(asked(ID, _yearly(owned=4, required=1, ends_on=day(99))))
    assert found.message.params["count"] == 2
    assert "3 licenses not used (rights 4, need 1), 2 of them paid by the year, until" in spoken(found)
    assert "follow" not in spoken(found)


def test_a_rest_without_a_known_end_has_no_ends_of_its_own_to_follow() -> None:
    parts = (Reduction(units=1, on=day(5), amount=Decimal(289)), Reduction(units=1, amount=Decimal(289)))
    assert "follow" not in spoken(only(asked(ID, _yearly(ends_on=day(5), reductions=parts))))


@pytest.mark.parametrize("yearly", [True, False])
def test_case_47_what_stays_with_its_machine_is_not_to_be_used_before_others_are_bought(yearly: bool) -> None:
    oem = line("windows", Status.EXCESS, owned=3, required=1, tied=2, yearly=yearly, saving=Decimal(40))
    told = next(found for found in asked(ID, oem) if found.outcome is Outcome.NOT_APPLICABLE)
    assert spoken(told) == (
        "Windows: 2 OEM licenses not used (rights 3, need 1), tied to the machines they were sold with; they can be "
        "neither given back nor used elsewhere."
    )


def test_case_47_of_a_surplus_only_what_is_tied_to_no_machine_can_be_used() -> None:
    some = line("windows", Status.EXCESS, owned=4, required=1, tied=2, saving=Decimal(60))
    told = next(found for found in asked(ID, some) if found.outcome is Outcome.NOT_APPLICABLE)
    assert spoken(told) == "Windows: 1 license bought for good is not used; use it before buying another."


def test_a_surplus_inside_packs_that_are_needed_is_told_and_given_up_by_nobody() -> None:
    told, passed = asked(ID, _yearly(saving=Decimal(0), reductions=()))
    assert {told.outcome, passed.outcome} == {Outcome.NOT_APPLICABLE, Outcome.PASS}
    assert {found.message.text for found in (told, passed)} == {f"rules.{ID}.packed", f"rules.{ID}.pass"}


def test_a_surplus_bought_for_good_is_told_and_saves_nothing() -> None:
    kept, passed = asked(ID, line("office", Status.EXCESS, owned=20, required=12, saving=Decimal(1680)))
    outcomes = {found.outcome for found in (kept, passed)}
    assert outcomes == {Outcome.NOT_APPLICABLE, Outcome.PASS}
    assert all(found.money is None for found in (kept, passed))


def test_case_68_machines_that_were_not_read_may_need_it_so_nothing_is_saved() -> None:
    found = only(asked(ID, summary=position(_yearly(seen=2), seen=2)))
    assert (found.outcome, found.limited, found.money) == (Outcome.UNKNOWN, True, None)


def test_case_39_a_surplus_without_a_price_is_counted_and_not_zero() -> None:
    money = only(asked(ID, _yearly(saving=None))).money
    assert money is not None
    assert (money.seats, money.unpriced) == (2, 2)


def test_nothing_too_much_passes() -> None:
    assert only(asked(ID, line("acrobat", Status.OK, owned=4, required=4))).outcome is Outcome.PASS


def test_without_a_file_of_rights_nobody_knows_what_is_too_much() -> None:
    found = only(asked(ID, summary=position(line("winrar", Status.UNKNOWN), declared=False), rights=None))
    assert found.outcome is Outcome.NOT_APPLICABLE
