"""Support dates: those of L10 as endoflife.date publishes them, our own table on top, and broken lists."""

import json
import re
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.errors import FeedInvalid
from collectors.feeds import endoflife
from collectors.feeds.records import Lifecycle
from tests.lab.feed_samples import members
from tests.lab.made_up_feeds import raw_part


def release(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "isEol": False, "isLts": False, "eolFrom": None, **fields}


def products(*entries: dict[str, Any], **top: Any) -> bytes:
    document = {"schema_version": "1.2.0", "generated_at": "2026-08-22T19:40:28+00:00", "total": len(entries)}
    return json.dumps(document | {"result": list(entries)} | top).encode()


def parse(tmp_path: Path, data: bytes) -> dict[tuple[str, str], Lifecycle]:
    path = tmp_path / "products.json"
    path.write_bytes(data)
    return {(row.product, row.cycle): row for row in endoflife.parse((raw_part(path),))}


def front_matter(text: str) -> dict[str, Any]:
    """Read the little YAML that the site's product pages use: top-level keys and the list of releases."""
    head = text.split("\n---", 1)[0].removeprefix("---\n")
    page: dict[str, Any] = {"releases": []}
    in_releases = False
    for line in head.splitlines():
        found = re.match(r"( *)(- )?([A-Za-z]+): *(.*)$", line)
        if found is None or line.lstrip().startswith("#"):
            continue
        indent, dash, key, value = found.groups()
        value = re.sub(r"\s+#.*$", "", value).strip().strip("\"'")
        if not indent and not dash:
            in_releases = key == "releases"
            page.setdefault(key, value)
        elif in_releases and dash and key == "releaseCycle":
            page["releases"].append({key: value})
        elif in_releases and page["releases"] and key not in page["releases"][-1]:
            page["releases"][-1][key] = value
    return page


def as_api(name: str, page: dict[str, Any]) -> dict[str, Any]:
    """What the site's generator makes of one page: a date stands for "from then on", a boolean for now."""

    def dated(row: dict[str, str], key: str) -> str | None:
        value = row.get(key, "")
        return value if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else None

    return {
        "name": name,
        "labels": {"eoes": page.get("eoesColumn")},
        "releases": [
            {
                "name": row["releaseCycle"],
                "codename": row.get("codename"),
                "releaseDate": dated(row, "releaseDate"),
                "isLts": row.get("lts") == "true",
                "isEol": row.get("eol") == "true" or (dated(row, "eol") or "9999") <= "2026-08-22",
                "eolFrom": dated(row, "eol"),
                "eoesFrom": dated(row, "eoes"),
                "latest": {"name": row["latest"]} if "latest" in row else None,
            }
            for row in page["releases"]
        ],
    }


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Lifecycle]:
    entries = [
        as_api(Path(name).stem, front_matter(data.decode()))
        for name, data in members("feeds/endoflife/products.tar.xz")
        if name.endswith(".md")
    ]
    assert len(entries) == 464
    return parse(tmp_path_factory.mktemp("endoflife"), products(*entries))


@pytest.mark.parametrize(
    ("cycle", "regular", "lts"),
    [
        ("11", date(2024, 8, 14), date(2026, 8, 31)),
        ("12", date(2026, 7, 11), date(2028, 6, 30)),
        ("13", date(2028, 8, 9), date(2030, 6, 30)),
    ],
)
def test_L10_debian_has_regular_support_and_then_lts(published, cycle, regular, lts):
    row = published["debian", cycle]
    assert (row.support_ends_on, row.extended_ends_on) == (regular, lts)
    assert row.extended_name == "Debian LTS"
    assert row.ended is None


@pytest.mark.parametrize(
    ("product", "cycle", "ends", "extended"),
    [
        ("dotnet", "8", "2026-11-10", ""),  # W10
        ("dotnet", "9", "2026-11-10", ""),
        ("windows", "11-24h2-w", "2026-10-13", ""),  # W13
        ("windows", "11-24h2-e", "2027-10-12", ""),
        ("windows", "11-24h2-e-lts", "2029-10-09", ""),
        ("windows", "11-24h2-iot-lts", "2034-10-10", ""),
        ("windows", "11-23h2-w", "2025-11-11", ""),
        ("windows", "11-23h2-e", "2026-11-10", ""),
        ("windows", "10-21h2-e-lts", "2027-01-12", ""),
        ("windows", "10-21h2-iot-lts", "2032-01-13", ""),
        ("windows", "10-1607-e-lts", "2026-10-13", ""),
        ("windows", "10-22h2", "2025-10-14", "2028-10-10"),  # W14
        ("windows-server", "2012", "2023-10-10", "2026-10-13"),  # W15
        ("windows-server", "2012-r2", "2023-10-10", "2026-10-13"),
        ("windows-server", "2016", "2027-01-12", "2030-01-12"),
        ("windows-server", "2025", "2034-11-14", ""),
        ("windows-server", "23h2-ac", "2026-05-12", ""),
        ("windows-server-core", "2016", "2027-01-12", "2030-01-12"),
        ("windows-server-core", "2025", "2034-11-14", ""),
        ("windows-server-core", "23h2", "2026-05-12", ""),
        ("mssqlserver", "13.0-sp3", "2026-07-14", "2029-07-17"),
        ("sharepoint", "2016", "2026-07-14", ""),
        ("sharepoint", "2019", "2026-07-14", ""),
        ("office", "2016", "2025-10-14", ""),
        ("office", "2019", "2025-10-14", ""),
        ("office", "2021", "2026-10-13", ""),
        ("msexchange", "2016", "2025-10-14", "2026-11-01"),
        ("msexchange", "2019", "2025-10-14", "2026-11-01"),
    ],
)
def test_W10_W13_W15_microsofts_dates(published, product, cycle, ends, extended):
    row = published[product, cycle]
    assert row.support_ends_on == date.fromisoformat(ends)
    assert row.extended_ends_on == (date.fromisoformat(extended) if extended else None)
    assert (row.extended_name == "Extended Security Updates") is bool(extended)


