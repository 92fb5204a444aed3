"""Sentences about Microsoft 365 that several sheets and the terminal share."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from collectors.cloud.facts import TenantFact, TenantGap
from collectors.model import GapReason
from reports.actions import Action
from reports.licenses import Product, seats_by_product
from reports.reviews import Review
from reports.sheet import Report
from rules.messages import Message
from rules.model import FreeReason, LicenseLine, Outcome, SeatVerdict, TenantSummary
from rules.prices import MONTHS, Money

COVERAGE_RULE: Final = "m365.coverage"
_RENEWAL_RULE: Final = "m365.renewal_decision"
_FACT: Final = "rules.m365.fact."
_SHEET: Final = "sheets.licenses."
_PRODUCTS_SHOWN: Final = 4
_BESIDE_SHOWN: Final = 8
_BY_SEAT: Final = frozenset({"unassigned", "under_licensed"})
_SAVINGS: Final = frozenset({"leavers", "inactive", "never_active", "mailboxes", "redundant", "unassigned"})


def tenant_name(tenant: TenantSummary) -> str:
    """How a reader knows a tenant: the organization's own name, else the name of the client's file."""
    named = tenant.organization is not None and tenant.organization.name
    return named or tenant.target.name


def data_dates(report: Report) -> str:
    """Of when the sheet's figures are."""
    texts, licenses = report.texts, report.licenses
    if not licenses.tenants:
        return texts.text(_SHEET + "intro_absent")
    seen = min(tenant.taken_at for tenant in licenses.tenants)
    refreshed, priced = licenses.refreshed_on, licenses.priced_from
    usage = texts.text(_SHEET + "intro_usage", day=refreshed) if refreshed is not None else ""
    prices = texts.text(_SHEET + "intro_prices", day=priced) if priced is not None else ""
    if licenses.products and licenses.totals.unpriced == licenses.totals.products:
        prices = texts.text(_SHEET + "intro_no_prices")
    return texts.text(_SHEET + "intro", day=texts.local_day(seen), usage=usage, prices=prices)


def product_cell(report: Report, product: Product) -> str:
    """A product's name, and below it what a reader must know to read its line."""
    texts, line = report.texts, product.line
    also = []
    if len(report.licenses.tenants) > 1:
        also.append(tenant_name(product.tenant))
    if line.waiting:
        also.append(texts.text(_SHEET + "waiting", count=line.waiting))
    if line.granted + line.on_trial:
        also.append(texts.text(_SHEET + "kept", count=line.granted + line.on_trial))
    if line.left_out:
        also.append(texts.text(_SHEET + "left_out"))
    return "\n".join([line.name, *also])


def beside_the_table(report: Report) -> list[str]:
    """What has no line of its own: products without price, free ones, stopped seats, seats for mailboxes."""
    texts, licenses = report.texts, report.licenses
    found = []
    lacking = [product.line.name for product in licenses.products if product.line.monthly_cost is None]
    if lacking:
        names = texts.listing(lacking, limit=_BESIDE_SHOWN)
        found.append(texts.text(_SHEET + "total_unpriced", count=len(lacking), names=names))
    if licenses.products and not licenses.activity_known:
        found.append(texts.text(_SHEET + "inactive_unknown"))
    if licenses.missing.mailboxes:
        found.append(texts.text(_SHEET + "mailbox_line", count=licenses.missing.mailboxes))
    if licenses.free:
        names = texts.listing([_free(report, line) for line in licenses.free], limit=_BESIDE_SHOWN)
        found.append(texts.text(_SHEET + "free_line", count=len(licenses.free), names=names))
    if licenses.stopped:
        seats = sum(line.suspended + line.locked_out for line in licenses.stopped)
        names = texts.listing([_stopped(report, line) for line in licenses.stopped], limit=_BESIDE_SHOWN)
        found.append(texts.text(_SHEET + "stopped_line", count=seats, names=names))
    return found


def _free(report: Report, line: LicenseLine) -> str:
    if line.assigned is None or line.free_reason is FreeReason.NONE:
        return report.texts.text(_SHEET + "free_item_unknown", name=line.name)
    return report.texts.text(_SHEET + "free_item", name=line.name, count=line.assigned)


def _stopped(report: Report, line: LicenseLine) -> str:
    texts = report.texts
    if line.suspended and line.locked_out:
        return texts.text(_SHEET + "stopped_both", name=line.name, suspended=line.suspended, locked=line.locked_out)
    kind, count = ("suspended", line.suspended) if line.suspended else ("locked", line.locked_out)
    return texts.text(f"{_SHEET}stopped_{kind}", name=line.name, count=count)


def chart_items(report: Report, products: Sequence[Product], *, known: bool) -> str:
    """The bars of the chart in words, for those who do not see it."""
    text = _SHEET + ("chart_item" if known else "chart_item_short")
    return report.texts.clauses(
        [
            report.texts.text(
                text,
                name=product.line.name,
                bought=product.line.bought,
                assigned=product.line.assigned,
                active=product.active,
            )
            for product in products
        ]
    )


def gap_reason(report: Report, gap: TenantGap) -> str:
    """Why something of a tenant could not be read."""
    reason = GapReason.DENIED if gap.permission else gap.reason
    return report.texts.text(f"tenant_gap.reason.{reason.value}")


def gap_todo(report: Report, gap: TenantGap) -> str:
    """What to do about it: the permission that is missing, where that is the cause."""
    if gap.permission:
        return report.texts.text("tenant_gap.todo.permission", permission=gap.permission)
    return report.texts.text(f"tenant_gap.todo.{gap.reason.value}")


def area(report: Report, kind: TenantFact) -> str:
    """Name one kind of fact about a tenant."""
    return report.texts.text(f"rules.m365.fact.{kind.value}")


