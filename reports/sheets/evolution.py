"""Evolution: what changed since the last report, the curve of twelve months, and why the bill changed."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from reports import evolution
from reports.background import Figures
from reports.cells import Value
from reports.charts import Bars, Chart, ChartKind
from reports.evolution import CheckChanges
from reports.grid import Column, Page, Styled
from reports.sheet import Report, Sheet
from reports.styles import Style

_NAME: Final = "sheets.evolution."
_UPDATED_SHARE, _LICENSE_SHARE = 6, 9  # columns the chart reads
_CHART_ROWS: Final = 18
_CHART_CM: Final = 27
_HEADER_PT: Final = 47.0  # of three lines
_WIDTHS: Final = {
    **dict.fromkeys(range(1, 15), 10.4),
    1: 24.0,
    10: 13.0,
    12: 14.5,
    14: 14.0,
}
_LAST: Final = 14


def build(page: Page, report: Report) -> None:
    """Lay the sheet out; the first report says that there is nothing to compare with yet."""
    texts, background = report.texts, report.background
    page.widths = dict(_WIDTHS)
    page.heading(texts.text(_NAME + "heading"), texts.text(_NAME + "intro"), _LAST)
    if evolution.first(background):
        page.note(texts.text("evolution.first"), Style.GOOD_BOX, _LAST)
        page.note(texts.text(_NAME + "first_more"), Style.NOTE, _LAST)
        page.skip()
    _since(page, report)
    _months(page, report)
    _bill(page, report)
    _checks(page, report)


def _since(page: Page, report: Report) -> None:
    """What became of the findings of the report before, in sentences."""
    texts, changes = report.texts, report.background.changes
    if changes is None:
        if not evolution.first(report.background):
            page.note(texts.text("evolution.no_changes"), Style.WARN_BOX, _LAST)
            page.skip()
        return
    page.wide(texts.text(_NAME + "changes"), Style.SECTION, 1, _LAST, 22)
    for sentence in (evolution.changed(report), evolution.deadlines(report)):
        page.note(sentence, Style.SENTENCE, _LAST)
    if changes.unseen:
        page.note(texts.text(_NAME + "unseen", count=len(changes.unseen)), Style.NOTE, _LAST)
    page.skip()


def _checks(page: Page, report: Report) -> None:
    """The same, check by check."""
    texts, changes = report.texts, report.background.changes
    rows = () if changes is None else evolution.by_check(changes)
    if not rows:
        return
    page.skip()
    page.turn()
    page.wide(texts.text(_NAME + "checks"), Style.SECTION, 1, _LAST, 22)
    heads = ("check", "new", "reopened", "fixed", "unseen_head")
    columns = [
        Column(title=texts.text(_NAME + head), style=Style.NUMBER if place else Style.STRONG)
        for place, head in enumerate(heads)
    ]

    def line(row: CheckChanges) -> Sequence[Value]:
        return (texts.text(f"rules.{row.rule}.title"), row.new, row.reopened, row.fixed, row.unseen)

    page.table(columns, rows, line)


def _months(page: Page, report: Report) -> None:
    """The curve, where there are two months to draw it over, and the table of months it reads."""
    texts, trend = report.texts, report.background.trend
    page.wide(texts.text(_NAME + "months"), Style.SECTION, 1, _LAST, 22)
    if not trend:
        page.note(texts.text(_NAME + "months_none"), Style.SENTENCE, _LAST)
        page.skip()
        return
    page.note(_message(report), Style.SENTENCE, _LAST)
    labels = tuple(_label(report, figures) for figures in trend)
    bars = _bars(report)
    if len(trend) > 1 and bars:
        page.skip()
        page.draw(_chart(report, labels, bars, page.next_row))
    else:
        page.note(texts.text(_NAME + ("chart_first" if len(trend) == 1 else "chart_unknown")), Style.SENTENCE, _LAST)
        page.skip()
    columns, rows = _columns(report), list(zip(labels, trend, strict=True))
    heights = page.heights(columns, (_line(report, *row) for row in rows))
    page.keep(_HEADER_PT + sum(heights))  # twelve months are read in one view
    page.table(columns, rows, lambda row: _line(report, *row))
    page.skip()


def _bars(report: Report) -> tuple[Bars, ...]:
    """A line for each rate that is known in some month."""
    found = (
        ("updated", _UPDATED_SHARE, evolution.updated_share),
        ("licenses", _LICENSE_SHARE, evolution.license_share),
    )
    lines = [
        Bars(
            title=report.texts.text(f"{_NAME}line_{name}"),
            column=column,
            values=tuple(_rounded(of(figures)) for figures in report.background.trend),
        )
        for name, column, of in found
    ]
    return tuple(line for line in lines if any(value is not None for value in line.values))


def _chart(report: Report, labels: tuple[str, ...], bars: tuple[Bars, ...], at: int) -> Chart:
    texts = report.texts
    first = at + _CHART_ROWS + 2  # below the chart, one empty row and the table's header
    return Chart(
        kind=ChartKind.LINES,
        title=texts.text(_NAME + "chart_title", count=len(labels)),
        description=f"{_message(report)} {_points(report, labels, bars)}",
        label_axis=texts.text(_NAME + "month"),
        value_axis=texts.text(_NAME + "chart_axis"),
        first=first,
        last=first + len(labels) - 1,
        label_column=1,
        labels=labels,
        bars=bars,
        at=at,
        rows=_CHART_ROWS,
        width_cm=_CHART_CM,
        number_format="0%",
        most=1,
    )


def _message(report: Report) -> str:
    """The curve in words: where it began and where it is now."""
    texts, trend = report.texts, report.background.trend
    oldest, newest = trend[0], trend[-1]
    told = []
    for name, of in (("updated", evolution.updated_share), ("licenses", evolution.license_share)):
        old, new = of(oldest), of(newest)
        if new is None:
            told.append(texts.text(f"{_NAME}message_{name}_unknown"))
        elif old is None or len(trend) == 1:
            told.append(texts.text(f"{_NAME}message_{name}_now", new=texts.percent(float(new))))
        else:
            way = evolution.direction(old, new)
            told.append(
                texts.text(f"{_NAME}message_{name}_{way}", old=texts.percent(float(old)), new=texts.percent(float(new)))
            )
    if len(trend) > 1:
        since = texts.text(_NAME + "since", month=texts.month(texts.local_day(oldest.as_of)))
        told[0] = f"{since} {told[0]}"
    if (oldest.known, oldest.reached) != (newest.known, newest.reached):
        told.append(
            texts.text(
                _NAME + "other_base",
                old_reached=oldest.reached,
                old_known=oldest.known,
                reached=newest.reached,
                known=newest.known,
            )
        )
    return " ".join(told)


def _label(report: Report, figures: Figures) -> str:
    month = report.texts.month(report.texts.local_day(figures.as_of))
    return month if figures.complete else f"{month}\n{report.texts.text(_NAME + 'incomplete')}"


def _points(report: Report, labels: Sequence[str], bars: Sequence[Bars]) -> str:
    """Every point of the curve, for those who do not see it."""
    texts = report.texts
    unknown = texts.text("kpi.unknown")
    return texts.clauses(
        [
            texts.labelled(
                label.partition("\n")[0],
                ", ".join(unknown if value is None else texts.percent(float(value)) for value in values),
            )
            for label, *values in zip(labels, *(line.values for line in bars), strict=True)
        ]
    )


def _columns(report: Report) -> list[Column]:
    percents = (_UPDATED_SHARE, _LICENSE_SHARE)
    heads = (
        *("month", "reached", "known", "updated", "decided", "updated_share", "license_good", "license_base"),
        *("license_share", "urgent", "overdue", "surplus", "deficit", "spend"),
    )
    return [
        Column(
            title=report.texts.text(_NAME + head),
            style=Style.STRONG
            if place == 1
            else Style.PERCENT
            if place in percents
            else Style.EURO
            if head == "spend"
            else Style.NUMBER,
        )
        for place, head in enumerate(heads, 1)
    ]


def _line(report: Report, label: str, figures: Figures) -> Sequence[Value | Styled]:
    unknown = Styled(report.texts.text("kpi.unknown"), Style.UNKNOWN)

    def told(value: Value) -> Value | Styled:
        return unknown if value is None else value

    return (
        label,
        figures.reached,
        figures.known,
        figures.updated if figures.decided else unknown,
        figures.decided,
        _rounded(evolution.updated_share(figures)),  # empty where unknown: a text would be drawn as nought
        told(figures.license_good),
        told(figures.license_base),
        _rounded(evolution.license_share(figures)),
        told(figures.urgent),
        told(figures.overdue),
        told(figures.surplus_seats),
        told(figures.missing_seats),
        told(figures.spend),
    )


def _rounded(rate: Fraction | None) -> float | None:
    """A rate with three decimals: the same digits in the cell and in the chart's memory."""
    return None if rate is None else round(float(rate), 3)


def _bill(page: Page, report: Report) -> None:
    if sentence := evolution.bill_sentence(report):
        page.wide(report.texts.text(_NAME + "bill"), Style.SECTION, 1, _LAST, 22)
        page.note(sentence, Style.SENTENCE, _LAST)


SHEET = Sheet(name="evolution", order=70, build=build)
