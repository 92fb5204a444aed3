"""Kernels: which source package a kernel is, which one runs, and what a newer one on disk changes.

Only the running kernel can be attacked, so only it has findings. The version compared is the *package* version of the
running kernel; `uname -r` merely finds the package. Debian and Ubuntu also rebuild a kernel under its old name: then
`uname -v` tells the build that runs, and the package is the fixed kernel on disk. Old kernels on disk and everything
else built from kernel sources (headers, perf, bpftool, libc headers) have none (L5, L7). A container runs on somebody
else's kernel (L24).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from collectors.model import HostSnapshot, Kernel, Package, PackageScheme
from rules.versions import key_function

# Flavors of Ubuntu's kernel sources: https://kernel.ubuntu.com/reports/kernel-ci/, `linux-<flavor>[-<series>]`.
_UBUNTU_FLAVORS = (
    "allwinner|aws|azure|bluefield|fips|gcp|gke|gkeop|hwe|ibm|intel|intel-iotg|intel-iot-realtime|intel-opt|iot|kvm|laptop|"
    "lowlatency|lts-[a-z]+|nvidia|nvidia-lowlatency|nvidia-tegra|nvidia-tegra-igx|nvidia-tegra-tegra-igx|oem|oem-osp1|"
    "oracle|raspi|raspi2|raspi-realtime|realtime|riscv|snapdragon|starfive|xilinx|xilinx-zynqmp"
)
_DEB_KERNEL = re.compile(
    rf"linux(?:-(?:{_UBUNTU_FLAVORS})(?:-(?:edge|fips|fde|cvm|hwe|lowlatency|realtime|tegra|igx|\d+\.\d+))*|-\d+\.\d+)?"
)
_DEB_META = re.compile(r"linux-(?:meta|latest|restricted-modules|restricted-signatures)(?:-.*)?")
_DEB_SIGNED = re.compile(r"linux-signed(-.*)?")
_ARCHITECTURE = re.compile(r"-(?:amd64|arm64|armhf|i386|ppc64el|s390x|riscv64)$")
_RPM_KERNEL = re.compile(
    r"kernel(?:-(?:rt|uek|64k|64kb|alt|plus|default|default-base|azure|debug|preempt|vanilla|kvmsmall|pae|source|"
    r"source-azure|source-rt|syms|syms-azure|syms-rt|docs|docs-azure|obs-build|obs-qa|zfcpdump|ml|lt))?"
)
_APK_KERNEL = re.compile(r"linux-(?:lts|virt|edge|rpi\d?|vanilla|hardened|stable|openstack)")
_USERLAND = frozenset({"linux-libc-dev", "kernel-headers", "linux-glibc-devel", "bpftool", "perf", "python3-perf"})
_DEBIAN_BUILD = re.compile(r"\bDebian (\d\S*)")  # "#1 SMP PREEMPT_DYNAMIC Debian 6.1.123-1 (2025-01-02)"
_UBUNTU_BUILD = re.compile(r"#(\d\S*?)-Ubuntu\b")  # "#171-Ubuntu SMP ...", "#40~22.04.3-Ubuntu SMP ..."
_UBUNTU_VERSION = re.compile(r"(\d\S*?-\d+)\.\S+")  # up to the ABI number; the build follows
_RPM_IMAGE = re.compile(r"^(kernel.*?)(?:-core|-modules.*)?$")


class KernelDoubt(StrEnum):
    """Why nothing can be said about the running kernel; the `reason` of its UNKNOWN verdict."""

    RELEASE_UNREAD = "kernel-release-unread"  # `uname -r` gave nothing
    LIST_UNREAD = "kernel-list-unread"  # the kernels on disk could not be read
    NOT_INSTALLED = "running-kernel-not-installed"  # no package owns the running kernel (any more)
    NOT_RECOGNIZED = "running-kernel-not-recognized"  # a package owns it, and no known kernel source built that


@dataclass(frozen=True, slots=True)
class RunningKernel:
    """The running kernel and what could replace it.

    `source` is the name advisories use; `names` the binary packages of it that advisories may name instead. `newest`
    is the newest same-flavor kernel on disk when it is newer than the running one, else None. `doubt` is why nothing
    can be judged; the other fields then say what is known.
    """

    source: str
    version: str
    packages: tuple[Package, ...]
    names: tuple[str, ...] = ()
    newest: Kernel | None = None
    livepatch: str = ""
    doubt: KernelDoubt | None = None


def advisory_source(name: str, scheme: PackageScheme) -> str:
    """Return the source package name that advisories use for a source package of the host (D1, L6).

    Debian and Ubuntu sign kernels in a source of its own: `linux-signed-amd64` and `linux-signed` are `linux`,
    `linux-signed-hwe-7.0` is `linux-hwe-7.0`.
    """
    if scheme is PackageScheme.DEB and name.startswith("linux-signed") and (found := _DEB_SIGNED.fullmatch(name)):
        return "linux" + _ARCHITECTURE.sub("", found[1] or "")
    return name


def is_kernel(package: Package) -> bool:
    """Whether a package is built from kernel sources: judged as the running kernel, or not at all (L6, L7)."""
    source = package.source_name
    if not source.startswith(("linux", "kernel")):
        return package.name in _USERLAND
    match package.scheme:
        case PackageScheme.DEB:
            known = _DEB_KERNEL.fullmatch(advisory_source(source, package.scheme)) or _DEB_META.fullmatch(source)
        case PackageScheme.RPM:
            known = _RPM_KERNEL.fullmatch(source)
        case PackageScheme.APK:
            known = _APK_KERNEL.fullmatch(source)
    return known is not None or package.name in _USERLAND


def running_kernel(snapshot: HostSnapshot) -> RunningKernel | None:
    """Find the running kernel of a host; None where there is none to judge (L24: containers, or the system unread)."""
    system = snapshot.operating_system
    if system is None or system.container:
        return None
    scheme = snapshot.packages[0].scheme if snapshot.packages else _scheme_of(system.id)
    default = "kernel" if scheme is PackageScheme.RPM else "linux"
    if not system.kernel_release:
        return RunningKernel(default, "", (), doubt=KernelDoubt.RELEASE_UNREAD)
    if snapshot.kernels is None:
        return RunningKernel(default, system.kernel_release, (), doubt=KernelDoubt.LIST_UNREAD)
    installed = snapshot.kernels.installed
    kernel = next((entry for entry in installed if entry.package and entry.release == system.kernel_release), None)
    if kernel is None:
        return RunningKernel(default, system.kernel_release, (), doubt=KernelDoubt.NOT_INSTALLED)
    names = _binary_names(kernel, scheme)
    packages = tuple(
        package for package in snapshot.packages if package.version == kernel.version and package.name in names
    )
    source = _source(kernel, packages, scheme, system.id)
    if not source:
        doubt = KernelDoubt.NOT_RECOGNIZED
        return RunningKernel(packages[0].source_name if packages else default, kernel.version, packages, doubt=doubt)
    version = _running_version(kernel, system.kernel_version)
    return RunningKernel(
        source,
        version,
        packages,
        names,
        newest=_newest(kernel, version, installed, scheme),
        livepatch=snapshot.kernels.livepatch,
    )


def _running_version(kernel: Kernel, build: str) -> str:
    """The package version that runs: `build` (`uname -v`) tells when the package was since rebuilt under its name."""
    if found := _DEBIAN_BUILD.search(build):
        return found[1]
    if (found := _UBUNTU_BUILD.search(build)) and (stem := _UBUNTU_VERSION.fullmatch(kernel.version)):
        return f"{stem[1]}.{found[1]}"
    return kernel.version


def _source(kernel: Kernel, packages: tuple[Package, ...], scheme: PackageScheme, distribution: str) -> str:
    """Name the kernel's source as advisories do, "" when no known kernel source built it."""
    owner = next((package for package in packages if package.name == kernel.package), None)
    if owner is not None:
        return advisory_source(owner.source_name, scheme) if is_kernel(owner) else ""
    # The package list is a gap or was cut off: the name tells, but for Ubuntu's backported kernels ("~22.04").
    match scheme:
        case PackageScheme.DEB:
            known = kernel.package.startswith("linux-image-") and not (
                distribution == "ubuntu" and "~" in kernel.version
            )
            return "linux" if known else ""
        case PackageScheme.RPM:
            found = _RPM_IMAGE.match(kernel.package)
            return found[1] if found and _RPM_KERNEL.fullmatch(found[1]) else ""
        case PackageScheme.APK:
            return kernel.package if _APK_KERNEL.fullmatch(kernel.package) else ""


