"""When a user was last seen at work, by what proof, and how firmly.

Order of proof: the last *successful* sign-in (Entra P1/P2), then the usage reports, else unknown. A failed attempt is
no activity (case 24). A user who does not sign in but whose mailbox works is active (case 27). A usage report that is
stale, empty or conceals names is none (cases 28, 29). What is not known is never called inactive.
Source: https://learn.microsoft.com/graph/api/resources/signinactivity
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum

from collectors.cloud.facts import SignInKnowledge, TenantFact, TenantSnapshot, User
from rules.model import Confidence
from rules.tenants.rule import TenantCase

SUCCESS_TOLD_SINCE = date(2023, 12, 1)
"""Microsoft keeps the last successful sign-in since this day and fills in none before it (case 25)."""

SIGN_INS_TOLD_SINCE = date(2020, 5, 1)
"""Sign-ins before this day are not told at all: an older account without any may still have had one."""


class ActivityState(StrEnum):
    """What is known of a user's activity."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    NEVER = "never"  # no activity known at all, and the starter's grace is over
    STARTING = "starting"  # none yet, within the grace
    UNKNOWN = "unknown"


class Proof(StrEnum):
    """What the verdict rests on."""

    SIGN_IN = "sign_in"
    USAGE = "usage"
    ATTEMPT = "attempt"  # the last attempt only: no success is on record
    NONE = "none"


