"""What the sheet about coverage says of Microsoft 365: what was read, how fresh, at which prices, which exceptions.

Each function gives the rows of one table; the sheet lays them out.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from collectors.cloud.facts import Report as UsageReport
from collectors.cloud.facts import TenantGap
from collectors.model import GapReason
from reports import license_words, words
from reports.cells import Value
from reports.grid import Styled
from reports.sheet import Report
from reports.styles import Style
from rules.model import TenantSummary

_NAME: Final = "sheets.coverage."
_STALE: Final = "stale"
_LIMITS: Final = frozenset({GapReason.REFUSED, GapReason.UNSUPPORTED})  # chosen or inherent, no fault to mend


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Areas of one tenant that could not be read for one reason; none where everything was read."""

    tenant: TenantSummary
    gap: TenantGap | None
    names: tuple[str, ...]


def areas(report: Report) -> list[Area]:
    """Every tenant with what was not read of it and why, what can be mended first."""
    found: list[Area] = []
    for tenant in report.licenses.tenants:
        groups: defaultdict[tuple[str, str], list[TenantGap]] = defaultdict(list)
        for gap in tenant.gaps:
            groups[license_words.gap_reason(report, gap), license_words.gap_todo(report, gap)].append(gap)
        ordered = sorted(groups.values(), key=lambda gaps: gaps[0].reason in _LIMITS)
        for gaps in ordered:
            names = dict.fromkeys(license_words.area(report, gap.kind) for gap in gaps)
            found.append(Area(tenant=tenant, gap=gaps[0], names=tuple(names)))
        if not tenant.gaps:
            found.append(Area(tenant=tenant, gap=None, names=()))
    return found


def area_line(report: Report, row: Area) -> Sequence[Value | Styled]:
    """Tenant, reason, areas, what to do, and when it was visited."""
    texts = report.texts
    name = license_words.tenant_name(row.tenant)
    seen = Styled(texts.local_day(row.tenant.taken_at), Style.DATE)
    if row.gap is None:
        read = Styled(texts.text(_NAME + "tenant_read"), Style.GOOD)
        return (name, read, texts.text(_NAME + "tenant_all"), "", seen)
    look = Style.INFO if row.gap.reason in _LIMITS else Style.UNKNOWN
    return (
        name,
        Styled(license_words.gap_reason(report, row.gap), look),
        ", ".join(row.names),
        license_words.gap_todo(report, row.gap),
        seen,
    )


def usage_reports(report: Report) -> list[tuple[TenantSummary, UsageReport]]:
    """The usage reports of all tenants."""
    return [(tenant, usage) for tenant in report.licenses.tenants for usage in tenant.reports]


def usage_line(report: Report, row: tuple[TenantSummary, UsageReport]) -> Sequence[Value | Styled]:
    """Which report, whether it could be used, of when it is and how many days old."""
    texts = report.texts
    tenant, usage = row
    age = None if usage.refreshed_on is None else (report.view.day - usage.refreshed_on).days
    return (
        license_words.area(report, usage.kind),
        _usage_state(report, tenant, usage),
        words.tenant_label(report, tenant.target.name),
        Styled(usage.refreshed_on, Style.DATE) if usage.refreshed_on else texts.text("values.none"),
        Styled(age, Style.NUMBER),
        Styled(usage.rows, Style.NUMBER),
    )


def _usage_state(report: Report, tenant: TenantSummary, usage: UsageReport) -> Styled:
    if usage.concealed:
        return Styled(report.texts.text(_NAME + "report_concealed"), Style.WARN)
    if usage.refreshed_on is None or not usage.rows:
        return Styled(report.texts.text(_NAME + "report_empty"), Style.UNKNOWN)
    if usage.kind.value in _stale(report, tenant):
        return Styled(report.texts.text(_NAME + "report_stale"), Style.UNKNOWN)
    return Styled(report.texts.text(_NAME + "report_read"), Style.GOOD)


def _stale(report: Report, tenant: TenantSummary) -> frozenset[str]:
    """Kinds of reports that the rule about coverage called too old."""
    return frozenset(
        evidence.seen
        for finding in report.licenses.findings
        if (finding.rule, finding.subject, finding.key) == (license_words.COVERAGE_RULE, tenant.target.name, _STALE)
        for evidence in finding.evidence
    )


def prices(report: Report) -> Iterator[str]:
    """Where the prices come from and of when they are, and which products have none."""
    texts, licenses = report.texts, report.licenses
    priced_from: date | None = licenses.priced_from
    lacking = [product.line.name for product in licenses.products if product.line.monthly_cost is None]
    if lacking and len(lacking) == len(licenses.products):
        yield texts.text(_NAME + "prices_none")
        return
    if priced_from is not None:
        yield texts.text(_NAME + "prices_from", day=priced_from)
    elif licenses.products:
        yield texts.text(_NAME + "prices_known")
    if lacking:
        yield texts.text(_NAME + "prices_lacking", count=len(lacking), names=", ".join(lacking))


def unmatched(report: Report) -> str:
    """The exceptions of the client's file that met nothing; "" where every one did."""
    names = [name for tenant in report.licenses.tenants for name in tenant.unmatched_exceptions]
    if not names:
        return ""
    return report.texts.text(_NAME + "exceptions_unmatched", count=len(names), names=", ".join(names))
