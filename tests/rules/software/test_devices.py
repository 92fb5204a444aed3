"""Which visits are of one machine (case 65), and what a device keeps of a snapshot."""

from dataclasses import replace

import pytest

from collectors.model import FactKind, Gap, GapReason
from collectors.windows.facts import ProcessorTopology
from rules.rights import SoftwareTerms
from rules.software.devices import clones, device_of, merged
from rules.software.identity import may_be_one, short_name, usable_identity, usable_serial
from tests.lab.holdings import device, machines, unreached
from tests.lab.windows_snapshots import windows_host

UUID = "4c4c4544-0042-3510-8052-b4c04f384e32"
OTHER = "8f2d1c7a-55e0-4b7d-9a3e-0b6c2d1e4f55"
PLAIN, TERMS = UUID.replace("-", ""), SoftwareTerms()


def names(devices):
    return [one.name for one in devices]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "To be filled by O.E.M.",
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "11111111-1111-1111-1111-111111111111",
        "03000200-0400-0500-0006-000700080009",
        "12345678-1234-5678-90AB-CDDEEFAABBCC",
        "not a uuid",
    ],
)
def test_case_65_what_many_boards_share_identifies_nothing(value):
    assert usable_identity(value) == ""


def test_case_65_a_uuid_is_compared_without_its_spelling():
    assert usable_identity(f"{{{UUID.upper()}}}") == usable_identity(PLAIN) == PLAIN


@pytest.mark.parametrize(
    "value", ["", "System Serial Number", "To Be Filled By O.E.M.", "0000000", "Default string", "N/A"]
)
def test_case_65_words_in_place_of_a_serial_number_are_none(value):
    assert usable_serial(value) == ""


def test_case_65_short_and_complete_names_of_one_domain_are_one_machine():
    assert may_be_one(["PC01"], ["pc01.contoso.local."])
    assert not may_be_one(["pc01.a.local"], ["pc01.b.local"])
    assert not may_be_one(["10.0.0.1"], ["10.0.0.2"])
    assert (short_name("10.0.0.5"), short_name("fe80::1"), short_name("PC01.contoso.local")) == ("", "", "pc01")


def test_case_65_one_machine_under_two_names_is_one():
    by_name = device("pc01", identity=PLAIN)
    by_address = device("10.0.0.5", identity=PLAIN, hostname="PC01.contoso.local", aliases=("PC01.contoso.local",))
    (one,) = merged([by_name, by_address], TERMS)
    assert {"10.0.0.5", "PC01.contoso.local", "pc01"} <= set(one.names)


def test_case_65_a_machine_that_was_renamed_is_one_and_its_new_visit_speaks():
    before = device("old-name", identity=PLAIN, days_ago=31)
    after = device("new-name", identity=PLAIN)
    assert names(merged([before, after], TERMS)) == ["new-name"]


def test_case_65_clones_seen_in_one_run_stay_two_and_are_told():
    both = merged([device("vm1", identity=PLAIN), device("vm2", identity=PLAIN)], TERMS)
    assert names(both) == ["vm1", "vm2"]
    assert clones(both) == (("vm1", "vm2"),)


def test_case_65_one_name_on_two_boards_is_two_machines():
    both = [device("pc01", identity=PLAIN), device("pc01.contoso.local", identity=OTHER.replace("-", ""))]
    assert len(merged(both, TERMS)) == 2


def test_case_65_a_machine_that_was_not_reached_is_the_one_of_its_name():
    (one,) = merged([unreached("pc01.contoso.local"), device("pc01", identity=PLAIN)], TERMS)
    assert (one.name, one.reached) == ("pc01", True)


def test_case_65_a_name_that_two_machines_bear_is_added_to_neither():
    found = merged(
        [unreached("pc01"), device("a", aliases=("pc01.a.local",)), device("b", aliases=("pc01.b.local",))], TERMS
    )
    assert names(found) == ["a", "b", "pc01"]


def test_a_complete_visit_speaks_before_a_blind_one():
    blind = device("pc01", identity=PLAIN, unread=frozenset({FactKind.APPLICATIONS}))
    whole = device("pc01.contoso.local", identity=PLAIN, hostname="pc01")
    assert names(merged([blind, whole], TERMS)) == ["pc01.contoso.local"]


@pytest.mark.parametrize("name", ["pc02", "PC02.contoso.local", UUID])
def test_case_64_a_retired_machine_is_left_out_by_name_or_uuid(name):
    pcs = [device("pc01"), device("pc02", identity=PLAIN)]
    assert names(merged(pcs, SoftwareTerms(retired=(name,)))) == ["pc01"]


def test_merging_twice_changes_nothing_and_order_does_not_matter():
    visits = [
        *machines(3),
        device("pc01.contoso.local", identity=PLAIN, hostname="pc01"),
        unreached("pc02.contoso.local"),
        device("vm", identity=OTHER.replace("-", "")),
        device("vm-old", identity=OTHER.replace("-", ""), days_ago=40),
    ]
    once = merged(visits, TERMS)
    assert merged(once, TERMS) == once == merged(reversed(visits), TERMS)


def test_a_device_keeps_what_the_position_asks_and_no_more():
    snapshot = windows_host(
        "srv",
        build="20348.2700",
        kind="server",
        processors=ProcessorTopology(sockets=1, cores=4, logical=8, virtual=True, hypervisor_host="HV01"),
        gaps=(Gap(kind=FactKind.USER_APPLICATIONS, collector="x", reason=GapReason.MISSING, detail="signed out"),),
    )
    system = replace(snapshot.operating_system, machine_id=UUID)
    kept = device_of(replace(snapshot, operating_system=system), old=True)
    assert (kept.server, kept.virtual, kept.host, kept.identity, kept.old) == (True, True, "HV01", PLAIN, True)
    assert kept.tells("office")
    assert [(one.product.id, one.edition, one.version) for one in kept.installs] == [
        ("windows-server", "Standard", "2022")
    ]


def test_a_machine_that_was_not_reached_tells_nothing():
    gap = Gap(kind=FactKind.HOST, collector="winrm", reason=GapReason.UNREACHABLE, detail="no route")
    kept = device_of(replace(windows_host(), operating_system=None, windows=None, gaps=(gap,)))
    assert not kept.reached
    assert not kept.tells("office")
    assert not kept.installs


def test_an_area_that_was_not_read_hides_its_own_products_only():
    kept = device("srv", unread=frozenset({FactKind.SQL_SERVER, FactKind.OFFICE}))
    assert [kept.tells(product) for product in ("sql-server", "office", "winrar", "windows")] == [
        False,
        False,
        True,
        True,
    ]
