"""A client's outbox: every message composed and what became of it, in one SQLite file of the client's folder.

A message is in it, durably, before anything is sent. There is one report per client and month: a second one replaces
the first while nobody has got it, and is refused afterwards. What was handed over is marked SENDING before the step
that may deliver it; a process that dies there leaves the mark, and whoever comes next finds that nobody knows whether
it arrived (UNCLEAR), and does not send it again unasked. One process sends at a time (`sending_alone`).

A message that was sent needs its content no more, and loses it: the history can render the workbook again. One that
nobody ever sent is dropped when the time of personal data is over (`expire`).
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from auditor.errors import OutboxError
from auditor.mailing.compose import Draft
from auditor.sqlite_file import all_or_nothing, create, header_of, primary_code

FILE_NAME = "outbox.sqlite"
APPLICATION_ID = 0x41554D42  # "AUMB"
SCHEMA_VERSION = 1
_BUSY_TIMEOUT_S = 10.0

_SCHEMA = """
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  client TEXT NOT NULL,
  period TEXT NOT NULL,
  copy INTEGER NOT NULL,
  state TEXT NOT NULL,
  run INTEGER NOT NULL,
  language TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipients TEXT NOT NULL,
  accepted TEXT NOT NULL DEFAULT '[]',
  subject TEXT NOT NULL,
  message_id TEXT NOT NULL,
  file_name TEXT NOT NULL,
  file_sha256 TEXT NOT NULL,
  incomplete INTEGER NOT NULL,
  content BLOB,
  attempts INTEGER NOT NULL DEFAULT 0,
  problem TEXT NOT NULL DEFAULT '',
  made_at TEXT NOT NULL,
  changed_at TEXT NOT NULL,
  UNIQUE (client, period, copy)
);
"""
_COLUMNS = (
    "id, client, period, copy, state, run, language, sender, recipients, accepted, subject, message_id, file_name,"
    " file_sha256, incomplete, attempts, problem, made_at, changed_at"
)


class State(StrEnum):
    """What became of a message."""

    HELD = "held"  # waits for somebody's approval
    QUEUED = "queued"  # is to be sent
    SENDING = "sending"  # was handed over a moment ago, the answer is awaited
    SENT = "sent"  # was accepted; `problem` names those who were refused it
    REFUSED = "refused"  # was refused for good; nobody got it
    UNCLEAR = "unclear"  # was handed over, and nobody knows whether it arrived


_UNSENT = frozenset({State.HELD, State.QUEUED, State.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message. `copy` is 0 for a month's report, higher for what was sent again on purpose.

    `recipients` is everybody it is for, `accepted` those a server took it for. `problem` says what stands in its way.
    """

    id: int
    client: str
    period: str
    copy: int
    state: State
    run: int
    language: str
    sender: str
    recipients: tuple[str, ...]
    accepted: tuple[str, ...]
    subject: str
    message_id: str
    file_name: str
    file_sha256: str
    incomplete: bool
    attempts: int
    problem: str
    made_at: datetime
    changed_at: datetime

    @property
    def remaining(self) -> tuple[str, ...]:
        """Those who have not got it yet."""
        return tuple(address for address in self.recipients if address not in self.accepted)

    @property
    def gone(self) -> bool:
        """Whether anybody got it, or may have."""
        return bool(self.accepted) or self.state not in _UNSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A draft's place in the outbox; `new` is false where the month's report had gone, or may have gone, before."""

    entry: Entry
    new: bool


class Overtaken(OutboxError):
    """Another process changed the message first; whoever gets this hands nothing over."""


class Outbox:
    """The file, open. Use it as a context manager; every method raises OutboxError with the file's name."""

    def __init__(self, path: Path, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> None:
        self.path = path
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

    def keep(self, draft: Draft, *, hold: bool, at: datetime) -> Kept:
        """Store a month's report. One that nobody got yet takes the place of the one before, which is dropped."""
        with self._transaction():
            known = self._find("client = ? AND period = ?", draft.client, draft.period)
            gone = [entry for entry in known if entry.gone]
            if gone:
                return Kept(entry=gone[-1], new=False)
            self._drop(known)
            return Kept(entry=self._insert(draft, 0, hold=hold, at=at), new=True)

    def keep_again(self, draft: Draft, *, at: datetime) -> Entry:
        """Store a message that is to be sent though the month's report was, or may have been, sent before."""
        with self._transaction():
            known = self._find("client = ? AND period = ?", draft.client, draft.period)
            self._drop(entry for entry in known if not entry.gone)
            copy = max((entry.copy for entry in known if entry.gone), default=-1) + 1
            return self._insert(draft, copy, hold=False, at=at)

    def next_copy(self, client: str, period: str) -> int:
        """The number a further message of that month would have; 0 for the first one that goes."""
        with self._guarded():
            known = self._find("client = ? AND period = ?", client, period)
        return max((entry.copy for entry in known if entry.gone), default=-1) + 1

    def entries(self) -> tuple[Entry, ...]:
        """Everything there is, oldest first."""
        with self._guarded():
            return self._find("1 = 1")

    def entry(self, number: int) -> Entry:
        """One message; OutboxError where there is none of that number."""
        with self._guarded():
            found = self._find("id = ?", number)
        if not found:
            raise OutboxError(str(self.path), f"there is no message {number}.", hint="`auditor mail list` shows them.")
        return found[0]

    def content(self, entry: Entry) -> bytes:
        """The bytes of a message that was not sent yet. Raises Overtaken where it was replaced meanwhile."""
        with self._guarded():
            row = self._connection.execute("SELECT content FROM messages WHERE id = ?", (entry.id,)).fetchone()
        if row is None:
            raise Overtaken(str(self.path), f"message {entry.id} was replaced by another auditor meanwhile.")
        if row[0] is None:
            raise OutboxError(str(self.path), f"the content of message {entry.id} is no longer kept.")
        return bytes(row[0])

    def move(
        self,
        entry: Entry,
        state: State,
        *,
        at: datetime,
        problem: str = "",
        accepted: Sequence[str] | None = None,
        tried: bool = False,
    ) -> Entry:
        """Note what became of a message; what is sent, or may be, loses its content. Raises Overtaken."""
        taken = entry.accepted if accepted is None else tuple(accepted)
        with self._transaction():
            changed = self._connection.execute(
                "UPDATE messages SET state = ?, problem = ?, accepted = ?, attempts = attempts + ?, changed_at = ?,"
                " content = CASE WHEN ? THEN NULL ELSE content END WHERE id = ? AND state = ?",
                (
                    state,
                    problem,
                    json.dumps(taken),
                    int(tried),
                    _iso(at),
                    state in (State.SENT, State.UNCLEAR),
                    entry.id,
                    entry.state,
                ),
            ).rowcount
        if not changed:
            raise Overtaken(str(self.path), f"message {entry.id} was changed or replaced by another auditor meanwhile.")
        return self.entry(entry.id)

    def settle(self, *, at: datetime) -> tuple[Entry, ...]:
        """Mark what a process left when it died while handing over; only for whoever sends alone."""
        with self._guarded():
            left = self._find("state = ?", State.SENDING)
        problem = "auditor was stopped while it handed the message over."
        return tuple(self.move(entry, State.UNCLEAR, at=at, problem=problem) for entry in left)

    def expire(self, before: datetime) -> int:
        """Drop what was composed before a moment and never went: it names people. Returns how many messages.

        One that some of its recipients got stays known, without its content, so that it is not sent twice.
        """
        with self._transaction():
            kept = self._find("content IS NOT NULL AND state != ?", State.SENDING)
            old = [entry for entry in kept if entry.made_at < before]
            self._drop(entry for entry in old if not entry.gone)
            self._connection.executemany(
                "UPDATE messages SET content = NULL, state = ? WHERE id = ?",
                [(State.SENT, entry.id) for entry in old if entry.gone],
            )
        return len(old)

    @contextmanager
    def sending_alone(self, *, wait_s: float = 60.0) -> Iterator[bool]:
        """Hold the right to send this client's messages; false where another process has it for longer than `wait_s`.

        SQLite's own lock, on a file beside the outbox: it falls with the process, on every system.
        """
        lock = self.path.with_name(f".{self.path.stem}.lock")
        with self._guarded():
            connection = sqlite3.connect(lock, timeout=wait_s, isolation_level=None)
        try:
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                    raise _explain(lock, error) from error
                yield False
                return
            yield True
        finally:
            connection.close()

    def _find(self, where: str, *values: object) -> tuple[Entry, ...]:
        query = f"SELECT {_COLUMNS} FROM messages WHERE {where} ORDER BY id"  # noqa: S608 - words of this module
        return tuple(_entry(row) for row in self._connection.execute(query, values).fetchall())

    def _drop(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._connection.execute("DELETE FROM messages WHERE id = ?", (entry.id,))

    def _insert(self, draft: Draft, copy: int, *, hold: bool, at: datetime) -> Entry:
        cursor = self._connection.execute(
            "INSERT INTO messages (client, period, copy, state, run, language, sender, recipients, subject,"
            " message_id, file_name, file_sha256, incomplete, content, made_at, changed_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                draft.client,
                draft.period,
                copy,
                State.HELD if hold else State.QUEUED,
                draft.run,
                draft.language,
                draft.sender,
                json.dumps(draft.recipients),
                draft.subject,
                draft.message_id,
                draft.file_name,
                draft.file_sha256,
                draft.incomplete,
                draft.content,
                _iso(at),
                _iso(at),
            ),
        )
        return self._find("id = ?", cursor.lastrowid)[0]

    def _prepare(self) -> None:
        with self._guarded():
            header = header_of(self._connection)
            # Power may fail right after a message was handed over: what was noted before that must be on the disk.
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")  # a report no longer kept is not left in the file
            if not header.empty and header.owner != APPLICATION_ID:
                raise OutboxError(str(self.path), "a database of another program.", hint="Move it aside.")
            if header.form > SCHEMA_VERSION:
                hint = "Install the newer auditor, or move this file aside."
                raise OutboxError(str(self.path), f"written by a newer auditor (form {header.form}).", hint=hint)
            if header.empty:
                create(self._connection, self.path, (_SCHEMA,), owner=APPLICATION_ID, form=SCHEMA_VERSION)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guarded(), all_or_nothing(self._connection):
            yield

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error


def _explain(path: Path, error: sqlite3.Error) -> OutboxError:
    match primary_code(error):
        case sqlite3.SQLITE_FULL:
            return OutboxError(str(path), "its disk is full.", hint="Free some room.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return OutboxError(str(path), "locked by another program.", hint="Wait for it, or stop it.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return OutboxError(str(path), f"cannot be written: {error}.", hint="Check rights of the file and folder.")
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            hint = "Move it aside; then check with the recipients what they got before sending anything again."
            return OutboxError(str(path), f"damaged, or no outbox of ours: {error}.", hint=hint)
        case _:
            return OutboxError(str(path), f"the database answered: {error}.")


def _entry(row: Sequence[Any]) -> Entry:
    return Entry(
        id=row[0],
        client=row[1],
        period=row[2],
        copy=row[3],
        state=State(row[4]),
        run=row[5],
        language=row[6],
        sender=row[7],
        recipients=tuple(json.loads(row[8])),
        accepted=tuple(json.loads(row[9])),
        subject=row[10],
        message_id=row[11],
        file_name=row[12],
        file_sha256=row[13],
        incomplete=bool(row[14]),
        attempts=row[15],
        problem=row[16],
        made_at=datetime.fromisoformat(row[17]),
        changed_at=datetime.fromisoformat(row[18]),
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
