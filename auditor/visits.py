"""The visits of one run, of one client or many: machines and tenants in parallel, each kept the moment it is done.

Everything is stored by the thread that called `collect`; a stop there (see `auditor.stopping`) ends the visits and
never the storing of one.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import SettingsError
from auditor.progress import Progress
from auditor.spool import Snapshot, Spool, is_tenant, unseen
from auditor.stopping import Shield, interruptible
from auditor.workers import Droppable
from collectors import parallel
from collectors.credentials import Credential
from collectors.model import GapReason, HostSnapshot, Protocol, Target
from collectors.transports.base import Transport

if TYPE_CHECKING:
    from auditor.pipeline import Plan

_log = logging.getLogger(__name__)
_NOT_BEGUN = "the operator stopped the run before this {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit to make: `keep` is given what it came to, `now` says when it was not made."""

    target: Target
    visit: Callable[[Target], Snapshot]
    keep: Callable[[Snapshot], None]
    now: Callable[[], datetime]


def collect(courses: Sequence[tuple["Plan", Spool]], progress: Progress) -> bool:
    """Visit all targets of all clients; return whether the operator stopped it.

    Every machine and tenant that was named is in its spool afterwards, visited or not.
    """
    from collectors.transports import discover as transports

    available = transports()
    unrecorded: list[str] = []
    visits: list[Visit] = []
    for plan, spool in courses:
        for machine in plan.unvisitable:
            spool.add(unseen(machine.target, machine.gap, machine.reason, plan.clock()))
        client = plan.contract.client if len(courses) > 1 else ""
        visits += _visits_of(plan, spool, available, progress, client=client, unrecorded=unrecorded)
    width = max((plan.width for plan, _ in courses), default=1)
    interrupted = _make(visits, width, progress)
    if interrupted:
        progress.note("stopped by the operator; what was collected so far is kept")
    if unrecorded:
        progress.note(f"{len(unrecorded)} visits could not be recorded, the first: {unrecorded[0]}")
    _close(available.values())  # after a stop, visits still under way end here and leave nothing on their machines
    for plan, spool in courses:
        for target in plan.targets:
            if target.name not in spool:
                spool.add(unseen(target, GapReason.INTERRUPTED, _NOT_BEGUN.format(_kind(target)), plan.clock()))
    return interrupted


def _make(visits: Sequence[Visit], width: int, progress: Progress) -> bool:
    machines = [visit for visit in visits if not is_tenant(visit.target)]
    tenants = [visit for visit in visits if is_tenant(visit.target)]
    pools: list[tuple[Executor, list[Visit]]] = []
    if machines:
        pool = ThreadPoolExecutor(max_workers=min(width, len(machines)), thread_name_prefix="visit")
        pools.append((pool, machines))
    if tenants:
        pools.append((Droppable(min(width, len(tenants)), "tenant"), tenants))
    done = as_finished(pools)
    interrupted = False
    progress.start(len(visits))
    with interruptible() as shield:
        try:
            for visit, snapshot in done:
                with shield():
                    visit.keep(snapshot)
        except KeyboardInterrupt:
            interrupted = True
            _keep_finished(done, shield)
        finally:
            for executor, _ in pools:
                executor.shutdown(wait=False, cancel_futures=True)
            progress.stop()
    return interrupted


def as_finished(pools: Iterable[tuple[Executor, Iterable[Visit]]]) -> Generator[tuple[Visit, Snapshot], None, None]:
    """Make visits and yield what each came to as it finishes.

    On KeyboardInterrupt what is not yet begun is cancelled, what is finished is still yielded, every other one is
    yielded as interrupted, and the interruption is raised again at the end. A running visit is not waited for.
    """
    yield from parallel.as_finished(
        {executor.submit(visit.visit, visit.target): visit for executor, visits in pools for visit in visits},
        lambda future, visit: (visit, _result(future, visit)),
    )


def _result(future: "Future[Snapshot]", visit: Visit) -> Snapshot:
    if not future.done():
        return _interrupted(visit)
    try:
        return future.result()
    except CancelledError:
        return _interrupted(visit)
    except Exception as error:  # noqa: BLE001 - a visit never raises; should it all the same, it is one target's gap
        _log.error("%s: the visit broke", visit.target.name, exc_info=error)
        detail = f"the visit broke inside this product: {type(error).__name__}, see the log"
        return unseen(visit.target, GapReason.FAILED, detail, visit.now())


