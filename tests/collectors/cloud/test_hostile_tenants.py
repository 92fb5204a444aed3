"""Tenants that answer without end, with another's token or with nonsense: no false calm, and never for ever."""

import json
from itertools import count
from pathlib import Path

import pytest

from collectors.cloud import m365_sign_ins, m365_skus, m365_users
from collectors.cloud.csv_report import CsvUnreadable, read_report
from collectors.cloud.facts import ServicePlan, SubscribedSku, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.reading import Unreadable, moment
from collectors.cloud.recorder import recording_client
from collectors.cloud.recording import RecordingWriter, TenantRecording, visit_recording
from collectors.cloud.throttle import Pace, Patience
from collectors.cloud.tokens import Token
from collectors.cloud.visit import visit_tenant
from collectors.cloud.wire import Reply
from collectors.errors import WrongTenant
from collectors.model import GapReason, Protocol, Target
from tests.collectors.cloud.answered import (
    ASKED,
    NOW,
    P1,
    SPB,
    TENANT,
    Answer,
    Tokens,
    Wire,
    ask,
    client,
    hidden,
    refusal,
    rows,
    visit,
)

ORGANIZATION = rows({"id": TENANT})
NOT_PREMIUM = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
TARGET = Target(name="contoso", protocol=Protocol.M365, address=TENANT)


class Endless(Wire):
    """Users without end: each page names another as the next one."""

    def __init__(self, answers: dict[str, Answer], *, each: list[dict[str, object]]) -> None:
        super().__init__(answers)
        self._each = each
        self._numbers = count()

    def get(self, url, headers):
        if "/users" not in url:
            return super().get(url, headers)
        self.asked.append(url)
        link = f"https://graph.microsoft.com/v1.0/users?$skiptoken={next(self._numbers)}"
        return Reply(status=200, headers={}, body=json.dumps({"value": self._each, "@odata.nextLink": link}).encode())


def test_pages_without_a_row_and_without_end_are_stopped():
    wire = Endless({"/organization": ORGANIZATION}, each=[])
    snapshot = visit({}, wire=wire, questions=(m365_users.QUESTION,))
    assert hidden(snapshot)[TenantFact.USERS] == (GapReason.UNPARSABLE, "")
    assert len(wire.asked) == 1001


def test_a_tenant_that_never_ends_is_left_at_its_time_limit_and_what_came_is_kept():
    wire = Endless(
        {"/organization": ORGANIZATION, "/subscribedSkus": rows()}, each=[{"id": "1", "assignedLicenses": []}]
    )
    now = count(0, 60)  # every look at the clock is a minute later

    def connect(_target, _credential, policy):
        patience = Patience(longest_s=600, sleep=lambda _seconds: None)
        return GraphClient(
            Tokens(), policy=policy, open_wire=lambda _: wire, patience=patience, pace=Pace(), clock=lambda: next(now)
        )

    snapshot = visit_tenant(
        TARGET,
        credential=None,  # type: ignore[arg-type]
        policy=CloudPolicy(visit_deadline_s=1800),
        taken_at=NOW,
        connect=connect,
    )
    assert snapshot.reached
    assert len(snapshot.users) == 1
    gaps = hidden(snapshot)
    assert gaps[TenantFact.USERS] == gaps[TenantFact.GROUPS] == (GapReason.TIMED_OUT, "")
    assert TenantFact.SKUS not in gaps
    assert "30 minutes" in snapshot.gaps_of(TenantFact.USERS)[0].detail
    assert len(wire.asked) < 40


def test_a_token_of_another_tenant_between_two_pages_keeps_nothing():
    class Turncoat(Tokens):
        asked = 0

        def token(self) -> Token:
            self.asked += 1
            if self.asked > 1:
                raise WrongTenant("contoso", "the token is of another tenant.")
            return super().token()

    wire = Wire({"/users": rows({"id": "1", "assignedLicenses": []}, link="/users?$skiptoken=2")})
    graph = GraphClient(Turncoat(), open_wire=lambda _: wire, patience=Patience(longest_s=0), pace=Pace())
    with pytest.raises(WrongTenant):
        m365_users.QUESTION.ask(graph, ASKED)


def test_a_tenant_without_one_user_is_a_gap():
    assert hidden(ask(m365_users.QUESTION, {"/users": rows()})) == {TenantFact.USERS: (GapReason.MISSING, "")}


