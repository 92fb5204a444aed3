"""Usage reports: taken whole or not at all, for an absent row would mean that nobody worked."""

from datetime import date

import pytest

from collectors.cloud import m365_activations, m365_apps_usage, m365_mailboxes, m365_report_settings, m365_usage
from collectors.cloud.facts import Activations, AppsUsage, Mailbox, Report, TenantFact, Usage
from collectors.cloud.wire import Reply
from collectors.errors import GraphError, PermissionMissing
from collectors.model import GapReason
from tests.collectors.cloud.answered import ASKED, GRANTED, TENANT, Wire, ask, client, hidden, refusal, rows, visit
from tests.lab.graph.reports import ACTIVATIONS, ACTIVE_USERS, APPS, HEADERS, MAILBOXES, csv_of
from tests.lab.graph.reports import hidden as hashed

DAY = date(2026, 11, 20)
UPN = "User Principal Name"
PATHS = {
    ACTIVE_USERS: "/reports/getOffice365ActiveUserDetail(period='D180')",
    APPS: "/reports/getM365AppUserDetail(period='D180')",
    MAILBOXES: "/reports/getMailboxUsageDetail(period='D30')",
    ACTIVATIONS: "/reports/getOffice365ActivationsUserDetail",
}
QUESTIONS = {
    ACTIVE_USERS: m365_usage.QUESTION,
    APPS: m365_apps_usage.QUESTION,
    MAILBOXES: m365_mailboxes.QUESTION,
    ACTIVATIONS: m365_activations.QUESTION,
}
EVERY = pytest.mark.parametrize("report", list(QUESTIONS))


def read(report, body):
    return ask(QUESTIONS[report], {PATHS[report]: body})


def people(report, *entries, refreshed_on=DAY, **how):
    return read(
        report,
        csv_of(report, [{UPN: "bob@contoso.com"} | entry for entry in entries], refreshed_on=refreshed_on, **how),
    )


def facts(part):
    return part.usage + part.apps_usage + part.mailboxes + part.activations


def test_last_activity_by_workload_and_the_newest_of_them():
    part = people(
        ACTIVE_USERS,
        {
            "Is Deleted": "False",
            "Exchange Last Activity Date": "2026-11-18",
            "Teams Last Activity Date": "2026-11-19",
            "Skype For Business Last Activity Date": "0001-01-01",
        },
    )
    assert part.usage == (
        Usage(
            upn="bob@contoso.com",
            last_on=date(2026, 11, 19),
            by_workload=(("exchange", date(2026, 11, 18)), ("teams", date(2026, 11, 19))),
        ),
    )
    assert part.reports == (Report(kind=TenantFact.USAGE, refreshed_on=DAY, period="D180", rows=1),)
    assert part.gaps == ()


def test_case_27_mail_alone_is_activity():
    (row,) = people(ACTIVE_USERS, {"Exchange Last Activity Date": "2026-11-19"}).usage
    assert row.last_on == date(2026, 11, 19)


def test_a_user_who_never_did_anything_has_a_row_and_no_day():
    (row,) = people(ACTIVE_USERS, {}).usage
    assert (row.last_on, row.by_workload) == (None, ())


@pytest.mark.parametrize("deleted", ["True", "true", "Yes"])
def test_case_30_rows_of_deleted_users_are_left_out(deleted):
    part = people(ACTIVE_USERS, {"Is Deleted": deleted, "Assigned Products": "MICROSOFT 365 E3"}, {"Is Deleted": "No"})
    assert len(part.usage) == 1
    assert part.reports[0].rows == 2


def test_the_platforms_and_desktop_programs_of_a_user():
    told = {"Last Activity Date": DAY, "Last Activation Date": "2026-01-02", "Windows": "Yes", "Mac": "No"}
    part = people(APPS, told | {"Web": "Yes", "Word (Windows)": "Yes", "Excel (Mac)": "Yes", "Teams (Web)": "Yes"})
    assert part.apps_usage == (
        AppsUsage(
            upn="bob@contoso.com",
            last_activity_on=DAY,
            last_activation_on=date(2026, 1, 2),
            platforms=("windows", "web"),
            desktop_apps=("Word", "Excel"),
        ),
    )


