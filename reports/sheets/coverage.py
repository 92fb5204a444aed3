"""Coverage and limits: what could not be checked first, then on what the rest stands."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from collectors.feeds.records import FeedState
from collectors.model import FactKind, Gap, GapReason
from reports import license_words, software_coverage, tenant_coverage, words
from reports.cells import Value
from reports.grid import Column, Page, Styled, lines_of, room, row_height
from reports.sheet import Report, Sheet
from reports.styles import Style
from reports.view import MachineState, MachineView
from rules.model import Finding, Outcome

_NAME: Final = "sheets.coverage."
_WIDTHS: Final = (25, 29, 36, 40, 10.5, 10.5, 19)
_LAST: Final = len(_WIDTHS)
_TITLE_PT: Final = 22.0
_HEADER_PT: Final = 21.0
_ROWS_TOGETHER: Final = 3
_WINDOWS_REASONS: Final = frozenset({GapReason.DENIED, GapReason.MISSING})
_REGISTRY_TOOL: Final = "reg.exe"  # what answers where a policy lets PowerShell run nothing (W31)
_LICENSE_TERMS: Final = ("seat", "surplus", "deficit", "grace", "inactive", "anniversary", "prices")
_SOFTWARE_TERMS: Final = ("entitlement", "proof", "metric", "downgrade")
_DEFINITIONS: Final = (
    *("missing", "up_to_date", "unknown", "not_audited", "overdue", "exploited"),
    *("severity", "support", "esu", "reboot", "cumulative", "wsus"),
    *(*_LICENSE_TERMS, *_SOFTWARE_TERMS, "rate", "waiver", "reference"),
)


def build(page: Page, report: Report) -> None:
    """Lay the sheet out, section by section."""
    texts = report.texts
    page.widths = dict(enumerate(_WIDTHS, 1))
    page.paged = True
    page.heading(texts.text(_NAME + "heading"), texts.text(_NAME + "intro"), _LAST)
    _not_audited(page, report)
    _partial(page, report)
    _tenants(page, report)
    _software(page, report)
    _waivers(page, report)
    _unknowns(page, report)
    _failures(page, report)
    _feeds(page, report)
    _outside(page, report)
    _sla(page, report)
    _definitions(page, report)
    _closing(page, report)


def _section(
    page: Page,
    report: Report,
    title: str,
    heads: Sequence[str],
    items: Sequence[Any],
    line: Callable[[Any], Sequence[Value | Styled]],
    empty: str,
) -> None:
    """One titled table, or one sentence when it has no row; on every printed page under its title and header."""
    texts = report.texts
    if not items:
        _title(page, texts.text(_NAME + title), 18)
        page.wide(texts.text(_NAME + empty), Style.SENTENCE, 1, _LAST, 18)
        page.skip()
        return
    columns = [Column(title=texts.text(_NAME + head)) for head in heads]
    heights = list(page.heights(columns, map(line, items)))
    few = heights if sum(heights) < page.capacity / 2 else heights[:_ROWS_TOGETHER]
    _title(page, texts.text(_NAME + title), _HEADER_PT + sum(few))
    start, place = 0, page.place + _HEADER_PT
    for number, height in enumerate(heights):
        if number > start and place + height > page.capacity:
            page.table(columns, items[start:number], line)
            page.turn()
            page.wide(
                texts.text(_NAME + "goes_on", title=texts.text(_NAME + title)), Style.SECTION, 1, _LAST, _TITLE_PT
            )
            start, place = number, page.place + _HEADER_PT
        place += height
    page.table(columns, items[start:], line)
    page.skip()


def _title(page: Page, title: str, below: float) -> None:
    """A section's title, on the printed page of the first `below` points that follow it."""
    page.keep(_TITLE_PT + below)
    page.wide(title, Style.SECTION, 1, _LAST, _TITLE_PT)


def _not_audited(page: Page, report: Report) -> None:
    texts = report.texts

    def line(machine: MachineView) -> Sequence[Value | Styled]:
        reason = first_reason(machine)
        return (
            machine.name,
            Styled(texts.text(f"gap.reason.{reason}"), Style.UNKNOWN),
            Styled(report.texts.local_day(machine.summary.taken_at), Style.DATE),
            texts.text(f"gap.todo.{reason}"),
        )

    machines = report.view.in_state(MachineState.NOT_AUDITED)
    heads = ("machine", "reason", "seen", "todo")
    _section(page, report, "not_audited", heads, machines, line, "not_audited_none")


def first_reason(machine: MachineView) -> str:
    """Why a machine could not be audited; without a recorded gap it is a technical failure."""
    return next((gap.reason.value for gap in machine.summary.gaps), "failed")


