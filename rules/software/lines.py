"""Makes the lines of the position: where each need stands against the rights it got (licenses.md, 1).

A deficit is only what is surely needed and not covered. What may be needed, what a person must decide and what nobody
could see are other answers; none of them is ever called in order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from collectors.model import FactKind
from rules.messages import Message
from rules.prices import PriceBook
from rules.rights import Metric
from rules.software.allotment import Share, units_of
from rules.software.cores import WINDOWS_SERVER, core_rule
from rules.software.devices import Device
from rules.software.estate import Estate
from rules.software.matching import Right, ambiguous, is_oem
from rules.software.needs import Need, Terms, named, note
from rules.software.position import PositionLine, Reduction, Status
from rules.software.suites import is_part
from rules.software.worth import UnitPrice, is_paid_by_the_year, reductions, saving, unit_price

_DECIDED_BY_PERSON = frozenset({Terms.BUSINESS, Terms.UNCLEAR, Terms.SMALL_COMPANY})
_PATTERN = "program:"
_ACCESS = frozenset({Metric.USER_CAL, Metric.DEVICE_CAL})
_BY_SERVER = frozenset({Metric.SERVER, Metric.DEVICE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How many machines were read for a product, of how many; `earlier` of them not this time, `old` long ago."""

    seen: int
    known: int
    old: int
    earlier: int = 0
    behind_users: int = 0  # machines on which some person's own programs could not be seen

    @property
    def partial(self) -> bool:
        """Whether some machine may hide more."""
        return self.seen < self.known

    @property
    def complete(self) -> bool:
        """Whether everything was seen, lately."""
        return not self.partial and not self.old


def line_of(share: Share, estate: Estate, book: PriceBook, others: Iterable[Right]) -> PositionLine:
    """Word one need and what covers it; `others` are rights that are over or have not begun."""
    need = share.need
    sight = sight_of(need.product, estate)
    status, words = _status(share, estate, sight, listed=_is_listed(share, estate, others))
    required, owned = _required(share, status), _owned(share, estate)
    gap = None
    compared = status is not Status.UNKNOWN and not share.unlimited and _is_compared(share, estate)
    if required is not None and compared:
        gap = (owned or 0) + share.transferred - required
    deficit = max(0, -(gap or 0))
    surplus = max(0, gap or 0) if status is Status.EXCESS else 0
    parts = reductions(share, estate, book, surplus)
    price = unit_price(share, estate, book)
    if status is Status.EXCESS and price is not None and price.yearly and not is_paid_by_the_year(share, estate, book):
        price = None  # the list tells what a year costs; these were bought for good
    bought = [right.entitlement for right in share.home]
    return PositionLine(
        key=need.key,
        product=need.product,
        publisher=need.publisher,
        name=need.name,
        metric=need.metric,
        status=status,
        edition=need.edition,
        version=need.version,
        owned=owned,
        owned_oem=need.hardware + max(0, _declared_oem(share, estate) - share.repeated),
        unlimited=share.unlimited,
        installed=need.installed,
        not_subject=need.not_subject,
        required=required,
        transferred=share.transferred,
        gap=gap,
        at_least=_is_minimum(need, status, sight),
        seen=sight.seen,
        known=sight.known,
        old=sight.old,
        earlier=sight.earlier,
        unit_price=parts[0].unit_price if parts else None if price is None else price.of_unit,
        cost=price.cost(deficit) if price is not None and status is Status.UNDER else None,
        saving=_worth(surplus, parts, price) if status is Status.EXCESS else None,
        yearly=bool(parts) or (price is not None and price.yearly),
        reductions=parts,
        tied=_tied(share, estate, surplus - sum(part.units for part in parts)),
        proofs=tuple(sorted({right.proof for right in bought if right.proof})),
        ends_on=min((right.end for right in bought if right.end is not None), default=None),
        devices=need.devices,
        users=need.users,
        entitlements=tuple(sorted({right.id for right in bought} | share.givers | share.asked)),
        notes=(*words, *_notes(share, estate, sight, others)),
    )


def _worth(surplus: int, parts: tuple[Reduction, ...], price: UnitPrice | None) -> Decimal | None:
    """What a surplus costs: what can be given back a year, at its own price; what was paid once, at the last one's."""
    if parts:
        return saving(parts)
    if price is None:
        return None
    return Decimal(0) if price.yearly else price.value(surplus)  # paid by the year and in no whole pack: nothing falls


