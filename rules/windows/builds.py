"""Builds as numbers, and the short name of the Windows that a build and a kind stand for (W5, W12, D6)."""

import re
from functools import lru_cache
from typing import NamedTuple

from collectors.model import FactKind, Gap, GapReason, HostSnapshot, OperatingSystem
from collectors.releases import release_of

_NUMBERS = re.compile(r"\d+(?:\.\d+)+", re.ASCII)
_ARCHITECTURES = ("x64", "x86", "arm64")
_NAMES = {
    "client": {
        7601: "Windows 7",
        9200: "Windows 8",
        9600: "Windows 8.1",
        10240: "Windows 10 1507",
        10586: "Windows 10 1511",
        14393: "Windows 10 1607",
        15063: "Windows 10 1703",
        16299: "Windows 10 1709",
        17134: "Windows 10 1803",
        17763: "Windows 10 1809",
        18362: "Windows 10 1903",
        18363: "Windows 10 1909",
        19041: "Windows 10 2004",
        19042: "Windows 10 20H2",
        19043: "Windows 10 21H1",
        19044: "Windows 10 21H2",
        19045: "Windows 10 22H2",
        22000: "Windows 11 21H2",
        22621: "Windows 11 22H2",
        22631: "Windows 11 23H2",
        26100: "Windows 11 24H2",
        26200: "Windows 11 25H2",
        28000: "Windows 11 26H1",
    },
    "server": {
        7601: "Windows Server 2008 R2",
        9200: "Windows Server 2012",
        9600: "Windows Server 2012 R2",
        14393: "Windows Server 2016",
        17763: "Windows Server 2019",
        18362: "Windows Server 1903",
        18363: "Windows Server 1909",
        19041: "Windows Server 2004",
        19042: "Windows Server 20H2",
        20348: "Windows Server 2022",
        25398: "Windows Server 23H2",
        26100: "Windows Server 2025",
    },
}

Numbers = tuple[int, ...]


class RunningBuild(NamedTuple):
    """What decides the verdict on the system itself: its release key, architecture, build and update revision."""

    release: str
    architecture: str
    branch: int
    revision: int

    @property
    def text(self) -> str:
        """Build and revision as Microsoft writes them: "26100.8655"."""
        return f"{self.branch}.{self.revision}"

    @property
    def name(self) -> str:
        """Short name of the product, without edition: "Windows 11 24H2"."""
        return _NAMES[self.release.rpartition("-")[2]].get(self.branch, f"Windows {self.branch}")


def is_windows(snapshot: HostSnapshot) -> bool:
    """Whether a machine was seen to run Windows, of whatever kind."""
    return snapshot.operating_system is not None and snapshot.operating_system.id == "windows"


@lru_cache(maxsize=4096)  # the same few fixed builds stand in thousands of rows
def numbers(version: str) -> Numbers:
    """The parts of a dotted version as numbers; () for everything else (a URL, an "x" placeholder, a word)."""
    stripped = version.strip()
    return tuple(int(part) for part in stripped.split(".")) if _NUMBERS.fullmatch(stripped) else ()


def running_build(snapshot: HostSnapshot) -> RunningBuild | None:
    """The running build of a Windows machine; None when release, build or revision is not known (W12, W32)."""
    system = snapshot.operating_system
    release = None if system is None else release_of(system)
    if system is None or release is None or system.id != "windows":
        return None
    parts = numbers(system.version_id)
    if len(parts) < 4:
        return None
    return RunningBuild(release, architecture_of(system), parts[2], parts[3])


def revision_gap(snapshot: HostSnapshot) -> tuple[Gap, ...]:
    """A gap where a known Windows told no update revision: nothing about its patches follows then."""
    system = snapshot.operating_system
    if system is None or not is_windows(snapshot) or len(numbers(system.version_id)) >= 4:
        return ()
    detail = f"the update revision (UBR) is not known: only {system.version_id or 'nothing'} was told of the build"
    return (Gap(kind=FactKind.OPERATING_SYSTEM, collector="", reason=GapReason.MISSING, detail=detail),)


def architecture_of(system: OperatingSystem) -> str:
    """The architecture as the feeds write it; x64 when not told: an update brings the same build to all."""
    return system.architecture if system.architecture in _ARCHITECTURES else "x64"


def revision_in(version: str, branch: int) -> int | None:
    """The update revision of a fixed build ("10.0.26100.8655", "26100.8655"), None when it is not of this branch."""
    parts = numbers(version)
    return parts[-1] if len(parts) in (2, 4) and parts[-2] == branch else None
