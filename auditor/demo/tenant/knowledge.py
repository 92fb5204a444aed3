"""Names of products and service plans, as Microsoft's table (`m365-skus`) would tell them about this tenant."""

from collections.abc import Iterator

from auditor.demo.tenant.described import tenant
from collectors.feeds.feed import FeedRecord
from collectors.feeds.records import PlanName, SkuName

_FEED = "m365-skus"


def records(feed: str) -> Iterator[FeedRecord]:
    """Records that the feed of this name would tell about the demonstration's tenant; none for others."""
    if feed != _FEED:
        return
    described = tenant()
    for sku in described.skus.values():
        yield SkuName(sku_id=sku.id, part_number=sku.part_number, name=sku.name)
        for plan in sku.plans.split():
            yield PlanName(id=described.plans[plan], sku_id=sku.id, name=plan)
