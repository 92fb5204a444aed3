"""Recognition of products on a machine: ids before names, rows folded, editions told apart, the rest listed."""

from typing import Any

import pytest

from collectors.model import Application, PackageScheme
from collectors.windows.facts import Activation, OfficeInstall, SqlInstance, UserProfile
from rules.products import LicenseKind, product_named, products
from rules.rights import Channel, Metric
from rules.software.office_ids import click_to_run, product_code
from rules.software.recognition import Install, Recognition, recognized
from tests.lab.snapshots import deb, debian_host
from tests.rules.checks.windows_estate import WINDOWS, program, server_host, windows_host

OFFICE = "0ff1ce15-a989-479d-af46-f275c6370663"
MICROSOFT = "Microsoft Corporation"


def _office(*products: str, version: str = "16.0.19628.20214", **changes: Any) -> OfficeInstall:
    return OfficeInstall(kind="click-to-run", version=version, products=products, **changes)


def _on(*rows: Application, **facts: Any) -> Recognition:
    return recognized(windows_host(applications=rows, **facts))


def _told(found: Recognition) -> list[tuple[str, str, str]]:
    """Everything but Windows itself, as (product, edition, version)."""
    return [(one.product.id, one.edition, one.version) for one in found.installs if one.product.id != "windows"]


def _only(found: Recognition) -> Install:
    (one,) = (install for install in found.installs if install.product.id != "windows")
    return one


def test_case_43_languages_of_one_office_are_one_install():
    rows = [
        program(f"Microsoft 365 Apps for business - {culture}", "16.0.1") for culture in ("fr-fr", "en-us", "de-de")
    ]
    assert _told(_on(*rows)) == [("microsoft-365-apps", "Business", "")]
    found = _on(*rows, office=(_office("O365BusinessRetail"),))
    assert _told(found) == [("microsoft-365-apps", "Business", "")]
    assert (_only(found).channel, _only(found).rows) == (Channel.SUBSCRIPTION, ("O365BusinessRetail",))


def test_case_43_ids_go_before_names_whatever_the_names_say():
    row = program("Microsoft 365 - fr-fr", "16.0.1", MICROSOFT, code="O365ProPlusRetail - fr-fr")
    assert _told(_on(row)) == [("microsoft-365-apps", "Enterprise", "")]
    renamed = program("Microsoft 365 - fr-fr", "16.0.1", MICROSOFT)
    assert _told(_on(renamed, office=(_office("O365ProPlusRetail"),))) == [("microsoft-365-apps", "Enterprise", "")]


def test_case_44_a_subscription_and_a_volume_office_are_two_products():
    found = _on(office=(_office("O365BusinessRetail", "ProPlus2019Volume"),))
    assert _told(found) == [("microsoft-365-apps", "Business", ""), ("office", "Professional Plus", "2019")]
    assert [one.channel for one in found.installs[1:]] == [Channel.SUBSCRIPTION, Channel.VOLUME]


def test_case_45_editions_are_told_apart_in_french_as_in_english():
    rows = [
        program("Microsoft Office Professionnel Plus 2019 - fr-fr", "16.0.1", MICROSOFT),
        program("Microsoft Office Standard 2019 - en-us", "16.0.1", MICROSOFT),
    ]
    assert _told(_on(*rows)) == [("office", "Professional Plus", "2019"), ("office", "Standard", "2019")]


