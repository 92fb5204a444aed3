"""m365.mailbox_licenses: shared mailboxes and rooms, both directions; 50 GB is the line."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from collectors.cloud.facts import TenantFact
from collectors.model import GapReason
from rules.model import Confidence, Outcome, Severity
from tests.lab.tenants import NOW, REPORTS, contract, gap, only, price, report, sku, spoken, tenant, user
from tests.rules.tenants.asking import NEVER, SILENT, SPB, asked, box, named, signed

RULE = "m365.mailbox_licenses"
INFO = {"enabled": False, "mailbox": "shared", **NEVER}
PLAN_2_PRICE = contract(prices=[price("EXCHANGEENTERPRISE", "7.50"), price("SPB", "20.60")])


def _info(holds=("SPB",), **changes):
    return user("info", holds=holds, **{**INFO, **changes})


def _asked(info, *boxes, skus=SPB, **options):
    return asked(RULE, tenant(skus=skus, users=[info], mailboxes=boxes), **options)


def test_case_20_a_small_shared_mailbox_does_not_need_its_license():
    found = only(_asked(_info(), box("info", 12), terms=PLAN_2_PRICE))
    assert (named(found), found.confidence) == ((Outcome.FAIL, "unneeded"), Confidence.FIRM)
    assert found.money is not None
    assert (found.money.seats, found.money.monthly) == (1, Decimal("20.60"))
    assert "boîte partagée de 12,0 Go" in spoken(found, "fr")
    assert found.remedy is not None
    assert found.remedy.text.endswith("remedy_unneeded")  # which says to look at legal hold first


def test_case_20_the_report_alone_may_tell_that_it_is_shared():
    assert named(only(_asked(_info(mailbox=""), box("info", 12, kind="shared")))) == (Outcome.FAIL, "unneeded")


@pytest.mark.parametrize(
    ("size", "archive", "text"),
    [(62, False, "missing_plan_2"), (2, True, "missing_plan_2_archive"), (62, True, "missing_plan_2")],
)
def test_case_21_a_large_or_archived_shared_mailbox_without_license_is_under_licensed(size, archive, text):
    found = only(_asked(_info(holds=()), box("info", size, archive=archive), terms=PLAN_2_PRICE))
    assert (named(found), found.severity) == ((Outcome.FAIL, text), Severity.MEDIUM)
    assert found.money is not None
    assert (found.money.cost, found.money.monthly) == (Decimal("7.50"), 0)


def test_case_21_a_plan_2_nobody_priced_is_not_free_of_charge():
    found = only(_asked(_info(holds=()), box("info", 62)))
    assert found.money is not None
    assert (found.money.seats, found.money.unpriced, found.money.cost) == (1, 1, 0)


def test_case_21_exactly_fifty_gigabytes_need_no_license():
    assert only(_asked(_info(holds=()), box("info", 50))).outcome is Outcome.PASS
    over = box("info", 50 + 1 / 1024**3)
    assert over.used_bytes == 50 * 1024**3 + 1
    assert only(_asked(_info(holds=()), over)).outcome is Outcome.FAIL


def test_case_21_plan_2_is_enough_and_then_needed():
    owned = [sku("EXCHANGEENTERPRISE", consumed=1)]
    assert only(_asked(_info(holds=["EXCHANGEENTERPRISE"]), box("info", 62), skus=owned)).outcome is Outcome.PASS


def test_case_21_plan_1_is_not_enough():
    owned = [sku("EXCHANGESTANDARD", consumed=1)]
    found = only(_asked(_info(holds=["EXCHANGESTANDARD"]), box("info", 62), skus=owned))
    assert (named(found), found.money) == ((Outcome.FAIL, "weak"), None)


def test_plan_1_alone_is_not_enough_for_an_archive():
    owned = [sku("EXCHANGESTANDARD", consumed=1)]
    found = only(_asked(_info(holds=["EXCHANGESTANDARD"]), box("info", 20, archive=True), skus=owned))
    assert named(found) == (Outcome.FAIL, "weak")


def test_a_mailbox_without_a_display_name_is_called_by_its_address():
    assert spoken(only(_asked(replace(_info(holds=()), name=""), box("info", 62)))).startswith("info@example.com")


def test_plan_1_with_an_archive_of_its_own_is_enough_for_an_archive():
    archive = "176a09a6-7ec5-4039-ac02-b2791c6ba793"
    owned = [sku("EXCHANGESTANDARD", plans=("EXCHANGE_S_STANDARD", archive), consumed=1)]
    info = _info(holds=["EXCHANGESTANDARD"])
    assert only(_asked(info, box("info", 20, archive=True), skus=owned)).outcome is Outcome.PASS
    assert only(_asked(info, box("info", 62, archive=True), skus=owned)).outcome is Outcome.FAIL


@pytest.mark.parametrize("purpose", ["room", "equipment"])
def test_a_room_does_not_need_a_persons_license(purpose):
    room = _info(mailbox=purpose, enabled=True)
    assert named(only(_asked(room, box("info", 1, kind="")))) == (Outcome.FAIL, "unneeded_room")


def test_a_room_with_a_room_license_is_in_order():
    rooms = sku("Microsoft_Teams_Rooms_Pro", sku_id="4cde982a-ede4-4409-9ae6-b003453c8ea6", consumed=1)
    room = _info(holds=["4cde982a-ede4-4409-9ae6-b003453c8ea6"], mailbox="room", enabled=True)
    assert only(_asked(room, box("info", 1, kind=""), skus=[rooms])).outcome is Outcome.PASS


def test_a_shared_mailbox_people_sign_in_to_needs_its_license_and_saves_nothing_yet():
    found = only(_asked(_info(enabled=True, **signed(3)), box("info", 12), terms=PLAN_2_PRICE))
    assert (named(found), found.money) == ((Outcome.FAIL, "signed_in"), None)
    long_ago = _asked(_info(enabled=True, **signed(200)), box("info", 12))
    assert (named(only(long_ago)), only(long_ago).confidence) == ((Outcome.FAIL, "unneeded"), Confidence.FIRM)


def test_without_sign_ins_an_enabled_shared_mailbox_is_less_sure():
    found = only(_asked(_info(enabled=True, **SILENT), box("info", 12)))
    assert (named(found), found.confidence) == ((Outcome.FAIL, "unneeded"), Confidence.TENTATIVE)


def test_delegates_who_work_in_it_do_not_make_it_need_one():
    mail = box("info", 12, last_activity_on=(NOW - timedelta(days=1)).date())
    assert named(only(_asked(_info(enabled=True), mail))) == (Outcome.FAIL, "unneeded")


def test_a_shared_mailbox_is_neither_a_leaver_nor_inactive():
    snapshot = tenant(skus=SPB, users=[_info()], mailboxes=[box("info", 12)])
    for rule in ("m365.disabled_users", "m365.inactive_users", "m365.never_active_users"):
        assert only(asked(rule, snapshot)).outcome is Outcome.PASS


@pytest.mark.parametrize("mail", [[], [box("info", None)], [box("info", 12, archive=None)]])
def test_a_size_nobody_told_is_unknown_and_no_saving(mail):
    found = only(_asked(_info(), *mail))
    assert (named(found), found.money) == ((Outcome.UNKNOWN, "unknown_sizes"), None)


def test_case_29_sizes_of_a_stale_report_are_not_used():
    old = (report(TenantFact.MAILBOXES, age_days=8), *(one for one in REPORTS if one.kind is not TenantFact.MAILBOXES))
    snapshot = tenant(skus=SPB, users=[_info()], mailboxes=[box("info", 12)], reports=old)
    assert named(only(asked(RULE, snapshot))) == (Outcome.UNKNOWN, "unknown_sizes")


def test_kinds_nobody_told_are_said_once():
    people = [user(name, holds=["SPB"]) for name in ("ann", "ben", "cat")]
    rows = [box(name, 5, kind="") for name in ("ann", "ben", "cat")]
    denied = gap(TenantFact.MAILBOX_TYPES, "MailboxSettings.Read")
    found = only(asked(RULE, tenant(skus=SPB, users=people, mailboxes=rows, gaps=[denied])))
    assert (named(found), found.message.params["count"]) == ((Outcome.UNKNOWN, "unknown_kinds"), 3)
    unread = only(asked(RULE, tenant(skus=SPB, users=people, reports=(), gaps=[gap(TenantFact.MAILBOXES)])))
    assert (named(unread), unread.message.params["count"]) == ((Outcome.UNKNOWN, "unknown_kinds"), 3)


def test_case_20_types_nobody_asked_for_are_a_limit_and_no_unknown_of_every_month():
    """Microsoft's report may lack the type, and asking costs one call per mailbox: the client's file decides."""
    people = [user(name, holds=["SPB"]) for name in ("ann", "ben", "cat")]
    rows = [box(name, 5, kind="") for name in ("ann", "ben", "cat")]
    unasked = gap(TenantFact.MAILBOX_TYPES, reason=GapReason.REFUSED)
    found = only(asked(RULE, tenant(skus=SPB, users=people, mailboxes=rows, gaps=[unasked])))
    assert (named(found), found.message.params["count"]) == ((Outcome.NOT_APPLICABLE, "kinds_not_asked"), 3)
    assert found.remedy is not None


def test_a_mailbox_that_is_newer_than_the_report_is_no_doubt():
    people = [user(name, holds=["SPB"]) for name in ("ann", "new")]
    snapshot = tenant(skus=SPB, users=people, mailboxes=[box("ann", 5, kind="user")])
    assert only(asked(RULE, snapshot)).outcome is Outcome.PASS


def test_mailboxes_of_people_are_none_of_this():
    snapshot = tenant(skus=SPB, users=[user("ann", holds=["SPB"])], mailboxes=[box("ann", 80, kind="user")])
    assert only(asked(RULE, snapshot)).outcome is Outcome.PASS


def test_a_large_unlicensed_mailbox_of_unknown_kind_is_a_sign_only():
    left = user("old", enabled=False, **NEVER)
    found = only(asked(RULE, tenant(skus=SPB, users=[left], mailboxes=[box("old", 62, kind="")])))
    assert (named(found), found.confidence) == ((Outcome.FAIL, "maybe_missing"), Confidence.TENTATIVE)
    assert found.money is None


def test_users_unread_are_unknown():
    assert only(asked(RULE, tenant(skus=SPB, gaps=[gap(TenantFact.USERS)]))).outcome is Outcome.UNKNOWN
