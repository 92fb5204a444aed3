"""The client's prices: which row is in force, what is unknown, and why an amount changed."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.prices import Commitment, Money, Price, PriceBook, Share, effects

DAY = date(2026, 7, 1)
AMOUNTS = st.decimals(min_value=0, max_value=500, places=2, allow_nan=False, allow_infinity=False)
SEATS = st.integers(min_value=0, max_value=500)


def row(amount, *, product="SPB", since=DAY, commitment=Commitment.UNKNOWN):
    return Price(product=product, monthly=Decimal(amount), valid_from=since, commitment=commitment)


@pytest.mark.parametrize(
    ("on", "amount"),
    [(DAY - timedelta(days=1), "20.00"), (DAY, "22.00"), (DAY + timedelta(days=400), "22.00")],
)
def test_case_40_the_row_in_force_is_the_latest_that_has_begun(on, amount):
    book = PriceBook([row("22.00"), row("20.00", since=date(2026, 1, 1))])
    assert book.price(on, "SPB").monthly == Decimal(amount)


def test_case_39_a_price_that_has_not_begun_or_is_not_listed_is_unknown_and_not_zero():
    book = PriceBook([row("22.00")])
    assert book.price(DAY - timedelta(days=1), "SPB") is None
    assert book.price(DAY, "SPE_E3") is None


def test_a_product_goes_by_guid_or_part_number_without_case():
    book = PriceBook([row("22.00", product="spb"), row("9.00", product="CBDC14AB-D96C-4C30-B9F4-6ADA7CDC1D46")])
    assert book.price(DAY, "SPB").monthly == Decimal("22.00")
    assert book.price(DAY, "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46", "SPB").monthly == Decimal("9.00")


def test_a_row_of_the_wanted_commitment_comes_before_one_that_names_none():
    book = PriceBook([row("22.00"), row("26.40", commitment=Commitment.MONTHLY)])
    assert book.price(DAY, "SPB", commitment=Commitment.MONTHLY).monthly == Decimal("26.40")
    assert book.price(DAY, "SPB", commitment=Commitment.ANNUAL).monthly == Decimal("22.00")
    assert book.price(DAY, "SPB").monthly == Decimal("22.00")


def test_a_monthly_price_says_nothing_about_an_annual_seat():
    book = PriceBook([row("26.40", commitment=Commitment.MONTHLY)])
    assert book.price(DAY, "SPB", commitment=Commitment.ANNUAL) is None


def test_where_the_term_is_unknown_the_lowest_price_overstates_no_saving():
    book = PriceBook([row("26.40", commitment=Commitment.MONTHLY), row("22.00", commitment=Commitment.ANNUAL)])
    assert book.price(DAY, "SPB").monthly == Decimal("22.00")


def test_a_newer_general_row_does_not_replace_one_of_the_wanted_commitment():
    book = PriceBook([row("26.40", since=date(2026, 1, 1), commitment=Commitment.MONTHLY), row("22.00")])
    assert book.price(DAY, "SPB", commitment=Commitment.MONTHLY).monthly == Decimal("26.40")


def test_money_is_the_sum_of_its_shares_and_a_year_twelve_months():
    money = Money.of(
        [
            Share(sku_id="a", seats=3, now=Decimal("20.60"), later=Decimal("41.20")),
            Share(sku_id="b", seats=2, unpriced=2),
        ]
    )
    assert (money.seats, money.unpriced, money.monthly) == (5, 2, Decimal("61.80"))
    assert money.yearly == Decimal("741.60")
    assert money.priced
    assert not Money.of([Share(sku_id="b", seats=2, unpriced=2)]).priced


@settings(deadline=None)
@given(old_seats=SEATS, new_seats=SEATS, old_price=AMOUNTS, new_price=AMOUNTS)
def test_case_40_volume_and_price_effect_make_up_the_difference(old_seats, new_seats, old_price, new_price):
    split = effects(old_seats, old_price, new_seats, new_price)
    assert split.volume + split.price == new_seats * new_price - old_seats * old_price


def test_case_40_three_seats_more_and_two_euros_dearer():
    split = effects(20, Decimal("20.00"), 23, Decimal("22.00"))
    assert (split.volume, split.price) == (Decimal("60.00"), Decimal("46.00"))
