"""Which advisories are open on a host: facts and feed records in, verdicts out.

This is about Linux; Windows machines are handed to `rules.windows.matching`. Rows name a source package (deb, apk,
SUSE: compared with the source version, L1) or a binary one (Alma, Rocky, Red Hat, Debian's security index: compared
with its own version); the row says which. `rules.rulings` reads the rows, `rules.streams` and `rules.origins` keep
builds apart that do not compare, `rules.kernels` finds the running kernel.
What the facts cannot decide is UNKNOWN with a reason (`Doubt`, `KernelDoubt`), never silence.

Several versions of one package installed side by side are judged each alone (L21): a vulnerable copy that is still
installed is a vulnerable copy. Kernels are the exception, because only the running one can be attacked.

Speed: every distinct package (all its fields) is judged once per terms (release, subscription) for the whole estate;
a host is then a walk through a dictionary, at C speed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain, repeat
from operator import attrgetter
from re import compile as regex
from typing import NamedTuple

from collectors.feeds.records import Advisory, AffectedPackage, PackageKind
from collectors.model import HostSnapshot, Package, PackageScheme
from collectors.releases import release_of
from rules.entitlements import extended_release, services_of
from rules.kernels import RunningKernel, advisory_source, is_kernel, running_kernel
from rules.knowledge import Knowledge
from rules.model import PatchState
from rules.origins import foreign_origin
from rules.products import cpe_names
from rules.rulings import Doubt, Line, Ruling, Rulings, Terms, compile_rulings
from rules.streams import (
    is_modular,
    is_snap_stub,
    minor_of,
    stream_of,
    variant_of,
    without_minor,
)
from rules.verdicts import PatchVerdict
from rules.versions import key
from rules.windows import matching as windows
from rules.windows.builds import is_windows

_FIELDS = ("name", "version", "architecture", "source_name", "source_version", "origin", "module", "held")
_identity = attrgetter(*_FIELDS)


_PROGRAMS = "app"  # the key under which feeds keep affected versions of programs, by the names of their CPEs
_BINNMU = regex(r"\+b\d+$")


class _Open(NamedTuple):
    """What is open for one version of one name: rulings, and CVEs that the missing fixes close unannounced."""

    rulings: tuple[Ruling, ...] = ()
    also_fixed: frozenset[str] = frozenset()


_NOTHING = _Open()


@dataclass(slots=True, eq=False)
class _Case:
    """A distinct installed package with something to say about it; equal only to itself, so it hashes at C speed."""

    package: Package
    source: str
    by_source: _Open = _NOTHING
    by_name: _Open = _NOTHING
    foreign: str = ""


_NEW = _Case(
    Package(name="", version="", architecture="", source_name="", source_version="", scheme=PackageScheme.DEB), ""
)


class Matcher:
    """Judges hosts against one knowledge; keeps what it judged, so one matcher serves a whole estate.

    Not safe for use by several threads at once.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._contexts: dict[Terms, _Context] = {}
        self._windows = windows.WindowsMatcher(knowledge)

    def match(self, snapshot: HostSnapshot) -> tuple[PatchVerdict, ...]:
        """Return the verdicts on one host, in the order of its packages, the running kernel's last.

        Those on a Windows machine come by product, Windows itself first.

        Empty when the system was not seen, when no release key covers it, or when nothing is to be said; which of
        these it is, the snapshot's gaps, `release_of` and `Knowledge.advisory_feeds` tell.
        """
        if is_windows(snapshot):
            return self._windows.match(snapshot)
        terms = _terms_of(snapshot)
        if terms is None:
            return ()
        context = self._contexts.get(terms)
        if context is None:
            context = self._contexts[terms] = _Context(self._knowledge, terms)
        verdicts = context.package_verdicts(snapshot.packages)
        kernel = running_kernel(snapshot)
        if kernel is None:
            return tuple(verdicts)
        of_kernel = context.kernel_verdicts(kernel)
        said = {(verdict.package, verdict.state) for verdict in of_kernel}
        return (*(v for v in verdicts if (v.package, v.state) not in said), *of_kernel) if said else tuple(verdicts)

    @property
    def judged(self) -> int:
        """How many distinct packages were judged so far, over all hosts."""
        return sum(len(context.cases) for context in self._contexts.values())


