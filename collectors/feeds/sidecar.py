"""What the store remembers of its downloads between runs: one JSON file beside them, and a lock while it changes."""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

_VERSION = 1


class PartState(NamedTuple):
    """What is known of one downloaded part. `url` is the one that answered, without user information."""

    name: str
    url: str
    sha256: str
    size_bytes: int
    fetched_at: datetime
    etag: str = ""
    last_modified: str = ""


class Holding(NamedTuple):
    """One feed as the store holds it: its parts on disk, the last successful refresh, why the last one failed."""

    parts: Mapping[str, PartState]
    checked_at: datetime | None = None
    error: str = ""


def digest_of(parts: Iterable[PartState]) -> str:
    """Return what `FeedState.sha256` tells of these parts. One: its sha256. Several: that of `sha256sum`'s lines."""
    digests = sorted((part.name, part.sha256) for part in parts)
    if len(digests) == 1:
        return digests[0][1]
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in digests).encode()).hexdigest()


def read_sidecar(path: Path) -> dict[str, Holding]:
    """Return the holdings by feed name; empty when there are none. A damaged file is reported and forgotten.

    Forgetting costs a full download and ages the feeds, and never makes one look fresher than it is.
    """
    try:
        document = json.loads(path.read_bytes())
        feeds = document["feeds"] if document["version"] == _VERSION else {}
        return {name: _holding(entry) for name, entry in feeds.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        import logging

        logging.getLogger(__name__).warning(
            "%s is damaged (%s) and is ignored: all feeds will be downloaded again", path, error
        )
        return {}


def _holding(entry: Mapping[str, Any]) -> Holding:
    checked = entry["checked_at"]
    checked_at = None if checked is None else datetime.fromisoformat(checked)
    if checked_at is not None and checked_at.tzinfo is None:
        raise ValueError("a time without zone")
    return Holding(
        parts={name: part_from_json(name, part) for name, part in entry["parts"].items()},
        checked_at=checked_at,
        error=str(entry["error"]),
    )


def part_from_json(name: str, part: Mapping[str, Any]) -> PartState:
    """Read one part; raises KeyError, TypeError or ValueError when it is of another shape."""
    fetched_at = datetime.fromisoformat(part["fetched_at"])
    if fetched_at.tzinfo is None or not isinstance(part["size_bytes"], int):
        raise ValueError("a time without zone or a size that is no number")
    return PartState(
        name=name,
        url=str(part["url"]),
        sha256=str(part["sha256"]),
        size_bytes=part["size_bytes"],
        fetched_at=fetched_at,
        etag=str(part["etag"]),
        last_modified=str(part["last_modified"]),
    )


def part_to_json(part: PartState) -> dict[str, str | int]:
    """Write one part as `part_from_json` reads it."""
    return {
        "url": part.url,
        "sha256": part.sha256,
        "size_bytes": part.size_bytes,
        "fetched_at": part.fetched_at.isoformat(),
        "etag": part.etag,
        "last_modified": part.last_modified,
    }


def write_sidecar(path: Path, holdings: Mapping[str, Holding]) -> None:
    """Replace the file in one step. Raises FeedError naming it when the disk refuses."""
    document = {
        "version": _VERSION,
        "feeds": {
            name: {
                "checked_at": None if held.checked_at is None else held.checked_at.isoformat(),
                "error": held.error,
                "parts": {part.name: part_to_json(part) for part in held.parts.values()},
            }
            for name, held in sorted(holdings.items())
        },
    }
    aside = path.with_name(f"{path.name}.new")
    try:
        with aside.open("w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=1))
            file.flush()
            os.fsync(file.fileno())  # a power cut must not leave an empty file under the final name
        aside.replace(path)
    except OSError as error:
        from collectors.errors import FeedError

        aside.unlink(missing_ok=True)
        raise FeedError(
            str(path), f"cannot be written: {error.strerror}.", hint="Check space and permissions."
        ) from error


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` for this process; it falls with the process.

    Raises FeedError, naming the holder, when another process has it; or when the folder is not writable.
    """
    from collectors.errors import FeedError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise FeedError(
            str(path.parent), f"the feed folder cannot be written: {error.strerror}.", hint="Check its permissions."
        ) from error
    with handle:
        try:
            _lock(handle)
        except OSError as error:
            handle.seek(0)
            holder = handle.read(40).strip() or "unknown"
            problem = f"another update of these feeds is running (process {holder})."
            raise FeedError(str(path.parent), problem, hint="Wait for it to end, then try again.") from error
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: IO[str]) -> None:
        handle.seek(1 << 20)  # beyond the text, which others must be able to read
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: IO[str]) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
