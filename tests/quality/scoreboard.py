"""The table of scores, printed at the end of every run that measured some (whatever `-s`, also under xdist).

A test hands its scores over with `record_score`; they travel in the report's user properties, which xdist carries home.
"""

from dataclasses import asdict, dataclass
from typing import Any

import pytest

_PROPERTY = "quality_score"
_COLUMNS = (
    ("host", "host"),
    ("feed", "feed"),
    ("flagged", "flagged"),
    ("offered", "offered"),
    ("false_missing", "false missing"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("remark", "remark"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One line: `expected` is how many the oracle wants flagged, None when it does not tell security from the rest."""

    host: str
    feed: str
    flagged: int
    offered: int
    false_missing: int
    found: int = 0
    expected: int | None = None
    remark: str = ""

    @property
    def precision(self) -> str:
        return "-" if not self.flagged else f"{100 * (self.flagged - self.false_missing) / self.flagged:.1f} %"

    @property
    def recall(self) -> str:
        return "-" if not self.expected else f"{100 * self.found / self.expected:.1f} % ({self.found}/{self.expected})"


def record_score(request: pytest.FixtureRequest, score: Score) -> None:
    """Put a line on the board."""
    request.node.user_properties.append((_PROPERTY, asdict(score)))


def scores_of(reports: list[Any]) -> list[Score]:
    """Scores carried by test reports, in order."""
    found = [Score(**value) for report in reports for name, value in report.user_properties if name == _PROPERTY]
    return list(dict.fromkeys(found))


def table(scores: list[Score]) -> list[str]:
    """The board as lines of text."""
    rows = [tuple(title for _, title in _COLUMNS)]
    rows += [tuple(str(getattr(score, field)) for field, _ in _COLUMNS) for score in scores]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the board."""
    stats = terminalreporter.stats
    reports = [report for kind in ("passed", "failed") for report in stats.get(kind, []) if report.when == "call"]
    if scores := scores_of(reports):
        terminalreporter.section("quality: what we flag, against the answers of the hosts themselves")
        for line in table(scores):
            terminalreporter.write_line(line)
