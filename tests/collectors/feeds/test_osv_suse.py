import pytest

from collectors.feeds import osv_opensuse
from collectors.feeds.osv_suse import parse_member, places_of
from collectors.feeds.records import PackageKind
from tests.lab.feed_samples import advisory, affected, document, row, rows


@pytest.mark.parametrize(
    ("ecosystem", "places"),
    [
        ("SUSE:Linux Enterprise Server 15 SP5", [("sles:15.5", "")]),
        ("SUSE:Linux Enterprise Module for Basesystem 15 SP5", [("sles:15.5", "")]),
        ("SUSE:Linux Enterprise Module for Package Hub 15 SP5", [("sles:15.5", "")]),
        ("SUSE:Linux Enterprise Workstation Extension 15 SP5", [("sles:15.5", "")]),
        ("SUSE:Linux Enterprise High Availability Extension 15 SP5", [("sles:15.5", "")]),
        ("SUSE:Linux Enterprise Live Patching 15 SP5", [("sles:15.5", "")]),
        ("SUSE:Linux Enterprise Server 15", [("sles:15", "")]),
        ("SUSE:Linux Enterprise Server 16.0", [("sles:16.0", "")]),
        ("SUSE:Linux Enterprise Server 12 SP5", [("sles:12.5", "")]),
        ("SUSE:Linux Enterprise Server 15 SP4-LTSS", [("sles:15.4", "ltss")]),
        ("SUSE:Linux Enterprise Server 11 SP4-LTSS", [("sles:11.4", "ltss")]),
        ("SUSE:Linux Enterprise Server LTSS Extended Security 12 SP5", [("sles:12.5", "ltss-extended-security")]),
        ("SUSE:Linux Enterprise Server for SAP Applications 15 SP4", [("sles:15.4", "sap")]),
        (
            "SUSE:Linux Enterprise Module for Web and Scripting 12",
            [("sles:12.3", ""), ("sles:12.4", ""), ("sles:12.5", "")],
        ),
        ("SUSE:Linux Enterprise Micro 5.5", []),
        ("SUSE:Manager Server 4.3", []),
        ("SUSE:Linux Enterprise High Performance Computing 15 SP4-ESPOS", []),
        ("openSUSE:Leap 15.5", []),
        ("SUSE", []),
    ],
)
def test_products_belong_to_the_release_they_run_on(ecosystem: str, places: list[tuple[str, str]]) -> None:
    assert list(places_of(ecosystem)) == places


BINARIES = {"binaries": [{"libopenssl1_1": "1.1.1l-150500.17.22.1", "openssl-1_1": "1.1.1l-150500.17.22.1"}]}


def test_the_binary_packages_of_a_product_are_named_where_the_document_lists_them() -> None:
    entry = affected(
        "SUSE:Linux Enterprise Module for Basesystem 15 SP5",
        "openssl-1_1",
        "1.1.1l-150500.17.22.1",
        ecosystem_specific=BINARIES,
    )
    found = rows(parse_member("x", document("SUSE-SU-2023:4519-1", entry)))
    assert {(one.release, one.package, one.kind) for one in found} == {
        ("sles:15.5", "libopenssl1_1", PackageKind.BINARY),
        ("sles:15.5", "openssl-1_1", PackageKind.BINARY),
    }


def test_the_source_package_stands_in_where_no_binaries_are_listed() -> None:
    entry = affected("SUSE:Linux Enterprise Server 15 SP5", "openssl-1_1", "1.1.1l-150500.17.22.1")
    found = row(parse_member("x", document("SUSE-SU-2023:4519-1", entry)))
    assert (found.package, found.kind) == ("openssl-1_1", PackageKind.SOURCE)


def test_a_fix_the_plain_product_gets_needs_no_extended_support() -> None:
    entries = [
        affected(f"SUSE:Linux Enterprise {product}", "a", "1-1", ecosystem_specific={"binaries": [{"a": "1-1"}]})
        for product in ("Server 15 SP4-LTSS", "Module for Basesystem 15 SP4")
    ]
    assert row(parse_member("x", document("SUSE-SU-2023:1-1", *entries))).entitlement == ""
    assert row(parse_member("x", document("SUSE-SU-2024:1-1", entries[0]))).entitlement == "ltss"


@pytest.mark.parametrize(
    ("identity", "security"),
    [
        ("SUSE-SU-2024:3926-1", True),
        ("SUSE-RU-2024:1-1", False),
        ("SUSE-FU-2024:1-1", False),
        ("SUSE-OU-2024:1-1", False),
    ],
)
def test_D4_recommended_feature_and_optional_updates_are_no_security(identity: str, *, security: bool) -> None:
    data = document(identity, affected("SUSE:Linux Enterprise Server 15 SP5", "a", "1-1"))
    assert advisory(parse_member("x", data)).security is security


def test_leap_and_sle_share_a_document_and_each_feed_keeps_its_own_rows() -> None:
    data = document(
        "SUSE-SU-2024:3926-1",
        affected("SUSE:Linux Enterprise Module for Basesystem 15 SP5", "curl", "8.0.1-150400.5.56.1"),
        affected("openSUSE:Leap 15.5", "curl", "8.0.1-150400.5.56.1"),
        affected("openSUSE:Tumbleweed", "curl", "8.9.1-1.1"),
        affected("openSUSE:Leap Micro 5.5", "curl", "8.0.1-150400.5.56.1"),
    )
    assert [one.release for one in rows(parse_member("x", data))] == ["sles:15.5"]
    assert [one.release for one in rows(osv_opensuse.parse_member("x", data))] == ["opensuse-leap:15.5"]


def test_opensuses_own_advisories_are_security_too() -> None:
    data = document("openSUSE-SU-2025:0145-1", affected("openSUSE:Leap 15.6", "chromium", "136.0-bp156.2.1"))
    assert advisory(osv_opensuse.parse_member("x", data)).security
