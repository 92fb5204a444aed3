"""`auditor doctor`: files beside client.toml, what secrets refer to, mail, folders, history, schedule."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from auditor.checkup import place, schedules
from auditor.checkup.feeds import needed_feeds
from auditor.exits import Exit
from auditor.history.schema import FORM
from auditor.history.store import Store
from auditor.scheduling import cron, systemd, windows
from auditor.scheduling.schedule import Schedule
from tests.lab import smtp
from tests.lab.wsman.certificates import CertificateKind

Auditor = Callable[..., Result]
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def _client(folder: Path, text: str = "", *, machine: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    local = "" if not machine else '[[machines]]\nname = "here"\nprotocol = "local"\n'
    (folder / "client.toml").write_text(f'[client]\nname = "Fournil"\nlanguage = "en"\n{text}{local}', "utf-8")
    return folder


def _examined(auditor: Auditor, client: Path, *words: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """The exit code, and the checks by name."""
    done = auditor("doctor", client, "--offline", "--json", *words)
    found: dict[str, list[dict[str, Any]]] = {}
    for check in json.loads(done.stdout)["clients"][0]["checks"]:
        found.setdefault(check["name"], []).append(check)
    return done.exit_code, found


@pytest.mark.parametrize(
    ("name", "content", "check"),
    [
        ("prices.csv", "sku\n", "client.prices"),
        ("licenses.csv", "product;quantity\nOffice;many\n", "client.rights"),
        ("waivers.toml", "[[waivers]]\nrule = 'x'\n", "client.waivers"),
        ("decisions.toml", "[[decisions]]\nref = 1\n", "client.decisions"),
    ],
)
def test_a_file_that_an_audit_would_refuse_is_told_and_the_others_are_checked_all_the_same(
    auditor: Auditor, tmp_path: Path, name: str, content: str, check: str
) -> None:
    client = _client(tmp_path / "c")
    (client / name).write_text(content)
    code, found = _examined(auditor, client)
    (told,) = found[check]
    assert (told["state"], told["code"], code) == ("failed", Exit.USAGE, Exit.USAGE)
    assert name in told["text"]
    assert "place.rights" in found
    assert auditor("audit", client).exit_code == Exit.USAGE, "an audit agrees"


def test_what_was_bought_and_accepted_is_counted(auditor: Auditor, tmp_path: Path) -> None:
    client = _client(tmp_path / "c")
    (client / "licenses.csv").write_text("product;metric;quantity;channel\nVisio;device;2;volume\n")
    row = '[[waivers]]\nrule = "host.reboot_pending"\nreason = "x"\napproved_by = "y"\nuntil = {}\n'
    (client / "waivers.toml").write_text(row.format("2020-01-01") + row.format("2027-01-01") + 'subject = "here"\n')
    _, found = _examined(auditor, client)
    assert "1 line in licenses.csv" in found["client.rights"][0]["text"]
    assert found["client.waivers"][0]["text"] == "Accepted risks: 2, 1 of them over"
    assert found["client.file"][0]["text"] == "client.toml: 1 machine, 0 Microsoft 365 tenants"


def test_a_reference_that_leads_nowhere_is_told_without_what_it_holds(
    auditor: Auditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = '[[machines]]\nname = "{0}"\naddress = "{0}.invalid"\ncredential = "{0}"\n'
    text = '[credentials.a]\nuser = "u"\npassword = "env:ABSENT"\n[credentials.b]\nuser = "u"\npassword = "file:pw"\n'
    text += '[credentials.c]\nuser = "u"\npassword = "file:pw2"\n' + "".join(machines.format(one) for one in "abc")
    client = _client(tmp_path / "c", text)
    (client / "pw").write_text("hunter2\n")
    (client / "pw").chmod(0o644)
    (client / "pw2").write_text("hunter2\n")
    (client / "pw2").chmod(0o600)
    monkeypatch.delenv("ABSENT", raising=False)
    done = auditor("doctor", client, "--offline")
    assert done.exit_code == Exit.USAGE
    shown = " ".join(done.stdout.split())
    assert "env:ABSENT: this environment variable is not set" in shown
    assert "other users may read it" in shown
    assert "c: everything it refers to is there" in shown
    assert "hunter2" not in done.output


def test_an_agent_that_does_not_run_is_told_where_it_is_the_only_way(
    auditor: Auditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    login = '[credentials.a]\nagent = true\n{}[[machines]]\nname = "x"\ncredential = "a"\n'
    _, found = _examined(auditor, _client(tmp_path / "c", login.format("")))
    assert [one["state"] for one in found["credential"]] == ["warning"]
    monkeypatch.setenv("PW", "x")
    _, found = _examined(auditor, _client(tmp_path / "d", login.format('password = "env:PW"\n')))
    assert [one["state"] for one in found["credential"]] == ["note"]


def _mailing(server: smtp.MailServer, **changes: str) -> str:
    keys = {"to": '["a@b.example"]', "from": '"c@d.example"', "server": '"localhost"', "port": str(server.port)}
    keys |= {"user": f'"{smtp.USER}"', "password": '"env:MAIL_PASSWORD"', "ca_file": f'"{server.ca_file}"'} | changes
    return "[mail]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def test_the_mail_server_is_reached_and_logged_in_to_and_nothing_is_sent(
    auditor: Auditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def way(client: Path) -> dict[str, str]:
        done = auditor("doctor", client, "--json")
        (check,) = [one for one in json.loads(done.stdout)["clients"][0]["checks"] if one["name"] == "mail.way"]
        return dict(check)

    with smtp.mail_server(tmp_path / "smtp") as server:
        client = _client(tmp_path / "c", _mailing(server), machine=False)
        monkeypatch.setenv("MAIL_PASSWORD", smtp.PASSWORD)
        assert way(client)["state"] == "ok"
        assert "auditor mail release" in way(client)["text"]
        monkeypatch.setenv("MAIL_PASSWORD", "wrong")
        refused = way(client)
        assert (refused["state"], refused["code"]) == ("failed", Exit.USAGE)
        assert "refuses user" in refused["text"]
        assert server.received == []
    with smtp.mail_server(tmp_path / "bad", kind=CertificateKind.EXPIRED) as server:
        expired = way(_client(tmp_path / "c", _mailing(server), machine=False))
        assert "certificate is not accepted" in expired["text"]
        assert expired["todo"]


def test_room_and_rights_of_the_folder_are_looked_at(
    auditor: Auditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _client(tmp_path / "c")
    usage = shutil.disk_usage(tmp_path)
    for free_mb, state in ((501, None), (499, "warning"), (49, "failed")):
        monkeypatch.setattr(place.shutil, "disk_usage", lambda _, mb=free_mb: usage._replace(free=mb * 1_000_000))
        _, found = _examined(auditor, client)
        assert [one["state"] for one in found.get("place.room", [])] == ([state] if state else [])
    monkeypatch.undo()
    monkeypatch.setenv("AUDITOR_HOME", str(tmp_path / "home"))
    (client / "reports").write_text("a file where the folder should be")
    code, found = _examined(auditor, client)
    assert code == Exit.USAGE
    assert "reports cannot be written" in found["place.rights"][0]["text"]
    assert sorted(path.name for path in client.iterdir()) == ["client.toml", "reports"], "nothing is left behind"


def test_a_history_is_read_and_never_brought_up_to_date_here(auditor: Auditor, tmp_path: Path) -> None:
    client = _client(tmp_path / "c")
    assert "No audit" in _examined(auditor, client)[1]["place.history"][0]["text"]
    file = client / "history.sqlite"
    with Store(file) as store:
        store.begin(client="Fournil", started_at=NOW, product_version="1")
    before = file.read_bytes()
    assert "holds 1 run" in _examined(auditor, client)[1]["place.history"][0]["text"]
    assert file.read_bytes() == before
    file.write_bytes(before[:100] + b"\xff" * 8000)
    _, found = _examined(auditor, client)
    assert found["place.history"][0]["state"] == "warning"
    assert "damaged" in found["place.history"][0]["text"] or "malformed" in found["place.history"][0]["text"]


def _scheduled(units: Path, *what: str | Path, name: str = "auditor-x-1234", enabled: bool = True) -> None:
    """The units of a schedule, written by systemd's own writer of this product."""
    words = ("/usr/bin/python3", "-I", "-m", "auditor", "audit", *map(str, what), "--update-feeds")
    schedule = Schedule(name=name, description="x", command=words, at=time(6), working_folder=units)
    systemd.install(schedule, units)
    if enabled:
        (units / "timers.target.wants").mkdir(exist_ok=True)
        (units / "timers.target.wants" / f"{name}.timer").symlink_to(units / f"{name}.timer")


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(systemd, "folder", lambda: tmp_path / "units")
    monkeypatch.setattr(schedules, "systemd_runs", lambda: True)
    monkeypatch.setattr(schedules, "_ends_well", lambda *_: None)
    return tmp_path / "units"


