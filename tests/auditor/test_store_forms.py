"""Histories of older and newer versions: brought up to date where they can be written, read where they cannot.

`old_histories/form-N.sqlite` were written by the versions of their time, run for run the same: January with two
machines, February stopped with one of them not reached, March with both, and a run that never came to an end.
"""

import multiprocessing
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import Result

from auditor.errors import HistoryError
from auditor.history.background import background_of
from auditor.history.schema import FORM
from auditor.history.store import Store
from reports.background import Background, Kept
from tests.lab.histories import assessment, keep, missing

_OLD = Path(__file__).with_name("old_histories")
FORMS = (1, 2)


@pytest.fixture(params=FORMS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A history as the version of that form left it."""
    path = tmp_path / "history.sqlite"
    shutil.copyfile(_OLD / f"form-{request.param}.sqlite", path)
    return path


def form_of(path: Path) -> int:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


@contextmanager
def unwritable(path: Path) -> Iterator[Path]:
    """A copy that this process may read and not write, whoever runs the tests."""
    told_by(
        Path(shutil.copyfile(path, path.with_name("warm.sqlite")))
    )  # loads all modules, as long as they can be read
    folder = Path(tempfile.mkdtemp(prefix="auditor-test-"))
    root = os.geteuid() == 0
    try:
        copy = Path(shutil.copyfile(path, folder / path.name))
        copy.chmod(0o444)
        folder.chmod(0o555)
        if root:
            os.seteuid(65534)
        yield copy
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def told_by(path: Path) -> list[Background]:
    with Store(path) as store:
        return [background_of(store, run.id) for run in reversed(store.runs()) if run.concluded]


def check_what_is_told(found: list[Background]) -> None:
    """By hand, from what the runs saw."""
    january, february, march = found
    assert january.changes is None
    assert [figures.run for figures in march.trend] == [1, 3]
    assert february.changes is not None
    assert [change.key for change in february.changes.new] == ["curl"]
    assert [change.subject for change in february.changes.unseen] == ["pc"]
    assert {change.key: change.late for change in february.changes.fixed} == {"sudo": True, "bash": False}
    assert march.changes is not None
    assert march.changes.before == datetime(2026, 2, 5, 6, 0, tzinfo=UTC)
    assert march.changes.still_open == 1  # openssl on pc, which February did not reach
    assert march.changes.first_seen[missing("pc", "openssl").fingerprint] == date(2026, 1, 5)
    assert [change.key for change in march.changes.new] == ["sudo"]  # a later fix of a package fixed in February
    assert march.changes.reopened == ()
    assert march.changes.deadlines == Kept(untold=1)


def test_an_old_history_is_brought_up_to_date_with_all_it_knew(old: Path) -> None:
    before = form_of(old)
    check_what_is_told(told_by(old))
    assert (before < FORM, form_of(old)) == (True, FORM)
    with Store(old) as store:
        assert [run.state for run in store.runs()] == ["running", "finished", "interrupted", "finished"]
        assert len(store.assessment(1).findings) == 3
        assert [snapshot.target.name for snapshot in store.snapshots(1)] == ["pc", "web"]
        assert [tenant.target.name for tenant in store.tenants(1)] == (["m365"] if before == 2 else [])
        run = keep(
            store, assessment(datetime(2026, 4, 5, tzinfo=UTC), missing("web", "sudo"), missing("pc", "openssl"))
        )
        changes = background_of(store, run).changes
        assert changes is not None
        assert (changes.still_open, changes.new) == (2, ())


def test_an_old_history_that_cannot_be_written_is_read_as_it_is(old: Path) -> None:
    content = old.read_bytes()
    with unwritable(old) as copy:
        check_what_is_told(told_by(copy))
        with Store(copy) as store:
            assert [tenant.target.name for tenant in store.tenants(1)] in ([], ["m365"])
            with pytest.raises(HistoryError, match="can only be read"):
                store.begin(client="x", started_at=datetime.now(UTC), product_version="0")
        assert copy.read_bytes() == content


def test_a_new_history_that_cannot_be_written_is_read_and_refuses_a_run(old: Path) -> None:
    expected = told_by(old)
    with unwritable(old) as copy:
        assert told_by(copy) == expected
        with Store(copy) as store, pytest.raises(HistoryError, match="cannot be written"):
            store.begin(client="x", started_at=datetime.now(UTC), product_version="0")


def test_reports_of_an_old_history_are_written_without_network(
    old: Path, auditor: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("no network is needed"))
    result = auditor("report", old, "--run", "3", "--lang", "en", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert any((tmp_path / "out").iterdir())


def test_a_change_of_form_that_breaks_leaves_the_file_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form, rows = form_of(old), _rows(old)
    with monkeypatch.context() as patch:
        patch.setattr("auditor.history.database.compare", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            Store(old)
    assert (form_of(old), _rows(old)) == (form, rows)
    check_what_is_told(told_by(old))


def _rows(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    finally:
        connection.close()


def _open(path: str, gate: str) -> None:
    while not Path(gate).exists():
        time.sleep(0.001)
    Store(Path(path)).close()


def test_several_processes_bring_one_history_up_to_date_at_once(old: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    gate = tmp_path / "go"
    processes = [context.Process(target=_open, args=(str(old), str(gate))) for _ in range(3)]
    for process in processes:
        process.start()
    gate.touch()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    check_what_is_told(told_by(old))


def test_a_history_of_a_newer_auditor_is_refused_and_left_alone(old: Path) -> None:
    connection = sqlite3.connect(old)
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    content = old.read_bytes()
    with pytest.raises(HistoryError, match=r"newer auditor.*Install the newer auditor"):
        Store(old)
    assert old.read_bytes() == content


def test_a_new_history_has_the_form_an_old_one_is_given(old: Path, tmp_path: Path) -> None:
    """However it came about, every table has the same columns in the same order."""

    def columns(path: Path) -> dict[str, list[str]]:
        with Store(path) as store:
            tables = [row[0] for row in store.database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {table: [row[1] for row in store.database.rows(f"PRAGMA table_info({table})")] for table in tables}

    assert columns(tmp_path / "new.sqlite") == columns(old)
