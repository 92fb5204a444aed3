"""Which products cover which, on the plans a person really has."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.tenants.plans import Holding, plan_table, redundant
from tests.lab.tenants import PLANS, SKUS, guid, plan

PARTS = ("SPB", "SPE_E3", "SPE_E5", "O365_BUSINESS_ESSENTIALS", "AAD_PREMIUM", "EXCHANGESTANDARD", "O365_BUSINESS")


def holding(part_number, *, without=()):
    plans = {plan(name) for name in SKUS[part_number][1]} - {plan(name) for name in without}
    return Holding(sku_id=guid(part_number), plans=frozenset(plans))


def needless(*holdings, keep=()):
    names = {guid(part): part for part in SKUS}
    found = redundant([one if isinstance(one, Holding) else holding(one) for one in holdings], plan_table(), keep=keep)
    return {names[sku_id] for sku_id in found}


def test_case_11_both_add_ons_beside_business_premium_are_redundant():
    assert needless("SPB", "AAD_PREMIUM", "EXCHANGESTANDARD") == {"AAD_PREMIUM", "EXCHANGESTANDARD"}


def test_case_12_p1_is_redundant_beside_e3_although_e3_lacks_a_companion_plan():
    assert needless("SPE_E3", "AAD_PREMIUM") == {"AAD_PREMIUM"}


def test_case_13_p2_is_more_than_business_premium_brings():
    assert needless("SPB", "AAD_PREMIUM_P2") == set()


def test_case_14_the_large_mailbox_plan_is_more_than_business_premium_brings():
    assert needless("SPB", "EXCHANGEENTERPRISE") == set()


def test_case_15_plans_in_effect_count_and_not_those_of_the_product():
    off = holding("SPE_E3", without=["EXCHANGE_S_ENTERPRISE"])
    assert needless(off, "EXCHANGESTANDARD") == set()
    assert needless("SPE_E3", "EXCHANGESTANDARD") == {"EXCHANGESTANDARD"}


def test_case_18_teams_beside_a_product_without_teams_is_the_normal_pair():
    assert needless("Office_365_w/o_Teams_Bundle_Business_Premium", "Microsoft_Teams_EEA_New") == set()
    assert needless("O365_BUSINESS_PREMIUM", "Microsoft_Teams_EEA_New") == {"Microsoft_Teams_EEA_New"}


def test_of_two_that_cover_each_other_the_same_one_goes_in_whatever_order():
    found = {frozenset(needless(*pair)) for pair in permutations(("O365_BUSINESS", "SMB_BUSINESS"))}
    assert len(found) == 1
    assert len(next(iter(found))) == 1


def test_products_that_cover_only_together_do():
    office = Holding(sku_id="z-office", plans=frozenset({PLANS["OFFICE_BUSINESS"]}))
    mail = Holding(sku_id="z-mail", plans=frozenset({PLANS["EXCHANGE_S_STANDARD"], guid("unknown plan")}))
    both = frozenset({PLANS["OFFICE_BUSINESS"], PLANS["EXCHANGE_S_STANDARD"]})
    assert redundant([office, mail, Holding(sku_id="a-both", plans=both)], plan_table()) == ("z-office",)


def test_a_plan_nobody_knows_is_never_covered():
    strange = Holding(sku_id="x", plans=frozenset({PLANS["AAD_PREMIUM"], guid("a plan of next year")}))
    assert redundant([holding("SPE_E5"), strange], plan_table()) == ()


def test_a_product_without_ranked_plans_is_never_redundant():
    companion = Holding(sku_id="x", plans=frozenset({PLANS["EXCHANGE_S_FOUNDATION"]}))
    assert redundant([holding("SPE_E5"), companion, Holding(sku_id="y", plans=frozenset())], plan_table()) == ()


def test_what_must_stay_stays_and_still_covers():
    assert needless("SPB", "AAD_PREMIUM", keep=[guid("AAD_PREMIUM")]) == set()
    assert needless("SPB", "AAD_PREMIUM", keep=[guid("SPB")]) == {"AAD_PREMIUM"}


@settings(deadline=None)
@given(parts=st.lists(st.sampled_from(PARTS), unique=True, max_size=6), data=st.data())
def test_what_stays_covers_all_that_goes_and_the_order_does_not_matter(parts, data):
    table = plan_table()
    holdings = {guid(part): holding(part) for part in parts}
    gone = set(redundant(holdings.values(), table))
    shuffled = data.draw(st.permutations(list(holdings.values())))
    assert set(redundant(shuffled, table)) == gone
    kept = frozenset[str]().union(*(one.plans for key, one in holdings.items() if key not in gone))
    reached = table.levels(kept)
    for key in gone:
        assert all(reached.get(family, 0) >= rank for family, rank in table.levels(holdings[key].plans).items())
