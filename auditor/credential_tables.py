"""`[credentials.NAME]` tables: logins of machines, and applications that sign in to Microsoft 365 (kind = "m365").

They stand in a client's file, or in the provider's (see `auditor.provider`), which many clients share.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from auditor.secrets import check_reference
from auditor.settings import AppSettings, CredentialSettings
from auditor.tables import Complaints, Table, suggestion

Auth = Literal["auto", "ntlm", "kerberos", "certificate", "basic"]
Sudo = Literal["never", "try", "require"]
_APP = "m365"
_KINDS = ("login", _APP)
_PFX = (".pfx", ".p12")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WAYS = "certificate_file, key_file with thumbprint, secret or device_code"
_S = TypeVar("_S", CredentialSettings, AppSettings)


class _LoginTable(Table):
    kind: Literal["login"] = "login"
    user: str = ""
    password: str = ""
    key_file: str = ""
    passphrase: str = ""
    certificate_file: str = ""
    agent: bool = False
    sudo: Sudo = "never"
    sudo_password: str = ""
    ssh_config: str = ""
    auth: Auth = "auto"


class _AppTable(Table):
    kind: Literal["m365"]
    client_id: str = ""
    certificate_file: str = ""
    key_file: str = ""
    passphrase: str = ""
    thumbprint: str = ""
    secret: str = ""
    device_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Credentials by name: `logins` for machines, `apps` for tenants."""

    logins: Mapping[str, CredentialSettings] = field(default_factory=dict)
    apps: Mapping[str, AppSettings] = field(default_factory=dict)

    def login(self, said: Complaints, path: str, name: str) -> CredentialSettings:
        """The login that the key at `path` names."""
        return _named(said, path, name, self.logins, self.apps, "signs in to Microsoft 365, not to machines")

    def app(self, said: Complaints, path: str, name: str) -> AppSettings:
        """The application that the key at `path` names."""
        return _named(said, path, name, self.apps, self.logins, 'logs in to machines; a tenant needs kind = "m365"')


def _named(
    said: Complaints, path: str, name: str, known: Mapping[str, _S], others: Mapping[str, object], unfit: str
) -> _S:
    if name in known:
        return known[name]
    if name in others:
        raise said.error(path, f"the credential {name!r} {unfit}.")
    hint = suggestion(name, list(known)) or f"Write a table [credentials.{name}], here or in the provider's file."
    raise said.error(path, f"there is no credential {name!r}.", hint)


def read_credentials(said: Complaints, value: object, shared: Known | None = None) -> Known:
    """Read `[credentials.NAME]` tables; those of `shared` are known too, unless a table here has the name."""
    if not isinstance(value, Mapping):
        raise said.error("credentials", "expected tables [credentials.NAME].")
    shared = shared or Known()
    logins = {name: login for name, login in shared.logins.items() if name not in value}
    apps = {name: app for name, app in shared.apps.items() if name not in value}
    for name, table in value.items():
        path = f"credentials.{name}"
        kind = table.get("kind", "login") if isinstance(table, Mapping) else "login"
        if kind == _APP:
            apps[name] = _app(said, path, name, said.convert(table, path, _AppTable))
        elif kind == "login":
            logins[name] = _login(said, path, name, said.convert(table, path, _LoginTable))
        else:
            raise said.error(f"{path}.kind", f"{kind!r} is not one of {', '.join(_KINDS)}.")
    return Known(logins=logins, apps=apps)


def _check_references(said: Complaints, path: str, written: Table, *keys: str) -> None:
    for key in keys:
        problem = check_reference(getattr(written, key))
        if problem:
            raise said.error(f"{path}.{key}", problem)


def _login(said: Complaints, path: str, name: str, written: _LoginTable) -> CredentialSettings:
    _check_references(said, path, written, "password", "passphrase", "sudo_password")
    if written.auth == "certificate" and not (written.certificate_file and written.key_file):
        hint = "certificate_file and key_file name them (PEM)."
        raise said.error(f"{path}.auth", 'auth = "certificate" needs a certificate and its key.', hint)
    return CredentialSettings(
        name=name,
        user=written.user,
        password=said.reference(written.password),
        key_file=said.optional_path(written.key_file),
        passphrase=said.reference(written.passphrase),
        certificate_file=said.optional_path(written.certificate_file),
        agent=written.agent,
        sudo=written.sudo,
        sudo_password=said.reference(written.sudo_password),
        ssh_config=said.optional_path(written.ssh_config),
        auth=written.auth,
    )


def _app(said: Complaints, path: str, name: str, written: _AppTable) -> AppSettings:
    _check_references(said, path, written, "secret", "passphrase")
    problem = application_id_problem(written.client_id) if written.client_id else ""
    if problem:
        raise said.error(f"{path}.client_id", problem)
    ways = [
        bool(written.certificate_file),
        bool(written.thumbprint),
        bool(written.secret),
        written.device_code,
    ]
    if sum(ways) != 1:
        found = "names none" if not any(ways) else "names several"
        raise said.error(path, f"one way to sign in is needed, and this table {found}.", f"One of {_WAYS}.")
    if written.thumbprint and not written.key_file:
        raise said.error(f"{path}.thumbprint", "a thumbprint needs the private key it goes with: key_file.")
    if written.key_file and not (written.thumbprint or written.certificate_file):
        raise said.error(f"{path}.key_file", "a key needs its certificate: certificate_file, or thumbprint.")
    if written.key_file and is_pfx(written.certificate_file):
        raise said.error(f"{path}.key_file", "a PFX file holds its key itself.")
    if written.passphrase and not (written.certificate_file or written.key_file):
        raise said.error(f"{path}.passphrase", "it opens a PFX file or an encrypted key, and none is named here.")
    return app_settings(
        name=name,
        client_id=written.client_id,
        certificate_file=said.optional_path(written.certificate_file),
        key_file=said.optional_path(written.key_file),
        passphrase=said.reference(written.passphrase),
        thumbprint=written.thumbprint,
        secret=said.reference(written.secret),
        device_code=written.device_code,
    )


def app_settings(*, certificate_file: Path | None, **others: Any) -> AppSettings:
    """An application; a certificate file whose name ends in .pfx or .p12 is a PFX, any other PEM."""
    pfx = certificate_file if certificate_file is not None and is_pfx(certificate_file.name) else None
    return AppSettings(certificate_file=None if pfx else certificate_file, pfx_file=pfx, **others)


def is_pfx(name: str) -> bool:
    """Whether a file of this name is a PFX (PKCS #12)."""
    return name.lower().endswith(_PFX)


def application_id_problem(text: str) -> str:
    """What is wrong with an application (client) id; "" when nothing is. A secret in its place is not repeated."""
    if _GUID.fullmatch(text):
        return ""
    return "an application (client) id looks like 11111111-2222-3333-4444-555555555555; what stands here does not."
