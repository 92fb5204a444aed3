"""Software and rights: what is installed against what was bought, with the columns of an effective license position."""

from collections.abc import Iterator, Sequence
from typing import Final

from reports import software_words
from reports.actions import Action
from reports.cells import Value
from reports.grid import Column, Page, Styled, lines_of, room, row_height
from reports.places import Places
from reports.sheet import Report, Sheet
from reports.software import deficit, kept, kept_value, surplus
from reports.styles import Style
from rules.messages import Message
from rules.software.position import PositionLine, Reduction, Status, Unrecognized
from rules.software.wording import title_of

_NAME: Final = "sheets.software."
_STATUS: Final = 7  # the column that leads to the action plan
# What a person reads, on one landscape page in letters of at least 7.5 points (widths measured).
_PRINTED: Final = (
    ("product", Style.STRONG, 26.0),  # with edition and version, which have columns of their own to the right
    ("metric", Style.TEXT, 11.0),
    ("owned", Style.NUMBER, 9.0),
    ("installed", Style.NUMBER, 10.2),
    ("required", Style.NUMBER, 8.5),
    ("gap", Style.NUMBER, 8.5),
    ("state", Style.TEXT, 13.0),
    ("reliability", Style.TEXT, 11.0),
    ("ends", Style.DATE, 10.5),
    ("price", Style.EURO, 13.0),
    ("impact", Style.IMPACT, 12.5),
    ("notes", Style.TEXT, 36.0),
)
# What is filtered and looked up on the screen, to the right of what is printed; the technical annex has it too.
_ON_SCREEN: Final = (
    ("publisher", Style.TEXT, 14.0),
    ("edition", Style.TEXT, 13.0),
    ("version", Style.TEXT, 9.0),
    ("oem", Style.NUMBER, 8.0),
    ("not_subject", Style.NUMBER, 9.0),
    ("transferred", Style.NUMBER, 11.0),
    ("proof", Style.TEXT, 20.0),
)
_COLUMNS: Final = (*_PRINTED, *_ON_SCREEN)
_LAST: Final = len(_PRINTED)  # headings, sentences and lists beside the table are printed whole
_TITLE_PT: Final = 22.0
_BELOW_TITLE_PT: Final = 60.0  # a note, the header of a table and a first row
_LEGEND: Final = ("legend_rights", "legend_need", "legend_gap", "legend_states", "legend_money", "legend_screen")
_MOST_UNRECOGNIZED: Final = 30
_SPANS: Final = ((1, 1), (2, 5), (6, 7), (8, 8), (9, _LAST))  # publisher, program, versions, count, machines
STATUS_STYLES: Final = {
    Status.UNDER: Style.BAD,
    Status.CHECK: Style.WARN,
    Status.UNKNOWN: Style.UNKNOWN,
    Status.EXCESS: Style.INFO,
    Status.OK: Style.GOOD,
    Status.FREE: Style.TEXT,
}


def build(page: Page, report: Report) -> None:
    """Lay the sheet out: what could not be seen, the position, what it costs, how to read it, what is beside it."""
    texts, software = report.texts, report.software
    page.one_wide = True
    page.printed = len(_PRINTED)
    page.widths = {number: width for number, (_, _, width) in enumerate(_COLUMNS, 1)}
    page.heading(texts.text(_NAME + "heading"), software_words.intro(report), _LAST)
    if boxes := software_words.unseen(report):
        page.next_row -= 1  # in the row between heading and table: the table begins where it does in every sheet
        page.note(" ".join(boxes), Style.WARN_BOX, _LAST)
    shown = software_words.shown(report)
    actions = _actions(report)
    first = page.table(_columns(report), shown, lambda line: _line(report, line, actions.get(line.key)), main=True)
    page.frozen = f"B{first}"
    places = Places(report)
    for row, line in enumerate(shown, first):
        if line.key in actions:
            action = actions[line.key]
            page.link(row, _STATUS, report.title("actions"), action.ref, to=places.of_action(action))
    if software.summary is None:
        return
    page.skip()
    for sentence, style in _below(report):
        page.note(sentence, style, _LAST)
    if shown:
        _legend(page, report)
    _rights(page, report, "idle", software.summary.idle)
    _rights(page, report, "upcoming", software.summary.upcoming)
    _unrecognized(page, report)
    page.note(texts.text(_NAME + "limits", version=software.summary.rules_version), Style.NOTE, _LAST)


def _columns(report: Report) -> tuple[Column, ...]:
    return tuple(
        Column(title=report.texts.text(_NAME + name), style=style, width=width) for name, style, width in _COLUMNS
    )


