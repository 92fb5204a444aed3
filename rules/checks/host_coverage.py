"""host.coverage: what of a machine could be seen at all. The one place where a blind spot is told to the reader.

UNKNOWN with key "not_audited" for a machine that was not reached (G1), "partial" for areas that could not be read (G2;
`limited` where these are only the programs of people who are not signed in),
"unsupported" for a system no advisory feed speaks about (L18, L27); PASS when everything was read. All other rules that
suffer from the same gap are UNKNOWN without a priority, so that nine lines do not tell one story.

Texts: `not_audited_<reason>`, `partial` (count), `limited` (count = profiles), `unsupported`, `pass`,
`remedy_<reason>`, `remedy_partial`, `remedy_limited`, `remedy_unsupported`. Parameters: detail (`not_audited_*`), count
and areas (`partial`: number of areas and their ids), system (`unsupported`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from collectors.model import FactKind, Gap, GapReason
from rules.messages import Message
from rules.model import Evidence, Finding, Outcome, PatchState, Priority, PriorityLevel
from rules.rule import Case, FeedRole, Rule, finding, joined
from rules.windows.builds import revision_gap

ID = "host.coverage"
_BLIND = 100.0  # a machine nobody looked at comes before anything found on another machine of the same level
_ESSENTIAL = (FactKind.OPERATING_SYSTEM, FactKind.PACKAGES, FactKind.KERNELS)


def check(case: Case) -> Iterable[Finding]:
    """Yield an UNKNOWN per kind of blind spot, or one PASS."""
    snapshot = case.snapshot
    if not snapshot.reached:
        yield _not_audited(case, next(gap for gap in snapshot.gaps if gap.kind is FactKind.HOST))
        return
    found = [*_partial(case), *_unsupported(case)]
    yield from found or (finding(ID, case, Outcome.PASS, "pass"),)


def _not_audited(case: Case, gap: Gap) -> Finding:
    reason = gap.reason.value
    level = PriorityLevel.WATCH if gap.reason is GapReason.INTERRUPTED else PriorityLevel.NOW
    return _blind(
        case,
        f"not_audited_{reason}",
        "not_audited",
        (gap,),
        remedy=f"remedy_{reason}",
        priority=Priority(level=level, score=_BLIND, reasons=(Message(text="rules.priority.not_audited"),)),
        params={"detail": gap.detail},
    )


def _partial(case: Case) -> Iterator[Finding]:
    gaps = case.snapshot.gaps
    if case.snapshot.operating_system is None and not gaps:
        gaps = (Gap(kind=FactKind.OPERATING_SYSTEM, collector="", reason=GapReason.MISSING, detail="not reported"),)
    gaps = (*gaps, *revision_gap(case.snapshot)) if not case.snapshot.gaps_of(FactKind.OPERATING_SYSTEM) else gaps
    if not gaps:
        return
    if all(gap.is_limit for gap in gaps):
        yield replace(_limited(case, gaps), limited=True)
        return
    kinds = tuple(dict.fromkeys(gap.kind for gap in gaps))
    level = PriorityLevel.PLAN if any(kind in _ESSENTIAL for kind in kinds) else PriorityLevel.WATCH
    yield _blind(
        case,
        "partial",
        "partial",
        gaps,
        remedy="remedy_partial",
        priority=Priority(level=level, score=_BLIND, reasons=(Message(text="rules.priority.partial"),)),
        params={"count": len(kinds), "areas": joined((kind.value for kind in kinds), limit=len(FactKind))},
    )


def _limited(case: Case, gaps: tuple[Gap, ...]) -> Finding:
    """Everything was read but what people who are not signed in installed for themselves: nothing to repair."""
    windows = case.snapshot.windows
    unseen = [] if windows is None else [profile for profile in windows.profiles if not profile.hive_loaded]
    return _blind(
        case,
        "limited",
        "partial",
        gaps,
        remedy="remedy_limited",
        priority=Priority(level=PriorityLevel.WATCH, score=0.0, reasons=(Message(text="rules.priority.partial"),)),
        params={"count": len(unseen) or len(gaps)},
    )


def _unsupported(case: Case) -> Iterator[Finding]:
    if case.snapshot.operating_system is None or case.feeds_of(FeedRole.ADVISORIES):
        return
    system = case.system
    known = case.release is not None  # the release has feeds, but none of them was downloaded
    text = "no_feed" if known else "unsupported"
    yield _blind(
        case,
        text,
        "unsupported",
        (),
        remedy=f"remedy_{text}",
        priority=Priority(level=PriorityLevel.PLAN, score=_BLIND, reasons=(Message(text="rules.priority.unjudged"),)),
        params={"system": system.pretty_name or f"{system.id} {system.version_id}".strip()},
        extra=(
            Evidence(what=Message(text="rules.evidence.system"), seen=f"ID={system.id} VERSION_ID={system.version_id}"),
        ),
    )


def _blind(
    case: Case,
    text: str,
    key: str,
    gaps: tuple[Gap, ...],
    *,
    remedy: str,
    priority: Priority,
    params: dict[str, str | int | float | bool | None],
    extra: tuple[Evidence, ...] = (),
) -> Finding:
    lines = tuple(
        Evidence(
            what=Message(text=f"rules.fact.{gap.kind.value}"),
            seen=gap.detail,
            source=gap.collector,
            as_of=case.snapshot.taken_at,
        )
        for gap in gaps
    )
    return Finding(
        rule=ID,
        subject=case.snapshot.target.name,
        key=key,
        outcome=Outcome.UNKNOWN,
        state=PatchState.UNKNOWN,
        message=Message(text=f"rules.{ID}.{text}", params=params),
        remedy=Message(text=f"rules.{ID}.{remedy}"),
        priority=priority,
        evidence=(*lines, *extra),
        gaps=gaps,
    )


RULE = Rule(id=ID, needs=(), check=check, judges_absence=True)
