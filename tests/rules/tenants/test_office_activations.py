"""m365.office_activations: five computers a person and product; shared ones do not count (case 41)."""

from datetime import timedelta

import pytest

from collectors.cloud.facts import Activations, TenantFact
from collectors.model import GapReason
from rules.model import Outcome
from tests.lab.tenants import REPORTS, TODAY, gap, only, report, sku, spoken, tenant, user
from tests.rules.tenants.asking import asked, named

RULE = "m365.office_activations"
APPS = "MICROSOFT 365 APPS FOR BUSINESS"


def _row(windows=0, mac=0, *, upn="ann@example.com", product=APPS, **changes):
    last = TODAY - timedelta(days=30)
    return Activations(upn=upn, product=product, windows=windows, mac=mac, last_on=last, **changes)


def _asked(*rows, **changes):
    return asked(RULE, tenant(skus=[sku("SPB", consumed=1)], users=[user("ann")], activations=rows, **changes))


@pytest.mark.parametrize(
    ("windows", "mac", "outcome"),
    [(5, 0, Outcome.PASS), (6, 0, Outcome.FAIL), (4, 1, Outcome.PASS), (4, 2, Outcome.FAIL), (7, 0, Outcome.FAIL)],
)
def test_case_41_more_than_five_computers_are_asked_about(windows, mac, outcome):
    assert only(_asked(_row(windows, mac))).outcome is outcome


def test_case_41_the_person_product_number_and_date_are_named():
    found = only(_asked(_row(7)))
    assert (found.person, found.message.params["count"]) == ("ann@example.com", 7)
    assert spoken(found).startswith("Ann: Microsoft 365 Apps for business activated on 7 computers")
    assert found.evidence[0].what.params["as_of_on"] == (TODAY - timedelta(days=2)).isoformat()
    assert found.money is None


def test_case_41_shared_computers_and_phones_do_not_count():
    assert only(_asked(_row(7, shared_computer=True))).outcome is Outcome.PASS
    assert only(_asked(_row(2, mobile=12))).outcome is Outcome.PASS


def test_case_41_each_product_has_five_of_its_own_and_the_worst_is_told():
    assert only(_asked(_row(4), _row(4, product="PROJECT"))).outcome is Outcome.PASS
    assert only(_asked(_row(6), _row(8, product="VISIO"))).message.params["product"] == "Visio"


def test_a_row_of_nobody_known_keeps_its_principal_name():
    found = only(_asked(_row(6, upn="Gone@Example.com")))
    assert (found.person, found.key) == ("Gone@Example.com", "gone@example.com")


def _reports(**changes):
    rest = (one for one in REPORTS if one.kind is not TenantFact.ACTIVATIONS)
    return (report(TenantFact.ACTIVATIONS, **changes), *rest)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"age_days": 7}, (Outcome.FAIL, "fail")),
        ({"age_days": 8}, (Outcome.UNKNOWN, "unknown_stale")),
        ({"rows": 0}, (Outcome.UNKNOWN, "unknown_empty")),
    ],
)
def test_case_29_an_old_or_empty_report_says_nothing(changes, answer):
    assert named(only(_asked(_row(9), reports=_reports(**changes)))) == answer


def test_a_report_that_could_not_be_read_is_unknown():
    assert only(_asked(reports=(), gaps=[gap(TenantFact.ACTIVATIONS, "Reports.Read.All")])).outcome is Outcome.UNKNOWN
    concealed = _reports(concealed=True)
    assert only(_asked(reports=concealed, gaps=[gap(TenantFact.ACTIVATIONS)])).outcome is Outcome.UNKNOWN


def test_case_41_without_programs_to_install_there_is_nothing_to_activate():
    """Business Basic: Microsoft's report is empty every month, and nothing is unknown about it."""
    basic = [sku("O365_BUSINESS_ESSENTIALS", consumed=1)]
    missing = gap(TenantFact.ACTIVATIONS, reason=GapReason.MISSING, detail="the report is empty")
    snapshot = tenant(skus=basic, users=[user("ann")], reports=_reports(rows=0), gaps=[missing])
    assert only(asked(RULE, snapshot)).outcome is Outcome.NOT_APPLICABLE
    hidden = tenant(users=[user("ann")], reports=(), gaps=[gap(TenantFact.SKUS), missing])
    assert only(asked(RULE, hidden)).outcome is Outcome.UNKNOWN
