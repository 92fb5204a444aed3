"""m365.never_active_users: people with a paid license of whom no activity at all is known, after a starter's grace.

The grace begins with the account or with its last change of licenses, whichever is later (case 26); its last day still
belongs to it. Where activity is not known this is UNKNOWN; why is told by `m365.inactive_users`.

Texts: `fail`, `fail_usage` (the usage reports alone, which reach back some months only), `fail_attempted`, `remedy`,
`pass` (count), `unknown` (count), `not_applicable`. Parameters: name, licenses, since_on, as_of_on, days, attempt_on,
limit_days, count.
"""

from collections.abc import Iterable

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.messages import Params
from rules.model import Finding, Outcome
from rules.tenants.activity import Proof, Seen
from rules.tenants.people import PLAN, Person, Standing, concerned, labels, proofs, standing_in, worth
from rules.tenants.rule import TenantCase, TenantRule, finding

ID = "m365.never_active_users"


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per person never seen, one UNKNOWN where activity is not known, or one PASS."""
    found = [_fail(case, person) for person in standing_in(case, Standing.NEVER)]
    yield from found
    unknown = standing_in(case, Standing.UNKNOWN)
    if unknown:
        yield finding(ID, case, Outcome.UNKNOWN, "unknown", params={"count": len(unknown)})
    elif not found:
        seen = len(standing_in(case, Standing.FINE)) + len(standing_in(case, Standing.INACTIVE))
        params: Params = {"count": seen, "limit_days": case.contract.m365.starter_grace_days}
        yield finding(ID, case, Outcome.PASS, "pass", params=params)


def _fail(case: TenantCase, person: Person) -> Finding:
    seen = person.seen
    return finding(
        ID,
        case,
        Outcome.FAIL,
        _text(seen),
        key=person.user.id,
        person=person.user.upn,
        params={
            "name": person.name,
            "licenses": labels(case, person.skus),
            "since_on": None if seen.since_on is None else seen.since_on.isoformat(),
            "days": None if seen.since_on is None else (case.today - seen.since_on).days,
            "as_of_on": None if seen.as_of is None else seen.as_of.isoformat(),
            "attempt_on": None if seen.attempt_on is None else seen.attempt_on.isoformat(),
        },
        severity=Severity.LOW,
        confidence=seen.confidence,
        remedy="remedy",
        priority=PLAN,
        evidence=proofs(case, person),
        money=worth(case, person),
    )


def _text(seen: Seen) -> str:
    if seen.attempt_on is not None:
        return "fail_attempted"
    return "fail_usage" if seen.proof is Proof.USAGE else "fail"


RULE = TenantRule(id=ID, needs=(TenantFact.SKUS, TenantFact.USERS), check=check, applies=concerned)
