"""Action plan: what to do, grouped by when; similar findings on many machines are one line."""

from collections.abc import Sequence
from typing import Final

from reports import evolution, license_words, words
from reports.actions import Action
from reports.cells import Value
from reports.grid import Column, Page, Styled, room
from reports.places import Places
from reports.sheet import Report, Sheet
from reports.styles import Style
from rules.model import PriorityLevel

_NAME: Final = "sheets.actions."
LEVEL_STYLES: Final = {
    PriorityLevel.NOW: Style.BAD,
    PriorityLevel.PLAN: Style.WARN,
    PriorityLevel.WATCH: Style.INFO,
    PriorityLevel.NONE: Style.UNKNOWN,
}


def build(page: Page, report: Report) -> None:
    """Lay the sheet out, one line per action, the most urgent first."""
    texts, places = report.texts, Places(report)
    once = any(action.money is not None and action.money.once for action in report.actions)
    columns = _columns(report, once=once)
    page.one_wide = True  # a line is one decision: on paper it is not cut in two
    intro = texts.text(_NAME + "intro", sheet=report.title("patches"))
    page.heading(texts.text(_NAME + "heading"), intro, len(columns))
    first = page.table(columns, report.actions, lambda action: _line(report, action, once=once), main=True)
    for row, action in enumerate(report.actions, first):
        sheet, to = places.details(action)
        page.link(row, 1, report.title(sheet), action.ref, to=to)
    if not report.actions:
        reason = texts.text(_NAME + "empty", sheet=report.title("coverage"))
        page.wide(reason, Style.GOOD_BOX, 1, len(columns), 30)


def _columns(report: Report, *, once: bool) -> tuple[Column, ...]:
    def column(name: str, width: float, style: Style = Style.TEXT) -> Column:
        return Column(title=report.texts.text(_NAME + name), style=style, width=width)

    columns = (
        column("ref", 10.5, Style.REFERENCE_LINK),
        column("priority", 11.5),
        column("finding", 22 if once else 25),
        column("impact", 20.5 if once else 23.5),
        column("proposal", 24 if once else 27, Style.STRONG),
        column("machines", _where(once=once)),
        column("owner", 12),
        column("due", 11, Style.DATE),
        column("late", 8.2, Style.NUMBER),
        column("since", 10.8, Style.DATE),
        column("money", 13, Style.EURO_SIGNED),
    )
    # What is paid a single time has a column of its own, and only where there is any.
    return (*columns, column("once", 11.5, Style.EURO_SIGNED)) if once else columns


def _where(*, once: bool) -> float:
    return 15 if once else 16.5


def _line(report: Report, action: Action, *, once: bool) -> Sequence[Value | Styled]:
    texts = report.texts
    late = max(0, (report.view.day - action.due_on).days) if action.due_on is not None else 0
    line = (
        action.ref,
        Styled(texts.text(f"priority.{action.level.value}"), LEVEL_STYLES[action.level]),
        words.finding_text(report, action),
        words.impact(report, action),
        words.proposal(report, action),
        words.machines(report, action, room(_where(once=once))),
        texts.text(f"owner.{action.owner}"),
        action.due_on,
        Styled(late, Style.LATE) if late else None,
        evolution.since(report, action),
        _money(report, action),
    )
    return (*line, _once(action)) if once else line


def _money(report: Report, action: Action) -> Value | Styled:
    """What it saves (positive) or costs (negative) a year; nothing where it is about no seats, or paid once."""
    if action.money is None:
        return None
    if not action.money.priced:
        return Styled(report.texts.text("values.none"), Style.UNKNOWN)
    amount = license_words.yearly(action.money)
    return None if not amount and action.money.once else amount


def _once(action: Action) -> Value:
    """What it costs a single time, as a negative amount."""
    return -action.money.once if action.money is not None and action.money.once else None


SHEET = Sheet(name="actions", order=20, build=build)
