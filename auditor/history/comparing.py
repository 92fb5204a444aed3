"""What a history keeps of a run's findings, and how it compares a run with the one before.

All of this works on an open connection, inside the transaction of whoever calls. What a comparison says is written
down once, with the run, and never recomputed: a report written again says what it said.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from collectors.model import LastUpdate
from rules.changes import Comparison, Deadline, Look, Sighting, Subject, compared
from rules.model import Assessment, Finding, MachineSummary, Outcome, PatchState

NEW, REOPENED, FIXED, UNSEEN, KEPT = "new", "reopened", "fixed", "unseen", "kept"
_COLUMNS: Final = (
    "fingerprint, rule, subject, key, outcome, severity, state, released_on, due_on, installed, limited, doubts,"
    " person, first_on"
)
_SIGHTED: Final = f"SELECT {_COLUMNS} FROM findings"  # noqa: S608 - names of our own
_PLACES: Final = ", ".join("?" * 15)
_STATES: Final = {state.value: state for state in PatchState}
_PACKAGE_MANAGERS: Final = frozenset({"apt", "dnf", "yum", "zypper", "apk"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One row of `changes`: a finding that came, went, came back or was not looked at."""

    change: str
    sighting: Sighting
    deadline: Deadline = Deadline.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The run another one is compared with; `as_of` as it is stored."""

    run: int
    as_of: str


def record(connection: sqlite3.Connection, run: int, assessment: Assessment) -> None:
    """Keep what later runs compare themselves with: findings, whom they are about, and the feeds they rest on."""
    for table in ("findings", "subjects", "changes", "feed_states"):
        connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run,))  # noqa: S608 - names of our own
    connection.executemany(
        f"INSERT OR IGNORE INTO findings (run_id, {_COLUMNS}) VALUES ({_PLACES})",  # noqa: S608 - names of our own
        (_finding_row(run, finding) for finding in assessment.findings),
    )
    connection.executemany("INSERT OR IGNORE INTO subjects VALUES (?, ?, ?, ?, ?, ?)", _subject_rows(run, assessment))
    connection.executemany(
        "INSERT OR IGNORE INTO feed_states VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (
                run,
                feed.name,
                feed.title,
                _moment(feed.fetched_at),
                _moment(feed.published_at),
                feed.sha256,
                feed.name in assessment.stale_feeds,
            )
            for feed in assessment.feeds
        ),
    )


def _finding_row(run: int, finding: Finding) -> tuple[object, ...]:
    return (
        run,
        finding.fingerprint,
        finding.rule,
        finding.subject,
        finding.key,
        finding.outcome.value,
        finding.severity.value,
        finding.state.value,
        _day(finding.released_on),
        _day(finding.due_on),
        str(finding.message.params.get("installed_version") or ""),
        finding.limited,
        "\n".join(sorted(_doubts(finding))),
        bool(finding.person),
        None,
    )


def _doubts(finding: Finding) -> Iterator[str]:
    """Keys that an unknown may hide; of a pending reboot the fix that is on disk already."""
    if finding.outcome is Outcome.UNKNOWN:
        named = (evidence.what.params.get("package") for evidence in finding.evidence)
        yield from {str(name) for name in named if name}
    elif finding.state is PatchState.REBOOT_PENDING and (name := finding.message.params.get("package")):
        yield str(name)


def _subject_rows(run: int, assessment: Assessment) -> Iterator[tuple[object, ...]]:
    for machine in assessment.machines:
        system = machine.operating_system
        identity = "" if system is None else system.machine_id
        yield run, machine.target.name, "host", machine.reached, identity, _day(_installed_on(machine))
    for tenant in assessment.tenants:
        identity = "" if tenant.organization is None else tenant.organization.id
        yield run, tenant.target.name, "tenant", tenant.reached, identity, None


def _installed_on(machine: MachineSummary) -> date | None:
    """The day of the newest installation, where one package manager installs everything a fix can be about (W29)."""
    newest: LastUpdate | None = machine.last_update
    if newest is None or machine.updates_from not in _PACKAGE_MANAGERS:
        return None
    return newest.at.astimezone(UTC).date()


def compare(connection: sqlite3.Connection, run: int) -> None:
    """Compare a concluded run with the newest one before it that looked at any of the same, and write it down."""
    (as_of,) = connection.execute("SELECT as_of FROM runs WHERE id = ?", (run,)).fetchone()
    base, found = compared_with_before(connection, run, look_of(connection, run, as_of))
    connection.execute("UPDATE runs SET before_id = ? WHERE id = ?", (None if base is None else base.run, run))
    _write(connection, run, found)


def compared_with_before(connection: sqlite3.Connection, run: int, now: Look) -> tuple[Base | None, Comparison]:
    """Compare what a run found with the newest one before it that looked at any of the same; None: there is none."""
    client, demo = connection.execute("SELECT client, demo FROM runs WHERE id = ?", (run,)).fetchone()
    base = _base_of(connection, run, client, demo, now)
    before = None if base is None else look_of(connection, base.run, base.as_of, as_base=True)

    def earlier(one: Sighting) -> Sighting | None:
        row = connection.execute(
            f"{_SIGHTED} WHERE fingerprint = ? AND run_id < ? AND outcome = 'fail'"  # noqa: S608 - names of our own
            " AND run_id IN (SELECT id FROM runs WHERE demo = ? AND client = ?) ORDER BY run_id DESC LIMIT 1",
            (one.fingerprint, run, demo, client),
        ).fetchone()
        return None if row is None else _sighting(row)

    return base, compared(before, now, earlier)


def look_at(assessment: Assessment) -> Look:
    """A run that is in no history, as comparisons see it."""
    return Look(
        on=assessment.as_of.astimezone(UTC).date(),
        sightings=tuple(_sighting(_finding_row(0, finding)[1:]) for finding in assessment.findings),
        subjects=tuple(_subject(row[1:]) for row in _subject_rows(0, assessment)),
    )


def look_of(connection: sqlite3.Connection, run: int, as_of: str, *, as_base: bool = False) -> Look:
    """A run as comparisons see it; of one that is compared with, only what it left open or unknown."""
    left = " AND outcome IN ('fail', 'unknown')" if as_base else ""
    rows = connection.execute(f"{_SIGHTED} WHERE run_id = ?{left} ORDER BY fingerprint", (run,))
    subjects = connection.execute(
        "SELECT name, kind, reached, identity, installed_on FROM subjects WHERE run_id = ? ORDER BY name", (run,)
    )
    left_over = changes_of(connection, run) if as_base else ()
    return Look(
        on=datetime.fromisoformat(as_of).astimezone(UTC).date(),
        sightings=tuple(_sighting(row) for row in rows),
        subjects=tuple(_subject(row) for row in subjects),
        carried=tuple(row.sighting for row in left_over if row.change in (UNSEEN, KEPT)),
    )


def _base_of(connection: sqlite3.Connection, run: int, client: str, demo: int, now: Look) -> Base | None:
    """The newest earlier run that came to a conclusion and was to look at any of the same."""
    rows = connection.execute(
        "SELECT id, as_of, client FROM runs WHERE id < ? AND state != 'running' AND as_of IS NOT NULL AND demo = ?"
        " ORDER BY id DESC",
        (run, demo),
    ).fetchall()
    for number, as_of, name in rows:
        if alike(subjects_of(connection, number), now.subjects, same_client=name == client):
            return Base(run=number, as_of=as_of)
    return None


def subjects_of(connection: sqlite3.Connection, run: int) -> tuple[Subject, ...]:
    """Whom a run was to look at."""
    rows = connection.execute(
        "SELECT name, kind, reached, identity, installed_on FROM subjects WHERE run_id = ?", (run,)
    )
    return tuple(_subject(row) for row in rows)


def alike(one: Iterable[Subject], other: Iterable[Subject], *, same_client: bool = True) -> int:
    """How many of `other` are in `one` too, by identity, or by name where both are the same client's."""
    names, identities = set[str](), set[str]()
    for subject in one:
        names.add(subject.name)
        identities.add(subject.identity)
    identities.discard("")
    return sum(subject.identity in identities or (same_client and subject.name in names) for subject in other)


