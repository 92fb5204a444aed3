r""".NET Framework from the registry, side-by-side runtimes from the folders below `dotnet\shared` (W10).

A folder without `<framework>.deps.json` is what an uninstall left behind, and no runtime. On ARM64 the native folder
holds ARM64 runtimes and `dotnet\x64` those for emulated programs.

Source: "Determine which .NET Framework versions are installed" and the design of install locations of .NET.
"""

import re
from typing import Any

import msgspec

from collectors.model import FactKind
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._rows import file_version, read_rows, whole
from collectors.windows.facts import DotNet, DotNetRuntime

_NAME = "dotnet"
_FRAMEWORK = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z0-9]+)+")
_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(?:-[0-9A-Za-z.-]{1,80})?")


class _Full(msgspec.Struct):
    release: int | str = msgspec.field(name="Release", default="")
    version: str = msgspec.field(name="Version", default="")


class _Old(msgspec.Struct):
    install: int | str = msgspec.field(name="Install", default=0)


class _Runtime(msgspec.Struct):
    name: str
    version: str
    architecture: str
    complete: bool


class _Seen(msgspec.Struct):
    v4: dict[str, Any] | None = None
    v35: dict[str, Any] | None = None
    runtimes: list[Any] = []


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen)
    runtimes, gaps = read_rows(_NAME, FactKind.DOTNET, seen.runtimes, _runtime)
    full, unread = read_rows(_NAME, FactKind.DOTNET, [seen.v4] if seen.v4 else [], _full)
    old, misread = read_rows(_NAME, FactKind.DOTNET, [seen.v35] if seen.v35 else [], _old)
    dotnet = DotNet(
        framework_release=full[0][0] if full else None,
        framework_version=full[0][1] if full else "",
        framework_35=any(old),
        runtimes=tuple(dict.fromkeys(runtimes)),
    )
    return WindowsPart(dotnet=dotnet, gaps=gaps + unread + misread)


def _full(row: Any) -> tuple[int | None, str]:
    read = msgspec.convert(row, _Full)
    return whole(read.release), file_version(read.version)


def _old(row: Any) -> bool:
    return whole(msgspec.convert(row, _Old).install) == 1


def _runtime(row: Any) -> DotNetRuntime | None:
    read = msgspec.convert(row, _Runtime)
    if not read.complete:
        return None
    if not _FRAMEWORK.fullmatch(read.name) or not _VERSION.fullmatch(read.version):
        raise ValueError(row)
    return DotNetRuntime(name=read.name, version=read.version, architecture=read.architecture)


BLOCK = WindowsBlock(name=_NAME, kinds=(FactKind.DOTNET,), parse=_parse)
