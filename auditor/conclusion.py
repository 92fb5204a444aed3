"""From an assessment to an exit code, with its reasons in words of one vocabulary (`--json` carries them)."""

from dataclasses import dataclass

from auditor.exits import Exit
from auditor.pipeline import Result
from collectors.feeds.records import Severity
from rules.model import Assessment, Finding, Outcome

_ORDER = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The exit code and every reason that held, the deciding one first."""

    code: Exit
    reasons: tuple[str, ...] = ()


def conclude(result: Result, fail_on: str) -> Conclusion:
    """Decide the exit code; see `auditor.exits` for which reason wins."""
    reasons = []
    if result.interrupted:
        reasons.append((Exit.INTERRUPTED, "interrupted"))
    if result.history_problem:
        reasons.append((Exit.USAGE, "history_not_written"))
    reasons.extend((Exit.INCOMPLETE, reason) for reason in incomplete(result.assessment))
    if any(counts(finding, fail_on) for finding in result.assessment.findings):
        reasons.append((Exit.FINDINGS, "findings"))
    code = reasons[0][0] if reasons else Exit.COMPLIANT
    return Conclusion(code=code, reasons=tuple(reason for _, reason in reasons))


def incomplete(assessment: Assessment) -> tuple[str, ...]:
    """Why the answer is not whole: machines, tenants, verdicts, feeds or rules that are missing."""
    reasons = []
    if not assessment.machines and not assessment.tenants:
        reasons.append("no_machine")
    if any(not machine.reached for machine in assessment.machines):
        reasons.append("machines_not_audited")
    if any(not tenant.reached for tenant in assessment.tenants):
        reasons.append("tenants_not_audited")
    if assessment.stale_feeds:
        reasons.append("feeds_stale")
    if assessment.failures:
        reasons.append("rules_failed")
    if any(finding.outcome is Outcome.UNKNOWN and not finding.limited for finding in assessment.findings):
        reasons.append("verdicts_unknown")
    return tuple(reasons)


def counts(finding: Finding, fail_on: str) -> bool:
    """Whether a finding is a failure at or above the threshold, and nobody accepted it.

    An undisclosed severity counts as high (G4). A waiver accepts what failed; an unknown stays one.
    """
    if finding.outcome is not Outcome.FAIL or finding.waiver is not None or fail_on == NEVER:
        return False
    severity = Severity.HIGH if finding.severity is Severity.UNKNOWN else finding.severity
    return _ORDER.index(severity) >= _ORDER.index(Severity(fail_on))
