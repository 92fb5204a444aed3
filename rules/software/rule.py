"""What a rule about installed software as a whole is, and the case it is asked about: all machines of a client.

The same law as for machines (`rules.rule`): FAIL for each thing that is wrong, one PASS when everything was looked at
and nothing is; the engine turns a PASS that rests on machines nobody could read into UNKNOWN.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from collectors.feeds.records import Severity
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.messages import Message, Params
from rules.model import NO_PRIORITY, Confidence, Evidence, Finding, Outcome, PatchState, Priority
from rules.prices import Money
from rules.software.devices import Device
from rules.software.position import SoftwareSummary
from rules.software.tenant_rights import TenantRights


@dataclass(frozen=True, slots=True, kw_only=True)
class EstateCase:
    """All machines of one client before the rules. `as_of` is aware UTC.

    `devices` are the distinct machines (one under two names is one), `rights` what each tenant gives its users.
    """

    summary: SoftwareSummary
    devices: tuple[Device, ...]
    rights: Sequence[TenantRights]
    contract: Contract
    knowledge: Knowledge
    as_of: datetime

    @property
    def today(self) -> date:
        """The day of the audit, in UTC."""
        return self.as_of.date()

    @property
    def unread(self) -> int:
        """How many machines have programs nobody could read, neither now nor at an earlier audit."""
        return max(0, self.summary.known - self.summary.seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class EstateRule:
    """One question asked about the estate; `id` names the file, the test and the texts, as for `rules.rule.Rule`.

    `needs_file` is for a rule that compares with the client's file of rights: without one it is not asked, and what
    that means is told once (`software.no_entitlement`). `needs_machines` is for one whose PASS rests on every machine.
    """

    id: str
    check: Callable[[EstateCase], Iterable[Finding]]
    applies: Callable[[EstateCase], bool] = lambda _case: True
    needs_file: bool = False
    needs_machines: bool = True

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
    outcome: Outcome,
    text: str,
    *,
    key: str = "",
    params: Params | None = None,
    severity: Severity = Severity.UNKNOWN,
    confidence: Confidence = Confidence.FIRM,
    remedy: str = "",
    priority: Priority = NO_PRIORITY,
    evidence: tuple[Evidence, ...] = (),
    money: Money | None = None,
    due_on: date | None = None,
    limited: bool = False,
) -> Finding:
    """Make a finding about the whole estate; `text` and `remedy` are relative to the rule's own texts ("fail")."""
    values = params or {}
    return Finding(
        rule=rule,
        subject="",
        key=key,
        outcome=outcome,
        severity=severity,
        confidence=confidence,
        state=PatchState.UNKNOWN if outcome is Outcome.UNKNOWN else PatchState.NONE,
        message=Message(text=f"rules.{rule}.{text}", params=values),
        remedy=Message(text=f"rules.{rule}.{remedy}", params=values) if remedy else None,
        priority=priority,
        evidence=evidence,
        due_on=due_on,
        money=money,
        limited=limited,
    )
