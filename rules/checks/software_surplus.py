"""software.surplus: rights that are paid for and that nothing uses.

Only what is paid by the year can be saved: one FAIL per line of the position, with the day from which the quantity can
fall and how much of it ends then; rights that end later are given back later, at their own price. A right bought for
good is paid already: its surplus is told (NOT_APPLICABLE), to be used before anything is bought, and no money is called
saved; so is one that no whole pack can be left out for, and one that stays with the machines it was sold with (case
47). Machines that could not be read may need what looks superfluous: then it is UNKNOWN, never a saving (case 68).
Rights that meet nothing are `software.rights_idle`, unless they can be given up.

Texts: `fail` (count), `fail_part` (count of `surplus` that end first, the others on days of their own), `fail_mixed`
(count of `surplus` that end first, the others bought for good, in packs or without a known end), `fail_undated`
(count), `tied` (count), `packed` (count), `kept` (count), `unknown` (count), `pass` (count = lines compared),
`not_applicable`, `remedy`, `remedy_undated`.
Parameters: product, need, owned, surplus, ends_on, unread.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from collectors.feeds.records import Severity
from rules.messages import Params
from rules.model import Finding, Outcome, Priority, PriorityLevel
from rules.software.position import PositionLine, Reduction, Status
from rules.software.rule import EstateCase, EstateRule, finding
from rules.software.wording import is_idle, is_saving, params_of, proof_of, saving_of

ID = "software.surplus"


def check(case: EstateCase) -> Iterable[Finding]:
    """Yield one finding per line with a surplus, or one PASS."""
    found = list(_answers(case))
    if any(answer.outcome is not Outcome.NOT_APPLICABLE for answer in found):
        return found
    compared = sum(line.status is not Status.FREE for line in case.summary.lines)
    return (*found, finding(ID, Outcome.PASS, "pass", params={"count": compared}))


def _answers(case: EstateCase) -> Iterator[Finding]:
    for line in case.summary.lines:
        count = line.gap or 0
        if line.status is not Status.EXCESS or count <= 0:
            continue
        if is_saving(line):
            yield _superfluous(case, line, count, line.reductions[0])
        elif is_idle(case, line):
            continue
        elif line.reductions:
            yield _told(case, line, Outcome.UNKNOWN, "unknown", count)
        elif line.tied >= count:
            yield _told(case, line, Outcome.NOT_APPLICABLE, "tied", count)
        else:
            text = "packed" if line.yearly else "kept"
            yield _told(case, line, Outcome.NOT_APPLICABLE, text, count - line.tied)


def _superfluous(case: EstateCase, line: PositionLine, surplus: int, part: Reduction) -> Finding:
    """The day a right ends is when its quantity can fall, by what ends then; how near that is says how urgent it is."""
    coming = part.on if part.on is not None and part.on >= case.today else None
    near = coming is not None and (coming - case.today).days <= case.contract.software.ends_horizon_days
    return finding(
        ID,
        Outcome.FAIL,
        "fail_undated" if coming is None else _dated_text(line, surplus),
        key=line.key,
        params={**_params(line, part.units, coming), "surplus": surplus},
        severity=Severity.LOW,
        remedy="remedy" if coming else "remedy_undated",
        priority=Priority(level=PriorityLevel.PLAN if near else PriorityLevel.WATCH, score=45.0 if near else 30.0),
        evidence=proof_of(case, line),
        money=saving_of(line, part),
        due_on=coming,
    )


def _dated_text(line: PositionLine, surplus: int) -> str:
    """Whether all of a surplus ends on one day, each part on a day of its own, or a part of it only."""
    parts = line.reductions
    if parts[0].units == surplus:
        return "fail"
    dated = all(part.on is not None for part in parts)
    return "fail_part" if dated and sum(part.units for part in parts) == surplus else "fail_mixed"


def _told(case: EstateCase, line: PositionLine, outcome: Outcome, text: str, count: int) -> Finding:
    return finding(
        ID,
        outcome,
        text,
        key=line.key,
        params=_params(line, count, line.ends_on),
        evidence=proof_of(case, line),
        limited=outcome is Outcome.UNKNOWN,
    )


def _params(line: PositionLine, count: int, ends_on: date | None) -> Params:
    day = None if ends_on is None else ends_on.isoformat()
    return {**params_of(line), "count": count, "ends_on": day, "unread": line.known - line.seen}


RULE = EstateRule(
    id=ID,
    check=check,
    needs_file=True,
    needs_machines=False,  # a machine that was not read can only use more
    applies=lambda case: bool(case.summary.known),
)
