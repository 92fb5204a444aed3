"""Texts of the locale files by their ids: what a rule says, before it is worded in a language."""

from dataclasses import dataclass, field

Params = dict[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A text of the locale files by its id, with the values to fill in.

    A parameter whose name ends in `_on` is an ISO date and one ending in `_at` an ISO timestamp: the reports format
    them for their language. All other values are shown as they are.
    """

    text: str
    params: Params = field(default_factory=dict)
