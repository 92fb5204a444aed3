"""Microsoft Defender as the registry and its service tell, and other antivirus products that Windows Security knows.

Defender is on where its service runs, is not passive, and real-time protection is not switched off. Only products that
are switched on count as "other": an expired one, or what an uninstall left behind, protects nothing.

Source: values of "Signature Updates" (FILETIME in eight bytes), the policies of the windowsdefender.admx template,
ServiceControllerStatus (4 runs), AntiVirusProduct of root/SecurityCenter2 (bits 12 to 15 of productState: 1 is on).
"""

import re
from typing import Any

import msgspec

from collectors.model import FactKind, Gap, GapReason
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._rows import file_version, read_rows, text
from collectors.windows.blocks._values import Moment, sane
from collectors.windows.facts import Antivirus

_NAME = "antivirus"
_DEFENDER_ID = "d68ddc3a-831f-4fae-9e44-da132c1acf46"
_PLATFORM = re.compile(r"\\Platform\\([0-9]+(?:\.[0-9]+){1,3})(?:-[0-9]+)?\\?$", re.IGNORECASE)
_RUNNING = 4
_DISABLED = 4  # of a service's Start
_ON = 1


class _Signatures(msgspec.Struct):
    version: str = msgspec.field(name="AVSignatureVersion", default="")
    engine: str = msgspec.field(name="EngineVersion", default="")
    updated: Moment | None = msgspec.field(name="SignaturesLastUpdated", default=None)
    applied: Moment | None = msgspec.field(name="AVSignatureApplied", default=None)
    updated_unreadable: bool = msgspec.field(name="SignaturesLastUpdated unreadable", default=False)


class _Switches(msgspec.Struct):
    anti_spyware: int | str = msgspec.field(name="DisableAntiSpyware", default=0)
    antivirus: int | str = msgspec.field(name="DisableAntiVirus", default=0)
    real_time: int | str = msgspec.field(name="DisableRealtimeMonitoring", default=0)
    passive: int | str = msgspec.field(name="PassiveMode", default=0)
    running: int | None = msgspec.field(name="IsServiceRunning", default=None)

    @property
    def off(self) -> bool:
        """Whether one of the switches that turn Defender off is set."""
        return 1 in (self.anti_spyware, self.antivirus)


class _Product(msgspec.Struct):
    name: str
    id: str
    state: int


class _Seen(msgspec.Struct):
    product_type: str | None = None
    signatures: _Signatures = msgspec.field(default_factory=_Signatures)
    own: _Switches = msgspec.field(default_factory=_Switches)
    policy: _Switches = msgspec.field(default_factory=_Switches)
    real_time: _Switches = msgspec.field(default_factory=_Switches)
    policy_real_time: _Switches = msgspec.field(default_factory=_Switches)
    policy_passive: int | str | None = None
    folder: str = ""
    program: str = ""
    installed: bool | None = None
    start: int | None = None
    state: int | None = None
    products: list[Any] = []


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen)
    names, gaps = read_rows(_NAME, FactKind.ANTIVIRUS, seen.products, _other)
    platform, more = read_rows(_NAME, FactKind.ANTIVIRUS, [(seen.folder, seen.program)], _platform)
    gaps += more
    if seen.signatures.updated_unreadable:
        detail = "the time of the last signature update is not understood"
        gaps += (Gap(kind=FactKind.ANTIVIRUS, collector=_NAME, reason=GapReason.UNPARSABLE, detail=detail),)
    others = tuple(sorted(set(names)))
    enabled = _enabled(seen)
    antivirus = Antivirus(
        signature_version=text(seen.signatures.version),
        signatures_at=sane(seen.signatures.updated) or sane(seen.signatures.applied),
        platform_version=platform[0] if platform else "",
        engine_version=text(seen.signatures.engine),
        enabled=enabled,
        disabled_by=_disabled_by(seen, others) if enabled is False else "",
        other_products=others,
    )
    return WindowsPart(antivirus=antivirus, gaps=gaps)


def _other(row: Any) -> str | None:
    read = msgspec.convert(row, _Product)
    if read.id.strip("{}").lower() == _DEFENDER_ID or (read.state >> 12) & 0xF != _ON:
        return None
    name = text(read.name)
    if not name:
        raise ValueError(row)
    return name


def _platform(row: tuple[str, str]) -> str:
    """Version in the name of the platform's folder; Defender of the installation medium lies in a folder without."""
    folder, program = row
    match = _PLATFORM.search(text(folder))
    return file_version(match[1]) if match else file_version(program)


def _passive(seen: _Seen) -> bool:
    return seen.own.passive in (1, 2) or seen.policy_passive == 1


def _enabled(seen: _Seen) -> bool | None:
    if seen.installed is None:
        return None
    if not seen.installed or seen.start == _DISABLED:
        return False
    if seen.state is not None:
        running = seen.state == _RUNNING
    elif seen.own.running is not None:
        running = seen.own.running == 1
    else:
        return None
    switched_off = 1 in (seen.real_time.real_time, seen.policy_real_time.real_time)
    return running and not _passive(seen) and not switched_off


def _disabled_by(seen: _Seen, others: tuple[str, ...]) -> str:
    if seen.policy.off or seen.policy_real_time.real_time == 1:
        return "policy"
    return "passive" if _passive(seen) or others else ""


BLOCK = WindowsBlock(
    name=_NAME,
    kinds=(FactKind.ANTIVIRUS,),
    parse=_parse,
    needs_admin=(FactKind.ANTIVIRUS,),
)
