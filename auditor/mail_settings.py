"""What the `[mail]` tables of a client and of its provider come to: who gets the report, and through which server."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.settings import TenantSettings


class Security(StrEnum):
    """How a mail server is spoken to. NONE is for a server on this machine alone."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


DEFAULT_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """An address in ASCII ("direction@contoso.example") and the name it is shown with ("" for none)."""

    address: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """A mail server. `password` is a reference (see `auditor.secrets`); `ca_file` replaces the system's authorities."""

    server: str
    port: int
    security: Security = Security.STARTTLS
    user: str = ""
    password: str = ""
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """How a client's report is sent: through `smtp` or through Microsoft `graph`, never both.

    `hold` keeps each report until somebody releases it; with `complete_only` an incomplete audit's report is held too.
    `attachment_limit_mb` is in units of 1,000,000 bytes. `salutation` follows "Bonjour" ("Madame Dubois").
    """

    sender: Mailbox
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    salutation: str = ""
    smtp: SmtpSettings | None = None
    graph: "TenantSettings | None" = None
    hold: bool = True
    complete_only: bool = False
    attachment_limit_mb: float = 10.0

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every address the message goes to, each once, in order, compared without case."""
        found: dict[str, str] = {}
        for box in (*self.to, *self.cc):
            found.setdefault(box.address.casefold(), box.address)
        return tuple(found.values())
