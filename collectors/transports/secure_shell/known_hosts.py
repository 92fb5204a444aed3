"""Who a host is: known_hosts files read, checked and added to.

Written here rather than taken from paramiko because its reader raises on `@cert-authority` lines, knows neither
`@revoked` nor wildcards, and forgets the line a key came from, which a person needs to judge a changed key.

Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
"""

import base64
import binascii
import fnmatch
import hashlib
import hmac
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from collectors.errors import HostKeyChanged, HostKeyUnknown
from collectors.transports.base import ConnectionPolicy
from collectors.transports.files import append_line, exclusive

LOG = logging.getLogger(__name__)
DEFAULT_PORT = 22


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a known_hosts file; `where` is "path:line", `key` the base64 text of the public key."""

    marker: str
    names: tuple[str, ...]
    key_type: str
    key: str
    where: str

    def matches(self, name: str) -> bool:
        """Whether the line speaks of `name` ("host" or "[host]:port", lower case)."""
        found = False
        for pattern in self.names:
            if pattern.startswith("!"):
                if fnmatch.fnmatchcase(name, pattern[1:]):
                    return False
            elif _name_matches(pattern, name):
                found = True
        return found


def _name_matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        return _hash_matches(pattern, name)
    if "*" in pattern or "?" in pattern:
        return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))
    return pattern == name


def _hash_matches(pattern: str, name: str) -> bool:
    try:
        _, _, salt, digest = pattern.split("|")
        return hmac.compare_digest(hmac.digest(base64.b64decode(salt), name.encode(), "sha1"), base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False


@dataclass(slots=True)
class _File:
    signature: tuple[int, int, int]
    by_name: dict[str, list[Entry]] = field(default_factory=dict)
    others: list[Entry] = field(default_factory=list)  # hashed, wildcards, markers: looked through one by one

    def entries(self, name: str) -> Iterator[Entry]:
        yield from self.by_name.get(name, ())
        yield from (entry for entry in self.others if entry.matches(name))


_files: dict[Path, _File] = {}
_lock = threading.RLock()


def _load(path: Path) -> _File:
    with _lock:
        try:
            status = path.stat()
        except FileNotFoundError:
            return _File((0, 0, 0))
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = _files.get(path)
        if known is None or known.signature != signature:
            known = _files[path] = _parse(path, signature)
        return known


def _parse(path: Path, signature: tuple[int, int, int]) -> _File:
    parsed = _File(signature)
    for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1):
        entry = _parse_line(line, f"{path}:{number}")
        if entry is None:
            continue
        if entry.marker or any(name[:1] in "|!" or "*" in name or "?" in name for name in entry.names):
            parsed.others.append(entry)
        else:
            for name in entry.names:
                parsed.by_name.setdefault(name, []).append(entry)
    return parsed


def _parse_line(line: str, where: str) -> Entry | None:
    fields = line.split()
    if not fields or fields[0].startswith("#"):
        return None
    marker = fields.pop(0) if fields[0].startswith("@") else ""
    if len(fields) < 3:
        LOG.debug("%s: not a known_hosts line, skipped", where)
        return None
    names = tuple(name if name.startswith("|1|") else name.lower() for name in fields[0].split(",") if name)
    return Entry(marker=marker, names=names, key_type=fields[1], key=fields[2], where=where)


def fingerprint(blob: bytes) -> str:
    """Fingerprint as ssh-keygen(1) prints it: "SHA256:" and base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _fingerprint_of(entry: Entry) -> str:
    try:
        return fingerprint(base64.b64decode(entry.key))
    except (ValueError, binascii.Error):
        return "unreadable key"


