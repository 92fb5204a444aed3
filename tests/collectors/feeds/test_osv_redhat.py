import pytest

from collectors.feeds.osv_redhat import FEED, parse_member, release_of
from collectors.feeds.records import PackageKind, Severity
from tests.lab.feed_samples import advisory, affected, document, row, rows
from tests.lab.made_up_feeds import TODAY


@pytest.mark.parametrize(
    ("ecosystem", "release"),
    [
        ("Red Hat:enterprise_linux:8::baseos", "rhel:8"),
        ("Red Hat:enterprise_linux:9::appstream", "rhel:9"),
        ("Red Hat:enterprise_linux:7::server", "rhel:7"),
        ("Red Hat:enterprise_linux:9", "rhel:9"),
        ("Red Hat:enterprise_linux:10.1", "rhel:10"),
        ("Red Hat:rhel_extras:7", "rhel:7"),
        ("Red Hat:rhel_eus:8.4::appstream", "rhel-eus:8.4"),
        ("Red Hat:rhel_aus:8.2::baseos", "rhel-aus:8.2"),
        ("Red Hat:rhel_e4s:9.0::baseos", "rhel-e4s:9.0"),
        ("Red Hat:rhel_tus:8.6::appstream", "rhel-tus:8.6"),
        ("Red Hat:rhel_els:7", "rhel-els:7"),
        ("Red Hat:enterprise_linux_eus:10.0", "rhel-eus:10.0"),
        ("Red Hat:rhel_eus_long_life:9.4::baseos", "rhel-eus-long-life:9.4"),
        ("Red Hat:openshift:4.12::el8", ""),
        ("Red Hat:jboss_core_services:1::el8", ""),
        ("Red Hat:rhel_software_collections:3::el7", ""),
        ("Red Hat:satellite:6.13::el8", ""),
        ("Red Hat:hummingbird:1", ""),
        ("Red Hat", ""),
    ],
)
def test_L16_each_product_stream_has_a_key_of_its_own_and_layered_products_none(ecosystem: str, release: str) -> None:
    assert release_of(ecosystem) == release


def test_L16_a_fix_of_a_minor_stream_is_no_row_of_the_main_one() -> None:
    data = document(
        "RHSA-2020:0374",
        affected("Red Hat:rhel_aus:7.7::server", "kernel", "0:3.10.0-1062.12.1.el7_7"),
        affected("Red Hat:enterprise_linux:7::server", "kernel", "0:3.10.0-1127.el7"),
        summary="Important: kernel security update",
        upstream=["CVE-2019-14816"],
    )
    records = parse_member("x", data)
    assert {(one.release, one.fixed_version) for one in rows(records)} == {
        ("rhel-aus:7.7", "3.10.0-1062.12.1.el7_7"),
        ("rhel:7", "3.10.0-1127.el7"),
    }
    assert advisory(records).severity is Severity.HIGH


def test_one_package_in_two_repositories_of_one_release_is_one_row() -> None:
    entries = [
        affected(f"Red Hat:enterprise_linux:9::{part}", "openssl", "1:3.0.7-25.el9_3")
        for part in ("baseos", "appstream")
    ]
    found = row(parse_member("x", document("RHSA-2026:1", *entries)))
    assert (found.kind, found.fixed_version) == (PackageKind.BINARY, "1:3.0.7-25.el9_3")


def test_L15_the_stream_is_in_the_title() -> None:
    entry = affected("Red Hat:enterprise_linux:9::appstream", "nodejs", "1:20.9.0-1.module+el9.3.0+20473+c4e3d824")
    data = document("RHSA-2026:1", entry, summary="Red Hat Security Advisory: nodejs:20 security update")
    assert row(parse_member("x", data)).module == "nodejs:20"


@pytest.mark.parametrize(
    ("identity", "security"), [("RHSA-2026:1", True), ("RHBA-2026:1", False), ("RHEA-2026:1", False)]
)
def test_D4_only_security_advisories_are_security(identity: str, *, security: bool) -> None:
    data = document(identity, affected("Red Hat:enterprise_linux:9::baseos", "a", "0:1-1.el9"))
    assert advisory(parse_member("x", data)).security is security


def test_the_archives_address_is_escaped() -> None:
    (part,) = FEED.parts({}, TODAY)
    assert part.url.endswith("/Red%20Hat/all.zip")
