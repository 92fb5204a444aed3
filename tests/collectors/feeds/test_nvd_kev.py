"""NVD's ranges: bounds, platforms, editions, escapes, paging, and 4,080 real records."""

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import nvd_kev
from collectors.feeds.records import AffectedRange
from tests.lab.feed_samples import members
from tests.lab.made_up_feeds import TODAY, raw_part

CHROME = "cpe:2.3:a:google:chrome:*:*:*:*:*:*:*:*"


def match(criteria: str = CHROME, vulnerable: bool = True, **bounds: str) -> dict[str, Any]:
    return {"vulnerable": vulnerable, "criteria": criteria, "matchCriteriaId": "0", **bounds}


def entry(
    *nodes: list[dict[str, Any]], cve: str = "CVE-2026-1000", operator: str = "OR", **fields: Any
) -> dict[str, Any]:
    listed = [{"operator": "OR", "negate": False, "cpeMatch": node} for node in nodes]
    return {"cve": {"id": cve, "configurations": [{"operator": operator, "nodes": listed, **fields}]}}


def page(*entries: dict[str, Any], total: int | None = None) -> bytes:
    found = {"resultsPerPage": 2000, "startIndex": 0, "totalResults": len(entries) if total is None else total}
    return json.dumps(found | {"format": "NVD_CVE", "vulnerabilities": list(entries)}).encode()


def parse(tmp_path: Path, *pages: bytes) -> list[AffectedRange]:
    parts = []
    for number, data in enumerate(pages, start=1):
        path = tmp_path / f"page-{number}.json"
        path.write_bytes(data)
        parts.append(raw_part(path))
    return list(nvd_kev.parse(tuple(parts)))


def one(tmp_path: Path, *nodes: list[dict[str, Any]], **fields: Any) -> AffectedRange:
    (found,) = parse(tmp_path, page(entry(*nodes, **fields)))
    return found


@pytest.mark.parametrize(
    ("bounds", "introduced", "fixed", "last"),
    [
        ({"versionEndExcluding": "150.0.1"}, "", "150.0.1", ""),
        ({"versionStartIncluding": "5.0", "versionEndIncluding": "5.4"}, "5.0", "", "5.4"),
        ({"versionStartIncluding": "5.0"}, "5.0", "", ""),
        ({"versionStartExcluding": "5.0", "versionEndExcluding": "6.0"}, "5.0", "6.0", ""),
        ({"versionEndExcluding": "6.0", "versionEndIncluding": "5.9"}, "", "6.0", ""),
    ],
)
def test_the_bounds_of_a_range(tmp_path, bounds, introduced, fixed, last):
    assert one(tmp_path, [match(**bounds)]) == AffectedRange(
        cve="CVE-2026-1000",
        product="google:chrome",
        introduced=introduced,
        fixed_version=fixed,
        last_affected=last,
    )


def test_one_version_alone_is_first_and_last(tmp_path):
    found = one(tmp_path, [match("cpe:2.3:a:rarlab:winrar:7.12:-:*:*:*:*:*:*")])
    assert (found.introduced, found.last_affected, found.fixed_version) == ("7.12", "7.12", "")


def test_an_update_level_stands_behind_its_version(tmp_path):
    found = one(tmp_path, [match("cpe:2.3:a:oracle:jdk:1.8.0:update202:*:*:*:*:*:*")])
    assert (found.introduced, found.last_affected) == ("1.8.0:update202", "1.8.0:update202")


@pytest.mark.parametrize(
    ("criteria", "reason"),
    [
        ("cpe:2.3:a:google:chrome:*:*:*:*:*:*:*:*", "1 products without versions"),
        ("cpe:2.3:a:google:chrome:-:*:*:*:*:*:*:*", "1 products without versions"),
    ],
)
def test_what_would_flag_every_version_is_left_out_and_counted(tmp_path, caplog, criteria, reason):
    with caplog.at_level(logging.DEBUG, "collectors.feeds.nvd_kev"):
        assert parse(tmp_path, page(entry([match(criteria)]))) == []
    assert reason in caplog.text


@pytest.mark.parametrize("part", ["o", "h"])
def test_only_applications_are_kept(tmp_path, part):
    assert parse(tmp_path, page(entry([match(f"cpe:2.3:{part}:a:b:*:*:*:*:*:*:*:*", versionEndExcluding="2")]))) == []


def test_what_is_not_vulnerable_itself_is_no_range(tmp_path):
    found = one(
        tmp_path,
        [match(versionEndExcluding="150")],
        [match("cpe:2.3:a:x:plugin:*:*:*:*:*:*:*:*", vulnerable=False, versionEndExcluding="9")],
        operator="AND",
    )
    assert found.product == "google:chrome"


@pytest.mark.parametrize(
    ("systems", "target"),
    [
        (["google:android"], "android"),
        (["apple:macos", "linux:linux_kernel"], "macos"),
        (["apple:macos", "microsoft:windows"], ""),
        (["microsoft:windows_10_22h2"], ""),
        ([], ""),
    ],
)
def test_a_range_for_other_systems_says_so(tmp_path, systems, target):
    others = [match(f"cpe:2.3:o:{system}:-:*:*:*:*:*:*:*", vulnerable=False) for system in systems]
    assert one(tmp_path, [match(versionEndExcluding="150")], others, operator="AND").target == target


