"""A line of a crontab. cron does not catch up a run missed while the machine was off: systemd and Windows do.

Source: crontab(5). The line stands between two marks in the user's crontab, so that it can be renewed and removed.
"""

import shlex
import shutil
import subprocess

from auditor.errors import DeliveryError, SettingsError
from auditor.scheduling.schedule import LAST, WEEKDAYS, Schedule


def line(schedule: Schedule) -> str:
    """One crontab line, run by /bin/sh. Raises SettingsError for what cron cannot tell: the last day of a month."""
    if not schedule.weekday and schedule.day == LAST:
        raise SettingsError("--day", "cron cannot tell the last day of a month.", hint="Name a day from 1 to 28.")
    day = "*" if schedule.weekday else str(schedule.day)
    weekday = str((WEEKDAYS.index(schedule.weekday) + 1) % 7) if schedule.weekday else "*"
    when = f"{schedule.at.minute} {schedule.at.hour} {day} * {weekday}"
    parts = [f"cd {shlex.quote(str(schedule.working_folder))}"]
    if schedule.environment_file is not None:
        parts.append(f"set -a && . {shlex.quote(str(schedule.environment_file))} && set +a")
    if schedule.spread_minutes:
        parts.append(f"sleep $(awk 'BEGIN {{ srand(); print int(rand() * {schedule.spread_minutes * 60}) }}')")
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in sorted(schedule.environment.items()))
    parts.append(variables + shlex.join(schedule.command))
    return f"{when} {' && '.join(parts)}".replace("%", r"\%")  # an unescaped % ends the command


def install(schedule: Schedule) -> tuple[str, ...]:
    """Put the line into the user's crontab, in place of an older one of that name. Raises DeliveryError."""
    wanted = (*_without(_crontab(), schedule.name), _begin(schedule.name), line(schedule), _end(schedule.name))
    _replace(wanted)
    return (f"in the crontab of this user: {schedule.name}",)


def remove(name: str) -> tuple[str, ...]:
    """Take the line out of the user's crontab; empty where there was none. Raises DeliveryError."""
    before = _crontab()
    after = _without(before, name)
    if after == before:
        return ()
    _replace(after)
    return (f"removed from the crontab: {name}",)


def _begin(name: str) -> str:
    return f"# {name}: begin (written by auditor schedule)"


def _end(name: str) -> str:
    return f"# {name}: end"


def _without(lines: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The lines without a block of ours; a block whose end was deleted by hand costs its own line only."""
    kept: list[str] = []
    place = 0
    while place < len(lines):
        if lines[place] != _begin(name):
            kept.append(lines[place])
            place += 1
            continue
        place += 3 if lines[place + 2 : place + 3] == (_end(name),) else 2
    return tuple(kept)


def _crontab() -> tuple[str, ...]:
    if shutil.which("crontab") is None:
        hint = "Without --install the line is printed, to be put where it belongs."
        raise DeliveryError("crontab", "cron is not installed on this machine.", hint=hint)
    done = subprocess.run(("crontab", "-l"), capture_output=True, text=True, check=False)
    if done.returncode and "no crontab" not in done.stderr.lower():
        raise DeliveryError("crontab -l", f"failed: {done.stderr.strip() or done.returncode}.")
    return tuple(done.stdout.splitlines())


def _replace(lines: tuple[str, ...]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(("crontab", "-"), input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeliveryError("crontab -", f"failed: {done.stderr.strip() or done.returncode}.")