def _partial(page: Page, report: Report) -> None:
    """What could not be read on machines that were seen: one line where machines share reason and areas."""
    texts = report.texts
    areas: defaultdict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    for machine in report.view.with_gaps:
        windows = words.is_windows(machine.summary)
        for gap in machine.summary.gaps:
            cause = _cause(gap) if windows else gap.reason.value
            areas[machine.name, gap.reason.value, cause][words.area(report, gap.kind, windows=windows)] = None
    machines: defaultdict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (name, reason, cause), kinds in areas.items():
        machines[reason, cause, tuple(kinds)].append(name)

    def line(row: tuple[tuple[str, str, tuple[str, ...]], list[str]]) -> Sequence[Value | Styled]:
        (reason, cause, kinds), names = row
        who = texts.text(_NAME + "checks_count", count=len(names), names=texts.listing(names))
        label = cause if texts.has(f"gap.reason.{cause}") else reason
        return (
            who,
            Styled(texts.text(f"gap.reason.{label}"), Style.UNKNOWN),
            ", ".join(kinds),
            texts.text(f"gap.todo.{cause}"),
        )

    rows = list(machines.items())
    _section(page, report, "partial", ("machine", "reason", "area", "todo"), rows, line, "partial_none")


def _cause(gap: Gap) -> str:
    """Why an area of a Windows machine was not read, where that asks for another answer than on Linux.

    What Windows keeps from an ordinary account is a choice of the contract, not a fault to repair.
    """
    if gap.collector == _REGISTRY_TOOL:
        return "policy_windows"
    if gap.kind is FactKind.USER_APPLICATIONS and gap.reason is GapReason.MISSING:
        return "profiles_windows"
    return f"{gap.reason.value}_windows" if gap.reason in _WINDOWS_REASONS else gap.reason.value


def _tenants(page: Page, report: Report) -> None:
    """What was read of Microsoft 365: areas, usage reports, prices, exceptions."""
    texts = report.texts
    found = tenant_coverage.areas(report)
    area_heads = ("tenant", "tenant_state", "area", "todo", "tenant_seen")
    _section(
        page, report, "tenants", area_heads, found, lambda row: tenant_coverage.area_line(report, row), "tenants_none"
    )
    if not report.licenses.reached:
        return
    usage = tenant_coverage.usage_reports(report)
    usage_heads = ("report", "feed_state", "tenant", "refreshed", "age", "report_rows")
    _section(
        page, report, "reports", usage_heads, usage, lambda row: tenant_coverage.usage_line(report, row), "reports_none"
    )
    if report.licenses.products:
        _title(page, texts.text(_NAME + "prices"), 40)
        for sentence in tenant_coverage.prices(report):
            page.note(sentence, Style.SENTENCE, _LAST)
        page.skip()
    accepted = license_words.exceptions(report)
    exception_heads = ("exception_who", "check", "exception_reason")
    _section(page, report, "exceptions", exception_heads, accepted, lambda row: row, "exceptions_none")
    if lost := tenant_coverage.unmatched(report):
        page.next_row -= 1
        page.note(lost, Style.WARN_BOX, _LAST)
        page.skip()


def _software(page: Page, report: Report) -> None:
    """On what the license position rests."""
    if report.software.told:
        heads = ("software_subject", "software_fact")
        _section(page, report, "software", heads, software_coverage.facts(report), lambda row: row, "unknowns_none")


def _waivers(page: Page, report: Report) -> None:
    """What the client accepts for a time, with the waivers that end, have ended or meet nothing."""
    heads = ("id", "state", "what", "reason", "matched", "until", "by")
    _section(
        page,
        report,
        "waivers",
        [f"waiver_{head}" for head in heads],
        report.assessment.waivers,
        lambda use: software_coverage.waiver_line(report, use),
        "waivers_none",
    )


def _unknowns(page: Page, report: Report) -> None:
    """Checks without an answer on machines that were seen: one line where machines share checks and reason."""
    texts = report.texts
    seen = {machine.name for machine in report.view.machines if machine.summary.reached}
    seen |= {tenant.target.name for tenant in report.licenses.reached}
    checks: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for finding in report.assessment.findings:
        if finding.outcome is Outcome.UNKNOWN and (not finding.subject or finding.subject in seen):
            checks[finding.subject, texts.message(finding.message)].append(finding.rule)
    machines: defaultdict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (machine, why), rules in sorted(checks.items()):
        machines[why, tuple(sorted(set(rules)))].append(machine)
    rows = sorted(machines.items(), key=lambda row: (row[1], row[0]))

    def line(row: tuple[tuple[str, tuple[str, ...]], list[str]]) -> Sequence[Value | Styled]:
        (why, rules), names = row
        tenants = {name: words.tenant_label(report, name) for name in names if name in report.licenses.names}
        tenants |= {"": texts.text(_NAME + "estate")} if "" in names else {}
        listed = texts.listing([tenants.get(name, name) for name in names])
        who = listed if tenants else texts.text(_NAME + "checks_count", count=len(names), names=listed)
        return (who, "\n".join(texts.text(f"rules.{rule}.title") for rule in rules), why)

    _section(page, report, "unknowns", ("machine", "check", "why"), rows, line, "unknowns_none")


def _failures(page: Page, report: Report) -> None:
    failures = sorted({(failure.rule, failure.subject) for failure in report.assessment.failures})
    if failures:
        texts = report.texts
        _section(
            page,
            report,
            "failures",
            ("check", "machine"),
            failures,
            lambda row: (texts.text(f"rules.{row[0]}.title"), row[1]),
            "unknowns_none",
        )


