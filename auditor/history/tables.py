"""`[history]` of a client file: how long what was seen is kept."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import msgspec

from auditor.tables import Complaints, Table

Months = Annotated[int, msgspec.Meta(ge=1, le=240)]
KEEP_MONTHS = 36  # the longest commitment licenses are sold with
PERSONAL_DATA_MONTHS = 13  # a year, and the month it is compared with


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """How long a client's history keeps what it holds, counted from the day of each run.

    After `keep_months` what machines and tenants answered and the evidence go; findings and figures stay. After
    `personal_data_months` names and last sign-ins of people go from what is still kept.
    """

    keep_months: int = KEEP_MONTHS
    personal_data_months: int = PERSONAL_DATA_MONTHS


class _HistoryTable(Table):
    keep_months: Months = KEEP_MONTHS
    personal_data_months: Months = PERSONAL_DATA_MONTHS


def read_history(said: Complaints, value: object) -> HistorySettings:
    """Read the table. Raises SettingsError."""
    table = said.convert(value, "history", _HistoryTable)
    return HistorySettings(keep_months=table.keep_months, personal_data_months=table.personal_data_months)


def months_before(day: date, months: int) -> date:
    """The same day some months earlier, or the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
