"""Addresses as a person types them: `ssh://user@host:port`, `winrm://host`, `user@host:port`, IPv6, `m365://tenant`."""

import ipaddress
import re
from typing import Final
from urllib.parse import unquote, urlsplit

from auditor.errors import SettingsError
from auditor.tenant_tables import tenant_problem
from collectors.model import Protocol, Target

# Scheme -> protocol and TLS (None: the port decides, see `collectors.model.Target`).
_SCHEMES: Final[dict[str, tuple[Protocol, bool | None]]] = {
    "ssh": (Protocol.SSH, None),
    "winrm": (Protocol.WINRM, None),
    "winrm+https": (Protocol.WINRM, True),
    "winrm+http": (Protocol.WINRM, False),
}
# Ports that go without saying: a machine reached on one is named by its address alone.
_USUAL_PORTS: Final = {Protocol.SSH: {None, 22}, Protocol.WINRM: {None, 5985, 5986}}
_HOST: Final = re.compile(r"^(?:(?P<user>[^@\s/]+)@)?(?P<host>\[[0-9A-Fa-f:.%\w-]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?$")
_FILES: Final = (".json", ".txt", ".toml", ".yml", ".yaml", ".ini")


def has_scheme(text: str) -> bool:
    """Whether it begins with a scheme that `from_url` reads."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and (scheme in _SCHEMES or scheme == Protocol.M365.value)


def from_url(url: str, source: str) -> Target:
    """Read `SCHEME://user@host:port`; user and host may be percent-encoded (`DOMAIN%5Cuser`).

    Raises SettingsError naming `source`; a password in an address is refused and not repeated.
    """
    scheme, _, rest = url.partition("://")
    if scheme == Protocol.M365.value:
        return tenant(rest.removesuffix("/"), source)
    form = f"{scheme}://user@host:port"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(source, f"not a valid address: {error}.", hint=form) from None
    if parts.password is not None:
        raise _password_in_address(scheme)
    if port == 0:
        raise SettingsError(source, "0 is not a port.")
    if not host or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise SettingsError(source, "not a machine's address.", hint=f"{form}, IPv6 in brackets.")
    protocol, tls = _SCHEMES[scheme]
    return _target(protocol, unquote(host), port, unquote(parts.username or ""), tls=tls)


def tenant(text: str, source: str) -> Target:
    """Read a tenant id or a domain. Raises SettingsError naming `source`; what may hold a password is not repeated."""
    address = text.strip().lower()
    problem = tenant_problem(address)
    if "@" in text or ":" in text:
        source, problem = "m365://…", "a tenant has neither user nor port."
    if problem:
        raise SettingsError(source, problem, hint="m365://contoso.com or m365://TENANT-ID")
    return Target(name=address, protocol=Protocol.M365, address=address)


def from_host(text: str, source: str) -> Target:
    """Read what has no scheme and means SSH: `HOST`, `user@HOST:port`, an IPv6 address, `[IPv6]:port`."""
    if is_address(text):
        return _target(Protocol.SSH, text, None, "")
    if (scheme := text.partition("://")[0]) != text:
        hint = "This version visits ssh://, winrm://, m365://, local and replay: targets."
        shown = f"{scheme}://…" if "@" in text else source  # what precedes an @ may be a password
        raise SettingsError(shown, f"{scheme}:// is not supported.", hint=hint)
    found = _HOST.match(text)
    if found is None and ":" in text.rpartition("@")[0]:
        raise _password_in_address("ssh")
    if found is None or (text.endswith(_FILES) and "@" not in text):
        hint = "local, ssh://HOST, winrm://HOST, m365://TENANT, HOST, a file, replay:PATH; with --client NAME, @LABEL."
        raise SettingsError(source, "neither a file that exists nor a machine's address.", hint=hint)
    if ":" in (found["user"] or ""):
        raise _password_in_address("ssh")
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 0 < port <= 65_535:
        raise SettingsError(source, f"{port} is not a port.")
    host = found["host"].removeprefix("[").removesuffix("]")
    if found["host"].startswith("[") and not is_address(host):
        raise SettingsError(source, "only an IPv6 address stands in brackets.", hint="[2001:db8::1]:22")
    return _target(Protocol.SSH, host, port, found["user"] or "")


def is_address(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _password_in_address(scheme: str) -> SettingsError:
    hint = "Use --password-from env:NAME (or file:, keyring:, prompt:)."
    return SettingsError(f"{scheme}://…", "a password has no place in an address: others see it.", hint=hint)


def _target(protocol: Protocol, host: str, port: int | None, user: str, *, tls: bool | None = None) -> Target:
    name = host
    if port not in _USUAL_PORTS[protocol]:
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Target(name=name, protocol=protocol, address=host, port=port, user=user, tls=tls)
