"""The table of licenses: one line per SKU, and the sums over those that cost money."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rules.model import Finding, LicenseLine, Outcome, SeatVerdict, TenantTotals
from rules.prices import Commitment, Share
from rules.tenants.billing import Position, positions, price_of
from rules.tenants.rule import TenantCase

_ACTIVITY_RULES = ("m365.inactive_users", "m365.never_active_users")
_LEAVING_RULES = ("m365.disabled_users", *_ACTIVITY_RULES)


@dataclass(slots=True)
class _Savings:
    """What the findings say of one SKU."""

    now: Decimal = Decimal(0)
    later: Decimal = Decimal(0)
    unpriced: int = 0
    seats: int = 0


def license_lines(case: TenantCase, findings: Sequence[Finding]) -> tuple[LicenseLine, ...]:
    """One line per SKU, in the order of their names. `findings` are all of the tenant's, each seat counted once."""
    savings = _savings(findings)
    holders = {user.id: frozenset(held.sku_id for held in user.licenses) for user in case.snapshot.users}
    leaving = _leaving(findings, holders)
    blind = any(
        found.rule in _ACTIVITY_RULES and found.outcome is Outcome.UNKNOWN and found.person == "" for found in findings
    )
    counts = {sku_id: len(leaving.get(sku_id, ())) for sku_id in positions(case)}
    return tuple(
        _line(case, position, savings.get(sku_id, _Savings()), None if blind and not counts[sku_id] else counts[sku_id])
        for sku_id, position in positions(case).items()
    )


def totals_of(lines: Iterable[LicenseLine], findings: Iterable[Finding]) -> TenantTotals:
    """Add up the billable lines, and what the findings would cost."""
    billed = [line for line in lines if line.billable]
    known = [line.monthly_cost for line in billed if line.monthly_cost is not None]
    money = [found.money for found in findings if found.money is not None]
    missing = [share for one in money for share in one.shares if share.missing]
    return TenantTotals(
        monthly_cost=sum(known, Decimal(0)),
        saving_now=sum((line.saving_now for line in billed), Decimal(0)),
        saving_later=sum((line.saving_later for line in billed), Decimal(0)),
        cost=sum((one.cost for one in money), Decimal(0)),
        products=len(billed),
        unpriced_products=len(billed) - len(known),
        unpriced_seats=sum(line.unpriced_seats for line in billed),
        unpriced_missing=sum(share.unpriced for share in missing),
    )


def monthly_cost(case: TenantCase, position: Position) -> Decimal | None:
    """What the paid seats of a SKU cost a month, each at the price of its term; None when a price is missing."""
    monthly = min(position.monthly, position.paid)
    annual = min(position.annual, position.paid - monthly)
    terms = {
        Commitment.MONTHLY: monthly,
        Commitment.ANNUAL: annual,
        Commitment.UNKNOWN: position.paid - monthly - annual,
    }
    sum_ = Decimal(0)
    for commitment, seats in terms.items():
        if seats:
            price = price_of(case, position.sku, commitment)
            if price is None:
                return None
            sum_ += price.monthly * seats
    return sum_


def _savings(findings: Iterable[Finding]) -> Mapping[str, _Savings]:
    found: defaultdict[str, _Savings] = defaultdict(_Savings)
    for share in _shares(findings):
        saving = found[share.sku_id]
        saving.now += share.now
        saving.later += share.later
        saving.unpriced += share.unpriced
        saving.seats += share.seats
    return found


def _shares(findings: Iterable[Finding]) -> Iterable[Share]:
    for finding in findings:
        if finding.money is not None:
            yield from (share for share in finding.money.shares if not share.missing)


def _leaving(findings: Iterable[Finding], holders: Mapping[str, frozenset[str]]) -> Mapping[str, set[str]]:
    """Who may lose a license because they left or do not use it, by SKU."""
    people: defaultdict[str, set[str]] = defaultdict(set)
    for found in findings:
        if found.rule in _LEAVING_RULES and found.outcome is Outcome.FAIL and found.person:
            for sku_id in holders.get(found.key, ()):
                people[sku_id].add(found.key)
    return people


def _verdict(position: Position, savings: _Savings) -> SeatVerdict:
    """A product of which seats can be given back is a surplus, whether nobody has them or somebody does without."""
    verdict = position.verdict
    return SeatVerdict.EXCESS if verdict is SeatVerdict.OK and savings.seats else verdict


def _line(case: TenantCase, position: Position, savings: _Savings, inactive: int | None) -> LicenseLine:
    sku, seats = position.sku, position.seats
    price = price_of(case, sku, position.commitment)
    return LicenseLine(
        sku_id=sku.sku_id,
        part_number=sku.part_number,
        name=position.name,
        kind=position.kind,
        free_reason=position.free_reason,
        verdict=_verdict(position, savings),
        bought=sku.enabled,
        assigned=sku.consumed,
        grace=sku.warning,
        suspended=sku.suspended,
        locked_out=sku.locked_out,
        waiting=0 if seats is None else seats.waiting,
        granted=position.granted,
        on_trial=position.on_trial,
        free=None if seats is None or not position.has_people else seats.free,
        reducible=None if seats is None or not position.has_people else position.reducible,
        deficit=None if seats is None or not position.has_people else seats.deficit,
        at_risk=None if seats is None or not position.has_people else seats.at_risk,
        inactive=inactive if position.has_people else None,
        monthly_price=price.monthly if price is not None and position.billable else None,
        monthly_cost=monthly_cost(case, position) if position.billable and seats is not None else None,
        saving_now=savings.now,
        saving_later=savings.later,
        unpriced_seats=savings.unpriced,
        commitment=position.commitment,
        renewal_on=position.anniversary_on,
        left_out=position.left_out,
        priced_from=price.valid_from if price is not None and position.billable else None,
    )
