import logging
from datetime import date
from pathlib import Path

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import osv_debian
from collectors.feeds.debian_advisories import CODENAMES, FEED, entries, records
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind, Severity
from tests.lab.feed_samples import affected, document, fixtures, raw_part, sample
from tests.lab.made_up_feeds import TODAY

LIST = """\
[12 Feb 2025] DSA-5865-1 webkit2gtk - security update
\t{CVE-2025-24143 CVE-2025-24150}
\t[bookworm] - webkit2gtk 2.46.6-1~deb12u1
[11 Feb 2025] DSA-5850-2 git - regression update
\t[bookworm] - git 1:2.39.5-0+deb12u3
[28 Jan 2025] DSA-5850-1 git - security update
\t{CVE-2024-50349}
\t[bookworm] - git 1:2.39.5-0+deb12u2
\t[bullseye] - git <not-affected> (Vulnerable code not present)
[18 Apr 2018] DSA-4205-1 jessie end-of-life
\tNOTE: end of security support for jessie
[07 Jun 2015] DSA-3281-1 Debian Security Team PGP/GPG key change notice
[03 May 2015] DSA-3248-1 libphp-snoopy - security update
\t{CVE-2014-5008}
\t[wheezy] - libphp-snoopy 2.0.0-1~deb7u1
\t[squeeze] - libphp-snoopy <unfixed> (bug #778634)
\t[etch] - libphp-snoopy <end-of-life>
[01 Aug 2002] DSA-141 mpack - buffer overflow
\t{CVE-2002-1425}
\t[woody] - mpack 1.5-7woody2
"""


def _records(text: str = LIST) -> tuple[dict[str, Advisory], list[AffectedPackage]]:
    found = list(records({"DSA.list": text}))
    advisories = {one.id: one for one in found if isinstance(one, Advisory)}
    return advisories, [one for one in found if isinstance(one, AffectedPackage)]


def test_an_announced_fix_is_a_security_advisory_with_its_date_and_cves() -> None:
    advisories, affected_packages = _records()
    found = advisories["DSA-5865-1"]
    assert (found.security, found.severity) == (True, Severity.UNKNOWN)
    assert found.issued_on == date(2025, 2, 12)
    assert found.cves == ("CVE-2025-24143", "CVE-2025-24150")
    assert found.title == "webkit2gtk - security update"
    assert found.url == "https://security-tracker.debian.org/tracker/DSA-5865-1"
    one = next(row for row in affected_packages if row.advisory == "DSA-5865-1")
    assert (one.release, one.package, one.kind) == ("debian:12", "webkit2gtk", PackageKind.SOURCE)
    assert (one.state, one.fixed_version) == (FixState.FIXED, "2.46.6-1~deb12u1")


def test_G5_a_regression_update_keeps_the_date_of_the_first_revision() -> None:
    advisories, affected_packages = _records()
    assert advisories["DSA-5850-2"].issued_on == date(2025, 1, 28)
    fixed = {row.advisory: row.fixed_version for row in affected_packages if row.package == "git" and row.fixed_version}
    assert fixed == {"DSA-5850-1": "1:2.39.5-0+deb12u2", "DSA-5850-2": "1:2.39.5-0+deb12u3"}


def test_special_versions_are_states_and_never_versions() -> None:
    _, affected_packages = _records()
    states = {(row.package, row.release): (row.state, row.reason) for row in affected_packages if not row.fixed_version}
    assert states == {
        ("git", "debian:11"): (FixState.NOT_AFFECTED, ""),
        ("libphp-snoopy", "debian:6"): (FixState.NO_FIX, "unfixed"),
        ("libphp-snoopy", "debian:4"): (FixState.NO_FIX, "end-of-life"),
    }


def test_notices_without_a_package_of_a_known_release_are_left_out() -> None:
    advisories, _ = _records()
    assert set(advisories) == {"DSA-5865-1", "DSA-5850-2", "DSA-5850-1", "DSA-3248-1"}


def test_the_same_advisory_has_the_same_id_in_osv() -> None:
    _, affected_packages = _records()
    data = document("DSA-5865-1", affected("Debian:12", "webkit2gtk", "2.46.6-1~deb12u1"))
    assert osv_debian.parse_member("x", data)[1] in affected_packages


def test_an_advisory_in_two_lists_is_yielded_once() -> None:
    found = list(records({"old": LIST, "new": LIST}))
    assert [one.id for one in found if isinstance(one, Advisory)].count("DSA-5865-1") == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds no advisory"),
        ("<html>not found</html>\n", "no advisory starts with"),
        ("\t[bookworm] - git 1\n", "no advisory starts with"),
        (LIST + "surprise\n", "no advisory starts with 'surprise'"),
        (LIST + "\tsurprise\n", "line 21 is not understood: 'surprise'"),
        (LIST + "\t[bookworm] - git\n", "is not understood"),
        ("[31 Feb 2025] DSA-1-1 a\n", "DSA-1-1 has no valid date"),
        ("[12 Fév 2025] DSA-1-1 a\n", "no advisory starts with"),
        ("[12 Feb 2025] XSA-1-1 a\n", "no advisory starts with"),
    ],
)
def test_a_line_that_is_not_understood_refuses_the_whole_list(text: str, problem: str) -> None:
    with pytest.raises(FeedInvalid, match=problem):
        list(records({"DSA.list": text}))


