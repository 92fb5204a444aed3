"""What a row of `rules/catalog` may hold: how a product is known, its versions, its editions, the right it needs."""

import re
from enum import StrEnum
from functools import cached_property
from typing import Literal

import msgspec

from rules.rights import Metric

_MAJOR = re.compile(r"\d+")


class LicenseKind(StrEnum):
    """What the use of a product by a company asks for."""

    FREE = "free"
    BUSINESS = "business"  # free for private use, paid for by companies (case 63)
    COMMERCIAL = "commercial"
    PART = "part"  # a component, a runtime, an agent or a client of something else: no right of its own
    UNCLEAR = "unclear"  # one name for a free and a paid program, or terms no scan can see: a person must look

    @property
    def is_paid(self) -> bool:
        """Whether a company needs a right to run it."""
        return self in (LicenseKind.BUSINESS, LicenseKind.COMMERCIAL)


class Edition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One edition: known by `pattern`, searched in a name or an edition's word in lower case, without accents.

    `license` and `metric` are those of the product unless stated. `sold_singly` editions come in a box or with a
    machine, never by volume; `small_company` is said of a product, below.
    """

    name: str
    pattern: str
    license: LicenseKind | None = None
    metric: Metric | None = None
    sold_singly: bool = False
    small_company: bool = False

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The pattern, compiled."""
        return re.compile(self.pattern)


class Product(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One product of the table.

    `names` are regular expressions for the whole display name as `rules.products.normalized` leaves it, `publishers`
    words one of which the publisher must contain (a row without publisher passes). `cpe` are "vendor:product" names
    advisories use ("vendor:product/edition" for one edition), or `tracks` such names by an expression for the version,
    where release tracks overlap. A version that `not_comparable` fits wholly is another number than advisories use.
    `calendar` is endoflife.date's name of the product, whose cycle is the first `cycle` parts of the version, or its
    entry in `cycles`, or what `cycle_in_name` finds in the name. `rapid` releases live for weeks: their end is no news
    to plan for. `extended_stable` marks browsers whose even major versions may be a slower channel with fixes of its
    own, `edition` "esr" those that are one, `branches` programs whose long-term releases bear the name of the others:
    what is published about a copy's own major version decides alone. `engine` names what a browser is built on and
    shares its major version with.

    `publisher` is the maker's name as a report shows it, `aliases` what people also call the product. A row without
    publisher does not pass where `needs_publisher`: the name alone could be anything. `license` is what a company needs
    to run it, except for `editions` that say otherwise and for versions inside `free_versions` (from the first number
    up to, not including, the second); where one name is used for a free and a paid program, names in which `paid_names`
    is found (in lower case, without accents) are the paid one's. `small_company` marks what its maker leaves free to
    small companies under conditions no scan can see. `metric` is how rights to it are usually sold; `by_employee`:
    for everybody who works for the company, whoever uses it, so that nothing on the machines can be compared with them.
    `licensed_as` is the id of the product they are sold as, where advisories know it under several.

    The version rights speak of is found by `release`: "" they speak of none, "major" the first number of the version,
    else an expression whose group finds it in the display name; `releases` name versions by how they begin, and go
    first. Versions `named_ahead` bear the year after the one they come out in. `click_to_run` and `msi` are the ids of
    Office (without year and channel; four digits of the product code, with the year before them where they meant
    something else then) and the edition each stands for.
    """

    id: str
    name: str
    names: tuple[str, ...]
    license: LicenseKind
    publisher: str = ""
    publishers: tuple[str, ...] = ()
    needs_publisher: bool = False
    licensed_as: str = ""
    aliases: tuple[str, ...] = ()
    metric: Metric = Metric.DEVICE
    by_employee: bool = False
    small_company: bool = False
    free_versions: tuple[tuple[str, str], ...] = ()
    paid_names: str = ""
    editions: tuple[Edition, ...] = ()
    release: str = ""
    releases: dict[str, str] = msgspec.field(default_factory=dict)
    named_ahead: bool = False
    click_to_run: dict[str, str] = msgspec.field(default_factory=dict)
    msi: dict[str, str] = msgspec.field(default_factory=dict)
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
        if not publisher:
            return not self.needs_publisher
        return not self.publishers or any(word in publisher for word in self.publishers)

    def cpe_of(self, version: str) -> tuple[str, ...]:
        """The names advisories use for one version of this product; all of them for a version that was not read."""
        if not self.tracks:
            return self.cpe
        if not version:
            return tuple(name for names in self.tracks.values() for name in names)
        return next((names for track, names in self.tracks.items() if re.search(track, version)), ())

    def edition_in(self, text: str) -> str:
        """The edition a name tells, given in lower case without accents; "" when it tells none of this product's."""
        return next((edition.name for edition in self.editions if edition.expression.search(text)), "")

    def release_of(self, text: str, version: str) -> str:
        """The version rights speak of, from a name (lower case, without accents) and a version; "" for none."""
        parts = version.split(".")
        for count in range(len(parts), 0, -1):
            name = self.releases.get(".".join(parts[:count]))
            if name is not None:
                return name
        if self.release == "major":
            first = _MAJOR.match(version)
            return "" if first is None else first[0]
        found = re.search(self.release, text) if self.release else None
        return "" if found is None else found[1].replace(" r2", " R2")  # as Microsoft writes it


class Folded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Rows nobody licenses by themselves: updates, language packs, runtimes, drivers, a vendor's utilities.

    `names` are expressions for the whole normalized name. With `publishers` one of these must stand in the publisher,
    as whole words; a row without publisher then passes only where `names` are given. Without `names` every program of
    these publishers is meant.
    """

    kind: str
    names: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """All name patterns as one."""
        return re.compile("|".join(f"(?:{name})" for name in self.names))

    @cached_property
    def makers(self) -> re.Pattern[str]:
        """All publishers as one pattern."""
        return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(word) for word in self.publishers)})(?!\w)")

    def fits(self, name: str, publisher: str) -> bool:
        """Whether a normalized name and a publisher in lower case are such a row's."""
        if self.names and not self.pattern.fullmatch(name):
            return False
        if not self.publishers or (not publisher and self.names):
            return True
        return self.makers.search(publisher) is not None


class Table(msgspec.Struct, forbid_unknown_fields=True):
    """One file of the catalogue."""

    product: list[Product] = msgspec.field(default_factory=list)
    folded: list[Folded] = msgspec.field(default_factory=list)
