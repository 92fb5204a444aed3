"""Recognition of programs: names in both languages, publishers, versions advisories use, cycles, the table itself."""

import re

import pytest

from collectors.feeds import endoflife
from collectors.model import Application
from rules.products import (
    _tables,
    comparable,
    cpe_names,
    cycle_name,
    installations,
    java_version,
    normalized,
    product_of,
    products,
    programs,
    version_of,
)
from tests.lab.snapshots import debian_host
from tests.rules.checks.windows_estate import program, windows_host


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Mozilla Firefox (x64 fr)", "mozilla firefox"),
        ("Mozilla Firefox 140.5.0 ESR (x64 fr)", "mozilla firefox esr"),
        ("WinRAR 7.13 (64-bit)", "winrar"),
        ("7-Zip 24.07 (x64 edition)", "7-zip"),
        ("Microsoft 365 Apps for business - fr-fr", "microsoft 365 apps for business"),
        ("Java(TM) SE Development Kit 17.0.9 (64-bit)", "java se development kit"),
        ("WithSecure™ Elements Agent", "withsecure elements agent"),
        ("VLC\u00a0media  player", "vlc media player"),
        ("OpenVPN 2.6.8-I001 amd64", "openvpn"),
        ("Git version 2.30.0.2", "git version"),
        ("Logiciel 64 bits", "logiciel"),
        ("3.14", ""),
        ("", ""),
    ],
)
def test_version_architecture_and_language_are_taken_from_a_name(name, plain):
    assert normalized(name) == plain


@pytest.mark.parametrize(
    ("name", "publisher", "identity"),
    [
        ("Google Chrome", "Google LLC", "google-chrome"),
        ("Microsoft Edge", "Microsoft Corporation", "microsoft-edge"),
        ("Mozilla Firefox ESR (x64 fr)", "Mozilla", "firefox-esr"),
        ("Mozilla Firefox (x64 fr)", "Mozilla", "firefox"),
        ("Mozilla Thunderbird (x86 fr)", "Mozilla", "thunderbird"),
        ("Adobe Acrobat Reader DC - Français", "Adobe Systems Incorporated", "adobe-reader"),
        ("Adobe Acrobat Reader - Français", "Adobe", "adobe-reader"),
        ("Adobe Reader XI (11.0.23) - Français", "Adobe Systems Incorporated", "adobe-reader"),
        ("Adobe Acrobat (64-bit)", "Adobe", "adobe-acrobat"),
        ("Adobe Acrobat DC", "Adobe", "adobe-acrobat"),
        ("Java 8 Update 441 (64-bit)", "Oracle Corporation", "oracle-java"),
        ("Java(TM) SE Development Kit 17.0.9 (64-bit)", "Oracle Corporation", "oracle-jdk"),
        ("Eclipse Temurin JRE with Hotspot 17.0.9+9 (x64)", "Eclipse Adoptium", "temurin"),
        ("Amazon Corretto 17 (x64)", "Amazon", "corretto"),
        ("Notepad++ (64-bit x64)", "Notepad++ Team", "notepad-plus-plus"),
        ("PuTTY release 0.83 (64-bit)", "Simon Tatham", "putty"),
        ("VLC media player", "VideoLAN", "vlc"),
        ("Lecteur multimédia VLC", "VideoLAN", "vlc"),
        ("FortiClient VPN", "Fortinet Technologies Inc", "forticlient"),
        ("Cisco Secure Client - AnyConnect VPN", "Cisco Systems, Inc.", "cisco-secure-client"),
        ("TeamViewer 15", "TeamViewer", "teamviewer"),
        ("Zoom Workplace (64-bit)", "Zoom", "zoom"),
        ("Veeam Backup & Replication Server", "Veeam Software Group GmbH", "veeam-backup"),
        ("Apache Tomcat 9.0 Tomcat9 (remove only)", "The Apache Software Foundation", "tomcat"),
        ("PowerShell 7-x64", "Microsoft Corporation", "powershell-7"),
        ("MariaDB 10.6 (x64)", "MariaDB Corporation Ab", "mariadb"),
        ("Citrix Workspace 2402", "Citrix Systems, Inc.", "citrix-workspace"),
    ],
)
def test_programs_small_companies_run_are_recognized(name, publisher, identity):
    found = product_of(name, publisher)
    assert found is not None
    assert found.id == identity


@pytest.mark.parametrize(
    ("name", "publisher"),
    [
        ("Mozilla Maintenance Service", "Mozilla"),
        ("Microsoft Teams Meeting Add-in for Microsoft Office", "Microsoft"),
        ("Oracle VirtualBox Guest Additions 7.2.6", "Oracle Corporation"),
        ("Python Launcher", "Python Software Foundation"),
        ("Python 3.14.3 Standard Library (64-bit)", "Python Software Foundation"),
        ("Git LFS version 3.2.0", "GitHub, Inc."),
        ("ScreenConnect Client (8f3a2d10)", "ScreenConnect Software"),  # the flaw is the server's
        ("MySQL Connector/ODBC 8.0", "Oracle Corporation"),
        ("Adobe Refresh Manager", "Adobe"),
        ("Java Auto Updater", "Oracle Corporation"),
        ("Visual Studio Tools for Office", "Microsoft"),
        ("Zoom Outlook Plugin", "Zoom"),
        ("", ""),
    ],
)
def test_namesakes_and_companions_are_not_what_advisories_write_about(name, publisher):
    found = product_of(name, publisher)
    assert found is None or not (found.cpe or found.tracks or found.calendar or found.license.is_paid)


