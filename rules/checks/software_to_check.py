"""software.to_check: products whose facts are known and about which a person must decide.

One FAIL per line of the position to be checked; the notes of the line say why and stand in its proof. What is told
elsewhere is not told again: programs without any right (`software.no_entitlement`), rights that meet nothing
(`software.rights_idle`), Windows activated by a foreign KMS host (`software.activation`). Without a file of rights only
that is told which no file could answer (`_STANDING`): a developer edition in production, people at work without the
Microsoft 365 license it takes.

Texts: `fail`, `fail_uncounted`, `pass` (count = lines compared), `not_applicable`, `remedy`. Parameters: product,
installed.
"""

from collections.abc import Iterable

from collectors.feeds.records import Severity
from rules.model import Confidence, Finding, Outcome, Priority, PriorityLevel
from rules.software.position import PositionLine, Status
from rules.software.rule import EstateCase, EstateRule, finding
from rules.software.wording import is_idle, is_without_right, params_of, proof_of

ID = "software.to_check"
_WINDOWS = "windows"
_FOREIGN_KMS = frozenset({"software.note.windows_external_kms", "software.note.windows_itself_kms"})
_STANDING = frozenset(
    {"software.note.developer_in_production", "software.note.cloud_without", "software.note.cloud_unshared"}
)
_PRIORITY = Priority(level=PriorityLevel.WATCH, score=38.0)


def check(case: EstateCase) -> Iterable[Finding]:
    """Yield one FAIL per line someone must look at, or one PASS."""
    lines = [line for line in case.summary.lines if _is_told(case, line)]
    if lines:
        return [_fail(case, line) for line in lines]
    compared = sum(line.status is not Status.FREE for line in case.summary.lines)
    return (finding(ID, Outcome.PASS, "pass", params={"count": compared}),)


def _applies(case: EstateCase) -> bool:
    return bool(case.summary.lines) and (
        case.summary.declared or any(_is_told(case, line) for line in case.summary.lines)
    )


def _is_told(case: EstateCase, line: PositionLine) -> bool:
    if line.status is not Status.CHECK or is_without_right(line) or is_idle(case, line):
        return False
    texts = {note.text for note in line.notes}
    if line.product == _WINDOWS and texts & _FOREIGN_KMS:
        return False
    return case.summary.declared or bool(texts & _STANDING)


def _fail(case: EstateCase, line: PositionLine) -> Finding:
    return finding(
        ID,
        Outcome.FAIL,
        "fail" if line.installed else "fail_uncounted",
        key=line.key,
        params=params_of(line),
        severity=Severity.LOW,
        confidence=Confidence.TENTATIVE,
        remedy="remedy",
        priority=_PRIORITY,
        evidence=proof_of(case, line),
    )


RULE = EstateRule(id=ID, check=check, applies=_applies)
