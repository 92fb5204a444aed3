"""Microsoft's feed: 24 months of 8 MB compiled, and the same with one month revised, beside a plain json loop.

Both sides run in turn, within one run; each line ends with the ratio (minimum to maximum of the rounds). The documents
are made up here in the shape of the real ones: most entries are Linux packages, most bytes belong to Windows.
"""

import hashlib
import json
import random
import shutil
import sqlite3
import sys
import tempfile
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.bench_feeds import NOW, WORDS, processor_seconds, report, seconds
from collectors.feeds import msrc
from collectors.feeds.install import Candidate, Layout, install
from collectors.feeds.msrc_products import Outside, products_of
from collectors.feeds.sidecar import PartState

MONTHS = 24
WINDOWS, OFFICE, LINUX = 150, 40, 1_450  # entries of one month
ROUNDS = 7
NO_DATE = "0001-01-01T00:00:00"
CLIENTS = (
    "10 Version 1607",
    "10 Version 1809",
    "10 Version 22H2",
    "11 Version 23H2",
    "11 Version 24H2",
    "11 Version 25H2",
)
SERVERS = ("2012", "2012 R2", "2016", "2019", "2022", "2025")
BRANCHES = {"10 Version 1607": "10.0.14393", "10 Version 1809": "10.0.17763", "10 Version 22H2": "10.0.19045"}
BRANCHES |= {"11 Version 23H2": "10.0.22631", "11 Version 24H2": "10.0.26100", "11 Version 25H2": "10.0.26200"}
BRANCHES |= {"2012": "6.2.9200", "2012 R2": "6.3.9600", "2016": "10.0.14393", "2019": "10.0.17763"}
BRANCHES |= {"2022": "10.0.20348", "2025": "10.0.26100"}


def names() -> dict[str, list[str]]:
    """Product names by what one update of them is called."""
    clients = {
        version: [f"Windows {version} for {kind} Systems" for kind in ("32-bit", "x64-based", "ARM64-based")]
        for version in CLIENTS
    }
    core = " (Server Core installation)"
    return clients | {version: [f"Windows Server {version}", f"Windows Server {version}{core}"] for version in SERVERS}


NAMES = names()
OFFICE_NAMES = ["Microsoft Office 2016 (32-bit edition)", "Microsoft Office 2016 (64-bit edition)"]
ALL_NAMES = [name for group in NAMES.values() for name in group] + OFFICE_NAMES
IDS = {name: str(10_000 + number) for number, name in enumerate(ALL_NAMES)}


def prose(chance: random.Random, words: int) -> str:
    return "<p>" + " ".join(chance.choices(WORDS, k=words)) + "</p>\n"


def threat(kind: int, text: str, *products: str) -> dict[str, object]:
    named = {"ProductID": list(products)} if products else {}
    return {"Description": {"Value": text}, **named, "Type": kind, "Date": NO_DATE, "DateSpecified": False}


def entry(chance: random.Random, cve: str, fixes: dict[str, list[str]], day: str, month: int) -> dict[str, object]:
    products = [IDS.get(name, name) for group in fixes.values() for name in group]
    vector = "CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:C"
    score = chance.choice([5.5, 7.0, 7.8, 8.8])
    return {
        "Title": {"Value": "Windows Component Elevation of Privilege Vulnerability"},
        "Notes": [
            {"Title": "Description", "Type": 2, "Ordinal": "0", "Value": prose(chance, 60 + chance.randrange(90))}
        ],
        "DiscoveryDate": NO_DATE,
        "DiscoveryDateSpecified": False,
        "ReleaseDate": NO_DATE,
        "ReleaseDateSpecified": False,
        "CVE": cve,
        "CWE": [{"ID": "CWE-122", "Value": "Heap-based Buffer Overflow"}],
        "ProductStatuses": [{"ProductID": products, "Type": 3}],
        "Threats": [
            *(threat(0, "Elevation of Privilege", product) for product in products),
            *(threat(3, chance.choice(["Important", "Critical"]), product) for product in products),
            threat(1, "Publicly Disclosed:No;Exploited:No;Latest Software Release:Exploitation Unlikely"),
        ],
        "CVSSScoreSets": [
            {
                "BaseScore": score,
                "TemporalScore": 6.1,
                "EnvironmentalScore": 0,
                "Vector": vector,
                "ProductID": [product],
            }
            for product in products
        ],
        "Remediations": [
            fix
            for group, of_group in fixes.items()
            if group
            for fix in remediations(group, [IDS[name] for name in of_group], month)
        ],
        "Acknowledgments": [{"Name": [{"Value": "Somebody"}], "URL": [""]}],
        "Ordinal": "1",
        "RevisionHistory": [
            {"Number": "1.0", "Date": day, "Description": {"Value": "<p>Information published.</p>\n"}}
        ],
    }


