"""AlmaLinux errata in OSV: ALSA (security), ALBA (bug fix) and ALEA (enhancement, D4).

Hosts of other rebuilds never match these (L20). OSV has no module field: the stream is in the title (L15).
"""

import re
from functools import lru_cache

from collectors.feeds import osv
from collectors.feeds.feed import Feed, FeedRecord
from collectors.feeds.osv import Affected, Class, PackageName, Row
from collectors.feeds.records import PackageKind

_RELEASE = re.compile(r"AlmaLinux:(\d+)")
_CLASSES = {"ALSA": Class.ADVISORY, "ALBA": Class.OTHER, "ALEA": Class.OTHER}


def _classify(identity: str) -> Class:
    return _CLASSES.get(identity.partition("-")[0], Class.FOREIGN)


@lru_cache(maxsize=1024)
def _release(ecosystem: str) -> str:
    match = _RELEASE.fullmatch(ecosystem)
    return f"almalinux:{match[1]}" if match else ""


def _rows(package: PackageName, _affected: Affected, fixed: str) -> tuple[Row, ...]:
    """AlmaLinux names binary packages."""
    release = _release(package.ecosystem)
    if not release:
        return ()
    version = osv.without_zero_epoch(fixed)
    return (Row(release=release, package=package.name, kind=PackageKind.BINARY, fixed_version=version),)


DIALECT = osv.Dialect(feed="osv-almalinux", folder="AlmaLinux", classify=_classify, rows=_rows, modular=True)


def parse_member(name: str, data: bytes) -> tuple[FeedRecord, ...]:
    """Read one document of the archive."""
    return osv.read(name, data, DIALECT)


FEED = Feed(
    name="osv-almalinux",
    title="AlmaLinux errata (OSV)",
    licence="MIT",
    homepage="https://errata.almalinux.org/",
    max_age_days=3,
    parts=osv.archive(DIALECT.folder, "almalinux"),
    parse_member=parse_member,
    edition=osv.edition,
    minimum_records=20_000,
    settings={"base": osv.BUCKET},
)
