"""Attaches the client's waivers to what they accept, and announces those that end, have ended or meet nothing.

A waiver accepts a finding that failed. It never makes an unknown fine: what could not be seen stays unknown, and a
machine that was not reached stays one. Patterns are compared without case, `*` stands for any text. A machine answers
to all its names, a person to the user principal name, a SKU or a product to its id and to its name.

Texts, below `rules.waiver`: `ending.fail` (count = findings), `ending.idle`, `ending.expired` (count),
`ending.remedy`, `ending.remedy_expired`, `orphaned.fail`, `orphaned.remedy`, `evidence` (approved_by). Parameters:
waiver, count, until_on, rule, subject, key.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

from collectors.feeds.records import Severity
from rules.contract import Contract
from rules.messages import Message, Params
from rules.model import Assessment, Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.ordering import ordered
from rules.waivers import Waiver, WaiverUse

ENDING, ORPHANED = "waiver.ending", "waiver.orphaned"
IN_FORCE, EXPIRING, EXPIRED, MET_NOTHING = "in_force", "expiring", "expired", "orphaned"
_ALL = "*"
_REFERENCE = re.compile(r"f-[0-9a-f]{8}")
_NAMING = ("product", "package")  # parameters of a message that name what its key identifies


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """What subjects and keys of findings are called beside what they are: machines by name, SKUs and products by id."""

    subjects: Mapping[str, tuple[str, ...]]
    keys: Mapping[str, tuple[str, ...]]


def applied(assessment: Assessment, contract: Contract, today: date, *, whole: bool) -> Assessment:
    """See `rules.waivers.with_waivers`."""
    waivers = tuple(dict.fromkeys(contract.waivers))
    if not waivers:
        return assessment
    names = _names(assessment)
    failed = [finding for finding in assessment.findings if finding.outcome is Outcome.FAIL]
    met = {waiver: [found for found in failed if _speaks_of(waiver, found, names)] for waiver in waivers}
    accepted = _accepted(met, today)
    uses: list[WaiverUse] = []
    told: list[Finding] = []
    for waiver in waivers:
        orphaned = whole and not met[waiver] and _was_seen(waiver, assessment, names)
        state = _state(waiver, contract, today, orphaned=orphaned)
        uses.append(WaiverUse(waiver=waiver, matched=len(met[waiver]), state=state))
        resting = [found for found in met[waiver] if accepted.get(found.fingerprint, waiver) is waiver]
        told.extend(_announced(waiver, state, assessment, met=len(met[waiver]), resting=len(resting)))
    return replace(assessment, findings=ordered((*_marked(assessment, accepted), *told)), waivers=tuple(uses))


def _marked(assessment: Assessment, accepted: Mapping[str, Waiver]) -> Iterator[Finding]:
    for finding in assessment.findings:
        waiver = accepted.get(finding.fingerprint) if finding.outcome is Outcome.FAIL else None
        yield finding if waiver is None else replace(finding, waiver=waiver)


def _accepted(met: Mapping[Waiver, Iterable[Finding]], today: date) -> dict[str, Waiver]:
    """The waiver of each finding, by fingerprint: of several the one that holds longest."""
    in_force = sorted((waiver for waiver in met if today <= waiver.until), key=lambda waiver: (waiver.until, waiver.id))
    return {found.fingerprint: waiver for waiver in in_force for found in met[waiver]}


def _state(waiver: Waiver, contract: Contract, today: date, *, orphaned: bool) -> str:
    if today > waiver.until:
        return EXPIRED
    if orphaned:
        return MET_NOTHING
    return EXPIRING if waiver.until - today <= timedelta(days=contract.waiver_horizon_days) else IN_FORCE


def _speaks_of(waiver: Waiver, finding: Finding, names: _Names) -> bool:
    return _about(waiver, finding, names) and _fits_key(waiver.key, finding, names)


def _about(waiver: Waiver, finding: Finding, names: _Names) -> bool:
    subjects = (finding.subject, finding.person, *names.subjects.get(finding.subject, ()))
    return _fits(waiver.rule, finding.rule) and (
        waiver.subject == _ALL or _fits(waiver.subject, *filter(None, subjects))
    )


def _fits_key(pattern: str, finding: Finding, names: _Names) -> bool:
    if pattern == _ALL:
        return True
    if _REFERENCE.fullmatch(pattern.casefold()):
        return pattern.casefold() == finding.ref.casefold()
    named = (str(finding.message.params[name]) for name in _NAMING if finding.message.params.get(name))
    return _fits(pattern, finding.key, *names.keys.get(finding.key, ()), *named)


def _fits(pattern: str, *names: str) -> bool:
    return any(_compiled(pattern).fullmatch(name.casefold()) for name in names)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """`*` is any text; everything else, brackets and question marks included, is itself."""
    return re.compile(".*".join(re.escape(part) for part in pattern.casefold().split(_ALL)), re.DOTALL)


def _names(assessment: Assessment) -> _Names:
    subjects = {machine.target.name: machine.aliases for machine in assessment.machines}
    keys = {line.sku_id: (line.part_number, line.name) for tenant in assessment.tenants for line in tenant.licenses}
    if assessment.software is not None:
        keys |= {line.key: (line.product, line.name) for line in assessment.software.lines}
    return _Names(subjects=subjects, keys=keys)


def _was_seen(waiver: Waiver, assessment: Assessment, names: _Names) -> bool:
    """Whether nothing a waiver may speak of was hidden.

    An unknown hides what its rule might have said of its subject; one about a tenant or about the whole estate may hide
    any person, any machine.
    """
    wide = {"", *(tenant.target.name for tenant in assessment.tenants)}
    return not any(
        finding.outcome is Outcome.UNKNOWN
        and _fits(waiver.rule, finding.rule)
        and (finding.subject in wide or _about(waiver, finding, names))
        for finding in assessment.findings
    )


def _announced(waiver: Waiver, state: str, assessment: Assessment, *, met: int, resting: int) -> Iterator[Finding]:
    """What someone must know: an end that comes, one that passed while the finding stands, one that met nothing.

    `resting` counts the findings no other waiver accepts for longer: the old row beside its renewal is no news.
    """
    match state:
        case "expiring" if resting or not met:
            yield _finding(ENDING, waiver, "fail" if met else "idle", "remedy", assessment, count=resting)
        case "expired" if resting:
            yield _finding(ENDING, waiver, "expired", "remedy_expired", assessment, count=resting)
        case "orphaned":
            yield _finding(ORPHANED, waiver, "fail", "remedy", assessment, count=0)


def _finding(rule: str, waiver: Waiver, text: str, remedy: str, assessment: Assessment, *, count: int) -> Finding:
    params: Params = {
        "waiver": waiver.id,
        "count": count,
        "until_on": waiver.until.isoformat(),
        "rule": waiver.rule,
        "subject": waiver.subject,
        "key": waiver.key,
    }
    evidence = Evidence(
        what=Message(text="rules.waiver.evidence", params={"approved_by": waiver.approved_by}),
        seen=waiver.reason,
        source=waiver.place,
        as_of=assessment.as_of,
    )
    comes = rule == ENDING and text != "expired"
    return Finding(
        rule=rule,
        subject="",
        key=waiver.id,
        outcome=Outcome.FAIL,
        severity=Severity.LOW,
        message=Message(text=f"rules.{rule}.{text}", params=params),
        remedy=Message(text=f"rules.{rule}.{remedy}", params=params),
        priority=Priority(level=PriorityLevel.PLAN if rule == ENDING else PriorityLevel.WATCH, score=20.0),
        evidence=(evidence,),
        due_on=waiver.until if comes else None,
    )
