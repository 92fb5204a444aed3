"""Real Windows machines: what we flag against what their own records and the build tables say."""

import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from functools import cache

import pytest

from collectors.feeds.records import FeedRecords, FeedState, Lifecycle
from collectors.model import HostSnapshot
from collectors.releases import release_of
from rules.contract import Contract
from rules.engine import Judge
from rules.knowledge import Knowledge
from rules.matching import Matcher
from rules.model import Finding, Outcome, PatchState
from rules.verdicts import PatchVerdict, ProductLine
from tests.lab.windows_snapshots import cbs, qfe, windows_host
from tests.quality import windows_feeds
from tests.quality.scoreboard import Score, record_score
from tests.quality.windows_oracles import NEVER_PATCHES, azure_images, days_later, vulsio_windows


@cache
def matcher(release: str, as_of: date) -> Matcher:
    return Matcher(windows_feeds.knowledge([release], as_of=as_of))


def missing(snapshot: HostSnapshot, as_of: date | None = None) -> tuple[PatchVerdict, ...]:
    """Missing patches of Windows itself, with what was published by a day (default: when it was seen)."""
    release = _release(snapshot)
    found = matcher(release, as_of or snapshot.taken_at.date()).match(snapshot)
    return tuple(one for one in found if one.state is PatchState.MISSING and one.line is ProductLine.WINDOWS)


def _release(snapshot: HostSnapshot) -> str:
    assert snapshot.operating_system is not None
    release = release_of(snapshot.operating_system)
    assert release is not None
    return release


def _revision(build: str) -> int:
    return int(build.rpartition(".")[2])


# --- images of Windows Server -----------------------------------------------------------------------------------------


def test_the_update_of_the_build_is_among_the_hotfixes_of_every_image() -> None:
    table = windows_feeds.builds()
    agree = [image for image in azure_images() if {one.kb for one in table[image.build]} & image.applied]
    assert (len(agree), len(azure_images())) == (163, 163)


def test_D6_a_server_of_23h2_is_known_by_its_build_although_it_names_itself_2022() -> None:
    releases = Counter(_release(image.snapshot) for image in azure_images())
    assert releases["windows:25398-server"] > 0
    assert set(releases) == {f"windows:{build}-server" for build in (17763, 20348, 25398, 26100)}


def test_an_image_lacks_nothing_on_its_own_day_unless_a_security_update_came_out_in_between(
    request: pytest.FixtureRequest,
) -> None:
    newer, flagged, false_missing = Counter[int](), 0, []
    for image in azure_images():
        between = _released_since(image, image.seen_on)
        newer[len(between)] += 1
        found = missing(image.snapshot)
        flagged += len(found)
        if found and found[0].remedy not in {one.kb for one in between}:
            false_missing.append((image.name, found[0].remedy))
    record_score(
        request,
        Score(
            host="163 images of Windows Server",
            feed="MSRC as of the image's day",
            flagged=flagged,
            offered=newer[1] + newer[2],
            false_missing=len(false_missing),
            remark="offered: images older than some release of that day, out-of-band ones included",
        ),
    )
    assert newer == {0: 149, 1: 12, 2: 2}
    assert false_missing == []


def test_35_days_later_every_image_lacks_the_next_monthly_release(request: pytest.FixtureRequest) -> None:
    flagged, without, wrong = 0, [], []
    for image in azure_images():
        day = days_later(image, 35)
        since = _released_since(image, day)
        monthly = [one for one in since if not one.out_of_band]
        found = missing(image.snapshot, day)
        if not since:
            without.append((image.name, found))
        elif not found:
            wrong.append((image.name, "nothing"))
        else:
            flagged += 1
            late = _revision(found[0].fixed_version)
            if found[0].remedy not in {one.kb for one in since} or late < _security_revision(monthly):
                wrong.append((image.name, found[0].remedy))
    record_score(
        request,
        Score(
            host="163 images, 35 days later",
            feed="MSRC as of that day",
            flagged=flagged,
            offered=163 - len(without),
            false_missing=len(wrong),
            found=flagged,
            expected=163 - len(without),
        ),
    )
    assert flagged == 162
    assert wrong == []
    [(name, found)] = without  # 23H2 after its end of support
    assert name.startswith("25398.")
    assert found == ()


def _released_since(image, day: date):
    branch, revision = (int(part) for part in image.build.split("."))
    return [
        one
        for one in _server_releases(branch)
        if _revision(one.build) > revision and not one.preview and one.released_on and one.released_on <= day
    ]


@cache
def _server_releases(branch: int):
    return windows_feeds.releases_of(branch, server=True)


def _security_revision(monthly) -> int:
    """The newest monthly release that closes a flaw, by both lists."""
    closing = {row.kb for row in (*windows_feeds.cve_kb(), *windows_feeds.definitions())}
    return max((_revision(one.build) for one in monthly if one.kb in closing), default=0)


