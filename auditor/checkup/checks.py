"""What one check says, and which exit code it stands for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from auditor.exits import Exit, first_of
from rules.messages import Message


class State(StrEnum):
    """How one check went.

    A WARNING costs nothing of today's audit. PARTIAL: an audit would run, and end as incomplete, because this part of
    it could not be seen. FAILED: what the check is about would be missing altogether.
    """

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One answer. `text` is a message of the locale files, or said as it is where it has no id.

    `name` is stable, for other programs ("m365.permission"); `permission` names the one it is about. `words` are
    parameters of `text` that are messages themselves, or ids of some; several are told with commas. `refuses` marks a
    failure on our own side, with which an audit ends in exit code 2 instead of 3.
    """

    name: str
    state: State
    text: Message | str
    todo: Message | str = ""
    permission: str = ""
    words: Mapping[str, str | Message | tuple[str, ...]] = field(default_factory=dict)
    refuses: bool = False

    @property
    def code(self) -> Exit:
        """The exit code an audit would have because of this."""
        if self.state not in (State.PARTIAL, State.FAILED):
            return Exit.COMPLIANT
        return Exit.USAGE if self.refuses else Exit.INCOMPLETE


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The checks of one subject; `heading` is a message of the locale files. `name` is stable ("machine")."""

    name: str
    heading: Message
    checks: tuple[Check, ...]


def code_of(sections: Iterable[Section]) -> Exit:
    """The exit code an audit would have, findings aside: that which holds first."""
    return first_of([check.code for section in sections for check in section.checks])


def say(key: str, **params: str | float | bool | None) -> Message:
    """A message of the doctor's own texts."""
    return Message(text=f"cli.doctor.{key}", params=dict(params))
