"""Machines: one line each, the ones nobody could look at first."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from reports import words
from reports.cells import Value
from reports.grid import Column, Page, Styled
from reports.sheet import Report, Sheet
from reports.styles import Style
from reports.view import MachineState, MachineView, is_out_of_support
from rules.model import Outcome

_AREAS_SHOWN: Final = 3  # the sheet about coverage names them all
STATE_STYLES: Final = {
    MachineState.NOT_AUDITED: Style.UNKNOWN,
    MachineState.UNKNOWN: Style.UNKNOWN,
    MachineState.OUT_OF_SUPPORT: Style.BAD,
    MachineState.MISSING: Style.WARN,
    MachineState.REBOOT: Style.INFO,
    MachineState.SYSTEM_ONLY: Style.INFO,
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
        Column(title=texts.text(name + "machine"), style=Style.STRONG, least=14, most=20),
        Column(title=texts.text(name + "site"), least=9, most=12),
        Column(title=texts.text(name + "state"), width=14),
        Column(title=texts.text(name + "system"), least=16, most=22),
        Column(title=texts.text(name + "support"), width=14),
        Column(title=texts.text(name + "missing"), style=Style.NUMBER, width=12),
        Column(title=texts.text(name + "urgent"), style=Style.NUMBER, width=11),
        Column(title=texts.text(name + "overdue"), style=Style.NUMBER, width=9),
        Column(title=texts.text(name + "reboot"), width=13.5),
        Column(title=texts.text(name + "last_update"), style=Style.DATE, width=11.5),
        Column(title=texts.text(name + "updates_from"), least=9, most=14),
        Column(title=texts.text(name + "partial"), width=24),
        Column(title=texts.text(name + "seen"), style=Style.DATE, width=11),
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
    support = Outcome.UNKNOWN if machine.support is None else machine.support.outcome
    reboot = machine.reboot
    latest = summary.last_update
    return (
        _named(report, machine),
        summary.target.site,
        Styled(_state(report, machine), STATE_STYLES[machine.state]),
        unknown if system is None else words.system(system),
        Styled(support_words(report, machine), _OUTCOME_STYLES[support]),
        *_counts(report, machine),
        Styled(texts.text(f"sheets.machines.reboot_{reboot.value}"), _OUTCOME_STYLES[reboot]),
        None if latest is None else texts.local_day(latest.at),
        texts.text(f"updates_from.{summary.updates_from}") if summary.updates_from else "",
        texts.listing(
            [words.area(report, kind, windows=words.is_windows(summary)) for kind in machine.partial],
            limit=_AREAS_SHOWN,
        ),
        texts.local_day(summary.taken_at),
    )


def _state(report: Report, machine: MachineView) -> str:
    """Its state, and below it how many products could not be told, whatever the state of the system."""
    texts = report.texts
    state = texts.text(f"machine_state.{machine.state.value}")
    if not machine.undecided or not machine.verdict:
        return state
    return f"{state}\n{texts.text('sheets.machines.undecided', count=machine.undecided)}"


def _named(report: Report, machine: MachineView) -> str:
    """Its name, and below it those under which the same machine was found too (G3)."""
    also = machine.summary.aliases
    if not also:
        return machine.name
    return f"{machine.name}\n{report.texts.text('sheets.machines.also', names=', '.join(also))}"


def _counts(report: Report, machine: MachineView) -> tuple[Value | Styled, ...]:
    """Missing, urgent and overdue; a zero only where it is good news."""
    if machine.missing == 0 and machine.state is MachineState.OUT_OF_SUPPORT:
        return (Styled(report.texts.text("sheets.machines.no_longer"), Style.WARN), None, None)
    if machine.missing == 0 and not machine.verdict:
        return (Styled(report.texts.text("kpi.unknown"), Style.UNKNOWN),) * 3
    return (machine.missing, machine.urgent, machine.overdue)


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
