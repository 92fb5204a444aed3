"""Signs of a pending reboot, from the registry: ISystemInformation is refused to remote callers (W18).

The sign of an update that is staged but not running needs the running build too: `collectors.windows.assembly` adds it.

Source: the values as Windows Update, component servicing and the session manager write them
(PendingFileRenameOperations holds pairs of source and target, MoveFileEx of the Windows API).
"""

from typing import Any

import msgspec

from collectors.model import FactKind, RebootSignal
from collectors.windows.block import WindowsBlock, WindowsPart


class _Reboot(msgspec.Struct):
    component_servicing: bool | None = None
    component_servicing_running: bool | None = None
    windows_update: bool | None = None
    file_renames: int | None = None
    active_name: str | None = None
    next_name: str | None = None
    configuration_manager_client: bool = False
    configuration_manager: bool | None = None
    configuration_manager_problem: str = ""


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Reboot)
    signals = [_component_servicing(seen), _windows_update(seen), _file_renames(seen), _computer_rename(seen)]
    if seen.configuration_manager_client:
        signals.append(_configuration_manager(seen))
    return WindowsPart(reboot_signals=tuple(signals))


def _component_servicing(seen: _Reboot) -> RebootSignal:
    required = seen.component_servicing
    detail = "RebootPending is set" if required else ""
    if seen.component_servicing_running:
        required, detail = True, "RebootInProgress is set"
    return RebootSignal(name="component-servicing", required=required, detail=detail)


def _windows_update(seen: _Reboot) -> RebootSignal:
    detail = "RebootRequired is set" if seen.windows_update else ""
    return RebootSignal(name="windows-update", required=seen.windows_update, detail=detail)


def _file_renames(seen: _Reboot) -> RebootSignal:
    """Weak: installers of anything leave these, and printers never stop leaving them."""
    count = seen.file_renames
    detail = f"{count} file operations wait for a restart" if count else ""
    return RebootSignal(name="file-rename", required=None if count is None else count > 0, detail=detail)


def _computer_rename(seen: _Reboot) -> RebootSignal:
    if not seen.active_name or not seen.next_name:
        return RebootSignal(name="computer-rename", required=None)
    if seen.active_name.casefold() == seen.next_name.casefold():
        return RebootSignal(name="computer-rename", required=False)
    detail = f"{seen.active_name} becomes {seen.next_name}"
    return RebootSignal(name="computer-rename", required=True, detail=detail)


def _configuration_manager(seen: _Reboot) -> RebootSignal:
    return RebootSignal(
        name="configuration-manager",
        required=seen.configuration_manager,
        detail=seen.configuration_manager_problem or "DetermineIfRebootPending",
    )


BLOCK = WindowsBlock(name="reboot", kinds=(FactKind.REBOOT,), parse=_parse)
