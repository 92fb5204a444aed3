"""Sheets of the workbook, one file each declaring `SHEET`; `discover()` finds it."""