def _binary_names(kernel: Kernel, scheme: PackageScheme) -> tuple[str, ...]:
    """Binary packages that are this kernel, the image first; for deb with the meta package that pulls the next one."""
    package = kernel.package
    names: tuple[str, ...] = (package,)
    match scheme:
        case PackageScheme.DEB:
            modules = package.replace("linux-image-unsigned-", "linux-image-").replace("linux-image-", "linux-modules-")
            extra = modules.replace("linux-modules-", "linux-modules-extra-")
            names = (package, modules, extra, f"linux-image-{kernel.flavor}")
        case PackageScheme.RPM:
            found = _RPM_IMAGE.match(package)
            base = found[1] if found else package
            names = (
                package,
                base,
                *(f"{base}-{part}" for part in ("core", "modules", "modules-core", "modules-extra")),
            )
        case PackageScheme.APK:
            pass
    return tuple(dict.fromkeys(names))


def _newest(running: Kernel, version: str, installed: tuple[Kernel, ...], scheme: PackageScheme) -> Kernel | None:
    """The newest kernel on disk of the running one's flavor, None when it is no newer than what runs (L5)."""
    key = key_function(scheme)
    kind = _kind(running, scheme)
    same = [kernel for kernel in installed if _kind(kernel, scheme) == kind]
    newest = max(same, key=lambda kernel: key(kernel.version))
    return newest if key(newest.version) > key(version) else None


def _kind(kernel: Kernel, scheme: PackageScheme) -> tuple[str, str]:
    """What kernels that replace each other share: the flavor, for rpm also the package family (kernel, kernel-rt)."""
    found = _RPM_IMAGE.match(kernel.package) if scheme is PackageScheme.RPM else None
    return kernel.flavor, found[1] if found else ""


def _scheme_of(distribution: str) -> PackageScheme:
    if distribution in ("debian", "ubuntu"):
        return PackageScheme.DEB
    return PackageScheme.APK if distribution == "alpine" else PackageScheme.RPM
