"""One audit of a client at a time: two would visit every machine twice at once and report the same month twice.

The operating system holds the lock and gives it back when the process ends, however that comes about. Where the file
system knows no locks (some network shares), or the folder cannot be written, the audit runs without.
"""

import contextlib
import errno
import logging
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from auditor.errors import SettingsError

_log = logging.getLogger(__name__)

FILE_NAME = ".auditor.lock"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # what a link leads to is not ours to write in
_HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


@contextlib.contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Hold the lock of a client's folder. Raises SettingsError while another process holds it."""
    file = folder / FILE_NAME
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
    except OSError as error:
        _log.debug("no lock on %s: %s", folder, error)
        yield
        return
    try:
        try:
            _lock(handle)
        except OSError as error:
            if error.errno in _HELD:
                hint = "Wait for it to end, or stop it."
                raise SettingsError(str(folder), f"is being audited already ({_holder(file)}).", hint=hint) from None
            _log.debug("no lock on %s: %s", folder, error)
        else:
            _sign(handle)
        yield
    finally:
        os.close(handle)


def _sign(handle: int) -> None:
    """Say who holds it, for whoever comes second; the first byte is what is locked."""
    text = f"#process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.write(handle, text.encode())


def _holder(file: Path) -> str:
    try:
        return file.read_bytes()[1:].decode() or "by another process"
    except (OSError, UnicodeDecodeError):  # on Windows a locked byte cannot be read
        return "by another process"


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
