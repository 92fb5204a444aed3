"""Windows on workstations: OEM, KMS, activation trouble, inert rows, virtual machines (cases 48 to 51)."""

import pytest

from collectors.model import FactKind
from rules.rights import Channel
from rules.software.position import Status
from rules.software.tenant_rights import CloudRight
from tests.lab.holdings import device, key, line, machines, noted, person, position, right, tenant, windows

PRO = "windows/pro"


def workstations(count, *keys, edition="Pro", **changes):
    return machines(count, windows(edition), activations=tuple(keys), **changes)


@pytest.mark.parametrize("rights", [None, []], ids=["no file", "no rows"])
def test_case_48_oem_everywhere_is_in_order_through_the_hardware(rights):
    told = line(position(workstations(24, key("OEM:DM")), rights), PRO)
    assert (told.status, told.owned, told.owned_oem, told.required, told.gap) == (Status.OK, 24, 24, 24, 0)
    assert "windows_hardware" in noted(told)


def test_case_48_a_firmware_license_covers_its_edition_and_lower_ones_only():
    same = key("Retail", firmware="[4.0] Professional OEM:DM")
    lower = key("Retail", firmware="[4.0] Core OEM:DM")
    covered = line(position(workstations(1, same), []), PRO)
    upgraded = line(position(workstations(1, lower), []), PRO)
    assert covered.status is Status.OK
    assert (upgraded.status, upgraded.owned_oem) == (Status.CHECK, 0)
    assert "windows_retail" in noted(upgraded)


def test_case_49_a_public_kms_host_is_a_question_whatever_was_bought():
    pirate = key("Volume:GVLK", kms_host="kms.example-activator.com")
    bought = right("windows", 3, edition="Pro", channel=Channel.VOLUME)
    told = line(position(workstations(3, pirate), [bought]), PRO)
    assert told.status is Status.CHECK
    assert "windows_external_kms" in noted(told)


def test_case_49_own_kms_without_a_volume_contract_is_under_licensed():
    own = key("Volume:GVLK", kms_host="kms.contoso.local:1688")
    directory = key("Volume:GVLK")
    for row in (own, directory):
        told = line(position(workstations(5, row), []), PRO)
        assert (told.status, told.gap) == (Status.UNDER, -5)
    bought = right("windows", 5, edition="Pro", channel=Channel.VOLUME)
    assert line(position(workstations(5, own), [bought]), PRO).status is Status.OK


def test_case_49_a_volume_key_on_a_machine_that_came_with_windows_is_a_question():
    row = key("Volume:MAK", firmware="[4.0] Professional OEM:DM")
    told = line(position(workstations(2, row), []), PRO)
    assert told.status is Status.CHECK
    assert "windows_volume_on_hardware" in noted(told)


@pytest.mark.parametrize("status", [0, 2, 3, 4, 5, 6])
def test_case_50_what_is_not_activated_is_no_deficit(status):
    oem = line(position(workstations(2, key("OEM:DM", status=status)), []), PRO)
    retail = line(position(workstations(2, key("Retail", status=status)), []), PRO)
    volume = line(position(workstations(2, key("Volume:MAK", status=status)), []), PRO)
    assert oem.status is Status.OK
    assert (retail.status, volume.status) == (Status.CHECK, Status.CHECK)
    assert all("windows_inactive" in noted(told) for told in (oem, retail, volume))


def test_case_51_rows_without_a_partial_key_are_ignored():
    inert = key("Volume:GVLK", status=0, partial_key="", kms_host="kms.example-activator.com")
    told = line(position(workstations(1, inert, key("OEM:DM")), []), PRO)
    assert told.status is Status.OK


def test_an_activation_nobody_could_read_is_unknown_and_never_in_order():
    told = line(position(workstations(2, unread=frozenset({FactKind.ACTIVATION})), []), PRO)
    assert told.status is Status.UNKNOWN
    assert "windows_unread" in noted(told)


def test_a_virtual_workstation_is_not_covered_by_any_hardware():
    told = line(position(workstations(1, key("OEM:DM"), virtual=True), []), PRO)
    assert told.status is Status.CHECK
    assert "windows_virtual" in noted(told)


def test_enterprise_is_covered_by_the_subscription_of_who_works_there():
    pc = device("pc01", windows("Enterprise"), activations=(key("Volume:GVLK"),))
    owner = {"managed": {"pc01": "ann@example.com"}}
    holder = tenant(person("ann", CloudRight.WINDOWS_ENTERPRISE), **owner)
    other = tenant(person("ann", CloudRight.WINDOWS_BUSINESS), **owner)
    assert line(position([pc], [], tenants=[holder]), "windows/enterprise").status is Status.OK
    assert line(position([pc], [], tenants=[other]), "windows/enterprise").status is Status.UNDER


def test_a_license_of_windows_10_runs_windows_11():
    bought = right("Windows 10", 2, edition="Professionnel", version="10", channel=Channel.VOLUME)
    told = line(position(workstations(2, key("Volume:MAK")), [bought]), PRO)
    assert (told.status, told.owned) == (Status.OK, 2)