def _tied(share: Share, estate: Estate, left: int) -> int:
    """How many units of a surplus stay with the machine they were sold with: no other may use them (case 47)."""
    loose = sum(units_of(right, estate) for right in share.home if is_oem(right) and not right.entitlement.bound_to)
    return max(0, min(left, share.stray + loose - share.repeated))


def _is_listed(share: Share, estate: Estate, others: Iterable[Right]) -> bool:
    """Whether what was bought of a product is known: it is written down, or everything that was bought is.

    A suite that parts of are used writes down those as well; so does one that is over or has not begun.
    """
    need = share.need
    nothing_bought = not estate.contract.entitlements  # a file that says so; an unfilled one is no file
    if nothing_bought or estate.terms.rights_complete or need.by_tenant or share.asked:
        return True
    suite = any(is_part(right, need, estate.today) for right in others)
    return suite or any(right.names(need) for right in (*estate.rights, *others))


def _declared_oem(share: Share, estate: Estate) -> int:
    return sum(units_of(right, estate) for right in share.home if is_oem(right))


def sight_of(product: str, estate: Estate) -> Sight:
    """How well a product could be seen."""
    told = [device for device in estate.devices if device.tells(product)]
    return Sight(
        seen=len(told),
        known=len(estate.devices),
        old=sum(is_old(device, estate) for device in told),
        earlier=sum(device.old for device in told),
        behind_users=sum(FactKind.USER_APPLICATIONS in device.unread for device in told),
    )


def is_old(device: Device, estate: Estate) -> bool:
    """Whether a machine is counted as it was seen longer ago than was agreed (case 64)."""
    return (estate.today - device.taken_at.date()).days > estate.terms.device_max_age_days


def _status(share: Share, estate: Estate, sight: Sight, *, listed: bool) -> tuple[Status, tuple[Message, ...]]:
    """Where a line stands, and the one word that says why where it is not plain.

    `listed`: the file of rights speaks of this product, or is known to name everything.
    """
    need = share.need
    if need.terms is Terms.FREE:
        return (Status.CHECK if need.asks else Status.FREE), ()
    if share.unlimited:
        return (Status.CHECK if need.asks or share.idle else Status.OK), _idle_words(share)
    if not estate.declared:
        return _without_file(share)
    short = need.sure - share.covered
    if short > 0:
        return _short(share, short, listed=listed)
    if need.asks or ambiguous(need, estate.rights):
        return Status.CHECK, ()
    if share.covered < need.possible:
        return (Status.CHECK if need.doubts else Status.UNKNOWN), ()
    if need.blind:
        return Status.UNKNOWN, ()
    return _covered(share, sight)


def _without_file(share: Share) -> tuple[Status, tuple[Message, ...]]:
    """Without a file of rights nothing is a deficit; what the machine or a user's license covers is in order."""
    need = share.need
    if need.asks:
        return Status.CHECK, ()
    if need.terms in _DECIDED_BY_PERSON:
        return Status.CHECK, (note(need.terms.value),)
    if share.covered >= need.possible and not need.blind:
        return Status.OK, ()
    if need.by_tenant:
        return Status.CHECK, ()
    return Status.UNKNOWN, (note("no_file"),)


def _short(share: Share, short: int, *, listed: bool) -> tuple[Status, tuple[Message, ...]]:
    """A need that is not covered: a deficit, unless somebody has to say something first."""
    need = share.need
    if need.mixed:
        return Status.CHECK, ()
    if need.terms in (Terms.UNCLEAR, Terms.SMALL_COMPANY) or (need.terms is Terms.BUSINESS and not share.covered):
        return Status.CHECK, (note(need.terms.value),)
    if need.keyed >= short and not (share.home or share.givers):
        return Status.CHECK, (note("keyed", count=need.keyed),)
    if not listed and not share.givers:  # nobody ever wrote it down: the file may be unfinished
        return Status.CHECK, (note("unlisted"),)
    words = (note("bound_elsewhere", count=share.stray),) if share.stray else ()
    return (Status.CHECK if short <= share.stray else Status.UNDER), words


