"""Red Hat errata in OSV: RHSA (security), RHBA and RHEA (not, D4).

The ecosystem is a product's CPE: "Red Hat:enterprise_linux:8::baseos" is the main stream. The minor-release streams a
customer pays for (EUS, AUS, E4S, TUS, ELS, ...) have keys of their own such as "rhel-eus:8.4": their fixed versions
("...el7_7") sort above later builds of the main stream and must never flag those (L16). Layered products (OpenShift,
JBoss, Satellite, Software Collections, ...) are left out.
"""

import re
from functools import lru_cache

from collectors.feeds import osv
from collectors.feeds.feed import Feed, FeedRecord
from collectors.feeds.osv import Affected, Class, PackageName, Row
from collectors.feeds.records import PackageKind

_MAIN = re.compile(r"Red Hat:(?:enterprise_linux|rhel_extras):(\d+)(?:\.\d+)?(?::.*)?")
_STREAM = re.compile(r"Red Hat:(?:rhel|enterprise_linux)_(eus|aus|e4s|tus|els|eus_long_life):(\d+(?:\.\d+)?)(?::.*)?")
_CLASSES = {"RHSA": Class.ADVISORY, "RHBA": Class.OTHER, "RHEA": Class.OTHER}


def _classify(identity: str) -> Class:
    return _CLASSES.get(identity.partition("-")[0], Class.FOREIGN)


@lru_cache(maxsize=1024)
def release_of(ecosystem: str) -> str:
    """Return the release key of a Red Hat product, "" for products that are no release of the distribution."""
    if match := _MAIN.fullmatch(ecosystem):
        return f"rhel:{match[1]}"
    if match := _STREAM.fullmatch(ecosystem):
        return f"rhel-{match[1].replace('_', '-')}:{match[2]}"
    return ""


def _rows(package: PackageName, _affected: Affected, fixed: str) -> tuple[Row, ...]:
    """Red Hat names binary packages."""
    release = release_of(package.ecosystem)
    if not release:
        return ()
    version = osv.without_zero_epoch(fixed)
    return (Row(release=release, package=package.name, kind=PackageKind.BINARY, fixed_version=version),)


DIALECT = osv.Dialect(feed="osv-redhat", folder="Red Hat", classify=_classify, rows=_rows, modular=True)


def parse_member(name: str, data: bytes) -> tuple[FeedRecord, ...]:
    """Read one document of the archive."""
    return osv.read(name, data, DIALECT)


FEED = Feed(
    name="osv-redhat",
    title="Red Hat errata (OSV)",
    licence="CC-BY-4.0",
    homepage="https://access.redhat.com/security/security-updates/",
    max_age_days=3,
    parts=osv.archive(DIALECT.folder, "rhel"),
    parse_member=parse_member,
    edition=osv.edition,
    minimum_records=20_000,
    settings={"base": osv.BUCKET},
)