# --- recorded machines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "later", "recorded", "previews"),
    [("10_1709", 60, 60, 0), ("10_20h2", 63, 63, 25), ("server_2016", 33, 27, 0)],
)
def test_what_is_flagged_is_among_the_updates_the_machine_lacks(
    request: pytest.FixtureRequest, name: str, later: int, recorded: int, previews: int
) -> None:
    host = vulsio_windows(name)
    branch, revision = (int(part) for part in host.build.split("."))
    newer = [
        one
        for one in windows_feeds.releases_of(branch)
        if _revision(one.build) > revision and one.kb and one.released_on and one.released_on <= host.seen_on
    ]
    kbs = {one.kb for one in newer}
    [found] = missing(host.snapshot)
    named = {fix.remedy for fix in found.fixes}
    wrong = {kb for kb in named if kb not in kbs}
    record_score(
        request,
        Score(
            host=f"windows_{name}",
            feed="MSRC as of the scan",
            flagged=1,
            offered=len(host.unapplied - NEVER_PATCHES),
            false_missing=len(wrong),
            found=1,
            expected=1,
            remark=f"{found.remedy} with {len(found.advisories)} flaws; {len(kbs)} later updates in the build table",
        ),
    )
    assert (len(kbs), len(kbs & host.unapplied)) == (later, recorded)
    assert wrong == set()
    assert (
        found.remedy == max((one for one in newer if one.kb in named), key=lambda one: _revision(one.build)).kb
    )  # one line: the newest of those with a flaw
    if previews:
        assert len({one.kb for one in newer if one.preview}) == previews
        assert named.isdisjoint({one.kb for one in newer if one.preview})


ALL_HOSTS = ("10_1709", "10_20h2", "10_22h2", "11_23h2", "11_24h2", "server_2016", "server_2022")


@pytest.mark.parametrize("name", [*ALL_HOSTS, "server_2022_sql_server_2019"])
def test_D8_nothing_at_or_below_the_build_and_nothing_that_is_no_patch_is_ever_flagged(name: str) -> None:
    host = vulsio_windows(name)
    branch, revision = (int(part) for part in host.build.split("."))
    below = {one.kb for one in windows_feeds.releases_of(branch) if _revision(one.build) <= revision}
    for found in missing(host.snapshot):
        named = {found.remedy, *(fix.remedy for fix in found.fixes)}
        assert named.isdisjoint(below)
        assert named.isdisjoint(NEVER_PATCHES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("11_23h2", "KB5078883"), ("server_2022", "KB5078766")],
)
def test_the_newest_update_is_the_line_and_the_only_one_windows_update_names(name: str, expected: str) -> None:
    host = vulsio_windows(name)
    [found] = missing(host.snapshot)
    assert found.remedy == expected
    assert host.unapplied - NEVER_PATCHES == {expected}


def test_silence_of_windows_update_is_not_fine() -> None:
    """windows_11_24h2 was offered nothing although nine client releases were newer."""
    host = vulsio_windows("11_24h2")
    assert host.unapplied == frozenset()
    [found] = missing(host.snapshot)
    assert found.remedy == "KB5079473"
    [told] = _findings(host.snapshot, "patch.missing")
    assert (told.outcome, told.message.params["cross_check"]) == (Outcome.FAIL, "only_ours")


def test_D7_windows_10_without_esu_is_neither_missing_patches_nor_fine() -> None:
    host = vulsio_windows("10_22h2")
    later = [
        one
        for one in windows_feeds.releases_of(19045)
        if _revision(one.build) > 6456 and one.released_on and one.released_on <= host.seen_on
    ]
    assert len(later) == 9
    assert host.unapplied.isdisjoint({one.kb for one in later})
    assert missing(host.snapshot) != ()  # the fixes exist ...
    [told] = _findings(host.snapshot, "patch.missing")  # ... and are not for this machine
    assert (told.outcome, told.state) == (Outcome.NOT_APPLICABLE, PatchState.OUT_OF_SUPPORT)
    assert told.message.text.endswith("out_of_support_windows")


