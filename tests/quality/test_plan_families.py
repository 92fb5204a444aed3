"""Our plan families and lists of SKUs against Microsoft's own table, in both editions, and a labelled set of pairs."""

import csv
import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from collectors.cloud.facts import ServicePlan, SubscribedSku
from rules.model import SkuKind
from rules.tenants import plans as plans_module
from rules.tenants.plans import Holding, plan_table, redundant
from rules.tenants.skus import is_called_free, sku_table
from tests.quality.oracles import SHARED

M365 = SHARED / "m365"
EDITIONS = ("Product names and service plan identifiers for licensing.csv", "ConversionTable.csv")
VETOED = (  # ranks alone would call these covered: each holds something the other product does not bring
    ("SPE_E5", "MICROSOFT_365_E7"),
    ("SPE_E5", "MCOTEAMS_ESSENTIALS"),
    ("SPE_E5", "MTR_PREM"),
    ("SPE_E5", "DYN365_PROJECT_OPERATIONS"),
    ("SPB", "ENTERPRISEPREMIUM_GOV"),
)
COMPANIONS = re.compile(  # without a worth of their own: parts of a suite that are sold in no other way
    r"EXCHANGE_S_FOUNDATION|(DYN365_)?CDS_O365_P\d.*|FLOW_O365_P\d.*|POWERAPPS_O365_P\d.*|PROJECT_O365_P\d.*|"
    r"POWER_VIRTUAL_AGENTS_O365_P\d.*|FORMS_PLAN_E.*|STREAM_O365_.*|BPOS_S_TODO_.*|KAIZALA_O365_P\d.*|"
    r"WHITEBOARD_PLAN\d.*|MESH_.*|INTUNE_O365|RMS_S_BASIC|ONEDRIVE_BASIC_P2|M365_LIGHTHOUSE_.*|BING_CHAT_ENTERPRISE|"
    r"NUCLEUS",
    re.IGNORECASE,
)
LARGEST = {"SPE_E5": 90, "SPB": 40}  # products covered, of 619: by ranks alone 212 and 91
EEA_PREMIUM = "a3f586b6-8cce-4d9b-99d6-55238397f77a"
EEA_STANDARD = ("c1f79c29-5d7a-4bec-a2c1-1a76774864c0", "ffa3a2a0-3820-462a-aa81-8a4d741f0cba")
EEA_TEAMS = "7e74bd05-2c47-404e-829a-ba95c66fe8e5"

pytestmark = pytest.mark.skipif(not M365.is_dir(), reason="needs ../shared/data/m365, Microsoft's table of products")


@dataclass(frozen=True)
class Product:
    """One SKU of Microsoft's table."""

    sku_id: str
    part_number: str
    name: str
    plans: dict[str, str]

    @property
    def plan_ids(self) -> frozenset[str]:
        return frozenset(self.plans)

    @property
    def sku(self) -> SubscribedSku:
        plans = tuple(ServicePlan(id=plan, name=name) for plan, name in self.plans.items())
        return SubscribedSku(sku_id=self.sku_id, part_number=self.part_number, plans=plans)


@cache
def catalogue(edition: str) -> dict[str, Product]:
    """Products by GUID, as one edition of the table has them."""
    found: dict[str, Product] = {}
    with (M365 / "m365-skus" / edition).open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            sku_id = row["GUID"].strip().lower()
            part, name = (
                row[column].replace("\u00a0", " ").strip() for column in ("String_Id", "Product_Display_Name")
            )
            known = found.setdefault(sku_id, Product(sku_id, part, name, {}))
            known.plans[row["Service_Plan_Id"].strip().lower()] = row["Service_Plan_Name"].strip()
    return found


def by_part(edition: str, part_number: str) -> Product:
    return next(product for product in catalogue(edition).values() if product.part_number == part_number)


def covered_by(edition: str, wide: str) -> list[str]:
    """Part numbers of the products a wide one covers, those left out that take no part in the comparison."""
    table, kinds = plan_table(), sku_table()
    holder = by_part(edition, wide)
    return [
        product.part_number
        for product in catalogue(edition).values()
        if product.sku_id != holder.sku_id
        and kinds.kind(product.sku, product.name) is SkuKind.USER
        and product.sku_id not in kinds.free
        and table.covers(holder.plan_ids, product.plan_ids)
    ]


def pairs(kind: str) -> list[tuple[str, str]]:
    if not M365.is_dir():
        return []
    labelled = json.loads((M365 / "plan_tiers.json").read_text("utf-8"))
    return [(narrow, wide) for narrow, wide in labelled[kind]]


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(("narrow", "wide"), pairs("true_pairs"))
def test_every_known_inclusion_is_found(edition, narrow, wide):
    assert plan_table().covers(by_part(edition, wide).plan_ids, by_part(edition, narrow).plan_ids)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(("narrow", "wide"), pairs("false_pairs"))
