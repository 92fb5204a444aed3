"""Build tables: both shapes of list, the traps of their rows, and agreement with Microsoft's own guide."""

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import windows_builds
from collectors.feeds.records import WindowsBuild
from tests.lab.feed_samples import sample
from tests.lab.made_up_feeds import TODAY, raw_part


def exported(
    build: str, kb: str = "KB5094126", day: str | None = "2026-06-09", kind: str = "Standard"
) -> dict[str, Any]:
    return {
        "Product": "Windows 11",
        "ServicingOption": ["LTSC", "General Availability Channel"],
        "AvailabilityDate": day,
        "ReleaseType": kind,
        "ReleaseId": None,
        "Build": build,
        "KBArticle": kb,
    }


def listed(build: str, kb: str = "KB5094126", day: str = "2026/06/09", **flags: bool) -> dict[str, Any]:
    return {"Build": build, "Date": day, "KB": kb, "OutOfBand": False, "Preview": False} | flags


def parse(tmp_path: Path, *lists: Any) -> dict[str, WindowsBuild]:
    parts = []
    for number, rows in enumerate(lists):
        path = tmp_path / f"list-{number}.json"
        path.write_bytes(rows if isinstance(rows, bytes) else json.dumps(rows).encode())
        parts.append(raw_part(path))
    found = list(windows_builds.parse(tuple(parts)))
    assert len({build.build for build in found}) == len(found)
    return {build.build: build for build in found}


def test_an_export_row_is_a_build(tmp_path):
    assert parse(tmp_path, [exported("26100.8655")]) == {
        "26100.8655": WindowsBuild(build="26100.8655", kb="KB5094126", released_on=date(2026, 6, 9))
    }


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("Standard", set()),
        ("Preview", {"preview"}),
        ("Out-of-band", {"out_of_band"}),
        ("Hotpatch", {"hotpatch"}),
        ("Unknown", set()),
        (None, set()),
    ],
)
def test_D8_previews_out_of_band_releases_and_hotpatches_are_flagged(tmp_path, kind, flags):
    build = parse(tmp_path, [exported("26100.8655", kind=kind)])["26100.8655"]
    assert {name for name in ("preview", "out_of_band", "hotpatch") if getattr(build, name)} == flags


def test_D13_a_build_is_filed_by_its_own_number_and_never_by_the_name_of_its_list(tmp_path):
    lists = {"2025": [listed("20348.5256", "KB5094128"), listed("26100.32995", "KB5094125")]}
    groups = [{"Key": "Windows 11 24H2", "Value": [listed("26200.8655"), listed("26100.8655", Preview=True)]}]
    found = parse(tmp_path, lists, groups)
    assert {build: one.kb for build, one in found.items()} == {
        "20348.5256": "KB5094128",
        "26100.32995": "KB5094125",
        "26200.8655": "KB5094126",
        "26100.8655": "KB5094126",
    }
    assert found["26100.8655"].preview


def test_a_byte_order_mark_full_builds_and_bare_kb_numbers_are_read(tmp_path):
    data = b"\xef\xbb\xbf" + json.dumps([exported("10.0.26100.8655", kb="5094126")]).encode()
    assert parse(tmp_path, data)["26100.8655"].kb == "KB5094126"


@pytest.mark.parametrize("kb", ["", None, "KB", "Release Notes"])
def test_a_build_without_kb_is_kept(tmp_path, kb):
    assert parse(tmp_path, [exported("26200.6584", kb=kb)])["26200.6584"].kb == ""


@pytest.mark.parametrize("reverse", [False, True])
def test_a_build_in_several_lists_is_what_any_says_with_the_first_day_and_the_last_kb(tmp_path, reverse):
    rows = [
        exported("14393.187", "KB3189866", "2016-09-13"),
        exported("14393.187", "KB3193494", "2016-09-20", "Out-of-band"),
        exported("14393.187", "", None, "Preview"),
    ]
    found = parse(tmp_path, rows[::-1] if reverse else rows)["14393.187"]
    assert (found.kb, found.released_on, found.out_of_band, found.preview) == (
        "KB3193494",
        date(2016, 9, 13),
        True,
        True,
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (b"<!doctype html><title>404</title>", "is no list of Windows builds"),
        (b'[{"Build": "26100.8655"', "is no list of Windows builds"),
        (b"\xff\xfe", "is no list of Windows builds"),
        (b"7", "is no list of Windows builds"),
        (b"[7]", "is no list of Windows builds"),
        ([{"KBArticle": "KB5094126"}], "Build"),
        ([exported("26100.x")], "'26100.x', which is none"),
        ([exported("26100.8655.1")], "which is none"),
        ([exported("26100.8655", day="09.06.2026")], "dates a build"),
        ([exported("26100.8655", day="2026-13-40")], "dates a build"),
        ([exported("26100.8655") | {"Build": 26100.8655}], "Build"),
        ({"2025": [listed("26100.8655") | {"Preview": "no"}]}, "Preview"),
        ({"2025": "none"}, "is no list of Windows builds"),
    ],
)
def test_a_list_of_another_shape_is_refused(tmp_path, rows, words):
    with pytest.raises(FeedInvalid, match=words):
        parse(tmp_path, rows)


def test_the_lists_of_the_settings_are_the_parts():
    parts = windows_builds.parts({"base": "https://lists.example/x/", "lists": "a.json lists/b%20c.json"}, TODAY)
    assert [(part.name, part.url) for part in parts] == [
        ("a.json", "https://lists.example/x/a.json"),
        ("b-20c.json", "https://lists.example/x/lists/b%20c.json"),
    ]


@pytest.fixture(scope="module")
def union() -> dict[str, WindowsBuild]:
    folder = sample("feeds/windows-builds")
    paths = [folder / "jyonke" / name for name in windows_builds.FEED.settings["lists"].split()]
    paths += sorted((folder / "thkn-hofa").glob("*.json"))
    return {build.build: build for build in windows_builds.parse(tuple(map(raw_part, paths)))}


def test_the_union_of_the_published_lists_has_22_branches(union):
    """feeds.md 1.3; the first builds of a version, which no KB brings, are not counted there."""
    counted = Counter(build.partition(".")[0] for build, found in union.items() if found.kb)
    assert len(counted) == 22
    expected = {"14393": 195, "17763": 169, "19045": 86, "20348": 92, "22631": 62, "26100": 73, "26200": 26}
    assert {branch: counted[branch] for branch in expected} == expected
    assert len(union) >= windows_builds.FEED.minimum_records


def test_the_guide_names_the_same_kb_for_the_same_build(union):
    """feeds.md 1.2: 8,514 rows agree, none disagrees; the others are newer than the lists or name no build."""
    agree = newer = unreadable = 0
    for path in sorted(sample("feeds/msrc-cve-kb").glob("CVE_KB_Mapping_*.json")):
        for row in _rows(json.loads(path.read_bytes())):
            found = re.fullmatch(r"(?:10\.0\.)?(\d{5}\.\d+)", str(row["fixedBuild"] or ""))
            if found is None:
                unreadable += 1
            elif found[1] not in union:
                newer += 1
            else:
                assert union[found[1]].kb == f"KB{str(row['kb']).removeprefix('KB')}", row
                agree += 1
    assert (agree, newer, unreadable) == (8514, 334, 258)


def _rows(node: Any) -> list[dict[str, Any]]:
    """Every object with a KB and a fixed build, wherever it stands."""
    if isinstance(node, dict):
        own = [node] if "fixedBuild" in node and "kb" in node else []
        return own + [row for value in node.values() for row in _rows(value)]
    return [row for value in node for row in _rows(value)] if isinstance(node, list) else []
