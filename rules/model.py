"""Findings: what a rule concluded, on what evidence, how urgent, and what to do."""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from collectors.cloud.facts import Organization, Report, TenantGap
from collectors.feeds.records import FeedState, Severity
from collectors.model import CollectorStatus, Gap, LastUpdate, OperatingSystem, Target
from rules.decisions import DecisionUse
from rules.messages import Message
from rules.prices import Commitment, Money
from rules.software.position import SoftwareSummary
from rules.waivers import Waiver, WaiverUse


class Outcome(StrEnum):
    """Answer of a rule about one subject. A PASS that rests on a gap or a stale feed becomes UNKNOWN (the engine)."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    PASS = "pass"
    NOT_APPLICABLE = "not_applicable"


class Confidence(StrEnum):
    """How firmly a finding stands: two independent sources, one authoritative source, or signs only."""

    CONFIRMED = "confirmed"
    FIRM = "firm"
    TENTATIVE = "tentative"


class PatchState(StrEnum):
    """State of one fix on one host; every one has its own label in the report (domain vocabulary)."""

    NONE = ""
    MISSING = "missing"
    REBOOT_PENDING = "reboot_pending"  # fixed version on disk, old one still running
    NO_FIX = "no_fix"
    UPCOMING = "upcoming"  # fix announced for a later point release
    PRO_REQUIRED = "pro_required"
    MITIGATED = "mitigated"  # live patch
    OUT_OF_SUPPORT = "out_of_support"
    OUTSIDE_SCOPE = "outside_scope"  # third-party origin
    UNKNOWN = "unknown"


class CrossCheck(StrEnum):
    """What the host's own package manager says about a fix of ours."""

    AGREE = "agree"
    ONLY_OURS = "only_ours"
    ONLY_THEIRS = "only_theirs"
    NOT_SEEN = "not_seen"  # the updater's answer is a gap or its lists are too old (L22)


