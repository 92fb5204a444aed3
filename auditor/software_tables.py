"""`[software]` of a client file -> `SoftwareTerms`: what was agreed about installed software."""

from auditor.tables import Complaints, Table
from rules.rights import SoftwareTerms


class _SoftwareTable(Table):
    pass


def read_software(said: Complaints, value: object) -> SoftwareTerms:
    """Read the table. Raises SettingsError."""
    said.convert(value, "software", _SoftwareTable)
    return SoftwareTerms()
