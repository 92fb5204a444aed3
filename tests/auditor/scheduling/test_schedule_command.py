"""`auditor schedule` as it is typed."""

import pytest
from click.testing import CliRunner

from auditor.cli import cli, main
from auditor.clients import client_folders
from auditor.errors import SettingsError

CLIENT = """
[client]
name = "Martin"
[connection]
credential = "main"
[credentials.main]
user = "audit"
password = "{password}"
[[machines]]
name = "srv"
"""


MAIL = """
[mail]
to = ["direction@contoso.example"]
from = "rapports@msp.example"
server = "smtp.msp.example"
"""


def client(folder, password="file:secret", mail=""):
    folder.mkdir(parents=True)
    (folder / "client.toml").write_text(CLIENT.format(password=password) + mail, "utf-8")
    return folder


def run(*words):
    return CliRunner().invoke(cli, ["schedule", *map(str, words)])


def test_the_line_of_the_issue_prints_a_persistent_timer(tmp_path):
    said = run(client(tmp_path / "martin"), "--monthly", "--day", "1", "--at", "06:00", "--kind", "systemd")
    assert "OnCalendar=*-*-01 06:00:00" in said.output
    assert "Persistent=true" in said.output
    assert f"audit {tmp_path / 'martin'} --update-feeds" in said.output


def test_all_clients_of_a_folder_are_one_schedule(tmp_path):
    client(tmp_path / "a", mail=MAIL)
    client(tmp_path / "b", mail=MAIL)
    said = run("--all", tmp_path, "--weekly", "--weekday", "Tuesday", "--kind", "cron", "--mail")
    assert said.output.startswith("0 6 * * 2 ")
    assert f"audit --all {tmp_path} --update-feeds --mail" in said.output


def test_a_client_that_would_ask_for_a_password_is_refused_before_the_night_it_matters(tmp_path, capsys):
    folder = client(tmp_path / "martin", password="prompt:")
    assert main(["schedule", str(folder)]) == 2
    assert "cannot answer a question" in capsys.readouterr().err


def test_mail_without_recipients_is_refused_before_the_night_it_matters(tmp_path, capsys):
    client(tmp_path / "a", mail=MAIL)
    client(tmp_path / "b")
    words = ["schedule", "--all", str(tmp_path), "--kind", "cron"]
    assert main([*words, "--mail"]) == 2
    told = capsys.readouterr().err
    assert str(tmp_path / "b" / "client.toml") in told
    assert "nothing says who gets the report" in told
    assert main(words) == 0  # nothing is mailed: nobody has to be named


def test_variables_the_run_will_need_are_named_unless_the_file_has_them(tmp_path):
    folder = client(tmp_path / "martin", password="env:AUDIT_PASSWORD")
    assert "AUDIT_PASSWORD" in run(folder, "--kind", "cron").stderr
    secrets = tmp_path / "secrets.env"
    secrets.write_text("# AUDIT_OTHER=1\nexport AUDIT_PASSWORD=hunter2\n")
    said = run(folder, "--kind", "systemd", "--environment-file", secrets)
    assert said.stderr == ""
    assert f"EnvironmentFile={secrets}" in said.output
    assert "hunter2" not in said.output


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--at", "25:00"), "time of day"),
        (("--day", "first"), "day of a month"),
        (("--day", "31"), "1 to 28"),
        (("--weekly", "--weekday", "dim"), "not one of"),
        (("--kind", "windows", "--install"), "on Windows only"),
    ],
)
def test_what_cannot_be_scheduled_is_refused_with_the_option_named(tmp_path, capsys, words, problem):
    assert main(["schedule", str(client(tmp_path / "martin")), *words]) == 2
    assert problem in capsys.readouterr().err


def test_nothing_named_is_told_with_an_example(capsys):
    assert main(["schedule"]) == 2
    assert "auditor schedule clients/martin" in capsys.readouterr().err


def test_client_folders_are_those_that_hold_a_client_file(tmp_path):
    client(tmp_path / "b")
    client(tmp_path / "a")
    (tmp_path / "notes").mkdir()
    client(tmp_path / ".trash")
    assert [folder.name for folder in client_folders(tmp_path)] == ["a", "b"]
    with pytest.raises(SettingsError, match="This is one client's folder"):
        client_folders(tmp_path / "a")
    with pytest.raises(SettingsError, match="no such folder"):
        client_folders(tmp_path / "gone")


def test_audit_all_takes_every_client_folder(tmp_path, capsys):
    client(tmp_path / "a")
    client(tmp_path / "b")
    assert main(["audit", "--all", str(tmp_path), "--list"]) == 0
    out = capsys.readouterr().out
    assert str(tmp_path / "a") in out
    assert str(tmp_path / "b") in out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--weekday", "fri"), "--weekday: it goes with --weekly"),
        (("--weekly", "--day", "5"), "--day: a weekly audit has no day of the month"),
    ],
)
def test_a_day_that_the_rhythm_would_not_heed_is_refused(tmp_path, capsys, words, problem):
    assert main(["schedule", str(client(tmp_path / "martin")), *words]) == 2
    assert problem in capsys.readouterr().err


def test_a_client_alone_does_not_take_the_place_of_the_schedule_it_shares_with_others(tmp_path):
    first, second = client(tmp_path / "a"), client(tmp_path / "b")
    alone, shared = (
        run(*folders, "--kind", "systemd").output.splitlines()[0] for folders in ((first,), (first, second))
    )
    assert alone.rpartition("/")[2].startswith("auditor-a-")
    assert alone != shared
