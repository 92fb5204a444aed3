"""The compiled file: what goes in comes out, only what is asked, and a damaged file is told as such."""

import dataclasses
import random
import sqlite3
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from collectors.errors import FeedError, FeedInvalid
from collectors.feeds import database
from collectors.feeds.compile import Compiler
from collectors.feeds.database import load, load_states, write
from collectors.feeds.feed import FeedRecord
from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    AffectedRange,
    Exploited,
    ExploitProbability,
    FeedState,
    FixState,
    Lifecycle,
    PackageKind,
    Severity,
    WindowsBuild,
)
from collectors.feeds.rows import pack
from tests.lab.made_up_feeds import records_of, rows

NOW = datetime(2026, 8, 22, 12, 30, 15, 123456, tzinfo=UTC)


def state(name: str) -> FeedState:
    return FeedState(
        name=name,
        title=name.title(),
        url="https://feed.example/",
        licence="CC0-1.0",
        max_age_days=3,
        fetched_at=NOW,
        checked_at=NOW,
        published_at=NOW,
        sha256="ab" * 32,
        size_bytes=12,
        edition="7",
    )


ADVISORY = Advisory(
    id="DSA-1-1",
    feed="dsa",
    title="bash — security “update”",
    severity=Severity.HIGH,
    cvss=8.1,
    issued_on=date(2026, 8, 1),
    cves=("CVE-2026-1000", "CVE-2026-1001"),
    security=True,
    url="https://feed.example/DSA-1-1",
)
BARE = Advisory(id="DSA-2-1", feed="dsa", security=False)
FIXED = AffectedPackage(
    advisory="DSA-1-1",
    release="debian:12",
    package="bash",
    kind=PackageKind.SOURCE,
    state=FixState.FIXED,
    fixed_version="5.2.15-2+deb12u1",
    module="perl:5.32",
    entitlement="esm-infra",
    remedy="KB5094126",
    remedy_kind="Security Update",
)
UNFIXED = AffectedPackage(
    advisory="DSA-2-1",
    release="debian:11",
    package="bash",
    kind=PackageKind.BINARY,
    state=FixState.NO_FIX,
    reason="no-dsa",
)
KEV = Exploited(cve="CVE-2026-1001", added_on=date(2026, 8, 2), due_on=date(2026, 8, 23), ransomware=True, name="Bash")
SCORE = ExploitProbability(cve="CVE-2026-1000", probability=0.00413, percentile=0.34395)
BOOKWORM = Lifecycle(
    product="debian",
    cycle="12",
    codename="Bookworm",
    released_on=date(2023, 6, 10),
    support_ends_on=date(2026, 7, 11),
    extended_ends_on=date(2028, 6, 30),
    extended_name="Debian LTS",
    latest="12.15",
)
ROLLING = Lifecycle(product="oracle-linux", cycle="10", ended=False, lts=True)
CHROME = AffectedRange(
    cve="CVE-2020-0001",
    product="google:chrome",
    introduced="5.0",
    fixed_version="150.0.1",
    target="android",
    edition="enterprise",
)
WINRAR = AffectedRange(cve="CVE-2025-8088", product="rarlab:winrar", last_affected="7.12")
BUILD = WindowsBuild(
    build="26100.8655",
    kb="KB5094126",
    released_on=date(2026, 6, 9),
    preview=True,
    out_of_band=True,
    hotpatch=True,
)
FIRST = WindowsBuild(build="26100.1742")
OTHERS: list[FeedRecord] = [
    KEV,
    dataclasses.replace(KEV, cve="CVE-2020-0001"),
    SCORE,
    dataclasses.replace(SCORE, cve="CVE-2020-0001"),
    ROLLING,
    BOOKWORM,
    CHROME,
    WINRAR,
    BUILD,
    FIRST,
    WindowsBuild(build="2610.1"),
    WindowsBuild(build="261001.1"),
    WindowsBuild(build="26200.1"),
]


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    path = tmp_path / "feeds.sqlite"
    write(path, [(state("dsa"), [ADVISORY, FIXED, BARE, UNFIXED]), (state("others"), OTHERS)])
    return path


