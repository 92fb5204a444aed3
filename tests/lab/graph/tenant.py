"""Tenants of the lab: what Graph would tell of them, as plain JSON, and how their Graph misbehaves."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.lab.graph import reports

Json = dict[str, Any]
TODAY = date(2026, 11, 23)
BUSINESS_PREMIUM = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
P1_PLAN = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
EXCHANGE_PLAN = "9aaf7827-d63c-4b61-89c3-182f06f82e5c"
EVERY_PERMISSION = frozenset(
    {
        "Organization.Read.All",
        "LicenseAssignment.Read.All",
        "User.Read.All",
        "Reports.Read.All",
        "AuditLog.Read.All",
        "ReportSettings.Read.All",
        "GroupMember.Read.All",
        "DeviceManagementManagedDevices.Read.All",
        "MailboxSettings.Read",
    }
)


@dataclass(slots=True, kw_only=True)
class Fault:
    """A canned answer for calls whose path begins with `path`; `times` None is for ever.

    `after` calls of that path are answered first. `code` and `message` make Graph's error body unless `body` is given.
    """

    path: str
    status: int
    times: int | None = 1
    after: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    code: str = ""
    message: str = "made to fail"


@dataclass(slots=True, kw_only=True)
class LabTenant:
    """One tenant. Collections hold Graph's own JSON; `csv` holds whole reports by name.

    `secret` is what its application signs in with; `granted` its permissions. Behaviour: `page_rows` caps a page;
    `empty_page` puts an empty one after the first; `next_link` "foreign", "loop", "number", "user" spoils links;
    `sign_in_rows` is the largest page with signInActivity; `premium` False refuses it; `report_way` is "redirect",
    "inline", "expired" (the first address), "foreign", "plain" (http to a public name), "nowhere"; `calls_per_token`
    makes a token expire after so many calls; `token_tenant` is put into tokens instead of the right id;
    `organization_id` is told by /organization instead of it.
    """

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    domain: str = "contoso.test"
    name: str = "Contoso SARL"
    client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret: str = field(default_factory=lambda: f"s3cr3t~{uuid.uuid4().hex}")
    certificate: bytes = b""
    granted: frozenset[str] = EVERY_PERMISSION
    users: list[Json] = field(default_factory=list)
    skus: list[Json] = field(default_factory=list)
    subscriptions: list[Json] = field(default_factory=list)
    groups: list[Json] = field(default_factory=list)
    devices: list[Json] = field(default_factory=list)
    detected_apps: list[Json] = field(default_factory=list)
    deleted_users: list[Json] = field(default_factory=list)
    mailbox_purpose: dict[str, str] = field(default_factory=dict)
    csv: dict[str, bytes] = field(default_factory=dict)
    concealed: bool = False
    wrapped_settings: bool = False
    organization: Json | None = None
    organization_id: str = ""
    token_tenant: str = ""
    calls_per_token: int | None = None
    page_rows: int = 999
    empty_page: bool = False
    next_link: str = ""
    sign_in_rows: int = 500
    premium: bool = True
    report_way: str = "redirect"
    faults: list[Fault] = field(default_factory=list)
    _by_id: dict[str, Json] = field(default_factory=dict)

    def user_by_id(self, user_id: str) -> Json | None:
        """One row of `users`."""
        if len(self._by_id) != len(self.users):
            self._by_id = {row["id"]: row for row in self.users}
        return self._by_id.get(user_id)

    def fail(self, path: str, status: int, **how: Any) -> "LabTenant":
        """Answer the next call of `path` (or `times` of them) with a failure; returns itself."""
        self.faults.append(Fault(path=path, status=status, **how))
        return self

    def described(self) -> Json:
        """What /organization tells."""
        if self.organization is not None:
            return self.organization
        return {
            "id": self.organization_id or self.id,
            "displayName": self.name,
            "countryLetterCode": "FR",
            "preferredLanguage": "fr",
            "verifiedDomains": [
                {"name": self.domain, "isDefault": True, "isInitial": False, "type": "Managed", "capabilities": "Email"}
            ],
            "assignedPlans": [{"servicePlanId": P1_PLAN, "capabilityStatus": "Enabled", "service": "AADPremiumService"}]
            if self.premium
            else [],
        }


def guid(*parts: object) -> str:
    """A GUID that is the same for the same parts."""
    digest = hashlib.md5("/".join(str(part) for part in parts).encode()).hexdigest()
    return str(uuid.UUID(digest))


def sku(
    part_number: str, *, enabled: int, consumed: int, sku_id: str = "", plans: tuple[str, ...] = (), **more: Any
) -> Json:
    """One row of /subscribedSkus."""
    sku_id = sku_id or guid("sku", part_number)
    units = {"enabled": enabled, "suspended": 0, "warning": 0, "lockedOut": 0, **more.pop("units", {})}
    return {
        "id": f"{guid('account')}_{sku_id}",
        "skuId": sku_id,
        "skuPartNumber": part_number,
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": consumed,
        "prepaidUnits": units,
        "subscriptionIds": [guid("subscription", sku_id)],
        "servicePlans": [
            {"servicePlanId": plan, "servicePlanName": plan[:8], "provisioningStatus": "Success", "appliesTo": "User"}
            for plan in plans
        ],
        **more,
    }


def user(
    number: int, sku_ids: tuple[str, ...] = (), *, domain: str = "contoso.test", group: str = "", **more: Any
) -> Json:
    """One row of /users, licenses assigned directly or by `group`; sign-in three days ago."""
    signed_in = (datetime(TODAY.year, TODAY.month, TODAY.day, 7, tzinfo=UTC) - timedelta(days=3)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    row: Json = {
        "id": guid("user", domain, number),
        "userPrincipalName": f"user{number:05}@{domain}",
        "displayName": f"Utilisateur n° {number}",
        "mail": f"user{number:05}@{domain}",
        "accountEnabled": True,
        "userType": "Member",
        "createdDateTime": "2024-02-01T08:00:00Z",
        "usageLocation": "FR",
        "department": "Comptabilité",
        "companyName": "Contoso",
        "onPremisesSyncEnabled": None,
        "employeeType": None,
        "assignedLicenses": [{"skuId": sku_id, "disabledPlans": []} for sku_id in sku_ids],
        "licenseAssignmentStates": [
            {
                "skuId": sku_id,
                "assignedByGroup": group or None,
                "disabledPlans": [],
                "state": "Active",
                "error": "None",
                "lastUpdatedDateTime": "2025-01-01T00:00:00Z",
            }
            for sku_id in sku_ids
        ],
        "signInActivity": {
            "lastSignInDateTime": signed_in,
            "lastNonInteractiveSignInDateTime": signed_in,
            "lastSuccessfulSignInDateTime": signed_in,
        },
    }
    return row | more


def made_tenant(*, users: int = 25, skus: int = 3, groups: int = 2, drift: int = 0, **more: Any) -> LabTenant:
    """A tenant of that size, the same for the same numbers; every third user has its license by group.

    `drift` seats are counted that no user holds (replication). Reports name every user, active two days ago.
    """
    domain = str(more.get("domain", "contoso.test"))
    ids = [BUSINESS_PREMIUM, *(guid("sku", f"LAB_{number}") for number in range(1, skus))]
    group_ids = [guid("group", number) for number in range(groups)]
    people = [_person(number, ids, group_ids, domain) for number in range(users)]
    held = [license_["skuId"] for person in people for license_ in person["assignedLicenses"]]
    counts = {sku_id: held.count(sku_id) for sku_id in ids}
    owned = [
        sku(
            "SPB" if number == 0 else f"LAB_{number}",
            sku_id=sku_id,
            enabled=counts[sku_id] + 5,
            consumed=counts[sku_id] + (drift if number == 0 else 0),
            plans=(P1_PLAN, EXCHANGE_PLAN) if number == 0 else (guid("plan", number),),
        )
        for number, sku_id in enumerate(ids)
    ]
    tenant = LabTenant(users=people, skus=owned, **more)
    tenant.subscriptions = [_subscription(row) for row in owned]
    tenant.groups = [
        {
            "id": group_id,
            "displayName": f"LIC-{number}",
            "assignedLicenses": [{"skuId": ids[number % len(ids)], "disabledPlans": []}],
            "licenseProcessingState": {"state": "ProcessingComplete"},
        }
        for number, group_id in enumerate(group_ids)
    ]
    tenant.csv = made_reports(people, concealed=tenant.concealed)
    tenant.mailbox_purpose = {person["id"]: "user" for person in people}
    return tenant


def made_reports(people: list[Json], *, concealed: bool = False, refreshed_on: date | None = None) -> dict[str, bytes]:
    """The four reports for these users, refreshed two days ago."""
    fresh = refreshed_on or TODAY - timedelta(days=2)
    upns = [str(person["userPrincipalName"]) for person in people]
    how: Json = {"refreshed_on": fresh, "concealed": concealed}
    return {
        reports.ACTIVE_USERS: reports.csv_of(
            reports.ACTIVE_USERS,
            (
                {"User Principal Name": upn, "Is Deleted": "False", "Exchange Last Activity Date": fresh}
                | {"Has Exchange License": "True", "Assigned Products": "MICROSOFT 365 BUSINESS PREMIUM"}
                for upn in upns
            ),
            **how,
        ),
        reports.APPS: reports.csv_of(
            reports.APPS,
            ({"User Principal Name": upn, "Last Activity Date": fresh, "Windows": "Yes", "Mac": "No"} for upn in upns),
            **how,
        ),
        reports.MAILBOXES: reports.csv_of(
            reports.MAILBOXES,
            (
                {"User Principal Name": upn, "Is Deleted": "False", "Last Activity Date": fresh, "Has Archive": "False"}
                | {"Storage Used (Byte)": 1_000_000_000, "Created Date": date(2024, 2, 1)}
                for upn in upns
            ),
            **how,
        ),
        reports.ACTIVATIONS: reports.csv_of(
            reports.ACTIVATIONS,
            (
                {"User Principal Name": upn, "Product Type": "MICROSOFT 365 APPS FOR BUSINESS", "Windows": 1, "Mac": 0}
                | {"Last Activated Date": fresh, "Activated On Shared Computer": "False"}
                for upn in upns
            ),
            **how,
        ),
    }


def nulled(row: Json, *kept: str) -> Json:
    """The same row with null for every property but those `kept`: Graph's schema allows it."""
    return {name: value if name in kept else None for name, value in row.items()}


def _person(number: int, ids: list[str], group_ids: list[str], domain: str) -> Json:
    group = group_ids[number // 3 % len(group_ids)] if group_ids and number % 3 == 0 else ""
    return user(number, (ids[number % len(ids)],), domain=domain, group=group)


def _subscription(owned: Json) -> Json:
    return {
        "id": owned["subscriptionIds"][0],
        "commerceSubscriptionId": guid("commerce", owned["skuId"]),
        "createdDateTime": "2025-03-01T00:00:00Z",
        "isTrial": False,
        "nextLifecycleDateTime": "2027-03-01T00:00:00Z",
        "ownerId": None,
        "ownerTenantId": None,
        "ownerType": None,
        "serviceStatus": [],
        "skuId": owned["skuId"],
        "skuPartNumber": owned["skuPartNumber"],
        "status": "Enabled",
        "totalLicenses": owned["prepaidUnits"]["enabled"],
    }
