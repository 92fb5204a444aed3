"""Whether clocks agree: this machine's against those of the machines visited and of Microsoft's servers.

Kerberos refuses a ticket of a clock more than five minutes off, certificates and sign-in assertions likewise; deadlines
are counted from this machine's day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from auditor.checkup.checks import Check, Section, State, say
from auditor.checkup.machines import Clock, Seen
from auditor.settings import TenantSettings
from collectors.cloud.policy import CloudPolicy
from rules.messages import Message

LIMIT_S = 300
_MOST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """By how many seconds another clock is ahead of ours (negative: behind). A `trusted` one is right."""

    name: str
    ahead_s: int
    trusted: bool = False


def of_machines(seen: Iterable[Seen], window_s: float) -> list[Reading]:
    """Readings of the machines visited; `window_s` is the time a visit was allowed.

    A snapshot tells by how much a clock lies outside the visit's window; the visit itself was shorter.
    """
    found = []
    for one in seen:
        system = one.snapshot.operating_system
        if system is None or system.clock_skew_s is None:
            continue
        ahead_s = system.clock_skew_s
        if ahead_s > 0:
            ahead_s += int(max(0.0, window_s - (one.snapshot.duration_s or 0.0)))
        found.append(Reading(name=one.target.name, ahead_s=ahead_s))
    return found


def of_clouds(tenants: Sequence[TenantSettings], policy: CloudPolicy, clock: Clock) -> list[Reading]:
    """What Microsoft Graph's servers say, one question for each address; none where they do not answer."""
    from collectors.cloud.wire import WireBroken, open_wire

    found = []
    for address in dict.fromkeys(tenant.endpoints.graph.rstrip("/") for tenant in tenants):
        wire = open_wire(policy)
        try:
            reply = wire.get(f"{address}/organization", {})  # refused without a token; the date comes all the same
        except WireBroken:
            continue
        finally:
            wire.close()
        moment = _date(reply.headers.get("date", ""))
        if moment is not None:
            found.append(Reading(name=address, ahead_s=int((moment - clock()).total_seconds()), trusted=True))
    return found


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def clock_section(readings: Sequence[Reading], now: datetime) -> Section:
    """Whose clock is wrong: ours where a trusted one, or most of several, differ from it in one direction."""
    ahead = [reading for reading in readings if reading.ahead_s > LIMIT_S]
    behind = [reading for reading in readings if reading.ahead_s < -LIMIT_S]
    checks = [_theirs(one, now) for one in (*ahead, *behind)[:_MOST]]
    for off in (ahead, behind):
        if off and (any(one.trusted for one in off) or (len(off) > 1 and len(off) * 2 > len(readings))):
            checks = [_ours(off, now)]
    if readings and not checks:
        checks = [Check(name="clock", state=State.OK, text=say("clock", count=len(readings)))]
    return Section(name="clock", heading=say("clocks"), checks=tuple(checks))


def _ours(off: Sequence[Reading], now: datetime) -> Check:
    most = max(off, key=lambda one: (one.trusted, abs(one.ahead_s)))
    key = "clock_behind" if most.ahead_s > 0 else "clock_ahead"
    return Check(name="clock.own", state=State.WARNING, text=_said(key, most, now), todo=say("clock_todo"))


def _theirs(reading: Reading, now: datetime) -> Check:
    key = "clock_theirs_ahead" if reading.ahead_s > 0 else "clock_theirs_behind"
    return Check(
        name="clock.machine", state=State.WARNING, text=_said(key, reading, now), todo=say("clock_theirs_todo")
    )


def _said(key: str, reading: Reading, now: datetime) -> Message:
    there = now + timedelta(seconds=reading.ahead_s)
    return say(key, name=reading.name, here_at=now.isoformat(), there_at=there.isoformat())
