"""The tenant as a person describes it: `tenant.toml`, read and checked; a name that nothing bears is an error."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal
from uuid import NAMESPACE_URL, uuid5

import msgspec

from rules.contract import LicenseException, TenantTerms
from rules.prices import Commitment, Price

FILE: Final = Path(__file__).with_name("tenant.toml")
_HELD: Final = re.compile(r"(?P<sku>[a-z0-9]+)(?P<how>\+@|@|!)?(?P<group>[A-Z]+)?")
_BOUGHT: Final = re.compile(r"(\d+) bought (\S+)(?: next (\S+))?( trial)?(?: ([A-Z]\w+))?")
_PRICED: Final = re.compile(r"(\w+) +([\d.]+) from (\S+)(?: (annual|monthly))?")
_SOURCE: Final = "prices.csv"


class _Written(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of what is read from tenant.toml."""


class Sku(_Written, kw_only=True):
    """One product the tenant owns; `unnamed` seats are in use by nobody who could be named."""

    id: str
    part_number: str
    name: str
    plans: str
    subscriptions: tuple[str, ...]
    applies_to: Literal["User", "Company"] = "User"
    status: str = "Enabled"
    enabled: int = 0
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0
    unnamed: int = 0


class Group(_Written, kw_only=True):
    """A group that gives licenses."""

    name: str
    gives: str


class Person(_Written, kw_only=True):
    """One account. `seen` is the last successful sign-in, `tried` a failed one, `used` the reports' last activity.

    `unseen_success`: the account is older than Microsoft's record of successes and has none. `mail` is in GB, None
    without a mailbox; `pcs` are the computers Office is activated on.
    """

    name: str
    upn: str = ""
    team: str = ""
    holds: str = ""
    enabled: bool = True
    guest: bool = False
    since: date = date(2022, 1, 10)
    seen: date | None = None
    tried: date | None = None
    used: date | None = None
    unseen_success: bool = False
    mail: float | None = None
    box: Literal["User", "Shared", "Room"] = "User"
    archive: bool = False
    office: str = ""
    pcs: int = 0
    shared_computer: bool = False


class Deleted(_Written, kw_only=True):
    """An account in the bin."""

    name: str
    on: date
    holds: str


class _Exception(_Written, kw_only=True):
    who: str
    reason: str
    until: date


class _Terms(_Written, kw_only=True):
    non_billable: dict[str, int]
    exceptions: tuple[_Exception, ...]


class _Prices(_Written, kw_only=True):
    rows: str


class Tenant(_Written, kw_only=True):
    """The whole file."""

    name: str
    domain: str
    id: str
    reseller: str
    taken_at: datetime
    refreshed_on: date
    granted: tuple[str, ...]
    refused: tuple[str, ...]
    skus: dict[str, Sku]
    groups: dict[str, Group]
    people: tuple[Person, ...]
    deleted: tuple[Deleted, ...]
    terms: _Terms
    prices: _Prices
    plans: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One license of somebody: `direct`, by `group` or both; `waiting` for a seat instead."""

    sku: str
    direct: bool
    group: str
    waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """One subscription."""

    seats: int
    on: date
    next_on: date | None
    trial: bool
    status: str


def tenant() -> Tenant:
    """Read the file. Raises `ValueError` where it is wrong."""
    return msgspec.convert(tomllib.loads(FILE.read_text("utf-8")), Tenant)


def held_by(described: Tenant, person: Person) -> tuple[Held, ...]:
    """What somebody holds or waits for."""
    return tuple(_held(described, word) for word in person.holds.split())


def _held(described: Tenant, word: str) -> Held:
    found = _HELD.fullmatch(word)
    if found is None or found["sku"] not in described.skus or (found["group"] or "SIEGE") not in described.groups:
        raise ValueError(f"tenant.toml: {word!r} names no license")
    how = found["how"] or ""
    return Held(sku=found["sku"], direct=how in ("", "+@"), group=found["group"] or "", waiting=how == "!")


def bought(sku: Sku) -> Iterator[Bought]:
    """The subscriptions of a product."""
    for line in sku.subscriptions:
        found = _BOUGHT.fullmatch(line)
        if found is None:
            raise ValueError(f"tenant.toml: {line!r} is no subscription")
        seats, on, next_on, trial, status = found.groups()
        yield Bought(
            seats=int(seats),
            on=date.fromisoformat(on),
            next_on=date.fromisoformat(next_on) if next_on else None,
            trial=bool(trial),
            status=status or "Enabled",
        )


def consumed(described: Tenant, name: str) -> int:
    """Seats of a product in use, as Microsoft counts them."""
    holders = sum(
        held.sku == name and not held.waiting for person in described.people for held in held_by(described, person)
    )
    return holders + described.skus[name].unnamed


def upn_of(described: Tenant, person: Person | Deleted) -> str:
    """The user principal name: "elodie.garnier@..."."""
    given = person.upn if isinstance(person, Person) else ""
    return f"{given or _plain(person.name)}@{described.domain}"


def _plain(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]+", ".", ascii_only.lower()).strip(".")


def guid(described: Tenant, what: str) -> str:
    """A GUID of the tenant's own, the same every time."""
    return str(uuid5(NAMESPACE_URL, f"https://{described.domain}/{what}"))


def terms(described: Tenant) -> TenantTerms:
    """What the client's folder says of licenses."""
    return TenantTerms(
        non_billable={described.skus[name].part_number: count for name, count in described.terms.non_billable.items()},
        exceptions=tuple(
            LicenseException(who=f"{one.who}@{described.domain}", reason=one.reason, until=one.until)
            for one in described.terms.exceptions
        ),
    )


def prices(described: Tenant) -> tuple[Price, ...]:
    """The client's price list."""
    return tuple(
        _price(described.skus, number, line)
        for number, line in enumerate(described.prices.rows.strip().splitlines(), 2)
    )


def _price(skus: Mapping[str, Sku], row: int, line: str) -> Price:
    found = _PRICED.fullmatch(line)
    if found is None or found[1] not in skus:
        raise ValueError(f"tenant.toml: {line!r} is no price")
    return Price(
        product=skus[found[1]].part_number,
        monthly=Decimal(found[2]),
        valid_from=date.fromisoformat(found[3]),
        commitment=Commitment(found[4] or ""),
        source=f"{_SOURCE}, row {row}",
    )
