"""What must hold for every workbook the product makes, read from the XML itself.

Programs that open workbooks forgive or repair most of this, each in its own way, so none of them can be the judge. The
numbers are those of the list of own checks in the report's domain document. `problems` answers a list of sentences,
empty for a good file.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from xml.etree import ElementTree as ET

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_REF = re.compile(r"([A-Z]+)(\d+)")
_GUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_KB = re.compile(r"\bKB ?\d{6,7}\b", re.IGNORECASE)
_CVE = re.compile(r"\bCVE-\d{4}-\d{4,}\b", re.IGNORECASE)
_VECTOR = re.compile(r"\bCVSS:|\bAV:[NALP]/AC:[LH]/")
_KEY = re.compile(r"\b(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}\b")
_LEFTOVER = re.compile(r"\{[a-z_]+\}|\[\?")
_NOTHING = {"None", "nan", "NaN", "NaT", "<NA>"}


@dataclass(frozen=True)
class Cell:
    ref: str
    row: int
    column: int
    kind: str  # the t attribute: "inlineStr", "n", "e", ...
    text: str
    style: int


@dataclass(frozen=True)
class SheetXml:
    title: str
    state: str
    tree: ET.Element
    member: str

    def cells(self) -> Iterator[Cell]:
        for element in self.tree.iter(f"{MAIN}c"):
            letters, row = _REF.fullmatch(element.get("r", "")).groups()  # type: ignore[union-attr]
            kind = element.get("t", "n")
            if kind == "inlineStr":
                text = "".join(part.text or "" for part in element.iter(f"{MAIN}t"))
            else:
                text = element.findtext(f"{MAIN}v", "")
            yield Cell(element.get("r", ""), int(row), number_of(letters), kind, text, int(element.get("s", "0")))

    def merges(self) -> list[str]:
        return [merge.get("ref", "") for merge in self.tree.iter(f"{MAIN}mergeCell")]


def number_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def area(ref: str) -> tuple[int, int, int, int]:
    first, _, last = ref.replace("$", "").partition(":")
    (a, b), (c, d) = (_REF.fullmatch(part).groups() for part in (first, last or first))  # type: ignore[union-attr]
    return number_of(a), int(b), number_of(c), int(d)


def open_sheets(data: bytes) -> list[SheetXml]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        book = ET.fromstring(archive.read("xl/workbook.xml"))
        relations = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        targets = {relation.get("Id"): relation.get("Target", "").lstrip("/") for relation in relations}
        found = []
        for sheet in book.iter(f"{MAIN}sheet"):
            member = targets[sheet.get(f"{RELATION}id")]
            member = member if member.startswith("xl/") else f"xl/{member}"
            tree = ET.fromstring(archive.read(member))
            found.append(SheetXml(sheet.get("name", ""), sheet.get("state", "visible"), tree, member))
    return found


def problems(data: bytes, *, manager: bool = True) -> list[str]:
    """All that is wrong with a workbook. `manager` adds what only the manager's file must not contain."""
    sheets = open_sheets(data)
    found = [f"{sheet.title}: {problem}" for sheet in sheets for problem in _sheet_problems(sheet)]
    found += _book_problems(data, sheets)
    if manager:
        found += _manager_problems(sheets)
    return found


def _sheet_problems(sheet: SheetXml) -> Iterator[str]:
    yield from _order(sheet)  # 7
    cells = list(sheet.cells())
    used = max((cell.row for cell in cells), default=1)
    at = {(cell.column, cell.row): cell for cell in cells}
    for kind in ("autoFilter", "table"):  # 1, 2
        for element in sheet.tree.iter(f"{MAIN}{kind}"):
            yield from _headers(element.get("ref", ""), at, used)
    yield from _overlaps(sheet.merges())  # 3
    yield from _totals(cells)
    for element in sheet.tree.iter(f"{MAIN}dataValidation"):  # 4
        if len(element.findtext(f"{MAIN}formula1", "")) > 255:
            yield "a list of choices is longer than 255 characters"
        first, top, last, bottom = area(element.get("sqref", ""))
        if bottom > used or any((column, row) not in at for column in (first, last) for row in (top, bottom)):
            yield f"the choices of {element.get('sqref')} are offered beside the table"
    if sheet.tree.find(f".//{MAIN}f") is not None:  # 5: no cell of this workbook is meant to be edited
        yield "there is a formula"
    for cell in cells:
        if len(cell.text.encode("utf-16-le")) // 2 > 32_767:  # 6
            yield f"{cell.ref} holds more than 32,767 characters"
        if cell.kind == "e":  # 10
            yield f"{cell.ref} is an error value"
        if cell.kind == "n" and cell.text:
            float(cell.text)
    dimension = sheet.tree.find(f"{MAIN}dimension")
    if dimension is not None and cells and area(dimension.get("ref", ""))[3] < used:
        yield "the dimension is smaller than the used area"


