"""Where each SKU stands: what it is, whether it costs money, its seats, and for how long they are bought.

A SKU is free when it is on our list, when all its subscriptions are trials, when none of them ever ends and its name or
the lack of a price says so, when it has ten thousand seats in a small tenant, or when the client's file says so. Free
SKUs are no waste and in no total. One SKU may have several subscriptions: trial and paid, annual and monthly.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from collectors.cloud.facts import SubscribedSku, Subscription, TenantFact, TenantSnapshot
from rules.model import FreeReason, SeatVerdict, SkuKind
from rules.prices import Commitment, Price, PriceBook
from rules.tenants.plans import plan_table
from rules.tenants.rule import TenantCase
from rules.tenants.seats import Seats
from rules.tenants.skus import is_called_free, is_meant, is_self_service, number_for, sku_name, sku_table
from rules.tenants.terms import ends_on, is_active, term_in

_UNLIMITED_SEATS = 10_000
_SMALL_TENANT = 1_000
WITHOUT_PEOPLE = (FreeReason.LISTED, FreeReason.NAMED, FreeReason.UNLIMITED)
_DELETED = "deleted"
_NO_SEAT = "countviolation"
_FAILED = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One SKU before the rules. `seats` is None where Graph left a count out.

    Of the enabled seats `granted` are given for nothing and `on_trial` end or bill with their trial; the others are
    paid: `monthly` and `annual` of them by the terms of their subscriptions, the rest of a term that is not known.
    `anniversary_on` is the next day an annual subscription can be reduced; `sure_of_terms` is false where a date fits
    another term as well. `spare` seats are kept free on purpose.
    """

    sku: SubscribedSku
    name: str
    kind: SkuKind
    free_reason: FreeReason
    seats: Seats | None
    subscriptions: tuple[Subscription, ...] = ()
    granted: int = 0
    on_trial: int = 0
    monthly: int = 0
    annual: int = 0
    spare: int = 0
    anniversary_on: date | None = None
    sure_of_terms: bool = True
    left_out: bool = False

    @property
    def billable(self) -> bool:
        """Whether this SKU costs money."""
        return self.free_reason is FreeReason.NONE

    @property
    def has_people(self) -> bool:
        """Whether it has seats that people need: false for free offers, tenant-wide, device and server SKUs."""
        return self.kind is SkuKind.USER and self.free_reason not in WITHOUT_PEOPLE

    @property
    def paid(self) -> int:
        """Enabled seats that cost money."""
        if self.seats is None or not self.billable:
            return 0
        return max(0, self.seats.enabled - self.granted - self.on_trial)

    @property
    def reducible(self) -> int:
        """Paid seats that nobody holds or waits for and nobody keeps on purpose.

        Seats in grace end by themselves, and those of a trial are not bought: neither is a surplus. Products counted by
        something else than people are never unused.
        """
        if self.seats is None or self.kind is not SkuKind.USER:
            return 0
        unused = self.seats.enabled - self.on_trial - self.seats.need - self.spare
        return min(self.paid, max(0, unused))

    @property
    def commitment(self) -> Commitment:
        """The term of all paid seats where they share one, else unknown."""
        if self.paid and self.annual >= self.paid:
            return Commitment.ANNUAL
        return Commitment.MONTHLY if self.paid and self.monthly >= self.paid else Commitment.UNKNOWN

    @property
    def verdict(self) -> SeatVerdict:
        """Where it stands today by its seats alone; who could do without is for the findings to say."""
        if not self.has_people:
            return SeatVerdict.NONE
        if self.seats is None:
            return SeatVerdict.UNKNOWN
        if self.seats.without_service:
            return SeatVerdict.CHECK
        if self.seats.deficit:
            return SeatVerdict.UNDER
        if self.seats.at_risk:  # expired: they work until the grace ends, and somebody must decide before
            return SeatVerdict.CHECK
        return SeatVerdict.EXCESS if self.reducible else SeatVerdict.OK


def positions(case: TenantCase) -> Mapping[str, Position]:
    """Every SKU of the tenant by GUID, in the order of their names; deleted ones are left out."""
    return case.once("positions", lambda: _positions(case))


def prices(case: TenantCase) -> PriceBook:
    """The client's price list."""
    return case.once("prices", lambda: PriceBook(case.contract.prices))


def price_of(case: TenantCase, sku: SubscribedSku, commitment: Commitment = Commitment.UNKNOWN) -> Price | None:
    """What one seat costs on the day of the audit; None when the list does not say."""
    return prices(case).price(case.today, sku.sku_id, sku.part_number, commitment=commitment)


