"""Action plan: what to do, grouped by when; similar findings on many machines are one line."""

from collections.abc import Sequence
from typing import Final

from reports import license_words, words
from reports.actions import Action
from reports.cells import Value
from reports.grid import Column, Page, Styled
from reports.sheet import Report, Sheet
from reports.styles import Style
from rules.model import PriorityLevel

LEVEL_STYLES: Final = {
    PriorityLevel.NOW: Style.BAD,
    PriorityLevel.PLAN: Style.WARN,
    PriorityLevel.WATCH: Style.INFO,
    PriorityLevel.NONE: Style.UNKNOWN,
}


def build(page: Page, report: Report) -> None:
    """Lay the sheet out, one line per action, the most urgent first."""
    texts = report.texts
    name = "sheets.actions."
    columns = (
        Column(title=texts.text(name + "ref"), style=Style.REFERENCE, width=11.5),
        Column(title=texts.text(name + "priority"), width=14),
        Column(title=texts.text(name + "finding"), width=30),
        Column(title=texts.text(name + "impact"), width=29),
        Column(title=texts.text(name + "proposal"), style=Style.STRONG, width=32),
        Column(title=texts.text(name + "machines"), width=21),
        Column(title=texts.text(name + "owner"), width=13.5),
        Column(title=texts.text(name + "due"), style=Style.DATE, width=11.5),
        Column(title=texts.text(name + "late"), style=Style.NUMBER, width=8.5),
        Column(title=texts.text(name + "money"), style=Style.EURO_SIGNED, width=14),
    )
    page.heading(texts.text(name + "heading"), texts.text(name + "intro", sheet=report.title("missing")), len(columns))

    def line(action: Action) -> Sequence[Value | Styled]:
        late = max(0, (report.view.day - action.due_on).days) if action.due_on is not None else 0
        return (
            action.ref,
            Styled(texts.text(f"priority.{action.level.value}"), LEVEL_STYLES[action.level]),
            words.finding_text(report, action),
            words.impact(report, action),
            words.proposal(report, action),
            words.machines(report, action),
            texts.text(f"owner.{action.owner}"),
            action.due_on,
            Styled(late, Style.LATE) if late else None,
            _money(report, action),
        )

    page.table(columns, report.actions, line, main=True)
    if not report.actions:
        reason = texts.text(name + "empty", sheet=report.title("coverage"))
        page.wide(reason, Style.GOOD_BOX, 1, len(columns), 30)


def _money(report: Report, action: Action) -> Value | Styled:
    """What it saves (positive) or costs (negative) a year; nothing where it is about no seats."""
    if action.money is None:
        return None
    if not action.money.priced:
        return Styled(report.texts.text("values.none"), Style.UNKNOWN)
    return license_words.yearly(action.money)


SHEET = Sheet(name="actions", order=20, build=build)
