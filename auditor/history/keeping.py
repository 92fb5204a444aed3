"""Opening a history for a run: a damaged one is set aside, a clock that was set back is told, nothing in silence."""

import os
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from auditor.errors import HistoryDamaged, HistoryError
from auditor.history.store import Store

_ALTERNATIVES = 99
_MAGIC = b"SQLite format 3\0"
_PAGE = 4096
_SLACK = timedelta(minutes=5)


def opened_for_run(path: Path, moment: datetime) -> tuple[Store, tuple[str, ...]]:
    """Open the history a run is going to be kept in, and say what the operator has to know of it.

    A damaged file is renamed, with the date of `moment`, and a new history begins. A file that never was a history is
    refused and left alone. Raises HistoryError.
    """
    try:
        seen = path.stat()
    except OSError:
        seen = None
    try:
        store = Store(path)
        try:
            store.database.check()
            notes = _about_the_clock(store, moment)
        except BaseException:
            store.close()
            raise
    except HistoryDamaged as error:
        if not _was_ours(path):
            raise
        aside = _set_aside(path, seen, moment)
        if aside is None:
            return Store(path), ()
        note = (
            f"{path}: {error.problem} It was set aside as {aside.name}, and a new history begins with this run: "
            "earlier months are missing in its report. Restore the file from a backup if there is one."
        )
        return Store(path), (note,)
    return store, notes


def _was_ours(path: Path) -> bool:
    """Whether a file that is no sound database may be what is left of one: by its head, or by its whole pages."""
    with suppress(OSError), path.open("rb") as file:
        head, size = file.read(_PAGE), path.stat().st_size
        return head.startswith(_MAGIC) or len(set(head[:100])) == 1 or (size > _PAGE and size % _PAGE == 0)
    return True


def _about_the_clock(store: Store, moment: datetime) -> tuple[str, ...]:
    runs = store.runs()
    newest = next((run for run in runs if run.started_at > moment + _SLACK), None)
    if newest is None:
        return ()
    note = (
        f"{store.path}: run {newest.id} began on {newest.started_at:%Y-%m-%d %H:%M} UTC by this machine's clock, which "
        f"says {moment:%Y-%m-%d %H:%M} UTC now: one of them was wrong. Runs keep the order they were made in."
    )
    return (note,)


def _set_aside(path: Path, seen: os.stat_result | None, moment: datetime) -> Path | None:
    """Rename a damaged file with its journal; None where another process has done so meanwhile."""
    for number in range(1, _ALTERNATIVES):
        mark = f"-{number}" if number > 1 else ""
        aside = path.with_name(f"{path.stem}-damaged-{moment:%Y-%m-%d}{mark}{path.suffix}")
        if not aside.exists():
            break
    try:
        now = path.stat()
        if seen is not None and (now.st_dev, now.st_ino) != (seen.st_dev, seen.st_ino):
            return None
        path.rename(aside)
    except FileNotFoundError:
        return None
    except OSError as error:
        hint = "Move it aside yourself, or restore it from a backup."
        raise HistoryError(str(path), f"damaged, and cannot be set aside: {error.strerror}.", hint=hint) from None
    with suppress(OSError):
        journal = path.with_name(f"{path.name}-journal")
        journal.rename(aside.with_name(f"{aside.name}-journal"))
    return aside
