"""Windows on workstations: licensed with the machine, by a volume contract, or by a user's subscription (48 to 51).

A license in the firmware, or an OEM key in use, is the machine's own: nothing has to be bought. Volume keys rest on a
contract, retail keys on an invoice. A public KMS host is the mark of an illicit activator. What is not activated is a
technical matter and never a deficit: the right may be there and the activation have failed. Virtual machines have no
license of their own: a user's Enterprise subscription or a right bought for them covers them.
"""

from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum

from collectors.model import FactKind
from collectors.windows.facts import Activation
from rules.messages import Message
from rules.products import plain_text
from rules.software.devices import Device
from rules.software.estate import Estate
from rules.software.kms import KmsPlace, kms_place
from rules.software.needs import Need, named, note, rows_of
from rules.software.recognition import Install
from rules.software.tenant_rights import CloudRight

WINDOWS = "windows"
_APPLICATION = "55c92734-d682-4d71-983e-d6ec3f16059f"
_LICENSED = 1
_EXTENDED_UPDATES = ("esu", "extended security")
_RANKS = (  # words of an edition, in the table's spelling or in the firmware's; the first that fits counts
    (("pro for workstations", "professionalworkstation", "pro education", "professionaleducation"), 3),
    (("enterprise", "education", "ultimate", "iot"), 4),
    (("pro",), 2),
    (("core", "home", "starter"), 1),
)
_SUBSCRIBED = 4  # the rank from which a user's subscription gives the edition


class Basis(StrEnum):
    """What a copy of Windows rests on, as far as the machine tells."""

    HARDWARE = "hardware"
    SUBSCRIBER = "subscriber"
    VOLUME = "volume"
    VOLUME_ON_HARDWARE = "volume_on_hardware"  # a volume key on a machine that came with the same edition
    RETAIL = "retail"
    EXTERNAL_KMS = "external_kms"
    ITSELF_KMS = "itself_kms"
    INACTIVE = "inactive"
    VIRTUAL = "virtual"
    UNREAD = "unread"
    NO_KEY = "no_key"


_OWN = frozenset({Basis.HARDWARE, Basis.SUBSCRIBER})
_SURE = frozenset({Basis.VOLUME})
_ASKED = frozenset({Basis.EXTERNAL_KMS, Basis.ITSELF_KMS})
_BLIND = frozenset({Basis.UNREAD})


def client_needs(estate: Estate) -> Iterator[Need]:
    """Yield one need per edition of Windows on workstations, whatever its version: each license runs 10 and 11."""
    groups: defaultdict[str, list[tuple[Device, Install]]] = defaultdict(list)
    for device, install in estate.with_install(WINDOWS):
        groups[install.edition].append((device, install))
    for edition, copies in sorted(groups.items()):
        need = _need(edition, [device for device, _ in copies], estate)
        need.rows = rows_of(install for _, install in copies)
        yield need


def basis_of(device: Device, edition: str, estate: Estate) -> Basis:
    """What one machine's Windows rests on."""
    row = _row(device)
    channel = "" if row is None else row.channel.casefold()
    place = KmsPlace.NONE if row is None else kms_place(row, device.domains)
    if place is not KmsPlace.NONE:
        return Basis.EXTERNAL_KMS if place is KmsPlace.EXTERNAL else Basis.ITSELF_KMS
    if _has_subscriber(device, edition, estate):
        return Basis.SUBSCRIBER
    if device.virtual and not (row is not None and row.status == _LICENSED and channel.startswith("retail")):
        return Basis.VIRTUAL
    volume = channel.startswith("volume")
    if not device.virtual and (channel.startswith("oem") or (not volume and _came_with(row, edition))):
        return Basis.HARDWARE
    if row is None:
        return Basis.UNREAD if FactKind.ACTIVATION in device.unread else Basis.NO_KEY
    if volume and _came_with(row, edition):
        return Basis.VOLUME_ON_HARDWARE
    if row.status != _LICENSED:
        return Basis.INACTIVE
    return Basis.VOLUME if volume else Basis.RETAIL if channel.startswith("retail") else Basis.NO_KEY


def _need(edition: str, devices: list[Device], estate: Estate) -> Need:
    by_basis: defaultdict[Basis, list[Device]] = defaultdict(list)
    for device in devices:
        by_basis[basis_of(device, edition, estate)].append(device)
    hardware = len(by_basis[Basis.HARDWARE])
    subscribed = len(by_basis[Basis.SUBSCRIBER])
    need = Need(
        product=WINDOWS,
        name="Windows",
        publisher="Microsoft",
        edition=edition,
        devices=tuple(sorted(device.name for device in devices)),
        installed=len(devices),
        not_subject=subscribed,
        hardware=hardware,
        sure=hardware + sum(len(by_basis[basis]) for basis in _SURE),
        possible=len(devices) - subscribed,
        open=tuple(device for basis, found in by_basis.items() if basis not in _OWN for device in found),
    )
    for basis, found in sorted(by_basis.items()):
        if found:
            told = note(f"windows_{basis.value}", count=len(found), devices=named(device.name for device in found))
            _list_of(need, basis).append(told)
    inactive = [device for device in devices if (row := _row(device)) is not None and row.status != _LICENSED]
    if inactive and not by_basis[Basis.INACTIVE]:
        need.notes.append(note("windows_inactive", count=len(inactive), devices=named(one.name for one in inactive)))
    return need


def _list_of(need: Need, basis: Basis) -> list[Message]:
    if basis in _ASKED:
        return need.asks
    if basis in _BLIND:
        return need.unseen
    return need.notes if basis in _OWN or basis in _SURE else need.doubts


def _row(device: Device) -> Activation | None:
    """The license of Windows itself that counts: the one in force first. Rows without a key are inert (case 51)."""
    rows = [
        row
        for row in device.activations
        if row.application_id == _APPLICATION
        and row.partial_key
        and not any(word in f"{row.name} {row.description}".casefold() for word in _EXTENDED_UPDATES)
    ]
    return min(rows, key=lambda row: (row.status != _LICENSED, row.activation_id), default=None)


def _came_with(row: Activation | None, edition: str) -> bool:
    """Whether the license in the firmware is of this edition, or of a higher one that is not Enterprise."""
    firmware = 0 if row is None else _rank(row.firmware_license)
    return firmware > 0 and firmware >= _rank(edition) > 0


def _rank(edition: str) -> int:
    plain = plain_text(edition)
    return next((rank for words, rank in _RANKS if any(word in plain for word in words)), 0)


def _has_subscriber(device: Device, edition: str, estate: Estate) -> bool:
    """Whether somebody who works here has Windows Enterprise by subscription, where that is what it takes."""
    if not device.virtual and _rank(edition) < _SUBSCRIBED:
        return False
    return any(CloudRight.WINDOWS_ENTERPRISE in user.rights for user in estate.owners.of(device).users)
