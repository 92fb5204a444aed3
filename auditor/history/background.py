"""What a report tells beside its own run: the months before, and what changed. Read from the history.

Only what was known when the run ended is told: written again later, a report says the same.
"""

import logging
import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec

from auditor import paths
from auditor.errors import HistoryError
from auditor.history.comparing import (
    FIXED,
    NEW,
    REOPENED,
    UNSEEN,
    Changed,
    alike,
    changed,
    changes_of,
    compared_with_before,
    look_at,
    subjects_of,
)
from auditor.history.store import Run, Store
from reports.background import Background, Change, Changes, Figures, Kept
from reports.texts import DEFAULT_ZONE
from rules.changes import Deadline, Subject
from rules.model import Assessment

_log = logging.getLogger(__name__)

MONTHS = 12
_FIGURES = msgspec.json.Decoder(Figures)
_LATE = {Deadline.KEPT: False, Deadline.MISSED: True}


def background_of(
    store: Store, run: int, assessment: Assessment | None = None, *, zone: str = DEFAULT_ZONE
) -> Background:
    """Everything beside a run: its trend of at most twelve months, and what changed since the run before.

    `assessment` is what the run concluded, where it is at hand; it must be given for a run that could not be stored.
    A month is one of `zone`, where the reader lives. Raises HistoryError.
    """
    this = store.run(run)
    own = figures_of_run(store, this, assessment)
    changes = changes_of_run(store, this) if this.concluded else _changes_unstored(store, this, assessment)
    return Background(trend=(*_trend(store, this, own, ZoneInfo(zone)), own), changes=changes)


def background_or_less(store: Store, run: int, assessment: Assessment) -> Background:
    """The same where a history that fails must not cost the report: then the run stands alone."""
    from reports.figures import figures_of

    try:
        return background_of(store, run, assessment)
    except HistoryError as error:
        _log.warning("history: %s", error)
        return Background(trend=(figures_of(assessment, run),))


def figures_of_run(store: Store, run: Run, assessment: Assessment | None = None) -> Figures:
    """The key figures of a run: as stored, else from what it concluded, and stored then where that is possible.

    Stored ones that cannot be read any more are made anew.

    Raises HistoryError for a run that concluded nothing, or whose conclusion is no longer kept.
    """
    from reports.figures import figures_of

    row = store.database.row("SELECT body FROM figures WHERE run_id = ?", (run.id,))
    if row is not None:
        with suppress(msgspec.DecodeError):
            return _FIGURES.decode(row[0])
    figures = figures_of(assessment or store.assessment(run.id), run.id)
    if run.concluded:
        with suppress(HistoryError), store.database.transaction() as connection:
            store_figures(connection, figures)
    return figures


def store_figures(connection: sqlite3.Connection, figures: Figures) -> None:
    """Keep the key figures of a run, inside the transaction of whoever calls."""
    row = (figures.run, figures.complete, msgspec.json.encode(figures).decode())
    connection.execute("INSERT OR REPLACE INTO figures VALUES (?, ?, ?)", row)


def changes_of_run(store: Store, run: Run) -> Changes | None:
    """What changed between a run and the one before, as it was told then; None where there is no run before."""
    if run.before is None:
        return None
    with store.database.guarded():
        rows = changes_of(store.database.connection, run.id)
    found = store.database.rows(
        "SELECT fingerprint, outcome, first_on FROM findings WHERE run_id = ? AND outcome IN ('fail', 'unknown')",
        (run.id,),
    )
    with store.database.guarded():
        first_on = {row[0]: date.fromisoformat(row[2]) for row in found if row[2]}
    open_now = sum(row[1] == "fail" for row in found)
    return _worded(store.run(run.before), run.as_of, rows, first_on, open_now)


def _changes_unstored(store: Store, run: Run, assessment: Assessment | None) -> Changes | None:
    """The same of a run whose conclusion could not be stored."""
    if assessment is None:
        raise HistoryError(str(store.path), f"run {run.id} was stopped before it concluded anything.")
    with store.database.guarded():
        base, found = compared_with_before(store.database.connection, run.id, look_at(assessment))
    if base is None:
        return None
    open_now = len(found.new) + len(found.reopened) + found.still_open
    return _worded(store.run(base.run), assessment.as_of, changed(found), found.first_on, open_now)


