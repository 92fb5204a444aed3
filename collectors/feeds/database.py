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
    AffectedRange,
    Exploited,
    ExploitProbability,
    FeedRecords,
    FeedState,
    FixState,
    Lifecycle,
    PackageKind,
    PlanName,
    Severity,
    SkuName,
    WindowsBuild,
)
from collectors.feeds.schema import APPLICATION_ID, DETAIL_FIELDS, DETAIL_SEPARATOR, SCHEMA_VERSION

if TYPE_CHECKING:
    from collectors.errors import FeedInvalid
    from collectors.feeds.feed import FeedRecord

APPLICATIONS = "app"
"""The key under which `load` takes products ("vendor:product") whose affected ranges are asked."""

TENANTS = "m365"
"""The key with which `load` also reads the names of all SKUs and service plans, whatever it maps to."""

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

    Under the key APPLICATIONS it names products, whose affected ranges are loaded; with a Windows release come the
    builds published of it, with the key TENANTS the names of SKUs and service plans. Advisories and ranges come with
    the exploitation rows of their CVEs; lifecycles come whole. Advisories are ordered by feed name. Raises as
    `open_readonly`.
    """
    with _reading(path) as connection:
        feeds = read_states(connection)
        connection.execute("CREATE TEMP TABLE asked (package TEXT PRIMARY KEY) WITHOUT ROWID")
        advisories: dict[tuple[str, str], Advisory] = {}  # by feed and id
        affected: list[AffectedPackage] = []
        ranges: list[AffectedRange] = []
        for release, wanted in packages.items():
            if release == APPLICATIONS:
                ranges = _read_ranges(connection, wanted)
            elif release != TENANTS:
                _read_release(connection, feeds, release, wanted, advisories, affected)
        cves = {cve for advisory in advisories.values() for cve in advisory.cves}
        exploited, probabilities = _read_exploitation(connection, cves.union(span.cve for span in ranges))
        return FeedRecords(
            feeds=tuple(state for _, state in feeds),
            advisories=tuple(sorted(advisories.values(), key=attrgetter("feed"))),
            affected=tuple(affected),
            exploited=exploited,
            probabilities=probabilities,
            lifecycles=_read_lifecycles(connection),
            ranges=tuple(ranges),
            windows_builds=tuple(_read_windows_builds(connection, packages)),
            sku_names=_read_sku_names(connection) if TENANTS in packages else (),
            plan_names=_read_plan_names(connection) if TENANTS in packages else (),
        )


def read_states(connection: sqlite3.Connection) -> list[tuple[int, FeedState]]:
    """Return number and state of each compiled feed, by name."""
    rows = connection.execute(
        "SELECT id, name, title, url, licence, max_age_days, fetched_at, checked_at, published_at, sha256, size_bytes,"
        " records, edition, error, covers, announces, patch_tuesday FROM feed ORDER BY name"
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
                patch_tuesday=bool(row[16]),
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
            affected += _build(
                AffectedPackage,
                advisory=ids,
                release=repeat(release),
                package=names,
                fixed_version=fixed_versions,
                **_shared_columns(meaning, details),
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


def _read_details(connection: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Return the fields of each detail, in the order of DETAIL_FIELDS; the first two are a PackageKind and a FixState.

    Each field is one string object for all rows that share it.
    """
    details = {}
    for number in numbers:
        (text,) = connection.execute("SELECT text FROM name WHERE id = ?", (number,)).fetchone()
        kind, state, *texts = text.split(DETAIL_SEPARATOR, len(DETAIL_FIELDS) - 1)
        details[number] = (_KINDS[kind], _STATES[state], *texts)
    return details


def _shared_columns(meaning: Mapping[int, tuple[str, ...]], details: Sequence[int]) -> dict[str, Iterable[str]]:
    """Spread the details over columns; most fields are the same in every row of a feed, and looked up for none."""
    columns: dict[str, Iterable[str]] = {}
    for place, name in enumerate(DETAIL_FIELDS):
        values = {number: fields[place] for number, fields in meaning.items()}
        same = len(set(values.values())) == 1
        columns[name] = repeat(next(iter(values.values()))) if same else map(values.__getitem__, details)
    return columns


def _read_ranges(connection: sqlite3.Connection, products: Iterable[str]) -> list[AffectedRange]:
    found: list[AffectedRange] = []
    for (feed,) in connection.execute("SELECT DISTINCT feed FROM affected_range").fetchall():
        for wanted in products:
            rows = connection.execute(
                "SELECT cve, introduced, fixed_version, last_affected, target, edition FROM affected_range"
                " WHERE feed = ? AND product = ? ORDER BY cve",
                (feed, wanted),
            )
            found += [
                AffectedRange(
                    cve=row[0],
                    product=wanted,
                    introduced=row[1],
                    fixed_version=row[2],
                    last_affected=row[3],
                    target=row[4],
                    edition=row[5],
                )
                for row in rows
            ]
    return found


def _read_windows_builds(connection: sqlite3.Connection, releases: Iterable[str]) -> Iterator[WindowsBuild]:
    """Yield the builds of every Windows release asked; client and server share the builds of one branch (W5)."""
    asked = {release.split(":")[1].partition("-")[0] for release in releases if release.startswith("windows:")}
    for branch in sorted(asked):
        rows = connection.execute(
            "SELECT w.build, w.kb, w.released_on, w.preview, w.out_of_band, w.hotpatch FROM feed"
            " CROSS JOIN windows_build w ON w.feed = feed.id AND w.build > ? AND w.build < ?",
            (f"{branch}.", f"{branch}/"),  # "/" follows "."
        )
        for build, kb, released, preview, out_of_band, hotpatch in rows:
            yield WindowsBuild(
                build=build,
                kb=kb,
                released_on=_day(released),
                preview=bool(preview),
                out_of_band=bool(out_of_band),
                hotpatch=bool(hotpatch),
            )


def _read_sku_names(connection: sqlite3.Connection) -> tuple[SkuName, ...]:
    rows = connection.execute("SELECT sku, part_number, name FROM sku_name ORDER BY sku").fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * 3
    return tuple(_build(SkuName, sku_id=columns[0], part_number=columns[1], name=columns[2]))


def _read_plan_names(connection: sqlite3.Connection) -> tuple[PlanName, ...]:
    rows = connection.execute("SELECT plan, sku, name, title FROM plan_name ORDER BY plan, sku").fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * 4
    return tuple(_build(PlanName, id=columns[0], sku_id=columns[1], name=columns[2], title=columns[3]))


def _read_exploitation(
    connection: sqlite3.Connection, of_cves: Iterable[str]
) -> tuple[tuple[Exploited, ...], tuple[ExploitProbability, ...]]:
    cves = list(of_cves)
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
    ).fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * 10
    return tuple(
        _build(
            Lifecycle,
            product=columns[0],
            cycle=columns[1],
            codename=columns[2],
            released_on=map(_day, columns[3]),
            support_ends_on=map(_day, columns[4]),
            extended_ends_on=map(_day, columns[5]),
            extended_name=columns[6],
            ended=(None if ended is None else bool(ended) for ended in columns[7]),
            lts=map(bool, columns[8]),
            latest=columns[9],
        )
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