def test_every_field_of_every_record_comes_back_unchanged(compiled):
    found = load(compiled, {"debian:12": ["bash", "zsh"], "debian:11": {"bash"}})
    assert set(found.advisories) == {ADVISORY, BARE}
    assert set(found.affected) == {FIXED, UNFIXED}
    assert found.exploited == (KEV,)
    assert found.probabilities == (SCORE,)
    assert found.lifecycles == (BOOKWORM, ROLLING)


def test_ranges_come_for_the_products_asked_with_the_exploitation_of_their_cves(compiled):
    found = load(compiled, {"app": ["google:chrome", "google:chrome_os"]})
    assert found.ranges == (CHROME,)
    assert [entry.cve for entry in found.exploited] == ["CVE-2020-0001"]
    assert [score.cve for score in found.probabilities] == ["CVE-2020-0001"]
    assert (found.affected, found.windows_builds) == ((), ())
    assert load(compiled, {"app": []}).ranges == ()


def test_one_range_said_twice_is_loaded_once(tmp_path):
    path = tmp_path / "feeds.sqlite"
    write(path, [(state("nvd"), [CHROME, WINRAR, CHROME])])
    assert load(path, {"app": ["google:chrome"]}).ranges == (CHROME,)


@pytest.mark.parametrize("release", ["windows:26100-client", "windows:26100-server"])
def test_W5_builds_come_with_a_windows_release_of_their_own_branch_only(compiled, release):
    found = load(compiled, {release: []})
    assert set(found.windows_builds) == {BUILD, FIRST}
    assert set(load(compiled, {"windows:26100-client": ["windows/x64"], release: []}).windows_builds) == {BUILD, FIRST}
    assert load(compiled, {"debian:12": []}).windows_builds == ()


def test_a_feed_bound_to_patch_tuesday_comes_back_as_one(tmp_path):
    write(tmp_path / "feeds.sqlite", [(dataclasses.replace(state("msrc"), patch_tuesday=True), [ADVISORY, FIXED])])
    assert [known.patch_tuesday for known in load_states(tmp_path / "feeds.sqlite")] == [True]


def test_rows_that_differ_in_their_remedy_alone_stay_two(tmp_path):
    path = tmp_path / "feeds.sqlite"
    kbs = [dataclasses.replace(FIXED, remedy=kb, fixed_version="") for kb in ("KB5094126", "KB5089466")]
    write(path, [(state("msrc"), [ADVISORY, *kbs])])
    assert set(load(path, {"debian:12": ["bash"]}).affected) == set(kbs)


def test_a_feed_that_only_explains_comes_back_as_one(tmp_path):
    write(tmp_path / "feeds.sqlite", [(dataclasses.replace(state("tracker"), announces=False), [BARE])])
    assert [known.announces for known in load_states(tmp_path / "feeds.sqlite")] == [False]


def test_states_come_back_with_records_and_releases_counted(compiled):
    dsa, others = load_states(compiled)
    assert dsa == dataclasses.replace(state("dsa"), records=4, covers=("debian:11", "debian:12"))
    assert others == dataclasses.replace(state("others"), records=13, covers=())
    assert load(compiled, {}).feeds == (dsa, others)


@pytest.mark.parametrize(
    "packages",
    [{}, {"debian:12": []}, {"debian:12": ["zsh"]}, {"debian:13": ["bash"]}, {"": [""]}, {"debian:12": ["bash'; --"]}],
)
def test_what_was_not_asked_is_not_loaded(compiled, packages):
    found = load(compiled, packages)
    assert (found.advisories, found.affected, found.exploited, found.probabilities) == ((), (), (), ())
    assert len(found.lifecycles) == 2


