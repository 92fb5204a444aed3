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
    from auditor.secrets import check_reference  # which needs the settings this module is part of

    table = said.convert(value, "report", _ReportTable)
    problem = check_reference(table.password)
    if problem:
        raise said.error("report.password", problem)
    return ReportSettings(password=said.reference(table.password))
