"""What each scheduler is given, read back by the scheduler's own tools where they are installed."""

import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date, time
from pathlib import Path

import pytest

from auditor.errors import DeliveryError, SettingsError
from auditor.scheduling import cron, systemd, windows
from auditor.scheduling.schedule import LAST, Schedule, auditor_command, schedule_name
from tests.lab.task_schema import SCHEMA

TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def schedule(tmp_path, **changes):
    return replace(
        Schedule(
            name="auditor-martin-1a2b",
            description="auditor: monthly audit of Martin & Fils (50 %)",
            command=(*auditor_command(), "audit", str(tmp_path)),
            at=time(6, 0),
            working_folder=tmp_path,
        ),
        **changes,
    )


ODD = """L'été 50% $HOME; "x\""""


def odd_program(tmp_path, name=ODD):
    """A real program in a folder whose name holds everything a scheduler could trip over."""
    folder = tmp_path / name
    folder.mkdir()
    program = folder / "prog"
    program.write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done > "$(dirname "$0")/out"\n')
    program.chmod(0o755)
    return program


def need(program):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


@pytest.mark.parametrize("day", [29, 30, 31, -1])
def test_a_day_that_not_every_month_has_is_refused(tmp_path, day):
    with pytest.raises(SettingsError, match="1 to 28"):
        schedule(tmp_path, day=day)


def test_a_line_break_in_a_name_cannot_smuggle_a_second_line_in(tmp_path):
    with pytest.raises(SettingsError, match="control character"):
        schedule(tmp_path, command=("auditor", "audit", "a\nExecStart=/bin/evil"))
    assert "\n[Service]\nEvil" not in str(systemd.units(schedule(tmp_path, description="x\n[Service]\nEvil=1")))


def test_folders_of_one_name_in_two_places_have_two_schedules():
    assert schedule_name(Path("/a/Été Martin")) != schedule_name(Path("/b/Été Martin"))
    assert schedule_name(Path("/a/Été Martin")).startswith("auditor-ete-martin-")


@pytest.mark.peer
@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"day": 1}, "Tue 2026-12-01 06:00:00"),
        ({"day": 28}, "Sat 2026-11-28 06:00:00"),
        ({"day": LAST}, "Mon 2026-11-30 06:00:00"),
        ({"weekday": "tue"}, "Tue 2026-11-24 06:00:00"),
    ],
)
def test_systemd_reads_the_time_as_it_is_meant(tmp_path, changes, first):
    need("systemd-analyze")
    command = ("systemd-analyze", "calendar", "--base-time=2026-11-23", systemd.calendar(schedule(tmp_path, **changes)))
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"Next elapse: {first}" in said


@pytest.mark.peer
@pytest.mark.parametrize("name", ["Été 50%; x", ODD])
def test_systemd_finds_nothing_wrong_with_the_units_even_where_every_name_is_odd(tmp_path, name):
    need("systemd-analyze")
    program = odd_program(tmp_path, name)
    wanted = schedule(
        tmp_path,
        command=(str(program), "100%", "$HOME", 'a "b"', "c\\d", ""),
        working_folder=program.parent,
        environment={"AUDITOR_HOME": str(program.parent)},
        environment_file=tmp_path / "secrets.env",
        spread_minutes=30,
    )
    units = tmp_path / "units"
    systemd.install(wanted, units)
    said = subprocess.run(
        ("systemd-analyze", "verify", "--man=no", *map(str, sorted(units.iterdir()))),
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in said.stderr.splitlines() if wanted.name in line or "prog" in line]
    assert (said.returncode, ours) == (0, []), said.stderr
    broken = units / f"{wanted.name}.service"
    broken.write_text(broken.read_text().replace("/prog", "/gone").replace("/usr/bin/env", "/usr/bin/gone"))
    again = subprocess.run(("systemd-analyze", "verify", "--man=no", str(broken)), capture_output=True, check=False)
    assert again.returncode, "the check can fail: it does look for the program"


def test_a_missed_run_is_caught_up_and_findings_are_no_failure(tmp_path):
    service, timer = systemd.units(schedule(tmp_path)).values()
    assert "Persistent=true" in timer
    assert "SuccessExitStatus=1\n" in service


def test_units_are_removed_again_and_only_ours(tmp_path):
    other = tmp_path / "other.timer"
    other.write_text("")
    systemd.install(schedule(tmp_path), tmp_path)
    assert len(systemd.remove("auditor-martin-1a2b", tmp_path)) == 2
    assert other.exists()
    assert systemd.remove("auditor-martin-1a2b", tmp_path) == ()


