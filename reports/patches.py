"""Missing patches machine by machine, as a manager reads them: counts, the oldest, and what it is about in words."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from reports import words
from reports.actions import monthly
from reports.sheet import Report
from reports.view import MachineState, MachineView, View, exploited, is_out_of_support, late_days
from rules.model import Finding, Outcome
from rules.waivers import Waiver

_NAMES_SHOWN: Final = 4
# Ages of missing patches in days: up to and including each of these, then everything older.
AGE_LIMITS: Final = (30, 90, 180, 365)
_NAME: Final = "sheets.patches."


@dataclass(frozen=True, slots=True, kw_only=True)
class MachinePatches:
    """One machine and what it misses; `exploited` counts the fixes for a flaw known to be exploited."""

    machine: MachineView
    missing: tuple[Finding, ...]
    exploited: int = 0

    @property
    def accepted(self) -> tuple[Waiver, ...]:
        """The waiver of each missing fix that the client accepts to live without for a time."""
        return tuple(finding.waiver for finding in self.missing if finding.waiver is not None)

    @property
    def oldest_on(self) -> date | None:
        """Day the oldest missing fix was released; None without a known one."""
        return min((finding.released_on for finding in self.missing if finding.released_on is not None), default=None)

    @property
    def due_on(self) -> date | None:
        """First deadline of what is to be installed; None without one."""
        return min((finding.due_on for finding in self.asked if finding.due_on is not None), default=None)

    @property
    def asked(self) -> tuple[Finding, ...]:
        """What is to be installed: no waiver accepts it."""
        return tuple(finding for finding in self.missing if finding.waiver is None)


def by_machine(view: View) -> tuple[MachinePatches, ...]:
    """All machines in the order of the view, each with its missing patches."""
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in view.missing:
        found[finding.subject].append(finding)
    return tuple(
        MachinePatches(
            machine=machine,
            missing=tuple(found.get(machine.name, ())),
            exploited=sum(exploited(finding) is True for finding in found.get(machine.name, ())),
        )
        for machine in view.machines
    )


def ages(view: View) -> tuple[tuple[int, ...], int]:
    """How many missing patches there are by age since release (one more than AGE_LIMITS), and of unknown age."""
    counts = [0] * (len(AGE_LIMITS) + 1)
    unknown = 0
    for finding in view.missing:
        if finding.released_on is None:
            unknown += 1
            continue
        age = (view.day - finding.released_on).days
        counts[sum(age > limit for limit in AGE_LIMITS)] += 1
    return tuple(counts), unknown


def missing_words(report: Report, findings: Sequence[Finding]) -> str:
    """Name what is missing on one machine: the month of Windows' own updates, then products, each once."""
    texts = report.texts
    parts = []
    if month := words.month(report, tuple(findings)):
        parts.append(texts.text(_NAME + "windows", month=month))
    names = dict.fromkeys(words.plain_product(report, finding) for finding in findings if monthly(finding) is None)
    if names:
        parts.append(texts.listing(list(names), limit=_NAMES_SHOWN))
    if accepted := sorted({finding.waiver.id for finding in findings if finding.waiver is not None}):
        count = sum(finding.waiver is not None for finding in findings)
        parts.append(texts.text(_NAME + "accepted", count=count, waivers=texts.listing(accepted)))
    return "\n".join(parts)


def todo(report: Report, row: MachinePatches) -> str:
    """What is to be done on one machine, each thing on a line of its own; "" where there is nothing."""
    texts, machine = report.texts, row.machine
    if machine.state is MachineState.NOT_AUDITED:
        reason = next((gap.reason.value for gap in machine.summary.gaps), "failed")
        return texts.text(f"gap.todo.{reason}")
    parts = []
    if row.missing:
        parts.append(_install(report, row))
    if machine.reboot is Outcome.FAIL:
        parts.append(texts.text(_NAME + "todo_reboot"))
    support = machine.support
    if support is not None and support.outcome is Outcome.FAIL:
        parts.append(texts.text(_NAME + ("todo_replace" if is_out_of_support(support) else "todo_plan")))
    if not machine.verdict and not is_out_of_support(support):
        parts.append(texts.text(_NAME + "todo_see", sheet=report.title("coverage")))
    elif machine.undecided:
        parts.append(texts.text(_NAME + "todo_products", count=machine.undecided))
    return "\n".join(parts)


def _install(report: Report, row: MachinePatches) -> str:
    texts = report.texts
    if not row.asked:
        until = min(waiver.until for waiver in row.accepted)
        return texts.text(_NAME + "todo_accepted", day=until)
    if any(exploited(finding) is True for finding in row.asked):
        return texts.text(_NAME + "todo_exploited")
    if any(late_days(finding, report.view.day) for finding in row.asked):
        return texts.text(_NAME + "todo_overdue")
    if row.due_on is None:
        return texts.text(_NAME + "todo_install")
    return texts.text(_NAME + "todo_install_before", day=row.due_on)
