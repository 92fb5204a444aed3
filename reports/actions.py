"""The action plan: similar findings on many machines as one thing to do.

A manager decides about "install the security updates on 4 machines", not about four hundred packages. Findings are put
together by what has to be done and by when; the sheets behind list each of them. A rule this module has never heard of
still yields an action: its own title, impact and remedy are shown.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from reports.view import COVERAGE_RULE, MISSING_RULE, OVERDUE_RULE, SUPPORT_RULE, View, exploited, late_days
from rules.model import Finding, Outcome, PatchState, PriorityLevel

_LEVELS: Final = {level: rank for rank, level in enumerate(PriorityLevel)}
# What is to be done about a failed check, by the state of the fix; a state outside this table speaks for its rule.
_KINDS: Final = {
    PatchState.REBOOT_PENDING: "reboot",
    PatchState.PRO_REQUIRED: "subscribe",
}
_CLIENT_DECIDES: Final = frozenset({"subscribe", "migrate"})
AUDIT: Final = "audit"
SEE: Final = "see"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do on some machines. `kind` is a text table below `actions`, or "" for what only its rule can word.

    `ref` is the finding's own reference when there is one finding, else a reference of the group that stays the same
    from month to month ("A-" and eight hexadecimal digits). `owner` is "provider", "client" or "both".
    """

    ref: str
    kind: str
    rule: str
    level: PriorityLevel
    owner: str
    findings: tuple[Finding, ...]
    machines: tuple[str, ...]
    due_on: date | None
    overdue: int


def actions(view: View) -> tuple[Action, ...]:
    """All actions, from the most to the least urgent."""
    groups: defaultdict[tuple[PriorityLevel, str, str], list[Finding]] = defaultdict(list)
    for level, kind, rule, finding in _sorted_out(view):
        groups[level, kind, rule].append(finding)
    found = [_action(view, key, findings) for key, findings in groups.items()]
    return tuple(sorted(found, key=_order))


def _sorted_out(view: View) -> Iterator[tuple[PriorityLevel, str, str, Finding]]:
    """Give each finding that needs something done its group."""
    audited = {machine.name for machine in view.machines if machine.summary.reached}
    # A machine's late fixes are told once: with its missing patches, which carry their deadlines.
    listed = {finding.subject for finding in view.missing}
    told: set[str] = set()
    for finding in view.assessment.findings:
        if finding.subject and finding.subject not in audited:
            if finding.subject not in told:  # every rule is unknown there; it is one thing to do
                told.add(finding.subject)
                yield _at_least_planned(_level(finding, PriorityLevel.NOW)), AUDIT, COVERAGE_RULE, finding
        elif finding.outcome is Outcome.UNKNOWN:
            yield PriorityLevel.NONE, SEE, "", finding  # one action, as urgent as its most urgent finding
        elif finding.outcome is Outcome.FAIL and not (finding.rule == OVERDUE_RULE and finding.subject in listed):
            kind = _kind(finding)
            # Past its deadline a fix is as urgent as the rule about deadlines says, however mild the flaw.
            late = finding.rule == MISSING_RULE and late_days(finding, view.day) > 0
            level = PriorityLevel.NOW if late else _level(finding, PriorityLevel.WATCH)
            yield level, kind, "" if kind else finding.rule, finding


def _level(finding: Finding, otherwise: PriorityLevel) -> PriorityLevel:
    level = finding.priority.level
    return otherwise if level is PriorityLevel.NONE else level


def _at_least_planned(level: PriorityLevel) -> PriorityLevel:
    """A machine nobody looked at, because the run was stopped for instance, is never just something to watch."""
    return min(level, PriorityLevel.PLAN, key=_LEVELS.__getitem__)


def _doubt(finding: Finding) -> PriorityLevel:
    """How urgent a doubt is that no rule rated: missing patches are what the report is about."""
    return PriorityLevel.PLAN if finding.rule == MISSING_RULE else PriorityLevel.WATCH


def _kind(finding: Finding) -> str:
    if finding.state is PatchState.MISSING and finding.rule == MISSING_RULE:
        return "install_exploited" if exploited(finding) else "install"
    if finding.rule == SUPPORT_RULE:
        return "migrate"
    return _KINDS.get(finding.state, "")


def _action(view: View, key: tuple[PriorityLevel, str, str], findings: list[Finding]) -> Action:
    level, kind, rule = key
    ref = findings[0].ref if len(findings) == 1 else group_ref(level, kind, rule)
    if kind == SEE:
        level = min((_level(finding, _doubt(finding)) for finding in findings), key=_LEVELS.__getitem__)
    due = [finding.due_on for finding in findings if finding.due_on is not None]
    return Action(
        ref=ref,
        kind=kind,
        rule=rule or findings[0].rule,
        level=level,
        owner="client" if kind in _CLIENT_DECIDES else "provider",
        findings=tuple(findings),
        machines=tuple(dict.fromkeys(finding.subject for finding in findings)),
        due_on=min(due, default=None),
        overdue=sum(late_days(finding, view.day) > 0 for finding in findings),
    )


def group_ref(level: PriorityLevel, kind: str, rule: str) -> str:
    """Reference of a group of findings, the same every month."""
    digest = hashlib.sha256("\0".join((level.value, kind, rule)).encode()).hexdigest()
    return f"A-{digest[:8].upper()}"


def _order(action: Action) -> tuple[int, float, str, str]:
    best = max(finding.priority.score for finding in action.findings)
    return (_LEVELS[action.level], -best, action.kind, action.rule)
