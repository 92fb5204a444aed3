"""m365.double_assignment: licenses that one person receives in two ways, directly and by a group, or by two groups.

It is one seat and costs nothing more (cases 16, 17), but who is taken out of a group keeps the license without anybody
noticing. Told once per SKU, with the people in the evidence: nobody has to decide about each of them. Only ways that
work count (an assignment in error gives nothing); free SKUs are left out.

Texts: `fail` (count), `remedy`, `pass`, `evidence_direct`, `evidence_groups`. Parameters: license, count, groups.
"""

from collections.abc import Iterable, Sequence

from collectors.cloud.facts import LicenseAssignment, TenantFact, User
from collectors.feeds.records import Severity
from rules.messages import Message
from rules.model import Evidence, Finding, Outcome
from rules.rule import joined
from rules.tenants.people import WATCH, group_name, is_paid, label, ways
from rules.tenants.rule import TenantCase, TenantRule, finding

ID = "m365.double_assignment"
_Doubled = tuple[User, tuple[LicenseAssignment, ...]]


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per SKU that somebody holds in two ways, or one PASS."""
    doubled: dict[str, list[_Doubled]] = {}
    for user in sorted(case.snapshot.users, key=lambda user: user.upn):
        for held in user.licenses:
            found = ways(user, held.sku_id)
            if len({way.group for way in found}) > 1 and is_paid(case, held.sku_id):
                doubled.setdefault(held.sku_id, []).append((user, found))
    answer = [_fail(case, sku_id, doubled[sku_id]) for sku_id in sorted(doubled)]
    yield from answer or [finding(ID, case, Outcome.PASS, "pass")]


def _fail(case: TenantCase, sku_id: str, doubled: Sequence[_Doubled]) -> Finding:
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail",
        key=sku_id,
        params={"license": label(case, sku_id), "count": len(doubled)},
        severity=Severity.LOW,
        remedy="remedy",
        priority=WATCH,
        evidence=tuple(_evidence(case, user, found) for user, found in doubled),
    )


def _evidence(case: TenantCase, user: User, found: Sequence[LicenseAssignment]) -> Evidence:
    groups = joined(sorted({group_name(case, way.group) for way in found if way.group}))
    text = "evidence_direct" if any(not way.group for way in found) else "evidence_groups"
    what = Message(text=f"rules.{ID}.{text}", params={"groups": groups})
    return Evidence(what=what, seen=user.upn, source="Microsoft Graph, users", as_of=case.snapshot.taken_at)


RULE = TenantRule(id=ID, needs=(TenantFact.SKUS, TenantFact.USERS), check=check)
