"""Windows machines as a person describes them: `machines/<name>.toml` and their `systems/windows-*.toml`."""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from auditor.demo.described import Placed

_HERE = Path(__file__).parents[1]
PREFIX = "windows-"


class _Written(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of what is read from a file of ours."""


class System(_Written, kw_only=True):
    """What all machines of one release share; the words are those of the registry, product name included (W12).

    `programs` and `store_apps` are lines as in `Described`.
    """

    family: Literal["windows"]
    build: int
    display_version: str = ""
    release_id: str = ""
    installation_type: Literal["Client", "Server", "Server Core"]
    product_name: str
    powershell: str
    framework_release: int
    framework_version: str
    framework_35: bool = False
    store: bool = True
    programs: str = ""
    store_apps: str = ""


class Policy(_Written, kw_only=True):
    """How updates arrive. `service_start` is Start of wuauserv: 2 automatic, 3 on demand, 4 disabled (W19)."""

    wsus: str = ""
    no_internet: bool = False
    service_start: int = 3
    automatic: int = 4
    deferral_days: int | None = None
    target_release: str = ""
    paused_until: datetime | None = None
    hotpatch: bool = False
    searched_at: datetime | None = None


class Offer(_Written, kw_only=True):
    """One update Windows Update offers; `server` is "default" or "microsoft" (asked past WSUS, W16)."""

    server: Literal["default", "microsoft"] = "default"
    kb: str
    title: str
    category: Literal["security", "critical", "rollup", "definition", "driver"] = "security"
    severity: str = ""
    released_at: datetime
    hidden: bool = False


class Reboot(_Written, kw_only=True):
    """Signs that a restart is due."""

    component_servicing: bool = False
    windows_update: bool = False
    renames: int = 0
    new_name: str = ""


class Processor(_Written, kw_only=True):
    """One kind of processor, `sockets` times."""

    name: str = "Intel(R) Core(TM) i5-12500T"
    maker: str = "GenuineIntel"
    sockets: int = 1
    cores: int = 6
    logical: int = 12


class Office(_Written, kw_only=True):
    """Click-to-Run Office: `channel` is the GUID its updates come from; `culture` its language."""

    version: str
    products: str
    channel: str
    platform: str = "x64"
    culture: str = "fr-fr"
    updates: bool = True


class OfficeMsi(_Written, kw_only=True):
    """Office installed by MSI: the version on the medium, and those of its programs on disk."""

    code: str
    name: str
    version: str
    root: str
    files: dict[str, str] = {}


class Database(_Written, kw_only=True):
    """One instance of SQL Server."""

    name: str
    id: str
    patch_level: str
    version: str
    edition: str


class Defender(_Written, kw_only=True):
    """Microsoft Defender; `other` names another product that Windows Security knows of."""

    signatures: str = "1.439.462.0"
    signatures_at: datetime
    engine: str = "1.1.25090.3002"
    platform: str = "4.18.25090.3009"
    other: str = ""


class License(_Written, kw_only=True):
    """One row of the software protection service; `status` 1 is licensed."""

    id: str
    name: str
    description: str
    status: int = 1
    key: str = ""
    channel: str = "OEM:DM"
    office: bool = False


class Person(_Written, kw_only=True):
    """One person's profile: programs installed for that person alone are seen while the hive is loaded."""

    name: str
    number: int
    loaded: bool = True
    used_at: datetime
    programs: str = ""


class Described(_Written, kw_only=True):
    """One machine.

    `programs`: "name | version | publisher [| code] [| x86] [| noise] [| msi]" a line, `store_apps`: "name version" a
    line, `updates`: "RollupFix 26100.6899.1.27 installed 2025-10-15" (or "KB5066131 10.0.9320.1 installed ..."),
    `history`: "2025-10-15T04:12:00Z succeeded Title (KB…)" a line. `elevated` false is an account without rights of an
    administrator: whatever it cannot read is refused in the recording as Windows would. `language_mode`
    "ConstrainedLanguage" is a machine whose PowerShell runs nothing of ours: reg.exe answered instead (W31). The visit
    broke off in the middle of block `cut_in`. `search_error` is the HRESULT the Windows Update search failed with.
    """

    system: str
    placed: Placed = msgspec.field(default_factory=Placed)
    taken_at: datetime
    boot_at: datetime
    installed_at: datetime
    hostname: str = ""
    uuid: str = ""
    edition: str
    sku: int
    product_type: Literal["WinNT", "ServerNT", "LanmanNT"] = "WinNT"
    revision: int
    locale: str = "040c"
    culture: str = "fr-FR"
    domain: str = ""
    maker: str = "LENOVO"
    model: str = "12E5003FFR"
    hypervisor_host: str = ""
    memory_gb: int = 16
    processor: Processor = msgspec.field(default_factory=Processor)
    elevated: bool = True
    language_mode: Literal["FullLanguage", "ConstrainedLanguage"] = "FullLanguage"
    cut_in: str = ""
    updates: str = ""
    hotfixes: tuple[str, ...] = ()
    history: str = ""
    reboot: Reboot = msgspec.field(default_factory=Reboot)
    policy: Policy = msgspec.field(default_factory=Policy)
    offers: tuple[Offer, ...] = ()
    search_error: str = ""
    programs: str = ""
    without: tuple[str, ...] = ()
    store_apps: str = ""
    people: tuple[Person, ...] = ()
    office: Office | None = None
    office_msi: OfficeMsi | None = None
    runtimes: tuple[str, ...] = ()
    databases: tuple[Database, ...] = ()
    defender: Defender | None = None
    licenses: tuple[License, ...] = ()
    services: tuple[str, ...] = ()
    features: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine with its system: everything a recording is written from."""

    name: str
    described: Described
    system: System


def machines() -> tuple[Machine, ...]:
    """All described Windows machines, by name."""
    found = []
    for file in sorted((_HERE / "machines").glob("*.toml")):
        text = tomllib.loads(file.read_text("utf-8"))
        if str(text.get("system", "")).startswith(PREFIX):
            described = msgspec.convert(text, Described)
            found.append(Machine(name=file.stem, described=described, system=_system(described.system)))
    return tuple(found)


def _system(name: str) -> System:
    return msgspec.convert(tomllib.loads((_HERE / "systems" / f"{name}.toml").read_text("utf-8")), System)
