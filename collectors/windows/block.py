"""What every Windows block agrees on: a `.ps1` that is run on the machine, and a parser of the JSON it sends home.

A block is two files side by side: `blocks/<name>.ps1`, the body of a PowerShell function that returns one object, and
`blocks/<name>.py`, which declares `BLOCK`. The body is valid for PowerShell 3.0 to 7, needs no module, writes nothing,
and never parses localized text. Part of it that could not be read is reported with `Add-Refusal <kind> <reason> <what>`
or `Add-Failure <kind> <error record> <what>`, the rest is sent all the same. See `collectors.windows.script`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collectors.model import (
    Application,
    FactKind,
    Gap,
    LastUpdate,
    OperatingSystem,
    RebootSignal,
)
from collectors.windows.facts import (
    Activation,
    Antivirus,
    DotNet,
    InstalledUpdate,
    OfficeInstall,
    ProcessorTopology,
    SqlInstance,
    UpdatePolicy,
    UpdateSearch,
    UserProfile,
    WindowsSystem,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsPart:
    """What one block tells; `collectors.windows.assembly` puts the parts of a machine together.

    A field left at its default was not this block's to tell. `clock` is the machine's own time (UTC).
    """

    operating_system: OperatingSystem | None = None
    system: WindowsSystem | None = None
    clock: datetime | None = None
    applications: tuple[Application, ...] = ()
    installed_updates: tuple[InstalledUpdate, ...] = ()
    search: tuple[UpdateSearch, ...] = ()
    policy: UpdatePolicy | None = None
    reboot_signals: tuple[RebootSignal, ...] = ()
    last_update: LastUpdate | None = None
    office: tuple[OfficeInstall, ...] = ()
    dotnet: DotNet | None = None
    sql_instances: tuple[SqlInstance, ...] = ()
    exchange_version: str = ""
    antivirus: Antivirus | None = None
    activations: tuple[Activation, ...] = ()
    processors: ProcessorTopology | None = None
    profiles: tuple[UserProfile, ...] = ()
    roles: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsBlock:
    """A block module's `BLOCK`. `name` is also that of its `.ps1`.

    `kinds` are the facts it tells: those become gaps when the block fails or does not come home. `parse` turns the
    decoded JSON value into a `WindowsPart`; it raises `collectors.hosts.base.Unreadable` (or a msgspec ValidationError,
    which becomes an UNPARSABLE gap) for what it does not understand. `slow` blocks come last, in order of `timeout_s`.
    `needs_admin` names the facts that a plain member of Remote Management Users cannot read, for the gap's words.
    """

    name: str
    kinds: tuple[FactKind, ...]
    parse: Callable[[Any], WindowsPart]
    slow: bool = False
    timeout_s: int = 20
    needs_admin: tuple[FactKind, ...] = ()
