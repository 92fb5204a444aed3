"""The chain of evidence of one package: what feeds say of it."""

from auditor.explanation import _rulings
from collectors.feeds.records import Advisory, AffectedPackage, FeedRecords, FixState, PackageKind
from collectors.model import Package, PackageScheme
from rules.knowledge import Knowledge

OPENSSL = Package(
    name="openssl",
    version="3.0-1",
    architecture="amd64",
    source_name="openssl",
    source_version="3.0-1",
    scheme=PackageScheme.DEB,
)


def _row(fixed: str) -> AffectedPackage:
    return AffectedPackage(
        advisory="DSA-1",
        release="debian:12",
        package="openssl",
        kind=PackageKind.SOURCE,
        state=FixState.FIXED,
        fixed_version=fixed,
    )


def test_what_two_feeds_say_alike_stands_once_and_what_differs_stands_twice() -> None:
    advisories = tuple(Advisory(id="DSA-1", feed=feed) for feed in ("debian-advisories", "osv-debian"))
    records = FeedRecords(advisories=advisories, affected=(_row("3.0-2"), _row("3.0-2"), _row("3.0-3")))
    found = _rulings(Knowledge.from_records(records), "debian:12", [OPENSSL], [])
    assert [(ruling.row.fixed_version, ruling.open) for ruling in found] == [("3.0-2", True), ("3.0-3", True)]
