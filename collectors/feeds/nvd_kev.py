"""NVD: which versions of an application each known exploited CVE affects, from the CPE match ranges.

Only applications, and only those a CVE names as vulnerable themselves. What names no version at all ("any version")
is left out and counted: it would flag machines that may well be fixed. An update level beside a single version is kept
behind a colon ("1.8.0:update202", "2021:update5"); few products tell theirs, so that a rule may only be able to doubt.
Source: https://nvd.nist.gov/developers/vulnerabilities (CVE API 2.0, `hasKev`); NISTIR 7695 (CPE names).
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

import msgspec

from collectors.errors import FeedInvalid
from collectors.feeds.feed import Feed, Part, RawPart
from collectors.feeds.records import AffectedRange

_LOG = logging.getLogger(__name__)
_NAME = "nvd-kev"
_URL = "https://services.nvd.nist.gov/rest/json/cves/2.0"
_PAGE = 2000  # the most the service gives at once
_MOST_PAGES = 20
_LARGEST_PAGE = 512 << 20

_CVE = re.compile(r"CVE-\d{4}-\d{4,19}")
_FIELD = re.compile(r"(?:\\.|[^:\\])*")
_ESCAPED = re.compile(r"\\(.)")
_CPE_FIELDS = 13  # "cpe", "2.3" and the eleven components
_ANY, _NONE = "*", "-"


class _Match(msgspec.Struct, rename="camel"):
    vulnerable: bool
    criteria: str
    version_start_including: str = ""
    version_start_excluding: str = ""
    version_end_including: str = ""
    version_end_excluding: str = ""


class _Node(msgspec.Struct, rename="camel"):
    cpe_match: list[_Match] = []
    negate: bool = False


class _Configuration(msgspec.Struct):
    nodes: list[_Node] = []
    operator: str = "OR"
    negate: bool = False


class _Cve(msgspec.Struct, rename="camel"):
    id: str = ""
    configurations: list[_Configuration] = []


class _Item(msgspec.Struct):
    cve: _Cve


class _Page(msgspec.Struct, rename="camel"):
    total_results: int
    vulnerabilities: list[_Item]


class _Cpe(msgspec.Struct):
    """The components of a CPE 2.3 name that are looked at, without escapes."""

    part: str
    vendor: str
    product: str
    version: str
    update: str
    edition: str
    target: str


def parse(parts: tuple[RawPart, ...]) -> Iterator[AffectedRange]:
    """Yield every range of every page. Raises FeedInvalid when a page is broken or one is missing."""
    left_out: Counter[str] = Counter()
    announced = held = 0
    for part in parts:
        try:
            page = msgspec.json.decode(part.path.read_bytes(), type=_Page)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FeedInvalid(_NAME, f"{part.name} is no answer of NVD's CVE API: {error}.") from error
        announced = max(announced, page.total_results)
        held += len(page.vulnerabilities)
        for item in page.vulnerabilities:
            if not _CVE.fullmatch(item.cve.id):
                raise FeedInvalid(_NAME, f"an entry is named {item.cve.id[:40]!r}, which is no CVE.")
            yield from ranges(item.cve.id, item.cve.configurations, left_out)
    if held != announced:
        hint = 'Raise `pages` in the settings of this feed, or run "auditor feeds update" again.'
        raise FeedInvalid(_NAME, f"NVD announces {announced} entries and its pages hold {held}.", hint=hint)
    told = ", ".join(f"{count} {what}" for what, count in sorted(left_out.items()))
    _LOG.debug("%s: not used: %s", _NAME, told or "nothing")


def ranges(cve: str, configurations: list[_Configuration], left_out: "Counter[str]") -> Iterator[AffectedRange]:
    """Yield what one CVE says of applications; `left_out` counts what it says and we cannot use."""
    for configuration in configurations:
        if configuration.negate or any(node.negate for node in configuration.nodes):
            left_out["negated configurations"] += 1
            continue
        matches = [(match, _cpe(match.criteria)) for node in configuration.nodes for match in node.cpe_match]
        platform = _platform([cpe for match, cpe in matches if not match.vulnerable])
        for match, cpe in matches:
            if match.vulnerable and cpe.part == "a":
                yield from _range(cve, match, cpe, platform, left_out)


def read_configurations(data: bytes) -> list[_Configuration]:
    """Read the configurations of one record {"cve": {"configurations": [...]}}; raises msgspec.DecodeError."""
    return msgspec.json.decode(data, type=_Item).cve.configurations


def _platform(companions: "list[_Cpe]") -> str:
    """The system an application must run on where that is not Windows ("android"); "" else."""
    systems = [cpe.product for cpe in companions if cpe.part == "o"]
    return systems[0] if systems and not any(system.startswith("windows") for system in systems) else ""


def _range(cve: str, match: _Match, cpe: _Cpe, platform: str, left_out: "Counter[str]") -> Iterator[AffectedRange]:
    first = match.version_start_including or match.version_start_excluding
    fixed = match.version_end_excluding
    last = "" if fixed else match.version_end_including
    if not (first or fixed or last):
        if cpe.version in {_ANY, _NONE}:
            left_out["products without versions"] += 1
            return
        first = last = cpe.version if cpe.update in {_ANY, _NONE} else f"{cpe.version}:{cpe.update}"
    elif cpe.update not in {_ANY, _NONE}:
        left_out["ranges with an update level"] += 1
        return
    yield AffectedRange(
        cve=cve,
        product=f"{cpe.vendor}:{cpe.product}",
        introduced=first,
        fixed_version=fixed,
        last_affected=last,
        target=platform or ("" if cpe.target in {_ANY, _NONE} else cpe.target),
        edition="" if cpe.edition in {_ANY, _NONE} else cpe.edition,
    )


def _cpe(name: str) -> _Cpe:
    """Split a CPE 2.3 name at its colons, those that are not escaped."""
    fields = [_ESCAPED.sub(r"\1", found) for found in _fields(name)]
    if len(fields) != _CPE_FIELDS or fields[:2] != ["cpe", "2.3"]:
        raise FeedInvalid(_NAME, f"{name[:80]!r} is no CPE 2.3 name.")
    return _Cpe(
        part=fields[2],
        vendor=fields[3],
        product=fields[4],
        version=fields[5],
        update=fields[6],
        edition=fields[9],
        target=fields[10],
    )


def _fields(name: str) -> Iterator[str]:
    at = 0
    while True:
        found = _FIELD.match(name, at)
        assert found is not None  # it may match nothing, and always matches
        yield found[0]
        at = found.end() + 1
        if at > len(name):
            return


def parts(settings: Mapping[str, str], _today: date) -> tuple[Part, ...]:
    """One file per page; only the first must be there. Raises ValueError when `pages` is no number from 1 to 20."""
    pages = int(settings["pages"])
    if not 1 <= pages <= _MOST_PAGES:
        raise ValueError(f"pages = {pages} is not between 1 and {_MOST_PAGES}")
    return tuple(
        Part(
            name=f"page-{number + 1}.json",
            url=f"{settings['url']}?hasKev&resultsPerPage={_PAGE}&startIndex={number * _PAGE}",
            serves=("windows",),
            accept="application/json",
            max_bytes=_LARGEST_PAGE,
            optional=number > 0,
        )
        for number in range(pages)
    )


FEED = Feed(
    name=_NAME,
    title="NVD, versions affected by known exploited CVEs",
    licence="public domain (NIST)",
    homepage="https://nvd.nist.gov/",
    max_age_days=7,
    parts=parts,
    parse=parse,
    minimum_records=500,
    settings={"url": _URL, "pages": "2"},
    revision=2,
)