def remediations(group: str, products: list[str], month: int) -> list[dict[str, object]]:
    kb = str(5_000_000 + month * 100 + list(BRANCHES).index(group) if group in BRANCHES else 5_002_000 + month)
    common = {"Date": NO_DATE, "DateSpecified": False, "ProductID": products}
    build = f"{BRANCHES[group]}.{1000 + month * 50}" if group in BRANCHES else f"16.0.{5300 + month}.1000"
    catalog = f"https://catalog.update.microsoft.com/v7/site/Search.aspx?q=KB{kb}"
    fix = {"Description": {"Value": kb}, "URL": catalog, "Supercedence": str(int(kb) - 100), **common}
    fix |= {"Type": 2, "RestartRequired": {"Value": "Yes"}, "SubType": "Security Update", "FixedBuild": build}
    help_page = {"URL": f"https://support.microsoft.com/help/{kb}", **common, "Type": 3, "SubType": kb}
    return [fix, help_page, {"Description": {"Value": kb}, **help_page, "Type": 6}]


def document(month: int, revised: str = "") -> bytes:
    chance = random.Random(month)
    year, number = 2024 + (11 + month) // 12, (11 + month) % 12 + 1
    day = f"{year}-{number:02}-11T08:00:00"
    linux = [f"azl3 package-{n} 1.{n}.0-1 on Azure Linux 3.0" for n in range(200)]
    full = [{"ProductID": identity, "Value": name} for name, identity in IDS.items()]
    full += [{"ProductID": f"2{n}-17084", "Value": name} for n, name in enumerate(linux)]
    cves = [f"CVE-{year}-{month * 2000 + n:05}" for n in range(WINDOWS + OFFICE + LINUX)]
    found = [entry(chance, cve, NAMES, day, month) for cve in cves[:WINDOWS]]
    found += [entry(chance, cve, {"office": OFFICE_NAMES}, day, month) for cve in cves[WINDOWS : WINDOWS + OFFICE]]
    found += [entry(chance, cve, {"": [f"2{chance.randrange(200)}-17084"]}, day, month) for cve in cves[-LINUX:]]
    tracking = {"InitialReleaseDate": day, "CurrentReleaseDate": revised or day}
    tree = {"Branch": [], "FullProductName": full}
    return json.dumps({"DocumentTracking": tracking, "ProductTree": tree, "Vulnerability": found}).encode()


def compile_plain(folder: Path, target: Path) -> None:
    """The ordinary way: json.loads, the same reading of names, ratings and dates, executemany, an index."""
    target.unlink(missing_ok=True)
    database = sqlite3.connect(target)
    database.execute("CREATE TABLE advisory (id TEXT PRIMARY KEY, severity TEXT, cvss REAL, issued TEXT)")
    database.execute("CREATE TABLE affected (cve TEXT, release TEXT, package TEXT, kb TEXT, kind TEXT, fixed TEXT)")
    known: dict[str, tuple[tuple[str, str], ...]] = {}
    for path in sorted(folder.iterdir()):
        found = json.loads(path.read_bytes())
        products = {}
        for name in found["ProductTree"]["FullProductName"]:
            if name["Value"] not in known:
                keys = products_of(name["Value"])
                known[name["Value"]] = () if isinstance(keys, Outside) else tuple((one[0], one[1]) for one in keys)
            if known[name["Value"]]:
                products[name["ProductID"]] = known[name["Value"]]
        for vulnerability in found["Vulnerability"]:
            rows = {
                (vulnerability["CVE"], *key, fix["Description"]["Value"], fix["SubType"], fix["FixedBuild"])
                for fix in vulnerability["Remediations"]
                if fix["Type"] == 2
                for identity in fix["ProductID"]
                for key in products.get(identity, ())
            }
            if not rows:
                continue
            words = {one["Description"]["Value"] for one in vulnerability["Threats"] if one["Type"] == 3}
            scores = [one["BaseScore"] for one in vulnerability["CVSSScoreSets"] if products.keys() & one["ProductID"]]
            issued = min(one["Date"] for one in vulnerability["RevisionHistory"])[:10]
            severity = "critical" if "Critical" in words else "high"
            database.execute(
                "INSERT INTO advisory VALUES (?, ?, ?, ?)", (vulnerability["CVE"], severity, max(scores), issued)
            )
            database.executemany("INSERT INTO affected VALUES (?, ?, ?, ?, ?, ?)", rows)
    database.execute("CREATE INDEX by_package ON affected (release, package)")
    database.commit()
    database.close()


