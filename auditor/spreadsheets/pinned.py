"""Notes and comments that people pin to the cells of a workbook: they are no value, and must not be overlooked.

A conversation (Excel 365) is kept twice, the second time as a note that begins with words about old versions: its own
part is read then. Source: ECMA-376 part 1, 18.7 (comments); [MS-XLSX] 2.1.32 (threaded comments).
"""

import io
import posixpath
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from auditor.errors import SettingsError
from auditor.spreadsheets.xlsx import DAMAGE, check_text, members

_PART_LIMIT: Final = 4 << 20
_ALL_LIMIT: Final = 16 << 20  # of all parts of a workbook that are read here
_RELATIONS: Final = 8  # of one sheet to notes; spreadsheet programs write one of each kind
_KINDS: Final = ("/comments", "/threadedComment")  # of relations; what the second says of a cell wins


def pinned(file: Path, data: bytes) -> dict[str, dict[str, str]]:
    """What is pinned to cells, by the sheet's title and the cell ("H12"); each text in one line.

    `data` is a workbook that `sheets` has read. Raises SettingsError for notes that cannot be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = _Parts(file, archive)
            by_title = members(io.BytesIO(data))
            return {title: found for title, member in by_title.items() if (found := _of_sheet(parts, member))}
    except DAMAGE as error:
        problem = f"the notes pinned to its cells cannot be read ({type(error).__name__})."
        raise SettingsError(str(file), problem, hint="Save it again in a spreadsheet program, and run again.") from None


class _Parts:
    """The parts of one workbook that hold notes: each is read once, and all of them together within a bound."""

    def __init__(self, file: Path, archive: zipfile.ZipFile) -> None:
        self._file = file
        self._archive = archive
        self._names = frozenset(archive.namelist())
        self._room = _ALL_LIMIT
        self._notes: dict[str, Mapping[str, str]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def root(self, name: str) -> ET.Element:
        """A part's outermost element; raises one of DAMAGE or SettingsError."""
        limit = min(_PART_LIMIT, self._room)
        with self._archive.open(name) as member:
            content = member.read(limit + 1)
        if len(content) > limit:
            raise ValueError(name)
        self._room -= len(content)
        check_text(self._file, content)
        return ET.fromstring(content)  # noqa: S314 - bounded, and without entities of its own

    def notes(self, name: str) -> Mapping[str, str]:
        """The text at each cell in a part of notes or conversations; raises as `root`."""
        if name not in self._notes:
            self._notes[name] = _texts(self.root(name))
        return self._notes[name]


def _of_sheet(parts: _Parts, member: str) -> dict[str, str]:
    folder, leaf = posixpath.split(member)
    relations = f"{folder}/_rels/{leaf}.rels".lstrip("/")
    if relations not in parts:
        return {}
    root = parts.root(relations)
    targets = [
        posixpath.normpath(posixpath.join("/", folder, element.get("Target", ""))).lstrip("/")
        for kind in _KINDS
        for element in root
        if element.get("Type", "").endswith(kind)
    ]
    if len(targets) > _RELATIONS:
        raise ValueError(relations)
    found: dict[str, str] = {}
    for target in targets:
        found |= parts.notes(target)
    return found


def _texts(root: ET.Element) -> Mapping[str, str]:
    """The text at each cell; of a conversation all that was said."""
    said: dict[str, list[str]] = {}
    for element in root.iter():
        if element.tag.rpartition("}")[2] in ("comment", "threadedComment"):
            said.setdefault(element.get("ref", ""), []).append(" ".join("".join(_pieces(element)).split()))
    return {cell: " / ".join(filter(None, texts)) for cell, texts in said.items() if any(texts)}


def _pieces(comment: ET.Element) -> Iterator[str]:
    for element in comment.iter():
        if element.tag.rpartition("}")[2] in ("t", "text"):
            yield element.text or ""
