"""patch.overdue: fixes that are past the deadline the client was promised.

One FAIL per host, so that a manager reads one line and not forty; the evidence names every late fix with its own
deadline. A fixed kernel that waits for a reboot is late like a fix that is not installed.

A fix whose release nobody dated has no deadline: it is never late and never in time, and told apart as UNKNOWN (key
"undated"). So is a security update that only the machine's own updater knows, unless an advisory it names is dated. A
fix that may or may not be owed (`rules.rulings.Doubt`) may be late as well: UNKNOWN, key "undecided".

Texts: `fail` (count), `undated` (count), `undecided` and `undecided_windows` (count), `pass`, `remedy`,
`remedy_reboot`, `remedy_windows` (updates). Parameters of `fail`: count (late fixes), packages (the latest first, at
most six), days_late (of the oldest), due_on (the earliest), undated_count.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from operator import itemgetter
from typing import NamedTuple

from collectors.feeds.records import Severity
from collectors.model import FactKind
from rules.crosscheck import updater_of
from rules.deadlines import Deadline, deadline_of
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, PatchState, Priority, PriorityLevel
from rules.priority import priority_of, threat_of, worst
from rules.proof import deadline_for, priority_for, sight_of
from rules.remedies import manager_of, package_command, reboot_command
from rules.rule import WINDOWS_PRODUCTS, Case, FeedRole, Rule, finding, joined
from rules.verdicts import PatchVerdict

ID = "patch.overdue"


class _Fix(NamedTuple):
    """One open fix, the same for all hosts that are equally exposed; sorts by due day and name."""

    due_on: date
    package: str
    deadline: Deadline | None
    seen: str
    expected: str
    names: tuple[str, ...]
    state: PatchState
    severity: Severity
    priority: Priority
    kernel: bool = False
    proof: Evidence | None = None


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL for all late fixes, one UNKNOWN for all undated and one for all doubtful ones, or one PASS."""
    fixes = _fixes(case)
    fixes.extend(_theirs(case))
    today = case.today
    late = sorted((fix for fix in fixes if fix.due_on < today), key=itemgetter(0, 1))
    undated = [fix for fix in fixes if fix.deadline is None]
    if late:
        yield _late(case, late, len(undated))
    if undated:
        yield _undated(case, undated)
    doubtful = case.verdicts_in(PatchState.UNKNOWN)
    undecided = sorted({verdict.label for verdict in doubtful})
    if undecided:
        params: Params = {"count": len(undecided), "packages": joined(undecided)}
        text = "undecided_windows" if case.is_windows else "undecided"
        found = finding(ID, case, Outcome.UNKNOWN, text, key="undecided", params=params)
        yield replace(found, beside=all(verdict.is_beside for verdict in doubtful))
    if not late and not undated and not undecided:
        yield finding(ID, case, Outcome.PASS, "pass", params={"count": len(fixes)})


def _undated(case: Case, undated: list[_Fix]) -> Finding:
    return finding(
        ID,
        case,
        Outcome.UNKNOWN,
        "undated",
        key="undated",
        params={"count": len(undated), "packages": joined(fix.package for fix in undated)},
        evidence=tuple(
            Evidence(what=Message(text="rules.evidence.undated"), seen=fix.seen, expected=fix.expected)
            for fix in undated
        ),
    )


def _theirs(case: Case) -> Iterable[_Fix]:
    """Security updates only the updater knows; what it offers has a date where an advisory of ours bears its name."""
    for unmatched in updater_of(case).only_theirs():
        known = unmatched.known(case.knowledge)
        deadline = deadline_of(known, case.contract.sla, case.knowledge)
        severity = worst(advisory.severity for advisory in known)
        cves = tuple(sorted({cve for advisory in known for cve in advisory.cves}))
        threat = threat_of(cves, case.knowledge)
        yield _Fix(
            due_on=date.max if deadline is None else deadline.due_on,
            package=unmatched.package,
            deadline=deadline,
            seen=f"{unmatched.package} {unmatched.installed_version}".strip(),
            expected=f"{unmatched.package} {unmatched.offered}" if unmatched.names else unmatched.offered,
            names=unmatched.names or (unmatched.offered,),
            state=PatchState.MISSING,
            severity=severity,
            priority=priority_of(threat, severity, case.snapshot.target.exposure, sight_of(case)),
        )


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
            fix = _Fix(
                due_on=due_on,
                package=verdict.label,
                deadline=deadline,
                seen=f"{verdict.label} {verdict.installed_version}",
                expected=f"{verdict.label} {verdict.fixed_version}".strip(),
                names=tuple(sorted({package.name for package in verdict.packages})) or (_to_install(verdict),),
                state=verdict.state,
                severity=verdict.severity,
                priority=priority,
                kernel=verdict.kernel,
            )
            if deadline is not None:
                fix = fix._replace(proof=_proof(case, deadline, fix))
            known = table[id(verdict)] = (verdict, fix)
        fixes.append(known[1])
    return fixes


def _to_install(verdict: PatchVerdict) -> str:
    """What installs the fix of one of Microsoft's products: its KB, else the version."""
    return verdict.remedy or f"{verdict.label} {verdict.fixed_version}"


def _late(case: Case, late: list[_Fix], undated: int) -> Finding:
    earliest = late[0]
    days_late = (case.today - earliest.due_on).days
    reboots = all(fix.state is PatchState.REBOOT_PENDING for fix in late)
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
        remedy=_remedy(case, late),
        # a broken promise is always for now; the most urgent of the late fixes gives the order and the reasons
        priority=Priority(level=PriorityLevel.NOW, score=most.score, reasons=(reason, *most.reasons)),
        evidence=tuple([fix.proof or _proof(case, fix.deadline, fix) for fix in late if fix.deadline is not None]),
        released_on=None if earliest.deadline is None else earliest.deadline.released_on,
        due_on=earliest.due_on,
    )


def _proof(case: Case, deadline: Deadline, fix: _Fix) -> Evidence:
    advisory = case.knowledge.advisories.get(deadline.advisory)
    feed = None if advisory is None else case.knowledge.feeds.get(advisory.feed)
    return Evidence(
        what=deadline.words,
        seen=fix.seen,
        expected=fix.expected,
        source=deadline.advisory if feed is None else f"{feed.title} {deadline.advisory}",
        url="" if advisory is None else advisory.url,
        as_of=None if feed is None else feed.published_at or feed.checked_at,
    )


def _remedy(case: Case, late: list[_Fix]) -> Message:
    to_install = [fix for fix in late if fix.state is PatchState.MISSING]
    if not to_install:
        return Message(text=f"rules.{ID}.remedy_reboot", params={"command": reboot_command(case)})
    names = sorted({name for fix in to_install for name in fix.names if name})
    if case.is_windows:
        return Message(text=f"rules.{ID}.remedy_windows", params={"updates": joined(names)})
    if any(fix.kernel for fix in to_install) and manager_of(case.snapshot) == "apt":
        command = "apt-get dist-upgrade"
    else:
        command = package_command(manager_of(case.snapshot), names)
    return Message(text=f"rules.{ID}.remedy", params={"command": command})


RULE = Rule(
    id=ID,
    needs=(FactKind.OPERATING_SYSTEM, FactKind.PACKAGES, FactKind.KERNELS),
    needs_on_windows=WINDOWS_PRODUCTS,
    feeds=(FeedRole.ADVISORIES, FeedRole.KEV),
    check=check,
)
