"""The provider's overview: all clients of one run on one page, those that need somebody first.

It is the provider's own and goes to no client. What a client's report does not know is written "inconnu" here too, and
enters no total; every total says how many clients it rests on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from reports.background import Changes, Figures
from reports.cells import Value
from reports.grid import Column, Page, Styled
from reports.styles import Style
from reports.texts import DEFAULT_ZONE, Texts
from reports.workbook import assemble
from rules.prices import MONTHS

_NAME: Final = "overview."
_STATES: Final = ("refused", "not_written", "stopped", "incomplete", "findings", "fine")
_LOOKS: Final = {
    "refused": Style.BAD,
    "not_written": Style.BAD,
    "stopped": Style.WARN,
    "incomplete": Style.WARN,
    "findings": Style.INFO,
    "fine": Style.GOOD,
}
_WORST_FIRST: Final = {state: rank for rank, state in enumerate(_STATES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientResult:
    """What one client's run came to.

    `state` is "refused" (not audited at all, `problem` says why), "not_written" (audited, and our own side failed),
    "stopped", "incomplete", "findings" or "fine"; `reasons` are those of the exit code. `previous` are the figures of
    the month before.
    """

    client: str
    state: str
    problem: str = ""
    reasons: tuple[str, ...] = ()
    figures: Figures | None = None
    previous: Figures | None = None
    changes: Changes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All clients of one run. `client` is what the pages' footers name, `as_of` the day of the run."""

    client: str
    as_of: datetime
    finished_at: datetime
    results: tuple[ClientResult, ...]


def render(results: Sequence[ClientResult], language: str, *, as_of: datetime, zone: str = DEFAULT_ZONE) -> bytes:
    """The overview as an xlsx file; the same input gives the same bytes."""
    texts = Texts(language, zone=zone)
    title = texts.text(_NAME + "title", month=texts.month(texts.local_day(as_of)))
    overview = Overview(
        client=texts.text(_NAME + "provider"),
        as_of=as_of,
        finished_at=as_of,
        results=tuple(sorted(results, key=_order)),
    )
    return assemble((_clients(overview, texts, title), _reasons(overview, texts)), overview, texts, title)


def file_name(language: str, *, as_of: datetime, zone: str = DEFAULT_ZONE) -> str:
    """Name of the file: "2026-11_vue-d-ensemble.xlsx"."""
    texts = Texts(language, zone=zone)
    day = texts.local_day(as_of)
    return texts.text(_NAME + "file", month=f"{day.year}-{day.month:02d}") + ".xlsx"


def _order(result: ClientResult) -> tuple[int, int, int, str]:
    """Who needs somebody first: not audited, then incomplete, then by what is late and missing."""
    figures = result.figures
    late, urgent = (0, 0) if figures is None else (figures.overdue or 0, figures.urgent or 0)
    return (_WORST_FIRST[result.state], -late, -urgent, result.client.casefold())


def _clients(overview: Overview, texts: Texts, title: str) -> Page:
    page = Page(title=texts.text(_NAME + "tab_clients"), one_wide=True)
    columns = tuple(_columns(texts))
    page.heading(title, _intro(overview, texts), len(columns))
    page.table(columns, overview.results, lambda result: _client(result, texts), main=True)
    page.line(*_total(overview, texts), height=20)
    page.skip()
    page.note(texts.text(_NAME + "note"), Style.NOTE, len(columns))
    return page


def _columns(texts: Texts) -> Iterator[Column]:
    def column(name: str, style: Style = Style.NUMBER, width: float = 11) -> Column:
        return Column(title=texts.text(f"{_NAME}{name}"), style=style, width=width)

    yield Column(title=texts.text(_NAME + "client"), style=Style.STRONG, least=18, most=34)
    yield column("state", Style.TEXT, 17)
    yield column("reached")
    yield column("known")
    yield column("updated", width=9)
    yield column("decided", width=9)
    yield column("urgent")
    yield column("urgent_before", Style.TEXT, 17)
    yield column("overdue")
    yield column("exploited")
    yield column("out_of_support")
    yield column("missing_seats", width=12)
    yield column("missing_cost", Style.EURO)
    yield column("surplus")
    yield column("saving", Style.EURO)
    yield column("new", width=10)
    yield column("fixed", width=10)
    yield column("unseen", width=10)