def test_a_folder_that_cannot_be_written_is_told_with_the_way_round(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DeliveryError, match="Without --install"):
        systemd.install(schedule(tmp_path), tmp_path / "file" / "units")


def test_the_shell_that_cron_starts_sees_every_word_as_it_was_given(tmp_path):
    program = odd_program(tmp_path)
    secrets = tmp_path / "secrets.env"
    secrets.write_text("SECRET='a b'\n")
    words = ("100%", "$HOME", 'a "b"', "l'été", "c\\d", "")
    line = cron.line(
        schedule(
            tmp_path,
            command=("/usr/bin/env", str(program), *words),
            working_folder=program.parent,
            environment={"AUDITOR_HOME": "50% off"},
            environment_file=secrets,
        )
    )
    when, command = line.split(" ", 5)[:5], line.split(" ", 5)[5]
    assert when == ["0", "6", "1", "*", "*"]
    assert "%" not in command.replace(r"\%", ""), "a bare % ends cron's command"
    subprocess.run(("/bin/sh", "-c", command.replace(r"\%", "%")), check=True)  # as cron hands it over
    assert (program.parent / "out").read_text().splitlines() == list(words)


def test_cron_numbers_weekdays_from_sunday(tmp_path):
    assert cron.line(schedule(tmp_path, weekday="sun")).startswith("0 6 * * 0 ")
    assert cron.line(schedule(tmp_path, weekday="mon")).startswith("0 6 * * 1 ")


def test_cron_cannot_tell_the_last_day_of_a_month(tmp_path):
    with pytest.raises(SettingsError, match="last day"):
        cron.line(schedule(tmp_path, day=LAST))


@pytest.fixture
def crontab(tmp_path, monkeypatch):
    """A crontab program that keeps one file, with crontab(1)'s words for an empty one."""
    kept = tmp_path / "kept"
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nif [ "$1" != -l ]; then exec cat > "{kept}"; fi\n'
        f'if [ -e "{kept}" ]; then exec cat "{kept}"; fi\necho "no crontab for me" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return kept


def test_a_crontab_keeps_its_other_lines_and_one_line_per_schedule(tmp_path, crontab):
    crontab.write_text("MAILTO=me\n5 4 * * * other\n")
    cron.install(schedule(tmp_path, day=3))
    cron.install(schedule(tmp_path, day=4))
    lines = crontab.read_text().splitlines()
    assert lines[:2] == ["MAILTO=me", "5 4 * * * other"]
    assert [line for line in lines if line.startswith("0 6")] == [cron.line(schedule(tmp_path, day=4))]
    assert cron.remove("auditor-martin-1a2b")
    assert crontab.read_text() == "MAILTO=me\n5 4 * * * other\n"
    assert cron.remove("auditor-martin-1a2b") == ()


def test_the_first_line_of_an_empty_crontab(tmp_path, crontab):
    cron.install(schedule(tmp_path))
    assert cron.line(schedule(tmp_path)) in crontab.read_text()


def test_a_block_whose_end_was_deleted_by_hand_costs_no_other_line(tmp_path, crontab):
    cron.install(schedule(tmp_path))
    crontab.write_text(crontab.read_text().replace("# auditor-martin-1a2b: end\n", "1 1 * * * kept\n"))
    cron.remove("auditor-martin-1a2b")
    assert crontab.read_text() == "1 1 * * * kept\n"


