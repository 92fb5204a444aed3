"""The technician's workbook: everything to work from at once, apart from the manager's file.

The manager's workbook says what to do; this one proves it and lists it: every missing patch by machine and by remedy
with its versions and CVE ids, every finding, every piece of evidence, every gap. It is made for the provider and is not
sent to the client as it is: details are told as the machines and feeds gave them. What is ours has the words of the
reader's language; the codes stand in the exports for programs.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from collectors.cloud.facts import TenantGap
from collectors.feeds.records import FeedState
from collectors.model import CollectorStatus, Gap
from reports import software_annex, technician
from reports.background import Background, Change, Changes
from reports.cells import Value
from reports.export import Export
from reports.exports.csv import amounts, cves_of, once, waiver_of
from reports.grid import Column, Page, Styled
from reports.sheet import FIRST_ROW, Report
from reports.styles import Style
from reports.texts import DEFAULT_ZONE, Texts
from reports.view import exploited, probability, update_of
from reports.workbook import assemble, named
from rules.model import Assessment, Evidence, Finding, LicenseLine, MachineSummary, Outcome, TenantSummary

_DATES: Final = frozenset({"released", "due", "renewal", "last_update", "first_on", "last_on", "fixed_on"})
_MOMENTS: Final = frozenset({"as_of", "checked", "published", "read_on"})
_NUMBERS: Final = frozenset({"missing", "urgent", "overdue", "machine_count", "late"})
_PERCENTS: Final = frozenset({"probability"})
_WIDE: Final = {
    "message": 50.0,
    "remedy": 50.0,
    "todo": 40.0,
    "machines": 44.0,
    "packages": 26.0,
    "unseen": 34.0,
    "detail": 60.0,
    "what": 44.0,
    "seen": 34.0,
    "reasons": 40.0,
    "cves": 34.0,
}
_NOT_PRINTED: Final = frozenset({"fingerprint"})  # for programs: on paper it would be pages of hashes
_MOST_LINKS: Final = 60_000  # Excel opens no sheet with more than 65,530
Line = Callable[[Any], Sequence[Value | Styled]]
Words = Callable[[str, str], str]


def render(
    assessment: Assessment, language: str, *, zone: str = DEFAULT_ZONE, background: Background | None = None
) -> bytes:
    """Render the technician's workbook as an xlsx file; the same input gives the same bytes."""
    texts = Texts(language, zone=zone)
    report = Report(assessment, texts, background)
    pages = [*_work(report), *_proofs(report), *_raw(report)]
    return assemble(pages, assessment, texts, texts.text("workbook.annex_title", client=assessment.client))


def _work(report: Report) -> list[Page]:
    """What there is to do: machines, and missing patches sorted in both ways; each line leads to its proof."""
    texts, view = report.texts, report.view
    machines = _page(
        texts, "machines", technician.MACHINE_HEADS, view.machines, lambda one: technician.machine_line(report, one)
    )
    found = technician.by_machine(report)
    patches = _page(texts, "patches", technician.PATCH_HEADS, found, technician.patch_line(report))
    fixes = technician.remedies(report)
    remedies = _page(texts, "remedies", technician.REMEDY_HEADS, fixes, technician.remedy_line(report))
    first_patch: dict[str, int] = {}
    for row, finding in enumerate(found, FIRST_ROW):
        first_patch.setdefault(finding.subject, row)
    for row, machine in enumerate(view.machines, FIRST_ROW):
        if machine.name in first_patch:
            machines.link(row, 1, patches.title, machine.name, to=first_patch[machine.name])
    proofs = {ref: row for row, (ref, _, _) in reversed(list(enumerate(_evidence_rows(report), FIRST_ROW)))}
    evidence = texts.text("annex.evidence")
    for row, finding in enumerate(found[:_MOST_LINKS], FIRST_ROW):
        if finding.ref in proofs:
            patches.link(row, 2, evidence, finding.ref, to=proofs[finding.ref])
    return [machines, patches, remedies]


def _told(report: Report) -> list[Finding]:
    return [finding for finding in report.assessment.findings if finding.outcome is not Outcome.PASS]


def _evidence_rows(report: Report) -> list[tuple[str, str, Evidence]]:
    return [(finding.ref, finding.subject, evidence) for finding in _told(report) for evidence in finding.evidence]


def _proofs(report: Report) -> list[Page]:
    texts, changes = report.texts, report.background.changes
    worded = _words(texts)
    pages = [
        _page(texts, "findings", _FINDING, _told(report), lambda finding: _finding(finding, texts, worded)),
        _page(
            texts, "evidence", _EVIDENCE, _evidence_rows(report), lambda row: _evidence(row[0], row[1], row[2], texts)
        ),
    ]
    if changes is not None:
        pages.append(
            _page(texts, "changes", _CHANGE, _changed(changes), lambda row: _change(row[0], row[1], texts, worded))
        )
    return pages


def _raw(report: Report) -> list[Page]:
    texts, assessment = report.texts, report.assessment
    worded = _words(texts)
    seen: tuple[MachineSummary | TenantSummary, ...] = (*assessment.machines, *assessment.tenants)
    gaps = [(one.target.name, gap) for one in seen for gap in one.gaps]
    statuses = [(one.target.name, status) for one in seen for status in one.collectors]
    licenses = [(tenant.target.name, line) for tenant in assessment.tenants for line in tenant.licenses]
    return [
        _page(texts, "gaps", _GAP, gaps, lambda row: _gap(row[0], row[1], worded)),
        _page(texts, "licenses", _LICENSE, licenses, lambda row: _license(row[0], row[1], worded)),
        *software_annex.pages(report),
        _page(texts, "collectors", _STATUS, statuses, lambda row: _status(row[0], row[1], worded)),
        _page(texts, "feeds", _FEED, assessment.feeds, _feed),
        _page(texts, "failures", _FAILURE, assessment.failures, lambda row: (row.rule, row.subject, row.error)),
    ]


