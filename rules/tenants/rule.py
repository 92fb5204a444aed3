"""What a rule about a Microsoft 365 tenant is, and the case it is asked about.

The same law as for machines (`rules.rule`): FAIL for each thing that is wrong, one PASS when everything was looked at
and nothing is; the engine turns a PASS that rests on a gap into UNKNOWN.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from collectors.cloud.facts import Report, TenantFact, TenantSnapshot
from collectors.feeds.records import Severity
from collectors.model import HostSnapshot
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.messages import Message, Params
from rules.model import NO_PRIORITY, Confidence, Evidence, Finding, Outcome, PatchState, Priority
from rules.prices import Money

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class TenantCase:
    """One tenant before the rules. `as_of` is aware UTC. `servers` counts the client's audited machines by kind.

    `servers` keys: "windows_server", "windows_client", "linux", "rds_host"; empty when no machine was audited.
    `without_machines` tells that none was to be: the client's audit is about Microsoft 365 alone.
    `previous` is the last snapshot of the same tenant, None where there is none. `found` is what the other rules
    concluded, each seat counted once in money, and `reclaimable` how many seats of each SKU they would take back from
    people, whether or not that saves anything: complete only for a rule that is asked `last`.
    """

    snapshot: TenantSnapshot
    knowledge: Knowledge
    contract: Contract
    as_of: datetime
    servers: Mapping[str, int] = field(default_factory=dict)
    without_machines: bool = False
    previous: TenantSnapshot | None = None
    found: tuple[Finding, ...] = ()
    reclaimable: Mapping[str, int] = field(default_factory=dict)
    _made: dict[object, Any] = field(default_factory=dict, init=False)

    @property
    def today(self) -> date:
        """The day of the audit, in UTC."""
        return self.as_of.date()

    def once(self, kind: object, make: Callable[[], T]) -> T:
        """Make once what several rules ask about this tenant."""
        if kind not in self._made:
            self._made[kind] = make()
        value: T = self._made[kind]
        return value

    def report(self, kind: TenantFact) -> Report | None:
        """What is known of one usage report; None when it was not read."""
        return next((report for report in self.snapshot.reports if report.kind is kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRule:
    """One question asked about every tenant; `id` names the file, the test and the texts, as for `rules.rule.Rule`.

    `needs` are the facts a PASS rests on. `judges_absence` is for the rule that tells what could not be seen, `last`
    for one that weighs what the others found (`TenantCase.found`).
    """

    id: str
    needs: tuple[TenantFact, ...]
    check: Callable[[TenantCase], Iterable[Finding]]
    applies: Callable[[TenantCase], bool] = lambda _case: True
    judges_absence: bool = False
    last: bool = False

    @property
    def title(self) -> Message:
        """What the rule asks, as a heading."""
        return Message(text=f"rules.{self.id}.title")

    @property
    def impact(self) -> Message:
        """Why it matters, in one sentence for the manager."""
        return Message(text=f"rules.{self.id}.impact")


def finding(
    rule: str,
    case: TenantCase,
    outcome: Outcome,
    text: str,
    *,
    key: str = "",
    person: str = "",
    params: Params | None = None,
    severity: Severity = Severity.UNKNOWN,
    confidence: Confidence = Confidence.FIRM,
    remedy: str | Message = "",
    priority: Priority = NO_PRIORITY,
    evidence: tuple[Evidence, ...] = (),
    money: Money | None = None,
    due_on: date | None = None,
) -> Finding:
    """Make a finding about the case's tenant; `text` and a `remedy` that is a str are relative to the rule's texts.

    About a person: `key` is the user's id and `person` the user principal name. About a SKU: `key` is its GUID.
    """
    return Finding(
        rule=rule,
        subject=case.snapshot.target.name,
        key=key,
        outcome=outcome,
        severity=severity,
        confidence=confidence,
        state=PatchState.UNKNOWN if outcome is Outcome.UNKNOWN else PatchState.NONE,
        message=Message(text=f"rules.{rule}.{text}", params=params or {}),
        remedy=Message(text=f"rules.{rule}.{remedy}") if isinstance(remedy, str) and remedy else remedy or None,
        priority=priority,
        evidence=evidence,
        due_on=due_on,
        money=money,
        person=person,
    )


def machines_by_kind(machines: Iterable[HostSnapshot]) -> dict[str, int]:
    """Count audited machines as `TenantCase.servers` wants them; a machine whose system was not seen counts nowhere."""
    counts: dict[str, int] = {}
    for machine in machines:
        system = machine.operating_system
        if system is None:
            continue
        kind = "linux" if system.id != "windows" else f"windows_{system.variant_id or 'unknown'}"
        counts[kind] = counts.get(kind, 0) + 1
        if machine.windows is not None and "remote-desktop-session-host" in machine.windows.roles:
            counts["rds_host"] = counts.get("rds_host", 0) + 1
    return counts
