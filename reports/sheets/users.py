"""Users to review: people about whom somebody must decide, with a column to decide in; the client sends it back."""

from collections.abc import Mapping, Sequence
from typing import Final

from reports import license_words
from reports.actions import Action
from reports.cells import Value, letter
from reports.grid import Choice, Column, Page, Styled
from reports.places import Places
from reports.reviews import Review
from reports.sheet import Report, Sheet
from reports.styles import Style

_NAME: Final = "sheets.users."
_DECISION: Final = 8
_CHOICES: Final = ("keep", "remove", "discuss")
_NEVER_RULE: Final = "m365.never_active_users"
# Their finding tells no activity because activity is not what they are about.
_ABOUT_ACTIVITY: Final = frozenset(
    {_NEVER_RULE, "m365.inactive_users", "m365.disabled_users", "m365.guest_licenses", "m365.mailbox_licenses"}
)


def build(page: Page, report: Report) -> None:
    """Lay the sheet out; without lines it says whether that is good news."""
    texts = report.texts
    columns = (
        Column(title=texts.text(_NAME + "ref"), style=Style.REFERENCE_LINK, width=11.5),
        Column(title=texts.text(_NAME + "user"), style=Style.STRONG, width=29),
        Column(title=texts.text(_NAME + "reason"), width=32),
        Column(title=texts.text(_NAME + "last"), style=Style.DATE, width=11.5),
        Column(title=texts.text(_NAME + "product"), width=24),
        Column(title=texts.text(_NAME + "money"), style=Style.EURO_SIGNED, width=14.5),
        Column(title=texts.text(_NAME + "confidence"), width=12),
        Column(title=texts.text(_NAME + "decision"), style=Style.INPUT, width=13),
        Column(title=texts.text(_NAME + "comment"), style=Style.INPUT, width=22),
    )
    last = len(columns)
    page.heading(texts.text(_NAME + "heading"), texts.text(_NAME + "intro"), last)
    actions, places = _actions(report), Places(report)
    first = page.table(columns, report.reviews, lambda review: _line(report, review, actions), main=True)
    if report.reviews:
        area = f"{letter(_DECISION)}{first}:{letter(_DECISION)}{page.next_row - 1}"
        values = tuple(texts.text(_NAME + choice) for choice in _CHOICES)
        page.choices.append(Choice(area=area, values=values, prompt=texts.text(_NAME + "prompt")))
    for row, review in enumerate(report.reviews, first):
        if action := actions.get(review.finding.fingerprint):
            page.link(row, 1, report.title("actions"), review.finding.ref, to=places.of_action(action))
    if report.reviews:
        page.skip()
    for sentence, style in _beside(report):
        page.note(sentence, style, last)


def _actions(report: Report) -> dict[str, Action]:
    """The action of each finding, by its fingerprint: it may group several people, under a reference of its own."""
    return {finding.fingerprint: action for action in report.actions for finding in action.findings}


def _line(report: Report, review: Review, actions: Mapping[str, Action]) -> Sequence[Value | Styled]:
    return (
        review.finding.ref,
        f"{review.name}\n{review.address}" if review.name else review.address,
        _reason(report, review, actions.get(review.finding.fingerprint)),
        _last(report, review),
        review.product,
        _money(report, review),
        report.texts.text(f"confidence.{review.confidence.value}"),
        None if review.decision is None else report.texts.text(_NAME + review.decision.choice.value),
        None if review.decision is None else review.decision.comment or None,
    )


def _reason(report: Report, review: Review, action: Action | None) -> str:
    """Why the person stands here; that it was decided before, which is not done yet; what the plan calls it."""
    texts = report.texts
    told = [license_words.reason(report, review)]
    if review.decision is not None:
        day = review.decision.decided_on
        told.append(texts.text(f"decided.line_{review.decision.choice.value}", day=day))
    if action is not None and action.ref != review.finding.ref:
        told.append(texts.text(_NAME + "action", sheet=report.title("actions"), ref=action.ref))
    return "\n".join(told)


def _last(report: Report, review: Review) -> Value:
    if review.finding.rule not in _ABOUT_ACTIVITY:
        return None
    if review.last_on is not None:
        return review.last_on
    never = review.finding.rule == _NEVER_RULE
    return report.texts.text(_NAME + ("last_never" if never else "last_unknown"))


def _money(report: Report, review: Review) -> Value | Styled:
    """The amount; nothing where the line is about no seat that could be given up or bought."""
    if not review.seats:
        return None
    return review.yearly if review.priced else Styled(report.texts.text("values.none"), Style.UNKNOWN)


def _beside(report: Report) -> list[tuple[str, Style]]:
    texts, licenses = report.texts, report.licenses
    sure = bool(licenses.tenants) and licenses.complete and licenses.activity_known
    found = []
    if not report.reviews:
        name = "empty" if sure else "empty_unknown"
        found.append((texts.text(_NAME + name), Style.GOOD_BOX if sure else Style.WARN_BOX))
    elif not sure:
        found.append((texts.text(_NAME + "more_unknown", sheet=report.title("coverage")), Style.WARN_BOX))
    if licenses.concealed and not licenses.activity_known:
        found.append((texts.text(_NAME + "concealed"), Style.WARN_BOX))
    if report.reviews:
        found += [(texts.text(_NAME + name), Style.NOTE) for name in ("excluded", "privacy")]
    return found


SHEET = Sheet(name="users", order=26, build=build)
