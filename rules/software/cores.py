"""Cores to license: of a physical machine, of a virtual one, and of a host with its virtual machines (cases 52 to 58).

Physical cores count, never logical processors; virtual ones count for SQL Server alone. The numbers are dated data
(`core_rules.toml`).
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from collectors.windows.facts import ProcessorTopology

WINDOWS_SERVER, SQL_SERVER = "windows-server", "sql-server"
_TABLE = Path(__file__).with_name("core_rules.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreRule:
    """The rule of one product from `valid_from` on: the fewest cores counted, and what one full set covers."""

    product: str
    valid_from: date
    per_processor: int
    per_server: int
    source: str
    guests_per_set: int = 0
    per_guest: int = 0

    def physical(self, processors: ProcessorTopology) -> int:
        """Cores to license on a physical machine with all its processors."""
        return max(processors.cores, self.per_processor * processors.sockets, self.per_server)

    def guest(self, processors: ProcessorTopology) -> int:
        """Cores to license for one virtual machine by itself; each of its logical processors is a virtual core."""
        return max(processors.logical, self.per_guest)

    def sets(self, guests: int) -> int:
        """Full sets that cover so many virtual machines on one server; one for the server itself."""
        return max(1, -(-guests // self.guests_per_set))


@cache
def core_rules() -> tuple[CoreRule, ...]:
    """Read the table that ships with the product."""
    with _TABLE.open("rb") as file:
        return tuple(CoreRule(**row) for row in tomllib.load(file)["rule"])


def core_rule(product: str, today: date, rules: Iterable[CoreRule] | None = None) -> CoreRule:
    """The rule in force for a product. Before the first one that first one counts: there is no older table."""
    of_product = sorted(
        (rule for rule in (core_rules() if rules is None else rules) if rule.product == product),
        key=lambda rule: rule.valid_from,
    )
    return next((rule for rule in reversed(of_product) if rule.valid_from <= today), of_product[0])