def test_a_holder_without_a_name_is_found_in_no_report_and_so_a_gap():
    nameless = {"id": "1", "assignedLicenses": [{"skuId": SPB}], "licenseAssignmentStates": []}
    part = ask(m365_users.QUESTION, {"/users": rows(nameless)})
    assert hidden(part) == {TenantFact.USERS: (GapReason.UNPARSABLE, "")}
    assert ask(m365_users.QUESTION, {"/users": rows(nameless | {"assignedLicenses": []})}).gaps == ()


@pytest.mark.parametrize(
    "spoiled",
    [
        {"consumedUnits": -3},
        {"consumedUnits": 10**30},
        {"prepaidUnits": {"enabled": -5}},
        {"prepaidUnits": {"enabled": 5, "warning": -1}},
        {"prepaidUnits": {"enabled": 5, "suspended": True}},
    ],
)
def test_a_number_of_seats_that_is_none_is_a_gap(spoiled):
    part = ask(m365_skus.QUESTION, {"/subscribedSkus": rows({"skuId": "a"} | spoiled, {"skuId": "b"})})
    assert [sku.sku_id for sku in part.skus] == ["b"]
    assert hidden(part) == {TenantFact.SKUS: (GapReason.UNPARSABLE, "")}


def test_a_sku_that_is_told_twice_is_one():
    one = {"skuId": SPB, "prepaidUnits": {"enabled": 5}, "consumedUnits": 3}
    part = ask(m365_skus.QUESTION, {"/subscribedSkus": rows(one, one | {"skuId": SPB.upper()})})
    assert [sku.enabled for sku in part.skus] == [5]