def test_W15_server_core_ends_with_the_server_it_is(published):
    """The site has two dates for one product; ours is one."""
    for cycle in ("2012", "2012-r2", "2016", "2019", "2022", "2025"):
        full, core = published["windows-server", cycle], published["windows-server-core", cycle]
        assert (full.support_ends_on, full.extended_ends_on) == (core.support_ends_on, core.extended_ends_on), cycle


def test_exchange_subscription_has_no_end(published):
    assert published["msexchange", "subscription"].ended is False
    assert published["msexchange", "subscription"].support_ends_on is None


def test_every_product_that_rules_judge_is_published_and_nothing_else_is_kept(published):
    assert {product for product, _ in published} == endoflife.PRODUCTS
    assert len(published) >= endoflife.FEED.minimum_records


def test_other_publishers_dates_and_names_of_extended_support(published):
    assert published["rhel", "8"].extended_name == "Extended Life Cycle Support"
    assert published["rhel", "8"].support_ends_on == date(2029, 5, 31)
    assert published["almalinux", "9"].extended_ends_on is None
    assert published["almalinux", "9"].extended_name == ""
    assert published["sles", "15.5"].extended_ends_on == date(2027, 12, 31)
    assert published["alpine-linux", "3.21"].support_ends_on == date(2026, 11, 1)
    assert published["centos", "7"].support_ends_on == date(2024, 6, 30)


def test_an_end_without_a_date_is_a_plain_yes_or_no(published):
    assert published["oracle-linux", "10"].support_ends_on is None
    assert published["oracle-linux", "10"].ended is False


def test_our_own_table_wins_over_the_download(published):
    jammy = published["ubuntu", "22.04"]
    assert (jammy.support_ends_on, jammy.extended_ends_on) == (date(2027, 6, 1), date(2032, 4, 21))
    assert jammy.codename == "Jammy Jellyfish"
    assert jammy.lts
    assert published["ubuntu", "24.04"].extended_ends_on == date(2034, 4, 25)


def test_our_own_table_speaks_of_releases_the_download_lost(tmp_path):
    found = parse(tmp_path, products({"name": "ubuntu", "releases": []}))
    assert found["ubuntu", "22.04"].support_ends_on == date(2027, 6, 1)


def test_each_row_of_our_own_table_names_its_source_and_reason():
    rows = endoflife.read_overrides()
    assert rows
    assert all(row.source and row.reason for row in rows.values())
    assert {row.product for row in rows.values()} <= endoflife.PRODUCTS
    raw = tomllib.loads(endoflife._OVERRIDES.read_text("utf-8"))["override"]
    assert len(raw) == len(rows)


@pytest.mark.parametrize(
    "text",
    [
        'override = [{product = "debian", cycle = "12", source = "", reason = "x"}]',
        'override = [{product = "debian", cycle = "12", source = "a", reason = "x", eol = 2026-01-01}]',
        'override = [{product = "debian", cycle = "12", source = "a", reason = "x", support_ends_on = "soon"}]',
        'override = [{product = "debian", cycle = 12, source = "a", reason = "x"}]',
        "override = [",
        "",
    ],
)
def test_a_careless_row_of_our_own_table_is_refused(tmp_path, text):
    path = tmp_path / "overrides.toml"
    path.write_text(text)
    with pytest.raises(FeedInvalid, match=r"overrides\.toml"):
        endoflife.read_overrides(path)


def test_the_list_says_when_it_was_generated(tmp_path):
    path = tmp_path / "products.json"
    path.write_bytes(products())
    edition = endoflife.edition((raw_part(path),))
    assert edition.published_at == datetime(2026, 8, 22, 19, 40, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<!doctype html><title>429</title>", "is not the product list"),
        (products(release("1"))[:-9], "is not the product list"),
        (products({"name": "debian", "releases": [release("12", eolFrom="soon")]}), "eolFrom|releases"),
        (products({"name": "debian", "releases": [release("12", isEol="yes")]}), "is not the product list"),
        (products({"name": "debian", "releases": [{"name": "12"}]}), "isEol"),
        (products(schema_version="2.0.0"), "schema version '2.0.0'"),
    ],
)
def test_a_list_of_another_shape_is_refused(tmp_path, data, words):
    with pytest.raises(FeedInvalid, match=words):
        parse(tmp_path, data)


def test_markup_in_a_column_title_is_left_out(tmp_path):
    entry = {
        "name": "debian",
        "labels": {"eoes": 'Debian <abbr title="Long Term Support">LTS</abbr> &amp; more'},
        "releases": [release("12", eolFrom="2026-07-11", eoesFrom="2028-06-30")],
    }
    assert parse(tmp_path, products(entry))["debian", "12"].extended_name == "Debian LTS & more"