def test_nothing_is_called_included_that_is_not(edition, narrow, wide):
    assert not plan_table().covers(by_part(edition, wide).plan_ids, by_part(edition, narrow).plan_ids)


@pytest.mark.parametrize(("wide", "narrow"), VETOED)
def test_what_holds_an_unranked_plan_of_its_own_is_refused(wide, narrow):
    assert not plan_table().covers(by_part(EDITIONS[1], wide).plan_ids, by_part(EDITIONS[1], narrow).plan_ids)


def test_the_labelled_set_is_as_large_as_it_should_be():
    assert (len(pairs("true_pairs")), len(pairs("false_pairs"))) == (18, 12)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("wide", LARGEST)
def test_the_list_of_covered_products_stays_short_and_holds_no_device(edition, wide):
    covered = covered_by(edition, wide)
    assert 10 < len(covered) <= LARGEST[wide]
    assert not [
        part for part in covered if "Rooms" in part or part.startswith(("MCOCAP", "INTUNE_A_D", "MDATP_S", "MTR"))
    ]


@pytest.mark.parametrize("edition", EDITIONS)
def test_coverage_is_transitive_enough_to_drop_several_products_at_once(edition):
    parts = ("SPE_E5", "SPE_E3", "ENTERPRISEPACK", "AAD_PREMIUM", "EMS", "EXCHANGESTANDARD")
    products = [by_part(edition, part) for part in parts]
    gone = redundant([Holding(sku_id=one.sku_id, plans=one.plan_ids) for one in products], plan_table())
    assert {one.part_number for one in products if one.sku_id in gone} == set(parts[1:])


@pytest.mark.parametrize("edition", EDITIONS)
def test_case_18_the_french_pairs_are_judged_by_what_they_bring_and_not_by_their_names(edition):
    table, products = plan_table(), catalogue(edition)
    teams = products[EEA_TEAMS].plan_ids
    for sku_id in (EEA_PREMIUM, *EEA_STANDARD):
        assert not table.covers(products[sku_id].plan_ids, teams)
    assert table.covers(by_part(edition, "O365_BUSINESS_PREMIUM").plan_ids, teams)
    assert table.covers(products[EEA_PREMIUM].plan_ids, products[EEA_STANDARD[0]].plan_ids)


@pytest.mark.parametrize("edition", EDITIONS)
def test_case_19_the_business_family_is_told_by_its_plans(edition):
    table = sku_table()
    family = {one.name for one in catalogue(edition).values() if table.is_business(one.sku, with_apps=False)}
    assert {
        name.partition(" (")[0].partition(" EEA")[0].partition(" Donation")[0].partition(" - ")[0] for name in family
    } == {
        "Microsoft 365 Business Basic",
        "Microsoft 365 Business Standard",
        "Microsoft 365 Business Premium",
    }
    with_apps = {one.part_number for one in catalogue(edition).values() if table.is_business(one.sku, with_apps=True)}
    assert {"O365_BUSINESS", "SMB_BUSINESS"} <= with_apps


def test_every_guid_of_our_lists_bears_the_name_we_give_it():
    products = catalogue(EDITIONS[0]) | catalogue(EDITIONS[1])
    folder = Path(plans_module.__file__).parent
    with (folder / "skus.toml").open("rb") as file:
        lists = tomllib.load(file)
    named = {
        sku: name for section in ("free", "devices", "servers", "resources") for sku, name in lists[section].items()
    }
    assert {sku: products[sku].part_number for sku in named} == named
    known = {plan for product in products.values() for plan in product.plans}
    assert set(plan_table().ranks) | plan_table().companions | set(sku_table().kinds_by_plan) <= known


def test_the_companions_are_those_of_the_vetos_list_and_no_other():
    named: dict[str, set[str]] = {}
    for edition in EDITIONS:
        for product in catalogue(edition).values():
            for plan, name in product.plans.items():
                named.setdefault(plan, set()).add(name.replace("\u00a0", "").strip())
    wanted = {plan for plan, names in named.items() if any(COMPANIONS.fullmatch(name) for name in names)}
    table = plan_table()
    assert {plan: named[plan] for plan in table.companions ^ (wanted - table.ranks.keys())} == {}


def test_the_reference_list_of_free_products_is_free_here_too():
    """By our list, by its name, or as storage that is no seat: nothing on another product's list is waste here."""
    reference = json.loads((M365 / "m365-skus" / "ExcludeSkuList.JSON").read_text("utf-8"))
    products, table = catalogue(EDITIONS[0]) | catalogue(EDITIONS[1]), sku_table()
    wasted = []
    for entry in reference:
        sku = SubscribedSku(sku_id=entry["GUID"].lower(), part_number="")
        product = products.get(sku.sku_id)
        name = entry["Product_Display_Name"] + ("" if product is None else f" {product.part_number}")
        is_seat = table.kind(sku, name) is SkuKind.USER
        if is_seat and sku.sku_id not in table.free and not is_called_free(sku, name):
            wasted.append(name)
    assert wasted == []
