"""A history file, open: one SQLite file in the newest form, safe for several processes and against being killed.

A rollback journal, not WAL: the file stays one file, on network shares too, and writers are short. What a transaction
has written is on the disk when it ends, its directory entry included (synchronous = EXTRA): neither a killed process
nor a power cut loses anything stored.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from auditor.errors import HistoryDamaged, HistoryError, HistoryFull
from auditor.history.comparing import compare
from auditor.history.schema import APPLICATION_ID, CREATE, FORM, MIGRATIONS
from auditor.sqlite_file import all_or_nothing, create, header_of, primary_code

BUSY_TIMEOUT_S = 10.0
_UNWRITABLE = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
)


class Database:
    """A connection to a history file; every method raises HistoryError with the file's name.

    `is_copy` marks a file of an older form that could not be written: what is read is a copy in memory, in the newest
    form, and nothing can be stored.
    """

    def __init__(self, path: Path, *, must_exist: bool = False, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.path = path
        self.is_copy = False
        if must_exist and not path.is_file():
            raise HistoryError(str(path), "there is no history yet.", hint="Run an audit or a scan first.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HistoryError(str(path), f"its folder cannot be created: {error.strerror}.") from None
        with self.guarded():
            self.connection = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self.connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows of a query."""
        with self.guarded():
            return self.connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[object] = ()) -> Any:
        """The first row of a query, None without one."""
        with self.guarded():
            return self.connection.execute(sql, values).fetchone()

    def check(self) -> None:
        """Read the whole file and make sure that it is sound. Raises HistoryDamaged."""
        with self.guarded():
            (answer,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            told = [line for line in str(answer).splitlines() if not line.startswith("***")]  # a heading
            raise _damaged(self.path, told[0] if told else answer)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; another process that writes is waited for."""
        if self.is_copy:
            raise HistoryError(
                str(self.path), "cannot be written, and is of an older form: it can only be read.", hint=_RIGHTS
            )
        with self.guarded(), all_or_nothing(self.connection):
            yield self.connection

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn SQLite's errors into ours: who, why, what to do.

        SQLite keeps no checksums: what is no day or no word of ours in a sound table (ValueError) is damage, too.
        """
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error
        except ValueError as error:
            raise _damaged(self.path, f"it holds what nobody can read ({error})") from error

    def _prepare(self) -> None:
        with self.guarded():
            header = header_of(self.connection)
            if not header.empty and header.owner != APPLICATION_ID:
                raise HistoryError(
                    str(self.path), "a database of another program.", hint="Name another file or folder."
                )
            if header.form > FORM:
                hint = "Install the newer auditor, or move this file aside."
                raise HistoryError(str(self.path), f"written by a newer auditor (form {header.form}).", hint=hint)
            self.connection.execute("PRAGMA foreign_keys = ON")
            self.connection.execute("PRAGMA synchronous = EXTRA")
            if header.empty:
                create(self.connection, self.path, CREATE, owner=APPLICATION_ID, form=FORM)
        if not header.empty and header.form < FORM:
            self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        """Change an older form into ours, all or nothing; a file that cannot be written is read as if it had been."""
        try:
            with self.transaction() as connection:
                _migrate(connection)
        except HistoryError as error:
            cause = error.__cause__
            if not isinstance(cause, sqlite3.Error) or primary_code(cause) not in _UNWRITABLE:
                raise
            with self.guarded():
                self._copy()

    def _copy(self) -> None:
        memory = sqlite3.connect(":memory:", isolation_level=None)
        try:
            self.connection.backup(memory)
            _migrate(memory)
        except BaseException:
            memory.close()
            raise
        self.connection.close()
        self.connection = memory
        self.is_copy = True


def _migrate(connection: sqlite3.Connection) -> None:
    form = int(connection.execute("PRAGMA user_version").fetchone()[0])  # another process may have been faster
    for number in range(form, FORM):
        for statement in MIGRATIONS[number]:
            connection.execute(statement)
    if form < 3:
        concluded = "SELECT id FROM runs WHERE state != 'running' AND as_of IS NOT NULL ORDER BY id"
        for (run,) in connection.execute(concluded).fetchall():
            compare(connection, run)
    connection.execute(f"PRAGMA user_version = {FORM}")


_RIGHTS = "Check rights of the file and folder."


def _damaged(path: Path, problem: object) -> HistoryDamaged:
    hint = "Move it aside, or restore it from a backup; the next audit starts a new one."
    return HistoryDamaged(str(path), f"damaged, or no history of ours: {problem}.", hint=hint)


def _explain(path: Path, error: sqlite3.Error) -> HistoryError:
    match primary_code(error):
        case sqlite3.SQLITE_FULL:
            return HistoryFull(str(path), "its disk is full.", hint="Free some room.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            hint = "Another run on the same client? Wait for it, or stop it."
            return HistoryError(str(path), f"locked by another program for {BUSY_TIMEOUT_S:.0f} s.", hint=hint)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return HistoryError(str(path), f"cannot be written: {error}.", hint=_RIGHTS)
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return _damaged(path, error)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_PROTOCOL | sqlite3.SQLITE_NOLFS:
            hint = "Does its disk fail, or is it on a network share that is away or cannot lock files?"
            return HistoryError(str(path), f"cannot be read or written: {error}.", hint=hint)
        case _:
            return HistoryError(str(path), f"the database answered: {error}.")
