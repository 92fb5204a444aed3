"""Machines of an Ansible inventory (`ansible-inventory --list`): ssh, local, winrm and psrp connections are visited.

What stands there about passwords, keys and certificates is never used, and that is said. A machine with any other
connection (docker, network_cli, ...) comes back as `Unvisitable`, so that the report counts it as not audited.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from auditor.errors import SettingsError
from auditor.login import OWN_LOGINS
from auditor.selection import Gathered, Unvisitable, is_text
from collectors.model import Protocol, Target

_SSH: Final = {"ssh", "smart", "paramiko", "ansible.builtin.ssh", "ansible.netcommon.libssh", "paramiko_ssh"}
_LOCAL: Final = {"local", "ansible.builtin.local"}
_WINRM: Final = {"winrm", "ansible.builtin.winrm"}
_PSRP: Final = {"psrp", "ansible.builtin.psrp"}  # another protocol inside the same WinRM endpoint
_HTTP_PORT: Final = 5985
# Ansible's words for ways to log in -> ours. CredSSP hands the password on, which nothing here needs.
_AUTH: Final = {
    "negotiate": "auto",
    "credssp": "auto",
    "ntlm": "ntlm",
    "kerberos": "kerberos",
    "certificate": "certificate",
    "basic": "basic",
    "plaintext": "basic",
    "ssl": "basic",
}
_PASSWORDS: Final = (
    *("ansible_password", "ansible_ssh_pass", "ansible_winrm_pass", "ansible_winrm_password"),
    *("ansible_psrp_password", "ansible_psrp_pass"),
)
_KEYS: Final = (
    *("ansible_private_key_file", "ansible_ssh_private_key_file", "ansible_winrm_cert_pem"),
    *("ansible_winrm_cert_key_pem", "ansible_psrp_certificate_pem", "ansible_psrp_certificate_key_pem"),
)
_UNCHECKED: Final = ("ansible_winrm_server_cert_validation", "ansible_psrp_cert_validation")


def read(path: Path, text: str, gathered: Gathered) -> None:
    """Add the machines of an inventory: hosts in groups (which become labels), variables in `_meta.hostvars`.

    Raises SettingsError on what is not the output of `ansible-inventory --list`.
    Source: https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(str(path), f"not valid JSON: {error}.") from None
    if not is_text(json.dumps(data, ensure_ascii=False)):
        raise SettingsError(str(path), "it holds half a character (a lone surrogate): not valid text.")
    meta = data.get("_meta")
    hostvars = meta.get("hostvars") if isinstance(meta, Mapping) else None
    if not isinstance(hostvars, Mapping):
        hint = "`ansible-inventory -i YOUR_INVENTORY --list > inventory.json` writes it."
        raise SettingsError(str(path), "no _meta.hostvars: not the output of ansible-inventory --list.", hint=hint)
    labels = _groups(path, data)
    names = list(dict.fromkeys([*labels, *hostvars]))
    if not names:
        raise SettingsError(str(path), "this inventory names no machine.")
    for name in names:
        variables = hostvars.get(name, {})
        if not isinstance(variables, Mapping):
            raise SettingsError(str(path), f"_meta.hostvars.{name}: expected an object.")
        _host(path, name, variables, tuple(labels.get(name, ())), gathered)
    _notes(path, list(hostvars.values()), gathered)


def _notes(path: Path, hosts: list[Mapping[str, Any]], gathered: Gathered) -> None:
    """Say what of the inventory is left aside."""
    for what, keys, instead in (
        ("passwords written there", _PASSWORDS, "use --password-from, a key or a ticket"),
        ("key files named there", _KEYS, "use --key, an agent, ~/.ssh/config or a client file"),
    ):
        count = sum(any(key in variables for key in keys) for variables in hosts)
        if count:
            gathered.notes.append(f"{path}: {what} are not used ({count} machines); {instead}.")
    count = sum(any(variables.get(key) == "ignore" for key in _UNCHECKED) for variables in hosts)
    if count:
        gathered.notes.append(
            f"{path}: certificates are checked although the inventory says to ignore them ({count} machines); "
            "--ca-file names the authority, --accept-new-certificates records unknown ones."
        )


