"""Which installed products a right covers: by product, edition, version and pattern (cases 45, 46, 66, 67).

A right names a product of the table, or a pattern of display names with `*`. What it does not say (an edition, a
version) it does not limit. Older versions are covered where the right may run them; editions never go down (case 45),
but for Windows Server Datacenter, which is told elsewhere. A right bought by volume serves no edition that is not sold
so. Where a row leaves open whether it reaches a version (bought nobody says how, maintenance that ended about when the
version came out), it serves the version and a person is asked.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

from rules.products import Product, licensed, plain_text, product_by_id, product_named
from rules.rights import Channel, Entitlement, Metric, VersionRule
from rules.software.needs import Need

_NUMBER = re.compile(r"\d+")
_MAJOR = re.compile(r"(?<![\w.])\d+(?!\w)")
_YEAR = re.compile(r"\b20\d\d(?: ?r2)?\b")
_R2 = re.compile(r"\br ?2\b")
_YEARS = range(1990, 2100)
APPS = "microsoft-365-apps"
_UNVERSIONED = frozenset({"windows"})  # a license of Windows 10 runs 11, one of 11 runs 10
_ALWAYS_OLDER = frozenset({"windows-server", "windows-server-cal", "rds-cal", "exchange-server-cal", "sql-server-cal"})
_BY_VOLUME = frozenset({Channel.VOLUME, Channel.SPLA})
_CAL_METRICS = frozenset({Metric.USER_CAL, Metric.DEVICE_CAL})
_CAL_WORDS = (
    ("rds-cal", re.compile(r"\brds\b|remote desktop|bureau a distance|\btse\b|terminal server")),
    ("exchange-server-cal", re.compile(r"exchange")),
    ("sql-server-cal", re.compile(r"\bsql\b")),
    ("windows-server-cal", re.compile(r"windows|server|serveur|\bcal\b")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One entitlement, read against the table of products.

    `product` is an id of the table, "" for a pattern or a name the table does not know; `edition` and `version` are
    those the row gives, else those its product's name holds. `pattern` fits the names of programs.
    """

    entitlement: Entitlement
    product: str = ""
    edition: str = ""
    version: str = ""
    pattern: re.Pattern[str] | None = None

    @property
    def specificity(self) -> tuple[int, int, int]:
        """How closely it is aimed: a product before a pattern, a long pattern before a short one, then its limits."""
        letters = len(self.entitlement.product.replace("*", "")) if self.pattern is not None else 0
        return (int(self.pattern is None), letters, bool(self.edition) + bool(self.version))

    @property
    def order(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Most specific first, then by id: the same whatever the order of the file."""
        row = self.entitlement
        return (
            tuple(-part for part in self.specificity),
            (row.id, row.place, row.product, row.edition, row.version, row.metric.value, str(row.quantity)),
        )

    def names(self, need: Need) -> bool:
        """Whether the row speaks of this product at all, in whatever edition and version."""
        if self.pattern is not None:
            return any(self.pattern.fullmatch(row) for row in need.rows)
        return self.product == need.product

    def covers(self, need: Need, today: date) -> bool:
        """Whether one unit of this right covers one unit of the need, its metric apart."""
        if not self.is_for_edition(need):
            return False
        return need.product in _UNVERSIONED or self.reaches(need.version, today)

    def is_for_edition(self, need: Need) -> bool:
        """Whether the row speaks of this product in this edition, whatever the version."""
        if not self.names(need):
            return False
        plain = plain_text(need.edition)
        if self.edition and plain:
            return self.edition == plain
        return self.entitlement.channel not in _BY_VOLUME or plain not in _sold_singly(need.product)

    def is_home(self, need: Need) -> bool:
        """Whether this is the very product, edition and version that was bought.

        Of several patterns that fit a program, the need bears the closest one's name: that one's home it is (case 67).
        """
        if self.pattern is not None and need.product.startswith("program:"):
            return need.product == f"program:{plain_text(self.entitlement.product)}"
        edition = not self.edition or self.edition == plain_text(need.edition)
        version = (
            not self.version or need.product in _UNVERSIONED or version_key(self.version) == version_key(need.version)
        )
        return edition and version and self.is_for_edition(need)

    def reaches(self, version: str, today: date) -> bool:
        """Whether a version is one this right may run, as far as its row tells: what it leaves open is not denied."""
        return self._reach(version, today) is not False

    def is_unsure(self, need: Need, today: date) -> bool:
        """Whether only what the row does not tell decides if the version of this need may be run."""
        return need.product not in _UNVERSIONED and self._reach(need.version, today) is None

    def _reach(self, version: str, today: date) -> bool | None:
        """Whether a version may be run, by rule, downgrade rights and maintenance; None where nothing tells."""
        right = self.entitlement
        if not version:
            return True
        if self.brings_new_versions:
            return self._came_in_time(version, today)
        if not self.version:
            return True
        bought, installed = version_key(self.version), version_key(version)
        if bought == installed:
            return True
        if not (bought and installed and installed < bought):
            return False
        if right.may_run_older or self.product in _ALWAYS_OLDER:
            return True
        return None if right.downgrade is None and right.channel is Channel.UNKNOWN else False

    @property
    def brings_new_versions(self) -> bool:
        """Whether versions that came out later are covered: by subscription, by maintenance, or as the row says."""
        row = self.entitlement
        by_subscription = row.channel is Channel.SUBSCRIPTION or row.metric is Metric.SUBSCRIPTION_SEAT
        return by_subscription or row.maintenance_end is not None or row.version_rule is VersionRule.ANY

    def _came_in_time(self, version: str, today: date) -> bool | None:
        """Whether a version came out before the right to new versions ended (case 61); None where nothing tells.

        A version named after a year came out in that year or, at the earliest, in the one before; some always do so.
        """
        ended = self.entitlement.maintenance_end
        if ended is None or ended >= today:
            return True
        installed = version_key(version)
        if self.version and installed <= version_key(self.version):
            return True
        year = installed[0] if installed else 0
        if year not in _YEARS:
            return None
        ahead = product_by_id(self.product).named_ahead if self.product else False
        first, last = year - 1, year - 1 if ahead else year
        return None if first <= ended.year <= last else last < ended.year


def read_right(entitlement: Entitlement) -> Right:
    """Find out what a row is about."""
    if entitlement.metric in _CAL_METRICS:
        named = _YEAR.search(plain_text(entitlement.product))
        version = entitlement.version or ("" if named is None else named[0])
        return Right(entitlement=entitlement, product=_cal_product(entitlement), version=version)
    edition = plain_text(entitlement.edition)
    if "*" in entitlement.product:
        return Right(
            entitlement=entitlement,
            edition=edition,
            version=entitlement.version,
            pattern=name_pattern(entitlement.product),
        )
    product = _product(entitlement.product)
    if product is None:
        return Right(
            entitlement=entitlement,
            edition=edition,
            version=entitlement.version,
            pattern=name_pattern(entitlement.product),
        )
    text = plain_text(entitlement.product)
    dated = f"{text} {plain_text(entitlement.version)}".strip()
    return Right(
        entitlement=entitlement,
        product=product.id,
        edition=_edition(product, edition, entitlement.version) or plain_text(product.edition_in(dated)),
        version=entitlement.version or _version(product, text),
    )


def _version(product: Product, text: str) -> str:
    """The version the product's name holds ("FileMaker Pro 19"), where rights to it speak of versions at all."""
    if product.release != "major":
        return product.release_of(text, "")
    rest = text
    for name in (product.name, *product.aliases):
        rest = rest.replace(plain_text(name), " ")
    found = _MAJOR.search(rest)
    return "" if found is None else found[0]


def _product(name: str) -> Product | None:
    """The product a row names, as rights to it are sold."""
    found = product_named(name)
    return None if found is None else licensed(found)


def version_key(version: str) -> tuple[int, ...]:
    """Compare versions as rights name them: "2012" < "2012 R2" < "2016", "24" < "24.2"; () for a word."""
    plain = plain_text(version)
    second = _R2.search(plain)
    numbers = tuple(int(part) for part in _NUMBER.findall(_R2.sub(" ", plain)))
    return (*numbers, 1) if second and numbers else numbers


def ambiguous(need: Need, rights: Iterable[Right]) -> tuple[Right, ...]:
    """Patterns that fit one product equally well without being the same (case 67); nothing where one is closer."""
    fitting = [right for right in rights if right.pattern is not None and right.names(need)]
    if not fitting:
        return ()
    best = max(right.specificity for right in fitting)
    closest = [right for right in fitting if right.specificity == best]
    different = {plain_text(right.entitlement.product) for right in closest}
    return tuple(sorted(closest, key=lambda right: right.order)) if len(different) > 1 else ()


def is_oem(right: Right) -> bool:
    """Whether a right stays with the machine it was bought with (case 47)."""
    return right.entitlement.channel is Channel.OEM or bool(right.entitlement.bound_to)


def _edition(product: Product, edition: str, version: str) -> str:
    """An edition as the table calls it, in any language; as it was written where the table knows none such.

    What a word means may depend on the version ("PME" of Office 2007 and of Office 2021).
    """
    return plain_text(product.edition_in(f"{edition} {plain_text(version)}".strip())) or edition if edition else ""


@cache
def _sold_singly(product: str) -> frozenset[str]:
    """Editions of a product of the table that no volume contract brings; none for a product it does not hold."""
    try:
        editions = product_by_id(product).editions
    except KeyError:
        return frozenset()
    return frozenset(plain_text(edition.name) for edition in editions if edition.sold_singly)


def _cal_product(entitlement: Entitlement) -> str:
    text = plain_text(f"{entitlement.product} {entitlement.edition}")
    return next((product for product, words in _CAL_WORDS if words.search(text)), "windows-server-cal")


def name_pattern(product: str) -> re.Pattern[str]:
    """A name with `*` for any text; a name without one fits whole names, with or without a version behind."""
    parts = [re.escape(part) for part in plain_text(product).split("*")]
    tail = "" if "*" in product else r"(?: v?\d[\w.]*)?"
    return re.compile(".*".join(parts) + tail)
