"""Rights to a suite: one covers several products, for as many people or machines as were bought.

Who is given a unit is decided person by person, those with most products of the suite first: five people with three
products each need five units, not fifteen, and a sixth person needs a sixth.
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path

from rules.products import product_by_id
from rules.software.matching import Right
from rules.software.needs import Need, family

_TABLE = Path(__file__).with_name("suites.toml")


@cache
def suites() -> Mapping[str, frozenset[str]]:
    """Products each suite covers, by ids of the table."""
    with _TABLE.open("rb") as file:
        return {row["product"]: frozenset(row["covers"]) for row in tomllib.load(file)["suite"]}


def is_part(right: Right, need: Need, today: date) -> bool:
    """Whether a right covers a need of another product as part of a suite: by version and metric, never by edition."""
    if need.product not in suites().get(right.product, frozenset()):
        return False
    usual = product_by_id(right.product).metric
    same_measure = family(right.entitlement.metric, usual) is family(need.metric, need.usual)
    return same_measure and right.reaches(need.version, today)


def handed_out(units: int, needs: Sequence[Need], open_units: Mapping[str, int]) -> tuple[int, dict[str, int]]:
    """Give units to the people or machines behind some needs; units used, and what each need (by key) gets of it.

    `open_units` are those of each need that nothing covers yet.
    """
    of_holder: defaultdict[str, list[Need]] = defaultdict(list)
    for need in needs:
        for holder in need.holders:
            of_holder[holder].append(need)
    left, used = dict(open_units), 0
    given: defaultdict[str, int] = defaultdict(int)

    def order(item: tuple[str, list[Need]]) -> tuple[bool, int, str]:
        """Who perhaps uses nothing of it comes last."""
        holder, wanted = item
        return all(holder in need.maybe for need in wanted), -len(wanted), holder

    for _, wanted in sorted(of_holder.items(), key=order):
        lacking = [need for need in wanted if left.get(need.key, 0) > 0]
        if used >= units or not lacking:
            continue
        used += 1
        for need in lacking:
            given[need.key] += 1
            left[need.key] -= 1
    return used, dict(given)
