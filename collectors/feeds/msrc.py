"""Microsoft's security update guide (CVRF v3): per CVE and product, the KB that fixes it and the build it leads to.

One document a month, revised for years. The month decides nothing here: each CVE keeps the date of its first revision
(M10, G5). A fixed build is believed only within the branch of its own product row; everything else that stands in that
field (revisions of Internet Explorer, other branches' builds, addresses, slips of the pen: M2) leaves the KB alone.
What cannot be read is counted and logged, and a product name that looks like one we judge and is not understood is
named: a machine of that kind must not pass for want of a row.

Months are asked for by name, since the guide's own list forgets recent ones (M3).
Source: https://api.msrc.microsoft.com/cvrf/v3.0/swagger/v3/swagger.json; icasi.org CVRF 1.1.
"""

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from collectors.errors import FeedInvalid
from collectors.feeds import cvss
from collectors.feeds.feed import Edition, Feed, FeedRecord, Part, RawPart
from collectors.feeds.msrc_products import Outside, Product, products_of
from collectors.feeds.records import Advisory, AffectedPackage, FixState, PackageKind, Severity

_LOG = logging.getLogger(__name__)
_NAME = "msrc"
_BASE = "https://api.msrc.microsoft.com/cvrf/v3.0/cvrf"
_PAGE = "https://msrc.microsoft.com/update-guide/vulnerability/"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONGEST_HISTORY = 240  # months asked for at most
_LARGEST_MONTH = 128 << 20  # bytes; a month has 5 to 15 MB
_HEAD = 1 << 16  # bytes in which a document says when it was revised
_REVISED = re.compile(rb'"CurrentReleaseDate"\s*:\s*"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)')

# Between two Patch Tuesdays lie at most 35 days: documents none of which was revised for longer are an old copy, and
# their own date counts. Within that time "last looked at" tells the age.
_QUIET = timedelta(days=35)

_SEVERITY = 3  # Type of a threat; 0 is the impact, 1 the exploit
_VENDOR_FIX = 2  # Type of a remediation; all others are help pages and workarounds
_HIGHEST_SCORE = 10.0
_FIRST_YEAR = 1995  # a date before it stands for "none" (0001-01-01)

_CVE = re.compile(r"CVE-\d{4}-\d{4,19}")
_KB = re.compile(r"(?:KB)?(\d{6,8})")
_KB_IN_ADDRESS = re.compile(r"=KB(\d{6,8})$", re.IGNORECASE)
_VERSION = re.compile(r"\d{1,5}(?:\.\d{1,9}){1,3}")


class _Text(msgspec.Struct, rename="pascal", gc=False):
    value: str | None = None


class _ProductName(msgspec.Struct, gc=False):
    identity: str = msgspec.field(name="ProductID")
    value: str = msgspec.field(name="Value")


class _ProductTree(msgspec.Struct, rename="pascal", gc=False):
    full_product_name: list[_ProductName] | None = None


class _Threat(msgspec.Struct, gc=False):
    type: int = msgspec.field(name="Type")
    description: _Text | None = msgspec.field(name="Description", default=None)
    products: list[str] | None = msgspec.field(name="ProductID", default=None)


class _Score(msgspec.Struct, gc=False):
    base: float | None = msgspec.field(name="BaseScore", default=None)
    products: list[str] | None = msgspec.field(name="ProductID", default=None)


class _Remediation(msgspec.Struct, gc=False):
    type: int = msgspec.field(name="Type")
    description: _Text | None = msgspec.field(name="Description", default=None)
    sub_type: str | None = msgspec.field(name="SubType", default=None)
    fixed_build: str | None = msgspec.field(name="FixedBuild", default=None)
    url: str | None = msgspec.field(name="URL", default=None)
    products: list[str] | None = msgspec.field(name="ProductID", default=None)


class _Revision(msgspec.Struct, rename="pascal", gc=False):
    date: str = ""


class _Vulnerability(msgspec.Struct, gc=False):
    cve: str = msgspec.field(name="CVE")
    title: _Text | None = msgspec.field(name="Title", default=None)
    threats: list[_Threat] | None = msgspec.field(name="Threats", default=None)
    scores: list[_Score] | None = msgspec.field(name="CVSSScoreSets", default=None)
    remediations: list[_Remediation] | None = msgspec.field(name="Remediations", default=None)
    revisions: list[_Revision] | None = msgspec.field(name="RevisionHistory", default=None)


class _Document(msgspec.Struct, rename="pascal", gc=False):
    product_tree: _ProductTree
    vulnerability: list[_Vulnerability] | None


_DOCUMENT = msgspec.json.Decoder(_Document)
_known_products = lru_cache(maxsize=8192)(products_of)  # the same names stand in every month


