"""Recorded cases of the host collectors: `tests/collectors/cases/<collector>/<oddity>/`.

`output` is what the command printed, as recorded or written after the tool's documented format; `stderr` likewise, when
it said anything. `expected.json`, written by hand, holds `exit_status` (when not 0), `missing` or `timed_out` (when the
command did not run to its end) and `facts`: the fields that are not at their default.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from collectors.hosts.base import HostCollector, Section

CASES = Path(__file__).parent.parent / "cases"


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded case."""

    collector: str
    oddity: str
    section: Section
    expected: Mapping[str, Any]


def names() -> list[tuple[str, str]]:
    """(collector, oddity) of every case on disk."""
    return sorted((path.parent.name, path.name) for path in CASES.glob("*/*") if path.is_dir())


def load(collector: str, oddity: str) -> Case:
    """Read one case; `output` must exist, be it empty."""
    folder = CASES / collector / oddity
    written = json.loads((folder / "expected.json").read_text("utf-8"))
    errors = folder / "stderr"
    section = Section(
        name=collector,
        stdout=(folder / "output").read_bytes().decode("utf-8", "backslashreplace"),
        stderr=errors.read_text("utf-8") if errors.exists() else "",
        exit_status=written.get("exit_status", 0),
        missing=written.get("missing", ""),
        timed_out=written.get("timed_out", False),
    )
    return Case(collector, oddity, section, written["facts"])


def facts_of(collector: HostCollector, section: Section) -> Any:
    """What the collector reads from the section, as plain JSON values without defaults."""
    return plain(collector.read(section))


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
    if isinstance(value, Mapping):
        return {key: plain(content) for key, content in value.items()}
    if isinstance(value, tuple | list):
        return [plain(content) for content in value]
    return value


def _default(field: Any) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default
