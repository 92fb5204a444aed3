"""Every call of ours against the contract: the schema Microsoft publishes, served by prism."""

import re
from collections.abc import Iterator

import pytest

from collectors.errors import GraphError, TenantError, Throttled
from collectors.model import GapReason
from tests.lab.prism import UNSERVED, Prism, prism

pytestmark = pytest.mark.peer

_USERS = {"$select": "id,userPrincipalName,assignedLicenses"}


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prism]:
    with prism(tmp_path_factory.mktemp("prism") / "log") as running:
        yield running


@pytest.fixture
def fresh(contract: Prism) -> Prism:
    contract.exchanges.clear()
    return contract


def served(url: str) -> bool:
    path = re.sub(r"^http://127\.0\.0\.1:\d+", "", url).split("?")[0]
    return not any(re.match(re.sub(r"\{\w+\}", "[^/]+", known), path) for known in UNSERVED)


def test_every_address_and_select_of_every_question_passes_validation(fresh: Prism) -> None:
    fresh.ask_all()
    assert fresh.exchanges
    refused = [exchange for exchange in fresh.exchanges if exchange.status >= 400 and served(exchange.url)]
    assert refused == []


def test_dynamic_answers_full_of_nulls_crash_no_question(fresh: Prism) -> None:
    for _ in range(5):
        for question, answer in fresh.ask_all("dynamic=true"):
            assert isinstance(answer, TenantError) or answer is not None, question.name


def test_the_contract_has_teeth(fresh: Prism) -> None:
    with fresh.client() as client:
        with pytest.raises(GraphError) as unknown:
            list(client.pages("/users", {"$select": "id,shoeSize"}))
        with pytest.raises(GraphError) as large:
            list(client.pages("/users", _USERS, page_sizes=(1000,)))
        with pytest.raises(GraphError) as period:
            client.report("/reports/getOffice365ActiveUserDetail(period='D45')")
    assert [unknown.value.status, large.value.status, period.value.status] == [422, 422, 422]


def test_a_next_link_to_another_host_is_refused_after_its_page(fresh: Prism) -> None:
    with fresh.client() as client:
        pages = client.pages("/users", _USERS, page_sizes=(999,))
        assert len(next(pages)) > 0
        with pytest.raises(GraphError, match="another server") as refused:
            next(pages)
    assert refused.value.reason is GapReason.REFUSED


def test_endless_429_ends_as_throttled(fresh: Prism) -> None:
    with fresh.client("code=429") as client:
        with pytest.raises(Throttled, match="/users is busy"):
            client.get("/users")
        assert client.waited_s >= 10


def test_a_tenant_that_is_not_premium_is_no_missing_permission(fresh: Prism) -> None:
    with fresh.client("code=403, example=NonPremium") as client, pytest.raises(GraphError) as refused:
        list(client.pages("/users", {"$select": "id,signInActivity"}, page_sizes=(500,)))
    assert refused.value.code == "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
    assert refused.value.permission == ""
