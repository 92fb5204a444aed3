"""Intune's devices and applications."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from collectors.cloud import m365_detected_apps, m365_devices
from collectors.cloud.facts import DetectedApp, ManagedDevice, ServicePlan, SubscribedSku
from collectors.errors import PermissionMissing
from tests.collectors.cloud.answered import ASKED, GRANTED, SPB, Wire, ask, client, refusal, rows

DEVICES, APPS = "/deviceManagement/managedDevices", "/deviceManagement/detectedApps"


def test_a_device_with_everything():
    told = {
        "id": "5B3A",
        "deviceName": "PC-ALICE",
        "operatingSystem": "Windows",
        "osVersion": "10.0.22631.4602",
        "userPrincipalName": "alice@contoso.com",
        "userId": "AA",
        "lastSyncDateTime": "2026-01-14T06:00:00Z",
        "complianceState": "compliant",
        "managedDeviceOwnerType": "company",
        "enrolledDateTime": "0001-01-01T00:00:00Z",
        "serialNumber": "ABC123",
        "azureADDeviceId": "BB",
    }
    part = ask(m365_devices.QUESTION, {DEVICES: rows(told)})
    assert part.devices == (
        ManagedDevice(
            id="5b3a",
            name="PC-ALICE",
            system="Windows",
            version="10.0.22631.4602",
            user_id="aa",
            upn="alice@contoso.com",
            serial="ABC123",
            entra_id="bb",
            owner="company",
            compliance="compliant",
            synced_at=datetime(2026, 1, 14, 6, tzinfo=UTC),
        ),
    )


def test_a_device_that_is_not_in_entra_has_no_id_there():
    told = {"id": "a", "azureADDeviceId": "00000000-0000-0000-0000-000000000000"}
    assert ask(m365_devices.QUESTION, {DEVICES: rows(told)}).devices == (ManagedDevice(id="a", name=""),)


def test_applications_and_on_how_many_devices():
    told = {"id": "1", "displayName": "7-Zip ", "version": "24.08", "deviceCount": 3, "publisher": "Igor Pavlov"}
    part = ask(
        m365_detected_apps.QUESTION, {APPS: rows(told, told | {"deviceCount": None}, told | {"displayName": ""})}
    )
    assert part.detected_apps == (DetectedApp(name="7-Zip", version="24.08", devices=3, publisher="Igor Pavlov"),)
    assert "2 of 3" in part.gaps[0].detail


@pytest.mark.parametrize("question", [m365_devices.QUESTION, m365_detected_apps.QUESTION])
@pytest.mark.parametrize(
    ("plan", "asked"),
    [("INTUNE_A", True), ("INTUNE_SMBIZ ", True), ("INTUNE_O365", False), ("EXCHANGE_S_STANDARD", False)],
)
def test_intune_is_asked_of_those_who_own_it(question, plan, asked):
    """Basic Mobility comes with every Office plan and manages no device here."""
    owned = SubscribedSku(sku_id=SPB, part_number="SPB", plans=(ServicePlan(id="1", name=plan),))
    assert question.applies(replace(ASKED, skus=(owned,))) is asked
    assert question.applies(ASKED)  # nobody knows


def test_without_the_permission_it_is_named():
    wire = Wire({DEVICES: refusal(403, "Forbidden")})
    lacking = GRANTED - {"DeviceManagementManagedDevices.Read.All"}
    with pytest.raises(PermissionMissing) as caught:
        m365_devices.QUESTION.ask(client(wire, granted=lacking), ASKED)
    assert caught.value.permission == "DeviceManagementManagedDevices.Read.All"