def _actions(report: Report) -> dict[str, Action]:
    """The action of each line that has one: the most urgent."""
    found: dict[str, Action] = {}
    for action in report.actions:
        for finding in action.findings:
            for line in report.software.lines_about(finding):
                found.setdefault(line.key, action)
    return found


def _line(report: Report, line: PositionLine, action: Action | None) -> Sequence[Value | Styled]:
    texts = report.texts
    return (
        title_of(line),
        texts.text(f"metric.{line.metric.value}"),
        _owned(report, line),
        line.installed,
        _required(report, line),
        _gap(report, line),
        _status(report, line),
        _reliability(report, line),
        _ends(report, line),
        _price(report, line),
        _impact(report, line),
        "\n".join(_notes(report, line, action)),
        line.publisher,
        line.edition,
        line.version,
        line.owned_oem or None,
        line.not_subject or None,
        line.transferred or None,
        "\n".join(line.proofs),
    )


def _status(report: Report, line: PositionLine) -> Styled:
    """What the client accepts for a time keeps its verdict, without the color of something to be done."""
    texts = report.texts
    told = texts.text(f"software_status.{line.status.value}")
    if report.software.is_accepted(line):
        return Styled(texts.text(_NAME + "state_accepted", state=told), Style.INFO)
    return Styled(told, STATUS_STYLES[line.status])


def _owned(report: Report, line: PositionLine) -> Value | Styled:
    if line.unlimited:
        return report.texts.text(_NAME + "unlimited")
    if line.owned is not None or line.status is Status.FREE or line.required == 0:
        return line.owned  # where nothing is needed, nothing bought is no blind spot
    return _unknown(report, "" if report.software.declared else _NAME + "undeclared")


def _required(report: Report, line: PositionLine) -> Value | Styled:
    return line.required if line.required is not None or line.status is Status.FREE else _unknown(report)


def _gap(report: Report, line: PositionLine) -> Value | Styled:
    """What is left (positive) or lacks; of a line without a verdict nobody can tell, whatever the numbers add up to."""
    if line.gap is None or line.status is Status.UNKNOWN:
        covered = line.unlimited or line.status is Status.FREE
        return report.texts.text("kpi.not_applicable") if covered else _unknown(report)
    lacking = line.gap < 0 and line.status is Status.UNDER and not report.software.is_accepted(line)
    return Styled(line.gap, Style.DEFICIT) if lacking else line.gap


def _unknown(report: Report, text: str = "") -> Styled:
    return Styled(report.texts.text(text or "kpi.unknown"), Style.UNKNOWN)


def _reliability(report: Report, line: PositionLine) -> Value | Styled:
    """On how many of the known machines the line rests."""
    texts = report.texts
    if not line.known:
        return texts.text("kpi.not_applicable")
    told = texts.text(_NAME + "seen", count=line.seen, known=line.known)
    if line.old:
        told = f"{told}\n{texts.text(_NAME + 'seen_old', count=line.old)}"
    if line.earlier > line.old:
        told = f"{told}\n{texts.text(_NAME + 'seen_earlier', count=line.earlier)}"
    return told if line.seen >= line.known and not line.old else Styled(told, Style.UNKNOWN)


def _ends(report: Report, line: PositionLine) -> Value | Styled:
    past = line.ends_on is not None and line.ends_on < report.view.day
    return Styled(line.ends_on, Style.PASSED) if past else line.ends_on


def _price(report: Report, line: PositionLine) -> Value | Styled:
    if line.unit_price is None:
        return None if line.status is Status.FREE else Styled(report.texts.text("values.none"), Style.UNKNOWN)
    return Styled(line.unit_price, Style.EURO_YEARLY if line.yearly else Style.EURO)


def _impact(report: Report, line: PositionLine) -> Value | Styled:
    """What must be spent (negative) or can be saved (positive); a right once paid saves nothing by being given up."""
    if report.software.is_accepted(line) or 0 < line.tied == surplus(line):
        return None
    if line.status is Status.UNDER:
        worth = None if line.cost is None else -line.cost
    elif line.status is Status.EXCESS and (line.yearly or line.unit_price is None):
        worth = line.saving
    else:
        return None
    if worth is None:
        return Styled(report.texts.text("values.none"), Style.UNKNOWN)
    return Styled(worth, Style.IMPACT_YEARLY if line.yearly else Style.IMPACT)


