"""One machine as the license position sees it: what is installed, on what hardware, for whom.

A `Device` is what stays of a snapshot once it has been judged, small enough to keep a thousand of them. `merged` makes
one of the visits of one machine, and leaves out what the client retired.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from collectors.model import FactKind, HostSnapshot
from collectors.windows.facts import Activation, ProcessorTopology, ProductType, UserProfile
from rules.products import plain_text, programs, shown_name
from rules.rights import SoftwareTerms
from rules.software.identity import may_be_one, name_key, short_name, usable_identity
from rules.software.kms import domains_of
from rules.software.recognition import Install, Program, recognized

_VIRTUAL_OFF = "none"
_WINDOWS = "windows"
_ONE_PERSON = "user"  # the scope of a program that one person installed for himself
_WATCHED = frozenset(
    {
        FactKind.HOST,
        FactKind.OPERATING_SYSTEM,
        FactKind.APPLICATIONS,
        FactKind.USER_APPLICATIONS,
        FactKind.PACKAGES,
        FactKind.OFFICE,
        FactKind.SQL_SERVER,
        FactKind.EXCHANGE,
        FactKind.ACTIVATION,
        FactKind.PROCESSORS,
        FactKind.ROLES,
    }
)
_PRODUCT_FACTS = {
    "windows": FactKind.OPERATING_SYSTEM,
    "windows-server": FactKind.OPERATING_SYSTEM,
    "sql-server": FactKind.SQL_SERVER,
    "exchange-server": FactKind.EXCHANGE,
}
_OFFICE = frozenset({"microsoft-365-apps", "office", "visio", "project"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One machine of the client. `name` is the target's; `aliases` are its other names, the host name among them.

    `identity` is the board's UUID or the machine id ("" where none is usable), `serial` its serial number where one is
    known. `reached` tells whether the snapshot at `taken_at` (UTC) saw the machine, `old` that it is of an earlier run.
    `virtual` is None when it could not be told; `host` the physical host its guest services name, `domains` the DNS
    domains that are the company's own as this machine tells. `system` is os-release's id, "windows", or "" when not
    seen. `personal` are unrecognized programs that are there for some people alone, with their SIDs. `unread` are the
    kinds of facts that were a gap.
    """

    name: str
    taken_at: datetime
    reached: bool
    aliases: tuple[str, ...] = ()
    identity: str = ""
    serial: str = ""
    hostname: str = ""
    old: bool = False
    labels: tuple[str, ...] = ()
    system: str = ""
    server: bool = False
    virtual: bool | None = None
    host: str = ""
    domains: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()
    processors: ProcessorTopology | None = None
    activations: tuple[Activation, ...] = ()
    profiles: tuple[UserProfile, ...] = ()
    installs: tuple[Install, ...] = ()
    unrecognized: tuple[Program, ...] = ()
    personal: tuple[tuple[Program, tuple[str, ...]], ...] = ()
    unread: frozenset[FactKind] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name a person may write for this machine."""
        return (self.name, *self.aliases)

    def is_called(self, name: str) -> bool:
        """Whether a name, an identity or a serial number, as a person writes it, is this machine's."""
        plain = usable_identity(name)
        if plain and plain == self.identity:
            return True
        key = name_key(name)
        if not key:
            return False
        return key == self.serial or may_be_one((name,), self.names)

    def tells(self, product: str) -> bool:
        """Whether this machine was seen well enough to say that a product (by its id) is there or is not."""
        if not self.reached or FactKind.HOST in self.unread:
            return False
        if self.system and self.system != _WINDOWS:
            return FactKind.PACKAGES not in self.unread  # of what is licensed, only Oracle's packages run there
        kind = _PRODUCT_FACTS.get(product, FactKind.APPLICATIONS)
        return kind not in self.unread and not (product in _OFFICE and FactKind.OFFICE in self.unread)


def device_of(snapshot: HostSnapshot, *, old: bool = False) -> Device:
    """Reduce one snapshot; `old` when it is the last known one of a machine that this run did not reach (case 64)."""
    system, windows = snapshot.operating_system, snapshot.windows
    recognition = recognized(snapshot)
    hostname = "" if system is None else system.hostname
    names = dict.fromkeys(name for name in (*snapshot.aliases, hostname) if name and name != snapshot.target.name)
    processors = None if windows is None else windows.processors
    return Device(
        name=snapshot.target.name,
        taken_at=snapshot.taken_at,
        reached=snapshot.reached,
        aliases=tuple(names),
        identity="" if system is None else usable_identity(system.machine_id),
        hostname=hostname,
        old=old,
        labels=snapshot.target.labels,
        system="" if system is None else system.id,
        server=windows is not None and windows.system.product_type not in (None, ProductType.CLIENT),
        virtual=_virtual(snapshot, processors),
        host="" if processors is None else processors.hypervisor_host,
        domains=domains_of(snapshot),
        roles=() if windows is None else windows.roles,
        processors=processors,
        activations=() if windows is None else windows.activations,
        profiles=() if windows is None else windows.profiles,
        installs=recognition.installs,
        unrecognized=recognition.unrecognized,
        personal=tuple(_personal(snapshot, recognition.unrecognized)),
        unread=frozenset(gap.kind for gap in snapshot.gaps if gap.kind in _WATCHED),
    )


