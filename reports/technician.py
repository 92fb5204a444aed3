"""What a technician works from: every missing patch by machine and by remedy, and every machine with what was read.

The manager's workbook names products and counts; here stand updates, versions, advisories and CVE ids, worded in the
reader's language where a text knows the word and raw where the machine or the feed gave it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from collectors.feeds.records import Severity
from reports import words
from reports.cells import Value
from reports.exports.csv import cves_of
from reports.grid import Styled
from reports.sheet import Report
from reports.sheets.patches import STATE_STYLES, support_words
from reports.styles import Style
from reports.view import MachineView, exploited, late_days, probability, probability_unseen, update_of
from rules.model import Finding, Outcome

SEVERITY_STYLES: Final = {
    Severity.CRITICAL: Style.BAD,
    Severity.HIGH: Style.WARN,
    Severity.MEDIUM: Style.INFO,
    Severity.LOW: Style.UNKNOWN,
    Severity.UNKNOWN: Style.WARN,
}
MACHINE_HEADS: Final = (
    *("machine", "aliases", "site", "state", "system", "support", "missing", "urgent", "overdue", "reboot"),
    *("last_update", "updates_from", "unseen", "account", "read_on"),
)
PATCH_HEADS: Final = (
    *("machine", "ref", "install", "software", "packages", "installed", "expected", "severity", "exploited"),
    *("probability", "released", "due", "late", "cross_check", "advisories", "cves", "todo"),
)
REMEDY_HEADS: Final = (
    *("install", "software", "expected", "machine_count", "machines", "severity", "exploited", "released", "due"),
    *("late", "advisories", "cves", "todo"),
)
_SEVERITIES: Final = {severity: rank for rank, severity in enumerate(SEVERITY_STYLES)}
_NEVER: Final = date.max
Line = Sequence[Value | Styled]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One thing to install (`name`: an update's number, or a package and its fixed version) and where it is missing."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def machines(self) -> tuple[str, ...]:
        """Machines it is missing on, sorted, each once."""
        return tuple(sorted({finding.subject for finding in self.findings}))


def remedy_name(finding: Finding) -> str:
    """What to install: the one update that brings the fix, else the software in its fixed version."""
    fixed = finding.message.params.get("fixed_version")
    return update_of(finding) or " ".join(filter(None, (words.product(finding), str(fixed or ""))))


def by_machine(report: Report) -> tuple[Finding, ...]:
    """Missing patches sorted by machine, the most urgent of each first."""
    return tuple(sorted(report.view.missing, key=lambda finding: finding.subject))


def remedies(report: Report) -> tuple[Remedy, ...]:
    """Missing patches by what has to be installed: exploited flaws first, then by severity, deadline and name."""
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in report.view.missing:
        found[remedy_name(finding)].append(finding)
    return tuple(sorted((Remedy(name=name, findings=tuple(found[name])) for name in found), key=_order))


def _order(remedy: Remedy) -> tuple[bool, int, date, str]:
    return (not any(map(exploited, remedy.findings)), _SEVERITIES[worst(remedy)], _due(remedy) or _NEVER, remedy.name)


def worst(remedy: Remedy) -> Severity:
    """The highest severity among its findings."""
    return min((finding.severity for finding in remedy.findings), key=_SEVERITIES.__getitem__)


def _due(remedy: Remedy) -> date | None:
    return min((finding.due_on for finding in remedy.findings if finding.due_on is not None), default=None)


def patch_line(report: Report) -> Callable[[Finding], Line]:
    """How one missing patch is written."""
    shared = _Shared(report)

    def line(finding: Finding) -> Line:
        params = finding.message.params
        late = late_days(finding, report.view.day)
        unseen = probability_unseen(finding)
        return (
            finding.subject,
            finding.ref,
            remedy_name(finding),
            package_label(report, words.product(finding)),
            str(params.get("packages") or ""),
            shared.text(params.get("installed_version") or params.get("version")),
            shared.text(params.get("fixed_version")),
            shared.severities[finding.severity],
            shared.known[exploited(finding)],
            shared.unknown if unseen else probability(finding),
            finding.released_on,
            finding.due_on,
            Styled(late, Style.LATE) if late else None,
            cross_check(report, params.get("cross_check")),
            str(params.get("advisories") or ""),
            ", ".join(cves_of(finding)),
            shared.remedy(finding),
        )

    return line


def remedy_line(report: Report) -> Callable[[Remedy], Line]:
    """How one remedy is written."""
    shared = _Shared(report)

    def line(remedy: Remedy) -> Line:
        first = remedy.findings[0]
        params = first.message.params
        late = max(late_days(finding, report.view.day) for finding in remedy.findings)
        seen = {exploited(finding) for finding in remedy.findings}
        released = [finding.released_on for finding in remedy.findings if finding.released_on is not None]
        return (
            remedy.name,
            ", ".join(dict.fromkeys(package_label(report, words.product(finding)) for finding in remedy.findings)),
            shared.text(params.get("fixed_version")),
            len(remedy.machines),
            ", ".join(remedy.machines),
            shared.severities[worst(remedy)],
            shared.known[True if True in seen else None if None in seen else False],
            min(released, default=None),
            _due(remedy),
            Styled(late, Style.LATE) if late else None,
            str(params.get("advisories") or ""),
            ", ".join(sorted({cve for finding in remedy.findings for cve in cves_of(finding)})),
            shared.remedy(first),
        )

    return line


class _Shared:
    """Words that many lines share, made once."""

    def __init__(self, report: Report) -> None:
        texts = report.texts
        self._texts = texts
        self._none = texts.text("values.none")
        self._remedies: dict[int, str] = {}
        self.unknown = Styled(texts.text("kpi.unknown"), Style.UNKNOWN)
        self.severities = {
            severity: Styled(texts.text(f"severity.{severity.value}"), style)
            for severity, style in SEVERITY_STYLES.items()
        }
        self.known: Mapping[bool | None, Value | Styled] = {
            True: Styled(texts.text("annex.exploited_yes"), Style.BAD),
            False: texts.text("annex.exploited_no"),
            None: self.unknown,
        }

    def text(self, value: object) -> str:
        return str(value) if value not in (None, "") else self._none

    def remedy(self, finding: Finding) -> str:
        """What to do, in words; worded once for all machines with the same fix."""
        if finding.remedy is None:
            return ""
        known = self._remedies.get(id(finding.remedy))
        if known is None:
            known = self._remedies[id(finding.remedy)] = self._texts.message(finding.remedy)
        return known


def package_label(report: Report, package: str) -> str:
    """Name a package in plain words when the texts know it: "OpenSSL, chiffrement (openssl)"."""
    plain = words.described(report, package)
    return f"{plain} ({package})" if plain else package


def cross_check(report: Report, value: object) -> str:
    """Say in words what the machine's own updater thinks of a fix."""
    return report.texts.text(f"cross_check.{value}") if value else report.texts.text("values.none")


