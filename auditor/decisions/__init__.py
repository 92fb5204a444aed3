"""Decisions come back: from the returned workbook into decisions.toml, and from there into every later audit.

`workbook` reads the sheet of people as it came back, `wording` what was written in its cells, `lines` knows which lines
the reports had, `matching` tells what becomes of each row, `file` is decisions.toml. Nothing here judges a license.
"""
