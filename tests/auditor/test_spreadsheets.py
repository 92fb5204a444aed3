"""Spreadsheets as people make them: read where they have one meaning, else refused with sheet and cell (issue 5)."""

import random
import shutil
import subprocess
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.entitlements.file import entitlements, read_rights
from auditor.entitlements.template import template
from auditor.errors import SettingsError
from auditor.spreadsheets.rows import letters
from auditor.spreadsheets.values import UnreadableError, count, day, price, yes_no
from tests.lab.rights_files import (
    HEADINGS,
    ROW,
    book,
    csv,
    in_sheet,
    patched,
    quantities,
    refused,
    saved,
    toml,
    workbook,
)

ONE = [("Acme*", 12)]
SOFFICE = shutil.which("soffice")


# Where the table is


def test_titles_above_the_headings_empty_lines_and_any_order_of_columns(tmp_path):
    rows = [
        ["Licences de la société Martin"],
        [],
        ["Mis à jour le", "3 mars"],
        [None, "Quantité", "Produit", "Métrique"],
    ]
    rows += [[], [None, "12 ", " Acme* ", "Poste"], [None, None, None, None], [None, 3, "Sage*", "utilisateur"]]
    rights = entitlements(saved(book(("Parc", rows)), tmp_path))
    assert quantities(rights) == [("Acme*", 12), ("Sage*", 3)]
    assert [right.place for right in rights.entitlements] == [
        "licenses.xlsx, sheet Parc, row 6",
        "licenses.xlsx, sheet Parc, row 8",
    ]
    assert rights.notes == ()


def test_columns_nobody_reads_are_told_and_cost_nothing(tmp_path):
    rights = entitlements(workbook(tmp_path, (*ROW, "Paul", "rouge"), headings=(*HEADINGS, "Interlocuteur", None)))
    assert quantities(rights) == ONE
    assert rights.notes == (
        "licenses.xlsx, sheet Licences, cell D1: the column 'Interlocuteur' is not read",
        "licenses.xlsx, sheet Licences, row 1: column E has values and no heading, and is not read",
    )


def test_a_row_filled_in_only_where_nobody_reads_is_told(tmp_path):
    rights = entitlements(workbook(tmp_path, ROW, (None, None, None, "voir Paul"), headings=(*HEADINGS, "Contact")))
    assert any("row 3 has values only in columns that are not read" in note for note in rights.notes)


def test_several_sheets_with_a_table_are_all_read_and_others_are_told(tmp_path):
    made = book(
        ("Microsoft", (HEADINGS, ROW)),
        ("Notes", (["à faire", "rappeler Paul", "mardi"],)),
        ("Vide", ()),
        ("Métier", (["Logiciel", "Nb de licences", "Unité"], ["Sage*", 4, "utilisateur nommé"])),
    )
    rights = entitlements(saved(made, tmp_path))
    assert quantities(rights) == [*ONE, ("Sage*", 4)]
    assert rights.notes == ("licenses.xlsx, sheet Notes holds no rights (no such headings) and is not read",)


def test_a_second_table_below_the_first_with_its_own_order_of_columns(tmp_path):
    second = [["Quantité", "Métrique", "Produit"], [4, "utilisateur", "Sage*"]]
    assert quantities(entitlements(workbook(tmp_path, ROW, [], *second))) == [*ONE, ("Sage*", 4)]


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_with_rights_is_a_question(tmp_path, state):
    made = book(("Licences", (HEADINGS, ROW)), ("Ancien", (HEADINGS, ROW)))
    made["Ancien"].sheet_state = state
    assert "sheet Ancien: it is hidden and holds rights rows. Show the sheet if it counts" in refused(
        saved(made, tmp_path)
    )


def test_hidden_rows_and_columns_count_and_are_told(tmp_path):
    made = book(("Licences", (HEADINGS, ROW, ("Sage*", "poste", 2))))
    made["Licences"].row_dimensions[3].hidden = True
    made["Licences"].column_dimensions["B"].hidden = True
    rights = entitlements(saved(made, tmp_path))
    assert quantities(rights) == [*ONE, ("Sage*", 2)]
    assert rights.notes == (
        "licenses.xlsx, sheet Licences: the hidden column B is read",
        "licenses.xlsx, sheet Licences, row 3 is hidden, and counted",
    )


