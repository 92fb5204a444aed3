"""Who holds a paid seat, and the one reason why it may be needless: one verdict per user, so that rules agree.

A disabled account is not also called inactive, a shared mailbox not also a leaver. Only seats that cost something and
are counted by user make a person here: free, viral and trial SKUs alone, or a license of a device, list nobody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from collectors.cloud.facts import (
    HeldLicense,
    LicenseAssignment,
    SignInKnowledge,
    SubscribedSku,
    TenantFact,
    TenantGap,
    User,
)
from rules.messages import Message, Params
from rules.model import Evidence, Priority, PriorityLevel, SkuKind
from rules.prices import Money
from rules.rule import joined
from rules.tenants.activity import ActivityState, Proof, Seen, activities, day_of, midnight
from rules.tenants.billing import positions
from rules.tenants.mailboxes import MailboxView, mailboxes
from rules.tenants.money import reclaim
from rules.tenants.plans import plan_table
from rules.tenants.rule import TenantCase

PLAN = Priority(level=PriorityLevel.PLAN)
WATCH = Priority(level=PriorityLevel.WATCH)
_SHORT = 8
_WORKS = frozenset({"", "Active", "ActiveWithError"})


class Standing(StrEnum):
    """The one thing to be said about a person's seats."""

    FINE = "fine"
    DISABLED = "disabled"
    NOBODYS_MAILBOX = "nobodys_mailbox"  # shared, or a room's
    GUEST = "guest"
    NEVER = "never"
    INACTIVE = "inactive"
    UNKNOWN = "unknown"  # nothing tells whether this person works


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user with at least one paid seat; `skus` are the GUIDs of those, in the order held."""

    user: User
    skus: tuple[str, ...]
    mailbox: MailboxView
    seen: Seen
    standing: Standing

    @property
    def name(self) -> str:
        """How a reader knows the person."""
        return self.user.name or self.user.upn


def people(case: TenantCase) -> tuple[Person, ...]:
    """Everybody who holds a paid seat, by user principal name; made once for all rules."""
    return case.once("people", lambda: tuple(sorted(_people(case), key=lambda one: (one.user.upn, one.user.id))))


def standing_in(case: TenantCase, standing: Standing) -> tuple[Person, ...]:
    """Those of one standing."""
    return tuple(person for person in people(case) if person.standing is standing)


def concerned(case: TenantCase) -> bool:
    """`TenantRule.applies`: somebody holds a paid seat, or it could not be seen whether anybody does."""
    return bool(people(case)) or bool(case.snapshot.gaps_of(TenantFact.USERS) or case.snapshot.gaps_of(TenantFact.SKUS))


def _people(case: TenantCase) -> Iterable[Person]:
    seen, boxes = activities(case), mailboxes(case)
    for user in case.snapshot.users:
        skus = tuple(held.sku_id for held in user.licenses if is_paid(case, held.sku_id))
        if not skus:
            continue
        mailbox = boxes.of(user)
        activity = seen.of(user, licensed_on=_licensed_on(user, skus))
        yield Person(user=user, skus=skus, mailbox=mailbox, seen=activity, standing=_standing(user, mailbox, activity))


def _standing(user: User, mailbox: MailboxView, seen: Seen) -> Standing:
    if not mailbox.is_someones:
        return Standing.NOBODYS_MAILBOX
    if user.enabled is False:
        return Standing.DISABLED
    if user.type.casefold() == "guest":
        return Standing.GUEST
    match seen.state:
        case ActivityState.NEVER:
            return Standing.NEVER
        case ActivityState.INACTIVE:
            return Standing.INACTIVE
        case ActivityState.UNKNOWN:
            return Standing.UNKNOWN
        case _:
            return Standing.FINE


def _licensed_on(user: User, skus: Iterable[str]) -> date | None:
    """When the paid seats last changed; an assignment that failed gave none."""
    days = (day_of(way.updated_at) for sku_id in skus for way in ways(user, sku_id))
    return max((day for day in days if day is not None), default=None)


def ways(user: User, sku_id: str) -> tuple[LicenseAssignment, ...]:
    """The assignments through which a user holds a SKU; one in error gives nothing."""
    return tuple(way for way in user.assignments if way.sku_id == sku_id and way.state in _WORKS)


def is_paid(case: TenantCase, sku_id: str) -> bool:
    """Whether a SKU is counted by user, costs money, is not left out by the client and has seats that work."""
    position = positions(case).get(sku_id)
    if position is None or not position.billable or position.kind is not SkuKind.USER or position.left_out:
        return False
    return position.seats is None or position.seats.usable > 0


def label(case: TenantCase, sku_id: str) -> str:
    """The name of a SKU, from Microsoft's table where the tenant does not list it; else the beginning of its GUID."""
    position = positions(case).get(sku_id)
    if position is not None:
        return position.name
    known = case.knowledge.sku_names.get(sku_id)
    return known.name if known is not None and known.name else shortened(sku_id)


def labels(case: TenantCase, sku_ids: Iterable[str]) -> str:
    """The names of SKUs for one cell, sorted."""
    return joined(sorted(label(case, sku_id) for sku_id in sku_ids))


def worth(case: TenantCase, person: Person) -> Money | None:
    """What the person's paid seats cost; each is counted once over all rules later on."""
    return reclaim(case, *person.skus)


def last_seen_on(person: Person) -> str | None:
    """The ISO date of the last proven activity; None where none is known."""
    seen = person.seen
    return None if seen.last_on is None or seen.proof is Proof.ATTEMPT else seen.last_on.isoformat()


