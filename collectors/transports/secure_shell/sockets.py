"""A socket that cannot outlive its deadline.

paramiko waits in several places without any limit. `GuardedSocket` bounds them all in one place: when its moment has
passed, the next read fails, paramiko's loop ends and wakes whoever waits. It also avoids the stall of Nagle's algorithm
against delayed acknowledgements, which costs an ordinary client 45 ms per host.
"""

import contextlib
import errno
import socket
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from collectors.errors import ConversationFailed, DeadlineExceeded
from collectors.transports.base import Deadline
from collectors.transports.sockets import QUICKACK

_READ_BYTES = 64 * 1024
_GREETING_LIMIT_BYTES = 64 * 1024


_open: "weakref.WeakSet[GuardedSocket]" = weakref.WeakSet()
_open_lock = threading.Lock()


class GuardedSocket:
    """A socket (or a paramiko channel to one) that reads ahead, sends at once and stops at a given moment.

    `expired` tells that the moment passed, `hung_up` that `hang_up_all()` ended it; `greeting` holds the first bytes
    ever received, for error messages.
    """

    def __init__(self, sock: Any, deadline: Deadline, *, limit_bytes: int, tcp: bool = True) -> None:
        self._sock = sock
        self._tcp = tcp
        self._ahead = b""
        self._limit_bytes = limit_bytes
        self._greeted = False
        self._held: list[bytes] | None = None
        self.deadline: Deadline | None = deadline
        self.expired = False
        self.received_bytes = 0
        self.greeting = b""
        self._closed = False
        self._users = 0
        self._users_lock = threading.Lock()
        self.hung_up = False
        with _open_lock:
            _open.add(self)
        if tcp:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, size: int) -> bytes:
        """Read up to `size` bytes; b"" at the end of the stream; raises once the moment passed or too much came."""
        if not self._ahead:
            self._ahead = self._read()
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def _read(self) -> bytes:
        with self._in_use():
            if self._tcp and QUICKACK is not None:
                self._sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            self._sock.settimeout(self._remaining_s())
            try:
                data: bytes = self._sock.recv(_READ_BYTES)
            except TimeoutError:
                self.expired = True
                raise DeadlineExceeded("", "no answer in time") from None
        self.received_bytes += len(data)
        if not self._greeted:
            self.greeting += data[: 200 - len(self.greeting)]
            if self.received_bytes > _GREETING_LIMIT_BYTES:
                raise ConversationFailed("", "it talks without end and is no SSH server")
        if self.received_bytes > self._limit_bytes:
            raise ConversationFailed("", "it sends more than any answer can be")
        return data

    def _remaining_s(self) -> float | None:
        if self.deadline is None:
            return None
        if self.deadline.passed:
            self.expired = True
            raise DeadlineExceeded("", "no answer in time")
        return self.deadline.remaining_s()

    def send(self, data: bytes) -> int:
        """Send, or hold back until `release()` when `hold()` was called; returns how much was taken."""
        if self._held is not None:
            self._held.append(bytes(data))
            return len(data)
        with self._in_use():
            self._sock.settimeout(self._remaining_s())
            try:
                sent: int = self._sock.send(data)
            except TimeoutError:
                self.expired = True
                raise DeadlineExceeded("", "it stopped reading") from None
        return sent

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        """Keep the file descriptor while a thread waits on it.

        Closed under a thread about to wait, its number may be given to another connection: the thread would then wait
        for that one, unwakeable, until its own deadline.
        """
        with self._users_lock:
            if self._closed:
                raise OSError(errno.EBADF, "closed on our side")
            self._users += 1
        try:
            yield
        finally:
            with self._users_lock:
                self._users -= 1
                last = not self._users
            if last and self.closed:
                self._sock.close()

    def hold(self) -> None:
        """Collect what is sent from now on, to leave in one flight."""
        self._held = []

    def release(self) -> None:
        """Send what was collected."""
        flight, self._held = b"".join(self._held or ()), None
        while flight:
            flight = flight[self.send(flight) :]

    def greeted(self) -> None:
        """The peer has shown itself to be an SSH server: the limit of the greeting no longer applies."""
        self._greeted = True

    def unlimited(self) -> None:
        """Lift the limit on what may be received: this connection carries others."""
        self._limit_bytes = sys.maxsize

    def settimeout(self, timeout: float | None) -> None:
        """Ignored: the deadline decides (paramiko sets 0.1 s to look at its own flags)."""

    def getpeername(self) -> Any:
        """Address of the peer, as the socket says it."""
        return self._sock.getpeername()

    @property
    def closed(self) -> bool:
        """Whether it was closed on our side."""
        return self._closed

    def close(self) -> None:
        """Close, waking any thread that reads; the last one to leave gives the file descriptor back."""
        with self._users_lock:
            if self._closed:
                return
            self._closed = True
            in_use = self._users > 0
        if self._tcp:
            with contextlib.suppress(OSError):  # the peer may be quicker
                self._sock.shutdown(socket.SHUT_RDWR)
        if not (self._tcp and in_use):
            self._sock.close()


def hang_up_all() -> None:
    """End every conversation under way, in whatever thread: an interrupted run does not wait for its hosts."""
    with _open_lock:  # visits under way may be opening others
        sockets = list(_open)
    for sock in sockets:
        if not sock.closed:
            sock.hung_up = True
            sock.close()
