"""The technician's annex: a workbook with CVE lists, evidence, raw gaps and sources, apart from the manager's file.

The manager's workbook says what to do; this one proves it. It is made for the provider and is not sent to the client as
it is: details are in English, as the machines and feeds gave them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from collectors.cloud.facts import TenantGap
from collectors.feeds.records import FeedState
from collectors.model import CollectorStatus, Gap
from reports.cells import Value
from reports.export import Export
from reports.exports.csv import amounts, cves_of
from reports.grid import Column, Page, Styled
from reports.styles import Style
from reports.texts import Texts
from reports.view import exploited, probability, update_of
from reports.workbook import assemble, named
from rules.model import Assessment, Evidence, Finding, LicenseLine, MachineSummary, Outcome, TenantSummary

_DATES: Final = frozenset({"released", "due", "renewal"})
_MOMENTS: Final = frozenset({"as_of", "checked", "published"})
_WIDE: Final = {
    "message": 50.0,
    "remedy": 50.0,
    "detail": 60.0,
    "what": 44.0,
    "seen": 34.0,
    "reasons": 40.0,
    "cves": 34.0,
}
Line = Callable[[Any], Sequence[Value | Styled]]


def render(assessment: Assessment, language: str) -> bytes:
    """Render the annex as an xlsx file; the same input gives the same bytes."""
    texts = Texts(language)
    told = [finding for finding in assessment.findings if finding.outcome is not Outcome.PASS]
    proofs = [(finding.ref, finding.subject, evidence) for finding in told for evidence in finding.evidence]
    seen: tuple[MachineSummary | TenantSummary, ...] = (*assessment.machines, *assessment.tenants)
    gaps = [(one.target.name, gap) for one in seen for gap in one.gaps]
    statuses = [(one.target.name, status) for one in seen for status in one.collectors]
    licenses = [(tenant.target.name, line) for tenant in assessment.tenants for line in tenant.licenses]
    pages = [
        _page(texts, "findings", _FINDING, told, lambda finding: _finding(finding, texts)),
        _page(texts, "evidence", _EVIDENCE, proofs, lambda row: _evidence(row[0], row[1], row[2], texts)),
        _page(texts, "gaps", _GAP, gaps, lambda row: _gap(*row)),
        _page(texts, "licenses", _LICENSE, licenses, lambda row: _license(*row)),
        _page(texts, "collectors", _STATUS, statuses, lambda row: _status(*row)),
        _page(texts, "feeds", _FEED, assessment.feeds, _feed),
        _page(texts, "failures", _FAILURE, assessment.failures, lambda row: (row.rule, row.subject, row.error)),
    ]
    return assemble(pages, assessment, texts, texts.text("workbook.annex_title", client=assessment.client))


_FINDING: Final = (
    *("ref", "rule", "machine", "key", "outcome", "state", "severity", "confidence", "priority", "reasons", "message"),
    *("remedy", "installed", "expected", "update", "advisories", "cves", "exploited", "probability", "released", "due"),
    *("person", "saving", "cost", "fingerprint"),
)
_EVIDENCE: Final = ("ref", "machine", "what", "seen", "expected", "source", "url", "as_of")
_GAP: Final = ("machine", "kind", "collector", "reason", "permission", "detail")
_LICENSE: Final = (
    *("tenant", "product", "part_number", "sku", "kind", "verdict", "bought", "grace", "suspended", "locked"),
    *("assigned", "waiting", "free_reason", "commitment", "renewal", "monthly_price", "monthly_cost"),
)
_STATUS: Final = ("machine", "collector", "outcome", "detail")
_FEED: Final = (
    *("name", "title", "url", "licence", "edition", "published", "checked", "max_age", "records", "sha256", "error"),
)
_FAILURE: Final = ("rule", "machine", "error")


def _page(texts: Texts, name: str, heads: Sequence[str], items: Sequence[Any], line: Line) -> Page:
    page = Page(title=texts.text(f"annex.{name}"))
    columns = [
        Column(
            title=texts.text(f"annex.{head}"),
            style=Style.DATE if head in _DATES else Style.MOMENT if head in _MOMENTS else Style.TEXT,
            width=_WIDE.get(head) or (17 if head in _MOMENTS else None),
            least=11,
            most=40,
        )
        for head in heads
    ]
    page.heading(f"{texts.text('annex.heading')} – {page.title}", texts.text("annex.intro"), min(len(columns), 8))
    page.table(columns, items, line, main=True)
    if not items:
        page.line((1, texts.text("annex.empty"), Style.PLAIN))
    return page


def _finding(finding: Finding, texts: Texts) -> Sequence[Value | Styled]:
    params = finding.message.params
    known = exploited(finding) if "kev_count" in params else None
    return (
        finding.ref,
        finding.rule,
        finding.subject,
        finding.key,
        finding.outcome.value,
        finding.state.value,
        finding.severity.value,
        finding.confidence.value,
        finding.priority.level.value,
        "\n".join(texts.message(reason) for reason in finding.priority.reasons),
        texts.message(finding.message),
        "" if finding.remedy is None else texts.message(finding.remedy),
        _text(params.get("installed_version") or params.get("version")),
        _text(params.get("fixed_version")),
        update_of(finding),
        _text(params.get("advisories")),
        ", ".join(cves_of(finding)),
        "" if known is None else texts.value(known),
        Styled(probability(finding), Style.PERCENT),
        finding.released_on,
        finding.due_on,
        finding.person,
        *(Styled(amount, Style.EURO) for amount in amounts(finding)),
        finding.fingerprint,
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _evidence(ref: str, machine: str, evidence: Evidence, texts: Texts) -> Sequence[Value | Styled]:
    what = texts.message(evidence.what)
    return (ref, machine, what, evidence.seen, evidence.expected, evidence.source, evidence.url, evidence.as_of)


def _gap(machine: str, gap: Gap | TenantGap) -> Sequence[Value]:
    permission = gap.permission if isinstance(gap, TenantGap) else ""
    return (machine, gap.kind.value, gap.collector, gap.reason.value, permission, gap.detail)


def _license(tenant: str, line: LicenseLine) -> Sequence[Value | Styled]:
    counts = (line.bought, line.grace, line.suspended, line.locked_out, line.assigned, line.waiting)
    return (
        tenant,
        line.name,
        line.part_number,
        line.sku_id,
        line.kind.value,
        line.verdict.value,
        *(Styled(count, Style.NUMBER) for count in counts),
        line.free_reason.value,
        line.commitment.value,
        line.renewal_on,
        *(Styled(amount, Style.EURO) for amount in (line.monthly_price, line.monthly_cost)),
    )


def _status(machine: str, status: CollectorStatus) -> Sequence[Value]:
    return (machine, status.name, status.outcome.value, status.detail)


def _feed(feed: FeedState) -> Sequence[Value | Styled]:
    return (
        feed.name,
        feed.title,
        feed.url,
        feed.licence,
        feed.edition,
        feed.published_at,
        feed.checked_at,
        Styled(feed.max_age_days, Style.NUMBER),
        Styled(feed.records, Style.NUMBER),
        feed.sha256,
        feed.error,
    )


def file_name(assessment: Assessment, language: str) -> str:
    """Name of the file: unlike the workbook's, so that nobody sends the wrong one."""
    return named(assessment, Texts(language), "workbook.annex_file", ".xlsx")


EXPORT = Export(
    name="annex",
    suffix=".xlsx",
    media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    render=render,
    file_name=file_name,
)
