"""Samples about Windows, turned into the product's records: build tables, CVE-to-KB lists, supersedence definitions.

The product never reads these files; its own feed says the same in one place. Here builds come from the build tables and
flaws from the lists: a flaw's row says which update closes it, the table which build that update brings.
"""

import csv
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from collectors.feeds.msrc_products import Product, products_of
from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    FeedRecords,
    FeedState,
    FixState,
    PackageKind,
    WindowsBuild,
)
from rules.knowledge import Knowledge
from tests.quality.oracles import data

# Builds that the updates of SQL Server 2019 bring, which no sample holds.
# Source: https://learn.microsoft.com/troubleshoot/sql/releases/download-and-install-latest-updates
SQL_2019 = {
    "KB5058713": "15.0.2135.5",
    "KB5058722": "15.0.4435.7",
    "KB5063757": "15.0.4440.1",
    "KB5063758": "15.0.2140.1",
    "KB5065222": "15.0.4445.1",
    "KB5065223": "15.0.2145.1",
    "KB5068404": "15.0.4455.2",
    "KB5068405": "15.0.2155.2",
    "KB5077469": "15.0.4460.4",
    "KB5077470": "15.0.2160.4",
    "KB5084816": "15.0.4465.1",
    "KB5084817": "15.0.2165.1",
    "KB5090407": "15.0.4470.1",
    "KB5090408": "15.0.2170.1",
}


@dataclass(frozen=True, slots=True)
class Closed:
    """One flaw closed by one update in one product, as a list says; `fixed` is "" where the list names no build."""

    cve: str
    product: Product
    kb: str
    day: date
    fixed: str = ""


@cache
def builds() -> dict[str, tuple[WindowsBuild, ...]]:
    """The union of two build tables, by build; two updates may bring one build (a client's and a server's)."""
    found: defaultdict[str, dict[str, WindowsBuild]] = defaultdict(dict)
    for entry in (*_daily_table(), *_history_table()):
        if entry.kb or not found[entry.build]:
            found[entry.build].pop("", None)
            found[entry.build].setdefault(entry.kb, entry)
    return {build: tuple(entries.values()) for build, entries in found.items()}


def _daily_table() -> Iterator[WindowsBuild]:
    for path in sorted(data("feeds/windows-builds/thkn-hofa").glob("*.json")):
        read = json.loads(path.read_text(encoding="utf-8-sig"))
        lists = read.values() if isinstance(read, dict) else (entry["Value"] for entry in read)
        for row in (row for rows in lists for row in rows):
            yield WindowsBuild(
                build=row["Build"],
                kb=row["KB"],
                released_on=date.fromisoformat(row["Date"].replace("/", "-")),
                preview=row["Preview"],
                out_of_band=row["OutOfBand"],
            )


def _history_table() -> Iterator[WindowsBuild]:
    for path in sorted(data("feeds/windows-builds/jyonke").glob("*.json")):
        read = json.loads(path.read_text(encoding="utf-8-sig"))
        for row in read if isinstance(read, list) else [read]:
            yield WindowsBuild(
                build=row["Build"],
                kb=row["KBArticle"],
                released_on=date.fromisoformat(row["AvailabilityDate"]),
                preview=row["ReleaseType"] == "Preview",
                out_of_band=row["ReleaseType"] == "Out-of-band",
            )


def releases_of(branch: int, *, server: bool | None = None) -> list[WindowsBuild]:
    """Everything the tables list for one branch, by revision. Servers of build 26100 count from 32230 since 2026."""
    found = [entry for build, entries in builds().items() if build.startswith(f"{branch}.") for entry in entries]
    found.sort(key=lambda entry: int(entry.build.partition(".")[2]))
    if server is None:
        return found
    server_kbs = {row.kb for row in cve_kb() if row.product.release == f"windows:{branch}-server"}
    server_kbs |= {row.kb for row in definitions() if row.product.release == f"windows:{branch}-server"}
    client_kbs = {row.kb for row in definitions() if row.product.release == f"windows:{branch}-client"}
    other = client_kbs - server_kbs if server else server_kbs - client_kbs
    return [entry for entry in found if entry.kb not in other]


@cache
def cve_kb() -> tuple[Closed, ...]:
    """Fifteen months of CVE, KB and fixed build, 2025-06 to 2026-08; without Windows 11 24H2 and 25H2."""
    found = []
    for path in sorted(data("feeds/msrc-cve-kb").glob("CVE_KB_Mapping_*.json")):
        month = path.stem.rpartition("_")[2]
        for entry in json.loads(path.read_text(encoding="utf-8-sig")):
            for patch in entry["patches"]:
                found.extend(_patches(entry["cve"], patch, month))
    return tuple(found)


