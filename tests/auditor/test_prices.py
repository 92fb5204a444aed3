"""A price list says what it means, or is refused with file, row or cell, and problem (cases 39, 40)."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import SettingsError
from auditor.prices import PriceList, price_list, read_prices
from rules.prices import Commitment, PriceBook

_GUID = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
_NEW_YEAR = datetime(2026, 1, 1)  # noqa: DTZ001 - a cell has no time zone
_HEAD = "sku;unit_price_ht;period;commitment;valid_from;source\n"


def _csv(folder: Path, text: str, encoding: str = "utf-8") -> PriceList:
    (folder / "prices.csv").write_bytes(text.encode(encoding))
    return price_list(folder)


def _refused(folder: Path, text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        _csv(folder, text)
    assert caught.value.subject == str(folder / "prices.csv"), "the message names the file"
    return caught.value


def _workbook(file: Path, rows: list[list[Any]], title: str = "Tarif") -> Path:
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file


def test_a_folder_without_a_price_list_has_no_price(tmp_path: Path) -> None:
    assert price_list(tmp_path) == PriceList()


def test_two_price_lists_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text("prices = []\n")
    with pytest.raises(SettingsError, match=r"prices\.csv and prices\.toml"):
        _csv(tmp_path, _HEAD)


def test_an_annual_price_is_divided_by_twelve_and_says_where_it_stands(tmp_path: Path) -> None:
    monthly, annual = _csv(
        tmp_path,
        _HEAD + "SPB;20,60;month;monthly;2026-01-01;devis 118\n" + f"{_GUID};240;year;annual;01/07/2026;\n",
    ).prices
    assert (monthly.product, monthly.monthly, monthly.commitment) == ("SPB", Decimal("20.60"), Commitment.MONTHLY)
    assert monthly.source == "prices.csv, row 2 (devis 118)"
    assert (annual.product, annual.monthly, annual.commitment) == (_GUID, Decimal(20), Commitment.ANNUAL)
    assert annual.valid_from == date(2026, 7, 1), "dd/mm/yyyy: the day first"
    assert annual.source == "prices.csv, row 3"


def test_french_headings_words_and_numbers_as_excel_saves_them(tmp_path: Path) -> None:
    """Excel's "CSV (point-virgule)" is Windows-1252, its thousands are no-break spaces."""
    text = "Référence;Désignation;Prix unitaire HT;Période;Engagement;À partir du\n"
    text += "SPE_E5;M365 E5;1\u00a0234,50 €;An;Annuel;01/01/2026\n"
    (price,) = _csv(tmp_path, text, "cp1252").prices
    assert (price.product, price.monthly) == ("SPE_E5", Decimal("1234.50") / 12)
    assert price.commitment is Commitment.ANNUAL


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_encoding_a_spreadsheet_program_writes_is_read(tmp_path: Path, encoding: str) -> None:
    text = "sku;prix unitaire HT;période;à partir du\nSPB;20,60 €;mois;01/01/2026\n"
    (price,) = _csv(tmp_path, text, encoding).prices
    assert price.monthly == Decimal("20.60")


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_every_usual_separator_is_recognised(tmp_path: Path, separator: str) -> None:
    text = "sku;unit_price_ht;period;valid_from\nSPB;20.60;month;2026-01-01\n".replace(";", separator)
    assert _csv(tmp_path, text).prices[0].monthly == Decimal("20.60")


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("20.60", "20.60"),
        ("20,60", "20.60"),
        ("20", "20"),
        ("€20.60", "20.60"),
        ("20,60 €", "20.60"),
        ("20,60 EUR", "20.60"),
        ("10,8250", "10.8250"),
        ("0,825", "0.825"),
        ("1 234,50", "1234.50"),
        ("1\u202f234,50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1 234", "1234"),
        ("12345.678", "12345.678"),
    ],
)
def test_amounts_as_people_write_them(tmp_path: Path, written: str, amount: str) -> None:
    (price,) = _csv(tmp_path, _HEAD + f"SPB;{written};month;;2026-01-01;\n").prices
    assert price.monthly == Decimal(amount)


@pytest.mark.parametrize("written", ["1.234", "10,825", "1,234"])
def test_an_amount_with_two_meanings_is_a_question_and_not_a_factor_of_a_thousand(tmp_path: Path, written: str) -> None:
    error = _refused(tmp_path, _HEAD + f"SPB;{written};month;;2026-01-01;\n")
    assert "row 2, unit_price_ht" in str(error)
    assert "may mean" in str(error)


