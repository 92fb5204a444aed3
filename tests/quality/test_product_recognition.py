"""Recognition of programs, their ranges and their calendars, against inventories and records nobody here wrote."""

import csv
import json
import lzma
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from xml.etree import ElementTree as ET

import pytest

from collectors.feeds import nvd_kev
from collectors.feeds.records import AffectedRange, Exploited, Lifecycle
from collectors.model import Application
from rules.model import Outcome
from rules.products import cycle_name, installations, product_of, products
from rules.support import support_of
from rules.windows.support import cycle_names
from tests.lab.feed_samples import members
from tests.quality.oracles import data
from tests.quality.scoreboard import Score, record_score
from tests.rules.checks.windows_estate import asked, case_of, known, program, server_host, windows_host

# By hand: how a display name begins, and what it is; "" for what only looks like a product of the table.
FRENCH = {
    "Git": "git",
    "Greenshot": "greenshot",
    "Mozilla Firefox": "firefox",
    "Mozilla Maintenance": "",
    "Microsoft OneDrive": "onedrive",
    "WinRAR": "winrar",
    "Python 3.14.3 Standard": "",
    "Python 3.14.3 Core": "python",
    "Python Launcher": "",
    "Oracle VirtualBox": "virtualbox",
    "Google Chrome": "google-chrome",
    "Microsoft Edge": "microsoft-edge",
    "Microsoft Edge WebView2": "microsoft-edge-webview2",  # the same engine, updated by itself
    "Opera Stable": "opera",
    "WinSCP": "winscp",
    "Splashtop Business": "splashtop",
    "MobaXterm": "mobaxterm",
    "Zoom Workplace": "zoom",
    "Microsoft Teams Meeting": "",
    "PuTTY": "putty",
    "ESET Security": "eset-home",
    "RustDesk": "rustdesk",
    "Microsoft 365 Apps": "microsoft-365-apps",
    "PerformanceTest": "performancetest",
    "Synology Assistant": "synology-clients",
    "Cursor": "cursor",
}
ENGLISH = {
    "Docker Desktop": "docker-desktop",
    "Git version": "git",
    "Microsoft Edge": "microsoft-edge",
    "Microsoft Edge Update": "",
    "Microsoft OneDrive": "onedrive",
    "Microsoft SQL Server Management Studio -": "ssms",
    "Microsoft Silverlight": "silverlight",
    "Node.js": "nodejs",
    "PowerShell 7-x64": "powershell-7",
    "SQL Server Management Studio": "ssms",
    "SQL Server Management Studio Language": "",
    "Vim": "vim",
    "Visual Studio Community 2019": "visual-studio-2019",
    "Chef Infra Client": "chef",
    "Xoreax IncrediBuild": "incredibuild",
}
OLD_FRENCH = {
    "CCleaner": "ccleaner",
    "OpenVPN": "openvpn",
    "FusionInventory": "fusioninventory-agent",
    "Microsoft Office Famille et Petite Entreprise": "office",
}
HOSTS = (
    "10_1709",
    "10_20h2",
    "10_22h2",
    "11_23h2",
    "11_24h2",
    "server_2016",
    "server_2022",
    "server_2022_sql_server_2019",
)


def _label(name: str, labels: dict[str, str]) -> str:
    """What a name is by hand: the longest beginning counts."""
    starts = [start for start in labels if name.startswith(start)]
    return labels[max(starts, key=len)] if starts else ""


def _score(request: pytest.FixtureRequest, source: str, rows: list[Application], labels: dict[str, str]) -> None:
    found = {(row.name, row.publisher): product_of(row.name, row.publisher) for row in rows}
    named = {key: "" if product is None else product.id for key, product in found.items()}
    wrong = {key: identity for key, identity in named.items() if identity != _label(key[0], labels)}
    recognized = sum(1 for row in rows if found[row.name, row.publisher] is not None)
    record_score(
        request,
        Score(
            host=source,
            feed="rules/catalog",
            flagged=recognized,
            offered=len(rows),
            false_missing=len(wrong),
            remark=f"{recognized} of {len(rows)} rows recognized",
        ),
    )
    assert wrong == {}


