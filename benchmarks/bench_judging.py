"""Judging a fleet: 1,000 hosts x 1,300 packages against 100,000 advisory rows, beside what one would pick instead.

Every side judges the same estate and must find the same number of open (package, advisory) pairs. Each runs in a
process of its own, in turn, so that CPU and peak memory are its own: CPU of judging only (the estate is made outside
the clock; for data frames the clock starts when the frames stand), memory above a bare interpreter. Peers that are not
installed are left out and named. `--python` names an interpreter that has more of them (polars, univers, apt_pkg).

Ratios are peer / ours: above 1 we are cheaper.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

BASELINE_KB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
RELEASES = (("debian", "11"), ("debian", "12"), ("ubuntu", "22.04"))
SOURCES = 700  # per release
BINARIES = 1300
ROWS = 100_000
DAY_NS = 86_400

Pair = tuple[str, str, str]  # binary, source, version


class Estate:
    """A made-up fleet, the same for every side: seeded, and each host made afresh (no shared strings)."""

    def __init__(self, hosts: int, rows: int) -> None:
        self.hosts = hosts
        chance = random.Random(20261122)
        per_source = rows // (len(RELEASES) * SOURCES)
        self.versions: dict[tuple[int, int], list[str]] = {}
        self.rows: list[tuple[int, str, str, str]] = []  # release, source, fixed version, advisory
        for release in range(len(RELEASES)):
            for source in range(SOURCES):
                epoch = f"{chance.randrange(1, 3)}:" if chance.random() < 0.1 else ""
                base = f"{epoch}{chance.randrange(1, 20)}.{chance.randrange(0, 30)}.{chance.randrange(0, 30)}"
                tail = f"-{chance.randrange(1, 9)}+deb1{release + 1}u"
                known = chance.choice((1, 2, 2, 3, 4))
                self.versions[release, source] = [f"{base}{tail}{per_source - 1 - 3 * age}" for age in range(known)]
                self.rows += [
                    (release, f"source{source}", f"{base}{tail}{number}", f"DSA-{release}{source:03}-{number}")
                    for number in range(per_source)
                ]
        self.binaries = [chance.randrange(SOURCES) for _ in range(BINARIES - SOURCES)] + list(range(SOURCES))
        self.binaries.sort()

    def packages(self, host: int) -> tuple[int, list[Pair]]:
        """Release number and packages of one host, as fresh strings."""
        chance = random.Random(host)
        release = host % len(RELEASES)
        chosen = [chance.choice(self.versions[release, source]) for source in range(SOURCES)]
        pairs = []
        for number, source in enumerate(self.binaries):
            pairs.append((f"lib{number}-{source}", f"source{source}", "".join(list(chosen[source]))))
        return release, pairs


def ours(estate: Estate) -> dict[str, float]:
    """The product: `Matcher` over snapshots that share equal packages, as `collectors.assembly` makes them."""
    return _ours(estate, share=True)


def ours_unshared(estate: Estate) -> dict[str, float]:
    """The product when every host brings package objects and strings of its own."""
    return _ours(estate, share=False)


def _ours(estate: Estate, *, share: bool) -> dict[str, float]:
    from datetime import UTC, datetime

    from collectors.feeds.records import Advisory, AffectedPackage, FeedRecords, FixState, PackageKind
    from collectors.model import HostSnapshot, OperatingSystem, Package, PackageScheme, Protocol, Target
    from rules.knowledge import Knowledge
    from rules.matching import Matcher

    names = [f"{distribution}:{version}" for distribution, version in RELEASES]
    records = FeedRecords(
        advisories=tuple(
            Advisory(id=row[3], feed="bench", cves=(f"CVE-2026-{i}",)) for i, row in enumerate(estate.rows)
        ),
        affected=tuple(
            AffectedPackage(
                advisory=advisory,
                release=names[release],
                package=source,
                kind=PackageKind.SOURCE,
                state=FixState.FIXED,
                fixed_version=fixed,
            )
            for release, source, fixed, advisory in estate.rows
        ),
    )
    matcher = Matcher(Knowledge.from_records(records))
    del records
    estate.rows.clear()  # the feed's rows are held once, by the product
    taken_at = datetime(2026, 11, 22, tzinfo=UTC)
    spent, found = 0.0, 0
    known: dict[Pair, Package] = {}
    for host in range(estate.hosts):
        release, pairs = estate.packages(host)
        distribution, version_id = RELEASES[release]
        packages = [
            Package(
                name=pair[0],
                version=pair[2],
                architecture="amd64",
                source_name=pair[1],
                source_version=pair[2],
                scheme=PackageScheme.DEB,
                origin="Debian" if distribution == "debian" else "Ubuntu",
            )
            if pair not in known
            else known[pair]
            for pair in pairs
        ]
        if share:
            known.update(zip(pairs, packages, strict=True))
        snapshot = HostSnapshot(
            target=Target(name=f"host{host}", protocol=Protocol.REPLAY),
            taken_at=taken_at,
            operating_system=OperatingSystem(id=distribution, version_id=version_id, container=True),
            packages=tuple(packages),
        )
        start = time.process_time()
        verdicts = matcher.match(snapshot)
        spent += time.process_time() - start
        found += sum(len(verdict.packages) * len(verdict.advisories) for verdict in verdicts)
    return {"cpu_s": spent, "found": found, "judged": matcher.judged}


def apt_loop(estate: Estate) -> dict[str, float]:
    """A loop over hosts and packages with python3-apt's C comparison."""
    import apt_pkg

    apt_pkg.init_system()
    return _loop(estate, lambda installed, fixed: apt_pkg.version_compare(installed, fixed) < 0)


