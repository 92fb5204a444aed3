import json
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds.debian_tracker import FEED, records
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind, Severity
from tests.lab.feed_samples import fixtures, raw_part
from tests.lab.made_up_feeds import TODAY


def _dump(states: dict[str, Any], *, source: str = "openssl", issue: str = "CVE-2026-1000") -> bytes:
    return json.dumps({source: {issue: {"scope": "remote", "releases": states}}}).encode()


def _state(status: str, **fields: Any) -> dict[str, Any]:
    return {"status": status, "repositories": {"bookworm": "3.0.15-1"}, "urgency": "not yet assigned", **fields}


def _rows(data: bytes) -> list[AffectedPackage]:
    return [record for record in records(data) if isinstance(record, AffectedPackage)]


def _advisories(data: bytes) -> list[Advisory]:
    return [record for record in records(data) if isinstance(record, Advisory)]


def test_D2_a_fixed_entry_is_known_but_is_no_declared_security_fix() -> None:
    data = _dump({"bookworm": _state("resolved", fixed_version="3.0.15-1~deb12u1")})
    (advisory,) = _advisories(data)
    assert (advisory.id, advisory.security, advisory.issued_on) == ("DEBIAN-CVE-2026-1000", False, None)
    assert advisory.cves == ("CVE-2026-1000",)
    (row,) = _rows(data)
    assert (row.release, row.package, row.kind) == ("debian:12", "openssl", PackageKind.SOURCE)
    assert (row.state, row.fixed_version, row.advisory) == (FixState.FIXED, "3.0.15-1~deb12u1", advisory.id)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (_state("open", nodsa="Minor issue", nodsa_reason=""), "no-dsa"),
        (_state("open", nodsa="Minor issue"), "no-dsa"),
        (_state("open", nodsa="Minor issue", nodsa_reason="ignored"), "ignored"),
        (_state("open", nodsa="Minor issue", nodsa_reason="postponed"), "postponed"),
        (_state("open", urgency="unimportant"), "unimportant"),
        (_state("open", urgency="unimportant", nodsa="Minor issue", nodsa_reason="ignored"), "unimportant"),
        (_state("open", urgency="end-of-life"), "end-of-life"),
        (_state("undetermined"), "undetermined"),
        (_state("open"), "unfixed"),
    ],
)
def test_L8_an_open_entry_has_no_fix_and_says_why(state: dict[str, Any], reason: str) -> None:
    (row,) = _rows(_dump({"bookworm": state}))
    assert (row.state, row.fixed_version, row.reason) == (FixState.NO_FIX, "", reason)


@pytest.mark.parametrize("version", ["0", ""])
def test_L8_a_fixed_version_of_0_means_never_affected(version: str) -> None:
    assert _rows(_dump({"bookworm": _state("resolved", fixed_version=version)})) == []


def test_L9_a_fix_for_the_next_point_release_is_pending() -> None:
    (row,) = _rows(_dump({"bookworm": _state("open", nodsa="Minor issue", next_point_update=True)}))
    assert (row.state, row.fixed_version, row.reason) == (FixState.PENDING, "", "")


def test_L9_a_fix_in_proposed_updates_is_pending_with_its_version() -> None:
    suites = {"bookworm": "3.0.15-1", "bookworm-proposed-updates": "3.0.16-1~deb12u1"}
    (row,) = _rows(_dump({"bookworm": _state("open", repositories=suites)}))
    assert (row.state, row.fixed_version) == (FixState.PENDING, "3.0.16-1~deb12u1")


def test_L9_a_released_fix_is_fixed_whatever_the_next_point_release_holds() -> None:
    (row,) = _rows(_dump({"bookworm": _state("resolved", fixed_version="3.0.16-1", next_point_update=True)}))
    assert row.state is FixState.FIXED


def test_releases_without_a_key_are_left_out() -> None:
    assert list(records(_dump({"sid": _state("resolved", fixed_version="1"), "experimental": _state("open")}))) == []


@pytest.mark.parametrize(
    ("urgency", "severity"),
    [
        ("high", Severity.HIGH),
        ("high**", Severity.HIGH),
        ("medium", Severity.MEDIUM),
        ("low", Severity.LOW),
        ("unimportant", Severity.LOW),
        ("not yet assigned", Severity.UNKNOWN),
        ("end-of-life", Severity.UNKNOWN),
    ],
)
def test_the_urgency_is_the_severity(urgency: str, severity: Severity) -> None:
    (advisory,) = _advisories(_dump({"bookworm": _state("open", urgency=urgency)}))
    assert advisory.severity is severity