@pytest.mark.parametrize(
    ("headings", "parts"),
    [
        (("Produit", "Métrique"), ("sheet Licences", "the column quantity is missing")),
        (("Produit", "Métrique", "Quantite acqise"), ("cell C1: unknown column 'Quantite acqise'", "quantite_acquise")),
        (("Produit", "Quantité", "Qté"), ("cell C1: a second column quantity ('Qté')",)),
        (("a", "b", "c"), ("no line of headings", "Produit, Métrique, Quantité")),
    ],
)
def test_headings_that_say_too_little_are_refused_with_their_cell(tmp_path, headings, parts):
    told = refused(workbook(tmp_path, ("Acme*", "poste", 3), headings=headings))
    for part in parts:
        assert part in told


def test_an_empty_file_is_told(tmp_path):
    assert "it is empty" in refused(csv(tmp_path, "\n;;\n"))
    (tmp_path / "licenses.csv").unlink()
    assert "it is empty" in refused(saved(book(("Licences", ())), tmp_path))


# Merged cells


def test_a_publisher_merged_over_its_rows_is_that_of_each(tmp_path):
    rows = [("Éditeur", *HEADINGS), ("Acme", "A*", "poste", 1), (None, "B*", "poste", 2), (None, "C*", "poste", 3)]
    made = book(("Licences", rows))
    made["Licences"].merge_cells("A2:A3")
    rights = entitlements(saved(made, tmp_path))
    assert [right.publisher for right in rights.entitlements] == ["Acme", "Acme", ""]


def test_a_quantity_merged_over_two_rows_is_refused_because_nobody_knows_whose_it_is(tmp_path):
    made = book(("Licences", (HEADINGS, ROW, ("Sage*", "poste", None))))
    made["Licences"].merge_cells("C2:C3")
    told = refused(saved(made, tmp_path))
    assert "sheet Licences, cell C3: the cell is part of C2:C3, merged: whose value is it?" in told


def test_cells_merged_across_columns_are_refused_in_a_row_and_told_in_a_title(tmp_path):
    made = book(("Licences", (HEADINGS, ("Microsoft", None, None), ROW, ("Sage*", None, 3))))
    made["Licences"].merge_cells("A2:C2")
    assert any("row 2 is a title over merged cells" in note for note in entitlements_but(made, tmp_path, 4).notes)
    made["Licences"].merge_cells("A4:B4")
    assert "sheet Licences, cell B4: the cells A4:B4 are merged. Split them." in refused(saved(made, tmp_path))


def entitlements_but(made, folder, row):
    """The rights of a workbook without one of its rows."""
    kept = [cell.value for cell in made["Licences"][row]]
    for cell in made["Licences"][row]:
        cell.value = None
    rights = entitlements(saved(made, folder))
    for cell, value in zip(made["Licences"][row], kept, strict=True):
        cell.value = value
    return rights


# Formulas, errors and formats


def test_a_formulas_result_is_its_value(tmp_path):
    cached = in_sheet(b'<c r="C2" t="n"><v>12</v></c>', b'<c r="C2"><f>4*3</f><v>11.999999999999998</v></c>')
    assert quantities(entitlements(patched(tmp_path, cached))) == ONE


def test_a_formula_that_was_never_calculated_is_refused_with_its_cell(tmp_path):
    told = refused(workbook(tmp_path, ("Acme*", "poste", "=4*3")))
    assert "sheet Licences, cell C2: a formula that was never calculated. Open the file" in told


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#DIV/0!"])
def test_an_error_value_is_no_value(tmp_path, error):
    broken = in_sheet(b'<c r="C2" t="n"><v>12</v></c>', f'<c r="C2" t="e"><f>A9</f><v>{error}</v></c>'.encode())
    assert f"sheet Licences, cell C2: the formula's result is the error {error}." in refused(patched(tmp_path, broken))


