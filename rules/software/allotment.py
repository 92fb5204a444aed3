"""Which need each right is bought for, and how many units of it serve which need.

Every right has one home: the line of the very product, edition and version that was bought. What it gives to other
lines (older versions, another edition where the right names none) is a transfer: received there, lent here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rules.products import product_by_id
from rules.rights import Channel, Metric
from rules.software.bought import ACCESS_METRICS, may_be_personal, need_of
from rules.software.cores import SQL_SERVER, WINDOWS_SERVER
from rules.software.covering import Pool
from rules.software.devices import Device
from rules.software.estate import Estate
from rules.software.identity import usable_serial
from rules.software.matching import Right, version_key
from rules.software.needs import Need, Terms, family, named, note
from rules.software.people import same_people
from rules.software.servers import core_units, edition_counts_cores
from rules.software.suites import handed_out, is_part

_BY_SERVER = frozenset({Metric.SERVER, Metric.DEVICE})
WINDOWS = "windows"


@dataclass(slots=True, kw_only=True)
class Share:
    """What one need has: `home` are the rights bought for it, `owned` their units, `received` and `lent` transfers.

    `covered` units of the need are served, the machine's own licenses and `credit` (second machines, virtual ones,
    people who have a right already) among them. `stray` units of its rights belong to machines that do not have the
    product (case 47). `repeated` units of its rights only write down what the machines' own licenses tell. `idle`: what
    was bought meets nothing installed. `short_of` are rights to the product in this edition that do not reach the
    version, where units lack.
    """

    need: Need
    home: list[Right] = field(default_factory=list)
    owned: int = 0
    covered: int = 0
    received: int = 0
    lent: int = 0
    credit: int = 0
    stray: int = 0
    repeated: int = 0
    unlimited: bool = False
    idle: bool = False
    givers: set[str] = field(default_factory=set)  # ids of rights of other lines
    takers: set[str] = field(default_factory=set)  # names of the lines that use rights of this one
    asked: set[str] = field(default_factory=set)  # ids of rights that concern this line and give it nothing
    short_of: list[Right] = field(default_factory=list)

    @property
    def transferred(self) -> int:
        """What other rights give to this line, less what its own give away."""
        return self.received + self.credit - self.lent


@dataclass(slots=True, kw_only=True)
class _Grant:
    """One right with the units of it that are not given yet; `bound` ones belong to machines that did not ask."""

    right: Right
    units: int
    free: int
    home: Share | None
    bound: int = 0


def allotted(needs: Iterable[Need], estate: Estate) -> tuple[Share, ...]:
    """Give the rights in force to needs; rights that meet nothing get a line of their own."""
    placed = sorted(needs, key=lambda need: need.terms is not Terms.FREE)  # of one key what needs a right counts
    shares = {need.key: Share(need=need) for need in sorted(placed, key=_place)}
    grants = [_grant(right, shares, estate) for right in sorted(estate.rights, key=lambda right: right.order)]
    ordered = list(shares.values())
    for share in ordered:
        share.covered = share.need.hardware
        _add_credit(share, estate)
    for grant in grants:
        _bind(grant, ordered, estate)
        _keep_to_hardware(grant, ordered, estate)
        _hand_out_suite(grant, shares, estate)
    _pour(ordered, grants, estate)
    in_use = {right for share in ordered for right in share.givers}
    for share in ordered:
        _tell_what_misses(share, in_use, estate)
    return tuple(ordered)


def units_of(right: Right, estate: Estate) -> int:
    """Units a right stands for in its line; 0 for a site, which has no number."""
    if right.product == WINDOWS_SERVER and edition_counts_cores(right):
        return core_units(right, estate)
    return int(right.entitlement.units or 0)


def fits(right: Right, need: Need, estate: Estate) -> bool:
    """Whether units of a right may serve a need: product, edition, version, and the metric it is counted by."""
    return right.covers(need, estate.today) and _same_measure(right, need)


def _place(need: Need) -> tuple[str, str, list[int], str]:
    """The order in which needs are served: of one edition the newest version first."""
    return (need.product, need.edition, [-number for number in version_key(need.version)] or [0], need.version)


def _same_measure(right: Right, need: Need) -> bool:
    metric = right.entitlement.metric
    if metric is Metric.SITE:
        return need.metric not in ACCESS_METRICS
    if metric in ACCESS_METRICS or need.metric in ACCESS_METRICS:
        return metric is need.metric
    if need.product == WINDOWS_SERVER:
        by_core = need.metric is Metric.CORE
        if by_core != edition_counts_cores(right):
            return False
        return metric in _BY_SERVER or (by_core and metric is Metric.CORE)
    if need.product == SQL_SERVER:
        return metric in _BY_SERVER if need.metric in _BY_SERVER else metric is need.metric
    return family(metric, need.usual) is family(need.metric, need.usual)


def _grant(right: Right, shares: dict[str, Share], estate: Estate) -> _Grant:
    """Find a right its home: the largest need it was bought for, else a line of its own."""
    homes = [share for share in shares.values() if right.is_home(share.need) and _same_measure(right, share.need)]
    units = units_of(right, estate)
    if homes:
        home = max(homes, key=lambda share: (share.need.terms is not Terms.FREE, share.need.possible, share.need.key))
    else:
        others = [share for share in shares.values() if right.is_home(share.need)]
        text = "other_metric" if others else "may_be_for"
        others = others or _may_be_for(right, shares, estate)
        for share in others:  # of another metric: told, and compared by a person
            _leave_to_person(share, right, text)
        if others:
            return _Grant(right=right, units=0, free=0, home=None)
        need = need_of(right)
        known = need.key in shares  # a need the right does not name by its version (access licenses have none)
        home = shares.setdefault(need.key, Share(need=need))
        if not known:
            home.idle = not any(right.names(share.need) for share in shares.values() if share is not home)
    home.home.append(right)
    home.owned += units
    home.need.by_person = home.need.by_person or (home.idle and may_be_personal(home.need))
    by_contract = right.entitlement.metric is not Metric.SITE and _is_by_employee(right)
    if by_contract:
        _leave_to_contract(home, shares.values(), right)
    return _Grant(right=right, units=units, free=0 if by_contract else units, home=home)


def _may_be_for(right: Right, shares: Mapping[str, Share], estate: Estate) -> list[Share]:
    """Lines a right may well have been bought for, but that all are counted otherwise: those of its version first.

    What is installed does not tell its edition ("Acrobat 2020") or its version (a retail id of Visio), or the right may
    run an older one. Said as a question there, it is not called a surplus here.
    """
    near = [share for share in shares.values() if share.need.possible and right.covers(share.need, estate.today)]
    if any(_same_measure(right, share.need) for share in near):
        return []
    exact = [share for share in near if right.version and version_key(share.need.version) == version_key(right.version)]
    return exact or near


def _leave_to_person(share: Share, right: Right, text: str) -> None:
    need = share.need
    share.asked.add(right.entitlement.id)
    need.mixed = True
    told = note(text, right=right.entitlement.id)
    if text == "may_be_for" or not any(ask.text.endswith(".mixed_metrics") for ask in need.asks):
        need.asks.append(told)


def _is_by_employee(right: Right) -> bool:
    return bool(right.product) and product_by_id(right.product).by_employee


def _leave_to_contract(home: Share, shares: Iterable[Share], right: Right) -> None:
    """Rights for everybody who works for a company are compared with its staff, which no machine tells.

    That is so of every version of the product: none of their units is given to one of them.
    """
    for share in shares:
        need = share.need
        if share is home or (need.terms is not Terms.FREE and right.names(need)):
            need.sure = need.possible = 0
            need.open, need.by_contract = (), True
            need.asks.append(note("by_employee", right=right.entitlement.id))
            share.asked.add(right.entitlement.id)


def _add_credit(share: Share, estate: Estate) -> None:
    """Machines that need no unit of their own: the second one of a person, further virtual ones of one host."""
    need = share.need
    if not need.seconds and not need.guests:
        return
    able = [right for right in estate.rights if fits(right, need, estate)]
    seconds = sum(units_of(right, estate) for right in able if right.entitlement.second_device)
    share.credit = min(need.seconds, seconds)
    per_unit = max((right.entitlement.virtualization or 0 for right in able), default=0)
    if per_unit > 1:
        bought = sum(units_of(right, estate) for right in able if (right.entitlement.virtualization or 0) > 1)
        saved = sum(guests - -(-guests // per_unit) for guests in need.guests)
        share.credit += min(saved, bought * (per_unit - 1))
    share.credit = min(share.credit, need.possible - share.covered)
    share.covered += share.credit
    if share.credit:
        need.notes.append(note("second_device", count=share.credit))


def _bind(grant: _Grant, shares: Sequence[Share], estate: Estate) -> None:
    """Give a right that belongs to named machines to these alone, one unit each (case 47)."""
    names = grant.right.entitlement.bound_to
    if not names or grant.home is None:
        return
    if grant.home.need.metric is Metric.CORE:  # counted by core: served with the others, where its machine is
        if not any(fits(grant.right, share.need, estate) and _stands_here(grant, share, estate) for share in shares):
            grant.home.stray += grant.free
            grant.bound, grant.free = grant.free, 0
        return
    for share in shares:
        if not fits(grant.right, share.need, estate):
            continue
        left = [device for device in share.need.open if _is_meant(names, device, estate)]
        while left and grant.free and share.covered < share.need.possible:
            device = left.pop()
            share.need.open = tuple(one for one in share.need.open if one is not device)
            share.covered += 1
            grant.free -= 1
            _transfer(grant, share, 1, estate)
    grant.home.stray += grant.free
    grant.bound, grant.free = grant.free, 0


def _keep_to_hardware(grant: _Grant, shares: Sequence[Share], estate: Estate) -> None:
    """Give a Windows sold with machines, nobody says which, to physical ones alone: a virtual one came with none."""
    right = grant.right
    if right.product != WINDOWS or right.entitlement.channel is not Channel.OEM or grant.home is None or grant.bound:
        return
    for share in shares:
        if not fits(right, share.need, estate):
            continue
        physical = [device for device in share.need.open if not device.virtual]
        units = min(grant.free, len(physical), max(0, share.need.possible - share.covered))
        share.need.open = tuple(one for one in share.need.open if one not in physical[:units])
        share.covered += units
        grant.free -= units
        _transfer(grant, share, units, estate)
    grant.bound, grant.free = grant.free, 0


def _leave_out_repeated(grant: _Grant, left: int) -> None:
    """What nothing takes of a row about licenses that come with machines: these very licenses, not more (case 48)."""
    home, row = grant.home, grant.right.entitlement
    if home is None or row.yearly or row.channel not in (Channel.OEM, Channel.UNKNOWN):
        return
    again = min(left, home.need.hardware - home.repeated)
    home.repeated += again
    home.owned -= again


def _is_meant(names: Sequence[str], device: Device, estate: Estate) -> bool:
    serial = estate.owners.serial(device)
    return any(device.is_called(name) or (serial and usable_serial(name) == serial) for name in names)


def _transfer(grant: _Grant, share: Share, units: int, estate: Estate) -> None:
    home = grant.home
    if units and grant.right.is_unsure(share.need, estate.today):
        _ask_version(share.need, grant.right)
    if home is not None and home is not share:
        share.received += units
        share.givers.add(grant.right.entitlement.id)
        home.lent += units
        home.takers.add(share.need.title)


def _ask_version(need: Need, right: Right) -> None:
    """Ask whether a right reaches the version it serves, where its row leaves that open."""
    row = right.entitlement
    if right.brings_new_versions:
        ended = None if row.maintenance_end is None else row.maintenance_end.isoformat()
        told = note("maintenance_unsure", right=row.id, ended_on=ended, version=need.version)
    else:
        told = note("downgrade_unsure", right=row.id, bought=right.version, version=need.version)
    if told not in need.asks:
        need.asks.append(told)


def _tell_what_misses(share: Share, in_use: set[str], estate: Estate) -> None:
    """Where units lack: say which rights to the product do not reach its version, and why, or which suite is used up.

    `in_use` are the rights that serve other lines than their own: a suite nobody has parts of brings nobody this one.
    """
    need = share.need
    if share.unlimited or need.sure <= share.covered:
        return
    for right in estate.rights:
        row = right.entitlement
        if row.id in in_use - share.givers and is_part(right, need, estate.today):
            share.asked.add(row.id)
            need.notes.append(note("used_up", right=row.id))
        if not right.is_for_edition(need) or not _same_measure(right, need) or right.covers(need, estate.today):
            continue
        share.short_of.append(right)
        if right.brings_new_versions and row.maintenance_end is not None:
            ended = row.maintenance_end.isoformat()
            need.notes.append(note("version_beyond", right=row.id, ended_on=ended, version=need.version))
        else:
            need.notes.append(note("version_other", right=row.id, bought=right.version, version=need.version))


def _hand_out_suite(grant: _Grant, shares: Mapping[str, Share], estate: Estate) -> None:
    """Let a right to a suite cover what people have of it; its own line then needs the units in use."""
    found = [share.need for share in shares.values() if is_part(grant.right, share.need, estate.today)]
    if grant.home is None or not found or not grant.free:
        return
    own = grant.home.need.possible - grant.home.covered  # the suite itself, where it is installed under its own name
    left = {need.key: need.possible - shares[need.key].covered for need in found}
    used, given = handed_out(max(0, grant.free - own), found, left)
    for key, units in given.items():
        if grant.right.is_unsure(shares[key].need, estate.today):
            _ask_version(shares[key].need, grant.right)
        shares[key].covered += units
        shares[key].received += units
        shares[key].givers.add(grant.right.entitlement.id)
        grant.home.takers.add(shares[key].need.title)
    grant.free -= used
    home = grant.home
    home.need.sure += used
    home.need.possible += used
    home.covered += used
    if used:
        home.idle = False
        home.need.notes.append(note("suite", count=used, lines=named(home.takers)))


def _pour(shares: Sequence[Share], grants: Sequence[_Grant], estate: Estate) -> None:
    """Serve what is surely needed of every line, then what may be."""
    edges = [_edges(share, grants, estate) for share in shares]
    pool = Pool([grant.free for grant in grants], edges)
    people = {number: group for group in same_people([share.need for share in shares]) for number in group.places}
    for share, own in zip(shares, edges, strict=True):
        share.unlimited = any(grants[number].right.entitlement.metric is Metric.SITE for number in own)
    for number, share in enumerate(shares):
        share.covered += _served(number, share, share.need.sure, pool)
    for number, share in enumerate(shares):
        if (group := people.get(number)) is not None:
            open_units = max(0, group.people - sum(group.served(edges, pool.given).values()))
            share.covered += _served(number, share, min(share.need.possible, share.covered + open_units), pool)
            served = group.served(edges, pool.given)
            if sum(served.values()) >= group.people:
                _count_once(share, [grants[right].right for right in sorted(served)], estate)
        share.covered += _served(number, share, share.need.possible, pool)
    for number, share in enumerate(shares):
        given = pool.given(number)
        for right, units in given.items():
            _transfer(grants[right], share, units, estate)
        _tell_used_up(share, [grants[right] for right in edges[number] if right not in given])
    for number, grant in enumerate(grants):
        _leave_out_repeated(grant, pool.left(number) + grant.bound)


def _served(number: int, share: Share, wanted: int, pool: Pool) -> int:
    """Serve one need up to so many units, those that are covered already among them; how many more it got."""
    return 0 if share.unlimited else pool.serve(number, wanted - share.covered)


def _count_once(share: Share, rights: Sequence[Right], estate: Estate) -> None:
    """Whoever may be behind this version may be behind another, and has one of these rights, which run both."""
    need = share.need
    lacking = need.possible - share.covered
    if lacking <= 0 or share.unlimited:
        return
    share.credit += lacking
    share.covered += lacking
    need.notes.append(note("people_once", count=lacking))
    for right in rights:
        share.givers.add(right.entitlement.id)
        if right.is_unsure(need, estate.today):
            _ask_version(need, right)


def _tell_used_up(share: Share, grants: Iterable[_Grant]) -> None:
    """Name the rights that cover what lacks here and have no unit left: the product is not without any right."""
    if share.unlimited or share.covered >= share.need.possible:
        return
    for grant in grants:
        if grant.free and grant.home is not share:
            share.asked.add(grant.right.entitlement.id)
            share.need.notes.append(note("used_up", right=grant.right.entitlement.id))


def _edges(share: Share, grants: Sequence[_Grant], estate: Estate) -> list[int]:
    """The rights that may serve a need: those that surely may first, its own, then as closely as they are aimed."""
    found = [
        number
        for number, grant in enumerate(grants)
        if grant.home is not None and fits(grant.right, share.need, estate) and _stands_here(grant, share, estate)
    ]

    def closeness(number: int) -> tuple[bool, bool, tuple[tuple[int, ...], tuple[str, ...]]]:
        right = grants[number].right
        return right.is_unsure(share.need, estate.today), grants[number].home is not share, right.order

    return sorted(found, key=closeness)


def _stands_here(grant: _Grant, share: Share, estate: Estate) -> bool:
    """A right counted by core that is bound to machines serves a line only where one of these is in it."""
    names = grant.right.entitlement.bound_to
    return not names or any(_is_meant(names, device, estate) for device in share.need.open)