def test_an_impostor_is_not_recognized():
    assert product_of("Google Chrome", "Totally Legit Ltd") is None


def test_a_row_without_publisher_is_believed():
    assert product_of("OpenVPN 2.3.8-I001 ", "") is not None


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("Google Chrome", "145.0.7632.77", "145.0.7632.77"),
        ("Python 3.14.3 (64-bit)", "3.14.3150.0", "3.14.3"),
        ("Java 8 Update 441 (64-bit)", "8.0.4410.7", "8.0.441"),
        ("Java 8 Update 441 (64-bit)", "8.0.4417.7", ""),  # no update is told by tenths
        ("Java(TM) 6 Update 45", "6.0.450", "6.0.45"),
        ("Java(TM) SE Development Kit 17.0.9 (64-bit)", "17.0.9.0", "17.0.9.0"),
        ("Zoom Workplace (64-bit)", "6.7.30439", ""),
        ("Zoom Workplace (64-bit)", "6.7.5 (30439)", "6.7.5 (30439)"),
        ("OpenSSL 1.1.1k (64-bit)", "", "1.1.1k"),
        ("Google Chrome", "", ""),
        ("Google Chrome", "inconnue", ""),
    ],
)
def test_W28_versions_as_advisories_write_them_or_none(name, written, read):
    product = product_of(name)
    assert product is not None
    assert version_of(product, Application(name=name, version=written, scope="machine")) == read


@pytest.mark.parametrize(
    ("written", "scaled"),
    [
        ("1.8.0_441", "8.0.441"),
        ("8u441", "8.0.441"),
        ("1.8.0:update_441", "8.0.441"),
        ("1.7.0 update 7", "7.0.7"),
        ("8.0.441", "8.0.441"),
        ("1.8.0_411-b09", "8.0.411"),
        ("1.8.0", "8.0.0"),
        ("11.0.2", "11.0.2"),
        ("17.0.9+9", "17.0.9+9"),
    ],
)
def test_W28_javas_old_and_new_numbers_are_one_scale(written, scaled):
    assert java_version(written) == scaled
    assert comparable("java", written) == scaled
    assert comparable("display", written) == written


@pytest.mark.parametrize(
    ("name", "version", "cycle"),
    [
        ("PostgreSQL 14", "14.5-1", "14"),
        ("PostgreSQL 9.6", "9.6.24", "9.6"),
        ("PostgreSQL 99", "99.1", ""),
        ("Veeam Backup & Replication Server", "12.3.2.3617", ""),
    ],
)
def test_a_cycle_is_the_calendars_or_none(name, version, cycle):
    (found,) = installations(windows_host(applications=(program(name, version),)))
    assert cycle_name(found, {"14", "9.6", "9"}) == cycle


def test_W27_rows_windows_hides_are_no_programs_and_other_systems_have_none():
    rows = (
        program("Google Chrome", "1.0"),
        program("Google Chrome", "1.0", noise=True),
        program("Google.Chrome", "1.0", scope="appx"),
        program("", ""),
    )
    host = windows_host(applications=rows)
    assert programs(host) == rows[:1]
    assert [found.application for found in installations(host)] == [rows[0]]
    assert cpe_names(host) == {"google:chrome"}
    assert cpe_names(debian_host(packages={"bash": "5"})) == frozenset()


def test_names_asked_of_the_feeds_are_vendor_and_product_without_edition():
    copies = (program("Mozilla Firefox ESR (x64 fr)", "140.5.0"), program("Adobe Acrobat (64-bit)", "20.005.30748"))
    assert cpe_names(windows_host(applications=copies)) == {
        "mozilla:firefox_esr",
        "mozilla:firefox",
        "adobe:acrobat",
        "adobe:acrobat_dc",
    }


def test_the_table_is_sound():
    assert len(products()) >= 60
    assert len({product.name for product in products()}) == len(products())
    for product in products():
        assert product.pattern.pattern == product.pattern.pattern.lower() or "\\" in product.pattern.pattern, product.id
        assert all(word == word.lower() for word in product.publishers), product.id
        names = [*product.cpe, *(name for track in product.tracks.values() for name in track)]
        assert product.publisher, product.id
        assert all(re.fullmatch(r"[a-z0-9_.-]+:[a-z0-9_.+&!-]+(/[a-z]+)?", name) for name in names), product.id
        re.compile(product.not_comparable)
        re.compile(product.cycle_in_name)


def test_every_calendar_of_the_table_is_kept_by_the_calendar_feed():
    assert {product.calendar for product in products()} - {""} <= endoflife.PRODUCTS


def test_an_id_that_stands_twice_is_refused(monkeypatch, tmp_path):
    row = '[[product]]\nid = "a"\nname = "A"\nlicense = "free"\nnames = ["a"]\n'
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "one.toml").write_text(row * 2, "utf-8")
    monkeypatch.setattr("rules.products.resources.files", lambda _package: tmp_path)
    monkeypatch.setattr("rules.products._tables", _tables.__wrapped__)
    with pytest.raises(ValueError, match="twice"):
        products.__wrapped__()  # the table everybody else uses stays as it is
