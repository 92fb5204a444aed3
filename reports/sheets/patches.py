"""Patches: one line per machine in plain words, the ones nobody could look at first; no list of updates or flaws."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from reports import patches, words
from reports.cells import Value
from reports.charts import Bars, Chart
from reports.grid import Column, Page, Styled
from reports.patches import MachinePatches
from reports.sheet import Report, Sheet
from reports.styles import Style
from reports.view import MachineState, MachineView, is_out_of_support
from rules.model import Outcome

_NAME: Final = "sheets.patches."
_CHART_ROWS: Final = 15
_CHART_CM: Final = 22
STATE_STYLES: Final = {
    MachineState.NOT_AUDITED: Style.UNKNOWN,
    MachineState.UNKNOWN: Style.UNKNOWN,
    MachineState.OUT_OF_SUPPORT: Style.BAD,
    MachineState.MISSING: Style.WARN,
    MachineState.REBOOT: Style.INFO,
    MachineState.SYSTEM_ONLY: Style.INFO,
    MachineState.UP_TO_DATE: Style.GOOD,
}
OUTCOME_STYLES: Final = {
    Outcome.FAIL: Style.WARN,
    Outcome.UNKNOWN: Style.UNKNOWN,
    Outcome.PASS: Style.TEXT,
    Outcome.NOT_APPLICABLE: Style.TEXT,
}


def build(page: Page, report: Report) -> None:
    """Lay the sheet out; without missing patches it says whether that is good news."""
    texts, view = report.texts, report.view
    columns = _columns(report)
    page.heading(texts.text(_NAME + "heading"), texts.text(_NAME + "intro"), len(columns))
    rows = patches.by_machine(view)
    page.table(columns, rows, lambda row: line(report, row), main=True)
    if not rows:
        page.wide(
            texts.text("workbook.no_rows", reason=texts.text(_NAME + "empty")), Style.WARN_BOX, 1, len(columns), 30
        )
        return
    page.skip()
    if not view.missing:
        whole = view.judged == view.known and not view.in_doubt
        name = "none_missing" if view.judged else "none_known"
        sentence = texts.text(_NAME + name, base=view.judged, known=view.known)
        page.note(sentence, Style.GOOD_BOX if whole else Style.WARN_BOX, len(columns))
    page.note(texts.text(_NAME + "annex"), Style.NOTE, len(columns))
    _ages(page, report, len(columns))


def _columns(report: Report) -> tuple[Column, ...]:
    def column(name: str, width: float, style: Style = Style.TEXT) -> Column:
        return Column(title=report.texts.text(_NAME + name), style=style, width=width)

    return (
        column("machine", 17, Style.STRONG),
        column("state", 13),
        column("system", 17),
        column("what", 25),
        column("missing", 11, Style.NUMBER),
        column("urgent", 10.2, Style.NUMBER),
        column("exploited", 10.2, Style.NUMBER),
        column("overdue", 8.5, Style.NUMBER),
        column("oldest", 11, Style.DATE),
        column("support", 12),
        column("reboot", 12.1),
        column("todo", 23),
    )


def line(report: Report, row: MachinePatches) -> Sequence[Value | Styled]:
    """One machine; counts are "Unknown" rather than 0 where the patch rule could not answer."""
    texts, machine = report.texts, row.machine
    system = machine.summary.operating_system
    support = Outcome.UNKNOWN if machine.support is None else machine.support.outcome
    return (
        named(report, machine),
        Styled(state_words(report, machine), STATE_STYLES[machine.state]),
        Styled(texts.text("kpi.unknown"), Style.UNKNOWN) if system is None else words.system_name(system),
        patches.missing_words(report, row.missing),
        *_counts(report, row),
        row.oldest_on,
        Styled(support_words(report, machine), OUTCOME_STYLES[support]),
        Styled(texts.text(f"{_NAME}reboot_{machine.reboot.value}"), OUTCOME_STYLES[machine.reboot]),
        patches.todo(report, row),
    )


def state_words(report: Report, machine: MachineView) -> str:
    """Its state; below it how many products could not be told, and when it was seen if that is an older day."""
    texts = report.texts
    parts = [texts.text(f"machine_state.{machine.state.value}")]
    if machine.undecided and machine.verdict:
        parts.append(texts.text(_NAME + "undecided", count=machine.undecided))
    seen = texts.local_day(machine.summary.taken_at)
    if machine.summary.reached and seen < texts.local_day(report.assessment.as_of):
        parts.append(texts.text(_NAME + "seen_on", day=seen))
    return "\n".join(parts)


def named(report: Report, machine: MachineView) -> str:
    """Its name; below it those under which the same machine was found too (G3), and its site."""
    also = machine.summary.aliases
    parts = [machine.name]
    if also:
        parts.append(report.texts.text(_NAME + "also", names=", ".join(also)))
    if machine.summary.target.site:
        parts.append(machine.summary.target.site)
    return "\n".join(parts)


def _counts(report: Report, row: MachinePatches) -> tuple[Value | Styled, ...]:
    """Missing, urgent, exploited and overdue; a zero only where it is good news."""
    machine = row.machine
    if machine.missing == 0 and machine.state is MachineState.OUT_OF_SUPPORT:
        return (Styled(report.texts.text(_NAME + "no_longer"), Style.WARN), None, None, None)
    if machine.missing == 0 and not machine.verdict:
        return (Styled(report.texts.text("kpi.unknown"), Style.UNKNOWN),) * 4
    late = Styled(machine.overdue, Style.LATE) if machine.overdue else 0
    return (machine.missing, machine.urgent, row.exploited, late)


def support_words(report: Report, machine: MachineView) -> str:
    """Say until when the publisher fixes the system, or since when it no longer does."""
    finding = machine.support
    outcome = Outcome.UNKNOWN if finding is None else finding.outcome
    if finding is None or outcome not in (Outcome.FAIL, Outcome.PASS):
        return report.texts.text(f"{_NAME}support_{outcome.value}")
    ended = is_out_of_support(finding)
    when = finding.message.params.get("ended_on" if ended else "ends_on")
    if not when:
        return report.texts.text(f"{_NAME}support_{'ended' if ended else 'open'}")
    day = date.fromisoformat(str(when))
    return report.texts.text(f"{_NAME}support_{'ended' if ended else 'until'}_on", day=day)


def _ages(page: Page, report: Report, last: int) -> None:
    """How old the missing patches are, as a small table and bars over it."""
    texts, view = report.texts, report.view
    page.skip()
    if any(finding.released_on is not None for finding in view.missing):
        page.turn()
    page.wide(texts.text(_NAME + "ages"), Style.SECTION, 1, last, 22)
    counts, unknown = patches.ages(view)
    if not sum(counts):
        reason = "ages_unknown" if unknown else "ages_none" if view.judged else "ages_no_verdict"
        page.note(texts.text(_NAME + reason, count=unknown), Style.SENTENCE, last)
        return
    older = sum(counts[1:])
    message = texts.text(_NAME + "ages_message", count=sum(counts), older=older, days=patches.AGE_LIMITS[0])
    if unknown:
        message = f"{message} {texts.text(_NAME + 'ages_unknown', count=unknown)}"
    page.note(message, Style.SENTENCE, last)
    page.skip()
    labels = tuple(_age_label(report, place) for place in range(len(counts)))
    heads = (Column(title=texts.text(_NAME + "age")), Column(title=texts.text(_NAME + "count"), style=Style.NUMBER))
    first = page.table(heads, list(zip(labels, counts, strict=True)), lambda row: row)
    page.skip()
    points = [texts.labelled(label, str(count)) for label, count in zip(labels, counts, strict=True)]
    page.draw(
        Chart(
            title=texts.text(_NAME + "ages_title"),
            description=f"{message} {texts.clauses(points)}",
            label_axis=texts.text(_NAME + "age"),
            value_axis=texts.text(_NAME + "count"),
            first=first,
            last=first + len(counts) - 1,
            label_column=1,
            labels=labels,
            bars=(Bars(title=texts.text(_NAME + "count"), column=2, values=counts),),
            at=page.next_row,
            rows=_CHART_ROWS,
            width_cm=_CHART_CM,
        )
    )


def _age_label(report: Report, place: int) -> str:
    limits = patches.AGE_LIMITS
    if place == len(limits):
        return report.texts.text(_NAME + "age_over", days=limits[-1])
    if place == 0:
        return report.texts.text(_NAME + "age_under", days=limits[0])
    return report.texts.text(_NAME + "age_between", first=limits[place - 1] + 1, last=limits[place])


SHEET = Sheet(name="patches", order=60, build=build)
