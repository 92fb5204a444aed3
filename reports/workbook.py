"""The manager's workbook: an assessment in, the bytes of an xlsx file out.

The same assessment in the same language gives the same bytes: nothing reads the clock. openpyxl writes the file's frame
(styles, views, print set-up); the cells are written by `reports.grid` while the frame is copied into the final archive.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING, Final, Protocol
from unicodedata import normalize
from xml.sax.saxutils import quoteattr

from reports import plain, sheets
from reports.background import Background
from reports.cells import clean, letter, shorten
from reports.charts import described, draw, reworded
from reports.grid import Choice, Page, RowWriter
from reports.sheet import Report
from reports.styles import StyleSheet
from reports.texts import DEFAULT_ZONE, Texts
from rules.model import Assessment

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet


class About(Protocol):
    """Whose workbook it is, and of when: what footers and properties say."""

    @property
    def client(self) -> str: ...  # noqa: D102

    @property
    def as_of(self) -> datetime: ...  # noqa: D102

    @property
    def finished_at(self) -> datetime: ...  # noqa: D102


CREATOR: Final = "patch-license-auditor"
_A4: Final = 9
# Characters across one landscape page at which text of 10 points is printed in 7.5 (9 where Calibri is installed).
_PAGE_WIDTH: Final = 170
_TITLE_LIMIT: Final = 31
_FOOTER_LIMIT: Final = 60
_DISPLAY_LIMIT: Final = 200
_FORBIDDEN_IN_TITLE: Final = re.compile(r"[\[\]:*?/\\]")
_FORBIDDEN_IN_FILE_NAME: Final = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]')
_NAME_LIMIT: Final = 80
_NAME_BYTES: Final = 160  # of the 255 of a file's name, with room for what stands around it, and for an owner file's
_LIST_LIMIT: Final = 253  # 255 characters with the quotes around them
_WITH_LICENSES: Final = frozenset({"workbook.file", "workbook.title"})
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)
_ROWS: Final = re.compile(rb"<sheetData\s*/>|<sheetData>.*?</sheetData>", re.DOTALL)
_DIMENSION: Final = re.compile(rb'<dimension ref="[^"]*"\s*/>')
_AFTER_LINKS: Final = re.compile(rb"<(printOptions|pageMargins)")
_MODIFIED: Final = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)")


def render(
    assessment: Assessment, language: str, *, zone: str = DEFAULT_ZONE, background: Background | None = None
) -> bytes:
    """Render the manager's workbook. Raises LookupError for a language without texts."""
    texts = Texts(language, zone=zone)
    report = Report(assessment, texts, background)
    pages = []
    for sheet in sheets.discover():
        page = Page(title=report.title(sheet.name), portrait=sheet.portrait, one_page=sheet.one_page)
        sheet.build(page, report)
        pages.append(page)
    title = texts.text(_kind(assessment, "workbook.title"), client=assessment.client)
    return assemble(pages, assessment, texts, title, worded=plain.worded(texts))


def file_name(assessment: Assessment, language: str, *, zone: str = DEFAULT_ZONE) -> str:
    """Name of the workbook's file: month of the data, client, kind; valid on Windows, macOS and Linux, NFC."""
    return named(assessment, Texts(language, zone=zone), "workbook.file", ".xlsx")


def _kind(assessment: Assessment, text_id: str) -> str:
    """The text for a report that is about licenses too."""
    declared = assessment.software is not None and assessment.software.declared
    return f"{text_id}_both" if (assessment.tenants or declared) and text_id in _WITH_LICENSES else text_id


def named(assessment: Assessment, texts: Texts, text_id: str, suffix: str) -> str:
    """Fill a file name's text with month and client."""
    client = safe_name(assessment.client) or "client"
    day = texts.local_day(assessment.as_of)
    return texts.text(_kind(assessment, text_id), month=f"{day.year}-{day.month:02d}", client=client) + suffix


def safe_name(name: str) -> str:
    """A name as part of a file name: valid on Windows, macOS and Linux, NFC; "" where nothing of it is left."""
    plain = _FORBIDDEN_IN_FILE_NAME.sub("_", normalize("NFC", clean(name)))
    short = re.sub(r"\s+", "-", plain.strip()).strip(". ")[:_NAME_LIMIT]
    return short.encode("utf-8")[:_NAME_BYTES].decode("utf-8", "ignore")


