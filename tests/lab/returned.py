"""A client folder with an audited history, its workbook, and what a client does to it before sending it back."""

import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from auditor.history.store import Store
from reports import workbook
from reports.texts import Texts
from rules.model import Assessment
from tests.lab import licensed

CLIENT_TOML = """\
format = 1
[client]
name = "{name}"
language = "{language}"
"""


_RENDERED: dict[tuple[int, str, bool], tuple[Assessment, bytes]] = {}  # with the assessment: its id stays its own


def folder_of(path: Path, *assessments: Assessment, name: str = "", language: str = "fr", more: str = "") -> Path:
    """A client folder whose history holds these runs, oldest first."""
    path.mkdir(parents=True, exist_ok=True)
    name = name or (assessments[0].client if assessments else "Menuiserie Dubois")
    (path / "client.toml").write_text(CLIENT_TOML.format(name=name, language=language) + more, "utf-8")
    for assessment in assessments:
        add_run(path, assessment)
    return path


def add_run(path: Path, assessment: Assessment) -> int:
    """One more run in the history of a client folder."""
    with Store(path / "history.sqlite") as store:
        run = store.begin(client=assessment.client, started_at=assessment.started_at, product_version="0.1")
        store.conclude(run, assessment, interrupted=False)
    return run


def later(assessment: Assessment, days: int = 31, **changes: Any) -> Assessment:
    """The same estate, audited again."""
    moved = {
        field: getattr(assessment, field) + timedelta(days=days) for field in ("as_of", "started_at", "finished_at")
    }
    return replace(assessment, **{**moved, **changes})


def without(assessment: Assessment, *people: str, **changes: Any) -> Assessment:
    """The same without what was found about these people ("ann" for ann@dubois.example)."""
    names = {f"{person}@{licensed.NAME}" for person in people}
    left = tuple(found for found in assessment.findings if found.person not in names)
    return replace(assessment, findings=left, **changes)


def sent(assessment: Assessment, language: str = "fr", *, whole: bool = False) -> Workbook:
    """The workbook as it went out, opened; unless `whole`, without its sheets beside that of the people (for speed)."""
    key = (id(assessment), language, whole)
    if key not in _RENDERED:
        content = workbook.render(assessment, language)
        _RENDERED[key] = (assessment, content if whole else _people_alone(content, language))
    return load_workbook(io.BytesIO(_RENDERED[key][1]))


def _people_alone(content: bytes, language: str) -> bytes:
    book = load_workbook(io.BytesIO(content))
    kept = Texts(language).text("sheets.users.title")
    for sheet in book.worksheets:
        if sheet.title != kept:
            book.remove(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


class Filled:
    """The sheet of people of a workbook, by what its lines say."""

    def __init__(self, book: Workbook, language: str = "fr") -> None:
        self.book = book
        self.texts = Texts(language)
        self.sheet = book[self.texts.text("sheets.users.title")]
        self.head = next(
            row for row in range(1, 40) if self.sheet.cell(row, 1).value == self.texts.text("sheets.users.ref")
        )
        self.columns = {
            name: next(
                cell.column for cell in self.sheet[self.head] if cell.value == self.texts.text(f"sheets.users.{name}")
            )
            for name in ("ref", "user", "reason", "product", "decision", "comment")
        }

    @property
    def rows(self) -> range:
        """Numbers of the rows of the table."""
        last = self.head
        while str(self.sheet.cell(last + 1, 1).value or "").startswith("F-"):
            last += 1
        return range(self.head + 1, last + 1)

    def at(self, row: int, name: str) -> str:
        """A cell's text."""
        return str(self.sheet.cell(row, self.columns[name]).value or "")

    def row(self, person: str, product: str = "") -> int:
        """The first row of a person ("ann"), and a product whose name begins so."""
        return next(
            row
            for row in self.rows
            if f"{person}@" in self.at(row, "user") and self.at(row, "product").startswith(product)
        )

    def put(self, row: int, name: str, value: object) -> None:
        """Write a cell."""
        self.sheet.cell(row, self.columns[name]).value = value

    def decide(self, person: str, decision: str, comment: str = "", product: str = "") -> "Filled":
        """Fill in a line as the client does."""
        row = self.row(person, product)
        self.put(row, "decision", decision)
        self.put(row, "comment", comment or None)
        return self

    def values(self) -> list[list[Any]]:
        """The rows of the table."""
        width = max(self.columns.values())
        return [[self.sheet.cell(row, column).value for column in range(1, width + 1)] for row in self.rows]

    def reorder(self, rows: Iterable[list[Any]]) -> None:
        """Put other rows in the table's place."""
        numbers, width = list(self.rows), max(self.columns.values())
        kept = list(rows)
        for number in numbers:
            for column in range(1, width + 1):
                self.sheet.cell(number, column).value = None
        for number, values in enumerate(kept, start=numbers[0]):
            for column, value in enumerate(values, start=1):
                self.sheet.cell(number, column).value = value

    def save(self, path: Path) -> Path:
        """Write it as the client sends it back."""
        self.book.save(path)
        return path


def filled(
    path: Path,
    assessment: Assessment,
    fill: Callable[[Filled], object],
    language: str = "fr",
    *,
    whole: bool = False,
) -> Path:
    """A workbook sent out, filled in and sent back as `path`."""
    book = Filled(sent(assessment, language, whole=whole), language)
    fill(book)
    return book.save(path)
