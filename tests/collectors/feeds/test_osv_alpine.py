import json

import pytest

from collectors.feeds.osv_alpine import parse_member
from collectors.feeds.records import PackageKind, Severity
from tests.lab.feed_samples import advisory, affected, document, fixtures, row


@pytest.mark.parametrize("identity", ["ALPINE-CVE-2024-9143", "CVE-2024-9143"])
def test_an_entry_is_alpines_declaration_of_a_security_fix_but_starts_no_clock(identity: str) -> None:
    data = document(
        identity,
        affected("Alpine:v3.18", "openssl", "3.1.7-r1"),
        severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:L"}],
    )
    records = parse_member("x", data)
    found = advisory(records)
    assert (found.security, found.issued_on, found.cves) == (True, None, ("CVE-2024-9143",))
    assert (found.cvss, found.severity) == (3.7, Severity.LOW)
    one = row(records)
    assert (one.release, one.package, one.kind, one.fixed_version) == (
        "alpine:3.18",
        "openssl",
        PackageKind.SOURCE,
        "3.1.7-r1",
    )


def test_L26_a_secfix_of_version_0_means_never_affected() -> None:
    assert parse_member("x", document("ALPINE-CVE-2024-1", affected("Alpine:v3.18", "aom", "0"))) == ()


@pytest.mark.parametrize("ecosystem", ["Alpine:edge", "Alpine", "Wolfi", "Alpaquita:23"])
def test_L26_edge_and_relatives_have_no_key(ecosystem: str) -> None:
    assert parse_member("x", document("ALPINE-CVE-2024-1000", affected(ecosystem, "a", "1-r0"))) == ()


def test_the_shared_secdb_fixtures_written_as_osv_give_the_golden_versions() -> None:
    """OSV makes one entry per CVE from secdb; the golden output of another reader holds the same triples."""
    folder = "extract/alpine/secdb/testdata/fixtures/3.16/"
    for name, data in fixtures("oracles/feed-fixtures/extract-fixtures.tar.xz", folder).items():
        package = json.loads(data)
        for version, cves in package.get("secfixes", {}).items():
            for cve in cves:
                entry = affected("Alpine:v3.16", package["name"], version)
                records = parse_member(name, document(f"ALPINE-{cve}", entry))
                assert [one.fixed_version for one in records[1:]] == ([] if version == "0" else [version])  # type: ignore[union-attr]
