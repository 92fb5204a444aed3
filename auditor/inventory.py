"""Target expressions of `auditor scan`: what a person types, or hands over as a file, becomes targets.

Nothing that was named is dropped: a machine of an Ansible inventory that this version cannot visit (WinRM, docker, ...)
comes back as `Unvisitable`, so that the report counts it as not audited.
"""

import ipaddress
import json
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from auditor.config import suggestion
from auditor.errors import SettingsError
from auditor.settings import ClientSettings
from collectors.model import GapReason, Protocol, Target

_SSH_PORT = 22
_HOST = re.compile(r"^(?:(?P<user>[^@\s/]+)@)?(?P<host>\[[0-9A-Fa-f:.%\w-]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?$")
_SSH_LIKE = {"ssh", "smart", "paramiko", "ansible.builtin.ssh", "ansible.netcommon.libssh", "paramiko_ssh"}
_LOCAL_LIKE = {"local", "ansible.builtin.local"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unvisitable:
    """A machine someone named and nobody will visit; `reason` is one sentence."""

    target: Target
    reason: str
    gap: GapReason = GapReason.UNSUPPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a list of expressions means, in their order, each machine once; `notes` are said to the operator."""

    targets: tuple[Target, ...] = ()
    unvisitable: tuple[Unvisitable, ...] = ()
    notes: tuple[str, ...] = ()


def select(expressions: Iterable[str], *, client: ClientSettings | None = None) -> Selection:
    """Read target expressions; see README, "Naming machines". Raises SettingsError on the first that means nothing."""
    gathered = _Gathered()
    for expression in expressions:
        _read(expression.strip(), client, gathered)
    return gathered.selection()


class _Gathered:
    """Targets in order, each once; the same name for two different machines is an error."""

    def __init__(self) -> None:
        self._targets: dict[str, Target] = {}
        self._unvisitable: dict[str, Unvisitable] = {}
        self.notes: list[str] = []

    def add(self, target: Target, source: str) -> None:
        other = self._targets.setdefault(target.name.casefold(), target)
        if other != target:
            raise SettingsError(
                source, f"two different machines are both named {target.name!r}.", hint="Name one apart."
            )

    def add_unvisitable(self, machine: Unvisitable) -> None:
        self._unvisitable.setdefault(machine.target.name.casefold(), machine)

    def selection(self) -> Selection:
        return Selection(
            targets=tuple(self._targets.values()),
            unvisitable=tuple(self._unvisitable.values()),
            notes=tuple(self.notes),
        )


def _read(expression: str, client: ClientSettings | None, gathered: _Gathered, *, source: str = "") -> None:
    source = source or expression
    if not _is_text(expression):
        raise SettingsError("TARGET", "a target whose name is not valid text (UTF-8).")
    if not expression:
        raise SettingsError("TARGET", "an empty target names no machine.")
    if expression == "local":
        gathered.add(local_target(), source)
    elif expression.startswith("ssh://"):
        gathered.add(_from_url(expression, source), source)
    elif expression.startswith("replay:"):
        _replay(expression.removeprefix("replay:"), gathered)
    elif expression.startswith("@"):
        _label(expression[1:], client, gathered)
    elif client is not None and (known := _named(client, expression)) is not None:
        gathered.add(known, source)
    elif Path(expression).is_file():
        _file(Path(expression), client, gathered)
    elif client is not None and not _is_address(expression):
        names = [target.name for target in client.targets]
        hint = suggestion(expression, names) or "`ssh://HOST` visits a machine that is not in the client file."
        raise SettingsError(expression, f"no machine of this name in {client.file}.", hint=hint)
    else:
        gathered.add(_from_host(expression, source), source)


def _is_text(text: str) -> bool:
    """Whether it can be stored: bytes of the command line or of a file name that are no text come as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def local_target() -> Target:
    """This machine, by its own name."""
    return Target(name=socket.gethostname() or "local", protocol=Protocol.LOCAL)


def _named(client: ClientSettings, name: str) -> Target | None:
    folded = name.casefold()
    return next((target for target in client.targets if target.name.casefold() == folded), None)


def _label(label: str, client: ClientSettings | None, gathered: _Gathered) -> None:
    if client is None:
        raise SettingsError(f"@{label}", "labels belong to a client file.", hint="Name it: --client DIR.")
    found = [target for target in client.targets if label in target.labels]
    if not found:
        labels = sorted({known for target in client.targets for known in target.labels})
        hint = suggestion(label, labels) or (f"Known labels: {', '.join(labels)}." if labels else "It has no labels.")
        raise SettingsError(f"@{label}", f"no machine of {client.file} carries this label.", hint=hint)
    for target in found:
        gathered.add(target, f"@{label}")


def _replay(text: str, gathered: _Gathered) -> None:
    path = Path(text)
    if path.is_dir():
        recordings = sorted(path.glob("*.rec"))
        if not recordings:
            raise SettingsError(f"replay:{text}", "this folder holds no recording (*.rec).")
    elif path.is_file():
        recordings = [path]
    else:
        raise SettingsError(f"replay:{text}", "no such recording or folder.")
    for recording in recordings:
        if not _is_text(str(recording)):
            raise SettingsError(f"replay:{text}", "it holds a recording whose name is not valid text (UTF-8).")
        gathered.add(replay_target(recording), f"replay:{text}")


def replay_target(recording: Path) -> Target:
    """The target that replays a recording, named as the machine was (file names are percent-encoded)."""
    return Target(name=unquote(recording.stem), protocol=Protocol.REPLAY, address=str(recording))


def _from_url(url: str, source: str) -> Target:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(source, f"not a valid address: {error}.", hint="ssh://user@host:port") from None
    if parts.password is not None:
        raise _password_in_address()
    if port == 0:
        raise SettingsError(source, "0 is not a port.")
    if not host or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise SettingsError(source, "not a machine's address.", hint="ssh://user@host:port, IPv6 in brackets.")
    return _ssh(unquote(host), port, unquote(parts.username or ""))


def _password_in_address() -> SettingsError:
    hint = "Use --password-from env:NAME (or file:, keyring:, prompt:)."
    return SettingsError("ssh://…", "a password has no place in an address: others see it.", hint=hint)


def _from_host(text: str, source: str) -> Target:
    if _is_address(text):
        return _ssh(text, None, "")
    if (scheme := text.partition("://")[0]) != text:
        hint = "This version visits ssh://, local and replay: targets."
        shown = f"{scheme}://…" if "@" in text else source  # what precedes an @ may be a password
        raise SettingsError(shown, f"{scheme}:// is not supported (yet).", hint=hint)
    found = _HOST.match(text)
    if found is None and ":" in text.rpartition("@")[0]:
        raise _password_in_address()
    if found is None or (text.endswith((".json", ".txt", ".toml", ".yml", ".yaml", ".ini")) and "@" not in text):
        hint = "local, ssh://user@host:port, HOST, a file, replay:PATH, or NAME and @LABEL with --client DIR."
        raise SettingsError(source, "neither a file that exists nor a machine's address.", hint=hint)
    if ":" in (found["user"] or ""):
        raise _password_in_address()
    port = int(found["port"]) if found["port"] else None
    if port is not None and not 0 < port <= 65_535:
        raise SettingsError(source, f"{port} is not a port.")
    host = found["host"].removeprefix("[").removesuffix("]")
    if found["host"].startswith("[") and not _is_address(host):
        raise SettingsError(source, "only an IPv6 address stands in brackets.", hint="[2001:db8::1]:22")
    return _ssh(host, port, found["user"] or "")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _ssh(host: str, port: int | None, user: str) -> Target:
    name = host
    if port not in {None, _SSH_PORT}:
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Target(name=name, protocol=Protocol.SSH, address=host, port=port, user=user)


def _file(path: Path, client: ClientSettings | None, gathered: _Gathered) -> None:
    """Read an Ansible inventory (`ansible-inventory --list`) or a list with one expression a line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(str(path), "not a text file.", hint="For a recording write replay:PATH.") from None
    except OSError as error:
        raise SettingsError(str(path), f"cannot be read: {error.strerror}.") from None
    if text.lstrip().startswith("{"):
        _ansible(path, text, gathered)
        return
    found = False
    for number, line in enumerate(text.splitlines(), start=1):
        expression = line.partition("#")[0].strip()
        if not expression:
            continue
        found = True
        if " " in expression or Path(expression).is_file():
            hint = "An Ansible inventory in INI or YAML form: hand over `ansible-inventory --list` instead."
            raise SettingsError(f"{path}:{number}", "one target expression a line.", hint=hint)
        try:
            _read(expression, client, gathered, source=f"{path}:{number}")
        except SettingsError as error:
            raise SettingsError(f"{path}:{number}", f"{error.subject}: {error.problem}", hint=error.hint) from None
    if not found:
        raise SettingsError(str(path), "this list names no machine.")


def _ansible(path: Path, text: str, gathered: _Gathered) -> None:
    """`ansible-inventory --list`: hosts in groups, variables in `_meta.hostvars`.

    Source: https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(str(path), f"not valid JSON: {error}.") from None
    if not _is_text(json.dumps(data, ensure_ascii=False)):
        raise SettingsError(str(path), "it holds half a character (a lone surrogate): not valid text.")
    meta = data.get("_meta")
    hostvars = meta.get("hostvars") if isinstance(meta, Mapping) else None
    if not isinstance(hostvars, Mapping):
        hint = "`ansible-inventory -i YOUR_INVENTORY --list > inventory.json` writes it."
        raise SettingsError(str(path), "no _meta.hostvars: not the output of ansible-inventory --list.", hint=hint)
    labels = _ansible_groups(path, data)
    names = list(dict.fromkeys([*labels, *hostvars]))
    if not names:
        raise SettingsError(str(path), "this inventory names no machine.")
    secrets = keys = 0
    for name in names:
        variables = hostvars.get(name, {})
        if not isinstance(variables, Mapping):
            raise SettingsError(str(path), f"_meta.hostvars.{name}: expected an object.")
        secrets += any(key in variables for key in ("ansible_password", "ansible_ssh_pass"))
        keys += any(key in variables for key in ("ansible_private_key_file", "ansible_ssh_private_key_file"))
        _ansible_host(path, name, variables, tuple(labels.get(name, ())), gathered)
    if secrets:
        gathered.notes.append(
            f"{path}: passwords written there are not used ({secrets} machines); use --password-from or a key."
        )
    if keys:
        gathered.notes.append(
            f"{path}: key files named there are not used ({keys} machines); use --key, an agent or ~/.ssh/config."
        )


def _ansible_groups(path: Path, data: Mapping[str, Any]) -> dict[str, list[str]]:
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


def _ansible_host(
    path: Path, name: str, variables: Mapping[str, Any], labels: tuple[str, ...], gathered: _Gathered
) -> None:
    connection = str(variables.get("ansible_connection", "ssh"))
    address = str(variables.get("ansible_host") or variables.get("ansible_ssh_host") or name)
    target = Target(name=name, address=address, labels=labels)
    if connection in _LOCAL_LIKE:
        gathered.add(replace(target, protocol=Protocol.LOCAL, address=""), str(path))
        return
    if connection not in _SSH_LIKE:
        reason = f"connection {connection!r} of the Ansible inventory is not supported by this version."
        gathered.add_unvisitable(Unvisitable(target=target, reason=reason))
        return
    user = str(variables.get("ansible_user") or variables.get("ansible_ssh_user") or "")
    if "{{" in address or "{{" in user:
        reason = "its address or user is a template the inventory left unresolved."
        gathered.add_unvisitable(Unvisitable(target=target, reason=reason))
        return
    gathered.add(replace(target, user=user, port=_ansible_port(path, name, variables)), str(path))


def _ansible_port(path: Path, name: str, variables: Mapping[str, Any]) -> int | None:
    value = variables.get("ansible_port", variables.get("ansible_ssh_port"))
    if value is None:
        return None
    try:
        port = int(value)
    except (TypeError, ValueError):
        port = 0
    if not 0 < port <= 65_535:
        raise SettingsError(str(path), f"_meta.hostvars.{name}.ansible_port: {value!r} is not a port.")
    return port
