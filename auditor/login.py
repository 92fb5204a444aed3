"""How to log in and how patiently: the client file's word, overridden by the command line."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditor import paths
from auditor.errors import SettingsError
from auditor.secrets import Resolver, check_reference
from auditor.settings import ClientSettings, ConnectionSettings, CredentialSettings, GraphSettings, TenantSettings
from auditor.suggested import typed
from collectors.cloud.credentials import CloudCredential
from collectors.cloud.policy import CloudPolicy, DeviceCode
from collectors.credentials import Credential
from collectors.transports.base import ConnectionPolicy

NOBODY = ""  # the credential name of machines that name none
# The same login with one way of WinRM, as an inventory asks for it. A client file cannot name these credentials: a name
# there is a key of a table, and [credentials.":ntlm"] would be a person's own doing.
OWN_LOGINS = {"auto": NOBODY, **{auth: f":{auth}" for auth in ("ntlm", "kerberos", "certificate", "basic")}}


def connection_policy(
    settings: ClientSettings | None,
    *,
    accept_new_host_keys: bool,
    accept_new_certificates: bool = False,
    deadline_s: float | None,
    known_hosts: Path | None = None,
    ca_file: Path | None = None,
    again: Sequence[object] = (),
) -> ConnectionPolicy:
    """How careful and patient to be; `again` are the words after `auditor` that would repeat this run.

    Repeated with another login or another known_hosts, an accepted key would not help this run. Raises SettingsError
    when the file of authorities is not there.
    """
    if settings is not None:
        written = settings.connection
    else:
        written = ConnectionSettings(
            known_hosts=paths.known_hosts(paths.home() / "known_hosts"),
            known_certificates=paths.home() / "known_certificates",
        )
    authorities = ca_file or written.ca_file
    if authorities is not None and not authorities.is_file():
        raise SettingsError("--ca-file" if ca_file else "connection.ca_file", f"there is no file {authorities}.")
    repeated = typed("auditor", *again) if again else ""
    return ConnectionPolicy(
        known_hosts=paths.known_hosts(known_hosts) if known_hosts is not None else written.known_hosts,
        accept_new_host_keys=accept_new_host_keys,
        accept_command=f"{repeated} --accept-new-host-keys" if repeated else "",
        ca_file=authorities,
        known_certificates=written.known_certificates,
        accept_new_certificates=accept_new_certificates,
        accept_certificates_command=f"{repeated} --accept-new-certificates" if repeated else "",
        probe_timeout_s=written.probe_timeout_s,
        connect_timeout_s=written.connect_timeout_s,
        host_deadline_s=deadline_s or written.host_deadline_s,
    )


def overrides(
    *, user: str | None, key_file: Path | None, password_from: str, sudo: str | None, auth: str | None = None
) -> dict[str, Any]:
    """Fields of a credential that the command line decides. Raises SettingsError before anything is resolved."""
    problem = check_reference(password_from)
    if problem:
        raise SettingsError("--password-from", problem)
    if key_file is not None and not key_file.is_file():
        raise SettingsError("--key", f"there is no file {key_file}.")
    given = {"user": user, "key_file": key_file, "password": password_from, "sudo": sudo, "auth": auth}
    changes = {name: value for name, value in given.items() if value}
    if password_from:
        changes["sudo_password"] = password_from
    return changes


def credentials(
    written: Mapping[str, CredentialSettings],
    names: Iterable[str],
    changes: Mapping[str, Any] | None = None,
    resolver: Resolver | None = None,
) -> dict[str, Credential]:
    """Resolve the named credentials and no other; machines that name none log in as the operator would.

    `changes` override each of them. Raises SecretError for a reference that leads nowhere.
    """
    resolver = resolver or Resolver()
    own = own_login()
    known = {name: replace(own, name=name, auth=auth) for auth, name in OWN_LOGINS.items()} | dict(written)
    return {name: resolver.credential(replace(known[name], **(changes or {}))) for name in sorted(set(names))}


def cloud_credentials(
    tenants: Iterable[TenantSettings], resolver: Resolver | None = None
) -> dict[str, CloudCredential]:
    """What signs in to each tenant, by the tenant's name. Raises SecretError for a reference that leads nowhere."""
    resolver = resolver or Resolver()
    return {tenant.target.name: resolver.cloud_credential(tenant) for tenant in tenants}


def client_cloud_policy(settings: ClientSettings | None) -> CloudPolicy:
    """How patient to be with Microsoft Graph. A device code is shown only where somebody may read it.

    Raises SettingsError when the file of authorities is not there.
    """
    graph = settings.graph if settings is not None else GraphSettings()
    if graph.ca_file is not None and not graph.ca_file.is_file():
        raise SettingsError("graph.ca_file", f"there is no file {graph.ca_file}.")
    return CloudPolicy(
        ca_bundle=graph.ca_file,
        longest_wait_s=graph.longest_wait_s,
        mailbox_types=settings.mailbox_types if settings is not None else False,
        show_device_code=_show_device_code if sys.stderr.isatty() else None,
    )


def _show_device_code(asked: DeviceCode) -> None:
    import click

    from auditor.progress import printable

    until = asked.expires_at.astimezone().strftime("%H:%M")
    text = f"{asked.tenant}: open {asked.url} and enter the code {asked.code} (before {until})"
    click.echo(printable(text), err=True)


def own_login() -> CredentialSettings:
    """How the operator logs in without a client file: agent, ~/.ssh/config and the usual key, where they exist.

    WinRM reads none of these: there it is the operator's Kerberos ticket, or --user with --password-from.
    """
    folder = Path.home() / ".ssh"
    keys = (folder / name for name in ("id_ed25519", "id_ecdsa", "id_rsa"))
    config = folder / "config"
    return CredentialSettings(
        name=NOBODY,
        agent=True,
        key_file=next((key for key in keys if key.is_file()), None),
        ssh_config=config if config.is_file() else None,
    )
