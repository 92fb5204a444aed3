"""Microsoft's product names: every spelling seen in two years on its key, and none guessed."""

import csv
import io
import zipfile
from collections import Counter

import pytest

from collectors.feeds.msrc_products import CLIENT_BUILDS, SERVER_BUILDS, Outside, Product, products_of
from collectors.model import OperatingSystem
from collectors.releases import release_of
from tests.lab.feed_samples import sample


def keys(name: str) -> list[tuple[str, str, str]]:
    found = products_of(name)
    return [] if isinstance(found, Outside) else [(one.release, one.package, one.module) for one in found]


@pytest.mark.parametrize(
    ("name", "release", "package"),
    [
        ("Windows 11 Version 24H2 for x64-based Systems", "windows:26100-client", "windows/x64"),
        ("Windows 11 version 26H1 for x64-based Systems", "windows:28000-client", "windows/x64"),
        ("Windows 11 Version 26H1 for x64-based Systems - extra", "windows:28000-client", "windows/x64"),
        ("Windows 11 Version 25H2 for ARM systems", "windows:26200-client", "windows/arm64"),
        ("WINDOWS 11\u00a0Version  25H2 for ARM64-based Systems ", "windows:26200-client", "windows/arm64"),
        ("Windows 11 for x64-based Systems", "windows:22000-client", "windows/x64"),
        ("Windows 10 Version 22H2 for 32-bit Systems", "windows:19045-client", "windows/x86"),
        ("Windows 10 for x64-based Systems", "windows:10240-client", "windows/x64"),
        ("Windows 8.1 for x64-based systems", "windows:9600-client", "windows/x64"),
        ("Windows 7 for x64-based Systems Service Pack 1", "windows:7601-client", "windows/x64"),
        ("Windows Server 2022", "windows:20348-server", "windows/x64"),
        ("Windows Server 2022 Datacenter: Azure Edition", "windows:20348-server", "windows/x64"),
        ("Windows Server 2022, 23H2 Edition (Server Core installation)", "windows:25398-server", "windows/x64"),
        ("Windows Server, version 20H2 (Server Core Installation)", "windows:19042-server", "windows/x64"),
        ("Windows Server 2012 R2 (Server Core installation)", "windows:9600-server", "windows/x64"),
        ("Windows Server 2008 R2 for x64-based Systems Service Pack 1", "windows:7601-server", "windows/x64"),
    ],
)
def test_M6_windows_is_found_however_its_name_is_spelt(name, release, package):
    assert keys(name) == [(release, package, "")]


def test_W5_server_2025_and_24h2_share_a_build_and_have_keys_of_their_own():
    server, client = keys("Windows Server 2025"), keys("Windows 11 Version 24H2 for x64-based Systems")
    assert server != client
    assert {key[0].partition("-")[0] for key in (*server, *client)} == {"windows:26100"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (".NET 8.0 installed on Windows", [("dotnet:8.0", "dotnet", "")]),
        (".NET 8.0", [("dotnet:8.0", "dotnet", "")]),
        ("ASP.NET Core 9.0", [("dotnet:9.0", "aspnetcore", "")]),
        (
            "Microsoft .NET Framework 4.6.2/4.7/4.7.1/4.7.2 on Windows Server 2012 R2",
            [
                ("windows:9600-server", f"dotnet-framework:{version}/x64", "")
                for version in ("4.6.2", "4.7", "4.7.1", "4.7.2")
            ],
        ),
        (
            "Microsoft .NET Framework 3.5 AND 4.8 on Windows 10 Version 22H2 for ARM64-based Systems",
            [("windows:19045-client", f"dotnet-framework:{version}/arm64", "") for version in ("3.5", "4.8")],
        ),
        ("Microsoft SQL Server 2025 for x64-based Systems (CU2)", [("sql-server:2025", "sql-server", "CU 2")]),
        ("Microsoft SQL Server 2019 for x64-based Systems (CU 32)", [("sql-server:2019", "sql-server", "CU 32")]),
        ("Microsoft SQL Server 2022 for x64-based Systems (GDR)", [("sql-server:2022", "sql-server", "GDR")]),
        (
            "Microsoft SQL Server 2016 for x64-based Systems Service Pack 3 (GDR)",
            [("sql-server:2016", "sql-server", "SP3 GDR")],
        ),
        (
            "Microsoft SQL Server 2016 for x64-based Systems Service Pack 3 Azure Connect Feature Pack",
            [("sql-server:2016", "sql-server", "SP3 ACP")],
        ),
        ("Microsoft Exchange Server 2019 Cumulative Update 15", [("exchange:2019", "exchange", "CU15")]),
        ("Microsoft Exchange Server Subscription Edition RTM", [("exchange:se", "exchange", "RTM")]),
        ("Microsoft Office 2016 (64-bit edition)", [("office-msi:2016", "office/x64", "")]),
        ("Microsoft Excel 2016 (32-bit edition)", [("office-msi:2016", "excel/x86", "")]),
        ("Skype for Business 2016 (32-bit edition)", [("office-msi:2016", "skype-for-business/x86", "")]),
    ],
)
def test_other_products_have_their_version_branch_and_architecture(name, expected):
    assert keys(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "Microsoft 365 Apps for Enterprise for 64-bit Systems",
        "Microsoft Office LTSC 2024 for 32-bit editions",
        "Microsoft Office 2019 for 64-bit editions",
        "Microsoft Excel 2016 Click-to-Run (C2R) for 64-bit editions",
    ],
)
def test_W24_click_to_run_is_never_the_msi_office(name):
    assert products_of(name) is Outside.CLICK_TO_RUN


