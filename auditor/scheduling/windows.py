"""A task of Windows' Task Scheduler, as the XML that `schtasks /Create /XML` reads (UTF-16).

It starts as soon as possible after a missed time, waits for the network, and never runs twice at once. It runs whether
or not its user is logged on, so that secrets of that user's keyring can be read: schtasks asks for the password.
Source: "Task Scheduler Schema" (Microsoft Learn), version 1.2.
"""

import subprocess
import tempfile
from datetime import date, datetime
from pathlib import Path, PureWindowsPath
from xml.sax.saxutils import escape

from auditor.errors import DeliveryError, SettingsError
from auditor.scheduling.schedule import LAST, WEEKDAYS, Schedule
from auditor.suggested import double_quoted

_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def task_xml(schedule: Schedule, *, today: date, user: str = "") -> bytes:
    """The task as UTF-16 XML. It holds from `today` on; `user` is whose rights it has ("": who imports it).

    Raises SettingsError for an environment file, which Task Scheduler does not have.
    """
    if schedule.environment_file is not None:
        hint = "Use keyring: or file: references in the client files."
        raise SettingsError("--environment-file", "the Task Scheduler reads no such file.", hint=hint)
    start = datetime.combine(today, schedule.at).isoformat()
    delay = f"<RandomDelay>PT{schedule.spread_minutes}M</RandomDelay>" if schedule.spread_minutes else ""
    whose = f"<UserId>{escape(user)}</UserId>" if user else ""
    text = f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="{_NAMESPACE}">
  <RegistrationInfo>
    <Description>{escape(schedule.description)}</Description>
  </RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>{start}</StartBoundary>
      {delay}{_when(schedule)}
    </CalendarTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      {whose}<LogonType>Password</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <ExecutionTimeLimit>P1D</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    {_action(schedule)}
  </Actions>
</Task>
"""
    return text.replace("\n", "\r\n").encode("utf-16")


def import_command(schedule: Schedule, file: str) -> str:
    """The command that imports the task; it asks for the password of the user it runs as."""
    return f'schtasks /Create /TN "{schedule.name}" /XML "{file}" /RU "%USERDOMAIN%\\%USERNAME%" /RP *'


def install(schedule: Schedule, *, today: date, user: str) -> tuple[str, ...]:
    """Import the task on this Windows machine, in place of an older one. Raises DeliveryError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{schedule.name}.xml"
        file.write_bytes(task_xml(schedule, today=today, user=user))
        _schtasks("/Create", "/F", "/TN", schedule.name, "/XML", str(file), "/RU", user, "/RP", "*")
    return (f"in the Task Scheduler: {schedule.name}, as {user}",)


def remove(name: str) -> tuple[str, ...]:
    """Delete the task of this Windows machine. Raises DeliveryError."""
    _schtasks("/Delete", "/F", "/TN", name)
    return (f"removed from the Task Scheduler: {name}",)


def _schtasks(*arguments: str) -> None:
    """Standard streams stay the terminal's: it asks for a password."""
    try:
        done = subprocess.run(("schtasks", *arguments), check=False)
    except OSError as error:
        raise DeliveryError("schtasks", f"cannot be started: {error.strerror}.") from None
    if done.returncode:
        raise DeliveryError("schtasks", f"ended with {done.returncode}; its own words stand above.")


def _when(schedule: Schedule) -> str:
    if schedule.weekday:
        day = _DAYS[WEEKDAYS.index(schedule.weekday)]
        return f"<ScheduleByWeek><WeeksInterval>1</WeeksInterval><DaysOfWeek><{day} /></DaysOfWeek></ScheduleByWeek>"
    day = "Last" if schedule.day == LAST else str(schedule.day)
    months = "".join(f"<{month} />" for month in _MONTHS)
    days = f"<DaysOfMonth><Day>{day}</Day></DaysOfMonth>"
    return f"<ScheduleByMonth>{days}<Months>{months}</Months></ScheduleByMonth>"


def _action(schedule: Schedule) -> str:
    """The program itself; through cmd.exe only where variables must be set for it.

    There every word is quoted for cmd, which would take the ampersand of a client's name for the end of the command.
    /v:off leaves exclamation marks alone whatever the registry says.
    """
    program, *arguments = schedule.command
    if schedule.environment:
        sets = [f'set "{name}={_value(name, value)}"' for name, value in sorted(schedule.environment.items())]
        line = " && ".join([*sets, " ".join(_word(word) for word in schedule.command)])
        program, rest = r"%SystemRoot%\System32\cmd.exe", f'/d /v:off /s /c "{line}"'
    else:
        rest = subprocess.list2cmdline(arguments)
    where = (
        PureWindowsPath(schedule.working_folder) if "\\" in str(schedule.working_folder) else schedule.working_folder
    )
    return (
        f"<Exec><Command>{escape(program)}</Command><Arguments>{escape(rest)}</Arguments>"
        f"<WorkingDirectory>{escape(str(where))}</WorkingDirectory></Exec>"
    )


def _word(text: str) -> str:
    """A word of the command for cmd.exe. Raises SettingsError where it cannot be said."""
    return double_quoted(_cmd("schedule", text, hint="Use a path without it."))


def _value(name: str, text: str) -> str:
    """A variable's value for cmd.exe. Raises SettingsError where it cannot be said."""
    hint = f"Define {name} for the user whose task it is (setx), and unset it in the shell this is started from."
    return _cmd(name, text, hint=hint)


def _cmd(who: str, text: str, *, hint: str) -> str:
    """Refuse what no quotes protect from cmd.exe: a percent sign names a variable, a double quote ends the quotes."""
    for sign in '%"':
        if sign in text:
            raise SettingsError(who, f"cmd.exe cannot be given the {sign} in {text!r}.", hint=hint)
    return text
