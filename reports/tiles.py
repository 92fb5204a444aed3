"""The six figures of the first sheet. Each carries its base; what is unknown is written so and enters no rate."""

from dataclasses import dataclass

from collectors.feeds.records import Severity
from reports.sheet import Report
from reports.styles import Style
from reports.view import Tally
from rules.model import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One key figure. `figure` is a number where it stands alone, else a text ("7 / 9", "Unknown")."""

    name: str
    label: str
    figure: int | str
    note: str
    style: Style


def tiles(report: Report) -> tuple[Tile, ...]:
    """All tiles, in reading order."""
    view = report.view
    return (
        _updated(report),
        _patches(report, "urgent", view.urgent, Style.KPI_BAD),
        _patches(report, "overdue", view.overdue, Style.KPI_BAD),
        _reboot(report),
        _support(report),
        _coverage(report),
    )


def _updated(report: Report) -> Tile:
    view, texts = report.view, report.texts
    if not view.decided:
        return _unknown(report, "updated")
    figure = texts.text("kpi.updated.figure", count=view.updated, base=view.decided)
    style = Style.KPI_GOOD if view.updated == view.decided else Style.KPI_WARN
    note = _with_unknown(report, texts.text("kpi.updated.note"), view.known - view.decided)
    return _tile(report, "updated", figure, note, style)


def _patches(report: Report, name: str, tally: Tally, bad: Style) -> Tile:
    view, texts = report.view, report.texts
    if not view.judged and not tally.findings:
        return _unknown(report, name)
    unknown = view.known - view.judged  # those out of support have a tile of their own
    unread = unknown - len(view.blind_spots.get("out_of_support", ()))
    undisclosed = name == "urgent" and any(patch.severity is Severity.UNKNOWN for patch in view.missing)
    kind = "note_undisclosed" if undisclosed else "note"
    note = texts.text(f"kpi.{name}.{kind}", count=tally.machines, base=view.judged)
    if not tally.findings:
        style = Style.KPI_INFO if unknown else Style.KPI_GOOD
        return _tile(report, name, 0, _with_unknown(report, note, unread), style)
    figure = texts.text("kpi.at_least", figure=tally.findings) if unknown else tally.findings
    return _tile(report, name, figure, _with_unknown(report, note, unread), bad)


def _reboot(report: Report) -> Tile:
    view, texts = report.view, report.texts
    waiting, fine = view.rebooting(Outcome.FAIL), view.rebooting(Outcome.PASS)
    if not waiting + fine:
        return _unknown(report, "reboot")
    unknown = view.known - waiting - fine - view.rebooting(Outcome.NOT_APPLICABLE)
    note = _with_unknown(report, texts.text("kpi.reboot.note", count=waiting, base=waiting + fine), unknown)
    return _tile(report, "reboot", waiting, note, _rated(waiting, unknown, Style.KPI_WARN))


def _support(report: Report) -> Tile:
    view, texts = report.view, report.texts
    ended = len(view.out_of_support)
    base = view.supporting(Outcome.FAIL) + view.supporting(Outcome.PASS)
    if not base:
        return _unknown(report, "support")
    unknown = view.known - base - view.supporting(Outcome.NOT_APPLICABLE)
    ending = len(view.ending_soon)
    note = texts.text("kpi.support.note_ending" if ending else "kpi.support.note", count=ending, base=base)
    return _tile(report, "support", ended, _with_unknown(report, note, unknown), _rated(ended, unknown, Style.KPI_BAD))


def _coverage(report: Report) -> Tile:
    view, texts = report.view, report.texts
    if not view.known:
        return _unknown(report, "coverage")
    figure = texts.text("kpi.coverage.figure", count=view.reached, base=view.known)
    style = Style.KPI_GOOD if view.reached == view.known else Style.KPI_WARN
    return _tile(report, "coverage", figure, texts.text("kpi.coverage.note"), style)


def _rated(count: int, unknown: int, bad: Style) -> Style:
    """Green only for a zero nobody can doubt."""
    if count:
        return bad
    return Style.KPI_INFO if unknown else Style.KPI_GOOD


def _with_unknown(report: Report, note: str, unknown: int) -> str:
    return report.texts.text("kpi.and_unknown", note=note, count=unknown) if unknown > 0 else note


def _unknown(report: Report, name: str) -> Tile:
    texts = report.texts
    return _tile(report, name, texts.text("kpi.unknown"), texts.text("kpi.unknown_note"), Style.KPI_UNKNOWN)


def _tile(report: Report, name: str, figure: int | str, note: str, style: Style) -> Tile:
    return Tile(name=name, label=report.texts.text(f"kpi.{name}.label"), figure=figure, note=note, style=style)
