"""By when a fix has to be installed, and which promise says so.

The clock starts at the vendor's first publication of the advisory (`Advisory.issued_on`): never at a revision (G5),
never at a local installation date. Days are calendar days; the due day itself is still in time. Where several promises
apply, the earliest deadline counts and is the one named. EPSS never shortens a deadline.

| reason | deadline |
| --- | --- |
| `kev` | CISA's due date (BOD 22-01) |
| `kev_released` | the day the vendor released the fix, because CISA's due date had passed by then |
| `cyber_essentials` | 14 days: rated critical or high by the vendor, CVSS v3 >= 7.0, or severity undisclosed |
| `severity` | the contract's days for the severity |
| `undisclosed` | the contract's days for "high", because the vendor published no severity (G4) |
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from collectors.feeds.records import Advisory, Severity
from rules.contract import Sla
from rules.knowledge import Knowledge
from rules.messages import Message

CYBER_ESSENTIALS_DAYS = 14
CYBER_ESSENTIALS_CVSS = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The earliest deadline of a fix: the last day in time, which advisory set it, and why.

    `reason` is a key of the table above; `reference` the CVE of the KEV entry, "" for the rest. `days` is the promise
    in days (0 for KEV, which promises a date).
    """

    due_on: date
    released_on: date | None
    advisory: str
    reason: str
    severity: Severity
    days: int = 0
    reference: str = ""

    def is_late(self, today: date) -> bool:
        """Whether the due day has passed; on the due day itself the fix is not late."""
        return today > self.due_on

    def days_late(self, today: date) -> int:
        """Whole days since the due day, 0 when not late."""
        return max(0, (today - self.due_on).days)

    @property
    def words(self) -> Message:
        """Name the promise in words."""
        params: dict[str, str | int | float | bool | None] = {
            "due_on": self.due_on.isoformat(),
            "days": self.days,
            "cve": self.reference,
            "released_on": None if self.released_on is None else self.released_on.isoformat(),
        }
        suffix = f"_{self.severity.value}" if self.reason == "severity" else ""
        return Message(text=f"rules.deadline.{self.reason}{suffix}", params=params)


_REASONS = (
    "kev",
    "kev_released",
    "cyber_essentials",
    "severity",
    "undisclosed",
)  # which one is named when two fall on one day


def deadline_of(advisories: Iterable[Advisory], sla: Sla, knowledge: Knowledge) -> Deadline | None:
    """Return the earliest deadline any promise sets for a fix; None when neither advisory nor KEV dates it."""
    candidates = [deadline for advisory in advisories for deadline in _deadlines(advisory, sla, knowledge)]
    return min(
        candidates,
        key=lambda found: (found.due_on, _REASONS.index(found.reason), found.advisory, found.reference),
        default=None,
    )


def _deadlines(advisory: Advisory, sla: Sla, knowledge: Knowledge) -> Iterable[Deadline]:
    released = advisory.issued_on
    if sla.kev:
        for cve in advisory.cves:
            entry = knowledge.exploited.get(cve)
            if entry is not None:
                if released is not None and released > entry.due_on:
                    yield _deadline(advisory, "kev_released", released, reference=cve)
                else:
                    yield _deadline(advisory, "kev", entry.due_on, reference=cve)
    if released is None:
        return
    if sla.cyber_essentials and _is_cyber_essentials(advisory):
        yield _deadline(
            advisory, "cyber_essentials", released + timedelta(days=CYBER_ESSENTIALS_DAYS), days=CYBER_ESSENTIALS_DAYS
        )
    days = sla.days(advisory.severity)
    reason = "undisclosed" if advisory.severity is Severity.UNKNOWN else "severity"
    yield _deadline(advisory, reason, released + timedelta(days=days), days=days)


def _is_cyber_essentials(advisory: Advisory) -> bool:
    """Source: Cyber Essentials, Requirements for IT infrastructure, "Security update management"."""
    undisclosed = advisory.severity is Severity.UNKNOWN and advisory.cvss is None
    rated = advisory.severity in (Severity.CRITICAL, Severity.HIGH)
    return rated or undisclosed or (advisory.cvss is not None and advisory.cvss >= CYBER_ESSENTIALS_CVSS)


def _deadline(advisory: Advisory, reason: str, due: date, *, days: int = 0, reference: str = "") -> Deadline:
    return Deadline(
        due_on=due,
        released_on=advisory.issued_on,
        advisory=advisory.id,
        reason=reason,
        severity=advisory.severity,
        days=days,
        reference=reference,
    )
