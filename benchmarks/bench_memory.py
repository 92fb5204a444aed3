"""Memory of a whole audit: 1,000 replayed hosts of 1,300 packages, judged, stored and rendered, in one process.

The hosts are recordings of the demonstration's kind, each with its own machine-id and small differences; some forty
fixes are missing on each. Measured: peak resident memory of the process that audits (recordings and feeds are made by
another). Goal: under 400 MB, workbook and annex included.
"""

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

GOAL_MB = 400
PACKAGES = 1300
EVERY = 6  # one package in so many has an advisory, open in a fifth of the installed versions
_EXTRA = "benchmark-package-{:04d}"


def make(folder: Path, hosts: int) -> None:
    """Write the recordings and the feeds."""
    from auditor.demo.company import AS_OF
    from auditor.demo.described import Installed, machines
    from auditor.demo.recordings import write
    from collectors.feeds.cache import FeedStore
    from collectors.feeds.database import write as write_feeds
    from collectors.feeds.records import Advisory, AffectedPackage, FeedState, FixState, PackageKind, Severity

    (pattern,) = [machine for machine in machines() if machine.name == "srv-caisses"]
    for number in range(hosts):
        extra = tuple(
            Installed(
                name=_EXTRA.format(index),
                version=f"1.{(index + number) % 5}-1",
                source=_EXTRA.format(index),
                source_version=f"1.{(index + number) % 5}-1",
                ref="main",
            )
            for index in range(PACKAGES - len(pattern.packages))
        )
        name = f"host-{number:04d}"
        described = replace_described(pattern.described, machine_id=hashlib.md5(name.encode()).hexdigest())
        write(replace(pattern, name=name, described=described, packages=pattern.packages + extra), folder / "taped")
    advisories = []
    for index in range(0, PACKAGES, EVERY):
        published = (AS_OF - timedelta(days=index % 90)).date()
        advisories.append(
            Advisory(
                id=f"BENCH-{index}",
                feed="debian-advisories",
                severity=Severity.HIGH,
                issued_on=published,
                cves=(f"CVE-2025-{10000 + index}",),
            )
        )
        advisories.append(
            AffectedPackage(
                advisory=f"BENCH-{index}",
                release="debian:12",
                package=_EXTRA.format(index),
                kind=PackageKind.SOURCE,
                state=FixState.FIXED,
                fixed_version="1.1-1",
            )
        )
    state = FeedState(
        name="debian-advisories",
        title="benchmark",
        url="bench:",
        licence="none",
        max_age_days=3,
        fetched_at=AS_OF,
        checked_at=AS_OF,
        published_at=AS_OF,
    )
    database = FeedStore(folder / "feeds").database
    database.parent.mkdir(parents=True)
    write_feeds(database, [(state, advisories)])


def replace_described(described: object, **changes: object) -> object:
    """A msgspec struct with some fields changed."""
    import msgspec

    return msgspec.structs.replace(described, **changes)


def audit(folder: Path) -> None:
    """The measured process: what `auditor scan replay:…` does, through the same command."""
    from auditor.cli import main

    started, cpu = time.perf_counter(), time.process_time()
    code = main(
        [
            *("scan", f"replay:{folder / 'taped'}", "--as-of", "2025-11-03", "--feeds", str(folder / "feeds")),
            *("--output", str(folder / "out"), "--export", "annex", "--lang", "fr"),
        ]
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    files = {file.name: file.stat().st_size / 1e6 for file in (folder / "out").iterdir()}
    history = (Path(os.environ["AUDITOR_HOME"]) / "scans.sqlite").stat().st_size / 1e6
    print(f"exit code {code}, {time.perf_counter() - started:.1f} s, {time.process_time() - cpu:.1f} s of CPU")
    print(f"history {history:.1f} MB, " + ", ".join(f"{name} {size:.1f} MB" for name, size in files.items()))
    print(f"peak {peak:.0f} MB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--audit", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.audit:
        audit(options.audit)
        return 0
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        folder = Path(name)
        make(folder, options.hosts)
        environment = os.environ | {"AUDITOR_HOME": str(folder / "home"), "LANG": "C.UTF-8"}
        done = subprocess.run(
            [sys.executable, __file__, "--audit", name],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
    print(f"{options.hosts} hosts of {PACKAGES} packages")
    print(done.stdout, end="")
    if done.returncode != 0:
        print("the audit did not end well")
        return 1
    peak = float(done.stdout.rsplit("peak ", 1)[1].split()[0])
    print(f"goal: under {GOAL_MB} MB: {'reached' if peak < GOAL_MB else 'MISSED'}")
    return 0 if peak < GOAL_MB else 1


if __name__ == "__main__":
    sys.exit(main())
