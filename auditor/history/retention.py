"""How long a history keeps what it holds: evidence for some years, people for some months, figures and findings always.

What is removed is gone from the file itself: SQLite overwrites it (secure_delete) and the file is packed anew where
there is room to. The newest finished run is never removed.
"""

import logging
import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime

from auditor.errors import HistoryError
from auditor.history.anonymity import (
    Pseudonyms,
    accounts_of,
    assessment_without_people,
    host_without_people,
    people_in,
    tenant_without_people,
)
from auditor.history.background import figures_of_run, store_figures
from auditor.history.packing import UNREADABLE, pack, pack_assessment, unpack, unpack_assessment, unpack_tenant
from auditor.history.store import Run, Store
from auditor.history.tables import HistorySettings, months_before
from reports.background import Figures

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What was removed: runs that lost their evidence, runs that lost their people; `problem` is why not all of it."""

    evidence: tuple[int, ...] = ()
    people: tuple[int, ...] = ()
    problem: str = ""


def purge(store: Store, terms: HistorySettings, moment: datetime) -> Purged:
    """Remove what is past its time on the day of `moment`, run by run. Raises HistoryError."""
    day = moment.astimezone(UTC).date()
    runs = store.runs()
    newest = next((run.id for run in runs if run.state == "finished"), None)
    kept = _with_bodies(store)
    old = [
        run
        for run in reversed(runs)
        if run.id != newest and run.id in kept and _day_of(run) < months_before(day, terms.keep_months)
    ]
    known = _with_people(store)
    personal = [
        run
        for run in reversed(runs)
        if run.id in known and run not in old and _day_of(run) < months_before(day, terms.personal_data_months)
    ]
    if not old and not personal:
        return Purged()
    store.database.rows("PRAGMA secure_delete = ON")
    for run in old:
        _remove_evidence(store, run)
    for run in personal:
        _remove_people(store, run, terms.personal_data_months)
    return Purged(
        evidence=tuple(run.id for run in old), people=tuple(run.id for run in personal), problem=_packed_anew(store)
    )


def purge_after_run(store: Store, run: int, terms: HistorySettings) -> Purged:
    """The same at the end of a run, counted from it or the run before, the earlier: one wrong clock removes nothing."""
    ended = [one for one in store.runs() if one.id <= run and one.as_of is not None]
    before = next((one for one in ended if one.id < run and one.state == "finished"), None)
    if before is None:
        return Purged()
    moments = [one.as_of for one in (ended[0], before) if one.as_of is not None]
    return purge(store, terms, min(moments))


def _day_of(run: Run) -> date:
    return (run.as_of or run.started_at).astimezone(UTC).date()


def _with_bodies(store: Store) -> frozenset[int]:
    rows = store.database.rows("SELECT run_id FROM snapshots UNION SELECT run_id FROM assessments")
    return frozenset(row[0] for row in rows)


def _with_people(store: Store) -> frozenset[int]:
    rows = store.database.rows("SELECT id FROM runs WHERE NOT people_removed")
    return frozenset(row[0] for row in rows)


def _figures(store: Store, run: Run) -> Figures | None:
    """The figures that stay; None where there never were any, or its conclusion cannot be read any more."""
    if not run.concluded:
        return None
    try:
        return figures_of_run(store, run)
    except HistoryError as error:
        if isinstance(error.__cause__, sqlite3.Error):  # it is the file that does not answer: nothing is removed
            raise
        return None


def _remove_evidence(store: Store, run: Run) -> None:
    figures = _figures(store, run)
    with store.database.transaction() as connection:
        if figures is not None:
            store_figures(connection, figures)
        connection.execute("DELETE FROM snapshots WHERE run_id = ?", (run.id,))
        connection.execute("DELETE FROM assessments WHERE run_id = ?", (run.id,))
        _forget_keys(store, run)


def _remove_people(store: Store, run: Run, months: int) -> None:
    """Write what is kept of a run anew, without its people; what cannot be read any more is removed."""
    figures = _figures(store, run)
    with store.database.transaction() as connection:
        if figures is not None:
            store_figures(connection, figures)
        names: set[str] = set()
        rows = connection.execute("SELECT target, body FROM snapshots WHERE run_id = ? AND kind = 'tenant'", (run.id,))
        for target, body in rows.fetchall():
            try:
                tenant = unpack_tenant(body)
            except UNREADABLE:
                connection.execute("DELETE FROM snapshots WHERE run_id = ? AND target = ?", (run.id, target))
                continue
            names |= people_in((tenant,))
            plain = pack(tenant_without_people(tenant, months))
            connection.execute("UPDATE snapshots SET body = ? WHERE run_id = ? AND target = ?", (plain, run.id, target))
        pseudonyms = Pseudonyms(names)
        pseudonyms.learn(_rewrite_hosts(store, run, pseudonyms))
        _rewrite_assessment(store, run, pseudonyms)
        _forget_keys(store, run)


def _rewrite_hosts(store: Store, run: Run, pseudonyms: Pseudonyms) -> set[str]:
    """Write the machines of a run anew; give the names of all accounts that were on them."""
    accounts: set[str] = set()
    connection = store.database.connection
    targets = connection.execute("SELECT target FROM snapshots WHERE run_id = ? AND kind = 'host'", (run.id,))
    for (target,) in targets.fetchall():
        place = (run.id, target)
        (body,) = connection.execute("SELECT body FROM snapshots WHERE run_id = ? AND target = ?", place).fetchone()
        try:
            host = unpack(body)
            pseudonyms.learn(here := accounts_of(host))
            plain = pack(host_without_people(host, pseudonyms))
        except UNREADABLE:
            connection.execute("DELETE FROM snapshots WHERE run_id = ? AND target = ?", place)
        else:
            accounts |= here
            connection.execute("UPDATE snapshots SET body = ? WHERE run_id = ? AND target = ?", (plain, *place))
    return accounts


def _rewrite_assessment(store: Store, run: Run, pseudonyms: Pseudonyms) -> None:
    connection = store.database.connection
    row = connection.execute("SELECT body FROM assessments WHERE run_id = ?", (run.id,)).fetchone()
    if row is None:
        return
    try:
        plain = pack_assessment(assessment_without_people(unpack_assessment(row[0]), pseudonyms))
    except UNREADABLE:
        connection.execute("DELETE FROM assessments WHERE run_id = ?", (run.id,))
    else:
        connection.execute("UPDATE assessments SET body = ? WHERE run_id = ?", (plain, run.id))


def _forget_keys(store: Store, run: Run) -> None:
    """Addresses that stand in for an object id; fingerprints stay, so that what was found is found again."""
    connection = store.database.connection
    for table in ("findings", "changes"):
        connection.execute(
            f"UPDATE {table} SET key = '' WHERE run_id = ? AND person AND key LIKE '%@%'",  # noqa: S608 - our names
            (run.id,),
        )
    connection.execute("UPDATE runs SET people_removed = 1 WHERE id = ?", (run.id,))


def _packed_anew(store: Store) -> str:
    """Give the room back; where that fails (no room for a copy, another process reads), what was removed is gone."""
    try:
        store.database.rows("VACUUM")
    except HistoryError as error:
        _log.debug("history: %s", error)
        return str(error)
    return ""
