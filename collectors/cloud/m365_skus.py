"""Which SKUs the tenant owns, and how many seats of each are bought and assigned.

No query option is sent: the schema marks select, filter and count unsupported here.
Source: https://learn.microsoft.com/graph/api/subscribedsku-list
"""

from functools import lru_cache

from collectors.cloud.facts import ServicePlan, SubscribedSku, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import Count, Entry, guid, needed, read_listing, word


class _Units(Entry):
    enabled: Count | None = None
    warning: Count | None = None
    suspended: Count | None = None
    locked_out: Count | None = None


class _Plan(Entry):
    service_plan_id: str | None = None
    service_plan_name: str | None = None
    applies_to: str | None = None


class _Sku(Entry):
    sku_id: str | None = None
    sku_part_number: str | None = None
    applies_to: str | None = None
    capability_status: str | None = None
    consumed_units: Count | None = None
    prepaid_units: _Units | None = None
    subscription_ids: list[str | None] | None = None
    service_plans: list[_Plan] | None = None


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Ask for all SKUs; they come on one page, and are paged through all the same."""
    pages = client.pages("/subscribedSkus")
    listing = read_listing(QUESTION, TenantFact.SKUS, pages, _Sku, _sku, key=lambda sku: sku.sku_id)
    return TenantPart(skus=listing.rows, gaps=listing.gaps)


def _sku(entry: _Sku) -> SubscribedSku:
    units = entry.prepaid_units or _Units()
    return SubscribedSku(
        sku_id=guid(needed(entry.sku_id, "skuId")),
        part_number=(entry.sku_part_number or "").strip(),
        applies_to=word(entry.applies_to) or "User",
        status=word(entry.capability_status),
        consumed=entry.consumed_units,
        enabled=units.enabled,
        warning=units.warning or 0,
        suspended=units.suspended or 0,
        locked_out=units.locked_out or 0,
        subscription_ids=tuple(dict.fromkeys(guid(one) for one in entry.subscription_ids or () if one)),
        plans=tuple(
            _plan(
                guid(needed(plan.service_plan_id, "servicePlanId")),
                word(plan.service_plan_name),
                word(plan.applies_to),
            )
            for plan in entry.service_plans or ()
        ),
    )


@lru_cache(maxsize=4096)
def _plan(plan_id: str, name: str, applies_to: str) -> ServicePlan:
    """One object per plan: sixty SKUs of a hundred tenants hold few different ones."""
    return ServicePlan(id=plan_id, name=name, applies_to=applies_to)


QUESTION = TenantQuestion(
    name="skus",
    kinds=(TenantFact.SKUS,),
    permissions=("LicenseAssignment.Read.All", "Organization.Read.All"),
    ask=ask,
    order=20,
)
