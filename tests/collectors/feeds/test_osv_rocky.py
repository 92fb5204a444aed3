import json

import pytest

from collectors.feeds.osv_rocky import parse_member
from collectors.feeds.records import PackageKind
from tests.lab.feed_samples import advisory, affected, document, fixtures, row, rows

EXTRACT = "oracles/feed-fixtures/extract-fixtures.tar.xz"


def purl(distro: str) -> str:
    return f"pkg:rpm/rocky-linux/kernel?distro={distro}&epoch=0"


def test_packages_are_source_ones_whose_rpm_has_no_epoch_in_its_name() -> None:
    data = document("RLSA-2024:8121", affected("Rocky Linux:9", "java-11-openjdk", "1:11.0.25.0.9-2.el9"))
    found = row(parse_member("x", data))
    assert (found.release, found.kind, found.fixed_version) == ("rocky:9", PackageKind.SOURCE, "11.0.25.0.9-2.el9")


@pytest.mark.parametrize(
    ("identity", "security"), [("RLSA-2026:1", True), ("RLBA-2026:1", False), ("RLEA-2026:1", False)]
)
def test_D4_only_security_advisories_are_security(identity: str, *, security: bool) -> None:
    assert (
        advisory(parse_member("x", document(identity, affected("Rocky Linux:9", "a", "1-1.el9")))).security is security
    )


@pytest.mark.parametrize("distro", ["rocky-linux-8", "rocky-linux-8-aarch64", "rocky-linux-8-4-legacy"])
def test_builds_of_the_distribution_count(distro: str) -> None:
    data = document("RLSA-2026:1", affected("Rocky Linux:8", "kernel", "0:4.18.0-1.el8", purl=purl(distro)))
    assert row(parse_member("x", data)).release == "rocky:8"


def test_builds_of_special_interest_groups_are_another_product_line() -> None:
    entry = affected("Rocky Linux:8", "kernel", "0:4.18.0-425.10.1.el8_7.cloud", purl=purl("rocky-linux-8-sig-cloud"))
    assert parse_member("x", document("RXSA-2023:0101", entry)) == ()


def test_L15_rockys_rebranded_stream_names_are_those_of_the_installed_label() -> None:
    entry = affected("Rocky Linux:8", "golang", "0:1.19.9-1.module+el8.8.0+1266+87ef0e4e")
    data = document("RLSA-2023:3319", entry, summary="Important: go-toolset:Rocky Linux8 security update")
    assert row(parse_member("x", data)).module == "go-toolset:rhel8"


def test_the_shared_fixtures_equal_the_golden_output() -> None:
    golden = fixtures(EXTRACT, "extract/rocky/osv/testdata/golden/data/")
    inputs = fixtures(EXTRACT, "extract/rocky/osv/testdata/fixtures/")
    assert len(inputs) == len(golden) == 5
    for name, data in inputs.items():
        expected = json.loads(golden[name.replace("/fixtures/", "/golden/data/")])
        wanted = {
            (detection["ecosystem"], criterion["version"]["package"]["source"]["name"], version.split(":")[-1])
            for detection in expected["detections"]
            for condition in detection["conditions"]
            for criterion in _criterions(condition["criteria"])
            for version in criterion["version"]["affected"]["fixed"]
        }
        records = parse_member(name, data)
        if expected["id"].startswith("RXSA-"):  # the golden reader does not tell the cloud kernel from the ordinary one
            assert records == ()
            continue
        assert {(one.release, one.package, one.fixed_version) for one in rows(records)} == wanted
        assert set(advisory(records).cves) == {one["content"]["id"] for one in expected["vulnerabilities"]}


def _criterions(criteria: dict[str, object]) -> list[dict[str, dict[str, dict[str, dict[str, str]]]]]:
    found = list(criteria.get("criterions", []))  # type: ignore[call-overload]
    for inner in criteria.get("criterias", []):  # type: ignore[attr-defined]
        found += _criterions(inner)
    return found
