"""The reading of OSV documents that all vendors share."""

import json
from datetime import date
from typing import Any

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import osv, osv_almalinux, osv_debian, osv_redhat
from collectors.feeds.records import FixState, PackageKind, Severity
from tests.lab.feed_samples import advisory, affected, document, fixtures, row, rows

DSA = document(
    "DSA-6457-1",
    affected("Debian:13", "openjdk-21", "21.0.12.1+1-1~deb13u1"),
    summary="openjdk-21 - security update",
    upstream=["CVE-2026-60589", "DEBIAN-CVE-2026-60589", "CVE-2026-61308"],
    references=[{"type": "ADVISORY", "url": "https://www.debian.org/security/2026/dsa-6457"}],
)


def test_an_advisory_comes_first_and_names_every_cve_once() -> None:
    records = osv_debian.parse_member("DSA-6457-1.json", DSA)
    assert records[0] is advisory(records)
    assert advisory(records).cves == ("CVE-2026-60589", "CVE-2026-61308")
    assert advisory(records).title == "openjdk-21 - security update"
    assert advisory(records).url == "https://www.debian.org/security/2026/dsa-6457"
    found = row(records)
    assert (found.release, found.package, found.fixed_version) == ("debian:13", "openjdk-21", "21.0.12.1+1-1~deb13u1")
    assert (found.kind, found.state) == (PackageKind.SOURCE, FixState.FIXED)


def test_G5_the_clock_starts_at_first_publication_never_at_the_last_change() -> None:
    records = osv_debian.parse_member("x", DSA)
    assert advisory(records).issued_on == date(2026, 8, 12)


def test_a_nanosecond_timestamp_is_a_date_like_any_other() -> None:
    data = document("DSA-1-1", affected("Debian:12", "a", "1"), published="2026-10-08T10:42:30.33938859Z")
    assert advisory(osv_debian.parse_member("x", data)).issued_on == date(2026, 10, 8)


def test_a_missing_publication_date_is_unknown() -> None:
    data = document("DSA-1-1", affected("Debian:12", "a", "1"), published="")
    assert advisory(osv_debian.parse_member("x", data)).issued_on is None


def test_a_withdrawn_document_yields_nothing() -> None:
    data = document("DSA-1-1", affected("Debian:12", "a", "1"), withdrawn="2026-08-20T00:00:00Z")
    assert osv_debian.parse_member("x", data) == ()


@pytest.mark.parametrize("identity", ["GHSA-aaaa-bbbb-cccc", "ALSA-2026:1", "PYSEC-2026-1", "EUVD-1"])
def test_a_document_of_another_publisher_yields_nothing(identity: str) -> None:
    assert osv_debian.parse_member("x", document(identity, affected("Debian:12", "a", "1"))) == ()


def test_rows_of_other_vendors_in_a_shared_document_are_left_to_their_own_feed() -> None:
    data = document(
        "CVE-2026-1000",
        affected("Debian:12", "xz-utils", "5.4.1-1"),
        affected("Alpine:v3.18", "xz", "5.4.3-r1"),
        affected("PyPI", "xz", "1.0"),
    )
    assert [found.release for found in rows(osv_debian.parse_member("x", data))] == ["debian:12"]
    assert [found.release for found in rows(osv.parse_member("x", data))] == ["alpine:3.18", "debian:12"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"{}",
        b'{"id": 7}',
        b'{"id": "DSA-1-1", "affected": "all"}',
        b'{"id": "DSA-1-1", "affected": [{"package": {"name": "a"}}]}',
        b'{"id": "DSA-1-1", "affected": [{"package": {"name": "a", "ecosystem": "D"}, "ranges": [{"events": []}]}]}',
        b'{"id": "DSA-1-1", "severity": [{"type": "CVSS_V3", "score": 9.8}]}',
        DSA[:-20],
    ],
)
def test_a_broken_document_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(FeedInvalid, match=r"osv-debian: broken\.json is not an OSV document"):
        osv_debian.parse_member("broken.json", data)


def test_a_nonsense_publication_date_is_refused() -> None:
    data = document("DSA-1-1", affected("Debian:12", "a", "1"), published="yesterday")
    with pytest.raises(FeedInvalid, match="yesterday"):
        osv_debian.parse_member("x", data)


