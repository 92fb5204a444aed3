"""What small companies really have, from what a machine tells to what is said: neither false alarms nor false calm.

Every test begins with snapshots and ends with the findings of the estate, as a run makes them.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from collectors.feeds.records import FeedRecords
from collectors.model import Application, FactKind, Gap, GapReason, HostSnapshot
from collectors.windows.facts import Activation, OfficeInstall, ProcessorTopology, UserProfile
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.model import Finding, Outcome
from rules.rights import Channel, Entitlement, Metric, SoftwareTerms
from rules.software.engine import SoftwareJudgement, judge_software, reduced
from rules.software.position import PositionLine, Status
from rules.software.tenant_rights import CloudRight, TenantRights
from tests.lab.holdings import NOW, TODAY, key, noted, person, profile, right, tenant
from tests.lab.windows_snapshots import click_to_run, windows_host

MICROSOFT = "Microsoft Corporation"
OFFICE_2019 = "office/home-and-business/2019"
OFFICE_2019_ROW = Application(
    name="Microsoft Office Famille et Petite Entreprise 2019 - fr-fr",
    version="16.0.19628.20214",
    scope="machine",
    publisher=MICROSOFT,
    code="HomeBusiness2019Retail - fr-fr",
)


def program(name: str, publisher: str = "", version: str = "1.0") -> Application:
    return Application(name=name, version=version, scope="machine", publisher=publisher)


def pc(
    name: str,
    *programs: Application,
    keys: Sequence[Activation] = (),
    office: Sequence[OfficeInstall] = (),
    profiles: Sequence[UserProfile] = (),
    virtual: bool = False,
    **changes: Any,
) -> HostSnapshot:
    """A workstation sold with Windows Pro, unless told otherwise."""
    made = windows_host(
        name,
        taken_at=NOW,
        activations=tuple(keys) or (key("OEM:DM", firmware="[4.0] Professional OEM:DM"),),
        office=tuple(office),
        profiles=tuple(profiles),
        processors=ProcessorTopology(sockets=1, cores=6, logical=12, virtual=virtual),
        **changes,
    )
    return replace(made, applications=programs)


def server(name: str, channel: str, *, cores: int = 8, edition: str = "ServerStandard") -> HostSnapshot:
    made = pc(name, keys=(key(channel),), kind="server", edition=edition, build="20348.1")
    assert made.windows is not None
    processors = ProcessorTopology(sockets=1, cores=cores, logical=2 * cores, virtual=False)
    return replace(made, windows=replace(made.windows, processors=processors))


def judged(
    snapshots: Sequence[HostSnapshot],
    rights: Sequence[Entitlement] | None = None,
    tenants: Sequence[TenantRights] = (),
    **terms: Any,
) -> SoftwareJudgement:
    contract = Contract(
        client="ACME", entitlements=None if rights is None else tuple(rights), software=SoftwareTerms(**terms)
    )
    knowledge = Knowledge.from_records(FeedRecords())
    judgement = judge_software([reduced(one) for one in snapshots], tenants, contract, knowledge, NOW)
    assert judgement.failures == ()
    return judgement


def line(judgement: SoftwareJudgement, name: str) -> PositionLine:
    assert judgement.summary is not None
    return next(one for one in judgement.summary.lines if one.key == name)


def failed(judgement: SoftwareJudgement) -> dict[str, Finding]:
    return {f"{one.rule}/{one.key}": one for one in judgement.findings if one.outcome is Outcome.FAIL}


def shop_pc(name: str = "pc01") -> HostSnapshot:
    """Office bought in a shop and activated with its own key."""
    office_key = Activation(
        activation_id="1",
        application_id="0ff1ce15-a989-479d-af46-f275c6370663",
        name="Office 19, Office19HomeBusiness2019R_Retail edition",
        status=1,
        partial_key="ABCDE",
        channel="Retail",
    )
    office = OfficeInstall(kind="click-to-run", version="16.0.19628.20214", products=("HomeBusiness2019Retail",))
    keys = (key("OEM:DM", firmware="[4.0] Professional OEM:DM"), office_key)
    return pc(name, OFFICE_2019_ROW, keys=keys, office=(office,))


@pytest.mark.parametrize(
    "written",
    [
        "Office Famille et Petite Entreprise 2019",
        "Office 2019 Famille et Petite Entreprise",
        "Microsoft Office Home and Business 2019",
        "MS Office 2019 Home & Business (OEM)",
    ],
)
def test_office_is_found_however_its_invoice_names_it(written: str) -> None:
    told = judged([shop_pc()], [right(written, 1)])
    assert (line(told, OFFICE_2019).status, line(told, OFFICE_2019).owned) == (Status.OK, 1)
    assert failed(told) == {}


def test_an_office_from_a_shop_without_a_row_is_a_question_and_no_deficit() -> None:
    told = judged([shop_pc()], [right("WinRAR", 1, id="other")])
    assert line(told, OFFICE_2019).status is Status.CHECK
    assert "keyed" in noted(line(told, OFFICE_2019))
    assert f"software.to_check/{OFFICE_2019}" in failed(told)
    assert not any(name.startswith(("software.no_entitlement", "software.under")) for name in failed(told))


def test_more_copies_from_a_shop_than_the_rows_name_are_a_deficit() -> None:
    told = judged([shop_pc(), shop_pc("pc02")], [right("Office Home and Business 2019", 1)])
    assert (line(told, OFFICE_2019).status, line(told, OFFICE_2019).gap) == (Status.UNDER, -1)


def test_case_45_a_volume_edition_without_its_right_stays_a_deficit() -> None:
    row = program("Microsoft Office Professionnel Plus 2019 - fr-fr", MICROSOFT)
    told = judged([pc("pc01", row, office=(click_to_run("16.0", products=("ProPlus2019Volume",)),))], [])
    assert line(told, "office/professional-plus/2019").status is Status.UNDER


def test_microsoft_365_seats_are_no_surplus_where_the_tenant_was_not_read() -> None:
    seats = right("Microsoft 365 Business Standard", 12, Metric.SUBSCRIPTION_SEAT, unit_price=Decimal(120), yearly=True)
    used = judged([pc("pc01", office=(click_to_run("16.0"),))], [seats])
    assert line(used, "microsoft-365-apps/business").status is Status.OK
    unused = judged([pc("pc01")], [seats, right("Exchange Online (Plan 1)", 3, Metric.USER)])
    assert unused.summary is not None
    assert "cloud_rights_unread" in noted(unused.summary)
    for told in (used, unused):
        assert failed(told) == {}


def test_a_server_sold_with_windows_is_covered_for_sixteen_cores() -> None:
    told = judged([server("srv", "OEM:SLP")], [])
    standard = line(told, "windows-server/standard/2022")
    assert (standard.status, standard.owned_oem, standard.required) == (Status.OK, 16, 16)
    large = line(judged([server("srv", "OEM:SLP", cores=24)], []), "windows-server/standard/2022")
    assert (large.status, large.required, large.gap) == (Status.CHECK, 24, -8)
    assert "server_oem_beyond" in noted(large)
    bought = line(judged([server("srv", "Volume:MAK")], []), "windows-server/standard/2022")
    assert (bought.status, bought.gap) == (Status.UNDER, -16)


def test_essentials_sold_with_the_server_needs_no_row() -> None:
    told = judged([server("srv", "OEM:SLP", edition="ServerSolution")], [])
    assert line(told, "windows-server/essentials/2022").status is Status.OK
    assert failed(told) == {}


def test_case_48_rows_about_licenses_that_came_with_machines_are_no_surplus() -> None:
    pcs = [pc(f"pc{number}") for number in range(3)]
    for bought in (right("Windows 11 Pro", 3, channel=Channel.OEM), right("Windows 11 Pro", 3)):
        told = line(judged(pcs, [bought]), "windows/pro")
        assert (told.status, told.owned, told.owned_oem, told.gap) == (Status.OK, 3, 3, 0)
    stickers = [*pcs, pc("old", keys=(key("Retail"),))]
    assert line(judged(stickers, [right("Windows 11 Pro", 1, channel=Channel.OEM)]), "windows/pro").status is Status.OK


def test_windows_bought_for_a_virtual_machine_is_a_question_about_its_invoice() -> None:
    mac = pc("mac", keys=(key("Retail"),), virtual=True)
    assert "windows_retail" in noted(line(judged([mac], []), "windows/pro"))
    assert line(judged([mac], [right("Windows 11 Pro", 1, channel=Channel.RETAIL)]), "windows/pro").status is Status.OK


def test_a_digital_license_without_a_row_is_a_question_and_not_software_nobody_bought() -> None:
    told = judged([pc("pc01", keys=(key("Retail"),))], [])
    assert list(failed(told)) == ["software.to_check/windows/pro"]


def test_the_trial_of_office_a_new_pc_comes_with_is_no_deficit() -> None:
    trial = pc(
        "pc01", office=(click_to_run("16.0", products=("O365HomePremRetail",)),), profiles=(profile("lbernard"),)
    )
    luc = tenant(person("lbernard"), managed={"pc01": "lbernard@example.com"})
    told = judged([trial], [], [luc])
    assert line(told, "microsoft-365-apps/personal-or-family").status is Status.CHECK
    assert not any(name.startswith("software.no_entitlement") for name in failed(told))


@pytest.mark.parametrize("folder", ["jdupont", "jdupont.CORP", "j.dupont", "JeanDupont", "jean.dupont"])
def test_people_are_known_by_the_folders_windows_makes_of_their_names(folder: str) -> None:
    jean = replace(person("jean.dupont", CloudRight.OFFICE), name="Jean Dupont")
    told = judged([pc("pc01", office=(click_to_run("16.0"),), profiles=(profile(folder),))], [], [tenant(jean)])
    assert line(told, "microsoft-365-apps/business").status is Status.OK


def test_an_administrator_who_signed_in_once_covers_nobody() -> None:
    people = (person("luc"), person("admin1", CloudRight.OFFICE))
    owned = tenant(*people, managed={"pc01": "luc@example.com"})
    office = (click_to_run("16.0"),)
    visited = judged([pc("pc01", office=office, profiles=(profile("luc"), profile("admin1", 40)))], [], [owned])
    assert line(visited, "microsoft-365-apps/business").status is Status.CHECK
    shared = judged([pc("pc01", office=office, profiles=(profile("luc", 40), profile("admin1")))], [], [owned])
    assert line(shared, "microsoft-365-apps/business").status is Status.OK


def test_some_people_without_a_license_are_a_deficit_of_what_others_have() -> None:
    people = (person("ann", CloudRight.OFFICE), person("bob"))
    owned = tenant(*people, managed={"pc01": "ann@example.com", "pc02": "bob@example.com"})
    office = (click_to_run("16.0"),)
    told = judged([pc("pc01", office=office), pc("pc02", office=office)], [], [owned])
    assert list(failed(told)) == ["software.under_licensed/microsoft-365-apps/business"]


@pytest.mark.parametrize(
    ("name", "publisher"),
    [
        ("TeamViewer Host", "TeamViewer"),
        ("TeamViewer QuickSupport", "TeamViewer"),
        ("VMware Tools", "VMware, Inc."),
        ("Adobe Acrobat Reader - Français", "Adobe"),
        ("Autodesk DWG TrueView 2024", "Autodesk"),
        ("Autodesk Inventor View 2025", "Autodesk"),
        ("Microsoft Visual C++ 2015-2022 Redistributable (x64) - 14.38.33130", MICROSOFT),
        ("Pilote graphique Intel(R)", "Intel Corporation"),
        ("McAfee WebAdvisor", "McAfee, LLC"),
        ("ABBYY FineReader for ScanSnap (TM) 5.5", "ABBYY"),
    ],
)
def test_what_needs_no_license_of_its_own_is_silent(name: str, publisher: str) -> None:
    assert failed(judged([pc("pc01", program(name, publisher))], [])) == {}


def test_the_64_bit_reader_is_a_question_and_no_deficit() -> None:
    told = judged([pc("pc01", program("Adobe Acrobat (64-bit)", "Adobe"))], [])
    assert list(failed(told)) == ["software.to_check/adobe-acrobat"]


def test_case_61_a_right_that_ended_is_told_as_a_deficit_and_not_as_unknown_to_all() -> None:
    pcs = [pc("pc01", program("AutoCAD LT 2024 - Français (French)", "Autodesk"), profiles=(profile("ann"),))]
    over = right("AutoCAD LT 2024", 1, Metric.NAMED_USER, end=TODAY - timedelta(days=1))
    to_come = right("AutoCAD LT 2024", 1, Metric.NAMED_USER, start=date(2026, 12, 1))
    assert "software.under_licensed/autocad-lt/2024" in failed(judged(pcs, [over]))
    told = judged(pcs, [to_come])
    assert "starts" in noted(line(told, "autocad-lt/2024"))
    assert list(failed(told)) == ["software.under_licensed/autocad-lt/2024"]


def test_programs_of_people_who_are_not_signed_in_prove_no_surplus() -> None:
    closed = Gap(kind=FactKind.USER_APPLICATIONS, collector="windows", reason=GapReason.MISSING, detail="not signed in")
    yearly = right("Zoom", 5, unit_price=Decimal(30), yearly=True)
    told = judged([pc("pc01", gaps=(closed,))], [yearly])
    assert (line(told, "zoom").status, line(told, "zoom").saving) == (Status.UNKNOWN, None)
    assert "software.surplus/zoom" not in failed(told)
    assert "software.surplus/zoom" in failed(judged([pc("pc01")], [yearly]))


def test_case_66_nothing_installed_is_not_said_of_machines_nobody_read() -> None:
    denied = Gap(kind=FactKind.APPLICATIONS, collector="windows", reason=GapReason.DENIED, detail="denied")
    told = judged([pc("pc01", gaps=(denied,))], [right("WinRAR", 5)])
    assert told.summary is not None
    assert [message.text for message in told.summary.idle] == ["software.idle.unproved"]
    assert failed(told) == {}


def test_case_70_rights_without_any_machine_are_unknown() -> None:
    told = judged([], [right("WinRAR", 5)])
    assert told.summary is not None
    assert (line(told, "winrar").status, told.summary.idle) == (Status.UNKNOWN, ())


def test_without_a_file_of_rights_nothing_fails() -> None:
    estate = [shop_pc(), server("srv", "Volume:MAK"), pc("pc02", program("WinRAR 7.13", "win.rar GmbH"))]
    assert failed(judged(estate)) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"channel": Channel.SUBSCRIPTION},
        {"metric": Metric.SUBSCRIPTION_SEAT},
        {"maintenance_end": TODAY + timedelta(days=40)},
        {"maintenance_end": date(2026, 1, 31)},
    ],
)
def test_a_subscription_or_maintenance_brings_the_versions_that_came_out_meanwhile(changes: dict[str, Any]) -> None:
    drawing = pc("pc01", program("AutoCAD LT 2026 - Français (French)", "Autodesk"), profiles=(profile("ann"),))
    bought = replace(right("AutoCAD LT 2024", 1, Metric.NAMED_USER), **changes)
    assert line(judged([drawing], [bought]), "autocad-lt/2026").status is Status.OK


def test_case_61_maintenance_that_ended_before_a_version_came_out_does_not_bring_it() -> None:
    drawing = pc("pc01", program("AutoCAD LT 2026 - Français (French)", "Autodesk"), profiles=(profile("ann"),))
    bought = right("AutoCAD LT 2023", 1, Metric.NAMED_USER, maintenance_end=date(2024, 6, 30))
    assert line(judged([drawing], [bought]), "autocad-lt/2026").status is Status.UNDER


def test_a_suite_is_not_taken_for_the_agent_that_bears_its_name() -> None:
    programs = (program("ESET Endpoint Security", "ESET"), program("ESET Management Agent", "ESET"))
    bought = right("ESET PROTECT Advanced", 1, unit_price=Decimal(30), yearly=True)
    told = judged([pc("pc01", *programs)], [bought])
    assert line(told, "eset-endpoint").status is Status.OK
    assert failed(told) == {}
