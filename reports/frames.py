"""Findings as a data frame, for counting and grouping.

pandas is imported where it is used (a third of a second and forty megabytes). Every column is a text, a whole number or
a truth value and none is ever empty: an absent text is "", an absent day is 0. So no NaN, None or float can leak into a
sheet from here; what leaves this module are plain Python values.
"""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from collectors.feeds.records import Severity
from rules.model import Finding, PriorityLevel

if TYPE_CHECKING:
    from pandas import DataFrame

URGENT: Final = frozenset({Severity.CRITICAL, Severity.HIGH, Severity.UNKNOWN})  # undisclosed counts as high (G4)
_LEVELS: Final = {level: rank for rank, level in enumerate(PriorityLevel)}
_SEVERITIES: Final = {severity: rank for rank, severity in enumerate((
    Severity.CRITICAL, Severity.HIGH, Severity.UNKNOWN, Severity.MEDIUM, Severity.LOW,
))}  # fmt: skip


def patch_frame(findings: Sequence[Finding], day: date, exploited: Sequence[bool]) -> "DataFrame":
    """One row per finding, in the same order: position, machine, level, severity, urgent, overdue, exploited, score.

    `level` and `severity` are ranks (0 first); `due` is a proleptic day number, 0 for none; `overdue` is true from the
    day after the due day on.
    """
    import pandas as pd

    due = [0 if finding.due_on is None else finding.due_on.toordinal() for finding in findings]
    today = day.toordinal()
    return pd.DataFrame(
        {
            "position": range(len(findings)),
            "machine": pd.Series([finding.subject for finding in findings], dtype="object"),
            "key": pd.Series([finding.key for finding in findings], dtype="object"),
            "level": [_LEVELS[finding.priority.level] for finding in findings],
            "severity": [_SEVERITIES[finding.severity] for finding in findings],
            "urgent": pd.Series([finding.severity in URGENT for finding in findings], dtype=bool),
            "score": [finding.priority.score for finding in findings],
            "due": due,
            "overdue": pd.Series([0 < when < today for when in due], dtype=bool),
            "exploited": pd.Series(list(exploited), dtype=bool),
        }
    )


def ordered_positions(frame: "DataFrame") -> list[int]:
    """Positions of the findings from the most to the least urgent: level, score, severity, machine, key."""
    ranked = frame.sort_values(
        ["level", "score", "severity", "machine", "key", "position"],
        ascending=[True, False, True, True, True, True],
        kind="stable",
    )
    return [int(position) for position in ranked["position"]]


def counts_by_machine(frame: "DataFrame") -> dict[str, tuple[int, int, int]]:
    """Per machine with at least one row: (all, urgent, overdue)."""
    grouped = frame.groupby("machine", sort=True)
    counts = grouped.agg(total=("position", "size"), urgent=("urgent", "sum"), overdue=("overdue", "sum"))
    return {
        str(machine): (int(total), int(urgent), int(overdue))
        for machine, total, urgent, overdue in counts.itertuples(index=True, name=None)
    }


def machines_where(frame: "DataFrame", column: str) -> int:
    """How many machines have at least one row for which a truth column holds."""
    return int(frame.loc[frame[column], "machine"].nunique())
