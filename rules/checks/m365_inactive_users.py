"""m365.inactive_users: people with a paid license who have not worked with it for longer than the contract says.

One FAIL per person, a candidate and no more: the reason may be a long leave, which the client's file then excepts with
an end date (case 23). Exactly the contract's days are not yet too many. Order of proof: the last successful sign-in,
then the usage reports; failed attempts are no activity (case 24). Where nothing tells whether people work (names
concealed, reports stale, no Entra P1) that is said once, as UNKNOWN, and nothing is called a saving (cases 28, 29).

Texts: `fail`, `fail_usage`, `fail_attempt`, `fail_attempted`, `fail_no_success`, `remedy`, `remedy_attempted`, `pass`
(count), `unknown_concealed`, `unknown_stale`, `unknown_empty`, `unknown_unread`, `unknown_usable` (each count),
`remedy_concealed`, `remedy_unread`, `not_applicable`. Parameters: name, licenses, last_on, attempt_on, days,
limit_days, count, as_of_on.
"""

from collections.abc import Iterable, Sequence

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome
from rules.rule import joined
from rules.tenants.activity import Proof, ReportState, activities
from rules.tenants.people import (
    PLAN,
    Person,
    Standing,
    concerned,
    gap_proofs,
    labels,
    proofs,
    standing_in,
    worth,
)
from rules.tenants.rule import TenantCase, TenantRule, finding

ID = "m365.inactive_users"


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per inactive person, one UNKNOWN for all whose activity is not known, or one PASS."""
    found = [_fail(case, person) for person in standing_in(case, Standing.INACTIVE)]
    yield from found
    unknown = standing_in(case, Standing.UNKNOWN)
    if unknown:
        yield _unknown(case, unknown)
    elif not found:
        limit_days = case.contract.m365.inactive_days
        params: Params = {"count": len(standing_in(case, Standing.FINE)), "limit_days": limit_days}
        yield finding(ID, case, Outcome.PASS, "pass", params=params)


def _fail(case: TenantCase, person: Person) -> Finding:
    seen = person.seen
    text = _text(person)
    attempted = seen.attempt_on is not None
    return finding(
        ID,
        case,
        Outcome.FAIL,
        text,
        key=person.user.id,
        person=person.user.upn,
        params={
            "name": person.name,
            "licenses": labels(case, person.skus),
            "last_on": None if seen.last_on is None else seen.last_on.isoformat(),
            "attempt_on": None if seen.attempt_on is None else seen.attempt_on.isoformat(),
            "days": None if seen.last_on is None else (case.today - seen.last_on).days,
            "as_of_on": None if seen.as_of is None else seen.as_of.isoformat(),
            "limit_days": case.contract.m365.inactive_days,
        },
        severity=Severity.LOW,
        confidence=seen.confidence,
        remedy="remedy_attempted" if attempted else "remedy",
        priority=PLAN,
        evidence=proofs(case, person),
        money=worth(case, person),
    )


def _text(person: Person) -> str:
    seen = person.seen
    if seen.proof is Proof.ATTEMPT:
        return "fail_no_success" if seen.last_on is None else "fail_attempt"
    if seen.proof is Proof.USAGE:
        return "fail_usage"
    return "fail_attempted" if seen.attempt_on is not None else "fail"


def _unknown(case: TenantCase, unknown: Sequence[Person]) -> Finding:
    """Say once why nothing is known, by the state of the report that would tell; what to do about it where one can."""
    report, state = activities(case).reports[TenantFact.USAGE]
    refreshed = None if report is None or report.refreshed_on is None else report.refreshed_on.isoformat()
    remedies = {ReportState.CONCEALED: "remedy_concealed", ReportState.UNREAD: "remedy_unread"}
    what = Message(text=f"rules.{ID}.evidence", params={"as_of_on": refreshed})
    names = joined((person.user.upn for person in unknown), 20)
    gaps = (*case.snapshot.gaps_of(TenantFact.SIGN_INS), *case.snapshot.gaps_of(TenantFact.USAGE))
    return finding(
        ID,
        case,
        Outcome.UNKNOWN,
        f"unknown_{state.value}",
        params={
            "count": len(unknown),
            "as_of_on": refreshed,
            "limit_days": case.contract.m365.usage_max_age_days,
        },
        remedy=remedies.get(state, ""),
        evidence=(
            Evidence(what=what, seen=names, source="Microsoft Graph, usage reports", as_of=case.snapshot.taken_at),
            *gap_proofs(case, gaps),
        ),
    )


RULE = TenantRule(id=ID, needs=(TenantFact.SKUS, TenantFact.USERS), check=check, applies=concerned)
