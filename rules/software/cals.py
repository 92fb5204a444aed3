"""Access licenses (CALs): never measurable by a scan, so compared with what the client counts (cases 59 and 60).

People or devices are those the client declares; else the licensed people of Microsoft 365, which is an estimate and
leaves the answer to a person. Both kinds at once are a person's to compare, too. Of session hosts nobody says who
connects: everybody at most, so licenses for fewer are a question and no deficit. Where no server that asks for a kind
of license was seen, it is neither lacking nor in order.
"""

from collections.abc import Iterator
from typing import NamedTuple

from collectors.model import FactKind
from rules.messages import Message, Params
from rules.products import products
from rules.rights import Metric
from rules.software.cores import SQL_SERVER, WINDOWS_SERVER
from rules.software.devices import Device
from rules.software.estate import RDS_HOST, Estate
from rules.software.matching import Right, version_key
from rules.software.needs import Need, named, note
from rules.software.tenant_rights import CloudRight

_WITHOUT_CALS = frozenset({"Essentials", "Foundation", "Hyper-V Server", "Web", "Storage Server"})
_EXCHANGE = "exchange-server"
_RDS = "rds-cal"
_SQL = "sql-server-cal"
_BY_SERVER = frozenset({Metric.SERVER, Metric.DEVICE})


class _Family(NamedTuple):
    """One kind of access license and the servers it is for."""

    product: str
    servers: list[Device]
    newest: str


def cal_needs(estate: Estate) -> Iterator[Need]:
    """Yield one need per kind of access license that a server calls for, or that was bought."""
    for family in _families(estate):
        rights = [right for right in estate.rights if right.product == family.product]
        if family.servers or rights:
            yield _need(family, rights, estate)


def _families(estate: Estate) -> Iterator[_Family]:
    windows = [
        (device, install.version)
        for device, install in estate.with_install(WINDOWS_SERVER)
        if install.edition not in _WITHOUT_CALS
    ]
    yield _family("windows-server-cal", windows)
    yield _family(_RDS, [(device, version) for device, version in windows if RDS_HOST in device.roles])
    yield _family(
        "exchange-server-cal", [(device, install.version) for device, install in estate.with_install(_EXCHANGE)]
    )
    metrics = estate.metrics_of(SQL_SERVER)
    with_cals = bool(estate.metrics_of(_SQL)) and Metric.CORE not in metrics
    by_server = with_cals or bool(metrics & _BY_SERVER)
    sql = [
        (device, install.version)
        for device, install in estate.with_install(SQL_SERVER)
        if by_server and install.license.is_paid
    ]
    yield _family(_SQL, sql)


def _family(product: str, found: list[tuple[Device, str]]) -> _Family:
    newest = max((version for _, version in found), key=version_key, default="")
    servers = {device.name: device for device, _ in found}
    return _Family(product=product, servers=[servers[name] for name in sorted(servers)], newest=newest)


def _need(family: _Family, rights: list[Right], estate: Estate) -> Need:
    kinds = {right.entitlement.metric for right in rights} or {Metric.USER_CAL}
    metric = Metric.USER_CAL if Metric.USER_CAL in kinds else Metric.DEVICE_CAL
    product = next(one for one in products() if one.id == family.product)
    need = Need(
        product=family.product,
        name=product.name,
        publisher=product.publisher,
        metric=metric,
        devices=tuple(device.name for device in family.servers),
    )
    if family.servers:
        text = "cal_servers" if family.newest else "cal_servers_unversioned"
        need.notes.append(note(text, count=len(family.servers), version=family.newest))
    by_session = family.product == _RDS
    declared, estimate = _counts(metric, estate)
    if not family.servers:
        _without_servers(need, estate)
    elif len(kinds) > 1:
        _both_kinds(need, rights, estate)
    elif not rights:
        need.possible = declared if declared is not None else estimate or 0
        counted = need.possible and not by_session
        need.asks.append(note("cal_none", count=need.possible) if counted else note("cal_none_uncounted"))
        if not need.possible:
            need.blind.append(note("cal_uncounted"))
    elif declared is not None:
        need.sure, need.possible = 0 if by_session else declared, declared
        need.notes.append(
            note("cal_declared_users" if metric is Metric.USER_CAL else "cal_declared_devices", count=declared)
        )
    elif estimate is not None:
        need.possible = estimate
        need.asks.append(
            note("cal_estimate_users" if metric is Metric.USER_CAL else "cal_estimate_devices", count=estimate)
        )
    else:
        need.blind.append(note("cal_uncounted"))
    need.installed = need.installed or need.possible
    if by_session and need.possible:
        text = "rds_users_unknown" if metric is Metric.USER_CAL else "rds_devices_unknown"
        need.doubts.append(note(text, count=need.possible, devices=named(need.devices)))
    _older(need, family, rights)
    _cloud(need, family, estate)
    return need