def test_a_free_form_object_of_another_shape_is_refused() -> None:
    data = document("DSA-1-1", affected("Debian:12", "a", "1", ecosystem_specific={"urgency": 7}))
    with pytest.raises(FeedInvalid, match="another shape"):
        osv_debian.parse_member("x", data)


def test_unknown_fields_are_not_our_business() -> None:
    data = document("DSA-1-1", affected("Debian:12", "a", "1", future={"x": [1]}), schema_version="9.9", extra=[None])
    assert row(osv_debian.parse_member("x", data)).fixed_version == "1"


def test_without_a_fix_the_package_is_known_to_have_none() -> None:
    found = row(osv_redhat.parse_member("x", document("RHSA-2026:1", affected("Red Hat:enterprise_linux:9", "a"))))
    assert (found.state, found.fixed_version, found.reason) == (FixState.NO_FIX, "", "unfixed")


@pytest.mark.parametrize(
    "ranges",
    [
        [{"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "abc"}]}],
        [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": "1.2"}]}],
        [],
    ],
)
def test_a_range_that_names_no_fixed_package_version_yields_nothing(ranges: list[Any]) -> None:
    entry = {"package": {"ecosystem": "Debian:12", "name": "a"}, "ranges": ranges}
    assert osv_debian.parse_member("x", document("DSA-1-1", entry)) == ()


def test_every_build_that_holds_the_fix_is_a_row_and_repeated_ones_are_one() -> None:
    entry = affected("AlmaLinux:8", "thunderbird", "91.3.0-2.el8_4.alma")
    plus = affected("AlmaLinux:8", "thunderbird", "91.3.0-2.el8_4.alma.plus")
    found = rows(osv_almalinux.parse_member("x", document("ALSA-2021:4130", entry, plus, entry)))
    assert [one.fixed_version for one in found] == ["91.3.0-2.el8_4.alma", "91.3.0-2.el8_4.alma.plus"]


@pytest.mark.parametrize(
    ("title", "streams"),
    [
        ("Moderate: perl:5.32 security update", ("perl:5.32",)),
        ("Important: virt:rhel and virt-devel:rhel security and bug fix update", ("virt:rhel", "virt-devel:rhel")),
        ("idm:DL1 and idm:client bug fix update", ("idm:DL1", "idm:client")),
        ("ALSA-2022:5468: php:8.0 security update (Important)", ("php:8.0",)),
        ("Important: go-toolset:Rocky Linux8 security update", ("go-toolset:rhel8",)),
        ("Moderate: virt:Rocky Linux and virt-devel:Rocky Linux security update", ("virt:rhel", "virt-devel:rhel")),
        ("Moderate: 389-ds:1.4 security update", ("389-ds:1.4",)),
        ("Low: pmdk:1_fileformat_v6 update", ("pmdk:1_fileformat_v6",)),
        ("Red Hat Security Advisory: nodejs:20 security update", ("nodejs:20",)),
        ("Important: varnish security update", ()),
        ("a bug at 10:30 fixed", ()),
        ("Red Hat Security Advisory: kernel security update", ()),
        ("", ()),
    ],
)
def test_L15_streams_are_read_from_titles(title: str, streams: tuple[str, ...]) -> None:
    assert osv.streams_of(title) == streams


def test_L15_a_modular_build_belongs_to_the_streams_its_title_names_and_others_to_none() -> None:
    data = document(
        "ALSA-2022:0001",
        affected("AlmaLinux:8", "perl-libs", "4:5.32.1-471.module_el8.6.0+2792+592c5e39"),
        affected("AlmaLinux:8", "perl-Digest", "1.17-395.el8"),
        summary="Moderate: perl:5.32 security update",
    )
    assert [(found.package, found.module) for found in rows(osv_almalinux.parse_member("x", data))] == [
        ("perl-libs", "perl:5.32"),
        ("perl-Digest", ""),
    ]


def test_L15_a_modular_build_without_a_stream_in_the_title_matches_no_stream() -> None:
    entry = affected("AlmaLinux:8", "varnish", "6.0.8-3.module_el8.8.0+3712+8e6d9a2a")
    data = document("ALSA-2023:5989", entry, summary="Important: varnish security update")
    assert row(osv_almalinux.parse_member("x", data)).module == osv.NO_STREAM


@pytest.mark.parametrize(
    ("title", "ratings", "severity", "score"),
    [
        ("Critical: a update", [], Severity.CRITICAL, None),
        ("Important: a update", [], Severity.HIGH, None),
        ("Moderate: a update", [("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")], Severity.MEDIUM, 9.8),
        ("ALSA-2022:5468: php:8.0 security update (Important)", [], Severity.HIGH, None),
        ("Low impact a", [], Severity.UNKNOWN, None),
        ("a update", [("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:L/A:N")], Severity.MEDIUM, 5.3),
        (
            "a update",
            [("CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N")],
            Severity.UNKNOWN,
            None,
        ),
        ("a update", [], Severity.UNKNOWN, None),
    ],
)
def test_the_vendors_word_goes_before_the_score_and_silence_stays_unknown(
    title: str, ratings: list[tuple[str, str]], severity: Severity, score: float | None
) -> None:
    severities = [{"type": kind, "score": vector} for kind, vector in ratings]
    data = document(
        "RHSA-2026:1",
        affected("Red Hat:enterprise_linux:9::baseos", "a", "0:1-1.el9"),
        summary=title,
        severity=severities,
    )
    found = advisory(osv_redhat.parse_member("x", data))
    assert (found.severity, found.cvss) == (severity, score)


def test_every_dialect_keeps_to_its_own_ids() -> None:
    """No document is claimed by two vendors, but for bare CVE ids, which Debian and Alpine both used."""
    for identity in (
        "DSA-1-1",
        "DLA-1-1",
        "USN-1-1",
        "ALSA-2026:1",
        "RLSA-2026:1",
        "RHSA-2026:1",
        "ALPINE-CVE-2026-1000",
    ):
        data = document(
            identity,
            *(
                affected(ecosystem, "a", "1")
                for ecosystem in (
                    "Debian:12",
                    "Ubuntu:24.04:LTS",
                    "AlmaLinux:9",
                    "Rocky Linux:9",
                    "Red Hat:enterprise_linux:9::baseos",
                    "Alpine:v3.20",
                )
            ),
        )
        assert len({found.release for found in rows(osv.parse_member("x", data))}) == 1, identity


def test_every_osv_fixture_of_the_shared_samples_is_read_and_none_is_refused() -> None:
    archives = {
        "oracles/feed-fixtures/extract-fixtures.tar.xz": ("/osv/testdata/fixtures/", "/osv/testdata/golden/"),
        "oracles/feed-fixtures/vunnel-provider-fixtures.tar.xz": ("/osv/", "/osv-database/", "/osv-esm-cases/"),
    }
    withdrawn = ("UBUNTU-CVE-2020-36325", "UBUNTU-CVE-2013-2208", "UBUNTU-CVE-2014-2901")
    free_only = ("UBUNTU-CVE-2024-51988",)  # no notice announced it: a stable release update, not a security one
    left_out = (*withdrawn, *free_only, "LSN-", "RXSA-")  # live patches; another product line
    read = 0
    for archive, folders in archives.items():
        for folder in folders:
            for name, data in fixtures(archive, folder).items():
                if json.loads(data).get("affected") is None:  # another tool's output, not an OSV document
                    continue
                read += 1
                records = osv.parse_member(name, data)
                identity = json.loads(data)["id"]
                assert bool(rows(records)) is not identity.startswith(left_out), identity
    assert read >= 25


@pytest.mark.parametrize(
    "events",
    [
        [{"fixed": "1.2"}, {"introduced": "0"}],  # the schema sorts versions, not events
        [{"introduced": "0", "fixed": "1.2"}, {"introduced": "2", "fixed": "2.3"}],
        [{"introduced": "0"}, {"fixed": "1.2"}],
    ],
)
def test_a_fixed_version_counts_in_whichever_event_it_stands(events: list[dict[str, str]]) -> None:
    one = affected("Debian:12", "a", "unused") | {"ranges": [{"type": "ECOSYSTEM", "events": events}]}
    found = rows(osv_debian.parse_member("x", document("DSA-1-1", one)))
    assert "1.2" in {row.fixed_version for row in found}
    assert {row.state for row in found} == {FixState.FIXED}
