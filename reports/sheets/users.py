"""Users to review: people about whom somebody must decide, with a column to decide in; the client sends it back."""

from collections.abc import Sequence
from typing import Final

from reports import license_words
from reports.cells import Value, letter
from reports.grid import Choice, Column, Page, Styled
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
        Column(title=texts.text(_NAME + "ref"), style=Style.REFERENCE, width=12),
        Column(title=texts.text(_NAME + "user"), style=Style.STRONG, width=33),
        Column(title=texts.text(_NAME + "reason"), width=34),
        Column(title=texts.text(_NAME + "last"), style=Style.DATE, width=12.5),
        Column(title=texts.text(_NAME + "product"), width=29),
        Column(title=texts.text(_NAME + "money"), style=Style.EURO_SIGNED, width=15),
        Column(title=texts.text(_NAME + "confidence"), width=15),
        Column(title=texts.text(_NAME + "decision"), style=Style.INPUT, width=14),
        Column(title=texts.text(_NAME + "comment"), style=Style.INPUT, width=25),
    )
    last = len(columns)
    page.heading(texts.text(_NAME + "heading"), texts.text(_NAME + "intro"), last)
    first = page.table(columns, report.reviews, lambda review: _line(report, review), main=True)
    if report.reviews:
        area = f"{letter(_DECISION)}{first}:{letter(_DECISION)}{page.next_row - 1}"
        values = tuple(texts.text(_NAME + choice) for choice in _CHOICES)
        page.choices.append(Choice(area=area, values=values, prompt=texts.text(_NAME + "prompt")))
    if report.reviews:
        page.skip()
    for sentence, style in _beside(report):
        page.note(sentence, style, last)


def _line(report: Report, review: Review) -> Sequence[Value | Styled]:
    return (
        review.finding.ref,
        f"{review.name}\n{review.person}" if review.name else review.person,
        _reason(report, review),
        _last(report, review),
        review.product,
        _money(report, review),
        report.texts.text(f"confidence.{review.confidence.value}"),
        None if review.decision is None else report.texts.text(_NAME + review.decision.choice.value),
        None if review.decision is None else review.decision.comment or None,
    )


def _reason(report: Report, review: Review) -> str:
    """Why the person stands here; and that it was decided before, which is not done yet."""
    reason = license_words.reason(report, review)
    if review.decision is None:
        return reason
    decided = report.texts.text(f"decided.line_{review.decision.choice.value}", day=review.decision.decided_on)
    return f"{reason}\n{decided}"


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
