"""The workbooks a run leaves in a folder: one for the manager, and the technician's annex beside it."""

from pathlib import Path

_ANNEX = ("annexe-technique", "technical-annex")


def managers(folder: Path) -> list[Path]:
    """The workbooks that are for managers, by name."""
    return [file for file in sorted(folder.glob("*.xlsx")) if not _is_annex(file)]


def annexes(folder: Path) -> list[Path]:
    """The workbooks that are for technicians, by name."""
    return [file for file in sorted(folder.glob("*.xlsx")) if _is_annex(file)]


def _is_annex(file: Path) -> bool:
    return any(name in file.name for name in _ANNEX)
