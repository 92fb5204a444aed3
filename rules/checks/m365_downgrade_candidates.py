"""m365.downgrade_candidates: people for whom a smaller plan may do (case 14). Only ever candidates: no money, no order.

Two signs: a mailbox plan of the larger kind (Exchange Online Plan 2) beside a suite that brings the smaller one, for a
mailbox below 50 GB without archive; Office applications to install, for somebody seen at work in the browser or on a
telephone only. Both need a usage report that is recent and names people; what a report does not tell is no sign.

Texts: `fail_mail`, `fail_apps`, `fail_both`, `unknown_report`, `pass`, `not_applicable`, `remedy`, `mailbox`, `apps`.
Parameters: product, suite, size (GB), as_of_on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from collectors.cloud.facts import AppsUsage, TenantFact, User
from collectors.feeds.records import Severity
from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, Outcome, Priority, PriorityLevel, SkuKind
from rules.rule import joined
from rules.tenants.activity import ReportState, midnight, report_state
from rules.tenants.billing import Position, positions
from rules.tenants.mailboxes import MailboxNeed, MailboxView, mailboxes
from rules.tenants.people import Standing, people
from rules.tenants.plans import plan_table
from rules.tenants.relevance import matters
from rules.tenants.rule import TenantCase, TenantRule, finding
from rules.tenants.wording import owns_seats

ID = "m365.downgrade_candidates"
_MAIL, _LARGE_MAIL, _SMALL_MAIL = "exchange", 3, 2
_OFFICE, _INSTALLED = "office", 2
_DESKTOPS = frozenset({"windows", "mac"})
_REPORTS = (TenantFact.MAILBOXES, TenantFact.APPS_USAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owned:
    """One paid product a person holds, with the ranks of its plans in effect."""

    position: Position
    levels: dict[str, int]


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per candidate; UNKNOWN where a report cannot be used, else one PASS when there is none."""
    found = [answer for user in _working(case) for answer in _answers(case, user)]
    if any(matters(case, kind) and report_state(case, kind) is not ReportState.USABLE for kind in _REPORTS):
        return [*found, finding(ID, case, Outcome.UNKNOWN, "unknown_report")]
    return found or [finding(ID, case, Outcome.PASS, "pass")]


def _working(case: TenantCase) -> list[User]:
    """People who keep their license as far as anybody knows: the others are other rules' business."""
    return [one.user for one in people(case) if one.user.enabled and one.standing in (Standing.FINE, Standing.UNKNOWN)]


def _answers(case: TenantCase, user: User) -> Iterator[Finding]:
    owned = list(_owned(case, user))
    mail, apps = _large_mailbox_plan(owned), _installed_apps(case, user, owned)
    box = mailboxes(case).of(user)
    small = mail is not None and box.is_someones and box.need is MailboxNeed.NONE
    if not small and apps is None:
        return
    texts = {(True, True): "fail_both", (True, False): "fail_mail", (False, True): "fail_apps"}
    params: Params = {
        "product": mail.position.name if mail is not None else "",
        "suite": joined(sorted(one.position.name for one in owned if one.levels.get(_OFFICE, 0) >= _INSTALLED)),
    }
    yield finding(
        ID,
        case,
        Outcome.FAIL,
        texts[small, apps is not None],
        key=user.id,
        person=user.upn,
        params=params,
        severity=Severity.LOW,
        confidence=Confidence.TENTATIVE,
        remedy="remedy",
        priority=Priority(level=PriorityLevel.WATCH, score=5.0),
        evidence=(*(_mailbox(user, box) if small else ()), *(_apps(case, apps) if apps is not None else ())),
    )


def _owned(case: TenantCase, user: User) -> Iterator[_Owned]:
    for held in user.licenses:
        position = positions(case).get(held.sku_id)
        if position is None or not position.billable or position.left_out or position.kind is not SkuKind.USER:
            continue
        plans = frozenset(plan.id for plan in position.sku.plans) - held.disabled_plans
        yield _Owned(position=position, levels=plan_table().levels(plans))


def _large_mailbox_plan(owned: list[_Owned]) -> _Owned | None:
    """The product that brings the large mailbox plan and little else, beside one that brings the small plan."""
    beside = [one for one in owned if one.levels.get(_MAIL, 0) == _SMALL_MAIL]
    alone = [
        one
        for one in owned
        if one.levels.get(_MAIL, 0) >= _LARGE_MAIL and one.levels.keys() <= {_MAIL, "exchange_archive"}
    ]
    return alone[0] if alone and beside else None


def _installed_apps(case: TenantCase, user: User, owned: list[_Owned]) -> AppsUsage | None:
    """The report's row of somebody who may install Office, was seen at work since, and on no computer."""
    if report_state(case, TenantFact.APPS_USAGE) is not ReportState.USABLE:
        return None
    suites = {one.position.sku.sku_id for one in owned if one.levels.get(_OFFICE, 0) >= _INSTALLED}
    if not suites or not _is_settled(case, user, suites):
        return None
    rows = case.once(ID, lambda: {row.upn.casefold(): row for row in case.snapshot.apps_usage})
    row: AppsUsage | None = rows.get(user.upn.casefold())
    if row is None or row.last_activity_on is None or not row.platforms or _DESKTOPS & set(row.platforms):
        return None
    recent = case.today - timedelta(days=case.contract.m365.inactive_days)
    return row if row.last_activity_on >= recent else None


def _is_settled(case: TenantCase, user: User, sku_ids: set[str]) -> bool:
    """Whether the license has been there long enough to have been used, as far as that is told."""
    moments = [one.updated_at for one in user.assignments if one.sku_id in sku_ids and one.updated_at is not None]
    since = max([*moments, *([user.created_at] if user.created_at is not None else [])], default=None)
    return since is not None and (case.as_of - since).days > case.contract.m365.inactive_days


def _mailbox(user: User, box: MailboxView) -> Iterator[Evidence]:
    as_of = None if box.as_of is None else box.as_of.isoformat()
    params: Params = {"size": box.gigabytes, "as_of_on": as_of}
    yield Evidence(
        what=Message(text=f"rules.{ID}.mailbox", params=params),
        seen=user.upn,
        source="Microsoft Graph, getMailboxUsageDetail",
        as_of=midnight(box.as_of),
    )


def _apps(case: TenantCase, row: AppsUsage) -> Iterator[Evidence]:
    report = case.report(TenantFact.APPS_USAGE)
    as_of = None if report is None or report.refreshed_on is None else report.refreshed_on.isoformat()
    yield Evidence(
        what=Message(text=f"rules.{ID}.apps", params={"as_of_on": as_of}),
        seen=", ".join(row.platforms),
        source="Microsoft Graph, getM365AppUserDetail",
        as_of=None if report is None else midnight(report.refreshed_on),
    )


RULE = TenantRule(
    id=ID,
    needs=(TenantFact.SKUS, TenantFact.USERS, TenantFact.MAILBOXES, TenantFact.APPS_USAGE),
    check=check,
    applies=owns_seats,
)