def sheet_title(title: str, taken: Iterable[str] = ()) -> str:
    """Make a tab's title valid and unique: at most 31 characters, none that Excel forbids."""
    base = shorten(_FORBIDDEN_IN_TITLE.sub(" ", clean(title)).strip("' "), _TITLE_LIMIT) or "-"
    used = {name.casefold() for name in taken}
    candidate, number = base, 1
    while candidate.casefold() in used:
        number += 1
        mark = f" ({number})"
        candidate = base[: _TITLE_LIMIT - len(mark)] + mark
    return candidate


def assemble(
    pages: Iterable[Page],
    about: About,
    texts: Texts,
    title: str,
    *,
    worded: Callable[[str], str] | None = None,
) -> bytes:
    """Turn laid-out pages into the bytes of one workbook; `worded` has the last word on every text of a cell."""
    from openpyxl import Workbook

    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    styles = StyleSheet(workbook, texts.language)
    by_member: dict[str, Page] = {}
    drawings = 0
    for number, page in enumerate(pages, 1):
        worksheet = workbook.create_sheet(sheet_title(page.title, workbook.sheetnames))
        _set_up(worksheet, page, about, texts)
        by_member[f"xl/worksheets/sheet{number}.xml"] = page
        if worded is not None:
            page.charts = [reworded(chart, worded) for chart in page.charts]
        for chart in page.charts:
            draw(worksheet, chart)
        for choice in page.choices:
            _offer(worksheet, choice)
        if page.charts:
            drawings += 1
            by_member[f"xl/drawings/drawing{drawings}.xml"] = page
    workbook.worksheets[0].sheet_view.tabSelected = True
    _describe(workbook, about, texts, title)
    frame = io.BytesIO()
    workbook.save(frame)
    return _fill(frame, by_member, RowWriter(styles, texts.zone, worded), about.finished_at)


def _set_up(worksheet: "Worksheet", page: Page, about: About, texts: Texts) -> None:
    for column, width in page.widths.items():
        worksheet.column_dimensions[letter(column)].width = width
    for area in page.merges:
        worksheet.merged_cells.add(area)
    worksheet.freeze_panes = page.frozen
    if page.filtered:
        worksheet.auto_filter.ref = page.filtered
    from openpyxl.worksheet.pagebreak import Break
    from openpyxl.worksheet.properties import PageSetupProperties

    view = worksheet.sheet_view
    view.showGridLines = False
    view.zoomScale = 100
    setup = worksheet.page_setup
    setup.paperSize = _A4
    setup.orientation = "portrait" if page.portrait else "landscape"
    across = _pages_across(page)
    setup.fitToWidth = across
    setup.fitToHeight = 1 if page.one_page else 0
    worksheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    worksheet.print_options.horizontalCentered = True
    margins = worksheet.page_margins
    margins.left = margins.right = 0.25
    margins.top, margins.bottom, margins.header, margins.footer = 0.45, 0.6, 0.2, 0.3
    for row in page.breaks:
        worksheet.row_breaks.append(Break(id=row))
    _on_paper(worksheet, page, across)
    footer = worksheet.HeaderFooter.oddFooter
    words = (
        _footer(about.client),
        _footer(texts.date(texts.local_day(about.as_of))),
        texts.text("workbook.footer_page", page="&P", pages="&N"),
    )
    for side, text in zip(("left", "center", "right"), words, strict=True):
        part = getattr(footer, side)
        part.text = text
        part.size = 10  # shrinks with the sheet when it is fitted to the width


def _pages_across(page: Page) -> int:
    """Pages beside each other that all printed columns take; each further one begins with the first column again."""
    if page.one_page or page.one_wide:
        return 1
    whole, first = page.across(page.last_printed), page.across(1)
    return max(1, ceil((whole - first) / (_PAGE_WIDTH - first)))


