"""software.under_licensed: more is installed or used than was bought, where something was bought at all.

One FAIL per line of the position with a deficit; the deficit is a minimum ("at least") where machines could not be
seen (case 68). What is installed without any right is `software.no_entitlement`. A line nobody can settle, because
facts are missing that nobody declared (the host of a virtual machine, the users behind CALs), is an UNKNOWN of its own
that leaves the run complete: it says what to add. Without a file of rights nothing is called a deficit.

Texts: `fail` (count), `fail_least` (count), both with `_cores`, `unknown`, `pass` (count = lines compared),
`not_applicable`, `remedy`. Parameters: product, need, owned, transferred, installed.
"""

from collections.abc import Iterable, Iterator

from collectors.feeds.records import Severity
from rules.model import Confidence, Finding, Outcome, Priority, PriorityLevel
from rules.software.position import PositionLine, Status
from rules.software.rule import EstateCase, EstateRule, finding
from rules.software.wording import by_unit, cost_of, has_no_right, is_idle, params_of, proof_of

ID = "software.under_licensed"
_PRIORITY = Priority(level=PriorityLevel.PLAN, score=72.0)


def check(case: EstateCase) -> Iterable[Finding]:
    """Yield one FAIL per line with a deficit, one UNKNOWN per line that cannot be settled, or one PASS."""
    found = list(_answers(case))
    if found:
        return found
    compared = sum(line.status is not Status.FREE for line in case.summary.lines)
    return (finding(ID, Outcome.PASS, "pass", params={"count": compared}),)


def _answers(case: EstateCase) -> Iterator[Finding]:
    for line in case.summary.lines:
        if line.status is Status.UNDER and not has_no_right(line):
            yield _short(case, line)
        elif line.status is Status.UNKNOWN and not is_idle(case, line):
            yield finding(
                ID,
                Outcome.UNKNOWN,
                "unknown",
                key=line.key,
                params=params_of(line),
                evidence=proof_of(case, line),
                limited=True,
            )


def _short(case: EstateCase, line: PositionLine) -> Finding:
    count = max(0, -(line.gap or 0))
    return finding(
        ID,
        Outcome.FAIL,
        by_unit("fail_least" if line.at_least else "fail", line),
        key=line.key,
        params={**params_of(line), "count": count},
        severity=Severity.MEDIUM,
        confidence=Confidence.TENTATIVE if line.old else Confidence.FIRM,
        remedy="remedy",
        priority=_PRIORITY,
        evidence=proof_of(case, line),
        money=cost_of(line, count),
    )


RULE = EstateRule(id=ID, check=check, needs_file=True, applies=lambda case: bool(case.summary.known))
