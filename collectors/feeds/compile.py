"""Compiling: a new database is made aside, feed by feed, and swapped in whole; a reader never sees half of it.

The rows of a feed enter beside those of its last good copy and take their place only at `apply`: a feed that turns out
to be broken, after any number of records, is taken out again.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from collectors.errors import FeedError, FeedInvalid
from collectors.feeds.database import open_readonly, read_states
from collectors.feeds.records import FeedState
from collectors.feeds.rows import AffectedColumns, Chunk
from collectors.feeds.schema import APPLICATION_ID, SCHEMA, SCHEMA_VERSION


class DiskRefuses(FeedError):
    """The new file itself cannot be written: nothing in it can be trusted any more, whichever feed it happened to."""


# Tables whose rows refer to no other.
_PLAIN = ("exploited", "probability", "lifecycle", "affected_range", "windows_build", "sku_name", "plan_name")
_ROWS = ("affected", "advisory", *_PLAIN, "member")
_CACHE = "-65536"  # kB of page cache
_ROWS_AT_ONCE = 16  # more gain nothing


class Member(NamedTuple):
    """One document of an archive: `number` is its own within the feed and never used twice."""

    crc: int
    size: int
    number: int


_MEMBERS = msgspec.msgpack.Decoder(dict[str, Member])  # one blob per feed: a row each would cost as much as the data


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Rows of one feed that are in the file and not yet in force, and what the feed would be with them.

    `number` is the feed's number, a new one unless this is an update of an archive; advisories from `first` on are new.
    """

    feed: str
    number: int
    first: int
    update: bool
    records: int = 0
    covers: tuple[str, ...] = ()


