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
from auditor.spreadsheets.xlsx import DAMAGE, members

_PART_LIMIT: Final = 4 << 20
_KINDS: Final = ("/comments", "/threadedComment")  # of relations; what the second says of a cell wins


def pinned(file: Path, data: bytes) -> dict[str, dict[str, str]]:
    """What is pinned to cells, by the sheet's title and the cell ("H12"); each text in one line.

    `data` is a workbook that `sheets` has read. Raises SettingsError for notes that cannot be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            by_title = members(io.BytesIO(data))
            return {title: found for title, member in by_title.items() if (found := _of_sheet(archive, member))}
    except DAMAGE as error:
        problem = f"the notes pinned to its cells cannot be read ({type(error).__name__})."
        raise SettingsError(str(file), problem, hint="Save it again in a spreadsheet program, and run again.") from None


def _of_sheet(archive: zipfile.ZipFile, member: str) -> dict[str, str]:
    folder, leaf = posixpath.split(member)
    relations = f"{folder}/_rels/{leaf}.rels".lstrip("/")
    if relations not in archive.namelist():
        return {}
    targets = [(element.get("Type", ""), element.get("Target", "")) for element in _root(archive, relations)]
    found: dict[str, str] = {}
    for kind in _KINDS:
        for relation, target in targets:
            if relation.endswith(kind):
                found |= _texts(_root(archive, posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")))
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


def _root(archive: zipfile.ZipFile, name: str) -> ET.Element:
    with archive.open(name) as member:
        content = member.read(_PART_LIMIT + 1)
    if len(content) > _PART_LIMIT or b"<!DOCTYPE" in content:
        raise ValueError(name)
    return ET.fromstring(content)  # noqa: S314 - bounded, and without entities of its own
