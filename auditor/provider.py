"""What a provider's clients share: `provider.toml` beside the client folders, or the file that AUDITOR_PROVIDER names.

It holds `[credentials.NAME]` tables, so that one application of the provider serves the tenants of all clients,
`[graph]`, and `[mail]` (how reports are sent, never to whom). Where a client's file has a table of the same name, the
client's counts.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from auditor.credential_tables import Known, read_credentials
from auditor.errors import SettingsError
from auditor.mail_tables import Written, written_mail
from auditor.settings import GraphSettings
from auditor.tables import Complaints, parse
from auditor.tenant_tables import read_graph

FILE_NAME = "provider.toml"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What the provider's file says; `mail` is its table, None without one."""

    credentials: Known = field(default_factory=Known)
    graph: GraphSettings = field(default_factory=GraphSettings)
    mail: Written | None = None


def provider_of(client_file: Path) -> Provider:
    """The provider's file that goes with a client's; defaults where there is none. Raises SettingsError."""
    chosen = os.environ.get("AUDITOR_PROVIDER")
    file = Path(chosen).expanduser() if chosen else client_file.absolute().parent.parent / FILE_NAME
    if not file.is_file():
        if chosen:
            raise SettingsError("AUDITOR_PROVIDER", f"there is no file {file}.")
        return Provider()
    said, data = Complaints(file), parse(file)
    said.check_keys(data, ("format", "credentials", "graph", "mail"), FORMAT)
    return Provider(
        credentials=read_credentials(said, data.get("credentials", {})),
        graph=read_graph(said, data.get("graph", {})),
        mail=written_mail(said, data.get("mail")),
    )
