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
from rules.software.lines import is_old, line_of
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
    in_cloud = [right for right in bought if _is_in_tenant(right, tenants)]
    told = [right for right in bought if right not in in_cloud]
    estate = Estate(
        devices=merged(devices, contract.software),
        tenants=tenants,
        contract=contract,
        today=today,
        declared=contract.entitlements is not None,
        rights=tuple(right for right in told if right.entitlement.is_in_force(today)),
        owners=Owners(tenants, contract.software),
    )
    shares = allotted(_needs(estate), estate)
    ended = [right for right in told if right.entitlement.end is not None and right.entitlement.end < today]
    book = PriceBook(contract.prices)
    lines = tuple(line_of(share, estate, book, ended) for share in shares)
    return _summary(estate, lines, shares, told, in_cloud)


def _needs(estate: Estate) -> list[Need]:
    return [need for part in _PARTS for need in part(estate)]


def _is_in_tenant(right: Right, tenants: Sequence[TenantRights]) -> bool:
    """Whether a row repeats a subscription that is read from the tenant itself: it is counted there, once."""
    sold_in_cloud = right.product == APPS or (right.pattern is not None and _is_cloud_plan(right))
    return sold_in_cloud and bool(tenants) and all(tenant.read for tenant in tenants)


def _is_cloud_plan(right: Right) -> bool:
    return _CLOUD_PLAN.match(plain_text(right.entitlement.product)) is not None


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
        idle=tuple(_idle(shares)),
        upcoming=tuple(_upcoming(told, estate.today)),
        seen=len(seen),
        known=len(estate.devices),
        old=sum(is_old(device, estate) for device in seen),
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


def _idle(shares: Iterable[Share]) -> Iterator[Message]:
    """Rights in force that meet nothing installed: perhaps unused, perhaps a name or a pattern that is wrong."""
    for share in shares:
        if share.idle:
            for right in share.home:
                yield _about(right, "pattern" if right.pattern is not None else "product", "idle")


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
        yield note("cloud_rights", count=len(in_cloud), rights=named(right.entitlement.id for right in in_cloud))