@pytest.mark.parametrize(
    ("kind", "told"),
    [("Shared", "shared"), ("SharedMailbox", "shared"), ("User", "user"), ("RoomMailbox", "room"), ("", "")],
)
def test_a_mailbox_and_what_it_is_where_the_report_says_so(kind, told):
    row = {"Storage Used (Byte)": 12 << 30, "Has Archive": "True", "Recipient Type": kind, "Created Date": "2024-01-05"}
    part = people(MAILBOXES, row | {"Last Activity Date": DAY}, header=[*HEADERS[MAILBOXES], "Recipient Type"])
    assert part.mailboxes == (
        Mailbox(
            upn="bob@contoso.com",
            used_bytes=12 << 30,
            archive=True,
            last_activity_on=DAY,
            kind=told,
            created_on=date(2024, 1, 5),
        ),
    )


def test_a_mailbox_report_of_before_archives_and_kinds_leaves_them_unknown():
    header = ["Report Refresh Date", UPN, "Storage Used (Byte)", "Last Activity Date"]
    (row,) = people(MAILBOXES, {"Storage Used (Byte)": 5}, header=header).mailboxes
    assert (row.archive, row.kind, row.created_on) == (None, "", None)


def test_case_41_computers_per_platform_and_shared_ones_apart():
    seven = {"Product Type": "MICROSOFT 365 APPS FOR BUSINESS", "Windows": 7, "Mac": 1, "iOS": 1, "Android": 2}
    shared = {"Product Type": "MICROSOFT 365 APPS FOR BUSINESS", "Activated On Shared Computer": "True"}
    part = people(ACTIVATIONS, seven | {"Last Activated Date": DAY}, shared)
    product = "MICROSOFT 365 APPS FOR BUSINESS"
    assert part.activations == (
        Activations(upn="bob@contoso.com", product=product, windows=7, mac=1, mobile=3, last_on=DAY),
        Activations(upn="bob@contoso.com", product=product, shared_computer=True),
    )
    assert part.reports[0].period == ""


@EVERY
def test_columns_are_found_by_name_in_any_order_and_with_others_between(report):
    header = ["Zodiac", *reversed(HEADERS[report]), "Another, new column"]
    part = people(report, {"Zodiac": "Taurus\nand more"}, header=header)
    assert len(facts(part)) == 1
    assert facts(part)[0].upn == "bob@contoso.com"


@pytest.mark.parametrize(
    ("report", "column"),
    [
        (ACTIVE_USERS, "Exchange Last Activity Date"),
        (ACTIVE_USERS, "Teams Last Activity Date"),
        (APPS, "Last Activity Date"),
        (APPS, "Windows"),
        (MAILBOXES, "Storage Used (Byte)"),
        (ACTIVATIONS, "Mac"),
        *((report, UPN) for report in QUESTIONS),
    ],
)
def test_a_column_that_is_needed_and_missing_is_a_gap_that_names_it(report, column):
    """Without Exchange's column whoever only reads mail would look idle."""
    part = people(report, {}, header=[name for name in HEADERS[report] if name != column])
    assert facts(part) == ()
    (gap,) = part.gaps
    assert (gap.kind, gap.reason) == (QUESTIONS[report].kinds[0], GapReason.UNPARSABLE)
    assert repr(column) in gap.detail


@pytest.mark.parametrize("column", ["Yammer Last Activity Date", "Skype For Business Last Activity Date", "Is Deleted"])
def test_columns_that_went_out_of_use_are_not_missed(column):
    part = people(ACTIVE_USERS, {}, header=[name for name in HEADERS[ACTIVE_USERS] if name != column])
    assert (len(part.usage), part.gaps) == (1, ())


@EVERY
@pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf", None])
def test_an_empty_report_is_a_gap_and_not_a_company_that_sleeps(report, body):
    body = csv_of(report, [], refreshed_on=None) if body is None else body
    part = read(report, body)
    assert facts(part) == ()
    assert hidden(part) == {QUESTIONS[report].kinds[0]: (GapReason.MISSING, "")}
    assert part.reports[0].refreshed_on is None
    assert part.reports[0].rows == 0


@EVERY
def test_case_29_the_age_of_a_report_is_kept_for_whoever_judges(report):
    part = people(report, {}, refreshed_on=date(2026, 11, 8))
    assert part.reports[0].refreshed_on == date(2026, 11, 8)
    assert part.gaps == ()


@EVERY
def test_a_report_without_its_day_is_a_gap(report):
    part = people(report, {}, refreshed_on=None)
    assert facts(part) == ()
    assert hidden(part) == {QUESTIONS[report].kinds[0]: (GapReason.MISSING, "")}


@EVERY
def test_case_28_concealed_names_are_seen_in_the_data_and_no_row_is_kept(report):
    part = people(report, {}, {UPN: "ann@contoso.com"}, concealed=True)
    assert facts(part) == ()
    assert part.reports[0].concealed
    assert part.reports[0].rows == 2
    (gap,) = part.gaps
    assert gap.reason is GapReason.DENIED
    assert "conceals names" in gap.detail