def candidate(folder: Path, new: frozenset[str] = frozenset()) -> Candidate:
    parts = {
        path.name: PartState(
            name=path.name,
            url="",
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            size_bytes=path.stat().st_size,
            fetched_at=NOW,
        )
        for path in sorted(folder.iterdir())
    }
    return Candidate(feed=msrc.FEED, parts=parts, checked_at=NOW, new=new)


def install_ours(layout: Layout, what: Candidate, *, base_usable: bool = False) -> None:
    failed = install(layout, [what], known={"msrc"}, base_usable=base_usable, on_compile=lambda _: None)
    assert not failed, failed


def compile_ours(layout: Layout, what: Candidate) -> None:
    layout.database.unlink(missing_ok=True)
    install_ours(layout, what)


SAME_ROWS = (
    (
        "SELECT id, severity, cvss, issued FROM advisory ORDER BY id",
        "SELECT id, severity, cvss, issued_on FROM advisory ORDER BY id",
    ),
    (
        "SELECT cve, release, package, fixed FROM affected ORDER BY 1, 2, 3, 4",
        (
            "SELECT advisory.id, release.text, package.text, fixed_version FROM affected"
            " JOIN advisory ON advisory.feed = affected.feed AND advisory.number = affected.advisory"
            " JOIN name release ON release.id = affected.release JOIN name package ON package.id = affected.package"
            " ORDER BY 1, 2, 3, 4"
        ),
    ),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        layout = Layout(scratch / "store")
        folder = layout.raw("msrc", "")
        folder.mkdir(parents=True)
        for month in range(MONTHS):
            (folder / f"month-{month:02}.json").write_bytes(document(month))
        size = sum(path.stat().st_size for path in folder.iterdir())
        everything = candidate(folder)
        slow, fast = [], []
        for _ in range(ROUNDS):
            slow.append(seconds(lambda: compile_plain(folder, scratch / "plain.sqlite")))
            fast.append(seconds(lambda: compile_ours(layout, everything)))
        rows = 0
        for plain, ours in SAME_ROWS:
            expected = sqlite3.connect(scratch / "plain.sqlite").execute(plain).fetchall()
            rows += len(expected)
            assert expected == sqlite3.connect(layout.database).execute(ours).fetchall(), plain
        title = f"compile {MONTHS} months of Microsoft's guide, {size / MONTHS / 1e6:.1f} MB each, {rows:,} rows"
        report(title, "json loop", slow, "auditor", fast, 2)
        theirs = processor_seconds(lambda: compile_plain(folder, scratch / "plain.sqlite"))
        spent = processor_seconds(lambda: compile_ours(layout, everything))
        print(f"  processor time: json loop {theirs:.2f} s, auditor {spent:.2f} s")
        bench_revised(layout, scratch, slow)


def bench_revised(layout: Layout, scratch: Path, slow: list[float]) -> None:
    """One month revised, as on most days; the plain loop reads them all again."""
    newest = f"month-{MONTHS - 1:02}.json"
    shutil.copy(layout.database, scratch / "before.sqlite")
    fast = []
    for revision in range(ROUNDS):
        shutil.copy(scratch / "before.sqlite", layout.database)
        layout.raw("msrc", newest).write_bytes(document(MONTHS - 1, f"{date(2026, 12, revision + 1)}T08:00:00"))
        revised = candidate(layout.raw("msrc", ""))
        fast.append(seconds(lambda what=revised: install_ours(layout, what, base_usable=True)))  # type: ignore[misc]
    report("one of these months revised", "json loop", slow, "auditor", fast, 5)


if __name__ == "__main__":
    main()