@pytest.mark.parametrize(
    ("identity", "product", "edition", "version", "channel"),
    [
        ("O365BusinessRetail", "microsoft-365-apps", "Business", "", Channel.SUBSCRIPTION),
        ("O365BusinessEEANoTeamsRetail", "microsoft-365-apps", "Business", "", Channel.SUBSCRIPTION),
        ("O365ProPlusRetail", "microsoft-365-apps", "Enterprise", "", Channel.SUBSCRIPTION),
        ("O365HomePremRetail", "microsoft-365-apps", "Personal or Family", "", Channel.SUBSCRIPTION),
        ("HomeBusiness2021Retail", "office", "Home and Business", "2021", Channel.RETAIL),
        ("HomeBusinessRetail", "office", "Home and Business", "2016", Channel.RETAIL),
        ("Home2024Retail", "office", "Home", "2024", Channel.RETAIL),
        ("ProPlus2021Volume", "office", "Professional Plus", "2021", Channel.VOLUME),
        ("ProPlusSPLA2021Volume", "office", "Professional Plus", "2021", Channel.SPLA),
        ("VisioPro2021Volume", "visio", "Professional", "2021", Channel.VOLUME),
        ("VisioProXVolume", "visio", "Professional", "2016", Channel.VOLUME),
        ("VisioProRetail", "visio", "Professional", "", Channel.UNKNOWN),  # of 2016, or of Visio Plan 2
        ("ProjectStd2019Retail", "project", "Standard", "2019", Channel.RETAIL),
        ("Access2021Volume", "access", "", "2021", Channel.VOLUME),
        ("SkypeforBusinessEntry2019Retail", "skype-for-business", "Basic", "2019", Channel.RETAIL),
    ],
)
def test_click_to_run_ids_tell_product_edition_version_and_channel(identity, product, edition, version, channel):
    found = click_to_run(identity, "16.0.19628.20214")
    assert found is not None
    assert found.product is not None
    assert (found.product.id, found.edition, found.version, found.channel) == (product, edition, version, channel)


def test_a_language_of_office_is_no_product_and_an_unknown_id_is_listed():
    assert _told(_on(office=(_office("LanguagePack"),))) == []
    found = _on(office=(_office("Holographic2031Retail"),))
    assert [(one.name, one.publisher) for one in found.unrecognized] == [("Holographic2031Retail", "Microsoft")]


@pytest.mark.parametrize(
    ("code", "product", "edition", "version", "channel"),
    [
        ("{90160000-0011-0000-1000-0000000FF1CE}", "office", "Professional Plus", "2016", Channel.VOLUME),
        ("{91150000-0012-0000-0000-0000000FF1CE}", "office", "Standard", "2013", Channel.UNKNOWN),
        ("{90140000-003D-0000-0000-0000000FF1CE}", "office", "", "2010", Channel.VOLUME),
        ("{90120000-0013-0000-0000-0000000FF1CE}", "office", "Basic", "2007", Channel.VOLUME),
        ("{90160000-003B-0000-1000-0000000FF1CE}", "project", "Professional", "2016", Channel.VOLUME),
        ("{90160000-0051-0000-1000-0000000FF1CE}", "visio", "Professional", "2016", Channel.VOLUME),
    ],
)
def test_msi_product_codes_tell_product_edition_and_version(code, product, edition, version, channel):
    found = product_code(code)
    assert found is not None
    assert found.product is not None
    assert (found.product.id, found.edition, found.version, found.channel) == (product, edition, version, channel)


def test_language_rows_of_an_msi_office_share_the_family_and_count_nothing():
    base = "{90160000-0011-0000-1000-0000000FF1CE}"
    rows = [
        program("Microsoft Office Professionnel Plus 2016", "16.0.4266.1001", MICROSOFT, code="Office16.PROPLUS"),
        program("Microsoft Office Professional Plus 2016", "16.0.4266.1001", MICROSOFT, code=base),
        program("Microsoft Word MUI (French) 2016", "1", MICROSOFT, code="{90160000-001B-040C-1000-0000000FF1CE}"),
        program("Microsoft Office Proof (English) 2016", "1", MICROSOFT, code="{90160000-001F-0409-1000-0000000FF1CE}"),
        program("Security Update for Microsoft Word 2016 (KB5002600) 64-Bit Edition", "", "Microsoft"),
    ]
    found = _on(*rows, office=(OfficeInstall(kind="msi", version="16.0.4266.1001", product_codes=(base,)),))
    assert _told(found) == [("office", "Professional Plus", "2016")]
    assert found.unrecognized == ()


