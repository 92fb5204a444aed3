"""Microsoft's published schema, served by prism: what a visit makes of its examples, and of random bodies.

`test_prism_contract` holds every address of ours against the schema; this is what comes back.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from collectors.cloud.credentials import CloudCredential
from collectors.cloud.facts import SignInKnowledge, TenantFact, TenantSnapshot
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.visit import visit_tenant
from collectors.model import CollectorOutcome, GapReason, Protocol, Target
from tests.collectors.cloud.answered import E3, NOW, P1, SPB, TENANT, hidden
from tests.lab.prism import Prism, prism

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    with prism(tmp_path_factory.mktemp("prism") / "log") as running:
        yield running


def visited(contract: Prism, prefer: str = "") -> TenantSnapshot:
    return visit_tenant(
        Target(name="contoso", protocol=Protocol.M365, address=TENANT),
        credential=CloudCredential(tenant=TENANT, client_id="app"),
        policy=CloudPolicy(),
        taken_at=NOW,
        connect=lambda _target, _credential, _policy: contract.client(prefer),
    )


def test_the_examples_of_the_schema_become_facts(contract):
    snapshot = visited(contract)
    assert snapshot.organization is not None
    assert (snapshot.organization.name, snapshot.organization.default_domain) == ("Contoso SARL", "contoso.com")
    assert {sku.part_number: (sku.consumed, sku.enabled, sku.warning, sku.suspended) for sku in snapshot.skus} == {
        "SPB": (27, 25, 0, 0),
        "SPE_E3": (3, 0, 5, 0),
        "FLOW_FREE": (12, 10000, 0, 0),
        "CRMSTANDARD": (14, 0, 0, 25),
    }
    assert P1 in {plan.id for plan in snapshot.skus[0].plans}
    assert [(one.trial, one.next_lifecycle_at) for one in snapshot.subscriptions] == [
        (False, datetime(2026, 3, 1, tzinfo=UTC)),
        (True, None),
    ]
    assert [(group.name, group.sku_ids) for group in snapshot.groups] == [("LIC-M365BP", (SPB,))]
    assert snapshot.names_concealed is True


def test_the_users_of_the_schema_and_what_became_of_their_licenses(contract):
    alice, bob, carol = visited(contract).users
    assert [way.group != "" for way in bob.assignments] == [True, False]
    assert [one.sku_id for one in bob.licenses] == [SPB]  # cases 16 and 33
    assert {way.error for way in bob.assignments} == {""}
    assert bob.enabled is False
    assert carol.type == "Guest"
    assert [(way.sku_id, way.error) for way in carol.assignments] == [(E3, "CountViolation")]  # case 34
    assert E3 not in {one.sku_id for one in carol.licenses}
    assert alice.sign_in is not None
    assert alice.sign_in.successful_at == datetime(2026, 1, 14, 7, tzinfo=UTC)
    # null for Bob, absent for Carol: both were asked for, and Graph has none.
    assert bob.sign_in_known is carol.sign_in_known is SignInKnowledge.NEVER


def test_what_the_examples_lack_is_told_as_gaps(contract):
    gaps = hidden(visited(contract))
    assert gaps[TenantFact.USERS][0] is GapReason.REFUSED  # the next page is said to be on graph.microsoft.com
    assert gaps[TenantFact.USAGE][0] is GapReason.MISSING  # a header and no row
    assert gaps[TenantFact.DELETED_USERS][0] is GapReason.FAILED  # not in this part of the schema
    assert TenantFact.SKUS not in gaps


@pytest.mark.parametrize("code", [401, 403, 503, 504])
def test_a_graph_that_answers_nothing_else_leaves_no_fact_and_no_silence(contract, code):
    snapshot = visited(contract, f"code={code}")
    assert set(hidden(snapshot)) >= set(TenantFact) - {TenantFact.TENANT, TenantFact.MAILBOX_TYPES}
    assert snapshot.users == snapshot.skus == ()
    assert not [status for status in snapshot.collectors if status.outcome is CollectorOutcome.OK]


def test_random_bodies_with_nulls_everywhere_break_nothing(contract):
    for _ in range(4):
        snapshot = visited(contract, "dynamic=true")
        assert not [gap for gap in snapshot.gaps if "inside this product" in gap.detail]
        assert snapshot.gaps
