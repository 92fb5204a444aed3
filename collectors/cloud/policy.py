"""How patient to be with a tenant, and how the internet is reached; the same for all tenants of a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """What a person must do to sign in: open `url` and enter `code` before `expires_at`."""

    tenant: str
    url: str
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudPolicy:
    """All times in seconds.

    `visit_deadline_s` ends a visit however busy it still is, but for the call under way; `longest_wait_s` caps the
    waiting that one tenant may cost because Graph asks for it, over all its calls; after either what was read is
    partial. `proxies` maps "http" and "https" to a proxy URL; None takes them from the environment.
    The certificate store is certifi's or `ca_bundle`; environment variables never change it. `low_priority` marks the
    calls as those that Graph may slow down first. `show_device_code` is told what a person must do to sign in; None:
    nobody is there to do it. `mailbox_types` asks the type of each mailbox, one call per licensed user; without it only
    a bounded number is asked, of whom it matters most.
    """

    connect_timeout_s: float = 15.0
    read_timeout_s: float = 100.0
    answer_deadline_s: float = 300.0
    visit_deadline_s: float = 3600.0
    longest_wait_s: float = 600.0
    retries: int = 6
    proxies: Mapping[str, str] | None = None
    ca_bundle: Path | None = None
    low_priority: bool = True
    show_device_code: Callable[[DeviceCode], None] | None = None
    device_code_wait_s: float = 300.0
    mailbox_types: bool = False
    user_agent: str = "patch-license-auditor"

    def __repr__(self) -> str:
        # A proxy may hold a password.
        return f"CloudPolicy(longest_wait_s={self.longest_wait_s}, ca_bundle={self.ca_bundle})"
