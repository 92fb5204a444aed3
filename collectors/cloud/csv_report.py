"""Usage reports as CSV: bytes in, rows by column name out, however the columns are ordered.

Source: the "reportRoot" pages of the Microsoft Graph reference. Order and set of columns differ from what they say, a
byte order mark sits before the first name, and the content type tells no encoding: it is UTF-8.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain

FIRST_YEAR = 1990
"""Dates before it are the zeros of clocks (year 1, 1601, 1970), which Graph and its reports write for "no date"."""

REFRESHED = "Report Refresh Date"
_END = "\x00"  # read as a record of its own after the last one, unless a quote was never closed
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvReport:
    """One report as it was read.

    `refreshed_on` is the oldest "Report Refresh Date" of its rows, None when it has no row with one: usage is then
    unavailable. `count` is the number of rows, deleted users included; `unread` of those that have another number of
    fields than the header, which `rows` leaves out. `etag` is for `GraphClient.report(known=...)`.
    """

    header: tuple[str, ...]
    body: bytes
    refreshed_on: date | None = None
    count: int = 0
    unread: int = 0
    etag: str = ""

    def rows(self) -> Iterator[Mapping[str, str]]:
        """Every readable row by column name, values stripped; read anew at every call, so that none is kept."""
        for fields in _lines(self.body):
            if len(fields) == len(self.header):
                yield {name: value.strip() for name, value in zip(self.header, fields, strict=True)}


class CsvUnreadable(ValueError):
    """The bytes are no CSV report; the text says what they look like."""


def read_report(body: bytes, *, etag: str = "") -> CsvReport:
    """Read a report; raises CsvUnreadable. No bytes at all are a report without columns and rows."""
    start = body[:200].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start[:1] == b"<":
        raise CsvUnreadable("an HTML page")
    if start[:1] in (b"{", b"["):
        raise CsvUnreadable("JSON")
    if b"\x00" in body:
        raise CsvUnreadable("text with gaps in it (NUL)")
    header = _header(body)
    if header and REFRESHED not in header:
        raise CsvUnreadable(f"a table without the column {REFRESHED!r}")
    if len(set(header)) != len(header):
        raise CsvUnreadable("a table that has two columns of one name")
    count = unread = 0
    refreshed: date | None = None
    position = header.index(REFRESHED) if header else 0
    for fields in _lines(body):
        count += 1
        if len(fields) != len(header):
            unread += 1
            continue
        on = day(fields[position])
        if on is not None and (refreshed is None or on < refreshed):
            refreshed = on
    return CsvReport(header=header, body=body, refreshed_on=refreshed, count=count, unread=unread, etag=etag)


def day(text: str | None) -> date | None:
    """A date as reports write it, "2026-11-20" with or without a time; None for "", zeros and anything else."""
    on = _written(text)
    return on if on is not None and on.year >= FIRST_YEAR else None


def holds_day(text: str | None) -> bool:
    """Whether it is written as a date, the zero of a clock included."""
    return _written(text) is not None


def _written(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "").strip()[:10])
    except ValueError:
        return None


def flag(text: str | None) -> bool | None:
    """True for "True" and "Yes", False for "False" and "No" (any case), None for anything else."""
    lowered = (text or "").strip().lower()
    return True if lowered in _TRUE else False if lowered in _FALSE else None


def number(text: str | None) -> int | None:
    """A whole number ("" and anything else: None)."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _header(body: bytes) -> tuple[str, ...]:
    try:
        first = next(_records(body), [_END])
    except (csv.Error, UnicodeDecodeError) as error:
        raise CsvUnreadable("no text in UTF-8" if isinstance(error, UnicodeDecodeError) else "no CSV") from error
    return tuple(name.strip() for name in first) if first != [_END] else ()


def _lines(body: bytes) -> Iterator[list[str]]:
    """Every record below the header; blank lines are none."""
    records = _records(body)
    fields = next(records, [_END])
    try:
        while fields != [_END]:
            fields = next(records)
            if fields != [_END] and any(field.strip() for field in fields):
                yield fields
    except (csv.Error, UnicodeDecodeError, StopIteration) as error:  # the end stood within quotes
        raise CsvUnreadable("CSV that breaks off or is no text in UTF-8") from error


def _records(body: bytes) -> Iterator[list[str]]:
    # Decoded piece by piece: a report of a large tenant is not held twice.
    text = io.TextIOWrapper(io.BytesIO(body), encoding="utf-8-sig", newline="")
    return iter(csv.reader(chain(text, (_END,))))
