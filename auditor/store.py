"""History of one client: runs, what was seen, what was concluded. One SQLite file in the client's folder.

A snapshot is stored the moment it arrives (its own transaction), as gzip JSON, so that an interrupted run loses
nothing. `findings` repeats the assessment by fingerprint, for comparisons between runs. The file says who wrote it
(application_id) and in which form (user_version): an older form is brought up to date where the file can be written,
and read as it is where it cannot.
"""

import gzip
import io
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from auditor.errors import HistoryError, HistoryFull
from collectors.cloud.facts import TenantSnapshot
from collectors.model import HostSnapshot
from rules.model import Assessment

APPLICATION_ID = 0x41554449  # "AUDI"
SCHEMA_VERSION = 2
_HOST, _TENANT = "host", "tenant"
_S = TypeVar("_S")
_BUSY_TIMEOUT_S = 10.0
_GZIP_LEVEL = 5  # 6 to 9 cost twice the time for 1 % of the size on package lists

_SCHEMA = """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  client TEXT NOT NULL,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  product_version TEXT NOT NULL,
  state TEXT NOT NULL,
  demo INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE snapshots (
  run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  target TEXT NOT NULL,
  taken_at TEXT NOT NULL,
  machine_id TEXT NOT NULL,
  reached INTEGER NOT NULL,
  body BLOB NOT NULL,
  kind TEXT NOT NULL DEFAULT 'host',
  PRIMARY KEY (run_id, target)
);
CREATE TABLE assessments (
  run_id INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
  as_of TEXT NOT NULL,
  body BLOB NOT NULL
);
CREATE TABLE findings (
  run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  fingerprint TEXT NOT NULL,
  rule TEXT NOT NULL,
  subject TEXT NOT NULL,
  key TEXT NOT NULL,
  outcome TEXT NOT NULL,
  severity TEXT NOT NULL,
  state TEXT NOT NULL,
  released_on TEXT,
  due_on TEXT,
  PRIMARY KEY (run_id, fingerprint)
) WITHOUT ROWID;
CREATE INDEX findings_by_fingerprint ON findings (fingerprint, run_id);
"""
# What makes form N + 1 of form N.
_MIGRATIONS = {1: "ALTER TABLE snapshots ADD COLUMN kind TEXT NOT NULL DEFAULT 'host'"}  # 2: tenants beside machines
_READ_ONLY_FORM_1 = "CREATE TEMP VIEW snapshots AS SELECT *, 'host' AS kind FROM main.snapshots"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row of `runs`; `state` is "running", "finished" or "interrupted"."""

    id: int
    client: str
    started_at: datetime
    finished_at: datetime | None
    product_version: str
    state: str
    demo: bool


def pack(snapshot: HostSnapshot | TenantSnapshot) -> bytes:
    """Give a snapshot as gzip JSON; the same snapshot gives the same bytes."""
    return gzip.compress(msgspec.json.encode(snapshot), _GZIP_LEVEL, mtime=0)


def unpack(body: bytes) -> HostSnapshot:
    """Read back what `pack` wrote."""
    return _SNAPSHOT.decode(gzip.decompress(body))


def unpack_tenant(body: bytes) -> TenantSnapshot:
    """The same of a tenant."""
    return _TENANT_SNAPSHOT.decode(gzip.decompress(body))


def _pack_assessment(assessment: Assessment) -> bytes:
    """Give an assessment as gzip JSON, finding by finding: all of a large estate at once would be hundreds of MB."""
    head, key, tail = msgspec.json.encode(replace(assessment, findings=())).partition(_NO_FINDINGS)
    assert key, "a quote inside a JSON text is escaped, so the key is found where it stands"
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0) as file:
        file.write(head + _NO_FINDINGS[:-1])
        for number, finding in enumerate(assessment.findings):
            file.write((b"," if number else b"") + msgspec.json.encode(finding))
        file.write(b"]" + tail)
    return packed.getvalue()


_NO_FINDINGS = b',"findings":[]'
_SNAPSHOT = msgspec.json.Decoder(HostSnapshot)
_TENANT_SNAPSHOT = msgspec.json.Decoder(TenantSnapshot)
_ASSESSMENT = msgspec.json.Decoder(Assessment)


class Store:
    """A history file, open. Use it as a context manager; every method raises HistoryError with the file's name."""

    def __init__(self, path: Path, *, must_exist: bool = False, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> None:
        self.path = path
        if must_exist and not path.is_file():
            raise HistoryError(str(path), "there is no history yet.", hint="Run an audit or a scan first.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HistoryError(str(path), f"its folder cannot be created: {error.strerror}.") from None
        with self._guarded():
            self._connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def begin(self, *, client: str, started_at: datetime, product_version: str, demo: bool = False) -> int:
        """Open a run and return its number; it stays "running" until `conclude` or `interrupt`."""
        with self._transaction():
            cursor = self._connection.execute(
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
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO snapshots (run_id, target, taken_at, machine_id, reached, body, kind)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (run, snapshot.target.name, _iso(snapshot.taken_at), machine_id, snapshot.reached, body, kind),
            )

    def conclude(self, run: int, assessment: Assessment, *, interrupted: bool) -> None:
        """Store the assessment of a run and close it."""
        body = _pack_assessment(assessment)
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO assessments VALUES (?, ?, ?)", (run, _iso(assessment.as_of), body)
            )
            self._connection.execute("DELETE FROM findings WHERE run_id = ?", (run,))
            self._connection.executemany(
                "INSERT OR IGNORE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        run,
                        finding.fingerprint,
                        finding.rule,
                        finding.subject,
                        finding.key,
                        finding.outcome.value,
                        finding.severity.value,
                        finding.state.value,
                        finding.released_on.isoformat() if finding.released_on else None,
                        finding.due_on.isoformat() if finding.due_on else None,
                    )
                    for finding in assessment.findings
                ),
            )
            self._connection.execute(
                "UPDATE runs SET state = ?, finished_at = ? WHERE id = ?",
                ("interrupted" if interrupted else "finished", _iso(assessment.finished_at), run),
            )

    def runs(self) -> tuple[Run, ...]:
        """All runs, newest first."""
        with self._guarded():
            rows = self._connection.execute(
                "SELECT id, client, started_at, finished_at, product_version, state, demo FROM runs ORDER BY id DESC"
            ).fetchall()
        return tuple(
            Run(
                id=row[0],
                client=row[1],
                started_at=datetime.fromisoformat(row[2]),
                finished_at=datetime.fromisoformat(row[3]) if row[3] else None,
                product_version=row[4],
                state=row[5],
                demo=bool(row[6]),
            )
            for row in rows
        )

    def latest(self) -> Run:
        """The newest run that reached a conclusion; HistoryError when there is none."""
        for run in self.runs():
            if run.state != "running":
                return run
        raise HistoryError(str(self.path), "no run has come to an end yet.", hint="Run an audit or a scan first.")

    def run(self, number: int) -> Run:
        """One run by number; HistoryError naming the known ones."""
        runs = self.runs()
        for run in runs:
            if run.id == number:
                return run
        known = ", ".join(str(run.id) for run in runs[:10]) or "none"
        raise HistoryError(str(self.path), f"there is no run {number}.", hint=f"Newest runs: {known}.")

    def assessment(self, run: int) -> Assessment:
        """What a run concluded; HistoryError when it never came to that."""
        with self._guarded():
            row = self._connection.execute("SELECT body FROM assessments WHERE run_id = ?", (run,)).fetchone()
        if row is None:
            raise HistoryError(str(self.path), f"run {run} was stopped before it concluded anything.")
        try:
            return _ASSESSMENT.decode(gzip.decompress(row[0]))
        except (OSError, EOFError, msgspec.DecodeError) as error:
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
        with self._guarded():
            row = self._connection.execute(
                "SELECT body FROM snapshots WHERE run_id < ? AND target = ? AND kind = ? AND reached"
                " ORDER BY run_id DESC LIMIT 1",
                (run, target, _TENANT),
            ).fetchone()
        return None if row is None else self._unpacked(unpack_tenant, row[0], target)

    def _names(self, run: int, kind: str) -> list[str]:
        with self._guarded():
            rows = self._connection.execute(
                "SELECT target FROM snapshots WHERE run_id = ? AND kind = ? ORDER BY target", (run, kind)
            ).fetchall()
        return [row[0] for row in rows]

    def _body(self, run: int, target: str, kind: str) -> bytes | None:
        with self._guarded():
            row = self._connection.execute(
                "SELECT body FROM snapshots WHERE run_id = ? AND target = ? AND kind = ?", (run, target, kind)
            ).fetchone()
        return None if row is None else bytes(row[0])

    def _unpacked(self, unpacked: Callable[[bytes], _S], body: bytes, target: str) -> _S:
        try:
            return unpacked(body)
        except (OSError, EOFError, msgspec.DecodeError) as error:
            raise HistoryError(str(self.path), f"the snapshot of {target} cannot be read: {error}.") from None

    def _prepare(self) -> None:
        with self._guarded():
            execute = self._connection.execute
            version = execute("PRAGMA user_version").fetchone()[0]
            owner = execute("PRAGMA application_id").fetchone()[0]
            empty = execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
            if not empty and owner != APPLICATION_ID:
                raise HistoryError(
                    str(self.path), "a database of another program.", hint="Name another file or folder."
                )
            if version > SCHEMA_VERSION:
                hint = "Install the newer auditor, or move this file aside."
                raise HistoryError(str(self.path), f"written by a newer auditor (form {version}).", hint=hint)
            execute("PRAGMA foreign_keys = ON")
            # A rollback journal, not WAL: the file stays one file, on network shares too; writers are short.
            execute("PRAGMA synchronous = NORMAL")
        if not empty and version < SCHEMA_VERSION:
            self._bring_up_to_date()
        if empty:
            with self._transaction():
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            # It tells where a client can be attacked: for its owner's eyes (ignored where files have no modes).
            with suppress(OSError):
                self.path.chmod(0o600)

    def _bring_up_to_date(self) -> None:
        """Change an older form into ours; a file that cannot be written is read as if it had been."""
        if not os.access(self.path, os.W_OK):
            with self._guarded():
                self._connection.execute(_READ_ONLY_FORM_1)
            return
        with self._transaction():
            # Another process may have done so meanwhile.
            form = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
            for version in range(form, SCHEMA_VERSION):
                self._connection.execute(_MIGRATIONS[version])
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn SQLite's errors into ours: who, why, what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error


def _explain(path: Path, error: sqlite3.Error) -> HistoryError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    match primary:
        case sqlite3.SQLITE_FULL:
            return HistoryFull(str(path), "its disk is full.", hint="Free some room.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            hint = "Another run on the same client? Wait for it, or stop it."
            return HistoryError(str(path), f"locked by another program for {_BUSY_TIMEOUT_S:.0f} s.", hint=hint)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return HistoryError(str(path), f"cannot be written: {error}.", hint="Check rights of the file and folder.")
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            hint = "Move it aside, or restore it from a backup; a new one starts by itself."
            return HistoryError(str(path), f"damaged, or no history of ours: {error}.", hint=hint)
        case _:
            return HistoryError(str(path), f"the database answered: {error}.")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
