"""Feed rows about one package, read under the terms of a host: what each advisory means for one line of builds.

This is where "missing security patch" is defined row by row:

- Only an advisory the vendor declares security makes a fix *missing*; bug fixes and enhancements do not (D4). A tracker
  entry that is fixed though nothing was announced came with a point release: it is no missing security patch (D2), and
  is kept apart so that an open fix can name what else it closes.
- One advisory may list several builds that fit; the lowest decides (modules are rebuilt under one advisory).
- A CVE that any fitting security fix covers, installed or not, is not also "without fix", "upcoming" or "only with a
  subscription": vendors leave tracker entries open beside the advisory that closed them.
- Where two feeds speak of one CVE without fix, "upcoming" stands before a worded reason, and that before none.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from collectors.feeds.records import Advisory, AffectedPackage, FixState
from collectors.model import PackageScheme
from rules.model import PatchState
from rules.streams import is_modular, variant_of
from rules.versions import key_function

_OTHER_PRODUCTS = frozenset({"sap"})  # a product of its own: to a host of another, its fixes are not even for sale
NO_WORD = "unfixed"  # a feed that knows no reason says this


class Doubt(StrEnum):
    """Why a fix may or may not be owed; the `reason` of an UNKNOWN verdict about packages."""

    SUBSCRIPTION = "subscription-unread"  # a subscription holds the fix; whether the host has it could not be read
    VARIANT = "no-advisory-for-variant"  # a FIPS or ksplice build, and only the ordinary build's fix is published
    MODULE = "module-stream-unread"  # a modular build without label, and the fix of some stream is newer
    EXTENDED = "extended-stream"  # a Red Hat minor stream (EUS), and the fix is of another one


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides a verdict beside the package itself. Hosts with equal terms share all judgements.

    `services` are those of `rules.entitlements`, None when they could not be told. `extended` is the release key of the
    minor stream a Red Hat host is kept on, "" for the main one.
    """

    release: str
    scheme: PackageScheme
    services: frozenset[str] | None = frozenset()
    extended: str = ""

    @property
    def distribution(self) -> str:
        """First half of the release key."""
        return self.release.partition(":")[0]


class Line(NamedTuple):
    """The line of builds a package belongs to: module stream ("" when none or unread), variant, built as module."""

    stream: str
    variant: str
    modular: bool


class Ruling(NamedTuple):
    """What one advisory means for one package: `state` holds while the version's key is below `fixed_key`.

    An empty `fixed_key` concerns every version (no fix).
    """

    advisory: Advisory
    state: PatchState
    fixed_version: str = ""
    fixed_key: bytes = b""
    reason: str = ""
    entitlement: str = ""


class Rulings:
    """All that the advisories say about one package name in one line of builds.

    A fleet's feeds hold hundreds of thousands of rows, nearly all long installed: keys stand in sorted lists of their
    own, and a `Ruling` is made only for what is open somewhere.
    """

    def __init__(
        self, owed: Mapping[str, AffectedPackage], keys: Mapping[str, bytes], advisories: Mapping[str, Advisory]
    ) -> None:
        order = sorted(owed, key=keys.__getitem__)
        self._keys = [keys[identity] for identity in order]
        self._rows = [owed[identity] for identity in order]
        self._made: list[Ruling | None] = [None] * len(order)
        self._advisories = advisories
        self._others: tuple[Ruling, ...] = ()
        self._quiet_keys: list[bytes] = []
        self._quiet_cves: list[tuple[str, ...]] = []

    def add(self, others: Iterable[Ruling], quiet_keys: list[bytes], quiet_cves: list[tuple[str, ...]]) -> "Rulings":
        """Add rulings that are not plainly owed, and the fixes no advisory announced (parallel lists)."""
        self._others = tuple(others)
        self._quiet_keys, self._quiet_cves = quiet_keys, quiet_cves
        return self

    def open_at(self, own: bytes) -> tuple[Ruling, ...]:
        """Return what is open at the version with this key, owed fixes in the order of their versions first."""
        first = bisect_right(self._keys, own)
        owed = tuple(self._ruling(number) for number in range(first, len(self._keys)))
        if not self._others:
            return owed
        return owed + tuple(ruling for ruling in self._others if not ruling.fixed_key or own < ruling.fixed_key)

    def closed_besides(self, own: bytes, found: Iterable[Ruling]) -> frozenset[str]:
        """Return CVEs without announcement that the missing fixes among `found` close too."""
        if not self._quiet_keys:
            return frozenset()
        reached = max((ruling.fixed_key for ruling in found if ruling.state is PatchState.MISSING), default=b"")
        quiet = zip(self._quiet_keys, self._quiet_cves, strict=True)
        return frozenset(cve for fixed_key, cves in quiet if own < fixed_key <= reached for cve in cves)

    def _ruling(self, number: int) -> Ruling:
        made = self._made[number]
        if made is None:
            row = self._rows[number]
            advisory = self._advisories[row.advisory]
            made = Ruling(advisory, PatchState.MISSING, row.fixed_version, self._keys[number])
            self._made[number] = made
        return made