def needed(snapshot: HostSnapshot) -> dict[str, set[str]]:
    """Return what the feeds are to be asked about a host: names of packages and products by release key.

    Of Linux the host's own release and Red Hat's minor stream it is kept on, with the names of its packages (source and
    binary) and what advisories call its kernel; of Windows one key per product line, and "app" for its programs.
    """
    if is_windows(snapshot):
        programs = cpe_names(snapshot)
        return windows.needed(snapshot) | ({_PROGRAMS: set(programs)} if programs else {})
    terms = _terms_of(snapshot)
    if terms is None:
        return {}
    names = {package.name for package in snapshot.packages}
    sources = {(package.source_name, package.scheme) for package in snapshot.packages}
    names.update(advisory_source(name, scheme) for name, scheme in sources)
    kernel = running_kernel(snapshot)
    if kernel is not None:
        names.update((kernel.source, *kernel.names))
    return {release: set(names) for release in (terms.release, terms.extended) if release}


def _terms_of(snapshot: HostSnapshot) -> Terms | None:
    system = snapshot.operating_system
    release = None if system is None else release_of(system)
    if system is None or release is None:
        return None
    scheme = snapshot.packages[0].scheme if snapshot.packages else PackageScheme.DEB
    return Terms(release, scheme, services_of(system, snapshot), extended_release(system, snapshot))


class _Groups(dict[tuple[_Case, ...], tuple[PatchVerdict, ...]]):
    """Verdicts on one source package, by the binaries of it that a host has."""

    def __missing__(self, cases: tuple[_Case, ...]) -> tuple[PatchVerdict, ...]:
        verdicts = self[cases] = tuple(_package_verdicts(cases))
        return verdicts


