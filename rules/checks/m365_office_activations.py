"""m365.office_activations: Office activated on more computers than one person's license allows (case 41).

A license of Microsoft 365 Apps covers five computers (Windows or Mac) for its user, product by product; activations on
shared computers do not count. Nothing stops the sixth: Windows deactivates the oldest only beyond ten. So it is a
question (an account that several people use?), one FAIL per user, for the product on most computers. A report that is
too old or empty says nothing; one with concealed names is a gap.

Texts: `fail` (count), `remedy`, `pass`, `not_applicable`, `evidence`, `unknown_stale`, `unknown_empty`. Parameters:
name, product, count, windows, mac, limit, as_of_on, limit_days.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from collectors.cloud.facts import Activations, TenantFact
from collectors.feeds.records import Severity
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome
from rules.tenants.activity import ReportState, midnight, report_state
from rules.tenants.people import WATCH
from rules.tenants.relevance import matters
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.wording import office_name

ID = "m365.office_activations"
LIMIT = 5


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per user above the limit, UNKNOWN for a report that is too old or empty, or one PASS."""
    state = report_state(case, TenantFact.ACTIVATIONS)
    if state in (ReportState.STALE, ReportState.EMPTY):
        params: Params = {"as_of_on": refreshed_on(case), "limit_days": case.contract.m365.usage_max_age_days}
        yield finding(ID, case, Outcome.UNKNOWN, f"unknown_{state.value}", params=params)
        return
    found = [] if state is not ReportState.USABLE else [_fail(case, row) for row in _above(case).values()]
    yield from found or [finding(ID, case, Outcome.PASS, "pass", params={"limit": LIMIT})]


def computers(row: Activations) -> int:
    """On how many computers of the user's own Office is activated."""
    return 0 if row.shared_computer else row.windows + row.mac


def refreshed_on(case: TenantCase) -> str | None:
    """The ISO date of the activation report."""
    report = case.report(TenantFact.ACTIVATIONS)
    return None if report is None or report.refreshed_on is None else report.refreshed_on.isoformat()


def _as_of(case: TenantCase) -> datetime | None:
    report = case.report(TenantFact.ACTIVATIONS)
    return None if report is None else midnight(report.refreshed_on)


def _above(case: TenantCase) -> Mapping[str, Activations]:
    """The row with most computers of every user who has more than the limit, by principal name."""
    found: dict[str, Activations] = {}
    rows = sorted(case.snapshot.activations, key=lambda row: (-computers(row), row.upn, row.product))
    for row in rows:
        if computers(row) > LIMIT:
            found.setdefault(row.upn.casefold(), row)
    return found


def _fail(case: TenantCase, row: Activations) -> Finding:
    user = case.once("users_by_upn", lambda: {user.upn.casefold(): user for user in case.snapshot.users}).get(
        row.upn.casefold()
    )
    params: Params = {
        "name": user.name or row.upn if user is not None else row.upn,
        "product": office_name(row.product),
        "count": computers(row),
        "windows": row.windows,
        "mac": row.mac,
        "limit": LIMIT,
        "as_of_on": refreshed_on(case),
    }
    what = Message(text=f"rules.{ID}.evidence", params=params)
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail",
        key=user.id if user is not None else row.upn.casefold(),
        person=row.upn,
        params=params,
        severity=Severity.LOW,
        remedy="remedy",
        priority=WATCH,
        evidence=(
            Evidence(
                what=what,
                seen=str(computers(row)),
                expected=f"<= {LIMIT}",
                source="Microsoft Graph, activations",
                as_of=_as_of(case),
            ),
        ),
    )


RULE = TenantRule(
    id=ID,
    needs=(TenantFact.ACTIVATIONS,),
    check=check,
    applies=lambda case: bool(case.snapshot.activations) or matters(case, TenantFact.ACTIVATIONS),
)
