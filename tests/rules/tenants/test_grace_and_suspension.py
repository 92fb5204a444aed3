"""m365.grace_ending and m365.suspended_seats: what has expired, and who loses what."""

from datetime import UTC, date, datetime

import pytest

from collectors.cloud.facts import TenantFact
from rules.model import Outcome, PriorityLevel, SeatVerdict
from tests.lab.tenants import ask, gap, guid, judge, only, sku, spoken, subscription, tenant

GRACE, SUSPENDED = "m365.grace_ending", "m365.suspended_seats"
ENDS = datetime(2026, 12, 10, tzinfo=UTC)


def expired(part_number="SPB", *, ends_at=ENDS, **counts):
    counts = {"enabled": 0, "status": "Warning"} | counts
    lapsed = subscription(part_number, status="Warning", next_lifecycle_at=ends_at)
    return tenant(skus=[sku(part_number, **counts)], subscriptions=[lapsed])


def test_case_02_twenty_people_lose_access_on_the_day_microsoft_names():
    snapshot = expired(warning=25, consumed=20)
    found = only(ask(GRACE, snapshot))
    assert spoken(found) == "SPB: subscription expired, 20 people lose access on 10 Dec 2026."
    assert (found.outcome, found.due_on, found.money) == (Outcome.FAIL, date(2026, 12, 10), None)
    assert found.priority.level is PriorityLevel.NOW
    line = judge(snapshot).tenant.licenses[0]
    assert (line.verdict, line.free, line.at_risk, line.deficit) == (SeatVerdict.CHECK, 5, 20, 0)


def test_case_02_without_the_day_it_is_still_told():
    found = only(ask(GRACE, expired(ends_at=None, warning=25, consumed=20)))
    assert (found.message.text, found.due_on) == (f"rules.{GRACE}.fail_undated", None)


@pytest.mark.parametrize(
    ("consumed", "text", "count"), [(12, "fail", 2), (11, "fail", 1), (10, "idle", 5), (3, "idle", 5)]
)
def test_case_03_those_beyond_the_seats_that_stay_are_at_risk(consumed, text, count):
    found = only(ask(GRACE, expired(enabled=10, warning=5, consumed=consumed)))
    assert (found.message.text, found.message.params["count"]) == (f"rules.{GRACE}.{text}", count)


def test_an_expired_subscription_nobody_depends_on_is_not_silent():
    found = only(ask(GRACE, expired(enabled=10, warning=5, consumed=3)))
    assert (found.outcome, found.priority.level) == (Outcome.FAIL, PriorityLevel.WATCH)


def test_an_expired_server_license_is_told_without_people():
    found = only(ask(GRACE, expired("MDATP_Server", warning=4, consumed=4)))
    assert found.message.text == f"rules.{GRACE}.other_kind"


def test_the_first_of_two_days_counts():
    later = datetime(2026, 12, 30, tzinfo=UTC)
    lapsed = [subscription("SPB", status="Warning", next_lifecycle_at=end) for end in (later, ENDS)]
    running = subscription("SPB", next_lifecycle_at=datetime(2026, 12, 1, tzinfo=UTC))
    snapshot = tenant(skus=[sku("SPB", enabled=1, warning=4, consumed=4)], subscriptions=[*lapsed, running])
    assert only(ask(GRACE, snapshot)).due_on == date(2026, 12, 10)


def test_no_grace_is_a_pass_and_blind_it_is_unknown():
    assert only(ask(GRACE, tenant(skus=[sku("SPB", consumed=20, enabled=20)]))).outcome is Outcome.PASS
    blind = tenant(skus=[sku("SPB")], gaps=[gap(TenantFact.SKUS)])
    assert only(ask(GRACE, blind)).outcome is Outcome.UNKNOWN
    assert only(ask(GRACE, tenant(skus=[sku("SPB", warning=3, consumed=None)]))).outcome is Outcome.UNKNOWN


def test_a_free_offer_that_lapses_is_no_news():
    assert only(ask(GRACE, expired("FLOW_FREE", warning=10_000, consumed=2))).outcome is Outcome.PASS


def test_case_04_fourteen_people_without_service_and_no_surplus():
    snapshot = tenant(skus=[sku("SPB", enabled=0, suspended=25, consumed=14, status="Suspended")])
    found = only(ask(SUSPENDED, snapshot))
    assert spoken(found) == "SPB: subscription suspended, 14 people without service."
    assert (found.outcome, found.priority.level, found.money) == (Outcome.FAIL, PriorityLevel.NOW, None)
    line = judge(snapshot).tenant.licenses[0]
    assert (line.verdict, line.free, line.reducible) == (SeatVerdict.CHECK, 0, 0)
    assert only(ask("m365.unassigned_seats", snapshot)).outcome is Outcome.PASS


@pytest.mark.parametrize(("consumed", "outcome"), [(0, Outcome.PASS), (1, Outcome.FAIL)])
def test_one_person_without_service_is_enough(consumed, outcome):
    snapshot = tenant(skus=[sku("SPB", enabled=0, suspended=5, consumed=consumed)])
    assert ask(SUSPENDED, snapshot)[0].outcome is outcome


def test_case_05_locked_seats_are_one_line_and_no_euro():
    snapshot = tenant(skus=[sku("SPB", enabled=0, locked_out=30, consumed=0, status="LockedOut")])
    told = {found.key: found for found in ask(SUSPENDED, snapshot)}
    assert told[""].outcome is Outcome.PASS
    assert spoken(told[guid("SPB")]) == "SPB: 30 locked licenses (cancelled), neither usable nor counted."
    assert told[guid("SPB")].money is None
    assert judge(snapshot).tenant.licenses[0].locked_out == 30


def test_suspended_seats_beside_working_ones_are_told_and_not_counted():
    told = {found.key: found.outcome for found in ask(SUSPENDED, tenant(skus=[sku("SPB", suspended=5, consumed=3)]))}
    assert told == {"": Outcome.PASS, guid("SPB"): Outcome.NOT_APPLICABLE}


def test_suspension_is_unknown_where_licenses_are_not_read():
    blind = tenant(skus=[sku("SPB")], gaps=[gap(TenantFact.SKUS)])
    assert only(ask(SUSPENDED, blind)).outcome is Outcome.UNKNOWN
    uncounted = tenant(skus=[sku("SPB", enabled=None, suspended=5)])
    assert only(ask(SUSPENDED, uncounted)).outcome is Outcome.UNKNOWN
