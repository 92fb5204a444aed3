"""licenses.xlsx to start from: the columns of a client's rights with drop-downs, help and an example row.

Every heading and every word it offers is read back by `auditor.entitlements.file`; one language always gives the same
bytes.
"""

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Final

from reports.styles import DATE_FORMATS, EURO_FORMATS, Style, StyleSheet
from reports.texts import Texts, languages
from reports.workbook import CREATOR

if TYPE_CHECKING:
    from openpyxl.cell import Cell, MergedCell
    from openpyxl.worksheet.datavalidation import DataValidation
    from openpyxl.worksheet.worksheet import Worksheet

FILE_NAME: Final = "licenses.xlsx"
_HEADINGS_ROW: Final = 3
_EXAMPLE_ROW: Final = _HEADINGS_ROW + 1
_LAST_DRAWN: Final = 44  # rows with borders to write into
_LAST_HELPED: Final = 1000  # rows with drop-downs and help
_PROMPT_LIMIT: Final = 255
_TITLE_LIMIT: Final = 32
_FIRST_DAY: Final = 29_221  # 1 January 1980 as Excel counts days
_MADE: Final = datetime(2026, 1, 1)  # noqa: DTZ001 - a file's property, without a zone; the same in every file
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)
_MODIFIED: Final = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column: `form` is "text", "list", "number", "date" or "money"; `choices` the texts a list offers."""

    name: str
    width: float
    form: str = "text"
    choices: str = ""
    required: bool = False


_COLUMNS: Final = (
    _Column(name="id", width=11),
    _Column(name="publisher", width=16),
    _Column(name="product", width=30, required=True),
    _Column(name="edition", width=15),
    _Column(name="version", width=11),
    _Column(name="version_rule", width=12, form="list", choices="version_rules"),
    _Column(name="metric", width=19, form="list", choices="metrics", required=True),
    _Column(name="quantity", width=12, form="number", required=True),
    _Column(name="units_per_pack", width=11, form="number"),
    _Column(name="channel", width=14, form="list", choices="channels"),
    _Column(name="bound_to", width=20),
    _Column(name="start", width=13, form="date"),
    _Column(name="end", width=13, form="date"),
    _Column(name="maintenance_end", width=14, form="date"),
    _Column(name="downgrade", width=17, form="list", choices="values"),
    _Column(name="second_device", width=12, form="list", choices="values"),
    _Column(name="virtualization", width=16, form="number"),
    _Column(name="proof", width=24),
    _Column(name="unit_price", width=15, form="money"),
    _Column(name="period", width=13, form="list", choices="periods"),
    _Column(name="note", width=40),
)
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "version_rules": ("exact", "up_to", "any"),
    "metrics": (
        *("device", "user", "named_user", "concurrent", "core", "core_pack_2", "core_pack_16", "server"),
        *("user_cal", "device_cal", "site", "subscription_seat"),
    ),
    "channels": ("oem", "retail", "volume", "subscription", "spla"),
    "values": ("yes", "no"),
    "periods": ("once", "year", "month"),
}
_LOOKS: Final[Mapping[str, Style]] = {"number": Style.NUMBER, "date": Style.DATE, "money": Style.EURO}
_EXAMPLE: Final[Mapping[str, str | int | float | date]] = {
    "publisher": "Microsoft",
    "product": "Microsoft Office",
    "version": "2021",
    "quantity": 12,
    "start": date(2021, 3, 15),
    "unit_price": 489.5,
}


def template(language: str) -> bytes:
    """The bytes of licenses.xlsx. Raises LookupError for a language without texts."""
    from openpyxl import Workbook

    texts = Texts(language)
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    StyleSheet(workbook, language)
    _fill_in(workbook.create_sheet(texts.text("rights_file.sheet")), texts)
    _explain(workbook.create_sheet(texts.text("rights_file.help_sheet")), texts)
    workbook.active = 0
    properties = workbook.properties
    properties.creator = properties.lastModifiedBy = CREATOR
    properties.title = texts.text("rights_file.title")
    properties.language = texts.text("workbook.culture")
    properties.created = _MADE
    frame = io.BytesIO()
    workbook.save(frame)
    return _settled(frame)


@cache
def examples() -> tuple[Mapping[str, str | int | float | date], ...]:
    """The example row of every language, by column."""
    return tuple(_example(Texts(language)) for language in languages())


def _example(texts: Texts) -> dict[str, str | int | float | date]:
    worded = {
        column.name: texts.text(f"rights_file.example.{column.name}")
        for column in _COLUMNS
        if texts.has(f"rights_file.example.{column.name}")
    }
    return {**_EXAMPLE, **worded}


def _fill_in(sheet: "Worksheet", texts: Texts) -> None:
    title, hint = texts.text("rights_file.title"), texts.text("rights_file.hint")
    _banner(sheet, title, hint, title_columns=3, hint_columns=8, last=len(_COLUMNS))
    shown = _example(texts)
    for number, column in enumerate(_COLUMNS, start=1):
        heading = sheet.cell(_HEADINGS_ROW, number, _heading(column, texts))
        heading.style = Style.HEADER.value
        sheet.column_dimensions[heading.column_letter].width = column.width
        for row in range(_EXAMPLE_ROW, _LAST_DRAWN + 1):
            _dress(sheet.cell(row, number), column, is_example=row == _EXAMPLE_ROW, language=texts.language)
        if column.name in shown:
            sheet.cell(_EXAMPLE_ROW, number).value = shown[column.name]
        offer = _offer(column, texts)
        offer.add(f"{heading.column_letter}{_EXAMPLE_ROW}:{heading.column_letter}{_LAST_HELPED}")
        sheet.add_data_validation(offer)
    sheet.row_dimensions[_HEADINGS_ROW].height = sheet.row_dimensions[_EXAMPLE_ROW].height = 32
    sheet.freeze_panes = f"D{_EXAMPLE_ROW}"
    _paper(sheet, texts, pages_wide=2)
    sheet.print_title_rows = f"{_HEADINGS_ROW}:{_HEADINGS_ROW}"
    sheet.print_title_cols = "A:C"


def _banner(sheet: "Worksheet", title: str, hint: str, *, title_columns: int, hint_columns: int, last: int) -> None:
    """Title and hint side by side: printed on a second page, the columns that repeat hold the title alone."""
    for number in range(1, last + 1):
        sheet.cell(1, number).style = (Style.TITLE if number <= title_columns else Style.SUBTITLE).value
    sheet.cell(1, 1).value = title
    sheet.cell(1, title_columns + 1).value = hint
    sheet.merge_cells(start_row=1, end_row=1, start_column=1, end_column=title_columns)
    if hint_columns > 1:
        first = title_columns + 1
        sheet.merge_cells(start_row=1, end_row=1, start_column=first, end_column=title_columns + hint_columns)
    sheet.row_dimensions[1].height = 48
    sheet.row_dimensions[2].height = 8


def _heading(column: _Column, texts: Texts) -> str:
    return texts.text(f"rights_file.headings.{column.name}") + (" *" if column.required else "")


def _dress(cell: "Cell | MergedCell", column: _Column, *, is_example: bool, language: str) -> None:
    """The look of a cell to write into: pale yellow, or as a finished row for the example."""
    if is_example:
        cell.style = (Style.INFO if column.name == "id" else _LOOKS.get(column.form, Style.TEXT)).value
    else:
        cell.style = Style.INPUT.value
    if column.form == "date":
        cell.number_format = DATE_FORMATS[language]
    elif column.form == "money":
        cell.number_format = EURO_FORMATS[language]
    elif column.name == "version":
        cell.number_format = "@"  # else a spreadsheet makes a date of 8.1


def _offer(column: _Column, texts: Texts) -> "DataValidation":
    """Help for a column's cells, and what they take; another entry is warned of, not forbidden."""
    from openpyxl.worksheet.datavalidation import DataValidation

    offer = DataValidation(allow_blank=True, showInputMessage=True, showErrorMessage=True, errorStyle="warning")
    offer.promptTitle = _heading(column, texts)[:_TITLE_LIMIT]
    offer.prompt = texts.text(f"rights_file.help.{column.name}")[:_PROMPT_LIMIT]
    complaint = ""
    match column.form:
        case "list":
            offer.type, complaint = "list", "not_listed"
            offer.formula1 = f'"{",".join(choices(column.choices, texts))}"'
        case "number":
            offer.type, offer.operator, complaint = "whole", "greaterThanOrEqual", "not_number"
            offer.formula1 = "1"
        case "date":
            offer.type, offer.operator, complaint = "date", "greaterThanOrEqual", "not_date"
            offer.formula1 = str(_FIRST_DAY)
    if complaint:
        offer.errorTitle = texts.text(f"rights_file.{complaint}_title")[:_TITLE_LIMIT]
        offer.error = texts.text(f"rights_file.{complaint}")
    return offer


