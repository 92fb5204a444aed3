"""What the report says of Microsoft 365 before it is worded: the products, their seats and money, the people to review.

Computed once per report. Only what costs money has a line of its own and is in a total; what is free, on trial or
stopped is told beside it. A total is the sum of the lines that are shown, and says how many of them have no price.
What the client accepts for a time (a waiver) is neither missing nor too much: it is counted apart and in no amount.
Amounts are euro per year, excluding VAT, unless a name says "monthly". What could not be seen is None, never 0.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Final

from collectors.cloud.facts import TenantFact, TenantGap
from reports.decided import Decided
from rules.model import Assessment, Finding, LicenseLine, Outcome, SeatVerdict, SkuKind, TenantSummary
from rules.prices import MONTHS, Money, Share
from rules.waivers import Waiver

CHART_PRODUCTS: Final = 8
_DECIDED: Final = frozenset({SeatVerdict.OK, SeatVerdict.EXCESS, SeatVerdict.UNDER, SeatVerdict.CHECK})
_GOOD: Final = frozenset({SeatVerdict.OK, SeatVerdict.EXCESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One line of the sheet of licenses: a product that costs money.

    `surplus` are seats that can be given up, `unpriced` of them without a price; `now` and `later` is what that saves a
    month. Of `kept` further ones a waiver accepts that they are too many; `accepted` tells whether one speaks of all
    that was found about it.
    """

    tenant: TenantSummary
    line: LicenseLine
    surplus: int
    now: Decimal = Decimal(0)
    later: Decimal = Decimal(0)
    unpriced: int = 0
    kept: int = 0
    accepted: bool = False

    @property
    def by_people(self) -> bool:
        """Whether its seats are people's: others are never called unused."""
        return self.line.kind is SkuKind.USER

    @property
    def usable(self) -> bool:
        """Whether people work with its seats today, as far as is known; suspended ones serve nobody."""
        return self.by_people and (self.line.bought is None or self.line.bought + self.line.grace > 0)

    @property
    def gap(self) -> int | None:
        """Seats left (positive) or missing (negative)."""
        line = self.line
        return None if line.free is None or line.deficit is None else line.free - line.deficit

    @property
    def active(self) -> int | None:
        """Assigned seats of people of whom nothing says that they left or do not work with it."""
        line = self.line
        if not self.usable or line.assigned is None or line.inactive is None:
            return None
        return max(0, line.assigned - line.inactive)

    @property
    def yearly_cost(self) -> Decimal | None:
        """None where a price is missing."""
        return None if self.line.monthly_cost is None else self.line.monthly_cost * MONTHS

    @property
    def saving_now(self) -> Decimal:
        """What giving up its needless monthly seats saves a year."""
        return self.now * MONTHS

    @property
    def saving_later(self) -> Decimal:
        """What giving up its other needless seats saves a year, from their anniversary on."""
        return self.later * MONTHS

    @property
    def saving_unknown(self) -> bool:
        """Whether seats can be given up, and no price tells what for."""
        return self.surplus > 0 and self.unpriced >= self.surplus


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the lines shown; counts of lines whose own count is unknown are in none of them.

    `kept` are further seats too many that a waiver accepts for a time.
    """

    bought: int = 0
    grace: int = 0
    assigned: int = 0
    free: int = 0
    active: int | None = None
    inactive: int | None = None
    surplus: int = 0
    monthly_cost: Decimal = Decimal(0)
    saving_now: Decimal = Decimal(0)
    saving_later: Decimal = Decimal(0)
    products: int = 0
    unpriced: int = 0
    kept: int = 0

    @property
    def yearly_cost(self) -> Decimal:
        """What all priced products cost a year."""
        return self.monthly_cost * MONTHS

    @property
    def saving(self) -> Decimal:
        """What can be saved a year, now and at the anniversaries."""
        return self.saving_now + self.saving_later


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Products in order among those with a verdict; `unknown` ones are in neither number."""

    good: int
    base: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Seats to buy: `mailboxes` of them for shared mailboxes. Unpriced ones are not in `cost`.

    `accepted` ones lack too and are in none of these numbers: the client accepts that for a time.
    """

    seats: int
    mailboxes: int
    cost: Decimal
    unpriced: int
    products: tuple[str, ...]
    accepted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What the seats of people cost a year, by what becomes of them; together what the `products` cost.

    `left_out` products cost money too and are in no amount: no price, unknown counts, or seats of no people.
    """

    used: Decimal = Decimal(0)
    inactive: Decimal = Decimal(0)
    unassigned: Decimal = Decimal(0)
    products: int = 0
    left_out: int = 0

    @property
    def whole(self) -> Decimal:
        """All three."""
        return self.used + self.inactive + self.unassigned


