"""How to get into a tenant, and where its cloud is."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from collectors.credentials import Secret

# What is a host to every library alike: a backslash, a space or a percent sign ends it for one and not for another.
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|[0-9A-Fa-f:.]+")
_LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEndpoints:
    """One Microsoft cloud: where tokens are given and where Graph answers.

    `scope` is what a token is asked for; "" derives it from `graph`. `report_hosts` are the domains (with everything
    below them) that usage reports may be downloaded from. Raises ValueError for an address that is not https, but on
    loopback; the text says which.
    """

    login: str = "https://login.microsoftonline.com"
    graph: str = "https://graph.microsoft.com/v1.0"
    scope: str = ""
    report_hosts: tuple[str, ...] = ("office.com", "office365.com", "microsoft.com")

    def __post_init__(self) -> None:
        for name, url in (("login", self.login), ("graph", self.graph)):
            if not safe_address(url):
                message = f"{name} address {url!r} is refused: it must begin with https:// and name a host"
                raise ValueError(message)

    @property
    def token_scope(self) -> str:
        """The scope that asks for everything the application was granted."""
        parts = urlsplit(self.graph)
        return self.scope or f"{parts.scheme}://{parts.netloc}/.default"

    def consent_url(self, tenant: str, client_id: str) -> str:
        """The page where an administrator of the tenant consents to the application's permissions."""
        return f"{self.login.rstrip('/')}/{tenant}/adminconsent?client_id={client_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudCredential:
    """How an application, or a person, signs in to one tenant.

    `tenant` is the tenant id or one of its verified domains, `client_id` the application's. One way of these:
    `pfx_file`; `certificate_file` (PEM) with its key in `key_file` or in the same file; `key_file` with the SHA-1
    `thumbprint` of a certificate that is not at hand; `secret`; `device_code` (a person signs in, for ad-hoc scans).
    `passphrase` opens the PFX or an encrypted key.
    """

    tenant: str
    client_id: str
    name: str = ""
    certificate_file: Path | None = None
    key_file: Path | None = None
    pfx_file: Path | None = None
    passphrase: Secret | None = None
    thumbprint: str = ""
    secret: Secret | None = None
    device_code: bool = False
    endpoints: CloudEndpoints = field(default_factory=CloudEndpoints)


def safe_address(url: str) -> bool:
    """Whether a token may be sent there: https to any host, or http to this machine alone."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        ready = is_plain(url) and parts.port != 0
    except ValueError:
        return False
    return ready and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def is_plain(url: str) -> bool:
    """Whether an address can be read in one way only: printable, without a user, to a host that is one.

    Raises ValueError for what is no address at all.
    """
    parts = urlsplit(url)
    netloc = parts.netloc
    shown = url.isprintable() and netloc.isascii() and not any(char in netloc for char in " @\\")
    return shown and _HOST.fullmatch(parts.hostname or "") is not None


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its very name, no resolver asked."""
    if host.lower() in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# Source: "Microsoft Graph national cloud deployments". The report hosts of the last three are not verified: a download
# from another host is refused, which the report tells.
CLOUDS: Mapping[str, CloudEndpoints] = MappingProxyType(
    {
        "global": CloudEndpoints(),
        "us-government": CloudEndpoints(
            login="https://login.microsoftonline.us",
            graph="https://graph.microsoft.us/v1.0",
            report_hosts=("office365.us", "microsoft.us", "microsoftonline.us"),
        ),
        "us-defense": CloudEndpoints(
            login="https://login.microsoftonline.us",
            graph="https://dod-graph.microsoft.us/v1.0",
            report_hosts=("office365.us", "microsoft.us", "microsoftonline.us"),
        ),
        "china": CloudEndpoints(
            login="https://login.chinacloudapi.cn",
            graph="https://microsoftgraph.chinacloudapi.cn/v1.0",
            report_hosts=("chinacloudapi.cn", "microsoftonline.cn"),
        ),
    }
)
