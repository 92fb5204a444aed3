"""One TCP connection, in TLS or not, that cannot outlive its deadline and can be ended from another thread."""

import contextlib
import socket
import ssl
import threading
from typing import Any

from collectors.errors import ConversationFailed, DeadlineExceeded, HostError
from collectors.transports.base import Deadline
from collectors.transports.sockets import QUICKACK, errno_name

_READ_BYTES = 64 * 1024
_open: "set[Connection]" = set()
_open_lock = threading.Lock()
_stops = 0


class Connection:
    """A connected socket whose every wait ends at `limit`; its errors say `during` what it ended.

    `host_deadline` is when the whole visit ends; `limit` may be nearer (while connecting and logging in). The thread
    that opened it is the only one to send, receive and close; `hang_up_all()` of another one only wakes it. `since` is
    what `stops()` was when the visit began: one that was still connecting when all were ended does not begin after it
    (None: it does, for what remains to be tidied up).
    """

    def __init__(
        self,
        subject: str,
        sock: socket.socket,
        *,
        limit: Deadline,
        host_deadline: Deadline,
        since: int | None = None,
    ) -> None:
        self.subject = subject
        self.limit = limit
        self.host_deadline = host_deadline
        self.during = "the first request"
        self.received_bytes = 0
        self.hung_up = False
        self._sock: Any = sock
        self._closed = False
        self._lock = threading.Lock()
        with contextlib.suppress(OSError):  # some systems refuse it once the peer has hung up; the first word will tell
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with _open_lock:
            _open.add(self)
            too_late = since is not None and since != _stops
        if too_late:
            self.hang_up()

    def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Put TLS on top. Raises `ssl.SSLError` as it is: the caller knows the words; a broken connection is ours."""
        self.during = "the TLS handshake"
        try:
            with self._lock:
                self._sock = context.wrap_socket(self._sock, server_hostname=server_name, do_handshake_on_connect=False)
            self._sock.settimeout(self._remaining_s())
            self._sock.do_handshake()
        except TimeoutError:
            raise self._late() from None
        except ssl.SSLError:
            if self.hung_up:
                raise self._broken("closed on our side") from None
            raise
        except (OSError, ValueError) as error:  # ValueError: hung up in between, or a name TLS cannot carry
            raise self._broken(error) from None

    @property
    def certificate(self) -> bytes:
        """The server's certificate in DER, b"" without TLS."""
        der: bytes | None = self._sock.getpeercert(binary_form=True) if isinstance(self._sock, ssl.SSLSocket) else None
        return der or b""

    def send(self, data: bytes) -> None:
        """Send everything, or raise a `HostError`."""
        view = memoryview(data)
        try:
            while view:
                self._sock.settimeout(self._remaining_s())
                view = view[self._sock.send(view) :]
        except TimeoutError:
            raise self._late() from None
        except (OSError, ValueError) as error:
            raise self._broken(error) from None

    def receive(self) -> bytes:
        """What has come, b"" at the end of the stream; raises a `HostError` when nothing did in time."""
        try:
            if QUICKACK is not None:
                self._sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            self._sock.settimeout(self._remaining_s())
            data: bytes = self._sock.recv(_READ_BYTES)
        except TimeoutError:
            raise self._late() from None
        except (OSError, ValueError) as error:
            raise self._broken(error) from None
        if self.hung_up:
            raise self._broken("closed on our side")
        self.received_bytes += len(data)
        return data

    def _remaining_s(self) -> float:
        if self.limit.passed:
            raise TimeoutError
        return self.limit.remaining_s()

    def _late(self) -> HostError:
        if self.host_deadline.passed:
            return DeadlineExceeded(
                self.subject,
                f"the deadline of the host passed during {self.during}.",
                hint="Check the machine's load, or give it more time (--deadline, host_deadline_s).",
            )
        if not self.received_bytes:
            return ConversationFailed(
                self.subject,
                "the port is open, but nothing speaks on it.",
                hint="Check that it is the port of WinRM and that the machine is not overloaded.",
            )
        return ConversationFailed(
            self.subject, f"it stopped answering during {self.during}.", hint="Check the machine's load."
        )

    def _broken(self, error: Exception | str) -> HostError:
        if self.hung_up:
            return ConversationFailed(self.subject, f"the visit was stopped during {self.during}.")
        return self.lost(_why(error))

    def lost(self, why: str) -> ConversationFailed:
        """Word for a connection that ended too early."""
        return ConversationFailed(
            self.subject,
            f"the connection broke during {self.during} ({why}).",
            hint="Try again; see the event log Microsoft-Windows-WinRM/Operational on the machine.",
        )

    def close(self) -> None:
        """Give the socket back; may be called again."""
        with _open_lock:
            _open.discard(self)
        with self._lock:
            if not self._closed:
                self._closed = True
                self._sock.close()

    def hang_up(self) -> None:
        """Wake the thread that waits on it, which then closes it; for any thread."""
        with self._lock:
            if self._closed:
                return
            self.hung_up = True
            with contextlib.suppress(OSError):  # the peer may be quicker
                # Not SSLSocket's own, which takes TLS away under the thread that reads.
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)


def _why(error: Exception | str) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, OSError):
        return {"ECONNRESET": "reset", "EPIPE": "closed"}.get(errno_name(error), error.strerror or str(error))
    return str(error)


def stops() -> int:
    """How often `hang_up_all()` was called so far."""
    return _stops


def hang_up_all() -> None:
    """End every conversation under way, in whatever thread, and those that visits under way are about to begin."""
    global _stops  # noqa: PLW0603  one count for the process, as there is one set of connections
    with _open_lock:  # visits under way may be opening others
        _stops += 1
        connections = list(_open)
    for connection in connections:
        connection.hang_up()