def test_french_display_names_are_recognized_and_nothing_else_is(request):
    with data("oracles/windows-inventories/uninstall-fr.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [program(row["display_name"], row["display_version"]) for row in csv.DictReader(file, delimiter=";")]
    assert len(rows) == 41
    _score(request, "uninstall-fr", rows, FRENCH)


def test_a_french_windows_8_of_the_inventory_format_is_read_the_same_way(request):
    rows = {row for row in _inventory_format() if row.name}
    assert len(rows) == 8
    _score(request, "inventory_format", sorted(rows, key=lambda row: row.name), OLD_FRENCH)


@pytest.mark.parametrize("host", HOSTS)
def test_recorded_machines_have_no_program_taken_for_another(host, request):
    _score(request, f"windows_{host}", list(_recorded(host)), ENGLISH)


def _inventory_format() -> Iterator[Application]:
    with tarfile.open(data("oracles/windows-inventories/inventory_format.tar.xz")) as archive:
        for entry in archive.getmembers():
            file = archive.extractfile(entry) if entry.name.endswith(".xml") else None
            if file is None:
                continue
            try:
                tree = ET.fromstring(file.read())
            except ET.ParseError:
                continue
            if "Windows" not in (tree.findtext(".//OPERATINGSYSTEM/FULL_NAME") or ""):
                continue
            for row in tree.iter("SOFTWARES"):
                name, version = row.findtext("NAME") or "", row.findtext("VERSION") or ""
                yield program(name, version, row.findtext("PUBLISHER") or "")


def _recorded(host: str) -> Iterator[Application]:
    with lzma.open(data(f"oracles/vulsio-hosts/windows_{host}.json.xz")) as file:
        packages = json.load(file)["packages"] or {}
    for package in packages.values():
        yield program(package["name"], package["version"], package.get("vendor", ""))


@cache
def _exploited() -> dict[str, Exploited]:
    with data("feeds/cisa-kev/known_exploited_vulnerabilities.json").open("rb") as file:
        entries = json.load(file)["vulnerabilities"]
    return {
        entry["cveID"]: Exploited(
            cve=entry["cveID"],
            added_on=date.fromisoformat(entry["dateAdded"]),
            due_on=date.fromisoformat(entry["dueDate"]),
            ransomware=entry["knownRansomwareCampaignUse"] == "Known",
        )
        for entry in entries
    }


@cache
def _ranges() -> tuple[AffectedRange, ...]:
    """Ranges of exploited flaws among the 4,080 records of the sample."""
    left_out: Counter[str] = Counter()
    found: list[AffectedRange] = []
    for name, content in members("feeds/cve-desktop-apps/anchore-nvd-overrides-desktop-20260821.tar.xz"):
        cve = re.search(r"CVE-\d+-\d+", name)
        if cve is not None and cve[0] in _exploited() and name.endswith(".json"):
            found += nvd_kev.ranges(cve[0], nvd_kev.read_configurations(content), left_out)
    assert len(found) > 100
    return tuple(found)


def _known_exploited(name: str, version: str, *, until: date = date(2026, 8, 21)) -> set[str]:
    """CVEs that real records hold against one version, of those CISA listed by a day."""
    entries = {cve: entry for cve, entry in _exploited().items() if entry.added_on <= until}
    about = known(ranges=_ranges(), exploited=tuple(entries.values()))
    findings = asked("application.known_exploited", windows_host(applications=(program(name, version),)), about)
    text = " ".join(str(line.what.params.get("cve", "")) for found in findings for line in found.evidence)
    failed = any(found.outcome is Outcome.FAIL for found in findings)
    return set(re.findall(r"CVE-\d+-\d+", text)) if failed else set()


@pytest.mark.parametrize(
    ("name", "version", "cve"),
    [
        ("Google Chrome", "145.0.7632.74", "CVE-2026-2441"),
        ("Google Chrome", "142.0.7444.162", "CVE-2025-13223"),
        ("WinRAR 7.12 (64-bit)", "7.12.0", "CVE-2025-8088"),
        ("Java 8 Update 401 (64-bit)", "8.0.4010.10", "CVE-2023-42917"),
    ],
)
def test_versions_attackers_are_known_to_use_are_found_in_real_records(name, version, cve):
    assert cve in _known_exploited(name, version)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("WinRAR 7.13 (64-bit)", "7.13.0"),
        ("Java 8 Update 411 (64-bit)", "8.0.4110.9"),
        ("Git", "2.30.0"),  # the flaw in git's own list does not concern Windows
    ],
)
def test_the_first_fixed_version_is_not_held_against_anybody(name, version):
    assert _known_exploited(name, version) == set()


