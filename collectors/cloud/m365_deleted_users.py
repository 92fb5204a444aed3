"""Users in the bin: for thirty days they keep their licenses, which explains small differences between counts.

Source: https://learn.microsoft.com/graph/api/directory-deleteditems-list
"""

from collectors.cloud.facts import DeletedUser, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import Entry, guid, moment, needed, read_listing

_SELECT = "id,userPrincipalName,deletedDateTime,assignedLicenses"


class _License(Entry):
    sku_id: str | None = None


class _Deleted(Entry):
    id: str | None = None
    user_principal_name: str | None = None
    deleted_date_time: str | None = None
    assigned_licenses: list[_License] | None = None


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Ask for the deleted users that can still be restored."""
    pages = client.pages("/directory/deletedItems/microsoft.graph.user", {"$select": _SELECT}, page_sizes=(999, 100))
    listing = read_listing(QUESTION, TenantFact.DELETED_USERS, pages, _Deleted, _deleted, key=lambda one: one.id)
    return TenantPart(deleted_users=listing.rows, gaps=listing.gaps)


def _deleted(entry: _Deleted) -> DeletedUser:
    return DeletedUser(
        id=guid(needed(entry.id, "id")),
        upn=(entry.user_principal_name or "").strip(),
        deleted_at=moment(entry.deleted_date_time),
        sku_ids=tuple(dict.fromkeys(guid(one.sku_id) for one in entry.assigned_licenses or () if one.sku_id)),
    )


QUESTION = TenantQuestion(
    name="deleted-users",
    kinds=(TenantFact.DELETED_USERS,),
    permissions=("User.Read.All",),
    ask=ask,
    order=80,
)
