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


@pytest.fixture(autouse=True)
def shell(monkeypatch):
    """What a person's shell has set; no proxy of the machine that runs the tests counts."""
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def has(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return has


@pytest.mark.parametrize("kind", ["systemd", "cron", "windows"])
def test_what_the_run_needs_of_this_shell_is_in_the_schedule(tmp_path, shell, monkeypatch, kind):
    """The way out, whom to trust, and where the feeds are: by hand they come from the shell."""
    monkeypatch.chdir(tmp_path)
    shell(https_proxy="http://proxy.example:3128", NO_PROXY="10.0.0.0/8", SSL_CERT_FILE="ca.pem", XDG_DATA_HOME="data")
    said = run(client(tmp_path / "martin"), "--kind", kind)
    assert (said.exit_code, "password" in said.stderr) == (0, False)
    for name, value in {
        "https_proxy": "http://proxy.example:3128",
        "NO_PROXY": "10.0.0.0/8",
        "SSL_CERT_FILE": tmp_path / "ca.pem",
        "XDG_DATA_HOME": tmp_path / "data",
    }.items():
        assert f"{name}={value}" in said.stdout


@pytest.mark.parametrize("kind", ["systemd", "cron", "windows"])
def test_a_proxys_password_is_in_no_schedule_and_where_to_put_it_is_told(tmp_path, shell, kind):
    shell(HTTPS_PROXY="http://robot:hunter2@proxy.example:3128")
    folder = client(tmp_path / "martin")
    said = run(folder, "--kind", kind)
    assert "HTTPS_PROXY holds a proxy with its password" in said.stderr
    assert ("setx" if kind == "windows" else "--environment-file") in said.stderr
    assert "hunter2" not in said.output
    if kind == "windows":
        return
    secrets = tmp_path / "secrets.env"
    secrets.write_text("HTTPS_PROXY=http://robot:hunter2@proxy.example:3128\n")
    said = run(folder, "--kind", kind, "--environment-file", secrets)
    assert (said.stderr, "hunter2" in said.output) == ("", False)


def test_what_the_environment_file_sets_is_not_set_twice(tmp_path, shell):
    shell(HTTPS_PROXY="http://one.example:3128")
    secrets = tmp_path / "secrets.env"
    secrets.write_text("HTTPS_PROXY=http://two.example:3128\n")
    said = run(client(tmp_path / "martin"), "--kind", "cron", "--environment-file", secrets)
    assert "one.example" not in said.output


def test_a_client_that_only_an_ssh_agent_lets_in_is_told_of_before_the_night_it_matters(tmp_path):
    folder = client(tmp_path / "martin")
    file = folder / "client.toml"
    by_hand = file.read_text("utf-8").replace('password = "file:secret"', "agent = true")
    file.write_text(by_hand, "utf-8")
    said = run(folder, "--kind", "systemd")
    assert said.exit_code == 0
    assert "a scheduled run has no ssh-agent" in said.stderr
    assert "credential main: name a key_file or a password" in said.stderr
    file.write_text(by_hand.replace("agent = true", 'agent = true\nkey_file = "key"'), "utf-8")
    assert run(folder, "--kind", "systemd").stderr == ""


def test_the_last_day_is_understood_in_capitals_too(tmp_path):
    assert "OnCalendar=*-*~01" in run(client(tmp_path / "martin"), "--kind", "systemd", "--day", "LAST").output


def test_an_environment_file_that_is_not_there_is_told_in_words(tmp_path, capsys):
    folder = client(tmp_path / "martin")
    assert main(["schedule", str(folder), "--environment-file", str(tmp_path / "nope")]) == 2
    told = capsys.readouterr().err
    assert "nope: cannot be read: No such file or directory." in told
    assert "Errno" not in told


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
