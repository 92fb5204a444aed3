"""One verdict per person: whatever is true of a user at once, the rules do not contradict each other."""

from dataclasses import replace
from itertools import product

import pytest

from collectors.cloud.facts import TenantFact
from rules.model import Confidence, Outcome
from rules.tenants.people import Standing, concerned, effective_plans, people, worth
from rules.tenants.rule import TenantCase
from tests.lab.tenants import (
    NOW,
    PLANS,
    assignment,
    contract,
    gap,
    held,
    judge,
    knowledge,
    only,
    price,
    sku,
    tenant,
    trial,
    user,
    users,
)
from tests.rules.tenants.asking import NEVER, SILENT, SPB, asked, box, signed

ABOUT_ONE_PERSON = (
    "m365.disabled_users",
    "m365.inactive_users",
    "m365.never_active_users",
    "m365.guest_licenses",
    "m365.mailbox_licenses",
)


def _case(snapshot, **terms):
    return TenantCase(snapshot=snapshot, knowledge=knowledge(), contract=contract(**terms), as_of=NOW)


@pytest.mark.parametrize(
    ("enabled", "type_", "mailbox", "sign_in"),
    list(product((True, False, None), ("Member", "Guest"), ("", "user", "shared", "room"), (0, 1, 2, 3))),
)
def test_nobody_is_listed_for_two_contradicting_reasons(enabled, type_, mailbox, sign_in):
    seen = (signed(1), signed(400), NEVER, SILENT)[sign_in]
    ann = user("ann", holds=["SPB"], enabled=enabled, type=type_, mailbox=mailbox, **seen)
    snapshot = tenant(skus=SPB, users=[ann], mailboxes=[box("ann", 12, kind="")])
    listed = [
        found.rule
        for rule in ABOUT_ONE_PERSON
        for found in asked(rule, snapshot)
        if found.person and found.outcome is Outcome.FAIL
    ]
    assert len(listed) <= 1
    at_work = enabled is not False and type_ == "Member" and sign_in == 0
    if at_work and mailbox in ("", "user"):
        assert listed == []


def test_every_seat_of_a_person_counts_once_in_money_over_all_rules():
    ann = user("ann", holds=["SPB", "AAD_PREMIUM"], enabled=False)  # a leaver whose add-on is also redundant
    owned = [*SPB, sku("AAD_PREMIUM", enabled=1, consumed=1)]
    prices = contract(prices=[price("SPB", "20"), price("AAD_PREMIUM", "5")])
    found = judge(tenant(skus=owned, users=[ann]), terms=prices).findings
    mine = [one.money.monthly for one in found if one.person and one.money is not None]
    assert sum(mine) == 25


def test_a_trial_is_no_paid_seat():
    owned = [sku("SPE_E5", enabled=25, consumed=1)]
    snapshot = tenant(
        skus=owned, subscriptions=[trial("SPE_E5", 25, ends_in=12)], users=[user("ann", holds=["SPE_E5"])]
    )
    assert people(_case(snapshot)) == ()
    assert not concerned(_case(snapshot))


def test_seats_in_grace_still_are():
    owned = [sku("SPB", enabled=0, warning=25, consumed=1, status="Warning")]
    assert len(people(_case(tenant(skus=owned, users=[user("ann", holds=["SPB"])])))) == 1


def test_a_grant_is_no_paid_seat():
    snapshot = tenant(skus=SPB, users=[user("ann", holds=["SPB"], enabled=False)])
    assert people(_case(snapshot, non_billable={"SPB": 25})) == ()


def test_unread_facts_concern_everybody():
    assert concerned(_case(tenant(gaps=[gap(TenantFact.USERS)])))
    assert concerned(_case(tenant(gaps=[gap(TenantFact.SKUS)])))


def test_effective_plans_leave_out_what_was_switched_off():
    ann = user("ann", holds=[held("SPB", without=["EXCHANGE_S_STANDARD"]), "EXCHANGESTANDARD"])
    case = _case(tenant(skus=[*SPB, sku("EXCHANGESTANDARD")], users=[ann]))
    assert PLANS["EXCHANGE_S_STANDARD"] in effective_plans(case, ann)
    ben = user("ben", holds=[held("SPB", without=["EXCHANGE_S_STANDARD"])])
    assert PLANS["EXCHANGE_S_STANDARD"] not in effective_plans(case, ben)


def test_a_person_is_worth_all_paid_seats_and_no_free_one():
    owned = [*SPB, sku("FLOW_FREE", enabled=10_000, consumed=1)]
    ann = user("ann", holds=["SPB", "FLOW_FREE"])
    case = _case(tenant(skus=owned, users=[ann]))
    money = worth(case, only(people(case)))
    assert money is not None
    assert money.seats == 1


def test_people_come_in_the_order_of_their_names_in_every_run():
    made = users(3, holds=["SPB"])
    forward, backward = _case(tenant(skus=SPB, users=made)), _case(tenant(skus=SPB, users=made[::-1]))
    assert [one.user.upn for one in people(forward)] == [one.user.upn for one in people(backward)]


def test_everybody_at_work_is_fine():
    case = _case(tenant(skus=SPB, users=users(2, holds=["SPB"])))
    assert {one.standing for one in people(case)} == {Standing.FINE}
    assert all(one.seen.confidence is Confidence.FIRM for one in people(case))


def test_the_group_that_gives_a_license_is_in_the_proof():
    ann = replace(
        user("ann", holds=["SPB"], enabled=False, mailbox="user"), assignments=(assignment("SPB", group="g-1"),)
    )
    found = only(asked("m365.disabled_users", tenant(skus=SPB, users=[ann])))
    by_group = [line for line in found.evidence if line.what.text.endswith("license_by_group")]
    assert by_group[0].what.params["groups"] == "g-1"  # its id where groups could not be read