def _counts(metric: Metric, estate: Estate) -> tuple[int | None, int | None]:
    """What the client declares, and what Microsoft 365 or the audit lets one guess; None where nothing tells."""
    if metric is Metric.USER_CAL:
        members = {user.upn.casefold() for tenant in estate.tenants for user in tenant.members}
        return estate.terms.users, len(members) if estate.tenants_read and members else None
    clients = sum(device.reached and device.system == "windows" and not device.server for device in estate.devices)
    return estate.terms.devices, clients or None


def _both_kinds(need: Need, rights: list[Right], estate: Estate) -> None:
    """Licenses for people and for devices together: who uses which is for a person to say (case 60)."""
    bought = {
        metric: sum(int(right.entitlement.units or 0) for right in rights if right.entitlement.metric is metric)
        for metric in (Metric.USER_CAL, Metric.DEVICE_CAL)
    }
    counts = {metric: _counts(metric, estate) for metric in bought}
    told = {metric: declared if declared is not None else guess for metric, (declared, guess) in counts.items()}
    need.mixed = True
    users, devices = told[Metric.USER_CAL], told[Metric.DEVICE_CAL]
    cals: Params = {"user_cals": bought[Metric.USER_CAL], "device_cals": bought[Metric.DEVICE_CAL]}
    if users is None or devices is None:
        need.blind.append(Message(text="software.note.cal_both_uncounted", params=cals))
        return
    need.installed = users
    need.asks.append(Message(text="software.note.cal_both", params={**cals, "users": users, "devices": devices}))
    need.blind.append(note("cal_both_need"))


def _without_servers(need: Need, estate: Estate) -> None:
    """Licenses for servers nobody saw: perhaps unused, perhaps for a machine that is not audited."""
    if estate.devices and all(_tells_servers(device) for device in estate.devices):
        need.asks.append(note("cal_no_server"))
    else:
        need.blind.append(note("cal_server_unseen"))


def _tells_servers(device: Device) -> bool:
    """Whether a machine was seen well enough to say which access licenses it calls for."""
    unread = device.unread & {FactKind.ROLES, FactKind.SQL_SERVER, FactKind.EXCHANGE}
    return device.tells(WINDOWS_SERVER) and not (device.server and unread)


def _older(need: Need, family: _Family, rights: list[Right]) -> None:
    """An access license reaches servers of its own version and older ones."""
    newest = version_key(family.newest)
    older = [right for right in rights if right.version and version_key(right.version) < newest]
    if older:
        count = sum(int(right.entitlement.units or 0) for right in older)
        versions = ", ".join(sorted({right.version for right in older}))
        need.asks.append(note("cal_older", count=count, versions=versions, newest=family.newest))


def _cloud(need: Need, family: _Family, estate: Estate) -> None:
    """Enterprise plans of Microsoft 365 carry equivalent rights: worth a word wherever somebody has one."""
    holders = sum(CloudRight.WINDOWS_ENTERPRISE in user.rights for tenant in estate.tenants for user in tenant.members)
    if holders and family.product == "windows-server-cal":
        need.notes.append(note("cal_cloud", count=holders))
