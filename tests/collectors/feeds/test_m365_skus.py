"""Names of SKUs and service plans: the traps of Microsoft's table, and the way into the compiled file and out again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import database, m365_skus
from collectors.feeds.records import FeedRecords, FeedState, PlanName, SkuName
from rules.knowledge import Knowledge
from tests.lab.feed_samples import sample
from tests.lab.made_up_feeds import TODAY, raw_part

HEADER = "Product_Display_Name,String_Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names"
SPB = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
EXCHANGE = "9aaf7827-d63c-4b61-89c3-182f06f82e5c"
PREMIUM = f"Microsoft 365 Business Premium,SPB,{SPB},EXCHANGE_S_STANDARD,{EXCHANGE},Exchange Online (Plan 1)"


def parse(tmp_path: Path, *lines: str, header: str = HEADER, encoding: str = "utf-8-sig") -> list[SkuName | PlanName]:
    path = tmp_path / "skus.csv"
    path.write_bytes("\r\n".join((header, *lines, "")).encode(encoding))
    return list(m365_skus.parse((raw_part(path),)))


def skus(tmp_path: Path, *lines: str, **how: str) -> dict[str, SkuName]:
    return {row.sku_id: row for row in parse(tmp_path, *lines, **how) if isinstance(row, SkuName)}


def test_a_row_names_a_sku_and_one_of_its_plans(tmp_path):
    assert parse(tmp_path, PREMIUM) == [
        SkuName(sku_id=SPB, part_number="SPB", name="Microsoft 365 Business Premium"),
        PlanName(id=EXCHANGE, sku_id=SPB, name="EXCHANGE_S_STANDARD", title="Exchange Online (Plan 1)"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "cp1252"])
def test_the_name_is_the_same_with_a_mark_without_one_and_in_the_windows_code_page(tmp_path, encoding):
    row = PREMIUM.replace("Premium", "Café – Premium")
    assert skus(tmp_path, row, encoding=encoding)[SPB].name == "Microsoft 365 Business Café – Premium"


def test_a_name_that_was_encoded_twice_is_mended_and_an_honest_accent_stays(tmp_path):
    twice = "Field Service – Add-On".encode().decode("cp1252")
    assert (
        skus(tmp_path, PREMIUM.replace("Microsoft 365 Business Premium", twice))[SPB].name == "Field Service – Add-On"
    )
    assert skus(tmp_path, PREMIUM.replace("Business", "Âge"))[SPB].name == "Microsoft 365 Âge Premium"


def test_non_breaking_spaces_belong_to_no_guid_and_to_no_name(tmp_path):
    row = PREMIUM.replace(SPB, f"\xa0{SPB.upper()}\xa0").replace("365 Business", "365\xa0 Business")
    assert skus(tmp_path, row) == {SPB: SkuName(sku_id=SPB, part_number="SPB", name="Microsoft 365 Business Premium")}


def test_what_cannot_be_seen_is_in_no_name(tmp_path):
    row = PREMIUM.replace("365 Business", "365\x00\x0b Business")
    assert skus(tmp_path, row)[SPB].name == "Microsoft 365 Business Premium"


def test_one_guid_under_two_names_takes_the_last_and_repeated_rows_are_one(tmp_path):
    found = parse(tmp_path, PREMIUM, PREMIUM, PREMIUM.replace("Business Premium,", "Business Premium (EEA),"))
    assert [row.name for row in found] == ["Microsoft 365 Business Premium (EEA)", "EXCHANGE_S_STANDARD"]


def test_one_name_over_two_guids_stays_two_skus(tmp_path):
    """Business Standard EEA has two GUIDs under one name."""
    other = PREMIUM.replace(SPB, "c1f79c29-5d7a-4bc1-a2c1-1a76774864c0")
    assert len(skus(tmp_path, PREMIUM, other)) == 2


def test_a_sku_without_a_name_is_called_by_its_part_number(tmp_path):
    assert skus(tmp_path, PREMIUM.replace("Microsoft 365 Business Premium", ""))[SPB].name == "SPB"


def test_columns_are_found_by_name(tmp_path):
    header = "GUID,Extra,Service_Plan_Id,Product_Display_Name,String_Id,Service_Plans_Included_Friendly_Names,"
    row = f'{SPB},x,{EXCHANGE},"Business, Premium",SPB,Exchange,EXCHANGE_S_STANDARD'
    assert skus(tmp_path, row, header=header + "Service_Plan_Name")[SPB].name == "Business, Premium"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<!DOCTYPE html><html>", "web page"),
        (b"", "no column"),
        (b"GUID,String_Id\r\n", "no column"),
        (f"{HEADER}\r\n{PREMIUM},more\r\n".encode(), "another number of fields"),
        (f"{HEADER}\r\n{PREMIUM}\r\nMicrosoft 365,SPB,{SPB}".encode(), "line 3"),
        (f"{HEADER}\r\n{PREMIUM.replace(SPB, 'SPB')}\r\n".encode(), "line 2 names a GUID"),
        (f'{HEADER}\r\n{PREMIUM},"cut'.encode(), "no CSV after line"),
        (f"{HEADER}\r\n".encode() + b"\x81\x8d,x", "Windows code page"),
    ],
)
def test_anything_else_is_refused_and_says_where(tmp_path, content, says):
    path = tmp_path / "skus.csv"
    path.write_bytes(content)
    with pytest.raises(FeedInvalid, match=says):
        list(m365_skus.parse((raw_part(path),)))


def test_it_is_downloaded_from_microsoft_or_from_a_mirror_of_ones_own():
    (part,) = m365_skus.parts(m365_skus.FEED.settings, TODAY)
    assert part.url.startswith("https://download.microsoft.com/")
    (part,) = m365_skus.parts({"base": "https://mirror.example/ms/"}, TODAY)
    assert part.url.startswith("https://mirror.example/ms/Product%20names")


def test_names_are_stored_read_back_and_found_by_guid(tmp_path):
    records = parse(tmp_path, PREMIUM, PREMIUM.replace(EXCHANGE, "41781fb2-bc02-4b7c-bd55-b576c07bb09d"))
    state = FeedState(name="m365-skus", title="", url="", licence="", max_age_days=120, fetched_at=datetime.now(UTC))
    database.write(tmp_path / "feeds.sqlite", [(state, records)])

    loaded = database.load(tmp_path / "feeds.sqlite", {database.TENANTS: ()})
    assert set(loaded.sku_names + loaded.plan_names) == set(records)
    assert database.load(tmp_path / "feeds.sqlite", {"debian:12": ("bash",)}).sku_names == ()

    knowledge = Knowledge.from_records(loaded)
    assert knowledge.sku_names[SPB].name == "Microsoft 365 Business Premium"
    assert knowledge.plan_names[EXCHANGE].title == "Exchange Online (Plan 1)"
    assert knowledge.sku_plans[SPB] == {EXCHANGE, "41781fb2-bc02-4b7c-bd55-b576c07bb09d"}
    assert Knowledge.from_records(FeedRecords()).sku_names == {}


@pytest.mark.parametrize(
    ("name", "sku_count"),
    [("Product names and service plan identifiers for licensing.csv", 569), ("ConversionTable.csv", 619)],
)
def test_the_real_tables_are_read_whole(name, sku_count):
    found = list(m365_skus.parse((raw_part(sample(f"m365/m365-skus/{name}")),)))
    names = {row.sku_id: row for row in found if isinstance(row, SkuName)}
    assert len(names) == sku_count
    assert len(found) > m365_skus.FEED.minimum_records
    assert names[SPB].name == "Microsoft 365 Business Premium"
    assert len({(row.id, row.sku_id) for row in found if isinstance(row, PlanName)}) == len(found) - sku_count
    assert not [row for row in found if "\xa0" in row.name or row.name != row.name.strip() or not row.name]
    assert "420c7602-" in "".join(names)  # the GUID that is written with a non-breaking space
