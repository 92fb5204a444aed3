"""Which product an installed program is: by its display name and publisher, in any language, from `rules/catalog`.

Windows knows programs by the name their installer wrote: with the version in it, the architecture, the language, in
English or in French. `product_of` takes these away and compares what is left, whole, with the patterns of the table; a
publisher that does not fit makes an impostor or a namesake, which is not recognized. Rows that Windows itself hides
(W27), Store apps and other systems' applications are left out; copies for one user count like those for all (W26).

The version is DisplayVersion, except where that is known to be another number than the one advisories use (W28):
`versions = "name"` takes the number in the display name, "java" undoes Java 8's "8.0.4410.7" (update 441). What cannot
be read as a version stays "", and nobody judges it.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib import resources
from typing import Literal

import msgspec

from collectors.model import Application, HostSnapshot
from rules.versions import dotted_key

_SCOPES = frozenset({"machine", "user"})

_MARKS = re.compile(r"[®™©]|\((?:r|tm|c)\)")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_CULTURE = re.compile(r"\s-\s[a-z]{2,3}-[a-z]{2,4}$")
_NUMBER = re.compile(r"(?<![\w.])v?\d+(?:[.,]\d+)+[\w.+-]*")
_ARCHITECTURE = re.compile(r"(?<!\w)(?:x64|x86|amd64|arm64|win64|win32|(?:64|32)[ -]?bits?)(?!\w)")
_SPACE = re.compile(r"\s+")
_NAMED_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+[a-z]?)(?!\w)")
_JAVA_OLD = re.compile(r"(?:1\.)?(?P<major>[5-8])(?:\.0)?(?:[_:. ]*(?:u|update)?[_ ]*(?P<update>\d+))?(?:[-+]b?\d+)?")
_JAVA_INSTALLED = re.compile(r"(?:1\.)?(?P<major>[5-8])\.0\.(?P<update>\d+)(?:\.\d+)?")
_JAVA_TENS = 10  # the installers of Java 5 to 8 write the update times ten


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One product of the table.

    `names` are regular expressions for the whole display name as `normalized` leaves it, `publishers` words one of
    which the publisher must contain (a row without publisher passes). `cpe` are "vendor:product" names advisories use
    ("vendor:product/edition" for one edition), or `tracks` such names by an expression for the version, where release
    tracks overlap. A version that `not_comparable` fits wholly is another number than advisories use. `calendar` is
    endoflife.date's name of the product, whose cycle is the first `cycle` parts of the version, or its entry in
    `cycles`, or what `cycle_in_name` finds in the name. `rapid` releases live for weeks: their end is no news to plan
    for. `extended_stable` marks browsers whose even major versions may be a slower channel with fixes of its own,
    `edition` "esr" those that are one, `branches` programs whose long-term releases bear the name of the others: what
    is published about a copy's own major version decides alone. `engine` names what a browser is built on and shares
    its major version with.
    """

    id: str
    name: str
    names: tuple[str, ...]
    publishers: tuple[str, ...] = ()
    cpe: tuple[str, ...] = ()
    versions: Literal["display", "name", "java"] = "display"
    tracks: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    not_comparable: str = ""
    calendar: str = ""
    cycle: int = 1
    cycles: dict[str, str] = msgspec.field(default_factory=dict)
    cycle_in_name: str = ""
    rapid: bool = False
    edition: str = ""
    extended_stable: bool = False
    branches: bool = False
    engine: str = ""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """All name patterns as one."""
        return re.compile("|".join(f"(?:{name})" for name in self.names))

    def fits(self, name: str, publisher: str) -> bool:
        """Whether a normalized name and a publisher in lower case are this product's."""
        if not self.pattern.fullmatch(name):
            return False
        return not publisher or not self.publishers or any(word in publisher for word in self.publishers)

    def cpe_of(self, version: str) -> tuple[str, ...]:
        """The names advisories use for one version of this product; all of them for a version that was not read."""
        if not self.tracks:
            return self.cpe
        if not version:
            return tuple(name for names in self.tracks.values() for name in names)
        return next((names for track, names in self.tracks.items() if re.search(track, version)), ())


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    product: list[Product]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One recognized copy: `version` as advisories write it and its sort `key`; "" and None when it cannot be read."""

    product: Product
    application: Application
    version: str = ""
    key: bytes | None = None


@cache
def products() -> tuple[Product, ...]:
    """The table, file by file: the first product that fits counts. Raises ValueError for an id that stands twice."""
    found: list[Product] = []
    for file in sorted(resources.files("rules").joinpath("catalog").iterdir(), key=lambda file: file.name):
        found.extend(msgspec.convert(tomllib.loads(file.read_text("utf-8")), _Table).product)
    twice = [name for name, count in Counter(product.id for product in found).items() if count > 1]
    if twice:
        raise ValueError(f"rules/catalog: an id stands twice: {', '.join(twice)}")
    return tuple(found)


def normalized(name: str) -> str:
    """A display name in lower case without marks, version, architecture, language and what stands in brackets."""
    text = _SPACE.sub(" ", name.replace("\u00a0", " ").lower())
    text = _BRACKETS.sub(" ", _MARKS.sub("", text))
    text = _CULTURE.sub("", text.strip())
    text = _ARCHITECTURE.sub(" ", _NUMBER.sub(" ", text))
    return _SPACE.sub(" ", text).strip(" -_,:.")


@lru_cache(maxsize=8192)
def product_of(name: str, publisher: str = "") -> Product | None:
    """The product behind a display name and a publisher, None when the table knows none."""
    plain, by = normalized(name), publisher.lower()
    return next((product for product in products() if product.fits(plain, by)), None)


def installations(snapshot: HostSnapshot) -> tuple[Installation, ...]:
    """Recognized programs of a Windows machine, one per copy, in the order they were seen."""
    return tuple(_recognized(snapshot.applications))


def programs(snapshot: HostSnapshot) -> tuple[Application, ...]:
    """What a person would call a program on a Windows machine: for all users or for one, not hidden by Windows."""
    return tuple(entry for entry in snapshot.applications if entry.scope in _SCOPES and not entry.noise and entry.name)


def cpe_names(snapshot: HostSnapshot) -> frozenset[str]:
    """The "vendor:product" names under which flaws of this machine's programs are published."""
    if snapshot.windows is None:
        return frozenset()
    found = installations(snapshot)
    names = (name for entry in found for name in (*entry.product.cpe_of(entry.version), entry.product.engine))
    return frozenset(name.partition("/")[0] for name in names if name)


