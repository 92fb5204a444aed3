"""The compiled file: every feed's rows in one SQLite file, written aside and swapped in, read without locks.

The file is opened read-only and immutable, so that loading one host touches only the pages of its packages. Nothing
here imports the feed modules or msgspec: a cold start reads rows within a few dozen milliseconds.
"""

import gc
import sqlite3
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice, product, repeat
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    Exploited,
    ExploitProbability,
    FeedRecords,
    FeedState,
    FixState,
    Lifecycle,
    PackageKind,
    Severity,
)

if TYPE_CHECKING:
    from collectors.errors import FeedInvalid
    from collectors.feeds.feed import FeedRecord

DETAIL_SEPARATOR = "\x1f"
"""Between the five fields of a detail; only the last three are free text."""

SCHEMA_VERSION = 1
APPLICATION_ID = 0x41554446  # "AUDF"

SCHEMA = """
CREATE TABLE feed (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL, url TEXT NOT NULL, licence TEXT NOT NULL,
  max_age_days INTEGER NOT NULL, fetched_at TEXT, checked_at TEXT, published_at TEXT, sha256 TEXT NOT NULL,
  size_bytes INTEGER NOT NULL, records INTEGER NOT NULL, edition TEXT NOT NULL, error TEXT NOT NULL,
  covers TEXT NOT NULL, announces INTEGER NOT NULL, source_key TEXT NOT NULL);
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE member (feed INTEGER PRIMARY KEY, entries BLOB NOT NULL);
CREATE TABLE advisory (
  feed INTEGER NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, severity TEXT NOT NULL,
  cvss REAL, issued_on TEXT, cves TEXT NOT NULL, security INTEGER NOT NULL, url TEXT NOT NULL,
  member INTEGER NOT NULL, PRIMARY KEY (feed, number)) WITHOUT ROWID;
CREATE TABLE affected (
  feed INTEGER NOT NULL, release INTEGER NOT NULL, package INTEGER NOT NULL, advisory INTEGER NOT NULL,
  detail INTEGER NOT NULL, fixed_version TEXT NOT NULL,
  PRIMARY KEY (feed, release, package, advisory, detail, fixed_version)) WITHOUT ROWID;
CREATE TABLE exploited (
  feed INTEGER NOT NULL, cve TEXT NOT NULL, added_on TEXT NOT NULL, due_on TEXT NOT NULL,
  ransomware INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (feed, cve)) WITHOUT ROWID;
CREATE TABLE probability (
  feed INTEGER NOT NULL, cve TEXT NOT NULL, probability REAL NOT NULL, percentile REAL NOT NULL,
  PRIMARY KEY (feed, cve)) WITHOUT ROWID;
CREATE TABLE lifecycle (
  feed INTEGER NOT NULL, product TEXT NOT NULL, cycle TEXT NOT NULL, codename TEXT NOT NULL, released_on TEXT,
  support_ends_on TEXT, extended_ends_on TEXT, extended_name TEXT NOT NULL, ended INTEGER, lts INTEGER NOT NULL,
  latest TEXT NOT NULL, PRIMARY KEY (feed, product, cycle)) WITHOUT ROWID;
"""

_SEVERITIES = {severity.value: severity for severity in Severity}
_KINDS = {kind.value: kind for kind in PackageKind}
_STATES = {state.value: state for state in FixState}
_AT_ONCE = 10_000  # parameters of one statement; SQLite allows 32,766
_REBUILD = "Run `auditor feeds update`; it is rebuilt from the downloads."

T = TypeVar("T")


def is_there(path: Path) -> bool:
    """Whether there is a compiled file; raises FeedError when we are not allowed to look."""
    try:
        there = path.is_file()
        if there:
            path.open("rb").close()
    except OSError as error:
        from collectors.errors import FeedError

        hint = "Run as the user who updates the feeds, or let this one read the folder."
        raise FeedError(str(path), f"cannot be read: {error.strerror}.", hint=hint) from error
    return there


def open_readonly(path: Path) -> sqlite3.Connection:
    """Open a compiled file for reading; nobody writes to it in place, so no lock is taken.

    Raises FeedError when it is absent, FeedInvalid when it is damaged or of another schema version.
    """
    if not is_there(path):
        from collectors.errors import FeedError

        raise FeedError(str(path), "there is no compiled feed file.", hint="Run `auditor feeds update` first.")
    location = path.absolute().as_posix().replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    location = location if location.startswith("/") else f"/{location}"
    try:
        connection = sqlite3.connect(f"file:{location}?mode=ro&immutable=1", uri=True, isolation_level=None)
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from error
    problem = ""
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute("PRAGMA mmap_size = 1073741824")
        connection.execute("PRAGMA temp_store = MEMORY")
        if application != APPLICATION_ID:
            problem = "this is not a compiled feed file of auditor."
        elif version != SCHEMA_VERSION:
            problem = f"the compiled feed file has version {version}, this auditor reads version {SCHEMA_VERSION}."
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _damaged(path, error) from error
    if problem:
        from collectors.errors import FeedInvalid

        connection.close()
        raise FeedInvalid(str(path), problem, hint=_REBUILD)
    return connection


