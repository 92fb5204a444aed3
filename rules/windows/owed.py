"""What of Microsoft's fixes this very machine is owed: after the end of support none, unless it pays for them (D7).

Fixes released until the last day of support stay owed for ever; what came later is no missing patch but the price of
staying on an ended system. Where it could not be told whether the machine is enrolled, later fixes are a doubt; so they
are where no calendar is at hand and support may have ended. What Microsoft's own service offers this machine is owed
whatever the calendar says.

SQL Server and Exchange Server end by themselves, and nothing on the machine tells who pays for longer.
"""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from collectors.feeds.records import Lifecycle
from rules.model import PatchState
from rules.rule import Case
from rules.support import support_of
from rules.verdicts import PatchVerdict, ProductLine
from rules.windows.doubts import WindowsDoubt
from rules.windows.lifecycles import server_cycle
from rules.windows.offers import offered_by_microsoft
from rules.windows.opened import Opened, Product, verdict_on
from rules.windows.support import free_at_least_until

_WITH_THE_SYSTEM = (ProductLine.WINDOWS, ProductLine.DOTNET_FRAMEWORK)  # .NET Framework ends with its Windows
_BY_THEMSELVES = (ProductLine.SQL_SERVER, ProductLine.EXCHANGE)
_OPEN = (PatchState.MISSING, PatchState.UNKNOWN)


class _End(NamedTuple):
    """The last day whose fixes are owed for certain, and what later ones are."""

    day: date
    later: PatchState
    reason: str = ""


def owed(case: Case, found: tuple[PatchVerdict, ...]) -> tuple[PatchVerdict, ...]:
    """Return the verdicts with what came after this machine's end of support set apart."""
    if not any(verdict.state in _OPEN for verdict in found):
        return found
    return tuple(part for verdict in found for part in _parts(case, verdict))


def _parts(case: Case, verdict: PatchVerdict) -> tuple[PatchVerdict, ...]:
    end = _end(case, verdict)
    if end is None or not verdict.advisories:
        return (verdict,)
    offered = offered_by_microsoft(case.snapshot).intersection((verdict.remedy, *(fix.remedy for fix in verdict.fixes)))
    split = case.table(("owed", end, offered))
    known = split.get(id(verdict))
    if known is None:
        known = split[id(verdict)] = (verdict, tuple(_split(case, verdict, end, offered)))
    parts: tuple[PatchVerdict, ...] = known[1]
    return parts


def _end(case: Case, verdict: PatchVerdict) -> _End | None:
    """Where the support of a verdict's product ends for this machine; None while nothing speaks against its fixes."""
    if verdict.state not in _OPEN:
        return None
    if verdict.line in _BY_THEMSELVES:
        cycle = case.knowledge.lifecycles.get(server_cycle(verdict.line, verdict.installed_version))
        return None if cycle is None else _sold_to_somebody(case, cycle)
    if verdict.line not in _WITH_THE_SYSTEM:
        return None
    support = case.once(support_of, lambda: support_of(case))
    if support is None:
        day = free_at_least_until(case.snapshot)
        ended = day is not None and case.today > day
        return _End(day, PatchState.UNKNOWN, WindowsDoubt.SUPPORT) if ended and day is not None else None
    if not support.over:
        return None
    if support.unsure:
        return _End(support.ends_on or date.min, PatchState.UNKNOWN, WindowsDoubt.ESU)
    return _End(support.ends_on or date.min, PatchState.OUT_OF_SUPPORT)


def _sold_to_somebody(case: Case, cycle: Lifecycle) -> _End | None:
    day = cycle.support_ends_on
    return _End(day, PatchState.UNKNOWN, WindowsDoubt.ESU) if day is not None and case.today > day else None


def _split(case: Case, verdict: PatchVerdict, end: _End, offered: frozenset[str]) -> Iterator[PatchVerdict]:
    groups: dict[bool, list[Opened]] = {False: [], True: []}
    for advisory, fix in zip(verdict.advisories, verdict.fixes, strict=True):
        build = case.knowledge.windows_builds.get(fix.fixed_version)
        released = None if build is None else build.released_on
        day = released or advisory.issued_on  # a fix may have been replaced by one that came after the end
        late = day is not None and day > end.day and fix.remedy not in offered and verdict.remedy not in offered
        groups[late].append(Opened(advisory, fix.fixed_version, fix.remedy))
    if not groups[True]:
        yield verdict
        return
    product = Product(verdict.line, verdict.package, verdict.installed_version, verdict.subject)
    if groups[False]:
        yield verdict_on(product, groups[False], verdict.state, reason=verdict.reason)
    if end.later is PatchState.UNKNOWN and verdict.state is PatchState.UNKNOWN:
        yield verdict_on(product, groups[True], PatchState.UNKNOWN, reason=verdict.reason)
    else:
        yield verdict_on(product, groups[True], end.later, reason=end.reason)
