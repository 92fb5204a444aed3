"""Asks every rule about a Microsoft 365 tenant, by the same law as `rules.engine`: silence is never an answer.

A PASS that rests on a gap becomes UNKNOWN and names the permission that is missing; a FAIL stays a FAIL, and beside it
stands an UNKNOWN when more could be hidden. Then the client's exceptions are marked, every seat is counted once, and
the rules that weigh what the others found are asked.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from collectors.cloud.facts import TenantFact, TenantGap, TenantSnapshot
from rules.checks import discover_tenant_rules
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.messages import Message, Params
from rules.model import Assessment, Finding, Outcome, PatchState, RuleFailure, TenantSummary
from rules.ordering import ordered
from rules.silence import corrected
from rules.tenants.exceptions import Exempted, marked
from rules.tenants.lines import license_lines, totals_of
from rules.tenants.relevance import matters
from rules.tenants.rule import TenantCase, TenantRule
from rules.tenants.strongest import counted_once, reclaimable
from rules.tenants.wording import gap_evidence

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantJudgement:
    """What all rules concluded about one tenant."""

    tenant: TenantSummary
    findings: tuple[Finding, ...]
    failures: tuple[RuleFailure, ...] = ()


@dataclass(slots=True)
class _Answers:
    """What was found so far, and which rules broke."""

    findings: list[Finding] = field(default_factory=list)
    failures: list[RuleFailure] = field(default_factory=list)


def judge_tenant(
    snapshot: TenantSnapshot,
    knowledge: Knowledge,
    contract: Contract,
    as_of: datetime,
    servers: Mapping[str, int] | None = None,
    *,
    previous: TenantSnapshot | None = None,
    rules: Sequence[TenantRule] | None = None,
) -> TenantJudgement:
    """Ask every rule about one tenant. Never raises for a rule that breaks: it becomes an unknown and a failure.

    `as_of` is aware UTC; `servers` counts the client's audited machines (`rules.tenants.rule.machines_by_kind`), None
    where none was to be audited; `previous` is the last snapshot of the same tenant; `rules` defaults to all.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of must be aware: a deadline has no meaning without a time zone")
    case = TenantCase(
        snapshot=snapshot,
        knowledge=knowledge,
        contract=contract,
        as_of=as_of,
        servers=servers or {},
        without_machines=servers is None,
        previous=previous,
    )
    asked = discover_tenant_rules() if rules is None else tuple(rules)
    answers = _Answers()
    _ask_all((rule for rule in asked if not rule.last), case, answers)
    exempted = marked(case, answers.findings)
    case.reclaimable = reclaimable(exempted.findings)
    case.found = counted_once(case, exempted.findings)
    answers.findings = []
    _ask_all((rule for rule in asked if rule.last), case, answers)
    late = marked(case, answers.findings)
    findings = ordered((*case.found, *late.findings))
    return TenantJudgement(
        tenant=_summary(case, findings, exempted), findings=findings, failures=tuple(answers.failures)
    )


def with_tenants(assessment: Assessment, judgements: Iterable[TenantJudgement]) -> Assessment:
    """Put tenants into an assessment of machines, sorted so that two runs compare line by line.

    One client's file serves all its tenants: an exception that met none is one that met none in any of them.
    """
    judged = sorted(judgements, key=lambda judgement: judgement.tenant.target.name)
    findings = [*assessment.findings, *(finding for judgement in judged for finding in judgement.findings)]
    failures = [*assessment.failures, *(failure for judgement in judged for failure in judgement.failures)]
    return replace(
        assessment,
        tenants=(*assessment.tenants, *_with_idle_exceptions([judgement.tenant for judgement in judged])),
        findings=ordered(findings),
        failures=tuple(failures),
    )


