"""What the client was promised: deadlines, policies and tolerances. Read from client.toml by `auditor.config`."""

from dataclasses import dataclass, field

from collectors.feeds.records import Severity


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
class Contract:
    """The promises to one client.

    `package_lists_max_age_days` is L22; `end_of_support_horizon_days` the forecast window. `feed_max_age_days`
    overrides a feed's own limit by feed name.
    """

    client: str
    language: str = "fr"
    sla: Sla = field(default_factory=Sla)
    package_lists_max_age_days: int = 7
    end_of_support_horizon_days: int = 180
    reboot_grace_days: int = 7
    feed_max_age_days: dict[str, int] = field(default_factory=dict)
