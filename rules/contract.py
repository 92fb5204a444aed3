"""What the client was promised: deadlines, policies and tolerances. Read from client.toml by `auditor.config`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from collectors.feeds.records import Severity
from rules.decisions import Decision
from rules.prices import Price
from rules.rights import Entitlement, SoftwareTerms
from rules.waivers import Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Sla:
    """Days from the vendor's release date within which a fix must be installed, by severity.

    A fix of unknown severity counts as high (G4). `kev` honors CISA's due date when it is earlier than the deadline by
    severity. `cyber_essentials` adds the 14-day policy: vendor critical or high, CVSS v3 >= 7.0, or undisclosed.
    """

    critical: int = 14
    high: int = 14
    medium: int = 60
    low: int = 90
    kev: bool = True
    cyber_essentials: bool = False

    def days(self, severity: Severity) -> int:
        """Deadline in days for a severity."""
        return {
            Severity.CRITICAL: self.critical,
            Severity.HIGH: self.high,
            Severity.MEDIUM: self.medium,
            Severity.LOW: self.low,
            Severity.UNKNOWN: self.high,
        }[severity]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseException:
    """A finding about a person that the client accepts: it stays visible, marked, and returns after the day `until`.

    `who` is a user principal name, compared without case; `product` a SKU GUID or part number, "" for every product.
    `rules` narrows it to what these rules find ((): whatever is found); with them and without a `product` it means
    findings about no seat alone. `place` says where it stands.
    """

    who: str
    reason: str
    until: date
    product: str = ""
    rules: tuple[str, ...] = ()
    place: str = "client.toml, m365.exceptions"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantTerms:
    """What was agreed about a client's Microsoft 365 licenses.

    SKUs are named by GUID or part number, without case. `usage_max_age_days` is the age from which a usage report says
    nothing any more. `spare_seats` are kept free on purpose, `non_billable` are given for nothing (non-profit grants
    bear the GUID of the paid SKU). `left_out` SKUs raise no alert and stay in the table. The limit of seats of the
    Business family holds over all its SKUs together, or per SKU; `apps_for_business_counts` adds that plan to it.
    """

    inactive_days: int = 90
    starter_grace_days: int = 30
    usage_max_age_days: int = 7
    seat_limit: int = 300
    seat_limit_per_sku: bool = False
    apps_for_business_counts: bool = False
    spare_seats: Mapping[str, int] = field(default_factory=dict)
    non_billable: Mapping[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    exceptions: tuple[LicenseException, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The promises to one client.

    `package_lists_max_age_days` is L22; `end_of_support_horizon_days` the forecast window. `feed_max_age_days`
    overrides a feed's own limit by feed name. `renewal_horizon_days` is how long before an anniversary or the end of a
    trial someone is asked to decide; `prices` are the rows of the client's price list. `entitlements` are those of its
    file of rights, None where it has none; the end of a waiver is announced `waiver_horizon_days` before. `decisions`
    are what the client answered in a returned workbook; those to keep something are among the exceptions of `m365` too.
    """

    client: str
    language: str = "fr"
    sla: Sla = field(default_factory=Sla)
    package_lists_max_age_days: int = 7
    end_of_support_horizon_days: int = 180
    reboot_grace_days: int = 7
    feed_max_age_days: dict[str, int] = field(default_factory=dict)
    renewal_horizon_days: int = 45
    m365: TenantTerms = field(default_factory=TenantTerms)
    prices: tuple[Price, ...] = ()
    software: SoftwareTerms = field(default_factory=SoftwareTerms)
    entitlements: tuple[Entitlement, ...] | None = None
    waivers: tuple[Waiver, ...] = ()
    waiver_horizon_days: int = 30
    decisions: tuple[Decision, ...] = ()
