"""The license position of one client: what is installed and who uses it, against what was bought."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from rules.contract import Contract
from rules.messages import Message, Params
from rules.prices import PriceBook
from rules.products import plain_text
from rules.rights import Entitlement
from rules.software.allotment import Share, allotted
from rules.software.cals import cal_needs
from rules.software.clients import client_needs
from rules.software.cloud import cloud_needs
from rules.software.counting import product_needs, program_needs
from rules.software.devices import Device, clones, merged
from rules.software.estate import Estate
from rules.software.lines import is_old, line_of, sight_of
from rules.software.matching import APPS, Right, read_right
from rules.software.needs import Need, named, note
from rules.software.owners import Owners
from rules.software.position import PositionLine, SoftwareSummary, Unrecognized
from rules.software.recognition import Program
from rules.software.servers import server_needs
from rules.software.sql import sql_needs
from rules.software.tenant_rights import TenantRights

_CLOUD_PLAN = re.compile(
    r"(?:microsoft |office |m)365\b|exchange online|(?:visio|project|planner)[a-z ]* plan \d|(?:microsoft )?entra\b"
    r"|power (?:bi|apps|automate) (?:pro|premium)|(?:microsoft )?teams\b|enterprise mobility"
)
_PARTS = (client_needs, server_needs, sql_needs, cal_needs, cloud_needs, product_needs, program_needs)


def assess(
    devices: Iterable[Device], rights: Iterable[TenantRights], contract: Contract, today: date
) -> SoftwareSummary:
    """Compare every installed product with the client's rights in force on `today`.

    `devices` may still hold several visits of one machine: they are merged here. `rights` are those of each Microsoft
    365 tenant, none where no tenant belongs to the client. The same whatever the order of machines and rights.
    """
    tenants = tuple(sorted(rights, key=lambda tenant: tenant.tenant))
    bought = sorted((read_right(row) for row in contract.entitlements or ()), key=lambda right: right.order)
    distinct = merged(devices, contract.software)
    in_cloud = _counted_in_cloud(bought, tenants, distinct)
    told = [right for right in bought if right not in in_cloud]
    estate = Estate(
        devices=distinct,
        tenants=tenants,
        contract=contract,
        today=today,
        declared=contract.entitlements is not None,
        rights=tuple(right for right in told if right.entitlement.is_in_force(today)),
        owners=Owners(tenants, contract.software),
    )
    shares = allotted(_needs(estate), estate)
    others = [right for right in told if not right.entitlement.is_in_force(today)]
    book = PriceBook(contract.prices)
    lines = tuple(line_of(share, estate, book, others) for share in shares)
    return _summary(estate, lines, shares, told, in_cloud)


def _needs(estate: Estate) -> list[Need]:
    return [need for part in _PARTS for need in part(estate)]


def _counted_in_cloud(
    bought: Sequence[Right], tenants: Sequence[TenantRights], devices: Iterable[Device]
) -> list[Right]:
    """Rows no machine can answer for: subscriptions read from the tenant itself, and such as nobody installs.

    Without a tenant that was read, a subscription that brings Office covers the machines that have it.
    """
    read = bool(tenants) and all(tenant.read for tenant in tenants)
    installed = any(install.product.id == APPS for device in devices for install in device.installs)
    return [
        right
        for right in bought
        if (right.pattern is not None and is_cloud_plan(right.entitlement.product))
        or (right.product == APPS and (read or not installed))
    ]


def is_cloud_plan(name: str) -> bool:
    """Whether a row names a subscription of Microsoft 365 that is counted by its users, never by a scan."""
    return _CLOUD_PLAN.match(plain_text(name)) is not None


def _summary(
    estate: Estate,
    lines: tuple[PositionLine, ...],
    shares: Iterable[Share],
    told: Sequence[Right],
    in_cloud: Sequence[Right],
) -> SoftwareSummary:
    seen = [device for device in estate.devices if device.tells("")]
    entitlements = estate.contract.entitlements or ()
    return SoftwareSummary(
        declared=estate.declared,
        file=_file(entitlements),
        entitlements=len(entitlements),
        lines=tuple(sorted(lines, key=lambda line: line.key)),
        unrecognized=tuple(_unrecognized(estate)),
        idle=tuple(_idle(shares, estate)) if estate.devices else (),
        upcoming=tuple(_upcoming(told, estate.today)),
        seen=len(seen),
        known=len(estate.devices),
        old=sum(is_old(device, estate) for device in seen),
        earlier=sum(device.old for device in seen),
        notes=tuple(_general(estate, in_cloud)),
    )


def _file(entitlements: Iterable[Entitlement]) -> str:
    """The name of the file of rights, out of the place of its rows ("licenses.xlsx, sheet Licences, row 7")."""
    return next((row.place.partition(",")[0].strip() for row in entitlements if row.place), "")


def _unrecognized(estate: Estate) -> Iterator[Unrecognized]:
    """Programs no product of the table is, by name and publisher; those a right speaks of have a line of their own."""
    patterns = [right.pattern for right in estate.rights if right.pattern is not None]
    found: defaultdict[tuple[str, str], list[tuple[str, Program]]] = defaultdict(list)
    for device in estate.devices:
        for program in device.unrecognized:
            if not any(pattern.fullmatch(plain_text(program.name)) for pattern in patterns):
                place = (plain_text(program.name), plain_text(program.publisher))
                found[place].append((device.name, program))
    for _, copies in sorted(found.items()):
        yield Unrecognized(
            name=min(program.name for _, program in copies),
            publisher=min(program.publisher for _, program in copies),
            devices=tuple(sorted({device for device, _ in copies})),
            versions=tuple(sorted({program.version for _, program in copies if program.version})),
        )


def _idle(shares: Iterable[Share], estate: Estate) -> Iterator[Message]:
    """Rights in force that meet nothing installed: perhaps unused, perhaps a name or a pattern that is wrong.

    Where something was not seen that may hold the product, nothing more is said than that.
    """
    for share in shares:
        sight = sight_of(share.need.product, estate)
        for right in share.home if share.idle else ():
            text = "unproved" if sight.partial else "pattern" if right.pattern is not None else "product"
            yield _about(right, text, "idle")


def _upcoming(told: Iterable[Right], today: date) -> Iterator[Message]:
    for right in told:
        start = right.entitlement.start
        if start is not None and start > today:
            yield _about(right, "right", "upcoming", starts_on=start.isoformat())


def _about(right: Right, text: str, group: str, **more: str) -> Message:
    bought = right.entitlement
    params: Params = {
        "right": bought.id,
        "product": bought.product,
        "quantity": None if bought.quantity is None else f"{bought.quantity.normalize():f}",
        "place": bought.place,
        **more,
    }
    return Message(text=f"software.{group}.{text}", params=params)


def _general(estate: Estate, in_cloud: Sequence[Right]) -> Iterator[Message]:
    """What limits the whole position."""
    if not estate.declared:
        yield note("no_file")
    unread = [device.name for device in estate.devices if not device.tells("")]
    if unread:
        yield note("machines_unread", count=len(unread), devices=named(unread))
    earlier = [device.name for device in estate.devices if device.old and device.tells("")]
    if earlier:
        yield note("machines_earlier", count=len(earlier), devices=named(earlier))
    for names in clones(estate.devices):
        yield note("clones", count=len(names), devices=named(names))
    if in_cloud:
        text = "cloud_rights" if estate.tenants_read else "cloud_rights_unread"
        yield note(text, count=len(in_cloud), rights=named(right.entitlement.id for right in in_cloud))
