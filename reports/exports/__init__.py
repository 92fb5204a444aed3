"""Exports beside the workbook, one file each declaring `EXPORT`; `discover()` finds it, or `discover_by_machine()`."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from reports.export import Export, MachineExport


def discover() -> dict[str, Export]:
    """All exports of a whole assessment by name, sorted."""
    return {export.name: export for export in _declared() if isinstance(export, Export)}


def discover_by_machine() -> dict[str, MachineExport]:
    """All exports that give one file per machine by name, sorted."""
    return {export.name: export for export in _declared() if isinstance(export, MachineExport)}


def _declared() -> Iterator[Export | MachineExport]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    yield from sorted((module.EXPORT for module in modules), key=lambda export: export.name)
