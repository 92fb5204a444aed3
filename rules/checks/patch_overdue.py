"""patch.overdue: fixes that are past the deadline the client was promised.

One FAIL per host, so that a manager reads one line and not forty; the evidence names every late fix with its own
deadline. A fixed kernel that waits for a reboot is late like a fix that is not installed. A fix whose release nobody
dated has no deadline: with nothing late beside it, the answer is UNKNOWN.

Texts: `fail` (count), `undated` (count), `pass`, `remedy`, `remedy_reboot`. Parameters of `fail`: count (late fixes),
packages (the latest first, at most six), days_late (of the oldest), due_on (the earliest), undated_count.
"""

from collections.abc import Iterable
from datetime import date
from operator import itemgetter
from typing import NamedTuple

from collectors.feeds.records import Severity
from collectors.model import FactKind
from rules.deadlines import Deadline
from rules.model import Evidence, Finding, Message, Outcome, Params, PatchState, Priority, PriorityLevel
from rules.priority import worst
from rules.proof import deadline_for, priority_for, sight_of
from rules.remedies import manager_of, package_command
from rules.rule import Case, FeedRole, Rule, finding, joined
from rules.verdicts import PatchVerdict

ID = "patch.overdue"


class _Fix(NamedTuple):
    """One open fix, the same for all hosts that are equally exposed; sorts by due day and name."""

    due_on: date
    package: str
    deadline: Deadline | None
    verdict: PatchVerdict
    severity: Severity
    priority: Priority
    proof: Evidence | None


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL for all late fixes, one UNKNOWN when only undated ones are open, else one PASS."""
    fixes = _fixes(case)
    today = case.today
    late = sorted((fix for fix in fixes if fix.due_on < today), key=itemgetter(0, 1))
    undated = [fix for fix in fixes if fix.deadline is None]
    if late:
        yield _late(case, late, len(undated))
    elif undated:
        params: Params = {"count": len(undated), "packages": joined(fix.package for fix in undated)}
        yield finding(ID, case, Outcome.UNKNOWN, "undated", params=params)
    else:
        yield finding(ID, case, Outcome.PASS, "pass", params={"count": len(fixes)})


def _fixes(case: Case) -> list[_Fix]:
    exposure = case.snapshot.target.exposure
    sight = sight_of(case)
    table = case.table((ID, exposure))
    fixes = []
    for verdict in case.verdicts_in(PatchState.MISSING, PatchState.REBOOT_PENDING):
        known = table.get(id(verdict))
        if known is None:
            deadline = deadline_for(case, verdict)
            due_on = date.max if deadline is None else deadline.due_on
            priority = priority_for(case, verdict, exposure, sight)
            proof = None if deadline is None else _proof(case, deadline, verdict)
            fix = _Fix(due_on, verdict.package, deadline, verdict, verdict.severity, priority, proof)
            known = table[id(verdict)] = (verdict, fix)
        fixes.append(known[1])
    return fixes


def _late(case: Case, late: list[_Fix], undated: int) -> Finding:
    earliest = late[0]
    days_late = (case.today - earliest.due_on).days
    reboots = all(fix.verdict.state is PatchState.REBOOT_PENDING for fix in late)
    most = max((fix.priority for fix in late), key=lambda priority: priority.score)
    reason = Message(text="rules.priority.overdue", params={"count": days_late})
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail",
        params={
            "count": len(late),
            "packages": joined(fix.package for fix in late),
            "days_late": days_late,
            "due_on": earliest.due_on.isoformat(),
            "undated_count": undated,
        },
        severity=worst({fix.severity for fix in late}),
        state=PatchState.REBOOT_PENDING if reboots else PatchState.MISSING,
        remedy=_remedy(case, [fix.verdict for fix in late]),
        # a broken promise is always for now; the most urgent of the late fixes gives the order and the reasons
        priority=Priority(level=PriorityLevel.NOW, score=most.score, reasons=(reason, *most.reasons)),
        evidence=tuple([fix.proof for fix in late if fix.proof is not None]),
        released_on=None if earliest.deadline is None else earliest.deadline.released_on,
        due_on=earliest.due_on,
    )


def _proof(case: Case, deadline: Deadline, verdict: PatchVerdict) -> Evidence:
    advisory = case.knowledge.advisories.get(deadline.advisory)
    feed = None if advisory is None else case.knowledge.feeds.get(advisory.feed)
    return Evidence(
        what=deadline.words,
        seen=f"{verdict.package} {verdict.installed_version}",
        expected=f"{verdict.package} {verdict.fixed_version}",
        source=deadline.advisory if feed is None else f"{feed.title} {deadline.advisory}",
        url="" if advisory is None else advisory.url,
        as_of=None if feed is None else feed.published_at or feed.checked_at,
    )


def _remedy(case: Case, late: list[PatchVerdict]) -> Message:
    to_install = [verdict for verdict in late if verdict.state is PatchState.MISSING]
    if not to_install:
        return Message(text=f"rules.{ID}.remedy_reboot", params={"command": "systemctl reboot"})
    names = sorted({package.name for verdict in to_install for package in verdict.packages})
    if any(verdict.kernel for verdict in to_install) and manager_of(case.snapshot) == "apt":
        command = "apt-get dist-upgrade"
    else:
        command = package_command(manager_of(case.snapshot), names)
    return Message(text=f"rules.{ID}.remedy", params={"command": command})


RULE = Rule(
    id=ID,
    needs=(FactKind.OPERATING_SYSTEM, FactKind.PACKAGES, FactKind.KERNELS),
    feeds=(FeedRole.ADVISORIES, FeedRole.KEV),
    check=check,
)
