"""README's pictures of the workbook, made again from the demonstration company: `python -m tests.auditor.pictures`.

Needs LibreOffice (soffice) and poppler's pdftotext and pdftoppm. Nothing but the demonstration gets into a picture.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).parents[2] / "docs" / "images"
DOTS_PER_INCH = 80
MAX_BYTES = 200_000
LANGUAGES = ("fr", "en")
# In the workbook's order; the first page of those in `PICTURED` is shown.
SHEETS = ("summary", "actions", "licenses", "users", "software", "patches", "evolution", "coverage")
PICTURED = SHEETS[:6]


def names() -> set[str]:
    """File names of all pictures."""
    return {f"{sheet}.{language}.png" for sheet in PICTURED for language in LANGUAGES}


def make(into: Path) -> None:
    """Audit the demonstration company and keep a picture of each sheet in each language."""
    into.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        with tempfile.TemporaryDirectory() as folder:
            pdf = _printed(_workbook(Path(folder), language))
            pages = _pages(pdf)
            for sheet in PICTURED:
                _draw(pdf, pages[sheet], into / f"{sheet}.{language}")


def _workbook(folder: Path, language: str) -> Path:
    command = [sys.executable, "-m", "auditor", "demo", "--output", str(folder), "--no-annex", "--lang", language]
    environment = os.environ | {"AUDITOR_HOME": str(folder / "home")}
    # The demonstration ends as incomplete on purpose.
    subprocess.run(command, env=environment, capture_output=True, check=False)
    (book,) = folder.glob("*.xlsx")
    return book


def _printed(book: Path) -> Path:
    """The workbook as LibreOffice prints it."""
    profile = f"-env:UserInstallation=file://{book.parent}/profile"
    plain = book.rename(book.with_name("workbook.xlsx"))
    command = ["soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", str(plain.parent), str(plain)]
    subprocess.run(command, check=True, capture_output=True)
    return plain.with_suffix(".pdf")


def _pages(pdf: Path) -> dict[str, int]:
    """The number of each sheet's first page: the next one that begins with what stands on top of the sheet."""
    from openpyxl import load_workbook

    text = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], check=True, capture_output=True, text=True).stdout
    beginnings = [_plain(page) for page in text.split("\f")]
    book = load_workbook(pdf.with_suffix(".xlsx"))
    assert len(book.worksheets) == len(SHEETS), book.sheetnames
    found: dict[str, int] = {}
    number = -1
    for name, sheet in zip(SHEETS, book.worksheets, strict=True):
        head = _plain(next(str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value))
        number = next(n for n in range(number + 1, len(beginnings)) if beginnings[n].startswith(head))
        found[name] = number + 1
    return found


def _plain(text: str) -> str:
    return " ".join(text.split())


def _draw(pdf: Path, page: int, name: Path) -> None:
    where = ["-f", str(page), "-l", str(page), "-singlefile", "-r", str(DOTS_PER_INCH)]
    subprocess.run(["pdftoppm", "-png", *where, str(pdf), str(name)], check=True)


if __name__ == "__main__":
    make(IMAGES)
