"""`[mail]` of a client file or of the provider's: who gets the report, and through which server."""

from dataclasses import dataclass

from auditor.tables import Complaints, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """How a client's report is sent."""


class _MailTable(Table):
    pass


def read_mail(said: Complaints, value: object, provider: object = None) -> MailSettings | None:
    """Read the client's table over the provider's (both as TOML gave them); None without any. Raises SettingsError."""
    if value is None and provider is None:
        return None
    said.convert(value or {}, "mail", _MailTable)
    return MailSettings()
