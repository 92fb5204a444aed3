"""m365.replication_drift: the balance follows Microsoft's count; a small difference is told, a large one is unknown."""

import pytest

from collectors.cloud.facts import DeletedUser, TenantFact
from rules.checks.m365_replication_drift import tolerance
from rules.model import Outcome
from rules.tenants.billing import positions
from rules.tenants.rule import TenantCase
from tests.lab.tenants import NOW, contract, gap, guid, knowledge, only, sku, spoken, tenant, users
from tests.rules.tenants.asking import asked, named

RULE = "m365.replication_drift"


def _snapshot(consumed, named_, **changes):
    owned = [sku("SPB", enabled=consumed, consumed=consumed)]
    return tenant(skus=owned, users=users(named_, holds=["SPB"]), **changes)


def test_case_35_the_balance_uses_27_and_the_list_says_26_and_1():
    snapshot = _snapshot(27, 26)
    found = only(asked(RULE, snapshot))
    assert named(found) == (Outcome.NOT_APPLICABLE, "within")
    words = spoken(found, "fr").replace("\u202f", " ").replace("\u00a0", " ")
    assert "1 siège non attribuable (comptés par Microsoft : 27 ; personnes nommées : 26" in words
    case = TenantCase(snapshot=snapshot, knowledge=knowledge(), contract=contract(), as_of=NOW)
    seats = positions(case)[guid("SPB")].seats
    assert seats is not None
    assert seats.need == 27


@pytest.mark.parametrize(("consumed", "limit"), [(0, 2), (27, 2), (100, 2), (149, 2), (150, 3), (1_000, 20)])
def test_case_35_the_tolerance_is_two_seats_or_two_percent(consumed, limit):
    assert tolerance(consumed) == limit


@pytest.mark.parametrize(
    ("consumed", "named_", "answer"),
    [
        (27, 25, (Outcome.NOT_APPLICABLE, "within")),
        (27, 24, (Outcome.UNKNOWN, "beyond")),
        (150, 147, (Outcome.NOT_APPLICABLE, "within")),
        (150, 146, (Outcome.UNKNOWN, "beyond")),
        (26, 27, (Outcome.NOT_APPLICABLE, "fewer")),
        (24, 27, (Outcome.UNKNOWN, "beyond")),
        (27, 27, (Outcome.PASS, "pass")),
    ],
)
def test_case_35_beyond_the_tolerance_who_holds_the_seats_is_not_known(consumed, named_, answer):
    assert named(only(asked(RULE, _snapshot(consumed, named_)))) == answer


def test_deleted_accounts_in_the_bin_explain_the_difference():
    gone = DeletedUser(id="d", upn="old@example.com", deleted_at=NOW, sku_ids=(guid("SPB"),))
    found = only(asked(RULE, _snapshot(27, 26, deleted_users=(gone,))))
    assert found.evidence[1].seen == "old@example.com"


def test_free_and_tenant_wide_skus_and_absent_counts_are_left_out():
    owned = [
        sku("FLOW_FREE", enabled=10_000, consumed=12),
        sku("COMPANY", enabled=1, consumed=9, applies_to="Company"),
        sku("SPB", enabled=None, consumed=None),
    ]
    assert only(asked(RULE, tenant(skus=owned))).outcome is Outcome.PASS


def test_half_a_list_of_users_is_a_gap_and_no_drift():
    assert only(asked(RULE, _snapshot(27, 3, gaps=(gap(TenantFact.USERS),)))).outcome is Outcome.UNKNOWN


def test_skus_unread_are_unknown():
    assert only(asked(RULE, tenant(gaps=[gap(TenantFact.SKUS)]))).outcome is Outcome.UNKNOWN


def test_a_large_difference_that_the_bin_explains_is_no_doubt():
    gone = [DeletedUser(id=str(n), upn=f"old{n}@example.com", sku_ids=(guid("SPB"),)) for n in range(6)]
    assert named(only(asked(RULE, _snapshot(27, 21, deleted_users=tuple(gone)))))[1] == "within"
    assert named(only(asked(RULE, _snapshot(27, 21, deleted_users=tuple(gone[:3])))))[1] == "beyond"
