"""The figures of the first sheet: six at most, three of them about licenses where those were audited.

Each carries its base and, from the second report on, where it went since the one before; what is unknown is written so,
enters no rate and is compared with nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from collectors.feeds.records import Severity
from reports import evolution, software_words
from reports.background import Figures
from reports.sheet import Report
from reports.software import Short, Spare
from reports.styles import Style
from reports.view import MachineState, Tally
from rules.model import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One key figure. `figure` is a number where it stands alone, else a text ("7 / 9", "Unknown").

    `trend` says in a symbol and words where it went since the report before ("" in the first report).
    """

    name: str
    label: str
    figure: int | str
    note: str
    style: Style
    trend: str = ""


def tiles(report: Report) -> tuple[Tile, ...]:
    """All tiles, in reading order, three in a row. A part that was not to be audited has none."""
    return tuple(_with_trend(report, tile) for tile in _shown(report))


def _shown(report: Report) -> tuple[Tile, ...]:
    view = report.view
    urgent = _patches(report, "urgent", view.urgent, Style.KPI_BAD)
    licenses = (_license_rate(report), _surplus(report), _deficit(report)) if view.standing.wanted else ()
    if licenses and not view.known:
        return licenses
    if licenses:
        return (*licenses, urgent, _updated(report), _coverage(report))
    overdue = _patches(report, "overdue", view.overdue, Style.KPI_BAD)
    return (_updated(report), urgent, overdue, _reboot(report), _support(report), _coverage(report))


def _with_trend(report: Report, tile: Tile) -> Tile:
    past = evolution.before(report.background)
    if past is None:
        return tile
    number, shown = _KEPT[tile.name]
    present = report.background.trend[-1]
    return replace(tile, trend=evolution.trend_words(report, number(past), number(present), shown(past)))


def _plain(name: str) -> tuple[Callable[[Figures], int | None], Callable[[Figures], str]]:
    """A figure kept as it is, and how it is written."""

    def number(figures: Figures) -> int | None:
        value: int | None = getattr(figures, name)
        return value

    return number, lambda figures: str(number(figures))


# How the figure of a tile is read from those of a month, and how it was written on that month's tile.
_KEPT: Final[Mapping[str, tuple[Callable[[Figures], Fraction | int | None], Callable[[Figures], str]]]] = {
    "license_rate": (evolution.license_share, lambda past: f"{past.license_good} / {past.license_base}"),
    "surplus": _plain("surplus_seats"),
    "deficit": _plain("missing_seats"),
    "urgent": _plain("urgent"),
    "overdue": _plain("overdue"),
    "reboot": _plain("reboots"),
    "support": _plain("out_of_support"),
    "updated": (evolution.updated_share, lambda past: f"{past.updated} / {past.decided}"),
    "coverage": (
        lambda figures: evolution.share(figures.reached, figures.known),
        lambda past: f"{past.reached} / {past.known}",
    ),
}


def _license_rate(report: Report) -> Tile:
    standing, texts = report.view.standing, report.texts
    if not standing.readable:
        return _unknown(report, "license_rate", standing.unread_note)
    rate = standing.rate
    if not rate.base:
        note = "licenses_unknown_note" if rate.unknown else "none_note"
        figure = texts.text("kpi.unknown" if rate.unknown else "kpi.not_applicable")
        return _tile(report, "license_rate", figure, texts.text(f"kpi.{note}"), Style.KPI_UNKNOWN)
    figure = texts.text("kpi.license_rate.figure", count=rate.good, base=rate.base)
    style = Style.KPI_GOOD if rate.good == rate.base and standing.complete else Style.KPI_WARN
    note = _with_unknown(report, texts.text(f"kpi.license_rate.{standing.rate_note}"), rate.unknown)
    return _tile(report, "license_rate", figure, note, style)


def _surplus(report: Report) -> Tile:
    standing = report.view.standing
    if not standing.readable:
        return _unknown(report, "surplus", standing.unread_note)
    spare, texts = standing.spare, report.texts
    kind = "note_none" if spare.sure else ""
    if spare.units:
        kind = "note_partly" if spare.unpriced else "note"
        kind = kind if spare.yearly else _unpaid(spare)
    told = f"kpi.surplus.{kind}" if kind else _none_seen(report)
    note = texts.text(told, amount=texts.euros(spare.yearly), count=spare.unpriced)
    if 0 < spare.tied < spare.units:
        note = texts.text("kpi.and_tied", note=note, count=spare.tied)
    note = _with_apart(report, note, spare)
    figure = _at_least(report, spare.units, sure=spare.sure)
    return _tile(report, "surplus", figure, note, _toned(spare.units, sure=spare.sure))


