"""The tenant itself: organization, SKUs, subscriptions, groups and the bin."""

from datetime import UTC, datetime

import pytest

from collectors.cloud import (
    m365_deleted_users,
    m365_groups,
    m365_organization,
    m365_skus,
    m365_subscriptions,
)
from collectors.cloud.facts import (
    DeletedUser,
    Group,
    Organization,
    ServicePlan,
    SubscribedSku,
    Subscription,
    TenantFact,
)
from collectors.errors import WrongTenant
from collectors.model import GapReason
from tests.collectors.cloud.answered import EXCHANGE, P1, SPB, TENANT, Wire, ask, hidden, rows

SKUS = "/subscribedSkus"


def owned(**more):
    units = {"enabled": 25, "suspended": 0, "warning": 0, "lockedOut": 0}
    return {"skuId": SPB, "skuPartNumber": "SPB", "consumedUnits": 27, "prepaidUnits": units} | more


def skus(*entries):
    part = ask(m365_skus.QUESTION, {SKUS: rows(*entries)})
    assert part.gaps == ()
    return part.skus


def test_a_sku_with_everything():
    plan = {"servicePlanId": EXCHANGE.upper(), "servicePlanName": "EXCHANGE_S_STANDARD", "appliesTo": "User"}
    told = owned(appliesTo="User", capabilityStatus="Enabled", subscriptionIds=["43D26AFE"], servicePlans=[plan])
    assert skus(told) == (
        SubscribedSku(
            sku_id=SPB,
            part_number="SPB",
            status="Enabled",
            consumed=27,
            enabled=25,
            subscription_ids=("43d26afe",),
            plans=(ServicePlan(id=EXCHANGE, name="EXCHANGE_S_STANDARD", applies_to="User"),),
        ),
    )


def test_no_query_option_is_sent_with_the_skus():
    """The schema marks select, filter and count unsupported."""
    wire = Wire({SKUS: rows(owned())})
    ask(m365_skus.QUESTION, {}, wire=wire)
    assert wire.asked == [SKUS]


@pytest.mark.parametrize("units", [{"enabled": 3}, {"enabled": 3, "warning": None, "suspended": None}])
def test_seats_in_grace_suspended_or_locked_that_are_not_told_are_none(units):
    """The samples of 2021 lack lockedOut."""
    (sku,) = skus(owned(prepaidUnits=units))
    assert (sku.enabled, sku.warning, sku.suspended, sku.locked_out) == (3, 0, 0, 0)


@pytest.mark.parametrize("units", [None, {}, {"enabled": None}])
def test_seats_bought_or_used_that_are_not_told_are_unknown_and_not_zero(units):
    (sku,) = skus(owned(prepaidUnits=units, consumedUnits=None))
    assert sku.enabled is None
    assert sku.consumed is None


def test_case_09_a_sku_of_the_whole_company_says_so():
    (sku,) = skus(owned(appliesTo="Company"))
    assert sku.applies_to == "Company"


@pytest.mark.parametrize("spoiled", [{"skuId": None}, {"servicePlans": [{"servicePlanId": None}]}])
def test_a_sku_or_plan_without_an_id_is_a_gap_and_the_others_stay(spoiled):
    """Without one of its plans a SKU would look included in another."""
    part = ask(m365_skus.QUESTION, {SKUS: rows(owned(), owned(**spoiled))})
    assert len(part.skus) == 1
    assert hidden(part) == {TenantFact.SKUS: (GapReason.UNPARSABLE, "")}


def test_case_70_a_tenant_without_any_sku_is_no_gap():
    assert skus() == ()


def test_the_organization():
    told = {
        "id": TENANT.upper(),
        "displayName": "Contoso SARL",
        "countryLetterCode": "FR",
        "preferredLanguage": "fr",
        "verifiedDomains": [
            {"name": "contoso.onmicrosoft.com", "isInitial": True},
            {"name": "contoso.com", "isDefault": True},
            {"name": None},
        ],
        "assignedPlans": [
            {"servicePlanId": P1, "capabilityStatus": "Enabled"},
            {"servicePlanId": EXCHANGE, "capabilityStatus": "Deleted"},
            {"servicePlanId": None, "capabilityStatus": "Enabled"},
        ],
    }
    part = ask(m365_organization.QUESTION, {"/organization": rows(told)})
    assert part.gaps == ()
    assert part.organization == Organization(
        id=TENANT,
        name="Contoso SARL",
        country="FR",
        language="fr",
        domains=("contoso.onmicrosoft.com", "contoso.com"),
        default_domain="contoso.com",
        plans=frozenset({P1}),
    )


