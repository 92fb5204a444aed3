"""Exchange Server by the file version of ExSetup.exe (W25): the registry stays at the cumulative update.

Management tools alone have the file too and are patched like a server; whether this is one, the roles tell.

Source: "Exchange Server build numbers and release dates": ExSetup.exe is the file that security updates raise.
"""

from typing import Any

import msgspec

from collectors.model import FactKind
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._rows import file_version, read_rows

_NAME = "exchange"


class _Installation(msgspec.Struct):
    release: str
    found: bool
    version: str = ""


class _Seen(msgspec.Struct):
    installations: list[Any]


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen)
    versions, gaps = read_rows(_NAME, FactKind.EXCHANGE, seen.installations, _version)
    return WindowsPart(exchange_version=max(versions, key=_numbers, default=""), gaps=gaps)


def _version(row: Any) -> str | None:
    """The version, None where the program could not be read: the script has told that as a refusal."""
    read = msgspec.convert(row, _Installation)
    if not read.found:
        return None
    version = file_version(read.version)
    if not version:
        raise ValueError(row)
    return version


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


BLOCK = WindowsBlock(name=_NAME, kinds=(FactKind.EXCHANGE,), parse=_parse, needs_admin=(FactKind.EXCHANGE,))
