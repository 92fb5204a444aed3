"""How to log in and how patiently: the client file's word, overridden by the command line."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditor import paths
from auditor.errors import SettingsError
from auditor.secrets import Resolver, check_reference
from auditor.settings import ClientSettings, ConnectionSettings, CredentialSettings
from collectors.credentials import Credential
from collectors.transports.base import ConnectionPolicy

NOBODY = ""  # the credential name of machines that name none


def connection_policy(
    settings: ClientSettings | None,
    *,
    accept_new_host_keys: bool,
    deadline_s: float | None,
    known_hosts: Path | None = None,
    again: Sequence[object] = (),
) -> ConnectionPolicy:
    """How careful and patient to be; `again` are the words after `auditor` that would repeat this run.

    Repeated with another login or another known_hosts, an accepted key would not help this run.
    """
    if settings is not None:
        written = settings.connection
    else:
        written = ConnectionSettings(known_hosts=paths.known_hosts(paths.home() / "known_hosts"))
    return ConnectionPolicy(
        known_hosts=paths.known_hosts(known_hosts) if known_hosts is not None else written.known_hosts,
        accept_new_host_keys=accept_new_host_keys,
        accept_command=shlex.join(["auditor", *map(str, again), "--accept-new-host-keys"]) if again else "",
        probe_timeout_s=written.probe_timeout_s,
        connect_timeout_s=written.connect_timeout_s,
        host_deadline_s=deadline_s or written.host_deadline_s,
    )


def overrides(*, user: str | None, key_file: Path | None, password_from: str, sudo: str | None) -> dict[str, Any]:
    """Fields of a credential that the command line decides. Raises SettingsError before anything is resolved."""
    problem = check_reference(password_from)
    if problem:
        raise SettingsError("--password-from", problem)
    if key_file is not None and not key_file.is_file():
        raise SettingsError("--key", f"there is no file {key_file}.")
    given = {"user": user, "key_file": key_file, "password": password_from, "sudo": sudo}
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
    known = {NOBODY: own_login(), **written}
    return {name: resolver.credential(replace(known[name], **(changes or {}))) for name in sorted(set(names))}


def own_login() -> CredentialSettings:
    """How the operator logs in without a client file: agent, ~/.ssh/config and the usual key, where they exist."""
    folder = Path.home() / ".ssh"
    keys = (folder / name for name in ("id_ed25519", "id_ecdsa", "id_rsa"))
    config = folder / "config"
    return CredentialSettings(
        name=NOBODY,
        agent=True,
        key_file=next((key for key in keys if key.is_file()), None),
        ssh_config=config if config.is_file() else None,
    )
