"""Users: one seat per SKU however often it was assigned, and no user lost without a word."""

from datetime import UTC, datetime

import pytest

from collectors.cloud.facts import HeldLicense, LicenseAssignment, SignInKnowledge, TenantFact, User
from collectors.cloud.m365_users import QUESTION
from collectors.errors import GraphError, PermissionMissing
from collectors.model import GapReason
from tests.collectors.cloud.answered import E3, EXCHANGE, SPB, TEAMS, Wire, ask, refusal, rows

GROUP = "aaaaaaaa-0000-0000-0000-000000000001"
OTHER_GROUP = "aaaaaaaa-0000-0000-0000-000000000002"


def license_(sku=SPB, *disabled):
    return {"skuId": sku, "disabledPlans": list(disabled)}


def state(sku=SPB, group=None, *disabled, said="Active", error="None"):
    return {
        "skuId": sku,
        "assignedByGroup": group,
        "disabledPlans": list(disabled),
        "state": said,
        "error": error,
        "lastUpdatedDateTime": "2025-01-01T00:00:00Z",
    }


def person(**more):
    told = {"assignedLicenses": [license_()], "licenseAssignmentStates": [state()]}
    return {"id": "1", "userPrincipalName": "bob@contoso.com", **told} | more


def read(*people) -> tuple[User, ...]:
    part = ask(QUESTION, {"/users": rows(*people)})
    assert part.gaps == ()
    return part.users


def test_a_user_with_everything():
    (bob,) = read(
        person(
            id="00000000-0000-0000-0000-00000000000A",
            displayName="Bob Durand",
            mail="bob@contoso.com",
            accountEnabled=False,
            userType="Guest",
            createdDateTime="2024-02-01T08:00:00Z",
            usageLocation="FR",
            department="Comptabilité",
            companyName="Contoso",
            employeeType="Stagiaire",
            onPremisesSyncEnabled=True,
            licenseAssignmentStates=[state()],
        )
    )
    assert bob == User(
        id="00000000-0000-0000-0000-00000000000a",
        upn="bob@contoso.com",
        name="Bob Durand",
        mail="bob@contoso.com",
        enabled=False,
        type="Guest",
        created_at=datetime(2024, 2, 1, 8, tzinfo=UTC),
        usage_location="FR",
        department="Comptabilité",
        company="Contoso",
        employee_type="Stagiaire",
        synced=True,
        licenses=(HeldLicense(sku_id=SPB),),
        assignments=(LicenseAssignment(sku_id=SPB, state="Active", updated_at=datetime(2025, 1, 1, tzinfo=UTC)),),
        sign_in_known=SignInKnowledge.NOT_ASKED,
    )


def test_case_16_the_same_sku_direct_and_by_group_is_one_seat():
    (bob,) = read(person(licenseAssignmentStates=[state(group=GROUP), state()]))
    assert bob.licenses == (HeldLicense(sku_id=SPB),)
    assert [way.group for way in bob.assignments] == [GROUP, ""]


def test_case_17_two_groups_that_give_one_sku_are_one_seat():
    (bob,) = read(person(licenseAssignmentStates=[state(group=GROUP), state(group=OTHER_GROUP)]))
    assert bob.licenses == (HeldLicense(sku_id=SPB),)
    assert len(bob.assignments) == 2


def test_case_15_a_plan_that_is_switched_off_is_told():
    (bob,) = read(person(assignedLicenses=[license_(E3, EXCHANGE.upper())]))
    assert bob.licenses == (HeldLicense(sku_id=E3, disabled_plans=frozenset({EXCHANGE})),)


def test_a_plan_is_off_only_where_every_assignment_has_it_off():
    ways = [state(SPB, GROUP, EXCHANGE, TEAMS), state(SPB, None, TEAMS)]
    (bob,) = read(person(assignedLicenses=[license_(SPB, EXCHANGE, TEAMS)], licenseAssignmentStates=ways))
    assert bob.licenses[0].disabled_plans == {TEAMS}


@pytest.mark.parametrize("said", ["Error", "Disabled", None])
def test_an_assignment_that_does_not_hold_gives_no_plan_back(said):
    ways = [state(SPB, GROUP, TEAMS), state(SPB, None, said=said)]
    (bob,) = read(person(assignedLicenses=[license_(SPB, TEAMS)], licenseAssignmentStates=ways))
    assert bob.licenses[0].disabled_plans == {TEAMS}


def test_an_assignment_that_is_silent_about_its_plans_gives_none_back():
    ways = [state(SPB, GROUP, TEAMS), state() | {"disabledPlans": None}]
    (bob,) = read(person(assignedLicenses=[license_(SPB, TEAMS)], licenseAssignmentStates=ways))
    assert bob.licenses[0].disabled_plans == {TEAMS}


@pytest.mark.parametrize("error", ["None", None, ""])
def test_case_33_none_as_a_word_or_as_nothing_is_no_error(error):
    (bob,) = read(person(licenseAssignmentStates=[state(error=error)]))
    assert bob.assignments[0].error == ""


def test_case_34_a_user_who_waits_for_a_seat_has_the_error_and_not_the_license():
    waiting = state(E3, GROUP, said="Error", error="CountViolation")
    (bob,) = read(person(assignedLicenses=[], licenseAssignmentStates=[waiting]))
    assert bob.licenses == ()
    assert (bob.assignments[0].state, bob.assignments[0].error) == ("Error", "CountViolation")


def test_case_32_a_user_without_a_type_is_a_member():
    (bob,) = read(person(userType=None))
    assert bob.type == "Member"