def _damaged(path: Path, error: sqlite3.DatabaseError) -> "FeedInvalid":
    from collectors.errors import FeedInvalid

    return FeedInvalid(str(path), f"the compiled feed file is damaged ({error}).", hint=_REBUILD)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_readonly(path)
    collecting = gc.isenabled()
    gc.disable()  # tens of thousands of objects are about to be made and kept: nothing to collect meanwhile
    try:
        yield connection
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from error
    finally:
        if collecting:
            gc.enable()
        connection.close()


def load_states(path: Path) -> tuple[FeedState, ...]:
    """Return the state of each compiled feed, by name. Raises as `open_readonly`."""
    with _reading(path) as connection:
        return tuple(state for _, state in read_states(connection))


def load_source_keys(path: Path, *, whole: bool = False) -> dict[str, str]:
    """Return what each compiled feed was compiled from, by feed name; with `whole`, every page is looked at first.

    Raises as `open_readonly`.
    """
    with _reading(path) as connection:
        if whole:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(found.splitlines()[-1])
        return dict(connection.execute("SELECT name, source_key FROM feed"))


def load(path: Path, packages: Mapping[str, Collection[str]]) -> FeedRecords:
    """Load what concerns some packages: `packages` maps a release key to package names (source and binary).

    Advisories come with the exploitation rows of their CVEs; lifecycles come whole. Advisories are ordered by feed
    name. Raises as `open_readonly`.
    """
    with _reading(path) as connection:
        feeds = read_states(connection)
        connection.execute("CREATE TEMP TABLE asked (package TEXT PRIMARY KEY) WITHOUT ROWID")
        advisories: dict[tuple[str, str], Advisory] = {}  # by feed and id
        affected: list[AffectedPackage] = []
        for release, wanted in packages.items():
            _read_release(connection, feeds, release, wanted, advisories, affected)
        exploited, probabilities = _read_exploitation(connection, advisories.values())
        return FeedRecords(
            feeds=tuple(state for _, state in feeds),
            advisories=tuple(sorted(advisories.values(), key=attrgetter("feed"))),
            affected=tuple(affected),
            exploited=exploited,
            probabilities=probabilities,
            lifecycles=_read_lifecycles(connection),
        )


def read_states(connection: sqlite3.Connection) -> list[tuple[int, FeedState]]:
    """Return number and state of each compiled feed, by name."""
    rows = connection.execute(
        "SELECT id, name, title, url, licence, max_age_days, fetched_at, checked_at, published_at, sha256, size_bytes,"
        " records, edition, error, covers, announces FROM feed ORDER BY name"
    )
    return [
        (
            row[0],
            FeedState(
                name=row[1],
                title=row[2],
                url=row[3],
                licence=row[4],
                max_age_days=row[5],
                fetched_at=_moment(row[6]),
                checked_at=_moment(row[7]),
                published_at=_moment(row[8]),
                sha256=row[9],
                size_bytes=row[10],
                records=row[11],
                edition=row[12],
                error=row[13],
                covers=tuple(row[14].split()),
                announces=bool(row[15]),
            ),
        )
        for row in rows
    ]


def _read_release(
    connection: sqlite3.Connection,
    feeds: Sequence[tuple[int, FeedState]],
    release: str,
    packages: Collection[str],
    advisories: dict[tuple[str, str], Advisory],
    affected: list[AffectedPackage],
) -> None:
    """Add what the feeds say about some packages in one release; an advisory already there is not made again."""
    connection.execute("DELETE FROM asked")
    connection.executemany("INSERT OR IGNORE INTO asked VALUES (?)", zip(packages, strict=True))
    for number, state in feeds:
        if release not in state.covers:
            continue
        # One statement for both: an advisory met twice costs less than asking for eleven thousand of them by number.
        rows = connection.execute(
            "SELECT p.text, a.detail, a.fixed_version,"
            " y.id, y.title, y.severity, y.cvss, y.issued_on, y.cves, y.security, y.url"
            " FROM asked CROSS JOIN name p ON p.text = asked.package CROSS JOIN affected a"
            " ON a.feed = ?1 AND a.release = (SELECT id FROM name WHERE text = ?2) AND a.package = p.id"
            " CROSS JOIN advisory y ON y.feed = ?1 AND y.number = a.advisory",
            (number, release),
        ).fetchall()
        if rows:
            names, details, fixed_versions, ids = islice(zip(*rows, strict=True), 4)
            _add_advisories(state.name, dict(zip(ids, rows, strict=True)), advisories)
            meaning = _read_details(connection, set(details))
            kinds, states, modules, entitlements, reasons = zip(*map(meaning.__getitem__, details), strict=True)
            affected += _build(
                AffectedPackage,
                advisory=ids,
                release=repeat(release),
                package=names,
                kind=kinds,
                state=states,
                fixed_version=fixed_versions,
                module=modules,
                entitlement=entitlements,
                reason=reasons,
            )


