"""m365.office_shared_hosts: Office used on remote desktop servers by people whose license does not allow it (case 42).

On a computer that several people share (a remote desktop session host) Office needs shared computer activation. It
comes with Business Premium and with the enterprise plans' Office, not with Business Standard or Apps for business. One
FAIL per person whom Microsoft's report shows on a shared computer without that right. Office does not start there
without it, so that a report which shows nobody is an answer; who has no right to is told beside it.
Source: https://learn.microsoft.com/deployoffice/overview-shared-computer-activation

Texts: `fail`, `fail_none`, `remedy`, `pass`, `pass_hosts` (count), `unknown_stale`, `unknown_empty`, `evidence`,
`evidence_hosts`, `not_applicable`. Parameters: name, licenses, last_on, count, hosts, as_of_on, limit_days.
"""

from collections.abc import Iterable
from datetime import datetime

from collectors.cloud.facts import Activations, TenantFact, User
from collectors.feeds.records import Severity
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome
from rules.rule import joined
from rules.tenants.activity import ReportState, midnight, report_state
from rules.tenants.billing import positions
from rules.tenants.people import PLAN, Standing, effective_plans, labels, people
from rules.tenants.relevance import installs, matters
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.wording import office_name

ID = "m365.office_shared_hosts"
RDS_HOST = "rds_host"
_OFFICE_BUSINESS = "094e7854-93fc-4d55-b2c0-3ab5369ebdc1"
_ENTITLING = frozenset(
    {
        "276d6e8a-f056-4f70-b7e8-4fc27f79f809",  # OFFICE_SHARED_COMPUTER_ACTIVATION
        "43de0ff5-c92c-492b-9116-175376d08c38",  # OFFICESUBSCRIPTION
    }
)


def applies(case: TenantCase) -> bool:
    """Where such a server was audited or shared use is reported; where no machine was audited nobody knows."""
    if any(row.shared_computer for row in case.snapshot.activations):
        return True
    return matters(case, TenantFact.ACTIVATIONS) and (not case.servers or case.servers.get(RDS_HOST, 0) > 0)


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per person on a shared computer without the right, what cannot be told, or one PASS."""
    state = report_state(case, TenantFact.ACTIVATIONS)
    found = list(_unentitled(case)) if state is ReportState.USABLE else []
    yield from found
    if state in (ReportState.STALE, ReportState.EMPTY):
        params: Params = {"as_of_on": _refreshed_on(case), "limit_days": case.contract.m365.usage_max_age_days}
        yield finding(ID, case, Outcome.UNKNOWN, f"unknown_{state.value}", params=params)
    elif not found:
        yield _pass(case)


def _pass(case: TenantCase) -> Finding:
    hosts = case.servers.get(RDS_HOST, 0)
    holders = [user for user in case.snapshot.users if _holds_business_only(case, user)]
    if not hosts or not holders:
        return finding(ID, case, Outcome.PASS, "pass")
    params: Params = {"count": len(holders), "hosts": hosts}
    return finding(ID, case, Outcome.PASS, "pass_hosts", params=params, evidence=(_hosts_proof(case, holders, hosts),))


def _unentitled(case: TenantCase) -> Iterable[Finding]:
    users = {user.upn.casefold(): user for user in case.snapshot.users}
    told: set[str] = set()
    leaving = {one.user.id for one in people(case) if one.standing in (Standing.INACTIVE, Standing.NEVER)}
    for row in sorted(case.snapshot.activations, key=lambda row: (row.upn, row.product)):
        user = users.get(row.upn.casefold())
        if not row.shared_computer or user is None or user.enabled is False or user.id in leaving:
            continue  # the report keeps the rows of those who left
        if user.id not in told and not _is_entitled(case, user):
            told.add(user.id)
            yield _fail(case, user, row)


def _is_entitled(case: TenantCase, user: User) -> bool:
    return bool(effective_plans(case, user) & _ENTITLING)


def _holds_business_only(case: TenantCase, user: User) -> bool:
    return _OFFICE_BUSINESS in effective_plans(case, user) and not _is_entitled(case, user)


def _fail(case: TenantCase, user: User, row: Activations) -> Finding:
    params: Params = {
        "name": user.name or user.upn,
        "licenses": labels(case, _offices(case, user)),
        "last_on": None if row.last_on is None else row.last_on.isoformat(),
        "product": office_name(row.product),
        "as_of_on": _refreshed_on(case),
    }
    what = Message(text=f"rules.{ID}.evidence", params=params)
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail" if _holds_business_only(case, user) else "fail_none",
        key=user.id,
        person=user.upn,
        params=params,
        severity=Severity.MEDIUM,
        remedy="remedy",
        priority=PLAN,
        evidence=(Evidence(what=what, seen=user.upn, source="Microsoft Graph, activations", as_of=_as_of(case)),),
    )


def _offices(case: TenantCase, user: User) -> list[str]:
    """SKUs a user holds that bring Office: free offers beside them would only confuse."""
    known = positions(case)
    return [held.sku_id for held in user.licenses if held.sku_id in known and installs(known[held.sku_id])]


def _hosts_proof(case: TenantCase, holders: Iterable[User], hosts: int) -> Evidence:
    what = Message(text=f"rules.{ID}.evidence_hosts", params={"count": hosts})
    seen = joined(sorted(user.upn for user in holders), 20)
    return Evidence(what=what, seen=seen, source="Microsoft Graph, users", as_of=case.snapshot.taken_at)


def _as_of(case: TenantCase) -> datetime | None:
    report = case.report(TenantFact.ACTIVATIONS)
    return None if report is None else midnight(report.refreshed_on)


def _refreshed_on(case: TenantCase) -> str | None:
    report = case.report(TenantFact.ACTIVATIONS)
    return None if report is None or report.refreshed_on is None else report.refreshed_on.isoformat()


RULE = TenantRule(
    id=ID,
    needs=(TenantFact.SKUS, TenantFact.USERS, TenantFact.ACTIVATIONS),
    check=check,
    applies=applies,
)
