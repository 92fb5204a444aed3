"""Put finished reports where people look for them, without ever losing one or leaving half of one.

A report is written beside its place and then moved over it, so that a reader sees the old file or the new one. When the
place is taken (open in Excel, read-only, a folder of that name), the new report gets another name beside it and the
operator is told. When nothing can be written there at all, DeliveryError says so; the run itself is in the history and
`auditor report` writes it again.
"""

import errno
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import DeliveryError

_ALTERNATIVES = 99
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_TAKEN = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.ETXTBSY, errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A report that was written; `problem` says why it is not at `wanted` ("" when it is)."""

    path: Path
    wanted: Path
    problem: str = ""


def prepare_folder(folder: Path) -> None:
    """Create `folder` and prove that a file can be written in it, before any machine is visited."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".auditor-", dir=folder)
        os.close(handle)
        Path(name).unlink()
    except OSError as error:
        hint = "Name another folder with --output, or mend its rights."
        raise DeliveryError(str(folder), f"reports cannot be written here: {error.strerror}.", hint=hint) from None


def deliver(folder: Path, name: str, content: bytes) -> Delivered:
    """Write a report into `folder` as `name`, or beside it under the next free name when that file is taken."""
    wanted = folder / name
    draft = _draft(folder, wanted, content)
    try:
        problem = _why_taken(wanted)
        if not problem:
            try:
                draft.replace(wanted)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
                problem = f"cannot be replaced ({error.strerror})"
            else:
                return Delivered(path=wanted, wanted=wanted)
        return Delivered(path=_beside(draft, wanted), wanted=wanted, problem=problem)
    except OSError as error:  # a name or a path longer than the file system takes, a folder that went away
        raise _refused(wanted, error) from None
    finally:
        draft.unlink(missing_ok=True)


def _draft(folder: Path, wanted: Path, content: bytes) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".auditor-", suffix=wanted.suffix, dir=folder)
    except OSError as error:
        raise _refused(wanted, error) from None
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o666 & ~_umask())
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _refused(wanted, error) from None
    return draft


def _refused(wanted: Path, error: OSError) -> DeliveryError:
    if error.errno in _NO_ROOM:
        return DeliveryError(str(wanted), "the disk is full, the report could not be written.", hint="Free some room.")
    return DeliveryError(
        str(wanted), f"cannot be written: {error.strerror}.", hint="Name another folder with --output."
    )


def _why_taken(wanted: Path) -> str:
    """Say why `wanted` must not be replaced: an owner file tells that an office program has it open."""
    if wanted.is_dir():
        return "is a folder"
    for lock in (wanted.with_name(f"~${wanted.name}"), wanted.with_name(f".~lock.{wanted.name}#")):
        if lock.exists():
            return f"is open in a spreadsheet program ({lock.name} stands beside it)"
    if wanted.exists() and not os.access(wanted, os.W_OK):
        return "is read-only"
    return ""


def _beside(draft: Path, wanted: Path) -> Path:
    for number in range(2, _ALTERNATIVES + 1):
        other = wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
        if other.exists() or _why_taken(other):
            continue
        try:
            draft.replace(other)
        except OSError:
            continue
        return other
    raise DeliveryError(str(wanted), "is taken, and so is every other name beside it.", hint="Tidy up that folder.")


def _umask() -> int:
    """Return the process's file mode mask (there is no way to read it but to set it)."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
