"""Traces of updates on the machine: component servicing packages and Win32_QuickFixEngineering.

Neither decides whether anything is missing, the running build does (W1-W3); packages tell what is staged (W4).

Source: Component Based Servicing, Packages: CurrentState and the package's name, which ends with the build for
roll-ups ("Package_for_RollupFix~31bf3856ad364e35~amd64~~26100.8655.1.12"); states as the servicing team's chart lists
them ("CBS Servicing States", 2015).
"""

import re
from datetime import datetime
from typing import Any

import msgspec

from collectors.hosts.base import unread_gap
from collectors.model import FactKind, LastUpdate
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._values import Moment, sane
from collectors.windows.facts import InstalledUpdate, UpdateSource

NAME = "updates"
_STATES = {
    0: "absent",
    5: "uninstall_pending",
    64: "staged",
    80: "superseded",
    96: "install_pending",
    101: "partial",
    112: "installed",
    128: "installed",  # permanent
}
_BUILD = re.compile(r"Package_for_(?:RollupFix|ServicingStack)[^~]*~[^~]*~[^~]*~[^~]*~(\d{4,6}\.\d{1,9})\.\d+\.\d+")
_KB = re.compile(r"Package_for_(KB\d{5,8})(?:~|_)")
_HOTFIX = re.compile(r"(?:KB)?\d{5,8}", re.IGNORECASE)


class _Updates(msgspec.Struct):
    packages: list[tuple[str, int | None, Moment | None]] | None = None
    hotfixes: list[str | None] | None = None


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Updates)
    packages = [_package(name, state, at) for name, state, at in seen.packages or ()]
    hotfixes: list[InstalledUpdate] = []
    unread: list[str] = []
    rows = [row.strip() for row in seen.hotfixes or () if row and row.strip()]
    for row in rows:
        if _HOTFIX.fullmatch(row):
            kb = f"KB{row.upper().removeprefix('KB')}"
            hotfixes.append(InstalledUpdate(source=UpdateSource.QFE, state="installed", kb=kb))
        elif row.casefold() != "file 1":  # what very old hotfixes leave instead of their number
            unread.append(row)
    return WindowsPart(
        installed_updates=(*packages, *dict.fromkeys(hotfixes)),
        last_update=_last_update(seen),
        gaps=unread_gap(NAME, FactKind.INSTALLED_UPDATES, unread, len(rows)),
    )


def _package(name: str, state: int | None, at: datetime | None) -> InstalledUpdate:
    build, kb, installed_at = _BUILD.match(name), _KB.match(name), sane(at)
    return InstalledUpdate(
        source=UpdateSource.CBS,
        state="other" if state is None else _STATES.get(state, "other"),
        kb=kb[1] if kb else "",
        package=name,
        build=build[1] if build else "",
        installed_on=installed_at.date() if installed_at else None,
    )


def _last_update(seen: _Updates) -> LastUpdate | None:
    moments = [
        moment
        for _, state, at in seen.packages or ()
        if _STATES.get(state or 0) in ("installed", "superseded") and (moment := sane(at)) is not None
    ]
    return LastUpdate(at=max(moments), source="component servicing") if moments else None


BLOCK = WindowsBlock(
    name=NAME,
    kinds=(FactKind.INSTALLED_UPDATES, FactKind.LAST_UPDATE),
    parse=_parse,
    needs_admin=(FactKind.INSTALLED_UPDATES,),
)