def machine_line(report: Report, machine: MachineView) -> Line:
    """One machine with all that was read of it; counts are "Unknown" rather than 0 where no verdict was possible."""
    texts, summary = report.texts, machine.summary
    unknown = Styled(texts.text("kpi.unknown"), Style.UNKNOWN)
    system, latest = summary.operating_system, summary.last_update
    counts: tuple[Value | Styled, ...] = (machine.missing, machine.urgent, machine.overdue)
    if machine.missing == 0 and not machine.verdict:
        counts = (unknown,) * 3
    windows = words.is_windows(summary)
    account = "privileged" if summary.privileged else "ordinary"
    return (
        machine.name,
        ", ".join(summary.aliases),
        summary.target.site,
        Styled(texts.text(f"machine_state.{machine.state.value}"), STATE_STYLES[machine.state]),
        unknown if system is None else words.system(system),
        support_words(report, machine),
        *counts,
        unknown if machine.reboot is Outcome.UNKNOWN else texts.text(f"sheets.patches.reboot_{machine.reboot.value}"),
        None if latest is None else texts.local_day(latest.at),
        texts.text(f"updates_from.{summary.updates_from}") if summary.updates_from else "",
        ", ".join(words.area(report, kind, windows=windows) for kind in machine.partial),
        texts.text(f"annex.account_{account}") if summary.reached else "",
        summary.taken_at,
    )
