"""Real machines with known answers, read into snapshots; what the host's own updater offered that day stands beside.

The data is not part of this project (its licences forbid that): tests skip, with a reason, where it is absent.
"""

import json
import lzma
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from collectors.feeds.feed import FeedRecord
from collectors.feeds.records import Advisory, AffectedPackage, FeedRecords
from collectors.model import (
    AvailableUpdate,
    HostSnapshot,
    Kernel,
    KernelState,
    OperatingSystem,
    Package,
    PackageScheme,
    Protocol,
    Target,
)
from rules.knowledge import Knowledge

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
_FAMILIES = {
    "debian": ("debian", PackageScheme.DEB, "Debian"),
    "ubuntu": ("ubuntu", PackageScheme.DEB, "Ubuntu"),
    "alma": ("almalinux", PackageScheme.RPM, "AlmaLinux"),
    "rocky": ("rocky", PackageScheme.RPM, "Rocky Enterprise Software Foundation"),
    "redhat": ("rhel", PackageScheme.RPM, "Red Hat, Inc."),
    "oracle": ("ol", PackageScheme.RPM, "Oracle America"),
    "suse.linux.enterprise.server": ("sles", PackageScheme.RPM, "SUSE LLC <https://www.suse.com/>"),
    "opensuse.leap": ("opensuse-leap", PackageScheme.RPM, "openSUSE"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleHost:
    """A snapshot and its answer. `offered` are the updates by binary name, as the host's updater listed them."""

    name: str
    snapshot: HostSnapshot
    offered: Mapping[str, AvailableUpdate]

    @property
    def scanned_on(self) -> date:
        return self.snapshot.taken_at.date()

    @property
    def source_of(self) -> dict[str, str]:
        return {package.name: package.source_name for package in self.snapshot.packages}


def data(path: str) -> Path:
    """Path below shared/data; skips the test where that is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"{path} of the shared test data is not here")
    return found


def knowledge(records: Iterable[FeedRecord], *, as_of: date | None = None) -> Knowledge:
    """Index records, as they stood on a day: advisories issued later are left out."""
    advisories: dict[str, Advisory] = {}
    rows: list[AffectedPackage] = []
    for record in records:
        if isinstance(record, Advisory):
            if as_of is None or record.issued_on is None or record.issued_on <= as_of:
                advisories.setdefault(record.id, record)
        elif isinstance(record, AffectedPackage):
            rows.append(record)
    kept = tuple(row for row in rows if row.advisory in advisories)
    return Knowledge.from_records(FeedRecords(advisories=tuple(advisories.values()), affected=kept))


# --- recorded by vuls ---------------------------------------------------------------------------------------------


@cache
def vulsio_host(name: str) -> OracleHost:
    """One host of oracles/vulsio-hosts. Packages are keyed by name there: of parallel kernels one is left."""
    with lzma.open(data(f"oracles/vulsio-hosts/{name}.json.xz")) as file:
        recorded = json.load(file)
    distribution, scheme, origin = _FAMILIES[recorded["family"]]
    sources = _sources(recorded)
    packages, offered = [], {}
    for entry in recorded["packages"].values():
        version, candidate = _version(entry, "version", "release"), _version(entry, "newVersion", "newRelease")
        source, source_version = sources.get(entry["name"], (entry["name"], version))
        packages.append(
            Package(
                name=entry["name"],
                version=version,
                architecture=entry.get("arch", ""),
                source_name=source,
                source_version=source_version,
                scheme=scheme,
                origin=origin,
                module=entry.get("modularitylabel") or "",
            )
        )
        if candidate != version:
            offered[entry["name"]] = AvailableUpdate(
                name=entry["name"],
                architecture=entry.get("arch", ""),
                installed_version=version,
                candidate_version=candidate,
                origin=entry["repository"],
            )
    release = recorded["runningKernel"]["release"]
    snapshot = HostSnapshot(
        target=Target(name=name, protocol=Protocol.REPLAY),
        taken_at=datetime.fromisoformat(re.sub(r"\.\d+", "", recorded["scannedAt"])).astimezone(UTC),
        operating_system=OperatingSystem(id=distribution, version_id=recorded["release"], kernel_release=release),
        packages=tuple(packages),
        kernels=KernelState(installed=tuple(_kernels(packages, release, scheme))),
    )
    return OracleHost(name=name, snapshot=snapshot, offered=offered)


def _sources(recorded: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        binary: (source["name"], source["version"])
        for source in recorded.get("SrcPackages", {}).values()
        for binary in source["binaryNames"]
    }


def _version(entry: dict[str, str], version: str, release: str) -> str:
    return f"{entry[version]}-{entry[release]}" if entry[release] else entry[version]


def _kernels(packages: list[Package], release: str, scheme: PackageScheme) -> Iterator[Kernel]:
    flavor = release.rpartition("-")[2]
    for package in packages:
        if package.name == f"linux-image-{release}":
            yield Kernel(package=package.name, release=release, version=package.version, flavor=flavor)
        elif scheme is PackageScheme.RPM and package.name in ("kernel-core", "kernel-default"):
            booted = f"{package.version}.{package.architecture}"
            if package.name == "kernel-default":  # uname leaves out the rebuild counter
                booted = f"{package.version.rpartition('.')[0]}-default"
            yield Kernel(package=package.name, release=booted, version=package.version)


# --- made with debootstrap ----------------------------------------------------------------------------------------


@cache
def debian_host(name: str) -> OracleHost:
    """One host of oracles/debian-real-hosts, with what apt would install from any origin."""
    folder = data(f"oracles/debian-real-hosts/{name}")
    fields = dict(
        line.split("=", 1) for line in (folder / "os-release").read_text(encoding="utf-8").splitlines() if "=" in line
    )
    packages = []
    for line in (folder / "dpkg-query-full.tsv").read_text(encoding="utf-8").splitlines():
        package, version, architecture, source, source_version, status = line.split("\t")
        if status[1] == "i":
            packages.append(
                Package(
                    name=package,
                    version=version,
                    architecture=architecture,
                    source_name=source,
                    source_version=source_version,
                    scheme=PackageScheme.DEB,
                )
            )
    simulated = (folder / "apt-get-s-dist-upgrade.txt").read_text(encoding="utf-8")
    offered = {update.name: update for update in _inst_lines(simulated)}
    snapshot = HostSnapshot(
        target=Target(name=name, protocol=Protocol.REPLAY),
        taken_at=datetime(2026, 11, 22, tzinfo=UTC),
        operating_system=OperatingSystem(id="debian", version_id=fields["VERSION_ID"].strip('"'), container=True),
        packages=tuple(packages),
    )
    return OracleHost(name=name, snapshot=snapshot, offered=offered)


def _inst_lines(simulated: str) -> Iterator[AvailableUpdate]:
    for found in re.finditer(r"^Inst (\S+) \[(\S+)\] \((\S+) (.+) \[(\S+)\]\)", simulated, re.MULTILINE):
        yield AvailableUpdate(
            name=found[1],
            architecture=found[5],
            installed_version=found[2],
            candidate_version=found[3],
            origin=found[4],
            security="Debian-Security" in found[4],
        )


# --- notes of virtual machine images ------------------------------------------------------------------------------

_LISTED = re.compile(r"^(\S+?)/(\S+) (\S+) (\S+) \[([^\]]*)\]$", re.MULTILINE)
_UPGRADABLE = re.compile(r"upgradable to: ([^,\]]+)")
_IMAGE_DAY = re.compile(r"/(20\d\d)\.?(\d\d)\.(\d\d)\b")
_CODENAMES = {"xenial": "16.04", "bionic": "18.04", "focal": "20.04", "jammy": "22.04", "noble": "24.04"}
_KERNEL_BINARY = re.compile(r"linux-(?:image|modules|modules-extra|headers|tools|cloud-tools)-(.*)")


def image_hosts() -> Iterator[OracleHost]:
    """Ubuntu images of oracles/azure-images whose note lists the packages, in the order of their names."""
    with tarfile.open(data("oracles/azure-images/aks-ubuntu.tar.xz")) as archive:
        notes = {entry.name: archive.extractfile(entry) for entry in archive if entry.name.endswith(".txt")}
        for name, file in sorted(notes.items()):
            assert file is not None
            if host := _image_host(name.partition("/")[2], file.read().decode(errors="replace").replace("\r\n", "\n")):
                yield host


def _image_host(name: str, text: str) -> OracleHost | None:
    """One image. `apt list --installed` names neither origins nor sources; those of kernels follow from their names.

    The release is the one most packages come from: six notes stand in the folder of another release.
    """
    listed = [entry for entry in _LISTED.findall(text) if "now" in entry[1].split(",")]
    dated = _IMAGE_DAY.search(f"/{name}" if "/" not in name else name)
    if not listed or dated is None:
        return None
    pockets = Counter(pocket.partition("-")[0] for entry in listed for pocket in entry[1].split(","))
    codename = max(_CODENAMES, key=lambda known: pockets[known])
    release = re.search(r"^Linux version (\S+)", text, re.MULTILINE)
    packages, offered = [], {}
    for package, _pockets, installed, architecture, status in listed:
        packages.append(
            Package(
                name=package,
                version=installed,
                architecture=architecture,
                source_name=_image_source(package),
                source_version=installed,
                scheme=PackageScheme.DEB,
            )
        )
        if upgrade := _UPGRADABLE.search(status):
            offered[package] = AvailableUpdate(
                name=package, architecture=architecture, installed_version=installed, candidate_version=upgrade[1]
            )
    running = release[1] if release else ""
    snapshot = HostSnapshot(
        target=Target(name=name, protocol=Protocol.REPLAY),
        taken_at=datetime(int(dated[1]), int(dated[2]), int(dated[3]), tzinfo=UTC),
        operating_system=OperatingSystem(id="ubuntu", version_id=_CODENAMES[codename], kernel_release=running),
        packages=tuple(packages),
        kernels=KernelState(installed=tuple(_kernels(packages, running, PackageScheme.DEB))),
    )
    return OracleHost(name=name, snapshot=snapshot, offered=offered)


def _image_source(package: str) -> str:
    found = _KERNEL_BINARY.fullmatch(package)
    if found is None:
        return package
    if found[1] == "common":
        return "linux"
    return "linux-azure" if found[1][0].isdigit() else "linux-meta-azure"
