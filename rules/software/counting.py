"""Counts what a product needs by the metric of its rights: distinct machines or people, never rows (section 7).

One machine with several versions of a product and edition counts once, for the newest. People are those a copy is
installed for, else the one who works on the machine. Where several do, one of them at least uses the program, and at
most everybody; a machine whose user is not known may be one more person, or the second machine of one already counted.
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
from rules.software.people import People, people_of
from rules.software.recognition import Install, Program

_OWN_RULES = frozenset({"windows", "windows-server", "sql-server"})
_BY_ACCESS = frozenset({"office", "access", "visio", "project"})  # by device: each one that reaches them counts
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
    newer: defaultdict[tuple[str, str, Terms], People] = defaultdict(People)
    for group in sorted(_groups(estate).values(), key=_newest_first, reverse=True):
        install = group.install
        yield _need(group, newer[install.product.id, install.edition, _TERMS[install.license]], estate)


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
        count(need, _copies(copies), _metrics(need, estate), Metric.DEVICE, People(), estate)
        yield need


def _copies(found: Iterable[tuple[Device, Program]]) -> dict[str, tuple[Device, tuple[str, ...]]]:
    """Machines with the people who alone have the programs a right speaks of; nobody where one is there for all."""
    copies: dict[str, tuple[Device, tuple[str, ...]]] = {}
    for device, program in found:
        people = next((people for known, people in device.personal if known == program), ())
        _, others = copies.get(device.name, (device, people))
        copies[device.name] = (device, tuple(sorted({*people, *others})) if people and others else ())
    return copies


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


def _need(group: _Group, newer: People, estate: Estate) -> Need:
    install = group.install
    product = install.product
    need = Need(
        product=product.id,
        name=product.name,
        publisher=product.publisher,
        edition=install.edition,
        version=install.version,
        terms=_terms(install),
        rows=rows_of(copy for _, copy in group.devices.values()),
    )
    usual = next((one.metric for one in product.editions if one.name == install.edition and one.metric), product.metric)
    users = {name: (device, copy.users) for name, (device, copy) in group.devices.items()}
    if need.terms is Terms.FREE:
        need.devices = tuple(sorted(users))
        need.installed = need.not_subject = len(users)
        need.notes.append(note("free_version" if not install.edition else "free_edition", edition=install.edition))
        return need
    count(need, users, _metrics(need, estate), usual, newer, estate)
    if group.install.product.click_to_run:
        need.keyed = sum(copy.channel in _SOLD_SINGLY for _, copy in group.devices.values())
    if group.older:
        need.notes.append(note("older_beside", count=len(group.older), devices=named(group.older)))
    reason = _decided(install, estate)
    if reason is not None and need.terms in (Terms.BUSINESS, Terms.UNCLEAR, Terms.SMALL_COMPANY):
        need.terms, need.sure, need.possible = Terms.FREE, 0, 0
        need.not_subject, need.open, need.asks = need.installed, (), []
        need.notes.append(note("private_use", reason=reason))
    return need


def _terms(install: Install) -> Terms:
    """What this copy asks of a company without a right to it; some makers leave small ones free under conditions."""
    editions = (one for one in install.product.editions if one.name == install.edition)
    small = install.product.small_company or any(one.small_company for one in editions)
    asked = _TERMS[install.license]
    return Terms.SMALL_COMPANY if small and asked in (Terms.BUSINESS, Terms.UNCLEAR) else asked


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
    newer: People,
    estate: Estate,
) -> None:
    """Count the machines or people behind a need. `copies` are machines with the people a copy is installed for.

    `newer` are the people behind the newer versions, on other machines, certain or not; those found here are added.
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
            _count_people(need, copies, newer, estate)
        case Metric.CONCURRENT:
            need.installed = len(copies)
            need.possible = sum(_at_once(device, estate) for device in devices)
            need.doubts.append(note("concurrent", count=len(copies)))
            _tell_untold_hosts(need, [device for device in devices if not estate.owners.of(device).regulars], estate)
        case Metric.CORE:
            _count_cores(need, devices)
        case _:
            need.installed = need.sure = need.possible = len(copies)
            need.open, need.holders = tuple(devices), need.devices
            need.seconds, need.guests = _seconds(devices, estate), _guests(devices, estate)
            _count_access(need, devices, estate)
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
    need: Need, copies: Mapping[str, tuple[Device, tuple[str, ...]]], newer: People, estate: Estate
) -> None:
    found = people_of(copies, estate)
    counted = set(newer.certain)
    everybody = found.all - counted
    elsewhere = found.certain & counted
    people = found.certain - counted
    need.users = tuple(sorted(people))
    need.holders = (*sorted(everybody), *(f"machine {name}" for name in found.untold))
    need.maybe = frozenset(everybody - people)
    need.sure = newer.add(found)
    need.possible = need.installed = len(everybody) + len(found.untold)
    if everybody:
        need.notes.append(note("counted_people", count=len(everybody), devices=len(copies)))
    if elsewhere:
        need.notes.append(note("people_counted_newer", count=len(elsewhere), users=named(elsewhere)))
    if need.sure < len(people):
        need.doubts.append(note("people_maybe_newer", count=len(people) - need.sure, users=named(people)))
    shared = [name for name, known in found.shared.items() if known - found.certain - counted]
    if shared:
        need.doubts.append(note("people_shared", count=len(everybody - people), devices=named(shared)))
    alone = [name for name in found.untold if RDS_HOST not in copies[name][0].roles]
    if alone:
        need.doubts.append(note("user_unknown", count=len(alone), devices=named(alone)))
    _tell_untold_hosts(need, [copies[name][0] for name in found.untold], estate)
    _tell_sessions(need, [device for device, users in copies.values() if not users], estate)


