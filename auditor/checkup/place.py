"""Where a client's results go: rights and room of its folders, and its history."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from auditor.checkup.checks import Check, Section, State, say
from auditor.settings import ClientSettings

_ROOM_MB = 500
_LEAST_MB = 50
_MB = 1_000_000
_PATIENCE_S = 10.0


def place_section(settings: ClientSettings) -> Section:
    """The client's folder as the place of its history and reports; nothing is left behind in it."""
    return Section(name="place", heading=say("place"), checks=tuple(_place(settings)))


def _place(settings: ClientSettings) -> Iterator[Check]:
    refused = [folder for folder in (settings.folder, settings.reports) if not _is_writable(folder)]
    for folder in refused:
        text, todo = say("unwritable", folder=str(folder)), say("unwritable_todo", user=_user())
        yield Check(name="place.rights", state=State.FAILED, text=text, todo=todo, refuses=True)
    if not refused:
        yield Check(name="place.rights", state=State.OK, text=say("writable", folder=str(settings.folder)))
    yield from _room(settings.folder)
    yield from _history(settings.history)


def _is_writable(folder: Path) -> bool:
    """Whether a file can be made there; a folder that is not there yet is made in the one above it."""
    if not folder.exists():
        return folder.parent.exists() and _is_writable(folder.parent)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _user() -> str:
    try:
        import getpass

        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this user id; no pwd module
        return "?"


def _room(folder: Path) -> Iterator[Check]:
    try:
        free_mb = shutil.disk_usage(folder).free // _MB
    except OSError:
        return
    if free_mb < _ROOM_MB:
        least = free_mb < _LEAST_MB
        state = State.FAILED if least else State.WARNING
        text = say("room", free_mb=free_mb, folder=str(folder))
        yield Check(name="place.room", state=state, text=text, todo=say("room_todo"), refuses=least)


def _history(file: Path) -> Iterator[Check]:
    """A history is only read here: opening it as an audit does would bring it up to date."""
    if not file.exists():
        yield Check(name="place.history", state=State.NOTE, text=say("no_history"))
        return
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE_S)
        try:
            refused = _refused(file, connection)
            if refused is not None:
                yield refused
                return
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            (runs,) = connection.execute("SELECT count(*) FROM runs").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        yield Check(name="place.history", state=State.WARNING, text=f"{file}: {error}")
    except sqlite3.DatabaseError as error:
        yield _damaged(file, str(error))
    else:
        if sound == "ok":
            yield Check(name="place.history", state=State.OK, text=say("history", count=runs))
        else:
            yield _damaged(file, str(sound).splitlines()[0])


def _refused(file: Path, connection: sqlite3.Connection) -> Check | None:
    """What an audit refuses outright, as it decides it: another program's file, or one of a newer auditor."""
    from auditor.history.schema import APPLICATION_ID, FORM

    (form,) = connection.execute("PRAGMA user_version").fetchone()
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and owner != APPLICATION_ID:
        text, todo = say("history_foreign", file=str(file)), say("history_foreign_todo")
    elif form > FORM:
        text, todo = say("history_newer", file=str(file), form=form, known=FORM), say("history_newer_todo")
    else:
        return None
    return Check(name="place.history", state=State.FAILED, text=text, todo=todo, refuses=True)


def _damaged(file: Path, problem: str) -> Check:
    text = say("history_damaged", file=str(file), problem=problem)
    return Check(name="place.history", state=State.WARNING, text=text, todo=say("history_damaged_todo"))