def _covered(share: Share, sight: Sight) -> tuple[Status, tuple[Message, ...]]:
    """A line without a deficit or a question: in order, or a surplus where nothing can hide a use of it."""
    need = share.need
    surplus = share.owned + need.hardware + share.transferred - need.possible
    if surplus > 0 and not sight.known and not _is_declared(need):
        return Status.UNKNOWN, (note("no_machine"),)
    if share.idle and need.product.startswith(_PATTERN):
        return Status.CHECK, _idle_words(share)
    if surplus <= 0 or need.unseen:
        return Status.OK, ()
    if need.by_person and sight.behind_users:
        return Status.UNKNOWN if share.idle else Status.OK, (note("behind_users", count=surplus),)
    if sight.complete or _is_declared(need):
        return Status.EXCESS, _idle_words(share)
    if not need.possible and not need.not_subject:
        return Status.UNKNOWN, (note("surplus_unproved", count=surplus),)
    return Status.OK, (note("surplus_at_most", count=surplus),)


def _is_declared(need: Need) -> bool:
    """Whether the client itself counted what a line needs: machines nobody saw hide none of it."""
    return need.metric in _ACCESS and not need.asks and not need.blind and need.sure == need.possible


def _is_minimum(need: Need, status: Status, sight: Sight) -> bool:
    """Whether more may be needed than the line says: machines or facts were not seen, or people are not known."""
    if need.terms is Terms.FREE or _is_declared(need):
        return False
    return sight.partial or bool(need.blind) or (status is Status.UNDER and need.possible > need.sure)


def _idle_words(share: Share) -> tuple[Message, ...]:
    if not share.idle:
        return ()
    return (note("idle_pattern" if share.need.product.startswith(_PATTERN) else "idle", name=share.need.name),)


def _required(share: Share, status: Status) -> int | None:
    need = share.need
    if need.terms is Terms.FREE:
        return 0
    if need.by_contract or (need.blind and not need.possible) or (status is Status.UNKNOWN and need.unseen):
        return None
    return need.sure if status is Status.UNDER else need.possible


def _owned(share: Share, estate: Estate) -> int | None:
    """Units in force; None where nothing is bought for this line because nothing has to be, or where nobody said."""
    need = share.need
    if share.unlimited and not share.owned:
        return None
    if share.home or need.hardware:
        return share.owned + need.hardware
    if need.by_contract:
        return None
    covered_elsewhere = need.not_subject and not need.possible
    return 0 if estate.declared and need.terms is not Terms.FREE and not covered_elsewhere else None


def _is_compared(share: Share, estate: Estate) -> bool:
    if share.need.terms is Terms.FREE:
        return False
    return estate.declared or share.covered >= share.need.possible


def _notes(share: Share, estate: Estate, sight: Sight, others: Iterable[Right]) -> Iterator[Message]:
    """What a reader needs to defend a line: questions first, then how it was counted, then what limits it."""
    need = share.need
    yield from need.asks
    if share.covered < need.possible and not share.unlimited:
        yield from need.doubts
        yield from need.unseen
    yield from need.blind
    yield from need.notes
    if share.received:
        yield note("received", count=share.received, rights=named(share.givers))
    if share.lent:
        yield note("lent", count=share.lent, lines=named(share.takers))
    yield from _about_rights(share, estate, others)
    if sight.partial and need.terms is not Terms.FREE and not _is_declared(need):
        yield note("partial", count=sight.known - sight.seen, seen=sight.seen, known=sight.known)
    if sight.old and need.terms is not Terms.FREE:
        yield note("old", count=sight.old, limit_days=estate.terms.device_max_age_days)


def _about_rights(share: Share, estate: Estate, others: Iterable[Right]) -> Iterator[Message]:
    need = share.need
    by_core = need.product == WINDOWS_SERVER and need.metric is Metric.CORE  # Essentials and the like are by server
    if by_core and any(right.entitlement.metric in _BY_SERVER for right in share.home):
        yield note("server_as_cores", cores=core_rule(WINDOWS_SERVER, estate.today).per_server)
    if found := ambiguous(need, estate.rights):
        patterns = named(f"{right.entitlement.product} ({right.entitlement.place})" for right in found)
        yield note("ambiguous", patterns=patterns)
    for right in share.home:
        maintenance = right.entitlement.maintenance_end
        if maintenance is not None and maintenance < estate.today:
            yield note("maintenance_ended", right=right.entitlement.id, ended_on=maintenance.isoformat())
    for row in (right.entitlement for right in others if right.is_home(need) or is_part(right, need, estate.today)):
        if row.end is not None and row.end < estate.today:
            yield note("ended", right=row.id, ended_on=row.end.isoformat())
        elif row.start is not None:
            yield note("starts", right=row.id, starts_on=row.start.isoformat())