def test_an_advisory_of_two_releases_is_loaded_once(tmp_path):
    path = tmp_path / "feeds.sqlite"
    other = dataclasses.replace(FIXED, release="debian:13")
    write(path, [(state("dsa"), [ADVISORY, FIXED, other])])
    found = load(path, {"debian:12": ["bash"], "debian:13": ["bash"]})
    assert found.advisories == (ADVISORY,)
    assert set(found.affected) == {FIXED, other}


def test_two_feeds_may_speak_of_one_advisory_and_both_are_loaded_in_order_of_name(tmp_path):
    path = tmp_path / "feeds.sqlite"
    second = dataclasses.replace(ADVISORY, feed="osv", title="other words")
    write(path, [(state("osv"), [second, FIXED]), (state("dsa"), [ADVISORY, FIXED])])
    found = load(path, {"debian:12": ["bash"]})
    assert found.advisories == (ADVISORY, second)
    assert found.affected == (FIXED, FIXED)


def test_one_package_may_be_fixed_at_several_versions_by_one_advisory(tmp_path):
    path = tmp_path / "feeds.sqlite"
    streams = [dataclasses.replace(FIXED, module=f"perl:5.{n}", fixed_version=f"{n}.el8") for n in range(24, 33)]
    write(path, [(state("alma"), [dataclasses.replace(ADVISORY, feed="alma"), *streams, *streams])])
    assert set(load(path, {"debian:12": ["bash"]}).affected) == set(streams)
    assert len(load(path, {"debian:12": ["bash"]}).affected) == len(streams)


def test_records_built_by_filling_slots_equal_those_built_by_their_constructor():
    """`_build` bypasses __init__: it must set every field, and no record may need more than its fields."""
    for record in (ADVISORY, FIXED, SCORE):
        kind = type(record)
        assert "__post_init__" not in vars(kind)
        columns = {field.name: [getattr(record, field.name)] for field in dataclasses.fields(record)}
        assert database._build(kind, **columns) == [record]


def test_thousands_of_packages_of_many_releases_are_loaded_exactly(tmp_path):
    chance = random.Random(7)
    releases = ["debian:11", "debian:12", "ubuntu:24.04"]
    made: list[FeedRecord] = []
    affected = []
    for number in range(4000):
        advisory = Advisory(id=f"A-{number}", feed="many", cves=(f"CVE-2026-{number:05d}",))
        made.append(advisory)
        for package in {f"p{chance.randrange(900)}" for _ in range(3)}:
            row = dataclasses.replace(
                FIXED,
                advisory=advisory.id,
                release=chance.choice(releases),
                package=package,
                fixed_version=f"1.{number}",
            )
            made.append(row)
            affected.append(row)
    path = tmp_path / "feeds.sqlite"
    write(path, [(state("many"), made)])
    wanted = {release: [f"p{n}" for n in range(0, 900, 2)] for release in releases[1:]}
    expected = {row for row in affected if row.release in wanted and row.package in wanted[row.release]}
    found = load(path, wanted)
    assert set(found.affected) == expected
    assert len(found.affected) == len(expected)
    assert {advisory.id for advisory in found.advisories} == {row.advisory for row in expected}


def test_names_of_folders_that_mean_something_in_an_address_are_opened(tmp_path):
    folder = tmp_path / "100% #1?"
    folder.mkdir()
    write(folder / "feeds.sqlite", [(state("dsa"), [ADVISORY, FIXED])])
    assert load(folder / "feeds.sqlite", {"debian:12": ["bash"]}).affected == (FIXED,)


def test_an_absent_file_says_what_to_run(tmp_path):
    with pytest.raises(FeedError, match=r"no compiled feed file\. Run `auditor feeds update`"):
        load(tmp_path / "feeds.sqlite", {})