def _totals(cells: list[Cell]) -> Iterator[str]:
    """11: a line of totals is the sum of the lines above it, up to the table's header."""
    at = {(cell.column, cell.row): cell for cell in cells}
    for total in (cell for cell in cells if cell.column == 1 and re.match(r"Total \(\d+ ", cell.text)):
        top = total.row
        while all((column, top - 1) in at and at[column, top - 1].text for column in (1, 2)):
            top -= 1
        for column in {cell.column for cell in cells if cell.row == total.row and cell.kind == "n" and cell.text}:
            above = [at[column, row] for row in range(top, total.row) if (column, row) in at]
            shown = sum(float(cell.text) for cell in above if cell.kind == "n" and cell.text)
            told = at[column, total.row]
            if abs(shown - float(told.text)) > 0.005:
                yield f"{told.ref} holds {told.text}, the lines above add up to {shown}"


def _order(sheet: SheetXml) -> Iterator[str]:
    last_row = 0
    for row in sheet.tree.iter(f"{MAIN}row"):
        number = int(row.get("r", "0"))
        if number <= last_row:
            yield f"row {number} comes after row {last_row}"
        last_row = number
        last_column = 0
        for cell in row:
            letters, cell_row = _REF.fullmatch(cell.get("r", "")).groups()  # type: ignore[union-attr]
            if int(cell_row) != number or number_of(letters) <= last_column:
                yield f"cell {cell.get('r')} is out of order in row {number}"
            last_column = number_of(letters)


def _headers(ref: str, at: dict[tuple[int, int], Cell], used: int) -> Iterator[str]:
    first, top, last, bottom = area(ref)
    if bottom > used:
        yield f"the table {ref} ends below the last used row {used}"
    texts = [at[column, top].text if (column, top) in at else "" for column in range(first, last + 1)]
    if "" in texts or len(set(texts)) != len(texts):
        yield f"the table {ref} has empty or equal headers: {texts}"
    if any(at[column, top].kind != "inlineStr" for column in range(first, last + 1) if (column, top) in at):
        yield f"the table {ref} has a header that is no text"


def _overlaps(merges: list[str]) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for ref in merges:
        left, top, right, bottom = area(ref)
        for place in ((column, row) for column in range(left, right + 1) for row in range(top, bottom + 1)):
            if place in taken:
                yield f"merged areas {taken[place]} and {ref} overlap"
            taken[place] = ref


def _book_problems(data: bytes, sheets: list[SheetXml]) -> Iterator[str]:
    titles = [sheet.title for sheet in sheets]
    if len({title.casefold() for title in titles}) != len(titles):
        yield f"two sheets share a title: {titles}"
    for title in titles:
        if not 0 < len(title) <= 31 or re.search(r"[\[\]:*?/\\]", title) or title != title.strip("'"):
            yield f"the sheet title {title!r} is not valid"
    for sheet in sheets:  # 8
        for link in sheet.tree.iter(f"{MAIN}hyperlink"):
            target = link.get("location", "").rpartition("!")[0].strip("'").replace("''", "'")
            if link.get(f"{RELATION}id") is not None or target not in titles:
                yield f"{sheet.title}: the link at {link.get('ref')} leads to {target!r}"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.testzip() is not None:
            yield "the archive is damaged"
        names = archive.namelist()
        for name in names:
            if name.endswith(".rels") and b'TargetMode="External"' in archive.read(name):
                yield f"{name} points outside the file"
            if name.startswith("xl/drawings/drawing"):  # 9
                properties = [one for one in ET.fromstring(archive.read(name)).iter() if one.tag.endswith("}cNvPr")]
                if any(len(one.get("descr", "")) < 20 for one in properties):
                    yield f"{name} has a drawing without alternative text"
            if name.startswith("xl/charts/chart"):
                yield from _chart_problems(name, archive.read(name), sheets)
        if any(name.startswith("xl/drawings/drawing") for name in names) != any("xl/charts/" in name for name in names):
            yield "there are drawings without charts"
        styles = ET.fromstring(archive.read("xl/styles.xml"))
    looks = styles.find(f"{MAIN}cellXfs")
    count = 0 if looks is None else len(looks)
    quoted = [] if looks is None else [look.get("quotePrefix") in ("1", "true") for look in looks]
    for sheet in sheets:
        for cell in sheet.cells():
            if cell.style >= count:
                yield f"{sheet.title}: {cell.ref} has the unknown style {cell.style}"
            elif cell.kind == "inlineStr" and cell.text.startswith(("=", "+", "-", "@")) and not quoted[cell.style]:
                yield f"{sheet.title}: {cell.ref} would become a formula when edited"


