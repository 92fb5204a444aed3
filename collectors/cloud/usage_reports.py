"""Usage reports as facts: what the four questions that read one share.

An absent row means "no activity" to whoever judges, so that a report is taken whole or not at all: a row that cannot
be read, a column that is needed and missing, an empty report or concealed names are gaps, and no row is kept.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from re import compile as pattern
from typing import Generic, TypeVar

from collectors.cloud.csv_report import CsvReport, CsvUnreadable, day, flag, holds_day, number
from collectors.cloud.facts import Report, TenantFact, TenantGap
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import TenantQuestion
from collectors.cloud.reading import Unreadable
from collectors.model import GapReason

T = TypeVar("T")

UPN = "User Principal Name"
PERMISSION = "Reports.Read.All"
_HASH = pattern(r"[0-9A-Fa-f]{32}")
_CONCEALED = (
    "the tenant conceals names in its usage reports, so that no row can be joined with a user (Microsoft 365 admin "
    "center, Settings, Org settings, Reports)"
)


@dataclass(frozen=True, slots=True)
class Usages(Generic[T]):
    """What one report gave: its state, and its rows unless a gap says why there are none."""

    report: Report
    rows: tuple[T, ...] = ()
    gaps: tuple[TenantGap, ...] = ()


class Row:
    """One row, asked by column name."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = cells

    def text(self, column: str) -> str:
        """The text of a column; "" where the report has no such column."""
        return self._cells.get(column, "")

    def day(self, column: str) -> date | None:
        """A date; None for none, for a clock's zero and where the report has no such column. Raises `Unreadable`."""
        text = self.text(column)
        if text and not holds_day(text):
            raise Unreadable(f"{column!r} holds no date")
        return day(text)

    def flag(self, column: str) -> bool | None:
        """Yes or no; None where the report does not say. Raises `Unreadable`."""
        text = self.text(column)
        found = flag(text)
        if found is None and text:
            raise Unreadable(f"{column!r} holds neither yes nor no")
        return found

    def number(self, column: str) -> int | None:
        """A whole number; None where the report does not say. Raises `Unreadable`."""
        text = self.text(column)
        found = number(text)
        if found is None and text:
            raise Unreadable(f"{column!r} holds no number")
        return found


def read_usage(
    question: TenantQuestion,
    client: GraphClient,
    path: str,
    *,
    needed: Sequence[str],
    make: Callable[[Row], T],
    period: str = "",
) -> Usages[T]:
    """Read one report into facts, without the rows of deleted users. Raises the client's `TenantError`.

    `period` ("D180") becomes part of the path. A report without one of the columns `needed` is a gap that names it.
    """
    kind = question.kinds[0]
    answer = client.report(f"{path}(period='{period}')" if period else path)
    missing = [column for column in (UPN, *needed) if column not in answer.header]
    if answer.count and missing:
        detail = f"the report has no column {', '.join(map(repr, missing))}"
        return _unusable(question, answer, period, GapReason.UNPARSABLE, detail)
    try:
        rows = tuple(_facts(answer, make))
    except _ConcealedName:
        return _unusable(question, answer, period, GapReason.DENIED, _CONCEALED, concealed=True)
    except (Unreadable, CsvUnreadable) as error:
        return _unusable(question, answer, period, GapReason.UNPARSABLE, f"a row could not be read: {error}")
    if answer.unread:
        detail = f"{answer.unread} of {answer.count} rows have another number of fields than the header"
        return _unusable(question, answer, period, GapReason.UNPARSABLE, detail)
    if answer.refreshed_on is None:
        detail = "the report does not say of which day it is" if answer.count else "the report is empty"
        return _unusable(question, answer, period, GapReason.MISSING, detail)
    return Usages(_report(kind, answer, period), rows)


class _ConcealedName(Exception):
    """A name is a hash: one is enough, for the switch is for all and may have been turned while the report was made.

    So are names of which not one is a principal name, whatever they look like.
    """


def _facts(answer: CsvReport, make: Callable[[Row], T]) -> Iterator[T]:
    rows = named = 0
    for cells in answer.rows():
        row = Row(cells)
        if row.flag("Is Deleted"):
            continue
        upn = cells.get(UPN, "")
        if not upn:
            raise Unreadable(f"{UPN!r} is empty")
        if _HASH.fullmatch(upn):
            raise _ConcealedName
        rows += 1
        named += "@" in upn
        yield make(row)
    if rows and not named:
        raise _ConcealedName


def _unusable(
    question: TenantQuestion,
    answer: CsvReport,
    period: str,
    reason: GapReason,
    detail: str,
    *,
    concealed: bool = False,
) -> Usages[T]:
    kind = question.kinds[0]
    report = _report(kind, answer, period, concealed=concealed)
    return Usages(report, gaps=(question.gap(kind, reason, detail),))


def _report(kind: TenantFact, answer: CsvReport, period: str, *, concealed: bool = False) -> Report:
    return Report(kind=kind, refreshed_on=answer.refreshed_on, period=period, rows=answer.count, concealed=concealed)