@pytest.mark.parametrize(
    ("value", "style", "part"),
    [
        (0.12, "0%", "cell C2: 12% is a percentage"),
        (datetime(2026, 1, 12), "dd/mm/yyyy", "cell C2: 2026-01-12 00:00:00 is no quantity"),  # noqa: DTZ001
        (True, "General", "cell C2: True is no quantity"),
        (12.5, "General", "cell C2: 12.5 is no quantity"),
        (-3, "General", "cell C2: -3 is below 0, which no quantity can be"),
    ],
)
def test_a_cell_of_another_format_is_refused(tmp_path, value, style, part):
    made = book(("Licences", (HEADINGS, ("Acme*", "poste", value))))
    made["Licences"]["C2"].number_format = style
    assert part in refused(saved(made, tmp_path))


def test_a_version_that_became_a_date_is_noticed(tmp_path):
    row = (*ROW, datetime(2026, 1, 8))  # noqa: DTZ001 - Excel makes it of "8.1"
    told = refused(workbook(tmp_path, row, headings=(*HEADINGS, "Version")))
    assert "cell D2" in told
    assert "format the cell as text" in told


def test_dates_of_the_1904_system_are_dates(tmp_path):
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    made = book(("Licences", ((*HEADINGS, "Fin"), (*ROW, date(2026, 12, 31)))))
    made.epoch = CALENDAR_MAC_1904
    assert entitlements(saved(made, tmp_path)).entitlements[0].end == date(2026, 12, 31)


# Values


@pytest.mark.parametrize("written", ["12 ", "12,0", "12.0", " 12", "12\u00a0", "12,00", 12, 12.0, Decimal("12.0")])
def test_a_quantity_as_people_write_it(written):
    assert count(written) == 12


@pytest.mark.parametrize(("written", "number"), [("1 200", 1200), ("1\u202f200", 1200), ("1.200,00", 1200), ("0", 0)])
def test_a_grouped_quantity(written, number):
    assert count(written) == number


@pytest.mark.parametrize("written", ["1.200", "1,200", "12 postes", "~12", "10-12", "12,5", "-1", "1e2", "١٢", "#N/A"])
def test_what_is_no_quantity_or_may_be_two(written):
    with pytest.raises(UnreadableError):
        count(written)


@pytest.mark.parametrize(
    ("written", "amount"),
    [("1 200,50 €", "1200.50"), ("1\u00a0200,50\u00a0€", "1200.50"), ("€12.90", "12.90"), ("12,90 € HT", "12.90")],
)
def test_a_price_as_people_write_it(written, amount):
    assert price(written) == Decimal(amount)


@pytest.mark.parametrize(
    "written",
    [
        *("31/12/2026", "31-12-2026", "31.12.2026", "2026-12-31", "2026/12/31", "31 12 2026", "2026-12-31 00:00:00"),
        *("31 décembre 2026", "31 déc. 2026", "31 Dec 2026", "December 31, 2026", "Dec 31st, 2026", "31-déc.-2026"),
        *("jeudi 31 décembre 2026", "31/12/2026 23:59", "31 DÉCEMBRE 2026", date(2026, 12, 31)),
    ],
)
def test_a_day_as_people_write_it(written):
    assert day(written, day_first=False) == date(2026, 12, 31)


def test_the_first_of_a_month_in_french():
    assert day("1er août 2026") == date(2026, 8, 1)


@pytest.mark.parametrize("written", ["", "-", "perpétuelle", "Illimité", "n/a", "sans", "31/12/9999", None])
def test_no_end_has_many_names(written):
    assert day(written) is None


@pytest.mark.parametrize(
    "written",
    [
        *("32/12/2026", "31/02/2026", "12/31/2026", "31/12/26", "31-déc-26", "12/2026", "2026", "fin 2026", "20261231"),
        *("31 brumaire 2026", 46387, 1.5, True, "01/01/1900", "2026-W01-1", "demain"),
    ],
)
def test_what_is_no_day_or_not_one_day_is_refused(written):
    with pytest.raises(UnreadableError):
        day(written)