def effective_plans(case: TenantCase, user: User) -> frozenset[str]:
    """GUIDs of the service plans a user really has: those of every SKU held, without the ones switched off."""
    return _holdings(case, user)[0]


def exchange_levels(case: TenantCase, user: User) -> tuple[int, bool]:
    """The rank of the user's Exchange plan (0: none, 2: Plan 1, 3: Plan 2), and whether an archive comes with it."""
    return _holdings(case, user)[1]


def _holdings(case: TenantCase, user: User) -> tuple[frozenset[str], tuple[int, bool]]:
    """Plans and Exchange rank, made once for all who hold the same: thousands of users hold few different things."""
    known: dict[tuple[HeldLicense, ...], tuple[frozenset[str], tuple[int, bool]]] = case.once("holdings", dict)
    if user.licenses not in known:
        owned = case.once("plans_by_sku", lambda: {sku.sku_id: _plans(sku) for sku in case.snapshot.skus})
        plans: set[str] = set()
        for held in user.licenses:
            plans |= owned.get(held.sku_id, frozenset()) - held.disabled_plans
        levels = plan_table().levels(plans)
        exchange = (levels.get("exchange", 0), levels.get("exchange_archive", 0) > 0)
        known[user.licenses] = (frozenset(plans), exchange)
    return known[user.licenses]


def _plans(sku: SubscribedSku) -> frozenset[str]:
    return frozenset(plan.id for plan in sku.plans)


def proofs(case: TenantCase, person: Person) -> tuple[Evidence, ...]:
    """What was seen of a person: the account, each paid license and its source, the last activity, the mailbox."""
    return (
        _account(case, person.user),
        *(_license(case, person.user, sku_id) for sku_id in person.skus),
        *_activity(case, person),
        *mailbox_proof(person.user, person.mailbox),
    )


def mailbox_proof(user: User, mailbox: MailboxView) -> tuple[Evidence, ...]:
    """The mailbox in one line; none where nothing is known of it."""
    if mailbox.as_of is None:
        return ()
    params: Params = {"as_of_on": mailbox.as_of.isoformat(), "size": mailbox.gigabytes, "archive": mailbox.archive}
    what = Message(text=f"rules.m365.user.mailbox_{mailbox.kind.value}", params=params)
    source = "Microsoft Graph, getMailboxUsageDetail"
    return (Evidence(what=what, seen=user.upn, source=source, as_of=midnight(mailbox.as_of)),)


def _account(case: TenantCase, user: User) -> Evidence:
    created = day_of(user.created_at)
    params: Params = {"created_on": None if created is None else created.isoformat()}
    state = {True: "enabled", False: "disabled", None: "unread"}[user.enabled]
    what = Message(text=f"rules.m365.user.account_{state}", params=params)
    return Evidence(what=what, seen=user.upn, source="Microsoft Graph, users", as_of=case.snapshot.taken_at)


def _license(case: TenantCase, user: User, sku_id: str) -> Evidence:
    groups = [way.group for way in ways(user, sku_id) if way.group]
    params: Params = {"groups": joined(sorted(group_name(case, group) for group in groups))}
    text = "license_by_group" if groups else "license"
    what = Message(text=f"rules.m365.user.{text}", params=params)
    seen = label(case, sku_id)
    return Evidence(what=what, seen=seen, source="Microsoft Graph, users", as_of=case.snapshot.taken_at)


def group_name(case: TenantCase, group_id: str) -> str:
    """The name of a group that assigns licenses; the beginning of its id where groups could not be read."""
    names = case.once("group_names", lambda: {group.id: group.name for group in case.snapshot.groups})
    return names.get(group_id) or shortened(group_id)


def shortened(guid: str) -> str:
    """The beginning of a GUID: enough to find it again, and no riddle of 36 characters in a sentence."""
    return guid if len(guid) <= _SHORT else f"{guid[:_SHORT]}…"


def _activity(case: TenantCase, person: Person) -> Iterable[Evidence]:
    user, traces = person.user, activities(case).traces(person.user)
    if user.sign_in_known is not SignInKnowledge.NOT_ASKED:
        success = day_of(user.sign_in.successful_at) if user.sign_in is not None else None
        params: Params = {"last_on": None if success is None else success.isoformat()}
        what = Message(text="rules.m365.user.sign_in" if success else "rules.m365.user.sign_in_never", params=params)
        yield Evidence(what=what, seen=user.upn, source="Microsoft Graph, signInActivity", as_of=case.snapshot.taken_at)
    if traces.refreshed_on is not None and (traces.told or traces.last_on is not None):
        last = traces.last_on
        params = {
            "last_on": None if last is None else last.isoformat(),
            "as_of_on": traces.refreshed_on.isoformat(),
        }
        what = Message(text="rules.m365.user.usage" if last else "rules.m365.user.usage_none", params=params)
        source = "Microsoft Graph, usage reports"
        yield Evidence(what=what, seen=user.upn, source=source, as_of=midnight(traces.refreshed_on))


def gap_proofs(case: TenantCase, gaps: Iterable[TenantGap]) -> tuple[Evidence, ...]:
    """One line per gap: what could not be read, why, and the permission it wants."""
    return tuple(
        Evidence(
            what=Message(text=f"rules.m365.fact.{gap.kind.value}"),
            seen=gap.detail,
            expected=gap.permission,
            source=gap.collector,
            as_of=case.snapshot.taken_at,
        )
        for gap in dict.fromkeys(gaps)
    )
