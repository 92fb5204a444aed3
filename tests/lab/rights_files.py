"""Files of rights as people make them, and what is read back from them."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from auditor.entitlements.file import Rights, entitlements
from auditor.errors import SettingsError

HEADINGS = ("Produit", "Métrique", "Quantité")
ROW = ("Acme*", "poste", 12)


def book(*sheets: tuple[str, Sequence[Sequence[Any]]]) -> Any:
    """An openpyxl workbook with these sheets; by default one with a single right."""
    from openpyxl import Workbook

    made = Workbook()
    made.remove(made.worksheets[0])
    for title, rows in sheets or (("Licences", (HEADINGS, ROW)),):
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    return made


def saved(made: Any, folder: Path, name: str = "licenses.xlsx") -> Path:
    made.save(folder / name)
    return folder


def workbook(folder: Path, *rows: Sequence[Any], headings: Sequence[Any] = HEADINGS) -> Path:
    """A folder with licenses.xlsx of these rows below the headings."""
    return saved(book(("Licences", (headings, *rows))), folder)


def csv(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "licenses.csv").write_bytes(text.encode(encoding))
    return folder


def toml(folder: Path, text: str) -> Path:
    (folder / "licenses.toml").write_text(text, "utf-8")
    return folder


def patched(folder: Path, change: Callable[[str, bytes], bytes], made: Any = None, name: str = "licenses.xlsx") -> Path:
    """A workbook whose parts went through `change` (name, content)."""
    plain = io.BytesIO()
    (made or book()).save(plain)
    with ZipFile(plain) as source, ZipFile(folder / name, "w", ZIP_DEFLATED) as target:
        for member in source.namelist():
            target.writestr(member, change(member, source.read(member)))
    return folder


def in_sheet(old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    """Replace bytes of the first sheet."""

    def change(name: str, content: bytes) -> bytes:
        if name != "xl/worksheets/sheet1.xml":
            return content
        assert old in content, content
        return content.replace(old, new)

    return change


def refused(folder: Path) -> str:
    """The lines of the refusal of a folder's file of rights."""
    with pytest.raises(SettingsError) as caught:
        entitlements(folder)
    return "\n".join(caught.value.lines())


def quantities(rights: Rights) -> list[tuple[str, int | None]]:
    assert rights.entitlements is not None, rights.notes
    return [(right.product, None if right.quantity is None else int(right.quantity)) for right in rights.entitlements]
