"""What is run, and when: the same for every scheduler."""

import hashlib
import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path

from auditor.errors import SettingsError

LAST = 0  # `Schedule.day` for the last day of the month
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LATEST_DAY = 28  # the last one every month has
_SLUG_LIMIT = 40
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLACES = ("AUDITOR_HOME", "AUDITOR_PROVIDER", "XDG_DATA_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")  # in capitals or not, as everywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One command at one time, in the local time of the machine that runs it.

    `name` tells schedules of one machine apart ("auditor-boulangerie-martin"). `command` is program and arguments, each
    as it is. `day` is a day of the month (1 to 28, `LAST` for the last), or `weekday` one of `WEEKDAYS` for every week.
    `spread_minutes` is the longest random delay, so that many schedules do not start at once. `environment` is set for
    the run, `environment_file` names a file of NAME=value lines that is read then and never copied. `working_folder` is
    where the command runs.
    """

    name: str
    description: str
    command: tuple[str, ...]
    at: time
    working_folder: Path
    day: int = 1
    weekday: str = ""
    spread_minutes: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what no scheduler could run. Raises SettingsError."""
        if not 0 <= self.day <= _LATEST_DAY:
            hint = "Name a day from 1 to 28, which every month has, or `last`."
            raise SettingsError("--day", f"not every month has a day {self.day}.", hint=hint)
        if self.weekday and self.weekday not in WEEKDAYS:
            raise SettingsError("--weekday", f"{self.weekday!r} is not one of {', '.join(WEEKDAYS)}.")
        for text in (*self.command, *self.environment.values(), str(self.working_folder)):
            if _CONTROL.search(text):
                raise SettingsError("schedule", f"a control character in {text!r}: no scheduler can be given it.")

    @property
    def clock(self) -> str:
        """Time of day as "06:00"."""
        return f"{self.at:%H:%M}"


def schedule_name(folder: Path, *others: Path) -> str:
    """A name every scheduler accepts, for the schedule of absolute folders: ASCII letters, digits and hyphens.

    Folders of one name in different places have different names, and so has one client alone and together with others:
    one schedule must not take the place of the other unseen.
    """
    plain = unicodedata.normalize("NFKD", folder.name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_SLUG_LIMIT].rstrip("-")
    digest = hashlib.sha256(b"\0".join(os.fsencode(one) for one in (folder, *sorted(others)))).hexdigest()
    return f"auditor-{slug or 'client'}-{digest[:4]}"


def auditor_command() -> tuple[str, ...]:
    """How this auditor is started again, wherever the current folder is: by its own interpreter, isolated (-I)."""
    return (os.path.abspath(sys.executable), "-I", "-m", "auditor")  # noqa: PTH100 - resolve() would leave the venv


def kept_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What of this shell's environment the run needs: where our files are, whom to trust, proxies. Paths absolute.

    A proxy's address with a login in it is not among them (`proxies_with_login`): a schedule is no place for secrets.
    """
    places = {name: _absolute(environment[name]) for name in _PLACES if environment.get(name)}
    return places | {name: value for name, value in _proxies(environment) if "@" not in value}


def proxies_with_login(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the variables whose proxy is addressed with a user and a password."""
    return tuple(name for name, value in _proxies(environment) if "@" in value)


def _proxies(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in environment.items() if value and name.upper() in _PROXIES)


def _absolute(text: str) -> str:
    """A path, or several as SSL_CERT_DIR has them."""
    return os.pathsep.join(str(Path(part).expanduser().absolute()) for part in text.split(os.pathsep) if part)
