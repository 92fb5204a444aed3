import re
from functools import cache

import pytest

from collectors.feeds import osv
from collectors.feeds.feed import FeedRecord
from collectors.feeds.osv_almalinux import parse_member
from collectors.feeds.records import Advisory, AffectedPackage, PackageKind
from tests.lab.feed_samples import advisory, affected, document, fixtures, members, row, rows

DATABASE = "feeds/almalinux-osv/osv-database.tar.xz"


@pytest.mark.parametrize(
    ("identity", "security"), [("ALSA-2026:1", True), ("ALBA-2026:1", False), ("ALEA-2026:1", False)]
)
def test_D4_only_security_advisories_are_security(identity: str, *, security: bool) -> None:
    assert advisory(parse_member("x", document(identity, affected("AlmaLinux:9", "a", "1-1.el9")))).security is security


def test_packages_are_binary_ones_of_the_major_release_and_an_epoch_of_zero_is_left_out() -> None:
    found = row(parse_member("x", document("ALSA-2026:1", affected("AlmaLinux:8", "vim-common", "0:8.0-1.el8"))))
    assert (found.release, found.kind, found.fixed_version) == ("almalinux:8", PackageKind.BINARY, "8.0-1.el8")
    found = row(parse_member("x", document("ALSA-2026:1", affected("AlmaLinux:8", "vim-common", "2:8.0-1.el8"))))
    assert found.fixed_version == "2:8.0-1.el8"


def test_L20_the_vendors_own_page_is_linked_not_that_of_the_advisory_it_rebuilds() -> None:
    links = ["https://access.redhat.com/errata/RHSA-2022:8194", "https://errata.almalinux.org/9/ALSA-2022-8194.html"]
    data = document(
        "ALSA-2022:8194",
        affected("AlmaLinux:9", "libtiff", "4.4.0-2.el9"),
        references=[{"type": "ADVISORY", "url": link} for link in links],
    )
    assert advisory(parse_member("x", data)).url == links[1]


@cache
def _database() -> tuple[tuple[str, bytes, tuple[FeedRecord, ...]], ...]:
    return tuple((name, data, parse_member(name, data)) for name, data in members(DATABASE) if name.endswith(".json"))


def test_the_whole_database_is_read() -> None:
    advisories = [record for _, _, records in _database() for record in records if isinstance(record, Advisory)]
    assert len(advisories) == 5_680
    kinds = [one.id[:4] for one in advisories]
    assert [kinds.count(kind) for kind in ("ALSA", "ALBA", "ALEA")] == [4_480, 978, 222]
    assert sum(one.security for one in advisories) == 4_480
    assert min(str(one.issued_on) for one in advisories) == "2019-05-07"
    assert max(str(one.issued_on) for one in advisories) == "2026-08-20"


def test_every_one_of_its_71_329_fixed_versions_is_a_row() -> None:
    listed = 0
    for name, data, records in _database():
        raw = osv.decode(name, data)
        tuples = [
            (one.package.ecosystem, one.package.name, event.fixed)
            for one in raw.affected or ()
            if one.package
            for span in one.ranges or ()
            for event in span.events
            if event.fixed
        ]
        listed += len(tuples)
        assert {
            (f"AlmaLinux:{row.release.partition(':')[2]}", row.package, row.fixed_version) for row in rows(records)
        } == {(ecosystem, package, fixed.removeprefix("0:")) for ecosystem, package, fixed in tuples}
    assert listed == 71_329


def test_L15_the_stream_is_read_from_708_of_723_modular_titles() -> None:
    modular = [records for _, data, records in _database() if re.search(rb'"fixed": "[^"]*\.module', data)]
    unread = [advisory(records).id for records in modular if any(one.module == osv.NO_STREAM for one in rows(records))]
    assert len(modular) == 723
    assert len(modular) - len(unread) == 708  # 689 is what another reader reached
    assert "ALSA-2023:5989" in unread  # "Important: varnish security update"


def test_L15_every_modular_build_has_a_module_and_no_other_has() -> None:
    found = [one for _, _, records in _database() for one in records if isinstance(one, AffectedPackage)]
    assert all(bool(one.module) == (".module" in one.fixed_version) for one in found)
    assert {one.module for one in found if one.package == "virt-install" and one.module} == set()
    assert all(re.fullmatch(r"[\w.+-]+:[\w.+-]+|\?:\?", one.module) for one in found if one.module)


def test_the_shared_fixtures_are_read_to_the_last_package() -> None:
    folder = "extract/alma/osv/testdata/fixtures/"
    read = {
        advisory(records).id: len({one.package for one in rows(records)})
        for name, data in fixtures("oracles/feed-fixtures/extract-fixtures.tar.xz", folder).items()
        if (records := parse_member(name, data))
    }
    assert set(read) == {"ALEA-2022:2093", "ALBA-2022:8256", "ALSA-2023:7549", "ALSA-2023:7465"}
    assert all(read.values())
