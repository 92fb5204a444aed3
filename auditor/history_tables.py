"""`[history]` of a client file: how long what was seen is kept."""

from dataclasses import dataclass

from auditor.tables import Complaints, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """How long a client's history keeps what it holds."""


class _HistoryTable(Table):
    pass


def read_history(said: Complaints, value: object) -> HistorySettings:
    """Read the table. Raises SettingsError."""
    said.convert(value, "history", _HistoryTable)
    return HistorySettings()
