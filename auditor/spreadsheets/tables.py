"""Finds the tables in sheets people keep: the line of headings below titles, the rows below it, and what is neither."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.spreadsheets.rows import Kind, Line, Problem, Reading, Row, Sheet, letters
from auditor.spreadsheets.values import plain, tidy
from auditor.tables import suggestion

HEADING_WITHIN: Final = 60  # lines; further down nobody looks for headings either
_MANY: Final = 3  # filled cells above the headings that look like a row and not like a title
_IN_PARENTHESES: Final = re.compile(r"\([^)]*\)")
_OTHER_MONEY: Final = re.compile(r"ttc|t\.t\.c|incl|usd|gbp|chf|[$£]", re.IGNORECASE)  # "Prix (TTC)" is no price HT
# A merged area over several rows shares a publisher or a date with them; a number of pieces or an amount it does not.
_ONCE: Final = frozenset({"id", "quantity", "unit_price", "unit_price_ht", "yearly_price", "monthly_price"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Headings:
    """The line of headings: our name of each column, headings of others, and whether they are French."""

    line: Line
    columns: Mapping[int, str]
    others: Mapping[int, str]
    french: bool


def tables(sheets: Sequence[Sheet], kind: Kind) -> Reading:
    """The rows of every sheet that holds a table of this kind."""
    filled = [sheet for sheet in sheets if sheet.lines]
    if not filled:
        return Reading(problems=(Problem("", "it is empty.", kind.hint),))
    found = [(sheet, _headings(sheet, kind)) for sheet in filled]
    whole = [(sheet, headings) for sheet, headings in found if headings and _is_whole(headings, kind)]
    rows: list[Row] = []
    notes: list[str] = []
    problems: list[Problem] = []
    for sheet, headings in found:
        if headings is None or not _is_whole(headings, kind):
            problem = _no_table(sheet, headings, kind)
            if whole and (headings is None or len(headings.columns) < _MANY):
                if plain(sheet.title) not in kind.silent_sheets:
                    notes.append(f"sheet {sheet.title} holds no {kind.content} (no such headings) and is not read")
            else:
                problems.append(problem)
        elif sheet.hidden:
            hint = "Show the sheet if it counts; delete it if it does not."
            problems.append(Problem(f"sheet {sheet.title}", f"it is hidden and holds {kind.content} rows.", hint))
        else:
            reading = _rows(sheet, headings, kind)
            rows += reading.rows
            notes += reading.notes
            problems += reading.problems
    return Reading(rows=tuple(rows), notes=tuple(notes), problems=tuple(problems))


def _is_whole(headings: Headings, kind: Kind) -> bool:
    return set(kind.required) <= set(headings.columns.values())


def _no_table(sheet: Sheet, headings: Headings | None, kind: Kind) -> Problem:
    place = f"sheet {sheet.title}" if sheet.title else ""
    if headings is None:
        return Problem(place, f"no line of headings for {kind.content} rows was found.", kind.hint)
    missing = next(column for column in kind.required if column not in headings.columns.values())
    for column, text in headings.others.items():  # a heading misspelt says more than one missing
        if hint := suggestion(plain(text), list(kind.by_heading())):
            return Problem(sheet.cell(headings.line, column), f"unknown column {text!r}.", hint)
    if headings.others and not kind.extra_told:
        column, text = next(iter(headings.others.items()))
        return Problem(sheet.cell(headings.line, column), f"unknown column {text!r}.", kind.hint)
    return Problem(place, f"the column {missing} is missing.", kind.hint)


def _headings(sheet: Sheet, kind: Kind) -> Headings | None:
    """The line that names most columns of ours; the first of equal ones, and None where none names two."""
    best: Headings | None = None
    for line in sheet.lines[:HEADING_WITHIN]:
        found = as_headings(line, kind)
        if len(set(found.columns.values())) > (len(set(best.columns.values())) if best else 1):
            best = found
    return best


def as_headings(line: Line, kind: Kind) -> Headings:
    """A line as headings: what each filled cell of it would name."""
    known, french = kind.by_heading(), kind.french_only()
    columns, others, in_french = {}, {}, False
    for number, cell in line.cells.items():
        if not cell.is_own or cell.value is None:
            continue
        text = str(cell.value)
        name = plain(text) if _OTHER_MONEY.search(text) else plain(_IN_PARENTHESES.sub(" ", text))
        column = known.get(plain(text)) or known.get(name)
        if column is None:
            others[number] = text.strip()
        else:
            columns[number] = column
            in_french = in_french or plain(text) in french or name in french
    return Headings(line=line, columns=columns, others=others, french=in_french)


def _rows(sheet: Sheet, headings: Headings, kind: Kind) -> Reading:
    notes: list[str] = []
    problems = list(_doubtful_headings(sheet, headings, kind))
    notes += _told_headings(sheet, headings, kind)
    rows: list[Row] = []
    stray: set[int] = set()
    above = headings.line.number
    for line in sheet.lines:
        if line.number < headings.line.number:
            if sum(cell.is_own for cell in line.cells.values()) >= _MANY:
                notes.append(f"{sheet.row(line)} stands above the headings and is not read")
            continue
        if line is headings.line:
            continue
        again = as_headings(line, kind)
        if set(kind.required) <= set(again.columns.values()):
            headings = again  # a second table below the first, or its headings repeated
            above = line.number
            problems += _doubtful_headings(sheet, headings, kind)
            continue
        beyond = [number for number in line.cells if number not in headings.columns and number not in headings.others]
        if beyond and not sheet.title and max(beyond) > max((*headings.columns, *headings.others)):
            width, there = max((*headings.columns, *headings.others)), max(line.cells)
            hint = "A decimal comma needs ; between the columns, or quotes around the number."
            problems.append(Problem(sheet.row(line), f"{there} values for {width} columns.", hint))
            continue
        stray.update(beyond)
        row = _row(sheet, line, headings, after_gap=line.number > above + 1)
        above = line.number
        own = [number for number, cell in line.cells.items() if cell.is_own]
        if len(own) == 1 and any(cell.span and cell.value is None for cell in line.cells.values()):
            notes.append(f"{sheet.row(line)} is a title over merged cells, and is not read")
        elif row.is_empty:
            notes.append(f"{sheet.row(line)} has values only in columns that are not read")
        else:
            rows.append(row)
            if line.hidden:
                notes.append(f"{sheet.row(line)} is hidden, and counted")
            if any(line.cells[number].struck for number in headings.columns if number in line.cells):
                notes.append(f"{sheet.row(line)} is struck out, and counted: delete it if it does not count")
    if stray:
        which = ", ".join(letters(number) if sheet.title else str(number) for number in sorted(stray))
        notes.append(f"{sheet.row(headings.line)}: column {which} has values and no heading, and is not read")
    return Reading(rows=tuple(rows), notes=tuple(notes), problems=tuple(problems))


def _doubtful_headings(sheet: Sheet, headings: Headings, kind: Kind) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, column in headings.columns.items():
        if column in seen and column != "note":
            text = str(headings.line.cells[number].value).strip()
            yield Problem(sheet.cell(headings.line, number), f"a second column {column} ({text!r}).")
        seen.add(column)
    for number, text in headings.others.items():
        if not kind.extra_told:
            hint = suggestion(plain(text), list(kind.by_heading())) or kind.hint
            yield Problem(sheet.cell(headings.line, number), f"unknown column {text!r}.", hint)


def _told_headings(sheet: Sheet, headings: Headings, kind: Kind) -> Iterator[str]:
    for number, text in headings.others.items():
        if kind.extra_told:
            hint = kind.unclear.get(plain(text)) or suggestion(plain(text), list(kind.by_heading()))
            told = f"{sheet.cell(headings.line, number)}: the column {text!r} is not read"
            yield f"{told}. {hint}" if hint else told
    hidden = [letters(number) for number in sorted(sheet.hidden_columns) if number in headings.columns]
    if hidden:
        yield f"sheet {sheet.title}: the hidden column {', '.join(hidden)} is read"


def _row(sheet: Sheet, line: Line, headings: Headings, *, after_gap: bool) -> Row:
    values: dict[str, object] = {}
    cells: dict[str, str] = {}
    faults: dict[str, Problem] = {}
    for number, column in headings.columns.items():
        cell = line.cells.get(number)
        if column in values and cell is None:
            continue
        heading = tidy(str(headings.line.cells[number].value))  # as the person wrote it, who looks for it there
        place = sheet.cell(line, number) if sheet.title else f"{sheet.row(line)}, {heading}"
        if cell is not None and cell.fault:
            faults[column] = Problem(place, cell.fault, cell.hint)
        elif cell is not None and cell.span and column in _ONCE:
            hint = "Split the merged cells and write each row's own value."
            faults[column] = Problem(place, f"the cell is part of {cell.span}, merged: whose value is it?", hint)
        if column == "note" and values.get("note") and cell is not None:
            values["note"] = f"{values['note']}; {cell.value}"
            continue
        values[column] = None if cell is None else cell.value
        cells[column] = place
    return Row(values, sheet.row(line), cells, faults, headings.french, after_gap)
