"""What `auditor history` shows: runs with their figures, what changed in each, deadlines kept, the feeds of a run."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.errors import HistoryError
from auditor.history.background import changes_of_run, figures_of_run
from auditor.history.store import Run, Store
from reports.background import Changes, Figures, Kept
from rules.changes import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One run: its figures (None where it concluded nothing), and how many findings came and went.

    `counts` are those of "new", "fixed", "reopened" and "unseen"; empty where there is no run to compare with.
    """

    run: Run
    figures: Figures | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    deadlines: Kept = field(default_factory=Kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rested:
    """An advisory feed a run rested on; the moments are ISO timestamps in UTC, None where there is none."""

    name: str
    title: str
    fetched_at: str | None
    published_at: str | None
    sha256: str
    stale: bool


def lines(store: Store, last: int) -> tuple[Line, ...]:
    """The newest `last` runs, newest first."""
    runs = store.runs()[:last]
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    deadlines: defaultdict[int, Counter[str]] = defaultdict(Counter)
    oldest = min((run.id for run in runs), default=0)
    for run, change, deadline, count in store.database.rows(
        "SELECT run_id, change, deadline, count(*) FROM changes WHERE run_id >= ? GROUP BY run_id, change, deadline",
        (oldest,),
    ):
        counts[run][change] += count
        deadlines[run][deadline] += count
    return tuple(
        Line(
            run=run,
            figures=_figures(store, run),
            counts=(
                {}
                if run.before is None
                else {name: counts[run.id][name] for name in ("new", "fixed", "reopened", "unseen")}
            ),
            deadlines=Kept(
                kept=deadlines[run.id][Deadline.KEPT],
                missed=deadlines[run.id][Deadline.MISSED],
                untold=deadlines[run.id][Deadline.UNTOLD],
            ),
        )
        for run in runs
    )


def line_of(store: Store, run: Run) -> tuple[Line, Changes | None]:
    """One run, and everything that changed in it."""
    changes = changes_of_run(store, run)
    counts: Mapping[str, int] = {}
    if changes is not None:
        counts = {
            "new": len(changes.new),
            "fixed": len(changes.fixed),
            "reopened": len(changes.reopened),
            "unseen": len(changes.unseen),
        }
    deadlines = Kept() if changes is None else changes.deadlines
    return Line(run=run, figures=_figures(store, run), counts=counts, deadlines=deadlines), changes


def rested_on(store: Store, run: int) -> tuple[Rested, ...]:
    """The feeds of a run by name; none where the run is older than this was kept."""
    rows = store.database.rows(
        "SELECT name, title, fetched_at, published_at, sha256, stale FROM feed_states WHERE run_id = ? ORDER BY name",
        (run,),
    )
    return tuple(
        Rested(name=row[0], title=row[1], fetched_at=row[2], published_at=row[3], sha256=row[4], stale=bool(row[5]))
        for row in rows
    )


def _figures(store: Store, run: Run) -> Figures | None:
    if not run.concluded:
        return None
    try:
        return figures_of_run(store, run)
    except HistoryError:  # its conclusion is no longer kept, or cannot be read any more
        return None