def _at_once(device: Device, estate: Estate) -> int:
    """How many may use a program of a machine at one time, as far as people are known."""
    return max(1, len(estate.owners.of(device).regulars)) if RDS_HOST in device.roles else 1


def _tell_untold_hosts(need: Need, devices: Iterable[Device], estate: Estate) -> None:
    """Nothing tells who uses a session host without a single profile: perhaps every user the client counts."""
    hosts = [device.name for device in devices if RDS_HOST in device.roles]
    if hosts and estate.terms.users is None:
        need.asks.append(note("session_untold", count=len(hosts), devices=named(hosts)))
    elif hosts:
        need.possible = max(need.possible, estate.terms.users or 0)
        need.doubts.append(note("session_untold", count=len(hosts), devices=named(hosts)))


def _tell_sessions(need: Need, devices: Iterable[Device], estate: Estate) -> None:
    """Profiles do not tell everybody who connects to a session host: they may be kept elsewhere.

    So nothing is known to be too much there but what is beyond every user the client counts.
    """
    hosts = [device.name for device in devices if RDS_HOST in device.roles]
    users = estate.terms.users
    able = (right for right in estate.rights if right.covers(need, estate.today))
    bought = sum(int(right.entitlement.units or 0) for right in able)
    if hosts and users is not None and bought >= users:
        need.possible = max(need.possible, users)
    elif hosts and need.possible < bought:
        need.unseen.append(note("session_people", count=len(hosts), devices=named(hosts)))
        need.notes.extend(need.unseen)


def _count_access(need: Need, devices: list[Device], estate: Estate) -> None:
    """Office on a session host takes a right for every device that reaches it, and none for the host.

    Machines that have Office themselves may be these very devices: one right covers both.
    """
    hosts = [device.name for device in devices if RDS_HOST in device.roles]
    if need.product not in _BY_ACCESS or not hosts:
        return
    need.sure = max(1, len(devices) - len(hosts))
    if estate.terms.devices is None:
        need.asks.append(note("session_devices", count=len(hosts), devices=named(hosts)))
    else:
        need.possible = max(need.sure, estate.terms.devices)
        need.doubts.append(
            note("session_devices_declared", count=len(hosts), devices=named(hosts), declared=estate.terms.devices)
        )


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
