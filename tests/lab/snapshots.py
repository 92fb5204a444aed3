"""Small host snapshots for tests: complete by default (no gap, fresh lists, nothing pending), every field replaceable.

`packages` is a mapping of package name to version, or any iterable of packages made with `deb`, `rpm` or `apk`:

    debian_host(packages={"openssl": "3.0.15-1~deb12u1"})
    debian_host(packages=[deb("libssl3", "3.0.15-1~deb12u1", source="openssl")], kernels=(), gaps=(...,))
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.model import (
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
    Protocol,
    RebootSignal,
    RebootState,
    Repository,
    Subscription,
    Target,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
Packages = Mapping[str, str] | Iterable[Package]

_DEBIAN_CODENAMES = {"11": "bullseye", "12": "bookworm", "13": "trixie"}
_UBUNTU_CODENAMES = {"18.04": "bionic", "20.04": "focal", "22.04": "jammy", "24.04": "noble"}


def deb(
    name: str,
    version: str,
    *,
    source: str = "",
    source_version: str = "",
    architecture: str = "amd64",
    origin: str = "Debian",
    held: bool = False,
) -> Package:
    """One dpkg package; the source is the package itself unless named."""
    return Package(
        name=name,
        version=version,
        architecture=architecture,
        source_name=source or name,
        source_version=source_version or version,
        scheme=PackageScheme.DEB,
        origin=origin,
        held=held,
    )


def rpm(
    name: str,
    version: str,
    *,
    source: str = "",
    source_version: str = "",
    architecture: str = "x86_64",
    origin: str = "AlmaLinux",
    module: str = "",
) -> Package:
    """One rpm package; `version` is `[epoch:]version-release`."""
    return Package(
        name=name,
        version=version,
        architecture=architecture,
        source_name=source or name,
        source_version=source_version or version.rpartition(":")[2],
        scheme=PackageScheme.RPM,
        origin=origin,
        module=module,
    )


def apk(name: str, version: str, *, source: str = "", architecture: str = "x86_64", origin: str = "Alpine") -> Package:
    """One apk package."""
    return Package(
        name=name,
        version=version,
        architecture=architecture,
        source_name=source or name,
        source_version=version,
        scheme=PackageScheme.APK,
        origin=origin,
    )


def gap(kind: FactKind, reason: GapReason = GapReason.FAILED, *, collector: str = "test", detail: str = "") -> Gap:
    """One gap."""
    return Gap(kind=kind, collector=collector, reason=reason, detail=detail or f"{kind} could not be read in this test")


def unreached(
    name: str = "down01", reason: GapReason = GapReason.UNREACHABLE, *, detail: str = "no answer"
) -> HostSnapshot:
    """A machine that could not be visited at all (G1)."""
    hidden = Gap(kind=FactKind.HOST, collector="ssh", reason=reason, detail=detail)
    return HostSnapshot(target=_target(name), taken_at=NOW, gaps=(hidden,))


def debian_host(name: str = "deb01", *, release: str = "12", packages: Packages = (), **changes: Any) -> HostSnapshot:
    """A Debian machine; `changes` replace fields of the snapshot, `kernel_release` and the like of its system."""
    codename = _DEBIAN_CODENAMES[release]
    system = OperatingSystem(
        id="debian",
        version_id=release,
        codename=codename,
        pretty_name=f"Debian GNU/Linux {release} ({codename})",
        kernel_release="6.1.0-41-amd64",
        architecture="x86_64",
    )
    kernel = Kernel(package="linux-image-6.1.0-41-amd64", release="6.1.0-41-amd64", version="6.1.158-1", flavor="amd64")
    repositories = (
        Repository(id=f"Debian:{codename}", uri="http://mirror.example/debian", suite=codename, origin="Debian"),
        Repository(
            id=f"Debian:{codename}-security",
            uri="http://mirror.example/debian-security",
            suite=f"{codename}-security",
            origin="Debian",
            security=True,
        ),
    )
    return _host(name, system, _packages(packages, deb), "apt", kernel, repositories, changes)


def ubuntu_host(
    name: str = "ubu01",
    *,
    release: str = "22.04",
    packages: Packages = (),
    pro: bool | None = False,
    services: tuple[str, ...] = (),
    **changes: Any,
) -> HostSnapshot:
    """An Ubuntu machine; `pro` is whether it is attached to Ubuntu Pro, `services` what is enabled then."""
    codename = _UBUNTU_CODENAMES[release]
    system = OperatingSystem(
        id="ubuntu",
        id_like=("debian",),
        version_id=release,
        codename=codename,
        pretty_name=f"Ubuntu {release} LTS",
        kernel_release="5.15.0-161-generic",
        architecture="x86_64",
    )
    kernel = Kernel(
        package="linux-image-5.15.0-161-generic",
        release="5.15.0-161-generic",
        version="5.15.0-161.171",
        flavor="generic",
    )
    repositories = (
        Repository(id=f"Ubuntu:{codename}", uri="http://mirror.example/ubuntu", suite=codename, origin="Ubuntu"),
        Repository(
            id=f"Ubuntu:{codename}-security",
            uri="http://mirror.example/ubuntu",
            suite=f"{codename}-security",
            origin="Ubuntu",
            security=True,
        ),
    )
    changes.setdefault("subscriptions", (Subscription(kind="ubuntu-pro", attached=pro, services=services),))
    made = _packages(packages, lambda package, version: deb(package, version, origin="Ubuntu"))
    return _host(name, system, made, "apt", kernel, repositories, changes)


def alma_host(name: str = "alma01", *, release: str = "9.4", packages: Packages = (), **changes: Any) -> HostSnapshot:
    """An AlmaLinux machine."""
    return _el_host(name, "almalinux", "AlmaLinux", release, packages, changes)


def rocky_host(name: str = "rocky01", *, release: str = "9.4", packages: Packages = (), **changes: Any) -> HostSnapshot:
    """A Rocky Linux machine."""
    return _el_host(name, "rocky", "Rocky Enterprise Software Foundation", release, packages, changes)


def rhel_host(
    name: str = "rhel01",
    *,
    release: str = "9.4",
    packages: Packages = (),
    registered: bool | None = True,
    **changes: Any,
) -> HostSnapshot:
    """A Red Hat machine; `registered` is whether it has a subscription (L19)."""
    changes.setdefault("subscriptions", (Subscription(kind="rhel", attached=registered),))
    return _el_host(name, "rhel", "Red Hat, Inc.", release, packages, changes)


def suse_host(name: str = "sles01", *, release: str = "15.5", packages: Packages = (), **changes: Any) -> HostSnapshot:
    """A SUSE Linux Enterprise Server machine."""
    system = OperatingSystem(
        id="sles",
        id_like=("suse",),
        version_id=release,
        pretty_name=f"SUSE Linux Enterprise Server {release}",
        kernel_release="5.14.21-150500.55.100-default",
        architecture="x86_64",
    )
    kernel = Kernel(
        package="kernel-default",
        release="5.14.21-150500.55.100-default",
        version="5.14.21-150500.55.100.1",
        flavor="default",
    )
    repositories = (Repository(id="SLE-Updates", uri="http://mirror.example/sle", suite="", origin="", security=True),)
    made = _packages(
        packages, lambda package, version: rpm(package, version, origin="SUSE LLC <https://www.suse.com/>")
    )
    return _host(name, system, made, "zypper", kernel, repositories, changes)


def alpine_host(
    name: str = "alp01", *, release: str = "3.20.3", packages: Packages = (), **changes: Any
) -> HostSnapshot:
    """An Alpine machine."""
    branch = ".".join(release.split(".")[:2])
    system = OperatingSystem(
        id="alpine",
        version_id=release,
        pretty_name=f"Alpine Linux v{branch}",
        kernel_release="6.6.49-0-lts",
        architecture="x86_64",
    )
    kernel = Kernel(package="linux-lts", release="6.6.49-0-lts", version="6.6.49-r0", flavor="lts")
    repositories = (
        Repository(id=f"v{branch}/main", uri=f"http://mirror.example/alpine/v{branch}/main", origin="Alpine"),
    )
    return _host(name, system, _packages(packages, apk), "apk", kernel, repositories, changes)


def _el_host(
    name: str, distribution: str, vendor: str, release: str, packages: Packages, changes: dict[str, Any]
) -> HostSnapshot:
    major = release.split(".", maxsplit=1)[0]
    system = OperatingSystem(
        id=distribution,
        id_like=("rhel", "centos", "fedora"),
        version_id=release,
        pretty_name=f"{distribution} {release}",
        platform_id=f"platform:el{major}",
        kernel_release=f"5.14.0-427.40.1.el{major}.x86_64",
        architecture="x86_64",
    )
    kernel = Kernel(
        package="kernel-core", release=f"5.14.0-427.40.1.el{major}.x86_64", version=f"5.14.0-427.40.1.el{major}"
    )
    repositories = (
        Repository(id="baseos", uri="http://mirror.example/baseos"),
        Repository(id="appstream", uri="http://mirror.example/appstream"),
    )
    made = _packages(packages, lambda package, version: rpm(package, version, origin=vendor))
    return _host(name, system, made, "dnf", kernel, repositories, changes)


def _packages(packages: Packages, make: Callable[[str, str], Package]) -> tuple[Package, ...]:
    if isinstance(packages, Mapping):
        return tuple(make(name, version) for name, version in packages.items())
    return tuple(packages)


def _target(name: str) -> Target:
    return Target(name=name, protocol=Protocol.SSH, address=f"{name}.lab.example")


def _host(
    name: str,
    system: OperatingSystem,
    packages: tuple[Package, ...],
    manager: str,
    kernel: Kernel,
    repositories: tuple[Repository, ...],
    changes: dict[str, Any],
) -> HostSnapshot:
    of_system = {field: changes.pop(field) for field in list(changes) if field in OperatingSystem.__dataclass_fields__}
    defaults: dict[str, Any] = {
        "machine_id": f"{name:0<32}"[:32].encode().hex()[:32],
        "hostname": name,
        "virtualization": "kvm",
        "boot_time": NOW - timedelta(days=3),
        "clock_skew_s": 0,
    }
    system = replace(system, **(defaults | of_system))
    signals = (
        RebootSignal(
            name="newer-kernel", required=False, detail=f"running {system.kernel_release}, the newest on disk"
        ),
        RebootSignal(name="needs-restarting", required=False),
    )
    facts: dict[str, Any] = {
        "packages": packages,
        "kernels": KernelState(installed=(kernel,)),
        "reboot": RebootState(signals=signals),
        "package_lists": PackageLists(manager=manager, refreshed_at=NOW - timedelta(hours=6)),
        "repositories": repositories,
        "last_update": LastUpdate(at=NOW - timedelta(days=2), source="test"),
    }
    snapshot = HostSnapshot(target=_target(name), taken_at=NOW, duration_s=1.0, operating_system=system)
    return replace(snapshot, **(facts | changes))