@pytest.mark.parametrize("written", ["-5", "0", "0,00", "abc", "12..5", "1.2.3", "1 23,5", "$12", "#REF!", "1e3", "١٢"])
def test_what_is_no_price_is_refused_with_its_row(tmp_path: Path, written: str) -> None:
    error = _refused(tmp_path, _HEAD + f"SPB;{written};month;;2026-01-01;\n")
    assert "row 2, unit_price_ht" in str(error)


@pytest.mark.parametrize("written", ["", "_", " ", "n.c.", "NC"])
def test_case_39_a_price_not_known_yet_is_missing_and_never_zero(tmp_path: Path, written: str) -> None:
    found = _csv(tmp_path, _HEAD + f"SPB;{written};month;;2026-01-01;\nSPE_E3;30;month;;2026-01-01;\n")
    assert [price.product for price in found.prices] == ["SPE_E3"]
    assert found.notes == ("prices.csv, row 2: no price yet for 'SPB'",)


def test_case_40_the_row_in_force_is_the_latest_not_after_the_day_of_the_report(tmp_path: Path) -> None:
    found = _csv(tmp_path, _HEAD + "SPB;20;month;;2026-01-01;\nspb;22;month;;2026-07-01;\n")
    book = PriceBook(found.prices)
    assert [price.monthly for day in (date(2026, 6, 30), date(2026, 7, 1)) if (price := book.price(day, "SPB"))] == [
        Decimal(20),
        Decimal(22),
    ]


def test_two_prices_for_one_product_commitment_and_day_are_refused_naming_both_rows(tmp_path: Path) -> None:
    rows = "SPB;20;month;annual;2026-01-01;\nspb;21;month;annual;01/01/2026;\n"
    error = _refused(tmp_path, _HEAD + rows)
    assert "row 3: a second price for 'spb' with annual commitment from 2026-01-01" in str(error)
    assert "row 2" in error.problem
    assert len(_csv(tmp_path, _HEAD + rows.replace("annual", "monthly", 1)).prices) == 2


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (";20;month;;2026-01-01;", ("row 2, sku", "missing")),
        ("SPB;20;week;;2026-01-01;", ("row 2, period", "'week' is no period")),
        ("SPB;20;;;2026-01-01;", ("row 2, period",)),
        ("SPB;20;month;maybe;2026-01-01;", ("row 2, commitment", "'maybe'")),
        ("SPB;20;month;;;", ("row 2, valid_from", "date is missing")),
        ("SPB;20;month;;31/02/2026;", ("row 2, valid_from", "'31/02/2026' is no date")),
        ("SPB;20;month;;12/31/2026;", ("row 2, valid_from", "day first")),
        ("SPB;20;month;;01/01/26;", ("row 2, valid_from",)),
        ("SPB;20;month;;2026-01-01;a;b", ("row 2", "7 values for 6 columns")),
        ('SPB;"20;month', ("row", "not CSV")),
    ],
)
def test_every_error_names_row_and_problem(tmp_path: Path, row: str, parts: tuple[str, ...]) -> None:
    error = _refused(tmp_path, _HEAD + row + "\n")
    for part in parts:
        assert part in str(error)


def test_a_decimal_comma_between_commas_is_noticed(tmp_path: Path) -> None:
    error = _refused(tmp_path, "sku,unit_price_ht,period,valid_from\nSPB,20,60,month,2026-01-01\n")
    assert "decimal comma" in error.hint


@pytest.mark.parametrize(
    ("heading", "parts"),
    [
        ("sku;unit_price_ht;period\n", ("the column valid_from is missing",)),
        (
            "sku;unit_price_ht;perod;valid_from\n",
            ("row 1, column 3", "unknown column 'perod'", "Did you mean `period`?"),
        ),
        ("sku;prix;unit_price_ht;period;valid_from\n", ("row 1, column 3", "a second column unit_price_ht")),
        ("", ("it is empty",)),
    ],
)
def test_headings_are_checked(tmp_path: Path, heading: str, parts: tuple[str, ...]) -> None:
    error = _refused(tmp_path, heading)
    for part in parts:
        assert part in str(error)


def test_another_currency_is_refused(tmp_path: Path) -> None:
    text = "sku;unit_price_ht;period;valid_from;devise\nSPB;20;month;2026-01-01;{}\n"
    assert "prices are in euro" in str(_refused(tmp_path, text.format("USD")))
    assert len(_csv(tmp_path, text.format("EUR")).prices) == 1


def test_empty_rows_and_quoted_newlines_do_not_disturb_the_count(tmp_path: Path) -> None:
    found = _csv(tmp_path, "\n" + _HEAD + '\n;;;;;\n"SPB";20;month;;2026-01-01;"devis\n118"\n')
    assert found.prices[0].source.startswith("prices.csv, row 5"), "as a spreadsheet program counts"