def _interrupted(visit: Visit) -> Snapshot:
    return unseen(visit.target, GapReason.INTERRUPTED, _NOT_BEGUN.format(_kind(visit.target)), visit.now())


def _kind(target: Target) -> str:
    return "tenant" if is_tenant(target) else "machine"


def _keep_finished(done: Generator[tuple[Visit, Snapshot], None, None], shield: Callable[[], Shield]) -> None:
    """After a stop that came while a machine was being stored: those finished meanwhile have not been handed over yet.

    A second stop ends this too.
    """
    with suppress(KeyboardInterrupt, StopIteration):
        visit, snapshot = done.throw(KeyboardInterrupt())
        while True:
            with shield():
                visit.keep(snapshot)
            visit, snapshot = next(done)


def _visits_of(
    plan: "Plan",
    spool: Spool,
    available: Mapping[Protocol, Transport],
    progress: Progress,
    *,
    client: str,
    unrecorded: list[str],
) -> Iterator[Visit]:
    """The visits of one client; `client` is said beside the target's name ("" where there is one client).

    `unrecorded` is given a sentence for each recording that cannot be written.
    """
    machine = _machine_visitor(plan, _transports_of(plan, available, unrecorded))
    tenant = plan.visit_tenant or _tenant_visitor(plan, unrecorded)

    def keep(snapshot: Snapshot) -> None:
        spool.add(snapshot)
        progress.visited(snapshot, client=client)

    for target in plan.targets:
        yield Visit(target=target, visit=tenant if is_tenant(target) else machine, keep=keep, now=plan.clock)


def _machine_visitor(plan: "Plan", available: Mapping[Protocol, Transport]) -> Callable[[Target], HostSnapshot]:
    from collectors.hosts import discover as host_collectors
    from collectors.scan import visit

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

    return visit_one


def _tenant_visitor(plan: "Plan", unrecorded: list[str]) -> Callable[[Target], Snapshot]:
    from collectors.cloud.recorder import record
    from collectors.cloud.recording import visit_recording
    from collectors.cloud.visit import connect, visit_tenant

    folder = plan.record_into
    connecting = connect if folder is None else record(folder, unwritten=_unwritten(unrecorded))

    def visit_one(target: Target) -> Snapshot:
        if target.protocol is Protocol.REPLAY:
            return visit_recording(target, taken_at=plan.clock(), policy=plan.cloud_policy)
        credential = plan.cloud_credentials[target.name]
        taken_at = plan.clock()
        return visit_tenant(
            target, credential=credential, policy=plan.cloud_policy, taken_at=taken_at, connect=connecting
        )

    return visit_one


def _unwritten(unrecorded: list[str]) -> Callable[[str, OSError], None]:
    return lambda name, error: unrecorded.append(f"{name} ({error.strerror or error})")


def _recorded_at(target: Target) -> datetime | None:
    """When a recording was made; None when it cannot be read, which the visit will tell in its own words."""
    from collectors.errors import RecordingError
    from collectors.transports.replay import read_recording

    try:
        return read_recording(Path(target.address)).taken_at
    except RecordingError:
        return None


def _transports_of(
    plan: "Plan", available: Mapping[Protocol, Transport], unrecorded: list[str]
) -> Mapping[Protocol, Transport]:
    """The transports of one client."""
    return available if plan.record_into is None else recording(available, plan.record_into, unrecorded)


def recording(
    available: Mapping[Protocol, Transport], folder: Path, unrecorded: list[str]
) -> dict[Protocol, Transport]:
    """Transports that also keep in `folder` what each machine answered."""
    from dataclasses import replace

    from collectors.transports.replay import record

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(str(folder), f"recordings cannot be written here: {error.strerror}.") from None

    unwritten = _unwritten(unrecorded)
    return {
        protocol: transport
        if protocol is Protocol.REPLAY
        else replace(
            transport,
            run=record(transport.run, folder, unwritten=unwritten),
            # what a machine said whose PowerShell runs nothing takes the place of what its PowerShell said (W31)
            run_command=None
            if transport.run_command is None
            else record(transport.run_command, folder, unwritten=unwritten),
        )
        for protocol, transport in available.items()
    }


def _close(available: Iterable[Transport]) -> None:
    for transport in available:
        try:
            transport.close()
        except Exception:  # noqa: BLE001  everything is collected by now
            _log.exception("closing %s failed", transport.protocol)