def test_a_code_without_edition_is_the_copy_whose_row_names_one():
    row = program(
        "Microsoft Office Famille et Petite Entreprise 2010", "14.0.7015", MICROSOFT, code="Office14.SingleImage"
    )
    codes = ("{90140000-003D-0000-0000-0000000FF1CE}",)
    found = _on(row, office=(OfficeInstall(kind="msi", version="14.0.7015.1000", product_codes=codes),))
    assert _told(found) == [("office", "Home and Business", "2010")]


def test_case_47_the_key_in_use_tells_how_a_retail_office_was_sold():
    key = Activation(
        activation_id="1",
        application_id=OFFICE,
        name="Office 21, Office21HomeBusiness2021R_OEM_Perp edition",
        status=1,
        channel="OEM:NONSLP",
    )
    assert _only(_on(office=(_office("HomeBusiness2021Retail"),), activations=(key,))).channel is Channel.OEM
    assert _only(_on(office=(_office("HomeBusiness2019Retail"),), activations=(key,))).channel is Channel.RETAIL


def test_case_48_windows_is_told_by_build_and_edition_and_its_channel_by_the_key():
    keys = (
        Activation(
            activation_id="1",
            application_id=WINDOWS,
            name="Windows(R), ESU-Year1 add-on",
            status=1,
            channel="Volume:MAK",
        ),
        Activation(
            activation_id="2", application_id=WINDOWS, name="Windows(R), Professional", status=0, channel="Retail"
        ),
        Activation(
            activation_id="3", application_id=WINDOWS, name="Windows(R), Professional", status=1, channel="OEM:DM"
        ),
    )
    (windows,) = _on(activations=keys).installs
    assert (windows.product.id, windows.edition, windows.version) == ("windows", "Pro", "11")
    assert windows.channel is Channel.OEM


@pytest.mark.parametrize(
    ("build", "edition", "told", "version"),
    [
        (19045, "Core", "Home", "10"),
        (19045, "EnterpriseS", "Enterprise LTSC", "10"),
        (26100, "IoTEnterpriseS", "IoT Enterprise LTSC", "11"),
        (22631, "ProfessionalWorkstation", "Pro for Workstations", "11"),
        (22631, "Education", "Education", "11"),
        (9600, "Professional", "Pro", "8.1"),
        (7601, "Ultimate", "Ultimate", "7"),
        (26100, "CloudEdition", "", "11"),
    ],
)
def test_editions_of_windows(build, edition, told, version):
    (windows,) = recognized(windows_host(build=build, edition=edition)).installs
    assert (windows.product.id, windows.edition, windows.version) == ("windows", told, version)


@pytest.mark.parametrize(
    ("build", "edition", "told", "version"),
    [
        (20348, "ServerStandard", "Standard", "2022"),
        (26100, "ServerDatacenter", "Datacenter", "2025"),
        (17763, "ServerSolution", "Essentials", "2019"),
        (9600, "ServerStandard", "Standard", "2012 R2"),
        (25398, "ServerDatacenter", "Datacenter", "23H2"),
        (26100, "ServerTurbineCor", "Datacenter: Azure Edition", "2025"),
    ],
)
def test_editions_of_windows_server_which_shares_builds_with_clients(build, edition, told, version):
    (windows,) = recognized(server_host(build=build, edition=edition)).installs
    assert (windows.product.id, windows.edition, windows.version) == ("windows-server", told, version)
    assert (windows.product.metric, windows.license) == (Metric.CORE, LicenseKind.COMMERCIAL)