def test_one_cve_of_several_packages_is_one_advisory_with_the_gravest_urgency_and_comes_before_its_rows() -> None:
    data = json.dumps(
        {
            "openssl": {"CVE-2026-1": {"releases": {"bookworm": _state("open", urgency="low")}}},
            "nodejs": {"CVE-2026-1": {"releases": {"bookworm": _state("open", urgency="high")}}},
        }
    ).encode()
    found = list(records(data))
    assert [type(record) for record in found] == [Advisory, AffectedPackage, AffectedPackage]
    assert [record.severity for record in found if isinstance(record, Advisory)] == [Severity.HIGH]


def test_an_issue_without_cve_id_keeps_its_temporary_name() -> None:
    data = _dump({"bookworm": _state("open")}, issue="TEMP-0000000-0CA7E3")
    (advisory,) = _advisories(data)
    assert (advisory.id, advisory.cves) == ("DEBIAN-TEMP-0000000-0CA7E3", ())


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the dump is broken"),
        (b'{"openssl": ', "the dump is broken"),
        (b"[]", "the dump is broken"),
        (b'{"openssl": []}', "the entries of openssl have another shape"),
        (b'{"openssl": {"CVE-1": {"releases": {"bookworm": {}}}}}', "the entries of openssl have another shape"),
        (b'{"openssl": {"CVE-1": {"releases": ["bookworm"]}}}', "the entries of openssl have another shape"),
        (_dump({"bookworm": _state("resolved", fixed_version=3)}), "the entries of openssl have another shape"),
        (_dump({"bookworm": _state("believed")}), "unknown status 'believed'"),
    ],
)
def test_a_broken_dump_is_refused_naming_the_package(data: bytes, problem: str) -> None:
    with pytest.raises(FeedInvalid, match=problem):
        list(records(data))


def test_the_feed_reads_its_download(tmp_path: Path) -> None:
    (tmp_path / "tracker.json").write_bytes(_dump({"bookworm": _state("open")}))
    assert FEED.parse is not None
    assert len(list(FEED.parse((raw_part(tmp_path / "tracker.json"),)))) == 2
    (part,) = FEED.parts({}, TODAY)
    assert part.url == "https://security-tracker.debian.org/tracker/data/json"


def test_the_shared_fixture_of_one_reader_equals_its_golden_output() -> None:
    archive = "oracles/feed-fixtures/extract-fixtures.tar.xz"
    (dump,) = fixtures(archive, "fetch/debian/tracker/api/testdata/fixtures/advisory").values()
    golden = fixtures(archive, "fetch/debian/tracker/api/testdata/golden/bullseye/")
    wanted = {
        (issue["id"], package["name"], package["fixed_version"] if package["status"] == "resolved" else "")
        for issue in map(json.loads, golden.values())
        for package in issue["packages"]
        if package.get("fixed_version") != "0"
    }
    rows = _rows(dump)
    assert {(row.advisory.removeprefix("DEBIAN-"), row.package, row.fixed_version) for row in rows} == wanted
    assert {row.release for row in rows} == {"debian:11"}
    with pytest.raises(FeedInvalid):
        list(records(next(iter(fixtures(archive, "fetch/debian/tracker/api/testdata/fixtures/invalid").values()))))


def test_the_shared_fixture_of_another_reader_equals_its_snapshots() -> None:
    archive = "oracles/feed-fixtures/vunnel-provider-fixtures.tar.xz"
    (dump,) = fixtures(archive, "debian/test-fixtures/input/debian.json").values()
    cves = {issue for source in json.loads(dump).values() for issue in source}
    wanted = set()
    for name, data in fixtures(archive, "debian/test-fixtures/snapshots/debian:").items():
        item = json.loads(data)["item"]["Vulnerability"]
        release = name.split("/snapshots/")[1].split("/")[0]
        if item["Name"] in cves and release.removeprefix("debian:").isdigit():
            wanted |= {
                (item["Name"], release, one["Name"], one["Version"])
                for one in item["FixedIn"]
                if one["Version"] not in {"None", "0"}
            }
    found = {
        (row.advisory.removeprefix("DEBIAN-"), row.release, row.package, row.fixed_version)
        for row in _rows(dump)
        if row.state is FixState.FIXED
    }
    assert wanted
    assert wanted <= found


def test_the_tracker_announces_nothing_and_says_so() -> None:
    assert FEED.announces is False
