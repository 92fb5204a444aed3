"""The order findings stand in, so that two runs over the same estate compare line by line."""

from collections.abc import Iterable

from rules.model import Finding, PriorityLevel

_LEVELS = {level: rank for rank, level in enumerate(PriorityLevel)}


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort by level, then by score (higher first), then by subject, rule and key."""
    return tuple(sorted(findings, key=_place))


def _place(finding: Finding) -> tuple[int, float, str, str, str]:
    priority = finding.priority
    return (_LEVELS[priority.level], -priority.score, finding.subject, finding.rule, finding.key)
