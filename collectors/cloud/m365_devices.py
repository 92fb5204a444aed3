"""Devices that Intune manages. Asked of tenants that own Intune; those that do not have none.

Source: https://learn.microsoft.com/graph/api/intune-devices-manageddevice-list
"""

import msgspec

from collectors.cloud.facts import ManagedDevice, TenantFact
from collectors.cloud.graph import GraphClient
from collectors.cloud.intune import PERMISSION, owned
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.reading import Entry, guid, moment, needed, read_listing, word

_SELECT = (
    "id,deviceName,operatingSystem,osVersion,userPrincipalName,userId,lastSyncDateTime,complianceState,"
    "managedDeviceOwnerType,enrolledDateTime,serialNumber,azureADDeviceId"
)
_NO_ID = "00000000-0000-0000-0000-000000000000"


class _Device(Entry):
    id: str | None = None
    device_name: str | None = None
    operating_system: str | None = None
    os_version: str | None = None
    user_principal_name: str | None = None
    user_id: str | None = None
    last_sync_date_time: str | None = None
    compliance_state: str | None = None
    managed_device_owner_type: str | None = None
    enrolled_date_time: str | None = None
    serial_number: str | None = None
    azure_ad_device_id: str | None = msgspec.field(name="azureADDeviceId", default=None)


def ask(client: GraphClient, _asked: Asked) -> TenantPart:
    """Ask for all devices."""
    pages = client.pages("/deviceManagement/managedDevices", {"$select": _SELECT}, page_sizes=(999, 100))
    listing = read_listing(QUESTION, TenantFact.DEVICES, pages, _Device, _device, key=lambda one: one.id)
    return TenantPart(devices=listing.rows, gaps=listing.gaps)


def _device(entry: _Device) -> ManagedDevice:
    entra_id = guid(entry.azure_ad_device_id)
    return ManagedDevice(
        id=guid(needed(entry.id, "id")),
        name=entry.device_name or "",
        system=word(entry.operating_system),
        version=word(entry.os_version),
        user_id=guid(entry.user_id),
        upn=(entry.user_principal_name or "").strip(),
        serial=(entry.serial_number or "").strip(),
        entra_id="" if entra_id == _NO_ID else entra_id,
        owner=word(entry.managed_device_owner_type),
        compliance=word(entry.compliance_state),
        synced_at=moment(entry.last_sync_date_time),
        enrolled_at=moment(entry.enrolled_date_time),
    )


QUESTION = TenantQuestion(
    name="devices",
    kinds=(TenantFact.DEVICES,),
    permissions=(PERMISSION,),
    ask=ask,
    applies=owned,
    order=70,
)
