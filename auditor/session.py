"""One command's run from plans to files, words and an exit code: what `scan`, `audit`, `demo` and `firstrun` share."""

from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.delivery import prepare_folder
from auditor.exits import Exit
from auditor.history.keeping import opened_for_run
from auditor.history.tables import HistorySettings
from auditor.lock import sole_run
from auditor.outcomes import Outcomes
from auditor.output import Refused
from auditor.pipeline import Course, Plan, begin, collect, finish
from auditor.progress import for_terminal, shown
from auditor.rendering import Wish, check_wish
from auditor.stopping import outliving_the_terminal

if TYPE_CHECKING:
    from auditor.mailing.monthly import Order
    from collectors.feeds.cache import FeedStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done for one client; `client` is its folder as the operator named it ("": there is only one).

    `terms` say how long its history keeps what it holds. `mail` says how its report is mailed, None: not at all.
    """

    plan: Plan
    wish: Wish
    history: Path
    client: str = ""
    terms: HistorySettings = field(default_factory=HistorySettings)
    mail: "Order | None" = None


def session(plan: Plan, wish: Wish, *, history: Path, feeds_folder: Path) -> Exit:
    """Run a plan, write what is wished for, tell the operator, and return the exit code.

    Everything that can be refused beforehand (folders, languages, exports, history) is refused before any machine is
    visited. A report that cannot be written leaves the run in the history, and exit code 2.
    """
    job = Job(plan=plan, wish=wish, history=history)
    return sessions((job,), feeds_folder=feeds_folder, as_json=wish.as_json)


def sessions(
    jobs: Sequence[Job],
    *,
    feeds_folder: Path,
    refused: Sequence[Refused] = (),
    overview: Path | None = None,
    several: bool = False,
    as_json: bool = False,
) -> Exit:
    """Run the plans of several clients at once, as `session` does with one; `refused` are those that have none.

    What goes wrong on our side with one client (its history, its folder, a defect of ours) is told, gives exit code 2
    in the end, and costs no other client anything; with a single one it is raised, unless `several` could have been
    meant. In the folder `overview` the provider finds all of them on one page.
    """
    from collectors.feeds.cache import FeedStore

    for job in jobs:
        check_wish(job.wish)
    with ExitStack() as held, outliving_the_terminal():
        if overview is not None:
            prepare_folder(overview)
            held.enter_context(sole_run(overview))  # two runs over the same clients would each write half a page
        feeds = FeedStore(feeds_folder)
        if not any(job.plan.refresh_feeds for job in jobs):
            feeds.states()  # a damaged feed file is refused now, and not after an hour of visits
        outcomes = Outcomes(alone=not several and len(jobs) + len(refused) == 1, refused=refused, as_json=as_json)
        _conduct(jobs, outcomes, feeds)
        if overview is not None:
            outcomes.show_all(overview)
    return outcomes.told(jobs[0].wish.command if jobs else "audit")


def _conduct(jobs: Sequence[Job], outcomes: Outcomes, feeds: "FeedStore") -> None:
    """Visit everything of all clients, then judge and report them one by one."""
    progress = for_terminal()
    with ExitStack() as stores, shown(progress):
        begun = (outcomes.attempt(job, partial(_begun, job, stores)) for job in jobs)
        visits = deque(visit for visit in begun if visit is not None)
        interrupted = bool(visits) and collect([visit.course for visit in visits], feeds, progress)
        while visits:
            visit = visits.popleft()
            with visit.held:  # a client's history is closed, and given back, as soon as it is reported
                ended = partial(finish, visit.course, feeds, progress, interrupted=interrupted)
                outcomes.conclude(visit.job, visit.course, ended)


@dataclass(frozen=True, slots=True)
class _Visit:
    """A client's run that has begun; `held` are its lock and its history."""

    job: Job
    course: Course
    held: ExitStack


def _begun(job: Job, stores: ExitStack) -> _Visit:
    if job.wish.folder is not None:
        prepare_folder(job.wish.folder)
    with ExitStack() as held:  # a client refused here holds nothing while the others are visited
        if job.wish.command == "audit":
            held.enter_context(sole_run(job.history.parent))
        store, notes = opened_for_run(job.history, job.plan.clock())
        held.enter_context(store)
        course = begin(replace(job.plan, warnings=(*job.plan.warnings, *notes)), store)
        kept = stores.enter_context(held.pop_all())
    return _Visit(job, course, kept)
