"""Usage reports: three ways they come, never with the token, and what makes one unusable."""

from datetime import date

import pytest

from collectors.cloud.csv_report import CsvReport, CsvUnreadable, day, flag, number, read_report
from collectors.errors import GraphError, PermissionMissing
from collectors.model import GapReason
from tests.lab.graph import LabTenant, LoopbackGraph, loopback_graph, made_tenant
from tests.lab.graph.reports import ACTIVE_USERS, HEADERS, csv_of

PATH = f"/reports/{ACTIVE_USERS}(period='D180')"
UPN = "User Principal Name"
FRESH = date(2026, 11, 21)


def report_of(body: bytes, **how: object) -> CsvReport:
    tenant = LabTenant(csv={ACTIVE_USERS: body})
    with loopback_graph(tenant) as lab:
        return lab.client(tenant).report(PATH, **how)


@pytest.mark.parametrize("way", ["redirect", "inline"])
@pytest.mark.parametrize("tls", [False, True])
def test_a_report_comes_by_redirect_or_at_once_and_the_token_stays_home(way: str, tls: bool) -> None:
    tenant = made_tenant(users=30, report_way=way)
    with loopback_graph(tenant, tls=tls) as lab:
        report = lab.client(tenant).report(PATH, required=(UPN,))
        assert lab.calls_per_report() == {PATH: 1}
        assert len(lab.downloads) == (1 if way == "redirect" else 0)
    assert report.refreshed_on == FRESH
    assert report.count == 30
    assert next(report.rows())[UPN] == "user00000@contoso.test"


def test_the_lab_itself_notices_a_token_at_the_report_host() -> None:
    import requests

    tenant = made_tenant()
    with pytest.raises(AssertionError, match="shown a token"), loopback_graph(tenant) as lab:
        requests.get(
            f"{lab.report_host}/data/download/redirect/{tenant.id}/{ACTIVE_USERS}",
            headers={"Authorization": "Bearer x"},
            timeout=5,
        )


def test_the_lab_itself_notices_a_write() -> None:
    import requests

    with pytest.raises(AssertionError, match="would be changed"), loopback_graph(made_tenant()) as lab:
        requests.patch(f"{lab.graph}/admin/reportSettings", json={"displayConcealedNames": False}, timeout=5)


def test_not_modified_gives_the_known_copy_with_its_own_date() -> None:
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        client = lab.client(tenant)
        known = client.report(PATH)
        assert known.etag
        assert client.report(PATH, known=known) is known
        assert len(lab.downloads) == 1
        tenant.csv[ACTIVE_USERS] = csv_of(ACTIVE_USERS, [{UPN: "new@contoso.test"}], refreshed_on=FRESH)
        assert client.report(PATH, known=known).count == 1


def test_not_modified_without_a_copy_is_no_empty_report() -> None:
    tenant = made_tenant().fail("/reports/", 304, body=b"")
    with loopback_graph(tenant) as lab, pytest.raises(GraphError, match="HTTP 304"):
        lab.client(tenant).report(PATH)


def test_an_expired_address_is_asked_for_once_more() -> None:
    tenant = made_tenant(report_way="expired")
    with loopback_graph(tenant) as lab:
        assert lab.client(tenant).report(PATH).count == 25
        assert lab.calls_per_report() == {PATH: 2}


@pytest.mark.parametrize(
    ("way", "host"), [("foreign", "reports.evil.example"), ("plain", "reports.office.com"), ("nowhere", "no server")]
)
def test_a_download_from_anywhere_else_is_refused(way: str, host: str) -> None:
    tenant = made_tenant(report_way=way)
    with loopback_graph(tenant) as lab:
        with pytest.raises(GraphError, match=f"said to lie on {host}") as refused:
            lab.client(tenant).report(PATH)
        assert lab.downloads == []
    assert refused.value.reason is GapReason.REFUSED


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("https://reports.office.com/data", True),
        ("https://reportsweu.office.com/data", True),
        ("https://office.com/", True),
        ("https://x.office365.com/", True),
        ("https://evil-office.com/", False),
        ("https://office.com.evil.example/", False),
        ("https://user@reports.office.com/", False),
        ("http://reports.office.com/", False),
        ("https://127.0.0.1/", False),
        ("ftp://reports.office.com/", False),
        ("https://[broken/data", False),
    ],
)
def test_only_report_servers_of_the_cloud_are_trusted_in_production(host: str, allowed: bool) -> None:
    from collectors.cloud.call import call_to
    from collectors.cloud.credentials import CloudEndpoints
    from collectors.cloud.report_download import ReportDownload
    from collectors.cloud.throttle import Patience
    from collectors.cloud.wire import Reply

    class Wire:
        def get(self, url: str, headers: object) -> Reply:
            return Reply(status=200, headers={}, body=b"here")

        def close(self) -> None: ...

    endpoints = CloudEndpoints()
    download = ReportDownload("contoso", endpoints, open_wire=Wire, patience=Patience(longest_s=0), count=lambda: None)
    call, reply = call_to(endpoints.graph, PATH, None), Reply(status=302, headers={"location": host})
    if allowed:
        assert download.follow(call, reply, lambda: reply).body == b"here"
    else:
        with pytest.raises(GraphError, match="refused"):
            download.follow(call, reply, lambda: reply)


def test_a_report_host_that_cannot_be_reached_costs_its_report_alone() -> None:
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        lab.report_host = "http://127.0.0.1:9"
        client = lab.client(tenant)
        with pytest.raises(GraphError, match=r"127\.0\.0\.1, where it is downloaded, could not be reached") as refused:
            client.report(PATH)
        assert client.get("/users")["value"]
    assert refused.value.reason is GapReason.UNREACHABLE


