"""When PowerShell runs nothing (W31): the identity and the installed programs through one line of reg.exe.

Constrained Language Mode refuses every .NET object, and PowerShell 2.0 knows neither our script nor its types. reg.exe
prints values in a form that is never translated; only its error texts are, and those are on standard error. Values are
asked for by name: the key of CurrentVersion also holds the product key, which is never read.

Source: reg query /? (`/s` below a key, `/v` one value, `/reg:64` the 64-bit view).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from collectors.assembly import Cut
from collectors.hosts.base import Unreadable, lines_of, shown
from collectors.model import (
    CollectorOutcome,
    CollectorStatus,
    FactKind,
    Gap,
    GapReason,
    HostSnapshot,
    Target,
)
from collectors.windows.assembly import KINDS
from collectors.windows.block import WindowsPart
from collectors.windows.blocks.applications import BLOCK as APPLICATIONS
from collectors.windows.blocks.system import BLOCK as SYSTEM
from collectors.windows.facts import WindowsFacts

NAME = "reg.exe"
_BEGIN, _END = "@@A1-REG 1", "@@A1-REG end"
_WINDOWS = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_CONTROL = r"HKLM\SYSTEM\CurrentControlSet\Control"
_UNINSTALL = r"Microsoft\Windows\CurrentVersion\Uninstall"
_VERSION_VALUES = (
    "CurrentBuildNumber UBR BuildLabEx DisplayVersion ReleaseId EditionID InstallationType ProductName InstallDate"
)
_PROGRAM_VALUES = "DisplayName DisplayVersion Publisher SystemComponent ParentKeyName ReleaseType"
_QUERIES = (
    rf'for %v in ({_VERSION_VALUES}) do @reg query "{_WINDOWS}" /reg:64 /v %v',
    rf"reg query {_CONTROL}\ProductOptions /v ProductType",
    rf'reg query "{_CONTROL}\Session Manager\Environment" /v PROCESSOR_ARCHITECTURE',
    r"reg query HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters /v Hostname",
    r"reg query HKLM\SYSTEM\HardwareConfig /v LastConfig",
    rf"for %v in ({_PROGRAM_VALUES}) do @reg query HKLM\SOFTWARE\{_UNINSTALL} /reg:64 /s /v %v",
    # Under /reg:32 the keys would be printed with the names of the other view.
    rf"for %v in ({_PROGRAM_VALUES}) do @reg query HKLM\SOFTWARE\WOW6432Node\{_UNINSTALL} /reg:64 /s /v %v",
)
COMMAND = " & ".join((f"echo {_BEGIN}", *(f"({query})" for query in _QUERIES), f"echo {_END}"))
"""One cmd.exe line. Each query's failure leaves the others alone; what it says on standard error is not read."""

_VALUE = re.compile(r" {4}(\S.*?) {4}(REG_[A-Z_]+)(?: {4}(.*))?")
_NUMBER = re.compile(r"0x[0-9a-f]{1,16}", re.IGNORECASE)
_NOT_READ = "PowerShell ran nothing, so only the identity and the programs of all users were read, through reg.exe"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    key: str
    name: str
    data: str | int


def recognises(stdout: bytes) -> bool:
    """Whether an answer is that of `COMMAND` (a recording may hold it)."""
    return any(line.strip() == _BEGIN.encode() for line in stdout.splitlines())


def read(
    target: Target, stdout: bytes, *, taken_at: datetime, reason: GapReason, because: str, cut: Cut | None = None
) -> HostSnapshot | None:
    """Snapshot of what reg.exe told, None when it told no build.

    `reason` and `because` say why PowerShell did not serve: everything it would have told is a gap. `cut` says why the
    answer may end early.
    """
    text = _decoded(stdout)
    _, begun, body = text.partition(_BEGIN)
    body, complete, _ = body.partition(_END)
    values = list(_values(lines_of(body.replace("\r\n", "\n")))) if begun else []
    try:
        part = SYSTEM.parse(_as_block(values))
    except (Unreadable, msgspec.MsgspecError):
        return None
    programs = _programs(values)
    gaps = [*part.gaps, *programs.gaps]
    if not programs.applications or not complete:
        gaps.append(_programs_gap(cut, complete=bool(complete)))
    gaps += [_gap(kind, reason, f"{_NOT_READ} ({because})") for kind in KINDS if kind not in _READ]
    return HostSnapshot(
        target=target,
        taken_at=taken_at,
        operating_system=part.operating_system,
        applications=programs.applications,
        windows=_facts(part),
        collectors=(CollectorStatus(name=NAME, outcome=CollectorOutcome.PARTIAL, detail=f"{_NOT_READ} ({because})"),),
        gaps=tuple(gaps),
    )


_READ = frozenset({FactKind.OPERATING_SYSTEM, FactKind.APPLICATIONS})


def _decoded(stdout: bytes) -> str:
    """reg.exe writes the console's code page, UTF-8 when it obeys ours, else an OEM one; 850 is western Europe's."""
    try:
        return stdout.decode("utf-8")
    except UnicodeDecodeError:
        return stdout.decode("cp850")


def _values(lines: Iterable[str]) -> Iterable[_Value]:
    key = ""
    for line in lines:
        if line.startswith("HKEY_"):
            key = line.strip()
        elif key and (match := _VALUE.fullmatch(line)) is not None:
            name, kind, data = match[1], match[2], match[3] or ""
            numeric = kind in ("REG_DWORD", "REG_QWORD") and _NUMBER.fullmatch(data)
            yield _Value(key=key, name=name, data=int(data, 16) if numeric else data)


def _as_block(values: Sequence[_Value]) -> Mapping[str, Any]:
    """The values in the words of the `system` block, whose parser reads them."""
    version = {value.name: value.data for value in values if value.key.endswith(r"\Windows NT\CurrentVersion")}
    single = {value.name: value.data for value in values if r"\Uninstall" not in value.key}
    return {
        "current_version": version,
        "product_type": single.get("ProductType"),
        "architecture": single.get("PROCESSOR_ARCHITECTURE"),
        "hostname": single.get("Hostname"),
        "hardware_config": single.get("LastConfig"),
    }


def _facts(part: WindowsPart) -> WindowsFacts | None:
    return None if part.system is None else WindowsFacts(system=replace(part.system, language_mode=""))


def _programs(values: Iterable[_Value]) -> WindowsPart:
    """The uninstall keys in the words of the `applications` block, whose parser knows what is a program."""
    rows: dict[str, dict[str, str | int]] = {}
    for value in values:
        above, _, code = value.key.rpartition("\\")
        if above.casefold().endswith(_UNINSTALL.rpartition("\\")[2].casefold()):
            view = "x86" if "wow6432node" in above.casefold() else "x64"
            rows.setdefault(value.key, {"code": code, "view": view}).setdefault(value.name, value.data)
    return APPLICATIONS.parse({"rows": list(rows.values()), "hives": [], "profiles": []})


def _programs_gap(cut: Cut | None, *, complete: bool) -> Gap:
    if cut is not None and not complete:
        return _gap(FactKind.APPLICATIONS, cut.reason, shown(cut.detail))
    if not complete:
        return _gap(FactKind.APPLICATIONS, GapReason.TRUNCATED, "the answer of reg.exe ended early")
    return _gap(FactKind.APPLICATIONS, GapReason.FAILED, "reg.exe named no installed program")


def _gap(kind: FactKind, reason: GapReason, detail: str) -> Gap:
    return Gap(kind=kind, collector=NAME, reason=reason, detail=detail)
