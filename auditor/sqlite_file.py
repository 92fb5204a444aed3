"""What every SQLite file of ours has in common: whose it is, how it comes into being, and all-or-nothing writing.

Several processes may open one file for the first time in the same instant: one makes it, all may use it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of itself: `owner` is its application_id, `form` its user_version; an empty one says nothing."""

    empty: bool
    owner: int
    form: int


def header_of(connection: sqlite3.Connection) -> Header:
    """Read whose file it is. Raises sqlite3.Error."""
    execute = connection.execute
    # First whether it is empty: another process that makes it meanwhile makes all of it at once.
    empty = execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    owner = execute("PRAGMA application_id").fetchone()[0]
    form = execute("PRAGMA user_version").fetchone()[0]
    return Header(empty=empty, owner=owner, form=form)


def create(connection: sqlite3.Connection, path: Path, statements: Sequence[str], *, owner: int, form: int) -> None:
    """Make the tables of an empty file, unless another process has done so meanwhile. Raises sqlite3.Error."""
    with all_or_nothing(connection):
        if not header_of(connection).empty:
            return
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {owner}")
        connection.execute(f"PRAGMA user_version = {form}")
    # It tells where a client can be attacked, or holds its reports: for its owner's eyes (ignored without file modes).
    with suppress(OSError):
        path.chmod(0o600)


@contextmanager
def all_or_nothing(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction of a connection in autocommit mode; another process that writes is waited for."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def primary_code(error: sqlite3.Error) -> int | None:
    """The primary result code of an error (sqlite3.SQLITE_FULL, ...); None where the library tells none."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None