def test_a_missing_permission_is_named_for_reports_too() -> None:
    tenant = made_tenant()
    tenant.granted -= {"Reports.Read.All"}
    with loopback_graph(tenant) as lab, pytest.raises(PermissionMissing) as refused:
        lab.client(tenant).report(PATH)
    assert refused.value.permission == "Reports.Read.All"


def test_a_person_without_the_role_is_told_which(lab: LoopbackGraph) -> None:
    from collectors.cloud.answers import Refused
    from collectors.cloud.call import call_to
    from collectors.cloud.refusals import refusal
    from tests.lab.graph.fixed import FixedTokens

    source = FixedTokens("contoso", lab.endpoints, delegated=True)
    error = refusal(source, call_to(lab.graph, PATH, None), Refused(status=403, code="S2SUnauthorized"), source.token())
    assert "Reports Reader" in error.hint


def test_columns_are_read_by_name_whatever_their_order_and_set() -> None:
    header = ("Teams Last Activity Date", "A New Column", "Display Name", UPN, "Is Deleted", "Report Refresh Date")
    rows = [{UPN: "a@x.test", "Teams Last Activity Date": FRESH, "A New Column": "?", "Is Deleted": "False"}]
    report = report_of(csv_of(ACTIVE_USERS, rows, refreshed_on=FRESH, header=header), required=(UPN,))
    row = next(report.rows())
    assert (row[UPN], row["Teams Last Activity Date"], report.refreshed_on) == ("a@x.test", "2026-11-21", FRESH)
    assert "Yammer Last Activity Date" not in row


@pytest.mark.parametrize("bom", [False, True])
def test_accents_quoted_newlines_and_a_byte_order_mark_survive(bom: bool) -> None:
    rows = [{UPN: "zoé@x.test", "Display Name": 'Zoé "la\r\nchef", Côté'}, {UPN: "b@x.test"}]
    report = report_of(csv_of(ACTIVE_USERS, rows, refreshed_on=FRESH, bom=bom))
    assert [row[UPN] for row in report.rows()] == ["zoé@x.test", "b@x.test"]
    assert next(report.rows())["Display Name"] == 'Zoé "la\r\nchef", Côté'


def test_a_required_column_that_is_absent_makes_the_report_unreadable() -> None:
    body = csv_of(ACTIVE_USERS, [{}], refreshed_on=FRESH, header=("Report Refresh Date", "Display Name"))
    with pytest.raises(GraphError, match="a report without the column 'User Principal Name'") as refused:
        report_of(body, required=(UPN,))
    assert refused.value.reason is GapReason.UNPARSABLE


@pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf", csv_of(ACTIVE_USERS, [], refreshed_on=None)])
def test_an_empty_report_has_no_date_and_lacks_no_column(body: bytes) -> None:
    report = report_of(body, required=(UPN,))
    assert (report.refreshed_on, report.count, list(report.rows())) == (None, 0, [])


def test_the_oldest_of_two_refresh_dates_counts() -> None:
    rows = [{UPN: "a@x.test"}, {UPN: "b@x.test", "Report Refresh Date": "2026-10-01"}]
    assert read_report(csv_of(ACTIVE_USERS, rows, refreshed_on=FRESH)).refreshed_on == date(2026, 10, 1)


def test_rows_of_another_length_are_counted_and_left_out() -> None:
    body = csv_of(ACTIVE_USERS, [{UPN: "a@x.test"}], refreshed_on=FRESH) + b"2026-11-21,short\r\n\r\n"
    report = read_report(body)
    assert (report.count, report.unread, len(list(report.rows()))) == (2, 1, 1)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b'{"error": {"code": "x"}}', "JSON"),
        (b"Name,Value\r\na,b\r\n", "without the column 'Report Refresh Date'"),
        (b"Report Refresh Date,A,A\r\n", "two columns of one name"),
        (b"Report Refresh Date,A\r\n2026-11-21,\xff\xfe\r\n", "no text in UTF-8"),
        (b"Report Refresh Date,A\r\n2026-11-21," + b"x" * 200_000 + b"\r\n", "breaks off"),
    ],
)
def test_what_is_no_report_is_told(body: bytes, words: str) -> None:
    with pytest.raises(CsvUnreadable, match=words):
        read_report(body)
    with pytest.raises(GraphError, match=words):
        report_of(body)


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("2026-11-21", date(2026, 11, 21)),
        (" 2026-11-21T07:00:00Z", date(2026, 11, 21)),
        ("0001-01-01", None),
        ("", None),
        (None, None),
        ("21/11/2026", None),
    ],
)
def test_dates_of_reports(text: str | None, on: date | None) -> None:
    assert day(text) == on


def test_flags_and_numbers_of_reports() -> None:
    assert [flag(text) for text in ("True", "yes", "FALSE", "No", "", None, "maybe")] == [
        True, True, False, False, None, None, None
    ]  # fmt: skip
    assert [number(text) for text in ("12", " 0 ", "", None, "1,5", "-3", "9" * 30)] == [12, 0, *[None] * 5]


def test_the_lab_writes_the_documented_headers() -> None:
    from tests.lab.prism import SCHEMA

    folder = SCHEMA.parent / "m365-graph-samples"
    if not folder.is_dir():
        pytest.skip("shared test data is absent: m365-graph-samples")
    for page in folder.glob("reportroot-*detail.md"):
        documented = next(line for line in page.read_text().splitlines() if line.startswith("Report Refresh Date,"))
        report = page.stem.removeprefix("reportroot-")
        ours = next(header for name, header in HEADERS.items() if name.lower() == report)
        assert set(documented.split(",")) <= set(ours), report


@pytest.fixture(scope="module")
def lab():
    with loopback_graph() as running:
        yield running