class _Context:
    """Judgements under one set of terms."""

    def __init__(self, knowledge: Knowledge, terms: Terms) -> None:
        self._knowledge = knowledge
        self.terms = terms
        self.cases: dict[tuple[str | bool, ...], _Case | None] = {}
        self._by_object: dict[int, _Case | None] = {}
        self._kept: list[Package] = []  # keeps the objects of `_by_object` alive, hence their ids theirs
        self._groups = _Groups()
        self._rulings: dict[tuple[str, PackageKind, Line], Rulings] = {}
        self._open: dict[tuple[str, PackageKind, str, str], _Open] = {}

    def package_verdicts(self, packages: tuple[Package, ...]) -> list[PatchVerdict]:
        """Verdicts on all packages but the kernel."""
        groups: defaultdict[str, list[_Case]] = defaultdict(list)
        for case in filter(None, self._cases_of(packages)):
            groups[case.source].append(case)
        return list(chain.from_iterable(map(self._groups.__getitem__, map(tuple, groups.values()))))

    def _cases_of(self, packages: tuple[Package, ...]) -> list[_Case | None]:
        """Cases of a host's packages: by object where snapshots share equal packages, else by what they are."""
        try:
            return list(map(self._by_object.__getitem__, map(id, packages)))
        except KeyError:
            pass
        identities = list(map(_identity, packages))
        found = list(map(self.cases.get, identities, repeat(_NEW)))
        for number in [number for number, case in enumerate(found) if case is _NEW]:
            found[number] = self._case_of(packages[number], identities[number])
        return found

    def _case_of(self, package: Package, identity: tuple[str | bool, ...]) -> _Case | None:
        if identity not in self.cases:  # it may stand twice in one list
            self.cases[identity] = self._by_object[id(package)] = self.judge(package)
            self._kept.append(package)
        return self.cases[identity]

    def judge(self, package: Package) -> _Case | None:
        """Judge one distinct package; None when there is nothing to say."""
        if package.name == "gpg-pubkey" or (package.scheme is PackageScheme.DEB and is_snap_stub(package.version)):
            return None  # a key (L21) or an empty stand-in (L25) is no software
        source = advisory_source(package.source_name, package.scheme)
        if foreign := foreign_origin(package, self.terms.distribution):
            return _Case(package, source, foreign=foreign)
        if is_kernel(package):
            return None
        stream = stream_of(package.module)
        by_source = self._opened(source, PackageKind.SOURCE, _source_version(package), stream)
        by_name = self._opened(package.name, PackageKind.BINARY, package.version, stream)
        if not by_source.rulings and not by_name.rulings:
            return None
        return _Case(package, source, by_source, by_name)

    def _opened(self, name: str, kind: PackageKind, version: str, stream: str = "") -> _Open:
        """What is open for one version of one name; each asked only once."""
        rows, sure = self._rows_of(name)
        if not rows:
            return _NOTHING
        identity = (name, kind, version, stream)
        known = self._open.get(identity)
        if known is None:
            rulings = self._rulings_of(rows, *identity)
            own = key(self.terms.scheme, version)
            found = rulings.open_at(own)
            if self.terms.distribution == "rhel":
                found = tuple(self._in_stream(found, version, sure=sure))
            known = self._open[identity] = _Open(found, rulings.closed_besides(own, found))
        return known

    def _rows_of(self, name: str) -> tuple[tuple[AffectedPackage, ...], bool]:
        """Rows about a name, and whether they are surely of this host's minor stream (L16)."""
        if self.terms.extended and (rows := self._knowledge.affected.get((self.terms.extended, name), ())):
            return rows, True
        return self._knowledge.affected.get((self.terms.release, name), ()), not self.terms.extended

    def _rulings_of(
        self, rows: tuple[AffectedPackage, ...], name: str, kind: PackageKind, version: str, stream: str
    ) -> Rulings:
        line = Line(stream, variant_of(version), bool(stream) or is_modular(version))
        rulings = self._rulings.get((name, kind, line))
        if rulings is None:
            of_kind = (row for row in rows if row.kind is kind)
            rulings = compile_rulings(of_kind, self._knowledge.advisories, line, self.terms)
            self._rulings[name, kind, line] = rulings
        return rulings

    def _in_stream(self, rulings: Iterable[Ruling], version: str, *, sure: bool) -> Iterator[Ruling]:
        """Compare Red Hat fixes inside their minor stream (L16).

        Not `sure` is what the main stream says to a host kept on a minor one: only fixes built for that minor count.
        """
        scheme, minor = self.terms.scheme, self.terms.extended.partition(".")[2]
        own = key(scheme, without_minor(version))
        for ruling in rulings:
            if not ruling.fixed_version:
                yield ruling
            elif own < key(scheme, without_minor(ruling.fixed_version)):
                ours = sure or minor_of(ruling.fixed_version) == minor
                yield ruling if ours else ruling._replace(state=PatchState.UNKNOWN, reason=Doubt.EXTENDED)

    def kernel_verdicts(self, kernel: RunningKernel) -> list[PatchVerdict]:
        """Verdicts on the running kernel: fix on disk → reboot (L5), live patch → mitigated (L14)."""
        foreign = next(filter(None, (foreign_origin(p, self.terms.distribution) for p in kernel.packages)), "")
        if foreign:
            return [_kernel_verdict(kernel, PatchState.OUTSIDE_SCOPE, reason=foreign)]
        if kernel.doubt is not None:
            return [_kernel_verdict(kernel, PatchState.UNKNOWN, reason=kernel.doubt)]
        asked = [(kernel.source, PackageKind.SOURCE), *((name, PackageKind.BINARY) for name in kernel.names)]
        rulings: dict[str, Ruling] = {}
        for name, kind in asked:
            for ruling in self._opened(name, kind, kernel.version).rulings:
                rulings.setdefault(ruling.advisory.id, ruling)
        on_disk = b"" if kernel.newest is None else key(self.terms.scheme, kernel.newest.version)
        states: defaultdict[tuple[PatchState, str], list[Ruling]] = defaultdict(list)
        for ruling in rulings.values():
            states[_kernel_state(ruling, on_disk, kernel.livepatch), ruling.entitlement].append(ruling)
        return [
            _kernel_verdict(kernel, state, entitlement=entitlement, rulings=found)
            for (state, entitlement), found in states.items()
        ]


def _source_version(package: Package) -> str:
    """The source version compared: without the mark of a binary rebuild, which changes no source (D3)."""
    version = package.source_version
    return _BINNMU.sub("", version) if package.scheme is PackageScheme.DEB and "+b" in version else version


def _kernel_state(ruling: Ruling, on_disk: bytes, livepatch: str) -> PatchState:
    if ruling.state is not PatchState.MISSING:
        return ruling.state
    if livepatch:
        return PatchState.MITIGATED
    return PatchState.REBOOT_PENDING if ruling.fixed_key <= on_disk else PatchState.MISSING


