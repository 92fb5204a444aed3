"""The arithmetic of seats, case by case."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.tenants.seats import Seats

COUNTS = st.integers(min_value=0, max_value=2_000)


def test_case_01_more_holders_than_seats_is_a_deficit():
    assert Seats(enabled=25, consumed=27).deficit == 2


def test_case_02_grace_seats_are_usable_and_will_be_lost():
    seats = Seats(enabled=0, warning=25, consumed=20)
    assert (seats.deficit, seats.free, seats.at_risk) == (0, 5, 20)


def test_case_03_grace_covers_today_and_two_are_at_risk():
    seats = Seats(enabled=10, warning=5, consumed=12)
    assert (seats.deficit, seats.free, seats.at_risk) == (0, 3, 2)


def test_case_04_suspended_seats_are_people_without_service_and_no_surplus():
    seats = Seats(enabled=0, suspended=25, consumed=14)
    assert (seats.usable, seats.without_service, seats.deficit, seats.free) == (0, 14, 0, 0)


def test_case_05_locked_seats_are_neither_surplus_nor_service():
    seats = Seats(enabled=0, locked_out=30, consumed=0)
    assert (seats.usable, seats.without_service, seats.free, seats.deficit) == (0, 0, 0, 0)


def test_case_34_people_who_wait_are_needed_although_every_seat_is_taken():
    seats = Seats(enabled=10, consumed=10, waiting=2)
    assert (seats.need, seats.deficit) == (12, 2)


def test_suspended_seats_beside_working_ones_do_not_hide_a_deficit():
    seats = Seats(enabled=5, suspended=20, consumed=8)
    assert (seats.deficit, seats.without_service) == (3, 0)


def test_microsofts_own_example_has_500_seats_to_assign():
    seats = Seats(enabled=300, suspended=300, warning=300, consumed=100)
    assert (seats.usable, seats.free) == (600, 500)


@settings(deadline=None)
@given(enabled=COUNTS, consumed=COUNTS, warning=COUNTS, suspended=COUNTS, locked=COUNTS, waiting=COUNTS)
def test_a_product_is_never_short_and_free_at_once(enabled, consumed, warning, suspended, locked, waiting):
    seats = Seats(
        enabled=enabled, consumed=consumed, warning=warning, suspended=suspended, locked_out=locked, waiting=waiting
    )
    assert seats.deficit == 0 or seats.free == 0
    assert min(seats.deficit, seats.free, seats.at_risk, seats.without_service) >= 0
    if not seats.without_service and seats.usable:
        assert seats.usable + seats.deficit == seats.need + seats.free


@pytest.mark.parametrize(("warning", "at_risk"), [(0, 0), (1, 4)])
def test_nothing_is_at_risk_without_grace(warning, at_risk):
    assert Seats(enabled=6, warning=warning, consumed=10).at_risk == at_risk
