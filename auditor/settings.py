"""What a client file says, typed and checked: the result of `auditor.config.load` and the input of the pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """How wide and how patient a run is; `known_hosts` are files in reading order, the first receives new keys."""

    known_hosts: tuple[Path, ...] = ()
    width: int = DEFAULT_WIDTH
    host_deadline_s: float = 120.0
    connect_timeout_s: float = 15.0
    probe_timeout_s: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """One client folder, read. `fail_on` is the severity from which findings decide the exit code."""

    file: Path
    contract: Contract
    targets: tuple[Target, ...]
    credentials: Mapping[str, CredentialSettings] = field(default_factory=dict)
    connection: ConnectionSettings = field(default_factory=ConnectionSettings)
    feeds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fail_on: str = "low"

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
