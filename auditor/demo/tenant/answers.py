"""What Microsoft Graph would answer about the described tenant: JSON collections and the usage reports' CSV.

An answer goes by its path below the base address. `sign_ins` stands apart, because the list of users and their sign-ins
have one path and are told apart by what is selected.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final

from auditor.demo.tenant.described import Held, Person, Tenant, bought, consumed, guid, held_by, upn_of

_DAWN: Final = time(7, 24, tzinfo=UTC)
_ASSIGNED_ON: Final = date(2024, 3, 4)
_GIGABYTE: Final = 1024**3
_WORKLOADS: Final = ("Exchange", "OneDrive", "SharePoint", "Skype For Business", "Yammer", "Teams")
_APPS: Final = ("Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams")
_PLATFORMS: Final = ("Windows", "Mac", "Mobile", "Web")
_NO_SEAT: Final = "CountViolation"
_LONGEST_DAYS: Final = 180  # the reports look no further back
Body = Callable[[Tenant], str]


def collection(rows: Iterable[Mapping[str, Any]]) -> str:
    """A collection on one page."""
    return json.dumps({"value": list(rows)}, ensure_ascii=False, separators=(",", ":"))


def organization(described: Tenant) -> str:
    """The tenant itself."""
    owned = {plan for sku in described.skus.values() if sku.enabled for plan in sku.plans.split()}
    return collection(
        [
            {
                "id": described.id,
                "displayName": described.name,
                "countryLetterCode": "FR",
                "preferredLanguage": "fr",
                "verifiedDomains": [{"name": described.domain, "isDefault": True, "isInitial": False}],
                "assignedPlans": [
                    {"servicePlanId": described.plans[plan], "capabilityStatus": "Enabled"} for plan in sorted(owned)
                ],
            }
        ]
    )


def subscribed_skus(described: Tenant) -> str:
    """What is owned, with the seats in use."""
    return collection(
        {
            "id": f"{described.id}_{sku.id}",
            "skuId": sku.id,
            "skuPartNumber": sku.part_number,
            "appliesTo": sku.applies_to,
            "capabilityStatus": sku.status,
            "consumedUnits": consumed(described, name),
            "prepaidUnits": {
                "enabled": sku.enabled,
                "warning": sku.warning,
                "suspended": sku.suspended,
                "lockedOut": sku.locked_out,
            },
            "subscriptionIds": [guid(described, f"{name} {line}") for line in sku.subscriptions],
            "servicePlans": [
                {
                    "servicePlanId": described.plans[plan],
                    "servicePlanName": plan,
                    "provisioningStatus": "Success",
                    "appliesTo": "User",
                }
                for plan in sku.plans.split()
            ],
        }
        for name, sku in described.skus.items()
    )


def subscriptions(described: Tenant) -> str:
    """What was bought, and until when."""
    return collection(
        {
            "id": guid(described, f"{name} {line}"),
            "commerceSubscriptionId": guid(described, f"commerce {name} {line}"),
            "skuId": sku.id,
            "skuPartNumber": sku.part_number,
            "status": one.status,
            "isTrial": one.trial,
            "totalLicenses": one.seats,
            "createdDateTime": _moment(one.on),
            "nextLifecycleDateTime": _moment(one.next_on),
            "ownerTenantId": described.reseller,
        }
        for name, sku in described.skus.items()
        for line, one in zip(sku.subscriptions, bought(sku), strict=True)
    )


def users(described: Tenant) -> str:
    """Everybody with their licenses."""
    return collection(_user(described, person) for person in described.people)


def _user(described: Tenant, person: Person) -> dict[str, Any]:
    held = held_by(described, person)
    return {
        "id": _id(described, person),
        "userPrincipalName": upn_of(described, person),
        "displayName": person.name,
        "mail": None if person.mail is None else upn_of(described, person),
        "accountEnabled": person.enabled,
        "userType": "Guest" if person.guest else "Member",
        "createdDateTime": _moment(person.since),
        "usageLocation": "FR",
        "department": person.team or None,
        "companyName": described.name if not person.guest else None,
        "assignedLicenses": [
            {"skuId": described.skus[one.sku].id, "disabledPlans": []} for one in held if not one.waiting
        ],
        "licenseAssignmentStates": [state for one in held for state in _states(described, person, one)],
        "onPremisesSyncEnabled": True if person.enabled and not person.guest and person.team else None,
        "employeeType": None,
    }


def _states(described: Tenant, person: Person, held: Held) -> Iterator[dict[str, Any]]:
    groups = ([None] if held.direct else []) + ([guid(described, f"group {held.group}")] if held.group else [])
    for group in groups:
        yield {
            "skuId": described.skus[held.sku].id,
            "assignedByGroup": group,
            "disabledPlans": [],
            "state": "Error" if held.waiting else "Active",
            "error": _NO_SEAT if held.waiting else "None",
            "lastUpdatedDateTime": _moment(max(person.since, _ASSIGNED_ON)),
        }


def sign_ins(described: Tenant) -> str:
    """Who signed in and when; nothing about those of whom Microsoft knows nothing."""
    return collection(_sign_in(described, person) for person in described.people)


def _sign_in(described: Tenant, person: Person) -> dict[str, Any]:
    row: dict[str, Any] = {"id": _id(described, person)}
    if person.seen or person.tried:
        row["signInActivity"] = {
            "lastSignInDateTime": _moment(person.tried or person.seen),
            "lastNonInteractiveSignInDateTime": None if person.unseen_success else _moment(person.seen),
            "lastSuccessfulSignInDateTime": None if person.unseen_success else _moment(person.seen),
        }
    return row


def groups(described: Tenant) -> str:
    """Groups that give licenses."""
    return collection(
        {
            "id": guid(described, f"group {name}"),
            "displayName": group.name,
            "assignedLicenses": [{"skuId": described.skus[sku].id, "disabledPlans": []} for sku in group.gives.split()],
            "licenseProcessingState": {"state": "ProcessingComplete"},
        }
        for name, group in described.groups.items()
    )


def report_settings(_described: Tenant) -> str:
    """Names are shown in this tenant's usage reports."""
    return json.dumps({"displayConcealedNames": False})


