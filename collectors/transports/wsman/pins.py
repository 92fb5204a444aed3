"""Certificates accepted on a first visit: a file of fingerprints, one line per host and port.

Such a line reads `srv1.example:5986 sha256:8f3c… 2026-11-22`; the date is that of the first visit.
"""

import logging
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from collectors.transports.files import append_line, exclusive

LOG = logging.getLogger(__name__)
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """One line: `place` ("host:port", lower case), `fingerprint` ("sha256:" and hex), `where` ("path:line")."""

    place: str
    fingerprint: str
    where: str


_files: dict[Path, tuple[tuple[int, int, int], dict[str, list[Pin]]]] = {}
_lock = threading.RLock()


def pinned(path: Path | None, place: str) -> list[Pin]:
    """Lines about this host and port, none without a file. Raises `OSError` when the file cannot be read."""
    if path is None:
        return []
    with _lock:
        try:
            status = path.stat()
        except FileNotFoundError:
            return []
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = _files.get(path)
        if known is None or known[0] != signature:
            known = _files[path] = (signature, _parse(path))
        return known[1].get(place.lower(), [])


def _parse(path: Path) -> dict[str, list[Pin]]:
    pins: dict[str, list[Pin]] = {}
    for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        place = fields[0].lower()
        # Certificate viewers write colons between the bytes and capital letters.
        kind, _, digits = (fields[1] if len(fields) > 1 else "").lower().partition(":")
        fingerprint = f"{kind}:{digits.replace(':', '')}"
        if not _FINGERPRINT.fullmatch(fingerprint):
            LOG.warning("%s:%d: not a line of pinned certificates; it trusts nothing", path, number)
            fingerprint = ""
        pins.setdefault(place, []).append(Pin(place, fingerprint, f"{path}:{number}"))
    return pins


def pin(path: Path, place: str, fingerprint: str) -> list[Pin]:
    """Add a line for a host that has none; answers the lines it has by now when someone was quicker.

    Raises `OSError` when the file cannot be written.
    """
    with _lock, exclusive(path) as file:
        already = pinned(path, place)
        if already:
            return already
        append_line(file, f"{place.lower()} {fingerprint} {datetime.now(UTC).date().isoformat()}\n".encode())
    LOG.info("new certificate of %s pinned in %s: %s", place, path, fingerprint)
    return []


def forget() -> None:
    """Drop what was read, so that the next look-up reads the files again."""
    with _lock:
        _files.clear()
