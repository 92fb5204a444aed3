"""What the client decided about people's licenses, line by line, and what became of each decision in one run.

"Keep" sets the line aside for a time (`rules.tenants.exceptions`); "remove" and "discuss" are things to do until the
line is gone. Nothing is called done because it could not be seen.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rules.contract import Contract
    from rules.model import Assessment, Finding


class Choice(StrEnum):
    """What the client can answer to a line of the sheet of people to review."""

    KEEP = "keep"
    REMOVE = "remove"
    DISCUSS = "discuss"


class DecisionState(StrEnum):
    """What became of a decision.

    A "keep" is IN_FORCE up to its last day and ENDED after it. A thing to do is OPEN, DONE, UNSEEN (what it rests on
    could not be looked at: neither open nor done) or ACCEPTED (the client's files accept it by now).
    """

    OPEN = "open"
    UNSEEN = "unseen"
    DONE = "done"
    ACCEPTED = "accepted"
    IN_FORCE = "in_force"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision about one line: a finding about a person, and one product of that person.

    `ref` is the finding's reference ("F-1A2B3C4D"), `person` a user principal name, `sku` a SKU by GUID or part number
    ("": the line is about no seat), `product` its name as the report showed it. `until` is the last day a KEEP holds,
    None for the others; `comment` the client's own words. `place` says where the decision stands.
    """

    ref: str
    rule: str
    person: str
    choice: Choice
    decided_on: date
    decided_by: str
    product: str = ""
    sku: str = ""
    until: date | None = None
    comment: str = ""
    place: str = ""

    @property
    def line(self) -> tuple[str, str]:
        """What tells this line from every other, compared without case."""
        return self.ref.casefold(), self.sku.casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionUse:
    """What became of a decision in one run; `sku_id` is the GUID its SKU has there, "" where the run knows none."""

    decision: Decision
    state: DecisionState
    sku_id: str = ""


def with_decisions(
    assessment: "Assessment", contract: "Contract", today: date, *, nameless: bool = False
) -> "Assessment":
    """Tell what became of each of the client's decisions; `today` is the day of the data. Fills `decisions`.

    `nameless`: the people were taken out of the assessment. Then no line can be missed in it, and none is done.
    """
    ids = {
        name.casefold(): line.sku_id
        for tenant in assessment.tenants
        for line in tenant.licenses
        for name in (line.part_number, line.sku_id)
        if name
    }
    uses = (
        _use(one, assessment, ids.get(one.sku.casefold(), ""), today, nameless=nameless) for one in contract.decisions
    )
    return replace(assessment, decisions=tuple(uses))


def _use(decision: Decision, assessment: "Assessment", sku_id: str, today: date, *, nameless: bool) -> DecisionUse:
    if decision.choice is Choice.KEEP:
        held = decision.until is not None and today <= decision.until
        state = DecisionState.IN_FORCE if held else DecisionState.ENDED
    elif nameless:
        state = DecisionState.UNSEEN
    else:
        state = _state(decision, assessment, sku_id)
    return DecisionUse(decision=decision, state=state, sku_id=sku_id)


def _state(decision: Decision, assessment: "Assessment", sku_id: str) -> DecisionState:
    from rules.model import Outcome  # late: findings live in a module that needs this one first

    tenants = {tenant.target.name for tenant in assessment.tenants}
    found = [one for one in assessment.findings if one.subject in tenants]
    mine = [one for one in found if _is_meant(decision, one, sku_id)]
    if any(one.outcome is Outcome.FAIL and one.waiver is None for one in mine):
        return DecisionState.OPEN
    accepted = (Outcome.FAIL, Outcome.NOT_APPLICABLE)
    if any(one.outcome in accepted and one.ref == decision.ref for one in mine):
        return DecisionState.ACCEPTED
    return DecisionState.UNSEEN if _is_hidden(decision, assessment, found) else DecisionState.DONE


def _is_meant(decision: Decision, finding: "Finding", sku_id: str) -> bool:
    """Whether a finding keeps a decision's line open.

    Of a seat any reason does: who was inactive and then left still holds it. What is set aside has no seats any more,
    and is known by its reference.
    """
    if finding.person.casefold() != decision.person.casefold():
        return False
    shares = () if finding.money is None else finding.money.shares
    if decision.sku and shares:
        return bool(sku_id) and any(share.sku_id == sku_id for share in shares)
    return finding.ref == decision.ref


def _is_hidden(decision: Decision, assessment: "Assessment", found: "Iterable[Finding]") -> bool:
    """Whether something may hide the line: a tenant without an answer, or a doubt of the rule it comes from."""
    from rules.model import Outcome

    if not assessment.tenants or not all(tenant.reached for tenant in assessment.tenants):
        return True
    return any(one.outcome is Outcome.UNKNOWN and one.rule == decision.rule for one in found)
