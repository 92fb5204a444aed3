"""Hand-built assessments with Microsoft 365 in them, as the rules would conclude: the input of report tests.

Nothing here runs a rule. `SAMPLES` stand beside those of `tests.lab.assessments`; `EVERY` are both.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from collectors.cloud.facts import Organization, Report, TenantFact, TenantGap
from collectors.feeds.records import Severity
from collectors.model import CollectorOutcome, CollectorStatus, GapReason, Protocol, Target
from rules.messages import Message
from rules.model import (
    Assessment,
    Confidence,
    Evidence,
    Finding,
    FreeReason,
    LicenseLine,
    Outcome,
    Priority,
    PriorityLevel,
    SeatVerdict,
    SkuKind,
    TenantSummary,
)
from rules.prices import Commitment, Money, Share
from tests.lab import assessments as lab

NAME = "dubois.example"
PREMIUM, STANDARD, TEAMS, POWER_BI, SERVER, FLOW, PLANNER = (
    f"00000000-0000-0000-0000-00000000000{number}" for number in range(1, 8)
)
NAMES = {
    PREMIUM: "Microsoft 365 Business Premium EEA (no Teams)",
    STANDARD: "Microsoft 365 Business Standard EEA (no Teams)",
    TEAMS: "Microsoft Teams EEA",
    POWER_BI: "Power BI Pro",
    SERVER: "Microsoft Defender for Endpoint Server",
    FLOW: "Microsoft Power Automate Free",
    PLANNER: "Planner Plan 1",
}


def line(sku_id: str, *, bought: int | None = 10, assigned: int | None = 10, price: str | None = "10", **changes: Any):
    """One SKU whose seats all cost `price` a month and are all in use, unless `changes` say otherwise."""
    known = bought is not None and assigned is not None
    made = LicenseLine(
        sku_id=sku_id,
        part_number=f"PART_{sku_id[-1]}",
        name=NAMES[sku_id],
        kind=SkuKind.USER,
        free_reason=FreeReason.NONE,
        verdict=SeatVerdict.OK if known else SeatVerdict.UNKNOWN,
        bought=bought,
        assigned=assigned,
        free=max(0, bought - assigned) if known else None,
        reducible=max(0, bought - assigned) if known else None,
        deficit=max(0, assigned - bought) if known else None,
        at_risk=0 if known else None,
        inactive=0,
        monthly_price=None if price is None else Decimal(price),
        monthly_cost=None if price is None or not known else Decimal(price) * bought,
        commitment=Commitment.MONTHLY,
        priced_from=None if price is None else date(2026, 1, 1),
    )
    return replace(made, **changes)


def gap(kind: TenantFact, permission: str = "", reason: GapReason = GapReason.DENIED) -> TenantGap:
    """Something that could not be read."""
    return TenantGap(kind=kind, collector="graph", reason=reason, detail="HTTP 403 <refused>", permission=permission)


def usage(kind: TenantFact = TenantFact.USAGE, **changes: Any) -> Report:
    """One usage report of two days ago."""
    return replace(Report(kind=kind, refreshed_on=date(2026, 8, 3), period="D180", rows=40), **changes)


def tenant(*licenses: LicenseLine, name: str = NAME, **changes: Any) -> TenantSummary:
    """A tenant that was read whole."""
    made = TenantSummary(
        target=Target(name=name, protocol=Protocol.M365, address=name),
        taken_at=lab.AS_OF,
        reached=True,
        organization=Organization(id="0", name="Menuiserie Dubois", plans=frozenset({"b", "a", "c"})),
        granted=("User.Read.All",),
        licenses=licenses,
        users=42,
        licensed_users=40,
        reports=(usage(), usage(TenantFact.MAILBOXES)),
        names_concealed=False,
        collectors=(CollectorStatus(name="skus", outcome=CollectorOutcome.OK),),
    )
    return replace(made, **changes)


def share(sku_id: str, *, seats: int = 1, now: str = "0", later: str = "0", cost: str = "", unpriced: int = 0) -> Share:
    """Part of a finding's money, per month."""
    amounts = {"now": Decimal(now), "later": Decimal(later), "cost": Decimal(cost or "0")}
    return Share(sku_id=sku_id, seats=seats, unpriced=unpriced, missing=bool(cost), **amounts)