@pytest.mark.parametrize(
    ("name", "target", "edition"),
    [
        ("cpe:2.3:a:mozilla:firefox:*:*:*:*:esr:*:*:*", "", "esr"),
        ("cpe:2.3:a:mozilla:firefox:*:*:*:*:-:*:*:*", "", ""),
        ("cpe:2.3:a:a:plugin:*:*:*:*:*:wordpress:*:*", "wordpress", ""),
        ("cpe:2.3:a:zoom:meetings:*:*:*:*:*:windows:*:*", "windows", ""),
    ],
)
def test_edition_and_target_of_a_name_are_kept(tmp_path, name, target, edition):
    found = one(tmp_path, [match(name, versionEndExcluding="9")])
    assert (found.target, found.edition) == (target, edition)


@pytest.mark.parametrize(
    ("name", "product"),
    [
        (r"cpe:2.3:a:notepad-plus-plus:notepad\+\+:*:*:*:*:*:*:*:*", "notepad-plus-plus:notepad++"),
        (r"cpe:2.3:a:odd\:vendor:pro\\duct\::*:*:*:*:*:*:*:*", "odd:vendor:pro\\duct:"),
        ("cpe:2.3:a:7-zip:7-zip:*:*:*:*:*:*:*:*", "7-zip:7-zip"),
    ],
)
def test_escapes_of_a_cpe_name_are_taken_out(tmp_path, name, product):
    assert one(tmp_path, [match(name, versionEndExcluding="9")]).product == product


def test_a_negated_configuration_is_not_turned_round(tmp_path):
    assert parse(tmp_path, page(entry([match(versionEndExcluding="9")], negate=True))) == []


def test_pages_are_read_together_and_an_empty_last_one_is_no_error(tmp_path):
    first = page(
        entry([match(versionEndExcluding="9")]), entry([match(versionEndExcluding="8")], cve="CVE-2026-1001"), total=3
    )
    second = page(entry([match(versionEndExcluding="7")], cve="CVE-2026-1002"), total=3)
    assert [found.fixed_version for found in parse(tmp_path, first, second, page(total=3))] == ["9", "8", "7"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            page(entry([match(versionEndExcluding="9")]), total=2),
            "announces 2 entries and its pages hold 1. Raise `pages`",
        ),
        (page(entry([match(versionEndExcluding="9")], cve="=cmd()")), "which is no CVE"),
        (page(entry([match("cpe:/a:google:chrome")])), "is no CPE 2.3 name"),
        (page(entry([match("cpe:2.3:a:google:chrome")])), "is no CPE 2.3 name"),
        (page(entry([match("")])), "is no CPE 2.3 name"),
        (page(entry([match() | {"vulnerable": "yes"}])), "vulnerable"),
        (page(entry([match(versionEndExcluding="9")]))[:-20], "no answer of NVD"),
        (b"<html>Request forbidden by administrative rules</html>", "no answer of NVD"),
        (b"\xff\xfe", "no answer of NVD"),
        (b"{}", "totalResults"),
    ],
)
def test_anything_but_a_whole_answer_is_refused(tmp_path, data, words):
    with pytest.raises(FeedInvalid, match=words):
        parse(tmp_path, data)


def test_only_the_first_page_must_be_there():
    parts = nvd_kev.parts({"url": "https://nvd.example/cves", "pages": "3"}, TODAY)
    assert [part.url for part in parts] == [
        f"https://nvd.example/cves?hasKev&resultsPerPage=2000&startIndex={start}" for start in (0, 2000, 4000)
    ]
    assert [part.optional for part in parts] == [False, True, True]


@pytest.mark.parametrize("pages", ["0", "21", "all"])
def test_a_number_of_pages_that_is_none_is_refused(pages):
    with pytest.raises(ValueError, match=r"pages|int"):
        nvd_kev.parts({"url": "https://nvd.example", "pages": pages}, TODAY)


@pytest.fixture(scope="module")
def published() -> dict[str, list[AffectedRange]]:
    """feeds.md 2.4: the NVD-style records of desktop applications to August 2026, by product."""
    by_product: dict[str, list[AffectedRange]] = {}
    records = 0
    for name, data in members("feeds/cve-desktop-apps/anchore-nvd-overrides-desktop-20260821.tar.xz"):
        records += 1
        for span in nvd_kev.ranges(Path(name).stem, nvd_kev.read_configurations(data), Counter()):
            by_product.setdefault(span.product, []).append(span)
    assert records == 4080
    return by_product


@pytest.mark.parametrize(
    ("product", "least"),
    [
        ("google:chrome", 1500),
        ("mozilla:firefox", 500),
        ("7-zip:7-zip", 1),
        ("rarlab:winrar", 1),
        ("adobe:acrobat_reader_dc", 1),
        ("oracle:jre", 100),
    ],
)
def test_real_records_have_ranges_for_the_applications_of_small_companies(published, product, least):
    assert len(published[product]) >= least
    assert all(span.introduced or span.fixed_version or span.last_affected for span in published[product])
    assert not any(span.fixed_version and span.last_affected for span in published[product])


def test_a_real_record_winrar_7_12_is_affected_and_7_13_is_not_named(published):
    (found,) = (span for span in published["rarlab:winrar"] if span.cve == "CVE-2025-8088")
    assert (found.introduced, found.last_affected, found.fixed_version) == ("", "7.12", "")


def test_ranges_of_other_systems_are_marked_in_real_records(published):
    targets = Counter(span.target for spans in published.values() for span in spans)
    assert {"android", "macos", "iphone_os"} <= targets.keys()
    assert targets[""] > 20_000