def changes_of(connection: sqlite3.Connection, run: int) -> tuple[Changed, ...]:
    """What a comparison said, by change and fingerprint."""
    rows = connection.execute(
        "SELECT change, fingerprint, rule, subject, key, severity, state, released_on, due_on, installed, first_on,"
        " last_on, deadline, person FROM changes WHERE run_id = ? ORDER BY change, fingerprint",
        (run,),
    )
    return tuple(
        Changed(
            change=row[0],
            sighting=Sighting(
                fingerprint=row[1],
                rule=row[2],
                subject=row[3],
                key=row[4],
                outcome=Outcome.FAIL,
                severity=row[5],
                state=_state(row[6]),
                released_on=_read_day(row[7]),
                due_on=_read_day(row[8]),
                installed=row[9],
                first_on=_read_day(row[10]),
                last_on=_read_day(row[11]),
                person=bool(row[13]),
            ),
            deadline=Deadline(row[12]),
        )
        for row in rows
    )


def changed(found: Comparison) -> tuple[Changed, ...]:
    """The same of a comparison that is not written down."""
    kinds = ((NEW, found.new), (REOPENED, found.reopened), (UNSEEN, found.unseen), (KEPT, found.kept))
    rows = [Changed(change=kind, sighting=one) for kind, sightings in kinds for one in sightings]
    rows += [Changed(change=FIXED, sighting=gone.sighting, deadline=gone.deadline) for gone in found.fixed]
    return tuple(sorted(rows, key=lambda row: (row.change, row.sighting.fingerprint)))


def _write(connection: sqlite3.Connection, run: int, found: Comparison) -> None:
    connection.executemany(
        "UPDATE findings SET first_on = ? WHERE run_id = ? AND fingerprint = ?",
        ((day.isoformat(), run, fingerprint) for fingerprint, day in found.first_on.items()),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                run,
                row.change,
                row.sighting.fingerprint,
                row.sighting.rule,
                row.sighting.subject,
                row.sighting.key,
                row.sighting.severity,
                row.sighting.state.value,
                _day(row.sighting.released_on),
                _day(row.sighting.due_on),
                row.sighting.installed,
                _day(row.sighting.first_on),
                _day(row.sighting.last_on),
                row.deadline.value,
                row.sighting.person,
            )
            for row in changed(found)
        ),
    )


def _subject(row: Sequence[Any]) -> Subject:
    """A row of `subjects` after its run: name, kind, reached, identity, installed_on."""
    return Subject(name=row[0], reached=bool(row[2]), identity=row[3], installed_on=_read_day(row[4]))


def _sighting(row: Sequence[Any]) -> Sighting:
    """A row of `findings`, in the order of `_COLUMNS`."""
    return Sighting(
        fingerprint=row[0],
        rule=row[1],
        subject=row[2],
        key=row[3],
        outcome=Outcome(row[4]),
        severity=row[5],
        state=_state(row[6]),
        released_on=_read_day(row[7]),
        due_on=_read_day(row[8]),
        installed=row[9],
        limited=bool(row[10]),
        doubts=frozenset(row[11].splitlines()),
        person=bool(row[12]),
        first_on=_read_day(row[13]),
    )


def _state(text: str) -> PatchState:
    """A state as written; one that a newer auditor wrote means nothing here."""
    return _STATES.get(text, PatchState.NONE)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _read_day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