def version_of(product: Product, application: Application) -> str:
    """The version advisories would write, "" when the machine does not tell it or writes something else."""
    written = application.version.strip()
    match product.versions:
        case "name":
            named = _NAMED_VERSION.search(application.name)
            written = named[1] if named else written
        case "java":
            written = _installed_java(written)
    if product.not_comparable and re.fullmatch(product.not_comparable, written):
        return ""
    return written if dotted_key(written) else ""


def comparable(versions: str, written: str) -> str:
    """A version out of an advisory, on the scale of `version_of` for a product of that `versions`."""
    return java_version(written) if versions == "java" else written


def java_version(written: str) -> str:
    """Java's version on one scale: "1.8.0_441", "1.8.0:update441", "8u441" are "8.0.441"; from 9 on as written."""
    found = _JAVA_OLD.fullmatch(written.strip().lower())
    return written if found is None else f"{found['major']}.0.{int(found['update'] or 0)}"


def _installed_java(written: str) -> str:
    """DisplayVersion of Oracle's Java: up to Java 8 "8.0.4410.7" is update 441, build 7; else as written."""
    found = _JAVA_INSTALLED.fullmatch(written)
    if found is None:
        return written
    update, odd = divmod(int(found["update"]), _JAVA_TENS)
    return "" if odd else f"{found['major']}.0.{update}"


def cycle_name(found: Installation, calendar: Iterable[str]) -> str:
    """The release cycle of a copy as the calendar (cycle names of its product) calls it, "" when it has none for it."""
    product, known = found.product, frozenset(calendar)
    if product.cycle_in_name:
        named = re.search(product.cycle_in_name, found.application.name.lower())
        return named[1] if named and named[1] in known else ""
    parts = re.findall(r"\d+", found.version)
    for count in range(len(parts), 0, -1):
        name = product.cycles.get(".".join(parts[:count]))
        if name is not None:
            return name if name in known else ""
    name = ".".join(str(int(part)) for part in parts[: product.cycle])
    return name if name in known and len(parts) >= product.cycle else ""


def _recognized(applications: Iterable[Application]) -> Iterable[Installation]:
    for application in applications:
        if application.scope not in _SCOPES or application.noise or not application.name:
            continue
        product = product_of(application.name, application.publisher)
        if product is not None:
            version = version_of(product, application)
            yield Installation(
                product=product,
                application=application,
                version=version,
                key=dotted_key(version) if version else None,
            )
