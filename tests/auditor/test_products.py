"""A SKU that a client's file names and nobody knows is told, and never silently without effect."""

from datetime import date
from decimal import Decimal

from auditor.products import unknown_products
from collectors.feeds.records import FeedRecords, SkuName
from rules.contract import Contract, LicenseException, TenantTerms
from rules.knowledge import Knowledge
from rules.model import TenantSummary
from rules.prices import Price
from tests.lab.tenants import NOW, sku, tenant

_LIST = Knowledge.from_records(
    FeedRecords(sku_names=(SkuName(sku_id="0c266dff-15dd-4b49-8397-2bb16070ed52", part_number="MCOMEETADV", name="x"),))
)
_NOTHING = Knowledge.from_records(FeedRecords())


def _price(product: str) -> Price:
    return Price(product=product, monthly=Decimal(1), valid_from=date(2026, 1, 1), source="prices.csv, row 2")


def _summary(*part_numbers: str) -> TenantSummary:
    from rules.tenants.engine import judge_tenant

    snapshot = tenant(skus=[sku(name, enabled=1, consumed=1) for name in part_numbers])
    return judge_tenant(snapshot, _NOTHING, Contract(client="c"), NOW).tenant


def _told(contract: Contract, *tenants: TenantSummary, knowledge: Knowledge = _LIST) -> tuple[str, ...]:
    return unknown_products(contract, tenants, knowledge)


def test_a_product_the_tenant_has_or_microsoft_lists_is_known_by_any_of_its_names() -> None:
    owned = _summary("SPB")
    names = ("spb", owned.licenses[0].sku_id.upper(), "MCOMEETADV", "0c266dff-15dd-4b49-8397-2bb16070ed52")
    assert _told(Contract(client="c", prices=tuple(map(_price, names))), owned) == ()


def test_a_misspelt_product_is_told_once_with_its_place_and_a_suggestion() -> None:
    contract = Contract(client="c", prices=(_price("MCOMETADV"), _price("MCOMETADV")))
    (said,) = _told(contract, _summary("SPB"))
    assert said.startswith("prices.csv, row 2: no tenant of this client has 'MCOMETADV'")
    assert "Microsoft's list of products does not know it" in said
    assert "Did you mean `MCOMEETADV`?" in said


def test_every_place_that_names_a_product_is_looked_at() -> None:
    terms = TenantTerms(
        spare_seats={"A1": 1},
        non_billable={"B2": 1},
        left_out=("C3",),
        exceptions=(
            LicenseException(who="x", reason="y", until=date(2027, 1, 1), product="D4"),
            LicenseException(who="z", reason="y", until=date(2027, 1, 1)),
        ),
    )
    said = _told(Contract(client="c", m365=terms), _summary("SPB"))
    assert [line.split(":")[0] for line in said] == [
        "client.toml, m365.spare_seats",
        "client.toml, m365.non_billable",
        "client.toml, m365.left_out",
        "client.toml, m365.exceptions",
    ]


def test_where_nobody_can_say_nothing_is_told() -> None:
    contract = Contract(client="c", prices=(_price("WHATEVER"),))
    blind = TenantSummary(target=_summary("SPB").target, taken_at=NOW, reached=False)
    assert _told(contract) == (), "a client without tenants may price other things"
    assert _told(contract, _summary("SPB"), blind, knowledge=_NOTHING) == ()
    assert len(_told(contract, _summary("SPB"), blind)) == 1
    assert len(_told(contract, _summary("SPB"), knowledge=_NOTHING)) == 1
