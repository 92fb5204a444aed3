"""Fixes that may or may not be owed, told by the reason why that cannot be decided."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from collectors.model import FactKind
from rules.kernels import KernelDoubt
from rules.messages import Message
from rules.model import Evidence, Finding, Outcome, PatchState
from rules.rule import Case, finding, joined
from rules.rulings import Doubt
from rules.verdicts import PatchVerdict
from rules.windows.doubts import WindowsDoubt

_DOUBTS = frozenset((*Doubt, *KernelDoubt, *WindowsDoubt))


def undecided(rule: str, case: Case) -> Iterator[Finding]:
    """Yield one UNKNOWN per reason why a fix may or may not be owed: hundreds of packages can share one.

    What is in doubt about Microsoft's products beside Windows itself is told apart: the verdict on Windows stands.
    Texts: `undecided.<reason>` of the rule, with count, packages and running (the kernel's release).
    """
    groups: defaultdict[tuple[str, bool], list[PatchVerdict]] = defaultdict(list)
    kernels_told = bool(case.snapshot.gaps_of(FactKind.KERNELS))  # the engine tells a gap; not twice
    for verdict in case.verdicts_in(PatchState.UNKNOWN):
        if kernels_told and verdict.reason == KernelDoubt.LIST_UNREAD:
            continue
        reason = verdict.reason if verdict.reason in _DOUBTS else "other"
        groups[reason, verdict.is_beside].append(verdict)
    for (reason, beside), group in sorted(groups.items()):
        names = sorted({verdict.label for verdict in group})
        key = f"undecided:{reason}" + (":products" if beside and (reason, False) in groups else "")
        found = finding(
            rule,
            case,
            Outcome.UNKNOWN,
            f"undecided.{reason}",
            key=key,
            params={"count": len(names), "packages": joined(names), "running": case.system.kernel_release},
            state=PatchState.UNKNOWN,
            evidence=tuple(_doubt(case, verdict) for verdict in group),
        )
        yield replace(found, beside=beside)


def _doubt(case: Case, verdict: PatchVerdict) -> Evidence:
    feed = case.knowledge.feeds.get(verdict.advisories[0].feed) if verdict.advisories else None
    ids = ", ".join(advisory.id for advisory in verdict.advisories)
    return case.shared(
        "doubt",
        verdict,
        lambda: Evidence(
            what=Message(text="rules.evidence.doubt", params={"package": verdict.label}),
            seen=verdict.installed_version,
            expected=verdict.fixed_version or verdict.remedy,
            source=ids if feed is None else f"{feed.title} {ids}",
            as_of=None if feed is None else feed.published_at or feed.checked_at,
        ),
    )
