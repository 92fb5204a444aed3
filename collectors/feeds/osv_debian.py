"""Debian in OSV: DSA and DLA advisories, and the tracker's CVE entries as DEBIAN-CVE-*.

An entry alone is no declared security fix (D2: point releases fix CVEs without an advisory), so entries are not
`security`. The tracker itself (`debian_tracker`) words why a CVE has no fix better than OSV does.
"""

import re
from functools import lru_cache

import msgspec

from collectors.feeds import cvss, osv
from collectors.feeds.feed import Feed, FeedRecord
from collectors.feeds.osv import Affected, Class, Document, PackageName, Row
from collectors.feeds.records import PackageKind, Severity

_NAME = "osv-debian"
_RELEASE = re.compile(r"Debian:(\d+)(?:\.\d+)?")
_ADVISORY = re.compile(r"(DSA|DLA|DTSA)-\d+")
_ENTRY = re.compile(r"(DEBIAN-)?CVE-\d+|DEBIAN-TEMP-")


class _Specific(msgspec.Struct):
    urgency: str = ""


def _classify(identity: str) -> Class:
    if _ADVISORY.match(identity):
        return Class.ADVISORY
    return Class.ENTRY if _ENTRY.match(identity) else Class.FOREIGN


@lru_cache(maxsize=1024)
def _release(ecosystem: str) -> str:
    match = _RELEASE.fullmatch(ecosystem)
    return f"debian:{match[1]}" if match else ""


def _rows(package: PackageName, _affected: Affected, fixed: str) -> tuple[Row, ...]:
    """Debian names source packages (L1). Unstable has no number and no key."""
    release = _release(package.ecosystem)
    if not release:
        return ()
    return (Row(release=release, package=package.name, kind=PackageKind.SOURCE, fixed_version=fixed),)


def _urgency(affected: Affected) -> str:
    specific = osv.decode_specific(affected.ecosystem_specific, _Specific, feed=_NAME)
    return specific.urgency if specific else ""


def _rate(document: Document) -> Severity:
    return cvss.highest(cvss.severity_of_word(_urgency(affected)) for affected in document.affected or ())


def _reason(affected: Affected) -> str:
    """Word why there is no fix (L8); "" where only the tracker knows, as OSV drops no-dsa, ignored and postponed."""
    urgency = _urgency(affected)
    return urgency if urgency in {"unimportant", "end-of-life"} else ""


DIALECT = osv.Dialect(feed=_NAME, folder="Debian", classify=_classify, rows=_rows, rate=_rate, reason=_reason)


def parse_member(name: str, data: bytes) -> tuple[FeedRecord, ...]:
    """Read one document of the archive."""
    return osv.read(name, data, DIALECT)


FEED = Feed(
    name=_NAME,
    title="Debian security advisories (OSV)",
    licence="Debian security tracker data, no explicit licence; conversion CC-BY-4.0 (OSV)",
    homepage="https://security-tracker.debian.org/",
    max_age_days=3,
    parts=osv.archive(DIALECT.folder, "debian"),
    parse_member=parse_member,
    edition=osv.edition,
    minimum_records=20_000,
    settings={"base": osv.BUCKET},
)
