"""Which product an installed program is, and what right it needs: from its display name and publisher, in any language.

The table is `rules/catalog`; `rules.catalog_tables` says what its rows may hold.

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
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import msgspec

from collectors.model import Application, HostSnapshot
from rules.catalog_tables import Edition, LicenseKind, Product, Table
from rules.versions import dotted_key

__all__ = ["Edition", "LicenseKind", "Product", "product_named", "product_of", "products"]

_SCOPES = frozenset({"machine", "user"})

_SIGNS = re.compile(r"[®™©℠]")
_MARKS = re.compile(r"\((?:r|tm|c)\)")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_CULTURE = re.compile(r"\s-\s[a-z]{2,3}-[a-z]{2,4}$")
_NUMBER = re.compile(r"(?<![\w.])v?\d+(?:[.,]\d+)+[\w.+-]*")
_ARCHITECTURE = re.compile(r"(?<!\w)(?:x64|x86|amd64|arm64|win64|win32|(?:64|32)[ -]?bits?)(?!\w)")
_SPACE = re.compile(r"\s+")
_NAMED_VERSION = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+[a-z]?)(?!\w)")
_JAVA_OLD = re.compile(r"(?:1\.)?(?P<major>[5-8])(?:\.0)?(?:[_:. ]*(?:u|update)?[_ ]*(?P<update>\d+))?(?:[-+]b?\d+)?")
_JAVA_INSTALLED = re.compile(r"(?:1\.)?(?P<major>[5-8])\.0\.(?P<update>\d+)(?:\.\d+)?")
_SPELLINGS = (
    (re.compile(r"^ms (?=office|project|visio|access|excel|word|outlook|powerpoint|sql)"), "microsoft "),
    (re.compile(r"\bwindows serveur\b"), "windows server"),
    (re.compile(r"[()\[\],;:/–-]+(?=\s|$)|(?:(?<=\s)|^)[()\[\],;:/–-]+"), " "),
    (re.compile(r"[()]"), " "),
)
# Words of invoices that name neither product nor edition, then names of offers of a product sold in one edition.
_TRADE = re.compile(
    r"edition|ltsc|dc|cc|licen[cs]es?|abonnement|subscription|annuel(?:le)?|oem|fpp|boite|retail|volume|perpetu\w+|mak|esd"
    r"|m[ou]\w+poste|reseau|postes?|utilisateurs?|users?|salaries?|employes?|employees?|pour|for|de|fr|francais|pkc"
)
# Words an invoice begins with, before the name of what is sold.
_SALE = re.compile(r"licen[cs]es?|abonnement|souscription|subscription|renouvellement|renewal|annuel(?:le)?|de|du|pour")
_PLAN = re.compile(
    r"business|premium|corporate|solo|standard|advanced|essentials|starter|plus|pro|professionn?el|professional|one"
    r"|enterprise|entreprise|entry|complete|elite|classic|single|multi|teams?|tensor|cloud|pme"
)
_VERSION_WORD = re.compile(r"v?(?:\d{1,2}(?:[.,]\d+)*|(?:19|20)\d\d(?:\.\d+)*|20\d\d/20\d\d|r2|cs\d|xi|x)")
_LEFT_OUT, _SHORTEST = frozenset({"microsoft", "adobe"}), 5
_OFFICE_PLAN = re.compile(
    r"(?:microsoft|office|m) ?365 (?:business (?:standard|premium)|apps|e3|e5|entreprise|enterprise)\b.*"
)
_JAVA_TENS = 10  # the installers of Java 5 to 8 write the update times ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One recognized copy: `version` as advisories write it and its sort `key`; "" and None when it cannot be read."""

    product: Product
    application: Application
    version: str = ""
    key: bytes | None = None


@cache
def products() -> tuple[Product, ...]:
    """The table, file by file, first what advisories and calendars know: the first product that fits counts.

    Raises ValueError for an id that stands twice.
    """
    found = [product for table in _tables() for product in table.product]
    found.sort(key=lambda product: not (product.cpe or product.tracks or product.calendar))  # advisories know these
    twice = [name for name, count in Counter(product.id for product in found).items() if count > 1]
    if twice:
        raise ValueError(f"rules/catalog: an id stands twice: {', '.join(twice)}")
    return tuple(found)


@cache
def _tables() -> tuple[Table, ...]:
    files = sorted(resources.files("rules").joinpath("catalog").iterdir(), key=lambda file: file.name)
    return tuple(msgspec.convert(tomllib.loads(file.read_text("utf-8")), Table) for file in files)


def normalized(name: str) -> str:
    """A display name in lower case without marks, version, architecture, language and what stands in brackets."""
    text = unicodedata.normalize("NFKC", _SIGNS.sub("", name)).lower()  # NFKC would spell a sign out and keep it
    text = _BRACKETS.sub(" ", _MARKS.sub("", _SPACE.sub(" ", text)))
    text = _CULTURE.sub("", text.strip())
    text = _ARCHITECTURE.sub(" ", _NUMBER.sub(" ", text))
    return _SPACE.sub(" ", text).strip(" -_,:.")


def shown_name(name: str) -> str:
    """A display name without version, architecture and language, in its own letters: what stays the same everywhere."""
    text = _SPACE.sub(" ", unicodedata.normalize("NFKC", name)).strip()
    text = re.sub(_CULTURE, "", text)
    for pattern in (_NUMBER, _ARCHITECTURE, re.compile(r"\(\s*\)")):
        text = re.sub(pattern.pattern, " ", text, flags=re.IGNORECASE)
    return _SPACE.sub(" ", text).strip(" -_,:.") or name.strip()