@EVERY
def test_one_concealed_name_is_enough(report):
    """The switch was turned while the report was made."""
    part = people(report, {}, {UPN: hashed("ann@contoso.com")})
    assert facts(part) == ()
    assert part.reports[0].concealed


@pytest.mark.parametrize(
    ("report", "entry", "named"),
    [
        (ACTIVE_USERS, {"Exchange Last Activity Date": "last week"}, "Exchange Last Activity Date"),
        (ACTIVE_USERS, {"Is Deleted": "perhaps"}, "Is Deleted"),
        (APPS, {"Windows": "often"}, "Windows"),
        (MAILBOXES, {"Storage Used (Byte)": "12 GB"}, "Storage Used"),
        (ACTIVATIONS, {"Windows": "seven"}, "Windows"),
        *((report, {UPN: ""}, UPN) for report in QUESTIONS),
    ],
)
def test_a_row_that_cannot_be_read_costs_the_report(report, entry, named):
    """Left out, the user would look idle."""
    part = people(report, {}, entry)
    assert facts(part) == ()
    (gap,) = part.gaps
    assert gap.reason is GapReason.UNPARSABLE
    assert named in gap.detail


@EVERY
def test_a_report_that_breaks_off_costs_the_report(report):
    body = csv_of(report, [{UPN: "bob@contoso.com"}] * 3, refreshed_on=DAY)
    part = read(report, body[:-15])
    assert facts(part) == ()
    assert part.gaps[0].reason is GapReason.UNPARSABLE


@EVERY
@pytest.mark.parametrize("body", [b"<!DOCTYPE html><html>", b'{"value": []}', b"\xff\xfe\x00", b"a,a\r\n1,2\r\n"])
def test_what_is_no_report_is_an_error(report, body):
    with pytest.raises(GraphError):
        read(report, body)


@EVERY
def test_one_call_per_report_and_run(report):
    """Microsoft allows fourteen in ten minutes."""
    wire = Wire({PATHS[report]: csv_of(report, [{UPN: "bob@contoso.com"}], refreshed_on=DAY)})
    ask(QUESTIONS[report], {}, wire=wire)
    assert wire.asked == [PATHS[report]]


@EVERY
def test_the_permission_that_is_missing_is_reports(report):
    wire = Wire({PATHS[report]: refusal(403, "S2SUnauthorized")})
    with pytest.raises(PermissionMissing) as caught:
        QUESTIONS[report].ask(client(wire, granted=GRANTED - {"Reports.Read.All"}), ASKED)
    assert caught.value.permission == "Reports.Read.All"


SETTINGS = "/admin/reportSettings"


@pytest.mark.parametrize(
    ("told", "concealed"),
    [
        ({"displayConcealedNames": True}, True),
        ({"value": {"@odata.type": "#microsoft.graph.adminReportSettings", "displayConcealedNames": False}}, False),
        ({"displayConcealedNames": None}, None),
        ({"displayConcealedNames": "yes"}, None),
        ({"value": None}, None),
        ({}, None),
    ],
)
def test_the_setting_comes_bare_or_wrapped(told, concealed):
    assert ask(m365_report_settings.QUESTION, {SETTINGS: told}).names_concealed is concealed


@pytest.mark.parametrize(
    ("setting", "in_data", "concealed"),
    [
        ({"displayConcealedNames": True}, True, True),
        ({"displayConcealedNames": True}, False, True),
        ({"displayConcealedNames": False}, True, True),
        ({"displayConcealedNames": False}, False, False),
        (refusal(403, "Forbidden"), True, True),
        (refusal(403, "Forbidden"), False, False),
        (refusal(403, "Forbidden"), None, None),
    ],
)
def test_names_are_concealed_when_either_the_setting_or_the_data_says_so(setting, in_data, concealed):
    answers = {"/organization": rows({"id": TENANT}), SETTINGS: setting}
    if in_data is not None:
        answers[PATHS[ACTIVE_USERS]] = csv_of(ACTIVE_USERS, [{UPN: "b@c.com"}], refreshed_on=DAY, concealed=in_data)
    snapshot = visit(answers, granted=GRANTED - {"ReportSettings.Read.All"})
    assert snapshot.names_concealed is concealed
    if isinstance(setting, Reply):
        (status,) = (one for one in snapshot.collectors if one.name == "report-settings")
        assert "ReportSettings.Read.All" in status.detail