def test_a_workbook_is_read_with_its_dates_numbers_and_texts(tmp_path: Path) -> None:
    file = _workbook(
        tmp_path / "prices.xlsx",
        [
            ["SKU", "Prix unitaire HT", "Période", "Engagement", "À partir du", "Source", None],
            ["SPB", 20.6, "mois", "mensuel", _NEW_YEAR, "devis", None],
            [_GUID, "240,00", "an", "annuel", "01/07/2026", None, None],
            [None, None, None, None, None, None, None],
        ],
    )
    first, second = read_prices(file).prices
    assert (first.monthly, first.valid_from) == (Decimal("20.6"), date(2026, 1, 1)), "no binary fraction"
    assert first.source == "prices.xlsx, sheet Tarif, row 2 (devis)"
    assert (second.monthly, second.valid_from) == (Decimal(20), date(2026, 7, 1))


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (["SPB", "abc", "month", "2026-01-01"], ("cell B2", "'abc' is no price")),
        (["SPB", True, "month", "2026-01-01"], ("cell B2",)),
        (["SPB", _NEW_YEAR, "month", "2026-01-01"], ("cell B2",)),
        (["SPB", -1, "month", "2026-01-01"], ("cell B2",)),
        (["SPB", 20, "month", 45000], ("cell D2", "no date")),
        (["SPB", "=10*2", "month", "2026-01-01"], ("cell B2", "never calculated")),
    ],
)
def test_a_workbooks_error_names_its_cell(tmp_path: Path, row: list[Any], parts: tuple[str, ...]) -> None:
    file = _workbook(tmp_path / "prices.xlsx", [["sku", "unit_price_ht", "period", "valid_from"], row])
    with pytest.raises(SettingsError) as caught:
        read_prices(file)
    assert caught.value.subject == str(file)
    for part in parts:
        assert part in str(caught.value)


def test_a_workbooks_headings_are_named_by_cell(tmp_path: Path) -> None:
    file = _workbook(tmp_path / "prices.xlsx", [["sku", "montant", "period", "valid_from"]])
    with pytest.raises(SettingsError, match="cell B1: unknown column 'montant'"):
        read_prices(file)


@pytest.mark.parametrize("content", [b"", b"no workbook", b"PK\x03\x04half", b"\xd0\xcf\x11\xe0 an old or locked one"])
def test_what_is_no_workbook_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "prices.xlsx").write_bytes(content)
    with pytest.raises(SettingsError, match="not an Excel workbook"):
        price_list(tmp_path)


def test_toml_keeps_numbers_exact_and_refuses_other_keys(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    row = '[[prices]]\nsku = "SPB"\nunit_price_ht = 10.1\nperiod = "month"\nvalid_from = 2026-01-01\n'
    file.write_text(row)
    assert price_list(tmp_path).prices[0].monthly == Decimal("10.1")
    assert price_list(tmp_path).prices[0].source == "prices.toml, prices[1]"
    for added, part in (
        ('perod = "x"\n', "prices[1].perod"),
        ("[other]\n", "other"),
        ("unit_price_ht = nan\n", "not valid TOML"),
    ):
        file.write_text(row + added)
        with pytest.raises(SettingsError) as caught:
            price_list(tmp_path)
        assert part in str(caught.value)
    file.write_text(row.replace("10.1", "nan"))
    with pytest.raises(SettingsError, match="unit_price_ht"):
        price_list(tmp_path)


def test_a_file_that_cannot_be_read_or_is_far_too_large_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_prices(tmp_path / "prices.csv")
    with (tmp_path / "prices.csv").open("wb") as file:
        file.truncate(20 << 20)
    with pytest.raises(SettingsError, match="too large"):
        price_list(tmp_path)


@given(st.integers(min_value=1, max_value=10**7), st.sampled_from([".", ","]))
def test_whatever_is_written_with_two_decimals_is_read_exactly(cents: int, point: str) -> None:
    from auditor.spreadsheets.values import price

    assert price(f"{cents // 100}{point}{cents % 100:02d}") == Decimal(cents) / 100


@given(st.text(max_size=40))
def test_no_text_in_the_price_column_breaks_the_reader(text: str) -> None:
    from auditor.prices import _prices
    from auditor.spreadsheets.rows import Row

    row = Row({"sku": "A", "unit_price_ht": text, "period": "month", "valid_from": "2026-01-01"}, "row 2")
    try:
        found = _prices(Path("prices.csv"), [row])
    except SettingsError:
        return
    assert all(price.monthly > 0 for price in found.prices)
