"""Whether a schedule of this machine runs a client's audits by itself, and whether such a run could."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from auditor.checkup.checks import Check, Section, State, say
from auditor.settings import ClientSettings
from auditor.suggested import typed

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A schedule that is written on this machine; `cure` is the command that starts it, "" where it runs."""

    name: str
    cure: str = ""


def schedule_section(settings: ClientSettings) -> Section:
    """Whether this machine runs the client's audits by itself, and whether such a run could."""
    return Section(name="schedule", heading=say("schedule"), checks=tuple(_schedule(settings)))


def _schedule(settings: ClientSettings) -> Iterator[Check]:
    from auditor.scheduling.unattended import needs_of

    found = list(found_schedules(settings.folder.absolute()))
    for one in found:
        if one.cure:
            text = say("schedule_idle", name=one.name)
            yield Check(name="schedule.installed", state=State.WARNING, text=text, todo=one.cure)
        else:
            yield Check(name="schedule.installed", state=State.OK, text=say("scheduled", name=one.name))
    if not found:
        todo = typed("auditor", "schedule", settings.folder, "--install")
        yield Check(name="schedule.installed", state=State.NOTE, text=say("no_schedule"), todo=todo)
    needs = needs_of(settings)
    questions = needs.questions
    if found and needs.agents:
        text = say("scheduled_agents", names=", ".join(needs.agents))
        yield Check(name="schedule.agents", state=State.WARNING, text=text, todo=say("scheduled_agents_todo"))
    if questions:
        state = State.WARNING if found else State.NOTE
        text = say("questions", references=", ".join(questions))
        yield Check(name="schedule.questions", state=state, text=text, todo=say("questions_todo"))


def found_schedules(folder: Path) -> Iterator[Found]:
    """The schedules of this machine that audit this absolute client folder: alone, with others, or by --all.

    They are known by what they run: the name of one of several clients cannot be told from one of them.
    """
    if sys.platform == "win32":
        yield from _tasks(folder)
    else:
        yield from _timers(folder)
        yield from _crontab(folder)


def _audits(words: Sequence[str], folder: Path) -> bool:
    """Whether a command is an audit of this folder."""
    if "audit" not in words:
        return False
    arguments = list(words[words.index("audit") + 1 :])
    if "--all" in arguments:
        return str(folder.parent) in arguments[arguments.index("--all") + 1 :][:1]
    return str(folder) in arguments


def _timers(folder: Path) -> Iterator[Found]:
    from auditor.scheduling import systemd

    where = systemd.folder()
    for timer in sorted(where.glob("auditor-*.timer")):
        try:
            lines = timer.with_suffix(".service").read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        if not any(_audits(_words(line), folder) for line in lines if line.startswith("ExecStart=")):
            continue
        # What `systemctl enable` makes of WantedBy=timers.target: without it nothing starts the timer at boot.
        enabled = (where / "timers.target.wants" / timer.name).is_symlink() and systemd_runs()
        scope = "" if where == Path("/etc/systemd/system") else "--user "
        cure = f"systemctl {scope}daemon-reload && systemctl {scope}enable --now {timer.name}"
        yield Found(name=timer.stem, cure="" if enabled else cure)


def systemd_runs() -> bool:
    """Whether systemd is this machine's init. Source: sd_booted(3)."""
    return Path("/run/systemd/system").is_dir()


def _words(line: str) -> list[str]:
    """The words of an ExecStart line of ours, with what is doubled there undone: %% and $$."""
    try:
        words = shlex.split(line.removeprefix("ExecStart="))
    except ValueError:
        return []
    return [word.replace("%%", "%").replace("$$", "$") for word in words]


def _crontab(folder: Path) -> Iterator[Found]:
    table = _ends_well("crontab", "-l") if shutil.which("crontab") else None
    name = ""
    for line in (table or "").splitlines():
        if line.startswith("#"):
            name = line.removeprefix("#").strip().partition(": begin")[0]
            continue
        try:
            words = shlex.split(line.replace(r"\%", "%"))
        except ValueError:
            continue
        if _audits(words, folder):
            yield Found(name=name or "crontab")


def _tasks(folder: Path) -> Iterator[Found]:
    """Tasks of the Task Scheduler by what they run: those of one client by name, others by their XML."""
    from auditor.scheduling.schedule import schedule_name

    for name in (schedule_name(folder), schedule_name(folder.parent)):
        if _ends_well("schtasks", "/Query", "/TN", name) is not None:
            yield Found(name=name)
            return
    listed = _ends_well("schtasks", "/Query", "/FO", "CSV", "/NH") or ""
    names = {line.split('"')[1].lstrip("\\") for line in listed.splitlines() if line.startswith('"\\auditor-')}
    for name in sorted(names):
        text = _ends_well("schtasks", "/Query", "/TN", name, "/XML")
        if text is not None and _task_audits(text, folder):
            yield Found(name=name)


def _task_audits(text: str, folder: Path) -> bool:
    """Whether the XML of a task of ours runs an audit that names the folder, or --all of the one above, as a word."""
    arguments = " ".join(unescape(found) for found in re.findall(r"<Arguments>(.*?)</Arguments>", text, re.DOTALL))
    if " audit " not in arguments:
        return False
    # As the writer of the task quotes them; the last word of what cmd.exe runs is followed by its closing quote.
    above, alone = (re.escape(subprocess.list2cmdline([str(path)])) for path in (folder.parent, folder))
    found = rf'(?<=--all ){above}(?=\s|"?$)|(?<!\S)(?<!--all ){alone}(?=\s|"?$)'
    return re.search(found, arguments) is not None


def _ends_well(*command: str) -> str | None:
    """What a command printed; None where it failed."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
