"""Office channels: security builds under the GUID of their channel, the oddities of dates, and real history."""

import csv
import json
import logging
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import office_channels
from collectors.feeds.feed import FeedRecord
from collectors.feeds.records import Advisory, AffectedPackage, FixState, Lifecycle, PackageKind
from tests.lab.feed_samples import members, rows, sample
from tests.lab.made_up_feeds import TODAY, raw_part

CURRENT = "492350f6-3a01-4f97-b9c0-c7c6ddf67d60"
MONTHLY_ENTERPRISE = "55336b82-a18d-4dd6-b5f6-9e5095c314a6"


def release(
    build: str, kind: Any = 3, day: str | None = "2026-08-11T17:00:00Z", ends: str | None = None, **fields: Any
) -> dict[str, Any]:
    return {
        "releaseVersion": "Version 2607",
        "buildVersion": {"buildVersionString": build, "major": 16, "minor": 0},
        "releaseType": kind,
        "availabilityDate": day,
        "endOfSupportDate": ends,
        **fields,
    }


def channel(name: str, *releases: dict[str, Any]) -> dict[str, Any]:
    return {"channelId": name, "latestVersion": "", "officeVersions": list(releases)}


def parse(tmp_path: Path, *channels: Any, **latest: Any) -> tuple[FeedRecord, ...]:
    """Records of the list of channels and of answers about one channel each, by the channel's name in the API."""
    path = tmp_path / "releases.json"
    path.write_bytes(json.dumps(channels).encode())
    parts = [raw_part(path)]
    for name, answer in latest.items():
        path = tmp_path / f"security-{name}.json"
        path.write_bytes(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        parts.append(raw_part(path))
    return tuple(office_channels.parse(tuple(parts)))


def security(records: tuple[FeedRecord, ...]) -> set[tuple[str, str, str]]:
    return {(row.release, row.module, row.fixed_version) for row in rows(records)}


def test_a_security_release_is_an_advisory_with_its_row_under_the_guid_of_its_channel(tmp_path):
    ends = "2026-10-13T17:00:00Z"
    found = parse(tmp_path, channel("MonthlyEnterprise", release("16.0.19628.20214", ends=ends)))
    identity = "Office 16.0.19628.20214 MonthlyEnterprise"
    assert found == (
        Advisory(
            id=identity,
            feed="office-channels",
            title=identity,
            issued_on=date(2026, 8, 11),
            url="https://learn.microsoft.com/officeupdates/microsoft365-apps-security-updates",
        ),
        AffectedPackage(
            advisory=identity,
            release=f"office:{MONTHLY_ENTERPRISE}",
            package="office",
            kind=PackageKind.BINARY,
            state=FixState.FIXED,
            fixed_version="16.0.19628.20214",
            module="19628",
        ),
        Lifecycle(
            product=f"office-channel:{MONTHLY_ENTERPRISE}",
            cycle="19628",
            codename="MonthlyEnterprise",
            released_on=date(2026, 8, 11),
            support_ends_on=date(2026, 10, 13),
            latest="16.0.19628.20214",
        ),
    )


@pytest.mark.parametrize(
    ("kind", "is_security"),
    [(3, True), ("3", True), ("Security", True), ("Security Update", True), (1, False), (2, False), ("Quality", False)],
)
def test_only_security_releases_are_advisories_and_all_make_the_newest_build(tmp_path, kind, is_security):
    found = parse(tmp_path, channel("Current", release("16.0.20228.20110", 2), release("16.0.20228.20124", kind)))
    assert bool(security(found)) is is_security
    (lifecycle,) = (record for record in found if isinstance(record, Lifecycle))
    assert lifecycle.latest == "16.0.20228.20124"


def test_W22_each_version_of_a_channel_has_its_own_builds_and_end_of_support(tmp_path):
    releases = [
        release("16.0.19929.20216", ends="2026-09-08T17:00:00Z"),
        release("16.0.20131.20152", ends="2026-10-13T17:00:00Z", day="2026-08-11T17:00:00Z"),
        release("16.0.20131.20090", day="2026-07-14T17:00:00Z"),
    ]
    found = parse(tmp_path, channel("MonthlyEnterprise", *releases))
    assert {module for _, module, _ in security(found)} == {"19929", "20131"}
    lifecycles = {record.cycle: record for record in found if isinstance(record, Lifecycle)}
    assert lifecycles["20131"].latest == "16.0.20131.20152"
    assert lifecycles["20131"].released_on == date(2026, 7, 14)
    assert lifecycles["20131"].support_ends_on == date(2026, 10, 13)
    assert lifecycles["19929"].support_ends_on == date(2026, 9, 8)


def test_builds_are_ordered_by_number_and_not_as_text(tmp_path):
    found = parse(tmp_path, channel("Current", release("16.0.9999.20100"), release("16.0.10000.20100")))
    assert [row.module for row in rows(found)] == ["9999", "10000"]


@pytest.mark.parametrize("name", sorted(office_channels.CHANNELS.values()))
def test_every_channel_is_known_by_its_name(tmp_path, name):
    (found,) = rows(parse(tmp_path, channel(name, release("16.0.19628.20214"))))
    assert office_channels.CHANNELS[found.release.removeprefix("office:")] == name


@pytest.mark.parametrize("name", ["Monthly", "Current Channel", "Whatever it is called by then", CURRENT.upper()])
def test_W23_the_guid_in_the_address_of_the_files_wins_over_the_name(tmp_path, name):
    address = f"http://officecdn.microsoft.com/pr/{CURRENT.upper()}"
    (found,) = rows(parse(tmp_path, channel(name, release("16.0.20228.20124", cdnBaseURL=address))))
    assert found.release == f"office:{CURRENT}"


def test_a_channel_nobody_knows_is_named_and_the_others_stand(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "collectors.feeds.office_channels"):
        found = parse(
            tmp_path, channel("NextGen", release("16.0.21000.20000")), channel("Current", release("16.0.20228.20124"))
        )
    assert "'NextGen' is not known" in caplog.text
    assert security(found) == {(f"office:{CURRENT}", "20228", "16.0.20228.20124")}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-08-11T17:00:00+00:00", date(2026, 8, 11)),
        ("2026-08-11T17:00:00.1234567Z", date(2026, 8, 11)),
        ("2026-08-11", date(2026, 8, 11)),
        ("08/11/2026 17:00:00", date(2026, 8, 11)),
        ("8/11/2026", date(2026, 8, 11)),
        ("0001-01-01T00:00:00", None),
        ("01/01/0001 00:00:00", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_iso_or_american_and_the_year_1_is_none(tmp_path, text, day):
    found = parse(tmp_path, channel("Current", release("16.0.20228.20124", day=text, ends=text)))
    (lifecycle,) = (record for record in found if isinstance(record, Lifecycle))
    assert (lifecycle.released_on, lifecycle.support_ends_on) == (day, day)


@pytest.mark.parametrize("text", ["soon", "31/12/2026", "2026-02-30", "20260811"])
def test_a_date_that_is_none_is_refused(tmp_path, text):
    with pytest.raises(FeedInvalid, match="holds the date"):
        parse(tmp_path, channel("Current", release("16.0.20228.20124", day=text)))


def test_the_newest_security_release_of_one_channel_adds_to_the_list(tmp_path):
    """Its answer names neither channel nor type: both were asked for."""
    listed = channel("SemiAnnual", release("16.0.20131.20150", 2, day="2026-08-12T17:00:00Z"))
    latest = release("16.0.20131.20150", None, ends="2027-03-09T17:00:00Z")
    found = parse(tmp_path, listed, SAC=latest)
    semi_annual = "7ffbc6bf-bc32-4f92-8982-f9dd17fd3114"
    assert security(found) == {(f"office:{semi_annual}", "20131", "16.0.20131.20150")}
    (lifecycle,) = (record for record in found if isinstance(record, Lifecycle))
    assert (lifecycle.released_on, lifecycle.support_ends_on) == (date(2026, 8, 11), date(2027, 3, 9))


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", b'{"buildVersion": 7}', {"legacyVersion": ""}])
def test_an_answer_about_one_channel_that_is_not_understood_costs_nothing(tmp_path, caplog, answer):
    found = parse(tmp_path, channel("Current", release("16.0.20228.20124")), SAC=answer)
    assert security(found) == {(f"office:{CURRENT}", "20228", "16.0.20228.20124")}
    assert "security-SAC.json" in caplog.text


def test_builds_of_other_kinds_are_left_out(tmp_path):
    found = parse(tmp_path, channel("Current", release("16.110.26061317"), release("16.0.20228.20124")))
    assert [row.fixed_version for row in rows(found)] == ["16.0.20228.20124"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<!doctype html><title>503</title>", "no answer of the release discovery API"),
        (b'[{"channelId": "Current", "officeVersions": [', "no answer of the release discovery API"),
        (b"\xff\xfe", "no answer of the release discovery API"),
        (b'[{"channelId": 7, "officeVersions": []}]', "channelId"),
        (b'[{"channelId": "Current"}]', "officeVersions"),
        (json.dumps([channel("Current", release("") | {"legacyVersion": None})]).encode(), "a release without a build"),
        (json.dumps([channel("Current", release("16.0.20228.20124", kind=[3]))]).encode(), "releaseType"),
        (b"[]", "names no channel that is known"),
        (b"{}", "no answer of the release discovery API"),
    ],
)
def test_a_list_of_another_shape_is_refused(tmp_path, data, words):
    path = tmp_path / "releases.json"
    path.write_bytes(data)
    with pytest.raises(FeedInvalid, match=words):
        list(office_channels.parse((raw_part(path),)))


def test_only_the_list_of_channels_must_be_there():
    parts = office_channels.parts({"base": "https://office.example/v1.0/"}, TODAY)
    assert [part.name for part in parts if not part.optional] == ["releases.json"]
    assert parts[1].url == "https://office.example/v1.0/LatestRelease/Monthly?ReleaseType=security"
    assert all(part.needed_by(["windows:26100-client"]) and not part.needed_by(["ubuntu:24.04"]) for part in parts)


# recorded history


def test_the_guids_are_those_of_the_channel_map():
    """feeds.md 1.7: the maps Production_* and Insiders_* of August 2026."""
    published = {
        line.split(":")[1].strip()
        for _, data in members("feeds/office-c2r/office16-defconfig-history.tar.xz")
        for line in data.decode("utf-8-sig").splitlines()
        if line.startswith(("Production_", "Insiders_")) and "Insiders_LTSC " not in line
    }
    assert published == office_channels.CHANNELS.keys()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[FeedRecord, ...]:
    """The recorded history as the API would answer it; it tells no type, so every build counts as one of security."""
    channels: dict[str, list[dict[str, Any]]] = {}
    with sample("feeds/office-c2r/microsoft365apps-history.csv").open(newline="") as file:
        recorded = [line for line in csv.DictReader(file) if line["version"]]
    for line in recorded:
        row = release(line["version"], 3, line["published"], line["eos_date"])
        channels.setdefault(line["channel"], []).append(row)
    return parse(tmp_path_factory.mktemp("office"), *(channel(name, *found) for name, found in channels.items()))


def test_the_dates_of_four_years_are_read(history):
    lifecycles = [record for record in history if isinstance(record, Lifecycle)]
    assert all(record.released_on is not None and record.released_on.year >= 2022 for record in lifecycles)
    ends = [record.support_ends_on for record in lifecycles if record.support_ends_on is not None]
    assert ends
    assert min(ends).year >= 2022
    assert len(rows(history)) > 500


def test_W22_a_lower_number_in_another_channel_may_be_newer(tmp_path):
    """feeds.md 1.7: 16.0.20228.20188 is the newest of Monthly Enterprise and an old one of Current."""
    newest: dict[str, str] = {}
    for _, data in sorted(members("feeds/office-c2r/office16-defconfig-history.tar.xz")):
        for line in data.decode("utf-8-sig").splitlines():
            if line.startswith("Production_"):
                _, guid, build = (part.strip() for part in line.split(":"))
                newest[guid] = max(newest.get(guid, ""), build)
    found = parse(tmp_path, *(channel(guid, release(build)) for guid, build in newest.items()))
    assert (f"office:{MONTHLY_ENTERPRISE}", "20228", "16.0.20228.20188") in security(found)
    assert (f"office:{CURRENT}", "20326", "16.0.20326.20100") in security(found)
    assert len(security(found)) == 6
