"""paramiko's Transport with our algorithms, our check of the host key and our silence.

Order of algorithms: elliptic curves first (finite-field Diffie-Hellman costs 26-80 ms of CPU per host), then the AES
mode that is cheapest here. Nothing is added to what paramiko offers: SHA-1 key exchange and ssh-rsa host keys stay
refused, and the error then says so.
"""

import logging
import re
from collections.abc import Sequence
from typing import Any

import paramiko
from paramiko.packet import Packetizer

from collectors.errors import (
    CollectorError,
    ConversationFailed,
    DeadlineExceeded,
    HostError,
    NotSupported,
)
from collectors.transports.base import Deadline
from collectors.transports.secure_shell.known_hosts import HostKeyCheck
from collectors.transports.secure_shell.sockets import GuardedSocket
from collectors.transports.sockets import errno_name

LOG = logging.getLogger(__name__)
WIRE_LOG_NAME = f"{__name__}.paramiko"

_KEX = (
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "mlkem768x25519-sha256",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group-exchange-sha256",
)
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr", "aes192-ctr")
_MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
)

_BROKEN = re.compile(r"sha1|ssh-rsa|ssh-dss")


class _Demoted(logging.Filter):
    """paramiko logs as errors what we raise as errors: everything of it becomes debug here."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return LOG.isEnabledFor(logging.DEBUG)


logging.getLogger(WIRE_LOG_NAME).addFilter(_Demoted())


class _QuietPacketizer(Packetizer):
    """Without paramiko's timer thread per connection: the socket's deadline does its work."""

    def start_handshake(self, timeout: float) -> None:
        """Start no timer."""


def _available(wanted: tuple[str, ...], possible: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in wanted if name in possible)


class Wire(paramiko.Transport):
    """One SSH connection over a guarded socket, refused unless the host key is the right one.

    `offered` holds the server's algorithm lists when there was none in common, `farewell` its words on disconnecting.
    """

    def __init__(self, sock: GuardedSocket, check: HostKeyCheck, *, window_bytes: int) -> None:
        try:
            self._known_types = check.known_types()
        except HostError:
            sock.close()
            raise
        super().__init__(sock, default_window_size=window_bytes, packetizer_class=_QuietPacketizer)  # type: ignore[arg-type]
        self.guarded = sock
        self.check = check
        self.offered: dict[str, list[str]] = {}
        self.farewell = ""
        self._host_checked = False
        self.set_log_channel(WIRE_LOG_NAME)
        options = self.get_security_options()
        options.kex = _available(_KEX, options.kex)
        options.ciphers = _available(_CIPHERS, options.ciphers)
        options.digests = _available(_MACS, options.digests)
        self.banner_timeout = self.handshake_timeout = self.auth_timeout = self.channel_timeout = 86_400.0

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Host key algorithms, those of recorded keys first; no certificates, which paramiko does not check."""
        names = [name for name in super().preferred_keys if not name.endswith("-cert-v01@openssh.com")]
        return tuple(sorted(names, key=lambda name: _key_type(name) not in self._known_types))

    def _log(self, level: int, msg: Any, *args: Any) -> None:
        if LOG.isEnabledFor(logging.DEBUG):
            super()._log(level, msg, *args)  # type: ignore[misc]

    def _check_banner(self) -> None:
        super()._check_banner()  # type: ignore[misc]
        self.guarded.greeted()

    def _parse_kex_init(self, m: paramiko.Message) -> None:
        try:
            super()._parse_kex_init(m)  # type: ignore[misc]
        except paramiko.ssh_exception.IncompatiblePeer:
            self.offered = self._really_parse_kex_init(paramiko.Message(m.asbytes()))  # type: ignore[attr-defined]
            raise

    def _verify_key(self, host_key: bytes, sig: bytes) -> None:
        super()._verify_key(host_key, sig)  # type: ignore[misc]
        assert self.host_key is not None
        self._check_host(self.host_key)

    def verify_host(self) -> None:
        """Make sure, before a login begins, that the host key was checked; raises a `HostError` when it is wrong.

        The key exchange has checked it already, through an inner part of paramiko: should that be named otherwise one
        day, a login must not go ahead without.
        """
        if not self._host_checked:
            self._check_host(self.get_remote_server_key())

    def _check_host(self, key: paramiko.PKey) -> None:
        self.check.verify(key.get_name(), key.asbytes())
        self._host_checked = True

    def _parse_disconnect(self, m: paramiko.Message) -> None:
        m.get_int()
        self.farewell = _printable(m.get_text())

    def refused_login(self) -> bool:
        """Whether the server ended the connection because it had refused enough (MaxAuthTries)."""
        return "authentication failures" in self.farewell or "No more auth" in self.farewell

    def hang_up(self) -> None:
        """End the connection at once, waking whoever waits on it."""
        self.guarded.close()
        self.close()


