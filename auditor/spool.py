"""The snapshots of one run: in the history as they arrive, or packed in memory where the history refused them."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from auditor.errors import HistoryError
from auditor.history.packing import pack, unpack, unpack_tenant
from auditor.history.store import Store
from collectors.cloud.facts import TenantFact, TenantGap, TenantSnapshot
from collectors.model import FactKind, Gap, GapReason, HostSnapshot, Protocol, Target

_log = logging.getLogger(__name__)

Snapshot = HostSnapshot | TenantSnapshot
_S = TypeVar("_S", HostSnapshot, TenantSnapshot)


def is_tenant(target: Target) -> bool:
    """Whether it is a Microsoft 365 tenant, or the recording of one, and no machine."""
    from collectors.cloud.recording import SUFFIX

    recorded = target.protocol is Protocol.REPLAY and target.address.endswith(SUFFIX)
    return recorded or target.protocol is Protocol.M365


def unseen(target: Target, reason: GapReason, detail: str, taken_at: datetime) -> Snapshot:
    """What is known of a machine or tenant that was named and not visited: why."""
    if is_tenant(target):
        blind = TenantGap(kind=TenantFact.TENANT, collector="visit", reason=reason, detail=detail)
        return TenantSnapshot(target=target, taken_at=taken_at, gaps=(blind,))
    gap = Gap(kind=FactKind.HOST, collector="visit", reason=reason, detail=detail)
    return HostSnapshot(target=target, taken_at=taken_at, gaps=(gap,))


class Spool:
    """Keeps every snapshot of a run; one is unpacked at a time.

    `needed` is what the feeds will be asked about, as `FeedStore.load` takes it.
    """

    def __init__(self, store: Store, run: int) -> None:
        self._store = store
        self._run = run
        self._loose: dict[str, bytes] = {}
        self._machines: set[str] = set()
        self._tenants: set[str] = set()
        self._by_machine: defaultdict[str, list[str]] = defaultdict(list)
        self.needed: defaultdict[str, set[str]] = defaultdict(set)
        self.problem = ""

    def __contains__(self, name: str) -> bool:
        return name in self._machines or name in self._tenants

    def add(self, snapshot: Snapshot) -> None:
        """Keep a snapshot and note what the feeds will be asked about."""
        from collectors.feeds.database import TENANTS

        name = snapshot.target.name
        snapshot, body = _packed(snapshot)
        try:
            self._store.add(self._run, snapshot, body)
        except HistoryError as error:
            self.fail(error)
            self._loose[name] = body
        if isinstance(snapshot, TenantSnapshot):
            self._tenants.add(name)
            self.needed[TENANTS] |= set()
            return
        self._machines.add(name)
        self._note(snapshot)

    def _note(self, snapshot: HostSnapshot) -> None:
        from rules.matching import needed

        system = snapshot.operating_system
        if system is None:
            return
        if system.machine_id:
            self._by_machine[system.machine_id].append(snapshot.target.name)
        for release, names in needed(snapshot).items():
            self.needed[release] |= names

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
        for name in sorted(self._machines):
            if name in done:
                continue
            group = sorted(twins.get(name, [name]))
            done.update(group)
            snapshots = [self._read(member) for member in group]
            yield from merge_same_machines(snapshots) if len(snapshots) > 1 else snapshots

    def tenants(self) -> Iterator[TenantSnapshot]:
        """All tenants by name."""
        for name in sorted(self._tenants):
            body = self._loose.get(name)
            yield self._found(name, self._store.tenant(self._run, name)) if body is None else unpack_tenant(body)

    def tenant_before(self, name: str) -> TenantSnapshot | None:
        """What the run before saw of a tenant; None when there was none, or it cannot be read any more."""
        try:
            return self._store.tenant_before(self._run, name)
        except HistoryError as error:
            _log.warning("history: %s", error)
            return None

    def machine_before(self, name: str) -> HostSnapshot | None:
        """What was last seen of a machine in the runs before; None when nothing was, or it cannot be read any more."""
        try:
            return self._store.machine_before(self._run, name)
        except HistoryError as error:
            _log.warning("history: %s", error)
            return None

    def _read(self, name: str) -> HostSnapshot:
        body = self._loose.get(name)
        return self._found(name, self._store.snapshot(self._run, name)) if body is None else unpack(body)

    def _found(self, name: str, snapshot: _S | None) -> _S:
        if snapshot is None:
            raise HistoryError(str(self._store.path), f"the snapshot of {name} vanished during the run.")
        return snapshot


def _packed(snapshot: Snapshot) -> tuple[Snapshot, bytes]:
    """Pack a snapshot; what cannot be packed costs that machine or tenant, never the run."""
    try:
        return snapshot, pack(snapshot)
    except (ValueError, TypeError, OverflowError) as error:
        _log.exception("%s: what was seen cannot be stored", snapshot.target.name)
        detail = f"what was seen cannot be stored: {type(error).__name__}, see the log"
        blind = unseen(snapshot.target, GapReason.FAILED, detail, snapshot.taken_at)
        return blind, pack(blind)