_FINDING: Final = (
    *("ref", "rule", "machine", "key", "outcome", "state", "severity", "confidence", "priority", "reasons", "message"),
    *("remedy", "installed", "expected", "update", "advisories", "cves", "exploited", "probability", "released", "due"),
    *("person", "saving", "cost", "once", "waiver", "fingerprint"),
)
_EVIDENCE: Final = ("ref", "machine", "what", "seen", "expected", "source", "url", "as_of")
_CHANGE: Final = (
    *("change", "ref", "rule", "machine", "key", "severity", "first_on", "last_on", "fixed_on", "released", "due"),
    "kept",
)
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
            style=_style(head),
            width=_WIDE.get(head) or (17 if head in _MOMENTS else None),
            least=11,
            most=40,
        )
        for head in heads
    ]
    page.skip(FIRST_ROW - 2)  # what the heading takes, whose width follows the table's
    page.table(columns, items, line, main=True)
    page.printed = len(columns) - 1 if heads[-1] in _NOT_PRINTED else 0
    if not items:
        page.line((1, texts.text("annex.empty"), Style.PLAIN))
    page.heading_above(f"{texts.text('annex.heading')} – {page.title}", texts.text("annex.intro"))
    return page


def _style(head: str) -> Style:
    styles = (
        (_DATES, Style.DATE),
        (_MOMENTS, Style.MOMENT),
        (_NUMBERS, Style.NUMBER),
        (_PERCENTS, Style.PERCENT),
    )
    return next((style for heads, style in styles if head in heads), Style.TEXT)


def _words(texts: Texts) -> Words:
    """Words for our codes, each looked up once; a code without a word stands as it is."""

    @cache
    def word(table: str, code: str) -> str:
        return texts.text(f"{table}.{code}") if code and texts.has(f"{table}.{code}") else code

    return word


def _finding(finding: Finding, texts: Texts, worded: Words) -> Sequence[Value | Styled]:
    params = finding.message.params
    known = exploited(finding) if "kev_count" in params else None
    return (
        finding.ref,
        finding.rule,
        finding.subject,
        finding.key,
        worded("outcome", finding.outcome.value),
        worded("patch_state", finding.state.value),
        worded("severity", finding.severity.value),
        worded("confidence", finding.confidence.value),
        worded("priority", finding.priority.level.value),
        "\n".join(texts.message(reason) for reason in finding.priority.reasons),
        texts.message(finding.message),
        "" if finding.remedy is None else texts.message(finding.remedy),
        _text(params.get("installed_version") or params.get("version")),
        _text(params.get("fixed_version")),
        update_of(finding),
        _text(params.get("advisories")),
        ", ".join(cves_of(finding)),
        "" if known is None else texts.value(known),
        probability(finding),
        finding.released_on,
        finding.due_on,
        finding.person,
        *(Styled(amount, Style.EURO) for amount in (*amounts(finding), once(finding))),
        waiver_of(finding),
        finding.fingerprint,
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _evidence(ref: str, machine: str, evidence: Evidence, texts: Texts) -> Sequence[Value | Styled]:
    what = texts.message(evidence.what)
    return (ref, machine, what, evidence.seen, evidence.expected, evidence.source, evidence.url, evidence.as_of)


def _changed(changes: Changes) -> list[tuple[str, Change]]:
    kinds = (
        ("new", changes.new),
        ("reopened", changes.reopened),
        ("fixed", changes.fixed),
        ("unseen", changes.unseen),
    )
    return [(kind, change) for kind, found in kinds for change in found]


def _change(kind: str, change: Change, texts: Texts, worded: Words) -> Sequence[Value | Styled]:
    kept = "" if change.late is None else texts.text(f"annex.kept_{'no' if change.late else 'yes'}")
    return (
        texts.text(f"changes.{kind}"),
        change.ref,
        change.rule,
        change.subject,
        change.key,
        worded("severity", change.severity),
        change.first_on,
        change.last_on,
        change.fixed_on,
        change.released_on,
        change.due_on,
        kept,
    )


def _gap(machine: str, gap: Gap | TenantGap, worded: Words) -> Sequence[Value]:
    of_tenant = isinstance(gap, TenantGap)
    area = worded("rules.m365.fact" if of_tenant else "fact", gap.kind.value)
    permission = gap.permission if isinstance(gap, TenantGap) else ""
    return (machine, area, gap.collector, worded("gap.reason", gap.reason.value), permission, gap.detail)


def _license(tenant: str, line: LicenseLine, worded: Words) -> Sequence[Value | Styled]:
    counts = (line.bought, line.grace, line.suspended, line.locked_out, line.assigned, line.waiting)
    return (
        tenant,
        line.name,
        line.part_number,
        line.sku_id,
        worded("sku_kind", line.kind.value),
        worded("seat_verdict", line.verdict.value),
        *(Styled(count, Style.NUMBER) for count in counts),
        worded("annex.free_because", line.free_reason.value),
        worded("annex.committed", line.commitment.value),
        line.renewal_on,
        *(Styled(amount, Style.EURO) for amount in (line.monthly_price, line.monthly_cost)),
    )


def _status(machine: str, status: CollectorStatus, worded: Words) -> Sequence[Value]:
    return (machine, status.name, worded("annex.collected", status.outcome.value), status.detail)


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
