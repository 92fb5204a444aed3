"""The commercial subscriptions behind the SKUs: trial or paid, and when the next state comes.

Source: https://learn.microsoft.com/graph/api/directory-list-subscriptions ($top, $skip and $count unsupported)
"""

from collectors.cloud.facts import Subscription, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import Count, Entry, guid, moment, needed, read_listing, word


class _Subscription(Entry):
    id: str | None = None
    commerce_subscription_id: str | None = None
    created_date_time: str | None = None
    is_trial: bool | None = None
    next_lifecycle_date_time: str | None = None
    owner_tenant_id: str | None = None
    sku_id: str | None = None
    sku_part_number: str | None = None
    status: str | None = None
    total_licenses: Count | None = None


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Ask for all subscriptions, expired ones included."""
    pages = client.pages("/directory/subscriptions")
    listing = read_listing(
        QUESTION, TenantFact.SUBSCRIPTIONS, pages, _Subscription, _subscription, key=lambda one: one.id
    )
    return TenantPart(subscriptions=listing.rows, gaps=listing.gaps)


def _subscription(entry: _Subscription) -> Subscription:
    return Subscription(
        id=guid(needed(entry.id, "id")),
        sku_id=guid(needed(entry.sku_id, "skuId")),
        part_number=(entry.sku_part_number or "").strip(),
        status=word(entry.status),
        seats=entry.total_licenses,
        trial=entry.is_trial,
        created_at=moment(entry.created_date_time),
        next_lifecycle_at=moment(entry.next_lifecycle_date_time),
        owner_tenant_id=guid(entry.owner_tenant_id),
        commerce_id=guid(entry.commerce_subscription_id),
    )


QUESTION = TenantQuestion(
    name="subscriptions",
    kinds=(TenantFact.SUBSCRIPTIONS,),
    permissions=("Organization.Read.All", "LicenseAssignment.Read.All"),
    ask=ask,
    order=30,
)