def test_a_day_with_two_meanings_is_refused_below_english_headings_and_read_below_french_ones(tmp_path):
    english = csv(tmp_path, "product;metric;quantity;end\nAcme*;device;12;03/04/2026\n")
    assert "row 2, end: '03/04/2026' may be day/month or month/day. Write 2026-04-03 or 2026-03-04." in refused(english)
    french = csv(tmp_path, "produit;métrique;quantité;fin\nAcme*;poste;12;03/04/2026\n")
    assert entitlements(french).entitlements[0].end == date(2026, 4, 3)


@pytest.mark.parametrize(("written", "answer"), [("Oui", True), ("x", True), ("non", False), ("", None), (True, True)])
def test_yes_and_no(written, answer):
    assert yes_no(written) is answer


def test_a_maybe_is_refused():
    with pytest.raises(UnreadableError, match="neither yes nor no"):
        yes_no("peut-être")


@given(st.one_of(st.text(max_size=30), st.floats(), st.integers(), st.dates(), st.booleans(), st.none()))
def test_no_value_breaks_a_reader(value):
    for reader in (count, price, day, yes_no):
        with suppress(UnreadableError):
            reader(value)


@given(st.dates(min_value=date(1980, 1, 1), max_value=date(9998, 12, 31)))
def test_a_day_written_in_french_is_read_back(when):
    months = ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre"]
    months += ["novembre", "décembre"]
    assert day(f"{when.day} {months[when.month - 1]} {when.year:04d}") == when
    assert day(f"{when.day:02d}/{when.month:02d}/{when.year:04d}") == when


def test_the_letters_of_columns():
    assert [letters(number) for number in (1, 26, 27, 52, 703)] == ["A", "Z", "AA", "AZ", "AAA"]


# CSV and TOML


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_csv_in_every_encoding_and_with_every_separator(tmp_path, encoding, separator):
    text = 'Licences\n\nÉditeur;Produit;Métrique;Quantité\n"Éditions ""É""";Acme*;simultané;12\n'.replace(
        ";", separator
    )
    rights = entitlements(csv(tmp_path, text, encoding))
    assert quantities(rights) == ONE
    assert rights.entitlements[0].publisher == 'Éditions "É"'
    assert rights.entitlements[0].place == "licenses.csv, row 4"


def test_csv_as_excel_marks_its_separator(tmp_path):
    assert quantities(entitlements(csv(tmp_path, "sep=;\r\nProduit;Métrique;Quantité\r\nAcme*;poste;12\r\n"))) == ONE


def test_a_decimal_comma_between_commas_is_noticed(tmp_path):
    told = refused(csv(tmp_path, "Produit,Métrique,Quantité,Prix HT\nAcme*,poste,12,20,60\n"))
    assert "row 2: 5 values for 4 columns. A decimal comma needs ;" in told


@pytest.mark.parametrize("content", [b"PK\x03\x04\x00\x00", b"Produit;Quantit\x00\xe9"])
def test_binary_data_is_no_csv(tmp_path, content):
    (tmp_path / "licenses.csv").write_bytes(content)
    assert "it holds binary data" in refused(tmp_path)


def test_a_quotation_mark_left_open_is_told_with_its_row(tmp_path):
    assert "not CSV" in refused(csv(tmp_path, 'Produit;Métrique;Quantité\n"Acme*;poste;12\n'))


def test_toml_names_key_and_line(tmp_path):
    text = '# what we bought\n[[entitlements]]\nproduct = "Acme*"\nmetric = "device"\nquantity = 12\n'
    rights = entitlements(toml(tmp_path, text))
    assert quantities(rights) == ONE
    assert rights.entitlements[0].place == "licenses.toml, entitlements[1]"
    toml(tmp_path, text + '\n[[entitlements]]\nproduct = "B"\nmetric = "device"\nquantity = "zwölf"\nquantty = 3\n')
    told = refused(tmp_path)
    assert "entitlements[2].quantty (line 11): unknown key. Did you mean `quantity`?" in told
    assert "entitlements[2].quantity (line 10): 'zwölf' is no quantity." in told


