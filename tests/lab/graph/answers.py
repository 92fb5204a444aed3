"""What the lab's Graph answers to one GET: the rules of the real one that a client can trip over.

Written from the reference, not from the client: permissions, selectable properties and limits are told here anew.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.lab.graph.tenant import EXCHANGE_PLAN, Json, LabTenant

_USER = (
    "id userPrincipalName displayName mail accountEnabled userType createdDateTime usageLocation department "
    "companyName assignedLicenses licenseAssignmentStates onPremisesSyncEnabled employeeType signInActivity "
    "assignedPlans jobTitle deletedDateTime creationType externalUserState showInAddressList"
)
_SELECTABLE: Mapping[str, frozenset[str]] = {
    name: frozenset(properties.split())
    for name, properties in {
        "organization": ("id displayName countryLetterCode preferredLanguage verifiedDomains assignedPlans tenantType"),
        "users": _USER,
        "deleted": _USER,
        "groups": "id displayName assignedLicenses licenseProcessingState groupTypes securityEnabled mailEnabled",
        "subscriptions": (
            "id commerceSubscriptionId createdDateTime isTrial nextLifecycleDateTime ownerId ownerTenantId ownerType "
            "serviceStatus skuId skuPartNumber status totalLicenses"
        ),
        "devices": (
            "id deviceName operatingSystem osVersion userPrincipalName userId lastSyncDateTime complianceState "
            "managedDeviceOwnerType enrolledDateTime serialNumber azureADDeviceId manufacturer model"
        ),
        "detected_apps": "id displayName version sizeInByte deviceCount publisher platform",
        "mailbox": "userPurpose language timeZone",
    }.items()
}
_DEFAULT_ROWS = 100
_MAX_ROWS = 999
_PERIODS = frozenset({"D7", "D30", "D90", "D180", "ALL"})
_LICENSED = "assignedLicenses/$count ne 0"


@dataclass(slots=True, kw_only=True)
class Answered:
    """One HTTP answer. `unexpected` says that no audit has any business asking this."""

    status: int = 200
    document: Any = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    unexpected: bool = False


def answer(tenant: LabTenant, url: str, headers: Mapping[str, str], *, base: str, report_url: str) -> Answered:
    """Answer one GET of a signed-in application. `url` is path and query as sent; `base` makes next links."""
    parts = urlsplit(url)
    path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
    eventual = headers.get("consistencylevel", "").lower() == "eventual"
    asked = _Asked(tenant, path, query, base, eventual)
    if (report := re.fullmatch(r"/reports/(\w+)(?:\((.*)\))?", path)) is not None:
        return asked.report(report[1], report[2] or "", report_url, headers)
    if (mailbox := re.fullmatch(r"/users/([^/]+)/mailboxSettings(/userPurpose)?", path)) is not None:
        return asked.mailbox(mailbox[1])
    if (app := re.fullmatch(r"/deviceManagement/detectedApps/([^/]+)/managedDevices", path)) is not None:
        return asked.devices_of(app[1])
    if re.fullmatch(r"/users/[^/]+/licenseDetails", path):  # what naive clients ask, one call per user
        return asked.license_details(path.split("/")[2])
    plain = {
        "/organization": lambda: asked.listing("organization", [tenant.described()], "Organization.Read.All"),
        "/subscribedSkus": asked.skus,
        "/directory/subscriptions": lambda: asked.listing(
            "subscriptions", tenant.subscriptions, "Organization.Read.All", "LicenseAssignment.Read.All", top=False
        ),
        "/users": asked.users,
        "/groups": asked.groups,
        "/admin/reportSettings": asked.report_settings,
        "/deviceManagement/managedDevices": lambda: asked.listing(
            "devices", tenant.devices, "DeviceManagementManagedDevices.Read.All"
        ),
        "/deviceManagement/detectedApps": lambda: asked.listing(
            "detected_apps", tenant.detected_apps, "DeviceManagementManagedDevices.Read.All"
        ),
        "/directory/deletedItems/microsoft.graph.user": lambda: asked.listing(
            "deleted", tenant.deleted_users, "User.Read.All"
        ),
    }
    if path not in plain:
        return refused(404, "ResourceNotFound", f"no such resource {path}", unexpected=True)
    return plain[path]()


def refused(status: int, code: str, message: str, *, unexpected: bool = False) -> Answered:
    """An error as Graph words it."""
    inner = {"date": "2026-11-23T08:00:00", "request-id": "0f0f0f0f-1111-4222-8333-444444444444"}
    error = {"code": code, "message": message, "innerError": inner}
    return Answered(status=status, document={"error": error}, unexpected=unexpected)


def _denied() -> Answered:
    return refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


@dataclass(slots=True)
class _Asked:
    tenant: LabTenant
    path: str
    query: dict[str, str]
    base: str
    eventual: bool

    def skus(self) -> Answered:
        if self.query:
            return refused(400, "Request_BadRequest", "query options are not supported here")
        return self.listing("skus", self.tenant.skus, "LicenseAssignment.Read.All", "Organization.Read.All", top=False)

    def users(self) -> Answered:
        if "signInActivity" not in self.query.get("$select", ""):
            return self.listing("users", self.tenant.users, "User.Read.All")
        if not {"AuditLog.Read.All", "User.Read.All"} <= self.tenant.granted:
            return _denied()
        if not self.tenant.premium:
            code = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
            return refused(403, code, "Neither tenant is B2C or tenant doesn't have premium license")
        rows = self.tenant.sign_in_rows
        if int(self.query.get("$top", _DEFAULT_ROWS)) > rows:
            return refused(400, "BadRequest", f"Cannot query data for more than {rows} users at a time.")
        listed = self.tenant.users
        if self.eventual:  # documented nowhere, seen in the field: it comes back empty
            listed = [{**row, "signInActivity": None} for row in listed]
        return self.listing("users", listed, "User.Read.All")

    def groups(self) -> Answered:
        listed = self.tenant.groups
        if "$filter" in self.query:
            if self.query["$filter"] != _LICENSED or not self.eventual or self.query.get("$count") != "true":
                return refused(400, "Request_UnsupportedQuery", "needs ConsistencyLevel: eventual and $count=true")
            listed = [row for row in listed if row["assignedLicenses"]]
        return self.listing("groups", listed, "GroupMember.Read.All", "Group.Read.All")

    def report_settings(self) -> Answered:
        if "ReportSettings.Read.All" not in self.tenant.granted:
            return refused(403, "Forbidden", "")
        settings = {"displayConcealedNames": self.tenant.concealed}
        return Answered(document={"value": settings} if self.tenant.wrapped_settings else settings)

    def mailbox(self, user: str) -> Answered:
        if "MailboxSettings.Read" not in self.tenant.granted:
            return refused(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
        purpose = self.tenant.mailbox_purpose.get(user)
        if purpose is None:
            message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
            return refused(404, "MailboxNotEnabledForRESTAPI", message)
        key = "value" if self.path.endswith("userPurpose") else "userPurpose"
        return Answered(document={key: purpose})

    def devices_of(self, app: str) -> Answered:
        known = {row["id"]: row.get("device_ids", []) for row in self.tenant.detected_apps}
        if app not in known:
            return refused(404, "ResourceNotFound", "no such app")
        devices = [row for row in self.tenant.devices if row["id"] in known[app]]
        return self.listing("devices", devices, "DeviceManagementManagedDevices.Read.All")

    def license_details(self, user: str) -> Answered:
        found = self.tenant.user_by_id(user)
        if found is None:
            return refused(404, "Request_ResourceNotFound", "no such user")
        plan = {"servicePlanId": EXCHANGE_PLAN, "provisioningStatus": "Success"}
        rows = [{"skuId": held["skuId"], "servicePlans": [plan]} for held in found["assignedLicenses"]]
        return Answered(document={"value": rows})

    def report(self, name: str, argument: str, report_url: str, headers: Mapping[str, str]) -> Answered:
        if "Reports.Read.All" not in self.tenant.granted:
            return refused(403, "S2SUnauthorized", "Invalid permission.")
        period = re.fullmatch(r"period='(\w+)'", argument)
        if (argument or name != "getOffice365ActivationsUserDetail") and (period is None or period[1] not in _PERIODS):
            return refused(400, "BadRequest", f"Resource not found for the segment {name!r}.")
        body = self.tenant.csv.get(name)
        if body is None:
            return refused(404, "UnknownError", "", unexpected=True)
        etag = f'"{len(body):x}"'
        if headers.get("if-none-match") == etag:
            return Answered(status=304, body=b"", headers={"ETag": etag})
        if self.tenant.report_way == "inline":
            return Answered(body=body, headers={"Content-Type": "application/octet-stream", "ETag": etag})
        return Answered(status=302, body=b"", headers={"Location": f"{report_url}/{name}", "ETag": etag})

    def listing(self, kind: str, rows: list[Json], *permissions: str, top: bool = True) -> Answered:
        if not self.tenant.granted.intersection(permissions):
            return _denied()
        wanted = [name for name in self.query.get("$select", "").split(",") if name]
        if kind in _SELECTABLE and (strange := set(wanted) - _SELECTABLE[kind]):
            return refused(400, "BadRequest", f"Could not find a property named '{min(strange)}'")
        size = self._rows(top)
        if size is None:
            return refused(400, "Request_BadRequest", "Invalid page size specified")
        return self._page([_selected(row, wanted) for row in self._slice(rows, size)], len(rows), size)

    def _rows(self, top: bool) -> int | None:
        """Rows of a page; None where the client's wish is not allowed."""
        wish = self.query.get("$top")
        if wish is None:
            return min(self.tenant.page_rows, _DEFAULT_ROWS if top else _MAX_ROWS)
        if not top or not wish.isdigit() or not 0 < int(wish) <= _MAX_ROWS:
            return None
        return min(int(wish), self.tenant.page_rows)

    def _slice(self, rows: list[Json], size: int) -> Iterable[Json]:
        start, empty = self._position()
        return [] if empty else rows[start : start + size]

    def _position(self) -> tuple[int, bool]:
        token = self.query.get("$skiptoken", "0")
        return int(token.rstrip("e")), token.endswith("e")

    def _page(self, rows: list[Json], total: int, size: int) -> Answered:
        start, empty = self._position()
        document: Json = {"value": rows}
        if self.query.get("$count") == "true" and start == 0:
            document["@odata.count"] = total
        following = start if empty else start + size
        if following < total or (empty and start < total):
            mark = f"{following}e" if self.tenant.empty_page and start == 0 and not empty else str(following)
            document["@odata.nextLink"] = self._link(mark)
        return Answered(document=document)

    def _link(self, mark: str) -> object:
        query = "&".join(f"{name}={value}" for name, value in self.query.items() if name != "$skiptoken")
        link = f"{self.base}{self.path}?{query}{'&' if query else ''}$skiptoken={mark}".replace(" ", "%20")
        match self.tenant.next_link:
            case "foreign":
                return f"https://graph.evil.example/v1.0{self.path}?$skiptoken={mark}"
            case "user":
                return link.replace("://", "://x@", 1)
            case "loop":
                return link.replace(f"$skiptoken={mark}", "$skiptoken=1")
            case "number":
                return 42
        return link


def _selected(row: Json, wanted: list[str]) -> Json:
    if not wanted:
        return {name: value for name, value in row.items() if name != "signInActivity"}
    return {name: row[name] for name in dict.fromkeys(["id", *wanted]) if name in row}
