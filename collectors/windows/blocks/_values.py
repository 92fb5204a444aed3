"""Small readings several blocks share: moments, GUIDs, KB numbers, HRESULTs."""

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware date of the JSON; a text without time zone does not validate."""

_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
_KB = re.compile(r"\bKB(\d{5,8})\b", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HRESULT = re.compile(r"0x[0-9a-f]{8}")


def sane(moment: datetime | None) -> datetime | None:
    """The moment in UTC, None for the zero dates that COM (1899) and FILETIME (1601) use for "never"."""
    return None if moment is None or moment < _OLDEST else moment.astimezone(UTC)


def guid(text: str) -> str:
    """A GUID in lower case without braces, "" when it is none."""
    plain = text.strip().strip("{}").casefold()
    return plain if _GUID.fullmatch(plain) else ""


def kb_in(text: str) -> str:
    """The update a text names by its number ("KB5034441"), else ""."""
    match = _KB.search(text)
    return f"KB{match[1]}" if match else ""


def code_in(problem: str) -> str:
    """The HRESULT of a problem as the script words it ("0x80070005"), else ""."""
    match = _HRESULT.search(problem.casefold())
    return match[0] if match else ""
