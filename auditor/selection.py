"""Machines someone named: those to visit, and those that nobody can. Nothing that was named is dropped."""

from dataclasses import dataclass

from auditor.errors import SettingsError
from collectors.model import GapReason, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Unvisitable:
    """A machine someone named and nobody will visit; `reason` is one sentence."""

    target: Target
    reason: str
    gap: GapReason = GapReason.UNSUPPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a list of expressions means, in their order, each machine once; `notes` are said to the operator."""

    targets: tuple[Target, ...] = ()
    unvisitable: tuple[Unvisitable, ...] = ()
    notes: tuple[str, ...] = ()


class Gathered:
    """Targets in order, each once; the same name for two different machines is an error."""

    def __init__(self) -> None:
        self._targets: dict[str, Target] = {}
        self._unvisitable: dict[str, Unvisitable] = {}
        self.notes: list[str] = []

    def add(self, target: Target, source: str) -> None:
        """Add one machine to visit; raises SettingsError naming `source` when another one has its name."""
        other = self._targets.setdefault(target.name.casefold(), target)
        if other != target:
            raise SettingsError(
                source, f"two different machines are both named {target.name!r}.", hint="Name one apart."
            )

    def add_unvisitable(self, machine: Unvisitable) -> None:
        """Add one machine that nobody will visit."""
        self._unvisitable.setdefault(machine.target.name.casefold(), machine)

    def selection(self) -> Selection:
        """Everything gathered so far."""
        return Selection(
            targets=tuple(self._targets.values()),
            unvisitable=tuple(self._unvisitable.values()),
            notes=tuple(self.notes),
        )


def is_text(text: str) -> bool:
    """Whether it can be stored: bytes of the command line or of a file name that are no text come as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
