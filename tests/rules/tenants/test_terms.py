"""How long a subscription is bought for, by its dates alone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.cloud.facts import Subscription
from rules.prices import Commitment
from rules.tenants.terms import term_of

SEEN = date(2026, 11, 22)
ANNUAL, MONTHLY, UNKNOWN = Commitment.ANNUAL, Commitment.MONTHLY, Commitment.UNKNOWN


def bought(created, following, *, status="Enabled", trial=False):
    moments = [
        None if day is None else datetime.combine(day, datetime.min.time(), tzinfo=UTC) for day in (created, following)
    ]
    return Subscription(
        id="s", sku_id="k", status=status, trial=trial, created_at=moments[0], next_lifecycle_at=moments[1]
    )


@pytest.mark.parametrize(
    ("created", "following", "commitment", "sure"),
    [
        (date(2025, 3, 1), date(2027, 3, 1), ANNUAL, True),  # three months and more ahead: no month is that long
        (date(2026, 2, 5), date(2026, 12, 5), MONTHLY, True),
        (date(2026, 11, 20), date(2026, 12, 20), MONTHLY, True),  # its first month
        (date(2025, 12, 5), date(2026, 12, 5), ANNUAL, False),  # a year to the day, and a monthly one's twelfth month
        (date(2024, 2, 29), date(2027, 2, 28), ANNUAL, True),
        (date(2026, 1, 31), date(2026, 11, 30), MONTHLY, True),  # months are not equally long
        (date(2026, 3, 10), date(2026, 12, 20), UNKNOWN, False),  # ends together with another: neither
        (None, date(2027, 3, 1), UNKNOWN, False),
        (date(2025, 3, 1), None, UNKNOWN, False),
    ],
)
def test_the_term_is_told_by_the_dates_or_not_at_all(created, following, commitment, sure):
    term = term_of(bought(created, following), SEEN)
    assert (term.commitment, term.sure) == (commitment, sure)


@pytest.mark.parametrize(("days", "commitment"), [(31, MONTHLY), (32, ANNUAL)])
def test_a_next_day_more_than_a_month_away_is_no_monthly_one(days, commitment):
    end = SEEN + timedelta(days=days)
    created = date(end.year, end.month - 2, end.day)
    assert term_of(bought(created, end), SEEN).commitment is commitment


@pytest.mark.parametrize("changes", [{"trial": True}, {"status": "Warning"}, {"status": "Suspended"}])
def test_a_trial_or_an_expired_subscription_has_no_term(changes):
    assert term_of(bought(date(2025, 3, 1), date(2027, 3, 1), **changes), SEEN).commitment is UNKNOWN


@settings(deadline=None)
@given(
    created=st.dates(min_value=date(2020, 1, 1), max_value=date(2026, 11, 1)),
    ahead=st.integers(min_value=0, max_value=31),
)
def test_a_monthly_roll_over_is_never_surely_annual(created, ahead):
    assert not (lambda term: term.commitment is ANNUAL and term.sure)(
        term_of(bought(created, SEEN + timedelta(days=ahead)), SEEN)
    )
