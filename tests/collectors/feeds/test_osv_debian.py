import pytest

from collectors.feeds.osv_debian import FEED, parse_member
from collectors.feeds.records import FixState, Severity
from tests.lab.feed_samples import advisory, affected, document, fixtures, row, rows
from tests.lab.made_up_feeds import TODAY


@pytest.mark.parametrize("identity", ["DSA-5865-1", "DLA-4051-1", "DSA-135", "DTSA-1-1"])
def test_D2_an_announced_fix_is_security(identity: str) -> None:
    assert advisory(parse_member("x", document(identity, affected("Debian:12", "a", "1")))).security


@pytest.mark.parametrize("identity", ["DEBIAN-CVE-2026-1000", "CVE-2026-1000"])
def test_D2_a_tracker_entry_alone_is_no_declared_security_fix_and_starts_no_clock(identity: str) -> None:
    found = advisory(parse_member("x", document(identity, affected("Debian:12", "a", "1"))))
    assert not found.security
    assert found.issued_on is None
    assert found.cves == ("CVE-2026-1000",)


@pytest.mark.parametrize(
    ("ecosystem", "release"), [("Debian:12", "debian:12"), ("Debian:6.0", "debian:6"), ("Debian:14", "debian:14")]
)
def test_releases_are_keyed_by_number(ecosystem: str, release: str) -> None:
    assert row(parse_member("x", document("DSA-1-1", affected(ecosystem, "a", "1")))).release == release


@pytest.mark.parametrize("ecosystem", ["Debian", "Debian:unstable", "Ubuntu:22.04:LTS", "Echo"])
def test_unstable_and_other_systems_have_no_row(ecosystem: str) -> None:
    assert parse_member("x", document("DSA-1-1", affected(ecosystem, "a", "1"))) == ()


@pytest.mark.parametrize(
    ("urgency", "reason"),
    [
        ("unimportant", "unimportant"),
        ("end-of-life", "end-of-life"),
        ("low", ""),
        ("not yet assigned", ""),
    ],
)
def test_L8_an_entry_without_fix_says_why_as_far_as_osv_knows(urgency: str, reason: str) -> None:
    data = document("DEBIAN-CVE-2026-1000", affected("Debian:12", "a", ecosystem_specific={"urgency": urgency}))
    found = row(parse_member("x", data))
    assert (found.state, found.reason) == (FixState.NO_FIX, reason)


def test_the_gravest_urgency_of_all_releases_is_the_severity() -> None:
    data = document(
        "DEBIAN-CVE-2026-1000",
        affected("Debian:11", "a", "1", ecosystem_specific={"urgency": "low"}),
        affected("Debian:12", "a", "1", ecosystem_specific={"urgency": "high"}),
        affected("Debian:13", "a", "1", ecosystem_specific={"urgency": "not yet assigned"}),
    )
    assert advisory(parse_member("x", data)).severity is Severity.HIGH


def test_the_archive_is_fetched_for_debian_hosts_from_osvs_bucket_or_a_mirror() -> None:
    (part,) = FEED.parts({}, TODAY)
    assert part.url == "https://osv-vulnerabilities.storage.googleapis.com/Debian/all.zip"
    assert part.needed_by({"debian:12"})
    assert not part.needed_by({"ubuntu:24.04"})
    (part,) = FEED.parts({"base": "http://feeds.example/osv/"}, TODAY)
    assert part.url == "http://feeds.example/osv/Debian/all.zip"


def test_the_shared_fixtures_give_the_versions_debian_announced() -> None:
    folder = "fetch/debian/osv/testdata/golden/"
    found = {
        (one.advisory, one.release, one.package, one.fixed_version)
        for name, data in fixtures("oracles/feed-fixtures/extract-fixtures.tar.xz", folder).items()
        for one in rows(parse_member(name, data))
    }
    assert found == {
        ("DSA-135", "debian:3", "libapache-mod-ssl", "2.8.9-2"),
        ("DLA-0001-1", "debian:6", "gnutls26", "2.8.6-1+squeeze4"),
        ("DTSA-1-1", "debian:4", "kismet", "2005.08.R1-0.1etch1"),
    }
