"""History: what arrives is stored at once, comes back unchanged, and trouble names the file."""

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.errors import HistoryError, HistoryFull
from auditor.history.packing import pack, unpack
from auditor.history.schema import APPLICATION_ID
from auditor.history.store import Store
from collectors.cloud.facts import TenantFact, TenantGap, TenantSnapshot, User
from collectors.model import FactKind, Gap, GapReason, HostSnapshot, Protocol, Target
from rules.messages import Message
from rules.model import Assessment, Finding, Outcome
from tests.lab.snapshots import debian_host

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def _assessment(**changes: object) -> Assessment:
    values: dict[str, object] = {
        "client": "Fournil",
        "as_of": NOW,
        "started_at": NOW,
        "finished_at": NOW + timedelta(minutes=2),
        "product_version": "0.1.0",
        "machines": (),
        "findings": (
            Finding(rule="patch.missing", subject="web", key="sudo", outcome=Outcome.FAIL, message=Message(text="x")),
        ),
        "feeds": (),
    }
    return Assessment(**(values | changes))  # type: ignore[arg-type]


def _begin(store: Store) -> int:
    return store.begin(client="Fournil", started_at=NOW, product_version="0.1.0")


def test_a_snapshot_comes_back_unchanged(tmp_path: Path) -> None:
    snapshot = debian_host(packages={"openssl": "3.0.15-1~deb12u1"})
    with Store(tmp_path / "history.sqlite") as store:
        run = _begin(store)
        store.add(run, snapshot, pack(snapshot))
        assert store.snapshot(run, snapshot.target.name) == snapshot
        assert list(store.snapshots(run)) == [snapshot]


