"""Private keys from files, read once however many hosts they open."""

import base64
import binascii
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collectors.credentials import Credential, Secret
from collectors.errors import LoginDenied
from collectors.transports.marks import mark
from collectors.transports.secure_shell.client_config import Hop

if TYPE_CHECKING:
    from paramiko import PKey

LOG = logging.getLogger(__name__)
_MAGIC = b"openssh-key-v1\0"


@dataclass(frozen=True, slots=True)
class KeyWay:
    """One private key to offer, with or without a certificate; `label` says which in error messages."""

    label: str
    key: "PKey"


def key_ways(subject: str, hop: Hop, credential: Credential) -> tuple[KeyWay, ...]:
    """Keys to offer in order: with certificate, then alone; the credential's first, then those of ssh_config.

    A key file the credential names must be readable; those of ssh_config are skipped when absent, as ssh(1) does.
    Raises `LoginDenied` when a named key cannot be used.
    """
    ways: list[KeyWay] = []
    if credential.key_file is not None:
        ways += _ways(subject, credential.key_file.expanduser(), credential.certificate_file, credential.passphrase)
    certificate = hop.certificate_files[0] if hop.certificate_files else None
    others = bool(ways) or credential.agent or credential.password is not None
    for path in hop.key_files:
        if path.is_file():
            try:
                ways += _ways(subject, path, certificate, credential.passphrase)
            except LoginDenied as error:  # a protected key of ssh_config is often unlocked in the agent
                if not others:
                    raise
                LOG.debug("%s: skipped: %s", subject, error)
    return tuple(ways)


def _ways(subject: str, path: Path, certificate: Path | None, passphrase: Secret | None) -> list[KeyWay]:
    certificate = certificate.expanduser() if certificate is not None else Path(f"{path}-cert.pub")
    plain = KeyWay(f"key {path}", _load(subject, path, passphrase, None))
    if not certificate.is_file():
        return [plain]
    return [KeyWay(f"certificate {certificate}", _load(subject, path, passphrase, certificate)), plain]


_loaded: dict[tuple[Path, float, Path | None, float, bytes], "PKey"] = {}
_lock = threading.Lock()


def _load(subject: str, path: Path, passphrase: Secret | None, certificate: Path | None) -> "PKey":
    """Read a key; unlocking one takes a tenth of a second on purpose, so it is done once for all hosts."""
    try:
        certified_at = certificate.stat().st_mtime if certificate else 0.0
        identity = (path, path.stat().st_mtime, certificate, certified_at, mark(passphrase))
        with _lock:
            if identity not in _loaded:
                key = _read(subject, path, passphrase)
                if certificate is not None:
                    key.load_certificate(str(certificate))
                _loaded[identity] = key
            return _loaded[identity]
    except OSError as error:
        raise LoginDenied(subject, f"the key file {path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise LoginDenied(subject, f"the certificate {certificate} does not belong to {path}.") from error


def _read(subject: str, path: Path, passphrase: Secret | None) -> "PKey":
    import paramiko

    classes: dict[str, type[PKey]] = {
        "ssh-ed25519": paramiko.Ed25519Key,
        "ecdsa": paramiko.ECDSAKey,
        "ssh-rsa": paramiko.RSAKey,
    }
    kind = _kind(path)
    if kind not in classes:
        raise LoginDenied(
            subject,
            f"{path} is not a private key auditor can use ({kind}).",
            hint="ed25519, ecdsa and rsa keys in OpenSSH form are; convert others with `ssh-keygen -p -f FILE`.",
        )
    try:
        return classes[kind].from_private_key_file(str(path), passphrase.reveal() if passphrase else None)
    except paramiko.PasswordRequiredException as error:
        raise LoginDenied(
            subject,
            f"the key {path} is protected and no passphrase was given.",
            hint="Load it into ssh-agent, or set `passphrase` of its credential in the client file.",
        ) from error
    except (paramiko.SSHException, ValueError) as error:
        detail = "the passphrase is wrong or the file is damaged" if passphrase else "the file is damaged"
        raise LoginDenied(subject, f"the key {path} cannot be used: {detail}.") from error


def _kind(path: Path) -> str:
    """Kind of the private key, told from the file without unlocking it."""
    lines = path.read_bytes().split(b"\n")
    header = lines[0].strip().decode(errors="replace")
    if header == "-----BEGIN RSA PRIVATE KEY-----":
        return "ssh-rsa"
    if header == "-----BEGIN EC PRIVATE KEY-----":
        return "ecdsa"
    if header != "-----BEGIN OPENSSH PRIVATE KEY-----":
        return header[:60] or "empty file"
    try:
        data = base64.b64decode(b"".join(line for line in lines[1:] if not line.startswith(b"-")))
    except binascii.Error:
        return "damaged file"
    if not data.startswith(_MAGIC):
        return "damaged file"
    return _openssh_kind(data)


def _openssh_kind(data: bytes) -> str:
    from paramiko import Message

    message = Message(data[len(_MAGIC) :])
    for _ in range(3):  # cipher, key derivation, its options
        message.get_binary()
    message.get_int()  # number of keys
    name = Message(message.get_binary()).get_text()
    return "ecdsa" if name.startswith("ecdsa-sha2-") else name


def forget() -> None:
    """Drop the keys read so far."""
    with _lock:
        _loaded.clear()