@pytest.mark.peer
@pytest.mark.parametrize("changes", [{}, {"day": LAST}, {"weekday": "fri", "spread_minutes": 45}])
def test_a_windows_task_is_what_its_schema_asks_for(tmp_path, changes):
    need("xmllint")
    schema = tmp_path / "task.xsd"
    schema.write_text(SCHEMA, "utf-8")
    wanted = schedule(tmp_path, environment={"AUDITOR_HOME": "C:\\Audit & Co"}, **changes)
    file = tmp_path / "task.xml"
    content = windows.task_xml(wanted, today=date(2026, 11, 23), user="CORP\\O'Neil & Co")
    file.write_bytes(content)
    said = subprocess.run(
        ("xmllint", "--noout", "--schema", str(schema), str(file)), capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    file.write_bytes(content.decode("utf-16").replace("IgnoreNew", "Whatever").encode("utf-16"))
    assert subprocess.run(("xmllint", "--noout", "--schema", str(schema), str(file)), check=False).returncode


def test_a_windows_task_starts_late_rather_than_never_and_not_twice_at_once(tmp_path):
    content = windows.task_xml(schedule(tmp_path), today=date(2026, 11, 23))
    assert content.startswith(b"\xff\xfe"), "schtasks reads UTF-16 with its mark"
    root = ET.fromstring(content.decode("utf-16").partition("?>")[2])
    settings = root.find(f"{TASK}Settings")
    assert settings.findtext(f"{TASK}StartWhenAvailable") == "true"
    assert settings.findtext(f"{TASK}MultipleInstancesPolicy") == "IgnoreNew"
    assert root.findtext(f".//{TASK}StartBoundary") == "2026-11-23T06:00:00"


def test_a_windows_command_line_keeps_words_with_spaces_together(tmp_path):
    wanted = schedule(
        tmp_path, command=(r"C:\Program Files\auditor\python.exe", "-m", "auditor", "audit", r"D:\Clients\Été & Co")
    )
    root = ET.fromstring(windows.task_xml(wanted, today=date(2026, 11, 23)).decode("utf-16").partition("?>")[2])
    assert root.findtext(f".//{TASK}Command") == r"C:\Program Files\auditor\python.exe"
    assert root.findtext(f".//{TASK}Arguments") == r'-m auditor audit "D:\Clients\Été & Co"'


def test_what_the_task_scheduler_cannot_be_given_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="--environment-file"):
        windows.task_xml(schedule(tmp_path, environment_file=tmp_path / "x"), today=date(2026, 11, 23))


def arguments_of(wanted):
    root = ET.fromstring(windows.task_xml(wanted, today=date(2026, 11, 23)).decode("utf-16").partition("?>")[2])
    return root.findtext(f".//{TASK}Arguments")


@pytest.mark.parametrize(
    ("folder", "word"),
    [
        (r"C:\Clients\A&B", r'"C:\Clients\A&B"'),
        (r"C:\Clients\A & B", r'"C:\Clients\A & B"'),
        ("C:\\Clients\\A&B\\", r'"C:\Clients\A&B\\"'),
        (r"C:\Clients\(A)^B!;=,", r'"C:\Clients\(A)^B!;=,"'),
        (r"C:\Clients\L'Été", '"C:\\Clients\\L\'Été"'),
        (r"C:\Clients\Plain", r"C:\Clients\Plain"),
    ],
)
def test_where_cmd_sets_variables_it_cuts_no_client_at_a_character_of_its_own(tmp_path, folder, word):
    """C:\\Clients\\A&B is one folder: cmd must not audit C:\\Clients\\A and then start B."""
    wanted = schedule(
        tmp_path, command=(r"C:\auditor.exe", "audit", folder), environment={"HTTPS_PROXY": "http://proxy:3128/?a&b"}
    )
    begin, line = arguments_of(wanted)[:-1].split('"', 1)
    assert begin == "/d /v:off /s /c ", "/s takes off the first and the last quote, and no other"
    assert line == f'set "HTTPS_PROXY=http://proxy:3128/?a&b" && C:\\auditor.exe audit {word}'
    outside = "".join(line.split('"')[::2])
    assert outside.count("&") == 2, "the only ones cmd acts on are ours"
    assert not set(outside) & set("|<>^()!")


@pytest.mark.parametrize(("name", "text"), [("NO_PROXY", "fe80::1%eth0"), ("HTTP_PROXY", 'a" & calc & "b')])
def test_a_variable_that_cmd_cannot_be_given_is_named_with_its_cure(tmp_path, name, text):
    with pytest.raises(SettingsError, match=f"{name}: cmd.exe cannot be given the") as refused:
        windows.task_xml(schedule(tmp_path, environment={name: text}), today=date(2026, 11, 23))
    assert f"Define {name} for the user whose task it is (setx)" in str(refused.value.lines())


def test_a_folder_that_cmd_cannot_be_given_is_refused_where_cmd_is_needed(tmp_path):
    command = (r"C:\auditor.exe", "audit", r"C:\50%TEMP%")
    with pytest.raises(SettingsError, match="cannot be given the %") as refused:
        windows.task_xml(
            schedule(tmp_path, command=command, environment={"NO_PROXY": "localhost"}), today=date(2026, 11, 23)
        )
    assert "Use a path without it" in str(refused.value.lines())
    assert arguments_of(schedule(tmp_path, command=command)) == r"audit C:\50%TEMP%", "without cmd nothing reads it"
