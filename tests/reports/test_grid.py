"""Rows written straight into the file are the cells openpyxl itself would have written, and only a piece at a time."""

import io
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from reports.cells import letter
from reports.grid import Column, Page, RowWriter, Styled, lines_of, room, row_height
from reports.styles import Style, StyleSheet
from reports.texts import Texts
from reports.workbook import assemble, render
from tests.lab import assessments as lab
from tests.lab.workbook_checks import number_of, problems

VALUES = [
    "plain",
    "  spaces kept  ",
    "two\nlines",
    "<&>\"'",
    "=1+1",
    "שלום 😀",
    7,
    -3,
    0,
    2.5,
    date(2026, 8, 5),
    datetime(2026, 8, 5, 6, 30, tzinfo=UTC),
    None,
    "",
]
LOCAL = {datetime(2026, 8, 5, 6, 30, tzinfo=UTC): datetime(2026, 8, 5, 8, 30), date(2026, 8, 5): datetime(2026, 8, 5)}  # noqa: DTZ001 - a cell has no zone


def page_of(values):
    page = Page(title="Values")
    page.table([Column(title="Value", style=Style.TEXT)], [(value,) for value in values], lambda row: row, main=True)
    return page


def book_of(pages):
    return openpyxl.load_workbook(io.BytesIO(assemble(pages, lab.spotless(), Texts("en"), "t")))


def test_values_read_back_equal_what_openpyxl_writes_itself():
    sheet = book_of([page_of(VALUES)])["Values"]
    plain = openpyxl.Workbook()
    for number, value in enumerate(VALUES, 2):
        cell = plain.active.cell(number, 1, LOCAL.get(value, value) or (0 if value == 0 else None))
        if isinstance(value, str) and value.startswith("="):
            cell.data_type = "s"
    saved = io.BytesIO()
    plain.save(saved)
    theirs = openpyxl.load_workbook(saved).active
    for row in range(2, len(VALUES) + 2):
        ours, other = sheet.cell(row, 1), theirs.cell(row, 1)
        assert (ours.value, ours.data_type) == (other.value, other.data_type)


def test_dates_in_a_text_column_are_shown_as_dates():
    sheet = book_of([page_of(VALUES)])["Values"]
    assert sheet["A12"].number_format == "d\\ mmm\\ yyyy"
    assert sheet["A13"].number_format == "d\\ mmm\\ yyyy\\ hh:mm"


def test_a_long_table_is_written_in_pieces_and_its_rows_are_made_on_the_way():
    made = []

    def line(number):
        made.append(number)
        return (f"row {number}", number)

    page = Page(title="Long")
    page.table([Column(title="Text"), Column(title="Number", style=Style.NUMBER)], range(20_000), line)
    assert len(made) == 400  # a sample, for the widths
    pieces = RowWriter(StyleSheet(openpyxl.Workbook(), "fr"), ZoneInfo("Europe/Paris")).pieces(page)
    first = next(pieces)
    assert len(first) < 300_000
    assert len(made) < 5_000
    assert sum(1 for _ in pieces) > 5
    assert made[-1] == 19_999


def test_a_texts_own_look_wins_over_the_columns():
    page = Page(title="Looks")
    page.table([Column(title="State")], ["Bad"], lambda value: (Styled(value, Style.BAD),))
    assert book_of([page])["Looks"]["A2"].style == "Critique"


def test_columns_follow_their_content_up_to_sixty():
    page = Page(title="Widths")
    columns = [Column(title="A"), Column(title="B"), Column(title="C", most=20), Column(title="D", width=12)]
    page.table(columns, ["x"], lambda _: ("short", "y" * 500, "z" * 500, "w" * 500))
    assert page.widths == {1: 8.5, 2: 60, 3: 20, 4: 12}


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [("", 10, 1), ("one two", 7, 1), ("one two", 6, 2), ("a\nb", 10, 2), ("x" * 25, 10, 3), ("one " + "x" * 25, 10, 4)],
)
def test_lines_of_a_wrapped_text(text, width, lines):
    assert lines_of(text, width) == lines