def _notes(report: Report, line: PositionLine, action: Action | None) -> Iterator[str]:
    texts = report.texts
    if line.status is Status.UNDER and line.at_least:
        yield texts.text(_NAME + "note_least", count=deficit(line))
    yield from software_words.notes(report, line)
    if len(line.reductions) > 1 or 0 < sum(part.units for part in line.reductions) < surplus(line):
        steps = texts.clauses([_step(report, part) for part in line.reductions])
        yield texts.text(_NAME + "note_reductions", steps=steps)
    if line.tied:
        yield texts.text(_NAME + "note_tied", count=line.tied)
    if line.status is Status.EXCESS and kept_value(line):
        yield texts.text(_NAME + "note_kept", count=kept(line), amount=texts.euros(kept_value(line)))
    for waiver in report.software.waivers_of(line):
        yield texts.text(_NAME + "note_waiver", waiver=waiver.id, until=waiver.until)
    if action is not None:
        yield texts.text(_NAME + "note_action", sheet=report.title("actions"), ref=action.ref)


def _step(report: Report, part: Reduction) -> str:
    """What of a surplus ends on one day, and what it costs a year."""
    texts = report.texts
    when = "" if part.on is None else "_dated"
    if part.amount is None:
        return texts.text(f"{_NAME}step{when}_unpriced", count=part.units, on=part.on or "")
    return texts.text(f"{_NAME}step{when}", count=part.units, on=part.on or "", amount=texts.euros(part.amount))


def _below(report: Report) -> Iterator[tuple[str, Style]]:
    """How the products stand, what it costs, what needs no right."""
    software = report.software
    if software.lines:
        yield software_words.states(report), Style.SENTENCE
    elif not software.empty:
        name = "nothing" if software.declared else "nothing_undeclared"
        yield report.texts.text(_NAME + name), Style.SENTENCE
    for sentence in software_words.money(report):
        yield sentence, Style.SENTENCE
    if told := software_words.free(report, filter(software_words.is_told_apart, software.lines)):
        yield told, Style.SENTENCE
    for sentence in software_words.limits(report):
        yield sentence, Style.SENTENCE


def _section(page: Page, title: str) -> None:
    """A title below the table, on the printed page of what follows it."""
    page.keep(_TITLE_PT + _BELOW_TITLE_PT)
    page.wide(title, Style.SECTION, 1, _LAST, _TITLE_PT)


def _legend(page: Page, report: Report) -> None:
    page.skip()
    _section(page, report.texts.text(_NAME + "legend"))
    for name in _LEGEND:
        page.note(report.texts.text(_NAME + name), Style.NOTE, _LAST)
    page.skip()


def _rights(page: Page, report: Report, name: str, rights: Sequence[Message]) -> None:
    """Rights that cover nothing, or do not count yet: one sentence each."""
    if not rights:
        return
    _section(page, report.texts.text(_NAME + name))
    for right in rights:
        page.note(f"• {report.texts.message(right)}", Style.SENTENCE, _LAST)
    page.skip()


def _unrecognized(page: Page, report: Report) -> None:
    """Programs somebody must name before anyone can tell whether they need a license."""
    texts, found = report.texts, report.software.unrecognized
    if not found:
        return
    _section(page, texts.text(_NAME + "unrecognized", count=len(found)))
    page.note(texts.text(_NAME + "unrecognized_why"), Style.NOTE, _LAST)
    heads = ("publisher", "program", "versions", "machines", "where")
    _spread(page, [(texts.text(_NAME + head), Style.HEADER) for head in heads])
    for program in found[:_MOST_UNRECOGNIZED]:
        _spread(page, _program(report, program))
    if (rest := len(found) - _MOST_UNRECOGNIZED) > 0:
        page.note(texts.text(_NAME + "unrecognized_more", count=rest), Style.NOTE, _LAST)
    page.skip()


def _program(report: Report, program: Unrecognized) -> list[tuple[Value, Style]]:
    texts = report.texts
    return [
        (program.publisher, Style.TEXT),
        (program.name, Style.STRONG),
        (texts.listing(list(program.versions), limit=2), Style.TEXT),
        (len(program.devices), Style.NUMBER),
        (texts.listing(sorted(program.devices), limit=10), Style.TEXT),
    ]


def _spread(page: Page, values: Sequence[tuple[Value, Style]]) -> None:
    """One row of a list that has fewer and wider columns than the position above it."""
    cells = []
    deepest = 1
    for (first, last), (value, style) in zip(_SPANS, values, strict=True):
        cells += [(column, value if column == first else None, style) for column in range(first, last + 1)]
        across = room(sum(page.widths[column] for column in range(first, last + 1)), bold=style is Style.STRONG)
        deepest = max(deepest, lines_of(str(value), across))
    row = page.line(*cells, height=row_height(deepest))
    for first, last in _SPANS:
        page.merge(row, first, last)


SHEET = Sheet(name="software", order=28, build=build)
