"""Office channels as they really were: whoever follows a branch its channel serves lacks nothing (W22).

Every build of the samples is taken for a security release here, which is harder than the truth.
"""

import csv
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from typing import NamedTuple

import pytest

from collectors.feeds.office_channels import CHANNELS
from collectors.feeds.records import FeedRecords, Lifecycle
from rules.knowledge import Knowledge
from rules.matching import Matcher
from rules.model import PatchState
from tests.lab.windows_snapshots import click_to_run, windows_host
from tests.quality.oracles import data
from tests.quality.scoreboard import Score, record_score
from tests.rules.windows.msrc_rows import office_build

_GUIDS = {name: guid for guid, name in CHANNELS.items()}


class Published(NamedTuple):
    """One build of one channel; `ends_on` is the last day its version is served, None when that is not told."""

    version: str
    on: date
    ends_on: date | None

    @property
    def branch(self) -> str:
        return self.version.split(".")[2]


@cache
def history() -> dict[str, list[Published]]:
    """Builds by channel, 2022-05 to 2026-05, in the order they came out."""
    found: defaultdict[str, list[Published]] = defaultdict(list)
    with (data("feeds/office-c2r") / "microsoft365apps-history.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            published = _day(row["published"])
            if published is not None:
                found[row["channel"]].append(Published(row["version"], published, _day(row["eos_date"])))
    return {channel: sorted(builds, key=lambda build: build.on) for channel, builds in found.items()}


def _day(text: str) -> date | None:
    """ISO or MM/DD/YYYY; 01/01/0001 means none."""
    if american := re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", text):
        text = f"{american[3]}-{american[1]}-{american[2]}"
    day = date.fromisoformat(text) if text else None
    return None if day is None or day.year < 2000 else day


def _known(channel: str, day: date) -> Knowledge:
    """What the feed would have said that day."""
    builds = [build for build in history()[channel] if build.on <= day]
    guid = _GUIDS[channel]
    made = [office_build(build.version, guid, on=build.on) for build in builds]
    ends = {build.branch: build.ends_on for build in builds if build.ends_on is not None}
    return Knowledge.from_records(
        FeedRecords(
            advisories=tuple(advisory for advisory, _ in made),
            affected=tuple(row for _, rows in made for row in rows),
            lifecycles=tuple(
                Lifecycle(product=f"office-channel:{guid}", cycle=branch, support_ends_on=end)
                for branch, end in ends.items()
            ),
        )
    )


def _missing(match, version: str, channel: str, day: date) -> list[str]:
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    host = windows_host(office=(click_to_run(version, _GUIDS[channel]),), taken_at=moment)
    return [found.fixed_version for found in match(host) if found.state is PatchState.MISSING]


def _newest_of_served_branches(channel: str, day: date) -> Iterator[Published]:
    newest: dict[str, Published] = {}
    for build in history()[channel]:
        if build.on <= day:
            known = newest.get(build.branch)
            if known is None or _number(build.version) > _number(known.version):
                newest[build.branch] = build
    latest = max(newest.values(), key=lambda build: _number(build.version))
    for build in newest.values():
        served = channel != "Current" and build.ends_on is not None and build.ends_on >= day
        if build is latest or served:
            yield build


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@pytest.mark.parametrize(
    "channel", ["Current", "MonthlyEnterprise", "SemiAnnual", "PerpetualVL2021", "PerpetualVL2024"]
)
def test_W22_whoever_has_the_newest_build_of_a_served_branch_lacks_nothing(
    request: pytest.FixtureRequest, channel: str
) -> None:
    days = sorted({build.on for build in history()[channel]})[3::3]
    asked, wrong, behind, unseen = 0, [], 0, []
    for day in days:
        match = Matcher(_known(channel, day)).match
        for build in _newest_of_served_branches(channel, day):
            asked += 1
            if found := _missing(match, build.version, channel, day):
                wrong.append((day, build.version, found))
            older = [one for one in history()[channel] if one.branch == build.branch and one.on < build.on]
            if older:
                behind += 1
                if not _missing(match, older[-1].version, channel, day):
                    unseen.append((day, older[-1].version))
    record_score(
        request,
        Score(
            host=f"Office, {channel}",
            feed="channel history 2022-2026",
            flagged=behind - len(unseen),
            offered=behind,
            false_missing=len(wrong),
            found=behind - len(unseen),
            expected=behind,
            remark=f"{asked} machines at the newest build of their branch, {behind} one build behind",
        ),
    )
    assert asked > 5
    assert wrong == []
    assert unseen == []


@cache
def maps() -> dict[str, str]:
    """Newest build by channel on 2026-08-21, as Office itself is told."""
    with tarfile.open(data("feeds/office-c2r/office16-defconfig-history.tar.xz")) as archive:
        newest = max((entry for entry in archive if entry.isfile()), key=lambda entry: entry.name)
        file = archive.extractfile(newest)
        assert file is not None
        return dict(re.findall(r": ([0-9a-f-]{36}) : (\S+)", file.read().decode()))


def test_W22_the_newest_build_of_monthly_enterprise_is_old_in_the_current_channel() -> None:
    day = date(2026, 8, 21)
    current, enterprise = _GUIDS["Current"], _GUIDS["MonthlyEnterprise"]
    assert (maps()[enterprise], maps()[current]) == ("16.0.20228.20188", "16.0.20326.20100")
    made = [office_build(maps()[guid], guid, on=day) for guid in (current, enterprise)]
    known = Knowledge.from_records(
        FeedRecords(
            advisories=tuple(advisory for advisory, _ in made),
            affected=tuple(row for _, rows in made for row in rows),
        )
    )
    match = Matcher(known).match
    assert _missing(match, "16.0.20228.20188", "MonthlyEnterprise", day) == []
    assert _missing(match, "16.0.20228.20188", "Current", day) == ["16.0.20326.20100"]
    assert _missing(match, "16.0.20326.20100", "Current", day) == []
