"""software.no_entitlement: software a company must pay for is installed, and no right to it is known (case 63).

That a program is paid for companies is known of the product, not of this copy: "free for private use" needs a right in
a company, unless the client's file decides otherwise. One FAIL per line of the position without any right: the proof
may be missing in the file rather than the license, so the remedy asks for it first. Where a key in use, a user's
subscription or access licenses leave a question, `software.to_check` asks it; a right that is over or has not begun
leaves a deficit (`software.under_licensed`). Where the client has no file of
rights at all, that is said once, with the products it is about; it leaves the run complete, and nothing is called
missing.

Texts: `fail` (count), `fail_least` (count), both with `_cores`, `no_file` (count = products), `pass` (count = lines
compared), `not_applicable`, `remedy`, `remedy_no_file`, `evidence_no_file`. Parameters: product, installed, products.
"""

from collections.abc import Iterable

from collectors.feeds.records import Severity
from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.rule import joined
from rules.software.position import PositionLine, Status
from rules.software.rule import EstateCase, EstateRule, finding
from rules.software.wording import by_unit, cost_of, is_paid, is_without_right, params_of, proof_of, title_of

ID = "software.no_entitlement"
_PRIORITY = Priority(level=PriorityLevel.PLAN, score=65.0)
_NO_FILE = Priority(level=PriorityLevel.WATCH, score=40.0)
_LISTED = 60
_SETTLED = (Status.OK, Status.EXCESS, Status.FREE)


def check(case: EstateCase) -> Iterable[Finding]:
    """Yield one FAIL per line without any right; without a file of rights one UNKNOWN; or one PASS."""
    if not case.summary.declared:
        return (_no_file(case, _undeclared(case)),)
    lines = [line for line in case.summary.lines if is_without_right(line)]
    if lines:
        return [_fail(case, line) for line in lines]
    compared = sum(line.status is not Status.FREE for line in case.summary.lines)
    return (finding(ID, Outcome.PASS, "pass", params={"count": compared}),)


def _undeclared(case: EstateCase) -> list[PositionLine]:
    """Lines that would be compared if it were known what was bought."""
    return [line for line in case.summary.lines if line.status not in _SETTLED and is_paid(line)]


def _applies(case: EstateCase) -> bool:
    return bool(case.summary.known) and (case.summary.declared or bool(_undeclared(case)))


def _fail(case: EstateCase, line: PositionLine) -> Finding:
    count = max(0, -(line.gap or 0)) or line.required or line.installed
    return finding(
        ID,
        Outcome.FAIL,
        by_unit("fail_least" if line.at_least else "fail", line),
        key=line.key,
        params={**params_of(line), "count": count},
        severity=Severity.MEDIUM,
        confidence=Confidence.FIRM if line.status is Status.UNDER else Confidence.TENTATIVE,
        remedy="remedy",
        priority=_PRIORITY,
        evidence=proof_of(case, line),
        money=cost_of(line, count),
    )


def _no_file(case: EstateCase, lines: list[PositionLine]) -> Finding:
    names = sorted({title_of(line) for line in lines}, key=str.casefold)
    params: Params = {"count": len(names), "products": joined(names)}
    what = Message(text=f"rules.{ID}.evidence_no_file")
    return finding(
        ID,
        Outcome.UNKNOWN,
        "no_file",
        params=params,
        remedy="remedy_no_file",
        priority=_NO_FILE,
        evidence=(Evidence(what=what, seen=joined(names, _LISTED), as_of=case.as_of),),
        limited=True,
    )


RULE = EstateRule(id=ID, check=check, applies=_applies)
