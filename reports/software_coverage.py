"""On what the license position rests, and what the client accepts for a time: lines of the sheet of limits."""

from collections.abc import Sequence
from typing import Final

from reports.cells import Value
from reports.grid import Styled
from reports.sheet import Report
from reports.styles import Style
from rules.software.position import SoftwareSummary
from rules.waivers import Waiver, WaiverUse

_NAME: Final = "sheets.coverage."
_ALL: Final = "*"
STATE_STYLES: Final = {
    "in_force": Style.INFO,
    "expiring": Style.WARN,
    "expired": Style.BAD,
    "orphaned": Style.UNKNOWN,
}


def facts(report: Report) -> list[tuple[str, str]]:
    """File of rights, rules, machines, programs nobody knows: (what, what holds); none without a position."""
    texts, summary = report.texts, report.software.summary
    if summary is None:
        return []
    file = (
        texts.text(_NAME + "software_file_rows", count=summary.entitlements, file=summary.file)
        if summary.declared
        else texts.text(_NAME + "software_file_none")
    )
    seen = "old" if summary.old else "earlier" if summary.earlier else "count"
    strange = len(report.software.unrecognized)
    unrecognized = texts.text(_NAME + "software_unrecognized_count", count=strange, sheet=report.title("software"))
    told = (
        ("software_file", file),
        ("software_rules", texts.text(_NAME + "software_rules_version", version=summary.rules_version)),
        ("software_seen", _seen(report, summary, seen)),
        ("software_unrecognized", unrecognized if strange else texts.value(0)),
    )
    return [(texts.text(_NAME + name), what) for name, what in told]


def _seen(report: Report, summary: SoftwareSummary, how: str) -> str:
    counts = {"known": summary.known, "old": summary.old, "earlier": summary.earlier}
    return report.texts.text(f"{_NAME}software_seen_{how}", count=summary.seen, **counts)


def waiver_line(report: Report, use: WaiverUse) -> Sequence[Value | Styled]:
    """One waiver: what it accepts, why, how many findings, until when, approved by whom."""
    texts, waiver = report.texts, use.waiver
    return (
        waiver.id,
        Styled(texts.text(f"waiver_state.{use.state}"), STATE_STYLES.get(use.state, Style.TEXT)),
        scope(report, waiver),
        waiver.reason,
        Styled(use.matched, Style.NUMBER),
        Styled(waiver.until, Style.DATE),
        waiver.approved_by,
    )


def scope(report: Report, waiver: Waiver) -> str:
    """Say what a waiver accepts: the check by its title where it names one, on whom, and about what."""
    texts = report.texts
    title = f"rules.{waiver.rule}.title"
    rule = texts.text(title) if _ALL not in waiver.rule and texts.has(title) else waiver.rule
    about = [part for part in (waiver.subject, waiver.key) if part != _ALL]
    return texts.text(_NAME + "waiver_scope", rule=rule, subject=", ".join(about)) if about else rule
