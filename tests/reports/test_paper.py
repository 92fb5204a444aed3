"""What a reader has in hand: pages that begin with a title, hold whole lines and charts, and can be read."""

import io
from dataclasses import replace
from functools import cache

import openpyxl
import pytest
from openpyxl.utils import get_column_letter

from reports.exports import annex
from reports.grid import lines_of, room
from reports.styles import LOOKS, Style
from reports.workbook import render
from tests.lab import assessments as lab
from tests.lab import backgrounds, licensed, software
from tests.lab.workbook_checks import area


@cache
def rendered(sample, language):
    return render(licensed.EVERY[sample](), language)


def loaded(data):
    return openpyxl.load_workbook(io.BytesIO(data))


def test_the_pages_of_the_annex_that_hold_one_line_follow_each_other():
    findings = loaded(annex.render(lab.ordinary(), "fr"))["Constats"]
    assert findings.page_setup.pageOrder == "overThenDown"
    assert (findings.print_title_rows, findings.print_title_cols) == ("$4:$4", "$A:$A")


def test_a_heading_that_is_merged_over_many_columns_is_not_printed_in_part():
    """The first column is repeated on each page across, of a merged heading only a part: the tab stands above."""
    for sheet in loaded(annex.render(licensed.licensed(), "fr")).worksheets:
        if sheet.page_setup.fitToWidth > 1:
            assert sheet.print_area.rpartition("!")[2].startswith("$A$4:")
            assert sheet.oddHeader.left.text == "&A"
        else:
            assert not sheet.print_area or "$A$1:" in sheet.print_area


def test_what_only_programs_read_is_not_printed():
    findings = loaded(annex.render(lab.ordinary(), "fr"))["Constats"]
    heads = [cell.value for cell in findings[4]]
    last = area(findings.print_area.rpartition("!")[2])[2]
    assert heads[last:] == ["Empreinte"]


def test_the_heading_of_a_narrow_table_is_as_wide_as_its_words():
    incidents = loaded(annex.render(lab.ordinary(), "fr"))["Incidents"]
    merged = next(area for area in incidents.merged_cells.ranges if area.min_row == 2)
    widths = (incidents.column_dimensions.get(get_column_letter(number + 1)) for number in range(merged.max_col))
    across = sum(8.43 if width is None else width.width for width in widths)
    assert room(across) * 10 / LOOKS[Style.SUBTITLE].size >= len(incidents["A2"].value)


def test_in_french_our_codes_are_words_in_the_annex_too():
    book = loaded(annex.render(software.positioned(), "fr"))
    texts = {cell.value for sheet in book.worksheets for row in sheet.iter_rows(min_row=5) for cell in row}
    assert not texts & {"fail", "pass", "not_applicable", "firm", "now", "watch", "under", "excess", "check", "core"}


def test_a_header_is_repeated_only_where_the_table_goes_over_to_another_page():
    """Above charts and sentences on the pages that follow it would mean nothing."""
    assert loaded(rendered("ordinary", "fr"))["Licences Microsoft 365"].print_title_rows is None
    assert loaded(rendered("crowded", "fr"))["Correctifs"].print_title_rows == "$4:$4"


@pytest.mark.parametrize("sample", ["ordinary", "crowded", "licensed"])
def test_every_printed_page_of_the_coverage_begins_with_a_title_and_none_ends_with_a_header(sample):
    sheet = loaded(rendered(sample, "fr")).worksheets[-1]
    assert sheet.row_breaks.brk
    for page in sheet.row_breaks.brk:
        assert sheet.cell(page.id + 1, 1).style == "Section", page.id
        assert sheet.cell(page.id, 1).style not in ("Section", "En-tête"), page.id


def test_a_chart_is_not_cut_by_the_end_of_a_page():
    """The bar of the year's spend has its title, its sentence and its numbers on its own page."""
    sheet = loaded(rendered("licensed", "fr"))["Licences Microsoft 365"]
    heights = [sheet.row_dimensions[row + 1].height or 15 for row in range(sheet.max_row + 20)]
    across = sum(dimension.width for dimension in sheet.column_dimensions.values())
    capacity = 519 / min(1, 806 / (across * 5.25))
    breaks = [0, *(one.id for one in sheet.row_breaks.brk)]
    for chart in sheet._charts:
        first = chart.anchor._from.row
        start = max(one for one in breaks if one <= first)
        assert sum(heights[start:first]) + chart.anchor.ext.height / 12_700 <= capacity


def test_a_decision_of_five_figures_fits_its_column():
    """+110 000 EUR a year in Calibri and in DejaVu (the widest of the usual fonts)."""
    assert loaded(rendered("ordinary", "fr"))["Synthèse"].column_dimensions["G"].width >= 16


def test_the_plan_names_as_many_machines_as_its_column_shows():
    names = [f"srv-application-de-production-{number:02d}.interne.menuiserie-dubois.example" for number in range(20)]
    found = lab.missing("", "openssl")
    made = lab.assessment(tuple(map(lab.machine, names)), tuple(replace(found, subject=name) for name in names))
    sheet = loaded(render(made, "fr"))["Plan d'action"]
    rows = [row for row in range(5, sheet.max_row + 1) if "srv-" in str(sheet.cell(row, 6).value)]
    assert rows
    for row in rows:
        text = sheet.cell(row, 6).value
        assert "menuiserie-dubois" not in text
        assert lines_of(text, room(sheet.column_dimensions["F"].width)) * 13 <= sheet.row_dimensions[row].height


def test_the_twelve_months_stand_on_one_printed_page():
    assessment = licensed.licensed()
    book = loaded(render(assessment, "fr", background=backgrounds.background(assessment, 12)))
    sheet = book["Évolution"]
    heads = [row for row in range(1, sheet.max_row) if sheet.cell(row, 1).value == "Mois"]
    months = range(heads[0], heads[0] + 13)
    start = max([0, *(one.id for one in sheet.row_breaks.brk if one.id < heads[0])])
    heights = [sheet.row_dimensions[row].height or 15 for row in range(start + 1, months[-1] + 1)]
    across = sum(dimension.width for dimension in sheet.column_dimensions.values())
    assert sum(heights) <= 519 / min(1, 806 / (across * 5.25))