class _Tally:
    """What one document said that became no row, told in one line of the log."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.unknown: set[str] = set()

    def tell(self, document: str) -> None:
        told = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        if told:
            _LOG.debug("%s %s: not used: %s", _NAME, document, told)
        if self.unknown:
            _LOG.warning(
                "%s %s names products that look like judged ones and are not understood: %s. Machines with these may"
                " lack rows.",
                _NAME,
                document,
                "; ".join(sorted(self.unknown)),
            )


def parse_part(part: RawPart) -> Iterator[FeedRecord]:
    """Yield, per CVE with a fix for a judged product, its advisory and one row per product, KB and build.

    Raises FeedInvalid when the file is not a whole CVRF document in JSON.
    """
    try:
        document = _DOCUMENT.decode(part.path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FeedInvalid(_NAME, f"{part.name} is no CVRF document in JSON: {error}.") from error
    names, vulnerabilities = document.product_tree.full_product_name or [], document.vulnerability or []
    if bool(names) != bool(vulnerabilities):  # a month that has only just begun may have neither
        raise FeedInvalid(_NAME, f"{part.name} names {len(names)} products and {len(vulnerabilities)} vulnerabilities.")
    tally = _Tally()
    reading = _Reading(names, tally)
    for vulnerability in vulnerabilities:
        if _CVE.fullmatch(vulnerability.cve):
            yield from _records(vulnerability, reading)
        else:  # "CVE-2022-2601-M", "... do not use this one", ADV990001 (servicing stacks): M7, W8
            tally.counts["entries that are no CVE"] += 1
    tally.tell(part.name)


def _products(names: list[_ProductName], tally: _Tally) -> dict[str, tuple[Product, ...]]:
    found: dict[str, tuple[Product, ...]] = {}
    for name in names:
        products = _known_products(name.value)
        if not isinstance(products, Outside):
            found[name.identity] = products
            continue
        tally.counts[f"names ({products.value})"] += 1
        if products is Outside.UNKNOWN:
            tally.unknown.add(name.value[:120])
    return found


def _records(vulnerability: _Vulnerability, reading: "_Reading") -> Iterator[FeedRecord]:
    fixes: dict[_Fix, None] = {}  # Server Core repeats the rows of the full installation (W11)
    concerned: set[str] = set()
    for remediation in vulnerability.remediations or ():
        if remediation.type == _VENDOR_FIX:
            found, products = reading.fixes(remediation)
            fixes.update(found)
            concerned |= products
    if not fixes:
        return
    yield _advisory(vulnerability, concerned)
    for fix in fixes:
        yield AffectedPackage(
            advisory=vulnerability.cve,
            release=fix.release,
            package=fix.package,
            kind=PackageKind.BINARY,
            state=FixState.FIXED,
            fixed_version=fix.fixed_version,
            module=fix.module,
            remedy=fix.remedy,
            remedy_kind=fix.remedy_kind,
        )


class _Fix(NamedTuple):
    """What one remediation does for one key: the row of every CVE that names it."""

    release: str
    package: str
    module: str
    fixed_version: str
    remedy: str
    remedy_kind: str


_Fixes = tuple[dict[_Fix, None], frozenset[str]]


class _Reading:
    """One document: its product names, and each remediation read once, since all CVEs of a month repeat it."""

    def __init__(self, names: list[_ProductName], tally: _Tally) -> None:
        self._tally = tally
        self._products = _products(names, tally)
        self._read: dict[tuple[str | None, ...], _Fixes] = {}

    def fixes(self, remediation: _Remediation) -> _Fixes:
        """Return what a remediation fixes, and the ids of the judged products it does that for."""
        told = remediation.description.value if remediation.description else None
        key = (told, remediation.sub_type, remediation.fixed_build, remediation.url, *(remediation.products or ()))
        found = self._read.get(key)
        if found is None:
            found = self._read[key] = self._understood(remediation, told or "")
        return found

    def _understood(self, remediation: _Remediation, told: str) -> _Fixes:
        number = _KB.fullmatch(told.strip())
        remedy = f"KB{number[1]}" if number else ""
        kind = (remediation.sub_type or "").strip() if number else ""
        build = (remediation.fixed_build or "").strip()
        fixes: dict[_Fix, None] = {}
        concerned: set[str] = set()
        for identity in remediation.products or ():
            for one in self._products.get(identity, ()):
                fixed_version = build if _is_usable(build, one) else ""
                if build and not fixed_version:
                    self._tally.counts["fixed builds outside their branch"] += 1
                if not remedy and not fixed_version:
                    self._tally.counts["fixes without KB and build"] += 1
                    continue
                for kb in self._names_on_machines(one, remedy, remediation.url):
                    fixes[_Fix(one.release, one.package, one.module, fixed_version, kb, kind)] = None
                concerned.add(identity)
        return fixes, frozenset(concerned)

    @staticmethod
    def _names_on_machines(one: Product, remedy: str, url: str | None) -> tuple[str, ...]:
        """The KB of a fix, and that of its part for one .NET Framework version, which is what gets installed (W9)."""
        part = _KB_IN_ADDRESS.search((url or "").strip())
        if not remedy or part is None or not one.package.startswith("dotnet-framework:") or remedy == f"KB{part[1]}":
            return (remedy,)
        return (remedy, f"KB{part[1]}")


def _is_usable(build: str, of: Product) -> bool:
    """Whether a fixed build is a plain version and, for Windows, one of the product's own branch (M2)."""
    if not _VERSION.fullmatch(build):
        return False
    return not of.branch or (build.startswith(of.branch) and build.count(".") == of.branch.count("."))


