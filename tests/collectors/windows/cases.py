"""Recorded cases of the Windows blocks: `tests/collectors/windows/cases/<block>/<oddity>.json`.

The file is the envelope of a frame, `{"s": state, "e": problem, "d": refusals, "v": value}`, written after the shapes
the documentation gives: no machine has answered yet. `<oddity>.expected.json` holds the fields of the `WindowsPart`
that are not at their default; a gap's collector is left out. The parsers wrote those files and people read them beside
the answers: they guard against change, and are right as far as that reading went. An oddity that begins with
"no_admin" is a plain user's answer.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from collectors.hosts.base import Unreadable
from collectors.windows.assembly import read_answer
from collectors.windows.block import WindowsBlock, WindowsPart

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded case; `expected` is None where the asserts stand in a test of their own."""

    block: str
    oddity: str
    text: str
    expected: Any

    @property
    def elevated(self) -> bool:
        """Whether the answer is an administrator's."""
        return not self.oddity.startswith("no_admin")


def names() -> list[tuple[str, str]]:
    """(block, oddity) of every case on disk."""
    found = (path for path in CASES.glob("*/*.json") if not path.name.endswith(".expected.json"))
    return sorted((path.parent.name, path.stem) for path in found)


def load(block: str, oddity: str) -> Case:
    """Read one case."""
    path = CASES / block / f"{oddity}.json"
    expected = path.with_name(f"{oddity}.expected.json")
    written = json.loads(expected.read_text("utf-8")) if expected.exists() else None
    return Case(block, oddity, path.read_text("utf-8"), written)


def part_of(block: WindowsBlock, oddity: str) -> WindowsPart:
    """What a block reads from one case. Raises `Unreadable` when it tells nothing."""
    case = load(block.name, oddity)
    return read_answer(block, case.text, elevated=case.elevated)


def told(block: WindowsBlock, case: Case) -> Any:
    """What a block reads from a case as plain JSON values; an answer that tells nothing as its reason and detail."""
    try:
        return plain(read_answer(block, case.text, elevated=case.elevated))
    except Unreadable as failure:
        return {"unreadable": str(failure.reason), "detail": failure.detail}


def plain(value: Any) -> Any:
    """Plain JSON values of a fact; fields at their default are left out, like the collector's own name in a gap."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = ((field, getattr(value, field.name)) for field in fields(value))
        return {
            field.name: plain(content)
            for field, content in kept
            if content != _default(field) and (type(value).__name__, field.name) != ("Gap", "collector")
        }
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: plain(content) for key, content in value.items()}
    if isinstance(value, tuple | list):
        return [plain(content) for content in value]
    return value


def _default(field: Any) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default
