"""The key figures of one run, to be kept and compared with those of other months.

They are read from the view the first sheet is made of, and unknown where its tile says so: a tile and the trend can
never disagree.
"""

from decimal import Decimal

from reports.actions import actions
from reports.background import Figures, SeatCount
from reports.cells import clean
from reports.licenses import Licenses
from reports.software import Standing
from reports.view import View
from rules.model import Assessment, Outcome
from rules.prices import MONTHS
from rules.software.position import Status


def figures_of(assessment: Assessment, run: int) -> Figures:
    """Give the figures of a run; `run` is its number in the history. Amounts: euro a month, excluding VAT."""
    view = View(assessment)
    licenses, standing = view.licenses, view.standing
    told = bool(view.judged)
    rate = standing.rate if standing.wanted and standing.readable else None
    return Figures(
        run=run,
        as_of=assessment.as_of,
        complete=_is_complete(assessment),
        known=view.known,
        reached=view.reached,
        decided=view.decided,
        updated=view.updated,
        urgent=view.urgent.findings if told or view.urgent.findings else None,
        overdue=view.overdue.findings if told or view.overdue.findings else None,
        exploited=view.exploited.findings if told or view.exploited.findings else None,
        reboots=_reboots(view),
        out_of_support=_out_of_support(view),
        license_good=None if rate is None or not rate.base else rate.good,
        license_base=None if rate is None or not rate.base else rate.base,
        license_unknown=0 if rate is None else rate.unknown,
        surplus_seats=None if rate is None else standing.spare.units,
        saving=None if rate is None else _monthly(standing.spare.yearly),
        missing_seats=None if rate is None else standing.short.units,
        missing_cost=None if rate is None else _monthly(standing.short.yearly),
        spend=licenses.totals.monthly_cost if licenses.tenants and not licenses.hidden else None,
        software_under=_software_under(view, standing),
        actions=len(actions(view)),
        seats=_seats(licenses),
    )


def _seats(licenses: Licenses) -> tuple[SeatCount, ...]:
    """Seats of each tenant's products; none where a part of them is not known, which would look like given up."""
    if licenses.hidden:
        return ()
    found = []
    for product in licenses.products:
        line = product.line
        if line.bought is None:
            return ()
        found.append(
            SeatCount(
                product=f"{product.tenant.target.name}/{line.sku_id}",  # two tenants may have the same one
                name=clean(line.name),
                seats=line.bought,
                monthly_price=line.monthly_price,
            )
        )
    return tuple(found)


def _is_complete(assessment: Assessment) -> bool:
    """Whether everything that was to be audited answered, and could be judged by sources and rules that worked."""
    answered = [machine.reached for machine in assessment.machines]
    answered += [tenant.reached for tenant in assessment.tenants]
    return bool(answered) and all(answered) and not assessment.stale_feeds and not assessment.failures


def _reboots(view: View) -> int | None:
    waiting = view.rebooting(Outcome.FAIL)
    return waiting if waiting + view.rebooting(Outcome.PASS) else None


def _out_of_support(view: View) -> int | None:
    base = view.supporting(Outcome.FAIL) + view.supporting(Outcome.PASS)
    return len(view.out_of_support) if base else None


def _software_under(view: View, standing: Standing) -> int | None:
    """Products short of rights; nobody can tell where the client never said what it bought."""
    if not standing.programs or not view.software.declared:
        return None
    return view.software.counts[Status.UNDER]


def _monthly(yearly: Decimal) -> Decimal:
    return yearly / MONTHS
