"""An ordinary company in order, with all consents and without Entra P1, ends its month without an "unknown".

A run that ends as incomplete every month is read by nobody, and the month something is really unseen goes unnoticed.
"""

from datetime import UTC, datetime

import pytest

from collectors.cloud.facts import TenantFact
from collectors.cloud.visit import visit_tenant
from collectors.model import GapReason, Protocol, Target
from rules.model import Outcome
from tests.lab.graph import loopback_graph
from tests.lab.graph.tenant import LabTenant, made_reports
from tests.lab.graph.tenant import sku as graph_sku
from tests.lab.graph.tenant import user as graph_user
from tests.lab.tenants import (
    NOW,
    PLANS,
    REPORTS,
    SKUS,
    TODAY,
    assignment,
    contract,
    gap,
    guid,
    judge,
    price,
    report,
    sku,
    tenant,
    user,
)
from tests.rules.tenants.asking import SILENT, box, used

STANDARD = "O365_BUSINESS_PREMIUM"  # Microsoft 365 Business Standard
NAMES = [f"user{number}" for number in range(1, 13)]
NO_PREMIUM = gap(TenantFact.SIGN_INS, reason=GapReason.UNSUPPORTED, detail="no Entra ID P1")
UNASKED = gap(TenantFact.MAILBOX_TYPES, reason=GapReason.REFUSED)
PRICES = contract(prices=[price(STANDARD, "11.70")])


def unknowns(judgement):
    """What makes a run incomplete."""
    return [
        (one.rule, one.message.text) for one in judgement.findings if one.outcome is Outcome.UNKNOWN and not one.limited
    ]


def company(*, kind="user", **changes):
    people = [user(name, holds=[STANDARD], **SILENT) for name in NAMES]
    told = {
        "skus": [sku(STANDARD, enabled=12, consumed=12)],
        "users": people,
        "usage": tuple(used(name, 3) for name in NAMES),
        "mailboxes": tuple(box(name, 8, kind=kind) for name in NAMES),
        "gaps": [NO_PREMIUM],
    }
    return tenant(**(told | changes))


@pytest.mark.parametrize("kind", ["user", ""])  # Microsoft's report tells the type of mailbox in some tenants only
@pytest.mark.parametrize("gaps", [[NO_PREMIUM], [NO_PREMIUM, UNASKED]])
def test_a_company_in_order_leaves_nothing_unknown_and_nothing_to_do(kind, gaps):
    judgement = judge(company(kind=kind, gaps=gaps), terms=PRICES)
    assert unknowns(judgement) == []
    assert [one.rule for one in judgement.findings if one.outcome is Outcome.FAIL] == []


def test_case_26_a_newcomer_whom_the_reports_do_not_know_yet_is_no_unknown():
    newcomer = user(
        "new",
        holds=[STANDARD],
        created_at=datetime(2026, 11, 20, tzinfo=UTC),
        **SILENT | {"assignments": (assignment(STANDARD, updated_at=datetime(2026, 11, 20, tzinfo=UTC)),)},
    )
    snapshot = company()
    grown = company(users=[*snapshot.users, newcomer], skus=[sku(STANDARD, enabled=13, consumed=13)])
    assert unknowns(judge(grown, terms=PRICES)) == []


def test_case_27_somebody_long_there_whom_no_report_knows_stays_unknown():
    snapshot = company()
    stranger = user("lost", holds=[STANDARD], **SILENT)
    grown = company(users=[*snapshot.users, stranger], skus=[sku(STANDARD, enabled=13, consumed=13)])
    assert {rule for rule, _text in unknowns(judge(grown, terms=PRICES))} == {
        "m365.inactive_users",
        "m365.never_active_users",
    }


def test_case_10_server_licenses_of_a_company_whose_machines_are_not_audited_leave_the_run_complete():
    snapshot = company(skus=[sku(STANDARD, enabled=12, consumed=12), sku("MDATP_Server", enabled=2)])
    judgement = judge(snapshot, terms=PRICES)
    assert unknowns(judgement) == []
    told = [one for one in judgement.findings if one.rule == "m365.device_licenses"]
    assert [one.outcome for one in told] == [Outcome.NOT_APPLICABLE]
    (unread,) = [one for one in judge(snapshot, terms=PRICES, servers={}).findings if one.rule == told[0].rule]
    assert (unread.outcome, unread.limited) == (Outcome.UNKNOWN, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"gaps": [gap(TenantFact.USERS, "User.Read.All")], "users": ()},
        {"gaps": [gap(TenantFact.SKUS)], "skus": (), "subscriptions": ()},
        {"gaps": [gap(TenantFact.SUBSCRIPTIONS)], "subscriptions": ()},
        {"gaps": [NO_PREMIUM, gap(TenantFact.USAGE)], "usage": (), "reports": REPORTS[1:]},
        {"gaps": [NO_PREMIUM, gap(TenantFact.MAILBOXES)], "mailboxes": ()},
        {"reports": (*REPORTS[1:], report(TenantFact.USAGE, age_days=12))},
        {"reports": tuple(report(one.kind, concealed=True) for one in REPORTS)},
    ],
)
def test_what_is_really_unseen_is_unknown(changes):
    assert unknowns(judge(company(**changes), terms=PRICES))


def test_a_real_visit_of_such_a_company_ends_the_same_way():
    number, sku_id = 12, guid(STANDARD)
    plans = tuple(PLANS[name] for name in SKUS[STANDARD][1])
    owned = graph_sku(STANDARD, sku_id=sku_id, enabled=number, consumed=number, plans=plans)
    people = [graph_user(one, (sku_id,)) for one in range(number)]
    lab_tenant = LabTenant(users=people, skus=[owned], premium=False)
    lab_tenant.subscriptions = [
        {
            "id": owned["subscriptionIds"][0],
            "createdDateTime": "2025-03-01T00:00:00Z",
            "isTrial": False,
            "nextLifecycleDateTime": "2027-03-01T00:00:00Z",
            "skuId": sku_id,
            "skuPartNumber": STANDARD,
            "status": "Enabled",
            "totalLicenses": number,
        }
    ]
    lab_tenant.csv = made_reports(people, refreshed_on=TODAY)
    target = Target(name="contoso", address=lab_tenant.id, protocol=Protocol.M365)
    with loopback_graph(lab_tenant) as lab:
        snapshot = visit_tenant(
            target,
            credential=lab.credential(lab_tenant),
            policy=lab.policy(),
            taken_at=NOW,
            connect=lambda _target, _credential, _policy: lab.client(lab_tenant),
        )
    assert snapshot.reached
    judgement = judge(snapshot, terms=PRICES)
    assert unknowns(judgement) == []
    assert [one.rule for one in judgement.findings if one.outcome is Outcome.FAIL] == []