def _worded(
    before: Run, as_of: datetime | None, rows: Sequence[Changed], first_on: Mapping[str, date], open_now: int
) -> Changes | None:
    if before.as_of is None or as_of is None:
        return None
    day = as_of.astimezone(UTC).date()
    by_kind: defaultdict[str, list[Change]] = defaultdict(list)
    for row in rows:
        by_kind[row.change].append(_change(row, day))
    deadlines = [row.deadline for row in rows if row.change == FIXED]
    return Changes(
        before=before.as_of,
        new=tuple(by_kind[NEW]),
        fixed=tuple(by_kind[FIXED]),
        reopened=tuple(by_kind[REOPENED]),
        unseen=tuple(by_kind[UNSEEN]),
        still_open=open_now - len(by_kind[NEW]) - len(by_kind[REOPENED]),
        first_seen=dict(first_on),
        deadlines=kept(deadlines),
    )


def kept(deadlines: Iterable[Deadline]) -> Kept:
    """Count what became of deadlines."""
    found = list(deadlines)
    return Kept(
        kept=found.count(Deadline.KEPT), missed=found.count(Deadline.MISSED), untold=found.count(Deadline.UNTOLD)
    )


def _change(row: Changed, day: date) -> Change:
    one = row.sighting
    return Change(
        ref=f"F-{one.fingerprint[:8].upper()}",
        fingerprint=one.fingerprint,
        rule=one.rule,
        subject=one.subject,
        key=one.key,
        severity=one.severity,
        first_on=one.first_on,
        last_on=one.last_on,
        fixed_on=day if row.change == FIXED else None,
        released_on=one.released_on,
        due_on=one.due_on,
        late=_LATE.get(row.deadline),
    )


def _trend(store: Store, this: Run, own: Figures, zone: ZoneInfo) -> tuple[Figures, ...]:
    """The last complete run of each of the eleven months before, or where there is none the last one, oldest first.

    Runs of another estate are left out, and those whose clock was wrong. In a client's own history any machine in
    common makes it the same estate, however it grew; ad hoc scans share a history, and are of many sizes.
    """
    last = _month(own.as_of, zone)
    months: defaultdict[int, list[Run]] = defaultdict(list)
    for run in in_order(_finished_before(store, this), own.as_of):
        if run.as_of is not None and last - MONTHS < _month(run.as_of, zone) < last:
            months[_month(run.as_of, zone)].append(run)
    found: list[Figures] = []
    with store.database.guarded():
        known: Sequence[Subject] = subjects_of(store.database.connection, this.id)
    ad_hoc = store.path.absolute() == paths.scan_history().absolute()
    for month in sorted(months, reverse=True):
        chosen = _chosen(store, reversed(months[month]), known, this.client, ad_hoc=ad_hoc)
        if chosen is not None:
            figures, known = chosen
            found.append(figures)
    return tuple(reversed(found))


def _chosen(
    store: Store, runs: Iterable[Run], known: Sequence[Subject], client: str, *, ad_hoc: bool
) -> tuple[Figures, Sequence[Subject]] | None:
    """Figures and subjects of the first run that was complete, else of the first; only of one about the same estate."""
    spare = None
    for run in runs:
        with store.database.guarded():
            subjects = subjects_of(store.database.connection, run.id)
        shared = alike(subjects, known, same_client=run.client == client)
        if known and (not shared or (ad_hoc and 2 * shared < max(len(subjects), len(known)))):
            continue
        try:
            figures = figures_of_run(store, run)
        except HistoryError as error:  # from a version that kept no figures, and pruned since
            _log.debug("no figures of run %s: %s", run.id, error)
            continue
        if figures.complete:
            return figures, subjects
        spare = spare or (figures, subjects)
    return spare


def _finished_before(store: Store, this: Run) -> list[Run]:
    runs = (run for run in store.runs() if run.id < this.id and run.state == "finished" and run.demo == this.demo)
    return list(reversed(list(runs)))


def in_order(runs: Sequence[Run], until: datetime) -> list[Run]:
    """Runs, oldest first, without those that a wrong clock dated: the longest series of rising dates up to `until`."""
    dated = [(run.as_of, run) for run in runs if run.as_of is not None and run.as_of <= until]
    ends: list[datetime] = []
    places: list[int] = []
    before: list[int | None] = []
    for place, (moment, _) in enumerate(dated):
        length = bisect_right(ends, moment)
        before.append(places[length - 1] if length else None)
        ends[length : length + 1] = [moment]
        places[length : length + 1] = [place]
    found: list[Run] = []
    at = places[-1] if places else None
    while at is not None:
        found.append(dated[at][1])
        at = before[at]
    return found[::-1]


def _month(moment: datetime, zone: ZoneInfo) -> int:
    """Months since year 0, where the reader lives."""
    local = moment.astimezone(zone)
    return local.year * 12 + local.month - 1