@pytest.mark.parametrize(
    "zero", ["0001-01-01T00:00:00", "0001-01-01T00:00:00+02:00", "1601-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]
)
def test_the_zero_of_a_clock_is_no_date(zero):
    """A starter whose last sign-in is "1601" has never signed in, and is not four centuries idle."""
    assert moment(zero) is None


def test_the_end_of_time_and_seven_digits_of_a_second_are_dates():
    assert moment("9999-12-31T23:59:59.9999999Z").year == 9999
    assert moment("2026-01-10T07:00:00.1234567Z").microsecond == 123456
    with pytest.raises(Unreadable):
        moment("9999-12-31T23:59:59-05:00")


def test_a_byte_order_mark_before_json_is_borne():
    assert ask(m365_skus.QUESTION, {"/subscribedSkus": b'\xef\xbb\xbf{"value": []}'}).gaps == ()


def p1(status: str) -> SubscribedSku:
    return SubscribedSku(sku_id=SPB, part_number="SPB", status=status, plans=(ServicePlan(id=P1, name="AAD_PREMIUM"),))


@pytest.mark.parametrize(
    ("status", "calls", "reason"),
    [
        ("Enabled", 4, GapReason.DENIED),
        ("Warning", 4, GapReason.DENIED),
        ("Suspended", 1, GapReason.UNSUPPORTED),
        ("LockedOut", 1, GapReason.UNSUPPORTED),
    ],
)
def test_a_suspended_p1_is_asked_once_and_no_is_taken_for_an_answer(status, calls, reason):
    wire = Wire({"/organization": ORGANIZATION, "/users": refusal(403, NOT_PREMIUM)})
    known = m365_sign_ins.QUESTION.kinds[0]
    skus = ({"skuId": SPB, "capabilityStatus": status, "servicePlans": [{"servicePlanId": P1}]},)
    wire.answers["/subscribedSkus"] = rows(*skus)
    snapshot = visit({}, wire=wire, granted=frozenset({"User.Read.All", "AuditLog.Read.All"}))
    assert len([one for one in wire.asked if "signInActivity" in one]) == calls
    assert hidden(snapshot)[known] == (reason, "")


def test_a_tenant_without_p1_is_not_sent_to_grant_a_permission_that_would_not_help():
    wire = Wire({"/users": refusal(403, NOT_PREMIUM)})
    snapshot = visit({}, wire=wire, granted=frozenset({"User.Read.All"}), questions=(m365_sign_ins.QUESTION,))
    (gap,) = snapshot.gaps
    assert (gap.reason, gap.permission) == (GapReason.UNSUPPORTED, "")
    assert "P1 or P2" in gap.detail


def test_retry_after_nothing_waits_all_the_same():
    slept: list[float] = []
    patience = Patience(longest_s=100, sleep=slept.append, chance=lambda: 0.0)
    for attempt, header in enumerate(("0", "0.0", "Mon, 23 Nov 2020 08:00:00 GMT")):
        assert patience.wait(attempt, header)
    assert slept == [1.0, 2.0, 4.0]


# Reports.

HEADER = b"Report Refresh Date,User Principal Name,Display Name,Is Deleted,Storage Used (Byte),Last Activity Date\r\n"
MAILBOXES = "/reports/getMailboxUsageDetail(period='D30')"


def mailboxes(*lines: bytes):
    from collectors.cloud.m365_mailboxes import QUESTION

    return ask(QUESTION, {MAILBOXES: HEADER + b"".join(line + b"\r\n" for line in lines)})


@pytest.mark.parametrize(
    "body",
    [
        HEADER + b'2026-11-20,a@x.test,A,False,1,"2026-11-20\r\n2026-11-20,b@x.test,B,False,1,2026-11-20\r\n',
        HEADER + b'2026-11-20,a@x.test,A,False,1,"',
        HEADER + b"2026-11-20,a\x00@x.test,A,False,1,2026-11-20\r\n",
        HEADER.decode().encode("utf-16"),
        HEADER.decode().encode("utf-16-le"),
        HEADER.replace(b",", b";"),
    ],
)
def test_a_table_with_an_open_quote_or_in_another_alphabet_is_unreadable(body):
    """An open quote swallows every user below it, and the row it ends has the right number of fields."""
    with pytest.raises(CsvUnreadable):
        read_report(body)


def test_a_deleted_row_costs_nothing_whatever_it_says():
    part = mailboxes(
        b"2026-11-20,,gone,True,1,2026-11-20",
        b"2026-11-20,FE7CC8C15246EDCCA289C9A4022762F7,gone,True,many,soon",
        b"2026-11-20,a@x.test,A,False,1,2026-11-20",
    )
    assert [box.upn for box in part.mailboxes] == ["a@x.test"]
    assert part.gaps == ()


@pytest.mark.parametrize("name", [b"fe7cc8c15246edcca289c9a4022762f7", b"A" * 64, b"User 17"])
def test_case_28_names_that_are_no_principal_names_are_concealed_whatever_they_look_like(name):
    part = mailboxes(b"2026-11-20," + name + b",X,False,1,2026-11-20")
    assert part.reports[0].concealed
    assert hidden(part) == {TenantFact.MAILBOXES: (GapReason.DENIED, "")}


def test_a_mailbox_last_used_at_the_zero_of_a_clock_was_never_used():
    (box,) = mailboxes(b"2026-11-20,a@x.test,A,False,1,1601-01-01").mailboxes
    assert box.last_activity_on is None


# Recordings.


@pytest.mark.parametrize("location", ["https://reports.office.com:99999/x?sig=K3Y", "//[?sig=K3Y", "https://h:0x/K3Y"])
def test_a_redirect_to_no_address_is_refused_while_recording_too(tmp_path: Path, location: str) -> None:
    wire = Wire({"/organization": ORGANIZATION, MAILBOXES: Reply(status=302, headers={"location": location})})

    def connect(_target, _credential, policy):
        return recording_client(
            Tokens(), policy, tmp_path / "x.m365", unwritten=pytest.fail, open_wire=lambda _policy: wire
        )

    live = visit_tenant(TARGET, credential=None, policy=CloudPolicy(), taken_at=NOW, connect=connect)  # type: ignore[arg-type]
    again = visit_recording(Target(name="contoso", address=str(tmp_path / "x.m365")), taken_at=NOW)
    assert hidden(live)[TenantFact.MAILBOXES] == hidden(again)[TenantFact.MAILBOXES] == (GapReason.REFUSED, "")
    assert "K3Y" not in (tmp_path / "x.m365").read_text()


def test_a_recording_that_is_stopped_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "x.m365", TenantRecording(taken_at=NOW, tenant_id=""))
    assert list(tmp_path.iterdir()) == []
    writer.finish(TENANT, (), delegated=False)
    assert [path.name for path in tmp_path.iterdir()] == ["x.m365"]


def test_the_real_client_has_a_time_limit_by_default():
    assert client(Wire({})).requests == 0
    assert CloudPolicy().visit_deadline_s > 0
