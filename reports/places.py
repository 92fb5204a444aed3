"""Where in the workbook the lines behind an action stand: a sheet and a row to jump to."""

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from reports import software_words
from reports.actions import AUDIT, SEE, SEE_SOFTWARE, SEE_TENANT, TENANT, Action, is_about_waivers
from reports.sheet import FIRST_ROW, Report

_ON_COVERAGE: Final = frozenset({AUDIT, SEE, TENANT, SEE_TENANT, SEE_SOFTWARE})


class Places:
    """Answers for one report; the main table of every sheet begins in the same row."""

    def __init__(self, report: Report) -> None:
        self._report = report

    @cached_property
    def _machines(self) -> Mapping[str, int]:
        return {machine.name: row for row, machine in enumerate(self._report.view.machines, FIRST_ROW)}

    @cached_property
    def _people(self) -> Mapping[str, int]:
        rows: dict[str, int] = {}
        for row, review in enumerate(self._report.reviews, FIRST_ROW):
            rows.setdefault(review.finding.fingerprint, row)
        return rows

    @cached_property
    def _actions(self) -> Mapping[str, int]:
        return {action.ref: row for row, action in enumerate(self._report.actions, FIRST_ROW)}

    @cached_property
    def _products(self) -> Mapping[str, int]:
        return {line.key: row for row, line in enumerate(software_words.shown(self._report), FIRST_ROW)}

    def of_action(self, action: Action) -> int:
        """Row of an action in the action plan."""
        return self._actions[action.ref]

    def details(self, action: Action) -> tuple[str, int]:
        """Sheet (its name, not its title) and row of what an action is about; row 1 where it is about a whole sheet."""
        if action.kind in _ON_COVERAGE:
            return "coverage", 1
        if action.tenant:
            rows = [self._people[one.fingerprint] for one in action.findings if one.fingerprint in self._people]
            return ("users", min(rows)) if rows else ("licenses", 1)
        if action.estate:
            rows = [self._products[one.key] for one in action.findings if one.key in self._products]
            return ("coverage", 1) if is_about_waivers(action) else ("software", min(rows, default=1))
        rows = [self._machines[name] for name in action.machines if name in self._machines]
        return ("patches", min(rows)) if rows else ("coverage", 1)
