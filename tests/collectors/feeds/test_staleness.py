"""When a feed is too old: its limit in days, and Microsoft's second Tuesday of a month."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.feeds.records import FeedRecords, FeedState, last_patch_tuesday
from rules.knowledge import Knowledge

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
MSRC = FeedState(
    name="msrc",
    title="Microsoft",
    url="",
    licence="",
    max_age_days=7,
    checked_at=NOW,
    fetched_at=NOW,
    patch_tuesday=True,
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("as_of", "tuesday"),
    [
        ("2026-08-11T18:00:00", "2026-08-11"),
        ("2026-08-11T17:59:59", "2026-07-14"),
        ("2026-08-31T00:00:00", "2026-08-11"),
        ("2026-09-01T00:00:00", "2026-08-11"),  # a month that begins on a Tuesday
        ("2026-09-08T18:00:00", "2026-09-08"),
        ("2026-12-08T17:00:00", "2026-11-10"),
        ("2027-01-01T00:00:00", "2026-12-08"),
        ("2025-01-14T20:00:00", "2025-01-14"),  # begins on a Wednesday: as late as it can be
        ("2026-11-22T00:00:00", "2026-11-10"),
    ],
)
def test_the_last_second_tuesday(as_of, tuesday):
    assert last_patch_tuesday(utc(as_of)) == utc(f"{tuesday}T18:00:00")


@given(st.datetimes(min_value=datetime(2015, 1, 1), max_value=datetime(2060, 1, 1)))  # noqa: DTZ001 - made aware below
def test_a_second_tuesday_lies_at_most_five_weeks_back(moment):
    tuesday = last_patch_tuesday(moment.replace(tzinfo=UTC))
    assert tuesday.weekday() == 1
    assert 8 <= tuesday.day <= 14
    assert timedelta(0) <= moment.replace(tzinfo=UTC) - tuesday <= timedelta(days=35)


def test_another_time_zone_changes_nothing():
    paris = timezone(timedelta(hours=2))
    assert last_patch_tuesday(datetime(2026, 8, 11, 19, 59, tzinfo=paris)) == utc("2026-07-14T18:00:00")
    assert last_patch_tuesday(datetime(2026, 8, 11, 20, 0, tzinfo=paris)) == utc("2026-08-11T18:00:00")


@pytest.mark.parametrize(
    ("checked", "as_of", "stale"),
    [
        ("2026-08-10T09:00:00", "2026-08-11T17:59:59", False),
        ("2026-08-10T09:00:00", "2026-08-11T18:00:00", True),
        ("2026-08-11T17:59:59", "2026-08-12T09:00:00", True),
        ("2026-08-11T18:00:00", "2026-08-12T09:00:00", False),
        ("2026-08-12T09:00:00", "2026-08-19T09:00:00", False),  # exactly seven days
        ("2026-08-12T09:00:00", "2026-08-19T09:00:01", True),
    ],
)
def test_fixes_published_since_the_refresh_make_a_young_feed_stale(checked, as_of, stale):
    state = replace(MSRC, checked_at=utc(checked))
    assert state.is_stale(utc(as_of)) is stale
    knowledge = Knowledge.from_records(FeedRecords(feeds=(state,)))
    assert knowledge.is_stale(state, utc(as_of), {}) is stale


def test_a_generous_limit_of_the_operator_does_not_reach_beyond_patch_tuesday():
    state = replace(MSRC, checked_at=utc("2026-08-10T09:00:00"))
    knowledge = Knowledge.from_records(FeedRecords(feeds=(state,)))
    assert not knowledge.is_stale(state, utc("2026-08-11T12:00:00"), {"msrc": 60})
    assert knowledge.is_stale(state, utc("2026-08-12T12:00:00"), {"msrc": 60})
    assert knowledge.is_stale(replace(state, patch_tuesday=False), utc("2026-08-12T12:00:00"), {"msrc": 1})


def test_what_counts_for_patch_tuesday_is_the_refresh_and_not_the_publishers_date():
    published = replace(MSRC, published_at=utc("2026-08-07T00:00:00"), checked_at=utc("2026-08-12T00:00:00"))
    assert not published.is_stale(utc("2026-08-13T00:00:00"))
    assert published.misses_patches(utc("2026-09-09T00:00:00"))


def test_a_feed_never_fetched_is_stale_and_one_without_the_mark_knows_no_tuesday():
    never = replace(MSRC, checked_at=None, fetched_at=None)
    assert never.is_stale(NOW)
    assert never.misses_patches(NOW)
    assert not replace(MSRC, patch_tuesday=False, checked_at=utc("2026-08-10T00:00:00")).misses_patches(NOW)
