"""Applications that Intune saw on the devices it manages, and on how many; not on which, at one call per application.

Personal devices tell their managed applications only: what is absent there proves nothing.
Source: https://learn.microsoft.com/graph/api/intune-devices-detectedapp-list
"""

from collectors.cloud.facts import DetectedApp, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.intune import PERMISSION, owned
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import Count, Entry, Unreadable, needed, read_listing, word


class _App(Entry):
    display_name: str | None = None
    version: str | None = None
    device_count: Count | None = None
    publisher: str | None = None


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Ask for all applications."""
    params = {"$select": "id,displayName,version,deviceCount,publisher"}
    pages = client.pages("/deviceManagement/detectedApps", params, page_sizes=(999, 100))
    listing = read_listing(QUESTION, TenantFact.DETECTED_APPS, pages, _App, _app)
    return TenantPart(detected_apps=listing.rows, gaps=listing.gaps)


def _app(entry: _App) -> DetectedApp:
    if entry.device_count is None:
        raise Unreadable("deviceCount is empty")
    return DetectedApp(
        name=needed(entry.display_name, "displayName"),
        version=(entry.version or "").strip(),
        devices=entry.device_count,
        publisher=word(entry.publisher),
    )


QUESTION = TenantQuestion(
    name="detected-apps",
    kinds=(TenantFact.DETECTED_APPS,),
    permissions=(PERMISSION,),
    ask=ask,
    applies=owned,
    order=71,
)