def name_of(host: str, port: int) -> str:
    """Name of a host in known_hosts: bare on port 22, "[host]:port" elsewhere."""
    host = host.lower()
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKeyCheck:
    """Decides whether a key shown by one host is the one it should show.

    `subject` is the target's name for errors, `alias` replaces the host's name in known_hosts (HostKeyAlias).
    """

    subject: str
    host: str
    port: int
    user: str
    policy: ConnectionPolicy
    alias: str = ""

    def known_types(self) -> tuple[str, ...]:
        """Types of the keys recorded for this host, so that the server is asked for one of those first."""
        return tuple(dict.fromkeys(entry.key_type for entry in self._recorded() if not entry.marker))

    def verify(self, key_type: str, blob: bytes) -> None:
        """Accept the key or raise `HostKeyUnknown` / `HostKeyChanged`; a first visit records it when allowed."""
        key = base64.b64encode(blob).decode()
        recorded = self._recorded()
        for entry in recorded:
            if entry.marker == "@revoked" and entry.key == key:
                raise self._revoked(entry, blob)
        plain = [entry for entry in recorded if not entry.marker]
        if any(entry.key == key for entry in plain):
            return
        if plain:
            raise self._changed(plain, key_type, blob)
        if self._known_without_port(key):
            return
        if not self.policy.accept_new_host_keys or not self.policy.known_hosts:
            raise self._unknown(recorded, key_type, blob)
        self._accept(key_type, key, blob)

    def _recorded(self) -> list[Entry]:
        return self._entries(self._name)

    @property
    def _name(self) -> str:
        return self.alias.lower() if self.alias else name_of(self.host, self.port)

    def _entries(self, name: str) -> list[Entry]:
        found: list[Entry] = []
        for path in self.policy.known_hosts:
            try:
                found.extend(_load(path).entries(name))
            except OSError as error:
                raise HostKeyUnknown(
                    self.subject,
                    f"the host key cannot be checked: {path} cannot be read ({error.strerror}).",
                    hint="Make the file readable for the user who runs auditor.",
                ) from error
        return found

    def _known_without_port(self, key: str) -> bool:
        """ssh(1) also trusts a key recorded for the bare name when the host uses another port."""
        if self.alias or self.port == DEFAULT_PORT:
            return False
        entries = self._entries(self.host.lower())
        return any(entry.key == key and not entry.marker for entry in entries)

    def _unknown(self, recorded: list[Entry], key_type: str, blob: bytes) -> HostKeyUnknown:
        problem = f"its host key is not known yet: {key_type} {fingerprint(blob)}."
        authorities = [entry.where for entry in recorded if entry.marker == "@cert-authority"]
        if authorities:
            problem += f" {authorities[0]} trusts a certificate authority for it, which auditor cannot check."
        return HostKeyUnknown(
            self.subject,
            problem,
            hint=(
                "Compare this fingerprint with `ssh-keygen -lf` on the machine, then record it: run again once with "
                f"--accept-new-host-keys (`{self.policy.accept_command or self._plain_scan()}`)."
            ),
        )

    def _plain_scan(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        address = f"{self.user}@{host}:{self.port}" if self.user else f"{host}:{self.port}"
        return f"auditor scan ssh://{address} --accept-new-host-keys"

    def _changed(self, plain: list[Entry], key_type: str, blob: bytes) -> HostKeyChanged:
        same_type = [entry for entry in plain if entry.key_type == key_type]
        recorded = (same_type or plain)[0]
        return HostKeyChanged(
            self.subject,
            f"ITS HOST KEY HAS CHANGED: {recorded.where} records {recorded.key_type} {_fingerprint_of(recorded)}, "
            f"the machine shows {key_type} {fingerprint(blob)}. Another machine answers, or someone stands in between; "
            "nothing was sent to it.",
            hint=f"If it was reinstalled, compare the new fingerprint on its console, then remove {recorded.where}.",
        )

    def _revoked(self, entry: Entry, blob: bytes) -> HostKeyChanged:
        return HostKeyChanged(
            self.subject,
            f"ITS HOST KEY IS REVOKED: {entry.where} forbids {entry.key_type} {fingerprint(blob)}; nothing was sent.",
            hint="Give the machine a new host key and record that one.",
        )

    def _accept(self, key_type: str, key: str, blob: bytes) -> None:
        path = self.policy.known_hosts[0]
        try:
            with _lock, exclusive(path) as file:
                again = [entry for entry in self._recorded() if not entry.marker]
                if any(entry.key == key for entry in again):
                    return  # another thread or process was quicker
                if again:
                    raise self._changed(again, key_type, blob)
                append_line(file, f"{self._name} {key_type} {key}\n".encode())
        except OSError as error:
            raise HostKeyUnknown(
                self.subject,
                f"its new host key {fingerprint(blob)} cannot be recorded in {path} ({error.strerror}).",
                hint="Make the file and its folder writable for the user who runs auditor.",
            ) from error
        LOG.info("%s: new host key %s %s recorded in %s", self.subject, key_type, fingerprint(blob), path)


def forget() -> None:
    """Drop what was read, so that the next look-up reads the files again."""
    with _lock:
        _files.clear()
