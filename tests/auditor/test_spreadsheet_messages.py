"""What a refused cell is told: why its number cannot be meant, and its column as the file itself calls it."""

import pytest

from auditor.entitlements.file import entitlements
from auditor.errors import SettingsError

HEADINGS = "Produit;Métrique;Quantité;Prix unitaire HT;Période"


def refused(folder, row, headings=HEADINGS):
    (folder / "licenses.csv").write_text(f"{headings}\n{row}\n", "utf-8")
    with pytest.raises(SettingsError) as caught:
        entitlements(folder)
    return str(caught.value)


@pytest.mark.parametrize("written", ["-3", "−3", "–3", "-3,0"])
def test_a_number_below_nought_is_called_that(tmp_path, written):
    told = refused(tmp_path, f"Acme*;Poste;{written};;")
    assert "is below 0, which no quantity can be. Write what is held now" in told
    assert "is no quantity" not in told


def test_a_number_nobody_buys_so_many_of_is_called_too_large(tmp_path):
    told = refused(tmp_path, "Acme*;Poste;99999999999;;")
    assert "99999999999 is more than any quantity can be (at most 10,000,000)." in told
    assert "Write a whole number" not in told


def test_a_word_is_still_no_quantity(tmp_path):
    assert "'douze' is no quantity. Write a whole number, alone in its cell." in refused(
        tmp_path, "Acme*;Poste;douze;;"
    )


@pytest.mark.parametrize("row", ["Acme*;Poste;3;-5 €;an", "Acme*;Poste;3;32 $;an"])
def test_a_column_is_named_as_the_file_names_it(tmp_path, row):
    told = refused(tmp_path, row)
    assert "row 2, Prix unitaire HT: " in told
    assert "unit_price" not in told


def test_a_heading_in_english_is_named_in_english(tmp_path):
    headings = "Product;Metric;Quantity;Unit price;Period"
    assert "row 2, Unit price: " in refused(tmp_path, "Acme*;device;3;-5;year", headings)
