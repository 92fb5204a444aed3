"""m365.assignment_errors: a group should give somebody a license, and Microsoft could not (cases 33, 34).

No seat was left, two plans exclude each other, a plan lacks the one it builds on, no country is set. FAIL per person;
less urgent where the person holds the product in another way. `m365.under_licensed` counts the seats people wait for.

Texts: `fail_<error>`, `held`, `pass`, `not_applicable`, `remedy_<error>`, `evidence`, with the errors count_violation
(`count_violation_over` where seats are free again), mutually_exclusive, dependency, prohibited_location, uniqueness,
other. Parameters: products.
"""

from collections.abc import Iterable, Iterator

from collectors.cloud.facts import LicenseAssignment, TenantFact, User
from collectors.feeds.records import Severity
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.rule import joined
from rules.tenants.billing import positions
from rules.tenants.people import group_name, label
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.wording import owns_seats

ID = "m365.assignment_errors"
_ERRORS = {
    "countviolation": "count_violation",
    "mutuallyexclusiveviolation": "mutually_exclusive",
    "dependencyviolation": "dependency",
    "prohibitedinusagelocationviolation": "prohibited_location",
    "uniquenessviolation": "uniqueness",
}
_NONE = ("", "none")
_FAILED = ("error", "activewitherror")


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per person, or one PASS."""
    users = sorted(case.snapshot.users, key=lambda one: (one.upn, one.id))
    found = [answer for user in users for answer in _answers(case, user)]
    return found or [finding(ID, case, Outcome.PASS, "pass")]


def _answers(case: TenantCase, user: User) -> Iterator[Finding]:
    broken = [one for one in user.assignments if _is_broken(one)]
    if not broken:
        return
    held = {one.sku_id for one in user.licenses}
    lacking = [one for one in broken if one.sku_id not in held]
    error = _error(case, (lacking or broken)[0])
    params: Params = {"products": joined(sorted({label(case, one.sku_id) for one in lacking or broken}))}
    yield finding(
        ID,
        case,
        Outcome.FAIL,
        f"fail_{error}" if lacking else "held",
        key=user.id,
        person=user.upn,
        params=params,
        severity=Severity.MEDIUM if lacking else Severity.LOW,
        remedy=f"remedy_{error}",
        priority=Priority(level=PriorityLevel.PLAN if lacking else PriorityLevel.WATCH, score=40.0 if lacking else 4.0),
        evidence=tuple(_evidence(case, one) for one in broken),
    )


def _is_broken(assignment: LicenseAssignment) -> bool:
    """Whether Microsoft reports an error; it writes null or the word "None" where there is none (case 33)."""
    return assignment.error.casefold() not in _NONE or assignment.state.casefold() in _FAILED


def _error(case: TenantCase, assignment: LicenseAssignment) -> str:
    error = _ERRORS.get(assignment.error.casefold(), "other")
    position = positions(case).get(assignment.sku_id)
    seats = None if position is None else position.seats
    enough = seats is not None and seats.need <= seats.usable  # those who wait are in the need
    return "count_violation_over" if error == "count_violation" and enough else error


def _evidence(case: TenantCase, assignment: LicenseAssignment) -> Evidence:
    params: Params = {
        "product": label(case, assignment.sku_id),
        "group": group_name(case, assignment.group) if assignment.group else None,
    }
    return Evidence(
        what=Message(text=f"rules.{ID}.evidence" if assignment.group else f"rules.{ID}.evidence_direct", params=params),
        seen=f"{assignment.state} {assignment.error}".strip(),
        source="Microsoft Graph, users, licenseAssignmentStates",
        as_of=assignment.updated_at or case.snapshot.taken_at,
    )


RULE = TenantRule(id=ID, needs=(TenantFact.USERS,), check=check, applies=owns_seats)