class Compiler:
    """One new compiled file in the making, for use as a context manager; without `finish()` nothing is replaced.

    `base` is the compiled file to start from: its feeds stay unless staged and applied anew. Raises FeedError naming
    the file when the disk is full or not writable, FeedInvalid (base) when that file cannot be used.
    """

    def __init__(self, path: Path, *, base: Path | None = None) -> None:
        self._path = path
        self._aside = path.with_name(f"{path.name}.new")
        self._names: dict[str, int] = {}
        with _clear_errors(self._aside):
            self._discard()
            if base is not None:
                open_readonly(base).close()
                shutil.copyfile(base, self._aside)
            self._db = sqlite3.connect(self._aside, isolation_level=None)
            try:
                self._prepare(fresh=base is None)
            except BaseException:
                self._db.close()
                self._discard()
                raise

    def _prepare(self, *, fresh: bool) -> None:
        execute = self._db.execute
        execute("PRAGMA journal_mode = OFF")  # an unfinished file is thrown away, never rolled back
        execute("PRAGMA synchronous = OFF")
        execute(f"PRAGMA cache_size = {_CACHE}")
        if fresh:
            self._db.executescript(SCHEMA)
            execute(f"PRAGMA application_id = {APPLICATION_ID}")
            execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        execute("CREATE TEMP TABLE gone (advisory INTEGER PRIMARY KEY)")
        execute("BEGIN")
        self._names = dict(execute("SELECT text, id FROM name"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._db.close()
        self._discard()

    def _discard(self) -> None:
        self._aside.unlink(missing_ok=True)

    def source_keys(self) -> dict[str, str]:
        """Return what each compiled feed was compiled from, by feed name."""
        return dict(self._db.execute("SELECT name, source_key FROM feed"))

    def state(self, feed: str) -> FeedState | None:
        """Return the compiled state of a feed; None when it never was."""
        return next((state for _, state in read_states(self._db) if state.name == feed), None)

    def members(self, feed: str) -> dict[str, Member]:
        """Return the archive members a feed was compiled from; empty when it never was, or not from an archive."""
        row = self._db.execute(
            "SELECT entries FROM feed JOIN member ON member.feed = feed.id WHERE feed.name = ?", (feed,)
        ).fetchone()
        return {} if row is None else _MEMBERS.decode(row[0])

    def drop(self, feed: str) -> None:
        """Remove a feed and its rows; nothing happens when it is not there."""
        number = self._number_of(feed)
        if number is not None:
            self._delete_rows(number)
            self._db.execute("DELETE FROM feed WHERE id = ?", (number,))

    def replace(self, state: FeedState, chunks: Iterable[Chunk], *, source_key: str = "") -> FeedState:
        """Stage and apply in one step, without asking whether the feed shrank."""
        return self.apply(state, self.stage(state.name, chunks), source_key=source_key)

    def stage(self, feed: str, chunks: Iterable[Chunk], *, gone: Iterable[int] | None = None) -> Staged:
        """Add the rows of a feed, not yet in force, and tell what it would become; then `apply` or `reject` them.

        `gone` set means an update of an archive: the chunks hold new and changed members only, rows of members with
        these numbers go, all others stay. Raises, having taken the rows out again, what the chunks raise, and
        FeedInvalid for values of wrong types, for text that is no text and for entries that stand there twice.
        """
        self._db.execute("DELETE FROM gone")
        number = self._number_of(feed)
        if gone is not None and number is not None:
            staged = Staged(feed=feed, number=number, first=self._mark_gone(number, gone), update=True)
        else:
            last = self._db.execute("SELECT coalesce(max(id), 0) FROM feed").fetchone()[0]
            staged = Staged(feed=feed, number=last + 1, first=0, update=False)
        try:
            following = staged.first
            for chunk in chunks:
                with _clear_errors(self._aside):
                    following += self._insert(staged.number, chunk, following)
            with _clear_errors(self._aside):
                return self._project(staged)
        except DiskRefuses:
            raise  # without a journal, a write that failed half way cannot be taken back
        except (UnicodeEncodeError, OverflowError, sqlite3.IntegrityError, sqlite3.ProgrammingError) as error:
            self.reject(staged)
            raise FeedInvalid(feed, f"it holds a value that cannot be stored ({error}).") from error
        except Exception:
            self.reject(staged)
            raise

    def _mark_gone(self, feed: int, members: Iterable[int]) -> int:
        """List the advisories of members that go; return the first free advisory number."""
        gone = frozenset(members)
        rows = self._db.execute("SELECT number, member FROM advisory WHERE feed = ?", (feed,)).fetchall()
        self._db.executemany("INSERT INTO gone VALUES (?)", ((number,) for number, member in rows if member in gone))
        return max((number for number, _ in rows), default=-1) + 1

    def _insert(self, feed: int, chunk: Chunk, following: int) -> int:
        """Insert one chunk whose first advisory gets number `following`; return how many advisories it held."""
        names = [self._name(text) for text in chunk.names]
        insert = self._db.executemany
        insert(
            f"INSERT INTO advisory VALUES ({feed}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own number
            ((number, *row) for number, row in enumerate(chunk.advisories, start=following)),
        )
        self._insert_affected(feed, chunk.affected, names, following - chunk.first)
        insert("INSERT INTO exploited VALUES (?, ?, ?, ?, ?, ?)", ((feed, *row) for row in chunk.exploited))
        insert("INSERT INTO probability VALUES (?, ?, ?, ?)", ((feed, *row) for row in chunk.probabilities))
        insert(
            "INSERT INTO lifecycle VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", ((feed, *row) for row in chunk.lifecycles)
        )
        insert(
            "INSERT OR IGNORE INTO affected_range VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((feed, *row) for row in chunk.ranges),
        )
        insert("INSERT INTO windows_build VALUES (?, ?, ?, ?, ?, ?, ?)", ((feed, *row) for row in chunk.windows_builds))
        insert("INSERT INTO sku_name VALUES (?, ?, ?, ?)", ((feed, *row) for row in chunk.sku_names))
        insert("INSERT INTO plan_name VALUES (?, ?, ?, ?, ?)", ((feed, *row) for row in chunk.plan_names))
        return len(chunk.advisories)

    def _insert_affected(self, feed: int, affected: AffectedColumns, names: Sequence[int], shift: int) -> None:
        """Insert affected packages, several by one statement: stepping SQLite costs more than the row does.

        A statement that stops half way could not be undone without a journal; this one ignores what it cannot take.
        """
        rows = zip(
            map(names.__getitem__, affected.release),
            map(names.__getitem__, affected.package),
            map(shift.__add__, affected.advisory),
            map(names.__getitem__, affected.detail),
            affected.fixed_version,
            strict=True,
        )
        values = list(chain.from_iterable(rows))
        one = f"({feed}, ?, ?, ?, ?, ?)"
        width = one.count("?")
        start = 0
        for together in (_ROWS_AT_ONCE, 1):
            step = width * together
            stop = len(values) - (len(values) - start) % step
            self._db.executemany(
                f"INSERT OR IGNORE INTO affected VALUES {', '.join([one] * together)}",  # noqa: S608 - our own number
                (values[at : at + step] for at in range(start, stop, step)),
            )
            start = stop

    def _name(self, text: str) -> int:
        number = self._names.get(text)
        if number is None:
            number = self._names[text] = len(self._names) + 1
            self._db.execute("INSERT INTO name VALUES (?, ?)", (number, text))
        return number

    def _project(self, staged: Staged) -> Staged:
        """Count what stays: everything of this number but the advisories gone and their affected packages."""
        records = 0
        for table in _PLAIN:
            records += self._count(f"SELECT count(*) FROM {table} WHERE feed = ?", staged.number)  # noqa: S608
        records += self._count("SELECT count(*) FROM advisory WHERE feed = ?", staged.number)
        records -= self._count("SELECT count(*) FROM gone WHERE ? > 0", staged.number)
        kept = self._db.execute(
            "SELECT (SELECT text FROM name WHERE id = release), count(*) FROM affected"
            " WHERE feed = ? AND advisory NOT IN (SELECT advisory FROM gone) GROUP BY release",
            (staged.number,),
        ).fetchall()
        records += sum(rows for _, rows in kept)
        return replace(staged, records=records, covers=tuple(sorted(release for release, _ in kept)))

    def _count(self, query: str, feed: int) -> int:
        return int(self._db.execute(query, (feed,)).fetchone()[0])

    def reject(self, staged: Staged) -> None:
        """Take staged rows out again; the feed stays what it was."""
        if not staged.update:
            self._delete_rows(staged.number)
            return
        bounds = (staged.number, staged.first)
        self._db.execute("DELETE FROM affected WHERE feed = ? AND advisory >= ?", bounds)
        self._db.execute("DELETE FROM advisory WHERE feed = ? AND number >= ?", bounds)

    def apply(
        self, state: FeedState, staged: Staged, *, source_key: str = "", members: Mapping[str, Member] | None = None
    ) -> FeedState:
        """Put the staged rows in the place of the feed's old ones; `members` are all members of an archive.

        Returns the state with `records` and `covers` filled in.
        """
        state = replace(state, records=staged.records, covers=staged.covers)
        with _clear_errors(self._aside):
            if staged.update:
                gone = "IN (SELECT advisory FROM gone)"
                self._db.execute(f"DELETE FROM affected WHERE feed = ? AND advisory {gone}", (staged.number,))  # noqa: S608
                self._db.execute(f"DELETE FROM advisory WHERE feed = ? AND number {gone}", (staged.number,))  # noqa: S608
            else:
                self.drop(staged.feed)
            self._write_feed(staged.number, state, source_key)
            if members is not None:
                entries = msgspec.msgpack.encode(members)
                self._db.execute("INSERT OR REPLACE INTO member VALUES (?, ?)", (staged.number, entries))
        return state

    def _write_feed(self, number: int, state: FeedState, source_key: str) -> None:
        moments = (state.fetched_at, state.checked_at, state.published_at)
        self._db.execute(
            "INSERT OR REPLACE INTO feed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                state.name,
                state.title,
                state.url,
                state.licence,
                state.max_age_days,
                *(None if moment is None else moment.isoformat() for moment in moments),
                state.sha256,
                state.size_bytes,
                state.records,
                state.edition,
                state.error,
                " ".join(state.covers),
                state.announces,
                state.patch_tuesday,
                source_key,
            ),
        )

    def _delete_rows(self, feed: int) -> None:
        for table in _ROWS:
            self._db.execute(f"DELETE FROM {table} WHERE feed = ?", (feed,))  # noqa: S608 - our own table names

    def _number_of(self, feed: str) -> int | None:
        row = self._db.execute("SELECT id FROM feed WHERE name = ?", (feed,)).fetchone()
        return None if row is None else int(row[0])

    def finish(self) -> None:
        """Swap the new file in; the old one stays valid for whoever still reads it."""
        with _clear_errors(self._aside):
            self._db.execute("COMMIT")
            free = self._db.execute("PRAGMA freelist_count").fetchone()[0]
            pages = self._db.execute("PRAGMA page_count").fetchone()[0]
            if free * 2 > pages:
                self._db.execute("VACUUM")
            self._db.close()
            with self._aside.open("rb+") as written:
                os.fsync(written.fileno())
            self._aside.replace(self._path)


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Turn what the disk and SQLite say into a FeedError that names the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise DiskRefuses(
            str(path), f"cannot be written: {error}.", hint="Free some space or choose another folder."
        ) from error
    except OSError as error:
        raise DiskRefuses(
            str(path), f"cannot be written: {error.strerror}.", hint="Check space and permissions."
        ) from error
