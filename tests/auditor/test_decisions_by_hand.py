"""What a client does to a returned workbook by hand, beside filling it in: lines drawn through it, notes, headings."""

import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import Font

from auditor.cli import main
from auditor.decisions.file import decisions
from auditor.errors import SettingsError
from auditor.prices import price_list
from auditor.spreadsheets.pinned import pinned
from auditor.spreadsheets.xlsx import sheets
from tests.lab import licensed, returned

ASSESSMENT = licensed.licensed()
PREMIUM = "Microsoft 365 Business Premium"
NOW = datetime(2026, 8, 12, 9, 0, tzinfo=UTC)
STRUCK = InlineFont(strike=True)
NOTES, RELATIONS = "comments/comment1.xml", "worksheets/_rels/sheet1.xml.rels"


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setattr("auditor.pipeline.now", lambda: NOW)


@pytest.fixture
def client(tmp_path):
    """A client folder with one audit."""
    return returned.folder_of(tmp_path / "dubois", ASSESSMENT)


def imported(capsys, tmp_path, client, fill):
    """Fill in the workbook, import it, and return exit code and what was said, its spaces plain."""
    file = returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill)
    code = main(["decisions", "import", str(file), str(client), "--by", "Mme Dubois"])
    told = capsys.readouterr()
    return code, (told.out + told.err).replace("\u00a0", " ").replace("\u202f", " ")


def cell(book, person, column, product=""):
    return book.sheet.cell(book.row(person, product), book.columns[column])


def with_a_note(tmp_path):
    """A workbook that came back with one decision, and a note pinned to it."""

    def fill(book):
        book.decide("idle", "Conserver", product=PREMIUM)
        cell(book, "idle", "decision", PREMIUM).comment = Comment("jusqu'en mars", "Mme Dubois")

    return returned.filled(tmp_path / "retour.xlsx", ASSESSMENT, fill)


def sent_back(capsys, tmp_path, client, change, first=None):
    """Import `with_a_note` after its parts were changed, others put `first`; exit code and what was said."""
    file = with_a_note(tmp_path)
    if isinstance(change, dict):
        _rewritten(file, change, first=first)
    else:
        with zipfile.ZipFile(file) as archive:
            parts = [change(name, archive.read(name).decode()) for name in archive.namelist()]
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in parts:
                archive.writestr(name, content)
    code = main(["decisions", "import", str(file), str(client), "--by", "Mme Dubois"])
    told = capsys.readouterr()
    return code, (told.out + told.err).replace("\u00a0", " ").replace("\u202f", " ")


def strike_font(found):
    found.font = Font(strike=True)


def strike_text(found):
    found.value = CellRichText(TextBlock(STRUCK, found.value))


def strike_half(found):
    found.value = CellRichText(found.value[:4], TextBlock(STRUCK, found.value[4:]))


@pytest.mark.parametrize("strike", [strike_font, strike_text, strike_half])
def test_a_decision_that_is_struck_out_is_not_taken(client, tmp_path, capsys, strike):
    def fill(book):
        book.decide("gone", "Retirer", product="Microsoft Teams").decide("many", "À discuter")
        strike(cell(book, "gone", "decision", "Microsoft Teams"))

    code, told = imported(capsys, tmp_path, client, fill)
    assert code == 1
    assert "« Retirer » est barré" in told
    assert "à faire par le prestataire" not in told
    assert [one.person.partition("@")[0] for one in decisions(client)] == ["many"]


