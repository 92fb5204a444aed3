"""Files of known hosts and pinned certificates: several threads and processes add lines to them."""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no advisory locks; the callers' lock between threads still holds there
    fcntl = None  # type: ignore[assignment]

_LOCK_TRIES = 100
_LOCK_PAUSE_S = 0.1


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[int]:
    """Open for reading and appending, alone among processes, made when absent (0600).

    Raises `OSError`, also when another process keeps it for ten seconds: it was stopped, or the file system is stuck.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if fcntl is not None:
            _lock(file)
        yield file
    finally:
        os.close(file)


def _lock(file: int) -> None:
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_S)
        else:
            return
    raise TimeoutError(errno.ETIMEDOUT, "another process keeps it locked")


def append_line(file: int, line: bytes) -> None:
    """Append whole or not at all, on a line of its own also where the file does not end with one."""
    size = os.fstat(file).st_size
    if size:
        os.lseek(file, size - 1, os.SEEK_SET)
        if os.read(file, 1) != b"\n":
            line = b"\n" + line
    if os.write(file, line) < len(line):  # the disk is full: half a line would be one that trusts nothing
        os.ftruncate(file, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
