"""Counts what a product needs by the metric of its rights: distinct machines or people, never rows (section 7).

One machine with several versions of a product and edition counts once, for the newest. People are those a copy is
installed for, else the one who works on the machine; a machine whose user is not known may be one more person, or the
second machine of one already counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rules.products import LicenseKind, licensed, plain_text, product_named
from rules.rights import Channel, Metric
from rules.software.cloud import cloud_right
from rules.software.devices import Device
from rules.software.estate import RDS_HOST, Estate
from rules.software.identity import name_key
from rules.software.matching import name_pattern, version_key
from rules.software.needs import Need, Terms, family, named, note, rows_of
from rules.software.recognition import Install, Program

_OWN_RULES = frozenset({"windows", "windows-server", "sql-server"})
_SOLD_SINGLY = frozenset({Channel.RETAIL, Channel.OEM})
_TERMS = {
    LicenseKind.COMMERCIAL: Terms.COMMERCIAL,
    LicenseKind.BUSINESS: Terms.BUSINESS,
    LicenseKind.UNCLEAR: Terms.UNCLEAR,
    LicenseKind.FREE: Terms.FREE,
}


@dataclass(slots=True, kw_only=True)
class _Group:
    """One product, edition and version, with the machines it is counted on."""

    install: Install
    devices: dict[str, tuple[Device, Install]] = field(default_factory=dict)
    older: set[str] = field(default_factory=set)  # machines that also have an older version


def product_needs(estate: Estate) -> Iterator[Need]:
    """Yield one need per product, edition and version without rules of its own."""
    counted: defaultdict[tuple[str, str, Terms], set[str]] = defaultdict(set)
    for group in sorted(_groups(estate).values(), key=_newest_first, reverse=True):
        install = group.install
        yield _need(group, counted[install.product.id, install.edition, _TERMS[install.license]], estate)


def program_needs(estate: Estate) -> Iterator[Need]:
    """Yield a need for programs that no product of the table is, and that a right speaks of: under that right's name.

    Names of programs hold their version; the pattern of the right that fits most closely stays from month to month.
    """
    patterns = sorted((right for right in estate.rights if right.pattern is not None), key=lambda right: right.order)
    found: defaultdict[str, list[tuple[Device, Program]]] = defaultdict(list)
    for device in estate.devices if patterns else ():
        for program in device.unrecognized:
            plain = plain_text(program.name)
            fitting = (right for right in patterns if right.pattern is not None and right.pattern.fullmatch(plain))
            if (closest := next(fitting, None)) is not None:
                found[closest.entitlement.product].append((device, program))
    for name, copies in sorted(found.items()):
        need = Need(
            product=f"program:{plain_text(name)}",
            name=" ".join(name.replace("*", " ").split()),
            publisher=min(program.publisher for _, program in copies),
            rows=frozenset(plain_text(program.name) for _, program in copies),
        )
        devices = {device.name: (device, ()) for device, _ in copies}
        count(need, devices, _metrics(need, estate), Metric.DEVICE, set(), estate)
        yield need


def _groups(estate: Estate) -> dict[tuple[str, str, str, str], _Group]:
    """Machines by product, edition, version and terms; of several versions on one machine the newest counts."""
    newest: dict[tuple[str, str, str, str], tuple[Device, Install]] = {}
    older: set[tuple[str, str, str, str]] = set()
    for device in estate.devices:
        for install in device.installs:
            if not _counts(install):
                continue
            place = (device.name, install.product.id, install.edition, install.license.value)
            known = newest.get(place)
            if known is not None:
                older.add(place)
            if known is None or _age(install) > _age(known[1]):
                newest[place] = (device, install)
    groups: dict[tuple[str, str, str, str], _Group] = {}
    for place, (device, install) in newest.items():
        key = (install.product.id, install.edition, install.version, install.license.value)
        group = groups.setdefault(key, _Group(install=install))
        group.devices[device.name] = (device, install)
        if place in older:
            group.older.add(device.name)
    return groups


def _counts(install: Install) -> bool:
    """Whether a copy is counted here; of free ones only those whose product is otherwise paid for are told."""
    if install.product.id in _OWN_RULES or install.license is LicenseKind.PART or cloud_right(install) is not None:
        return False
    return install.license is not LicenseKind.FREE or install.product.license.is_paid


def _age(install: Install) -> tuple[tuple[int, ...], str]:
    return version_key(install.version), install.version


def _newest_first(group: _Group) -> tuple[str, str, str, tuple[tuple[int, ...], str]]:
    install = group.install
    return (install.product.id, install.edition, install.license.value, _age(install))


def _need(group: _Group, counted: set[str], estate: Estate) -> Need:
    install = group.install
    product = install.product
    need = Need(
        product=product.id,
        name=product.name,
        publisher=product.publisher,
        edition=install.edition,
        version=install.version,
        terms=_TERMS[install.license],
        rows=rows_of(copy for _, copy in group.devices.values()),
    )
    usual = next((one.metric for one in product.editions if one.name == install.edition and one.metric), product.metric)
    users = {name: (device, copy.users) for name, (device, copy) in group.devices.items()}
    if need.terms is Terms.FREE:
        need.devices = tuple(sorted(users))
        need.installed = need.not_subject = len(users)
        need.notes.append(note("free_version" if not install.edition else "free_edition", edition=install.edition))
        return need
    count(need, users, _metrics(need, estate), usual, counted, estate)
    if group.install.product.click_to_run:
        need.keyed = sum(copy.channel in _SOLD_SINGLY for _, copy in group.devices.values())
    if group.older:
        need.notes.append(note("older_beside", count=len(group.older), devices=named(group.older)))
    if product.small_company:
        need.asks.append(note("small_company"))
    reason = _decided(install, estate)
    if reason is not None and need.terms in (Terms.BUSINESS, Terms.UNCLEAR):
        need.terms, need.sure, need.possible = Terms.FREE, 0, 0
        need.not_subject, need.open, need.asks = need.installed, (), []
        need.notes.append(note("private_use", reason=reason))
    return need


def _decided(install: Install, estate: Estate) -> str | None:
    """Why the client may use a program free of charge, as was agreed; None where nothing was."""
    for name, reason in sorted(estate.terms.private_use_allowed.items()):
        product = None if "*" in name else product_named(name)
        pattern = name_pattern(name)
        by_name = any(pattern.fullmatch(row) for row in rows_of((install,)))
        if by_name or (product is not None and licensed(product).id == install.product.id):
            return reason
    return None


def _metrics(need: Need, estate: Estate) -> dict[Metric, int]:
    """Units bought by metric among the rights that speak of this product; a site counts none."""
    bought: dict[Metric, int] = {}
    for right in estate.rights:
        if right.names(need):
            metric = right.entitlement.metric
            bought[metric] = bought.get(metric, 0) + int(right.entitlement.units or 0)
    return bought


def count(
    need: Need,
    copies: Mapping[str, tuple[Device, tuple[str, ...]]],
    bought: dict[Metric, int],
    usual: Metric,
    counted: set[str],
    estate: Estate,
) -> None:
    """Count the machines or people behind a need. `copies` are machines with the people a copy is installed for.

    `counted` are people who count for a newer version already, on another machine; those found here are added.
    The metric is that of the rights, of several the one with most units (a person then compares), else the usual one.
    """
    kinds = {family(metric, usual) for metric in bought if metric is not Metric.SITE}
    need.metric = max(
        (metric for metric in bought if metric is not Metric.SITE),
        key=lambda metric: (bought[metric], metric.value),
        default=Metric.SITE if bought else usual,
    )
    need.mixed, need.usual = len(kinds) > 1, usual
    need.by_person = any(users for _, users in copies.values())
    need.devices = tuple(sorted(copies))
    devices = [copies[name][0] for name in need.devices]
    match family(need.metric, usual):
        case Metric.USER:
            _count_people(need, copies, counted, estate)
        case Metric.CONCURRENT:
            need.installed = need.possible = len(copies)
            need.doubts.append(note("concurrent", count=len(copies)))
        case Metric.CORE:
            _count_cores(need, devices)
        case _:
            need.installed = need.sure = need.possible = len(copies)
            need.open, need.holders = tuple(devices), need.devices
            need.seconds, need.guests = _seconds(devices, estate), _guests(devices, estate)
    if need.mixed:
        by_kind: defaultdict[Metric, int] = defaultdict(int)
        for metric, units in bought.items():
            by_kind[family(metric, usual)] += units
        need.asks.append(
            note(
                "mixed_metrics",
                by_machine=by_kind[Metric.DEVICE],
                by_user=by_kind[Metric.USER],
                concurrent=by_kind[Metric.CONCURRENT],
                count=len(copies),
            )
        )


def _count_people(
    need: Need, copies: Mapping[str, tuple[Device, tuple[str, ...]]], counted: set[str], estate: Estate
) -> None:
    people: set[str] = set()
    unknown: list[str] = []
    for name, (device, users) in sorted(copies.items()):
        if users:
            people |= {estate.owners.person(device, user) for user in users}
        elif (primary := estate.owners.of(device).primary) and RDS_HOST not in device.roles:
            people.add(primary)
        else:
            unknown.append(name)
    elsewhere = people & counted
    people -= elsewhere
    counted |= people
    need.users = tuple(sorted(people))
    need.holders = (*need.users, *(f"machine {name}" for name in unknown))
    need.sure = max(len(people), int(bool(unknown)))
    need.possible = need.installed = len(people) + len(unknown)
    if people:
        need.notes.append(note("counted_people", count=len(people), devices=len(copies)))
    if elsewhere:
        need.notes.append(note("people_counted_newer", count=len(elsewhere), users=named(elsewhere)))
    if unknown:
        need.doubts.append(note("user_unknown", count=len(unknown), devices=named(unknown)))


def _count_cores(need: Need, devices: list[Device]) -> None:
    read = [device.processors for device in devices if device.processors is not None]
    need.installed = len(devices)
    need.sure = need.possible = sum(processors.cores for processors in read)
    unread = [device.name for device in devices if device.processors is None]
    if unread:
        need.blind.append(note("cores_unread", devices=named(unread), count=len(unread)))


def _seconds(devices: Iterable[Device], estate: Estate) -> int:
    """Machines that are the second one of a person: one right may cover both where it says so."""
    by_person: defaultdict[str, int] = defaultdict(int)
    for device in devices:
        primary = estate.owners.of(device).primary
        if primary and not device.server:
            by_person[primary] += 1
    return sum(min(found, 2) - 1 for found in by_person.values())


def _guests(devices: Iterable[Device], estate: Estate) -> tuple[int, ...]:
    """How many of the machines run on each physical host that is known."""
    by_host: defaultdict[str, int] = defaultdict(int)
    for device in devices:
        declared = next(
            (host for host, guests in sorted(estate.terms.hosts.items()) if any(map(device.is_called, guests))), ""
        )
        host = declared or device.host
        if device.virtual and host:
            by_host[name_key(host)] += 1
    return tuple(sorted(by_host.values()))