def _advisory(vulnerability: _Vulnerability, concerned: AbstractSet[str]) -> Advisory:
    """Rate a CVE by the products it has rows for: the guide rates and scores each product apart."""
    words = {
        threat.description.value or ""
        for threat in vulnerability.threats or ()
        if threat.type == _SEVERITY and threat.description and _is_of(threat.products, concerned)
    }
    scores = [
        score.base
        for score in vulnerability.scores or ()
        if score.base is not None and 0 < score.base <= _HIGHEST_SCORE and _is_of(score.products, concerned)
    ]
    title = (vulnerability.title.value or "") if vulnerability.title else ""
    return Advisory(
        id=vulnerability.cve,
        feed=_NAME,
        title=title.strip(),
        severity=cvss.highest((*map(cvss.severity_of_word, words), Severity.UNKNOWN)),
        cvss=max(scores, default=None),
        issued_on=min(_days(vulnerability.revisions or ()), default=None),
        cves=(vulnerability.cve,),
        url=f"{_PAGE}{vulnerability.cve}",
    )


def _is_of(products: list[str] | None, concerned: AbstractSet[str]) -> bool:
    """Whether a rating speaks of one of our products; without any it speaks of the whole CVE (M8)."""
    return not products or not concerned.isdisjoint(products)


def _days(revisions: Collection[_Revision]) -> Iterator[date]:
    for revision in revisions:
        try:
            day = date.fromisoformat(revision.date[:10])
        except ValueError:
            continue
        if day.year >= _FIRST_YEAR:
            yield day


def edition(parts: tuple[RawPart, ...]) -> Edition:
    """Return the day of the newest revision; its moment only where it shows that the copy served is an old one."""
    moments = [moment for part in parts if (moment := _revised_at(part)) is not None]
    if not moments:
        raise FeedInvalid(_NAME, "no document says when it was last revised.")
    newest = max(moments)
    seen = max(part.seen_at or part.fetched_at for part in parts)
    return Edition(published_at=newest if seen - newest > _QUIET else None, label=f"{newest:%Y-%m-%d}")


def _revised_at(part: RawPart) -> datetime | None:
    """Read the date from the head of a document: all of them would have to be decoded a second time else."""
    with part.path.open("rb") as file:
        found = _REVISED.search(file.read(_HEAD))
    if found is None:
        return None
    moment = datetime.fromisoformat(found[1].decode()).replace(tzinfo=UTC)
    return moment if moment.year >= _FIRST_YEAR else None


def parts(settings: Mapping[str, str], today: date) -> tuple[Part, ...]:
    """Name the document of each of the last months; that of the current one may not exist yet.

    Raises ValueError when `months` is no number from 1 to 240.
    """
    wanted = int(settings["months"])
    if not 1 <= wanted <= _LONGEST_HISTORY:
        raise ValueError(f"months = {wanted} is not between 1 and {_LONGEST_HISTORY}")
    base = settings["base"].rstrip("/")
    newest = today.year * 12 + today.month - 1
    return tuple(
        Part(
            name=f"{number // 12}-{number % 12 + 1:02}.json",
            url=f"{base}/{number // 12}-{_MONTHS[number % 12]}",
            serves=("windows",),
            accept="application/json",
            max_bytes=_LARGEST_MONTH,
            optional=number == newest,
        )
        for number in range(newest, newest - wanted, -1)
    )


FEED = Feed(
    name=_NAME,
    title="Microsoft Security Update Guide",
    licence="Microsoft terms of use (downloaded at run time, not redistributed)",
    homepage="https://msrc.microsoft.com/update-guide/",
    max_age_days=7,
    parts=parts,
    parse_part=parse_part,
    edition=edition,
    minimum_records=100,
    settings={"base": _BASE, "months": "24"},
    patch_tuesday=True,
    rolling=True,
)
