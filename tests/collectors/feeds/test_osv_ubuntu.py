import json

import pytest

from collectors.feeds.osv_ubuntu import parse_member
from collectors.feeds.records import FixState, PackageKind, Severity
from tests.lab.feed_samples import advisory, affected, document, fixtures, row, rows

PRO = "Available with Ubuntu Pro: https://ubuntu.com/pro"
INFRA = "Available with Ubuntu Pro (Infra-only): https://ubuntu.com/pro"
FREE = "No subscription required"
VUNNEL = "oracles/feed-fixtures/vunnel-provider-fixtures.tar.xz"


def purl(distro: str) -> str:
    return f"pkg:deb/ubuntu/a@1?arch=source&distro={distro}"


def test_a_notice_is_a_security_advisory_dated_by_its_publication() -> None:
    records = parse_member(
        "x",
        document(
            "USN-5614-1",
            affected("Ubuntu:22.04:LTS", "wayland", "1.20.0-1ubuntu0.1", ecosystem_specific={"availability": FREE}),
            summary="wayland vulnerability",
            upstream=["UBUNTU-CVE-2021-3782"],
            published="2022-09-15T16:43:06Z",
        ),
    )
    found = advisory(records)
    assert (found.security, str(found.issued_on), found.cves) == (True, "2022-09-15", ("CVE-2021-3782",))
    one = row(records)
    assert (one.release, one.kind, one.entitlement) == ("ubuntu:22.04", PackageKind.SOURCE, "")


@pytest.mark.parametrize(
    ("ecosystem", "distro", "availability", "fixed", "entitlement"),
    [
        ("Ubuntu:22.04:LTS", "jammy", FREE, "1.0-1ubuntu0.1", ""),
        ("Ubuntu:24.10", "", "", "1.0-1ubuntu0.1", ""),
        ("Ubuntu:Pro:16.04:LTS", "esm-infra/xenial", INFRA, "1.0+esm1", "esm-infra"),
        ("Ubuntu:Pro:22.04:LTS", "esm-apps/jammy", PRO, "1.0~esm1", "esm-apps"),
        ("Ubuntu:Pro:14.04:LTS", "esm-infra-legacy/trusty", PRO, "1.0+esm1", "esm-infra-legacy"),
        ("Ubuntu:Pro:14.04:LTS", "trusty/esm", INFRA, "6.0-9ubuntu1.6", "esm-infra"),
        ("Ubuntu:Pro:18.04:LTS", "", INFRA, "1.0+esm1", "esm-infra"),
        ("Ubuntu:Pro:18.04:LTS", "", PRO, "1.0+esm1", "esm-apps"),
        (
            "Ubuntu:Pro:14.04:LTS",
            "",
            "Available with Ubuntu Pro with Legacy support add-on",
            "1.0+esm1",
            "esm-infra-legacy",
        ),
        ("Ubuntu:Pro:18.04:LTS", "", "", "1.0+esm1", "esm-infra"),
        ("Ubuntu:16.04:LTS", "", INFRA, "1.0~esm2", "esm-infra"),
        ("Ubuntu:Pro:FIPS:20.04:LTS", "fips/focal", "", "1.1.1f-1ubuntu2.fips.16", "fips"),
        ("Ubuntu:Pro:FIPS-updates:22.04:LTS", "fips-updates/jammy", PRO, "3.0.2-0ubuntu1.10+Fips1", "fips-updates"),
        ("Ubuntu:Pro:FIPS-preview:22.04:LTS", "fips-preview/jammy", "", "1.0+fips", "fips-preview"),
        ("Ubuntu:22.04:LTS", "", "", "5.15.0-1010.10+fips", "fips-updates"),
        ("Ubuntu:Pro:22.04:LTS:Realtime:Kernel", "realtime/jammy", "", "5.15.0-1080.88", "realtime-kernel"),
        ("Ubuntu:Pro:Realtime:24.04:LTS", "", "", "6.8.1-1015.16", "realtime-kernel"),
    ],
)
def test_L12_L13_who_holds_a_fix_is_read_from_purl_ecosystem_availability_and_version(
    ecosystem: str, distro: str, availability: str, fixed: str, entitlement: str
) -> None:
    entry = affected(
        ecosystem,
        "a",
        fixed,
        purl=purl(distro) if distro else "",
        ecosystem_specific={"availability": availability},
    )
    found = row(parse_member("x", document("USN-1-1", entry)))
    assert (found.entitlement, found.fixed_version) == (entitlement, fixed)


@pytest.mark.parametrize(
    "ecosystem", ["Ubuntu:22.04:LTS:for:NVIDIA:BlueField", "Ubuntu:Nvidia-BlueField:22.04", "Ubuntu", "Debian:12"]
)
def test_other_product_lines_are_left_out(ecosystem: str) -> None:
    assert parse_member("x", document("USN-1-1", affected(ecosystem, "a", "1"))) == ()


