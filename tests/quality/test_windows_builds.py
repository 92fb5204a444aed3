"""The samples about Windows against each other, and our verdict against both: same update, same build."""

import json
import re
from collections import Counter
from datetime import UTC, date, datetime
from functools import cache

import pytest

from collectors.feeds import msrc
from collectors.feeds.feed import RawPart
from collectors.feeds.records import Advisory, AffectedPackage, FeedRecords, FeedState
from collectors.windows.facts import OfficeInstall
from rules.knowledge import Knowledge
from rules.matching import Matcher
from rules.model import PatchState
from rules.windows.builds import RunningBuild
from rules.windows.system import SystemUpdates
from tests.lab.windows_snapshots import history, windows_host
from tests.quality import windows_feeds
from tests.quality.oracles import data

_HOTPATCHES = {  # hotpatch, the cumulative update of its month, flaws both close
    "KB5072014": ("KB5072033", 33),
    "KB5077212": ("KB5077181", 27),
    "KB5079420": ("KB5079473", 38),
    "KB5089466": ("KB5089549", 61),
}


def test_the_union_of_two_build_tables_covers_22_builds() -> None:
    branches = Counter(build.partition(".")[0] for build in windows_feeds.builds())
    assert len(branches) == 22
    assert (branches["14393"], branches["20348"], branches["26100"]) == (195, 92, 73)


def test_D13_a_list_named_after_one_version_holds_rows_of_another() -> None:
    assert any(entry.build.startswith("26200.") for entry in windows_feeds.releases_of(26200))
    assert all(entry.build.startswith("20348.") for entry in windows_feeds.releases_of(20348))


def test_two_publishers_name_the_same_update_for_the_same_build() -> None:
    table = windows_feeds.builds()
    tally: Counter[str] = Counter()
    flaws = set()
    for path in data("feeds/msrc-cve-kb").glob("CVE_KB_Mapping_*.json"):
        for entry in json.loads(path.read_text(encoding="utf-8-sig")):
            flaws.add(entry["cve"])
            tally.update(_agreement(patch, table) for patch in entry["patches"])
    assert len(flaws) == 1590
    assert tally == {"agree": 8514, "newer than the table": 334, "no build": 258}


def _agreement(patch, table) -> str:
    if not re.fullmatch(r"\d{5}\.\d+", patch["fixedBuild"]):
        return "no build"
    known = table.get(patch["fixedBuild"])
    if known is None:
        return "newer than the table"
    return "agree" if patch["kb"] in {entry.kb for entry in known} else "disagree"


@pytest.mark.parametrize("branch", [14393, 17763, 20348, 26100])
def test_the_revision_we_give_an_update_is_that_of_the_build_table(branch: int) -> None:
    release = f"windows:{branch}-server"
    about = windows_feeds.knowledge([release], as_of=date(2026, 8, 31))
    updates = SystemUpdates(about, RunningBuild(release, "x64", branch, 1))
    told = {
        row.kb: int(row.fixed.partition(".")[2])
        for row in windows_feeds.cve_kb()
        if row.product.release == release and re.fullmatch(rf"{branch}\.\d+", row.fixed)
    }
    tabled = {kb for kb in told if any(kb == one.kb for one in windows_feeds.releases_of(branch))}
    assert len(tabled) >= 14
    assert {kb: updates.revision_of(kb) for kb in tabled} == {kb: told[kb] for kb in tabled}


def test_the_flaws_of_a_host_follow_from_its_build_alone() -> None:
    about = windows_feeds.knowledge(["windows:20348-server"], as_of=date(2026, 8, 31))
    match = Matcher(about).match
    july = windows_host(build="20348.5386", kind="server")
    open_ones = {verdict.remedy: verdict.cves for verdict in match(july) if verdict.fixes and verdict.fixed_version}
    assert "CVE-2026-42976" in open_ones["KB5120242"]
    assert match(windows_host(build="20348.5499", kind="server")) == ()


@pytest.mark.parametrize(("hotpatch", "expected"), _HOTPATCHES.items())
def test_D8_a_hotpatch_and_the_update_of_its_month_close_the_same_flaws(
    hotpatch: str, expected: tuple[str, int]
) -> None:
    flaws = {
        kb: {row.cve for row in windows_feeds.definitions() if row.kb == kb and row.product.package == "windows/x64"}
        for kb in (hotpatch, expected[0])
    }
    assert len(flaws[hotpatch]) == expected[1]
    assert flaws[hotpatch] <= flaws[expected[0]]


# --- the product's own feed and verdict together ----------------------------------------------------------------------

_SAMPLE = "feeds/msrc-cvrf-samples/cvrf_sample.json"


@cache
def guide() -> Knowledge:
    """The sample of June 2026, read by the product's own feed."""
    part = RawPart(
        name="2026-06.json", url="", path=data(_SAMPLE), sha256="", fetched_at=datetime(2026, 6, 28, tzinfo=UTC)
    )
    records = tuple(msrc.parse_part(part))
    rows = tuple(record for record in records if isinstance(record, AffectedPackage))
    covers = tuple(dict.fromkeys(row.release for row in rows))
    state = FeedState(name="msrc", title="MSRC", url="", licence="", max_age_days=7, covers=covers)
    advisories = tuple(record for record in records if isinstance(record, Advisory))
    return Knowledge.from_records(FeedRecords(feeds=(state,), advisories=advisories, affected=rows))


@pytest.mark.parametrize(
    ("build", "kind", "remedy"),
    [
        ("17763.8880", "server", "KB5094123"),
        ("20348.5256", "server", "KB5094128"),
        ("26100.32995", "server", "KB5094125"),
        ("26100.8655", "client", "KB5094126"),
        ("26200.8655", "client", "KB5094126"),
        ("9600.23228", "server", "KB5094041"),
        ("19045.7417", "client", "KB5094127"),
    ],
)
def test_the_guide_read_by_our_feed_decides_at_the_very_build(build: str, kind: str, remedy: str) -> None:
    branch, revision = build.split(".")
    match = Matcher(guide()).match
    assert match(windows_host(build=build, kind=kind)) == ()
    [found] = match(windows_host(build=f"{branch}.{int(revision) - 1}", kind=kind))
    assert (found.state, found.remedy, found.fixed_version) == (PatchState.MISSING, remedy, build)
    assert found.released_on == date(2026, 6, 9)  # M10: every ReleaseDate of the sample is 0001-01-01


def test_an_office_of_the_windows_installer_is_never_missing_a_patch_by_silence() -> None:
    office = OfficeInstall(kind="msi", version="16.0.4266.1001", platform="x64")
    [found] = Matcher(guide()).match(windows_host(build="26100.8655", office=(office,)))
    assert (found.state, found.remedy) == (PatchState.UNKNOWN, "KB5002878")
    traced = windows_host(build="26100.8655", office=(office,), updates=[history("KB5002878")])
    assert Matcher(guide()).match(traced) == ()