def _key_type(algorithm: str) -> str:
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:200]).strip()


def explain(subject: str, wire: Wire, error: BaseException | None, deadline: Deadline, *, during: str) -> HostError:
    """Turn whatever ended a connection early into the error a person can act on."""
    sock = wire.guarded
    if isinstance(error, paramiko.SSHException) and isinstance(error.__context__, OSError | EOFError | CollectorError):
        error = error.__context__  # paramiko wraps what happens while it reads the greeting
    if sock.hung_up:
        return ConversationFailed(subject, f"the visit was stopped during {during}.")
    if sock.expired:
        return _timed_out(subject, wire, deadline, during=during)
    if isinstance(error, CollectorError):
        return error if error.subject and isinstance(error, HostError) else _told_by_socket(subject, wire, error)
    if wire.offered or isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return _incompatible(subject, wire, error)
    if wire.farewell:
        return ConversationFailed(subject, f"the SSH server ended the connection during {during}: {wire.farewell}.")
    if not wire.remote_version:
        return _no_ssh(subject, sock, error)
    reason = _why(error)
    return ConversationFailed(
        subject, f"the connection broke during {during} ({reason}).", hint="Try again; see the SSH server's log."
    )


def _timed_out(subject: str, wire: Wire, deadline: Deadline, *, during: str) -> HostError:
    if deadline.passed:
        return DeadlineExceeded(
            subject,
            f"the deadline of the host passed during {during}.",
            hint="Check the machine's load and its SSH server, or give it more time (--deadline, host_deadline_s).",
        )
    if not wire.guarded.received_bytes:
        return ConversationFailed(
            subject,
            "the port is open, but nothing speaks on it.",
            hint="Check that it is the SSH port and that the machine is not overloaded.",
        )
    return ConversationFailed(
        subject, f"it stopped answering during {during}.", hint="Check the machine's load and its SSH server."
    )


def _told_by_socket(subject: str, wire: Wire, error: CollectorError) -> HostError:
    hint = "Check that it is the SSH port of the machine."
    return ConversationFailed(subject, f"{error.problem}{_greeting(wire.guarded)}.", hint=hint)


def _no_ssh(subject: str, sock: GuardedSocket, error: BaseException | None) -> HostError:
    if sock.greeting:
        return ConversationFailed(subject, f"what answers is no SSH server{_greeting(sock)}.", hint="Check the port.")
    return ConversationFailed(
        subject,
        f"the connection was closed before the SSH server said anything ({_why(error)}).",
        hint="The server may be overloaded (MaxStartups) or refuse this address (hosts.deny, fail2ban).",
    )


def _greeting(sock: GuardedSocket) -> str:
    first = _printable(sock.greeting.decode(errors="replace").split("\n")[0])[:80]
    return f"; it said {first!r}" if first else ""


def _why(error: BaseException | None) -> str:
    if isinstance(error, OSError):
        return {"ECONNRESET": "connection reset", "EPIPE": "connection closed"}.get(errno_name(error), str(error))
    if error is None or isinstance(error, EOFError):
        return "connection closed"
    return _printable(str(error)) or type(error).__name__


def _incompatible(subject: str, wire: Wire, error: BaseException | None) -> NotSupported:
    """Say which old algorithms stand in the way."""
    lists = (
        ("key exchange", "kex_algo_list"),
        ("host key", "server_key_algo_list"),
        ("cipher", "server_encrypt_algo_list"),
    )
    ours = {"key exchange": wire.preferred_kex, "host key": wire.preferred_keys, "cipher": wire.preferred_ciphers}
    lacking = [
        f"{what} ({', '.join(name for name in offered if not name.startswith(('ext-info-', 'kex-strict-')))})"
        for what, key in lists
        if (offered := wire.offered.get(key, [])) and not set(offered) & set(ours[what])
    ]
    server = _printable(wire.remote_version)
    problem = f"its SSH server ({server}) offers no algorithm we accept"
    problem += f" for {' and '.join(lacking)}: " if lacking else f" ({_why(error)}): "
    if any(_BROKEN.search(text) for text in lacking):
        return NotSupported(
            subject,
            problem + "it speaks only SHA-1, ssh-rsa or DSA there, which are broken and which auditor refuses.",
            hint="Update the SSH server or the appliance's firmware (OpenSSH 7.2 or newer).",
        )
    return NotSupported(
        subject, problem + "auditor speaks none of these.", hint="Allow a common algorithm in its sshd_config."
    )
