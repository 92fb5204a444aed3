"""What of Microsoft's fixes this very machine is owed: after its end of support none, unless it pays for them (D7).

Fixes released until the last day of support stay owed for ever; what came later is no missing patch but the price of
staying on an ended system. Where it could not be told whether the machine is enrolled, later fixes are a doubt.
"""

from collections.abc import Iterator
from datetime import date

from rules.model import PatchState
from rules.rule import Case
from rules.support import support_of
from rules.verdicts import PatchVerdict, ProductLine
from rules.windows.doubts import WindowsDoubt
from rules.windows.opened import Opened, Product, verdict_on

_WITH_THE_SYSTEM = (ProductLine.WINDOWS, ProductLine.DOTNET_FRAMEWORK)  # .NET Framework ends with its Windows


def owed(case: Case, found: tuple[PatchVerdict, ...]) -> tuple[PatchVerdict, ...]:
    """Return the verdicts with what came after this machine's end of support set apart."""
    if not any(_concerned(verdict) for verdict in found):
        return found
    support = support_of(case)
    if support is None or not support.over:
        return found
    later = PatchState.UNKNOWN if support.unsure else PatchState.OUT_OF_SUPPORT
    return tuple(part for verdict in found for part in _parts(case, verdict, support.ends_on or date.min, later))


def _concerned(verdict: PatchVerdict) -> bool:
    return verdict.line in _WITH_THE_SYSTEM and verdict.state is PatchState.MISSING


def _parts(case: Case, verdict: PatchVerdict, ended_on: date, later: PatchState) -> tuple[PatchVerdict, ...]:
    if not _concerned(verdict):
        return (verdict,)
    split = case.table(("owed", ended_on, later))
    known = split.get(id(verdict))
    if known is None:
        known = split[id(verdict)] = (verdict, tuple(_split(case, verdict, ended_on, later)))
    parts: tuple[PatchVerdict, ...] = known[1]
    return parts


def _split(case: Case, verdict: PatchVerdict, ended_on: date, later: PatchState) -> Iterator[PatchVerdict]:
    groups: dict[bool, list[Opened]] = {False: [], True: []}
    for advisory, fix in zip(verdict.advisories, verdict.fixes, strict=True):
        build = case.knowledge.windows_builds.get(fix.fixed_version)
        released = None if build is None else build.released_on
        day = released or advisory.issued_on  # a fix may have been replaced by one that came after the end
        groups[day is not None and day > ended_on].append(Opened(advisory, fix.fixed_version, fix.remedy))
    product = Product(verdict.line, verdict.package, verdict.installed_version, verdict.subject)
    if groups[False]:
        yield verdict_on(product, groups[False], PatchState.MISSING)
    if groups[True]:
        yield verdict_on(product, groups[True], later, reason=WindowsDoubt.ESU if later is PatchState.UNKNOWN else "")