@pytest.mark.parametrize("damage", [b"not a database at all", b"", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_told(tmp_path, damage):
    path = tmp_path / "feeds.sqlite"
    path.write_bytes(damage)
    with pytest.raises(FeedInvalid, match=r"feeds\.sqlite: .*(damaged|not a compiled feed file)"):
        load(path, {"debian:12": ["bash"]})


def test_a_file_cut_in_half_is_told_and_not_read_as_empty(compiled):
    data = compiled.read_bytes()
    compiled.write_bytes(data[: len(data) // 3])
    with pytest.raises(FeedInvalid, match="damaged"):
        load(compiled, {"debian:12": ["bash"], "debian:11": ["bash"]})


def test_a_file_of_a_newer_version_is_not_guessed_at(compiled):
    with sqlite3.connect(compiled) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(FeedInvalid, match="has version 99, this auditor reads version"):
        load(compiled, {})


def test_somebody_elses_database_is_not_ours(tmp_path):
    path = tmp_path / "feeds.sqlite"
    sqlite3.connect(path).execute("CREATE TABLE feed (name)").connection.close()
    with pytest.raises(FeedInvalid, match="not a compiled feed file"):
        load(path, {})


@pytest.mark.parametrize(
    "records",
    [
        [FIXED],
        [ADVISORY, dataclasses.replace(FIXED, advisory="DSA-9-9")],
        [dataclasses.replace(ADVISORY, title="\udcff")],
        [dataclasses.replace(SCORE, probability=float("nan"))],
        [SCORE, SCORE],
        [KEV, KEV],
        [BOOKWORM, BOOKWORM],
        [BUILD, BUILD],
        [dataclasses.replace(SCORE, probability=10**30)],
        [dataclasses.replace(ADVISORY, title=["a", "list"])],
    ],
    ids=["orphan", "unknown", "surrogate", "nan", "twice", "kev-twice", "cycle-twice", "build-twice", "huge", "list"],
)
def test_records_that_cannot_stand_are_refused_and_the_old_file_stays(compiled, records):
    before = compiled.read_bytes()
    with pytest.raises(FeedInvalid):
        write(compiled, [(state("dsa"), records)])
    assert compiled.read_bytes() == before
    assert [path.name for path in compiled.parent.iterdir()] == ["feeds.sqlite"]


def test_a_reader_keeps_the_file_it_opened_while_another_is_swapped_in(compiled):
    reader = database.open_readonly(compiled)
    write(compiled, [(state("new"), [dataclasses.replace(ADVISORY, feed="new"), FIXED])])
    assert [name for (name,) in reader.execute("SELECT name FROM feed ORDER BY name")] == ["dsa", "others"]
    reader.close()
    assert [one.name for one in load_states(compiled)] == ["new"]


def test_nothing_is_replaced_without_finish(compiled):
    before = compiled.read_bytes()
    with Compiler(compiled, base=compiled) as compiler:
        compiler.replace(state("dsa"), pack("dsa", [ADVISORY]))
    assert compiled.read_bytes() == before


def test_a_file_that_lost_most_of_its_rows_gives_the_space_back(tmp_path):
    path = tmp_path / "feeds.sqlite"
    write(path, [(state("plain"), records_of(rows(20_000), "plain")), (state("dsa"), [ADVISORY, FIXED])])
    large = path.stat().st_size
    with Compiler(path, base=path) as compiler:
        compiler.drop("plain")
        compiler.finish()
    assert path.stat().st_size < large / 3
    assert load(path, {"debian:12": ["bash", "pkg-1"]}).affected == (FIXED,)


def test_memory_stays_bounded_while_many_records_stream_through(tmp_path):
    def stream():
        for number in range(120_000):
            yield Advisory(id=f"A-{number}", feed="many", cves=(f"CVE-2026-{number}",), title="t" * 200)

    tracemalloc.start()
    write(tmp_path / "feeds.sqlite", [(state("many"), stream())])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 << 20
