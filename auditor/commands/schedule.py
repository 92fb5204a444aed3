"""`auditor schedule`: let the machine's own scheduler run the audit every month or week."""

import os
import sys
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.commands.options import ANY_PATH, FILE, FOLDER
from auditor.errors import SettingsError
from auditor.exits import Exit
from auditor.progress import printable

if TYPE_CHECKING:
    from auditor.scheduling.schedule import Schedule

_KINDS = ("systemd", "cron", "windows")


@click.command(name="schedule", short_help="Run audits every month by systemd, cron or Windows.")
@click.argument("client_paths", metavar="[CLIENT]...", type=ANY_PATH, nargs=-1)
@click.option("--all", "all_folder", type=FOLDER, metavar="DIR", help="Audit every client folder in DIR, in one run.")
@click.option("--monthly", "rhythm", flag_value="monthly", default=True, help="Once a month (the default).")
@click.option("--weekly", "rhythm", flag_value="weekly", help="Once a week.")
@click.option("--day", metavar="DAY", help="Day of the month, 1 to 28, or `last` (default: 1).")
@click.option("--weekday", metavar="DAY", help="With --weekly: mon, tue, ... (default: mon).")
@click.option("--at", "clock", default="06:00", metavar="HH:MM", help="Local time of day (default: 06:00).")
@click.option("--spread", type=click.IntRange(0, 720), default=0, metavar="MINUTES", help="Longest random delay.")
@click.option("--kind", type=click.Choice(_KINDS), help="Which scheduler (default: this machine's).")
@click.option("--mail", is_flag=True, help="Send the reports by e-mail, as the client files say.")
@click.option(
    "--update-feeds/--no-update-feeds", default=True, help="Renew the advisory feeds in each run (default: yes)."
)
@click.option("--environment-file", type=FILE, help="Lines NAME=value that secrets of the form env:NAME are read from.")
@click.option("--install", "wish", flag_value="install", help="Install it for this user (as root: for the system).")
@click.option("--remove", "wish", flag_value="remove", help="Remove what --install installed.")
def command(**options: Any) -> int:
    """Run audits every month by the machine's own scheduler.

    Prints a systemd timer (a missed run is caught up), a crontab line, or the XML of a Windows task; with --install it
    is put in place. The client files are checked first: a scheduled run cannot answer a question.
    """
    from auditor.scheduling.schedule import schedule_name

    kind = options["kind"] or ("windows" if sys.platform == "win32" else "systemd" if _has_systemd() else "cron")
    folders = _folders(options["client_paths"], options["all_folder"])
    name = schedule_name(*folders)
    if options["wish"] == "remove":
        return _remove(kind, name)
    schedule = _schedule(name, folders, options, kind)
    if options["wish"] == "install":
        for line in _install(kind, schedule):
            click.echo(line)
    else:
        _print(kind, schedule)
    return Exit.COMPLIANT


def _has_systemd() -> bool:
    return Path("/run/systemd/system").is_dir()


def _folders(client_paths: tuple[Path, ...], all_folder: Path | None) -> list[Path]:
    """The folders the schedule is about, absolute: it runs from elsewhere."""
    from auditor.config import client_file

    if (all_folder is None) == (not client_paths):
        hint = "Example: auditor schedule clients/martin --monthly --day 1 --at 06:00"
        raise SettingsError("schedule", "name client folders, or --all with the folder that holds them.", hint=hint)
    if all_folder is not None:
        return [all_folder.absolute()]
    return [client_file(path).parent.absolute() for path in client_paths]


def _schedule(name: str, folders: list[Path], options: dict[str, Any], kind: str) -> "Schedule":
    from auditor.clients import client_folders
    from auditor.scheduling.schedule import LAST, Schedule, auditor_command, kept_environment, proxies_with_login
    from auditor.scheduling.unattended import named_in

    file = options["environment_file"]
    all_folder = options["all_folder"]
    clients = folders if all_folder is None else client_folders(all_folder)
    given = frozenset[str]() if file is None else named_in(file)
    where = f"put it into {file or 'a file for --environment-file'}"
    if kind == "windows":  # the Task Scheduler reads no such file
        where = "define it for the user whose task it is (setx)"
    _check(clients, given, where, mailed=options["mail"])
    for variable in proxies_with_login(os.environ):
        if variable not in given:
            note = f"Note: {variable} holds a proxy with its password, which no schedule is given: {where}."
            click.echo(note, err=True)
    flags = [*(["--update-feeds"] if options["update_feeds"] else []), *(["--mail"] if options["mail"] else [])]
    what = ["--all", str(folders[0])] if all_folder is not None else [str(folder) for folder in folders]
    weekly = options["rhythm"] == "weekly"
    day, weekday = _when(options["day"], options["weekday"], weekly=weekly)
    return Schedule(
        name=name,
        description=f"auditor: {'weekly' if weekly else 'monthly'} audit of {', '.join(one.name for one in folders)}",
        command=(*auditor_command(), "audit", *what, *flags),
        at=_time(options["clock"]),
        working_folder=folders[0] if all_folder is not None else folders[0].parent,
        day=LAST if day.casefold() == "last" else _day(day),
        weekday=weekday.lower()[:3] if weekly else "",
        spread_minutes=options["spread"],
        environment={name: text for name, text in kept_environment(os.environ).items() if name not in given},
        environment_file=None if file is None else file.absolute(),
    )