def test_a_future_release_is_told_to_the_operator_and_an_old_one_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        _records("[12 Feb 2031] DSA-9999-1 a - b\n\t[eeyore] - a 1\n\t[trixie] - a 1\n" + LIST)
    assert [record.getMessage() for record in caplog.records] == [
        "debian-advisories: codename eeyore is unknown to this version, its rows are left out"
    ]


def test_the_feed_reads_its_downloaded_lists(tmp_path: Path) -> None:
    for name, text in (("DSA.list", LIST), ("DLA.list", LIST.replace("DSA", "DLA"))):
        (tmp_path / name).write_text(text, encoding="utf-8")
    parts = tuple(raw_part(tmp_path / name) for name in ("DSA.list", "DLA.list"))
    assert FEED.parse is not None
    found = {one.id for one in FEED.parse(parts) if isinstance(one, Advisory)}
    assert {"DSA-5865-1", "DLA-5865-1"} < found
    assert FEED.edition(parts).label == "DSA-5865-1, DLA-5865-1"
    assert FEED.edition(parts).published_at is None  # days without advisories are no days without news
    assert [part.url.rpartition("/data/")[2] for part in FEED.parts({}, TODAY)] == ["DSA/list", "DLA/list"]


def test_a_list_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "DSA.list").write_bytes(b"\xff\xfe\x00")
    assert FEED.parse is not None
    with pytest.raises(FeedInvalid, match="not UTF-8"):
        list(FEED.parse((raw_part(tmp_path / "DSA.list"),)))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("DSA.list.20250213", 5_909),
        ("DLA.list.20250213", 4_224),
        ("DSA.delta.20250213-20260822.reconstructed", 576),
        ("DLA.delta.20250213-20260822.reconstructed", 666),
    ],
)
def test_the_native_lists_are_read_to_the_last_advisory(name: str, count: int) -> None:
    text = (sample("feeds/debian-dsa-dla") / name).read_text(encoding="utf-8")
    found = list(entries(text, name=name))
    assert len(found) == len({entry.id for entry in found}) == count


def test_an_advisory_of_the_native_list_is_read_whole() -> None:
    path = sample("feeds/debian-dsa-dla") / "DSA.delta.20250213-20260822.reconstructed"
    found = list(records({path.name: path.read_text(encoding="utf-8")}))
    advisory = next(one for one in found if isinstance(one, Advisory) and one.id == "DSA-6457-1")
    assert advisory.issued_on == date(2026, 8, 21)
    assert advisory.cves == ("CVE-2026-60589", "CVE-2026-61308", "CVE-2026-70907")
    rows = [one for one in found if isinstance(one, AffectedPackage) and one.advisory == "DSA-6457-1"]
    assert [(one.release, one.package, one.fixed_version) for one in rows] == [
        ("debian:13", "openjdk-21", "21.0.12.1+1-1~deb13u1")
    ]


def test_special_versions_of_the_native_lists_are_all_understood() -> None:
    folder = sample("feeds/debian-dsa-dla")
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("D?A.list.*")}
    special = [
        fix.version
        for name, text in texts.items()
        for e in entries(text, name=name)
        for fix in e.fixes
        if "<" in fix.version
    ]
    assert {version: special.count(version) for version in special} == {
        "<not-affected>": 55,
        "<unfixed>": 3,
        "<end-of-life>": 5,
    }
    rows = [one for one in records(texts) if isinstance(one, AffectedPackage)]
    assert all("<" not in row.fixed_version for row in rows)
    assert all(bool(row.fixed_version) == (row.state is FixState.FIXED) for row in rows)


def test_lists_as_of_rising_dates_hold_a_growing_set() -> None:
    folder = sample("feeds/debian-dsa-dla")
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("D?A.*")}
    advisories = [one for one in records(texts) if isinstance(one, Advisory)]
    days = [date(year, 1, 1) for year in range(2005, 2027)]
    counts = [sum(one.issued_on is not None and one.issued_on <= day for one in advisories) for day in days]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_the_shared_fixtures_of_another_reader_are_read() -> None:
    lists = fixtures("oracles/feed-fixtures/vunnel-provider-fixtures.tar.xz", "debian/test-fixtures/input/DSA", "")
    (text,) = lists.values()
    found = list(entries(text.decode()))
    assert found[0].id == "DSA-141"
    assert found[-1].fixes[0].version == "5.8.0-1+deb12u1"


def test_every_codename_has_one_release() -> None:
    assert len(set(CODENAMES.values())) == len(CODENAMES)
    assert (CODENAMES["bullseye"], CODENAMES["bookworm"], CODENAMES["trixie"]) == (
        "debian:11",
        "debian:12",
        "debian:13",
    )
