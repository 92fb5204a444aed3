"""Sheets of the workbook, one file each declaring `SHEET`; `discover()` finds it."""

from importlib import import_module
from pkgutil import iter_modules

from reports.sheet import Sheet


def discover() -> tuple[Sheet, ...]:
    """All sheets, in the order of their tabs."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return tuple(sorted((module.SHEET for module in modules), key=lambda sheet: (sheet.order, sheet.name)))
