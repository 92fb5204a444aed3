"""Real Windows machines with known answers, read into snapshots."""

import json
import lzma
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from collectors.model import HostSnapshot
from tests.lab.windows_snapshots import answer, offered, qfe, sql_instance, windows_host
from tests.quality.oracles import data

# Of what Windows Update names every time and never calls a patch of Windows (D8).
NEVER_PATCHES = frozenset({"KB890830", "KB2267602", "KB4052623", "KB5007651", "KB4023057", "KB925673"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsOracle:
    """A machine and its answer: `applied` and `unapplied` are KBs as the recording tool told them that day."""

    name: str
    snapshot: HostSnapshot
    applied: frozenset[str]
    unapplied: frozenset[str]

    @property
    def build(self) -> str:
        system = self.snapshot.operating_system
        assert system is not None
        return system.version_id.removeprefix("10.0.")

    @property
    def seen_on(self) -> date:
        return self.snapshot.taken_at.date()


@cache
def vulsio_windows(name: str) -> WindowsOracle:
    """One Windows machine of oracles/vulsio-hosts; what it was offered and its build table's word stand in one list."""
    with lzma.open(data(f"oracles/vulsio-hosts/windows_{name}.json.xz")) as file:
        recorded: dict[str, Any] = json.load(file)
    build = recorded["runningKernel"]["version"].removeprefix("10.0.")
    told = recorded["windowsKB"]
    applied = frozenset(f"KB{kb}" for kb in told.get("applied") or ())
    unapplied = frozenset(f"KB{kb}" for kb in told.get("unapplied") or ())
    packages = recorded.get("packages") or {}
    instances = tuple(sql_instance(version) for version in _sql_versions(packages))
    snapshot = windows_host(
        name,
        build=build,
        kind="server" if "Server" in recorded["release"] else "client",
        edition="" if "Server" in recorded["release"] else "Professional",
        updates=[qfe(kb) for kb in sorted(applied)],
        search=[answer(*(offered(kb, categories=()) for kb in sorted(unapplied)))],
        taken_at=datetime.fromisoformat(re.sub(r"\.\d+", "", recorded["scannedAt"])).astimezone(UTC),
        sql_instances=instances,
    )
    return WindowsOracle(name=name, snapshot=snapshot, applied=applied, unapplied=unapplied)


def _sql_versions(packages: dict[str, dict[str, str]]) -> Iterator[str]:
    for name, package in packages.items():
        if re.fullmatch(r"Microsoft SQL Server 20\d\d Setup \(English\)", name):
            yield package["version"]


@cache
def azure_images() -> tuple[WindowsOracle, ...]:
    """Windows Server images of oracles/azure-images whose note names the version of the system, by file name."""
    found = []
    with tarfile.open(data("oracles/azure-images/aks-windows.tar.xz")) as archive:
        for entry in sorted(archive.getmembers(), key=lambda member: member.name):
            file = archive.extractfile(entry) if entry.name.endswith(".txt") else None
            if file is not None and (image := _image(entry.name, file.read().decode("utf-8-sig", "replace"))):
                found.append(image)
    return tuple(found)


def _image(path: str, text: str) -> WindowsOracle | None:
    version = re.search(r"OS Version\s*:\s*(\d+\.\d+)", text)
    dated = re.search(r"\.(\d\d)(\d\d)(\d\d)\.txt$", path)
    if version is None or dated is None:
        return None
    hotfixes = frozenset(re.findall(r"^\s+(KB\d+)\s+:", text, re.MULTILINE))
    day = datetime(2000 + int(dated[1]), int(dated[2]), int(dated[3]), 12, tzinfo=UTC)
    snapshot = windows_host(
        path.rpartition("/")[2].removesuffix(".txt"),
        build=version[1],
        kind="server",
        edition="ServerDatacenter",
        updates=[qfe(kb) for kb in sorted(hotfixes)],
        search=[],
        taken_at=day,
    )
    return WindowsOracle(name=snapshot.target.name, snapshot=snapshot, applied=hotfixes, unapplied=frozenset())


def days_later(oracle: WindowsOracle, days: int) -> date:
    """The day of an image, some days later."""
    return oracle.seen_on + timedelta(days=days)
