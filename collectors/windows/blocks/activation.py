"""Activation of Windows and Office, and of extended security updates (W14), one row per installed license.

A row without a partial key is an inert license of the box and no fact, unless it is licensed all the same: extended
security updates that came through the cloud have no key. Of any key only the last five characters are kept.

Source: SoftwareLicensingProduct and SoftwareLicensingService of the software protection platform (sppwmi.mof).
"""

import re
from typing import Any

import msgspec

from collectors.model import FactKind
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._rows import read_rows, text
from collectors.windows.blocks._values import Moment, guid, sane
from collectors.windows.facts import Activation

_NAME = "activation"
_WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
_KEY = re.compile(r"(?:[0-9A-Z]{5}-){2,4}[0-9A-Z]{5}", re.IGNORECASE)
_KMS_CLIENT = "VOLUME:GVLK"
_UNLICENSED = 0
_LAST_CHARACTERS = 5


class _Row(msgspec.Struct):
    id: str
    application: str
    name: str | None
    status: int
    description: str | None = None
    key: str | None = None
    channel: str | None = None
    grace: int | None = None
    host: str | None = None
    discovered: str | None = None
    ends: Moment | None = None


class _Seen(msgspec.Struct):
    rows: list[Any]
    host: str | None = None
    firmware: str | None = None


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen)
    rows, gaps = read_rows(_NAME, FactKind.ACTIVATION, seen.rows, lambda row: _activation(row, seen))
    found = {row.activation_id: row for row in rows}  # an extended update with a key answers to both questions
    return WindowsPart(activations=tuple(found.values()), gaps=gaps)


def _activation(row: Any, seen: _Seen) -> Activation | None:
    read = msgspec.convert(row, _Row)
    identity, application = _identity(read.id), _identity(read.application)
    key = text(read.key)[-_LAST_CHARACTERS:]
    if not key and read.status == _UNLICENSED:
        return None
    return Activation(
        activation_id=identity,
        application_id=application,
        name=_without_key(text(read.name)),
        status=read.status,
        partial_key=key,
        channel=text(read.channel),
        description=_without_key(text(read.description)),
        grace_minutes=read.grace,
        kms_host=_kms_host(read, seen.host),
        expires_at=sane(read.ends),
        firmware_license=_without_key(text(seen.firmware)) if application == _WINDOWS else "",
    )


def _kms_host(row: _Row, of_machine: str | None) -> str:
    """The host set for the product, else the one set for the machine (KMS clients alone heed it), else that of DNS."""
    heeded = of_machine if text(row.channel).upper() == _KMS_CLIENT else None
    return text(row.host) or text(heeded) or text(row.discovered)


def _identity(value: str) -> str:
    identity = guid(value)
    if not identity:
        raise ValueError(value)
    return identity


def _without_key(words: str) -> str:
    """A text without anything that looks like a product key: none belongs into a report."""
    return _KEY.sub("*****", words)


BLOCK = WindowsBlock(
    name=_NAME,
    kinds=(FactKind.ACTIVATION,),
    parse=_parse,
    slow=True,
    timeout_s=45,
    needs_admin=(FactKind.ACTIVATION,),
)
