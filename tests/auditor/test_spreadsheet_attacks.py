"""Files made to hurt: they cost a line of text, and neither memory, time, a traceback nor a right nobody counted."""

import os
import re

import pytest

from auditor.entitlements.file import entitlements
from auditor.errors import SettingsError
from auditor.prices import price_list
from auditor.waivers import waivers
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

ENTITY = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(("encoding", "mark"), [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"), ("cp037", b"")])
def test_entities_cannot_hide_in_another_encoding(tmp_path, encoding, mark):
    def hidden(name: str, content: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return content
        declared = f'<?xml version="1.0" encoding="{encoding}"?>'
        text = ENTITY + content.decode().partition("?>")[2]
        if mark:
            return mark + (declared + text).encode(encoding)
        return declared.encode("ascii") + text.encode(encoding)

    assert "its parts are not in UTF-8" in refused(patched(tmp_path, hidden))


def test_merged_areas_that_overlap_by_the_million_are_refused(tmp_path):
    areas = b"".join(b'<mergeCell ref="A%d:A1048576"/>' % row for row in range(2, 20_000))
    made = in_sheet(b"</sheetData>", b"</sheetData><mergeCells>" + areas + b"</mergeCells>")
    assert "a damaged one" in refused(patched(tmp_path, made))


def test_more_sheets_than_a_person_keeps_are_refused(tmp_path):
    made = book(*((f"S{number}", (HEADINGS, ROW)) for number in range(101)))
    assert "more than 100 sheets" in refused(saved(made, tmp_path))


def test_values_in_the_last_row_of_many_sheets_are_refused(tmp_path):
    def far(name: str, content: bytes) -> bytes:
        for old, new in ((b'r="2"', b'r="1048576"'), (b'2" ', b'1048576" '), (b'2"><v', b'1048576"><v')):
            content = content.replace(old, new) if "sheet" in name else content
        return content

    made = book(*((f"S{number}", (HEADINGS, ROW)) for number in range(4)))
    assert "in the last rows of several sheets" in refused(patched(tmp_path, far, made))


@pytest.mark.parametrize(
    ("name", "part"),
    [("S2", "worksheets/sheet1.xml"), ("S2", "./worksheets/sheet1.xml"), ("Licences", "worksheets/other.xml")],
)
def test_sheets_of_one_part_or_one_title_are_refused(tmp_path, name, part):
    """One part listed as thousands of sheets is read as often; of two with a title the marks are one's alone."""

    def twice(member: str, content: bytes) -> bytes:
        if member == "xl/workbook.xml":
            (sheet,) = re.findall(rb"<sheet [^>]*/>", content)
            other = re.sub(rb'r?:?id="rId[0-9]+"', b'r:id="rId99"', sheet).replace(b"Licences", name.encode())
            content = content.replace(sheet, sheet + other)
        if member == "xl/_rels/workbook.xml.rels":
            (relation,) = re.findall(rb'<Relationship [^>]*"/xl/worksheets/sheet1.xml"[^>]*/>', content)
            other = re.sub(rb'Id="rId[0-9]+"', b'Id="rId99"', relation)
            content = content.replace(relation, relation + other.replace(b"/xl/worksheets/sheet1.xml", part.encode()))
        return content

    assert "a damaged one (ValueError)" in refused(patched(tmp_path, twice))


def test_parts_that_are_large_together_are_refused_while_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("auditor.spreadsheets.xlsx._KEPT_ALL_LIMIT", 2_000)
    assert "it holds more than 0 MB" in refused(workbook(tmp_path, ROW))


def test_a_sheet_that_is_a_chart_is_no_damage(tmp_path):
    made = book()
    made.create_chartsheet("Graphique")
    assert quantities(entitlements(saved(made, tmp_path))) == [("Acme*", 12)]


def test_a_value_of_a_million_characters_is_refused_in_one_line(tmp_path):
    for text in ("A" * 1_000_000 + ";poste;1\n", 'Acme*;poste;"' + "1" * 1_000_000 + '"\n'):
        assert "row 2: not CSV: field larger" in refused(csv(tmp_path, "Produit;Métrique;Quantité\n" + text))
    assert "5001 columns: too many" in refused(csv(tmp_path, "Produit;Métrique;Quantité\n" + ";" * 5_000 + "\n"))


@pytest.mark.parametrize(
    ("row", "part"),
    [
        (("A" * 251, "poste", 1), "cell A2: a text of 251 characters (at most 250)"),
        (("Acme*", "poste", 10**18), "cell C2: 1e+18 is more than any quantity can be"),
        (("Acme*", "poste", "10 000 001"), "cell C2: 10 000 001 is more than any quantity can be"),
    ],
)
def test_what_nobody_buys_is_refused_with_its_cell(tmp_path, row, part):
    assert part in refused(workbook(tmp_path, row))


def test_marks_nobody_sees_do_not_make_another_name(tmp_path):
    (right,) = entitlements(workbook(tmp_path, ("Off\u202eice\u00ad 2019\u200b", "poste", 1))).entitlements
    assert right.product == "Office 2019"


@pytest.mark.parametrize("text", ["a = " + "[" * 5_000 + "]" * 5_000, "[[entitlements]]\nquantity = " + "9" * 5_000])
def test_toml_that_breaks_its_reader_is_refused_in_one_line(tmp_path, text):
    assert "not valid TOML" in refused(toml(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("licenses.xlsx", entitlements),
        ("licences.csv", entitlements),
        ("prices.csv", price_list),
        ("waivers.toml", waivers),
    ],
)
def test_a_file_behind_a_broken_link_is_not_a_file_nobody_wrote(tmp_path, name, read):
    """A share that is not mounted must not make a client one that declared nothing."""
    (tmp_path / name).symlink_to(tmp_path / "not-mounted" / name)
    with pytest.raises(SettingsError, match="leads nowhere"):
        read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "licenses.csv")
    assert "is not a file" in refused(tmp_path)


def test_a_heading_with_two_meanings_is_told_with_both(tmp_path):
    rights = entitlements(workbook(tmp_path, (*ROW, "01/02/2026"), headings=(*HEADINGS, "Date")))
    (note,) = rights.notes
    assert note.endswith(
        "the column 'Date' is not read. Name it Date d'achat (purchase date) or Fin (end) to have it read."
    )