def choices(group: str, texts: Texts) -> list[str]:
    """The words a drop-down offers. Raises ValueError for a list Excel would refuse."""
    path = "values" if group == "values" else f"rights_file.{group}"
    found = [texts.text(f"{path}.{name}") for name in _CHOICES[group]]
    if len(",".join(found)) > _PROMPT_LIMIT - 2 or any("," in word or '"' in word for word in found):
        raise ValueError(f"no list of choices Excel accepts: {found}")
    return found


def _explain(sheet: "Worksheet", texts: Texts) -> None:
    title, hint = texts.text("rights_file.help_title"), texts.text("rights_file.help_hint")
    _banner(sheet, title, hint, title_columns=1, hint_columns=2, last=3)
    for number, (text_id, width) in enumerate((("help_column", 24), ("help_what", 84), ("help_words", 52)), start=1):
        cell = sheet.cell(_HEADINGS_ROW, number, texts.text(f"rights_file.{text_id}"))
        cell.style = Style.HEADER.value
        sheet.column_dimensions[cell.column_letter].width = width
    for row, column in enumerate(_COLUMNS, start=_HEADINGS_ROW + 1):
        offered = ", ".join(choices(column.choices, texts)) if column.choices else ""
        cells = (_heading(column, texts), texts.text(f"rights_file.help.{column.name}"), offered)
        for number, text in enumerate(cells, start=1):
            cell = sheet.cell(row, number, text or None)
            cell.style = (Style.STRONG if number == 1 else Style.TEXT).value
        lines = max(1, ceil(len(cells[1]) / 86), ceil(len(cells[2]) / 46))
        sheet.row_dimensions[row].height = 5 + 13 * lines
    sheet.freeze_panes = f"A{_HEADINGS_ROW + 1}"
    _paper(sheet, texts, pages_wide=1)
    sheet.print_title_rows = f"{_HEADINGS_ROW}:{_HEADINGS_ROW}"


def _paper(sheet: "Worksheet", texts: Texts, *, pages_wide: int) -> None:
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.sheet_view.showGridLines = False
    sheet.page_setup.paperSize = 9  # A4
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = pages_wide, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    margins = sheet.page_margins
    margins.left = margins.right = 0.25
    margins.top, margins.bottom, margins.header, margins.footer = 0.45, 0.6, 0.2, 0.3
    footer = sheet.HeaderFooter.oddFooter
    assert footer is not None
    footer.right.text = texts.text("rights_file.footer", page="&P", pages="&N")


def _settled(frame: io.BytesIO) -> bytes:
    """The same archive with fixed times, so that the same language always gives the same bytes."""
    result = io.BytesIO()
    stamp = _MADE.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(frame) as source, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, _FIXED_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o600 << 16
            target.writestr(member, _MODIFIED.sub(rb"\g<1>" + stamp + rb"\g<2>", source.read(name)))
    return result.getvalue()
