"""openSUSE Leap in OSV: SUSE-SU announcements that Leap shares with SLE, and openSUSE-SU of its own.

The rolling Tumbleweed, Leap Micro and the Backports project (whose packages Leap's own rows repeat) have no key.
"""

import re

from collectors.feeds import osv, osv_suse
from collectors.feeds.feed import Feed, FeedRecord
from collectors.feeds.osv import Affected, PackageName, Row

_LEAP = re.compile(r"openSUSE:Leap (\d+\.\d+)")


def _rows(package: PackageName, affected: Affected, fixed: str) -> tuple[Row, ...]:
    match = _LEAP.fullmatch(package.ecosystem)
    places = ((f"opensuse-leap:{match[1]}", ""),) if match else ()
    return osv_suse.rows_at(places, package, affected, fixed)


DIALECT = osv.Dialect(feed="osv-opensuse", folder="openSUSE", classify=osv_suse.classify, rows=_rows)


def parse_member(name: str, data: bytes) -> tuple[FeedRecord, ...]:
    """Read one document of the archive."""
    return osv.read(name, data, DIALECT)


FEED = Feed(
    name="osv-opensuse",
    title="openSUSE security announcements (OSV)",
    licence="CC-BY-4.0",
    homepage="https://www.suse.com/support/update/",
    max_age_days=3,
    parts=osv.archive(DIALECT.folder, "opensuse-leap"),
    parse_member=parse_member,
    edition=osv.edition,
    minimum_records=5_000,
    settings={"base": osv.BUCKET},
)
