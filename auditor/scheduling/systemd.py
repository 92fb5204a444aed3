"""A systemd service and its timer. The timer is persistent: a run missed while the machine was off is caught up.

Sources: systemd.service(5), systemd.timer(5), systemd.time(7), systemd.syntax(7).
"""

import os
import shutil
import subprocess
from pathlib import Path

from auditor.errors import DeliveryError
from auditor.exits import Exit
from auditor.scheduling.schedule import LAST, Schedule

_REFUSED = frozenset("'\"\\$")
_DAY_LIMIT = "infinity"  # a large estate takes its time; the audit has deadlines of its own


def calendar(schedule: Schedule) -> str:
    """The OnCalendar expression: "*-*-01 06:00:00", "*-*~01 06:00:00" for the last day, "Mon *-*-* 06:00:00"."""
    if schedule.weekday:
        return f"{schedule.weekday.capitalize()} *-*-* {schedule.clock}:00"
    day = "~01" if schedule.day == LAST else f"-{schedule.day:02d}"
    return f"*-*{day} {schedule.clock}:00"


def units(schedule: Schedule) -> dict[str, str]:
    """File names and contents of service and timer. Findings (exit code 1) are a result, not a failure of the unit."""
    service = [
        "[Unit]",
        f"Description={_text(schedule.description)}",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={' '.join(_word(part) for part in _started(schedule.command))}",
        f"WorkingDirectory={_path(schedule.working_folder)}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in sorted(schedule.environment.items())),
        *([f"EnvironmentFile={_path(schedule.environment_file)}"] if schedule.environment_file else []),
        f"SuccessExitStatus={int(Exit.FINDINGS)}",
        f"TimeoutStartSec={_DAY_LIMIT}",
        "Nice=10",
    ]
    timer = [
        "[Unit]",
        f"Description={_text(schedule.description)}",
        "",
        "[Timer]",
        f"OnCalendar={calendar(schedule)}",
        "Persistent=true",
        *([f"RandomizedDelaySec={schedule.spread_minutes}min"] if schedule.spread_minutes else []),
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return {f"{schedule.name}.service": "\n".join(service) + "\n", f"{schedule.name}.timer": "\n".join(timer) + "\n"}


def folder() -> Path:
    """Where units go: the system's for root, else the user's own."""
    if _is_root():
        return Path("/etc/systemd/system")
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user"


def install(schedule: Schedule, into: Path | None = None) -> tuple[str, ...]:
    """Write the units, and start the timer where systemd runs; what was done, line by line. Raises DeliveryError."""
    where = into or folder()
    done = []
    try:
        where.mkdir(parents=True, exist_ok=True)
        for name, text in units(schedule).items():
            (where / name).write_text(text, "utf-8")
            done.append(f"written: {where / name}")
    except OSError as error:
        hint = "Without --install the units are printed, to be put in place by hand."
        raise DeliveryError(str(where), f"units cannot be written: {error.strerror}.", hint=hint) from None
    timer = f"{schedule.name}.timer"
    if into is not None or not _running():
        scope = "" if _is_root() else "--user "
        done.append(f"to start it: systemctl {scope}daemon-reload && systemctl {scope}enable --now {timer}")
        return tuple(done)
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", timer)
    done.append(f"started: {timer}")
    if not _is_root():
        done.append("it runs while you are logged in; for good: loginctl enable-linger")
    return tuple(done)


def remove(name: str, out_of: Path | None = None) -> tuple[str, ...]:
    """Stop the timer and remove both units; empty where there were none. Raises DeliveryError."""
    where = out_of or folder()
    files = [file for file in (where / f"{name}.timer", where / f"{name}.service") if file.exists()]
    if files and out_of is None and _running():
        _systemctl("disable", "--now", f"{name}.timer")
    try:
        for file in files:
            file.unlink()
    except OSError as error:
        raise DeliveryError(str(where), f"units cannot be removed: {error.strerror}.") from None
    if files and out_of is None and _running():
        _systemctl("daemon-reload")
    return tuple(f"removed: {file}" for file in files)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _running() -> bool:
    """Whether systemd is this machine's init (sd_booted(3)) and can be talked to."""
    return Path("/run/systemd/system").is_dir() and shutil.which("systemctl") is not None


def _systemctl(*arguments: str) -> None:
    scope = () if _is_root() else ("--user",)
    done = subprocess.run(("systemctl", *scope, *arguments), capture_output=True, text=True, check=False)
    if done.returncode:
        command = " ".join(("systemctl", *scope, *arguments))
        raise DeliveryError(command, f"failed: {done.stderr.strip() or done.returncode}.")


def _started(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command, by env(1) where systemd refuses the name of the program itself: quotes, backslash, dollar."""
    return ("/usr/bin/env", *command) if _REFUSED & set(command[0]) else command


def _text(text: str) -> str:
    """A description on one line; % starts a specifier."""
    return " ".join(text.split()).replace("%", "%%").rstrip("\\")


def _path(path: Path) -> str:
    """A path of a setting that takes one word as it is: only specifiers are read in it."""
    return str(path).replace("%", "%%")


def _quoted(text: str) -> str:
    """A word for a setting that splits at spaces: quoted, with specifiers and escapes disarmed."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _word(text: str) -> str:
    """A word of ExecStart, where $ means a variable too."""
    escaped = _quoted(text).replace("$", "$$")
    return escaped if escaped[1:-1] != text or not text or _needs_quotes(text) else text


def _needs_quotes(text: str) -> bool:
    return any(character.isspace() or character in "'\";" for character in text)
