"""Machines: one line each, the ones nobody could look at first."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from reports.cells import Value
from reports.grid import Column, Page, Styled
from reports.sheet import Report, Sheet
from reports.styles import Style
from reports.view import MachineState, MachineView, is_out_of_support
from rules.model import Outcome

STATE_STYLES: Final = {
    MachineState.NOT_AUDITED: Style.UNKNOWN,
    MachineState.UNKNOWN: Style.UNKNOWN,
    MachineState.OUT_OF_SUPPORT: Style.BAD,
    MachineState.MISSING: Style.WARN,
    MachineState.REBOOT: Style.INFO,
    MachineState.UP_TO_DATE: Style.GOOD,
}
_OUTCOME_STYLES: Final = {
    Outcome.FAIL: Style.WARN,
    Outcome.UNKNOWN: Style.UNKNOWN,
    Outcome.PASS: Style.TEXT,
    Outcome.NOT_APPLICABLE: Style.TEXT,
}


def build(page: Page, report: Report) -> None:
    """Lay the sheet out."""
    texts = report.texts
    name = "sheets.machines."
    columns = (
        Column(title=texts.text(name + "machine"), style=Style.STRONG, least=15, most=26),
        Column(title=texts.text(name + "site"), least=9, most=16),
        Column(title=texts.text(name + "state"), width=22),
        Column(title=texts.text(name + "system"), least=16, most=34),
        Column(title=texts.text(name + "support"), width=19),
        Column(title=texts.text(name + "missing"), style=Style.NUMBER, width=12),
        Column(title=texts.text(name + "urgent"), style=Style.NUMBER, width=12),
        Column(title=texts.text(name + "overdue"), style=Style.NUMBER, width=12),
        Column(title=texts.text(name + "reboot"), width=14),
        Column(title=texts.text(name + "partial"), width=22),
        Column(title=texts.text(name + "seen"), style=Style.MOMENT, width=17),
        Column(title=texts.text(name + "aliases"), least=9, most=16),
    )
    page.heading(texts.text(name + "heading"), texts.text(name + "intro"), len(columns))
    page.table(columns, report.view.machines, lambda machine: line(report, machine), main=True)
    if not report.view.machines:
        page.wide(
            texts.text("workbook.no_rows", reason=texts.text(name + "empty")), Style.WARN_BOX, 1, len(columns), 30
        )


def line(report: Report, machine: MachineView) -> Sequence[Value | Styled]:
    """One machine; counts are "Unknown" rather than 0 where the patch rule could not answer."""
    texts = report.texts
    summary = machine.summary
    system = summary.operating_system
    unknown = Styled(texts.text("kpi.unknown"), Style.UNKNOWN)
    counted = machine.verdict or machine.missing > 0
    support = Outcome.UNKNOWN if machine.support is None else machine.support.outcome
    reboot = machine.reboot
    return (
        machine.name,
        summary.target.site,
        Styled(texts.text(f"machine_state.{machine.state.value}"), STATE_STYLES[machine.state]),
        unknown if system is None else system.pretty_name or system.id,
        Styled(support_words(report, machine), _OUTCOME_STYLES[support]),
        machine.missing if counted else unknown,
        machine.urgent if counted else unknown,
        machine.overdue if counted else unknown,
        Styled(texts.text(f"sheets.machines.reboot_{reboot.value}"), _OUTCOME_STYLES[reboot]),
        ", ".join(texts.text(f"fact.{kind.value}") for kind in machine.partial),
        summary.taken_at,
        ", ".join(summary.aliases),
    )


def support_words(report: Report, machine: MachineView) -> str:
    """Say until when the publisher fixes the system, or since when it no longer does."""
    finding = machine.support
    outcome = Outcome.UNKNOWN if finding is None else finding.outcome
    if finding is None or outcome not in (Outcome.FAIL, Outcome.PASS):
        return report.texts.text(f"sheets.machines.support_{outcome.value}")
    ended = is_out_of_support(finding)
    when = finding.message.params.get("ended_on" if ended else "ends_on")
    if not when:
        return report.texts.text(f"sheets.machines.support_{'ended' if ended else 'open'}")
    day = date.fromisoformat(str(when))
    return report.texts.text(f"sheets.machines.support_{'ended' if ended else 'until'}_on", day=day)


SHEET = Sheet(name="machines", order=40, build=build)
