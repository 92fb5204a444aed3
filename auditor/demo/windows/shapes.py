"""What every answer of a described Windows machine is made of."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

_TICKS: Final = 10_000_000
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
DENIED: Final = "UnauthorizedAccessException 0x80070005: Accès refusé. (HRESULT : 0x80070005 (E_ACCESSDENIED))"
CIM_DENIED: Final = "CimException 0x80041003: Accès refusé"

Value = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One block's envelope: its value, what was refused in it, and why there is no value at all ("" when there is)."""

    value: Value | None
    refusals: tuple[tuple[str, str, str], ...] = ()
    problem: str = ""

    def envelope(self) -> Value:
        """The JSON object as it travels."""
        state = "failed" if self.problem else "ok"
        return {"s": state, "e": self.problem, "d": [list(refusal) for refusal in self.refusals], "v": self.value}


def lines(text: str) -> list[str]:
    """Lines of a text of ours, without blanks around them and without empty ones."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def iso(moment: datetime) -> str:
    """A moment as the prologue of the script writes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.0000000Z"


def filetime(moment: datetime) -> int:
    """A moment in units of 100 ns since 1601."""
    return int((moment - _EPOCH).total_seconds()) * _TICKS


def uuid(text: str) -> str:
    """An identity that depends on a text alone."""
    digits = hashlib.sha256(text.encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], f"4{digits[13:16]}", f"a{digits[17:20]}", digits[20:32]))
