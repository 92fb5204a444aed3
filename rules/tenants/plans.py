"""Which SKUs cover which: by ranked plan families, on the plans a user really has.

That SKU A is included in SKU B cannot be read from the sets of their plans (E3 is not a subset of E5). Plans of one
kind are ranked instead (`plans.toml`): B covers A when B reaches every rank of A, and when nothing of A is left over:
every plan of A must be ranked, or be one of B's, or be a companion without a worth of its own (the veto). A plan nobody
knows therefore means "not covered".
"""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("plans.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTable:
    """The table of one day: (family, rank) by plan GUID, what a rank brings, plans without a worth of their own."""

    as_of: date
    ranks: Mapping[str, tuple[str, int]]
    implied: tuple[tuple[str, int, str, int], ...]
    companions: frozenset[str]

    def levels(self, plans: Iterable[str]) -> dict[str, int]:
        """The highest rank reached in each family, what ranks bring included."""
        found: dict[str, int] = {}
        for plan in plans:
            family, rank = self.ranks.get(plan, ("", 0))
            if family:
                found[family] = max(rank, found.get(family, 0))
        for family, at_least, brings, rank in self.implied:
            if found.get(family, 0) >= at_least:
                found[brings] = max(rank, found.get(brings, 0))
        return found

    def covers(self, wide: Collection[str], narrow: Collection[str]) -> bool:
        """Whether the plans of `wide` make those of `narrow` superfluous; never for a `narrow` without ranked plans."""
        needed = self.levels(narrow)
        if not needed:
            return False
        reached = self.levels(wide)
        if any(reached.get(family, 0) < rank for family, rank in needed.items()):
            return False
        owned = frozenset(wide)
        return all(plan in self.ranks or plan in owned or plan in self.companions for plan in narrow)


@cache
def plan_table() -> PlanTable:
    """Read the table that ships with the product."""
    with _TABLE.open("rb") as file:
        data = tomllib.load(file)
    return PlanTable(
        as_of=data["as_of"],
        ranks={plan: (family, rank) for family, plans in data["families"].items() for plan, rank in plans.items()},
        implied=tuple((row["family"], row["at_least"], row["brings"], row["rank"]) for row in data["implied"]),
        companions=frozenset(data["companions"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One SKU a user holds: the plans in effect, without those switched off for that user."""

    sku_id: str
    plans: frozenset[str]


def redundant(holdings: Iterable[Holding], table: PlanTable, *, keep: Collection[str] = ()) -> tuple[str, ...]:
    """SKUs of a user that the user's *other* SKUs together cover, sorted; what is dropped covers nothing any more.

    Of two SKUs that cover each other one goes: the one with fewer plans in effect, then the later GUID. `keep` are
    SKUs never dropped (device and server SKUs, free ones).
    """
    left = {holding.sku_id: holding for holding in holdings}
    dropped: list[str] = []
    order = sorted((h for h in left.values() if h.sku_id not in keep), key=lambda h: (len(h.plans), _last_first(h)))
    for candidate in order:
        others = frozenset[str]().union(*(h.plans for key, h in left.items() if key != candidate.sku_id))
        if table.covers(others, candidate.plans):
            del left[candidate.sku_id]
            dropped.append(candidate.sku_id)
    return tuple(sorted(dropped))


def _last_first(holding: Holding) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in holding.sku_id)