def found(rule: str, text: str, *shares: Share, key: str = "", **changes: Any) -> Finding:
    """A FAIL of `m365.<rule>` to be planned, about the tenant."""
    params = {"count": 1, "product": NAMES.get(key, ""), "name": "", "licenses": "", **changes.pop("params", {})}
    made = Finding(
        rule=f"m365.{rule}",
        subject=NAME,
        key=key,
        outcome=Outcome.FAIL,
        severity=Severity.LOW,
        message=Message(text=f"rules.m365.{rule}.{text}", params=params),
        remedy=Message(text=f"rules.m365.{rule}.remedy", params=params),
        priority=Priority(level=PriorityLevel.PLAN, score=1.0),
        money=Money.of(shares) if shares else None,
    )
    return replace(made, **changes)


def about(person: str, rule: str, text: str, *shares: Share, name: str = "", **changes: Any) -> Finding:
    """The same about a person of the tenant."""
    params = {"name": name, "licenses": NAMES[PREMIUM], "days": 143, "last_on": "2026-03-15", "count": 7, "limit": 5}
    params |= {"since_on": "2026-01-05", "size": 62.4, "covered_by": NAMES[PREMIUM], **changes.pop("params", {})}
    return found(rule, text, *shares, key=f"id of {person}", person=f"{person}@{NAME}", params=params, **changes)


def told(assessment: Assessment, *tenants: TenantSummary, findings: tuple[Finding, ...] = ()) -> Assessment:
    """An assessment with tenants and what was found about them, in the order of the action plan."""
    levels = list(PriorityLevel)
    everything = sorted(
        (*assessment.findings, *findings),
        key=lambda f: (levels.index(f.priority.level), -f.priority.score, f.subject, f.rule, f.key),
    )
    return replace(assessment, tenants=tenants, findings=tuple(everything))


def blind_checks(*rules: str) -> tuple[Finding, ...]:
    """UNKNOWN answers."""
    return tuple(
        found(rule, "unknown", outcome=Outcome.UNKNOWN, priority=Priority(level=PriorityLevel.NONE)) for rule in rules
    )


FINDINGS = (
    found("under_licensed", "fail_waiting", share(PREMIUM, seats=2, cost="35.60"), key=PREMIUM),
    found("unassigned_seats", "fail", share(STANDARD, seats=3, now="19.80", later="9.90"), key=STANDARD),
    found(
        "renewal_decision",
        "fail_priced",
        key=STANDARD,
        due_on=date(2026, 8, 20),
        params={"ends_on": "2026-08-20"},
        priority=Priority(level=PriorityLevel.NOW, score=60.0),
    ),
    about("gone", "disabled_users", "fail", share(PREMIUM, now="17.80"), share(TEAMS, later="4.80"), name="Ann Gone"),
    about("idle", "inactive_users", "fail", share(POWER_BI, unpriced=1), share(PREMIUM, later="17.80")),
    about("never", "never_active_users", "fail", share(STANDARD, later="9.90"), params={"last_on": None}),
    about("twice", "redundant_licenses", "fail", share(TEAMS, later="4.80")),
    about("info", "mailbox_licenses", "unneeded", share(TEAMS, now="5.60"), confidence=Confidence.CONFIRMED),
    about("orders", "mailbox_licenses", "missing_plan_2", share(POWER_BI, cost="8.20"), params={"licenses": ""}),
    about("many", "office_activations", "fail", params={"product": "Office"}),
    about("waits", "assignment_errors", "fail_count_violation"),
    about(
        "leave",
        "inactive_users",
        "fail",
        outcome=Outcome.NOT_APPLICABLE,
        priority=Priority(level=PriorityLevel.NONE),
        evidence=(
            Evidence(
                what=Message(text="rules.m365.excepted", params={"until_on": "2026-12-31", "reason": "leave"}), seen=""
            ),
        ),
    ),
)
LINES = (
    line(
        PREMIUM,
        bought=15,
        assigned=16,
        price="17.80",
        waiting=1,
        inactive=2,
        deficit=2,
        verdict=SeatVerdict.UNDER,
        saving_now=Decimal("17.80"),
        saving_later=Decimal("17.80"),
        commitment=Commitment.ANNUAL,
        renewal_on=date(2027, 3, 1),
    ),
    line(
        STANDARD,
        bought=12,
        assigned=9,
        price="9.90",
        inactive=1,
        verdict=SeatVerdict.EXCESS,
        saving_now=Decimal("19.80"),
        saving_later=Decimal("19.80"),
        commitment=Commitment.ANNUAL,
        renewal_on=date(2026, 8, 20),
    ),
    line(TEAMS, bought=28, assigned=27, price="4.80", saving_now=Decimal("5.60"), saving_later=Decimal("9.60")),
    line(POWER_BI, bought=4, assigned=4, price=None, inactive=1, unpriced_seats=1),
    line(
        SERVER,
        bought=6,
        assigned=0,
        price="4.60",
        kind=SkuKind.SERVER,
        verdict=SeatVerdict.NONE,
        **dict.fromkeys(("free", "reducible", "deficit", "at_risk", "inactive")),
    ),
    line(FLOW, bought=10_000, assigned=12, free_reason=FreeReason.LISTED, verdict=SeatVerdict.NONE, monthly_cost=None),
    line(PLANNER, bought=0, assigned=1, suspended=2, price="9.10", verdict=SeatVerdict.CHECK),
)


