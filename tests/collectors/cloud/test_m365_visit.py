"""A visit: one snapshot whatever happens, and every missing piece is a gap that says what to grant."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from collectors.cloud import discover
from collectors.cloud.facts import SignInKnowledge, TenantFact, TenantSnapshot
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.visit import scan_tenants, visit_tenant
from collectors.cloud.wire import WireBroken
from collectors.errors import SignInFailed
from collectors.model import CollectorOutcome, GapReason, Protocol, Target
from tests.collectors.cloud.answered import NOW, TENANT, Wire, hidden, refusal, rows, visit
from tests.lab.graph import EVERY_PERMISSION, LabTenant, LoopbackGraph, loopback_graph, made_reports, made_tenant

REPORTS = {TenantFact.USAGE, TenantFact.APPS_USAGE, TenantFact.MAILBOXES, TenantFact.ACTIVATIONS}


def target(tenant: LabTenant) -> Target:
    return Target(name=tenant.name, protocol=Protocol.M365, address=tenant.id)


def visited(lab: LoopbackGraph, tenant: LabTenant, **how) -> TenantSnapshot:
    """A visit of the lab, without its waits."""
    return visit_tenant(
        target(tenant),
        credential=lab.credential(tenant),
        policy=lab.policy(**how),
        taken_at=NOW,
        connect=lambda _target, _credential, policy: lab.client(tenant, longest_wait_s=policy.longest_wait_s),
    )


def seen(tenant: LabTenant, **how) -> TenantSnapshot:
    with loopback_graph(tenant) as lab:
        return visited(lab, tenant, **how)


def outcomes(snapshot: TenantSnapshot) -> dict[str, CollectorOutcome]:
    return {status.name: status.outcome for status in snapshot.collectors}


def test_everything_is_asked_and_every_answer_kept():
    tenant = made_tenant(users=25)
    snapshot = seen(tenant)
    assert snapshot.reached
    assert hidden(snapshot) == {}
    assert snapshot.organization is not None
    assert snapshot.organization.id == tenant.id
    assert len(snapshot.skus) == 3
    assert len(snapshot.subscriptions) == 3
    assert len(snapshot.groups) == 2
    assert len(snapshot.users) == len(snapshot.usage) == len(snapshot.mailboxes) == 25
    assert {user.sign_in_known for user in snapshot.users} == {SignInKnowledge.KNOWN}
    assert {report.kind for report in snapshot.reports} == REPORTS
    assert snapshot.names_concealed is False
    assert snapshot.granted == tuple(sorted(EVERY_PERMISSION))
    assert {user.mailbox for user in snapshot.users} == {"user"}
    assert snapshot.requests == 16 + 25  # fourteen questions less Intune, which it does not own; downloads; mailboxes


def test_every_question_is_in_the_coverage_once():
    names = [status.name for status in seen(made_tenant()).collectors]
    assert names == [question.name for question in discover()]
    assert len(set(names)) == len(names)


def test_every_kind_of_fact_has_a_question():
    asked = {kind for question in discover() for kind in question.kinds}
    assert asked == set(TenantFact) - {TenantFact.TENANT}


HIDES = {
    "Organization.Read.All": {TenantFact.ORGANIZATION},
    "User.Read.All": {TenantFact.USERS, TenantFact.SIGN_INS, TenantFact.DELETED_USERS, TenantFact.MAILBOX_TYPES},
    "Reports.Read.All": REPORTS,
    "AuditLog.Read.All": {TenantFact.SIGN_INS},
    "GroupMember.Read.All": {TenantFact.GROUPS},
    "ReportSettings.Read.All": set(),
    "MailboxSettings.Read": {TenantFact.MAILBOX_TYPES},
}


@pytest.mark.parametrize(("permission", "kinds"), list(HIDES.items()))
def test_each_permission_missing_alone_is_named_and_costs_only_what_it_hides(permission, kinds):
    snapshot = seen(made_tenant(granted=EVERY_PERMISSION - {permission}))
    gaps = hidden(snapshot)
    assert set(gaps) == kinds
    for kind in kinds:
        unasked = kind is TenantFact.MAILBOX_TYPES and permission == "User.Read.All"  # of whom, nobody knows
        assert gaps[kind] == ((GapReason.MISSING, "") if unasked else (GapReason.DENIED, permission))
    if not kinds:
        assert outcomes(snapshot)["report-settings"] is CollectorOutcome.FAILED


def test_case_69_seats_that_may_not_be_read_are_a_gap_and_not_a_tenant_without_seats():
    lacking = EVERY_PERMISSION - {"LicenseAssignment.Read.All", "Organization.Read.All"}
    snapshot = seen(made_tenant(granted=lacking))
    assert snapshot.skus == ()
    assert hidden(snapshot)[TenantFact.SKUS] == (GapReason.DENIED, "LicenseAssignment.Read.All")
    assert snapshot.users


def test_no_permission_at_all_is_reached_and_blind():
    snapshot = seen(made_tenant(granted=frozenset()))
    assert snapshot.reached
    assert set(hidden(snapshot)) == set(TenantFact) - {TenantFact.TENANT}
    del (gaps := hidden(snapshot))[TenantFact.MAILBOX_TYPES]  # of nobody known
    assert {reason for reason, _ in gaps.values()} == {GapReason.DENIED}


def test_a_tenant_without_p1_is_judged_by_its_usage_reports():
    tenant = made_tenant(premium=False)
    for sku in tenant.skus:
        sku["servicePlans"] = []
    with loopback_graph(tenant) as lab:
        snapshot = visited(lab, tenant)
        assert not [one for one in lab.asked("/users") if "signInActivity" in one.query]
    assert {user.sign_in_known for user in snapshot.users} == {SignInKnowledge.NOT_ASKED}
    assert hidden(snapshot)[TenantFact.SIGN_INS] == (GapReason.UNSUPPORTED, "")
    assert outcomes(snapshot)["sign-ins"] is CollectorOutcome.NOT_APPLICABLE
    assert len(snapshot.usage) == 25


def test_mailbox_types_are_asked_on_request_of_whom_it_concerns():
    tenant = made_tenant(users=12)
    tenant.users[3] |= {"accountEnabled": False, "assignedLicenses": []}
    tenant.mailbox_purpose = {person["id"]: "user" for person in tenant.users}
    tenant.mailbox_purpose[tenant.users[3]["id"]] = "shared"
    snapshot = seen(tenant, mailbox_types=True)
    assert hidden(snapshot) == {}
    assert snapshot.users[3].mailbox == "shared"
    assert snapshot.users[3].sign_in_known is SignInKnowledge.KNOWN


def test_mailbox_types_without_their_permission_cost_no_call():
    tenant = made_tenant(granted=EVERY_PERMISSION - {"MailboxSettings.Read"})
    with loopback_graph(tenant) as lab:
        snapshot = visited(lab, tenant, mailbox_types=True)
        assert not [one for one in lab.requests if "mailboxSettings" in one.path]
    assert hidden(snapshot) == {TenantFact.MAILBOX_TYPES: (GapReason.DENIED, "MailboxSettings.Read")}


def test_case_28_concealed_names_hide_usage_and_nothing_else():
    snapshot = seen(made_tenant(concealed=True))
    assert snapshot.names_concealed is True
    assert set(hidden(snapshot)) == REPORTS
    assert snapshot.usage == snapshot.apps_usage == snapshot.mailboxes == snapshot.activations == ()
    assert all(report.concealed and report.rows == 25 for report in snapshot.reports)


def test_case_29_stale_reports_keep_their_date():
    tenant = made_tenant()
    tenant.csv = made_reports(tenant.users, refreshed_on=datetime(2026, 11, 1, tzinfo=UTC).date())
    assert {report.refreshed_on for report in seen(tenant).reports} == {datetime(2026, 11, 1, tzinfo=UTC).date()}


@pytest.mark.parametrize("way", ["redirect", "inline", "expired"])
def test_reports_come_by_redirect_inline_or_at_the_second_try(way):
    snapshot = seen(made_tenant(report_way=way))
    assert len(snapshot.usage) == 25


def test_a_token_of_another_tenant_gives_nothing_away():
    snapshot = seen(made_tenant(token_tenant="331af819-4e0b-49f7-a6bf-14e1165ad3a0"))
    assert hidden(snapshot) == {TenantFact.TENANT: (GapReason.REFUSED, "")}
    assert snapshot.users == ()
    assert not snapshot.reached


def test_an_answer_of_another_organization_gives_nothing_away():
    snapshot = seen(made_tenant(organization_id="331af819-4e0b-49f7-a6bf-14e1165ad3a0"))
    assert hidden(snapshot) == {TenantFact.TENANT: (GapReason.REFUSED, "")}
    assert snapshot == replace(
        TenantSnapshot(target=snapshot.target, taken_at=NOW, gaps=snapshot.gaps), duration_s=snapshot.duration_s
    )


def test_a_wrong_secret_is_one_gap_with_what_to_do():
    tenant = made_tenant()
    with loopback_graph(tenant) as lab:
        tenant.secret = "another"
        wrong = lab.credential(tenant)
        tenant.secret = "the right one"
        snapshot = visit_tenant(target(tenant), credential=wrong, policy=lab.policy(), taken_at=NOW)
    assert hidden(snapshot) == {TenantFact.TENANT: (GapReason.DENIED, "")}
    assert "secret" in snapshot.gaps[0].detail.lower()
    assert "another" not in repr(snapshot)


def test_a_tenant_out_of_reach_is_one_gap():
    broken = WireBroken("Connection refused", again=False)
    snapshot = visit(dict.fromkeys(("/organization", "/subscribedSkus", "/users"), broken))
    assert hidden(snapshot) == {TenantFact.TENANT: (GapReason.UNREACHABLE, "")}
    assert "Connection refused" in snapshot.gaps[0].detail


def test_one_answer_that_never_comes_does_not_cost_the_next():
    broken = WireBroken("no answer in time", again=False)
    snapshot = visit(
        {"/organization": rows({"id": TENANT}), "/subscribedSkus": rows(), "/users": broken, "/groups": rows()}
    )
    assert hidden(snapshot)[TenantFact.USERS] == (GapReason.UNREACHABLE, "")
    assert TenantFact.GROUPS not in hidden(snapshot)


def test_a_tenant_lost_on_the_way_keeps_what_came_and_is_not_asked_for_ever():
    gone = WireBroken("Network is unreachable", again=False)
    wire = Wire({"/organization": rows({"id": TENANT}), "/subscribedSkus": gone, "/directory/subscriptions": gone})
    snapshot = visit({}, wire=wire)
    assert snapshot.reached
    assert snapshot.organization is not None
    assert len(wire.asked) == 3
    gaps = hidden(snapshot)
    assert set(gaps) == set(TenantFact) - {TenantFact.TENANT, TenantFact.ORGANIZATION}
    assert {reason for reason, _ in gaps.values()} == {GapReason.UNREACHABLE}


def test_throttled_for_ever_is_partial_within_the_limit():
    tenant = made_tenant(users=30, page_rows=10).fail(
        "/users", 429, times=None, after=2, headers={"Retry-After": "300"}
    )
    with loopback_graph(tenant) as lab:
        snapshot = visited(lab, tenant, longest_wait_s=500)
        assert sum(lab.slept) <= 500
    assert len(snapshot.users) == 20
    assert hidden(snapshot)[TenantFact.USERS] == (GapReason.TIMED_OUT, "")
    assert outcomes(snapshot)["users"] is CollectorOutcome.PARTIAL
    assert snapshot.reports


def test_half_of_the_skus_do_not_tell_that_a_plan_is_not_owned():
    """The unread one might hold P1, so sign-ins are asked all the same."""
    answers = {
        "/organization": rows({"id": TENANT}),
        "/subscribedSkus": rows({"skuId": "a"}, {"skuId": None}),
        "/users": rows(
            {"id": "1", "assignedLicenses": [], "signInActivity": {"lastSignInDateTime": "2026-01-01T00:00:00Z"}}
        ),
    }
    assert visit(answers).users[0].sign_in_known is SignInKnowledge.KNOWN


def test_a_fault_of_ours_in_one_question_costs_that_question(caplog):
    def breaks(_client, _asked):
        raise ZeroDivisionError

    broken = TenantQuestion(name="broken", kinds=(TenantFact.USERS,), permissions=(), ask=breaks)
    fine = TenantQuestion(
        name="fine", kinds=(TenantFact.SKUS,), permissions=(), ask=lambda _client, _asked: TenantPart()
    )
    with caplog.at_level(logging.CRITICAL):
        snapshot = visit({}, questions=(broken, fine))
    assert hidden(snapshot) == {TenantFact.USERS: (GapReason.FAILED, "")}
    assert outcomes(snapshot) == {"broken": CollectorOutcome.FAILED, "fine": CollectorOutcome.OK}


def test_a_fault_of_ours_outside_any_question_costs_that_tenant(caplog):
    def applies(_asked: Asked) -> bool:
        raise ZeroDivisionError

    with caplog.at_level(logging.CRITICAL):
        snapshot = visit({}, questions=(replace(discover()[0], applies=applies),))
    assert hidden(snapshot) == {TenantFact.TENANT: (GapReason.FAILED, "")}


def test_a_sign_in_that_fails_half_way_keeps_what_came():
    calls = []

    def lost(_client, _asked):
        calls.append(1)
        raise SignInFailed("contoso", "the secret has expired.")

    fine = TenantQuestion(name="fine", kinds=(), permissions=(), ask=lambda _client, _asked: TenantPart())
    late = [
        TenantQuestion(name=f"late-{kind}", kinds=(kind,), permissions=("User.Read.All",), ask=lost)
        for kind in (TenantFact.SKUS, TenantFact.USERS)
    ]
    snapshot = visit({}, questions=(fine, *late))
    assert snapshot.reached
    assert hidden(snapshot) == dict.fromkeys((TenantFact.SKUS, TenantFact.USERS), (GapReason.DENIED, ""))
    assert len(calls) == 1


def test_a_refusal_despite_every_permission_blames_none():
    """Graph refuses although what the address needs was granted: no permission is named that would not help."""
    answers = {"/organization": rows({"id": TENANT}), "/subscribedSkus": refusal(403, "Authorization_RequestDenied")}
    assert hidden(visit(answers))[TenantFact.SKUS] == (GapReason.DENIED, "")


def test_many_tenants_at_once_and_one_that_fails_harms_no_other():
    tenants = [made_tenant(users=5, domain=f"c{number}.test", name=f"client {number}") for number in range(6)]
    tenants[2].token_tenant = tenants[3].id
    tenants[4].granted = frozenset()
    by_name = {tenant.name: tenant for tenant in tenants}
    with loopback_graph(*tenants) as lab, ThreadPoolExecutor(max_workers=4) as executor:
        found = {
            snapshot.target.name: snapshot
            for snapshot in scan_tenants(
                [target(tenant) for tenant in tenants],
                lambda one: visited(lab, by_name[one.name]),
                executor=executor,
            )
        }
    assert set(found) == set(by_name)
    for name, snapshot in found.items():
        if by_name[name] is tenants[2]:
            assert not snapshot.reached
        elif by_name[name] is not tenants[4]:
            assert snapshot.organization is not None
            assert snapshot.organization.id == by_name[name].id
            assert all(user.upn.endswith(by_name[name].domain) for user in snapshot.users)


def test_a_worker_that_breaks_is_that_tenants_gap(caplog):
    def breaks(one: Target) -> TenantSnapshot:
        raise MemoryError

    with caplog.at_level(logging.CRITICAL), ThreadPoolExecutor(max_workers=1) as executor:
        (snapshot,) = scan_tenants([Target(name="x", protocol=Protocol.M365)], breaks, executor=executor)
    assert hidden(snapshot) == {TenantFact.TENANT: (GapReason.FAILED, "")}


def test_an_interruption_yields_the_rest_as_interrupted_and_is_raised_again():
    class Inline:
        """Runs the first visit at once and leaves the others waiting."""

        def submit(self, work, one):
            from concurrent.futures import Future

            future = Future()
            if one.name == "first":
                future.set_exception(KeyboardInterrupt())
            return future

    found: list[TenantSnapshot] = []

    def collect() -> None:
        targets = [Target(name=name) for name in ("first", "second")]
        for snapshot in scan_tenants(targets, lambda _one: pytest.fail("not to be run"), executor=Inline()):
            found.append(snapshot)

    with pytest.raises(KeyboardInterrupt):
        collect()
    assert {one.target.name: one.gaps[0].reason for one in found}["second"] is GapReason.INTERRUPTED
