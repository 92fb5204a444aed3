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
from decimal import Decimal
from typing import Final

from reports.decided import Pending
from reports.licenses import Licenses, combined
from reports.software import is_about_software
from reports.view import (
    COVERAGE_RULE,
    EXPLOITED_RULE,
    MISSING_RULE,
    OVERDUE_RULE,
    SUPPORT_RULE,
    View,
    exploited,
    late_days,
)
from rules.decisions import Choice
from rules.model import Finding, Outcome, PatchState, PriorityLevel
from rules.prices import Money

_LEVELS: Final = {level: rank for rank, level in enumerate(PriorityLevel)}
# What is to be done about a failed check, by the state of the fix; a state outside this table speaks for its rule.
_KINDS: Final = {
    PatchState.REBOOT_PENDING: "reboot",
    PatchState.PRO_REQUIRED: "subscribe",
}
# What to do about a Windows whose support ended or ends, by what the rule about it advises.
_SUPPORT_KINDS: Final = {
    "remedy_windows_10": "windows_10",
    "remedy_windows_10_extended": "windows_10",
    "remedy_windows_update": "windows_11",
}
_CLIENT_DECIDES: Final = frozenset(
    {
        *("subscribe", "migrate", "windows_10", "inactive", "never_active", "guests", "unassigned", "under_licensed"),
        *("mailbox_plans", "activations", "downgrade"),
        *("software_under", "software_surplus", "software_unpaid", "software_ending", "waiver_ending"),
        "software_no_file",
        *("m365.grace_ending", "m365.suspended_seats", "m365.trial_ending", "m365.renewal_decision", "m365.seat_limit"),
    }
)
_BOTH_DECIDE: Final = frozenset(
    {"leavers", "mailboxes", "redundant", "shared_hosts", "m365.device_licenses", "software_check", "software_idle"}
    | {"software_kms"}
)
_EXPLOITED_KINDS: Final = frozenset({"install_exploited", "windows_exploited", "programs_exploited"})
_FIXES: Final = frozenset({MISSING_RULE, EXPLOITED_RULE})
_WINDOWS_TEXT: Final = f"rules.{MISSING_RULE}.fail_windows"
# Rules whose findings on many machines are one thing to do, whatever their state.
_RULE_KINDS: Final = {
    EXPLOITED_RULE: "programs_exploited",
    "application.end_of_support": "programs",
    "updates.hidden_by_wsus": "wsus",
    "software.unwanted": "software_unwanted",
    "m365.disabled_users": "leavers",
    "m365.inactive_users": "inactive",
    "m365.never_active_users": "never_active",
    "m365.guest_licenses": "guests",
    "m365.redundant_licenses": "redundant",
    "m365.downgrade_candidates": "downgrade",
    "m365.unassigned_seats": "unassigned",
    "m365.under_licensed": "under_licensed",
    "m365.office_activations": "activations",
    "m365.office_shared_hosts": "shared_hosts",
    "m365.assignment_errors": "assignments",
}
# Rules about installed software as a whole and about waivers: no machine is their subject.
_ESTATE_KINDS: Final = {
    "software.under_licensed": "software_under",
    "software.surplus": "software_surplus",
    "software.to_check": "software_check",
    "software.no_entitlement": "software_unpaid",
    "software.rights_ending": "software_ending",
    "software.rights_idle": "software_idle",
    "software.unrecognized": "software_unrecognized",
    "waiver.ending": "waiver_ending",
    "waiver.orphaned": "waiver_orphaned",
}
_WAIVER_RULES: Final = "waiver."
_ACTIVATION_RULE: Final = "software.activation"
_FOREIGN_ACTIVATION: Final = "kms"  # the key of a finding about who activated, not about what is not activated
# One product is one decision, whose finding has a reference of its own.
_BY_PRODUCT: Final = frozenset({"software.under_licensed", "software.surplus", "software.rights_ending"})
_UNPAID_RULE: Final = "software.no_entitlement"
_MAILBOX_RULE: Final = "m365.mailbox_licenses"
_MAILBOX_TOO_MUCH: Final = frozenset({"unneeded", "unneeded_room", "signed_in"})
# Each of their findings is a decision of its own, with its own day.
ONE_BY_ONE: Final = frozenset(
    {"m365.grace_ending", "m365.suspended_seats", "m365.trial_ending", "m365.renewal_decision", "m365.device_licenses"}
)
AUDIT: Final = "audit"
SEE: Final = "see"
TENANT: Final = "tenant"
SEE_TENANT: Final = "see_tenant"
SEE_SOFTWARE: Final = "software_see"
NO_FILE: Final = "software_no_file"
_UNANSWERED: Final = frozenset({SEE, SEE_TENANT, SEE_SOFTWARE, NO_FILE})
# Who acts on what the client decided.
_DECIDED_OWNERS: Final = {Choice.REMOVE: "provider", Choice.DISCUSS: "both", Choice.KEEP: "client"}
_Key = tuple[PriorityLevel, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do on some machines. `kind` is a text table below `actions`, or "" for what only its rule can word.

    `ref` is the finding's own reference when there is one finding, else a reference of the group that stays the same
    from month to month ("A-" and eight hexadecimal digits). `owner` is "provider", "client" or "both". `money` is what
    its findings are worth together, None where they are about no seats; `tenant` tells that it is about Microsoft 365,
    `estate` that it is about installed software as a whole or a waiver: `machines` are then those that have it.
    `decided` tells that the client has answered already, and what: it is to be done, not to be asked again.
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
    money: Money | None = None
    tenant: bool = False
    estate: bool = False
    decided: Pending | None = None


def actions(view: View) -> tuple[Action, ...]:
    """All actions, from the most to the least urgent. What a waiver accepts asks nothing of anybody."""
    groups: defaultdict[_Key, list[Finding]] = defaultdict(list)
    for level, kind, rule, finding in (*_machines(view), *_tenants(view.licenses), *_estate(view)):
        groups[level, kind, rule, finding.key if _is_alone(finding) else _decided(view, finding)].append(finding)
    found = [_action(view, key, findings) for key, findings in groups.items()]
    return tuple(sorted(found, key=_order))


def _machines(view: View) -> Iterator[tuple[PriorityLevel, str, str, Finding]]:
    """Give each finding about a machine that needs something done its group."""
    audited = {machine.name for machine in view.machines if machine.summary.reached}
    # A machine's late fixes are told once: with its missing patches, which carry their deadlines.
    listed = {finding.subject for finding in view.missing if finding.rule == MISSING_RULE}
    told: set[str] = set()
    for finding in view.assessment.findings:
        if finding.subject in view.licenses.names or finding.waiver is not None or _is_estate(finding):
            continue
        if finding.subject and finding.subject not in audited:
            if finding.subject not in told:  # every rule is unknown there; it is one thing to do
                told.add(finding.subject)
                yield _at_least_planned(_level(finding, PriorityLevel.NOW)), AUDIT, COVERAGE_RULE, finding
        elif finding.outcome is Outcome.UNKNOWN:
            yield PriorityLevel.NONE, SEE, "", finding  # one action, as urgent as its most urgent finding
        elif finding.outcome is Outcome.FAIL and not (finding.rule == OVERDUE_RULE and finding.subject in listed):
            kind = _kind(finding)
            # Past its deadline a fix is as urgent as the rule about deadlines says, however mild the flaw.
            late = finding.rule in _FIXES and late_days(finding, view.day) > 0
            level = PriorityLevel.NOW if late else _level(finding, PriorityLevel.WATCH)
            yield level, kind, "" if kind else finding.rule, finding


def _tenants(licenses: Licenses) -> Iterator[tuple[PriorityLevel, str, str, Finding]]:
    """Give each finding about Microsoft 365 that needs something done its group."""
    reached = {tenant.target.name for tenant in licenses.reached}
    told: set[str] = set()
    for finding in licenses.findings:
        if finding.waiver is not None:
            continue
        if finding.subject not in reached:
            if finding.subject not in told:
                told.add(finding.subject)
                yield _at_least_planned(_level(finding, PriorityLevel.NOW)), TENANT, "", finding
        elif finding.outcome is Outcome.UNKNOWN:
            if not finding.limited:  # what waits for machines is told with them: there is no right to be granted
                yield PriorityLevel.NONE, SEE_TENANT, "", finding
        elif finding.outcome is Outcome.FAIL:
            kind = _kind(finding)
            yield _level(finding, PriorityLevel.WATCH), kind, "" if kind else finding.rule, finding


def _estate(view: View) -> Iterator[tuple[PriorityLevel, str, str, Finding]]:
    """Give each finding about installed software as a whole, or about a waiver, its group."""
    for finding in view.assessment.findings:
        if not _is_estate(finding) or finding.waiver is not None:
            continue
        if finding.outcome is Outcome.UNKNOWN:
            no_file = finding.rule == _UNPAID_RULE and not view.software.declared
            yield PriorityLevel.NONE, NO_FILE if no_file else SEE_SOFTWARE, "", finding
        elif finding.outcome is Outcome.FAIL:
            kind = _ESTATE_KINDS.get(finding.rule, "")
            if finding.rule == _UNPAID_RULE and _is_alone(finding):
                kind = "software_under"
            yield _level(finding, PriorityLevel.WATCH), kind, "" if kind else finding.rule, finding


def _decided(view: View, finding: Finding) -> str:
    """What the client decided about all lines of a finding; "" where it is still asked."""
    pending = view.licenses.decided.of_finding(finding) if finding.outcome is Outcome.FAIL else None
    return "" if pending is None else pending.choice.value


def _is_alone(finding: Finding) -> bool:
    """Whether a finding is an action of its own: a decision about one product, with its own day or amount."""
    if finding.rule == _UNPAID_RULE:
        return finding.outcome is Outcome.FAIL and finding.money is not None and finding.money.priced
    return finding.rule in ONE_BY_ONE or (finding.rule in _BY_PRODUCT and finding.outcome is Outcome.FAIL)


def _is_estate(finding: Finding) -> bool:
    return is_about_software(finding) or finding.rule.startswith(_WAIVER_RULES)


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
    if finding.rule in _RULE_KINDS:
        return _RULE_KINDS[finding.rule]
    if finding.rule == _ACTIVATION_RULE:
        return "software_kms" if finding.key == _FOREIGN_ACTIVATION else "software_activation"
    if finding.rule == _MAILBOX_RULE:
        return "mailboxes" if finding.message.text.rpartition(".")[2] in _MAILBOX_TOO_MUCH else "mailbox_plans"
    if finding.state is PatchState.MISSING and finding.rule == MISSING_RULE:
        kind = "windows" if monthly(finding) is not None else "install"
        return f"{kind}_exploited" if exploited(finding) else kind
    if finding.rule == SUPPORT_RULE:
        advice = "" if finding.remedy is None else finding.remedy.text.rpartition(".")[2]
        return _SUPPORT_KINDS.get(advice, "migrate")
    return _KINDS.get(finding.state, "")


def monthly(finding: Finding) -> date | None:
    """The day the cumulative update of Windows was released that a finding asks for; None for all other fixes."""
    released = finding.message.params.get("remedy_on")
    if not finding.message.text.startswith(_WINDOWS_TEXT) or not isinstance(released, str):
        return None
    return date.fromisoformat(released)


def _action(view: View, key: _Key, findings: list[Finding]) -> Action:
    level, kind, rule, apart = key
    answers = [pending for finding in findings if (pending := view.licenses.decided.of_finding(finding)) is not None]
    decided = min(answers, key=lambda one: one.since) if apart and len(answers) == len(findings) else None
    ref = findings[0].ref if len(findings) == 1 else group_ref(level, kind, f"{rule}\0{apart}" if decided else rule)
    if kind in _UNANSWERED:
        level = min((_level(finding, _doubt(finding)) for finding in findings), key=_LEVELS.__getitem__)
    due = [finding.due_on for finding in findings if finding.due_on is not None]
    estate = _is_estate(findings[0])
    return Action(
        ref=ref,
        kind=kind,
        rule=rule or findings[0].rule,
        level=level,
        owner=_owner(kind or rule) if decided is None else _DECIDED_OWNERS[decided.choice],
        findings=tuple(findings),
        machines=view.software.devices_of(findings) if estate else tuple(dict.fromkeys(f.subject for f in findings)),
        due_on=min(due, default=None),
        overdue=sum(late_days(finding, view.day) > 0 for finding in findings),
        money=combined(findings),
        tenant=findings[0].subject in view.licenses.names,
        estate=estate,
        decided=decided,
    )


def _owner(what: str) -> str:
    if what in _CLIENT_DECIDES:
        return "client"
    return "both" if what in _BOTH_DECIDE else "provider"


def is_about_waivers(action: Action) -> bool:
    """Whether an action is about what the client accepted for a time."""
    return action.findings[0].rule.startswith(_WAIVER_RULES)


def is_exploited(action: Action) -> bool:
    """Whether an action closes flaws that attackers are known to use."""
    return action.kind in _EXPLOITED_KINDS


def group_ref(level: PriorityLevel, kind: str, rule: str) -> str:
    """Reference of a group of findings, the same every month."""
    digest = hashlib.sha256("\0".join((level.value, kind, rule)).encode()).hexdigest()
    return f"A-{digest[:8].upper()}"


def _order(action: Action) -> tuple[int, float, Decimal, str, str]:
    best = max(finding.priority.score for finding in action.findings)
    worth = Decimal(0) if action.money is None else action.money.monthly + action.money.cost + action.money.once
    return (_LEVELS[action.level], -best, -worth, action.kind, action.rule)