def _when(day: str | None, weekday: str | None, *, weekly: bool) -> tuple[str, str]:
    """The day of the month and of the week; one that the rhythm would not heed is a misunderstanding, and refused."""
    if weekday and not weekly:
        raise SettingsError("--weekday", "it goes with --weekly.", hint="Add --weekly, or name a --day of the month.")
    if day and weekly:
        raise SettingsError("--day", "a weekly audit has no day of the month.", hint="Name a --weekday: mon, tue, ...")
    return day or "1", weekday or "mon"


def _check(clients: list[Path], given: frozenset[str], where: str, *, mailed: bool) -> None:
    """Read every client file now, and say what the run will have to find: variables, and more than an ssh-agent.

    `given` are the variables it has, `where` says what to do about others.
    """
    from auditor.config import load
    from auditor.scheduling.unattended import check_unattended
    from reports.texts import languages

    for client in clients:
        needs = check_unattended(load(client, languages=languages()), mailed=mailed)
        for name in needs.variables:
            if name not in given:
                click.echo(printable(f"Note: {client}: the run needs the variable {name}: {where}."), err=True)
        if needs.agents:
            told = f"Note: {client}: a scheduled run has no ssh-agent, the only way to log in of the credential "
            told += f"{', '.join(needs.agents)}: name a key_file or a password, or its machines are not audited."
            click.echo(printable(told), err=True)


def _time(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - the local time of whatever machine runs it
    except ValueError:
        raise SettingsError("--at", f"{text!r} is no time of day.", hint="Write it as 06:00.") from None


def _day(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise SettingsError("--day", f"{text!r} is no day of a month.", hint="Name a day from 1 to 28, or `last`.")
    return int(text)


def _print(kind: str, schedule: "Schedule") -> None:
    from auditor.scheduling import cron, systemd, windows

    if kind == "systemd":
        for name, text in systemd.units(schedule).items():
            click.echo(f"# {systemd.folder() / name}\n{text}")
        click.echo("# Put in place and started by the same command with --install.")
    elif kind == "cron":
        click.echo(cron.line(schedule))
    else:
        click.echo(windows.task_xml(schedule, today=_today()).decode("utf-16").replace("\r\n", "\n"), nl=False)
        hint = (
            f"Save it as {schedule.name}.xml (UTF-16), then: {windows.import_command(schedule, schedule.name + '.xml')}"
        )
        click.echo(hint, err=True)


def _install(kind: str, schedule: "Schedule") -> tuple[str, ...]:
    from auditor.scheduling import cron, systemd, windows

    if kind == "systemd":
        return systemd.install(schedule)
    if kind == "cron":
        return cron.install(schedule)
    _check_on_windows()
    return windows.install(schedule, today=_today(), user=_windows_user())


def _remove(kind: str, name: str) -> int:
    from auditor.scheduling import cron, systemd, windows

    if kind == "windows":
        _check_on_windows()
        lines = windows.remove(name)
    else:
        lines = systemd.remove(name) if kind == "systemd" else cron.remove(name)
    if not lines:
        raise SettingsError(name, "no such schedule is installed here.")
    for line in lines:
        click.echo(line)
    return Exit.COMPLIANT


def _check_on_windows() -> None:
    if sys.platform != "win32":
        hint = "Without --install its XML is printed, to be imported there with schtasks."
        raise SettingsError("--kind", "a Windows task can be installed on Windows only.", hint=hint)


def _windows_user() -> str:
    domain, user = os.environ.get("USERDOMAIN", ""), os.environ.get("USERNAME", "")
    return f"{domain}\\{user}" if domain else user


def _today() -> date:
    return datetime.now().astimezone().date()
