"""What a client bought: licenses.xlsx, .csv or .toml in its folder -> `Entitlement` rows.

People keep this list by hand, so it is read generously where it has one meaning and refused, with sheet and cell, where
it has two; every mistake of a file is told at once. No row is dropped in silence: what is left aside is in the notes.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

from auditor.entitlements import words
from auditor.entitlements.keys import without_keys
from auditor.entitlements.rows import EXAMPLE, product_of, rights_of
from auditor.errors import SettingsError
from auditor.spreadsheets.rows import read, refuse
from auditor.spreadsheets.values import tidy
from auditor.tables import stands
from rules.rights import Entitlement

_STEMS: Final = ("licenses", "licences")
_READ: Final = (".xlsx", ".csv", ".toml", ".xlsm")
_NOT_READ: Final = (".xls", ".xlsb", ".xltx", ".ods", ".fods", ".numbers", ".tsv", ".txt", ".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """A client's rights; `entitlements` is None without a file, and with one nobody has filled in yet.

    `notes` are sentences about what was left aside or looks wrong; `file` is the file's name, "" without one.
    """

    entitlements: tuple[Entitlement, ...] | None = None
    notes: tuple[str, ...] = ()
    file: str = ""


def rights_file(folder: Path) -> Path | None:
    """The client's file of rights, None where there is none. Raises SettingsError for two, and for a kind not read."""
    try:
        there = sorted(file for file in folder.iterdir() if file.stem.casefold() in _STEMS) if folder.is_dir() else []
    except OSError as error:
        raise SettingsError(str(folder), f"cannot be read: {error.strerror}.") from None
    candidates = [file for file in there if file.suffix.casefold() in (*_READ, *_NOT_READ) and stands(file)]
    if not candidates:
        return None
    if len(candidates) > 1:
        names = " and ".join(file.name for file in candidates)
        raise SettingsError(str(folder), f"there are {names}: which one counts?", hint="Keep one of them.")
    (file,) = candidates
    if file.suffix.casefold() not in _READ:
        hint = "Save it as licenses.xlsx (Excel workbook), licenses.csv or licenses.toml."
        raise SettingsError(str(file), f"files of rights are not read from {file.suffix}.", hint=hint)
    return file


def entitlements(folder: Path) -> Rights:
    """Read the rights of a client folder. Raises SettingsError naming file, sheet and cell, and every mistake."""
    file = rights_file(folder)
    return read_rights(file) if file is not None else Rights()


def read_rights(file: Path) -> Rights:
    """Read one file of rights by the ending of its name. Raises SettingsError like `entitlements`."""
    reading = read(file, words.KIND)
    found, told, problems = rights_of(file, reading.rows)
    refuse(file, [replace(one, problem=without_keys(one.problem)) for one in (*reading.problems, *problems)])
    notes = [f"{file.name}, {without_keys(note)}" for note in (*reading.notes, *told)]
    if not found and file.suffix.casefold() != ".toml":
        empty = f"{file.name} holds no right yet: nothing is compared with what was bought until it is filled in"
        others = [note for note in notes if not note.endswith(EXAMPLE)]
        return Rights(notes=(*others, empty), file=file.name)
    found = _named(found)
    notes += [f"{file.name}, {note}" for note in (*_repeated(found), *_unknown_products(found))]
    return Rights(entitlements=tuple(found), notes=tuple(notes), file=file.name)


def _named(rights: list[Entitlement]) -> list[Entitlement]:
    """Give every right without an id one that stays the same while rows are moved and quantities change."""
    taken = {right.id.casefold() for right in rights if right.id}
    named = []
    for right in rights:
        made = right.id or _fingerprint(right)
        number = 1
        while not right.id and made.casefold() in taken:
            number += 1
            made = f"{_fingerprint(right)}-{number}"
        taken.add(made.casefold())
        named.append(replace(right, id=made))
    return named


def _fingerprint(right: Entitlement) -> str:
    about = (right.product, right.edition, right.version, right.metric, right.channel, right.proof, right.start)
    text = "\x1f".join(tidy(str(part)).casefold() for part in about)
    return f"R-{hashlib.sha256(text.encode()).hexdigest()[:6].upper()}"


def _repeated(rights: list[Entitlement]) -> list[str]:
    """Tell of rows that are the same in everything: both count, and one of them may be a slip."""
    compared = [field.name for field in fields(Entitlement) if field.name not in ("id", "place")]
    rows = [tuple(getattr(right, name) for name in compared) for right in rights]
    notes = []
    for row, times in Counter(rows).items():
        if times > 1:
            places = [right.place.partition(", ")[2] for right, own in zip(rights, rows, strict=True) if own == row]
            notes.append(f"{' and '.join(places)} are the same; all are counted: delete those written twice")
    return notes


def _unknown_products(rights: list[Entitlement]) -> list[str]:
    """Tell of products nobody knows here: such a right meets nothing unless it is written as a pattern."""
    from rules.software.assess import is_cloud_plan

    notes = []
    for right in rights:
        known = "*" in right.product or is_cloud_plan(right.product) or product_of(right.product) is not None
        if not known:
            hint = _similar(right.product)
            place = right.place.partition(", ")[2]
            notes.append(f"{place}: {right.product!r} is no product known here. {hint}".rstrip())
    return notes


def _similar(text: str) -> str:
    from difflib import get_close_matches

    from rules.products import products

    names = {product.name.casefold(): product.name for product in products()}
    close = get_close_matches(text.casefold(), list(names), n=1, cutoff=0.6)
    if close:
        return f"Did you mean {names[close[0]]!r}?"
    return f"Write its name as installed programs show it, with * for what varies ({text}*)."