def _on_paper(worksheet: "Worksheet", page: Page, across: int) -> None:
    """Which cells are printed, in what order, and what stands on every page."""
    wide = across > 1 and page.header_row is not None
    if wide:
        # What is merged over several columns cannot be repeated with the first: the tab's name stands above instead.
        worksheet.page_setup.pageOrder = "overThenDown"
        worksheet.print_title_cols = "A:A"
        title = worksheet.HeaderFooter.oddHeader
        assert title is not None  # openpyxl makes it
        title.left.text, title.left.size = "&A", 12
    if wide or page.printed:
        top = page.header_row if wide else 1
        worksheet.print_area = f"A{top}:{letter(page.last_printed)}{max(1, page.next_row - 1)}"
    # A repeated row stands on all pages that follow, above charts and sentences too, where it means nothing.
    if page.header_row is not None and (wide or page.goes_on):
        worksheet.print_title_rows = f"{page.header_row}:{page.header_row}"


def _offer(worksheet: "Worksheet", choice: Choice) -> None:
    """Let the reader pick from a list. Raises ValueError for a list Excel would refuse."""
    from openpyxl.worksheet.datavalidation import DataValidation

    listed = ",".join(choice.values)
    if len(listed) > _LIST_LIMIT or any("," in value or '"' in value for value in choice.values):
        raise ValueError(f"no list of choices Excel accepts: {listed}")
    offer = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True, showInputMessage=True)
    offer.prompt = clean(choice.prompt)
    offer.add(choice.area)
    worksheet.add_data_validation(offer)


def _footer(text: str) -> str:
    """Make a text safe in a footer, where & starts a code; at most 60 characters (255 for all three parts)."""
    plain = shorten(clean(text).replace("\n", " "), _FOOTER_LIMIT)
    return plain.replace("&", "&&")


def _describe(workbook: "Workbook", about: About, texts: Texts, title: str) -> None:
    properties = workbook.properties
    properties.creator = CREATOR
    properties.lastModifiedBy = CREATOR
    properties.title = clean(title)
    properties.language = texts.text("workbook.culture")
    properties.created = about.finished_at.replace(tzinfo=None, microsecond=0)
    workbook.active = 0


def _fill(frame: io.BytesIO, pages: Mapping[str, Page], writer: RowWriter, modified: datetime) -> bytes:
    """Copy the frame into the final archive with fixed times, writing each page's rows in passing."""
    result = io.BytesIO()
    with zipfile.ZipFile(frame) as source, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            member = zipfile.ZipInfo(name, _FIXED_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o600 << 16
            data = source.read(name)
            with target.open(member, "w") as out:
                if name in pages and "/drawings/" in name:
                    out.write(described(data, pages[name].charts))
                elif name in pages:
                    head, tail = _split(data, pages[name])
                    out.write(head)
                    for piece in writer.pieces(pages[name]):
                        out.write(piece)
                    out.write(tail)
                elif name == "docProps/core.xml":
                    stamp = modified.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
                    out.write(_MODIFIED.sub(rb"\g<1>" + stamp + rb"\g<2>", data))
                else:
                    out.write(data)
    return result.getvalue()


def _split(data: bytes, page: Page) -> tuple[bytes, bytes]:
    """Cut a worksheet's XML where its rows go, and complete it with what openpyxl cannot know without cells."""
    area = f"A1:{letter(page.last_column)}{max(1, page.next_row - 1)}"
    data = _DIMENSION.sub(f'<dimension ref="{area}"/>'.encode(), data, count=1)
    found = _ROWS.search(data)
    if found is None:
        raise ValueError("openpyxl wrote a worksheet without sheetData")
    tail = data[found.end() :]
    if page.links:
        tail = _AFTER_LINKS.sub(_links(page) + rb"<\g<1>", tail, count=1)
    return data[: found.start()] + b"<sheetData>", b"</sheetData>" + tail


def _links(page: Page) -> bytes:
    """Jumps inside the file; openpyxl would write them as links to other files."""
    links = "".join(
        f"<hyperlink ref={quoteattr(ref)} location={quoteattr(location)} display={quoteattr(_shown(display))}/>"
        for ref, location, display in page.links
    )
    return f"<hyperlinks>{links}</hyperlinks>".replace("\\", r"\\").encode()


def _shown(display: str) -> str:
    """What a jump is called, as its cell may be."""
    return shorten(clean(display), _DISPLAY_LIMIT)