@pytest.mark.parametrize("kind", ["alone", "several", "all"])
def test_a_schedule_of_this_machine_is_found_and_a_question_it_could_not_answer(
    auditor: Auditor, tmp_path: Path, units: Path, kind: str
) -> None:
    text = '[credentials.a]\nuser = "u"\npassword = "prompt:"\n'
    (tmp_path / "clients").mkdir()
    client = _client(tmp_path / "clients" / "100% $a b", text)
    other = tmp_path / "clients" / "other"
    _scheduled(units, other, name="auditor-other-1234")
    _, found = _examined(auditor, client)
    assert [one["state"] for one in (*found["schedule.installed"], *found["schedule.questions"])] == ["note", "note"]
    assert found["schedule.installed"][0]["todo"] == f"auditor schedule '{client}' --install", "to be typed"
    what: dict[str, tuple[str | Path, ...]] = {
        "alone": (client,),
        "several": (other, client),
        "all": ("--all", client.parent),
    }
    _scheduled(units, *what[kind])
    _, found = _examined(auditor, client)
    assert [one["state"] for one in (*found["schedule.installed"], *found["schedule.questions"])] == ["ok", "warning"]


def test_a_scheduled_run_has_no_ssh_agent_even_where_one_runs_now(
    auditor: Auditor, tmp_path: Path, units: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path))
    machine = '[credentials.a]\nuser = "u"\nagent = true\n[[machines]]\nname = "srv"\ncredential = "a"\n'
    client = _client(tmp_path / "c", machine)
    assert "schedule.agents" not in _examined(auditor, client, "--offline")[1], "by hand it is the way in"
    _scheduled(units, client)
    (check,) = _examined(auditor, client, "--offline")[1]["schedule.agents"]
    assert check["state"] == "warning"
    assert check["text"].endswith(": a")