def _kernel_verdict(
    kernel: RunningKernel,
    state: PatchState,
    *,
    entitlement: str = "",
    reason: str = "",
    rulings: Iterable[Ruling] = (),
) -> PatchVerdict:
    found = tuple(rulings)
    return PatchVerdict(
        package=kernel.source,
        packages=kernel.packages,
        installed_version=kernel.version,
        fixed_version=_highest(found),
        state=state,
        advisories=_oldest_first(found),
        entitlement=entitlement,
        reason=reason or _words(ruling.reason for ruling in found),
        kernel=True,
    )


def _package_verdicts(cases: tuple[_Case, ...]) -> Iterator[PatchVerdict]:
    """Verdicts on one source package, one per state and entitlement, in the order of the states."""
    if foreign := [case for case in cases if case.foreign]:
        yield _outside_scope(foreign)
    found = {
        (ruling.state, ruling.entitlement)
        for case in cases
        for ruling in (*case.by_source.rulings, *case.by_name.rulings)
    }
    missing = any(state is PatchState.MISSING for state, _ in found)
    for state, entitlement in sorted(found):
        # A package that must be updated anyway is asked about its doubts when that is done.
        if not (missing and state is PatchState.UNKNOWN):
            yield _verdict(cases, state, entitlement)


def _outside_scope(cases: list[_Case]) -> PatchVerdict:
    return PatchVerdict(
        package=cases[0].source,
        packages=tuple(case.package for case in cases),
        installed_version=cases[0].package.version,
        fixed_version="",
        state=PatchState.OUTSIDE_SCOPE,
        advisories=(),
        reason=_words(case.foreign for case in cases),
    )


def _verdict(cases: tuple[_Case, ...], state: PatchState, entitlement: str) -> PatchVerdict:
    def fitting(found: _Open) -> tuple[Ruling, ...]:
        return tuple(r for r in found.rulings if r.state is state and r.entitlement == entitlement)

    parts = [(case, fitting(case.by_source), fitting(case.by_name)) for case in cases]
    parts = [part for part in parts if part[1] or part[2]]
    case, by_source, by_name = min(parts, key=lambda part: _speaks_first(part[0]))
    everything = [ruling for _, of_source, of_name in parts for ruling in (*of_source, *of_name)]
    advisories = _oldest_first(everything)
    also = {
        cve for case_, of_source, of_name in parts for cve in (case_.by_source.also_fixed | case_.by_name.also_fixed)
    }
    comparable = _source_version(case.package) == case.package.version
    return PatchVerdict(
        package=case.source,
        packages=tuple(part[0].package for part in parts),
        installed_version=_source_version(case.package) if by_source else case.package.version,
        fixed_version=_highest((*by_source, *by_name) if comparable or not by_source else by_source),
        state=state,
        advisories=advisories,
        entitlement=entitlement,
        reason=_words(ruling.reason for ruling in everything),
        fixed_versions=tuple(_fixed_binary(*part) for part in parts),
        also_fixed=tuple(sorted(also.difference(cve for advisory in advisories for cve in advisory.cves)))
        if state is PatchState.MISSING
        else (),
    )


def _speaks_first(case: _Case) -> tuple[bytes, bool, str]:
    """Order of the binaries that may stand for a source: lowest version, then the one that bears its name."""
    package = case.package
    return key(package.scheme, package.source_version), package.name != case.source, package.name


def _fixed_binary(case: _Case, by_source: tuple[Ruling, ...], by_name: tuple[Ruling, ...]) -> str:
    """The version this very binary must reach; "" where only a source version is known that it does not share."""
    if case.package.version == case.package.source_version:
        return _highest((*by_source, *by_name))
    return _highest(by_name)


def _highest(rulings: Iterable[Ruling]) -> str:
    best = max(rulings, key=lambda ruling: ruling.fixed_key, default=None)
    return "" if best is None else best.fixed_version


def _oldest_first(rulings: Iterable[Ruling]) -> tuple[Advisory, ...]:
    """Advisories, each once; undated ones last."""
    unique = {ruling.advisory.id: ruling.advisory for ruling in rulings}
    return tuple(sorted(unique.values(), key=lambda advisory: (advisory.issued_on or date.max, advisory.id)))


def _words(reasons: Iterable[str]) -> str:
    return ", ".join(sorted({reason for reason in reasons if reason}))
