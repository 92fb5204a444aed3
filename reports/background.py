"""What a report tells beside one assessment: how the client stood in earlier months, and what changed since.

`auditor` fills this from the history; a report without it says that it is the first one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatCount:
    """Seats of one paid SKU at one time and their price per month (None: not known).

    `product` tells it from every other, of several tenants too.
    """

    product: str
    name: str
    seats: int
    monthly_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The key figures of one run, as its first sheet showed them; None where it was unknown. Amounts: euro a month.

    `complete` tells whether everything that was to be audited was. `known` machines, `reached` of them; `updated` of
    `decided` up to date; `license_good` of `license_base` products compliant.
    """

    run: int
    as_of: datetime
    complete: bool
    known: int = 0
    reached: int = 0
    decided: int = 0
    updated: int = 0
    urgent: int | None = None
    overdue: int | None = None
    exploited: int | None = None
    reboots: int | None = None
    out_of_support: int | None = None
    license_good: int | None = None
    license_base: int | None = None
    license_unknown: int = 0
    surplus_seats: int | None = None
    saving: Decimal | None = None
    missing_seats: int | None = None
    missing_cost: Decimal | None = None
    spend: Decimal | None = None
    software_under: int | None = None
    actions: int = 0
    seats: tuple[SeatCount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One finding that came, went or came back.

    `fixed_on` is the day it was first seen gone, `late` whether after its deadline (None: it has none, or nobody can
    tell).
    """

    ref: str
    fingerprint: str
    rule: str
    subject: str
    key: str
    severity: str = ""
    first_on: date | None = None
    last_on: date | None = None
    fixed_on: date | None = None
    released_on: date | None = None
    due_on: date | None = None
    late: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Deadlines for patches that were installed since the report before: kept, missed, or not to be told."""

    kept: int = 0
    missed: int = 0
    untold: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What became of the findings of the run before, which was as of `before`.

    `first_seen` gives the day each open finding was first found, by fingerprint. `unseen` were open and are on machines
    or tenants that were not audited this time: neither open nor fixed.
    """

    before: datetime
    new: tuple[Change, ...] = ()
    fixed: tuple[Change, ...] = ()
    reopened: tuple[Change, ...] = ()
    unseen: tuple[Change, ...] = ()
    still_open: int = 0
    first_seen: Mapping[str, date] = field(default_factory=dict)
    deadlines: Kept = field(default_factory=Kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """Everything beside the assessment. `trend` is one entry per month at most, oldest first, this run's the last."""

    trend: tuple[Figures, ...] = ()
    changes: Changes | None = None
