"""system.end_of_support: until when the system's publisher fixes this release, for this machine.

`rules.support` knows the phases and who is entitled to them (L10, L12, W13-W15). An end within the contract's horizon
is a FAIL to plan (`ending`). The second source is SUPPORT_END of os-release(5), where a publisher writes it. A release
the feed does not know is UNKNOWN, never "latest known".

Texts: `ended`, `ended_undated`, `ended_entitlement`, `ended_lapsed` (a paid year has run out), `ending` (count = days
left), `regular`, `regular_then`, `extended`, `undated`, `unknown_release`, `unknown_entitlement`,
`unknown_entitlement_ended`, `remedy`, `remedy_ubuntu`, `remedy_extended`, `remedy_windows_update` (a newer version is
free), `remedy_windows_10`, `remedy_windows_10_extended`, `remedy_windows_server`, `remedy_windows_server_extended`.
Parameters: system, ended_on, ends_on, count, phase ("LTS", "ESM", ...; "" for regular support), regular_until_on and
followed_by (the extension this machine goes on with), extended_until_on.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from collectors.feeds.records import Lifecycle, Severity
from collectors.model import FactKind
from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, Outcome, PatchState, Priority, PriorityLevel
from rules.rule import Case, FeedRole, Rule, finding
from rules.support import Support, cycle_of, stated_end, support_of
from rules.windows.support import CLIENT, enrolment_of

ID = "system.end_of_support"


def check(case: Case) -> Iterable[Finding]:
    """Yield exactly one finding."""
    product, cycle = cycle_of(case)
    stated = stated_end(case.system)
    evidence = tuple(_evidence(case, product, cycle, stated))
    support = support_of(case)
    told = cycle is not None and (cycle.support_ends_on is not None or cycle.ended is not None)
    confidence = _confidence(support, stated, case.today) if told else Confidence.TENTATIVE
    if support is None:
        unknown = finding(ID, case, Outcome.UNKNOWN, "unknown_release", params=_params(case), evidence=evidence)
        if not case.feeds_of(FeedRole.LIFECYCLES):  # no fault of the release
            unknown = replace(unknown, message=Message(text="rules.unknown.no_feed_endoflife"))
        return (unknown,)
    return (_conclude(case, support, confidence, evidence),)


def _conclude(case: Case, support: Support, confidence: Confidence, evidence: tuple[Evidence, ...]) -> Finding:
    params = _params(case, support)
    left = None if support.ends_on is None else (support.ends_on - case.today).days
    near = left is not None and 0 <= left <= case.contract.end_of_support_horizon_days
    if support.unsure and (support.over or near):
        text = "unknown_entitlement_ended" if support.over else "unknown_entitlement"
        return finding(ID, case, Outcome.UNKNOWN, text, params=params, evidence=evidence)
    if support.over:
        return _ended(case, support, params, confidence, evidence)
    if near:
        reason = Message(text="rules.priority.support_ends", params={"count": left})
        return finding(
            ID,
            case,
            Outcome.FAIL,
            "ending",
            params=params,
            severity=Severity.MEDIUM,
            confidence=confidence,
            remedy=_remedy(case, support),
            priority=Priority(level=PriorityLevel.PLAN, score=80.0, reasons=(reason,)),
            evidence=evidence,
            due_on=support.ends_on,
        )
    if support.ends_on is None:
        text = "undated"
    else:
        text = "extended" if support.phase else "regular_then" if support.followed_by else "regular"
    return finding(ID, case, Outcome.PASS, text, params=params, confidence=confidence, evidence=evidence)


def _ended(
    case: Case, support: Support, params: Params, confidence: Confidence, evidence: tuple[Evidence, ...]
) -> Finding:
    if support.ends_on is None:
        text = "ended_undated"
    else:
        text = "ended" if support.sellable_until is None else "ended_lapsed" if support.phase else "ended_entitlement"
    return finding(
        ID,
        case,
        Outcome.FAIL,
        text,
        params=params,
        severity=Severity.HIGH,
        confidence=confidence,
        state=PatchState.OUT_OF_SUPPORT,
        remedy=_remedy(case, support),
        priority=Priority(
            level=PriorityLevel.NOW, score=500.0, reasons=(Message(text="rules.priority.out_of_support"),)
        ),
        evidence=evidence,
        due_on=support.ends_on,
    )


def _confidence(support: Support | None, stated: date | None, today: date) -> Confidence:
    """Two sources that agree on today's answer confirm it; that contradict each other make it tentative."""
    if support is None or stated is None:
        return Confidence.FIRM
    return Confidence.CONFIRMED if (today > stated) == support.over else Confidence.TENTATIVE