def test_a_struck_text_among_the_shared_ones_is_seen_too(tmp_path):
    """As Excel writes texts: once for all sheets, apart from their cells."""
    book = Workbook()
    book.active.append(["Retirer", "Conserver"])
    book.save(tmp_path / "plain.xlsx")
    text = (
        '<si><r><rPr><strike/></rPr><t>Retirer</t></r></si><si><r><rPr><strike val="0"/></rPr><t>Conserver</t></r></si>'
    )
    cells = '<c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>'
    _rewritten(
        tmp_path / "plain.xlsx",
        {
            "xl/sharedStrings.xml": '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="2"'
            f' uniqueCount="2">{text}</sst>',
            "xl/worksheets/sheet1.xml": '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            f'<sheetData><row r="1">{cells}</row></sheetData></worksheet>',
        },
        shared=True,
    )
    ((line,),) = [sheet.lines for sheet in sheets(tmp_path / "plain.xlsx")]
    assert [(one.value, one.struck) for one in line.cells.values()] == [("Retirer", True), ("Conserver", False)]


def test_what_else_of_the_row_is_struck_out_is_told(client, tmp_path, capsys):
    def fill(book):
        book.decide("gone", "Retirer", "partie", product="Microsoft Teams")
        strike_font(cell(book, "gone", "comment", "Microsoft Teams"))
        strike_font(cell(book, "many", "user"))

    code, told = imported(capsys, tmp_path, client, fill)
    assert code == 0
    assert "la colonne « Commentaire » est barrée" in told
    assert told.count("est barré") == 1, "nobody decided about the other row"


def test_bold_words_are_a_decision_like_others(client, tmp_path, capsys):
    def fill(book):
        book.decide("gone", "Retirer", product="Microsoft Teams")
        found = cell(book, "gone", "decision", "Microsoft Teams")
        found.value = CellRichText("Reti", TextBlock(InlineFont(b=True), "rer"), TextBlock(STRUCK, " "))

    code, told = imported(capsys, tmp_path, client, fill)
    assert code == 0
    assert "à faire par le prestataire" in told


def test_a_note_pinned_to_a_cell_is_told(client, tmp_path, capsys):
    def fill(book):
        book.decide("idle", "Conserver", product=PREMIUM)
        cell(book, "idle", "decision", PREMIUM).comment = Comment("jusqu'au\n3 mars", "Mme Dubois")

    code, told = imported(capsys, tmp_path, client, fill)
    assert code == 0
    assert "« jusqu'au 3 mars », épinglé à la cellule" in told
    assert "Utilisateurs à revoir" in told
    assert len(decisions(client)) == 1


def test_of_a_conversation_its_own_words_are_told(tmp_path):
    """Excel 365 keeps one twice: as itself, and as a note for older versions that begins with a notice."""
    book = Workbook()
    book.active.title = "Personnes"
    book.active["B2"] = "Conserver"
    book.active["B2"].comment = Comment("[Threaded comment] Your version of Excel … Comment: jusqu'en mars", "x")
    book.active["C3"].comment = Comment("simple note", "x")
    book.save(tmp_path / "a.xlsx")
    talk = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        relations = archive.read("xl/worksheets/_rels/sheet1.xml.rels").decode()
    more = (
        '<Relationship Id="t" Type="http://schemas.microsoft.com/office/2017/10/relationships/threadedComment"'
        ' Target="../threadedComments/threadedComment1.xml"/></Relationships>'
    )
    _rewritten(
        tmp_path / "a.xlsx",
        {
            "xl/worksheets/_rels/sheet1.xml.rels": relations.replace("</Relationships>", more),
            "xl/threadedComments/threadedComment1.xml": f'<ThreadedComments xmlns="{talk}">'
            '<threadedComment ref="B2" id="1"><text>jusqu\'en mars</text></threadedComment>'
            '<threadedComment ref="B2" id="2" parentId="1"><text>le 3 ?</text></threadedComment></ThreadedComments>',
        },
    )
    found = pinned(tmp_path / "a.xlsx", (tmp_path / "a.xlsx").read_bytes())
    assert found == {"Personnes": {"B2": "jusqu'en mars / le 3 ?", "C3": "simple note"}}