@pytest.mark.parametrize("text", ["entitlements = 3\n", "[[rights]]\na = 1\n", "entitlements = [3]\n", "nonsense"])
def test_other_toml_is_refused(tmp_path, text):
    assert refused(toml(tmp_path, text))


# Files that are not what they should be


def test_a_password_is_told_as_such(tmp_path):
    import io

    msoffcrypto = pytest.importorskip("msoffcrypto.format.ooxml", reason="the extra `protect` is not installed")
    plain = io.BytesIO()
    book().save(plain)
    plain.seek(0)
    with (tmp_path / "licenses.xlsx").open("wb") as file:
        msoffcrypto.OOXMLFile(plain).encrypt("secret", file)
    assert "a password protects it. Save a copy without one." in refused(tmp_path)


def test_excel_97_under_the_new_name_is_told_as_such(tmp_path):
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "Workbook".encode("utf-16-le") + bytes(600)
    (tmp_path / "licenses.xlsx").write_bytes(old)
    assert "Excel 97-2003 (.xls). Save it as .xlsx" in refused(tmp_path)


@pytest.mark.parametrize("name", ["licenses.xls", "licences.ods", "Licenses.XLSB", "licenses.numbers"])
def test_another_kind_of_file_is_not_overlooked(tmp_path, name):
    (tmp_path / name).write_bytes(b"something")
    assert "Save it as licenses.xlsx" in refused(tmp_path)


def test_a_macro_file_is_read_and_its_macros_are_not(tmp_path):
    def as_macro_file(name: str, content: bytes) -> bytes:
        plain = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
        return content.replace(plain, b"application/vnd.ms-excel.sheet.macroEnabled.main+xml")

    assert quantities(entitlements(patched(tmp_path, as_macro_file, name="licenses.xlsm"))) == ONE


def test_two_files_are_one_too_many(tmp_path):
    workbook(tmp_path, ROW)
    assert "there are licenses.csv and licenses.xlsx: which one counts?" in refused(csv(tmp_path, "Produit"))


def test_strict_open_xml_is_told_as_such(tmp_path):
    ordinary, strict = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main", b"http://purl.oclc.org/ooxml/main"
    assert "Strict Open XML" in refused(patched(tmp_path, lambda _, content: content.replace(ordinary, strict)))


def test_a_file_of_50_mb_is_read_when_only_its_pictures_are_large(tmp_path):
    from zipfile import ZipFile

    workbook(tmp_path, ROW)
    with ZipFile(tmp_path / "licenses.xlsx", "a") as archive:
        for number in range(5):
            archive.writestr(f"xl/media/image{number}.png", random.Random(number).randbytes(10 << 20))
    assert (tmp_path / "licenses.xlsx").stat().st_size > 50_000_000
    assert quantities(entitlements(tmp_path)) == ONE


@pytest.mark.parametrize("name", ["licenses.csv", "licenses.toml", "licenses.xlsx"])
def test_what_is_too_large_is_refused_before_it_is_read(tmp_path, name):
    with (tmp_path / name).open("wb") as file:
        file.truncate(70 << 20)
    assert "too large to be a list a person keeps (73 MB" in refused(tmp_path)


def test_a_bomb_is_refused_before_memory_is_spent(tmp_path, monkeypatch):
    from zipfile import ZIP_DEFLATED, ZipFile

    with ZipFile(tmp_path / "licenses.xlsx", "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(3):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", bytes(10 << 20))
    with monkeypatch.context() as patch:
        patch.setattr("auditor.spreadsheets.xlsx.UNPACKED_LIMIT", 20 << 20)
        assert "it unpacks to 31 MB" in refused(tmp_path)
    spaces = in_sheet(b"</sheetData>", b"</sheetData>" + b" " * (30 << 20))
    assert "holds more than 24 MB" in refused(patched(tmp_path, spaces))


def test_entities_of_ones_own_are_refused(tmp_path):
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><worksheet'
    assert "it declares entities of its own" in refused(patched(tmp_path, in_sheet(b"<worksheet", bomb)))


