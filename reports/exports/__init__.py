"""Exports beside the workbook, one file each declaring `EXPORT`; `discover()` finds it."""

from importlib import import_module
from pkgutil import iter_modules

from reports.export import Export


def discover() -> dict[str, Export]:
    """All exports by name, sorted."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    found = [module.EXPORT for module in modules]
    return {export.name: export for export in sorted(found, key=lambda export: export.name)}
