"""The figures of the first sheet: six about machines, three about licenses, each where its part was audited.

Each carries its base; what is unknown is written so and enters no rate.
"""

from dataclasses import dataclass
from decimal import Decimal

from collectors.feeds.records import Severity
from reports.sheet import Report
from reports.styles import Style
from reports.view import MachineState, Tally
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
    """All tiles, in reading order, three of a kind. A part that was not to be audited has none."""
    view, licenses = report.view, report.licenses
    about_licenses = (_license_rate(report), _surplus(report), _deficit(report)) if licenses.tenants else ()
    if licenses.tenants and not view.known:
        return about_licenses
    return (
        _updated(report),
        _patches(report, "urgent", view.urgent, Style.KPI_BAD),
        _patches(report, "overdue", view.overdue, Style.KPI_BAD),
        _reboot(report),
        _support(report),
        _coverage(report),
        *about_licenses,
    )


def _license_rate(report: Report) -> Tile:
    licenses, texts = report.licenses, report.texts
    rate = licenses.rate
    if not licenses.readable:
        return _unknown(report, "license_rate", "licenses_unknown_note")
    if not rate.base:
        note = "licenses_unknown_note" if rate.unknown else "none_note"
        figure = texts.text("kpi.unknown" if rate.unknown else "kpi.not_applicable")
        return _tile(report, "license_rate", figure, texts.text(f"kpi.{note}"), Style.KPI_UNKNOWN)
    figure = texts.text("kpi.license_rate.figure", count=rate.good, base=rate.base)
    style = Style.KPI_GOOD if rate.good == rate.base and licenses.complete else Style.KPI_WARN
    note = _with_unknown(report, texts.text("kpi.license_rate.note"), rate.unknown)
    return _tile(report, "license_rate", figure, note, style)


def _surplus(report: Report) -> Tile:
    licenses = report.licenses
    if not licenses.readable:
        return _unknown(report, "surplus", "licenses_unknown_note")
    totals, sure = licenses.totals, licenses.complete and licenses.activity_known
    unpriced = sum(product.saving_unknown for product in licenses.products)
    note = _money_note(report, "surplus", totals.surplus, totals.saving, unpriced, sure=sure)
    return _tile(
        report, "surplus", _at_least(report, totals.surplus, sure=sure), note, _toned(totals.surplus, sure=sure)
    )


def _deficit(report: Report) -> Tile:
    licenses = report.licenses
    if not licenses.readable:
        return _unknown(report, "deficit", "licenses_unknown_note")
    missing, sure = licenses.missing, licenses.complete
    note = _money_note(report, "deficit", missing.seats, missing.cost, missing.unpriced, sure=sure)
    figure = _at_least(report, missing.seats, sure=sure)
    style = Style.KPI_BAD if missing.seats else _toned(0, sure=sure)
    return _tile(report, "deficit", figure, note, style)


def _money_note(report: Report, name: str, seats: int, amount: Decimal, unpriced: int, *, sure: bool) -> str:
    texts = report.texts
    if not seats:
        return texts.text(f"kpi.{name}.note_none" if sure else "kpi.none_seen_note")
    kind = "note_without_price" if not amount else "note_partly" if unpriced else "note"
    return texts.text(f"kpi.{name}.{kind}", amount=texts.euros(amount), count=unpriced)


def _at_least(report: Report, count: int, *, sure: bool) -> int | str:
    return count if sure or not count else report.texts.text("kpi.at_least", figure=count)


def _toned(count: int, *, sure: bool) -> Style:
    """Green only for a zero nobody can doubt."""
    if count:
        return Style.KPI_WARN
    return Style.KPI_GOOD if sure else Style.KPI_INFO


def _updated(report: Report) -> Tile:
    view, texts = report.view, report.texts
    if not view.decided:
        return _unknown(report, "updated")
    figure = texts.text("kpi.updated.figure", count=view.updated, base=view.decided)
    whole = Style.KPI_INFO if view.in_doubt else Style.KPI_GOOD
    style = whole if view.updated == view.decided else Style.KPI_WARN
    partly = len(view.in_state(MachineState.SYSTEM_ONLY))
    said = texts.text("kpi.updated.note_system", count=partly) if partly else texts.text("kpi.updated.note")
    note = _with_unknown(report, said, view.known - view.decided)
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
        style = Style.KPI_INFO if unknown or view.in_doubt else Style.KPI_GOOD
        return _tile(report, name, 0, _with_unknown(report, note, unread), style)
    figure = texts.text("kpi.at_least", figure=tally.findings) if unknown or view.in_doubt else tally.findings
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


def _unknown(report: Report, name: str, note: str = "unknown_note") -> Tile:
    texts = report.texts
    return _tile(report, name, texts.text("kpi.unknown"), texts.text(f"kpi.{note}"), Style.KPI_UNKNOWN)


def _tile(report: Report, name: str, figure: int | str, note: str, style: Style) -> Tile:
    return Tile(name=name, label=report.texts.text(f"kpi.{name}.label"), figure=figure, note=note, style=style)
