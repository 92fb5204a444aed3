"""SUSE in OSV: SUSE-SU (security), SUSE-RU, -FU, -OU (recommended, feature, optional: not).

The ecosystem is a product's marketing name. On SLE 15 most packages belong to *modules* ("SUSE:Linux Enterprise Module
for Basesystem 15 SP5") that run on the server of the same service pack, so all of them speak about one release. The
support phases after general support ("...15 SP4-LTSS") need a subscription of their own: their fixes carry it as
entitlement, unless the same fix is listed for the plain product. Micro, Manager, containers, Storage and HPC are other
products and left out. openSUSE shares the documents and has its own archive (`osv_opensuse`).
"""

import re
from functools import lru_cache

import msgspec

from collectors.feeds import osv
from collectors.feeds.feed import Feed, FeedRecord
from collectors.feeds.osv import Affected, Class, PackageName, Row
from collectors.feeds.records import PackageKind

_NAME = "osv-suse"
_ADVISORY = re.compile(r"(?:open)?SUSE-SU-")
_OTHER = re.compile(r"(?:open)?SUSE-[RFO]U-")
_ENTERPRISE = re.compile(
    r"SUSE:(?:SUSE )?(?:Linux Enterprise )?"
    r"(?P<product>Server|Server for SAP [Aa]pplications|Desktop|Module for .+|.+ Module|Workstation Extension"
    r"|High Availability Extension|Software Development Kit|Live Patching|Real Time|Package Hub"
    r"|Server LTSS Extended Security)"
    r" (?P<major>1[125])(?: SP(?P<pack>\d))?(?:-(?P<phase>LTSS|LTSS-CORE|ESPOS|BCL))?"
)
_SIXTEEN = re.compile(r"SUSE:Linux Enterprise (?P<product>Server|Server for SAP [Aa]pplications) (?P<version>16\.\d+)")
_PHASES = {"LTSS": "ltss", "LTSS-CORE": "ltss-core", "ESPOS": "espos", "BCL": "bcl"}
_LAST_PACKS_OF_12 = ("3", "4", "5")  # a module "for ... 12" is for every service pack of 12


class _Specific(msgspec.Struct):
    binaries: list[dict[str, str]] = []


def classify(identity: str) -> Class:
    """Tell security announcements (SU) from recommended, feature and optional updates (RU, FU, OU)."""
    if _ADVISORY.match(identity):
        return Class.ADVISORY
    return Class.OTHER if _OTHER.match(identity) else Class.FOREIGN


@lru_cache(maxsize=4096)
def places_of(ecosystem: str) -> tuple[tuple[str, str], ...]:
    """Return (release key, entitlement) of a product; empty for products that are no release of ours."""
    if match := _SIXTEEN.fullmatch(ecosystem):
        return ((f"sles:{match['version']}", _entitlement(match["product"], None)),)
    match = _ENTERPRISE.fullmatch(ecosystem)
    if match is None:
        return ()
    entitlement = _entitlement(match["product"], match["phase"])
    major, pack = match["major"], match["pack"]
    if pack is None and major == "12" and "Module" in match["product"]:
        return tuple((f"sles:12.{number}", entitlement) for number in _LAST_PACKS_OF_12)
    return ((f"sles:{major}.{pack}" if pack else f"sles:{major}", entitlement),)


def _entitlement(product: str, phase: str | None) -> str:
    if product == "Server LTSS Extended Security":
        return "ltss-extended-security"
    if product.startswith("Server for SAP"):
        return "sap"
    return _PHASES.get(phase or "", "")


def rows_at(
    places: tuple[tuple[str, str], ...], package: PackageName, affected: Affected, fixed: str
) -> tuple[Row, ...]:
    """Name the binary packages of a product where the document lists them, else the source package."""
    if not places:
        return ()
    specific = osv.decode_specific(affected.ecosystem_specific, _Specific, feed=_NAME) or _Specific()
    binaries = {name: version for group in specific.binaries for name, version in group.items()} if fixed else {}
    return tuple(
        Row(
            release=release,
            package=name,
            kind=PackageKind.BINARY if binaries else PackageKind.SOURCE,
            fixed_version=osv.without_zero_epoch(version) if binaries else osv.without_epoch(version),
            entitlement=entitlement if fixed else "",
        )
        for release, entitlement in places
        for name, version in (binaries or {package.name: fixed}).items()
    )


def _rows(package: PackageName, affected: Affected, fixed: str) -> tuple[Row, ...]:
    return rows_at(places_of(package.ecosystem), package, affected, fixed)


DIALECT = osv.Dialect(feed=_NAME, folder="SUSE", classify=classify, rows=_rows)


def parse_member(name: str, data: bytes) -> tuple[FeedRecord, ...]:
    """Read one document of the archive."""
    return osv.read(name, data, DIALECT)


FEED = Feed(
    name=_NAME,
    title="SUSE security announcements (OSV)",
    licence="CC-BY-4.0",
    homepage="https://www.suse.com/support/update/",
    max_age_days=3,
    parts=osv.archive(DIALECT.folder, "sles"),
    parse_member=parse_member,
    edition=osv.edition,
    minimum_records=20_000,
    settings={"base": osv.BUCKET},
)
