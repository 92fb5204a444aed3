"""Sheets of the technician's workbook about installed software: the whole position, unnamed programs, waivers."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from reports.cells import Value
from reports.grid import Column, Page, Styled
from reports.sheet import FIRST_ROW, Report
from reports.styles import Style
from rules.software.position import PositionLine, Unrecognized
from rules.waivers import WaiverUse

_NAME: Final = "annex_software."
_LINE: Final = (
    *("product", "publisher", "edition_of", "version", "metric", "owned", "owned_oem", "installed_count"),
    *("not_subject", "required", "transferred", "gap", "status", "at_least", "seen_count", "known_count", "old_count"),
    *("proofs", "ends", "unit_price", "gap_cost", "gap_saving", "period", "devices", "users", "rights", "notes", "key"),
)
_UNRECOGNIZED: Final = ("program", "publisher", "versions", "machine_count", "devices")
_WAIVER: Final = (
    *("waiver", "status", "scope_rule", "scope_subject", "scope_key", "waiver_reason", "approved_by", "until"),
    *("matched", "place"),
)
_WIDE: Final = {"devices": 40.0, "users": 34.0, "notes": 60.0, "waiver_reason": 40.0, "program": 36.0}
_DATES: Final = frozenset({"ends", "until"})
_EUROS: Final = frozenset({"unit_price", "gap_cost", "gap_saving"})
_NUMBERS: Final = frozenset(
    {"owned", "owned_oem", "installed_count", "not_subject", "required", "transferred", "gap", "seen_count"}
    | {"known_count", "old_count", "matched", "machine_count"}
)


def pages(report: Report) -> list[Page]:
    """All lines, those too that the manager's workbook tells in one sentence; no page for what there is not."""
    software, waivers = report.software, report.assessment.waivers
    found = []
    if software.told:
        found.append(_page(report, "software", _LINE, software.lines, lambda line: _line(report, line)))
    if software.unrecognized:
        found.append(_page(report, "unrecognized", _UNRECOGNIZED, software.unrecognized, _program))
    if waivers:
        found.append(_page(report, "waivers", _WAIVER, waivers, lambda use: _waiver(report, use)))
    return found


def _page(
    report: Report,
    name: str,
    heads: Sequence[str],
    items: Sequence[Any],
    line: Callable[[Any], Sequence[Value | Styled]],
) -> Page:
    texts = report.texts
    page = Page(title=texts.text(_NAME + name))
    columns = [
        Column(title=texts.text(_NAME + head), style=_style(head), width=_WIDE.get(head), least=11, most=40)
        for head in heads
    ]
    page.skip(FIRST_ROW - 2)  # what the heading takes, whose width follows the table's
    page.table(columns, items, line, main=True)
    if not items:
        page.line((1, texts.text("annex.empty"), Style.PLAIN))
    page.heading_above(f"{texts.text('annex.heading')} – {page.title}", texts.text("annex.intro"))
    return page


def _style(head: str) -> Style:
    styles = ((_DATES, Style.DATE), (_EUROS, Style.EURO), (_NUMBERS, Style.NUMBER))
    return next((style for heads, style in styles if head in heads), Style.TEXT)


def _line(report: Report, line: PositionLine) -> Sequence[Value | Styled]:
    texts = report.texts
    return (
        line.name,
        line.publisher,
        line.edition,
        line.version,
        texts.text(f"metric.{line.metric.value}"),
        "∞" if line.unlimited else line.owned,
        line.owned_oem,
        line.installed,
        line.not_subject,
        line.required,
        line.transferred,
        line.gap,
        texts.text(f"software_status.{line.status.value}"),
        texts.value(line.at_least),
        line.seen,
        line.known,
        line.old,
        "\n".join(line.proofs),
        line.ends_on,
        line.unit_price,
        line.cost,
        line.saving,
        texts.text(_NAME + ("yearly" if line.yearly else "once")),
        ", ".join(line.devices),
        ", ".join(line.users),
        ", ".join(line.entitlements),
        "\n".join(texts.message(note) for note in line.notes),
        line.key,
    )


def _program(program: Unrecognized) -> Sequence[Value | Styled]:
    return (
        program.name,
        program.publisher,
        ", ".join(program.versions),
        len(program.devices),
        ", ".join(sorted(program.devices)),
    )


def _waiver(report: Report, use: WaiverUse) -> Sequence[Value | Styled]:
    waiver = use.waiver
    return (
        waiver.id,
        report.texts.text(f"waiver_state.{use.state}"),
        waiver.rule,
        waiver.subject,
        waiver.key,
        waiver.reason,
        waiver.approved_by,
        waiver.until,
        use.matched,
        waiver.place,
    )
