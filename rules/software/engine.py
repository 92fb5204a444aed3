"""Judges the whole estate: the license position, then every rule about installed software as a whole.

Machines are not kept: each snapshot is reduced to a `Device` as it is judged (`rules.software.devices.device_of`), each
tenant to its users' rights, and the position is made of these.

The one law of `rules.engine` holds: a PASS that rests on machines nobody could read becomes UNKNOWN, a FAIL stays one
and beside it stands an UNKNOWN, for more could be hidden. What is worth no word is not said: a client without a file of
rights, without paid programs and without a list of unwanted ones gets no finding at all.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from collectors.model import HostSnapshot
from rules.checks import discover_estate_rules
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.messages import Message, Params
from rules.model import Assessment, Evidence, Finding, Outcome, PatchState, RuleFailure
from rules.ordering import ordered
from rules.rule import joined
from rules.silence import corrected
from rules.software.assess import assess
from rules.software.devices import Device, device_of, merged
from rules.software.position import SoftwareSummary
from rules.software.rule import EstateCase, EstateRule
from rules.software.tenant_rights import TenantRights

_log = logging.getLogger(__name__)
POSITION = "software.under_licensed"  # the rule that speaks where no position can be made
_NAMES = 12  # of machines in one line of proof


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareJudgement:
    """The license position of a client and what the rules concluded from it; `summary` None: it could not be made."""

    summary: SoftwareSummary | None
    findings: tuple[Finding, ...] = ()
    failures: tuple[RuleFailure, ...] = ()


def reduced(snapshot: HostSnapshot, *, old: bool = False) -> Device:
    """What stays of a machine once it is judged; `old`: as an earlier run saw it. Never raises.

    A machine that cannot be reduced counts as one whose programs could not be read.
    """
    try:
        return device_of(snapshot, old=old)
    except Exception:  # noqa: BLE001 - one host: its defect costs its own part of the position
        _log.exception("%s: its programs cannot be counted", snapshot.target.name)
        return Device(name=snapshot.target.name, taken_at=snapshot.taken_at, reached=False, old=old)


def judge_software(
    devices: Sequence[Device],
    rights: Sequence[TenantRights],
    contract: Contract,
    knowledge: Knowledge,
    as_of: datetime,
    *,
    rules: Sequence[EstateRule] | None = None,
) -> SoftwareJudgement:
    """Make the position of all machines and tenants of a client, and ask every rule about it.

    Never raises for a rule that breaks, or a position that cannot be made: it becomes an unknown and a failure.
    `devices` are those of the run, machines that were not reached as they were last seen; `as_of` is aware UTC; `rules`
    defaults to all.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of must be aware: a right ends on a day, which has no meaning without a time zone")
    try:
        distinct = merged(devices, contract.software)
        summary = assess(distinct, rights, contract, as_of.date())
    except Exception as error:  # noqa: BLE001 - the position of one client: the report stands without it
        _log.exception("the license position broke")
        return _broken(POSITION, error)
    case = EstateCase(
        summary=summary,
        devices=distinct,
        rights=tuple(rights),
        contract=contract,
        knowledge=knowledge,
        as_of=as_of,
    )
    return judged(case, discover_estate_rules() if rules is None else rules)


def judged(case: EstateCase, rules: Sequence[EstateRule]) -> SoftwareJudgement:
    """Ask rules about a position that is already made."""
    findings: list[Finding] = []
    failures: list[RuleFailure] = []
    for rule in rules if _has_something_to_tell(case.summary) else ():
        try:
            findings.extend(_ask(rule, case))
        except Exception as error:  # noqa: BLE001 - one rule on one estate, as for one rule on one host
            _log.exception("rule %s broke on the estate", rule.id)
            broken = _broken(rule.id, error)
            findings.extend(broken.findings)
            failures.extend(broken.failures)
    return SoftwareJudgement(summary=case.summary, findings=ordered(findings), failures=tuple(failures))


def _broken(rule: str, error: Exception) -> SoftwareJudgement:
    problem = f"{type(error).__name__}: {error}"
    return SoftwareJudgement(
        summary=None,
        findings=(_unknown(rule, "rules.unknown.rule_failed", {"error": problem}),),
        failures=(RuleFailure(rule=rule, subject="", error=problem),),
    )


def with_software(assessment: Assessment, judgement: SoftwareJudgement) -> Assessment:
    """Put the license position into an assessment of machines and tenants."""
    return replace(
        assessment,
        software=judgement.summary,
        findings=ordered((*assessment.findings, *judgement.findings)),
        failures=(*assessment.failures, *judgement.failures),
    )


def _has_something_to_tell(summary: SoftwareSummary) -> bool:
    return bool(summary.declared or summary.lines or summary.unrecognized)


def _ask(rule: EstateRule, case: EstateCase) -> Iterator[Finding]:
    """Put one rule to the estate and correct its answer for the machines that could not be read."""
    if (rule.needs_file and not case.summary.declared) or not rule.applies(case):
        message = Message(text=f"rules.{rule.id}.not_applicable")
        yield Finding(rule=rule.id, subject="", outcome=Outcome.NOT_APPLICABLE, message=message)
        return
    answer = tuple(rule.check(case))
    if not answer:
        raise ValueError(f"rule {rule.id} gave no answer; nothing to report is a PASS")
    if rule.needs_machines and case.unread:
        params: Params = {"count": case.unread, "known": case.summary.known}
        blind = _unknown(rule.id, "rules.software.unknown.machines", params, evidence=(_unread(case),))
        yield from corrected(answer, blind)
    else:
        yield from answer


def _unread(case: EstateCase) -> Evidence:
    names = sorted(device.name for device in case.devices if not device.tells(""))
    return Evidence(
        what=Message(text="rules.software.evidence.unread", params={"count": case.unread}),
        seen=joined(names, _NAMES),
        as_of=case.as_of,
    )


def _unknown(rule: str, text: str, params: Params, *, evidence: tuple[Evidence, ...] = ()) -> Finding:
    return Finding(
        rule=rule,
        subject="",
        outcome=Outcome.UNKNOWN,
        state=PatchState.UNKNOWN,
        message=Message(text=text, params=params),
        evidence=evidence,
    )