def licensed() -> Assessment:
    """An ordinary estate and a tenant with a finding of every kind."""
    return told(lab.ordinary(), tenant(*LINES), findings=FINDINGS)


def licenses_only() -> Assessment:
    """A tenant and no machine."""
    return told(lab.nothing_known(), tenant(*LINES), findings=FINDINGS)


def licenses_in_order() -> Assessment:
    """Nothing to say against licenses or machines."""
    return told(lab.spotless(), tenant(line(PREMIUM), line(TEAMS)))


def licenses_hidden() -> Assessment:
    """A permission is missing: the products could not be read."""
    lacking = gap(TenantFact.SKUS, "LicenseAssignment.Read.All")
    seen = tenant(gaps=(lacking, gap(TenantFact.DEVICES, reason=GapReason.UNSUPPORTED)), reports=())
    proof = Evidence(what=Message(text="rules.m365.fact.skus"), seen="HTTP 403", expected=lacking.permission)
    partial = replace(blind_checks("coverage")[0], key="partial", evidence=(proof,))
    return told(lab.spotless(), seen, findings=(partial, *blind_checks("under_licensed", "unassigned_seats")))


def licenses_unreached() -> Assessment:
    """The tenant gave no answer."""
    seen = tenant(reached=False, organization=None, gaps=(gap(TenantFact.TENANT),), reports=(), users=None)
    return told(lab.spotless(), seen, findings=blind_checks("coverage", "under_licensed"))


def licenses_concealed() -> Assessment:
    """Names are concealed: nobody knows who works with a license."""
    lines = tuple(replace(one, inactive=None) for one in (line(PREMIUM), line(STANDARD, bought=12)))
    seen = tenant(*lines, names_concealed=True, reports=(usage(concealed=True, rows=0), usage(refreshed_on=None)))
    return told(lab.spotless(), seen, findings=blind_checks("inactive_users"))


def licenses_unpriced() -> Assessment:
    """No price list, and a count that Microsoft left out."""
    lines = tuple(replace(one, monthly_cost=None, priced_from=None, unpriced_seats=9) for one in LINES)
    free = tuple(replace(found, money=None) for found in FINDINGS)
    return told(lab.spotless(), tenant(*lines, line(PLANNER, assigned=None, bought=None, price=None)), findings=free)


def licenses_of_two_tenants() -> Assessment:
    """Two tenants of one client."""
    other = tenant(line(PREMIUM, assigned=8), name="other.example", organization=None)
    return told(lab.spotless(), tenant(*LINES), other, findings=FINDINGS)


def licenses_hostile() -> Assessment:
    """Names an attacker chose, and many of them."""
    name = '=HYPERLINK("http://evil")\x00\ud800, "quoted"'
    lines = tuple(replace(line(PREMIUM, bought=number), name=f"{name} {number}") for number in range(1, 31))
    people = tuple(
        about(f"=cmd{number}", "inactive_users", "fail", share(PREMIUM, later="1.10"), name=name)
        for number in range(60)
    )
    return told(lab.hostile(), tenant(*lines, organization=None), findings=people)


SAMPLES: dict[str, Callable[[], Assessment]] = {
    "licensed": licensed,
    "licenses_only": licenses_only,
    "licenses_in_order": licenses_in_order,
    "licenses_hidden": licenses_hidden,
    "licenses_unreached": licenses_unreached,
    "licenses_concealed": licenses_concealed,
    "licenses_unpriced": licenses_unpriced,
    "licenses_of_two_tenants": licenses_of_two_tenants,
    "licenses_hostile": licenses_hostile,
}
EVERY = {**lab.SAMPLES, **SAMPLES}
