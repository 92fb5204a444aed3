"""Microsoft 365 licenses: one line per paid product with seats, costs and what can be saved; what is free beside it."""

from collections.abc import Sequence
from decimal import Decimal
from math import ceil
from typing import Final

from reports import license_words
from reports.cells import Value
from reports.charts import Bars, Chart, ChartKind
from reports.grid import Column, Page, Styled
from reports.licenses import Product, Totals
from reports.sheet import Report, Sheet
from reports.styles import Style
from rules.model import LicenseLine, SeatVerdict
from rules.prices import Commitment

_NAME: Final = "sheets.licenses."
_PRODUCT, _BOUGHT, _ASSIGNED, _ACTIVE = 1, 3, 5, 8  # columns the chart reads
_CHART_ROWS: Final = 8
_ROWS_PER_BAR: Final = 0.7
_CHART_CM: Final = 30
_SPEND_ROWS: Final = 10
_SPEND_PT: Final = 130.0 + 15.0 * _SPEND_ROWS  # with what stands above the bar: title, sentence, its numbers
_SPEND_LABEL: Final = 10  # column of the bar's label, beside those of its amounts
VERDICT_STYLES: Final = {
    SeatVerdict.OK: Style.GOOD,
    SeatVerdict.UNDER: Style.BAD,
    SeatVerdict.EXCESS: Style.INFO,
    SeatVerdict.CHECK: Style.WARN,
    SeatVerdict.UNKNOWN: Style.UNKNOWN,
    SeatVerdict.NONE: Style.TEXT,
}


def build(page: Page, report: Report) -> None:
    """Lay the sheet out; without lines it says why, and what permission is missing."""
    texts, licenses = report.texts, report.licenses
    columns = _columns(report)
    page.heading(texts.text(_NAME + "heading"), license_words.data_dates(report), len(columns))
    first = page.table(columns, licenses.products, lambda product: _line(report, product), main=True)
    last = len(columns)
    if licenses.products:
        _total(page, report)
    for box in _unaudited(report):
        page.note(box, Style.WARN_BOX, last)
    if licenses.readable and licenses.complete and not licenses.products:
        page.note(texts.text(_NAME + "empty"), Style.GOOD_BOX, last)
    if licenses.products or licenses.free or licenses.stopped:
        page.skip()
        for sentence in license_words.beside_the_table(report):
            page.note(sentence, Style.SENTENCE, last)
        page.note(texts.text(_NAME + "explained"), Style.NOTE, last)
    if licenses.readable:
        if licenses.charted:
            page.turn()
        _chart(page, report, first, last)
        _spend(page, report, last)


def _columns(report: Report) -> tuple[Column, ...]:
    def column(name: str, style: Style, width: float) -> Column:
        return Column(title=report.texts.text(_NAME + name), style=style, width=width)

    return (
        column("product", Style.STRONG, 21.5),
        column("state", Style.TEXT, 12),
        column("bought", Style.NUMBER, 8),
        column("grace", Style.NUMBER, 8.3),
        column("assigned", Style.NUMBER, 10.1),
        column("free", Style.NUMBER, 12),
        column("gap", Style.NUMBER, 8),
        column("active", Style.NUMBER, 8),
        column("inactive", Style.NUMBER, 9.1),
        column("surplus", Style.NUMBER, 9.1),
        column("monthly", Style.EURO, 12),
        column("yearly", Style.EURO, 13),
        column("saving_now", Style.EURO, 12),
        column("saving_later", Style.EURO, 12),
        column("renewal", Style.DATE, 14.8),
    )


def _line(report: Report, product: Product) -> Sequence[Value | Styled]:
    line, by_people, usable = product.line, product.by_people, product.usable
    return (
        license_words.product_cell(report, product),
        Styled(_state(report, product), Style.INFO if product.accepted else VERDICT_STYLES[line.verdict]),
        _count(report, line.bought),
        line.grace or None,
        _count(report, line.assigned) if by_people else None,
        _count(report, line.free) if usable else None,
        _gap(report, product) if usable else None,
        _count(report, product.active) if usable else None,
        _count(report, line.inactive) if usable else None,
        product.surplus if usable else None,
        _amount(report, line.monthly_cost),
        _amount(report, product.yearly_cost),
        *_savings(report, product),
        _renewal(report, line),
    )