def waiting_people(snapshot: TenantSnapshot) -> Counter[str]:
    """Users whose group assigns a SKU, for whom no seat was left, and who do not hold it either, by SKU (case 34)."""
    waiting: Counter[str] = Counter()
    for user in snapshot.users:
        held = {one.sku_id for one in user.licenses}
        refused = {
            assignment.sku_id
            for assignment in user.assignments
            if assignment.state.casefold() == _FAILED
            and assignment.error.casefold() == _NO_SEAT
            and assignment.sku_id not in held
        }
        waiting.update(refused)
    return waiting


def _positions(case: TenantCase) -> dict[str, Position]:
    snapshot = case.snapshot
    waiting = waiting_people(snapshot)
    by_sku: dict[str, list[Subscription]] = {}
    for subscription in snapshot.subscriptions:
        by_sku.setdefault(subscription.sku_id, []).append(subscription)
    found = [
        _position(case, sku, tuple(by_sku.get(sku.sku_id, ())), waiting[sku.sku_id])
        for sku in snapshot.skus
        if sku.status.casefold() != _DELETED
    ]
    found.sort(key=lambda position: (position.name.casefold(), position.sku.sku_id))
    return {position.sku.sku_id: position for position in found}


def _position(case: TenantCase, sku: SubscribedSku, subscriptions: tuple[Subscription, ...], waiting: int) -> Position:
    name = sku_name(case.knowledge, sku)
    terms = case.contract.m365
    seats = _seats(sku, waiting)
    enabled = 0 if seats is None else seats.enabled
    active = [one for one in subscriptions if is_active(one)]
    monthly = annual = on_trial = 0
    anniversaries = []
    sure = True
    for one in active:
        count = one.seats or 0
        if one.trial:
            on_trial += count
            continue
        term = term_in(case, one)
        sure = sure and term.sure
        monthly += count * (term.commitment is Commitment.MONTHLY)
        annual += count * (term.commitment is Commitment.ANNUAL)
        end = ends_on(one)
        if term.commitment is Commitment.ANNUAL and end is not None and end >= case.today:
            anniversaries.append(end)
    return Position(
        sku=sku,
        name=name,
        kind=sku_table().kind(sku, name),
        free_reason=_free_reason(case, sku, name, subscriptions, enabled),
        seats=seats,
        subscriptions=subscriptions,
        granted=min(enabled, number_for(sku, terms.non_billable)),
        on_trial=min(enabled, on_trial),
        monthly=monthly,
        annual=annual,
        spare=number_for(sku, terms.spare_seats),
        anniversary_on=min(anniversaries, default=None),
        sure_of_terms=sure and bool(active),
        left_out=is_meant(sku, terms.left_out),
    )


def _seats(sku: SubscribedSku, waiting: int) -> Seats | None:
    if sku.enabled is None or sku.consumed is None:
        return None
    return Seats(
        enabled=sku.enabled,
        consumed=sku.consumed,
        warning=sku.warning,
        suspended=sku.suspended,
        locked_out=sku.locked_out,
        waiting=waiting,
    )


def _free_reason(
    case: TenantCase, sku: SubscribedSku, name: str, subscriptions: tuple[Subscription, ...], enabled: int
) -> FreeReason:
    if sku.sku_id in sku_table().free:
        return FreeReason.LISTED
    if subscriptions and all(one.trial for one in subscriptions):
        return FreeReason.NAMED if is_self_service(sku, name) else FreeReason.TRIAL
    granted = number_for(sku, case.contract.m365.non_billable)
    if granted and granted >= enabled:
        return FreeReason.GRANTED
    if enabled >= _UNLIMITED_SEATS and _people(case.snapshot) < _SMALL_TENANT:
        return FreeReason.UNLIMITED
    if all(one.next_lifecycle_at is None for one in subscriptions):
        return _endless(case, sku, name, subscriptions)
    return FreeReason.NONE


def _endless(case: TenantCase, sku: SubscribedSku, name: str, subscriptions: tuple[Subscription, ...]) -> FreeReason:
    """Judge a SKU whose subscriptions never end, or of which none is known: then a price or its name must tell."""
    unpriced = price_of(case, sku) is None
    if is_called_free(sku, name) and (subscriptions or unpriced):
        return FreeReason.NAMED
    if plan_table().levels(plan.id for plan in sku.plans):
        return FreeReason.NONE  # mail, Office, security: Microsoft sells these; a date Graph leaves out makes none free
    return FreeReason.UNPRICED if subscriptions and unpriced else FreeReason.NONE


def _people(snapshot: TenantSnapshot) -> int:
    """How many people the tenant has; where users could not be read, the most that hold any one SKU."""
    if not snapshot.gaps_of(TenantFact.USERS):
        return len(snapshot.users)
    return max((sku.consumed or 0 for sku in snapshot.skus), default=0)
