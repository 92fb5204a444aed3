"""What the client decided already and nobody has done yet: shown beside what it is about until it is gone.

A decision is about one product of one person, whatever the reason it is asked for by now.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from rules.decisions import Choice, Decision, DecisionState, DecisionUse
from rules.model import Finding

_PENDING: Final = frozenset({DecisionState.OPEN, DecisionState.UNSEEN})


@dataclass(frozen=True, slots=True)
class Pending:
    """What is to be done about some findings: `choice` REMOVE or DISCUSS, decided (first) on a day."""

    choice: Choice
    since: date


class Decided:
    """The things to do of one assessment."""

    def __init__(self, uses: Iterable[DecisionUse]) -> None:
        pending = [use for use in uses if use.state in _PENDING]
        self._seats = {(use.decision.person.casefold(), use.sku_id): use.decision for use in pending if use.sku_id}
        self._others = {use.decision.ref: use.decision for use in pending if not use.decision.sku}

    def of_line(self, finding: Finding, sku_id: str = "") -> Decision | None:
        """What was decided about one line: a product of the person a finding is about, or the finding itself.

        What was decided about a finding that named no seat yet holds for each it names by now.
        """
        seat = self._seats.get((finding.person.casefold(), sku_id)) if sku_id else None
        return seat or self._others.get(finding.ref)

    def of_finding(self, finding: Finding) -> Pending | None:
        """What was decided about all lines of a finding; None while any of them is still to be decided."""
        shares = () if finding.money is None else finding.money.shares
        lines = [self.of_line(finding, share.sku_id) for share in shares] or [self.of_line(finding)]
        decided = [one for one in lines if one is not None]
        if not finding.person or len(decided) < len(lines):
            return None
        choices = {one.choice for one in decided}
        choice = Choice.DISCUSS if Choice.DISCUSS in choices else Choice.REMOVE
        return Pending(choice, min(one.decided_on for one in decided))