def test_packing_is_reproducible() -> None:
    snapshot = debian_host(packages={"openssl": "3.0.15-1~deb12u1"})
    assert pack(snapshot) == pack(snapshot)
    assert unpack(pack(snapshot)) == snapshot


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_history_is_for_its_owners_eyes(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        assert store.path.stat().st_mode & 0o777 == 0o600


def test_a_snapshot_is_on_disk_before_the_run_ends(tmp_path: Path) -> None:
    """A run that dies (power, kill -9) has lost nothing of what it had visited."""
    snapshot = debian_host()
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        run = _begin(store)
        store.add(run, snapshot, pack(snapshot))
        with Store(path) as other:
            assert other.snapshot(run, snapshot.target.name) == snapshot
            assert other.runs()[0].state == "running"


def test_an_assessment_comes_back_unchanged_and_closes_the_run(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        run = _begin(store)
        store.conclude(run, _assessment(), interrupted=False)
        assert store.assessment(run) == _assessment()
        assert store.latest().state == "finished"
        assert store.latest().finished_at == NOW + timedelta(minutes=2)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_findings_come_back_in_their_order_whatever_the_client_is_called(tmp_path: Path, count: int) -> None:
    findings = tuple(
        Finding(rule="r", subject="web", key=str(number), outcome=Outcome.FAIL, message=Message(text="x"))
        for number in range(count)
    )
    assessment = _assessment(client=',"findings":[]', findings=findings)
    with Store(tmp_path / "history.sqlite") as store:
        run = _begin(store)
        store.conclude(run, assessment, interrupted=False)
        assert store.assessment(run) == assessment


def test_an_interrupted_run_says_so_and_is_still_the_latest(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        store.conclude(_begin(store), _assessment(), interrupted=False)
        second = _begin(store)
        store.conclude(second, _assessment(), interrupted=True)
        _begin(store)
        assert (store.latest().id, store.latest().state) == (second, "interrupted")


def test_findings_are_kept_by_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        store.conclude(_begin(store), _assessment(), interrupted=False)
    (finding,) = _assessment().findings
    rows = sqlite3.connect(path).execute("SELECT fingerprint, rule, subject, key, outcome FROM findings").fetchall()
    assert rows == [(finding.fingerprint, "patch.missing", "web", "sudo", "fail")]


def test_an_unreached_machine_is_stored_with_its_gap(tmp_path: Path) -> None:
    gap = Gap(kind=FactKind.HOST, collector="visit", reason=GapReason.UNREACHABLE, detail="no answer on port 22")
    snapshot = HostSnapshot(target=Target(name="gone"), taken_at=NOW, gaps=(gap,))
    with Store(tmp_path / "history.sqlite") as store:
        run = _begin(store)
        store.add(run, snapshot, pack(snapshot))
        found = store.snapshot(run, "gone")
    assert found is not None
    assert found.gaps == (gap,)


def test_a_full_disk_is_told_as_such_and_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    snapshot = debian_host()
    with Store(path) as store:
        run = _begin(store)
        store.add(run, snapshot, pack(snapshot))
        pages = store.database.connection.execute("PRAGMA page_count").fetchone()[0]
        store.database.connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(HistoryFull, match="disk is full"):
            store.conclude(run, _assessment(client=os.urandom(200_000).hex()), interrupted=False)
    with Store(path) as store:
        assert store.snapshot(run, snapshot.target.name) == snapshot


def test_what_is_stored_is_on_the_disk_when_the_call_returns(tmp_path: Path) -> None:
    """synchronous = EXTRA: the journal's directory entry too, so that a power cut brings no old state back."""
    with Store(tmp_path / "history.sqlite") as store:
        assert store.database.row("PRAGMA synchronous") == (3,)


def test_all_of_a_conclusion_is_stored_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        run = _begin(store)
        monkeypatch.setattr("auditor.history.store.compare", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.conclude(run, _assessment(), interrupted=False)
        assert store.run(run).state == "running"
        for table in ("assessments", "findings", "subjects", "changes", "feed_states"):
            assert store.database.rows(f"SELECT * FROM {table}") == []


def test_a_locked_history_names_the_file_and_waits_no_longer_than_told(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path):
        pass
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store(path, busy_timeout_s=0.01) as store, pytest.raises(HistoryError, match="locked by another program"):
        _begin(store)
    other.execute("ROLLBACK")
    other.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"PK\x03\x04 an Excel file, renamed" * 100)
    before = path.read_bytes()
    with pytest.raises(HistoryError, match="no history of ours"):
        Store(path)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE precious (x)")
    other.close()
    with pytest.raises(HistoryError, match="another program"):
        Store(path)
    assert sqlite3.connect(path).execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]


def test_a_history_of_a_newer_auditor_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path):
        pass
    other = sqlite3.connect(path)
    assert other.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    other.execute("PRAGMA user_version = 99")
    other.commit()
    other.close()
    with pytest.raises(HistoryError, match="newer auditor"):
        Store(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HistoryError, match="cannot be created"):
        Store(tmp_path / "file" / "history.sqlite")


def test_reading_asks_for_a_history_that_exists(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="no history yet"):
        Store(tmp_path / "history.sqlite", must_exist=True)
    assert not (tmp_path / "history.sqlite").exists()


def test_an_unknown_run_names_the_known_ones(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        first = _begin(store)
        with pytest.raises(HistoryError, match="Newest runs: 1"):
            store.run(first + 7)
        with pytest.raises(HistoryError, match="stopped before it concluded"):
            store.assessment(first)


def _tenant(name: str = "cloud", *, users: int = 1, gaps: tuple[TenantGap, ...] = ()) -> TenantSnapshot:
    people = tuple(User(id=str(number), upn=f"u{number}@contoso.com") for number in range(users))
    target = Target(name=name, protocol=Protocol.M365, address="contoso.com")
    return TenantSnapshot(target=target, taken_at=NOW, users=people, gaps=gaps)


def test_a_tenant_is_no_machine_and_a_machine_no_tenant(tmp_path: Path) -> None:
    with Store(tmp_path / "history.sqlite") as store:
        run = _begin(store)
        store.add(run, _tenant(), pack(_tenant()))
        store.add(run, debian_host(), pack(debian_host()))
        assert list(store.snapshots(run)) == [debian_host()]
        assert list(store.tenants(run)) == [_tenant()]
        assert store.snapshot(run, "cloud") is None
        assert store.tenant(run, debian_host().target.name) is None


def test_what_a_tenant_was_before_is_the_newest_earlier_run_that_reached_it(tmp_path: Path) -> None:
    hidden = TenantGap(kind=TenantFact.TENANT, collector="visit", reason=GapReason.UNREACHABLE, detail="no answer")
    with Store(tmp_path / "history.sqlite") as store:
        runs = [_begin(store) for _ in range(4)]
        for run, snapshot in zip(
            runs, (_tenant(users=1), _tenant(users=2), _tenant(gaps=(hidden,)), _tenant(users=4)), strict=True
        ):
            store.add(run, snapshot, pack(snapshot))
        before = store.tenant_before(runs[3], "cloud")
        assert before is not None
        assert len(before.users) == 2
        assert store.tenant_before(runs[0], "cloud") is None
        assert store.tenant_before(runs[3], "other") is None