@lru_cache(maxsize=16384)
def product_of(name: str, publisher: str = "") -> Product | None:
    """The product behind a display name and a publisher, None when the table knows none."""
    return _fitting(normalized(name), publisher.lower())


@lru_cache(maxsize=16384)
def _fitting(plain: str, publisher: str) -> Product | None:
    return next((product for product in products() if product.fits(plain, publisher)), None)


def folded_as(name: str, publisher: str = "") -> str:
    """What a row is that nobody licenses by itself ("update", "language", "runtime", "driver", ...); else ""."""
    return _folded(normalized(name), publisher.lower())


@lru_cache(maxsize=16384)
def _folded(plain: str, publisher: str) -> str:
    return next((row.kind for table in _tables() for row in table.folded if row.fits(plain, publisher)), "")


@lru_cache(maxsize=4096)
def product_named(text: str) -> Product | None:
    """The product a person means: by id, name, alias or display name, whatever the case, accents and signs.

    Invoices name an edition and a version in any order and leave the maker out ("Office Standard 2019", "Acrobat Pro
    DC"): what follows a known name may hold these, and words of the trade, and nothing else.
    """
    plain = plain_text(text)
    if not plain:
        return None
    if _OFFICE_PLAN.fullmatch(plain):  # plans of Microsoft 365 that bring the programs
        return product_by_id("microsoft-365-apps")
    if (known := _by_name().get(plain)) is not None:
        return known
    found = product_of(text)
    if found is not None and found.license is not LicenseKind.PART:
        return found
    # Nobody buys a part: its name may be that of what is sold.
    return _named_freely(plain) or _named_behind_sale(plain) or found


def _named_behind_sale(plain: str) -> Product | None:
    """The product of "Licence annuelle Office Standard 2021": what stands behind the words of the sale."""
    first, _, rest = plain.partition(" ")
    return product_named(rest) if _SALE.fullmatch(first) else None


def _named_freely(plain: str) -> Product | None:
    for pattern, spelling in _SPELLINGS:
        plain = pattern.sub(spelling, plain)
    words = plain.split()
    for count in range(len(words), 0, -1):  # the longest known name counts
        product = _by_short_name().get(" ".join(words[:count]))
        if product is not None and _is_said_of(product, " ".join(words[count:])):
            return product
    return None


def _is_said_of(product: Product, rest: str) -> bool:
    """Whether words behind a product's name only tell its edition, its version, and how it is sold."""
    edition = next((one for one in product.editions if one.expression.search(rest)), None)
    found = None if edition is None else edition.expression.search(rest)
    if found is not None:
        start = rest.rfind(" ", 0, found.start() + 1) + 1  # whole words: a pattern may end inside one
        end = rest.find(" ", max(found.end() - 1, 0))
        rest = f"{rest[:start]} {rest[end:] if end >= 0 else ''}"
    sold = any(one.license is None or one.license.is_paid for one in product.editions)
    known = (_TRADE, _VERSION_WORD) if sold else (_TRADE, _VERSION_WORD, _PLAN)
    return all(any(pattern.fullmatch(word) for pattern in known) for word in rest.split())


def licensed(product: Product) -> Product:
    """The product rights are sold as: itself, but for those advisories know under several names."""
    return product_by_id(product.licensed_as) if product.licensed_as else product


def product_by_id(identity: str) -> Product:
    """The product of that id. Raises KeyError for one the table does not hold."""
    return _by_id()[identity]


@cache
def _by_id() -> dict[str, Product]:
    return {product.id: product for product in products()}


@lru_cache(maxsize=16384)
def plain_text(text: str) -> str:
    """A name as people compare it: in lower case, without accents, signs and superfluous spaces."""
    spelled = unicodedata.normalize("NFKD", _SIGNS.sub("", text).casefold())
    kept = "".join(character for character in spelled if not unicodedata.combining(character))
    return _SPACE.sub(" ", kept).strip()


@cache
def _by_short_name() -> dict[str, Product]:
    """Products by what names one; those of makers people leave out, by the rest of their name too."""
    found: dict[str, Product] = {}
    for plain, product in _by_name().items():
        maker, _, short = plain.partition(" ")
        if maker in _LEFT_OUT and len(short) >= _SHORTEST and short[0].isalpha():
            found.setdefault(short, product)
    return found | _by_name()


@cache
def _by_name() -> dict[str, Product]:
    """Products by everything that names one; an id outweighs a name, a name an alias."""
    found: dict[str, Product] = {}
    for names in (lambda product: product.aliases, lambda product: (product.name,), lambda product: (product.id,)):
        found |= {plain_text(name): product for product in products() for name in names(product)}
    return found


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


def license_of(product: Product, edition: str = "", version: str = "", text: str = "") -> LicenseKind:
    """What a copy needs: the kind of its edition, else of its version as `version_of` writes it, else the product's.

    `text` is the display name as `plain_text` leaves it, where there is one.
    """
    named = next((one for one in product.editions if one.name == edition and one.license is not None), None)
    if named is not None and named.license is not None:
        return named.license
    key = dotted_key(version) if version else None
    if key and any(
        (dotted_key(start) or b"") <= key < (dotted_key(end) or b"") for start, end in product.free_versions
    ):
        return LicenseKind.FREE
    if product.paid_names and re.search(product.paid_names, text):
        return LicenseKind.COMMERCIAL
    return product.license


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