def _findings(snapshot: HostSnapshot, rule: str) -> tuple[Finding, ...]:
    about = windows_feeds.knowledge([_release(snapshot)], as_of=snapshot.taken_at.date())
    names = ("msrc", "endoflife", "kev", "epss")
    feeds = {
        name: FeedState(
            name=name,
            title=name,
            url="",
            licence="",
            max_age_days=7,
            checked_at=snapshot.taken_at,
            covers=(_release(snapshot),) if name == "msrc" else (),
        )
        for name in names
    }
    calendar = Knowledge.from_records(
        FeedRecords(
            lifecycles=(
                Lifecycle(
                    product="windows",
                    cycle="10-22h2",
                    support_ends_on=date(2025, 10, 14),
                    extended_ends_on=date(2028, 10, 10),
                ),
                Lifecycle(product="windows", cycle="11-24h2-w", support_ends_on=date(2026, 10, 13)),
            )
        )
    )
    known = Knowledge(
        feeds=feeds,
        advisories=about.advisories,
        affected=about.affected,
        exploited={},
        probabilities={},
        lifecycles=calendar.lifecycles,
        windows_builds=about.windows_builds,
    )
    judged = Judge(known, Contract(client="Lab"), snapshot.taken_at).judge(snapshot)
    assert judged.failures == ()
    return tuple(finding for finding in judged.findings if finding.rule == rule)


def test_D11_sql_server_lacks_what_windows_update_does_not_name(request: pytest.FixtureRequest) -> None:
    host = vulsio_windows("server_2022_sql_server_2019")
    assert host.seen_on == date(2026, 5, 1)
    found = matcher("sql-server:2019", host.seen_on).match(host.snapshot)
    [sql] = [one for one in found if one.line is ProductLine.SQL_SERVER]
    record_score(
        request,
        Score(
            host="server_2022_sql_server_2019",
            feed="MSRC as of the scan",
            flagged=1,
            offered=0,
            false_missing=int(sql.remedy != "KB5084816"),
            found=1,
            expected=1,
            remark=f"{sql.installed_version} lacks {sql.remedy}; Windows Update names none (D11)",
        ),
    )
    assert (sql.state, sql.remedy) == (PatchState.MISSING, "KB5084816")
    assert {fix.remedy for fix in sql.fixes} <= {
        "KB5058722",
        "KB5063757",
        "KB5065222",
        "KB5068404",
        "KB5077469",
        "KB5084816",
    }
    assert "KB5084816" not in host.unapplied
    later = matcher("sql-server:2019", date(2026, 5, 12)).match(host.snapshot)
    assert [one.remedy for one in later if one.line is ProductLine.SQL_SERVER] == ["KB5090407"]


# --- machines that lack nothing ---------------------------------------------------------------------------------------

_PATCHED = {  # product in the definitions: build, newest cumulative update, what a matcher by KB list reports here
    "Windows 11 Version 24H2 for x64-based Systems": ("26100.8655", "KB5094126", 16),
    "Windows Server 2022": ("20348.5256", "KB5094128", 28),
    "Windows Server 2019": ("17763.8880", "KB5094123", 8),
    "Windows Server 2016": ("14393.9234", "KB5094122", 13),
    "Windows 10 Version 22H2 for x64-based Systems": ("19045.7417", "KB5094127", 2),
}


@pytest.mark.parametrize("product", _PATCHED)
def test_a_machine_whose_only_hotfix_is_the_newest_update_lacks_nothing(
    request: pytest.FixtureRequest, product: str
) -> None:
    build, kb, by_list = _PATCHED[product]
    host = windows_host(
        build=build,
        kind="server" if "Server" in product else "client",
        updates=[qfe(kb), cbs(build)],
        taken_at=datetime(2026, 6, 28, 8, 0, tzinfo=UTC),
    )
    found = missing(host)
    record_score(
        request,
        Score(
            host=f"{product.partition(' for ')[0]} at {build}",
            feed="definitions of 2026-06-28",
            flagged=len(found),
            offered=0,
            false_missing=len(found),
            remark=f"a matcher by KB list reports {by_list}",
        ),
    )
    assert found == ()
    assert len(_by_kb_list()[product](kb)) == by_list


@cache
def _by_kb_list():
    """A matcher that knows installed KBs and who supersedes whom: a gap in the chains is a missing patch to it."""
    closing: defaultdict[str, set[str]] = defaultdict(set)
    supersedes: dict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in windows_feeds.definition_rows():
        product = row["AffectedProduct"]
        if product in _PATCHED and row["BulletinKB"]:
            closing[product].add(row["BulletinKB"])
            supersedes[product][row["BulletinKB"]].update(filter(None, re.split(r"[;, ]+", row["Supersedes"])))

    def matcher_of(product: str):
        def report(installed: str) -> set[str]:
            below = supersedes[product]
            lacking = closing[product] - _closure(below, {installed.removeprefix("KB")})
            return lacking - {kb for one in lacking for kb in _closure(below, {one}) - {one}}

        return report

    return {product: matcher_of(product) for product in _PATCHED}


def _closure(below: dict[str, set[str]], start: set[str]) -> set[str]:
    """Everything superseded by some updates; ends although KB5077469 supersedes itself."""
    seen, open_ones = set(start), list(start)
    while open_ones:
        for kb in below.get(open_ones.pop(), set()) - seen:
            seen.add(kb)
            open_ones.append(kb)
    return seen