class Licenses:
    """Everything about Microsoft 365 in one assessment."""

    def __init__(self, assessment: Assessment) -> None:
        self.tenants = assessment.tenants
        names = {tenant.target.name for tenant in assessment.tenants}
        self.findings = tuple(finding for finding in assessment.findings if finding.subject in names)
        self.decided = Decided(assessment.decisions)

    @cached_property
    def reached(self) -> tuple[TenantSummary, ...]:
        """Tenants that gave an answer."""
        return tuple(tenant for tenant in self.tenants if tenant.reached)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of all tenants, as findings bear them."""
        return frozenset(tenant.target.name for tenant in self.tenants)

    @cached_property
    def hidden(self) -> tuple[tuple[TenantSummary, TenantGap], ...]:
        """Tenants whose products could not be read, with the reason."""
        kinds = (TenantFact.TENANT, TenantFact.SKUS)
        return tuple(
            (tenant, gap)
            for tenant in self.tenants
            if (gap := next((gap for gap in tenant.gaps if gap.kind in kinds), None)) is not None
        )

    @cached_property
    def readable(self) -> bool:
        """Whether the products of at least one tenant were read."""
        return len({tenant.target.name for tenant, _ in self.hidden}) < len(self.tenants)

    @cached_property
    def complete(self) -> bool:
        """Whether nothing that seats rest on is hidden: what is counted then is all there is."""
        essential = (TenantFact.TENANT, TenantFact.SKUS, TenantFact.SUBSCRIPTIONS, TenantFact.USERS)
        gaps = any(gap.kind in essential for tenant in self.tenants for gap in tenant.gaps)
        return not gaps and all(product.line.verdict is not SeatVerdict.UNKNOWN for product in self.products)

    @cached_property
    def activity_known(self) -> bool:
        """Whether it is known who works with their license."""
        return all(product.line.inactive is not None for product in self.products if product.usable)

    @cached_property
    def products(self) -> tuple[Product, ...]:
        """What costs money, the largest first; products of people before those of devices and servers."""
        found = [
            self._product(tenant, line)
            for tenant in self.tenants
            for line in tenant.licenses
            if line.billable and _is_alive(line)
        ]
        return tuple(sorted(found, key=_largest_first))

    @cached_property
    def charted(self) -> tuple[Product, ...]:
        """The products the chart shows: the largest ones of people with known counts. They are the first lines."""
        shown = []
        for product in self.products[:CHART_PRODUCTS]:
            if not product.by_people or not product.line.bought or product.line.assigned is None:
                break
            shown.append(product)
        return tuple(shown)

    @cached_property
    def free(self) -> tuple[LicenseLine, ...]:
        """Free offers, grants and trials, by name."""
        return tuple(line for tenant in self.tenants for line in tenant.licenses if not line.billable)

    @cached_property
    def stopped(self) -> tuple[LicenseLine, ...]:
        """Products with suspended or locked seats, by name."""
        lines = (line for tenant in self.tenants for line in tenant.licenses)
        return tuple(line for line in lines if line.suspended + line.locked_out)

    def waivers_of(self, tenant: TenantSummary, line: LicenseLine) -> tuple[Waiver, ...]:
        """Waivers that accept part or all of what was found about a line, in the order of the findings."""
        about = (finding.waiver for finding, _ in self._by_product.get((tenant.target.name, line.sku_id), ()))
        return tuple(dict.fromkeys(waiver for waiver in about if waiver is not None))

    def _product(self, tenant: TenantSummary, line: LicenseLine) -> Product:
        about = self._by_product[tenant.target.name, line.sku_id]
        needless = [share for finding, share in about if finding.waiver is None and not share.missing]
        waived = [share for finding, share in about if finding.waiver is not None]
        return Product(
            tenant=tenant,
            line=line,
            surplus=sum(share.seats for share in needless),
            now=sum((share.now for share in needless), Decimal(0)),
            later=sum((share.later for share in needless), Decimal(0)),
            unpriced=sum(share.unpriced for share in needless),
            kept=sum(share.seats for share in waived if not share.missing),
            accepted=bool(waived) and len(waived) == len(about),
        )

    @cached_property
    def _by_product(self) -> Mapping[tuple[str, str], list[tuple[Finding, Share]]]:
        found: defaultdict[tuple[str, str], list[tuple[Finding, Share]]] = defaultdict(list)
        for finding, share in self._shares:
            found[finding.subject, share.sku_id].append((finding, share))
        return found

    @cached_property
    def _shares(self) -> tuple[tuple[Finding, Share], ...]:
        return tuple(
            (finding, share)
            for finding in self.findings
            if finding.outcome is Outcome.FAIL and finding.money is not None
            for share in finding.money.shares
        )

    @cached_property
    def totals(self) -> Totals:
        """The line of totals."""
        products = self.products
        people = [product for product in products if product.usable]
        known = self.activity_known
        return Totals(
            bought=sum(product.line.bought or 0 for product in products),
            grace=sum(product.line.grace for product in products),
            assigned=sum(product.line.assigned or 0 for product in products if product.by_people),
            free=sum(product.line.free or 0 for product in people),
            active=sum(product.active or 0 for product in people) if known else None,
            inactive=sum(product.line.inactive or 0 for product in people) if known else None,
            surplus=sum(product.surplus for product in people),
            monthly_cost=sum((product.line.monthly_cost or Decimal(0) for product in products), Decimal(0)),
            saving_now=sum((product.saving_now for product in products), Decimal(0)),
            saving_later=sum((product.saving_later for product in products), Decimal(0)),
            products=len(products),
            unpriced=sum(product.line.monthly_cost is None for product in products),
            kept=sum(product.kept for product in people),
        )

    @cached_property
    def spend(self) -> Spend:
        """The annual cost split into seats that work, seats nobody works with and seats nobody has.

        Rounded to cents part by part, so that the parts shown add up to the whole.
        """
        used = inactive = unassigned = Decimal(0)
        parts = [part for product in self.products if (part := _spent(product)) is not None]
        for mine, idle, nobody in parts:
            used, inactive, unassigned = used + mine, inactive + idle, unassigned + nobody
        return Spend(
            used=used,
            inactive=inactive,
            unassigned=unassigned,
            products=len(parts),
            left_out=len(self.products) - len(parts),
        )

    @cached_property
    def rate(self) -> Rate:
        """Products in order or with a surplus, among those with a verdict."""
        verdicts = Counter(product.line.verdict for product in self.products)
        return Rate(
            good=sum(verdicts[verdict] for verdict in _GOOD),
            base=sum(verdicts[verdict] for verdict in _DECIDED),
            unknown=verdicts[SeatVerdict.UNKNOWN],
        )

    @cached_property
    def missing(self) -> Missing:
        """Seats that people need and nobody bought."""
        lacking = [(finding, share) for finding, share in self._shares if share.missing]
        found = [(finding, share) for finding, share in lacking if finding.waiver is None]
        names = self.product_names
        return Missing(
            seats=sum(share.seats for _, share in found),
            mailboxes=sum(share.seats for finding, share in found if finding.person),
            cost=sum((share.cost for _, share in found), Decimal(0)) * MONTHS,
            unpriced=sum(share.unpriced for _, share in found),
            products=tuple(dict.fromkeys(names[share.sku_id] for _, share in found if share.sku_id in names)),
            accepted=sum(share.seats for finding, share in lacking if finding.waiver is not None),
        )

    @cached_property
    def product_names(self) -> Mapping[str, str]:
        """Names of the products by GUID."""
        return {line.sku_id: line.name for tenant in self.tenants for line in tenant.licenses}

    @cached_property
    def concealed(self) -> tuple[TenantSummary, ...]:
        """Tenants whose usage reports conceal names."""
        return tuple(tenant for tenant in self.tenants if tenant.names_concealed)

    @cached_property
    def renewals(self) -> tuple[tuple[date, str], ...]:
        """Days by which somebody must decide about a product, earliest first: (day, product)."""
        rules = ("m365.renewal_decision", "m365.trial_ending", "m365.grace_ending")
        return tuple(
            sorted(
                (finding.due_on, str(finding.message.params.get("product") or ""))
                for finding in self.findings
                if finding.outcome is Outcome.FAIL and finding.rule in rules and finding.due_on is not None
            )
        )

    @cached_property
    def priced_from(self) -> date | None:
        """Since when the newest price in force has been; None where no product has one."""
        days = [product.line.priced_from for product in self.products]
        return max((day for day in days if day is not None), default=None)

    @cached_property
    def refreshed_on(self) -> date | None:
        """The oldest day that a usage report speaks of; None without one."""
        days = [report.refreshed_on for tenant in self.tenants for report in tenant.reports]
        return min((day for day in days if day is not None), default=None)


def combined(findings: Iterable[Finding]) -> Money | None:
    """The money of several findings as one; None where none of them is worth any."""
    found = [finding.money for finding in findings if finding.outcome is Outcome.FAIL and finding.money is not None]
    if not any(money.seats or money.once for money in found):
        return None
    days = [money.anniversary_on for money in found if money.anniversary_on is not None]
    return Money(
        seats=sum(money.seats for money in found),
        now=sum((money.now for money in found), Decimal(0)),
        later=sum((money.later for money in found), Decimal(0)),
        cost=sum((money.cost for money in found), Decimal(0)),
        unpriced=sum(money.unpriced for money in found),
        anniversary_on=min(days, default=None),
        shares=tuple(share for money in found for share in money.shares),
        once=sum((money.once for money in found), Decimal(0)),
    )


def seats_by_product(findings: Iterable[Finding], names: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """How many seats of each product findings are about, the most first."""
    seats: defaultdict[str, int] = defaultdict(int)
    for finding in findings:
        if finding.money is not None:
            for share in finding.money.shares:
                seats[names.get(share.sku_id) or str(finding.message.params.get("product") or "")] += share.seats
    return tuple(sorted(seats.items(), key=lambda item: (-item[1], item[0])))


def _spent(product: Product) -> tuple[Decimal, Decimal, Decimal] | None:
    """A year's cost of one product: (used, inactive, unassigned); None where price, counts or activity are unknown.

    Seats that are paid for are taken to be the unassigned ones last: what was given for nothing is nobody's waste.
    """
    line = product.line
    price, cost = line.monthly_price, line.monthly_cost
    if not product.usable or price is None or cost is None or line.inactive is None or line.free is None:
        return None
    unassigned = min(cost, price * (line.free if line.reducible is None else line.reducible))
    inactive = min(cost - unassigned, price * line.inactive)
    cents = Decimal("0.01")
    whole, nobody, idle = ((amount * MONTHS).quantize(cents) for amount in (cost, unassigned, inactive))
    return whole - nobody - idle, idle, nobody


def _is_alive(line: LicenseLine) -> bool:
    """Whether anybody has or could have a seat of it: what is only suspended or locked is told beside the table."""
    return line.bought is None or bool(line.bought + line.grace or line.assigned)


def _largest_first(product: Product) -> tuple[bool, bool, int, str, str]:
    line = product.line
    unknown = line.bought is None or line.assigned is None
    return (not product.by_people, unknown, -(line.bought or 0), line.name.casefold(), line.sku_id)
