"""`auditor history`: runs, trends and changes in the client's words; what is past its time is gone from the file."""

import gzip
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from auditor.config import load
from auditor.errors import SettingsError
from auditor.history.anonymity import Pseudonyms, accounts_of, assessment_without_people, host_without_people
from auditor.history.background import background_of, figures_of_run
from auditor.history.packing import pack
from auditor.history.retention import purge, purge_after_run
from auditor.history.store import Store
from auditor.history.tables import HistorySettings, months_before
from collectors.cloud.facts import TenantFact, TenantSnapshot
from collectors.model import Application, FactKind, Gap, GapReason
from collectors.windows.facts import UserProfile
from reports.figures import figures_of
from rules.messages import Message
from rules.model import Evidence
from tests.lab.histories import assessment, keep, machine, missing, passing
from tests.lab.snapshots import debian_host
from tests.lab.windows_snapshots import windows_host

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
TERMS = HistorySettings()


def month(number: int) -> datetime:
    """A morning, `number` months before now."""
    day = months_before(NOW.date(), number)
    return datetime(day.year, day.month, day.day, 6, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three runs of one machine: two findings, one of them fixed and a new one, then all the same."""
    path = tmp_path / "history.sqlite"
    released, due = date(2026, 9, 1), date(2026, 10, 25)
    with Store(path) as store:
        keep(
            store,
            assessment(month(2), missing("web", "sudo"), missing("web", "curl", released_on=released, due_on=due)),
        )
        keep(store, assessment(month(1), missing("web", "sudo"), missing("web", "openssl")))
        keep(store, assessment(month(0), missing("web", "sudo"), missing("web", "openssl")))
        store.begin(client="Fournil", started_at=NOW, product_version="0.1.0")
    return path


def test_the_runs_of_a_client_are_listed_newest_first(
    auditor: Callable[..., Result], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    result = auditor("history", path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["Run", "4", "3", "2", "1"]
    assert lines[1].endswith("no conclusion")
    assert lines[3].split()[-4:] == ["1", "1", "1/1", "finished"]
    assert auditor("history", path, "--last", "1").stdout.count("\n") == 2
    for language in ("fr", "en"):
        wide = auditor("history", path, "--lang", language).stdout.splitlines()
        monkeypatch.setenv("COLUMNS", "80")
        narrow = auditor("history", path, "--lang", language).stdout.splitlines()
        monkeypatch.setenv("COLUMNS", "120")
        assert 80 < max(map(len, wide)) <= 120
        assert max(map(len, narrow)) <= 80, "no line is broken on a narrow terminal"


def test_one_run_tells_what_changed_and_lists_it_when_asked(auditor: Callable[..., Result], path: Path) -> None:
    short = auditor("history", path, "--run", "2")
    assert "new: 1, still open: 1, fixed: 1, back again: 0, not re-audited: 0" in short.stdout
    assert "fixes installed in time: 1, late: 0, on an unknown day: 0" in short.stdout
    assert "openssl" not in short.stdout
    long = auditor("history", path, "--run", "2", "--changes", "--lang", "fr").stdout
    assert missing("web", "openssl").ref in long
    assert "Nouveaux :" in long.replace("\u00a0", " ")
    assert "(délai tenu)" in long


def test_the_newest_run_that_concluded_is_meant_without_a_number(auditor: Callable[..., Result], path: Path) -> None:
    assert "Run 3 of Fournil" in auditor("history", path, "--changes").stdout
    assert "stopped before it concluded anything" in auditor("history", path, "--run", "4").stdout
    missing_run = auditor("history", path, "--run", "9")
    assert missing_run.exit_code == 2
    assert "Newest runs: 4, 3, 2, 1" in missing_run.stderr


def test_everything_is_told_to_other_programs_too(auditor: Callable[..., Result], path: Path) -> None:
    runs = json.loads(auditor("history", path, "--json").stdout)["runs"]
    assert [run["run"]["id"] for run in runs] == [4, 3, 2, 1]
    assert runs[2]["changes"] == {"new": 1, "fixed": 1, "reopened": 0, "unseen": 0}
    assert runs[2]["deadlines"] == {"kept": 1, "missed": 0, "untold": 0}
    one = json.loads(auditor("history", path, "--run", "2", "--json").stdout)
    assert [figures["run"] for figures in one["trend"]] == [1, 2]
    assert [change["key"] for change in one["changes"]["fixed"]] == ["curl"]
    assert one["changes"]["first_seen"][missing("web", "sudo").fingerprint] == month(2).date().isoformat()
    assert json.loads(auditor("history", path, "--run", "4", "--json").stdout)["changes"] is None


def test_names_from_machines_cannot_command_a_terminal(auditor: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        name, summaries = "Four\x07nil", (machine("web"),)
        keep(store, assessment(month(1), passing("web"), client=name))
        keep(store, assessment(month(0), missing("web", "x\x1b[2J\u202e"), client=name, machines=summaries))
    found = auditor("history", path, "--changes").stdout
    assert "x" in found
    assert not set(found) & {"\x1b", "\u202e", "\x07"}


def test_a_history_that_is_not_there_is_told(auditor: Callable[..., Result], tmp_path: Path) -> None:
    result = auditor("history", tmp_path / "none.sqlite")
    assert (result.exit_code, "no history yet" in result.stderr) == (2, True)


def test_a_history_without_runs_says_so(auditor: Callable[..., Result], tmp_path: Path) -> None:
    Store(tmp_path / "history.sqlite").close()
    assert auditor("history", tmp_path / "history.sqlite").stdout == "No run in this history.\n"


# How long it is kept


def test_months_are_counted_by_the_calendar() -> None:
    assert months_before(date(2026, 3, 31), 1) == date(2026, 2, 28)
    assert months_before(date(2026, 1, 15), 13) == date(2024, 12, 15)
    assert months_before(date(2028, 2, 29), 12) == date(2027, 2, 28)


def test_evidence_goes_after_its_time_and_figures_and_findings_stay(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        for number in (37, 36, 0):
            keep(store, assessment(month(number), missing("web", "sudo")))
        background = background_of(store, 2)
        done = purge(store, TERMS, NOW)
        assert (done.evidence, done.problem) == ((1,), "")
        assert store.database.rows("SELECT run_id FROM assessments ORDER BY run_id") == [(2,), (3,)]
        assert store.database.rows("SELECT DISTINCT run_id FROM snapshots ORDER BY run_id") == [(2,), (3,)]
        assert figures_of_run(store, store.run(1)).known == 1
        assert background_of(store, 2) == background
        assert purge(store, TERMS, NOW).evidence == ()


def test_no_evidence_goes_while_its_figures_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures stay for ever: they are written with what is removed, or nothing is removed."""
    with Store(tmp_path / "history.sqlite") as store:
        for number in (40, 0):
            keep(store, assessment(month(number), missing("web", "sudo")))
        with monkeypatch.context() as patch:
            patch.setattr("auditor.history.retention.store_figures", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                purge(store, TERMS, NOW)
        assert store.assessment(1).findings
        monkeypatch.setattr(
            "auditor.history.background.store_figures", lambda *_: None
        )  # as where another process writes
        assert purge(store, TERMS, NOW).evidence == (1,)
        assert store.database.rows("SELECT run_id FROM figures") == [(1,)]


def test_a_run_no_longer_kept_says_so_and_names_the_setting(auditor: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        for number in (40, 0):
            keep(store, assessment(month(number), missing("web", "sudo")))
        purge(store, TERMS, NOW)
    result = auditor("report", path, "--run", "1", "-o", tmp_path)
    assert result.exit_code == 2
    assert "no longer kept" in result.stderr
    assert "keep_months" in result.stderr
    assert auditor("history", path).stdout.splitlines()[-1].split()[0] == "1"


def test_the_newest_finished_run_is_never_removed(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        keep(store, assessment(month(80), passing("web")))
        keep(store, assessment(month(60), missing("web", "sudo")))
        keep(store, assessment(month(50), missing("web", "sudo")), interrupted=True)
        done = purge(store, TERMS, NOW)
        assert done.evidence == (1, 3)
        assert store.assessment(2).findings


def test_what_a_run_saw_that_never_ended_goes_too(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        run = store.begin(client="Fournil", started_at=month(50), product_version="0.1.0")
        store.add(run, debian_host(), pack(debian_host()))
        assert purge(store, TERMS, NOW).evidence == (run,)
        assert list(store.snapshots(run)) == []
        assert store.run(run).state == "running"


def test_one_wrong_clock_removes_nothing(tmp_path: Path) -> None:
    """At the end of a run ages are counted from it or from the run before it, whichever is earlier."""
    with Store(tmp_path / "history.sqlite") as store:
        for number in (2, 1):
            keep(store, assessment(month(number), passing("web")))
        run = keep(store, assessment(NOW + timedelta(days=20_000), passing("web")))
        assert purge_after_run(store, run, TERMS).evidence == ()
        assert purge_after_run(store, 1, TERMS).evidence == ()  # nothing before it
        run = keep(store, assessment(NOW, passing("web")))  # the clock is right again, and the run before is not
        assert purge_after_run(store, run, TERMS).evidence == ()
        assert store.assessment(1).findings


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration company audited twice, half a year apart: people, sign-ins, profiles, evidence."""
    from auditor.demo.company import prepare
    from auditor.pipeline import conduct
    from auditor.progress import Silent
    from collectors.feeds.cache import FeedStore

    folder = tmp_path_factory.mktemp("demo")
    demonstration = prepare(folder, "fr")
    path = folder / "kept.sqlite"
    with Store(path) as store:
        for moment in (NOW - timedelta(days=420), NOW - timedelta(days=10)):
            plan = replace(demonstration.plan, as_of=moment, clock=lambda moment=moment: moment)
            conduct(plan, store=store, feeds=FeedStore(demonstration.feeds_folder), progress=Silent())
    return path


def _strings(path: Path, run: int) -> Iterator[str]:
    """Everything a history still says of a run, unpacked."""
    connection = sqlite3.connect(path)
    for table in ("snapshots", "assessments"):
        for (body,) in connection.execute(f"SELECT body FROM {table} WHERE run_id = ?", (run,)):
            yield gzip.decompress(body).decode()
    for table in ("findings", "changes", "figures", "subjects"):
        for row in connection.execute(f"SELECT * FROM {table} WHERE run_id = ?", (run,)):
            yield repr(row)
    connection.close()


def _people(tenant: TenantSnapshot) -> set[str]:
    found = {user.upn for user in tenant.users} | {user.mail for user in tenant.users}
    found |= {user.name for user in tenant.users if " " in user.name}
    return {name for name in found if name}


@pytest.mark.parametrize("room", [True, False], ids=["packed_anew", "no_room_to_pack_anew"])
def test_names_and_last_sign_ins_are_gone_from_the_very_bytes_of_the_file(
    demonstrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    if not room:
        monkeypatch.setattr("auditor.history.retention._packed_anew", lambda _: "")
    path = Path(shutil.copyfile(demonstrated, tmp_path / "history.sqlite"))
    with Store(path) as store:
        (tenant,) = store.tenants(1)
        people = _people(tenant)
        before = "\n".join(_strings(path, 1))
        assert len(people) > 60
        assert all(name in before for name in people)
        assert "S-1-5-21-" in before
        changed = [
            row[0]
            for row in store.database.rows(
                "SELECT body FROM snapshots WHERE run_id = 1 AND kind = 'tenant' UNION ALL"
                " SELECT body FROM assessments WHERE run_id = 1"
            )
        ]
        whole = path.read_bytes()
        later = b"".join(row[0] for row in store.database.rows("SELECT body FROM snapshots WHERE run_id = 2"))
        pieces = [body[place : place + 48] for body in changed for place in range(200, len(body) - 48, 1500)]
        pieces = [piece for piece in pieces if piece in whole and piece not in later]
        assert len(pieces) > 20  # the check can fail: they are there now
        done = purge(store, TERMS, NOW)
        assert (done.people, done.evidence, done.problem) == ((1,), (), "")
    after = "\n".join(_strings(path, 1))
    assert [name for name in people if name in after] == []
    assert "S-1-5-21-" not in after
    raw = path.read_bytes()
    assert [piece for piece in pieces if piece in raw] == []
    assert [name for name in people if name.encode() in raw] == []
    assert not path.with_name(f"{path.name}-journal").exists()
    newest = "\n".join(_strings(path, 2))
    assert all(name in newest for name in people)


def test_counts_and_figures_are_the_same_without_the_people(
    demonstrated: Path, tmp_path: Path, auditor: Callable[..., Result]
) -> None:
    path = Path(shutil.copyfile(demonstrated, tmp_path / "history.sqlite"))
    with Store(path) as store:
        told, seen = background_of(store, 1), store.assessment(1)
        purge(store, TERMS, NOW)
        kept = store.assessment(1)
        assert background_of(store, 1) == told
        assert figures_of(kept, 1) == figures_of(seen, 1)
        about = [finding for finding in kept.findings if finding.person]
        assert len(about) == sum(bool(finding.person) for finding in seen.findings)
        assert all(finding.person.startswith("#") and not finding.evidence for finding in about)
        assert not any(finding.message.params.get("last_on") for finding in about)
        assert len({finding.person for finding in about}) == len({one.person for one in seen.findings if one.person})
        (tenant,) = store.tenants(1)
        assert {gap.kind for gap in tenant.gaps if gap.collector == "history"} >= {TenantFact.USERS, TenantFact.USAGE}
        assert tenant.skus
    result = auditor("report", path, "--run", "1", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "no longer kept of run 1" in result.stderr
    assert "no longer kept" not in auditor("report", path, "--run", "2", "-o", tmp_path / "out").stderr


def test_people_of_machines_are_numbered() -> None:
    host = windows_host()
    assert host.windows is not None
    sid = "S-1-5-21-1004336348-1177238915-682003330-1104"
    profile = UserProfile(sid=sid, name="marie.curie", hive_loaded=True, last_used_at=NOW)
    application = Application(
        name="Zoom", version="6", scope="user", user=sid, location=r"C:\Users\marie.curie\AppData\Roaming\Zoom"
    )
    host = replace(host, windows=replace(host.windows, profiles=(profile,)), applications=(application,))
    plain = msgspec.json.encode(host_without_people(host, Pseudonyms())).decode()
    assert "marie" not in plain
    assert sid not in plain
    assert "Zoom" in plain
    assert 'last_used_at":null' in plain


def test_sentences_name_no_account_and_machines_keep_their_names() -> None:
    """Accounts are named in what collectors tell and in evidence, where no address and no folder gives them away."""
    host = windows_host("pc-accueil")
    assert host.windows is not None
    profiles = (
        UserProfile(sid="S-1-5-21-1-2-3-1104", name="j.lambert", hive_loaded=False),
        UserProfile(sid="S-1-5-21-1-2-3-5", name="accueil", hive_loaded=False),
    )
    detail = "2 profiles were not signed in: accueil, j.lambert.\nasked for\tj.lambert@x.example, on pc-accueil"
    gap = Gap(kind=FactKind.APPLICATIONS, collector="applications", reason=GapReason.FAILED, detail=detail)
    host = replace(host, windows=replace(host.windows, profiles=profiles), gaps=(gap,))
    pseudonyms = Pseudonyms()
    pseudonyms.learn(accounts_of(host))
    plain = host_without_people(host, pseudonyms)
    assert (
        plain.gaps[0].detail == "2 profiles were not signed in: #2, #1.\nasked for\t#5, on pc-accueil"
    )  # the identifiers are #3 and #4
    assert plain.target.name == "pc-accueil"
    line = Evidence(what=Message(text="x", params={"users": "j.lambert"}), seen="2 (pc-accueil, j.lambert)")
    found = replace(missing("pc-accueil", "AutoCAD"), evidence=(line,))
    (kept,) = assessment_without_people(assessment(NOW, found), pseudonyms).findings
    assert (kept.evidence[0].seen, kept.evidence[0].what.params) == ("2 (pc-accueil, #1)", {"users": "#1"})


def test_an_audit_removes_what_is_past_its_time_by_itself(
    demonstrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.demo.company import prepare
    from auditor.rendering import Wish
    from auditor.session import session

    folder = tmp_path / "demo"
    folder.mkdir()
    demonstration = prepare(folder, "fr")
    path = Path(shutil.copyfile(demonstrated, demonstration.history))
    plan = replace(demonstration.plan, as_of=NOW + timedelta(days=20), clock=lambda: NOW + timedelta(days=20))
    session(plan, Wish(folder=None, languages=("fr",)), history=path, feeds_folder=demonstration.feeds_folder)
    with Store(path) as store:
        assert store.database.rows("SELECT id, people_removed FROM runs") == [(1, 1), (2, 0), (3, 0)]


def test_purging_by_hand_tells_what_was_removed(auditor: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        for moment in (datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)):
            keep(store, assessment(moment, passing("web")))
    assert "evidence of 1 run (1)" in auditor("history", path, "--purge").stdout
    again = json.loads(auditor("history", path, "--purge", "--json").stdout)
    assert again["purged"] == {"evidence": [], "people": [], "mails": 0}
    assert auditor("history", path, "--purge", "--run", "1").exit_code == 2


def test_how_long_is_read_from_the_clients_file(tmp_path: Path) -> None:
    file = tmp_path / "client.toml"
    file.write_text('format = 1\n[client]\nname = "x"\n[history]\nkeep_months = 24\n')
    assert load(file).history_terms == HistorySettings(keep_months=24, personal_data_months=13)
    for line, said in (("keep_months = 0", "at least 1"), ("keep_month = 3", "keep_months")):
        file.write_text(f'format = 1\n[client]\nname = "x"\n[history]\n{line}\n')
        with pytest.raises(SettingsError, match=said):
            load(file)