def _chart_problems(name: str, data: bytes, sheets: list[SheetXml]) -> Iterator[str]:
    """9: a title, named axes that show, and series over cells of the file that hold what the chart remembers."""
    chart = ET.fromstring(data)
    titles = [title for title in chart.iter(f"{CHART}title") if any(text.text for text in title.iter(f"{DRAWING}t"))]
    if len(titles) != 3:
        yield f"{name} has {len(titles)} titles instead of its own and those of two axes"
    if any(axis.get("val") != "0" for axis in chart.iter(f"{CHART}delete")):
        yield f"{name} has a hidden axis"
    references = [*chart.iter(f"{CHART}strRef"), *chart.iter(f"{CHART}numRef")]
    if not references:
        yield f"{name} draws nothing"
    for reference in references:
        title, _, ref = reference.findtext(f"{CHART}f", "").rpartition("!")
        sheet = next((one for one in sheets if one.title == title.strip("'").replace("''", "'")), None)
        if sheet is None:
            yield f"{name} refers to the sheet {title!r}"
            continue
        first, top, _, bottom = area(ref)
        texts = {(cell.column, cell.row): cell.text for cell in sheet.cells()}
        shown = [texts.get((first, row), "") for row in range(top, bottom + 1)]
        points = {
            int(point.get("idx", "-1")): point.findtext(f"{CHART}v", "") for point in reference.iter(f"{CHART}pt")
        }
        kept = [points.get(place, "") for place in range(len(shown))]
        whole = all(shown) if reference.tag == f"{CHART}strRef" else any(shown)  # an unknown number leaves a gap
        if not whole or len(points) != sum(map(bool, kept)) or list(map(_bare, shown)) != list(map(_bare, kept)):
            yield f"{name} shows {kept} where {ref} holds {shown}"
        blanks = chart.find(f".//{CHART}dispBlanksAs")
        if "" in shown and (blanks is None or blanks.get("val") != "gap"):
            yield f"{name} would draw an unknown number as nought"


def _bare(text: str) -> str:
    """A label's first line, or a number however it is written."""
    try:
        return str(float(text))
    except ValueError:
        return text.split("\n")[0]


def _manager_problems(sheets: list[SheetXml]) -> Iterator[str]:
    if len(sheets) > 8:
        yield f"{len(sheets)} sheets; a manager reads eight at most"
    for sheet in sheets:
        if sheet.state != "visible":
            yield f"{sheet.title} is hidden"
        selected = [view.get("tabSelected") in ("1", "true") for view in sheet.tree.iter(f"{MAIN}sheetView")]
        if selected != [sheet is sheets[0]]:
            yield f"{sheet.title}: selected {selected}; only the first sheet may be"
        for cell in sheet.cells():
            for pattern, what in (
                (_GUID, "a GUID"),
                (_KEY, "a product key"),
                (_KB, "a KB number"),
                (_CVE, "a CVE id"),
                (_VECTOR, "a CVSS vector"),
                (_LEFTOVER, "a leftover"),
            ):
                if pattern.search(cell.text):
                    yield f"{sheet.title}: {cell.ref} holds {what}: {cell.text[:80]!r}"
            if cell.text in _NOTHING:
                yield f"{sheet.title}: {cell.ref} holds {cell.text!r}"


def same_figures(one: bytes, other: bytes) -> list[str]:
    """12: two languages of one report carry the same numbers and dates, in the same columns and the same order.

    Rows may be some lines further down: a section's title is repeated where its words fill a page earlier.
    """
    found = []
    for left, right in zip(open_sheets(one), open_sheets(other), strict=True):
        figures = [
            [(cell.ref.rstrip("0123456789"), cell.text) for cell in sheet.cells() if cell.kind == "n" and cell.text]
            for sheet in (left, right)
        ]
        if figures[0] != figures[1]:
            different = [pair for pair in zip_longest(*figures) if pair[0] != pair[1]]
            found.append(f"{left.title} / {right.title} differ: {different[:6]}")
    return found


def dump(data: bytes, title: str) -> str:
    """All cells of one sheet as text, for a golden file: reference, kind, value; merges and links at the end."""
    sheet = next(sheet for sheet in open_sheets(data) if sheet.title == title)
    lines = [
        f"{cell.ref:<5} {'=' if cell.kind == 'n' else ' '} {cell.text!r}" for cell in sheet.cells() if cell.text != ""
    ]
    lines.append(f"merged {' '.join(sorted(sheet.merges()))}")
    lines += [f"link {link.get('ref')} -> {link.get('location')}" for link in sheet.tree.iter(f"{MAIN}hyperlink")]
    return "\n".join(lines) + "\n"
