"""What a SKU is: its name, what it is counted by, whether it is free by nature, whether it is of the Business family.

Keyed by GUID and by service plan: part numbers are irregular (Microsoft 365 Business Premium without Teams is called
"Office_365_w/o_Teams_Bundle_Business_Premium"), and names are shared by several SKUs.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from collectors.cloud.facts import SubscribedSku
from rules.knowledge import Knowledge
from rules.model import SkuKind

_TABLE = Path(__file__).with_name("skus.toml")
_COMPANY = "company"
_SERVER_NAME = re.compile(r"(?:mdatp|mde|mdb|defender).*server", re.IGNORECASE)
_FREE_NAME = re.compile(r"free|trial|viral|exploratory|adhoc|developer", re.IGNORECASE)
_SELF_SERVICE = re.compile(r"viral|exploratory|adhoc", re.IGNORECASE)
_NO_BREAK_SPACE = "\u00a0"


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuTable:
    """The table of one day, by GUID: SKUs that are free, what others are counted by, what makes the Business family."""

    as_of: date
    free: frozenset[str]
    kinds: Mapping[str, SkuKind]
    kinds_by_plan: Mapping[str, SkuKind]
    business_plans: frozenset[str]
    business_skus: frozenset[str]
    mail_plan: str

    def kind(self, sku: SubscribedSku, name: str = "") -> SkuKind:
        """What a SKU is counted by. `name` is its display name, where one is known."""
        if sku.applies_to.casefold() == _COMPANY:
            return SkuKind.COMPANY
        if sku.sku_id in self.kinds:
            return self.kinds[sku.sku_id]
        for plan in sku.plans:
            if plan.id in self.kinds_by_plan:
                return self.kinds_by_plan[plan.id]
        by_server = _SERVER_NAME.search(sku.part_number) or _SERVER_NAME.search(name)
        return SkuKind.SERVER if by_server else SkuKind.USER

    def is_business(self, sku: SubscribedSku, *, with_apps: bool) -> bool:
        """Whether the limit of seats of the Business family counts this SKU, with or without "Apps for business"."""
        plans = {plan.id for plan in sku.plans}
        if sku.sku_id in self.business_skus:
            return True
        return bool(plans & self.business_plans) and (with_apps or self.mail_plan in plans)


@cache
def sku_table() -> SkuTable:
    """Read the table that ships with the product."""
    with _TABLE.open("rb") as file:
        data = tomllib.load(file)
    kinds = {"devices": SkuKind.DEVICE, "servers": SkuKind.SERVER, "resources": SkuKind.RESOURCE}
    return SkuTable(
        as_of=data["as_of"],
        free=frozenset(data["free"]),
        kinds={sku: kind for section, kind in kinds.items() for sku in data[section]},
        kinds_by_plan={plan: SkuKind(kind) for plan, kind in data["plans"].items()},
        business_plans=frozenset(data["business"]["plans"]),
        business_skus=frozenset(data["business"]["skus"]),
        mail_plan=data["business"]["mail"],
    )


def sku_name(knowledge: Knowledge, sku: SubscribedSku) -> str:
    """The name for people, from Microsoft's table; the part number where the table was not read or lacks the SKU."""
    known = knowledge.sku_names.get(sku.sku_id)
    name = (known.name if known is not None else "") or sku.part_number or sku.sku_id
    return " ".join(name.replace(_NO_BREAK_SPACE, " ").split())


def is_called_free(sku: SubscribedSku, name: str) -> bool:
    """Whether part number or name say that it costs nothing ("trial", "viral", ...): a sign, no proof."""
    return _FREE_NAME.search(f"{sku.part_number} {name}") is not None


def is_self_service(sku: SubscribedSku, name: str) -> bool:
    """Whether people took it up by themselves: such a trial ends without an invoice."""
    return _SELF_SERVICE.search(f"{sku.part_number} {name}") is not None


def is_meant(sku: SubscribedSku, names: Iterable[str]) -> bool:
    """Whether one of `names` (GUIDs or part numbers, as a client writes them) means this SKU."""
    own = {sku.sku_id.casefold(), sku.part_number.casefold()}
    return any(name.casefold() in own for name in names if name)


def number_for(sku: SubscribedSku, numbers: Mapping[str, int]) -> int:
    """The number that the client's file gives for this SKU by GUID or part number; 0 without one."""
    return next((number for name, number in numbers.items() if is_meant(sku, (name,))), 0)
