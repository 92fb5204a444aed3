"""Rocky Linux errata in OSV: RLSA (security), RLBA and RLEA (not, D4).

Packages are *source* packages here, unlike in every other rebuild's feed, hence compared with the name and version of
the source rpm, in which there is no epoch. The builds of special interest groups (RXSA: cloud kernels, the purl says
"rocky-linux-8-sig-cloud") share the ecosystem of the distribution and are another product line.
"""

import re
from functools import lru_cache

from collectors.feeds import osv
from collectors.feeds.feed import Feed, FeedRecord
from collectors.feeds.osv import Affected, Class, PackageName, Row
from collectors.feeds.records import PackageKind

_RELEASE = re.compile(r"Rocky Linux:(\d+)")
_CLASSES = {"RLSA": Class.ADVISORY, "RXSA": Class.ADVISORY, "RLBA": Class.OTHER, "RLEA": Class.OTHER}
_SPECIAL_INTEREST = "-sig-"


def _classify(identity: str) -> Class:
    return _CLASSES.get(identity.partition("-")[0], Class.FOREIGN)


@lru_cache(maxsize=1024)
def _release(ecosystem: str) -> str:
    match = _RELEASE.fullmatch(ecosystem)
    return f"rocky:{match[1]}" if match else ""


def _rows(package: PackageName, _affected: Affected, fixed: str) -> tuple[Row, ...]:
    release = _release(package.ecosystem)
    if not release or _SPECIAL_INTEREST in package.purl:
        return ()
    version = osv.without_epoch(fixed)
    return (Row(release=release, package=package.name, kind=PackageKind.SOURCE, fixed_version=version),)


DIALECT = osv.Dialect(feed="osv-rocky", folder="Rocky Linux", classify=_classify, rows=_rows, modular=True)


def parse_member(name: str, data: bytes) -> tuple[FeedRecord, ...]:
    """Read one document of the archive."""
    return osv.read(name, data, DIALECT)


FEED = Feed(
    name="osv-rocky",
    title="Rocky Linux errata (OSV)",
    licence="BSD-3-Clause",
    homepage="https://errata.rockylinux.org/",
    max_age_days=3,
    parts=osv.archive(DIALECT.folder, "rocky"),
    parse_member=parse_member,
    edition=osv.edition,
    minimum_records=2_000,
    settings={"base": osv.BUCKET},
)