def test_case_57_sql_server_is_told_by_its_instances_never_by_its_rows():
    rows = [
        program("Microsoft SQL Server 2019 (64-bit)", "", MICROSOFT),
        program("SQL Server 2019 Database Engine Services", "15.0", MICROSOFT),
        program("Microsoft SQL Server 2012 Native Client", "11.0", MICROSOFT),
    ]
    assert _told(_on(*rows)) == []
    instances = (
        SqlInstance(name="MSSQLSERVER", version="15.0.4430.1", edition="Standard Edition (64-bit)"),
        SqlInstance(name="SAGE100", version="14.0.3500.1", edition="Express Edition (64-bit)"),
        SqlInstance(name="DEV", version="16.0.1000.6", edition="Developer Edition (64-bit)"),
        SqlInstance(name="MICROSOFT##WID", version="15.0.2000.5", edition=""),
        SqlInstance(name="CORE", version="13.0.6300.2", edition="Enterprise Edition: Core-based Licensing (64-bit)"),
    )
    found = [one for one in _on(*rows, sql_instances=instances).installs if one.product.id == "sql-server"]
    assert [(one.edition, one.version, one.license) for one in found] == [
        ("Standard", "2019", LicenseKind.COMMERCIAL),
        ("Express", "2017", LicenseKind.FREE),
        ("Developer", "2022", LicenseKind.FREE),
        ("Windows Internal Database", "2019", LicenseKind.PART),
        ("Enterprise", "2016", LicenseKind.COMMERCIAL),
    ]


@pytest.mark.parametrize(
    ("build", "release"), [("15.2.1748.39", "2019"), ("15.2.2562.17", "SE"), ("15.1.2507.6", "2016"), ("6.5.1", "")]
)
def test_exchange_is_told_by_its_program_file(build, release):
    found = _only(_on(exchange_version=build))
    assert (found.product.id, found.version) == ("exchange-server", release)


@pytest.mark.parametrize(
    ("name", "version", "paid"),
    [
        ("Java 8 Update 202 (64-bit)", "8.0.2020.8", False),
        ("Java 8 Update 211 (64-bit)", "8.0.2110.12", True),
        ("Java 7 Update 80", "7.0.800", False),
        ("Java(TM) SE Development Kit 11.0.21 (64-bit)", "11.0.21.0", True),
        ("Java(TM) SE Development Kit 17.0.12 (64-bit)", "17.0.12.0", False),
        ("Java(TM) SE Development Kit 17.0.13 (64-bit)", "17.0.13.0", True),
        ("Java(TM) SE Development Kit 21.0.5 (64-bit)", "21.0.5.0", False),
    ],
)
def test_case_63_oracles_java_needs_a_right_from_update_211_on(name, version, paid):
    assert _only(_on(program(name, version, "Oracle Corporation"))).license.is_paid is paid


@pytest.mark.parametrize(
    ("name", "publisher"),
    [
        ("Eclipse Temurin JRE with Hotspot 17.0.9+9 (x64)", "Eclipse Adoptium"),
        ("Amazon Corretto 8 (x64)", "Amazon"),
        ("Azul Zulu JDK 11.68.17 (11.0.21), 64-bit", "Azul Systems, Inc."),
    ],
)
def test_case_63_other_javas_are_free(name, publisher):
    assert _only(_on(program(name, "17.0.9", publisher))).license is LicenseKind.FREE


@pytest.mark.parametrize("name", ["TeamViewer", "WinRAR", "AnyDesk", "Docker Desktop", "Oracle Java"])
def test_case_63_what_is_free_for_private_use_only_needs_a_right_in_a_company(name):
    product = product_named(name)
    assert product is not None
    assert product.license.is_paid


def test_a_free_and_a_paid_copy_of_one_product_are_two_installs():
    rows = (program("Java 8 Update 202", "8.0.2020.8", "Oracle"), program("Java 8 Update 441", "8.0.4410.7", "Oracle"))
    assert [one.license for one in _on(*rows).installs[1:]] == [LicenseKind.FREE, LicenseKind.BUSINESS]


def test_32_and_64_bits_of_one_program_are_one_install():
    rows = (program("WinRAR 7.13 (64-bit)", "7.13.0"), program("WinRAR 7.13 (32-bit)", "7.13.0", architecture="x86"))
    found = _only(_on(*rows))
    assert found.rows == ("WinRAR 7.13 (64-bit)", "WinRAR 7.13 (32-bit)")


