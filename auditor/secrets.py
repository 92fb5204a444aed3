"""Secret references -> secrets in memory, resolved last and for the machines of this run only.

A file holds one of: `env:NAME` (environment variable), `file:PATH` (first line of a file nobody else may read),
`keyring:SERVICE/USER` (the desktop's or the provider's key store, with the `keyring` extra), `prompt:` or
`prompt:QUESTION` (asked once, without echo, on a terminal). Anything else is refused: a secret in clear in a client
file would end up in backups and tickets. No message of this module repeats what stands after an unknown scheme.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from auditor.errors import SecretError
from auditor.settings import CredentialSettings, TenantSettings
from collectors.cloud.credentials import CloudCredential
from collectors.credentials import Credential, Secret

_SCHEMES = ("env", "file", "keyring", "prompt")
_FORMS = "env:NAME, file:PATH, keyring:SERVICE/USER or prompt:"
Ask = Callable[[str], str]


def check_reference(text: str) -> str:
    """What is wrong with a reference as written ("" when nothing is; an empty reference is no reference)."""
    scheme, colon, rest = text.partition(":")
    if not text:
        return ""
    if not colon or scheme not in _SCHEMES:
        return f"a secret is written as a reference ({_FORMS}), never in clear; what stands here is not repeated."
    if not rest and scheme != "prompt":
        return f"the reference {scheme}: names nothing (forms: {_FORMS})."
    if scheme == "keyring" and "/" not in rest:
        return "a keyring reference is keyring:SERVICE/USER."
    return ""


class Resolver:
    """Resolves references, each once: two machines with one `prompt:` ask once."""

    def __init__(self, ask: Ask | None = None) -> None:
        self._ask = ask or _ask_on_terminal
        self._known: dict[str, Secret] = {}

    def credential(self, settings: CredentialSettings) -> Credential:
        """Resolve what a transport needs to log in. Raises SecretError naming credential and reference."""
        whose = f"{settings.name}: " if settings.name else ""
        return Credential(
            name=settings.name,
            user=settings.user,
            password=self._optional(settings.password, f"{whose}password"),
            key_file=settings.key_file,
            passphrase=self._optional(settings.passphrase, f"{whose}passphrase"),
            certificate_file=settings.certificate_file,
            agent=settings.agent,
            sudo=settings.sudo,
            sudo_password=self._optional(settings.sudo_password, f"{whose}sudo password"),
            ssh_config=settings.ssh_config,
            auth=settings.auth,
        )

    def credentials(self, settings: Mapping[str, CredentialSettings], names: Iterable[str]) -> dict[str, Credential]:
        """Resolve the named credentials, and no other."""
        return {name: self.credential(settings[name]) for name in sorted(set(names))}

    def cloud_credential(self, tenant: TenantSettings) -> CloudCredential:
        """Resolve what signs in to one tenant. Raises SecretError, also for a key file that others may read."""
        app = tenant.app
        for file in (app.key_file, None if app.key_file else app.certificate_file):
            if file is not None:
                _check_key_file(file)
        return CloudCredential(
            tenant=tenant.target.address,
            client_id=tenant.client_id,
            name=app.name,
            certificate_file=app.certificate_file,
            key_file=app.key_file,
            pfx_file=app.pfx_file,
            passphrase=self._optional(app.passphrase, f"{app.name}: passphrase"),
            thumbprint=app.thumbprint,
            secret=self._optional(app.secret, f"{app.name}: secret"),
            device_code=app.device_code,
            endpoints=tenant.endpoints,
        )

    def secret(self, reference: str, purpose: str) -> Secret | None:
        """Resolve one reference; None for an empty one. Raises SecretError naming the purpose and the reference."""
        return self._optional(reference, purpose)

    def _optional(self, reference: str, purpose: str) -> Secret | None:
        if not reference:
            return None
        if reference not in self._known:
            self._known[reference] = Secret(self._resolve(reference, purpose))
        return self._known[reference]

    def _resolve(self, reference: str, purpose: str) -> str:
        problem = check_reference(reference)
        if problem:
            raise SecretError(purpose, problem)
        scheme, _, rest = reference.partition(":")
        if scheme == "env":
            return _from_environment(rest)
        if scheme == "file":
            return _from_file(Path(rest).expanduser())
        if scheme == "keyring":
            return _from_keyring(rest)
        return self._ask(rest or purpose)


def _from_environment(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SecretError(
            f"env:{name}",
            "this environment variable is not set, or empty.",
            hint="Export it before the run, or change this reference in the client file.",
        )
    return value


def _from_file(path: Path) -> str:
    """Read the first line; a file that others may read, or that another user owns, is refused (as ssh does)."""
    subject = f"file:{path}"
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if os.name == "posix":
                _check_rights(subject, path, about)
            line = file.readline().decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise SecretError(subject, f"cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SecretError(subject, "not UTF-8 text.") from None
    if not line:
        raise SecretError(subject, "its first line is empty.")
    return line


def _check_key_file(path: Path) -> None:
    """Refuse a private key that others may read, as ssh does; an absent file is told when it is used."""
    if os.name != "posix":
        return
    try:
        about = path.stat()
    except OSError:
        return
    _check_rights(str(path), path, about)


def _check_rights(subject: str, path: Path, about: os.stat_result) -> None:
    if about.st_uid not in {os.geteuid(), 0}:
        raise SecretError(subject, "belongs to another user.", hint=f"`chown {os.geteuid()} {path}`")
    if stat.S_IMODE(about.st_mode) & 0o077:
        rights = oct(stat.S_IMODE(about.st_mode))
        raise SecretError(subject, f"other users may read it (mode {rights}).", hint=f"`chmod 600 {path}`")


def _from_keyring(rest: str) -> str:
    service, _, user = rest.rpartition("/")
    subject = f"keyring:{rest}"
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        hint = "Install it into the same environment: pip install 'patch-license-auditor[keyring]'"
        raise SecretError(subject, "the keyring package is not installed.", hint=hint) from None
    try:
        value = keyring.get_password(service, user)
    except KeyringError as error:
        hint = "Unlock the key store, or use env:, file: or prompt:."
        raise SecretError(subject, f"the key store answered: {type(error).__name__}.", hint=hint) from None
    if not value:
        raise SecretError(subject, "no such entry.", hint=f"`keyring set {service} {user}` stores one.")
    return value


def _ask_on_terminal(question: str) -> str:
    import getpass

    if not sys.stdin.isatty():
        hint = "Use env:, file: or keyring: for a run without a person."
        raise SecretError("prompt:", f"{question}: nobody to ask, there is no terminal.", hint=hint)
    value = getpass.getpass(f"{question}: ")
    if not value:
        raise SecretError("prompt:", f"{question}: nothing was typed.")
    return value