def _with_idle_exceptions(tenants: Sequence[TenantSummary]) -> Iterator[TenantSummary]:
    """Leave each exception that met nothing anywhere with the first tenant only."""
    idle = [frozenset(tenant.unmatched_exceptions) for tenant in tenants]
    everywhere = frozenset.intersection(*idle) if idle else frozenset[str]()
    for number, tenant in enumerate(tenants):
        names = () if number else tuple(name for name in tenant.unmatched_exceptions if name in everywhere)
        yield replace(tenant, unmatched_exceptions=names)


def _ask_all(rules: Iterable[TenantRule], case: TenantCase, answers: _Answers) -> None:
    subject = case.snapshot.target.name
    for rule in rules:
        try:
            answers.findings.extend(_ask(rule, case))
        except Exception as error:  # noqa: BLE001 - one rule on one tenant, as for one rule on one host
            _log.exception("rule %s broke on %s", rule.id, subject)
            problem = f"{type(error).__name__}: {error}"
            answers.failures.append(RuleFailure(rule=rule.id, subject=subject, error=problem))
            answers.findings.append(_unknown(rule, case, "rule_failed", {"error": problem}, ()))


def _ask(rule: TenantRule, case: TenantCase) -> Iterator[Finding]:
    """Put one rule to the tenant and correct its answer for what could not be seen."""
    snapshot = case.snapshot
    if not snapshot.reached and not rule.judges_absence:
        yield _unknown(rule, case, "not_audited", {}, snapshot.gaps_of(TenantFact.TENANT))
        return
    if not rule.applies(case):
        message = Message(text=f"rules.{rule.id}.not_applicable")
        yield Finding(rule=rule.id, subject=snapshot.target.name, outcome=Outcome.NOT_APPLICABLE, message=message)
        return
    answer = tuple(rule.check(case))
    if not answer:
        raise ValueError(f"rule {rule.id} gave no answer; nothing to report is a PASS")
    needs = (kind for kind in rule.needs if matters(case, kind))
    gaps = tuple(dict.fromkeys(gap for kind in needs for gap in snapshot.gaps_of(kind)))
    if gaps:
        yield from corrected(answer, _unknown(rule, case, *_reason(case, gaps), gaps))
    else:
        yield from answer


def _reason(case: TenantCase, gaps: tuple[TenantGap, ...]) -> tuple[str, Params]:
    """Say in one sentence why a verdict is unknown: the missing permission first, that is what can be mended."""
    permissions = sorted({gap.permission for gap in gaps if gap.permission})
    if permissions:
        return "no_permission", {"count": len(permissions), "permissions": ", ".join(permissions)}
    kinds = {gap.kind for gap in gaps}
    if all((report := case.report(kind)) is not None and report.concealed for kind in kinds):
        return "concealed", {}
    return (kinds.pop().value, {}) if len(kinds) == 1 else ("several", {"count": len(kinds)})


def _unknown(rule: TenantRule, case: TenantCase, text: str, params: Params, gaps: tuple[TenantGap, ...]) -> Finding:
    return Finding(
        rule=rule.id,
        subject=case.snapshot.target.name,
        outcome=Outcome.UNKNOWN,
        state=PatchState.UNKNOWN,
        message=Message(text=f"rules.m365.unknown.{text}", params=params),
        evidence=tuple(gap_evidence(case, gaps)),
    )


def _summary(case: TenantCase, findings: tuple[Finding, ...], exempted: Exempted) -> TenantSummary:
    snapshot = case.snapshot
    lines = license_lines(case, findings)
    read = snapshot.reached and not snapshot.gaps_of(TenantFact.USERS)
    return TenantSummary(
        target=snapshot.target,
        taken_at=snapshot.taken_at,
        reached=snapshot.reached,
        organization=snapshot.organization,
        granted=snapshot.granted,
        licenses=lines,
        totals=totals_of(lines, findings),
        users=len(snapshot.users) if read else None,
        licensed_users=sum(bool(user.licenses) for user in snapshot.users) if read else None,
        reports=snapshot.reports,
        names_concealed=snapshot.names_concealed,
        unmatched_exceptions=exempted.unmatched,
        gaps=snapshot.gaps,
        collectors=snapshot.collectors,
    )