def _feeds(page: Page, report: Report) -> None:
    texts = report.texts
    stale = set(report.assessment.stale_feeds)
    known = {feed.name for feed in report.assessment.feeds}
    absent = [FeedState(name=name, title=name, url="", licence="", max_age_days=0) for name in sorted(stale - known)]
    feeds = [*absent, *sorted(report.assessment.feeds, key=lambda feed: (feed.name not in stale, feed.title))]

    def line(feed: FeedState) -> Sequence[Value | Styled]:
        since = feed.published_at or feed.checked_at
        age = feed.age_days(report.assessment.as_of)
        return (
            feed.title,
            _feed_state(report, feed, stale=feed.name in stale),
            feed.licence,
            texts.text(_NAME + "feed_error") if feed.error else "",
            Styled(None if age is None else int(age), Style.NUMBER),
            Styled(feed.max_age_days or None, Style.NUMBER),
            Styled(None if since is None else texts.local_day(since), Style.DATE),
        )

    heads = ("source", "feed_state", "licence", "failure", "age", "max_age", "published")
    _section(page, report, "feeds", heads, feeds, line, "feeds_none")


def _feed_state(report: Report, feed: FeedState, *, stale: bool) -> Styled:
    if feed.age_days(report.assessment.as_of) is None:
        return Styled(report.texts.text(_NAME + "feed_never"), Style.BAD)
    if stale:
        return Styled(report.texts.text(_NAME + "feed_stale"), Style.BAD)
    return Styled(report.texts.text(_NAME + "feed_fresh"), Style.GOOD)


def _outside(page: Page, report: Report) -> None:
    """What is told without being counted: no fix exists, or nobody publishes advisories for it."""
    texts = report.texts
    groups: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in report.assessment.findings:
        if finding.outcome is Outcome.NOT_APPLICABLE and finding.state:
            groups[finding.rule, finding.state.value].append(finding)
    rows = sorted(groups.items())

    def line(row: tuple[tuple[str, str], list[Finding]]) -> Sequence[Value | Styled]:
        (rule, state), findings = row
        names = list(dict.fromkeys(finding.subject for finding in findings))
        who = texts.text(_NAME + "checks_count", count=len(names), names=texts.listing(names))
        return (texts.text(f"rules.{rule}.title"), texts.text(f"patch_state.{state}"), who)

    _section(page, report, "outside", ("check", "feed_state", "machine"), rows, line, "outside_none")


def _sla(page: Page, report: Report) -> None:
    texts = report.texts
    days: Mapping[str, int] = report.assessment.sla_days

    def line(row: tuple[str, int]) -> Sequence[Value | Styled]:
        return (texts.text(f"severity.{row[0]}"), Styled(row[1], Style.NUMBER))

    _section(page, report, "sla", ("severity", "days"), list(days.items()), line, "sla_none")
    if days:
        page.next_row -= 1
        page.wide(texts.text(_NAME + "sla_clock"), Style.NOTE, 1, _LAST, 15)
        page.skip()


def _definitions(page: Page, report: Report) -> None:
    texts = report.texts
    _title(page, texts.text(_NAME + "definitions"), 60)
    for name in _DEFINITIONS:
        if name in _LICENSE_TERMS and not report.licenses.tenants:
            continue
        if name in _SOFTWARE_TERMS and not report.software.told:
            continue
        if name == "waiver" and not report.assessment.waivers:
            continue
        term, meaning = texts.text(f"definitions.{name}.term"), texts.text(f"definitions.{name}.meaning")
        deepest = max(lines_of(term, room(_WIDTHS[0], bold=True)), lines_of(meaning, room(sum(_WIDTHS[1:]))))
        height = row_height(deepest)
        if page.place + height > page.capacity:
            page.turn()
            again = texts.text(_NAME + "goes_on", title=texts.text(_NAME + "definitions"))
            page.wide(again, Style.SECTION, 1, _LAST, _TITLE_PT)
        row = page.line(
            (1, term, Style.STRONG),
            *((column, meaning if column == 2 else None, Style.TEXT) for column in range(2, _LAST + 1)),
            height=height,
        )
        page.merge(row, 2, _LAST)
    page.skip()


def _closing(page: Page, report: Report) -> None:
    texts, assessment = report.texts, report.assessment
    moments = [texts.moment(moment) for moment in (assessment.started_at, assessment.finished_at)]
    version = texts.text(
        _NAME + ("version" if len(set(moments)) > 1 else "version_at"),
        version=assessment.product_version,
        started_at=moments[0],
        finished_at=moments[1],
    )
    personal = "personal_licenses" if report.reviews else "personal"
    limits = [texts.text(_NAME + name, sheet=report.title("users")) for name in ("clause", "law", personal)]
    for title, sentences in (("product", [version]), ("limits", limits)):
        _title(page, texts.text(_NAME + title), 40)
        for sentence in sentences:
            page.note(sentence, Style.SENTENCE, _LAST)
        page.skip()


SHEET = Sheet(name="coverage", order=80, build=build)
