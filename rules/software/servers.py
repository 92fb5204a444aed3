"""Windows Server by physical core: every core of the host, once per two virtual machines with Standard (52 to 56).

A license belongs to the hardware, so virtual machines are counted where they run: the host is what the guest services
name, or what the client declares. Where nobody says, the answer is unknown, and what to declare is told. A host that
was not seen (VMware, Proxmox) counts with the fewest cores the rule knows: its need is a minimum.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from collectors.windows.facts import ProcessorTopology
from rules.messages import Message
from rules.products import plain_text
from rules.rights import Channel, Metric, SoftwareTerms
from rules.software.cores import WINDOWS_SERVER, CoreRule, core_rule
from rules.software.devices import Device
from rules.software.estate import Estate
from rules.software.identity import may_be_one, name_key
from rules.software.matching import Right, version_key
from rules.software.needs import Need, Terms, named, note
from rules.software.recognition import Install

STANDARD, DATACENTER = "Standard", "Datacenter"
_DATACENTER = frozenset({DATACENTER, "Datacenter: Azure Edition"})
BY_CORE = frozenset({STANDARD, "", *_DATACENTER})
_FREE = frozenset({"Hyper-V Server"})
_HYPER_V = "hyper-v"
_OLD = 2016  # before, one license was for two processors, whatever their cores; Microsoft counts it as 16 cores
_PROCESSORS_OF_OLD = 2


@dataclass(slots=True, kw_only=True)
class _Host:
    """One physical machine and the Windows Servers that run on it, itself among them where it is one."""

    name: str
    device: Device | None = None
    own: Install | None = None
    guests: list[tuple[Device, Install]] = field(default_factory=list)

    @property
    def installs(self) -> list[Install]:
        return [install for _, install in self.guests] + ([self.own] if self.own is not None else [])

    @property
    def edition(self) -> str:
        """One server bears one edition: Datacenter as soon as anything on it is."""
        return DATACENTER if any(one.edition in _DATACENTER for one in self.installs) else STANDARD

    @property
    def version(self) -> str:
        """The newest version on it: an older license does not cover that."""
        return max((one.version for one in self.installs), key=lambda version: (version_key(version), version))

    @property
    def names(self) -> list[str]:
        """The machines that run Windows Server here."""
        own = [self.device.name] if self.device is not None and self.own is not None else []
        return [*own, *(device.name for device, _ in self.guests)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """What one host needs: `base` cores once, times `sets`; the least there is where its `processors` are not known.

    `declared` tells that the client gave the number of cores: of the processors nothing is known then.
    """

    host: _Host
    base: int
    sets: int
    processors: ProcessorTopology | None = None
    declared: bool = False

    def units(self, edition: str) -> int:
        return self.base if edition == DATACENTER else self.base * self.sets


def server_needs(estate: Estate) -> Iterator[Need]:
    """Yield one need per edition and version of Windows Server."""
    rule = core_rule(WINDOWS_SERVER, estate.today)
    hosts, homeless, others = _placed(estate)
    loads = [_load(host, rule, estate.terms) for host in hosts]
    moved = _moved_to_datacenter(estate, loads)
    groups: defaultdict[tuple[str, str], list[_Load]] = defaultdict(list)
    for load in loads:
        edition = DATACENTER if load.host.name in moved else load.host.edition
        groups[edition, load.host.version].append(load)
    lost: defaultdict[tuple[str, str], list[Device]] = defaultdict(list)
    for device, install in homeless:
        lost[DATACENTER if install.edition in _DATACENTER else STANDARD, install.version].append(device)
    for edition, version in sorted({*groups, *lost}):
        yield _need(edition, version, groups[edition, version], lost[edition, version], moved, rule)
    yield from _by_server(others)


def _placed(estate: Estate) -> tuple[list[_Host], list[tuple[Device, Install]], list[tuple[Device, Install]]]:
    """Hosts with what runs on them; virtual machines nobody knows the host of; editions licensed by server."""
    hosts: dict[str, _Host] = {}
    homeless, others = [], []
    for device, install in estate.with_install(WINDOWS_SERVER):
        if install.edition not in BY_CORE:
            others.append((device, install))
        elif device.virtual is False or (device.virtual is None and _HYPER_V in device.roles):
            _host(hosts, device.name, device).own = install
        elif (found := _host_of(estate, device)) is not None:
            name, machine = found
            _host(hosts, name, machine).guests.append((device, install))
        else:
            homeless.append((device, install))
    return sorted(hosts.values(), key=lambda host: host.name), homeless, others


def _host(hosts: dict[str, _Host], name: str, device: Device | None) -> _Host:
    return hosts.setdefault(name, _Host(name=name, device=device))


def _host_of(estate: Estate, guest: Device) -> tuple[str, Device | None] | None:
    """Where a virtual machine runs, as declared, else as its guest services say; None where nobody tells."""
    declared = next(
        (host for host, guests in sorted(estate.terms.hosts.items()) if any(guest.is_called(name) for name in guests)),
        "",
    )
    name = declared or guest.host
    if not name or may_be_one((name,), guest.names):
        return None
    device = estate.called(name)
    return (device.name if device is not None else name_key(name), device)


def _declared(host: _Host, terms: SoftwareTerms) -> ProcessorTopology | None:
    """What the client declares of a host: its cores, on one processor as far as is known."""
    names = (host.name,) if host.device is None else (host.name, *host.device.names)
    cores = next((number for name, number in sorted(terms.host_cores.items()) if may_be_one((name,), names)), 0)
    return ProcessorTopology(sockets=1, cores=cores, logical=cores) if cores > 0 else None


def _load(host: _Host, rule: CoreRule, terms: SoftwareTerms) -> _Load:
    """Count one host's cores; an old license is for two processors and stands for 16 cores."""
    read = None if host.device is None else host.device.processors
    processors = _declared(host, terms) if read is None else read
    sets = rule.sets(len(host.guests))
    if processors is None:
        return _Load(host=host, base=rule.per_server, sets=sets)
    base = rule.physical(processors)
    if (version_key(host.version) or (_OLD,)) < (_OLD,):
        base = rule.per_server * -(-processors.sockets // _PROCESSORS_OF_OLD)
    return _Load(host=host, base=base, sets=sets, processors=processors, declared=read is None)


def _moved_to_datacenter(estate: Estate, loads: Iterable[_Load]) -> frozenset[str]:
    """Hosts of Standard that spare rights to Datacenter cover, the one with most virtual machines first.

    Datacenter may run Standard; the other way round never. Rights to Standard are used first.
    """
    versions = frozenset(load.host.version for load in loads)
    bought = _units(estate, STANDARD, versions)
    standard = [load for load in loads if load.host.edition == STANDARD]
    own = sum(load.base for load in loads if load.host.edition == DATACENTER)
    spare = _units(estate, DATACENTER, versions) - own
    short = sum(load.units(STANDARD) for load in standard) - bought
    moved = set()
    for load in sorted(standard, key=lambda load: (-load.units(STANDARD), load.host.name)):
        if short > 0 and load.base <= spare:
            moved.add(load.host.name)
            spare -= load.base
            short -= load.units(STANDARD)
    return frozenset(moved)


def _units(estate: Estate, edition: str, versions: Iterable[str]) -> int:
    """Cores bought for an edition by rights that every one of these versions may use."""
    needs = [Need(product=WINDOWS_SERVER, name="", edition=edition, version=version) for version in versions]
    return sum(
        core_units(right, estate)
        for right in estate.rights
        if right.product == WINDOWS_SERVER
        and right.edition == plain_text(edition)
        and all(right.covers(need, estate.today) for need in needs)
    )


def edition_counts_cores(right: Right) -> bool:
    """Whether Windows Server of the edition a right names is counted by core."""
    return right.edition in {plain_text(edition) for edition in BY_CORE}


def core_units(right: Right, estate: Estate) -> int:
    """Cores a right to Windows Server stands for: one bought by server covers the fewest of one server."""
    units = int(right.entitlement.units or 0)
    if right.entitlement.metric in (Metric.SERVER, Metric.DEVICE):
        return units * core_rule(WINDOWS_SERVER, estate.today).per_server
    return units


def _need(
    edition: str, version: str, loads: list[_Load], lost: list[Device], moved: frozenset[str], rule: CoreRule
) -> Need:
    names = [*(name for load in loads for name in load.host.names), *(device.name for device in lost)]
    units = sum(load.units(edition) for load in loads)
    sold_with = [load for load in loads if load.host.own is not None and load.host.own.channel is Channel.OEM]
    with_machine = {load.host.name: min(rule.per_server, load.units(edition)) for load in sold_with}
    beyond = sum(load.units(edition) - with_machine[load.host.name] for load in sold_with)
    need = Need(
        product=WINDOWS_SERVER,
        name="Windows Server",
        publisher="Microsoft",
        edition=edition,
        version=version,
        metric=Metric.CORE,
        usual=Metric.CORE,
        rows=frozenset({plain_text(f"Windows Server {version} {edition}"), plain_text("Windows Server")}),
        devices=tuple(sorted(names)),
        installed=len(names),
        hardware=sum(with_machine.values()),
        sure=units - beyond,
        possible=units,
        open=tuple(load.host.device for load in loads if load.host.device is not None),
    )
    need.notes.extend(_told(load, edition, moved, rule) for load in loads)
    if sold_with:
        need.notes.append(note("server_oem", servers=named(with_machine), count=len(sold_with), cores=rule.per_server))
    if beyond:
        need.doubts.append(note("server_oem_beyond", count=beyond))
    need.blind.extend(_uncounted((load.host for load in loads if load.processors is None), rule))
    if lost:
        need.blind.append(note("host_unknown", devices=named(device.name for device in lost), count=len(lost)))
    return need


def _uncounted(hosts: Iterable[_Host], rule: CoreRule) -> Iterator[Message]:
    """Hosts whose cores nobody told: those that are no part of the audit, and those that were read without them."""
    found = list(hosts)
    read = [host.name for host in found if host.device is not None and host.device.reached]
    unseen = [host.name for host in found if host.name not in read]
    if unseen:
        yield note("host_not_seen", hosts=named(unseen), count=len(unseen), cores=rule.per_server)
    if read:
        yield note("host_cores_unread", hosts=named(read), count=len(read), cores=rule.per_server)


def _told(load: _Load, edition: str, moved: frozenset[str], rule: CoreRule) -> Message:
    """How many cores one host needs, and why."""
    processors = load.processors
    guests = len(load.host.guests)
    text = "cores_datacenter" if edition == DATACENTER else "cores_guests" if load.sets > 1 else "cores"
    if load.host.name in moved:
        text = "cores_moved"
    if processors is None:
        text = "cores_unseen"
    elif load.declared and text != "cores_moved":
        text = f"{text}_declared"
    return note(
        text,
        host=load.host.name,
        sockets=None if processors is None else processors.sockets,
        cores=None if processors is None else processors.cores,
        counted=load.base,
        guests=guests,
        sets=load.sets,
        required=load.units(edition),
        per_processor=rule.per_processor,
        per_server=rule.per_server,
    )


def _by_server(others: Iterable[tuple[Device, Install]]) -> Iterator[Need]:
    """Editions licensed by server (Essentials, Foundation, Web, ...), and the free one."""
    groups: defaultdict[tuple[str, str], list[tuple[Device, Install]]] = defaultdict(list)
    for device, install in others:
        groups[install.edition, install.version].append((device, install))
    for (edition, version), copies in sorted(groups.items()):
        free = edition in _FREE
        devices = [device for device, _ in copies]
        with_machine = [device for device, install in copies if install.channel is Channel.OEM and not device.virtual]
        need = Need(
            product=WINDOWS_SERVER,
            name="Windows Server",
            publisher="Microsoft",
            edition=edition,
            version=version,
            metric=Metric.SERVER,
            rows=frozenset({plain_text(f"Windows Server {version} {edition}"), plain_text("Windows Server")}),
            terms=Terms.FREE if free else Terms.COMMERCIAL,
            devices=tuple(sorted(device.name for device in devices)),
            installed=len(devices),
            not_subject=len(devices) if free else 0,
            sure=0 if free else len(devices),
            possible=0 if free else len(devices),
            hardware=0 if free else len(with_machine),
            open=() if free else tuple(device for device in devices if device not in with_machine),
        )
        if with_machine and not free:
            need.notes.append(note("windows_hardware", count=len(with_machine)))
        yield need
