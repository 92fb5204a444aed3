"""Secrets in memory: what a transport needs to log in, and nothing that prints it.

References (`env:`, `file:`, `keyring:`) are resolved by `auditor.secrets`; here only the resolved values live.
"""

from dataclasses import dataclass
from pathlib import Path


class Secret:
    """A text that neither `repr`, `str`, pickling nor a traceback gives away; `reveal()` is the only way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the text itself; call it at the last moment and do not keep the result."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        message = "a Secret is not stored"
        raise TypeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """How to log in to a host over SSH or WinRM.

    WinRM: `auth` is "auto" (Kerberos when there is a ticket or a realm, else NTLM), "ntlm", "kerberos", "certificate"
    (`certificate_file`, `key_file`, HTTPS only) or "basic" (HTTPS only). A user is "DOMAIN/user" with a backslash,
    "user@REALM" or "user". SSH:
    Ways are tried in this order, each once: certificate + key, key, agent (when `agent`), password (which also answers
    keyboard-interactive). `sudo` is "never", "try" (take more when it works) or "require". `ssh_config` is the
    ssh_config(5) file to honor for HostName, Port, User, IdentityFile, ProxyJump ("" reads none).
    """

    name: str = ""
    user: str = ""
    password: Secret | None = None
    key_file: Path | None = None
    passphrase: Secret | None = None
    certificate_file: Path | None = None
    agent: bool = False
    sudo: str = "never"
    sudo_password: Secret | None = None
    ssh_config: Path | None = None
    auth: str = "auto"
