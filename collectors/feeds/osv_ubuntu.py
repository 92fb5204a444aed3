"""Ubuntu in OSV: notices (USN) and the tracker's CVE entries (UBUNTU-CVE-*), with Ubuntu Pro told apart (L12).

A fix of Pro stands under an ecosystem of its own, and the base release is then not listed at all; the entitlement is in
the purl ("esm-apps/jammy"), else in the ecosystem, the availability text or the version. A free fix counts when a
notice announces it, so free fixes of entries are left out (they would be most of the feed); fixes of Pro count either
way, because its archives carry nothing but security fixes. FIPS, real-time and BlueField builds are product lines of
their own (L13): their unfixed entries say nothing about the ordinary packages of the same name.
"""

import re
from typing import Any

import msgspec

from collectors.feeds import cvss, osv
from collectors.feeds.feed import Feed, FeedRecord
from collectors.feeds.osv import Affected, Class, Document, PackageName, Rating, Row
from collectors.feeds.records import PackageKind, Severity

_NAME = "osv-ubuntu"
# Shapes: Ubuntu, then :Pro, then a product line (:FIPS-updates), then :22.04, :LTS and :Realtime:Kernel, most of them
# optional. "Ubuntu:22.04:LTS:for:NVIDIA:BlueField" is hardware of its own and stays unmatched.
_ECOSYSTEM = re.compile(
    r"Ubuntu(?P<pro>:Pro)?(?::(?P<line>FIPS|FIPS-updates|FIPS-preview|Realtime))?:(?P<release>\d+\.\d+)"
    r"(?::LTS)?(?P<realtime>:Realtime:Kernel)?"
)
_DISTRO = re.compile(r"[?&]distro=([^&]+)")
_ESM_VERSION = re.compile(r"[~+]esm\d+")
_FIPS_VERSION = re.compile(r"fips", re.IGNORECASE)
_SERVICES = {"realtime": "realtime-kernel"}  # what `pro status` calls it
_ORDINARY = frozenset({"", "esm-infra", "esm-apps", "esm-infra-legacy", "esm-apps-legacy"})


class _Specific(msgspec.Struct):
    availability: str = ""
    ubuntu_priority: str = ""


class _Cve(msgspec.Struct):
    severity: list[Rating] = []


class _CveMap(msgspec.Struct):
    cves: list[_Cve] = []


class _DatabaseSpecific(msgspec.Struct):
    cves_map: _CveMap | None = None


def _classify(identity: str) -> Class:
    if identity.startswith("USN-"):
        return Class.ADVISORY
    # LSN-* names versions of live patch modules, not of packages.
    return Class.ENTRY if identity.startswith("UBUNTU-CVE-") else Class.FOREIGN


def _specific(raw: msgspec.Raw, kind: Any) -> Any:
    return osv.decode_specific(raw, kind, feed=_NAME)


def entitlement_of(package: PackageName, availability: str, fixed: str) -> str | None:
    """Return the Pro service that holds a fix ("esm-infra", "fips-updates", ...), "" when it is free.

    None when the ecosystem is another product line. The purl's `distro` decides where it names a service.
    """
    match = _ECOSYSTEM.fullmatch(package.ecosystem)
    if match is None:
        return None
    if line := match["line"] or ("realtime" if match["realtime"] else ""):
        return _SERVICES.get(line.lower(), line.lower())
    distro = _DISTRO.search(package.purl)
    service, _, series = distro[1].partition("/") if distro else ("", "", "")
    if series == "esm":  # "trusty/esm", the older spelling
        return "esm-infra"
    if series:
        return _SERVICES.get(service, service)
    if _FIPS_VERSION.search(fixed):
        return "fips-updates"
    if match["pro"] or _ESM_VERSION.search(fixed):
        return _service_of_text(availability)
    return ""


def _service_of_text(availability: str) -> str:
    """Tell the ESM service from the availability text; the infrastructure one when the text is silent."""
    if "Legacy" in availability:
        return "esm-infra-legacy"
    if "Ubuntu Pro" in availability and "Infra-only" not in availability:
        return "esm-apps"
    return "esm-infra"


def _rows(package: PackageName, affected: Affected, fixed: str) -> tuple[Row, ...]:
    """Ubuntu names source packages (L1)."""
    match = _ECOSYSTEM.fullmatch(package.ecosystem)
    if match is None:
        return ()
    specific = _specific(affected.ecosystem_specific, _Specific) or _Specific()
    entitlement = entitlement_of(package, specific.availability, fixed)
    if entitlement is None or (not fixed and entitlement not in _ORDINARY):
        return ()
    return (
        Row(
            release=f"ubuntu:{match['release']}",
            package=package.name,
            kind=PackageKind.SOURCE,
            fixed_version=fixed,
            entitlement=entitlement if fixed else "",  # no fix is no fix, for everybody
        ),
    )


def _rate(document: Document) -> Severity:
    """Return Ubuntu's own priority: of the entry, else the gravest of the CVEs a notice fixes."""
    words = [rating.score for rating in document.severity or () if rating.type == "Ubuntu"]
    specifics = (_specific(affected.ecosystem_specific, _Specific) for affected in document.affected or ())
    words += [specific.ubuntu_priority for specific in specifics if specific]
    for raw in {bytes(affected.database_specific) for affected in document.affected or ()}:  # repeated per package
        database = _specific(msgspec.Raw(raw), _DatabaseSpecific)
        if database and database.cves_map:
            words += [r.score for cve in database.cves_map.cves for r in cve.severity if r.type == "Ubuntu"]
    return cvss.highest(cvss.severity_of_word(word) for word in words)


DIALECT = osv.Dialect(
    feed=_NAME,
    folder="Ubuntu",
    classify=_classify,
    rows=_rows,
    rate=_rate,
    entries_are_security=True,
    keep_free_entry_fixes=False,
)


def parse_member(name: str, data: bytes) -> tuple[FeedRecord, ...]:
    """Read one document of the archive."""
    return osv.read(name, data, DIALECT)


FEED = Feed(
    name=_NAME,
    title="Ubuntu security notices (OSV)",
    licence="CC-BY-SA-4.0",
    homepage="https://ubuntu.com/security/notices",
    max_age_days=3,
    parts=osv.archive(DIALECT.folder, "ubuntu"),
    parse_member=parse_member,
    edition=osv.edition,
    minimum_records=20_000,
    settings={"base": osv.BUCKET},
)
