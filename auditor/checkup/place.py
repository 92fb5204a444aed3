"""Where a client's results go: rights and room of its folders, its history, and whether a schedule runs its audits."""

import os
import shutil
import sqlite3
import subprocess
import sys
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


def _damaged(file: Path, problem: str) -> Check:
    text = say("history_damaged", file=str(file), problem=problem)
    return Check(name="place.history", state=State.WARNING, text=text, todo=say("history_damaged_todo"))


def schedule_section(settings: ClientSettings) -> Section:
    """Whether this machine runs the client's audits by itself, and whether such a run could."""
    return Section(name="schedule", heading=say("schedule"), checks=tuple(_schedule(settings)))


def _schedule(settings: ClientSettings) -> Iterator[Check]:
    from auditor.scheduling.schedule import schedule_name
    from auditor.scheduling.unattended import needs_of

    folder = settings.folder.absolute()
    names = [schedule_name(folder), schedule_name(folder.parent)]
    installed = next((name for name in names if _is_installed(name)), "")
    if not installed:
        todo = f"auditor schedule {settings.folder} --install"
        yield Check(name="schedule.installed", state=State.NOTE, text=say("no_schedule"), todo=todo)
    else:
        yield Check(name="schedule.installed", state=State.OK, text=say("scheduled", name=installed))
    questions = needs_of(settings).questions
    if questions:
        state = State.WARNING if installed else State.NOTE
        text = say("questions", references=", ".join(questions))
        yield Check(name="schedule.questions", state=state, text=text, todo=say("questions_todo"))


def _is_installed(name: str) -> bool:
    """Whether one of this machine's schedulers knows the name."""
    from auditor.scheduling import systemd

    if sys.platform == "win32":
        return _ends_well("schtasks", "/Query", "/TN", name) is not None
    if (systemd.folder() / f"{name}.timer").is_file():
        return True
    table = _ends_well("crontab", "-l") if shutil.which("crontab") else None
    return table is not None and name in table


def _ends_well(*command: str) -> str | None:
    """What a command printed; None where it failed."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