def _state(report: Report, product: Product) -> str:
    verdict = product.line.verdict
    name = f"seat_verdict.{verdict.value}" if verdict else f"sku_kind.{product.line.kind.value}"
    told = report.texts.text(name)
    return report.texts.text("sheets.software.state_accepted", state=told) if product.accepted else told


def _count(report: Report, count: int | None) -> Value | Styled:
    return Styled(report.texts.text("kpi.unknown"), Style.UNKNOWN) if count is None else count


def _gap(report: Report, product: Product) -> Value | Styled:
    gap = product.gap
    return Styled(gap, Style.DEFICIT) if gap is not None and gap < 0 else _count(report, gap)


def _amount(report: Report, amount: Decimal | None) -> Value | Styled:
    return Styled(report.texts.text("values.none"), Style.UNKNOWN) if amount is None else amount


def _savings(report: Report, product: Product) -> tuple[Value | Styled, Value | Styled]:
    """Now and at the anniversary; nothing where no seat can be given up."""
    if product.saving_unknown:
        unknown = Styled(report.texts.text("values.none"), Style.UNKNOWN)
        return unknown, unknown
    return product.saving_now or None, product.saving_later or None


def _renewal(report: Report, line: LicenseLine) -> Value | Styled:
    if line.renewal_on is not None:
        return line.renewal_on
    if not line.bought and line.grace:
        return report.texts.text(_NAME + "renewal_expired")
    if not line.bought and line.suspended + line.locked_out:
        return report.texts.text(_NAME + "renewal_stopped")
    monthly = line.commitment is Commitment.MONTHLY
    return report.texts.text(_NAME + "renewal_monthly" if monthly else "values.none")


def _total(page: Page, report: Report) -> None:
    texts, totals = report.texts, report.licenses.totals
    unknown = texts.text("kpi.unknown")
    number, euro = Style.TOTAL_NUMBER, Style.TOTAL_EURO
    cells: tuple[tuple[Value, Style], ...] = (
        (texts.text(_NAME + "total", count=totals.products), Style.TOTAL),
        (None, Style.TOTAL),
        (totals.bought, number),
        (totals.grace, number),
        (totals.assigned, number),
        (totals.free, number),
        (None, number),  # seats left of one product make up for none of another
        (unknown if totals.active is None else totals.active, number),
        (unknown if totals.inactive is None else totals.inactive, number),
        (totals.surplus, number),
        *((amount, euro) for amount in _amounts(report, totals)),
        (None, Style.TOTAL),
    )
    page.line(*((column, value, style) for column, (value, style) in enumerate(cells, 1)), height=19)


def _amounts(report: Report, totals: Totals) -> tuple[Value, ...]:
    if totals.unpriced == totals.products:
        return (report.texts.text("values.none"),) * 4
    return (totals.monthly_cost, totals.yearly_cost, totals.saving_now, totals.saving_later)


def _unaudited(report: Report) -> list[str]:
    texts, licenses = report.texts, report.licenses
    if not licenses.tenants:
        return [texts.text(_NAME + "not_declared")]
    return [
        texts.text(
            _NAME + "not_audited",
            name=license_words.tenant_name(tenant),
            reason=license_words.gap_reason(report, gap),
            todo=license_words.gap_todo(report, gap),
        )
        for tenant, gap in licenses.hidden
    ]