def _add_advisories(
    feed: str, rows: Mapping[str, tuple[Any, ...]], advisories: dict[tuple[str, str], Advisory]
) -> None:
    columns = list(zip(*rows.values(), strict=True))
    made = _build(
        Advisory,
        id=columns[3],
        feed=repeat(feed),
        title=columns[4],
        severity=map(_SEVERITIES.__getitem__, columns[5]),
        cvss=columns[6],
        issued_on=map(_day, columns[7]),
        cves=map(tuple, map(str.split, columns[8])),
        security=map(bool, columns[9]),
        url=columns[10],
    )
    advisories.update(((feed, advisory.id), advisory) for advisory in made)


def _build(cls: type[T], **columns: Iterable[Any]) -> list[T]:
    """Make one instance per row by filling each slot from its column.

    The generated __init__ of a frozen dataclass takes 2 us; filling slots at C speed a quarter of that, which is half
    of the time it takes to load a host. Every field must be given; the record types have no __post_init__.
    """
    names = list(columns)
    first = list(columns.pop(names[0]))
    made = list(map(cls.__new__, repeat(cls, len(first))))
    deque(map(getattr(cls, names[0]).__set__, made, first), maxlen=0)
    for name, column in columns.items():
        deque(map(getattr(cls, name).__set__, made, column), maxlen=0)
    return made


def _read_details(
    connection: sqlite3.Connection, numbers: Iterable[int]
) -> dict[int, tuple[PackageKind, FixState, str, str, str]]:
    details = {}
    for number in numbers:
        (text,) = connection.execute("SELECT text FROM name WHERE id = ?", (number,)).fetchone()
        kind, state, module, entitlement, reason = text.split(DETAIL_SEPARATOR, 4)
        details[number] = (_KINDS[kind], _STATES[state], module, entitlement, reason)
    return details


def _read_exploitation(
    connection: sqlite3.Connection, advisories: Iterable[Advisory]
) -> tuple[tuple[Exploited, ...], tuple[ExploitProbability, ...]]:
    cves = list({cve for advisory in advisories for cve in advisory.cves})
    exploited = _read_of_cves(connection, "exploited", "cve, added_on, due_on, ransomware, name", cves)
    probabilities = _read_of_cves(connection, "probability", "cve, probability, percentile", cves)
    columns = list(zip(*probabilities, strict=True)) or [(), (), ()]
    return (
        tuple(
            Exploited(
                cve=cve,
                added_on=date.fromisoformat(added),
                due_on=date.fromisoformat(due),
                ransomware=bool(ransomware),
                name=name,
            )
            for cve, added, due, ransomware, name in exploited
        ),
        tuple(_build(ExploitProbability, cve=columns[0], probability=columns[1], percentile=columns[2])),
    )


def _read_of_cves(connection: sqlite3.Connection, table: str, columns: str, cves: list[str]) -> list[tuple[Any, ...]]:
    """Read the rows of some CVEs; a list of parameters is looked up twice as fast as a temporary table."""
    found: list[tuple[Any, ...]] = []
    feeds = [number for (number,) in connection.execute("SELECT id FROM feed")]
    for feed, start in product(feeds, range(0, len(cves), _AT_ONCE)):
        if connection.execute(f"SELECT 1 FROM {table} WHERE feed = ? LIMIT 1", (feed,)).fetchone() is None:  # noqa: S608
            continue
        some = cves[start : start + _AT_ONCE]
        statement = f"SELECT {columns} FROM {table} WHERE feed = ? AND cve IN ({','.join('?' * len(some))})"  # noqa: S608
        found.extend(connection.execute(statement, (feed, *some)))
    return found


def _read_lifecycles(connection: sqlite3.Connection) -> tuple[Lifecycle, ...]:
    rows = connection.execute(
        "SELECT product, cycle, codename, released_on, support_ends_on, extended_ends_on, extended_name, ended, lts,"
        " latest FROM lifecycle ORDER BY product, cycle"
    )
    return tuple(
        Lifecycle(
            product=row[0],
            cycle=row[1],
            codename=row[2],
            released_on=_day(row[3]),
            support_ends_on=_day(row[4]),
            extended_ends_on=_day(row[5]),
            extended_name=row[6],
            ended=None if row[7] is None else bool(row[7]),
            lts=bool(row[8]),
            latest=row[9],
        )
        for row in rows
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def write(path: Path, feeds: "Iterable[tuple[FeedState, Iterable[FeedRecord]]]") -> None:
    """Compile records straight into a new file at `path`, replacing any; for demonstrations, tests and benchmarks.

    `records` and `covers` of each state are counted anew.
    """
    from collectors.feeds.compile import Compiler
    from collectors.feeds.rows import pack

    with Compiler(path) as compiler:
        for state, records in feeds:
            compiler.replace(state, pack(state.name, records))
        compiler.finish()
