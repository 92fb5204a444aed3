"""What reports tell of earlier months: one entry a month, none a wrong clock dated, the same whenever it is asked."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from auditor.errors import HistoryError
from auditor.history.background import background_of, background_or_less, figures_of_run, in_order
from auditor.history.store import Run, Store
from reports.background import Background, Kept
from reports.figures import figures_of
from rules.model import Assessment, Finding
from tests.lab import licensed
from tests.lab.histories import assessment, keep, machine, missing, passing, unknown

JANUARY = datetime(2026, 1, 10, 6, 0, tzinfo=UTC)


def month(number: int, day: int = 10) -> datetime:
    """A morning, `number` months after January 2026."""
    year, index = divmod(number, 12)
    return datetime(2026 + year, index + 1, day, 6, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "history.sqlite") as store:
        store.database.rows("PRAGMA synchronous = OFF")  # nobody pulls the plug here
        yield store


def audited(as_of: datetime, *packages: str, absent: bool = False) -> Assessment:
    """One machine with missing fixes; with `absent` a second one that did not answer."""
    machines = (machine("web", identity="id-web"), *((machine("pc", reached=False),) if absent else ()))
    findings = [missing("web", package) for package in packages] or [passing("web")]
    return assessment(as_of, *findings, *((unknown("pc"),) if absent else ()), machines=machines)


def runs_in(trend: Background) -> list[int]:
    return [figures.run for figures in trend.trend]


def test_a_first_run_stands_alone(store: Store) -> None:
    run = keep(store, audited(JANUARY, "sudo"))
    found = background_of(store, run)
    assert runs_in(found) == [run]
    assert found.changes is None


def test_a_run_is_compared_with_the_one_before(store: Store) -> None:
    keep(store, audited(month(0), "sudo", "bash"))
    run = keep(store, audited(month(1), "sudo", "openssl"))
    changes = background_of(store, run).changes
    assert changes is not None
    assert changes.before == month(0)
    assert [change.key for change in changes.new] == ["openssl"]
    (fixed,) = changes.fixed
    assert (fixed.key, fixed.first_on, fixed.last_on, fixed.fixed_on) == (
        "bash",
        date(2026, 1, 10),
        date(2026, 1, 10),
        date(2026, 2, 10),
    )
    assert fixed.ref == missing("web", "bash").ref
    assert changes.still_open == 1
    assert changes.first_seen == {
        missing("web", "sudo").fingerprint: date(2026, 1, 10),
        missing("web", "openssl").fingerprint: date(2026, 2, 10),
    }


def test_deadlines_are_counted_from_release_to_installation(store: Store) -> None:
    released = date(2026, 1, 1)

    def fix(name: str, due_on: date) -> Finding:
        return missing("web", name, released_on=released, due_on=due_on)

    late, kept, untold = fix("a", date(2026, 1, 9)), fix("b", date(2026, 2, 10)), fix("c", date(2026, 1, 20))
    keep(store, assessment(month(0), late, kept, untold))
    run = keep(store, assessment(month(1), passing("web")))
    changes = background_of(store, run).changes
    assert changes is not None
    assert changes.deadlines == Kept(kept=1, missed=1, untold=1)
    assert {change.key: change.late for change in changes.fixed} == {"a": True, "b": False, "c": None}


def test_what_came_back_is_told_apart_from_what_is_new(store: Store) -> None:
    keep(store, audited(month(0), "sudo"))
    keep(store, audited(month(1)))
    run = keep(store, audited(month(2), "sudo", "bash"))
    changes = background_of(store, run).changes
    assert changes is not None
    assert ([change.key for change in changes.reopened], [change.key for change in changes.new]) == (["sudo"], ["bash"])
    assert changes.first_seen[missing("web", "sudo").fingerprint] == date(2026, 1, 10)


def test_a_machine_missed_for_months_is_compared_with_when_it_was_last_seen(store: Store) -> None:
    web, pc = machine("web", identity="w"), machine("pc", identity="p")
    keep(store, assessment(month(0), passing("web"), missing("pc", "sudo"), missing("pc", "bash"), machines=(web, pc)))
    away = machine("pc", reached=False)
    for number in (1, 2):
        run = keep(store, assessment(month(number), passing("web"), unknown("pc"), machines=(web, away)))
        changes = background_of(store, run).changes
        assert changes is not None
        assert sorted(change.key for change in changes.unseen) == ["bash", "sudo"]
        assert changes.first_seen[unknown("pc").fingerprint] == month(1).date()  # not audited since
    run = keep(store, assessment(month(3), passing("web"), missing("pc", "sudo"), machines=(web, pc)))
    changes = background_of(store, run).changes
    assert changes is not None
    assert ([one.key for one in changes.fixed], changes.new, changes.still_open) == (["bash"], (), 1)
    assert changes.first_seen == {missing("pc", "sudo").fingerprint: month(0).date()}


def test_an_interrupted_run_is_compared_for_what_it_looked_at(store: Store) -> None:
    both = (machine("web", identity="w"), machine("pc", identity="p"))
    keep(store, assessment(month(0), missing("web", "sudo"), missing("pc", "sudo"), machines=both))
    stopped = assessment(month(1), passing("web"), unknown("pc"), machines=(both[0], machine("pc", reached=False)))
    run = keep(store, stopped, interrupted=True)
    changes = background_of(store, run).changes
    assert changes is not None
    assert [change.subject for change in changes.fixed] == ["web"]
    assert [change.subject for change in changes.unseen] == ["pc"]
    after = background_of(
        store, keep(store, assessment(month(2), passing("web"), missing("pc", "sudo"), machines=both))
    )
    assert after.changes is not None
    assert (after.changes.before, after.changes.still_open, after.changes.new) == (month(1), 1, ())
    assert runs_in(after) == [1, 3]  # a run that was stopped is no month's result


def test_a_demonstration_is_never_compared_with_a_client(store: Store) -> None:
    keep(store, replace(audited(month(0), "sudo"), demo=True))
    found = background_of(store, keep(store, audited(month(1), "sudo")))
    assert (runs_in(found), found.changes) == ([2], None)


def test_ad_hoc_scans_of_other_machines_are_not_compared(store: Store) -> None:
    keep(store, assessment(month(0), missing("here", "sudo")))
    run = keep(store, assessment(month(1), missing("there", "sudo")))
    assert background_of(store, run) == Background(trend=(figures_of_run(store, store.run(run)),))
    again = background_of(store, keep(store, assessment(month(2), passing("here"))))
    assert again.changes is not None
    assert (again.changes.before, [change.subject for change in again.changes.fixed]) == (month(0), ["here"])
    assert runs_in(again) == [1, 3]


@pytest.mark.parametrize(("file", "trend"), [("scans.sqlite", [1, 3]), ("history.sqlite", [1, 2, 3])])
def test_a_scan_of_one_machine_is_no_month_of_an_estate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, trend: list[int]
) -> None:
    """Audits are of all a client has: in its own history the same runs are an estate that shrank and grew."""
    monkeypatch.setenv("AUDITOR_HOME", str(tmp_path))
    names = ("a", "b", "c", "d")
    with Store(tmp_path / file) as store:
        keep(store, assessment(month(0), *(passing(name) for name in names)))
        keep(store, assessment(month(1), passing("a")))
        run = keep(store, assessment(month(2), *(passing(name) for name in names)))
        assert runs_in(background_of(store, run)) == trend


def test_machines_of_two_clients_may_have_one_name(store: Store) -> None:
    keep(store, assessment(month(0), missing("srv", "sudo"), client="Levain"))
    run = keep(store, assessment(month(1), missing("srv", "sudo"), client="Fournil"))
    assert background_of(store, run).changes is None


def test_a_client_with_a_new_name_keeps_its_history(store: Store) -> None:
    first = audited(month(0), "sudo")
    keep(store, replace(first, client="Fournil SARL"))
    changes = background_of(store, keep(store, audited(month(1), "sudo"))).changes
    assert changes is not None
    assert (changes.still_open, changes.new) == (1, ())


def test_a_machine_with_a_new_name_keeps_its_findings(store: Store) -> None:
    keep(store, assessment(month(0), missing("pc-7", "sudo"), machines=(machine("pc-7", identity="x"),)))
    renamed = (machine("comptoir", identity="x"),)
    run = keep(store, assessment(month(1), missing("comptoir", "sudo"), machines=renamed))
    changes = background_of(store, run).changes
    assert changes is not None
    assert (changes.still_open, changes.new, changes.fixed, changes.unseen) == (1, (), (), ())
    assert changes.first_seen == {missing("comptoir", "sudo").fingerprint: month(0).date()}


def test_the_trend_has_one_entry_a_month_and_twelve_at_most(store: Store) -> None:
    for number in range(14):
        keep(store, audited(month(number, 3), "sudo"))
        keep(store, audited(month(number, 20), "sudo"))
    found = background_of(store, 27)
    assert runs_in(found) == [*range(6, 27, 2), 27]
    assert len(found.trend) == 12


def test_a_month_stands_for_its_last_complete_run(store: Store) -> None:
    keep(store, audited(month(0, 3), "sudo"))
    keep(store, audited(month(0, 20), "sudo", absent=True))
    keep(store, audited(month(1, 3), "sudo", absent=True))
    run = keep(store, audited(month(2), "sudo"))
    found = background_of(store, run)
    assert runs_in(found) == [1, 3, 4]
    assert [figures.complete for figures in found.trend] == [True, False, True]


def test_a_month_is_one_where_the_reader_lives(store: Store) -> None:
    """Half past midnight on 1 March in Paris is still February in UTC."""
    keep(store, audited(datetime(2026, 2, 28, 23, 30, tzinfo=UTC)))
    run = keep(store, audited(datetime(2026, 3, 20, 6, 0, tzinfo=UTC)))
    assert runs_in(background_of(store, run)) == [2]
    assert runs_in(background_of(store, run, zone="UTC")) == [1, 2]


def test_a_run_whose_clock_was_wrong_does_not_break_the_trend(store: Store) -> None:
    moments = [
        month(0),
        month(1),
        datetime(2019, 1, 1, tzinfo=UTC),
        month(2),
        datetime(2031, 1, 1, tzinfo=UTC),
        month(3),
    ]
    for moment in moments:
        keep(store, audited(moment, "sudo"))
    assert runs_in(background_of(store, 6)) == [1, 2, 4, 6]
    changes = background_of(store, 6).changes
    assert changes is not None
    assert changes.still_open == 1  # runs are compared in the order they were made


def test_the_longest_series_of_rising_dates_is_kept() -> None:
    def run(number: int, days: int) -> Run:
        moment = JANUARY + timedelta(days=days)
        return Run(
            id=number,
            client="x",
            started_at=moment,
            finished_at=moment,
            product_version="",
            state="finished",
            demo=False,
            as_of=moment,
        )

    runs = [run(number, days) for number, days in enumerate([0, 5, 5, 900, 7, -300, 9])]
    assert [one.id for one in in_order(runs, JANUARY + timedelta(days=9))] == [0, 1, 2, 4, 6]
    assert [one.id for one in in_order(runs, JANUARY - timedelta(days=1))] == [5]
    assert in_order([], JANUARY) == []


def test_figures_are_stored_once_they_were_asked_for(store: Store) -> None:
    found = licensed.licensed()
    run = keep(store, found)
    figures = figures_of_run(store, store.run(run))
    assert figures == figures_of(found, run)
    store.database.connection.execute("DELETE FROM assessments")
    assert figures_of_run(store, store.run(run)) == figures


def test_a_run_that_could_not_be_stored_is_still_compared(store: Store) -> None:
    """The disk was full when the run ended: its report compares it all the same."""
    keep(store, audited(month(0), "sudo", "bash"))
    now = audited(month(1), "sudo", "openssl")
    run = store.begin(client="Fournil", started_at=now.started_at, product_version="0.1.0")
    told = background_of(store, run, now)
    with pytest.raises(HistoryError, match="stopped before"):
        background_of(store, run)
    store.conclude(run, now, interrupted=False)
    assert background_of(store, run) == told


def test_a_history_that_fails_costs_the_comparison_and_not_the_report(store: Store) -> None:
    now = audited(month(1), "sudo")
    run = keep(store, now)
    store.close()
    assert background_or_less(store, run, now) == Background(trend=(figures_of(now, run),))


def test_what_a_report_told_stays_what_it_tells(store: Store) -> None:
    """Later runs, and figures computed later, change nothing in the background of an earlier one."""
    told = []
    for number, packages in enumerate((("a", "b"), ("b", "c"), ("a", "c"), ("c",))):
        found = audited(month(number), *packages, absent=number == 2)
        told.append(background_of(store, keep(store, found), found))
    assert [background_of(store, number) for number in (1, 2, 3, 4)] == told


def test_a_report_written_again_is_the_same_byte_for_byte(
    auditor: Callable[..., Result], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auditor report --run` from the history alone gives what the run itself wrote, in any language."""
    from auditor.demo.company import prepare
    from auditor.rendering import Wish
    from auditor.session import session

    folder = tmp_path / "demo"
    folder.mkdir()
    demonstration = prepare(folder, "fr")
    wishes = [("--lang", "fr", "--no-annex"), ("--lang", "en", "--export", "csv")]
    for number in range(2):
        moment = month(number)
        plan = replace(demonstration.plan, as_of=moment, clock=lambda moment=moment: moment)
        language, annex = ("fr", False) if number == 0 else ("en", True)
        exports = () if number == 0 else ("csv",)
        wish = Wish(folder=tmp_path / f"then-{number}", languages=(language,), annex=annex, exports=exports)
        session(plan, wish, history=demonstration.history, feeds_folder=demonstration.feeds_folder)
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("no network is needed"))
    for number, options in enumerate(wishes):
        again = tmp_path / f"again-{number}"
        result = auditor("report", demonstration.history, "--run", str(number + 1), *options, "-o", again)
        assert result.exit_code == 0, result.output
        then = {file.name: file.read_bytes() for file in (tmp_path / f"then-{number}").iterdir()}
        assert {file.name: file.read_bytes() for file in again.iterdir()} == then
        assert len(then) == (1, 3)[number]


def test_figures_of_a_read_only_history_are_told_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        run = keep(store, audited(JANUARY, "sudo"))
    with Store(path) as store:
        store.database.connection.execute("PRAGMA query_only = ON")
        assert figures_of_run(store, store.run(run)).run == run
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM figures").fetchone() == (0,)
    connection.close()