def deleted_users(described: Tenant) -> str:
    """The bin."""
    return collection(
        {
            "id": guid(described, f"user {person.name}"),
            "userPrincipalName": upn_of(described, person),
            "deletedDateTime": _moment(person.on),
            "assignedLicenses": [{"skuId": described.skus[sku].id} for sku in person.holds.split()],
        }
        for person in described.deleted
    )


def active_users(described: Tenant) -> str:
    """Last activity of each service."""
    header = (
        *("Report Refresh Date", "User Principal Name", "Display Name", "Is Deleted", "Deleted Date"),
        *(f"Has {workload} License" for workload in _WORKLOADS),
        *(f"{workload} Last Activity Date" for workload in _WORKLOADS),
        *(f"{workload} License Assign Date" for workload in _WORKLOADS),
        "Assigned Products",
    )
    rows: list[dict[str, object]] = [
        _named(described, person)
        | {"Is Deleted": False, "Assigned Products": "+".join(_names(described, person)).upper()}
        | {f"{workload} Last Activity Date": _used_on(described, person) for workload in _workloads(person)}
        for person in _licensed(described)
    ]
    rows += [
        _named(described, gone) | {"Is Deleted": True, "Deleted Date": gone.on, "Teams Last Activity Date": gone.on}
        for gone in described.deleted
    ]
    return _csv(described, header, rows)


def app_users(described: Tenant) -> str:
    """Where Word, Excel and the rest were used."""
    header = (
        *("Report Refresh Date", "User Principal Name", "Last Activation Date", "Last Activity Date", "Report Period"),
        *_PLATFORMS,
        *(f"{app}{suffix}" for suffix in ("", *(f" ({name})" for name in _PLATFORMS)) for app in _APPS),
    )
    rows = []
    for person in described.people:
        platforms = person.office.split()
        if platforms:
            row: dict[str, object] = {"Last Activity Date": _used_on(described, person), "Report Period": 180}
            row |= {name: "Yes" if name.lower() in platforms else "No" for name in _PLATFORMS}
            row |= {f"{app} ({name})": row[name] for app in ("Outlook", "Word") for name in _PLATFORMS}
            rows.append(_named(described, person) | row)
    return _csv(described, header, rows)


