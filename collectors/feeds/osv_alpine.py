"""Alpine in OSV: one entry per CVE, made from the distribution's secdb.

Alpine announces nothing else: an entry with a fixed version is its declaration of a security fix. secdb has no dates,
and OSV shows the CVE's, so no entry starts a clock. A secfix of version "0" (never affected, L26) does not reach OSV.
"""

import re
from functools import lru_cache

from collectors.feeds import osv
from collectors.feeds.feed import Feed, FeedRecord
from collectors.feeds.osv import Affected, Class, PackageName, Row
from collectors.feeds.records import PackageKind

_RELEASE = re.compile(r"Alpine:v(\d+\.\d+)")
_ENTRY = re.compile(r"(ALPINE-)?CVE-\d+")


def _classify(identity: str) -> Class:
    return Class.ENTRY if _ENTRY.match(identity) else Class.FOREIGN


@lru_cache(maxsize=1024)
def _release(ecosystem: str) -> str:
    match = _RELEASE.fullmatch(ecosystem)
    return f"alpine:{match[1]}" if match else ""


def _rows(package: PackageName, _affected: Affected, fixed: str) -> tuple[Row, ...]:
    """Alpine names source packages (the origin). Edge has no number and no key."""
    release = _release(package.ecosystem)
    if not release or fixed == "0":
        return ()
    return (Row(release=release, package=package.name, kind=PackageKind.SOURCE, fixed_version=fixed),)


DIALECT = osv.Dialect(feed="osv-alpine", folder="Alpine", classify=_classify, rows=_rows, entries_are_security=True)


def parse_member(name: str, data: bytes) -> tuple[FeedRecord, ...]:
    """Read one document of the archive."""
    return osv.read(name, data, DIALECT)


FEED = Feed(
    name="osv-alpine",
    title="Alpine security database (OSV)",
    licence="CC-BY-SA-4.0 (Alpine secdb)",
    homepage="https://secdb.alpinelinux.org/",
    max_age_days=3,
    parts=osv.archive(DIALECT.folder, "alpine"),
    parse_member=parse_member,
    edition=osv.edition,
    minimum_records=2_000,
    settings={"base": osv.BUCKET},
)
