"""From a host name to a connected socket within a deadline, for every transport that dials."""

import errno
import ipaddress
import queue
import socket
import threading
import time
from typing import Any

from collectors.errors import DeadlineExceeded, HostError, Unreachable
from collectors.transports.base import ConnectionPolicy, Deadline

QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_REASONS = {
    "ECONNREFUSED": "refused the connection",
    "ECONNRESET": "reset the connection",
    "EHOSTUNREACH": "no route to it",
    "ENETUNREACH": "no route to it",
}


def dial(
    subject: str, host: str, port: int, *, policy: ConnectionPolicy, deadline: Deadline, hint: str
) -> socket.socket:
    """Connect to the first address of `host` that answers, each within the probe's timeout.

    `hint` says what to check when none does: only the caller knows which service should listen there. Raises
    `Unreachable` naming every address tried, `DeadlineExceeded` when the host's deadline ends it.
    """
    tried: list[str] = []
    for family, address in _resolve(subject, host, port, policy=policy, deadline=deadline):
        if deadline.passed:
            raise DeadlineExceeded(subject, f"the deadline passed while connecting to {place(host, port)}.")
        try:  # a machine without IPv6 refuses the socket itself; the next address may be of the other kind
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            tried.append(f"{address[0]}: {_reason(error, policy)}")
            continue
        sock.settimeout(deadline.remaining_s(policy.probe_timeout_s))
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            tried.append(f"{address[0]}: {_reason(error, policy)}")
        else:
            return sock
    if deadline.passed:
        raise DeadlineExceeded(subject, f"the deadline passed while connecting to {place(host, port)}.")
    raise Unreachable(subject, f"nothing answers on port {port} ({'; '.join(tried)}).", hint=hint)


def _reason(error: OSError, policy: ConnectionPolicy) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {policy.probe_timeout_s:g} s"
    name = errno_name(error)
    return _REASONS.get(name, error.strerror or str(error) or name)


def errno_name(error: OSError) -> str:
    """Symbol of the error number ("ECONNRESET"), "" when it has none."""
    return errno.errorcode.get(error.errno or 0, "")


def place(host: str, port: int) -> str:
    """Host and port as they are written together, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolve(
    subject: str, host: str, port: int, *, policy: ConnectionPolicy, deadline: Deadline
) -> list[tuple[int, Any]]:
    if _is_literal(host):
        try:
            return _addresses(host, port, socket.AI_NUMERICHOST)
        except OSError as error:
            raise Unreachable(subject, f"the address {host} cannot be used here ({error.strerror}).") from error
    # getaddrinfo() knows no timeout: a thread of its own may outlive the deadline, we do not.
    answer: queue.SimpleQueue[list[tuple[int, Any]] | OSError | ValueError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answer.put(_addresses(host, port, 0))
        except (OSError, ValueError) as error:  # ValueError: no name at all (a NUL inside, a label too long)
            answer.put(error)

    threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
    try:
        found = answer.get(timeout=deadline.remaining_s(policy.connect_timeout_s))
    except queue.Empty:
        problem = f"the name {host!r} could not be resolved in time."
        error_type: type[HostError] = DeadlineExceeded if deadline.passed else Unreachable
        raise error_type(subject, problem, hint="Check the DNS servers of this machine.") from None
    if isinstance(found, OSError | ValueError):
        reason = getattr(found, "strerror", None) or "not a valid name"
        raise Unreachable(
            subject, f"the name {host!r} cannot be resolved ({reason}).", hint="Check the address."
        ) from found
    return found


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _addresses(host: str, port: int, flags: int) -> list[tuple[int, Any]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]


def handshake_deadline(policy: ConnectionPolicy, deadline: Deadline) -> Deadline:
    """Until when greeting and key exchange may last: the connection timeout, within the host's deadline."""
    return Deadline(min(deadline.at, time.monotonic() + policy.connect_timeout_s))