def test_the_organization_of_another_tenant_ends_the_visit():
    with pytest.raises(WrongTenant):
        ask(m365_organization.QUESTION, {"/organization": rows({"id": "331af819-4e0b-49f7-a6bf-14e1165ad3a0"})})


@pytest.mark.parametrize("told", [rows(), rows({"id": None})])
def test_no_organization_is_a_gap(told):
    part = ask(m365_organization.QUESTION, {"/organization": told})
    assert part.organization is None
    assert hidden(part) == {TenantFact.ORGANIZATION: (GapReason.UNPARSABLE, "")}


def bought(**more):
    return {"id": "43d26afe", "skuId": SPB, "skuPartNumber": "SPB", "status": "Enabled"} | more


def test_a_subscription_with_everything():
    told = bought(
        commerceSubscriptionId="F9C1EA2D",
        createdDateTime="2025-03-01T00:00:00Z",
        isTrial=False,
        nextLifecycleDateTime="2026-03-01T00:00:00Z",
        ownerTenantId="331AF819",
        serviceStatus=[],
        totalLicenses=25,
    )
    part = ask(m365_subscriptions.QUESTION, {"/directory/subscriptions": rows(told)})
    assert part.subscriptions == (
        Subscription(
            id="43d26afe",
            sku_id=SPB,
            part_number="SPB",
            status="Enabled",
            seats=25,
            trial=False,
            created_at=datetime(2025, 3, 1, tzinfo=UTC),
            next_lifecycle_at=datetime(2026, 3, 1, tzinfo=UTC),
            owner_tenant_id="331af819",
            commerce_id="f9c1ea2d",
        ),
    )


def test_a_subscription_that_never_ends_and_says_nothing_of_trials():
    told = bought(nextLifecycleDateTime=None, createdDateTime="0001-01-01T00:00:00Z")
    (found,) = ask(m365_subscriptions.QUESTION, {"/directory/subscriptions": rows(told)}).subscriptions
    assert (found.trial, found.next_lifecycle_at, found.created_at, found.seats) == (None, None, None, None)


def test_paging_options_are_not_sent_with_the_subscriptions():
    wire = Wire({"/directory/subscriptions": rows(bought())})
    ask(m365_subscriptions.QUESTION, {}, wire=wire)
    assert wire.asked == ["/directory/subscriptions"]


def test_groups_are_asked_as_an_advanced_query_and_told_by_name():
    told = {"id": "AAAA", "displayName": "LIC-M365BP", "licenseProcessingState": {"state": "ProcessingComplete"}}
    wire = Wire({"/groups": rows(told | {"assignedLicenses": [{"skuId": SPB}, {"skuId": SPB}, {"skuId": None}]})})
    part = ask(m365_groups.QUESTION, {}, wire=wire)
    assert part.groups == (Group(id="aaaa", name="LIC-M365BP", sku_ids=(SPB,), state="ProcessingComplete"),)
    assert wire.headers[0]["ConsistencyLevel"] == "eventual"
    assert "$filter=assignedLicenses/$count ne 0" in wire.asked[0]
    assert "$count=true" in wire.asked[0]


def test_a_group_that_says_nothing_but_its_id():
    part = ask(m365_groups.QUESTION, {"/groups": rows({"id": "a", "licenseProcessingState": None})})
    assert part.groups == (Group(id="a", name=""),)


def test_the_bin_explains_small_differences():
    told = {"id": "A", "userPrincipalName": "x@contoso.com", "deletedDateTime": "2026-11-01T00:00:00Z"}
    answers = {"/directory/deletedItems/microsoft.graph.user": rows(told | {"assignedLicenses": [{"skuId": SPB}]})}
    assert ask(m365_deleted_users.QUESTION, answers).deleted_users == (
        DeletedUser(id="a", upn="x@contoso.com", deleted_at=datetime(2026, 11, 1, tzinfo=UTC), sku_ids=(SPB,)),
    )
