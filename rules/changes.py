"""What became of the findings of an earlier run: still there, gone for good, back again, or not looked at.

Nothing here reads a history: two runs are compared as `auditor` hands them over, and what an earlier run knew about a
finding travels with it from run to run. A finding has gone only where its rule answered about its subject: on a machine
that was not reached, or behind a blind spot, it is neither open nor fixed.

The fingerprint of a missing fix names a package, not an advisory. Where the fix that is missing now was released later
than the one before, and something was installed meanwhile, the earlier one is fixed and another one is missing.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

from rules.model import Outcome, PatchState

_WHOLE = frozenset({"", "incomplete", "kinds", "sizes", "undecided"})  # keys of doubts about all a rule looks at
_UNDECIDED, _UNREAD, _MITIGATED, _SYSTEM = "undecided:", "unread:", "mitigated:", "Windows"
_OVERDUE_RULE = "patch.overdue"  # sums up the others: their deadlines are counted
_REBOOT_RULE = "host.reboot_pending"
_WAIVER_RULES = "waiver."  # speak of the client's own file: they say nothing where nothing is to be said
_TENANT_RULES = "m365."  # what the client's file accepts of theirs is NOT_APPLICABLE, by the same fingerprint
_REMEMBERED = timedelta(days=400)


class Deadline(StrEnum):
    """What became of the deadline of a fix that is installed now; `NONE` where it had none, or still runs."""

    KEPT = "kept"
    MISSED = "missed"
    UNTOLD = "untold"  # installed between two audits, and the deadline lay between them as well
    NONE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One finding in one run, as far as comparing goes.

    `doubts` are the keys an UNKNOWN may hide, and the key a pending reboot has on disk already. `installed` is the
    version that was seen, `person` tells that it is about somebody. `first_on` is the day it was first found and
    `last_on` the day it was last seen, both None until a comparison tells.
    """

    fingerprint: str
    rule: str
    subject: str
    key: str
    outcome: Outcome
    severity: str = ""
    state: PatchState = PatchState.NONE
    released_on: date | None = None
    due_on: date | None = None
    installed: str = ""
    limited: bool = False
    doubts: frozenset[str] = frozenset()
    person: bool = False
    first_on: date | None = None
    last_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A machine or tenant of a run. `identity` stays when its name changes ("" where nothing tells).

    `installed_on` is the day of the newest installation, where one trace speaks of everything a machine installs.
    """

    name: str
    reached: bool
    identity: str = ""
    installed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One run: its day, whom it was to look at, what it found, and what it still knows of runs before (`carried`)."""

    on: date
    subjects: tuple[Subject, ...]
    sightings: tuple[Sighting, ...]
    carried: tuple[Sighting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A finding that is fixed, and what became of its deadline."""

    sighting: Sighting
    deadline: Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of everything. All sightings carry `first_on` and `last_on`.

    `first_on` holds the day each failed or unknown finding of the run was first found, by fingerprint. `unseen` were
    open and were not looked at this time; `kept` are neither: of machines nobody asks about any more, or set aside.
    """

    first_on: Mapping[str, date] = field(default_factory=dict)
    new: tuple[Sighting, ...] = ()
    reopened: tuple[Sighting, ...] = ()
    fixed: tuple[Gone, ...] = ()
    unseen: tuple[Sighting, ...] = ()
    kept: tuple[Sighting, ...] = ()
    still_open: int = 0


def fingerprint(rule: str, subject: str, key: str) -> str:
    """The fingerprint of a finding (see `rules.model.Finding.fingerprint`)."""
    return hashlib.sha256("\0".join((rule, subject, key)).encode("utf-8", "surrogatepass")).hexdigest()


def compared(before: Look | None, now: Look, earlier: Callable[[Sighting], Sighting | None]) -> Comparison:
    """Compare a run with the newest one before it (None: there is none, nothing is new and everything is found today).

    `earlier` is asked for the last sighting of a finding that `before` does not know, in any run before; None: never.
    """
    if before is None:
        return Comparison(first_on={one.fingerprint: now.on for one in now.sightings if _is_told(one)})
    return _Comparing(before, now, earlier).told()


def _is_told(sighting: Sighting) -> bool:
    return sighting.outcome in (Outcome.FAIL, Outcome.UNKNOWN)


class _Comparing:
    """One comparison under way."""

    def __init__(self, before: Look, now: Look, earlier: Callable[[Sighting], Sighting | None]) -> None:
        self._before = before
        self._now = now
        self._earlier = earlier
        self._subjects = {subject.name: subject for subject in now.subjects}
        names = {subject.name for subject in before.subjects}
        self._asked = names | set(self._subjects)
        self._renamed = _renamed(before, now)

    def told(self) -> Comparison:
        open_before = self._open_before()
        first_on = self._first_unknown()
        new, reopened, fixed = list[Sighting](), list[Sighting](), list[Gone]()
        still_open = 0
        for one in self._now.sightings:
            if one.outcome is not Outcome.FAIL:
                continue
            known = open_before.pop(one.fingerprint, None)
            if known is not None and not _is_another(known, one):
                still_open += 1
                first_on[one.fingerprint] = known.first_on or self._now.on
                continue
            past = None if known is not None else self._earlier(one)
            again = past is not None and not _is_newer(past, one)
            since = self._now.on if past is None or not again else past.first_on or self._now.on
            first_on[one.fingerprint] = since
            (reopened if again else new).append(replace(one, first_on=since, last_on=self._now.on))
            if known is not None:
                fixed.append(Gone(sighting=known, deadline=self._deadline(known)))
        unseen, kept = list[Sighting](), list[Sighting]()
        for gone in open_before.values():
            answer = self._answer(gone)
            if gone.fingerprint in self._set_aside:
                kept.append(gone)
            elif answer is True:
                fixed.append(Gone(sighting=gone, deadline=self._deadline(gone)))
            elif answer is None:
                (unseen if self._is_asked_about(gone) else kept).append(gone)
        return Comparison(
            first_on=first_on,
            new=tuple(new),
            reopened=tuple(reopened),
            fixed=tuple(fixed),
            unseen=tuple(unseen),
            kept=tuple(kept),
            still_open=still_open,
        )

    def _open_before(self) -> dict[str, Sighting]:
        """What the run before left open, by the fingerprint it has under today's names."""
        found = [
            *self._before.carried,
            *(one for one in self._before.sightings if one.outcome is Outcome.FAIL),
        ]
        return {one.fingerprint: one for one in (self._under_todays_name(one) for one in found)}

    def _under_todays_name(self, one: Sighting) -> Sighting:
        name = self._renamed.get(one.subject)
        last_on = one.last_on or self._before.on
        if name is None:
            return replace(one, last_on=last_on)
        return replace(one, subject=name, last_on=last_on, fingerprint=fingerprint(one.rule, name, one.key))

    def _first_unknown(self) -> dict[str, date]:
        """Since when each doubt of today has stood without a break."""
        known = {
            other.fingerprint: other.first_on
            for other in (
                self._under_todays_name(one) for one in self._before.sightings if one.outcome is Outcome.UNKNOWN
            )
        }
        return {
            one.fingerprint: known.get(one.fingerprint) or self._now.on
            for one in self._now.sightings
            if one.outcome is Outcome.UNKNOWN
        }

    def _is_asked_about(self, one: Sighting) -> bool:
        return not one.subject or one.subject in self._asked

    def _answer(self, one: Sighting) -> bool | None:
        """Whether it has gone (true), nobody can tell (None), or it is no longer worth carrying (false)."""
        forgotten = one.last_on is not None and self._now.on - one.last_on > _REMEMBERED
        if not self._was_looked_at(one.subject):
            return False if forgotten else None
        answers = self._answers.get((one.rule, one.subject), ())
        if one.rule.startswith(_WAIVER_RULES):
            return True
        hiding = [answer for answer in answers if _hides(answer, one)]
        if not answers or any(not answer.limited for answer in hiding):
            return False if forgotten else None
        if hiding:  # what only the way of looking hides would be carried for ever: it is told once
            return None if one.last_on == self._before.on else False
        return True

    def _was_looked_at(self, name: str) -> bool:
        """Whether a subject answered; the whole estate did where everything did that had answered before."""
        if name:
            subject = self._subjects.get(name)
            return subject is not None and subject.reached
        answered = {subject.name for subject in self._now.subjects if subject.reached}
        return all(
            self._renamed.get(subject.name, subject.name) in answered
            for subject in self._before.subjects
            if subject.reached
        )

    @cached_property
    def _set_aside(self) -> frozenset[str]:
        """What still stands, and the client's file accepts by now: it is not fixed, and counts again after that."""
        return frozenset(
            one.fingerprint
            for one in self._now.sightings
            if one.rule.startswith(_TENANT_RULES) and one.outcome is Outcome.NOT_APPLICABLE and one.key
        )

    @cached_property
    def _answers(self) -> Mapping[tuple[str, str], list[Sighting]]:
        found: defaultdict[tuple[str, str], list[Sighting]] = defaultdict(list)
        for one in self._now.sightings:
            found[one.rule, one.subject].append(one)
        return found

    def _deadline(self, gone: Sighting) -> Deadline:
        """What became of the deadline of a fix installed since it was last seen missing (G4: the vendor's clock)."""
        due, last = gone.due_on, gone.last_on
        if due is None or last is None or gone.released_on is None or gone.rule == _OVERDUE_RULE:
            return Deadline.NONE
        if last > due:
            return Deadline.MISSED
        if self._waits_for_reboot(gone):
            return Deadline.NONE  # on disk, and not in effect: the deadline of the reboot is the one that counts
        if last <= self._now.on <= due:
            return Deadline.KEPT
        subject = self._subjects.get(gone.subject)
        installed_on = None if subject is None else subject.installed_on
        in_time = installed_on is not None and last <= installed_on <= due
        return Deadline.KEPT if in_time else Deadline.UNTOLD

    def _waits_for_reboot(self, gone: Sighting) -> bool:
        return any(
            answer.outcome is Outcome.FAIL
            and answer.released_on is not None
            and (gone.key in answer.doubts or gone.key.startswith(_SYSTEM))
            for answer in self._answers.get((_REBOOT_RULE, gone.subject), ())
        )


def _renamed(before: Look, now: Look) -> Mapping[str, str]:
    """Subjects that bear another name today: old name -> new name. Only where one identity is one subject in both."""
    then, today = _by_identity(before), _by_identity(now)
    kept = {subject.name for subject in now.subjects}
    return {
        name: today[identity]
        for identity, name in then.items()
        if identity in today and today[identity] != name and name not in kept
    }


def _by_identity(look: Look) -> Mapping[str, str]:
    counted = Counter(subject.identity for subject in look.subjects)
    return {
        subject.identity: subject.name
        for subject in look.subjects
        if subject.identity and counted[subject.identity] == 1
    }


def _is_another(known: Sighting, one: Sighting) -> bool:
    """Whether what is missing now is another fix than the one that was missing before."""
    unchanged = bool(known.installed) and known.installed == one.installed
    return not unchanged and _is_newer(known, one)


def _is_newer(known: Sighting, one: Sighting) -> bool:
    return known.released_on is not None and one.released_on is not None and one.released_on > known.released_on


def _hides(answer: Sighting, one: Sighting) -> bool:
    """Whether a finding could still be there behind an answer of its rule."""
    if answer.outcome is Outcome.NOT_APPLICABLE:
        ended = answer.state is PatchState.OUT_OF_SUPPORT and (not answer.key or one.key.startswith(_SYSTEM))
        return ended or answer.key == f"{_MITIGATED}{one.key}"
    if answer.outcome is not Outcome.UNKNOWN:
        return False
    if answer.key == one.key or answer.key in _WHOLE:
        return True
    if answer.key.startswith(_UNREAD):
        return not one.key.startswith(_SYSTEM)
    return one.key in answer.doubts if answer.doubts else answer.key.startswith(_UNDECIDED)
