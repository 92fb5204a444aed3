"""m365.guest_licenses: guests who hold a paid license of this tenant (case 31).

A guest usually works with the licenses of the company it comes from; staff moving from tenant to tenant may well need
one here. So this is a question and never an order: one FAIL per guest, tentative. A null user type reads as Member
(case 32); a disabled guest belongs to `m365.disabled_users`.

Texts: `fail`, `fail_unseen`, `fail_unknown`, `remedy`, `pass`, `not_applicable`. Parameters: name, licenses, last_on.
"""

from collections.abc import Iterable

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.model import Confidence, Finding, Outcome
from rules.tenants.activity import ActivityState
from rules.tenants.people import PLAN, Person, Standing, concerned, labels, last_seen_on, proofs, standing_in, worth
from rules.tenants.rule import TenantCase, TenantRule, finding

ID = "m365.guest_licenses"


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per guest with a paid license, or one PASS."""
    found = [_fail(case, person) for person in standing_in(case, Standing.GUEST)]
    yield from found or [finding(ID, case, Outcome.PASS, "pass")]


def _fail(case: TenantCase, person: Person) -> Finding:
    last_on = last_seen_on(person)
    unseen = "fail_unknown" if person.seen.state is ActivityState.UNKNOWN else "fail_unseen"
    return finding(
        ID,
        case,
        Outcome.FAIL,
        unseen if last_on is None else "fail",
        key=person.user.id,
        person=person.user.upn,
        params={"name": person.name, "licenses": labels(case, person.skus), "last_on": last_on},
        severity=Severity.LOW,
        confidence=Confidence.TENTATIVE,
        remedy="remedy",
        priority=PLAN,
        evidence=proofs(case, person),
        money=worth(case, person),
    )


RULE = TenantRule(id=ID, needs=(TenantFact.SKUS, TenantFact.USERS), check=check, applies=concerned)
