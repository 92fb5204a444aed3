"""Groups that assign licenses: only their names are needed, and whether the assigning is done.

Source: https://learn.microsoft.com/graph/api/group-list (an advanced query: count and ConsistencyLevel)
"""

from collectors.cloud.facts import Group, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import Entry, guid, needed, read_listing, word

_PARAMS = {
    "$filter": "assignedLicenses/$count ne 0",
    "$count": "true",
    "$select": "id,displayName,assignedLicenses,licenseProcessingState",
}


class _License(Entry):
    sku_id: str | None = None


class _Processing(Entry):
    state: str | None = None


class _Group(Entry):
    id: str | None = None
    display_name: str | None = None
    assigned_licenses: list[_License] | None = None
    license_processing_state: _Processing | None = None


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Ask for the groups with licenses."""
    pages = client.pages("/groups", _PARAMS, consistency=True, page_sizes=(999, 100))
    listing = read_listing(QUESTION, TenantFact.GROUPS, pages, _Group, _group, key=lambda one: one.id)
    return TenantPart(groups=listing.rows, gaps=listing.gaps)


def _group(entry: _Group) -> Group:
    return Group(
        id=guid(needed(entry.id, "id")),
        name=entry.display_name or "",
        sku_ids=tuple(dict.fromkeys(guid(one.sku_id) for one in entry.assigned_licenses or () if one.sku_id)),
        state=word(entry.license_processing_state.state) if entry.license_processing_state else "",
    )


QUESTION = TenantQuestion(
    name="groups",
    kinds=(TenantFact.GROUPS,),
    permissions=("GroupMember.Read.All", "Group.Read.All"),
    ask=ask,
    order=50,
)
