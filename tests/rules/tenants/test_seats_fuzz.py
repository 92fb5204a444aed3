"""Whatever Graph says of products and subscriptions, no rule breaks, every text exists, and no amount is invented."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.cloud.facts import SubscribedSku, Subscription, TenantFact
from rules.contract import LicenseException
from rules.model import FreeReason, Outcome, SkuKind
from rules.prices import Commitment
from tests.lab.tenants import SKUS, TODAY, assignment, contract, gap, guid, judge, price, sku, tenant, user

PARTS = [*SKUS, "SOMETHING_VIRAL", "Weird part\u00a0number", ""]
STATES = ["Enabled", "Warning", "Suspended", "Deleted", "LockedOut", "", "Nonsense"]
COUNTS = st.one_of(st.none(), st.integers(min_value=0, max_value=40), st.just(1_000_000))
SMALL = st.integers(min_value=0, max_value=30)
MOMENTS = st.one_of(
    st.none(),
    st.datetimes(min_value=datetime(2019, 1, 1), max_value=datetime(2031, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(min_value=-20, max_value=60).map(
        lambda days: datetime(2026, 11, 22, tzinfo=UTC) + timedelta(days=days)
    ),
)
_HIDDEN = [kind for kind in TenantFact if kind is not TenantFact.TENANT]


@st.composite
def products(draw) -> SubscribedSku:
    return sku(
        draw(st.sampled_from(PARTS)),
        enabled=draw(COUNTS),
        consumed=draw(COUNTS),
        warning=draw(SMALL),
        suspended=draw(SMALL),
        locked_out=draw(SMALL),
        status=draw(st.sampled_from(STATES)),
        applies_to=draw(st.sampled_from(["User", "Company", ""])),
    )


@st.composite
def bought(draw) -> Subscription:
    part = draw(st.sampled_from(PARTS))
    return Subscription(
        id=draw(st.uuids().map(str)),
        sku_id=guid(part),
        part_number=part,
        status=draw(st.sampled_from(STATES)),
        seats=draw(COUNTS),
        trial=draw(st.one_of(st.none(), st.booleans())),
        created_at=draw(MOMENTS),
        next_lifecycle_at=draw(MOMENTS),
    )


@st.composite
def people(draw):
    parts = draw(st.lists(st.sampled_from(PARTS), unique=True, max_size=4))
    refused = assignment(
        draw(st.sampled_from(PARTS)),
        group=draw(st.sampled_from(["", "g1"])),
        state=draw(st.sampled_from(["Active", "Error", "ActiveWithError", "Disabled", ""])),
        error=draw(st.sampled_from(["", "None", "CountViolation", "Other", "New"])),
    )
    held = user(draw(st.sampled_from("abcdefghij")), holds=parts, enabled=draw(st.one_of(st.none(), st.booleans())))
    return user(held.name.lower(), holds=parts, enabled=held.enabled, assignments=(*held.assignments, refused))


@st.composite
def prices_of(draw):
    rows = draw(
        st.lists(st.tuples(st.sampled_from(PARTS[:6]), st.sampled_from(list(Commitment))), unique=True, max_size=6)
    )
    return [price(part, "12.34", commitment=commitment) for part, commitment in rows]


@settings(max_examples=150, deadline=None)
@given(
    skus=st.lists(products(), max_size=6, unique_by=lambda one: one.sku_id),
    subscriptions=st.lists(bought(), max_size=6),
    users=st.lists(people(), max_size=5, unique_by=lambda one: one.id),
    hidden=st.lists(st.sampled_from(_HIDDEN), max_size=2, unique=True),
    prices=prices_of(),
    granted=st.integers(min_value=0, max_value=5),
)
def test_no_tenant_breaks_a_rule_or_invents_an_amount(skus, subscriptions, users, hidden, prices, granted):
    terms = contract(
        prices=prices,
        non_billable={"SPB": granted},
        spare_seats={"SPE_E3": 1},
        exceptions=(LicenseException(who="a@example.com", reason="x", until=TODAY),),
    )
    snapshot = tenant(skus=skus, subscriptions=subscriptions, users=users, gaps=[gap(kind) for kind in hidden])
    judgement = judge(snapshot, terms=terms, servers={"linux": 2})  # raises for a broken rule or an absent text
    keys = [(found.rule, found.key) for found in judgement.findings]
    assert len(set(keys)) == len(keys)
    totals = judgement.tenant.totals
    assert min(totals.monthly_cost, totals.saving_now, totals.saving_later, totals.cost) >= 0
    if not totals.unpriced_products and not totals.unpriced_seats:
        assert totals.saving_now + totals.saving_later <= totals.monthly_cost
    for line in judgement.tenant.licenses:
        if line.free_reason is not FreeReason.NONE or line.kind is not SkuKind.USER:
            assert (line.saving_now, line.saving_later, line.unpriced_seats) == (Decimal(0), Decimal(0), 0)
    for found in judgement.findings:
        if found.outcome is not Outcome.FAIL:
            assert found.money is None
        elif found.money is not None:
            assert found.money.now == sum(share.now for share in found.money.shares)
            assert 0 <= found.money.unpriced <= found.money.seats