def _groups(path: Path, data: Mapping[str, Any]) -> dict[str, list[str]]:
    """Hosts and the groups that name them, directly or through `children`; "all" and "ungrouped" are no labels."""
    members: dict[str, set[str]] = {}
    children: dict[str, set[str]] = {}
    order: list[str] = []
    for group, content in data.items():
        if group == "_meta":
            continue
        if not isinstance(content, Mapping):
            raise SettingsError(str(path), f"{group}: expected an object with hosts or children.")
        hosts, below = content.get("hosts", []), content.get("children", [])
        if not _texts(hosts) or not _texts(below):
            raise SettingsError(str(path), f"{group}: hosts and children are lists of names.")
        members[group], children[group] = set(hosts), set(below)
        order.extend(hosts)
    labels: dict[str, list[str]] = {host: [] for host in order}
    for group in members:
        if group in {"all", "ungrouped"}:
            continue
        for host in _below(group, members, children):
            labels[host].append(group)
    return {host: sorted(groups) for host, groups in labels.items()}


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _below(group: str, members: Mapping[str, set[str]], children: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting, hosts = [group], set[str]()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        hosts |= members.get(current, set())
        waiting.extend(children.get(current, ()))
    return hosts


def _host(path: Path, name: str, variables: Mapping[str, Any], labels: tuple[str, ...], gathered: Gathered) -> None:
    connection = str(variables.get("ansible_connection", "ssh"))
    if connection in _LOCAL:
        gathered.add(Target(name=name, protocol=Protocol.LOCAL, labels=labels), str(path))
        return
    kind = "psrp" if connection in _PSRP else "winrm" if connection in _WINRM else "ssh"
    address = _first(variables, "ansible_host", f"ansible_{kind}_host") or name
    target = Target(name=name, address=address, labels=labels)
    if connection not in _SSH | _WINRM | _PSRP:
        reason = f"connection {connection!r} of the Ansible inventory is not supported by this version."
        gathered.add_unvisitable(Unvisitable(target=target, reason=reason))
        return
    user = _first(variables, "ansible_user", f"ansible_{kind}_user")
    if "{{" in address or "{{" in user:
        reason = "its address or user is a template the inventory left unresolved."
        gathered.add_unvisitable(Unvisitable(target=target, reason=reason))
        return
    target = replace(target, user=user, port=_port(path, name, variables, kind))
    gathered.add(target if kind == "ssh" else _windows(target, kind, variables), str(path))


def _windows(target: Target, kind: str, variables: Mapping[str, Any]) -> Target:
    """A WinRM endpoint as both connection plugins address it: HTTPS, unless the scheme or port 5985 says otherwise.

    Source: https://docs.ansible.com/ansible/latest/collections/ansible/builtin/winrm_connection.html and
    psrp_connection.html
    """
    scheme = _first(variables, "ansible_winrm_scheme" if kind == "winrm" else "ansible_psrp_protocol")
    tls = scheme.casefold() == "https" if scheme else target.port != _HTTP_PORT
    ways = variables.get("ansible_winrm_transport" if kind == "winrm" else "ansible_psrp_auth") or []
    auths = {_AUTH.get(str(way), "auto") for way in (ways if isinstance(ways, list) else str(ways).split(","))}
    auth = auths.pop() if len(auths) == 1 else "auto"
    return replace(target, protocol=Protocol.WINRM, tls=tls, credential=OWN_LOGINS[auth])


def _first(variables: Mapping[str, Any], *keys: str) -> str:
    return next((str(variables[key]) for key in keys if variables.get(key)), "")


def _port(path: Path, name: str, variables: Mapping[str, Any], kind: str) -> int | None:
    key = "ansible_port" if "ansible_port" in variables else f"ansible_{kind}_port"
    value = variables.get(key)
    if value is None:
        return None
    try:
        port = int(value)
    except (TypeError, ValueError):
        port = 0
    if not 0 < port <= 65_535:
        raise SettingsError(str(path), f"_meta.hostvars.{name}.{key}: {value!r} is not a port.")
    return port