def _client(result: ClientResult, texts: Texts) -> Sequence[Value | Styled]:
    state = Styled(texts.text(f"{_NAME}state_{result.state}"), _LOOKS[result.state])
    figures, changes = result.figures, result.changes
    if figures is None:
        return (result.client, state, *(None for _ in range(16)))
    unknown = Styled(texts.text("kpi.unknown"), Style.UNKNOWN)

    def told(value: int | Decimal | None) -> Value | Styled:
        return unknown if value is None else value

    return (
        result.client,
        state,
        figures.reached,
        figures.known,
        told(figures.updated if figures.decided else None),
        figures.decided,
        told(figures.urgent),
        _moved(figures.urgent, None if result.previous is None else result.previous.urgent, texts),
        told(figures.overdue),
        told(figures.exploited),
        told(figures.out_of_support),
        told(figures.missing_seats),
        told(_yearly(figures.missing_cost)),
        told(figures.surplus_seats),
        told(_yearly(figures.saving)),
        None if changes is None else len(changes.new) + len(changes.reopened),
        None if changes is None else len(changes.fixed),
        None if changes is None else len(changes.unseen),
    )


def _moved(now: int | None, before: int | None, texts: Texts) -> str:
    """How a count changed since the month before, in a symbol and a figure; "" where one of both is not known."""
    if now is None or before is None:
        return ""
    name = "same" if now == before else "more" if now > before else "fewer"
    return texts.text(f"{_NAME}{name}", count=before, difference=abs(now - before))


def _yearly(monthly: Decimal | None) -> Decimal | None:
    return None if monthly is None else monthly * MONTHS


def _total(overview: Overview, texts: Texts) -> Iterator[tuple[int, Value, Style]]:
    """Sums of what is known, in the columns of the table."""
    known = [result.figures for result in overview.results if result.figures is not None]
    told: Sequence[tuple[int, Callable[[Figures], int | Decimal | None]]] = (
        (3, lambda one: one.reached),
        (4, lambda one: one.known),
        (5, lambda one: one.updated if one.decided else None),
        (6, lambda one: one.decided),
        (7, lambda one: one.urgent),
        (9, lambda one: one.overdue),
        (10, lambda one: one.exploited),
        (11, lambda one: one.out_of_support),
        (12, lambda one: one.missing_seats),
        (13, lambda one: _yearly(one.missing_cost)),
        (14, lambda one: one.surplus_seats),
        (15, lambda one: _yearly(one.saving)),
    )
    sums: dict[int, Value] = {column: _sum([figure(one) for one in known], texts) for column, figure in told}
    changes = [result.changes for result in overview.results if result.changes is not None]
    if changes:
        sums[16] = sum(len(one.new) + len(one.reopened) for one in changes)
        sums[17] = sum(len(one.fixed) for one in changes)
        sums[18] = sum(len(one.unseen) for one in changes)
    yield (1, texts.text(_NAME + "total", count=len(known), known=len(overview.results)), Style.TOTAL)
    for column in range(2, 19):
        money = column in (13, 15)
        yield (column, sums.get(column), Style.TOTAL_EURO if money else Style.TOTAL_NUMBER)


def _sum(values: Sequence[int | Decimal | None], texts: Texts) -> Value:
    """The sum of what is known: at least that where a client does not know its part, unknown where none does."""
    told = [value for value in values if value is not None]
    if not told:
        return texts.text("kpi.unknown") if values else None
    total = sum(told)
    if len(told) == len(values):
        return total
    figure = texts.euros(total) if isinstance(total, Decimal) else texts.number(total)
    return texts.text("kpi.at_least", figure=figure)


def _intro(overview: Overview, texts: Texts) -> str:
    """How many clients were audited, and how many of them whole."""
    audited = [result for result in overview.results if result.state != "refused"]
    whole = sum(result.state in ("findings", "fine") for result in audited)
    return texts.text(
        _NAME + "intro",
        day=texts.date(texts.local_day(overview.as_of)),
        count=len(audited),
        known=len(overview.results),
        whole=whole,
    )


def _reasons(overview: Overview, texts: Texts) -> Page:
    """What somebody must look at: every reason a client's run was not whole, in words."""
    page = Page(title=texts.text(_NAME + "tab_reasons"))
    columns = (
        Column(title=texts.text(_NAME + "client"), style=Style.STRONG, least=18, most=34),
        Column(title=texts.text(_NAME + "state"), width=19),
        Column(title=texts.text(_NAME + "why"), least=60, most=110),
    )
    rows = [
        (result, why)
        for result in overview.results
        if result.state not in ("findings", "fine")
        for why in ((result.problem,) if result.problem else tuple(_worded(result, texts)))
    ]
    page.heading(texts.text(_NAME + "tab_reasons"), texts.text(_NAME + "reasons_intro"), len(columns))
    page.table(
        columns,
        rows,
        lambda row: (row[0].client, Styled(texts.text(f"{_NAME}state_{row[0].state}"), _LOOKS[row[0].state]), row[1]),
        main=True,
    )
    if not rows:
        page.note(texts.text(_NAME + "reasons_none"), Style.GOOD_BOX, len(columns))
    return page


def _worded(result: ClientResult, texts: Texts) -> Iterator[str]:
    for reason in result.reasons:
        text_id = f"{_NAME}reason.{reason}"
        if reason != "findings":
            yield texts.text(text_id) if texts.has(text_id) else reason