def _unpaid(spare: Spare) -> str:
    """Which text says of a surplus that saves nothing every year why it does not."""
    if spare.tied == spare.units:
        return "note_tied"
    if spare.unpriced:
        return "note_without_price" if spare.returned else "note_idle"
    if spare.kept_value:
        return "note_kept"
    return "note_free" if spare.returned else "note_packed"


def _none_seen(report: Report) -> str:
    """Which text says why a zero is not sure."""
    return "kpi.none_seen_old_note" if report.view.standing.only_old else "kpi.none_seen_note"


def _with_apart(report: Report, note: str, told: Short | Spare) -> str:
    """Say of how many of the units that are for cores, and how many more the client accepts for a time."""
    texts = report.texts
    if told.cores:
        all_of_them = told.cores == told.units
        note = texts.text("kpi.only_cores" if all_of_them else "kpi.and_cores", note=note, count=told.cores)
    if told.units and report.view.standing.only_old:
        note = texts.text("kpi.and_old", note=note)
    return texts.text("kpi.and_waived", note=note, count=told.accepted) if told.accepted else note


def _deficit(report: Report) -> Tile:
    """Seats and rights to buy; what is paid once is told apart from what is paid every year."""
    standing = report.view.standing
    if not standing.readable:
        return _unknown(report, "deficit", standing.unread_note)
    short, texts = standing.short, report.texts
    told = software_words.amount(report, yearly=short.yearly, once=short.once)
    kind = ("note_none_sure" if standing.to_check else "note_none") if short.sure else ""
    if short.units:
        kind = "note_without_price" if not told else "note_money_partly" if short.unpriced else "note_money"
    note = texts.text(f"kpi.deficit.{kind}" if kind else _none_seen(report), amount=told, count=short.unpriced)
    note = _with_apart(report, note, short)
    if standing.to_check and not short.units:  # a product that a person must check may lack what nobody counted
        note = texts.text("kpi.and_to_check", note=note, count=standing.to_check)
    style = Style.KPI_BAD if short.units else _toned(0, sure=short.sure and not standing.to_check)
    return _tile(report, "deficit", _at_least(report, short.units, sure=short.sure), note, style)


def _at_least(report: Report, count: int, *, sure: bool) -> int | str:
    if sure or not count or report.view.standing.only_old:  # what was seen long ago may be fewer by now
        return count
    return report.texts.text("kpi.at_least", figure=count)


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
    unknown, running = view.known - view.decided, len(view.in_state(MachineState.UNKNOWN)) - len(view.unanswered)
    note = _with_unknown(report, said, unknown)
    if running:
        note = texts.text("kpi.of_which_reboot", note=note, count=running)
    return _tile(report, "updated", figure, note, style)


def _patches(report: Report, name: str, tally: Tally, bad: Style) -> Tile:
    """Missing patches on the machines of which it is known whether any is missing, those out of support among them."""
    view, texts = report.view, report.texts
    if not view.judged and not tally.findings:
        return _unknown(report, name)
    unread = view.known - view.reached + len(view.unanswered)
    ended = len(view.blind_spots.get("out_of_support", ()))
    undisclosed = name == "urgent" and any(patch.severity is Severity.UNKNOWN for patch in view.missing)
    kind = "note_undisclosed" if undisclosed else "note"
    base = texts.text("kpi.base_ended" if ended else "kpi.base", base=view.known - unread, count=ended)
    note = texts.text(f"kpi.{name}.{kind}", count=tally.machines, base=base)
    if tally.accepted:
        note = texts.text("kpi.and_accepted", note=note, count=tally.accepted)
    note = _with_unknown(report, note, unread)
    doubt = view.judged < view.known or bool(view.in_doubt)
    if not tally.findings:
        return _tile(report, name, 0, note, Style.KPI_INFO if doubt else Style.KPI_GOOD)
    figure = texts.text("kpi.at_least", figure=tally.findings) if doubt else tally.findings
    return _tile(report, name, figure, note, bad)


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
