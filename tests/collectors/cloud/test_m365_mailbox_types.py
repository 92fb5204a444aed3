"""Whose mailbox it is: asked of few, of those it matters for, and never taken for known where it was not asked."""

from dataclasses import replace

import pytest

from collectors.cloud import m365_mailbox_types
from collectors.cloud.facts import HeldLicense, Mailbox, TenantFact, User
from collectors.cloud.m365_mailbox_types import CALLS
from collectors.cloud.wire import WireBroken
from collectors.errors import GraphError, PermissionMissing, TenantUnreachable, WrongTenant
from collectors.model import GapReason
from tests.collectors.cloud.answered import ASKED, GRANTED, SPB, Wire, ask, client, hidden, refusal

GB = 1024**3
ALICE = User(id="a", upn="a@contoso.com", mail="a@contoso.com", licenses=(HeldLicense(sku_id=SPB),))
LEAVER = replace(ALICE, id="b", upn="B@contoso.com", mail="b@contoso.com", enabled=False)
SHARED = User(id="s", upn="s@contoso.com", mail="s@contoso.com", enabled=False)
TYPES = m365_mailbox_types.QUESTION
TWO = replace(ASKED, users=(ALICE, LEAVER))


def settings(user: str) -> str:
    return f"/users/{user}/mailboxSettings"


def staff(count: int, *, disabled: int = 0) -> tuple[User, ...]:
    return tuple(
        replace(ALICE, id=f"u{number}", upn=f"u{number}@contoso.com", enabled=number >= disabled)
        for number in range(count)
    )


def those_asked(asked, **how) -> list[str]:
    """The ids of the users of whom one call was made."""
    wire = Wire({})
    ask(TYPES, {}, asked=replace(asked, **how), wire=wire)
    return [one.split("/")[2] for one in wire.asked]


def test_the_purpose_comes_bare_or_wrapped():
    part = ask(
        TYPES, {settings("a"): {"userPurpose": "user"}, settings("b"): {"userPurpose": {"value": "Shared"}}}, asked=TWO
    )
    assert part.mailbox_types == {"a": "user", "b": "shared"}
    assert part.gaps == ()


@pytest.mark.parametrize(
    "user",
    [
        replace(ALICE, mail=""),
        replace(ALICE, type="Guest"),
        replace(ALICE, licenses=(), enabled=True),
        replace(ALICE, licenses=(), enabled=None),
    ],
)
@pytest.mark.parametrize("every", [True, False])
def test_who_can_have_no_mailbox_worth_a_call_is_not_asked(user, every):
    assert those_asked(ASKED, users=(user,), every_mailbox=every) == []


def test_a_shared_mailbox_without_a_license_is_asked_where_each_is_or_where_it_is_large():
    """Case 21: up to 50 GB, without an archive, it needs no license whatever it is."""
    asked = replace(ASKED, users=(SHARED,))
    assert those_asked(asked) == []
    assert those_asked(asked, every_mailbox=True) == ["s"]
    small = Mailbox(upn="S@contoso.com", used_bytes=50 * GB, archive=False)
    assert those_asked(asked, mailboxes=(small,)) == []
    assert those_asked(asked, mailboxes=(replace(small, used_bytes=50 * GB + 1),)) == ["s"]
    assert those_asked(asked, mailboxes=(replace(small, archive=True),)) == ["s"]


def test_whom_the_report_tells_of_costs_no_call_and_no_permission():
    boxes = (Mailbox(upn="A@contoso.com", kind="user"), Mailbox(upn="b@contoso.com", kind="shared"))
    assert those_asked(TWO, mailboxes=boxes) == []
    assert those_asked(TWO, mailboxes=boxes[:1]) == ["b"]
    assert those_asked(TWO, mailboxes=boxes, every_mailbox=True) == ["b", "a"]
    wire = Wire({})
    part = TYPES.ask(client(wire, granted=frozenset({"User.Read.All"})), replace(TWO, mailboxes=boxes))
    assert (part.gaps, wire.asked) == ((), [])


def test_a_small_company_is_asked_whole():
    assert len(those_asked(ASKED, users=staff(CALLS, disabled=3))) == CALLS


def test_case_22_a_large_one_is_asked_for_its_leavers_only_and_the_others_are_a_gap():
    wire = Wire({settings(f"u{number}"): {"userPurpose": "shared"} for number in range(3)})
    part = ask(TYPES, {}, asked=replace(ASKED, users=staff(CALLS + 1, disabled=3)), wire=wire)
    assert set(part.mailbox_types) == {"u0", "u1", "u2"}
    assert len(wire.asked) == 3
    (gap,) = part.gaps
    assert (gap.kind, gap.reason) == (TenantFact.MAILBOX_TYPES, GapReason.REFUSED)
    assert "not asked of 198 mailboxes" in gap.detail