def _params(case: Case, support: Support | None = None) -> Params:
    system = case.system
    params: Params = {"system": system.pretty_name or f"{system.id} {system.version_id}".strip()}
    if support is None:
        return params
    ends_on = None if support.ends_on is None else support.ends_on.isoformat()
    until = support.sellable_until
    return params | {
        "ended_on": ends_on,
        "ends_on": ends_on,
        "count": None if support.ends_on is None else max(0, (support.ends_on - case.today).days),
        "phase": support.phase,
        "regular_until_on": None if support.regular_until is None else support.regular_until.isoformat(),
        "followed_by": support.followed_by,
        "extended_until_on": None if until is None else until.isoformat(),
    }


def _remedy(case: Case, support: Support) -> Message:
    until = support.sellable_until
    if case.system.id == "windows":
        return _windows_remedy(case, until)
    if until is None:
        return Message(text=f"rules.{ID}.remedy")
    text = "remedy_ubuntu" if case.system.id == "ubuntu" else "remedy_extended"
    return Message(text=f"rules.{ID}.{text}", params={"extended_until_on": until.isoformat()})


def _windows_remedy(case: Case, until: date | None) -> Message:
    """What ends the trouble: a free newer version of Windows 11, another machine or system, or a paid extension."""
    product, cycle = cycle_of(case)
    if product == CLIENT and cycle is not None and cycle.cycle.startswith("11-"):
        return Message(text=f"rules.{ID}.remedy_windows_update")
    text = "remedy_windows_10" if product == CLIENT else "remedy_windows_server"
    if until is None:
        return Message(text=f"rules.{ID}.{text}")
    return Message(text=f"rules.{ID}.{text}_extended", params={"extended_until_on": until.isoformat()})


def _evidence(case: Case, product: str, cycle: Lifecycle | None, stated: date | None) -> Iterable[Evidence]:
    system, windows = case.system, case.snapshot.windows
    seen, source = f"ID={system.id} VERSION_ID={system.version_id}", "os-release"
    if windows is not None:
        running = windows.system
        seen = f"{running.full_build} {running.edition_id} {running.installation_type}".strip()
        source = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    yield Evidence(what=Message(text="rules.evidence.system"), seen=seen, source=source, as_of=case.snapshot.taken_at)
    feed = FeedRole.LIFECYCLES.player(case.knowledge.feeds)
    if cycle is not None:
        params: Params = {
            "regular_on": None if cycle.support_ends_on is None else cycle.support_ends_on.isoformat(),
            "extended_on": None if cycle.extended_ends_on is None else cycle.extended_ends_on.isoformat(),
        }
        text = "lifecycle" if cycle.extended_ends_on is None else "lifecycle_extended"
        yield Evidence(
            what=Message(text=f"rules.evidence.{text}", params=params),
            seen=f"{product} {cycle.cycle}",
            source="" if feed is None else feed.title,
            url=f"https://endoflife.date/{product}",
            as_of=None if feed is None else feed.published_at or feed.checked_at,
        )
    if windows is not None and cycle is not None and cycle.extended_ends_on is not None:
        yield from _enrolment_evidence(case, cycle)
    if stated is not None:
        yield Evidence(
            what=Message(text="rules.evidence.support_end", params={"stated_on": stated.isoformat()}),
            seen=system.support_end,
            source="os-release SUPPORT_END",
            as_of=case.snapshot.taken_at,
        )


def _enrolment_evidence(case: Case, cycle: Lifecycle) -> Iterable[Evidence]:
    """Say what the activation tells about Extended Security Updates; silent before they begin."""
    if cycle.support_ends_on is None or case.today <= cycle.support_ends_on:
        return
    enrolment = enrolment_of(case.snapshot, case.knowledge, cycle)
    if enrolment.until is None:
        what = Message(text=f"rules.{ID}.evidence_{'unsure' if enrolment.unsure else 'not_enrolled'}")
    else:
        params: Params = {"year": enrolment.year, "paid_until_on": enrolment.until.isoformat()}
        what = Message(text=f"rules.{ID}.evidence_enrolled", params=params)
    seen = enrolment.activation_id
    yield Evidence(what=what, seen=seen, source="SoftwareLicensingProduct", as_of=case.snapshot.taken_at)


RULE = Rule(id=ID, needs=(FactKind.OPERATING_SYSTEM,), feeds=(FeedRole.LIFECYCLES,), check=check)
