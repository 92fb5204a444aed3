"""Rows of a file of rights that are none: left aside where they cannot be a right, and asked about where they might."""

import pytest

from auditor.entitlements.file import entitlements
from tests.lab.rights_files import ROW, quantities, refused, workbook

OTHER = ("Sage*", "poste", 3)


def told(folder):
    """What is told of the only row that is no right, from its number on."""
    (note,) = entitlements(folder).notes
    return note.partition("row ")[2]


@pytest.mark.parametrize(
    "row",
    [
        ("TOTAL", None, 15),
        ("Total :", None, 15),
        ("Sous-total Microsoft", None, 15),
        ("Montant total HT", None, 15),
        (None, "Total", 15),
        ("Total", None, "=SUM(C2:C3)"),
        (None, None, 15),
    ],
)
def test_a_total_is_known_by_its_word_or_by_its_sum(tmp_path, row):
    folder = workbook(tmp_path, ROW, OTHER, row)
    assert told(folder) == "4 is a total, and is not counted"
    assert quantities(entitlements(folder)) == [("Acme*", 12), ("Sage*", 3)]


def test_a_sum_of_what_follows_the_last_total_is_a_total_too(tmp_path):
    rights = entitlements(workbook(tmp_path, ROW, (None, None, 12), OTHER, OTHER, (None, None, 6), (None, None, 18)))
    assert quantities(rights) == [("Acme*", 12), ("Sage*", 3), ("Sage*", 3)]
    assert sum("is a total" in note for note in rights.notes) == 3


def test_a_quantity_alone_that_sums_up_nothing_is_a_question(tmp_path):
    assert "cell A4: which product is this a right for?" in refused(workbook(tmp_path, ROW, OTHER, (None, None, 14)))


def test_a_product_whose_name_begins_like_a_total_is_a_product(tmp_path):
    rights = entitlements(workbook(tmp_path, ("Total Commander*", "poste", 2)))
    assert quantities(rights) == [("Total Commander*", 2)]


def test_remarks_below_the_table_are_told_and_cost_nothing(tmp_path):
    folder = workbook(tmp_path, ROW, (), ("NB : les licences OEM ne sont pas comptées",), (), ("Établi par J. Dupont",))
    rights = entitlements(folder)
    assert quantities(rights) == [("Acme*", 12)]
    assert [note.partition("row ")[2] for note in rights.notes] == [
        "4 is a remark below the table, and is not read",
        "6 is a remark below the table, and is not read",
    ]


def test_a_remark_stands_below_whatever_column_comes_first(tmp_path):
    """It was three mistakes of one row where the first column is the invoice's number."""
    headings = ("N° facture", "Produit", "Métrique", "Quantité")
    right = ("FA-2026-1", *ROW)
    folder = workbook(tmp_path, right, (), ("NB : la facture de 2019 est perdue",), headings=headings)
    assert told(folder) == "4 is a remark below the table, and is not read"
    assert quantities(entitlements(folder)) == [("Acme*", 12)]
    said = refused(workbook(tmp_path, right, (), ("FA-2026-2", "Logiciel de caisse"), headings=headings))
    assert "which product" not in said
    assert "how many were bought?" in said


def test_a_missing_metric_is_told_with_its_cell_where_another_column_names_it(tmp_path):
    headings = ("Produit", "Type de licence", "Quantité")
    assert "sheet Licences, cell B2: what does one of them cover?" in refused(
        workbook(tmp_path, ("Gesti-Fournil", None, 3), headings=headings)
    )


@pytest.mark.parametrize(
    "rows",
    [
        (ROW, ("Logiciel de caisse",)),  # no empty line: a row whose quantity was forgotten
        (ROW, (), ("AutoCAD",)),  # a product that is known
        (ROW, (), ("Logiciel de caisse",), OTHER),  # rights follow
    ],
)
def test_a_product_that_stands_alone_is_one_question_and_not_two(tmp_path, rows):
    said = refused(workbook(tmp_path, *rows))
    assert "stands alone: how many were bought?" in said
    assert len(said.splitlines()) == 1


def test_the_name_of_a_publisher_above_its_products_is_a_heading(tmp_path):
    assert told(workbook(tmp_path, ("MICROSOFT",), ROW)) == "2 is the heading of a section, and is not read"


def test_a_right_whose_quantity_is_a_formula_never_calculated_is_not_taken_for_a_title(tmp_path):
    """It was: a row with one value and one formula looked like a title over merged cells, and was not counted."""
    said = refused(workbook(tmp_path, ROW, ("Acme*", None, "=4*3")))
    assert "cell C3: a formula that was never calculated" in said
