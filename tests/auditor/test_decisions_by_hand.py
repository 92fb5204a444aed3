"""What a client does to a returned workbook by hand, beside filling it in: lines drawn through it, notes, headings."""

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


def _rewritten(file: Path, parts: dict[str, str], *, shared: bool = False) -> None:
    """Put other parts into a workbook; `shared` declares the texts that its sheets share."""
    load_workbook(file)  # it was whole before
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members |= {name: content.encode() for name, content in parts.items()}
    if shared:
        declared = (
            '<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument'
            '.spreadsheetml.sharedStrings+xml"/></Types>'
        )
        types = members["[Content_Types].xml"].decode()
        if "sharedStrings" not in types:
            members["[Content_Types].xml"] = types.replace("</Types>", declared).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
