"""package_lists.stale: the package manager's lists are old or were never fetched (L22).

A machine that does not refresh its lists is offered no fix at all: its "nothing to update" means nothing. One FAIL. The
limit is the contract's (`package_lists_max_age_days`, 7 by default); lists exactly that old are still current. Age is
counted to the moment they were read.

Texts: `fail` (count = age in whole days), `absent`, `pass`, `not_applicable`, `remedy`. Parameters: manager, count,
limit_days, refreshed_at.
"""

from collections.abc import Iterable

from collectors.feeds.records import Severity
from collectors.model import FactKind
from rules.crosscheck import lists_age_days
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, Priority, PriorityLevel
from rules.remedies import manager_of
from rules.rule import Case, Rule, finding, not_windows

ID = "package_lists.stale"
_REFRESH = {
    "apt": "apt-get update",
    "dnf": "dnf makecache --refresh",
    "yum": "yum makecache",
    "zypper": "zypper refresh",
    "apk": "apk update",
}


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL for old or absent lists, else one PASS. Without lists in the snapshot the engine sees a gap."""
    lists = case.snapshot.package_lists
    age = lists_age_days(case)
    limit = case.contract.package_lists_max_age_days
    refreshed_at = None if lists is None or lists.refreshed_at is None else lists.refreshed_at
    params: Params = {
        "manager": manager_of(case.snapshot) if lists is None else lists.manager,
        "limit_days": limit,
        "count": None if age is None else int(age),
        "refreshed_at": None if refreshed_at is None else refreshed_at.isoformat(),
    }
    evidence = Evidence(
        what=Message(text="rules.evidence.package_lists", params=params),
        seen="" if refreshed_at is None else refreshed_at.date().isoformat(),
        source=str(params["manager"]),
        as_of=case.snapshot.taken_at,
    )
    if lists is None or (age is not None and age <= limit):
        yield finding(ID, case, Outcome.PASS, "pass", params=params, evidence=(evidence,))
        return
    yield finding(
        ID,
        case,
        Outcome.FAIL,
        "absent" if age is None else "fail",
        params=params,
        severity=Severity.MEDIUM,
        remedy=Message(text=f"rules.{ID}.remedy", params={"command": _REFRESH.get(lists.manager, _REFRESH["apt"])}),
        priority=Priority(level=PriorityLevel.PLAN, score=50.0, reasons=(Message(text="rules.priority.no_updates"),)),
        evidence=(evidence,),
    )


RULE = Rule(id=ID, needs=(FactKind.PACKAGE_LISTS,), applies=not_windows, check=check)
