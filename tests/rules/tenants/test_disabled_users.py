"""m365.disabled_users: what the mailbox is decides what must be done before a leaver's license goes."""

from decimal import Decimal

from collectors.cloud.facts import TenantFact
from rules.model import Confidence, Outcome
from tests.lab.tenants import contract, gap, only, price, sku, spoken, tenant, user, users
from tests.rules.tenants.asking import SPB, asked, box, idle, named, signed

RULE = "m365.disabled_users"
PRICES = contract(prices=[price("SPB", "20.60")])


def _leaver(**changes):
    return user("bob", holds=["SPB"], enabled=False, **changes)


def test_a_disabled_account_with_a_paid_license_is_named_with_its_saving():
    people = [_leaver(mailbox="user"), *users(2, holds=["SPB"])]
    snapshot = tenant(skus=SPB, users=people, mailboxes=[box("bob", 9, kind="user")])
    found = only(asked(RULE, snapshot, terms=PRICES))
    assert named(found) == (Outcome.FAIL, "fail")
    assert (found.person, found.confidence) == ("bob@example.com", Confidence.FIRM)
    assert found.money is not None
    assert (found.money.seats, found.money.monthly) == (1, Decimal("20.60"))
    assert "Bob" in spoken(found)
    assert "SPB" in spoken(found)
    assert "21/11/2026" in spoken(found, "fr")


def test_a_price_nobody_gave_is_not_zero():
    found = only(asked(RULE, tenant(skus=SPB, users=[_leaver(mailbox="user")])))
    assert found.money is not None
    assert (found.money.seats, found.money.unpriced, found.money.priced) == (1, 1, False)


def test_case_22_where_the_mailbox_is_of_unknown_kind_it_is_checked_first_and_never_deleted():
    found = only(asked(RULE, tenant(skus=SPB, users=[_leaver()])))
    assert named(found) == (Outcome.FAIL, "fail_unknown_mailbox")
    assert found.confidence is Confidence.TENTATIVE
    assert "à vérifier avant retrait" in spoken(found, "fr")
    assert found.remedy is not None
    assert found.remedy.text.endswith("remedy_unknown_mailbox")


def test_case_20_a_disabled_account_that_is_a_shared_mailbox_is_none_of_this_rules_business():
    snapshot = tenant(skus=SPB, users=[_leaver()], mailboxes=[box("bob", 12)])
    assert only(asked(RULE, snapshot)).outcome is Outcome.PASS


def test_case_21_a_mailbox_too_large_for_a_shared_one_promises_no_saving():
    large = tenant(skus=SPB, users=[_leaver(mailbox="user")], mailboxes=[box("bob", 62, kind="user")])
    found = only(asked(RULE, large, terms=PRICES))
    assert (named(found), found.money) == ((Outcome.FAIL, "fail_large"), None)
    archived = tenant(skus=SPB, users=[_leaver(mailbox="user")], mailboxes=[box("bob", 2, archive=True, kind="user")])
    assert named(only(asked(RULE, archived))) == (Outcome.FAIL, "fail_archive")


def test_a_mailbox_of_a_size_nobody_told_makes_the_saving_a_sign_only():
    found = only(asked(RULE, tenant(skus=SPB, users=[_leaver(mailbox="user")])))
    assert (named(found), found.confidence) == ((Outcome.FAIL, "fail"), Confidence.TENTATIVE)


def test_exactly_fifty_gigabytes_are_not_too_many():
    snapshot = tenant(skus=SPB, users=[_leaver(mailbox="user")], mailboxes=[box("bob", 50, kind="user")])
    assert named(only(asked(RULE, snapshot))) == (Outcome.FAIL, "fail")


def test_without_an_exchange_plan_there_is_no_mailbox_to_keep():
    leaver = user("bob", holds=["AAD_PREMIUM"], enabled=False)
    found = only(asked(RULE, tenant(skus=[sku("AAD_PREMIUM", consumed=1)], users=[leaver])))
    assert named(found) == (Outcome.FAIL, "fail_no_mailbox")


def test_a_disabled_guest_is_a_disabled_account():
    snapshot = tenant(skus=SPB, users=[_leaver(type="Guest")])
    assert only(asked(RULE, snapshot)).outcome is Outcome.FAIL
    assert only(asked("m365.guest_licenses", snapshot)).outcome is Outcome.PASS


def test_a_disabled_user_is_not_also_inactive_or_never_active():
    snapshot = tenant(skus=SPB, users=[idle("bob", 400, enabled=False)])
    assert only(asked(RULE, snapshot)).outcome is Outcome.FAIL
    assert only(asked("m365.inactive_users", snapshot)).outcome is Outcome.PASS
    assert only(asked("m365.never_active_users", snapshot)).outcome is Outcome.PASS


def test_case_06_free_and_trial_licenses_alone_list_nobody():
    leaver = user("bob", holds=["FLOW_FREE"], enabled=False)
    snapshot = tenant(skus=[sku("FLOW_FREE", enabled=10_000, consumed=1), *SPB], users=[leaver])
    assert only(asked(RULE, snapshot)).outcome is Outcome.NOT_APPLICABLE


def test_a_license_that_no_longer_works_is_no_reason_to_list_anybody():
    suspended = sku("SPB", enabled=0, suspended=25, consumed=1, status="Suspended")
    assert only(asked(RULE, tenant(skus=[suspended], users=[_leaver()]))).outcome is Outcome.NOT_APPLICABLE


def test_an_sku_left_out_by_the_client_lists_nobody():
    snapshot = tenant(skus=SPB, users=[_leaver()])
    assert only(asked(RULE, snapshot, terms=contract(left_out=("spb",)))).outcome is Outcome.NOT_APPLICABLE


def test_an_account_whose_state_is_unread_is_unknown_and_no_pass():
    found = only(asked(RULE, tenant(skus=SPB, users=[user("bob", holds=["SPB"], enabled=None)])))
    assert named(found) == (Outcome.UNKNOWN, "unread")


def test_without_leavers_it_passes_with_its_base():
    found = only(asked(RULE, tenant(skus=SPB, users=users(3, holds=["SPB"]))))
    assert (found.outcome, found.message.params["count"]) == (Outcome.PASS, 3)


def test_users_that_could_not_be_read_are_unknown_and_found_leavers_stay():
    blind = tenant(skus=SPB, gaps=[gap(TenantFact.USERS, "User.Read.All")])
    assert only(asked(RULE, blind)).outcome is Outcome.UNKNOWN
    half = tenant(skus=SPB, users=[_leaver()], gaps=[gap(TenantFact.USERS)])
    assert sorted(found.outcome for found in asked(RULE, half)) == [Outcome.FAIL, Outcome.UNKNOWN]


def test_skus_that_could_not_be_read_leave_paid_and_free_apart_unknown():
    assert only(asked(RULE, tenant(users=[_leaver()], gaps=[gap(TenantFact.SKUS)]))).outcome is Outcome.UNKNOWN


def test_the_proof_names_account_license_group_and_dates():
    snapshot = tenant(skus=SPB, users=[_leaver(mailbox="user", **signed(40))], mailboxes=[box("bob", 3, kind="user")])
    found = only(asked(RULE, snapshot))
    told = [line.what.text.rpartition(".")[2] for line in found.evidence]
    assert told == ["account_disabled", "license", "sign_in", "mailbox_user"]
