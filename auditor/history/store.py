"""History of one client: runs, what was seen, what was concluded. One SQLite file in the client's folder.

A snapshot is stored the moment it arrives (its own transaction), so that an interrupted run loses nothing. What a run
concluded, its findings by fingerprint and how they compare with the run before are stored together when it ends. Runs
are ordered by their numbers: a clock that was set back puts nothing in another order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from auditor.errors import HistoryError
from auditor.history.comparing import compare, record
from auditor.history.database import BUSY_TIMEOUT_S, Database
from auditor.history.packing import UNREADABLE, pack_assessment, unpack, unpack_assessment, unpack_tenant
from collectors.cloud.facts import TenantSnapshot
from collectors.model import HostSnapshot
from rules.model import Assessment

_HOST, _TENANT = "host", "tenant"
_S = TypeVar("_S")
_RUN = """
SELECT id, client, started_at, finished_at, product_version, state, demo, as_of,
 before_id, people_removed
FROM runs"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row of `runs`; `state` is "running", "finished" or "interrupted".

    `as_of` is the moment of its data, None until it concluded; `before` is the run it is compared with, None where
    there was none. `nameless`: the people in it were taken out, their time was over.
    """

    id: int
    client: str
    started_at: datetime
    finished_at: datetime | None
    product_version: str
    state: str
    demo: bool
    as_of: datetime | None = None
    before: int | None = None
    nameless: bool = False

    @property
    def concluded(self) -> bool:
        """Whether it came to a conclusion, stopped by the operator or not."""
        return self.state != "running"


class Store:
    """A history file, open. Use it as a context manager; every method raises HistoryError with the file's name."""

    def __init__(self, path: Path, *, must_exist: bool = False, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.path = path
        self.database = Database(path, must_exist=must_exist, busy_timeout_s=busy_timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def begin(self, *, client: str, started_at: datetime, product_version: str, demo: bool = False) -> int:
        """Open a run and return its number; it stays "running" until `conclude`."""
        with self.database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO runs (client, started_at, product_version, state, demo) VALUES (?, ?, ?, 'running', ?)",
                (client, _iso(started_at), product_version, demo),
            )
        return int(cursor.lastrowid or 0)

    def add(self, run: int, snapshot: HostSnapshot | TenantSnapshot, body: bytes) -> None:
        """Store the snapshot of one machine or tenant at once; `body` is what `pack` made of it."""
        machine_id, kind = "", _TENANT
        if isinstance(snapshot, HostSnapshot):
            kind = _HOST
            machine_id = snapshot.operating_system.machine_id if snapshot.operating_system is not None else ""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO snapshots (run_id, target, taken_at, machine_id, reached, body, kind)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (run, snapshot.target.name, _iso(snapshot.taken_at), machine_id, snapshot.reached, body, kind),
            )

    def conclude(self, run: int, assessment: Assessment, *, interrupted: bool) -> None:
        """Store the assessment of a run, compare it with the run before, and close it: all or nothing."""
        body = pack_assessment(assessment)
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO assessments VALUES (?, ?, ?)", (run, _iso(assessment.as_of), body)
            )
            connection.execute("DELETE FROM figures WHERE run_id = ?", (run,))
            connection.execute(
                "UPDATE runs SET state = ?, finished_at = ?, as_of = ? WHERE id = ?",
                (
                    "interrupted" if interrupted else "finished",
                    _iso(assessment.finished_at),
                    _iso(assessment.as_of),
                    run,
                ),
            )
            record(connection, run, assessment)
            compare(connection, run)

    def runs(self) -> tuple[Run, ...]:
        """All runs, newest first."""
        rows = self.database.rows(f"{_RUN} ORDER BY id DESC")
        with self.database.guarded():
            return tuple(_run(row) for row in rows)

    def latest(self, *, finished: bool = False) -> Run:
        """The newest run that reached a conclusion; HistoryError when there is none.

        With `finished` one that the operator stopped does not count: it says little of what the client has.
        """
        state = "state = 'finished'" if finished else "state != 'running'"
        row = self.database.row(f"{_RUN} WHERE {state} ORDER BY id DESC LIMIT 1")
        if row is None and finished:
            stopped = self.latest()  # raises the error below where there is not even that
            problem = f"every run so far was stopped by the operator (the newest is number {stopped.id})."
            raise HistoryError(str(self.path), problem, hint="Run an audit to its end, or choose one with --run.")
        if row is None:
            raise HistoryError(str(self.path), "no run has come to an end yet.", hint="Run an audit or a scan first.")
        with self.database.guarded():
            return _run(row)

    def run(self, number: int) -> Run:
        """One run by number; HistoryError naming the known ones."""
        row = self.database.row(f"{_RUN} WHERE id = ?", (number,))
        if row is not None:
            with self.database.guarded():
                return _run(row)
        known = ", ".join(str(run.id) for run in self.runs()[:10]) or "none"
        raise HistoryError(str(self.path), f"there is no run {number}.", hint=f"Newest runs: {known}.")

    def assessment(self, run: int) -> Assessment:
        """What a run concluded; HistoryError when it never came to that, or it is no longer kept."""
        row = self.database.row("SELECT body FROM assessments WHERE run_id = ?", (run,))
        if row is None:
            if self.run(run).concluded:
                hint = "`[history] keep_months` of the client file says for how long. Its figures are kept."
                raise HistoryError(str(self.path), f"what run {run} concluded is no longer kept.", hint=hint)
            raise HistoryError(str(self.path), f"run {run} was stopped before it concluded anything.")
        try:
            return unpack_assessment(row[0])
        except UNREADABLE as error:
            raise HistoryError(str(self.path), f"the assessment of run {run} cannot be read: {error}.") from None

    def snapshots(self, run: int) -> Iterator[HostSnapshot]:
        """Snapshots of the machines of a run by target name, one in memory at a time."""
        for name in self._names(run, _HOST):
            snapshot = self.snapshot(run, name)
            if snapshot is not None:
                yield snapshot

    def tenants(self, run: int) -> Iterator[TenantSnapshot]:
        """Snapshots of the tenants of a run by target name, one in memory at a time."""
        for name in self._names(run, _TENANT):
            snapshot = self.tenant(run, name)
            if snapshot is not None:
                yield snapshot

    def snapshot(self, run: int, target: str) -> HostSnapshot | None:
        """What was seen of one machine in one run, None when it was not part of it."""
        body = self._body(run, target, _HOST)
        return None if body is None else self._unpacked(unpack, body, target)

    def tenant(self, run: int, target: str) -> TenantSnapshot | None:
        """What was seen of one tenant in one run, None when it was not part of it."""
        body = self._body(run, target, _TENANT)
        return None if body is None else self._unpacked(unpack_tenant, body, target)

    def tenant_before(self, run: int, target: str) -> TenantSnapshot | None:
        """The newest earlier snapshot of a tenant that was reached; None when there is none."""
        body = self._body_before(run, target, _TENANT)
        return None if body is None else self._unpacked(unpack_tenant, body, target)

    def machine_before(self, run: int, target: str) -> HostSnapshot | None:
        """The newest earlier snapshot of a machine that was reached; None when there is none."""
        body = self._body_before(run, target, _HOST)
        return None if body is None else self._unpacked(unpack, body, target)

    def _body_before(self, run: int, target: str, kind: str) -> bytes | None:
        row = self.database.row(
            "SELECT body FROM snapshots WHERE run_id < ? AND target = ? AND kind = ? AND reached"
            " ORDER BY run_id DESC LIMIT 1",
            (run, target, kind),
        )
        return None if row is None else bytes(row[0])

    def _names(self, run: int, kind: str) -> list[str]:
        rows = self.database.rows(
            "SELECT target FROM snapshots WHERE run_id = ? AND kind = ? ORDER BY target", (run, kind)
        )
        return [row[0] for row in rows]

    def _body(self, run: int, target: str, kind: str) -> bytes | None:
        row = self.database.row(
            "SELECT body FROM snapshots WHERE run_id = ? AND target = ? AND kind = ?", (run, target, kind)
        )
        return None if row is None else bytes(row[0])

    def _unpacked(self, unpacked: Callable[[bytes], _S], body: bytes, target: str) -> _S:
        try:
            return unpacked(body)
        except UNREADABLE as error:
            raise HistoryError(str(self.path), f"the snapshot of {target} cannot be read: {error}.") from None


def _run(row: Any) -> Run:
    return Run(
        id=row[0],
        client=row[1],
        started_at=datetime.fromisoformat(row[2]),
        finished_at=datetime.fromisoformat(row[3]) if row[3] else None,
        product_version=row[4],
        state=row[5],
        demo=bool(row[6]),
        as_of=datetime.fromisoformat(row[7]) if row[7] else None,
        before=row[8],
        nameless=bool(row[9]),
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