@pytest.mark.parametrize(
    "name",
    [
        "Microsoft Edge (Chromium-based)",
        "azl3 kernel 6.6.139.1-1 on Azure Linux 3.0",
        ".NET 8.0 installed on Linux",
        "Windows 11 HLK 24H2",
        "Windows ADK for Windows 11, version 24H2",
        "Azure Stack HCI OS 22H2",
        "Microsoft Office LTSC for Mac 2024",
        "Windows Server 2008 for x64-based Systems Service Pack 2",
        "Windows RT 8.1",
        "Microsoft JDBC Driver 12.8 for SQL Server",
        "SQL Server Management Studio 20.2",
        "",
    ],
)
def test_what_no_machine_is_judged_by_is_left_out_quietly(name):
    assert products_of(name) is Outside.OTHER


@pytest.mark.parametrize(
    "name",
    [
        "Windows 11 Version 27H2 for x64-based Systems",
        "Windows 12 for x64-based Systems",
        "Windows 11 Version 24H2 for RISC-V Systems",
        "Windows Server 2028",
        "Windows Server 2025 (Nano Server installation)",
        "Microsoft SQL Server 2022 for x64-based Systems (CU twenty)",
        "Microsoft Exchange Server 2028 Cumulative Update one",
        ".NET 11.0 installed on Windows ARM",
        "Microsoft .NET Framework 5 on Windows 11 Version 27H2 for x64-based Systems",
    ],
)
def test_what_looks_judged_and_is_not_known_is_told_and_never_taken_for_the_nearest(name):
    assert products_of(name) is not Outside.OTHER
    assert keys(name) == []


def test_every_windows_key_is_one_that_a_machine_can_have():
    for kind, builds in (("client", CLIENT_BUILDS), ("server", SERVER_BUILDS)):
        for build in builds.values():
            system = OperatingSystem(id="windows", version_id=f"10.0.{build}.1", variant_id=kind)
            assert release_of(system) == f"windows:{build}-{kind}"


@pytest.mark.parametrize(
    ("name", "branch"),
    [
        ("Windows Server 2012", "6.2.9200."),
        ("Windows Server 2012 R2", "6.3.9600."),
        ("Windows Server 2016", "10.0.14393."),
        (".NET 8.0", ""),
    ],
)
def test_M2_a_windows_product_knows_its_branch(name, branch):
    (found,) = products_of(name)
    assert isinstance(found, Product)
    assert found.branch == branch


def test_the_names_of_two_years_are_understood_or_known_to_be_elsewhere():
    """feeds.md 1.4: the 3,490 names of July 2024 to June 2026."""
    names = set()
    definitions = sample("feeds/windows-wesng-definitions/definitions-20260628.zip")
    with zipfile.ZipFile(definitions) as archive, archive.open("CVEs_20260628.csv") as file:
        for row in csv.reader(io.TextIOWrapper(file, "utf-8-sig", errors="replace")):
            if row[0] >= "20240701" and row[0].isdecimal():
                names.add(row[4])
    told = Counter(found.name if isinstance(found, Outside) else "keys" for found in map(products_of, names))
    assert len(names) == 3490
    assert told == {"OTHER": 3270, "keys": 210, "CLICK_TO_RUN": 10}
