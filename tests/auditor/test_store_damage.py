"""A history that is damaged is set aside, a clock that was set back is told: never in silence, and nothing is lost."""

import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from auditor.errors import HistoryDamaged, HistoryError
from auditor.history.background import background_or_less, figures_of_run
from auditor.history.keeping import opened_for_run
from auditor.history.store import Store
from tests.lab.histories import assessment, keep, missing

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A history with one run in it."""
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        keep(store, assessment(NOW - timedelta(days=30), *(missing("web", f"p{number}") for number in range(300))))
    return path


def _scribble(path: Path) -> None:
    """Overwrite pages in the middle, as a failing disk does."""
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 8))


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _overwrite(path: Path) -> None:
    path.write_bytes(b"\0" * 20_000)


def _scribble_over_the_first_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(4096))


@pytest.mark.parametrize("damage", [_scribble, _scribble_over_the_first_page, _cut, _overwrite])
def test_a_damaged_history_is_set_aside_with_the_date_and_the_run_goes_on(
    path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    content = path.read_bytes()
    store, (note,) = opened_for_run(path, NOW)
    with store:
        run = keep(store, assessment(NOW, missing("web", "sudo")))
        assert [one.id for one in store.runs()] == [run]
    aside = path.with_name("history-damaged-2026-11-22.sqlite")
    assert aside.read_bytes() == content
    assert aside.name in note
    assert "earlier months are missing" in note


@pytest.mark.parametrize("column", ["started_at", "as_of"])
def test_a_value_nobody_can_read_is_damage_too(path: Path, column: str) -> None:
    """SQLite keeps no checksums: a table can be sound and a day in it no day."""
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE runs SET {column} = '2026-1x-01'")
    connection.commit()
    connection.close()
    with pytest.raises(HistoryDamaged, match="2026-1x-01"), Store(path) as store:
        store.runs()
    store, (note,) = opened_for_run(path, NOW)
    with store:
        assert store.runs() == ()
    assert "set aside" in note


def test_a_finding_nobody_can_read_costs_the_comparison_and_no_report(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE findings SET first_on = 'soon'")
    connection.commit()
    connection.close()
    found = assessment(NOW, missing("web", "sudo"))
    with Store(path) as store:
        run = store.begin(client=found.client, started_at=NOW, product_version="0.1.0")
        with pytest.raises(HistoryDamaged):
            store.conclude(run, found, interrupted=False)
        assert background_or_less(store, run, found).changes is None


def test_figures_nobody_can_read_are_made_anew(path: Path) -> None:
    with Store(path) as store:
        told = figures_of_run(store, store.run(1))
        with store.database.transaction() as connection:
            connection.execute("UPDATE figures SET body = '{'")
        assert figures_of_run(store, store.run(1)) == told
        assert store.database.row("SELECT body FROM figures")[0] != "{"


def test_a_second_damaged_history_of_a_day_does_not_replace_the_first(path: Path) -> None:
    for _ in range(2):
        _overwrite(path)
        opened_for_run(path, NOW)[0].close()
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "history-damaged-2026-11-22-2.sqlite",
        "history-damaged-2026-11-22.sqlite",
        "history.sqlite",
    ]


def test_a_new_history_another_process_began_meanwhile_is_not_set_aside(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both found the damage; the other one was faster."""
    _overwrite(path)
    faster = iter([True])

    def store_of(found: Path) -> Store:
        if next(faster, False):
            opened_for_run(path, NOW)[0].close()
            raise HistoryDamaged(str(path), "damaged.")
        return Store(found)

    monkeypatch.setattr("auditor.history.keeping.Store", store_of)
    store, notes = opened_for_run(path, NOW)
    with store:
        assert notes == ()
        assert store.runs() == ()
    assert len(list(path.parent.glob("history-damaged*"))) == 1


def test_a_database_of_another_program_is_not_set_aside(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "history.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE precious (x)")
    other.close()
    with pytest.raises(HistoryError, match="another program"):
        opened_for_run(path, NOW)
    assert [file.name for file in tmp_path.iterdir()] == ["history.sqlite"]


def test_a_file_that_never_was_a_history_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"precious notes" * 100)
    with pytest.raises(HistoryError, match="no history of ours"):
        opened_for_run(path, NOW)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"precious notes" * 100]


def test_reading_a_damaged_history_says_what_to_do(path: Path, auditor: Callable[..., Result]) -> None:
    _overwrite(path)
    result = auditor("history", path)
    assert result.exit_code == 2
    assert "damaged" in result.stderr
    assert "backup" in result.stderr
    assert path.exists()


def test_a_run_over_a_damaged_history_tells_the_operator(
    auditor: Callable[..., Result], home: Path, tmp_path: Path
) -> None:
    home.mkdir()
    (home / "scans.sqlite").write_bytes(b"\0" * 5000)
    result = auditor("scan", "ssh://nobody@127.0.0.1:1", "--json")
    assert "set aside as scans-damaged-" in result.stderr
    assert len(list(home.glob("scans-damaged-*.sqlite"))) == 1


def test_a_clock_that_was_set_back_is_told_and_runs_keep_their_order(path: Path) -> None:
    store, notes = opened_for_run(path, NOW)
    store.close()
    assert notes == ()
    store, (note,) = opened_for_run(path, NOW - timedelta(days=90))
    with store:
        assert "run 1 began on 2026-10-23" in note
        assert "one of them was wrong" in note
        run = keep(store, assessment(NOW - timedelta(days=90), missing("web", "sudo")))
        assert store.latest().id == run
        assert store.run(run).before == 1


def test_a_few_minutes_between_two_machines_are_no_wrong_clock(path: Path) -> None:
    with Store(path) as store:
        store.begin(client="Fournil", started_at=NOW + timedelta(minutes=3), product_version="0.1.0")
    store, notes = opened_for_run(path, NOW)
    store.close()
    assert notes == ()
