"""m365.coverage: what of a Microsoft 365 tenant could be seen at all. The one place where a blind spot is told.

UNKNOWN with key "not_audited" for a tenant that gave no answer, "partial" for areas that could not be read (each with
its missing permission), "concealed" where usage reports hide names, "stale" where they are too old or empty; PASS when
everything was read that a verdict rests on. Other rules that suffer from the same gap are UNKNOWN without a priority.

Told and no blind spot, so that a tenant in order does not end as "incomplete" every month: that Graph does not tell
sign-ins without Entra ID P1 (activity is then judged by the usage reports), what nobody asked for (the type of each
mailbox), areas no verdict rests on (names of groups, devices), reports about what the tenant does not own.

Texts: `not_audited_<reason>`, `partial` (count), `partial_licenses`, `concealed`, `concealed_sign_ins`, `stale`,
`stale_sign_ins`, `empty`, `empty_sign_ins`, `no_sign_ins`, `beside` (count), `pass`, `remedy_<reason>`,
`remedy_partial`, `remedy_permissions`, `remedy_concealed`, `remedy_stale`, `report`, `report_empty`; of one area,
`rules.m365.unknown.<area>`. Parameters: areas, permissions, refreshed_on, limit_days.
"""

from collections.abc import Iterable, Iterator

from collectors.cloud.facts import Report, TenantFact, TenantGap
from collectors.model import GapReason
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, PatchState, Priority, PriorityLevel
from rules.rule import joined
from rules.tenants.activity import ReportState, report_state
from rules.tenants.relevance import matters
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.wording import gap_evidence