def univers_loop(estate: Estate) -> dict[str, float]:
    """A loop with the `univers` library; over few hosts, scaled up."""
    from univers.versions import DebianVersion

    share = Estate(estate.hosts, len(estate.rows))
    share.hosts = max(1, estate.hosts // 250)
    result = _loop(share, lambda installed, fixed: DebianVersion(installed) < DebianVersion(fixed))
    scale = estate.hosts / share.hosts
    return {"cpu_s": result["cpu_s"] * scale, "found": 0, "scaled_from_hosts": share.hosts}


def _loop(estate: Estate, is_older: Callable[[str, str], bool]) -> dict[str, float]:
    index: dict[tuple[int, str], list[str]] = {}
    for release, source, fixed, _ in estate.rows:
        index.setdefault((release, source), []).append(fixed)
    spent, found = 0.0, 0
    for host in range(estate.hosts):
        release, pairs = estate.packages(host)
        start = time.process_time()
        for _, source, version in pairs:
            for fixed in index.get((release, source), ()):
                if is_older(version, fixed):
                    found += 1
        spent += time.process_time() - start
    return {"cpu_s": spent, "found": found}


def pandas_merge(estate: Estate) -> dict[str, float]:
    """Unique pairs merged on version ranks, joined back to the hosts."""
    import pandas as pd

    installed, advisories = _frames(estate)
    left, right = pd.DataFrame(installed), pd.DataFrame(advisories)
    del installed, advisories
    start = time.process_time()
    keys = ["release", "source"]
    unique = left[[*keys, "version"]].drop_duplicates()
    ranks = _ranks(unique["version"].tolist(), right["fixed"].tolist())
    unique, right = unique.assign(rank=unique["version"].map(ranks)), right.assign(fix=right["fixed"].map(ranks))
    merged = unique.merge(right, on=keys)
    open_ones = merged.loc[merged["rank"] < merged["fix"], [*keys, "version", "advisory"]]
    result = left.merge(open_ones, on=[*keys, "version"])
    return {"cpu_s": time.process_time() - start, "found": len(result)}


def polars_merge(estate: Estate) -> dict[str, float]:
    """The same with polars."""
    import polars as pl

    installed, advisories = _frames(estate)
    left, right = pl.DataFrame(installed), pl.DataFrame(advisories)
    del installed, advisories
    start = time.process_time()
    keys = ["release", "source"]
    unique = left.select([*keys, "version"]).unique()
    ranks = _ranks(unique["version"].to_list(), right["fixed"].to_list())
    unique = unique.with_columns(pl.col("version").replace_strict(ranks).alias("rank"))
    right = right.with_columns(pl.col("fixed").replace_strict(ranks).alias("fix"))
    open_ones = unique.join(right, on=keys).filter(pl.col("rank") < pl.col("fix"))
    result = left.join(open_ones.select([*keys, "version", "advisory"]), on=[*keys, "version"])
    return {"cpu_s": time.process_time() - start, "found": len(result)}


def _frames(estate: Estate) -> tuple[dict[str, list[object]], dict[str, list[object]]]:
    installed: dict[str, list[object]] = {"host": [], "release": [], "source": [], "version": []}
    for host in range(estate.hosts):
        release, pairs = estate.packages(host)
        for _, source, version in pairs:
            for column, value in zip(installed.values(), (host, release, source, version), strict=True):
                column.append(sys.intern(value) if isinstance(value, str) else value)
    advisories: dict[str, list[object]] = {"release": [], "source": [], "fixed": [], "advisory": []}
    for row in estate.rows:
        for column, value in zip(advisories.values(), row, strict=True):
            column.append(value)
    return installed, advisories


def _ranks(*versions: list[str]) -> dict[str, int]:
    """Dense ranks by our own keys: more than these libraries bring along."""
    sys.path.insert(0, sys.argv[0].rpartition("/benchmarks/")[0] or ".")
    from collectors.model import PackageScheme
    from rules.versions import key_function

    key = key_function(PackageScheme.DEB)
    keys = {version: key(version) for some in versions for version in set(some)}
    order = {found: rank for rank, found in enumerate(sorted(set(keys.values())))}
    return {version: order[found] for version, found in keys.items()}


SIDES: dict[str, Callable[[Estate], dict[str, float]]] = {
    "ours": ours,
    "ours, unshared": ours_unshared,
    "apt_pkg loop": apt_loop,
    "polars merge": polars_merge,
    "pandas merge": pandas_merge,
    "univers loop": univers_loop,
}
NEEDS = {"apt_pkg loop": "apt_pkg", "polars merge": "polars", "pandas merge": "pandas", "univers loop": "univers"}


def run_side(name: str, hosts: int, rows: int) -> None:
    result = SIDES[name](Estate(hosts, rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(result | {"peak_mb": (peak - BASELINE_KB) / 1024}))


def interpreter_for(name: str, candidates: list[str]) -> str | None:
    """The first interpreter that can import what a side needs."""
    if name not in NEEDS:
        return sys.executable
    for candidate in candidates:
        try:
            tried = subprocess.run([candidate, "-c", f"import {NEEDS[name]}"], capture_output=True, check=False)
        except FileNotFoundError:
            continue
        if tried.returncode == 0:
            return candidate
    return None


def measure(python: str, name: str, hosts: int, rows: int) -> dict[str, float]:
    command = [python, __file__, "--side", name, "--hosts", str(hosts), "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def sides(candidates: list[str]) -> Iterator[tuple[str, str]]:
    for name in SIDES:
        if python := interpreter_for(name, candidates):
            yield name, python
        else:
            print(f"  {name}: left out, no interpreter here has {NEEDS[name]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", action="append", default=[], help="another interpreter to look for peers in")
    options = parser.parse_args()
    if options.side:
        run_side(options.side, options.hosts, options.rows)
        return
    print(f"{options.hosts} hosts x {BINARIES} packages, {options.rows} advisory rows, {options.rounds} rounds in turn")
    playing = list(sides([*options.python, sys.executable, "/usr/bin/python3"]))
    results: dict[str, list[dict[str, float]]] = {name: [] for name, _ in playing}
    for _ in range(options.rounds):
        for name, python in playing:
            results[name].append(measure(python, name, options.hosts, options.rows))
    report(results)


def report(results: dict[str, list[dict[str, float]]]) -> None:
    own = results["ours"]
    for name, rounds in results.items():
        cpu = [found["cpu_s"] for found in rounds]
        peak = [found["peak_mb"] for found in rounds]
        line = f"  {name:15} {min(cpu):8.2f} .. {max(cpu):.2f} s CPU   {min(peak):6.0f} .. {max(peak):.0f} MB"
        if name.startswith("ours"):
            line += f"   {int(rounds[0]['judged'])} distinct packages judged once, {int(rounds[0]['found'])} findings"
        else:
            times = [theirs / mine["cpu_s"] for theirs, mine in zip(cpu, own, strict=True)]
            memory = [theirs / mine["peak_mb"] for theirs, mine in zip(peak, own, strict=True)]
            line += f"   CPU x {min(times):.1f} .. {max(times):.1f}, memory x {min(memory):.1f} .. {max(memory):.1f}"
            if rounds[0]["found"] and rounds[0]["found"] != own[0]["found"]:
                raise SystemExit(f"{name} found {rounds[0]['found']}, we found {own[0]['found']}")
        print(line)


if __name__ == "__main__":
    main()
