"""Every account with its licenses: what it holds, through whom, and what went wrong while assigning.

Sign-ins are asked apart (`m365_sign_ins`): their 403 must not cost the users.
Source: https://learn.microsoft.com/graph/api/user-list
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce

from collectors.cloud.facts import HeldLicense, LicenseAssignment, TenantFact, User
from collectors.cloud.graph import GraphClient
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import Entry, guid, guids, moment, needed, read_listing, word
from collectors.model import GapReason

_SELECT = (
    "id,userPrincipalName,displayName,mail,accountEnabled,userType,createdDateTime,usageLocation,department,"
    "companyName,assignedLicenses,licenseAssignmentStates,onPremisesSyncEnabled,employeeType"
)
_NO_ERROR = frozenset({"", "None"})  # documented is null, written is "None"
_HELD = frozenset({"Active", "ActiveWithError"})


class _License(Entry):
    sku_id: str | None = None
    disabled_plans: list[str | None] | None = None


class _State(Entry):
    sku_id: str | None = None
    assigned_by_group: str | None = None
    state: str | None = None
    error: str | None = None
    disabled_plans: list[str | None] | None = None
    last_updated_date_time: str | None = None


class _User(Entry):
    id: str | None = None
    user_principal_name: str | None = None
    display_name: str | None = None
    mail: str | None = None
    account_enabled: bool | None = None
    user_type: str | None = None
    created_date_time: str | None = None
    usage_location: str | None = None
    department: str | None = None
    company_name: str | None = None
    employee_type: str | None = None
    on_premises_sync_enabled: bool | None = None
    assigned_licenses: list[_License] | None = None
    license_assignment_states: list[_State] | None = None


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Ask for all users, guests and disabled accounts included: one call per 999, none per user."""
    pages = client.pages("/users", {"$select": _SELECT}, page_sizes=(999, 500, 100))
    silent: set[str] = set()

    def user(entry: _User) -> User:
        made = _user(entry)
        if _is_silent(entry):
            silent.add(made.id)
        return made

    listing = read_listing(QUESTION, TenantFact.USERS, pages, _User, user, key=lambda user: user.id)
    gaps = listing.gaps
    if silent:
        detail = f"{len(silent)} of {len(listing.rows)} users came without a word on their name or their licenses"
        gaps += (QUESTION.gap(TenantFact.USERS, GapReason.UNPARSABLE, detail),)
    if not listing.rows and not gaps:
        detail = "Graph told no user at all, and there is no tenant without one"
        gaps += (QUESTION.gap(TenantFact.USERS, GapReason.MISSING, detail),)
    return TenantPart(users=listing.rows, gaps=gaps)


def _is_silent(entry: _User) -> bool:
    """Whether something is not told of a user's licenses: which it holds, one of them, how it came by them, or who.

    Without the principal name a holder is found in no usage report, and would look idle.
    """
    licenses, states = entry.assigned_licenses, entry.license_assignment_states
    if licenses and not (entry.user_principal_name or "").strip():
        return True
    if licenses is None or (licenses and states is None):
        return True
    return not all(one.sku_id for one in licenses) or not all(state.sku_id for state in states or ())


def _user(entry: _User) -> User:
    return User(
        id=guid(needed(entry.id, "id")),
        upn=(entry.user_principal_name or "").strip(),
        name=entry.display_name or "",
        mail=entry.mail or "",
        enabled=entry.account_enabled,
        type=word(entry.user_type) or "Member",
        created_at=moment(entry.created_date_time),
        usage_location=word(entry.usage_location),
        department=word(entry.department),
        company=word(entry.company_name),
        employee_type=word(entry.employee_type),
        synced=entry.on_premises_sync_enabled is True,
        licenses=_held(entry.assigned_licenses or (), entry.license_assignment_states or ()),
        assignments=tuple(_assignment(state) for state in entry.license_assignment_states or () if state.sku_id),
    )


def _assignment(state: _State) -> LicenseAssignment:
    error = word(state.error)
    return LicenseAssignment(
        sku_id=guid(state.sku_id),
        group=guid(state.assigned_by_group),
        state=word(state.state),
        error="" if error in _NO_ERROR else error,
        disabled_plans=_same(guids(state.disabled_plans)),
        updated_at=moment(state.last_updated_date_time),
    )


def _held(licenses: Iterable[_License], states: Sequence[_State]) -> tuple[HeldLicense, ...]:
    """One seat per SKU, however often it was assigned; a plan is off only where every assignment has it off."""
    disabled: dict[str, list[frozenset[str]]] = {}
    for one in licenses:
        if one.sku_id:
            disabled.setdefault(guid(one.sku_id), []).append(guids(one.disabled_plans))
    for sku_id, told in disabled.items():
        ways = [guids(state.disabled_plans) for state in states if _gives(state, sku_id)]
        if len(ways) > 1:
            told.extend(ways)
    return tuple(_license(sku_id, reduce(frozenset.intersection, told)) for sku_id, told in disabled.items())


def _gives(state: _State, sku_id: str) -> bool:
    """Whether this assignment holds, and tells its plans: one that is silent about them takes none back."""
    return state.disabled_plans is not None and state.state in _HELD and guid(state.sku_id) == sku_id


@lru_cache(maxsize=4096)
def _license(sku_id: str, disabled: frozenset[str]) -> HeldLicense:
    """One object for all who hold the same: twenty thousand users hold few different ones."""
    return HeldLicense(sku_id=sku_id, disabled_plans=disabled)


@lru_cache(maxsize=4096)
def _same(plans: frozenset[str]) -> frozenset[str]:
    return plans


QUESTION = TenantQuestion(
    name="users",
    kinds=(TenantFact.USERS,),
    permissions=("User.Read.All",),
    ask=ask,
    order=40,
)
