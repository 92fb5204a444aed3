"""How the blocks on software read rows: one bad row is counted and quoted, the good ones stay.

Registry values have the type that whoever wrote them chose, so a text may arrive as a number and hold characters that
no text has.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from collectors.hosts.base import shown
from collectors.model import FactKind, Gap, GapReason
from collectors.windows.blocks._values import sane

Item = TypeVar("Item")

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_MAX_CHARACTERS = 1024
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){1,3}")


def read_rows(
    block: str, kind: FactKind, rows: Iterable[Any], parse: Callable[[Any], Item | None]
) -> tuple[tuple[Item, ...], tuple[Gap, ...]]:
    """Read rows one by one. `parse` returns None for a row that is rightly without a fact, ValueError for nonsense.

    msgspec's ValidationError is a ValueError. Returns the items, and one UNPARSABLE gap that counts the unread rows and
    quotes the first.
    """
    items: list[Item] = []
    unread: list[Any] = []
    total = 0
    for row in rows:
        total += 1
        try:
            item = parse(row)
        except ValueError:
            unread.append(row)
        else:
            if item is not None:
                items.append(item)
    return tuple(items), unread_gap(block, kind, unread, total)


def unread_gap(block: str, kind: FactKind, unread: list[Any], total: int) -> tuple[Gap, ...]:
    """One UNPARSABLE gap for rows nobody understood; no gap when there are none."""
    if not unread:
        return ()
    first = shown(json.dumps(unread[0], ensure_ascii=True, sort_keys=True))
    detail = f"{len(unread)} of {total} rows not understood, the first: {first}"
    return (Gap(kind=kind, collector=block, reason=GapReason.UNPARSABLE, detail=detail),)


def text(value: object) -> str:
    """A text as Windows itself reads it: up to the first NUL, without outer blanks, at most 1,024 characters.

    A number is written out; None is "". Raises ValueError for anything else.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value.partition("\0")[0].strip()[:_MAX_CHARACTERS]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(value)


def file_version(value: object) -> str:
    """A version of two to four numbers without leading zeros, "" for None; raises ValueError for anything else."""
    written = text(value)
    if not written:
        return ""
    if not _VERSION.fullmatch(written):
        raise ValueError(value)
    return ".".join(str(int(number)) for number in written.split("."))


def whole(value: object) -> int | None:
    """A whole number that may have been written as a text; None for none. Raises ValueError for anything else."""
    written = text(value)
    return int(written) if written else None


def from_filetime(high: int, low: int) -> datetime | None:
    """The instant in two DWORDs of a FILETIME (100 ns since 1601); None when there is none or it makes no sense."""
    try:
        return sane(_EPOCH + timedelta(microseconds=((high << 32) + low) // 10))
    except OverflowError:
        return None