def test_copies_for_single_users_are_told_with_their_users():
    sid = "S-1-5-21-1-2-3-1001"
    rows = [
        program("AnyDesk", "8.0", scope="user", user=sid),
        program("AnyDesk", "8.1", scope="user", user="S-1-5-21-1-2-3-1002"),
        program("RustDesk", "1.4", scope="user", user=sid),
        program("RustDesk", "1.4"),
    ]
    found = _on(*rows, profiles=(UserProfile(sid=sid, name="alice", hive_loaded=True),))
    users = {one.product.id: one.users for one in found.installs}
    assert users["anydesk"] == ("S-1-5-21-1-2-3-1002", "alice")
    assert users["rustdesk"] == ()  # there for everybody


def test_a_right_is_sold_under_one_name_whatever_advisories_call_the_releases():
    rows = [
        program("Visual Studio Professional 2022", "17.8.3", MICROSOFT),
        program("Visual Studio Community 2019", "16.11.33920.267", MICROSOFT),
        program("Java(TM) SE Development Kit 11.0.21 (64-bit)", "11.0.21.0", "Oracle Corporation"),
    ]
    found = _on(*rows)
    assert _told(found)[:2] == [("visual-studio", "Professional", "2022"), ("visual-studio", "Community", "2019")]
    assert [one.license.value for one in found.installs[1:]] == ["commercial", "unclear", "business"]
    assert found.installs[-1].product.id == "oracle-java"


def test_what_one_name_does_not_tell_is_for_a_person_to_look_at():
    """The 64-bit Reader is listed as "Adobe Acrobat (64-bit)", like the paid program."""
    assert _only(_on(program("Adobe Acrobat (64-bit)", "24.002", "Adobe"))).license is LicenseKind.UNCLEAR
    assert _only(_on(program("Adobe Acrobat XI Pro", "11.0.23", "Adobe"))).license is LicenseKind.COMMERCIAL
    assert _only(_on(program("Adobe Acrobat 2020", "20.005", "Adobe"))).license is LicenseKind.COMMERCIAL


def test_case_66_the_version_rights_speak_of_is_told_and_no_other():
    rows = [
        program("AutoCAD LT 2024 - Français (French)", "31.0.47.0", "Autodesk"),
        program("TeamViewer", "15.50.5", "TeamViewer"),
        program("Foxit PDF Editor", "13.0.1", "Foxit Software Inc."),
        program("Adobe Photoshop CC 2019", "20.0.10", "Adobe Systems Incorporated"),
    ]
    assert [version for _, _, version in _told(_on(*rows))] == ["2024", "15", "", "2019"]


def test_software_nobody_knows_is_listed_once_and_never_ignored():
    rows = [
        program("Logiciel métier ACME 4.2 (x64)", "4.2", "ACME SARL"),
        program("Logiciel métier ACME 4.2 (x86)", "4.2", "ACME SARL", architecture="x86"),
        program("Outil sans éditeur", "1.0"),
    ]
    found = _on(*rows)
    assert [(one.name, one.publisher, one.version) for one in found.unrecognized] == [
        ("Logiciel métier ACME", "ACME SARL", "4.2"),
        ("Outil sans éditeur", "", "1.0"),
    ]


@pytest.mark.parametrize(
    ("name", "publisher"),
    [
        ("NVIDIA Pilote graphique 582.16", "NVIDIA Corporation"),
        ("HP Support Assistant", "HP Inc."),
        ("Mise à jour pour Logiciel ACME (KB1234567)", "ACME SARL"),
        ("Module linguistique ACME - Français", "ACME SARL"),
        ("ACME Runtime", "ACME SARL"),
        ("Moteur d'exécution ACME", "ACME SARL"),
        ("Lenovo Vantage Service", ""),
        ("Windows Driver Package - FTDI", "FTDI"),
    ],
)
def test_drivers_updates_languages_and_runtimes_are_no_software_to_license(name, publisher):
    found = _on(program(name, "1.0", publisher))
    assert (_told(found), found.unrecognized) == ([], ())


def test_rows_windows_hides_and_store_apps_are_left_out():
    rows = (program("TeamViewer", "15", noise=True), program("TeamViewer", "15", scope="appx"))
    assert (_told(_on(*rows)), _on(*rows).unrecognized) == ([], ())