def compile_rulings(
    rows: Iterable[AffectedPackage], advisories: Mapping[str, Advisory], line: Line, terms: Terms
) -> Rulings:
    """Read the rows of one package name and kind. Rows whose advisory is unknown are left out."""
    key = key_function(terms.scheme)
    ordinary = line == _ORDINARY
    owed: dict[str, AffectedPackage] = {}  # by advisory: its lowest fix that fits
    keys: dict[str, bytes] = {}
    others: dict[tuple[PatchState, str], Ruling] = {}
    without: dict[tuple[str, ...], Ruling] = {}
    quiet_keys: list[bytes] = []
    quiet_cves: list[tuple[str, ...]] = []
    cleared: list[tuple[str, ...]] = []
    for row in rows:
        identity = row.advisory
        advisory = advisories.get(identity)
        if advisory is None:
            continue
        if row.state is FixState.FIXED:
            fitness = _OWED if ordinary and _is_ordinary(row) else _fitness(row, line, terms)
            if fitness is None:
                continue
            fixed_key = key(row.fixed_version)
            if not advisory.security:
                if advisory.cves:
                    quiet_keys.append(fixed_key)
                    quiet_cves.append(advisory.cves)
            elif fitness is _OWED:
                if identity not in keys or fixed_key < keys[identity]:
                    keys[identity], owed[identity] = fixed_key, row
            else:
                ruling = Ruling(advisory, fitness.state, row.fixed_version, fixed_key, fitness.doubt, row.entitlement)
                _keep_lowest(others, ruling)
        elif row.state is FixState.NOT_AFFECTED:
            cleared.append(advisory.cves)
        elif row.module == line.stream and not line.variant:
            fixed_key = key(row.fixed_version) if row.fixed_version else b""
            _keep_best_word(without, _without_fix(row, advisory, fixed_key))
    rest: Iterable[Ruling] = ()
    if others or without:
        covered = {cve for known in owed for cve in advisories[known].cves}
        closed = {cve for cves in (*quiet_cves, *cleared) for cve in cves}
        rest = _uncovered(others.values(), without.values(), set(owed), covered, closed)
    return Rulings(owed, keys, advisories).add(rest, quiet_keys, quiet_cves)


@dataclass(frozen=True, slots=True)
class _Fitness:
    """How a fitting fix stands to the host: owed, held by a subscription, or doubtful."""

    state: PatchState
    doubt: str = ""


_ORDINARY = Line(stream="", variant="", modular=False)
_OWED = _Fitness(PatchState.MISSING)
_SUBSCRIPTION_ONLY = _Fitness(PatchState.PRO_REQUIRED)
_SUBSCRIPTION_UNREAD = _Fitness(PatchState.UNKNOWN, Doubt.SUBSCRIPTION)
_VARIANT_UNSPOKEN = _Fitness(PatchState.UNKNOWN, Doubt.VARIANT)
_STREAM_UNREAD = _Fitness(PatchState.UNKNOWN, Doubt.MODULE)