ID = "m365.coverage"
_BLIND = 100.0  # what nobody could look at comes before what was found, within one level
_ESSENTIAL = (TenantFact.SKUS, TenantFact.SUBSCRIPTIONS, TenantFact.USERS)
_BESIDE = (TenantFact.GROUPS, TenantFact.DEVICES, TenantFact.DETECTED_APPS, TenantFact.DELETED_USERS)
_OLD = (ReportState.STALE, ReportState.EMPTY)


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield an UNKNOWN per kind of blind spot, or one PASS; and what was not read without being one."""
    if not case.snapshot.reached:
        return [_not_audited(case, case.snapshot.gaps_of(TenantFact.TENANT)[0])]
    blind = [*_partial(case), *_concealed(case), *_stale(case)]
    return [*(blind or [finding(ID, case, Outcome.PASS, "pass")]), *_no_sign_ins(case), *_beside(case)]


def _not_audited(case: TenantCase, gap: TenantGap) -> Finding:
    reason = gap.reason.value
    level = PriorityLevel.WATCH if gap.reason is GapReason.INTERRUPTED else PriorityLevel.NOW
    message = Message(text=f"rules.{ID}.not_audited_{reason}")
    return _blind(case, message, "not_audited", f"remedy_{reason}", level, (gap,))


def _partial(case: TenantCase) -> Iterator[Finding]:
    gaps = tuple(gap for gap in case.snapshot.gaps if not _is_beside(gap) and not _is_told_elsewhere(case, gap))
    if not gaps:
        return
    kinds = tuple(dict.fromkeys(gap.kind for gap in gaps))
    permissions = sorted({gap.permission for gap in gaps if gap.permission})
    level = PriorityLevel.PLAN if any(kind in _ESSENTIAL for kind in kinds) else PriorityLevel.WATCH
    params: Params = {
        "count": len(kinds),
        "areas": joined((kind.value for kind in kinds), limit=len(TenantFact)),
        "permissions": ", ".join(permissions),
    }
    remedy = "remedy_permissions" if permissions else "remedy_partial"
    text = f"rules.{ID}.partial"
    if TenantFact.SKUS in kinds:  # case 69: nothing can be said of licenses then
        text = f"rules.{ID}.partial_licenses"
    elif len(kinds) == 1:
        text = f"rules.m365.unknown.{kinds[0].value}"
    yield _blind(case, Message(text=text, params=params), "partial", remedy, level, gaps)


def _concealed(case: TenantCase) -> Iterator[Finding]:
    """Names concealed in usage reports: told once, with the switch and what it means for privacy (case 28)."""
    hidden = [report for report in case.snapshot.reports if report.concealed and matters(case, report.kind)]
    if not hidden:
        return
    yield _blind(case, _about_activity(case, "concealed"), "concealed", "remedy_concealed", _weight(case), (), hidden)


def _stale(case: TenantCase) -> Iterator[Finding]:
    """Usage reports too old or empty: what they tell is used no more (case 29)."""
    reports = (report for report in case.snapshot.reports if matters(case, report.kind))
    old = [report for report in reports if report_state(case, report.kind) in _OLD]
    if not old:
        return
    days = [report.refreshed_on for report in old if report.refreshed_on is not None]
    params: Params = {
        "refreshed_on": min(days).isoformat() if days else None,
        "limit_days": case.contract.m365.usage_max_age_days,
    }
    text = _about_activity(case, "stale" if days else "empty", params)
    yield _blind(case, text, "stale", "remedy_stale", _weight(case), (), old)


def _no_sign_ins(case: TenantCase) -> Iterator[Finding]:
    gaps = tuple(gap for gap in case.snapshot.gaps_of(TenantFact.SIGN_INS) if _is_unsold(gap))
    if gaps:
        evidence = tuple(gap_evidence(case, gaps))
        yield finding(ID, case, Outcome.NOT_APPLICABLE, "no_sign_ins", key="sign_ins", evidence=evidence)


def _beside(case: TenantCase) -> Iterator[Finding]:
    """What was not read and hides no verdict, told once."""
    gaps = tuple(gap for gap in case.snapshot.gaps if _is_beside(gap))
    if gaps:
        params: Params = {"count": len({gap.kind for gap in gaps})}
        evidence = tuple(gap_evidence(case, gaps))
        yield finding(ID, case, Outcome.NOT_APPLICABLE, "beside", key="beside", params=params, evidence=evidence)


def _is_beside(gap: TenantGap) -> bool:
    """Whether no verdict rests on what a gap hides, or nobody asked for it."""
    return gap.kind in _BESIDE or (gap.kind is TenantFact.MAILBOX_TYPES and gap.reason is GapReason.REFUSED)


def _is_told_elsewhere(case: TenantCase, gap: TenantGap) -> bool:
    """Whether a gap is a report that is concealed, old or empty, or sign-ins that the tenant has no right to."""
    states = (ReportState.CONCEALED, *_OLD)
    return _is_unsold(gap) or (case.report(gap.kind) is not None and report_state(case, gap.kind) in states)


def _is_unsold(gap: TenantGap) -> bool:
    return gap.kind is TenantFact.SIGN_INS and gap.reason is GapReason.UNSUPPORTED


def _sign_ins_are_told(case: TenantCase) -> bool:
    return not case.snapshot.gaps_of(TenantFact.SIGN_INS)


def _weight(case: TenantCase) -> PriorityLevel:
    """How urgent a usage report is that cannot be used: less where sign-ins tell who works."""
    return PriorityLevel.WATCH if _sign_ins_are_told(case) else PriorityLevel.PLAN


def _about_activity(case: TenantCase, text: str, params: Params | None = None) -> Message:
    """Who works is not known without usage reports, or is still told by sign-ins."""
    suffix = "_sign_ins" if _sign_ins_are_told(case) else ""
    return Message(text=f"rules.{ID}.{text}{suffix}", params=params or {})


def _blind(
    case: TenantCase,
    message: Message,
    key: str,
    remedy: str,
    level: PriorityLevel,
    gaps: tuple[TenantGap, ...],
    reports: Iterable[Report] = (),
) -> Finding:
    return Finding(
        rule=ID,
        subject=case.snapshot.target.name,
        key=key,
        outcome=Outcome.UNKNOWN,
        state=PatchState.UNKNOWN,
        message=message,
        remedy=Message(text=f"rules.{ID}.{remedy}", params=message.params),
        priority=Priority(level=level, score=_BLIND),
        evidence=(*gap_evidence(case, gaps), *(_report(case, report) for report in reports)),
    )


def _report(case: TenantCase, report: Report) -> Evidence:
    refreshed = report.refreshed_on
    params: Params = {"refreshed_on": None if refreshed is None else refreshed.isoformat()}
    text = "report_empty" if refreshed is None else "report"
    return Evidence(
        what=Message(text=f"rules.{ID}.{text}", params=params),
        seen=report.kind.value,
        source="Microsoft Graph, usage reports",
        as_of=case.snapshot.taken_at,
    )


RULE = TenantRule(id=ID, needs=(), check=check, judges_absence=True)