class ReportState(StrEnum):
    """Whether a usage report can be used, and why not."""

    USABLE = "usable"
    UNREAD = "unread"
    CONCEALED = "concealed"
    EMPTY = "empty"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What the usage reports tell of one user.

    `told` is whether a usable active-user report has a row of this user; `last_on` the newest activity in any usable
    report, `idle_days` the days from there to that report's own date, `refreshed_on` the day the reports speak of.
    """

    told: bool = False
    last_on: date | None = None
    idle_days: int | None = None
    refreshed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The verdict on one user's activity.

    `last_on` is the last proven activity (with `Proof.ATTEMPT` the last attempt, which it cannot be later than);
    `attempt_on` a later failed attempt; `since_on` when the account and its licenses began; `as_of` the day the proof
    speaks of.
    """

    state: ActivityState
    proof: Proof = Proof.NONE
    confidence: Confidence = Confidence.FIRM
    last_on: date | None = None
    attempt_on: date | None = None
    since_on: date | None = None
    as_of: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The days an activity is judged by: the audit's, the visit's, and the contract's two limits in days.

    `successes_told` is false where not one user of the tenant has a successful sign-in: the property is then not
    delivered, and its absence says nothing.
    """

    today: date
    seen_on: date
    inactive_days: int = 90
    grace_days: int = 30
    successes_told: bool = True


def judge_activity(user: User, traces: Traces, clock: Clock, *, licensed_on: date | None = None) -> Seen:
    """Judge one user. `licensed_on` is when its licenses last changed: the starter's grace begins anew there.

    Exactly `inactive_days` (and `grace_days`) are not yet too many.
    """
    sign_in = user.sign_in
    success = day_of(sign_in.successful_at) if sign_in is not None else None
    attempt = _latest(day_of(sign_in.at), day_of(sign_in.non_interactive_at)) if sign_in is not None else None
    asked = user.sign_in_known is not SignInKnowledge.NOT_ASKED
    seen_on = min(clock.seen_on, clock.today)
    if success is not None and (seen_on - success).days <= clock.inactive_days:
        return Seen(state=ActivityState.ACTIVE, proof=Proof.SIGN_IN, last_on=success, as_of=seen_on)
    if traces.idle_days is not None and traces.idle_days <= clock.inactive_days:
        return Seen(state=ActivityState.ACTIVE, proof=Proof.USAGE, last_on=traces.last_on, as_of=traces.refreshed_on)
    failed = attempt if attempt is not None and (success is None or attempt > success) else None
    if success is not None:
        return _inactive_since(success, traces, seen_on, failed)
    if traces.last_on is not None and (traces.told or asked):
        return Seen(
            state=ActivityState.INACTIVE,
            proof=Proof.USAGE,
            confidence=Confidence.FIRM if traces.told else Confidence.TENTATIVE,
            last_on=traces.last_on,
            attempt_on=failed,
            as_of=traces.refreshed_on,
        )
    if attempt is not None:
        return _attempts_only(user, traces, clock, attempt, licensed_on)
    never = _never(user, traces, clock, licensed_on, asked=asked)
    # Nothing tells of this user. Whose grace still runs is judged later: reports lag by days, and each newcomer would
    # otherwise make the month's answer unknown.
    known = asked or traces.told or never.state is ActivityState.STARTING
    return never if known else Seen(state=ActivityState.UNKNOWN)


def _inactive_since(success: date, traces: Traces, seen_on: date, failed: date | None) -> Seen:
    """A success long ago; that no usage is later confirms it."""
    by_usage = traces.last_on is not None and traces.last_on > success
    return Seen(
        state=ActivityState.INACTIVE,
        proof=Proof.USAGE if by_usage else Proof.SIGN_IN,
        confidence=Confidence.CONFIRMED if traces.told else Confidence.FIRM,
        last_on=traces.last_on if by_usage else success,
        attempt_on=failed,
        as_of=traces.refreshed_on if by_usage else seen_on,
    )


def _attempts_only(user: User, traces: Traces, clock: Clock, attempt: date, licensed_on: date | None) -> Seen:
    """No success on record: an old attempt bounds the last one, a recent one proves nothing (case 25)."""
    created = day_of(user.created_at)
    if created is not None and created >= SUCCESS_TOLD_SINCE and clock.successes_told:
        return _never(user, traces, clock, licensed_on, asked=True, attempt=attempt)
    seen_on = min(clock.seen_on, clock.today)
    recent = (seen_on - attempt).days <= clock.inactive_days
    if recent and (not clock.successes_told or created is None):
        return Seen(state=ActivityState.UNKNOWN, attempt_on=attempt)
    return Seen(
        state=ActivityState.INACTIVE,
        proof=Proof.ATTEMPT,
        confidence=Confidence.TENTATIVE,
        last_on=None if recent else attempt,
        attempt_on=attempt if recent else None,
        as_of=seen_on,
    )


def _never(
    user: User, traces: Traces, clock: Clock, licensed_on: date | None, *, asked: bool, attempt: date | None = None
) -> Seen:
    """Nothing known at all: within the grace a starter, after it never active (case 26)."""
    since = _latest(day_of(user.created_at), licensed_on)
    if since is None:
        return Seen(state=ActivityState.UNKNOWN, attempt_on=attempt)
    created = day_of(user.created_at)
    whole = created is not None and created >= SIGN_INS_TOLD_SINCE  # what came before is not told
    return Seen(
        state=ActivityState.NEVER if (clock.today - since).days > clock.grace_days else ActivityState.STARTING,
        proof=Proof.SIGN_IN if asked else Proof.USAGE,
        confidence=Confidence.FIRM if asked and traces.told and whole else Confidence.TENTATIVE,
        attempt_on=attempt,
        since_on=since,
        as_of=min(clock.seen_on, clock.today) if asked else traces.refreshed_on,
    )


def report_state(case: TenantCase, kind: TenantFact) -> ReportState:
    """Whether a usage report may be used; one as old as the contract allows still may (case 29).

    A report that a gap hides is none, whatever is known of its date.
    """
    report = case.report(kind)
    if report is not None and report.concealed:
        return ReportState.CONCEALED
    if report is not None and (report.refreshed_on is None or not report.rows):
        return ReportState.EMPTY
    if report is None or report.refreshed_on is None or case.snapshot.gaps_of(kind):
        return ReportState.UNREAD
    age_days = (case.today - report.refreshed_on).days
    return ReportState.STALE if age_days > case.contract.m365.usage_max_age_days else ReportState.USABLE


class Activities:
    """The activity of every user of one tenant, from everything the snapshot holds."""

    def __init__(self, case: TenantCase) -> None:
        snapshot, terms = case.snapshot, case.contract.m365
        self.reports = {
            kind: (case.report(kind), report_state(case, kind))
            for kind in (TenantFact.USAGE, TenantFact.APPS_USAGE, TenantFact.MAILBOXES)
        }
        self.clock = Clock(
            today=case.today,
            seen_on=snapshot.taken_at.date(),
            inactive_days=terms.inactive_days,
            grace_days=terms.starter_grace_days,
            successes_told=any(user.sign_in is not None and user.sign_in.successful_at for user in snapshot.users),
        )
        self._traces = self._read(snapshot)

    def of(self, user: User, *, licensed_on: date | None = None) -> Seen:
        """Judge one user of the tenant."""
        return judge_activity(user, self.traces(user), self.clock, licensed_on=licensed_on)

    def traces(self, user: User) -> Traces:
        """What the usable reports tell of a user, joined by user principal name without case."""
        return self._traces.get(user.upn.casefold(), Traces())

    def _read(self, snapshot: TenantSnapshot) -> dict[str, Traces]:
        found: dict[str, Traces] = {}
        dates: tuple[tuple[TenantFact, Iterable[tuple[str, date | None]]], ...] = (
            (TenantFact.USAGE, ((row.upn, row.last_on) for row in snapshot.usage)),
            (
                TenantFact.APPS_USAGE,
                ((row.upn, _latest(row.last_activity_on, row.last_activation_on)) for row in snapshot.apps_usage),
            ),
            (TenantFact.MAILBOXES, ((row.upn, row.last_activity_on) for row in snapshot.mailboxes)),
        )
        for kind, rows in dates:
            report, state = self.reports[kind]
            if report is None or report.refreshed_on is None or state is not ReportState.USABLE:
                continue
            for upn, last_on in rows:
                row = Traces(
                    told=kind is TenantFact.USAGE,
                    last_on=last_on,
                    idle_days=None if last_on is None else (report.refreshed_on - last_on).days,
                    refreshed_on=report.refreshed_on,
                )
                known = found.get(upn.casefold())
                found[upn.casefold()] = row if known is None else _joined(known, row)
        return found


def activities(case: TenantCase) -> Activities:
    """The activities of a tenant, made once for all rules."""
    return case.once("activities", lambda: Activities(case))


def day_of(moment: datetime | None) -> date | None:
    """The UTC day of a moment."""
    return None if moment is None else moment.date()


def midnight(day: date | None) -> datetime | None:
    """The beginning of the UTC day that a report speaks of."""
    return None if day is None else datetime.combine(day, time(), tzinfo=UTC)


def _joined(first: Traces, second: Traces) -> Traces:
    newer = (
        second if second.last_on is not None and (first.last_on is None or second.last_on > first.last_on) else first
    )
    idle = [days for days in (first.idle_days, second.idle_days) if days is not None]
    return Traces(
        told=first.told or second.told,
        last_on=newer.last_on,
        idle_days=min(idle, default=None),
        refreshed_on=newer.refreshed_on,
    )


def _latest(*days: date | None) -> date | None:
    return max((day for day in days if day is not None), default=None)
