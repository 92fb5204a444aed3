"""The license position of a client: one line per product, with the columns of an effective license position.

Nothing here judges; `rules.software.engine` fills it in and the reports show it. Counts that nobody can know are None,
never 0.
"""

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from rules.messages import Message
from rules.rights import Metric

_CENT = Decimal("0.01")
RULES_VERSION = "2026-11"  # of the license rules as dated data; printed in the report


class Status(StrEnum):
    """Where one product stands (licenses.md, 1)."""

    UNDER = "under"
    CHECK = "check"
    UNKNOWN = "unknown"
    EXCESS = "excess"
    OK = "ok"
    FREE = "free"  # not subject: a viewer, a runtime, part of another product


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """Part of a surplus that is paid by the year: so many units end `on` a day, and need not be bought again.

    `on` None: nobody said when. `amount` is what these very units cost a year, None where no price is known.
    """

    units: int
    on: date | None = None
    amount: Decimal | None = None

    @property
    def unit_price(self) -> Decimal | None:
        """What one of them costs a year, to the cent."""
        return None if self.amount is None else (self.amount / self.units).quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """One product (and edition, and version) in the position.

    `key` is stable from month to month. `owned` are units of `metric` in force, `owned_oem` of them bound to hardware
    (seen in the machine's firmware or activation, or declared); None with `unlimited` for a site. `installed` counts
    distinct devices, or users where the metric says so; `not_subject` of them need no right (free edition, covered by
    a user's subscription, included). `required` is the need in units of the metric, `transferred` what other rights
    cover (downgrade, suite, second device), less what the line's own rights cover elsewhere: it may be negative. `gap`
    = owned + transferred - required: negative is a deficit where the status says so; None where nobody can tell.
    `at_least` marks a need that is a minimum because machines or people were not seen. `seen` of `known` devices were
    read: `earlier` of them not this time but at an audit before, `old` of them longer ago than was agreed. `cost` buys
    the deficit in whole packs and `saving` is what the surplus costs, both None where no price is known; `unit_price`
    is that of one unit; a year where `yearly`, else once. `reductions` tell when a surplus paid by the year can fall,
    the next end first. `tied` units of a surplus belong to the machines they were sold with: they serve no other.
    """

    key: str
    product: str
    publisher: str
    name: str
    metric: Metric
    status: Status
    edition: str = ""
    version: str = ""
    owned: int | None = None
    owned_oem: int = 0
    unlimited: bool = False
    installed: int = 0
    not_subject: int = 0
    required: int | None = None
    transferred: int = 0
    gap: int | None = None
    at_least: bool = False
    seen: int = 0
    known: int = 0
    old: int = 0
    earlier: int = 0
    proofs: tuple[str, ...] = ()
    ends_on: date | None = None
    unit_price: Decimal | None = None
    cost: Decimal | None = None
    saving: Decimal | None = None
    yearly: bool = False
    reductions: tuple[Reduction, ...] = ()
    tied: int = 0
    devices: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    entitlements: tuple[str, ...] = ()
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecognized:
    """A program that looks commercial and that no product of the table is: listed for the provider, never ignored."""

    name: str
    publisher: str
    devices: tuple[str, ...]
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareSummary:
    """The license position of one client beside its findings.

    `declared` tells whether the client has a file of rights at all: without one nothing is called a deficit.
    `entitlements` counts its rows, `file` names it. `idle` are rights that meet nothing (case 66), `upcoming` such that
    do not count yet, each in words. `seen` of `known` machines were read: `earlier` of them not this time but at an
    audit before, `old` of them longer ago than was agreed.
    """

    declared: bool
    file: str = ""
    entitlements: int = 0
    lines: tuple[PositionLine, ...] = ()
    unrecognized: tuple[Unrecognized, ...] = ()
    idle: tuple[Message, ...] = ()
    upcoming: tuple[Message, ...] = ()
    seen: int = 0
    known: int = 0
    old: int = 0
    earlier: int = 0
    rules_version: str = RULES_VERSION
    notes: tuple[Message, ...] = field(default=())