def _patches(cve: str, patch: dict[str, str], month: str) -> Iterator[Closed]:
    name = patch["os"] + (" for x64-based Systems" if patch["os"].startswith("Windows 1") else "")
    products = products_of(name)
    for product in products if isinstance(products, tuple) else ():
        yield Closed(cve, product, patch["kb"], _patch_tuesday(month), patch["fixedBuild"])


def _patch_tuesday(month: str) -> date:
    year, name = month.split("-")
    number = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec").index(name) + 1
    first = date(int(year), number, 1)
    return date(int(year), number, 8 + (1 - first.weekday()) % 7)


@cache
def definitions() -> tuple[Closed, ...]:
    """The supersedence definitions of 2026-06-28, without supersedence: per product, which update closes which flaw.

    Dates there are of revisions: the earliest of a flaw and update counts.
    """
    names: dict[str, tuple[Product, ...]] = {}
    found: dict[tuple[str, Product, str], date] = {}
    for row in definition_rows():
        products = names.get(row["AffectedProduct"])
        if products is None:
            read = products_of(row["AffectedProduct"])
            products = names[row["AffectedProduct"]] = read if isinstance(read, tuple) else ()
        if not products or not row["BulletinKB"].isdecimal() or not row["CVE"]:
            continue
        stamp = row["DatePosted"]
        day = date(int(stamp[:4]), int(stamp[4:6]), int(stamp[6:]))
        for product in products:
            key = (row["CVE"], product, f"KB{row['BulletinKB']}")
            known = found.get(key)
            if known is None or day < known:
                found[key] = day
    return tuple(Closed(cve, product, kb, day) for (cve, product, kb), day in found.items())


def definition_rows() -> Iterator[dict[str, str]]:
    """The definitions as they are: 608,740 rows."""
    path = data("feeds/windows-wesng-definitions") / "definitions-20260628.zip"
    with zipfile.ZipFile(path) as archive, archive.open("CVEs_20260628.csv") as file:
        yield from csv.DictReader(io.TextIOWrapper(file, "utf-8"))


def knowledge(releases: Iterable[str], *, as_of: date) -> Knowledge:
    """Knowledge about some releases as it stood on a day: later updates are left out."""
    rows: dict[tuple[str, str, str, str], AffectedPackage] = {}
    first: dict[str, date] = {}
    for closed in (one for release in releases for one in _by_release()[release]):
        fixed, released = _fixed_build(closed)
        if (released or closed.day) > as_of:
            continue
        first[closed.cve] = min(first.get(closed.cve, date.max), released or closed.day)
        row = AffectedPackage(
            advisory=closed.cve,
            release=closed.product.release,
            package=closed.product.package,
            kind=PackageKind.BINARY,
            state=FixState.FIXED,
            fixed_version=fixed,
            module=closed.product.module,
            remedy=closed.kb,
        )
        rows.setdefault((row.advisory, row.release, row.package, row.remedy), row)
    advisories = tuple(Advisory(id=cve, feed="msrc", cves=(cve,), issued_on=day) for cve, day in first.items())
    msrc = FeedState(
        name="msrc",
        title="MSRC",
        url="",
        licence="",
        max_age_days=7,
        covers=tuple({row.release for row in rows.values()}),
    )
    table = tuple(entries[0] for entries in builds().values())
    return Knowledge.from_records(
        FeedRecords(feeds=(msrc,), advisories=advisories, affected=tuple(rows.values()), windows_builds=table)
    )


def _fixed_build(closed: Closed) -> tuple[str, date | None]:
    """The build an update brings a product's branch to, and its day; "" where no table knows it."""
    if closed.product.release == "sql-server:2019":
        return SQL_2019.get(closed.kb, ""), None
    if not closed.product.package.startswith("windows/"):
        return "", None
    prefix = closed.product.branch.removeprefix("10.0.").removeprefix("6.2.").removeprefix("6.3.")
    entry = _by_kb().get((closed.kb, prefix))
    if entry is None:
        return "", None
    return closed.product.branch + entry.build.partition(".")[2], entry.released_on


@cache
def _by_release() -> defaultdict[str, list[Closed]]:
    found: defaultdict[str, list[Closed]] = defaultdict(list)
    for closed in (*cve_kb(), *definitions()):
        found[closed.product.release].append(closed)
    return found


@cache
def _by_kb() -> dict[tuple[str, str], WindowsBuild]:
    return {(entry.kb, f"{entry.build.partition('.')[0]}."): entry for found in builds().values() for entry in found}