def test_what_was_the_newest_chrome_on_a_day_had_no_flaw_listed_by_then():
    """A year of releases: an alarm on the newest version would be a false one."""
    with data("feeds/app-latest-versions/version-history.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["app"] == "GoogleChrome" and row["channel"] == "Stable"]
    newest: dict[date, str] = {}
    for row in rows:
        day = date.fromisoformat(row["first_seen_commit_date"])
        if day >= date(2025, 6, 1):
            newest[day] = max(newest.get(day, ""), row["version"], key=_numbers)
    assert len(newest) > 30
    rising, highest = {}, ""
    for day in sorted(newest):
        highest = max(highest, newest[day], key=_numbers)
        rising[day] = highest
    flagged = {day: _known_exploited("Google Chrome", version, until=day) for day, version in rising.items()}
    assert {day: cves for day, cves in flagged.items() if cves} == {}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


@cache
def _calendar() -> dict[tuple[str, str], Lifecycle]:
    """Cycles and dates of the sample's product pages."""
    found: dict[tuple[str, str], Lifecycle] = {}
    for name, content in members("feeds/endoflife/products.tar.xz"):
        product = name.rpartition("/")[2].removesuffix(".md")
        head = content.decode().split("\n---", 1)[0]
        for block in re.split(r"\n  - (?=releaseCycle:)", head)[1:]:
            row = dict(re.findall(r'^ *([A-Za-z]+): *"?([^"\n#]*?)"? *(?:#.*)?$', block, re.MULTILINE))
            found[product, row["releaseCycle"]] = Lifecycle(
                product=product,
                cycle=row["releaseCycle"],
                released_on=_day(row.get("releaseDate", "")),
                support_ends_on=_day(row.get("eol", "")),
                extended_ends_on=_day(row.get("eoes", "")),
                ended={"true": True, "false": False}.get(row.get("eol", "")),
                lts=row.get("lts") == "true",
            )
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def test_every_calendar_of_the_table_has_a_page_and_every_windows_a_cycle():
    pages = {product for product, _ in _calendar()}
    assert {product.calendar for product in products()} - {""} <= pages
    for build in (9600, 10240, 14393, 17763, 18363, 19042, 19044, 19045, 22000, 22621, 22631, 26100, 26200, 28000):
        for edition in ("Professional", "Enterprise"):
            product, names = cycle_names(windows_host(build=build, edition=edition))
            assert any((product, name) in _calendar() for name in names), (build, edition)
    for build in (9200, 9600, 14393, 16299, 17763, 18363, 19042, 20348, 25398, 26100):
        product, names = cycle_names(server_host(build=build))
        assert any((product, name) in _calendar() for name in names), build


@pytest.mark.parametrize(
    ("host", "ends_on"),
    [
        (windows_host(build=26100), date(2026, 10, 13)),
        (windows_host(build=26100, edition="Enterprise"), date(2027, 10, 12)),
        (windows_host(build=26100, edition="EnterpriseS"), date(2029, 10, 9)),
        (windows_host(build=26100, edition="IoTEnterpriseS"), date(2034, 10, 10)),
        (windows_host(build=22631), date(2025, 11, 11)),
        (windows_host(build=22631, edition="Education"), date(2026, 11, 10)),
        (windows_host(build=19044, edition="EnterpriseS"), date(2027, 1, 12)),
        (windows_host(build=19044, edition="IoTEnterpriseS"), date(2032, 1, 13)),
        (windows_host(build=14393, edition="EnterpriseS"), date(2026, 10, 13)),
        (windows_host(build=19045), date(2025, 10, 14)),
        (server_host(build=14393), date(2027, 1, 12)),
        (server_host(build=14393, installation="Server Core"), date(2027, 1, 12)),
        (server_host(build=25398, installation="Server Core"), date(2026, 5, 12)),
        (server_host(build=9600), date(2023, 10, 10)),
        (server_host(build=26100), date(2034, 11, 14)),
    ],
)
def test_W13_W15_editions_meet_the_dates_of_the_published_calendar(host, ends_on):
    found = support_of(case_of(host, known(lifecycles=tuple(_calendar().values())), datetime(2025, 1, 1, tzinfo=UTC)))
    assert found is not None
    assert (found.regular_until or found.ends_on) == ends_on


@pytest.mark.parametrize(
    ("name", "version", "cycle"),
    [
        ("Python 3.14.3 (64-bit)", "3.14.3150.0", "3.14"),
        ("Node.js", "15.7.0", "15"),
        ("PowerShell 7-x64", "7.3.7.0", "7.3"),
        ("Oracle VirtualBox 7.2.6", "7.2.6", "7.2"),
        ("Visual Studio Community 2019", "16.11.33920.267", "16.11"),
        ("OpenVPN 2.3.8-I001 ", "2.3.8-I001", "2.3"),
        ("LibreOffice 25.8.4.2", "25.8.4.2", "25.8"),
        ("Google Chrome", "145.0.7632.77", "145"),
        ("Mozilla Firefox (x64 fr)", "147.0.4", "147"),
        ("Notepad++ (64-bit x64)", "8.6.9", "8.6"),
        ("Wireshark 4.2.0 64-bit", "4.2.0", "4.2"),
        ("Apache Tomcat 9.0 Tomcat9 (remove only)", "9.0.65", "9.0"),
        ("PostgreSQL 14", "14.5-1", "14"),
        ("MySQL Server 8.0", "8.0.36", "8.0"),
        ("MariaDB 10.6 (x64)", "10.6.12.0", "10.6"),
        ("Java 8 Update 441 (64-bit)", "8.0.4410.7", "8"),
        ("Java(TM) SE Development Kit 17.0.9 (64-bit)", "17.0.9.0", "17"),
        ("Eclipse Temurin JRE with Hotspot 17.0.9+9 (x64)", "17.0.9.9", "17"),
        ("Veeam Backup & Replication Server", "12.3.2.3617", "12"),
        ("Microsoft SharePoint Server 2019", "16.0.10417.20000", "2019"),
        ("GlobalProtect", "6.2.8", "6.2"),
        ("FileMaker Pro", "21.1.1.42", "2024"),
        ("FileMaker Pro 19", "19.6.1.45", "19.6"),
    ],
)
def test_real_names_and_versions_find_their_cycle_on_the_published_page(name, version, cycle):
    (found,) = installations(windows_host(applications=(program(name, version),)))
    known_cycles = [entry for product, entry in _calendar() if product == found.product.calendar]
    assert cycle_name(found, known_cycles) == cycle


def test_a_developers_machine_of_2021_is_told_what_has_ended_since():
    host = windows_host(build=19042, applications=tuple(_recorded("10_20h2")))
    as_of = datetime(2026, 8, 22, tzinfo=UTC)
    findings = asked(
        "application.end_of_support", host, known(lifecycles=tuple(_calendar().values()), as_of=as_of), as_of=as_of
    )
    failed = {found.key for found in findings if found.outcome is Outcome.FAIL}
    assert failed == {"nodejs:15", "visual-studio-2019:16.8"}
