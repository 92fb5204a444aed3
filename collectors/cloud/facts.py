"""Facts about one Microsoft 365 tenant, and the gaps where a fact could not be had.

Nothing here is judged. All timestamps are aware and in UTC. GUIDs are lower case. A count that Graph left out is None
("unknown"), except `warning`, `suspended` and `locked_out`: Graph adds them only where they occur, absent they are 0.
An empty tuple without a `TenantGap` of its kind means "looked, and found nothing". Names and last sign-ins are personal
data: they stay in the client's own history and in its workbook.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from collectors.model import CollectorStatus, GapReason, Target


class TenantFact(StrEnum):
    """One kind of fact about a tenant. `TENANT` stands for everything."""

    TENANT = "tenant"
    ORGANIZATION = "organization"
    SKUS = "skus"
    SUBSCRIPTIONS = "subscriptions"
    USERS = "users"
    SIGN_INS = "sign_ins"
    GROUPS = "groups"
    USAGE = "usage"  # last activity per workload, from the usage reports
    APPS_USAGE = "apps_usage"
    MAILBOXES = "mailboxes"
    ACTIVATIONS = "activations"
    MAILBOX_TYPES = "mailbox_types"
    DEVICES = "devices"
    DETECTED_APPS = "detected_apps"
    DELETED_USERS = "deleted_users"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantGap:
    """A fact that could not be had. `permission` is the missing Graph permission where that is the cause, else ""."""

    kind: TenantFact
    collector: str
    reason: GapReason
    detail: str
    permission: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The tenant itself: `id` is the tenant id. `plans` are service plan GUIDs assigned and enabled tenant-wide."""

    id: str
    name: str
    country: str = ""
    language: str = ""
    domains: tuple[str, ...] = ()
    default_domain: str = ""
    plans: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlan:
    """One service plan of a SKU. The GUID is the key; names are for people and not unique."""

    id: str
    name: str
    applies_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribedSku:
    """One SKU the tenant owns (`subscribedSkus`). `applies_to` is "User" or "Company".

    `status` is capabilityStatus as written ("Enabled", "Warning", "Suspended", "Deleted", "LockedOut"). Seats:
    `enabled` active, `warning` expired and in grace, `suspended` cancelled, `locked_out` cancelled by the customer.
    """

    sku_id: str
    part_number: str
    applies_to: str = "User"
    status: str = ""
    consumed: int | None = None
    enabled: int | None = None
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0
    subscription_ids: tuple[str, ...] = ()
    plans: tuple[ServicePlan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One commercial subscription (`directory/subscriptions`). Graph has no auto-renew flag.

    `next_lifecycle_at` is when the next state comes if it is not renewed; None: free, or it never ends.
    """

    id: str
    sku_id: str
    part_number: str = ""
    status: str = ""
    seats: int | None = None
    trial: bool | None = None
    created_at: datetime | None = None
    next_lifecycle_at: datetime | None = None
    owner_tenant_id: str = ""
    commerce_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseAssignment:
    """One way a user holds (or should hold) a SKU: `group` is the group's id, "" when direct.

    `state` is "Active", "ActiveWithError", "Disabled" or "Error"; `error` "" when none (Graph writes null or "None").
    """

    sku_id: str
    group: str = ""
    state: str = ""
    error: str = ""
    disabled_plans: frozenset[str] = frozenset()
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLicense:
    """One SKU a user holds, however often it was assigned: one seat. `disabled_plans` are those switched off."""

    sku_id: str
    disabled_plans: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """signInActivity of one user (Entra P1/P2 only). `successful_at` is not back-filled before 2023-12-01.

    `at` counts failed attempts too and proves nothing alone.
    """

    successful_at: datetime | None = None
    at: datetime | None = None
    non_interactive_at: datetime | None = None


class SignInKnowledge(StrEnum):
    """What is known of a user's sign-ins; three kinds of nothing are kept apart."""

    KNOWN = "known"
    NEVER = "never"  # asked, and Graph has none
    NOT_ASKED = "not_asked"  # no P1/P2, or the answer is a gap


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One account. `type` is "Member" or "Guest" (null reads as Member).

    `mailbox` is userPurpose where it was asked: "user", "shared", "room", "equipment", "linked", "" unknown.
    """

    id: str
    upn: str
    name: str = ""
    mail: str = ""
    enabled: bool | None = None
    type: str = "Member"
    created_at: datetime | None = None
    usage_location: str = ""
    department: str = ""
    company: str = ""
    employee_type: str = ""
    synced: bool = False
    licenses: tuple[HeldLicense, ...] = ()
    assignments: tuple[LicenseAssignment, ...] = ()
    sign_in: SignIn | None = None
    sign_in_known: SignInKnowledge = SignInKnowledge.NOT_ASKED
    mailbox: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group that assigns licenses; only its name is needed."""

    id: str
    name: str
    sku_ids: tuple[str, ...] = ()
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One usage report: how fresh, and whether names are concealed (then no row can be joined with a user).

    `refreshed_on` is the report's own "Report Refresh Date", None for an empty report. `period` is "D180" and the like.
    """

    kind: TenantFact
    refreshed_on: date | None
    period: str = ""
    rows: int = 0
    concealed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One user's row of the active-user report; deleted rows are left out.

    `by_workload` is the last activity in "exchange", "onedrive", "sharepoint", "teams", "yammer", "skype"; `last_on`
    the newest of them.
    """

    upn: str
    last_on: date | None
    by_workload: tuple[tuple[str, date], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppsUsage:
    """One user's row of the Microsoft 365 apps report; platforms used ("windows", "mac", "mobile", "web")."""

    upn: str
    last_activity_on: date | None = None
    last_activation_on: date | None = None
    platforms: tuple[str, ...] = ()
    desktop_apps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One mailbox of the usage report; sizes in bytes. `kind` is "user" or "shared" where the report says so."""

    upn: str
    used_bytes: int | None = None
    archive: bool | None = None
    last_activity_on: date | None = None
    kind: str = ""
    created_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activations:
    """How many computers a user activated Office on; those on shared computers do not count."""

    upn: str
    product: str
    windows: int = 0
    mac: int = 0
    mobile: int = 0
    shared_computer: bool = False
    last_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedDevice:
    """One device Intune manages. `owner` is "company" or "personal" (whose unmanaged apps Intune does not tell)."""

    id: str
    name: str
    system: str = ""
    version: str = ""
    user_id: str = ""
    upn: str = ""
    serial: str = ""
    entra_id: str = ""
    owner: str = ""
    compliance: str = ""
    synced_at: datetime | None = None
    enrolled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedApp:
    """One application Intune saw, and on how many devices; `device_ids` where they were asked."""

    name: str
    version: str
    devices: int
    publisher: str = ""
    device_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedUser:
    """A user in the 30-day bin: its licenses explain small differences between counts."""

    id: str
    upn: str
    deleted_at: datetime | None = None
    sku_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSnapshot:
    """Everything seen of one tenant in one visit, whatever happened.

    A tenant that could not be asked has one gap of kind `TenantFact.TENANT`. `granted` are the permissions the token
    carried, as Graph names them. `requests` counts the calls made.
    """

    target: Target
    taken_at: datetime
    duration_s: float = 0.0
    requests: int = 0
    granted: tuple[str, ...] = ()
    organization: Organization | None = None
    skus: tuple[SubscribedSku, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    reports: tuple[Report, ...] = ()
    usage: tuple[Usage, ...] = ()
    apps_usage: tuple[AppsUsage, ...] = ()
    mailboxes: tuple[Mailbox, ...] = ()
    activations: tuple[Activations, ...] = ()
    devices: tuple[ManagedDevice, ...] = ()
    detected_apps: tuple[DetectedApp, ...] = ()
    deleted_users: tuple[DeletedUser, ...] = ()
    names_concealed: bool | None = None
    collectors: tuple[CollectorStatus, ...] = ()
    gaps: tuple[TenantGap, ...] = ()

    @property
    def reached(self) -> bool:
        """Whether the tenant answered at all (some areas may still be gaps)."""
        return all(gap.kind is not TenantFact.TENANT for gap in self.gaps)

    def gaps_of(self, kind: TenantFact) -> tuple[TenantGap, ...]:
        """Gaps that hide facts of `kind`; a gap on the whole tenant hides every kind."""
        return tuple(gap for gap in self.gaps if gap.kind in (kind, TenantFact.TENANT))
