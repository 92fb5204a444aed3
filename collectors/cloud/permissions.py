"""Which Graph permission each call needs: what onboarding asks for, and what a refusal names as missing.

Source: the "Permissions" table of each page of the Microsoft Graph reference; the ids are those of the application
permissions ("app roles") of Microsoft Graph, in "Microsoft Graph permissions reference".
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

GRAPH_APPLICATION_ID = "00000003-0000-0000-c000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """One application permission: `role_id` is what an app manifest names, `why` an English phrase on what it tells."""

    name: str
    role_id: str
    why: str
    optional: bool = False


PERMISSIONS: tuple[Permission, ...] = (
    Permission(
        name="Organization.Read.All",
        role_id="498476ce-e0fe-48b0-b801-37ba7e2685c6",
        why="the tenant's name and domains, its subscriptions and their dates",
    ),
    Permission(
        name="LicenseAssignment.Read.All",
        role_id="e2f98668-2877-4f38-a2f4-8202e0717aa1",
        why="seats bought and assigned",
    ),
    Permission(
        name="User.Read.All",
        role_id="df021288-bdef-4463-88db-98f22de89214",
        why="who holds which license, which accounts are disabled",
    ),
    Permission(
        name="Reports.Read.All",
        role_id="230c1aed-a721-4c5d-9cb4-a90514e508ef",
        why="last activity per service, mailboxes, activations of Office",
    ),
    Permission(
        name="AuditLog.Read.All",
        role_id="b0afded3-3588-46d8-8b3d-9842eff778da",
        why="last sign-ins, where Entra ID P1 or P2 is owned",
        optional=True,
    ),
    Permission(
        name="ReportSettings.Read.All",
        role_id="ee353f83-55ef-4b78-82da-555bfa2b4b95",
        why="whether the tenant conceals names in its reports",
        optional=True,
    ),
    Permission(
        name="GroupMember.Read.All",
        role_id="98830695-27a2-44f7-8c18-0c3ebc9698f6",
        why="the names of the groups that assign licenses",
        optional=True,
    ),
    Permission(
        name="DeviceManagementManagedDevices.Read.All",
        role_id="2f51be20-0bb4-4fed-bf7b-db946066c75e",
        why="devices and applications that Intune knows",
        optional=True,
    ),
    Permission(
        name="MailboxSettings.Read",
        role_id="40f97065-369a-49f4-947c-6a255697ae91",
        why="which mailboxes are shared or rooms",
        optional=True,
    ),
)

# A requirement is a tuple of permissions of which one suffices, the least privileged first.
Requirement = tuple[str, ...]
_DIRECTORY = "Directory.Read.All"
_USERS: Requirement = ("User.Read.All", _DIRECTORY)
_GROUPS: Requirement = ("GroupMember.Read.All", "Group.Read.All", _DIRECTORY)
_SIGN_INS: Requirement = ("AuditLog.Read.All",)
_NEEDED: tuple[tuple[re.Pattern[str], tuple[Requirement, ...]], ...] = tuple(
    (re.compile(pattern), needed)
    for pattern, needed in (
        (r"/organization\b", (("Organization.Read.All", _DIRECTORY),)),
        (r"/subscribedSkus\b", (("LicenseAssignment.Read.All", "Organization.Read.All", _DIRECTORY),)),
        (r"/directory/subscriptions\b", (("Organization.Read.All", "LicenseAssignment.Read.All", _DIRECTORY),)),
        (r"/directory/deletedItems/microsoft\.graph\.group\b", (_GROUPS,)),
        (r"/directory/deletedItems\b", (_USERS,)),
        (r"/users/[^/]+/mailboxSettings\b", (("MailboxSettings.Read", "MailboxSettings.ReadWrite"),)),
        (r"/users\b", (_USERS,)),
        (r"/groups\b", (_GROUPS,)),
        (r"/admin/reportSettings\b", (("ReportSettings.Read.All",),)),
        (r"/reports/", (("Reports.Read.All",),)),
        (
            r"/deviceManagement/",
            (("DeviceManagementManagedDevices.Read.All", "DeviceManagementManagedDevices.ReadWrite.All"),),
        ),
    )
)


def needed_for(path: str, select: str = "") -> tuple[Requirement, ...]:
    """Everything a call needs, all of it; empty for a path this product never asks. `select` is its "$select"."""
    needed = next((needed for pattern, needed in _NEEDED if pattern.match(path)), ())
    return (_SIGN_INS, *needed) if "signInActivity" in select else needed


def missing_for(path: str, select: str, granted: Collection[str]) -> str:
    """The least permission that the call lacks, "" when it lacks none that we know of."""
    lacking = (any_of[0] for any_of in needed_for(path, select) if not any(name in granted for name in any_of))
    return next(lacking, "")