class PriorityLevel(StrEnum):
    """When to act, in the order of the action plan."""

    NOW = "now"
    PLAN = "plan"
    WATCH = "watch"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One line of proof: what was looked at, seen, expected, from which source, as of when."""

    what: Message
    seen: str
    expected: str = ""
    source: str = ""
    url: str = ""
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """When to act, and why in words. `score` orders findings of one level (higher first).

    Decided by KEV, then EPSS, then severity, then exposure, in that order.
    """

    level: PriorityLevel
    score: float = 0.0
    reasons: tuple[Message, ...] = ()


NO_PRIORITY = Priority(level=PriorityLevel.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One conclusion of one rule about one subject.

    `subject` is a target name ("" for the whole estate). `key` tells findings of one rule on one subject apart (a
    source package, a reason); "" for a rule that speaks once. `released_on` is when the vendor first released the fix
    (the SLA clock, G4); `due_on` the day after which it is late. `money` is what a finding about licenses is worth,
    `person` the user principal name it is about ("": nobody's). `limited` marks an UNKNOWN that tells nothing but a
    limit of the way of looking (`Gap.is_limit`): the run is complete without it. `beside` marks an UNKNOWN about a
    product, beside which the answer about the machine's own system stands. `waiver` is the client's acceptance: the
    finding is shown, and left out of the action plan and of the exit code.
    """

    rule: str
    subject: str
    key: str = ""
    outcome: Outcome
    severity: Severity = Severity.UNKNOWN
    confidence: Confidence = Confidence.FIRM
    state: PatchState = PatchState.NONE
    message: Message
    remedy: Message | None = None
    priority: Priority = NO_PRIORITY
    evidence: tuple[Evidence, ...] = ()
    gaps: tuple[Gap, ...] = ()
    released_on: date | None = None
    due_on: date | None = None
    money: Money | None = None
    person: str = ""
    limited: bool = False
    beside: bool = False
    waiver: Waiver | None = None

    @property
    def fingerprint(self) -> str:
        """Stable over time: sha256 of rule, subject and key, as hexadecimal."""
        return hashlib.sha256(
            "\0".join((self.rule, self.subject, self.key)).encode("utf-8", "surrogatepass")
        ).hexdigest()

    @property
    def ref(self) -> str:
        """Short reference a person can read out: "F-" and eight hexadecimal digits of the fingerprint."""
        return f"F-{self.fingerprint[:8].upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSummary:
    """What the report tells of a machine beside its findings; `reached` false means "not audited".

    `updates_from` says where the machine gets its updates: its package manager ("apt", "dnf", ...), on Windows
    "windows_update" or "wsus"; "" when that was not seen. `package_count` counts programs on Windows.
    """

    target: Target
    taken_at: datetime
    reached: bool
    privileged: bool = False
    aliases: tuple[str, ...] = ()
    operating_system: OperatingSystem | None = None
    release: str | None = None
    package_count: int = 0
    collectors: tuple[CollectorStatus, ...] = ()
    gaps: tuple[Gap, ...] = ()
    last_update: LastUpdate | None = None
    updates_from: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFailure:
    """A rule that broke on a host: an unknown for the reader, a traceback in the log."""

    rule: str
    subject: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Everything one run concluded: the only input of `reports`.

    `findings` are sorted by (priority, subject, rule, key); PASS and NOT_APPLICABLE findings are included so that
    every percentage can carry its base. `demo` marks recorded demonstration data. `software` is the license position,
    None where none was asked for; `waivers` tells what became of the client's waivers, `decisions` of what it decided
    about people's licenses.
    """

    client: str
    as_of: datetime
    started_at: datetime
    finished_at: datetime
    product_version: str
    machines: tuple[MachineSummary, ...]
    findings: tuple[Finding, ...]
    feeds: tuple[FeedState, ...]
    stale_feeds: tuple[str, ...] = ()
    failures: tuple[RuleFailure, ...] = ()
    sla_days: dict[str, int] = field(default_factory=dict)
    demo: bool = False
    tenants: tuple["TenantSummary", ...] = ()
    software: SoftwareSummary | None = None
    waivers: tuple[WaiverUse, ...] = ()
    decisions: tuple[DecisionUse, ...] = ()


class SeatVerdict(StrEnum):
    """Where one SKU stands; `NONE` where no seat is counted (free, tenant-wide, per device or server)."""

    OK = "ok"
    UNDER = "under"
    EXCESS = "excess"
    CHECK = "check"  # people without service, seats that run out
    UNKNOWN = "unknown"
    NONE = ""


class SkuKind(StrEnum):
    """What a SKU is counted by."""

    USER = "user"
    COMPANY = "company"  # tenant-wide: its counts are no users (case 9)
    DEVICE = "device"
    SERVER = "server"
    RESOURCE = "resource"  # storage, credits, resource accounts


class FreeReason(StrEnum):
    """Why a SKU is not billed; `NONE` where it is."""

    NONE = ""
    LISTED = "listed"  # on the product's own list of free SKUs
    TRIAL = "trial"  # all its subscriptions are trials
    NAMED = "named"  # never ends, and is called free, trial, viral, ...
    UNPRICED = "unpriced"  # never ends, and nobody knows a price
    UNLIMITED = "unlimited"  # ten thousand seats and more in a small tenant
    GRANTED = "granted"  # the client's file says so


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseLine:
    """One SKU in the table of licenses. Counts that Graph left out are None; amounts are euro, excluding VAT, a month.

    `bought` are enabled seats, `granted` of them given for nothing, `on_trial` of them on trial; `free` is usable and
    unassigned, `reducible` what of it is paid for and not kept on purpose. `inactive` are the people who left or do not
    use it, as far as is known; None where nobody is known and activity is not. Prices unknown: None, never 0.
    `renewal_on` is the next annual anniversary, `priced_from` the day since which the price has been in force. What a
    waiver accepts is included in all counts and amounts.
    """

    sku_id: str
    part_number: str
    name: str
    kind: SkuKind
    free_reason: FreeReason
    verdict: SeatVerdict
    bought: int | None
    assigned: int | None
    grace: int = 0
    suspended: int = 0
    locked_out: int = 0
    waiting: int = 0
    granted: int = 0
    on_trial: int = 0
    free: int | None = None
    reducible: int | None = None
    deficit: int | None = None
    at_risk: int | None = None
    inactive: int | None = None
    monthly_price: Decimal | None = None
    monthly_cost: Decimal | None = None
    saving_now: Decimal = Decimal(0)
    saving_later: Decimal = Decimal(0)
    unpriced_seats: int = 0
    commitment: Commitment = Commitment.UNKNOWN
    renewal_on: date | None = None
    left_out: bool = False
    priced_from: date | None = None

    @property
    def billable(self) -> bool:
        """Whether this SKU costs money."""
        return self.free_reason is FreeReason.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantTotals:
    """Sums over the billable lines and the findings of one tenant, per month; what has no price is in none of them.

    `products` counts billable lines, `unpriced_products` those among them whose cost is not known ("hors n produits
    sans prix"). Savings count each (user, SKU) once; `unpriced_seats` are those that could be saved, and
    `unpriced_missing` those that must be bought, without a known price. What a waiver accepts is included: the sheets
    leave it out of theirs.
    """

    monthly_cost: Decimal = Decimal(0)
    saving_now: Decimal = Decimal(0)
    saving_later: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    products: int = 0
    unpriced_products: int = 0
    unpriced_seats: int = 0
    unpriced_missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSummary:
    """What the report tells of a tenant beside its findings; `reached` false means "not audited".

    `users` counts accounts, None where they could not be read; `licensed_users` those that hold a license.
    `unmatched_exceptions` are the exceptions of the client's file that met nothing ("who" or "who: product").
    """

    target: Target
    taken_at: datetime
    reached: bool
    organization: Organization | None = None
    granted: tuple[str, ...] = ()
    licenses: tuple[LicenseLine, ...] = ()
    totals: TenantTotals = field(default_factory=TenantTotals)
    users: int | None = None
    licensed_users: int | None = None
    reports: tuple[Report, ...] = ()
    names_concealed: bool | None = None
    unmatched_exceptions: tuple[str, ...] = ()
    gaps: tuple[TenantGap, ...] = ()
    collectors: tuple[CollectorStatus, ...] = ()