def test_a_timer_that_is_written_and_not_enabled_runs_nothing(auditor: Auditor, tmp_path: Path, units: Path) -> None:
    client = _client(tmp_path / "c")
    _scheduled(units, client, enabled=False)
    (check,) = _examined(auditor, client)[1]["schedule.installed"]
    assert check["state"] == "warning"
    assert "written but not started" in check["text"]
    assert "systemctl --user daemon-reload" in check["todo"]
    assert "enable --now auditor-x-1234.timer" in check["todo"]


def test_a_crontab_line_and_a_windows_task_are_known_by_what_they_run(
    tmp_path: Path, units: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, other = tmp_path / "cl" / "100% b", tmp_path / "cl" / "d"
    words = ("/usr/bin/python3", "-I", "-m", "auditor", "audit", str(other), str(client), "--mail")
    environment = {"AUDITOR_HOME": "/srv/x y"}
    schedule = Schedule(
        name="auditor-d-1", description="x", command=words, at=time(6), working_folder=units, environment=environment
    )
    table = f"# auditor-d-1: begin (written by auditor schedule)\n{cron.line(schedule)}\n# auditor-d-1: end\n"
    monkeypatch.setattr(schedules, "_ends_well", lambda *_: table)
    monkeypatch.setattr(schedules.shutil, "which", lambda _: "/usr/bin/crontab")
    assert [one.name for one in schedules.found_schedules(client)] == ["auditor-d-1"]
    assert list(schedules.found_schedules(tmp_path / "cl")) == []
    plain = tmp_path / "cl" / "e f"
    for given in (environment, {}):
        command = (*words[:5], str(other), str(plain))
        task = windows.task_xml(replace(schedule, command=command, environment=given), today=NOW.date())
        assert schedules._task_audits(task.decode("utf-16"), plain)
        assert not schedules._task_audits(task.decode("utf-16"), tmp_path / "cl" / "e")
        command = (*words[:5], "--all", str(plain.parent))
        task = windows.task_xml(replace(schedule, command=command, environment=given), today=NOW.date())
        assert schedules._task_audits(task.decode("utf-16"), plain)
        assert not schedules._task_audits(task.decode("utf-16"), plain.parent)


@pytest.mark.parametrize(
    ("pragma", "said"),
    [(f"user_version = {FORM + 1}", "newer auditor"), ("application_id = 7", "another program")],
)
def test_a_history_that_an_audit_refuses_is_a_failure_with_its_cure(
    auditor: Auditor, tmp_path: Path, pragma: str, said: str
) -> None:
    client = _client(tmp_path / "c")
    file = client / "history.sqlite"
    with Store(file) as store:
        store.begin(client="Fournil", started_at=NOW, product_version="1")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA {pragma}")
        connection.commit()
    code, found = _examined(auditor, client)
    (check,) = found["place.history"]
    assert (check["state"], check["code"], code) == ("failed", Exit.USAGE, Exit.USAGE)
    assert said in check["text"]
    assert "aside" in check["todo"]
    assert auditor("audit", client).exit_code == Exit.USAGE, "an audit agrees"


def test_a_machine_whose_credential_cannot_be_used_is_told_as_not_checked(
    auditor: Auditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ABSENT", raising=False)
    text = '[credentials.a]\nuser = "u"\npassword = "env:ABSENT"\n'
    text += '[credentials.app]\nkind = "m365"\nclient_id = "11111111-2222-3333-4444-555555555555"\n'
    text += 'secret = "env:ABSENT"\n[[tenants]]\nname = "M365"\ntenant = "contoso.com"\ncredential = "app"\n'
    text += '[[machines]]\nname = "srv"\naddress = "srv.invalid"\ncredential = "a"\n'
    done = auditor("doctor", _client(tmp_path / "c", text, machine=False), "--json")
    assert done.exit_code == Exit.USAGE
    checks = json.loads(done.stdout)["clients"][0]["checks"]
    told = [one for one in checks if one["name"] in ("machine.reached", "m365.sign_in")]
    assert [one["about"].split(" (")[0] for one in told] == ["Machine srv", "Microsoft 365, M365"]
    assert all(one["state"] == "failed" and "env:ABSENT" in one["text"] for one in told)


def test_only_feeds_about_the_machines_seen_are_needed() -> None:
    debian = needed_feeds({"debian:12"}, {}, NOW)
    assert {"osv-debian", "debian-advisories", "kev", "epss", "endoflife"} <= debian
    assert not {"msrc", "osv-rocky"} & debian
    assert "msrc" in needed_feeds({"windows:26100-client"}, {}, NOW)
    assert "epss" not in needed_feeds({"debian:12"}, {"epss": {"enabled": "false"}}, NOW)


def test_a_feed_that_a_machine_needs_and_nobody_downloaded_is_told(auditor: Auditor, tmp_path: Path) -> None:
    from auditor.checkup.feeds import feeds_section
    from auditor.config import load
    from collectors.feeds.records import FeedState

    settings = load(_client(tmp_path / "c"))
    common = {"url": "https://x.example", "licence": "x", "max_age_days": 7}
    here = FeedState(name="kev", title="KEV", fetched_at=NOW, checked_at=NOW, published_at=NOW, **common)  # type: ignore[arg-type]
    absent = FeedState(name="osv", title="OSV", **common)  # type: ignore[arg-type]
    section = feeds_section(settings, [here, absent], NOW, {"kev", "osv"})
    assert [(check.name, check.code) for check in section.checks] == [
        ("feeds.current", Exit.COMPLIANT),
        ("feeds.absent", Exit.INCOMPLETE),
    ]
    assert [check.name for check in feeds_section(settings, [here, absent], NOW, {"kev"}).checks] == ["feeds.current"]