def merged(devices: Iterable[Device], terms: SoftwareTerms) -> tuple[Device, ...]:
    """One device per machine, by name; retired ones are left out. The best and newest visit speaks for a machine.

    Merging what is merged changes nothing.
    """
    kept = sorted(devices, key=lambda device: (device.name, device.taken_at, device.old))
    united = sorted((_united(group) for group in _by_name(list(_by_identity(kept)))), key=lambda device: device.name)
    return tuple(device for device in united if not any(device.is_called(name) for name in terms.retired))


def clones(devices: Iterable[Device]) -> tuple[tuple[str, ...], ...]:
    """Names of merged devices that share one identity, as clones of a virtual machine do."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for device in devices:
        if device.identity:
            found[device.identity].append(device.name)
    return tuple(tuple(names) for names in found.values() if len(names) > 1)


def _personal(snapshot: HostSnapshot, unrecognized: Iterable[Program]) -> Iterator[tuple[Program, tuple[str, ...]]]:
    """Who alone has a program, of those that no copy is there for everybody."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for row in programs(snapshot):
        copy = plain_text(shown_name(row.name)), plain_text(row.publisher.strip())
        found[copy].add(row.user if row.scope == _ONE_PERSON else "")
    for program in unrecognized:
        people = found[plain_text(program.name), plain_text(program.publisher)]
        if people and "" not in people:
            yield program, tuple(sorted(people))


def _virtual(snapshot: HostSnapshot, processors: ProcessorTopology | None) -> bool | None:
    if processors is not None and processors.virtual is not None:
        return processors.virtual
    system = snapshot.operating_system
    if system is None or not system.virtualization:
        return None
    return system.virtualization != _VIRTUAL_OFF


def _by_identity(devices: Iterable[Device]) -> Iterator[list[Device]]:
    """Group by identity; those seen in one run under different host names are clones, and stay apart."""
    found: defaultdict[str, list[Device]] = defaultdict(list)
    for device in devices:
        if device.identity:
            found[device.identity].append(device)
        else:
            yield [device]
    for group in found.values():
        yield from _without_clones(group)


def _without_clones(group: list[Device]) -> Iterator[list[Device]]:
    fresh: defaultdict[str, list[Device]] = defaultdict(list)
    for device in group:
        if not device.old:
            fresh[short_name(device.hostname or device.name)].append(device)
    earlier = [device for device in group if device.old]
    if not fresh:
        by_host: defaultdict[str, list[Device]] = defaultdict(list)
        for device in earlier:
            by_host[short_name(device.hostname or device.name)].append(device)
        yield from by_host.values()
        return
    renamed = next(iter(fresh.values())) if len(fresh) == 1 else None
    for device in earlier:
        same = fresh.get(short_name(device.hostname or device.name), renamed)
        if same is None:
            yield [device]
        else:
            same.append(device)
    yield from fresh.values()


def _by_name(groups: list[list[Device]]) -> list[list[Device]]:
    """Add visits that told no identity to the one machine that bears their name; to none where several do."""
    known = [group for group in groups if group[0].identity]
    nameless = [group for group in groups if not group[0].identity]
    by_short: defaultdict[str, list[list[Device]]] = defaultdict(list)
    for group in known:
        for short in {short_name(name) or name_key(name) for device in group for name in device.names}:
            by_short[short].append(group)
    for group in nameless:
        names = group[0].names
        shorts = {short_name(name) or name_key(name) for name in names}
        near = {id(one): one for short in shorts for one in by_short[short]}
        fitting = [one for one in near.values() if may_be_one(names, (n for device in one for n in device.names))]
        if len(fitting) == 1:
            fitting[0].extend(group)
            continue
        known.append(group)
        for short in shorts:
            by_short[short].append(group)
    return known


def _united(group: list[Device]) -> Device:
    """The best visit of one machine, with the names and labels of all: seen, of this run, complete, new."""
    best = max(
        group,
        key=lambda one: (one.reached, not one.old, -len(one.unread), one.taken_at, tuple(map(_negated, one.name))),
    )
    names = {name for device in group for name in device.names} - {best.name}
    labels = {label for device in group for label in device.labels}
    identity = best.identity or next((device.identity for device in group if device.identity), "")
    return replace(best, aliases=tuple(sorted(names)), labels=tuple(sorted(labels)), identity=identity)


def _negated(letter: str) -> int:
    return -ord(letter)
