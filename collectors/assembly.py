"""From the sections of one host to its snapshot: what several sources tell together, and what nobody told.

A fact kind that no collector of the host's family delivered becomes a gap here, so that an empty tuple without a gap
always means "looked, and found nothing".
"""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from collectors.hosts.base import RPM_FAMILIES, Facts, Family, HostCollector, Offer
from collectors.model import (
    AvailableUpdate,
    CollectorOutcome,
    CollectorStatus,
    FactKind,
    Gap,
    GapReason,
    HostSnapshot,
    Kernel,
    KernelState,
    LastUpdate,
    OperatingSystem,
    Package,
    PackageLists,
    PackageScheme,
    RebootSignal,
    RebootState,
    Repository,
    Target,
)
from collectors.script import Delivery

_DEB_IMAGE = re.compile(r"(?:linux-image(?:-unsigned)?|pve-kernel|proxmox-kernel)-(\d\S*)")
_DEB_FLAVOR = re.compile(r"\d[^-]*(?:-\d[^-]*)*-([a-z]\S*)")
_EL_IMAGE = re.compile(r"kernel(?:-(?P<flavor>rt|64k|debug|uek|lt|ml))?(?P<core>-core)?")
_SUSE_IMAGE = re.compile(r"kernel-(default|azure|rt|64kb|lpae|pae|xen|debug|vanilla|kvmsmall)(?:-base)?")
_APK_IMAGE = re.compile(r"linux-(lts|virt|edge|stable|rpi\d?|hardened|vanilla|openpax|asahi)")
_NUMBER = re.compile(r"[0-9]{1,18}")
_SEPARATOR = re.compile(r"[-.+~_]")
_MAX_DIGITS = 18
_DEBIAN_BUILD = re.compile(r"Debian (\S+)")
_UBUNTU_BUILD = re.compile(r"#(\S+?)-Ubuntu")
_NEVER_TOLD = (
    FactKind.OPERATING_SYSTEM,
    FactKind.PACKAGES,
    FactKind.KERNELS,
    FactKind.AVAILABLE_UPDATES,
    FactKind.PACKAGE_LISTS,
    FactKind.REPOSITORIES,
    FactKind.LAST_UPDATE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Why an answer may be incomplete: what the transport said, for the gaps of sections that did not come home."""

    reason: GapReason
    detail: str


def assemble(
    target: Target,
    delivery: Delivery,
    collectors: Sequence[HostCollector],
    *,
    taken_at: datetime,
    window_s: float,
    cut: Cut,
) -> HostSnapshot:
    """Put a host's snapshot together. `window_s` is how long after `taken_at` its clock may have been read."""
    read = [(collector, *_read(collector, delivery, cut)) for collector in collectors]
    facts = [found for _, found, _ in read]
    gaps = [gap for found in facts for gap in found.gaps]
    system = _system(facts, taken_at, window_s)
    packages = _packages(facts)
    kernels = _kernels(facts, packages, delivery.family)
    reboot = _reboot(facts, system, kernels)
    told = {kind for collector, _, status in read if _answered(status) for kind in collector.kinds}
    hidden = {gap.kind for gap in gaps}
    gaps += [_untold(kind, delivery.family) for kind in _NEVER_TOLD if kind not in told | hidden]
    gaps += _unsure(delivery.family, system, packages, reboot, gaps)
    hidden = {gap.kind for gap in gaps}
    return HostSnapshot(
        target=target,
        taken_at=taken_at,
        operating_system=system,
        packages=packages,
        kernels=None if system is None or FactKind.KERNELS in hidden else kernels,
        reboot=reboot,
        available_updates=_updates(facts, packages),
        package_lists=_lists(facts),
        repositories=_repositories(facts),
        subscriptions=tuple(row for found in facts for row in found.subscriptions),
        applications=tuple(row for found in facts for row in found.applications),
        last_update=_last_update(facts),
        collectors=tuple(status for _, _, status in read),
        gaps=tuple(gaps),
    )


def _read(collector: HostCollector, delivery: Delivery, cut: Cut) -> tuple[Facts, CollectorStatus]:
    section = delivery.sections.get(collector.name)
    if section is None:
        if delivery.family not in collector.families and delivery.answered:
            return Facts(), _status(collector, CollectorOutcome.NOT_APPLICABLE, "")
        gaps = tuple(collector.gap(kind, cut.reason, cut.detail) for kind in collector.kinds)
        return Facts(gaps=gaps), _status(collector, CollectorOutcome.FAILED, cut.detail)
    facts = collector.read(section)
    if section.skipped:
        return facts, _status(collector, CollectorOutcome.NOT_APPLICABLE, "")
    if section.missing and collector.optional:
        return facts, _status(collector, CollectorOutcome.NOT_APPLICABLE, f"{section.missing} is not installed")
    if not facts.gaps:
        return facts, _status(collector, CollectorOutcome.OK, "")
    outcome = CollectorOutcome.FAILED if replace(facts, gaps=()) == Facts() else CollectorOutcome.PARTIAL
    return facts, _status(collector, outcome, facts.gaps[0].detail)


def _status(collector: HostCollector, outcome: CollectorOutcome, detail: str) -> CollectorStatus:
    return CollectorStatus(name=collector.name, outcome=outcome, detail=detail)


def _answered(status: CollectorStatus) -> bool:
    return status.outcome in (CollectorOutcome.OK, CollectorOutcome.PARTIAL)


def _gap(kind: FactKind, reason: GapReason, detail: str) -> Gap:
    return Gap(kind=kind, collector="script", reason=reason, detail=detail)


def _unsure(
    family: Family,
    system: OperatingSystem | None,
    packages: Sequence[Package],
    reboot: RebootState | None,
    gaps: Sequence[Gap],
) -> list[Gap]:
    """Gaps that follow from others: no kernel without packages, no word on a reboot without a sign that could be read.

    A container has no kernel of its own, so the question of a reboot does not arise (L24).
    """
    found: list[Gap] = []
    blind = next((gap for gap in gaps if gap.kind is FactKind.PACKAGES), None)
    if blind is not None and not packages and family is not Family.UNKNOWN:
        found.append(_gap(FactKind.KERNELS, blind.reason, "which images are installed is told by the packages"))
    signs = [] if reboot is None else [signal for signal in reboot.signals if signal.required is not None]
    hidden = any(gap.kind is FactKind.REBOOT for gap in gaps)
    if not signs and not hidden and (system is None or not system.container):
        found.append(_gap(FactKind.REBOOT, GapReason.MISSING, "no sign of this host tells whether a reboot is needed"))
    return found


def _untold(kind: FactKind, family: Family) -> Gap:
    if family is Family.UNKNOWN:
        return _gap(kind, GapReason.UNSUPPORTED, "no package manager known to this product was recognised")
    return _gap(kind, GapReason.UNSUPPORTED, f"no collector tells this of a host of family {family}")


def _system(facts: Iterable[Facts], taken_at: datetime, window_s: float) -> OperatingSystem | None:
    found = next((one for one in facts if one.operating_system is not None), None)
    if found is None or found.operating_system is None:
        return None
    return replace(found.operating_system, clock_skew_s=clock_skew_s(found.clock, taken_at, window_s))


def clock_skew_s(clock: datetime | None, taken_at: datetime, window_s: float) -> int | None:
    """Seconds by which the host's clock is ahead (positive) or behind; 0 when it lies within the visit."""
    if clock is None:
        return None
    latest = taken_at + timedelta(seconds=window_s)
    if clock < taken_at - timedelta(seconds=1):
        return int((clock - taken_at).total_seconds())
    return max(0, int((clock - latest).total_seconds()))


def _packages(facts: Iterable[Facts]) -> tuple[Package, ...]:
    facts = list(facts)
    offers: dict[str, Offer] = {key: offer for found in facts for key, offer in found.offers.items()}
    packages = [package for found in facts for package in found.packages]
    if not offers:
        return tuple(packages)
    return tuple(
        _with_origin(package, offer.origin) if (offer := _offer(offers, package)) is not None else package
        for package in packages
    )


@lru_cache(maxsize=200_000)
def _with_origin(package: Package, origin: str) -> Package:
    """One object for all hosts with the same package: a thousand hosts hold few different ones."""
    return replace(package, origin=origin)


def _offer(offers: Mapping[str, Offer], package: Package) -> Offer | None:
    """apt-cache names a package of another architecture "name:arch", the native one "name"."""
    return offers.get(f"{package.name}:{package.architecture}") or offers.get(package.name)


def _kernels(facts: Iterable[Facts], packages: Sequence[Package], family: Family) -> KernelState:
    facts = list(facts)
    images = tuple(dict.fromkeys(release for found in facts for release in found.kernel_images))
    livepatch = next((found.livepatch for found in facts if found.livepatch), "")
    owned = tuple(kernel for package in packages if (kernel := _kernel(package, images, family)) is not None)
    if family in RPM_FAMILIES:
        owned = _without_meta(owned)
    # Without any packaged image those on disk stand alone: built by hand, or by a manager nobody knows here.
    loose = tuple(Kernel(package="", release=release, version="") for release in images)
    return KernelState(installed=owned or loose, livepatch=livepatch)


def _kernel(package: Package, images: Sequence[str], family: Family) -> Kernel | None:
    """The bootable image a package holds; None for headers, modules and meta packages."""
    release, flavor = "", ""
    match package.scheme:
        case PackageScheme.DEB:
            if (match := _DEB_IMAGE.fullmatch(package.name)) is None or match[1].endswith(("-dbg", "-dbgsym")):
                return None
            release = match[1].removesuffix("-signed").removesuffix("-unsigned")
            found = _DEB_FLAVOR.fullmatch(release)
            if found is None:  # linux-image-6.1-amd64 would still match; a name without flavor is a meta package
                return None
            flavor = found[1]
        case PackageScheme.RPM if family is Family.SUSE:
            if (match := _SUSE_IMAGE.fullmatch(package.name)) is None:
                return None
            flavor = match[1]
            release = _suse_release(package.version.rpartition(":")[2], flavor, images)
        case PackageScheme.RPM:
            if (match := _EL_IMAGE.fullmatch(package.name)) is None:
                return None
            flavor = match["flavor"] or ""
            release = f"{package.version.rpartition(':')[2]}.{package.architecture}"
            release += next((mark for mark in (f"+{flavor}",) if flavor and f"{release}{mark}" in images), "")
        case PackageScheme.APK:
            if (match := _APK_IMAGE.fullmatch(package.name)) is None:
                return None
            flavor = match[1]
            release = f"{package.version.replace('-r', '-')}-{flavor}"
    return Kernel(package=package.name, release=release, version=package.version, flavor=flavor)


def _suse_release(version: str, flavor: str, images: Sequence[str]) -> str:
    """The package's release ends with a rebuild count that `uname -r` lacks: the name on disk decides."""
    names = [f"{version}-{flavor}", f"{version.rpartition('.')[0]}-{flavor}"]
    return next((name for name in names if name in images), names[1])


def _without_meta(kernels: Iterable[Kernel]) -> tuple[Kernel, ...]:
    """From EL 8 on `kernel` is a meta package beside `kernel-core` of the same release."""
    best: dict[str, Kernel] = {}
    for kernel in kernels:
        if kernel.release not in best or kernel.package.endswith("-core"):
            best[kernel.release] = kernel
    return tuple(best.values())


def _reboot(facts: Iterable[Facts], system: OperatingSystem | None, kernels: KernelState) -> RebootState | None:
    facts = list(facts)
    signals = [signal for found in facts for signal in found.reboot_signals]
    if system is not None and not system.container and (signal := _newer_kernel(system, kernels)) is not None:
        signals.append(signal)
    if not signals:
        return None
    packages = dict.fromkeys(name for found in facts for name in found.reboot_packages)
    return RebootState(signals=tuple(signals), packages=tuple(packages))


def _newer_kernel(system: OperatingSystem, kernels: KernelState) -> RebootSignal | None:
    """Whether an image of the running kernel's flavor is newer, or was rebuilt under its name (L5, L23)."""
    running = system.kernel_release
    if not running:
        return None
    own = next((kernel for kernel in kernels.installed if kernel.release == running and kernel.package), None)
    if own is None:
        detail = f"the running kernel {running} belongs to no installed package"
        return RebootSignal(name="newer-kernel", required=None, detail=detail)
    same = [kernel for kernel in kernels.installed if kernel.flavor == own.flavor]
    newest = max(same, key=lambda kernel: _order(kernel.release))
    if _order(newest.release) > _order(running):
        detail = f"running {running}, installed {newest.release}"
        return RebootSignal(name="newer-kernel", required=True, detail=detail)
    if not _same_build(own, system.kernel_version):
        detail = f"running {system.kernel_version}, installed {own.version} under the same name {running}"
        return RebootSignal(name="newer-kernel", required=True, detail=detail)
    return RebootSignal(name="newer-kernel", required=False, detail=f"running {running}, the newest installed")


def _order(release: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Releases of one flavor differ in their numbers only, read from the left.

    Those before the first word count first: 4.18.0-80.1.2.el8_0 is newer than 4.18.0-80.el8, though 8 is more than 1.
    """
    parts = _SEPARATOR.split(release)
    plain = itertools.takewhile(lambda part: part.isdecimal() and len(part) <= _MAX_DIGITS, parts)
    return tuple(int(part) for part in plain), tuple(int(digits) for digits in _NUMBER.findall(release)[:32])


def _same_build(kernel: Kernel, kernel_version: str) -> bool:
    """Debian and Ubuntu write the package's build into `uname -v`; elsewhere nothing contradicts."""
    if (match := _DEBIAN_BUILD.search(kernel_version)) is not None:
        return match[1] == kernel.version
    if (match := _UBUNTU_BUILD.search(kernel_version)) is not None:
        return kernel.version.endswith(f".{match[1]}")
    return True


def _updates(facts: Iterable[Facts], packages: Sequence[Package]) -> tuple[AvailableUpdate, ...]:
    facts = list(facts)
    installed: dict[tuple[str, str], str] = {}
    for package in packages:
        installed[package.name, package.architecture] = package.version
        installed.setdefault((package.name, ""), package.version)
    updates = [
        update
        if update.installed_version
        else replace(update, installed_version=installed.get((update.name, update.architecture), ""))
        for found in facts
        for update in found.available_updates
    ]
    return (*updates, *_held_back(facts, packages))


def _held_back(facts: Iterable[Facts], packages: Sequence[Package]) -> Iterable[AvailableUpdate]:
    """What apt keeps back has no line of its own; its policy names the candidate."""
    facts = list(facts)
    kept = {name for found in facts for name in found.held_back}
    if not kept:
        return
    offers = {key: offer for found in facts for key, offer in found.offers.items()}
    for package in packages:
        offer = _offer(offers, package)
        named = package.name in kept or f"{package.name}:{package.architecture}" in kept
        if named and offer is not None and offer.candidate_version:
            yield AvailableUpdate(
                name=package.name,
                architecture=package.architecture,
                installed_version=package.version,
                candidate_version=offer.candidate_version,
                origin=offer.candidate_origin,
                security=offer.security,
                held_back=True,
            )


def _lists(facts: Iterable[Facts]) -> PackageLists | None:
    return next((found.package_lists for found in facts if found.package_lists is not None), None)


def _repositories(facts: Iterable[Facts]) -> tuple[Repository, ...]:
    """Each repository once; apt's list knows the origin of those it holds, the sources name the others."""
    merged: dict[str, Repository] = {}
    for found in facts:
        for repository in found.repositories:
            known = merged.get(repository.id)
            if known is None or (repository.origin and not known.origin):
                merged[repository.id] = repository
    return tuple(merged.values())


def _last_update(facts: Iterable[Facts]) -> LastUpdate | None:
    updates = [found.last_update for found in facts if found.last_update is not None]
    return max(updates, key=lambda update: update.at, default=None)