def mailbox_usage(described: Tenant) -> str:
    """Size and kind of each mailbox."""
    header = (
        *("Report Refresh Date", "User Principal Name", "Display Name", "Is Deleted", "Deleted Date", "Created Date"),
        *("Last Activity Date", "Item Count", "Storage Used (Byte)", "Has Archive", "Recipient Type", "Report Period"),
    )
    rows = [
        _named(described, person)
        | {
            "Is Deleted": False,
            "Created Date": person.since,
            "Last Activity Date": _used_on(described, person),
            "Item Count": int(person.mail * 9000),
            "Storage Used (Byte)": int(person.mail * _GIGABYTE),
            "Has Archive": person.archive,
            "Recipient Type": person.box,
            "Report Period": 30,
        }
        for person in described.people
        if person.mail is not None
    ]
    return _csv(described, header, rows)


def activations(described: Tenant) -> str:
    """On how many computers Office is activated."""
    header = (
        *("Report Refresh Date", "User Principal Name", "Display Name", "Product Type", "Last Activated Date"),
        *("Windows", "Mac", "Windows 10 Mobile", "iOS", "Android", "Activated On Shared Computer"),
    )
    rows = []
    for person in described.people:
        if person.pcs:
            macs = int("mac" in person.office.split())
            row: dict[str, object] = {"Product Type": "MICROSOFT 365 APPS FOR BUSINESS", "Windows": person.pcs - macs}
            row |= {
                "Last Activated Date": _ASSIGNED_ON,
                "Mac": macs,
                "Activated On Shared Computer": person.shared_computer,
            }
            rows.append(_named(described, person) | row)
    return _csv(described, header, rows)


ANSWERS: Final[Mapping[str, Body]] = {
    "/organization": organization,
    "/subscribedSkus": subscribed_skus,
    "/directory/subscriptions": subscriptions,
    "/users": users,
    "/groups": groups,
    "/admin/reportSettings": report_settings,
    "/directory/deletedItems/microsoft.graph.user": deleted_users,
}
REPORTS: Final[Mapping[str, Body]] = {
    "getOffice365ActiveUserDetail": active_users,
    "getM365AppUserDetail": app_users,
    "getMailboxUsageDetail": mailbox_usage,
    "getOffice365ActivationsUserDetail": activations,
}


def _csv(described: Tenant, header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A report as Microsoft sends it: byte order mark, day of the data in every row, truth as True and False."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, header, restval="0" if "Windows 10 Mobile" in header else "", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({"Report Refresh Date": described.refreshed_on.isoformat()} | dict(row))
    return "\ufeff" + out.getvalue()


def _named(described: Tenant, person: Any) -> dict[str, object]:
    return {"User Principal Name": upn_of(described, person), "Display Name": person.name}


def _licensed(described: Tenant) -> list[Person]:
    return [person for person in described.people if any(not held.waiting for held in held_by(described, person))]


def _names(described: Tenant, person: Person) -> list[str]:
    return [described.skus[held.sku].name for held in held_by(described, person) if not held.waiting]


def _workloads(person: Person) -> tuple[str, ...]:
    return ("Exchange",) if person.mail is not None and not person.office else ("Exchange", "OneDrive", "Teams")


def _used_on(described: Tenant, person: Person) -> date | None:
    """The last activity the reports can know: nothing after the day they speak of, nothing beyond 180 days."""
    on = person.used or person.seen
    if on is None or (described.refreshed_on - on).days > _LONGEST_DAYS:
        return None
    return min(on, described.refreshed_on)


def _id(described: Tenant, person: Person) -> str:
    return guid(described, f"user {person.name}")


def _moment(on: date | None) -> str | None:
    return None if on is None else datetime.combine(on, _DAWN).strftime("%Y-%m-%dT%H:%M:%SZ")
