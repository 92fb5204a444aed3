"""Exports beside the workbook, one file each declaring `EXPORT`; `discover()` finds it."""
