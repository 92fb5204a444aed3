"""Missing patches: one line per machine and software, in plain words, the most urgent first."""

from collections.abc import Callable, Sequence
from typing import Final

from collectors.feeds.records import Severity
from reports import words
from reports.cells import Value
from reports.grid import Column, Page, Styled
from reports.sheet import Report, Sheet
from reports.styles import Style
from reports.view import exploited, late_days, probability, probability_unseen, update_of
from rules.model import Finding

SEVERITY_STYLES: Final = {
    Severity.CRITICAL: Style.BAD,
    Severity.HIGH: Style.WARN,
    Severity.MEDIUM: Style.INFO,
    Severity.LOW: Style.UNKNOWN,
    Severity.UNKNOWN: Style.WARN,
}


def build(page: Page, report: Report) -> None:
    """Lay the sheet out; without rows it says why, and whether that is good news."""
    texts, view = report.texts, report.view
    name = "sheets.missing."
    columns = (
        Column(title=texts.text(name + "ref"), style=Style.REFERENCE, width=11),
        Column(title=texts.text(name + "machine"), style=Style.STRONG, least=11, most=15),
        Column(title=texts.text(name + "package"), least=13, most=18),
        Column(title=texts.text(name + "installed"), least=11, most=14),
        Column(title=texts.text(name + "expected"), least=11, most=14),
        Column(title=texts.text(name + "severity"), width=14),
        Column(title=texts.text(name + "exploited"), width=11),
        Column(title=texts.text(name + "probability"), style=Style.PERCENT, width=12.5),
        Column(title=texts.text(name + "released"), style=Style.DATE, width=10.5),
        Column(title=texts.text(name + "due"), style=Style.DATE, width=11),
        Column(title=texts.text(name + "late"), style=Style.NUMBER, width=8),
        Column(title=texts.text(name + "cross_check"), width=12.5),
        Column(title=texts.text(name + "advisories"), width=14),
        Column(title=texts.text(name + "remedy"), width=24),
    )
    page.heading(texts.text(name + "heading"), texts.text(name + "intro"), len(columns))
    page.table(columns, view.missing, _line(report), main=True)
    if not view.missing:
        key = "empty" if view.judged else "empty_unknown"
        reason = texts.text(name + key, base=view.judged, known=view.known)
        whole = view.judged == view.known and not view.in_doubt
        page.wide(reason, Style.GOOD_BOX if whole else Style.WARN_BOX, 1, len(columns), 30)


def _line(report: Report) -> Callable[[Finding], Sequence[Value | Styled]]:
    texts, day = report.texts, report.view.day
    severities = {
        severity: Styled(texts.text(f"severity.{severity.value}"), style) for severity, style in SEVERITY_STYLES.items()
    }
    known: dict[bool | None, Value | Styled] = {
        True: Styled(texts.text("sheets.missing.exploited_yes"), Style.BAD),
        False: texts.text("sheets.missing.exploited_no"),
        None: Styled(texts.text("kpi.unknown"), Style.UNKNOWN),
    }
    unseen = Styled(texts.text("kpi.unknown"), Style.UNKNOWN)
    none = texts.text("values.none")
    remedies: dict[int, str] = {}

    def line(finding: Finding) -> Sequence[Value | Styled]:
        params = finding.message.params
        remedy = ""
        if finding.remedy is not None:  # shared by all machines with the same fix: worded once
            remedy = remedies.get(id(finding.remedy)) or texts.message(finding.remedy)
            remedies[id(finding.remedy)] = remedy
        late = late_days(finding, day)
        return (
            finding.ref,
            finding.subject,
            package_label(report, words.product(finding)),
            _text(params.get("installed_version") or params.get("version"), none),
            _text(params.get("fixed_version"), none),
            severities[finding.severity],
            known[exploited(finding)],
            unseen if probability_unseen(finding) else probability(finding),
            finding.released_on,
            finding.due_on,
            Styled(late, Style.LATE) if late else None,
            cross_check(report, params.get("cross_check")),
            advice(finding) or none,
            remedy,
        )

    return line


def _text(value: object, absent: str) -> str:
    return str(value) if value not in (None, "") else absent


def advice(finding: Finding) -> str:
    """The publisher's own name for the fix: advisories, or for Microsoft's products the one update that brings it."""
    params = finding.message.params
    return update_of(finding) or str(params.get("advisories") or params.get("cves") or "")


def cross_check(report: Report, value: object) -> str:
    """Say in words what the machine's own updater thinks of a fix."""
    return report.texts.text(f"cross_check.{value}") if value else report.texts.text("values.none")


def package_label(report: Report, package: str) -> str:
    """Name a package in plain words when the texts know it: "OpenSSL, chiffrement (openssl)"."""
    plain = words.described(report, package)
    return f"{plain} ({package})" if plain else package


SHEET = Sheet(name="missing", order=30, build=build)
