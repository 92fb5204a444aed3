"""Patience: what Graph asks for is kept to, within a limit, and what had been read is not lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from collectors.cloud.graph import GraphClient
from collectors.cloud.throttle import Pace, Patience, pace_of, retry_after_s
from collectors.errors import GraphError, Throttled, WrongTenant
from collectors.model import GapReason
from tests.lab.graph import LabTenant, loopback_graph, made_tenant

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
REPORT = "/reports/getOffice365ActiveUserDetail(period='D180')"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 10 ", 10.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9999", float("inf")),
        ("Mon, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_s(header, NOW) == seconds


@pytest.mark.parametrize("status", [429, 503, 504, 509])
def test_a_busy_answer_with_an_empty_body_is_asked_again(status: int) -> None:
    tenant = made_tenant().fail("/users", status, times=2, body=b"")
    with loopback_graph(tenant) as lab:
        assert lab.client(tenant).get("/users")["value"]
        assert len(lab.slept) == 2


def test_the_wait_is_what_retry_after_says_and_never_less() -> None:
    tenant = made_tenant().fail("/users", 429, headers={"Retry-After": "17"})
    until = datetime.now(UTC) + timedelta(seconds=40)
    tenant.fail("/groups", 429, headers={"Retry-After": format_datetime(until, usegmt=True)})
    with loopback_graph(tenant) as lab:
        client = lab.client(tenant)
        client.get("/users")
        client.get("/groups")
        assert lab.slept[0] == 17
        assert 30 < lab.slept[1] <= 40


def test_without_retry_after_the_wait_doubles() -> None:
    tenant = made_tenant().fail("/users", 429, times=4)
    with loopback_graph(tenant) as lab:
        lab.client(tenant).get("/users")
        assert lab.slept == [1, 2, 4, 8]


def test_tenants_do_not_come_back_together() -> None:
    waits: list[float] = []
    for chance in (0.0, 0.5, 1.0):
        Patience(longest_s=60, sleep=waits.append, chance=lambda chance=chance: chance).wait(0, "10")
    assert waits == [10, 11.25, 12.5]


def test_endless_429_ends_within_the_limit_and_keeps_the_pages_read() -> None:
    tenant = made_tenant(users=300).fail("/users", 429, times=None, after=2, headers={"Retry-After": "20"})
    with loopback_graph(tenant) as lab:
        pages = lab.client(tenant, longest_wait_s=60).pages("/users", page_sizes=(100,))
        read = len(next(pages)) + len(next(pages))
        with pytest.raises(Throttled, match="/users is busy") as busy:
            next(pages)
        assert sum(lab.slept) <= 60
    assert read == 200
    assert busy.value.reason is GapReason.TIMED_OUT


def test_a_wait_longer_than_what_is_left_is_not_begun() -> None:
    tenant = made_tenant().fail("/users", 429, times=None, headers={"Retry-After": "86400"})
    with loopback_graph(tenant) as lab:
        with pytest.raises(Throttled):
            lab.client(tenant).get("/users")
        assert lab.slept == []
        assert len(lab.asked("/users")) == 1


def test_the_limit_is_for_the_tenant_and_not_for_each_call() -> None:
    tenant = made_tenant().fail("/users", 429, headers={"Retry-After": "50"})
    tenant.fail("/groups", 429, headers={"Retry-After": "50"})
    with loopback_graph(tenant) as lab:
        client = lab.client(tenant, longest_wait_s=60)
        client.get("/users")
        with pytest.raises(Throttled):
            client.get("/groups")
        assert client.waited_s == 50


@pytest.mark.parametrize("status", [500, 502])
def test_a_broken_server_is_asked_again_twice_and_then_told(status: int) -> None:
    tenant = made_tenant().fail("/users", status, times=2).fail("/groups", status, times=None)
    with loopback_graph(tenant) as lab:
        client = lab.client(tenant)
        assert client.get("/users")["value"]
        with pytest.raises(GraphError, match=f"HTTP {status}"):
            client.get("/groups")
        assert len(lab.asked("/groups")) == 3


NOT_PREMIUM = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"


def test_a_refusal_known_to_come_and_go_is_asked_again_three_times() -> None:
    tenant = made_tenant().fail("/users", 403, code=NOT_PREMIUM, times=3)
    with loopback_graph(tenant) as lab:
        pages = lab.client(tenant).pages("/users", {"$select": "id,signInActivity"}, again_on=(NOT_PREMIUM,))
        assert sum(len(page) for page in pages) == 25
        assert len(lab.asked("/users")) == 4


def test_a_refusal_that_stays_is_raised_after_three_more_tries_or_at_once() -> None:
    tenant = made_tenant(premium=False)
    with loopback_graph(tenant) as lab:
        client = lab.client(tenant)
        with pytest.raises(GraphError) as refused:
            list(client.pages("/users", {"$select": "id,signInActivity"}, again_on=(NOT_PREMIUM,)))
        assert (refused.value.code, refused.value.permission) == (NOT_PREMIUM, "")
        assert len(lab.asked("/users")) == 4
        with pytest.raises(GraphError):
            list(client.pages("/users", {"$select": "id,signInActivity"}))
        assert len(lab.asked("/users")) == 5


def test_a_limit_that_is_near_slows_us_down_a_little() -> None:
    waits: list[float] = []
    patience = Patience(longest_s=60, sleep=waits.append)
    for told in ("", "nonsense", "0.5", "0.9", "1.8"):
        patience.ease(told)
    assert waits == [pytest.approx(0.5), 2.0]


def test_a_pace_lets_so_many_calls_through_and_delays_the_next() -> None:
    now = [100.0]
    pace = Pace(clock=lambda: now[0])
    assert [pace.delay_s("report", limit=3, window_s=600) for _ in range(3)] == [0, 0, 0]
    assert pace.delay_s("report", limit=3, window_s=600) == 600
    assert pace.delay_s("other", limit=3, window_s=600) == 0
    now[0] = 701
    assert pace.delay_s("report", limit=3, window_s=600) == 0


def test_an_application_has_one_pace_over_all_its_tenants() -> None:
    assert pace_of("msp-app") is pace_of("msp-app")
    assert pace_of("msp-app") is not pace_of("other-app")


def test_no_report_is_asked_more_often_than_microsoft_allows() -> None:
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        client = lab.client(tenant, longest_wait_s=300)
        for _ in range(12):
            client.report(REPORT)
        with pytest.raises(Throttled, match="ten minutes"):
            client.report(REPORT)
        assert sum(lab.calls_per_report().values()) <= 14


def test_a_pace_is_kept_by_many_threads() -> None:
    now = [0.0]
    pace = Pace(clock=lambda: now[0])
    barrier = threading.Barrier(8)

    def book(_: int) -> list[float]:
        barrier.wait(timeout=240)
        return [pace.delay_s("calls", limit=10, window_s=1.0) for _ in range(50)]

    with ThreadPoolExecutor(8) as pool:
        delays = sorted(delay for booked in pool.map(book, range(8)) for delay in booked)
    assert delays == [float(second) for second in range(40) for _ in range(10)]


def test_many_tenants_in_parallel_under_throttling_all_come_home_but_the_one_that_fails() -> None:
    shared = {"client_id": "one-msp-app", "page_rows": 10}
    tenants = [made_tenant(users=40, domain=f"c{number}.test", **shared) for number in range(24)]
    tenants[7].token_tenant = tenants[8].id
    for tenant in tenants:
        tenant.fail("/users", 429, after=2, headers={"Retry-After": "0.1"})
    pace = Pace()

    def visit(tenant: LabTenant) -> object:
        patience = Patience(longest_s=60)
        with GraphClient(lab.tokens(tenant), policy=lab.policy(), patience=patience, pace=pace) as client:
            try:
                rows = [row for page in client.pages("/users", {"$select": "id,userPrincipalName"}) for row in page]
            except WrongTenant:
                return "wrong tenant"
        return {row["userPrincipalName"].split("@")[1] for row in rows}, len(rows)

    with loopback_graph(*tenants) as lab, ThreadPoolExecutor(24) as pool:
        found = list(pool.map(visit, tenants))
        assert len(lab.asked("/users")) == 23 * 5, "four pages, and each tenant was asked to wait once"
    expected: list[object] = [({tenant.domain}, 40) for tenant in tenants]
    expected[7] = "wrong tenant"
    assert found == expected
