"""From Graph's JSON to facts: what the questions of this folder share.

Every property may be null or absent. What makes an entry useless (no id, another type) is counted, and the count is a
gap: an unread entry is an error, never a skip.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

import msgspec

from collectors.cloud.csv_report import FIRST_YEAR
from collectors.cloud.facts import TenantFact, TenantGap
from collectors.cloud.question import TenantQuestion
from collectors.errors import TenantError, WrongTenant
from collectors.model import GapReason

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
"""A number of seats, devices and the like; what is negative or beyond measure is no count."""


class Entry(msgspec.Struct, rename="camel"):
    """Base of the shapes the questions read: properties in camel case, unknown ones ignored."""


class Unreadable(ValueError):
    """One entry says too little to be a fact; the text names the property and quotes no value."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """What one listing gave, and the gaps where it did not give everything."""

    rows: tuple[T, ...]
    gaps: tuple[TenantGap, ...] = ()


def read_listing(
    question: TenantQuestion,
    kind: TenantFact,
    pages: Iterable[Sequence[object]],
    shape: type[S],
    make: Callable[[S], T],
    *,
    key: Callable[[T], object] | None = None,
) -> Listing[T]:
    """Turn the pages of one listing into facts; `make` raises `Unreadable` for an entry that says too little.

    Of entries with one `key` the last stands: a listing that changes while it is paged through tells some twice. Where
    it breaks off, what had come is kept beside a gap. Raises the client's `TenantError` when nothing had come.
    """
    rows: dict[object, T] = {}
    trouble = Trouble()
    broken: TenantError | None = None
    try:
        for page in pages:
            for entry in page:
                trouble.seen += 1
                try:
                    fact = make(msgspec.convert(entry, shape))
                    rows[trouble.seen if key is None else key(fact)] = fact
                except (msgspec.ValidationError, Unreadable) as error:
                    trouble.add(str(error))
    except WrongTenant:
        raise  # nothing of another tenant's is kept, nor of one that may be
    except TenantError as error:
        if not trouble.seen:
            raise
        broken = error
    gaps = trouble.gaps(question, kind)
    if broken is not None:
        detail = f"only the first {len(rows)} were read: {broken.problem} {broken.hint}".strip()
        gaps += (question.gap(kind, broken.reason, detail, permission=broken.permission),)
    return Listing(tuple(rows.values()), gaps)


@dataclass(slots=True)
class Trouble:
    """Counts what could not be read of one listing."""

    seen: int = 0
    unread: int = 0
    first: str = ""

    def add(self, why: str) -> None:
        """Count one; the first one's reason is told."""
        self.unread += 1
        self.first = self.first or why

    def gaps(self, question: TenantQuestion, kind: TenantFact) -> tuple[TenantGap, ...]:
        """One gap when anything was not read, else none."""
        if not self.unread:
            return ()
        detail = f"{self.unread} of {self.seen} entries could not be read; the first: {self.first}"
        return (question.gap(kind, GapReason.UNPARSABLE, detail),)


def needed(text: str | None, name: str) -> str:
    """Return the text of a property nothing can be done without. Raises `Unreadable`."""
    if not text or not text.strip():
        raise Unreadable(f"{name} is empty")
    return text.strip()


def guid(text: str | None) -> str:
    """A GUID as it is compared everywhere: lower case, one object per GUID however many users have it; "" for none."""
    return sys.intern(text.replace("\xa0", " ").strip().lower()) if text else ""


def guids(texts: Iterable[str | None] | None) -> frozenset[str]:
    """GUIDs of a list that may be null and hold nulls."""
    return frozenset(one for text in texts or () if (one := guid(text)))


def word(text: str | None) -> str:
    """A word many entries share ("Active", "Member", a country): one object for all; "" for none."""
    return sys.intern(text.strip()) if text else ""


def moment(text: str | None) -> datetime | None:
    """Read a time; None for none and for the zero of a clock, which means none. Raises `Unreadable` for no time."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
        if when.year < FIRST_YEAR:
            return None
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("a date is not written as one") from None