def test_formatted_empty_rows_down_to_the_end_cost_nothing(tmp_path):
    empty = b"".join(
        b'<row r="%d" ht="15"><c r="A%d" s="0"/><c r="B%d" s="0"></c></row>' % (n, n, n) for n in range(3, 90_000)
    )
    rights = entitlements(patched(tmp_path, in_sheet(b"</sheetData>", empty + b"</sheetData>")))
    assert quantities(rights) == ONE


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        (b'r="C2"', b'r="XFD2"', "cell XFD2: a value this far out"),
        (b'<row r="2"', b'<row r="99999999999"', "row 99999999999: a value this far out"),
    ],
)
def test_a_value_where_no_list_reaches_is_refused(tmp_path, old, new, part):
    assert part in refused(patched(tmp_path, in_sheet(old, new)))


def test_a_value_in_the_last_row_of_excel_is_found(tmp_path):
    def move(name: str, content: bytes) -> bytes:
        return (
            content.replace(b'r="2"', b'r="1048576"')
            .replace(b'A2"', b'A1048576"')
            .replace(b'B2"', b'B1048576"')
            .replace(b'C2"', b'C1048576"')
        )

    assert entitlements(patched(tmp_path, move)).entitlements[0].place.endswith("row 1048576")


def test_too_many_rows_are_refused(tmp_path):
    told = refused(csv(tmp_path, "Produit;Métrique;Quantité\n" + "Acme*;poste;1\n" * 20_001))
    assert "more than 20000 rows" in told


def test_a_damaged_workbook_is_refused_in_one_line_wherever_it_broke(tmp_path):
    """Cut short, or with bytes and pieces of XML changed: a reading or a sentence comes out, never a traceback."""
    chance, whole = random.Random(5), template("fr")
    file = tmp_path / "licenses.xlsx"
    outcomes = set()
    for turn in range(150):
        broken = bytearray(whole[: chance.randrange(len(whole))] if turn % 2 else whole)
        for _ in range(0 if turn % 2 else chance.randrange(1, 8)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        file.write_bytes(broken)
        outcomes.add(outcome(file))
    assert "refused" in outcomes


def test_broken_xml_is_refused_in_one_line(tmp_path):
    chance = random.Random(7)
    outcomes = set()

    def change(name: str, content: bytes) -> bytes:
        at = chance.randrange(len(content))
        return (
            content[:at]
            + chance.choice([b'"', b"<", b">", b"9", b"-", b"&", b""])
            + content[at + chance.randrange(9) :]
        )

    for _ in range(60):
        outcomes.add(outcome(patched(tmp_path, change) / "licenses.xlsx"))
    assert "refused" in outcomes


def outcome(file: Path) -> str:
    try:
        read_rights(file)
    except SettingsError:
        return "refused"
    return "read"


# Other programs


@pytest.mark.peer
@pytest.mark.xdist_group("libreoffice")
def test_libreoffice_saves_the_same_rights(tmp_path):
    """Its workbook of a CSV file, with dates, amounts and formulas, and of our own template."""
    if SOFFICE is None:
        pytest.skip("soffice is not installed")
    source = tmp_path / "in"
    source.mkdir()
    csv(source, "Produit;Métrique;Quantité;Fin;Prix HT\nAcme*;poste;=4*3;2026-12-31;20,60\n")
    (source / "template.xlsx").write_bytes(template("fr"))
    subprocess.run(
        [
            *(SOFFICE, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "xlsx"),
            *("--infilter=CSV:59,34,76,1,,1036,false,true", "--outdir", str(tmp_path), str(source / "licenses.csv")),
        ],
        check=True,
        capture_output=True,
        timeout=480,
    )
    rights = entitlements(tmp_path)
    assert quantities(rights) == ONE
    assert (rights.entitlements[0].end, rights.entitlements[0].unit_price) == (date(2026, 12, 31), Decimal("20.6"))


def test_a_table_written_by_pandas_is_read(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"Produit": ["Acme*"], "Métrique": ["poste"], "Quantité": [12.0], "Fin": [None]})
    frame.to_excel(tmp_path / "licenses.xlsx", index=False)
    assert quantities(entitlements(tmp_path)) == ONE
