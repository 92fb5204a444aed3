"""software.unrecognized: programs that look commercial and that the table of products does not know.

Nobody can say whether they need a right: neither fine nor missing, so UNKNOWN, told once for the provider, who can name
them. It leaves the run complete: the way of looking reaches no further.

Texts: `unknown` (count = programs), `pass`, `not_applicable`, `remedy`, `evidence` (count = machines). Parameters:
programs, name.
"""

from collections.abc import Iterable

from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.rule import joined
from rules.software.position import Unrecognized
from rules.software.rule import EstateCase, EstateRule, finding
from rules.software.wording import oldest_visit

ID = "software.unrecognized"
_PRIORITY = Priority(level=PriorityLevel.WATCH, score=15.0)
_NAMED, _LISTED = 5, 200


def check(case: EstateCase) -> Iterable[Finding]:
    """Yield one UNKNOWN that lists them all, or one PASS."""
    programs = sorted(case.summary.unrecognized, key=lambda one: (-len(one.devices), one.name.casefold()))
    if not programs:
        return (finding(ID, Outcome.PASS, "pass"),)
    params: Params = {"count": len(programs), "programs": joined((one.name for one in programs), _NAMED)}
    return (
        finding(
            ID,
            Outcome.UNKNOWN,
            "unknown",
            params=params,
            confidence=Confidence.TENTATIVE,
            remedy="remedy",
            priority=_PRIORITY,
            evidence=tuple(_proof(case, one) for one in programs[:_LISTED]),
            limited=True,
        ),
    )


def _proof(case: EstateCase, program: Unrecognized) -> Evidence:
    params: Params = {"name": program.name, "count": len(program.devices)}
    return Evidence(
        what=Message(text=f"rules.{ID}.evidence", params=params),
        seen=" · ".join(part for part in (joined(program.versions, 3), joined(program.devices)) if part),
        source=program.publisher,
        as_of=oldest_visit(case, program.devices),
    )


RULE = EstateRule(id=ID, check=check, applies=lambda case: bool(case.summary.known))