def missing_areas(report: Report) -> list[str]:
    """What verdicts rest on and could not be read of tenants that gave an answer, as the rule about coverage says."""
    reached = {tenant.target.name for tenant in report.licenses.reached}
    return list(
        dict.fromkeys(
            report.texts.message(evidence.what)
            for finding in report.licenses.findings
            if finding.rule == COVERAGE_RULE and finding.outcome is Outcome.UNKNOWN and finding.subject in reached
            for evidence in finding.evidence
            if evidence.what.text.startswith(_FACT)
        )
    )


def reason(report: Report, review: Review) -> str:
    """Why somebody is to be reviewed, in a few words; a rule without words of its own speaks for itself."""
    texts, message = report.texts, review.finding.message
    rule, _, variant = message.text.removeprefix("rules.m365.").rpartition(".")
    name = f"reviews.{rule}.{variant}"
    return texts.message(Message(text=name, params=message.params) if texts.has(name) else message)


def finding_text(report: Report, action: Action) -> str:
    """Say what was found in a group of findings about Microsoft 365."""
    return report.texts.text(f"actions.{action.kind}.finding", count=_count(action), products=_products(report, action))


def proposal(report: Report, action: Action) -> str:
    """Say what to do about it."""
    text = f"actions.{action.kind}.proposal"
    if action.kind == "unassigned" and action.money is not None and not action.money.unpriced:
        if not action.money.later:
            text += "_now"
        elif not action.money.now:
            text += "_later"
    return report.texts.text(
        text,
        count=_count(action),
        users=report.title("users"),
        sheet=report.title("coverage"),
        products=_products(report, action),
    )


def about_product(report: Report, action: Action) -> str:
    """What the rule advises about one subscription, with the product's name before it."""
    texts, found = report.texts, action.findings[0]
    advice = "" if found.remedy is None else texts.message(found.remedy)
    product = str(found.message.params.get("product") or "")
    return texts.text("actions.about_product", product=product, what=advice[:1].lower() + advice[1:])


def impact(report: Report, action: Action) -> str:
    """Say why it matters."""
    return report.texts.text(f"actions.impact.{'licenses' if action.kind in _SAVINGS else action.kind}")


def _count(action: Action) -> int:
    if action.kind in _BY_SEAT and action.money is not None:
        return action.money.seats
    return len(action.machines) if action.kind == "tenant" else len(action.findings)


def _products(report: Report, action: Action) -> str:
    seats = seats_by_product(action.findings, report.licenses.product_names)
    return report.texts.listing([f"{name} ({count})" for name, count in seats], limit=_PRODUCTS_SHOWN)


def yearly(money: Money) -> Decimal:
    """Saved (positive) or to be spent (negative) a year."""
    return (money.monthly - money.cost) * MONTHS


def at_stake(action: Action) -> Decimal:
    """What a last window to reduce a subscription saves a year; 0 elsewhere.

    The plan counts it where the seats are given up, so it enters no total.
    """
    amounts = (one.message.params.get("yearly") for one in action.findings if one.rule == _RENEWAL_RULE)
    return sum((Decimal(amount) for amount in amounts if isinstance(amount, int)), Decimal(0))


def state(report: Report) -> str:
    """One sentence: how many seats are paid, how many too many, how many missing."""
    texts, licenses = report.texts, report.licenses
    if not licenses.readable:
        return texts.text("sheets.summary.licenses_state_unknown")
    totals = licenses.totals
    if not totals.products:
        return texts.text("sheets.summary.licenses_state_none")
    priced = totals.unpriced < totals.products
    sentence = texts.text(
        "sheets.summary.licenses_state_priced" if priced else "sheets.summary.licenses_state",
        count=totals.bought,
        cost=texts.euros(totals.yearly_cost),
        surplus=_surplus(report),
        deficit=_deficit(report),
    )
    sure = licenses.complete and licenses.activity_known
    return sentence if sure else f"{sentence} {texts.text('sheets.summary.licenses_state_least')}"


def _deficit(report: Report) -> str:
    """Missing seats; of products that a person must check nobody can say that none is missing."""
    texts, licenses = report.texts, report.licenses
    if missing := licenses.missing.seats:
        return texts.text("sheets.summary.licenses_deficit", count=missing)
    check = sum(product.line.verdict is SeatVerdict.CHECK for product in licenses.products)
    return texts.text("sheets.summary.licenses_deficit_none" + ("_sure" if check else ""), count=check)


def _surplus(report: Report) -> str:
    texts, totals = report.texts, report.licenses.totals
    if not totals.surplus:
        return texts.text("sheets.summary.licenses_surplus_none")
    name = "sheets.summary.licenses_surplus" + ("_priced" if totals.saving else "")
    return texts.text(name, count=totals.surplus, amount=texts.euros(totals.saving))


def coming_renewals(report: Report, last: date) -> tuple[tuple[date, str], ...]:
    """Subscriptions about which somebody must decide from the day of the data to `last`, earliest first."""
    day = report.view.day
    return tuple((when, product) for when, product in report.licenses.renewals if day <= when <= last)


def exceptions(report: Report) -> list[tuple[str, str, str]]:
    """Exceptions of the client's file that set a finding aside: (whom or what, which check, why and until when)."""
    texts = report.texts
    found = []
    for finding in report.licenses.findings:
        if finding.outcome is not Outcome.NOT_APPLICABLE:
            continue
        for evidence in finding.evidence:
            if evidence.what.text in ("rules.m365.excepted", "rules.m365.left_out"):
                what = finding.person or str(finding.message.params.get("product") or "")
                found.append((what, texts.text(f"rules.{finding.rule}.title"), texts.message(evidence.what)))
    return sorted(dict.fromkeys(found))
