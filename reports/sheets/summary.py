"""Summary: one A4 page that a manager reads in ninety seconds, what could not be seen before anything else."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Final

from collectors.feeds.records import Severity
from reports import evolution, license_words, software_words, words
from reports.actions import Action, is_exploited
from reports.cells import Value
from reports.grid import Page, lines_of, room, row_height
from reports.headline import headline
from reports.places import Places
from reports.sheet import Report, Sheet
from reports.styles import LOOKS, Style
from reports.tiles import Tile, tiles
from reports.view import MachineState
from rules.model import Outcome, PriorityLevel

_NAME: Final = "sheets.summary."
# Three tiles side by side: A, C to D and F to H; B and E keep them apart. The list of actions uses the same columns.
# As many characters across, for the lines down that this leaves, as make a page as upright as A4 in Calibri.
_WIDTHS: Final = {1: 40.0, 2: 1.0, 3: 27.0, 4: 13.0, 5: 1.0, 6: 13.0, 7: 16.0, 8: 12.0}
_LAST: Final = 8
_TILE_COLUMNS: Final = ((1, 1), (3, 4), (6, 8))
_MILD: Final = frozenset({Severity.MEDIUM, Severity.LOW})
_MOST_ACTIONS: Final = 5
_PROVIDER_ACTIONS: Final = 2
_NAMES_SHOWN: Final = 6
_RENEWAL_DAYS: Final = 60
_LINE_PT: Final = 15.0
_SPACE_PT: Final = 8.0  # between two sections
_SIZED_CHARS: Final = 11.8  # per unit of width, divided by the size of the letters (measured)


def build(page: Page, report: Report) -> None:
    """Lay the page out."""
    page.widths = dict(_WIDTHS)
    _title(page, report)
    _unseen(page, report)
    _brief(page, report)
    _figures(page, report)
    _decide(page, report)
    _closing(page, report)


def _title(page: Page, report: Report) -> None:
    texts, view, assessment = report.texts, report.view, report.assessment
    day = texts.local_day(assessment.as_of)
    heading = "heading" if not view.standing.wanted else "heading_both" if view.known else "heading_licenses"
    page.wide(texts.text(_NAME + heading), Style.TITLE, 1, _LAST, 32)
    subtitle = texts.text(
        _NAME + "subtitle",
        client=assessment.client,
        month=texts.month(day),
        day=texts.date(day),
        coverage=", ".join(_coverage(report)),
    )
    page.wide(subtitle, Style.SUBTITLE, 1, _LAST, _height(subtitle, 6, Style.SUBTITLE))
    if assessment.demo:
        page.wide(texts.text("workbook.demo"), Style.DEMO, 1, _LAST, 20)
    _space(page)


def _coverage(report: Report) -> Iterator[str]:
    """What was seen of what there is: machines, then Microsoft 365."""
    texts, view, licenses = report.texts, report.view, report.licenses
    if view.known or not licenses.tenants:
        yield texts.text(_NAME + "coverage", count=view.reached, known=view.known)
    if licenses.tenants:
        unread = len(licenses.reached) < len(licenses.tenants)
        partly = bool(license_words.missing_areas(report)) or not licenses.complete
        state = "unread" if unread else "partly" if partly else "read"
        yield texts.text(_NAME + "coverage_tenants", state=texts.text(f"{_NAME}tenant_{state}"))


def _unseen(page: Page, report: Report) -> None:
    texts = report.texts
    _section(page, texts.text(_NAME + "unseen"))
    sentences = list(unseen(report))
    for sentence in sentences:
        page.wide(sentence, Style.WARN_BOX, 1, _LAST, _height(sentence, 5, Style.WARN_BOX))
    if sentences:
        row = page.line((1, texts.text(_NAME + "unseen_more", sheet=report.title("coverage")), Style.LINK), height=17)
        page.link(row, 1, report.title("coverage"), report.title("coverage"))
    else:
        tenants, machines = report.licenses.tenants, report.view.known
        whole = "" if not tenants else "_both" if machines else "_licenses"
        page.wide(texts.text(f"{_NAME}unseen_nothing{whole}"), Style.GOOD_BOX, 1, _LAST, 22)
    _space(page)


def unseen(report: Report) -> Iterator[str]:
    """Yield one sentence per kind of blind spot, the largest first."""
    texts, view = report.texts, report.view
    if not view.known:
        yield texts.text(_NAME + ("unseen_machines_none" if view.licenses.tenants else "unseen_no_machine"))
    absent = [machine.name for machine in view.machines if not machine.summary.reached]
    partial = [machine.name for machine in view.with_gaps if machine.verdict]
    causes = (
        (cause, view.blind_spots.get(cause, ())) for cause in ("no_feed", "unsupported", "out_of_support", "verdicts")
    )
    feeds = (("feeds_never", view.feeds_never_fetched), ("feeds", view.feeds_too_old))
    doubtful = [machine.name for machine in view.in_doubt]
    for text, names in (("machines", absent), *feeds, *causes, ("products", doubtful), ("areas", partial)):
        if names:
            listed = texts.listing(list(names), limit=_NAMES_SHOWN)
            yield texts.text(f"{_NAME}unseen_{text}", count=len(names), names=listed)
            if text == "machines":
                yield from software_words.earlier(report)  # its programs are known from an audit before
    yield from _unseen_tenants(report)
    if report.assessment.failures:
        yield texts.text(_NAME + "unseen_failures", count=len(report.assessment.failures))


def _unseen_tenants(report: Report) -> Iterator[str]:
    texts, licenses = report.texts, report.licenses
    absent = [license_words.tenant_name(tenant) for tenant in licenses.tenants if not tenant.reached]
    for text, names in (("tenants", absent), ("tenant_areas", license_words.missing_areas(report))):
        if names:
            listed = texts.listing(names, limit=_NAMES_SHOWN)
            yield texts.text(f"{_NAME}unseen_{text}", count=len(names), names=listed)
    if licenses.concealed:
        yield texts.text(_NAME + "unseen_concealed")


def _brief(page: Page, report: Report) -> None:
    _section(page, report.texts.text(_NAME + "brief"))
    for sentence in in_three(report):
        page.wide(sentence, Style.SENTENCE, 1, _LAST, _height(sentence, 5))
    _space(page)


def in_three(report: Report) -> tuple[str, ...]:
    """State, striking fact, outlook: one sentence each."""
    machines = report.view.known or not report.view.standing.wanted
    return (headline(report), *((_striking(report),) if machines else ()), _outlook(report))


def brief(report: Report) -> tuple[str, ...]:
    """Give what the mail tells: state, striking fact, licenses, software, outlook; what was not audited has none."""
    machines = report.view.known or not report.licenses.tenants
    return (
        *((_state(report), _striking(report)) if machines else ()),
        *((license_words.state(report),) if report.licenses.tenants else ()),
        *((software_words.state(report),) if report.software.declared else ()),
        _outlook(report),
    )


def _state(report: Report) -> str:
    texts, view = report.texts, report.view
    unknown = view.known - view.decided
    rest = [texts.text(_NAME + "state_rest", count=unknown)] if unknown else []
    if not view.decided:
        return texts.text(_NAME + "state_unknown")
    if partly := len(view.in_state(MachineState.SYSTEM_ONLY)):
        rest.insert(0, texts.text(_NAME + "state_products", count=partly))
    if view.updated == view.decided:
        text = "state_good_judged" if unknown else "state_good"
        return " ".join([texts.text(_NAME + text, count=view.updated), *rest])
    updated = texts.text(_NAME + "state_updated", count=view.updated, base=view.decided)
    counted = words.severities(report, view.missing)
    missing = [texts.text(_NAME + "state_missing", count=len(view.missing), severities=counted)] if view.missing else []
    return " ".join([updated, *missing, *rest])


def _urgent(report: Report) -> str:
    """Urgent patches of which none is known to be late: in time only where all have a rating and a deadline."""
    texts, view = report.texts, report.view
    count = view.urgent.findings
    rated = [patch for patch in view.missing if patch.severity not in _MILD]
    if view.judged and all(patch.due_on and patch.severity is not Severity.UNKNOWN for patch in rated):
        return texts.text(_NAME + "fact_urgent", count=count)
    whole = view.judged == view.known
    figure = count if whole else texts.text("kpi.at_least", figure=count)
    return texts.text(_NAME + "fact_urgent_undated", count=count, figure=figure)


def _striking(report: Report) -> str:
    texts, view = report.texts, report.view
    if view.exploited.findings:
        names = words.exploited_packages(report)
        return texts.text(_NAME + "fact_exploited", count=view.exploited.findings, names=texts.listing(names, limit=3))
    if view.overdue.findings:
        days = texts.text("values.days", count=words.longest_delay(report))
        return texts.text(_NAME + "fact_overdue", count=view.overdue.findings, days=days)
    if view.out_of_support:
        names = [machine.name for machine in view.out_of_support]
        return texts.text(_NAME + "fact_support", count=len(names), names=texts.listing(names, limit=3))
    if view.urgent.findings:
        return _urgent(report)
    if rebooting := view.rebooting(Outcome.FAIL):
        return texts.text(_NAME + "fact_reboot", count=rebooting)
    if not view.judged:
        cause = "unseen" if not view.reached else "no_feed" if view.blind_spots.get("no_feed") else "doubt"
        return texts.text(_NAME + f"fact_{cause}")
    return texts.text(_NAME + "fact_none")


def _outlook(report: Report) -> str:
    texts, view = report.texts, report.view
    due = words.coming_deadlines(report)
    ending = [machine.name for machine in view.ending_soon]
    parts = []
    if due:
        parts.append(texts.text(_NAME + "outlook_due", count=len(due), first_on=due[0]))
    if ending:
        parts.append(texts.text(_NAME + "outlook_support", count=len(ending), names=texts.listing(ending, limit=3)))
    if view.licenses.tenants:
        parts += _renewals(report)
    if not parts:
        nothing = "outlook_none" if view.judged else "outlook_unknown"
        parts.append(
            texts.text(_NAME + ("outlook_none_licenses" if not view.known and view.licenses.tenants else nothing))
        )
    what = parts[0]
    if len(parts) > 1:
        what = texts.text(_NAME + "outlook_and", first=texts.clauses(parts[:-1]), second=parts[-1])
    return texts.text(_NAME + "outlook", what=what)


def _renewals(report: Report) -> Iterator[str]:
    """Subscriptions about which somebody must decide soon."""
    texts = report.texts
    found = license_words.coming_renewals(report, report.view.day + timedelta(days=_RENEWAL_DAYS))
    if found:
        names = texts.listing(list(dict.fromkeys(product for _, product in found)), limit=2)
        yield texts.text(_NAME + "outlook_renewal", count=len(found), first_on=found[0][0], names=names)


def _figures(page: Page, report: Report) -> None:
    _section(page, report.texts.text(_NAME + "figures"))
    page.line((1, None, Style.PLAIN), height=6)
    shown = tiles(report)
    for start in range(0, len(shown), len(_TILE_COLUMNS)):
        _tile_row(page, shown[start : start + len(_TILE_COLUMNS)])
        _space(page)


def _tile_row(page: Page, row: tuple[Tile, ...]) -> None:
    parts: tuple[tuple[list[tuple[Value, Style]], float], ...] = (
        ([(tile.label, Style.KPI_LABEL) for tile in row], 20),
        ([(tile.figure, tile.style) for tile in row], 31),
        ([(tile.note, Style.KPI_NOTE) for tile in row], _note_height(row)),
        ([(tile.trend or None, Style.KPI_TREND) for tile in row], 17 if any(tile.trend for tile in row) else 3),
    )
    for values, height in parts:
        cells = [
            (column, value if column == first else None, style)
            for (value, style), (first, last) in zip(values, _TILE_COLUMNS, strict=True)
            for column in range(first, last + 1)
        ]
        number = page.line(*cells, height=height)
        for first, last in _TILE_COLUMNS:
            page.merge(number, first, last)


def _note_height(row: tuple[Tile, ...]) -> float:
    """Height in points of the lines below the figures: two lines of text, or as many as the longest takes."""
    across = room(min(sum(_WIDTHS[column] for column in range(first, last + 1)) for first, last in _TILE_COLUMNS))
    return max(28.0, *(12.0 * lines_of(tile.note, across) + 4 for tile in row))


def decisions(report: Report) -> tuple[Action, ...]:
    """The actions the first sheet shows, five at most: two that the provider does, the others for the client to decide.

    Of the client's the most urgent comes first, then the next that has a day, then what is worth the most: a manager
    sees what presses and what it costs. A last window to save counts for what it saves, and comes before anything
    without a day that is worth less than twice as much. Of the provider's the most urgent comes first, then the flaw
    under attack whose fix is the longest late; of how many more the line below tells. Where one side has fewer, the
    other fills up. In the order of the plan.
    """
    wanted = [action for action in report.actions if action.level in (PriorityLevel.NOW, PriorityLevel.PLAN)]
    own = list(_own([action for action in wanted if action.owner == "provider"]))
    asked = list(_asked(report, [action for action in wanted if action.owner != "provider"]))
    chosen = asked[: _MOST_ACTIONS - min(_PROVIDER_ACTIONS, len(own))]
    shown = {id(action) for action in (*chosen, *own[: _MOST_ACTIONS - len(chosen)])}
    return tuple(action for action in wanted if id(action) in shown)


def _own(actions: list[Action]) -> Iterator[Action]:
    """What the provider does, what must be seen on the first sheet first."""
    first = [0] if actions else []
    late = [(action.due_on, place) for place, action in enumerate(actions) if action.overdue and is_exploited(action)]
    first += [place for due, place in sorted((due, place) for due, place in late if due is not None)[:1]]
    for place in dict.fromkeys((*first, *range(len(actions)))):
        yield actions[place]


def _asked(report: Report, actions: list[Action]) -> Iterator[Action]:
    """What the client is asked, what must be seen on the first sheet first."""
    day = report.view.day
    limit = day + timedelta(days=_RENEWAL_DAYS)
    dated = sorted(
        (action.due_on, place)
        for place, action in enumerate(actions)
        if action.due_on is not None and day <= action.due_on <= limit
    )
    first = [0] if actions else []
    first += [place for _, place in dated[:1]]
    soon = {place for _, place in dated}
    worth = {place: found for place, action in enumerate(actions) if (found := _worth(action)) and place not in first}
    least = max(worth.values(), default=Decimal(0)) / 2
    last_windows = {place: found for place, found in worth.items() if place in soon and found > least}
    left = last_windows or worth
    if left:
        first.append(min(left, key=lambda place: (-left[place], place)))
    for place in dict.fromkeys((*first, *range(len(actions)))):
        yield actions[place]


def _worth(action: Action) -> Decimal:
    """What is at stake, saved or to be spent, in a year or once."""
    money = action.money
    own = Decimal(0) if money is None else max(abs(license_words.yearly(money)), abs(money.once))
    return max(own, license_words.at_stake(action))


def _decide(page: Page, report: Report) -> None:
    texts = report.texts
    _section(page, texts.text(_NAME + "decide"))
    wanted = decisions(report)
    if not wanted:
        page.wide(texts.text(_NAME + "decide_none"), Style.SENTENCE, 1, _LAST, 20)
        _space(page)
        return
    heads = {1: "action", 3: "impact", 4: "owner", 6: "due", 7: "money", 8: "ref"}
    page.line(
        *(
            (column, texts.text(f"{_NAME}column_{heads[column]}") if column in heads else None, Style.HEADER)
            for column in range(1, _LAST + 1)
        ),
        height=20,
    )
    places, plan = Places(report), report.title("actions")
    for action in wanted:
        row = _decision(page, report, action)
        page.link(row, _LAST, plan, action.ref, to=places.of_action(action))
    shown = {id(action) for action in wanted}
    rest = [action for action in report.actions if id(action) not in shown]
    exploited = sum(map(is_exploited, rest))
    more = "decide_more_exploited" if exploited else "decide_more" if rest else "decide_all"
    text = texts.text(_NAME + more, count=len(rest), exploited=exploited, sheet=plan)
    row = page.line((1, text, Style.LINK), height=17)
    page.link(row, 1, plan, plan)
    _space(page)


def _decision(page: Page, report: Report, action: Action) -> int:
    """One line: what to do, why, who, by when, the euros, and the reference that leads to the plan."""
    texts = report.texts
    todo = words.proposal(report, action)
    why = words.impact_with_once(report, action)
    due = words.due(report, action)
    passed = action.overdue or (action.due_on is not None and action.due_on < report.view.day)
    return page.line(
        (1, todo, Style.STRONG),
        (2, None, Style.GAP),
        (3, why, Style.TEXT),
        (4, texts.text(f"owner.{action.owner}"), Style.TEXT),
        (5, None, Style.GAP),
        (6, due[:1].upper() + due[1:] if passed else action.due_on, Style.PASSED if passed else Style.DATE),
        (7, *_euros(report, action)),
        (8, action.ref, Style.REFERENCE_LINK),
        height=row_height(
            max(
                lines_of(todo, room(_WIDTHS[1], bold=True)),
                lines_of(why, room(_WIDTHS[3])),
                lines_of(due, room(_WIDTHS[6], bold=True)) if passed else 1,
            )
        )
        + 2,
    )


def _euros(report: Report, action: Action) -> tuple[Value, Style]:
    """What an action saves or costs: a year ("/an"), or else a single time, which the reason says in words.

    A last window to save is worth what it saves; the plan has that amount where the seats are given up.
    """
    money = action.money
    if stake := license_words.at_stake(action):
        return stake, Style.IMPACT_YEARLY
    if money is None:
        return None, Style.TEXT
    if not money.priced:
        return report.texts.text("values.none"), Style.UNKNOWN
    amount = license_words.yearly(money)
    return (-money.once, Style.IMPACT) if money.once and not amount else (amount, Style.IMPACT_YEARLY)


def _closing(page: Page, report: Report) -> None:
    texts = report.texts
    _section(page, texts.text(_NAME + "trend"))
    for sentence in evolution.sentences(report):
        page.wide(sentence, Style.SENTENCE, 1, _LAST, _height(sentence, 5))
    sheet = report.title("evolution")
    row = page.line((1, texts.text(_NAME + "trend_more", sheet=sheet), Style.LINK), height=17)
    page.link(row, 1, sheet, sheet)
    clause = texts.text(_NAME + "clause", sheet=report.title("coverage"))
    page.wide(clause, Style.NOTE, 1, _LAST, _height(clause, 2, Style.NOTE))
    # LibreOffice drops the last row of a page filled to the brim: it may have this one.
    page.line((1, "\u00a0", Style.PLAIN), height=4)


def _section(page: Page, title: str) -> None:
    page.wide(title, Style.SECTION, 1, _LAST, 20)


def _space(page: Page) -> None:
    page.line((1, None, Style.PLAIN), height=_SPACE_PT)


def _height(text: str, padding: float, style: Style = Style.SENTENCE) -> float:
    """Height in points of a wrapped text: merged cells are never fitted by the program that opens the file."""
    return lines_of(text, int(sum(_WIDTHS.values()) * _SIZED_CHARS / LOOKS[style].size)) * _LINE_PT + padding


SHEET = Sheet(name="summary", order=10, build=build, portrait=True, one_page=True)
