"""application.end_of_support: products on a Windows machine whose publisher no longer fixes their release.

Microsoft's own products are told by `rules.windows.lifecycles`, everybody else's by `rules.products`; only those
the calendar lists are judged, and the pass says how many these are. One finding per product and release (key
"office:2016", "dotnet:8", "python:3.8"): FAIL when it ended or ends within the contract's horizon, UNKNOWN when the
calendar does not know the release, or when support is sold beyond its end and nothing on the machine tells to whom.
Releases that are replaced every few weeks are not forecast, and the newest one the calendar knows is never called
ended: its date is an estimate.

Texts: `ended`, `ended_undated`, `ending` (count = days left), `unknown_release`, `unknown_estimate`,
`unknown_entitlement`, `pass` (count = products judged), `none` (nothing to judge), `remedy`, `remedy_runtime`,
`remedy_update`. Parameters: product, version, ended_on, ends_on, extended_until_on, count, installed.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from collectors.feeds.records import Lifecycle, Severity
from collectors.model import FactKind
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.products import Installation, cycle_name, installations, programs
from rules.rule import Case, FeedRole, Rule, finding, joined
from rules.windows.lifecycles import Calendar, Release, by_product, releases

ID = "application.end_of_support"
_SCORE_SERVER, _SCORE_ENDED, _SCORE_ENDING = 450.0, 90.0, 60.0
_CALENDAR, _OFFICE_FEED = FeedRole.LIFECYCLES.value, "office-channels"
_OFFICE_CHANNEL = "office-channel:"
_RUNTIMES = ("dotnet:", "dotnet-framework:")


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """Where a release stands: the last day that counts, and whether it has passed. `sold_until` when more is sold."""

    ends_on: date | None
    over: bool
    sold_until: date | None = None
    estimated: bool = False


def check(case: Case) -> Iterable[Finding]:
    """Yield one finding per release that ended, ends or cannot be told; else one PASS over everything judged."""
    calendar = _calendar(case)
    if not case.feeds_of(FeedRole.LIFECYCLES) and all(product.startswith(_OFFICE_CHANNEL) for product in calendar):
        unseen = finding(ID, case, Outcome.UNKNOWN, "none")  # in the engine's words: no release is at fault
        return (replace(unseen, message=Message(text="rules.unknown.no_feed_endoflife")),)
    found = [*releases(case.snapshot, calendar), *_listed(case, calendar)]
    problems = [problem for release in found if (problem := _judge(case, release)) is not None]
    installed = len(programs(case.snapshot))
    if problems:
        return problems
    if not found:
        return (finding(ID, case, Outcome.NOT_APPLICABLE, "none", params={"installed": installed}),)
    params: Params = {"count": len(found), "installed": installed}
    evidence = Evidence(
        what=Message(text=f"rules.{ID}.evidence_judged"),
        seen=joined((release.name for release in found), 12),
        source=_title(case, _CALENDAR),
        as_of=_as_of(case, _CALENDAR),
    )
    return (finding(ID, case, Outcome.PASS, "pass", params=params, evidence=(evidence,)),)


def _calendar(case: Case) -> Calendar:
    lifecycles = case.knowledge.lifecycles
    return case.shared("calendar", lifecycles, lambda: by_product(lifecycles))


def _listed(case: Case, calendar: Calendar) -> Iterator[Release]:
    """Recognized programs that the calendar lists, one per release."""
    by_release: defaultdict[tuple[str, str], list[Installation]] = defaultdict(list)
    for found in installations(case.snapshot):
        cycles = calendar.get(found.product.calendar)
        if cycles:  # a product the calendar does not list is not judged
            by_release[found.product.id, cycle_name(found, cycles)].append(found)
    for (identity, cycle), copies in sorted(by_release.items()):
        product = copies[0].product
        yield Release(
            key=f"{identity}:{cycle}".rstrip(":"),
            name=f"{product.name} {cycle}".strip(),
            calendar=product.calendar,
            seen=tuple(dict.fromkeys(f"{copy.application.name} {copy.application.version}".strip() for copy in copies)),
            source="Uninstall",
            kind=FactKind.APPLICATIONS,
            lifecycle=calendar[product.calendar].get(cycle),
            rapid=product.rapid,
        )


def _judge(case: Case, release: Release) -> Finding | None:
    """One finding when there is something to tell about a release, None when it is supported."""
    params: Params = {"product": release.name, "version": joined(release.seen, 3)}
    evidence = tuple(_evidence(case, release))
    if release.retired:
        return _ended(case, release, _End(ends_on=None, over=True), params, evidence)
    if release.lifecycle is None:
        return finding(ID, case, Outcome.UNKNOWN, "unknown_release", key=release.key, params=params, evidence=evidence)
    end = _end(case, release, release.lifecycle)
    params |= _dates(case, end)
    if end.over and end.estimated:
        return finding(ID, case, Outcome.UNKNOWN, "unknown_estimate", key=release.key, params=params, evidence=evidence)
    if end.over and end.sold_until is not None:
        return finding(
            ID, case, Outcome.UNKNOWN, "unknown_entitlement", key=release.key, params=params, evidence=evidence
        )
    if end.over:
        return _ended(case, release, end, params, evidence)
    horizon = case.contract.end_of_support_horizon_days
    if end.ends_on is None or release.rapid or (end.ends_on - case.today).days > horizon:
        return None
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "ending",
        key=release.key,
        params=params,
        severity=Severity.MEDIUM,
        remedy=_remedy(release),
        priority=_priority(_SCORE_ENDING, "support_ends", {"count": params["count"]}),
        evidence=evidence,
        due_on=end.ends_on,
    )


def _ended(case: Case, release: Release, end: _End, params: Params, evidence: tuple[Evidence, ...]) -> Finding:
    level = PriorityLevel.NOW if release.server else PriorityLevel.PLAN
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "ended_undated" if end.ends_on is None else "ended",
        key=release.key,
        params=params,
        severity=Severity.HIGH,
        remedy=_remedy(release),
        priority=_priority(_SCORE_SERVER if release.server else _SCORE_ENDED, "product_out_of_support", level=level),
        evidence=evidence,
        due_on=end.ends_on,
    )


def _end(case: Case, release: Release, cycle: Lifecycle) -> _End:
    regular, extended = cycle.support_ends_on, cycle.extended_ends_on
    if release.rapid and cycle.lts:
        regular, extended = _replaced_on(case, cycle) or regular, None
    if regular is None:
        return _End(ends_on=None, over=bool(cycle.ended))
    over = case.today > regular
    return _End(
        ends_on=regular,
        over=over,
        sold_until=extended if extended is not None and regular < extended and case.today <= extended else None,
        estimated=over and release.rapid and not _has_successor(case, cycle),
    )


def _replaced_on(case: Case, cycle: Lifecycle) -> date | None:
    """The last day of a quick release whose number also names a long-term one: the day before the next came out."""
    following = str(int(cycle.cycle) + 1) if cycle.cycle.isdecimal() else ""
    successor = case.knowledge.lifecycles.get((cycle.product, following))
    released = None if successor is None else successor.released_on
    return None if released is None else released - timedelta(days=1)


def _has_successor(case: Case, cycle: Lifecycle) -> bool:
    """Whether the calendar knows a later release that is out; a Microsoft 365 branch ends by its own date."""
    if cycle.product.startswith(_OFFICE_CHANNEL):
        return True
    own = _numbers(cycle.cycle)
    return any(
        _numbers(name) > own and (entry.released_on is None or entry.released_on <= case.today)
        for name, entry in _calendar(case)[cycle.product].items()
    )


def _numbers(cycle: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", cycle))


def _dates(case: Case, end: _End) -> Params:
    day = None if end.ends_on is None else end.ends_on.isoformat()
    return {
        "ended_on": day,
        "ends_on": day,
        "extended_until_on": None if end.sold_until is None else end.sold_until.isoformat(),
        "count": None if end.ends_on is None else max(0, (end.ends_on - case.today).days),
    }


def _priority(
    score: float, reason: str, params: Params | None = None, *, level: PriorityLevel = PriorityLevel.PLAN
) -> Priority:
    message = Message(text=f"rules.priority.{reason}", params=params or {})
    return Priority(level=level, score=score, reasons=(message,))


def _remedy(release: Release) -> Message:
    if release.rapid:
        return Message(text=f"rules.{ID}.remedy_update")
    runtime = release.key.startswith(_RUNTIMES)
    return Message(text=f"rules.{ID}.{'remedy_runtime' if runtime else 'remedy'}")


def _evidence(case: Case, release: Release) -> Iterator[Evidence]:
    yield Evidence(
        what=Message(text=f"rules.{ID}.evidence_installed", params={"product": release.name}),
        seen=joined(release.seen),
        source=release.source,
        as_of=case.snapshot.taken_at,
    )
    cycle = release.lifecycle
    if cycle is None:
        what = Message(text=f"rules.{ID}.evidence_not_listed")
    elif cycle.support_ends_on is None:
        what = Message(text=f"rules.{ID}.evidence_undated")
    else:
        params: Params = {
            "regular_on": cycle.support_ends_on.isoformat(),
            "extended_on": None if cycle.extended_ends_on is None else cycle.extended_ends_on.isoformat(),
        }
        text = "lifecycle" if cycle.extended_ends_on is None else "lifecycle_extended"
        what = Message(text=f"rules.evidence.{text}", params=params)
    listed = f"{release.calendar} {'' if cycle is None else cycle.cycle}".strip()
    if release.calendar.startswith(_OFFICE_CHANNEL):
        yield Evidence(what=what, seen=listed, source=_title(case, _OFFICE_FEED), as_of=_as_of(case, _OFFICE_FEED))
    else:
        url = f"https://endoflife.date/{release.calendar}"
        yield Evidence(what=what, seen=listed, source=_title(case, _CALENDAR), url=url, as_of=_as_of(case, _CALENDAR))


def _title(case: Case, feed: str) -> str:
    state = case.knowledge.feeds.get(feed)
    return "" if state is None else state.title


def _as_of(case: Case, feed: str) -> datetime | None:
    state = case.knowledge.feeds.get(feed)
    return None if state is None else state.published_at or state.checked_at


RULE = Rule(
    id=ID,
    needs=(
        FactKind.APPLICATIONS,
        FactKind.USER_APPLICATIONS,
        FactKind.OFFICE,
        FactKind.DOTNET,
        FactKind.SQL_SERVER,
        FactKind.EXCHANGE,
    ),
    feeds=(FeedRole.LIFECYCLES,),
    check=check,
    applies=lambda case: case.is_windows,
)
