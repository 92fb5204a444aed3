"""`[report]` of a client file: what its workbooks are like."""

from dataclasses import dataclass

from auditor.tables import Complaints, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """What a client's workbooks are like. `password` is a reference (see `auditor.secrets`), "" for none."""

    password: str = ""


class _ReportTable(Table):
    password: str = ""


def read_report(said: Complaints, value: object) -> ReportSettings:
    """Read the table. Raises SettingsError."""
    table = said.convert(value, "report", _ReportTable)
    return ReportSettings(password=table.password)