def test_a_long_version_is_broken_after_hyphens_and_needs_the_lines_for_it():
    """Office programs break there and leave the rest of the line empty: cut every 14 characters it would be three."""
    assert lines_of("1:20.18.2-1.module_el8.10.0+3965+2a8a0d3c", 14) == 4


def test_a_row_is_as_high_as_its_longest_text_and_never_fills_a_page():
    assert row_height(1) < row_height(3) < row_height(20) == row_height(1000)
    assert room(10, bold=True) < room(10)


def test_column_letters():
    assert [letter(number) for number in (1, 26, 27, 52, 703)] == ["A", "Z", "AA", "AZ", "AAA"]
    assert all(number_of(letter(number)) == number for number in range(1, 800))


# ------------------------------------------------------------------------------------------------- the checks can fail


def broken(change):
    """An ordinary workbook with one member changed by a function of its text."""
    source = zipfile.ZipFile(io.BytesIO(render(lab.ordinary(), "fr")))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name).decode()))
    return out.getvalue()


def swap(member, old, new):
    def change(name, text):
        if name != member:
            return text
        assert old in text
        return text.replace(old, new, 1)

    return change


SECOND, PATCHES, BOOK = "xl/worksheets/sheet2.xml", "xl/worksheets/sheet6.xml", "xl/workbook.xml"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (swap(SECOND, ">Constat<", ">Impact<"), "equal headers"),
        (swap(SECOND, '<autoFilter ref="A4:K13"', '<autoFilter ref="A4:K99"'), "ends below"),
        (swap(SECOND, '<mergeCell ref="A1:K1"', '<mergeCell ref="A1:K2"'), "overlap"),
        (swap(PATCHES, "<v>2</v>", "<f>1+1</f><v>2</v>"), "formula"),
        (swap(PATCHES, ">OpenSSL", ">" + "x" * 32_768), "32,767"),
        (swap(PATCHES, '<row r="6"', '<row r="3"'), "comes after"),
        (swap(PATCHES, '<c r="B5"', '<c r="A5"'), "out of order"),
        (swap("xl/worksheets/sheet1.xml", "'Périmètre et limites'!A1", "'Elsewhere'!A1"), "leads to"),
        (swap(PATCHES, ">OpenSSL et nginx<", ">{package}<"), "leftover"),
        (swap(PATCHES, ">OpenSSL et nginx<", ">KB5034441<"), "KB number"),
        (swap(PATCHES, ">OpenSSL et nginx<", ">CVE-2026-12345<"), "CVE id"),
        (swap(PATCHES, ">OpenSSL et nginx<", ">CVSS:3.1/AV:N/AC:L<"), "CVSS vector"),
        (swap(PATCHES, ">OpenSSL et nginx<", ">ABCDE-12345-FGHIJ-67890-KLMNO<"), "product key"),
        (swap(SECOND, ">Constat<", ">KB5034441<"), "KB number"),
        (swap(PATCHES, ">OpenSSL et nginx<", ">f520e45e-7413-4a34-a497-d2765967d094<"), "GUID"),
        (swap(PATCHES, ">OpenSSL et nginx<", ">nan<"), "'nan'"),
        (swap(PATCHES, ">pc-atelier-02\nLyon<", ">=srv-mail<"), "become a formula"),
        (
            swap(BOOK, 'name="Correctifs" sheetId="6" state="visible"', 'name="Correctifs" sheetId="6" state="hidden"'),
            "hidden",
        ),
        (swap(BOOK, 'name="Correctifs"', 'name="synthèse"'), "share a title"),
        (swap(SECOND, ' s="', ' s="99'), "unknown style"),
    ],
)
def test_the_checks_find_what_they_look_for(change, told):
    assert any(told in problem for problem in problems(broken(change)))


def test_a_broken_figure_shows_between_the_languages():
    from tests.lab.workbook_checks import same_figures

    english = render(replace(lab.ordinary(), sla_days={"critical": 15, "high": 14, "medium": 60, "low": 90}), "en")
    assert same_figures(render(lab.ordinary(), "fr"), english) != []