def _chart(page: Page, report: Report, first: int, last: int) -> None:
    """Bought, assigned and active seats of the largest products: the first lines of the table."""
    texts, shown = report.texts, report.licenses.charted
    page.skip()
    page.wide(texts.text(_NAME + "chart"), Style.SECTION, 1, last, 22)
    if not shown:
        page.note(texts.text(_NAME + "chart_none"), Style.SENTENCE, last)
        return
    known = all(product.active is not None for product in shown)
    short = "" if known else "_short"
    bought = sum(product.line.bought or 0 for product in shown)
    assigned = sum(product.line.assigned or 0 for product in shown)
    active = sum(product.active or 0 for product in shown)
    message = texts.text(
        f"{_NAME}chart_message{short}", count=len(shown), bought=bought, assigned=assigned, active=active
    )
    page.note(message, Style.SENTENCE, last)
    page.skip()
    bars = [
        Bars(
            title=texts.text(_NAME + "bought"),
            column=_BOUGHT,
            values=tuple(product.line.bought or 0 for product in shown),
        ),
        Bars(
            title=texts.text(_NAME + "assigned"),
            column=_ASSIGNED,
            values=tuple(product.line.assigned or 0 for product in shown),
        ),
    ]
    if known:
        active_seats = tuple(product.active or 0 for product in shown)
        bars.append(Bars(title=texts.text(_NAME + "active"), column=_ACTIVE, values=active_seats))
    page.draw(
        Chart(
            title=texts.text(f"{_NAME}chart_title{short}", count=len(shown)),
            description=f"{message} {license_words.chart_items(report, shown, known=known)}",
            label_axis=texts.text(_NAME + "chart_products"),
            value_axis=texts.text(_NAME + "chart_seats"),
            first=first,
            last=first + len(shown) - 1,
            label_column=_PRODUCT,
            labels=tuple(license_words.product_cell(report, product) for product in shown),
            bars=tuple(bars),
            at=page.next_row,
            rows=_CHART_ROWS + ceil(_ROWS_PER_BAR * len(bars) * len(shown)),
            width_cm=_CHART_CM,
        )
    )


def _spend(page: Page, report: Report, last: int) -> None:
    """One bar: what a year costs, by what becomes of the seats."""
    texts, spend = report.texts, report.licenses.spend
    page.keep(_SPEND_PT if spend.whole else 0)
    page.skip()
    page.wide(texts.text(_NAME + "spend"), Style.SECTION, 1, last, 22)
    if not spend.whole:
        page.note(texts.text(_NAME + "spend_none"), Style.SENTENCE, last)
        return
    message = texts.text(
        _NAME + "spend_message",
        whole=texts.euros(spend.whole),
        used=texts.percent(float(spend.used / spend.whole)),
        inactive=texts.euros(spend.inactive),
        unassigned=texts.euros(spend.unassigned),
    )
    if spend.left_out:
        message = f"{message} {texts.text(_NAME + 'spend_left_out', count=spend.left_out)}"
    page.note(message, Style.SENTENCE, last)
    page.skip()
    label = texts.text(_NAME + "spend_label", count=spend.products)
    # In the columns of amounts above, which are wide enough.
    parts = (("used", 11, spend.used), ("inactive", 12, spend.inactive), ("unassigned", 13, spend.unassigned))
    heads = {column: texts.text(f"{_NAME}spend_{name}") for name, column, _ in parts}
    heads[_SPEND_LABEL] = texts.text(_NAME + "spend_year")
    page.line(*((column, head, Style.HEADER) for column, head in heads.items()), height=32)
    row = page.line((_SPEND_LABEL, label, Style.STRONG), *((column, amount, Style.EURO) for _, column, amount in parts))
    page.skip()
    page.draw(
        Chart(
            kind=ChartKind.STACKED,
            title=texts.text(_NAME + "spend_title"),
            description=message,
            label_axis=texts.text(_NAME + "spend_year"),
            value_axis=texts.text(_NAME + "spend_axis"),
            first=row,
            last=row,
            label_column=_SPEND_LABEL,
            labels=(label,),
            bars=tuple(Bars(title=heads[column], column=column, values=(amount,)) for _, column, amount in parts),
            at=page.next_row,
            rows=_SPEND_ROWS,
            width_cm=_CHART_CM,
            number_format="#,##0",
        )
    )


SHEET = Sheet(name="licenses", order=24, build=build)