def test_a_machine_that_was_not_read_runs_nothing_that_is_known():
    assert recognized(debian_host(packages={"bash": "5"})) == Recognition()


def test_on_linux_only_oracles_own_packages_of_java_are_certain():
    packages = (
        deb("openjdk-21-jdk", "21.0.5+11-1"),
        deb("jdk-21", "21.0.13-ga"),
        deb("jdk-17", "17.0.9-ga"),
    )
    made = debian_host(packages=packages)
    assert [(one.product.id, one.rows, one.license.value) for one in recognized(made).installs] == [
        ("oracle-java", ("jdk-21",), "business"),
        ("oracle-java", ("jdk-17",), "free"),
    ]
    assert all(package.scheme is PackageScheme.DEB for package in made.packages)


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("office", "office"),
        ("MICROSOFT OFFICE", "office"),
        ("Microsoft Office Professionnel Plus 2019", "office"),
        ("EBP Comptabilite", "ebp-compta"),
        ("ebp comptabilité", "ebp-compta"),
        ("CAL RDS", "rds-cal"),
        ("Licence d'acces client Windows Server", "windows-server-cal"),
        ("Windows Server 2022 Standard", "windows-server"),
        ("Windows 11 Professionnel", "windows"),
        ("SQL Server 2019 Standard", "sql-server"),
        ("  WithSecure™   Elements ", "withsecure"),
        ("Sage 100", "sage-100"),
        ("Creative Cloud All Apps", "adobe-creative-cloud-all"),
        ("Creative Cloud", "adobe-creative-cloud-all"),
        ("Office Standard 2019", "office"),
        ("Office 2021 Famille et Petite Entreprise (boîte)", "office"),
        ("Office LTSC 2021 Standard", "office"),
        ("Office Pro Plus 2019", "office"),
        ("MS Project Professionnel 2021", "project"),
        ("Visio Pro 2021", "visio"),
        ("Access 2019", "access"),
        ("Windows Pro", "windows"),
        ("Windows Serveur 2022 Standard", "windows-server"),
        ("SQL Server Standard 2019", "sql-server"),
        ("Acrobat Pro DC", "adobe-acrobat"),
        ("Acrobat Standard 2020", "adobe-acrobat"),
        ("Photoshop CC", "adobe-photoshop"),
        ("TeamViewer Business", "teamviewer"),
        ("Antidote 11", "antidote"),
        ("FileMaker Pro 19", "filemaker-pro"),
        ("CAL utilisateur Windows Server 2022", "windows-server-cal"),
        ("CAL RDS 2022", "rds-cal"),
        ("Microsoft 365 Business Premium", "microsoft-365-apps"),
        ("Office 365 E3", "microsoft-365-apps"),
    ],
)
def test_a_product_is_found_by_what_people_call_it(text, identity):
    found = product_named(text)
    assert found is not None
    assert found.id == identity


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "Logiciel métier ACME",
        "*",
        "Pro",
        "50",
        "365",
        "Office métier",
        "Acrobat Dupont",
        "Gestion ACME 2024",
    ],
)
def test_what_nobody_sells_is_no_product(text):
    assert product_named(text) is None


def test_ids_names_and_aliases_mean_one_product_each():
    from rules.products import plain_text

    owners: dict[str, set[str]] = {}
    for product in products():
        for name in {product.id, product.name, *product.aliases}:
            owners.setdefault(plain_text(name), set()).add(product.id)
    assert {name: ids for name, ids in owners.items() if len(ids) > 1} == {}


def test_editions_that_ids_name_are_editions_of_the_table():
    for product in products():
        named = {edition.name for edition in product.editions} | {""}
        assert {*product.click_to_run.values(), *product.msi.values()} <= named, product.id


def test_two_hundred_products_of_small_companies_are_known_with_the_right_they_need():
    paid = [product for product in products() if product.license.is_paid]
    assert len(paid) >= 200
    assert len(products()) >= 500