def test_live_patch_notices_name_no_package_version() -> None:
    assert parse_member("x", document("LSN-0108-1", affected("Ubuntu:22.04:LTS", "linux", "108.1"))) == ()


def test_a_fix_that_is_free_as_well_needs_no_entitlement() -> None:
    pro = affected("Ubuntu:Pro:22.04:LTS", "a", "1.2", purl=purl("esm-apps/jammy"))
    free = affected("Ubuntu:22.04:LTS", "a", "1.2", purl=purl("jammy"))
    for entries in ((pro, free), (free, pro)):
        assert row(parse_member("x", document("USN-1-1", *entries))).entitlement == ""


def test_L12_of_an_entry_the_pro_fix_stays_and_a_free_fix_is_left_to_its_notice() -> None:
    records = parse_member(
        "x",
        document(
            "UBUNTU-CVE-2021-3782",
            affected("Ubuntu:Pro:16.04:LTS", "wayland", "1.12.0-1+esm1", purl=purl("esm-infra/xenial")),
            affected("Ubuntu:22.04:LTS", "wayland", "1.20.0-1ubuntu0.1", purl=purl("jammy")),
            upstream=["CVE-2021-3782"],
            related=["USN-5614-1", "USN-5614-2", "CVE-2000-0001"],
            severity=[{"type": "Ubuntu", "score": "medium"}],
        ),
    )
    found = advisory(records)
    assert (found.security, found.issued_on, found.cves) == (True, None, ("CVE-2021-3782",))
    assert found.severity is Severity.MEDIUM
    one = row(records)
    assert (one.release, one.fixed_version, one.entitlement) == ("ubuntu:16.04", "1.12.0-1+esm1", "esm-infra")


def test_an_entry_without_fix_is_no_fix_for_everybody() -> None:
    data = document("UBUNTU-CVE-2016-20013", affected("Ubuntu:Pro:18.04:LTS", "glibc", purl=purl("esm-infra/bionic")))
    found = row(parse_member("x", data))
    assert (found.state, found.entitlement, found.reason) == (FixState.NO_FIX, "", "unfixed")


def test_L13_an_unfixed_fips_build_says_nothing_about_the_ordinary_package() -> None:
    data = document("UBUNTU-CVE-2026-1000", affected("Ubuntu:Pro:FIPS:20.04:LTS", "openssl", purl=purl("fips/focal")))
    assert parse_member("x", data) == ()


def test_the_severity_of_a_notice_is_the_gravest_priority_of_its_cves() -> None:
    cves = [
        {"id": "CVE-2026-1", "severity": [{"type": "Ubuntu", "score": "low"}]},
        {
            "id": "CVE-2026-2",
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/x"}, {"type": "Ubuntu", "score": "high"}],
        },
    ]
    entry = affected("Ubuntu:24.04:LTS", "a", "1", database_specific={"cves_map": {"ecosystem": "x", "cves": cves}})
    assert advisory(parse_member("x", document("USN-1-1", entry))).severity is Severity.HIGH


def test_a_priority_beside_the_package_counts_too() -> None:
    entry = affected("Ubuntu:24.04:LTS", "a", "1", ecosystem_specific={"ubuntu_priority": "negligible"})
    assert advisory(parse_member("x", document("USN-1-1", entry))).severity is Severity.LOW


def test_the_shared_fixtures_agree_with_another_readers_snapshots() -> None:
    """Every Pro fix and every unfixed state of the snapshots is found; free fixes are in the notice.

    Left aside are the rows that reader adds of its own: "won't fix" for the base release where only Pro has the fix.
    """
    documents = [json.loads(data) for data in fixtures(VUNNEL, "ubuntu/test-fixtures/osv/").values()]
    listed = {
        (one["id"], entry["package"]["ecosystem"], entry["package"]["name"])
        for one in documents
        for entry in one["affected"]
    }
    found = {
        (one.advisory, one.release, one.package, one.fixed_version, bool(one.entitlement))
        for data in documents
        for one in rows(parse_member("x", json.dumps(data).encode()))
    }
    checked = 0
    for data in fixtures(VUNNEL, "ubuntu/test-fixtures/snapshots/ubuntu-").values():
        item = json.loads(data)["item"]
        for entry in [] if "withdrawn" in item else item["affected"]:
            ecosystem, package = entry["package"]["ecosystem"], entry["package"]["name"]
            if (item["id"], ecosystem, package) not in listed:
                continue
            checked += 1
            pro = ":Pro:" in ecosystem
            release = "ubuntu:" + next(part for part in ecosystem.split(":") if "." in part)
            events = [event for one in entry["ranges"] for event in one["events"]]
            version = next((event["fixed"] for event in events if "fixed" in event), "")
            free = bool(version) and not pro
            identity = "USN-5614-1" if free else item["id"]
            assert (identity, release, package, version, pro and bool(version)) in found
    assert checked > 20
