"""Machines as a person describes them: `machines/<name>.toml` and the `systems/<system>.toml` they build on.

`systems/base.<kind>.txt` lists what fills up any machine of a family. Its versions are those of one release and stand
for all of them; no advisory of the demonstration speaks about them.
"""

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

_HERE = Path(__file__).parent
_T = TypeVar("_T", bound="_Written")


class _Written(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of what is read from a file of ours."""


class Repository(_Written, kw_only=True):
    """One suite a package manager knows; `ref` is how package lines name it (`@ref`).

    An `optional` one is there only on machines that name it in `uses`. `name` is how `apt-get -s` words its origin.
    """

    ref: str
    uri: str
    suite: str = ""
    component: str = "main"
    origin: str = ""
    label: str = ""
    name: str = ""
    optional: bool = False


class System(_Written, kw_only=True):
    """What all machines of one release share.

    `packages` has one "name version [source [source_version]] [%module] [@ref]" a line. `base_revision` is what the
    versions of the family's base list end in.
    """

    family: Literal["deb", "rhel", "suse", "apk"]
    base_revision: str
    os_release: str
    kernel_version: str = ""
    architecture: str = "x86_64"
    repositories: tuple[Repository, ...]
    packages: str


class Placed(_Written, kw_only=True):
    """What the client file would say of the machine."""

    site: str = ""
    exposure: Literal["", "internet", "internal"] = ""
    labels: tuple[str, ...] = ()


class Update(_Written, kw_only=True):
    """One update the machine's own package manager offers; `advisory` and `severity` as dnf and zypper name them."""

    name: str
    version: str
    ref: str
    advisory: str = ""
    severity: str = ""


class Described(_Written, kw_only=True):
    """One machine. `@ref` of a package line is who offers the installed version (the first repository when absent).

    `lists_at` None means that no package list was ever fetched. `reboot` names the packages that ask for one; where
    `reboot_known` is false nothing on the machine would tell. `pro` lists the enabled services of Ubuntu Pro (None: not
    attached). `silent` names sections whose command fails, with what it says; the visit broke off in the
    middle of section `cut_in`. `base_percent` is the share of the family's base list that is installed,
    `livepatch` the live patch loaded into the kernel.
    """

    system: str
    placed: Placed = msgspec.field(default_factory=Placed)
    taken_at: datetime
    boot_at: datetime
    updated_at: datetime
    machine_id: str = ""
    hostname: str = ""
    kernel: str
    kernels: tuple[str, ...] = ()
    virtualization: str = "kvm"
    privileged: bool = False
    packages: str = ""
    without: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    updates: tuple[Update, ...] = ()
    lists_at: datetime | None = None
    reboot: tuple[str, ...] = ()
    reboot_known: bool = True
    pro: tuple[str, ...] | None = None
    snaps: str = ""
    silent: dict[str, str] = {}
    cut_in: str = ""
    base_percent: int = 90
    livepatch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One package line, read."""

    name: str
    version: str
    source: str
    source_version: str
    ref: str
    module: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine with its system: everything the recordings are written from."""

    name: str
    described: Described
    system: System
    packages: tuple[Installed, ...]

    @property
    def repositories(self) -> dict[str, Repository]:
        """Repositories this machine uses, by their reference."""
        return {
            repository.ref: repository
            for repository in self.system.repositories
            if not repository.optional or repository.ref in self.described.uses
        }

    @property
    def updates(self) -> dict[str, Update]:
        """Updates on offer, by package name."""
        return {update.name: update for update in self.described.updates}


def machines() -> tuple[Machine, ...]:
    """All described Linux machines, by name; Windows ones are `auditor.demo.windows.described`'s."""
    files = sorted((_HERE / "machines").glob("*.toml"))
    written = ((file, tomllib.loads(file.read_text("utf-8"))) for file in files)
    return tuple(_machine(file, table) for file, table in written if not table["system"].startswith("windows-"))


def _machine(file: Path, table: dict[str, object]) -> Machine:
    described = msgspec.convert(table, Described)
    system = _read(_HERE / "systems" / f"{described.system}.toml", System)
    first = system.repositories[0].ref
    packages = {line.name: line for text in (system.packages, described.packages) for line in _lines(text, first)}
    for name in described.without:
        del packages[name]
    told = {word for package in packages.values() for word in (package.name, package.source)}
    for package in _base(system, described.machine_id or file.stem, described.base_percent, first):
        if not told & {package.name, package.source}:
            packages[package.name] = package
    return Machine(name=file.stem, described=described, system=system, packages=tuple(packages.values()))


def _base(system: System, identity: str, percent: int, first: str) -> Iterator[Installed]:
    """Packages that make a machine of ordinary size; which ones depends on `identity` alone."""
    kind = "rpm" if system.family in ("rhel", "suse") else system.family
    for line in (_HERE / "systems" / f"base.{kind}.txt").read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        source, _, rest = line.partition(" ")
        upstream, _, names = rest.partition(": ")
        if hashlib.sha256(f"{identity} {source}".encode()).digest()[0] * 100 >= percent * 256:
            continue
        version = upstream + system.base_revision
        for name in names.split():
            yield Installed(name=name, version=version, source=source, source_version=version, ref=first)


def _lines(text: str, first: str) -> list[Installed]:
    found = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        ref = words.pop().removeprefix("@") if words[-1].startswith("@") else first
        module = words.pop().removeprefix("%") if words[-1].startswith("%") else ""
        name, version, *source = words
        found.append(
            Installed(
                name=name,
                version=version,
                source=source[0] if source else name,
                source_version=source[1] if len(source) > 1 else version,
                ref=ref,
                module=module,
            )
        )
    return found


def _read(file: Path, kind: type[_T]) -> _T:
    return msgspec.convert(tomllib.loads(file.read_text("utf-8")), kind)