def test_notes_that_cannot_be_read_are_not_passed_over(tmp_path):
    book = Workbook()
    book.active["A1"].comment = Comment("jusqu'en mars", "x")
    book.save(tmp_path / "a.xlsx")
    _rewritten(tmp_path / "a.xlsx", {"xl/comments/comment1.xml": "<comments>"})
    with pytest.raises(SettingsError, match="the notes pinned to its cells cannot be read"):
        pinned(tmp_path / "a.xlsx", (tmp_path / "a.xlsx").read_bytes())


@pytest.mark.parametrize("encoding", ["windows-9999", "shift_jis", "utf-16"])
def test_notes_in_an_encoding_nobody_writes_are_refused_in_a_line(client, tmp_path, capsys, encoding):
    part = f'<?xml version="1.0" encoding="{encoding}"?><comments/>'
    code, told = sent_back(capsys, tmp_path, client, {"xl/comments/comment1.xml": part})
    assert code == 2
    assert "its parts are not in UTF-8" in told
    assert decisions(client) == ()


@pytest.mark.parametrize("encoding", ["foo-bar", "shift_jis"])
def test_properties_in_an_encoding_nobody_knows_cost_no_decision(client, tmp_path, capsys, encoding):
    part = f'<?xml version="1.0" encoding="{encoding}"?><coreProperties/>'
    code, told = sent_back(capsys, tmp_path, client, {"docProps/core.xml": part})
    assert code == 0
    assert "« jusqu'en mars », épinglé" in told
    assert len(decisions(client)) == 1


def test_properties_that_cannot_be_unpacked_cost_no_decision(client, tmp_path):
    file = with_a_note(tmp_path)
    with zipfile.ZipFile(file) as archive:
        part = archive.getinfo("docProps/core.xml")
    content = bytearray(file.read_bytes())
    start = part.header_offset + 30 + len(part.filename)
    content[start : start + 8] = b"\xff" * 8
    file.write_bytes(content)
    assert main(["decisions", "import", str(file), str(client), "--by", "Mme Dubois"]) == 0
    assert len(decisions(client)) == 1


def test_a_part_whose_name_is_no_text_is_refused_in_a_line(client, tmp_path, capsys):
    file = with_a_note(tmp_path)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("é.bin", b"")
    file.write_bytes(file.read_bytes().replace("é.bin".encode(), b"\xff\xfe.bin"))
    assert main(["decisions", "import", str(file), str(client), "--by", "Mme Dubois"]) == 2
    assert "a damaged one" in capsys.readouterr().err


def test_a_part_that_only_looks_like_the_workbook_hides_no_note(client, tmp_path, capsys):
    """It stands first, among the pictures, and what it leads to is as large as a bomb: neither is opened."""
    bomb = b"<a>" + b" " * (30 << 20) + b"</a>"  # more than any part may hold
    first = {"xl/media/workbook.xml": "<a/>", "xl/media/_rels/workbook.xml.rels": bomb.decode()}
    code, told = sent_back(capsys, tmp_path, client, {}, first=first)
    assert code == 0
    assert "« jusqu'en mars », épinglé" in told


def test_of_two_workbooks_in_one_file_none_is_taken(client, tmp_path, capsys):
    """Which of them the sheets are read from is not ours to choose, and the notes would be those of the other."""
    first = {"a/workbook.xml": "<a/>", "a/_rels/workbook.xml.rels": "<a/>"}
    code, told = sent_back(capsys, tmp_path, client, {}, first=first)
    assert code == 2
    assert "a damaged one" in told
    assert decisions(client) == ()


def test_a_workbook_under_another_name_is_refused_in_a_line(client, tmp_path, capsys):
    def renamed(name, content):
        return name.replace("workbook.xml", "book.xml"), content.replace("xl/workbook.xml", "xl/book.xml")

    code, told = sent_back(capsys, tmp_path, client, renamed)
    assert code == 2
    assert "a damaged one" in told


def test_parts_that_lead_to_the_notes_are_read_within_a_bound(tmp_path, monkeypatch):
    file = with_a_note(tmp_path)
    monkeypatch.setattr("auditor.spreadsheets.xlsx._KEPT_LIMIT", 300)
    with pytest.raises(SettingsError, match="the notes pinned to its cells cannot be read"):
        pinned(file, file.read_bytes())