def test_however_many_leavers_the_calls_are_bounded():
    wire = Wire({})
    part = ask(TYPES, {}, asked=replace(ASKED, users=staff(1000, disabled=900)), wire=wire)
    assert len(wire.asked) == CALLS
    assert "not asked of 800 mailboxes" in part.gaps[0].detail


def test_a_user_without_mailbox_is_no_gap():
    answers = {settings("a"): {"userPurpose": "user"}, settings("b"): refusal(404, "MailboxNotEnabledForRESTAPI")}
    part = ask(TYPES, answers, asked=TWO)
    assert (part.mailbox_types, part.gaps) == ({"a": "user"}, ())


@pytest.mark.parametrize(
    "nothing",
    [{}, {"userPurpose": None}, {"userPurpose": {}}, refusal(400, "ErrorInvalid"), refusal(404, "NotRecorded")],
)
def test_a_mailbox_that_does_not_tell_is_counted(nothing):
    part = ask(TYPES, {settings("a"): nothing, settings("b"): {"userPurpose": "shared"}}, asked=TWO)
    assert part.mailbox_types == {"b": "shared"}
    assert "1 of 2" in part.gaps[0].detail


def test_an_id_that_is_none_is_not_put_into_an_address():
    wire = Wire({})
    part = ask(TYPES, {}, asked=replace(ASKED, users=(replace(ALICE, id="../me"),)), wire=wire)
    assert wire.asked == []
    assert "1 of 1" in part.gaps[0].detail


def test_a_tenant_lost_on_the_way_keeps_what_came():
    gone = WireBroken("no answer in time", again=False)
    part = ask(TYPES, {settings("b"): {"userPurpose": "user"}, settings("a"): gone}, asked=TWO)
    assert part.mailbox_types == {"b": "user"}
    assert hidden(part) == {TenantFact.MAILBOX_TYPES: (GapReason.UNREACHABLE, "")}
    with pytest.raises(TenantUnreachable):
        ask(TYPES, {settings("b"): gone}, asked=TWO)


def test_another_tenants_token_on_the_way_keeps_nothing():
    class Changed:
        granted = GRANTED
        calls = 0

        def get(self, *_: object, **__: object):
            self.calls += 1
            if self.calls == 1:
                return {"userPurpose": "user"}
            raise WrongTenant("contoso", "the token is of another tenant")

    with pytest.raises(WrongTenant):
        TYPES.ask(Changed(), TWO)


def test_without_users_nobody_can_be_asked():
    assert hidden(ask(TYPES, {})) == {TenantFact.MAILBOX_TYPES: (GapReason.MISSING, "")}


def test_without_the_permission_no_call_is_made_and_the_gap_names_it():
    wire = Wire({})
    part = TYPES.ask(client(wire, granted=GRANTED - {"MailboxSettings.Read"}), TWO)
    assert hidden(part) == {TenantFact.MAILBOX_TYPES: (GapReason.DENIED, "MailboxSettings.Read")}
    assert "2 mailboxes" in part.gaps[0].detail
    assert wire.asked == []


def test_a_stronger_permission_that_was_granted_is_enough():
    wire = Wire({settings("a"): {"userPurpose": "user"}, settings("b"): {"userPurpose": "user"}})
    granted = GRANTED - {"MailboxSettings.Read"} | {"MailboxSettings.ReadWrite"}
    assert TYPES.ask(client(wire, granted=granted), TWO).gaps == ()


def test_a_refusal_for_want_of_the_permission_is_one_answer_for_all():
    wire = Wire({settings("b"): refusal(403, "ErrorAccessDenied")})
    with pytest.raises(PermissionMissing):
        TYPES.ask(client(wire, granted=frozenset()), TWO)
    assert len(wire.asked) == 1


def test_an_access_policy_that_lets_none_be_read_is_not_asked_for_ever():
    denied = {settings(f"u{number}"): refusal(403, "ErrorAccessDenied") for number in range(20)}
    wire = Wire(denied)
    with pytest.raises(GraphError, match="ErrorAccessDenied"):
        ask(TYPES, {}, asked=replace(ASKED, users=staff(20)), wire=wire)
    assert len(wire.asked) == 10


def test_mailboxes_that_are_refused_by_themselves_cost_the_others_nothing():
    denied = {settings(f"u{number}"): refusal(403, "ErrorAccessDenied") for number in range(9)}
    told = {settings(f"u{number}"): {"userPurpose": "user"} for number in range(9, 12)}
    part = ask(TYPES, denied | told, asked=replace(ASKED, users=staff(12)))
    assert set(part.mailbox_types) == {"u9", "u10", "u11"}
    assert "9 of 12" in part.gaps[0].detail
