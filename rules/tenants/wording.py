"""Lines of proof that several rules about seats share, and the answer for a SKU whose counts were not told."""

from collections.abc import Iterable, Iterator

from collectors.cloud.facts import TenantFact, TenantGap
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome, PatchState
from rules.prices import Commitment
from rules.tenants.billing import Position, positions, price_of
from rules.tenants.rule import TenantCase
from rules.tenants.terms import ends_on, term_in

SKUS_SOURCE = "Microsoft Graph, subscribedSkus"
SUBSCRIPTIONS_SOURCE = "Microsoft Graph, directory/subscriptions"


_AS_WRITTEN = {"FOR": "for", "BUSINESS": "business", "ENTERPRISE": "enterprise", "PROPLUS": "ProPlus"}


def office_name(product: str) -> str:
    """A product of the activation report as Microsoft's own pages write it: the report shouts it in capitals."""
    if not product.isupper():
        return product
    return " ".join(_AS_WRITTEN.get(word, word.capitalize()) for word in product.split())


def owns_seats(case: TenantCase) -> bool:
    """`TenantRule.applies`: the tenant has SKUs that people hold, or it could not be seen which it has."""
    return any(position.has_people for position in positions(case).values()) or bool(
        case.snapshot.gaps_of(TenantFact.SKUS)
    )


def with_people(case: TenantCase) -> Iterator[Position]:
    """The SKUs that people hold and miss, in the order of their names."""
    yield from (position for position in positions(case).values() if position.has_people)


def uncounted(rule: str, case: TenantCase, position: Position) -> Finding:
    """The answer for a SKU of which Graph left a count out: never 0."""
    return Finding(
        rule=rule,
        subject=case.snapshot.target.name,
        key=position.sku.sku_id,
        outcome=Outcome.UNKNOWN,
        state=PatchState.UNKNOWN,
        message=Message(text="rules.m365.unknown.counts", params={"product": position.name}),
        evidence=(seats_evidence(case, position),),
    )


def seats_evidence(case: TenantCase, position: Position) -> Evidence:
    """The seats as Microsoft counts them."""
    sku = position.sku
    counts = {
        "enabled": sku.enabled,
        "warning": sku.warning,
        "suspended": sku.suspended,
        "lockedOut": sku.locked_out,
        "consumed": sku.consumed,
    }
    seen = ", ".join(f"{name} {'?' if count is None else count}" for name, count in counts.items())
    return Evidence(
        what=Message(text="rules.m365.evidence.seats", params={"product": position.name}),
        seen=f"{sku.part_number}: {seen}",
        source=SKUS_SOURCE,
        as_of=case.snapshot.taken_at,
    )


def subscription_evidence(case: TenantCase, position: Position) -> Iterator[Evidence]:
    """Each subscription of a SKU, with the term its dates tell."""
    for one in position.subscriptions:
        term = term_in(case, one)
        end = ends_on(one)
        params: Params = {
            "count": one.seats or 0,
            "bought_on": None if one.created_at is None else one.created_at.date().isoformat(),
            "next_on": None if end is None else end.isoformat(),
        }
        kind = "trial" if one.trial else _TERMS[term.commitment]
        likely = "_likely" if term.commitment is Commitment.ANNUAL and not term.sure else ""
        yield Evidence(
            what=Message(text=f"rules.m365.evidence.subscription_{kind}{likely}", params=params),
            seen=f"{one.status or '?'}, totalLicenses {'?' if one.seats is None else one.seats}",
            source=SUBSCRIPTIONS_SOURCE,
            as_of=case.snapshot.taken_at,
        )


_TERMS = {Commitment.ANNUAL: "annual", Commitment.MONTHLY: "monthly", Commitment.UNKNOWN: "unknown"}


def price_evidence(case: TenantCase, position: Position) -> Iterator[Evidence]:
    """The prices in force for the terms of a SKU, or that none is known."""
    if not position.billable:
        return
    terms = [
        *([Commitment.MONTHLY] if position.monthly else []),
        *([Commitment.ANNUAL] if position.annual else []),
    ] or [Commitment.UNKNOWN]
    prices = [price_of(case, position.sku, term) for term in terms]
    if None in prices:
        what = Message(text="rules.m365.evidence.no_price")
        yield Evidence(what=what, seen=position.sku.part_number, as_of=case.as_of)
    for price in dict.fromkeys(price for price in prices if price is not None):
        what = Message(text="rules.m365.evidence.price", params={"valid_from_on": price.valid_from.isoformat()})
        yield Evidence(what=what, seen=f"{price.monthly:.2f} EUR", source=price.source)


def proof_of(case: TenantCase, position: Position) -> tuple[Evidence, ...]:
    """Seats, subscriptions and prices of one SKU."""
    return (
        seats_evidence(case, position),
        *subscription_evidence(case, position),
        *price_evidence(case, position),
    )


def gap_evidence(case: TenantCase, gaps: Iterable[TenantGap]) -> Iterator[Evidence]:
    """One line of proof per gap: what could not be read, why, and the permission it wants."""
    for gap in gaps:
        yield Evidence(
            what=Message(text=f"rules.m365.fact.{gap.kind.value}"),
            seen=gap.detail,
            expected=gap.permission,
            source=gap.collector,
            as_of=case.snapshot.taken_at,
        )
