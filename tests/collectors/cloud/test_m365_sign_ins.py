"""Sign-ins: asked of those who own P1 or P2 alone, and three kinds of nothing kept apart."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from collectors.cloud.facts import Organization, ServicePlan, SignIn, SignInKnowledge, SubscribedSku, TenantFact
from collectors.cloud.m365_sign_ins import QUESTION
from collectors.errors import GraphError, PermissionMissing
from collectors.model import GapReason
from tests.collectors.cloud.answered import (
    ASKED,
    E3,
    EXCHANGE,
    GRANTED,
    P1,
    P2,
    SPB,
    TENANT,
    Wire,
    ask,
    client,
    hidden,
    refusal,
    rows,
    visit,
)

NOT_PREMIUM = refusal(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant")


def owns(*plans: str):
    sku = SubscribedSku(sku_id=SPB, part_number="SPB", plans=tuple(ServicePlan(id=plan, name="") for plan in plans))
    return replace(ASKED, skus=(sku,), organization=Organization(id=TENANT, name="Contoso"))


PREMIUM = owns(EXCHANGE, P1)
SIGNED_IN = {
    "id": "A",
    "signInActivity": {
        "lastSignInDateTime": "2026-01-10T07:00:00Z",
        "lastNonInteractiveSignInDateTime": "2026-01-14T07:00:00Z",
        "lastSuccessfulSignInDateTime": "2026-01-12T07:00:00Z",
    },
}


def test_the_three_times_of_a_sign_in_are_kept_apart():
    part = ask(QUESTION, {"/users": rows(SIGNED_IN)}, asked=PREMIUM)
    assert part.sign_ins == {
        "a": SignIn(
            successful_at=datetime(2026, 1, 12, 7, tzinfo=UTC),
            at=datetime(2026, 1, 10, 7, tzinfo=UTC),
            non_interactive_at=datetime(2026, 1, 14, 7, tzinfo=UTC),
        )
    }
    assert part.gaps == ()


def test_case_24_and_25_an_attempt_without_success_stays_an_attempt():
    """A password spray moves lastSignInDateTime; before 2023-12 no success was kept."""
    attempt = {"id": "A", "signInActivity": {"lastSignInDateTime": "2023-06-01T00:00:00Z"}}
    part = ask(QUESTION, {"/users": rows(attempt)}, asked=PREMIUM)
    assert part.sign_ins["a"] == SignIn(at=datetime(2023, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "nothing",
    [
        {},
        {"signInActivity": None},
        {"signInActivity": {}},
        {"signInActivity": {"lastSignInDateTime": "0001-01-01T00:00:00Z", "lastSuccessfulSignInDateTime": None}},
    ],
)
def test_asked_and_without_a_sign_in_is_never_whatever_way_graph_says_it(nothing):
    part = ask(QUESTION, {"/users": rows(SIGNED_IN, {"id": "b"} | nothing)}, asked=PREMIUM)
    assert part.sign_ins["b"] is None


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        (owns(P1), 1),
        (owns(P2), 1),
        (owns(EXCHANGE), 0),
        (replace(ASKED, skus=(), organization=Organization(id=TENANT, name="", plans=frozenset({P2}))), 1),
        (replace(ASKED, skus=()), 0),
        (replace(ASKED, organization=Organization(id=TENANT, name="", plans=frozenset({EXCHANGE}))), 0),
    ],
    ids=["P1", "P2", "neither", "P2 tenant-wide", "no SKU", "organization alone"],
)
def test_only_a_tenant_with_p1_or_p2_is_asked(asked, calls):
    wire = Wire({"/users": rows(SIGNED_IN)})
    part = ask(QUESTION, {}, asked=asked, wire=wire)
    assert len(wire.asked) == calls
    assert bool(part.gaps) is (calls == 0)


def test_a_tenant_without_p1_is_a_gap_that_says_so_and_no_permission_is_blamed():
    part = ask(QUESTION, {}, asked=owns(EXCHANGE))
    (gap,) = part.gaps
    assert (gap.kind, gap.reason, gap.permission) == (TenantFact.SIGN_INS, GapReason.UNSUPPORTED, "")
    assert "P1" in gap.detail


def test_where_nobody_knows_what_the_tenant_owns_it_is_asked_once_and_no_is_taken_for_an_answer():
    wire = Wire({"/users": NOT_PREMIUM})
    with pytest.raises(GraphError):
        ask(QUESTION, {}, asked=ASKED, wire=wire)
    assert len(wire.asked) == 1


@pytest.mark.parametrize("refusals", [1, 2, 3])
def test_the_refusal_that_comes_and_goes_in_premium_tenants_is_asked_again_three_times(refusals):
    from collectors.cloud.wire import Reply

    good = Reply(
        status=200,
        headers={},
        body=b'{"value":[{"id":"a","signInActivity":{"lastSignInDateTime":"2026-01-10T07:00:00Z"}}]}',
    )
    wire = Wire({"/users": [*[NOT_PREMIUM] * refusals, good]})
    assert len(ask(QUESTION, {}, asked=PREMIUM, wire=wire).sign_ins) == 1
    assert len(wire.asked) == refusals + 1


def test_a_refusal_that_stays_is_a_gap_after_four_calls():
    wire = Wire({"/users": NOT_PREMIUM})
    with pytest.raises(GraphError):
        ask(QUESTION, {}, asked=PREMIUM, wire=wire)
    assert len(wire.asked) == 4


def test_pages_of_500_then_120_then_100_as_microsoft_changed_its_mind():
    too_many = refusal(400, "BadRequest", message="Cannot query data for more than 120 users at a time.")
    wire = Wire(
        {
            "/users?$select=id,signInActivity&$top=500": too_many,
            "/users?$select=id,signInActivity&$top=120": rows(SIGNED_IN),
        }
    )
    assert len(ask(QUESTION, {}, asked=PREMIUM, wire=wire).sign_ins) == 1
    assert not any("ConsistencyLevel" in headers for headers in wire.headers)


def test_the_permission_that_is_missing_is_auditlog():
    wire = Wire({"/users": refusal(403, "Authorization_RequestDenied")})
    with pytest.raises(PermissionMissing) as caught:
        QUESTION.ask(client(wire, granted=GRANTED - {"AuditLog.Read.All"}), PREMIUM)
    assert caught.value.permission == "AuditLog.Read.All"


def test_nobody_with_any_sign_in_is_not_a_company_where_nobody_works():
    part = ask(QUESTION, {"/users": rows({"id": "a"}, {"id": "b", "signInActivity": None})}, asked=PREMIUM)
    assert part.sign_ins == {}
    assert hidden(part)[TenantFact.SIGN_INS][0] is GapReason.MISSING


def test_the_three_kinds_of_nothing_reach_the_users():
    """Known, asked and never, and not asked: here because the answer broke off before the third user."""
    people = [{"id": name, "userPrincipalName": f"{name}@contoso.com", "assignedLicenses": []} for name in "abc"]
    answers = {
        "/organization": rows({"id": TENANT}),
        "/subscribedSkus": rows({"skuId": E3, "servicePlans": [{"servicePlanId": P1}]}),
        "/users": rows(*people),
        "/users?$select=id,signInActivity&$top=500": rows(SIGNED_IN, {"id": "b"}, link="/users?$skiptoken=1"),
        "/users?$skiptoken=1": refusal(403, "Authorization_RequestDenied"),
    }
    snapshot = visit(answers)
    assert {user.id: user.sign_in_known for user in snapshot.users} == {
        "a": SignInKnowledge.KNOWN,
        "b": SignInKnowledge.NEVER,
        "c": SignInKnowledge.NOT_ASKED,
    }
    assert "only the first 2 were read" in snapshot.gaps_of(TenantFact.SIGN_INS)[0].detail
