"""When each user last signed in: told only to tenants that own Entra ID P1 or P2.

The last *successful* sign-in counts; `lastSignInDateTime` moves with every failed attempt. Never together with
ConsistencyLevel and $count: that came back empty for many users.
Source: https://learn.microsoft.com/graph/api/resources/signinactivity
"""

from collectors.cloud.facts import SignIn, SubscribedSku, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import Entry, guid, moment, needed, read_listing
from collectors.cloud.refusals import NOT_PREMIUM
from collectors.model import GapReason

PREMIUM_PLANS = frozenset({"41781fb2-bc02-4b7c-bd55-b576c07bb09d", "eec0eb4f-6444-4f95-aba0-50c24d67f998"})
"""AAD_PREMIUM (P1) and AAD_PREMIUM_P2."""

_WORKS = frozenset({"", "Enabled", "Warning"})
_PAGE_SIZES = (500, 120, 100)


class _Activity(Entry):
    last_sign_in_date_time: str | None = None
    last_non_interactive_sign_in_date_time: str | None = None
    last_successful_sign_in_date_time: str | None = None


class _User(Entry):
    id: str | None = None
    sign_in_activity: _Activity | None = None


def ask(client: GraphClient, asked: Asked) -> TenantPart:
    """Ask for the sign-ins of all users; a tenant that owns neither P1 nor P2 is not asked, which is a gap."""
    premium = _premium(asked)
    if premium is False:
        detail = "the tenant owns no Entra ID P1 or P2, without which Graph does not tell sign-ins"
        return _nothing(GapReason.UNSUPPORTED, detail)
    # Where nobody knows whether it owns one, the refusal is the answer.
    again_on = (NOT_PREMIUM,) if premium else ()
    pages = client.pages("/users", {"$select": "id,signInActivity"}, page_sizes=_PAGE_SIZES, again_on=again_on)
    listing = read_listing(QUESTION, TenantFact.SIGN_INS, pages, _User, _sign_in)
    if listing.rows and not any(sign_in for _, sign_in in listing.rows):
        return _nothing(GapReason.MISSING, "Graph told the sign-in of no user at all, which is no sign that nobody did")
    return TenantPart(sign_ins=dict(listing.rows), gaps=listing.gaps)


def _nothing(reason: GapReason, detail: str) -> TenantPart:
    return TenantPart(gaps=(QUESTION.gap(TenantFact.SIGN_INS, reason, detail),))


def _premium(asked: Asked) -> bool | None:
    """Whether the tenant owns P1 or P2; None where neither its SKUs nor its plans tell, or the SKU is suspended."""
    plans = asked.plans
    if plans is not None and plans & PREMIUM_PLANS:
        works = asked.organization is not None and asked.organization.plans & PREMIUM_PLANS
        return True if works or any(_gives(sku) for sku in asked.skus or ()) else None
    return None if not plans and asked.skus is None else False


def _gives(sku: SubscribedSku) -> bool:
    """Whether P1 or P2 comes with this SKU, and the SKU can be used."""
    return sku.status in _WORKS and any(plan.id in PREMIUM_PLANS for plan in sku.plans)


def _sign_in(entry: _User) -> tuple[str, SignIn | None]:
    user = guid(needed(entry.id, "id"))
    activity = entry.sign_in_activity or _Activity()
    sign_in = SignIn(
        successful_at=moment(activity.last_successful_sign_in_date_time),
        at=moment(activity.last_sign_in_date_time),
        non_interactive_at=moment(activity.last_non_interactive_sign_in_date_time),
    )
    return user, None if sign_in == SignIn() else sign_in


QUESTION = TenantQuestion(
    name="sign-ins",
    kinds=(TenantFact.SIGN_INS,),
    permissions=("AuditLog.Read.All", "User.Read.All"),
    ask=ask,
    order=45,
)