@pytest.mark.parametrize(("bound", "of"), [("_PART_LIMIT", max), ("_ALL_LIMIT", sum)])
def test_notes_larger_than_any_person_writes_are_refused(tmp_path, monkeypatch, bound, of):
    file = with_a_note(tmp_path)
    with zipfile.ZipFile(file) as archive:
        size = of(archive.getinfo(f"xl/{name}").file_size for name in (NOTES, RELATIONS))
    monkeypatch.setattr(f"auditor.spreadsheets.pinned.{bound}", size)
    assert pinned(file, file.read_bytes())
    monkeypatch.setattr(f"auditor.spreadsheets.pinned.{bound}", size - 1)
    with pytest.raises(SettingsError, match="the notes pinned to its cells cannot be read"):
        pinned(file, file.read_bytes())


def test_notes_that_a_sheet_leads_to_again_and_again_are_read_once(tmp_path, monkeypatch):
    file, read = with_a_note(tmp_path), []
    _rewritten(file, _led_to(file, 8))
    monkeypatch.setattr("auditor.spreadsheets.pinned._texts", lambda root: read.append(root.tag) or {"A1": "one"})
    ((_, found),) = pinned(file, file.read_bytes()).items()
    assert found == {"A1": "one"}
    assert len(read) == 1


def test_a_sheet_that_leads_to_more_notes_than_programs_write_is_refused(client, tmp_path, capsys):
    file = with_a_note(tmp_path)
    code, told = sent_back(capsys, tmp_path, client, _led_to(file, 9))
    assert code == 2
    assert "the notes pinned to its cells cannot be read" in told
    assert decisions(client) == ()


def test_a_renamed_heading_is_told_by_its_name_with_what_to_do(client, tmp_path, capsys):
    def fill(book):
        book.decide("gone", "Retirer", product="Microsoft Teams")
        book.sheet.cell(book.head, book.columns["decision"]).value = "Notre choix"

    code, told = imported(capsys, tmp_path, client, fill)
    assert code == 2
    assert 'no column is headed "Décision"' in told
    assert 'Write "Décision" above the answers again' in told
    assert "reference" not in told


def test_a_price_that_is_struck_out_is_told(tmp_path):
    book = Workbook()
    book.active.append(["sku", "unit_price_ht", "period", "valid_from"])
    for name in ("SPB", "O365_BUSINESS"):
        book.active.append([name, 10, "month", "2026-01-01"])
    for found in book.active[3]:
        strike_font(found)
    book.save(tmp_path / "prices.xlsx")
    told = " ".join(price_list(tmp_path).notes)
    assert "row 3 is struck out, and counted" in told
    assert "row 2" not in told


def _led_to(file: Path, times: int) -> dict[str, str]:
    """The relations of the sheet, the one to its notes so many times."""
    name = "xl/worksheets/_rels/sheet1.xml.rels"
    with zipfile.ZipFile(file) as archive:
        relations = archive.read(name).decode()
    (relation,) = re.findall(r"<Relationship [^>]*/comments\"[^>]*/>", relations)
    return {name: relations.replace(relation, relation * times)}


def _rewritten(file: Path, parts: dict[str, str], *, shared: bool = False, first: dict[str, str] | None = None) -> None:
    """Put other parts into a workbook, some `first`; `shared` declares the texts that its sheets share."""
    load_workbook(file)  # it was whole before
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members |= {name: content.encode() for name, content in parts.items()}
    members = {name: content.encode() for name, content in (first or {}).items()} | members
    if shared:
        declared = (
            '<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument'
            '.spreadsheetml.sharedStrings+xml"/></Types>'
        )
        types = members["[Content_Types].xml"].decode()
        if "sharedStrings" not in types:
            members["[Content_Types].xml"] = types.replace("</Types>", declared).encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
