"""Who the tenant is. An id other than that of the tenant asked for ends the visit.

Source: https://learn.microsoft.com/graph/api/organization-list
"""

from collectors.cloud.facts import Organization, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import Entry, guid, needed, read_listing, word
from collectors.model import GapReason

_SELECT = "id,displayName,countryLetterCode,preferredLanguage,verifiedDomains,assignedPlans"


class _Domain(Entry):
    name: str | None = None
    is_default: bool | None = None


class _Plan(Entry):
    service_plan_id: str | None = None
    capability_status: str | None = None


class _Organization(Entry):
    id: str | None = None
    display_name: str | None = None
    country_letter_code: str | None = None
    preferred_language: str | None = None
    verified_domains: list[_Domain] | None = None
    assigned_plans: list[_Plan] | None = None


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Ask for the organization. Raises `WrongTenant` when it is another one than the tenant asked for."""
    pages = client.pages("/organization", {"$select": _SELECT})
    listing = read_listing(QUESTION, TenantFact.ORGANIZATION, pages, _Organization, _organization)
    if not listing.rows:
        empty = QUESTION.gap(TenantFact.ORGANIZATION, GapReason.UNPARSABLE, "Graph told no organization")
        return TenantPart(gaps=listing.gaps or (empty,))
    organization = listing.rows[0]
    client.check_organization(organization.id, organization.domains)
    return TenantPart(organization=organization, gaps=listing.gaps)


def _organization(entry: _Organization) -> Organization:
    domains = [domain for domain in entry.verified_domains or () if domain.name]
    return Organization(
        id=guid(needed(entry.id, "id")),
        name=entry.display_name or "",
        country=word(entry.country_letter_code),
        language=word(entry.preferred_language),
        domains=tuple(domain.name for domain in domains if domain.name),
        default_domain=next((domain.name for domain in domains if domain.is_default and domain.name), ""),
        plans=frozenset(
            plan_id
            for plan in entry.assigned_plans or ()
            if plan.capability_status == "Enabled" and (plan_id := guid(plan.service_plan_id))
        ),
    )


QUESTION = TenantQuestion(
    name="organization",
    kinds=(TenantFact.ORGANIZATION,),
    permissions=("Organization.Read.All",),
    ask=ask,
    order=10,
)
