"""Nulls anywhere, anything else anywhere: never a crash, and for every kind of fact either facts or a gap."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.cloud import discover
from collectors.cloud.facts import TenantFact, TenantSnapshot
from collectors.cloud.wire import Reply
from collectors.model import GapReason
from tests.collectors.cloud.answered import E3, EXCHANGE, P1, SPB, TENANT, visit
from tests.lab.graph.reports import ACTIVATIONS, ACTIVE_USERS, APPS, HEADERS, MAILBOXES

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
GUID = st.sampled_from([SPB, E3, EXCHANGE, P1, TENANT, SPB.upper(), "x"])
TIME = st.sampled_from(
    [
        "2026-01-10T07:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.9999999Z",
        "0001-01-01T00:00:00+14:00",
        "x",
        "",
    ]
) | st.datetimes().map(lambda when: f"{when.isoformat()}Z")
TEXT = st.text(max_size=12) | st.sampled_from(["Active", "Error", "Enabled", "None", "Guest", "bob@contoso.com"])
COUNT = st.integers(min_value=-5, max_value=2**40)


def null_or(strategy: Any, *, wild: bool) -> Any:
    """As the schema has it: null is always allowed. Wild: as no schema has it."""
    return st.none() | strategy | (ANYTHING if wild else st.nothing())


def entry(wild: bool, **properties: Any) -> Any:
    """An object of which every property may be null or absent."""
    return st.fixed_dictionaries(
        {}, optional={name: null_or(strategy, wild=wild) for name, strategy in properties.items()}
    )


def shapes(*, wild: bool) -> dict[str, Any]:
    """What each listing holds."""
    license_ = entry(wild, skuId=GUID, disabledPlans=st.lists(null_or(GUID, wild=wild), max_size=3))
    state = entry(
        wild,
        skuId=GUID,
        assignedByGroup=GUID,
        disabledPlans=st.lists(null_or(GUID, wild=wild), max_size=3),
        state=TEXT,
        error=TEXT,
        lastUpdatedDateTime=TIME,
    )
    activity = entry(wild, lastSignInDateTime=TIME, lastSuccessfulSignInDateTime=TIME)
    user = entry(
        wild,
        id=GUID,
        userPrincipalName=TEXT,
        displayName=TEXT,
        mail=TEXT,
        accountEnabled=st.booleans(),
        userType=TEXT,
        createdDateTime=TIME,
        deletedDateTime=TIME,
        usageLocation=TEXT,
        onPremisesSyncEnabled=st.booleans(),
        assignedLicenses=st.lists(license_, max_size=3),
        licenseAssignmentStates=st.lists(state, max_size=3),
        signInActivity=activity,
    )
    units = entry(wild, enabled=COUNT, warning=COUNT, suspended=COUNT, lockedOut=COUNT)
    plan = entry(wild, servicePlanId=GUID, servicePlanName=st.sampled_from(["INTUNE_A", "x"]), appliesTo=TEXT)
    domain = entry(wild, name=TEXT, isDefault=st.booleans())
    tenant_wide = entry(wild, servicePlanId=GUID, capabilityStatus=TEXT)
    return {
        "/organization": st.fixed_dictionaries(
            {"id": st.just(TENANT) | (ANYTHING if wild else st.nothing())},
            optional={
                "displayName": null_or(TEXT, wild=wild),
                "verifiedDomains": null_or(st.lists(domain, max_size=2), wild=wild),
                "assignedPlans": null_or(st.lists(tenant_wide, max_size=2), wild=wild),
            },
        ),
        "/subscribedSkus": entry(
            wild,
            skuId=GUID,
            skuPartNumber=TEXT,
            appliesTo=TEXT,
            capabilityStatus=TEXT,
            consumedUnits=COUNT,
            prepaidUnits=units,
            subscriptionIds=st.lists(null_or(GUID, wild=wild), max_size=2),
            servicePlans=st.lists(plan, max_size=3),
        ),
        "/directory/subscriptions": entry(
            wild, id=GUID, skuId=GUID, createdDateTime=TIME, isTrial=st.booleans(), totalLicenses=COUNT
        ),
        "/users": user,
        "/directory/deletedItems/microsoft.graph.user": user,
        "/groups": entry(
            wild,
            id=GUID,
            displayName=TEXT,
            assignedLicenses=st.lists(license_, max_size=2),
            licenseProcessingState=entry(wild, state=TEXT),
        ),
        "/deviceManagement/managedDevices": entry(
            wild, id=GUID, deviceName=TEXT, azureADDeviceId=GUID, lastSyncDateTime=TIME, complianceState=TEXT
        ),
        "/deviceManagement/detectedApps": entry(wild, displayName=TEXT, version=TEXT, deviceCount=COUNT),
    }


CELL = st.sampled_from(
    ["", "2026-11-20", "0001-01-01", "Yes", "No", "True", "False", "7", "bob@contoso.com", "x", 'é,"\n']
)
REPORTS = {
    "/reports/getOffice365ActiveUserDetail(period='D180')": ACTIVE_USERS,
    "/reports/getM365AppUserDetail(period='D180')": APPS,
    "/reports/getMailboxUsageDetail(period='D30')": MAILBOXES,
    "/reports/getOffice365ActivationsUserDetail": ACTIVATIONS,
}


@st.composite
def reports(draw: Any, name: str) -> bytes:
    """A report of which columns are missing or in another order, and cells hold what they like."""
    import csv
    import io

    header = draw(st.permutations(HEADERS[name]))[draw(st.integers(0, 2)) :]
    table = draw(st.lists(st.lists(CELL, min_size=len(header), max_size=len(header) + 1), max_size=3))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *table])
    cut = draw(st.just(None) | st.integers(0, 400))
    return text.getvalue().encode()[:cut]


@st.composite
def tenants(draw: Any, *, wild: bool) -> dict[str, object]:
    """Every answer of a tenant."""
    answers: dict[str, object] = {}
    for path, shape in shapes(wild=wild).items():
        listed = draw(st.lists(shape, max_size=3 if path != "/organization" else 1))
        answers[path] = {"value": listed} if not wild or draw(st.integers(0, 9)) else draw(ANYTHING)
    for path, name in REPORTS.items():
        answers[path] = draw(reports(name))
    answers["/admin/reportSettings"] = draw(entry(wild, displayConcealedNames=st.booleans(), value=ANYTHING))
    return {path: _bytes(answer) for path, answer in answers.items()}


def _bytes(answer: object) -> object:
    if isinstance(answer, bytes):
        return Reply(status=200, headers={}, body=answer)
    return Reply(status=200, headers={}, body=json.dumps(answer).encode())


HELD = {
    TenantFact.ORGANIZATION: "organization",
    TenantFact.SKUS: "skus",
    TenantFact.SUBSCRIPTIONS: "subscriptions",
    TenantFact.USERS: "users",
    TenantFact.GROUPS: "groups",
    TenantFact.USAGE: "usage",
    TenantFact.APPS_USAGE: "apps_usage",
    TenantFact.MAILBOXES: "mailboxes",
    TenantFact.ACTIVATIONS: "activations",
    TenantFact.DEVICES: "devices",
    TenantFact.DETECTED_APPS: "detected_apps",
    TenantFact.DELETED_USERS: "deleted_users",
}


def check(snapshot: TenantSnapshot, answers: dict[str, Any]) -> None:
    """Nothing broke inside the product, and nothing vanished without a word."""
    assert not [gap for gap in snapshot.gaps if "inside this product" in gap.detail], snapshot.gaps
    if not snapshot.reached:
        assert snapshot.gaps[0].reason is GapReason.REFUSED  # an organization of another id
        return
    hidden = {gap.kind for gap in snapshot.gaps}
    listed = {path: json.loads(reply.body) for path, reply in answers.items() if path not in REPORTS}
    for kind, path in {
        TenantFact.SKUS: "/subscribedSkus",
        TenantFact.SUBSCRIPTIONS: "/directory/subscriptions",
        TenantFact.USERS: "/users",
        TenantFact.GROUPS: "/groups",
        TenantFact.DELETED_USERS: "/directory/deletedItems/microsoft.graph.user",
    }.items():
        told = listed[path]["value"] if isinstance(listed[path], dict) and "value" in listed[path] else None
        if kind not in hidden:
            assert isinstance(told, list)
            names = {str(one.get("skuId" if kind is TenantFact.SKUS else "id")).strip().lower() for one in told}
            count = len(told) if kind is TenantFact.SKUS else len(names)
            assert len(getattr(snapshot, HELD[kind])) == count
    for report in snapshot.reports:
        if report.kind not in hidden:
            assert report.refreshed_on is not None
    assert TenantFact.ORGANIZATION in hidden or snapshot.organization is not None
    assert [status.name for status in snapshot.collectors] == [question.name for question in discover()]


SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SLOW
@given(tenants(wild=False))
def test_nulls_and_absent_properties_everywhere_are_facts_or_gaps(answers):
    check(visit(answers), answers)


@SLOW
@given(tenants(wild=True))
def test_anything_anywhere_is_facts_or_gaps(answers):
    check(visit(answers), answers)


@pytest.mark.parametrize("nothing", [b"", b"null", b"[]", b"{}", b'{"value": [null]}', b'{"value": [[]]}', b"\x00"])
def test_every_question_survives_every_kind_of_nothing(nothing):
    everywhere = {path: Reply(status=200, headers={}, body=nothing) for path in [*shapes(wild=False), *REPORTS]}
    snapshot = visit(everywhere)
    assert not [gap for gap in snapshot.gaps if "inside this product" in gap.detail]
    assert {gap.kind for gap in snapshot.gaps} >= set(HELD)