def _is_ordinary(row: AffectedPackage) -> bool:
    """Whether a fix is for the ordinary build, free of subscriptions: the short way round `_fitness`."""
    version = row.fixed_version
    odd = row.module or row.entitlement or ".module" in version or ".ksplice" in version
    return not (odd or "fips" in version.casefold())


def _fitness(row: AffectedPackage, line: Line, terms: Terms) -> _Fitness | None:
    """Tell whether a fix is of this line of builds (L13, L15) and owed to this host (L12); None when it is not."""
    if row.module != line.stream:
        return _STREAM_UNREAD if row.module and line.modular and not line.stream else None
    if not line.stream and is_modular(row.fixed_version) != line.modular:
        return None
    variant = variant_of(row.fixed_version)
    if row.entitlement.startswith("fips") and line.variant != "fips":
        return None
    if variant != line.variant:
        return _VARIANT_UNSPOKEN if line.variant and not variant and not row.entitlement else None
    if not row.entitlement:
        return _OWED
    if terms.services is None:
        return _SUBSCRIPTION_UNREAD
    if row.entitlement in terms.services:
        return _OWED
    return None if row.entitlement in _OTHER_PRODUCTS else _SUBSCRIPTION_ONLY


def _without_fix(row: AffectedPackage, advisory: Advisory, fixed_key: bytes) -> Ruling:
    state = PatchState.UPCOMING if row.state is FixState.PENDING else PatchState.NO_FIX
    return Ruling(advisory, state, row.fixed_version, fixed_key, row.reason)


def _keep_lowest(best: dict[tuple[PatchState, str], Ruling], ruling: Ruling) -> None:
    identity = (ruling.state, ruling.advisory.id)
    known = best.setdefault(identity, ruling)
    if (ruling.fixed_key, _price(ruling)) < (known.fixed_key, _price(known)):
        best[identity] = ruling


def _price(ruling: Ruling) -> tuple[bool, str]:
    """Order of the subscriptions that hold one fix: the general one (LTSS) is named before special ones."""
    return ruling.entitlement != "ltss", ruling.entitlement


def _keep_best_word(silent: dict[tuple[str, ...], Ruling], ruling: Ruling) -> None:
    """Keep one word per CVE (or per advisory without any)."""
    identity = ruling.advisory.cves or (ruling.advisory.id,)
    known = silent.get(identity)
    if known is None or _word_rank(ruling) < _word_rank(known):
        silent[identity] = ruling


def _word_rank(ruling: Ruling) -> int:
    if ruling.state is PatchState.UPCOMING:
        return 0
    return 1 if ruling.reason not in ("", NO_WORD) else 2


def _uncovered(
    others: Iterable[Ruling], without: Iterable[Ruling], advisories: set[str], covered: set[str], closed: set[str]
) -> Iterator[Ruling]:
    """Yield what no better fix of the same CVEs, or of the same advisory, already says.

    `advisories` and `covered` (their CVEs) are owed fixes; `closed` are CVEs the vendor calls fixed without advisory,
    or not affecting.
    """
    candidates = list(others)
    for state in (PatchState.PRO_REQUIRED, PatchState.UNKNOWN):
        fresh = [r for r in candidates if r.state is state and not _is_covered(r, covered, advisories)]
        yield from fresh
        covered.update(cve for ruling in fresh for cve in ruling.advisory.cves)
        advisories.update(ruling.advisory.id for ruling in fresh)
    covered |= closed
    yield from (ruling for ruling in without if not _is_covered(ruling, covered, advisories))


def _is_covered(ruling: Ruling, cves: set[str], advisories: set[str]) -> bool:
    if ruling.advisory.id in advisories:
        return True
    return bool(ruling.advisory.cves) and cves.issuperset(ruling.advisory.cves)
