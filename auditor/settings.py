"""What a client file says, typed and checked: the result of `auditor.config.load` and the input of the pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auditor.history.tables import HistorySettings
from auditor.mail_settings import MailSettings
from auditor.report_tables import ReportSettings
from collectors.cloud.credentials import CloudEndpoints
from collectors.model import Target
from rules.contract import Contract

DEFAULT_WIDTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSettings:
    """A credential as written: everything secret is still a reference (see `auditor.secrets`)."""

    name: str
    user: str = ""
    password: str = ""
    key_file: Path | None = None
    passphrase: str = ""
    certificate_file: Path | None = None
    agent: bool = False
    sudo: str = "never"
    sudo_password: str = ""
    ssh_config: Path | None = None
    auth: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """An application of Microsoft Entra as written; `secret` and `passphrase` are still references.

    One way to sign in is named; see `collectors.cloud.credentials.CloudCredential`.
    """

    name: str
    client_id: str = ""
    certificate_file: Path | None = None
    key_file: Path | None = None
    pfx_file: Path | None = None
    passphrase: str = ""
    thumbprint: str = ""
    secret: str = ""
    device_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSettings:
    """One Microsoft 365 tenant: `client_id` is the application's there, `endpoints` where its cloud is."""

    target: Target
    app: AppSettings
    client_id: str
    endpoints: CloudEndpoints = field(default_factory=CloudEndpoints)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSettings:
    """How Microsoft Graph is reached: `login` and `url` ("" for a cloud's own), `ca_file` signs their certificates.

    `report_hosts` are the domains usage reports may be downloaded from (none: the cloud's own).
    """

    ca_file: Path | None = None
    longest_wait_s: float = 600.0
    login: str = ""
    url: str = ""
    report_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """How wide and how patient a run is; `known_hosts` are files in reading order, the first receives new keys.

    `ca_file` holds the authorities that sign WinRM certificates (None: this machine's trust store),
    `known_certificates` is the file of certificates accepted on a first visit.
    """

    known_hosts: tuple[Path, ...] = ()
    ca_file: Path | None = None
    known_certificates: Path | None = None
    width: int = DEFAULT_WIDTH
    host_deadline_s: float = 120.0
    connect_timeout_s: float = 15.0
    probe_timeout_s: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """One client folder, read. `fail_on` is the severity from which findings decide the exit code.

    `targets` are machines, `tenants` Microsoft 365 tenants; `mailbox_types` asks each mailbox for its type.
    """

    file: Path
    contract: Contract
    targets: tuple[Target, ...]
    credentials: Mapping[str, CredentialSettings] = field(default_factory=dict)
    connection: ConnectionSettings = field(default_factory=ConnectionSettings)
    feeds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fail_on: str = "low"
    tenants: tuple[TenantSettings, ...] = ()
    graph: GraphSettings = field(default_factory=GraphSettings)
    mailbox_types: bool = False
    history_terms: HistorySettings = field(default_factory=HistorySettings)
    mail: MailSettings | None = None
    report: ReportSettings = field(default_factory=ReportSettings)

    @property
    def everything(self) -> tuple[Target, ...]:
        """Machines and tenants: what an audit of this client visits."""
        return (*self.targets, *(tenant.target for tenant in self.tenants))

    @property
    def folder(self) -> Path:
        """The client's folder."""
        return self.file.parent

    @property
    def history(self) -> Path:
        """The client's history file."""
        return self.folder / "history.sqlite"

    @property
    def reports(self) -> Path:
        """Where workbooks of this client go."""
        return self.folder / "reports"
