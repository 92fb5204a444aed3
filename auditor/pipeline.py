"""One run: collect -> store at once -> merge -> load what the feeds say of the packages seen -> judge -> assess.

One snapshot is in memory at a time, apart from those being visited: a machine is packed and stored as it arrives, and
unpacked again when it is judged. A machine that was named and not visited, for whatever reason, is in the result with a
gap. The history can fail (disk full, locked); the run then goes on in memory and says so at the end.
"""

import logging
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from auditor import __version__
from auditor.errors import HistoryError, SettingsError
from auditor.inventory import Unvisitable
from auditor.progress import Progress
from auditor.store import Store, pack, unpack
from collectors.credentials import Credential
from collectors.model import FactKind, Gap, GapReason, HostSnapshot, Protocol, Target
from collectors.transports.base import ConnectionPolicy, Transport
from rules.contract import Contract
from rules.model import Assessment

if TYPE_CHECKING:
    from collectors.feeds.cache import FeedStore

_log = logging.getLogger(__name__)


def now() -> datetime:
    """The present moment, UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one run needs to know. `as_of` None judges as of the moment collecting ended."""

    contract: Contract
    targets: tuple[Target, ...]
    unvisitable: tuple[Unvisitable, ...] = ()
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    policy: ConnectionPolicy = field(default_factory=ConnectionPolicy)
    width: int = 32
    as_of: datetime | None = None
    record_into: Path | None = None
    refresh_feeds: bool = False
    feed_settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clock: Callable[[], datetime] = now
    demo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run came to; `history_problem` is "" when all of it is in the history under `run`."""

    run: int
    assessment: Assessment
    interrupted: bool
    history_problem: str = ""


def conduct(plan: Plan, *, store: Store, feeds: "FeedStore", progress: Progress) -> Result:
    """Run a plan to its end. Ctrl-C during the visits ends the visits, not the run; a second one ends everything."""
    started_at = plan.clock()
    run = store.begin(client=plan.contract.client, started_at=started_at, product_version=__version__, demo=plan.demo)
    spool = Spool(store, run)
    interrupted = _collect(plan, spool, progress)
    if plan.refresh_feeds and not interrupted:
        interrupted = not _refreshed(plan, spool, feeds, progress)
    progress.stage("judging")
    assessment = judge(plan, spool, feeds, started_at)
    try:
        store.conclude(run, assessment, interrupted=interrupted)
    except HistoryError as error:
        spool.fail(error)
    return Result(run=run, assessment=assessment, interrupted=interrupted, history_problem=spool.problem)


class Spool:
    """The snapshots of this run: in the history, or packed in memory where the history refused them."""

    def __init__(self, store: Store, run: int) -> None:
        self._store = store
        self._run = run
        self._loose: dict[str, bytes] = {}
        self._names: set[str] = set()
        self._by_machine: defaultdict[str, list[str]] = defaultdict(list)
        self.needed: defaultdict[str, set[str]] = defaultdict(set)
        self.problem = ""

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, snapshot: HostSnapshot) -> None:
        """Keep a snapshot and note which packages of which release the feeds will be asked about."""
        from rules.matching import needed_packages, needed_releases

        name = snapshot.target.name
        try:
            body = pack(snapshot)
        except (ValueError, TypeError, OverflowError) as error:  # one machine must never end the run
            _log.exception("%s: what was seen cannot be stored", name)
            detail = f"what was seen cannot be stored: {type(error).__name__}, see the log"
            snapshot = _unseen(snapshot.target, GapReason.FAILED, detail, snapshot.taken_at)
            body = pack(snapshot)
        try:
            self._store.add(self._run, snapshot, body)
        except HistoryError as error:
            self.fail(error)
            self._loose[name] = body
        self._names.add(name)
        system = snapshot.operating_system
        if system is None:
            return
        if system.machine_id:
            self._by_machine[system.machine_id].append(name)
        for release in needed_releases(snapshot):
            self.needed[release] |= needed_packages(snapshot)

    def fail(self, error: HistoryError) -> None:
        """Remember the first thing that went wrong with the history."""
        if not self.problem:
            self.problem = str(error)
            _log.warning("history: %s", error)

    def __iter__(self) -> Iterator[HostSnapshot]:
        """All machines by name, those seen under several names merged (G3)."""
        from collectors.scan import merge_same_machines

        twins = {name: names for names in self._by_machine.values() if len(names) > 1 for name in names}
        done: set[str] = set()
        for name in sorted(self._names):
            if name in done:
                continue
            group = sorted(twins.get(name, [name]))
            done.update(group)
            snapshots = [self._read(member) for member in group]
            yield from merge_same_machines(snapshots) if len(snapshots) > 1 else snapshots

    def _read(self, name: str) -> HostSnapshot:
        body = self._loose.get(name)
        if body is not None:
            return unpack(body)
        snapshot = self._store.snapshot(self._run, name)
        if snapshot is None:
            raise HistoryError(str(self._store.path), f"the snapshot of {name} vanished during the run.")
        return snapshot


def judge(plan: Plan, spool: Spool, feeds: "FeedStore", started_at: datetime) -> Assessment:
    """Judge every machine of the spool, one in memory at a time."""
    from rules.engine import Judge
    from rules.knowledge import Knowledge

    knowledge = Knowledge.from_records(feeds.load(spool.needed))
    judge = Judge(knowledge, plan.contract, plan.as_of or plan.clock())
    judgements = [judge.judge(snapshot) for snapshot in spool]
    return judge.conclude(
        judgements,
        client=plan.contract.client,
        started_at=started_at,
        finished_at=plan.clock(),
        product_version=__version__,
        demo=plan.demo,
    )


def _refreshed(plan: Plan, spool: Spool, feeds: "FeedStore", progress: Progress) -> bool:
    """Renew the feeds; false when the operator stopped it, which costs news and nothing that was collected."""
    try:
        refresh_feeds(feeds, plan.feed_settings, spool.needed, progress)
    except KeyboardInterrupt:
        progress.note("stopped by the operator; judging with the feeds as they are")
        return False
    return True


def refresh_feeds(
    feeds: "FeedStore",
    settings: Mapping[str, Mapping[str, str]],
    releases: Mapping[str, object],
    progress: Progress,
) -> None:
    """Renew the feeds the releases seen need; a feed that cannot be renewed is told and keeps its last good copy."""
    progress.stage("renewing feeds")
    updates = feeds.update(settings=settings, releases=set(releases))
    failed = [update for update in updates if update.outcome == "failed"]
    for update in failed:
        progress.note(f"feed {update.name} could not be renewed: {update.error}")
    if failed and len(failed) == len(updates):
        progress.note("NO FEED COULD BE DOWNLOADED (no internet?): verdicts that need them are unknown, not fine.")


def _collect(plan: Plan, spool: Spool, progress: Progress) -> bool:
    """Visit all targets, `plan.width` at a time; return whether the operator stopped it."""
    from collectors.scan import scan

    unrecorded: list[str] = []
    visit_one, close = _visitor(plan, unrecorded)
    for machine in plan.unvisitable:
        spool.add(_unseen(machine.target, machine.gap, machine.reason, plan.clock()))
    executor = ThreadPoolExecutor(max_workers=max(1, min(plan.width, len(plan.targets))), thread_name_prefix="visit")
    visits = scan(plan.targets, visit_one, executor=executor)

    def keep(snapshot: HostSnapshot) -> None:
        spool.add(snapshot)
        progress.visited(snapshot)

    interrupted = False
    progress.start(len(plan.targets))
    with _interruptible() as shield:
        try:
            for snapshot in visits:
                with shield():
                    keep(snapshot)
        except KeyboardInterrupt:
            interrupted = True
            _keep_finished(visits, keep, shield)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            progress.stop()
    if interrupted:
        progress.note("stopped by the operator; what was collected so far is kept")
    if unrecorded:
        progress.note(f"{len(unrecorded)} visits could not be recorded, the first: {unrecorded[0]}")
    close()  # after a stop, visits still under way end here and leave nothing running on their machines
    for target in plan.targets:
        if target.name not in spool:
            spool.add(_unseen(target, GapReason.INTERRUPTED, "the run was stopped before this machine.", plan.clock()))
    return interrupted


def _keep_finished(
    visits: Generator[HostSnapshot, None, None], keep: Callable[[HostSnapshot], None], shield: Callable[[], "_Shield"]
) -> None:
    """After a stop that came while a machine was being stored: those finished meanwhile have not been handed over yet.

    A second stop ends this too.
    """
    with suppress(KeyboardInterrupt, StopIteration):
        snapshot = visits.throw(KeyboardInterrupt())
        while True:
            with shield():
                keep(snapshot)
            snapshot = next(visits)


def _visitor(plan: Plan, unrecorded: list[str]) -> tuple[Callable[[Target], HostSnapshot], Callable[[], None]]:
    """Bind everything but the target; the second value closes the transports.

    `unrecorded` is given a sentence for each visit whose recording could not be written.
    """
    from collectors.hosts import discover as host_collectors
    from collectors.scan import visit
    from collectors.transports import discover as transports

    available = transports()
    if plan.record_into is not None:
        available = _recording(available, plan.record_into, unrecorded)
    collectors = host_collectors()
    nobody = Credential()

    def visit_one(target: Target) -> HostSnapshot:
        taken_at = _recorded_at(target) if target.protocol is Protocol.REPLAY else None
        return visit(
            target,
            transport=available[target.protocol],
            credential=plan.credentials.get(target.credential, nobody),
            policy=plan.policy,
            taken_at=taken_at or plan.clock(),
            collectors=collectors,
        )

    def close() -> None:
        for transport in available.values():
            try:
                transport.close()
            except Exception:  # noqa: BLE001  everything is collected by now
                _log.exception("closing %s failed", transport.protocol)

    return visit_one, close


def _recorded_at(target: Target) -> datetime | None:
    """When a recording was made; None when it cannot be read, which the visit will tell in its own words."""
    from collectors.errors import RecordingError
    from collectors.transports.replay import read_recording

    try:
        return read_recording(Path(target.address)).taken_at
    except RecordingError:
        return None


def _recording(
    available: Mapping[Protocol, Transport], folder: Path, unrecorded: list[str]
) -> dict[Protocol, Transport]:
    from dataclasses import replace

    from collectors.transports.replay import record

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(str(folder), f"recordings cannot be written here: {error.strerror}.") from None

    def unwritten(name: str, error: OSError) -> None:
        unrecorded.append(f"{name} ({error.strerror or error})")

    return {
        protocol: transport
        if protocol is Protocol.REPLAY
        else replace(transport, run=record(transport.run, folder, unwritten=unwritten))
        for protocol, transport in available.items()
    }


def _unseen(target: Target, reason: GapReason, detail: str, taken_at: datetime) -> HostSnapshot:
    gap = Gap(kind=FactKind.HOST, collector="visit", reason=reason, detail=detail)
    return HostSnapshot(target=target, taken_at=taken_at, gaps=(gap,))


@contextmanager
def _interruptible() -> Iterator[Callable[[], "_Shield"]]:
    """Let Ctrl-C (and SIGTERM) stop the visits, but never in the middle of storing a machine.

    Gives a factory of shields: a signal that arrives inside one is raised as KeyboardInterrupt when it ends. Outside
    the main thread, signals are not ours and nothing changes.
    """
    shield = _Shield()
    if threading.current_thread() is not threading.main_thread():
        yield lambda: shield
        return
    before = {number: signal.signal(number, shield.caught) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: shield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Shield:
    """A stretch that a signal waits out."""

    def __init__(self) -> None:
        self._inside = False
        self._pending = False

    def caught(self, _number: int, _frame: FrameType | None) -> None:
        """Signal handler."""
        if self._inside:
            self._pending = True
        else:
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        self._inside = True

    def __exit__(self, *_: object) -> None:
        self._inside = False
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt
