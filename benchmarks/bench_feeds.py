"""Feeds: compiling 50,000 OSV documents, an unchanged feed, and one host loaded cold, each beside the ordinary way.

Both sides run in turn, within one run; each line ends with the ratio (minimum to maximum of the rounds).
"""

import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from collectors.feeds import osv_debian
from collectors.feeds.cache import FeedStore
from collectors.feeds.database import load, write
from collectors.feeds.download import HttpSettings
from collectors.feeds.feed import Feed, Part
from collectors.feeds.install import Candidate, Layout, install
from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    FeedState,
    FixState,
    PackageKind,
    Severity,
)
from collectors.feeds.sidecar import PartState
from tests.lab.http_server import feed_server

DOCUMENTS = 50_000
ROUNDS = 3
COMPILE_ROUNDS = 7
HOST_PACKAGES = 1_002
HOST_ROWS = 11_403
NOW = datetime(2026, 11, 22, tzinfo=UTC)
WORDS = ("a", "flaw", "was", "found", "in", "the", "handling", "of", "crafted", "packets", "which", "lets", "attackers")


def document(number: int, revision: int = 0) -> bytes:
    """One tracker entry of the size OSV publishes for Debian: some prose, three releases, the affected versions."""
    chance = random.Random(number)
    package = f"package-{int(chance.betavariate(0.5, 1) * 3000)}"
    affected = [
        {
            "package": {"ecosystem": f"Debian:{release}", "name": package, "purl": f"pkg:deb/debian/{package}"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": f"2.{number % 90}-{release}"}]}],
            "versions": [f"2.{step}-{release}+deb{release}u{step % 5}" for step in range(20)],
            "ecosystem_specific": {"urgency": "not yet assigned"},
        }
        for release in (11, 12, 13)
    ]
    cve = f"CVE-{2010 + number % 16}-{number:05d}"
    return json.dumps(
        {
            "schema_version": "1.7.0",
            "id": f"DEBIAN-{cve}",
            "published": "2024-05-02T10:15:00Z",
            "modified": f"2026-0{1 + revision}-11T04:20:00Z",
            "details": " ".join(chance.choices(WORDS, k=60)),
            "upstream": [cve],
            "references": [{"type": "ADVISORY", "url": f"https://security-tracker.debian.org/tracker/{cve}"}],
            "affected": affected,
        }
    ).encode()


def make_archive(path: Path, changed: int = 0) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(DOCUMENTS):
            archive.writestr(f"DEBIAN-{number}.json", document(number, int(number < changed)))


def compile_plain(archive: Path, target: Path) -> None:
    """The ordinary way: zipfile, json.loads, executemany, an index."""
    target.unlink(missing_ok=True)
    database = sqlite3.connect(target)
    database.execute(
        "CREATE TABLE advisory (id TEXT PRIMARY KEY, title TEXT, issued TEXT, severity TEXT, cves TEXT, url TEXT)"
    )
    database.execute("CREATE TABLE affected (advisory TEXT, release TEXT, package TEXT, state TEXT, fixed TEXT)")
    with zipfile.ZipFile(archive) as members:
        for name in members.namelist():
            found = json.loads(members.read(name))
            references = [link["url"] for link in found["references"] if link["type"] == "ADVISORY"]
            urgency = found["affected"][0]["ecosystem_specific"]["urgency"]
            cves = " ".join(found["upstream"])
            database.execute(
                "INSERT INTO advisory VALUES (?, ?, ?, ?, ?, ?)",
                (found["id"], found.get("summary", ""), found["published"], urgency, cves, references[0]),
            )
            rows = [
                (found["id"], affected["package"]["ecosystem"], affected["package"]["name"], "fixed", event["fixed"])
                for affected in found["affected"]
                for span in affected["ranges"]
                for event in span["events"]
                if "fixed" in event
            ]
            database.executemany("INSERT INTO affected VALUES (?, ?, ?, ?, ?)", rows)
    database.execute("CREATE INDEX by_package ON affected (release, package)")
    database.commit()
    database.close()


# What both must have stored, each in its own tables: one vendor's releases are spelled two ways, ratings differ.
SAME_ROWS = (
    (
        "SELECT id, title, cves, url FROM advisory ORDER BY id",
        "SELECT id, title, cves, url FROM advisory ORDER BY id",
    ),
    (
        "SELECT advisory, lower(release), package, state, fixed FROM affected ORDER BY 1, 2, 3, 5",
        (
            "SELECT advisory.id, release.text, package.text, 'fixed', affected.fixed_version FROM affected"
            " JOIN advisory ON advisory.feed = affected.feed AND advisory.number = affected.advisory"
            " JOIN name release ON release.id = affected.release"
            " JOIN name package ON package.id = affected.package JOIN name detail ON detail.id = affected.detail"
            " WHERE detail.text LIKE 'source' || char(31) || 'fixed' || char(31) || '%' ORDER BY 1, 2, 3, 5"
        ),
    ),
)


def feed_at(url: str) -> Feed:
    return Feed(
        name="osv-debian",
        title="generated",
        licence="none",
        homepage=url,
        max_age_days=3,
        parts=lambda _, _today: (Part(name="all.zip", url=url),),
        parse_member=osv_debian.parse_member,
    )


def compile_ours(archive: Path, directory: Path, digest: str) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    layout = Layout(directory)
    layout.raw("osv-debian", "").mkdir(parents=True)
    layout.raw("osv-debian", "all.zip").symlink_to(archive)
    part = PartState(name="all.zip", url="", sha256=digest, size_bytes=archive.stat().st_size, fetched_at=NOW)
    candidate = Candidate(feed=feed_at("http://feed.example"), parts={"all.zip": part}, checked_at=NOW)
    failed = install(layout, [candidate], known={"osv-debian"}, base_usable=False, on_compile=lambda _: None)
    assert not failed, failed


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor_seconds(work: Callable[[], object]) -> float:
    """Of this process and the processes it waited for: what a machine shared with others does not blur."""
    began = os.times()
    work()
    ended = os.times()
    return sum(ended[:4]) - sum(began[:4])


def report(title: str, slow: str, slow_s: list[float], fast: str, fast_s: list[float], goal: float) -> None:
    ratios = [one / other for one, other in zip(slow_s, fast_s, strict=True)]
    middle = sorted(ratios)[len(ratios) // 2]
    print(f"{title}\n  {slow}: {min(slow_s) * 1000:,.0f} ms   {fast}: {min(fast_s) * 1000:,.0f} ms")
    said = "reached" if middle >= goal else "MISSED"
    print(f"  ratio {middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f}), goal {goal}: {said}")


def bench_compile(scratch: Path) -> None:
    archive = scratch / "all.zip"
    make_archive(archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    slow, fast = [], []
    for _ in range(COMPILE_ROUNDS):
        slow.append(seconds(lambda: compile_plain(archive, scratch / "plain.sqlite")))
        fast.append(seconds(lambda: compile_ours(archive, scratch / "ours", digest)))
    for plain, ours in SAME_ROWS:
        expected = sqlite3.connect(scratch / "plain.sqlite").execute(plain).fetchall()
        assert expected == sqlite3.connect(scratch / "ours" / "feeds.sqlite").execute(ours).fetchall(), plain
    report(f"compile {DOCUMENTS:,} OSV documents", "json loop", slow, "auditor", fast, 1.5)
    theirs = processor_seconds(lambda: compile_plain(archive, scratch / "plain.sqlite"))
    spent = processor_seconds(lambda: compile_ours(archive, scratch / "ours", digest))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"  processor time: json loop {theirs:.2f} s on one core, auditor {spent:.2f} s on {cores} cores{load}")


def bench_unchanged(scratch: Path) -> None:
    body = (scratch / "all.zip").read_bytes()
    make_archive(scratch / "changed.zip", changed=DOCUMENTS // 100)
    changed_body = (scratch / "changed.zip").read_bytes()
    full, unchanged, changed = [], [], []
    for _ in range(ROUNDS):
        shutil.rmtree(scratch / "store", ignore_errors=True)
        with feed_server() as server:
            feed = feed_at(server.serve("/all.zip", body))
            store = FeedStore(scratch / "store", feeds=[feed])
            settings = HttpSettings(proxies={})
            full.append(seconds(lambda: store.update(http=settings)))  # noqa: B023 - called at once
            unchanged.append(seconds(lambda: store.update(http=settings)))  # noqa: B023
            server.serve("/all.zip", changed_body)
            changed.append(seconds(lambda: store.update(http=settings)))  # noqa: B023
    report("update of an unchanged feed", "all new", full, "not modified", unchanged, 5)
    report("update where 1 document in 100 changed", "all new", full, "1 % new", changed, 1)


def make_host(scratch: Path) -> tuple[Path, Path]:
    """One host's rows as a compiled file, and the same rows in debsecan's own format, with its dpkg status."""
    chance = random.Random(5)
    per_package = [HOST_ROWS // HOST_PACKAGES] * HOST_PACKAGES
    for index in range(HOST_ROWS - sum(per_package)):
        per_package[index] += 1
    rows: list[tuple[str, str, str]] = []
    for package in range(5 * HOST_PACKAGES):  # the feed also speaks of what the host has not: 60,000 rows, as Debian's
        for _ in range(per_package[package % HOST_PACKAGES]):
            rows.append(
                (f"CVE-{2012 + len(rows) % 14}-{len(rows):05d}", f"package-{package}", f"2.{chance.randrange(90)}-1")
            )
    records: list[Advisory | AffectedPackage] = []
    for cve, package, fixed in rows:
        records.append(Advisory(id=cve, feed="tracker", severity=Severity.MEDIUM, cves=(cve,), security=False))
        records.append(
            AffectedPackage(
                advisory=cve,
                release="debian:12",
                package=package,
                kind=PackageKind.SOURCE,
                state=FixState.FIXED,
                fixed_version=fixed,
            )
        )
    state = FeedState(
        name="tracker", title="generated", url="", licence="", max_age_days=3, fetched_at=NOW, checked_at=NOW
    )
    store = scratch / "host"
    store.mkdir()
    write(store / "feeds.sqlite", [(state, records)])
    (store / "packages.txt").write_text("\n".join(f"package-{n}" for n in range(HOST_PACKAGES)))
    names = "".join(f"{cve},,made up\n" for cve, _, _ in rows)
    facts = "".join(f"{package},{number},SM?F,{fixed},\n" for number, (_, package, fixed) in enumerate(rows))
    source = scratch / "debsecan"
    source.mkdir()
    (source / "bookworm").write_bytes(zlib.compress(f"VERSION 1\n{names}\n{facts}\n\n".encode()))
    status = "".join(
        f"Package: package-{n}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.45-1\n\n"
        for n in range(HOST_PACKAGES)
    )
    (source / "status").write_text(status)
    return store, source


LOAD_ONE = f"""
import sys
from pathlib import Path
from collectors.feeds.cache import FeedStore
store = FeedStore(Path(sys.argv[1]))
records = store.load({{"debian:12": (store.directory / "packages.txt").read_text().split()}})
assert len(records.affected) == len(records.advisories) == {HOST_ROWS}, len(records.affected)
"""


def bench_host(scratch: Path) -> None:
    store, source = make_host(scratch)
    ours = [sys.executable, "-c", LOAD_ONE, str(store)]
    root = Path(__file__).resolve().parent.parent
    packages = {"debian:12": (store / "packages.txt").read_text().split()}
    warm = min(seconds(lambda: load(store / "feeds.sqlite", packages)) for _ in range(5))
    print(f"one host, {HOST_PACKAGES:,} packages, {HOST_ROWS:,} rows: load alone {warm * 1000:.0f} ms")
    debsecan = shutil.which("debsecan")
    if debsecan is None:
        fast = [seconds(lambda: subprocess.run(ours, check=True, cwd=root)) for _ in range(ROUNDS * 4)]
        print(f"  auditor: {min(fast) * 1000:.0f} ms; debsecan is not installed, no ratio")
        return
    theirs = [debsecan, "--suite", "bookworm", "--source", source.as_uri(), "--status", str(source / "status")]
    slow, fast = [], []
    for _ in range(ROUNDS * 4):
        slow.append(seconds(lambda: subprocess.run(theirs, check=True, stdout=subprocess.DEVNULL)))
        fast.append(seconds(lambda: subprocess.run(ours, check=True, cwd=root)))
    report("one host loaded in a fresh process", "debsecan", slow, "auditor", fast, 2)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        bench_compile(scratch)
        bench_unchanged(scratch)
        bench_host(scratch)


if __name__ == "__main__":
    main()