def test_what_is_not_told_of_an_account_stays_unknown():
    (bob,) = read(person())
    assert bob.enabled is None
    assert bob.created_at is None


def test_the_year_one_is_no_date():
    (bob,) = read(person(createdDateTime="0001-01-01T00:00:00Z"))
    assert bob.created_at is None


@pytest.mark.parametrize(
    "text", ["2024-02-01T08:00:00.1234567Z", "2024-02-01T10:00:00.123456+02:00", "2024-02-01T08:00:00.123456"]
)
def test_times_are_utc_whatever_their_digits_and_zone(text):
    (bob,) = read(person(createdDateTime=text))
    assert bob.created_at == datetime(2024, 2, 1, 8, 0, 0, 123456, tzinfo=UTC)


def test_users_of_several_pages_an_empty_one_between_are_all_there():
    answers = {
        "/users": rows(person(), link="/users?$skiptoken=1"),
        "/users?$skiptoken=1": rows(link="/users?$skiptoken=2"),
        "/users?$skiptoken=2": rows(person(id="2")),
    }
    part = ask(QUESTION, answers)
    assert [user.id for user in part.users] == ["1", "2"]
    assert part.gaps == ()


def test_one_call_for_every_999_users_and_never_one_per_user():
    wire = Wire({"/users": rows(*(person(id=str(number)) for number in range(999)))})
    assert len(ask(QUESTION, {}, wire=wire).users) == 999
    assert len(wire.asked) == 1
    assert "$top=999" in wire.asked[0]
    assert "signInActivity" not in wire.asked[0]


def test_users_with_the_same_licenses_share_them_in_memory():
    """Twenty thousand users hold few different licenses."""
    one, other = read(person(), person(id="2"))
    assert one.id != other.id
    assert one.licenses[0] is other.licenses[0]


@pytest.mark.parametrize(
    "spoiled",
    [
        {"id": None},
        {"id": " "},
        {"accountEnabled": "yes"},
        {"createdDateTime": "yesterday"},
        {"assignedLicenses": "none"},
        {"licenseAssignmentStates": [state() | {"lastUpdatedDateTime": "soon"}]},
    ],
)
def test_a_user_that_cannot_be_read_is_a_gap_and_the_others_stay(spoiled):
    part = ask(QUESTION, {"/users": rows(person(), person(**spoiled))})
    assert len(part.users) == 1
    (gap,) = part.gaps
    assert (gap.kind, gap.reason) == (TenantFact.USERS, GapReason.UNPARSABLE)
    assert "1 of 2" in gap.detail
    assert "bob" not in gap.detail


@pytest.mark.parametrize(
    "silent",
    [
        {},
        {"assignedLicenses": None},
        {"assignedLicenses": [{"skuId": None}]},
        {"assignedLicenses": [license_()], "licenseAssignmentStates": None},
        {"assignedLicenses": [], "licenseAssignmentStates": [state(None)]},
    ],
)
def test_a_user_without_a_word_on_licenses_is_not_a_user_without_licenses(silent):
    part = ask(QUESTION, {"/users": rows(person(), {"id": "2", "userPrincipalName": "x@contoso.com", **silent})})
    assert len(part.users) == 2
    (gap,) = part.gaps
    assert "1 of 2 users came without a word on their name or their licenses" in gap.detail


def test_a_user_whom_two_pages_tell_is_one_user():
    """The directory changed while it was paged through."""
    answers = {
        "/users": rows(person(), link="/users?$skiptoken=1"),
        "/users?$skiptoken=1": rows(person(displayName="Bob, renamed"), person(id="2")),
    }
    part = ask(QUESTION, answers)
    assert [(user.id, user.name) for user in part.users] == [("1", "Bob, renamed"), ("2", "")]
    assert part.gaps == ()


def test_throttled_out_in_the_middle_keeps_what_came_beside_a_gap():
    answers = {
        "/users": rows(person(), link="/users?$skiptoken=1"),
        "/users?$skiptoken=1": refusal(429, "TooManyRequests", **{"retry-after": "3600"}),
    }
    part = ask(QUESTION, answers)
    assert [user.id for user in part.users] == ["1"]
    (gap,) = part.gaps
    assert gap.reason is GapReason.TIMED_OUT
    assert "only the first 1 were read" in gap.detail


def test_a_next_page_on_another_server_is_refused_and_what_came_is_kept():
    page = rows(person()) | {"@odata.nextLink": "https://graph.evil.example/v1.0/users?$skiptoken=1"}
    part = ask(QUESTION, {"/users": page})
    assert len(part.users) == 1
    assert part.gaps[0].reason is GapReason.REFUSED


def test_a_missing_permission_is_raised_with_its_name():
    with pytest.raises(PermissionMissing) as caught:
        QUESTION.ask(_without("User.Read.All"), _asked())
    assert caught.value.permission == "User.Read.All"
    assert [gap.permission for gap in QUESTION.refused(caught.value)] == ["User.Read.All"]


@pytest.mark.parametrize(
    "body", [b"<html>Sign in to the hotel's network</html>", b"", b"[]", b'{"value": null}', b"\xff"]
)
def test_an_answer_that_is_no_listing_is_an_error_and_not_an_empty_tenant(body):
    with pytest.raises(GraphError):
        ask(QUESTION, {"/users": body})


def _without(permission):
    from tests.collectors.cloud.answered import GRANTED, client

    return client(Wire({"/users": refusal(403, "Authorization_RequestDenied")}), granted=GRANTED - {permission})


def _asked():
    from tests.collectors.cloud.answered import ASKED

    return ASKED
