"""The monthly mail: subject, plain text and HTML, in the client's language, from the same data as the workbook.

It says what the first sheet says: its state, its striking fact and, of its actions, those the client decides about. No
person is named in it, whatever a rule words. Names come from machines an attacker may own: nothing of them is markup or
a link, and no line break of theirs reaches a header.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reports import words
from reports.actions import Action
from reports.background import Background
from reports.cells import shorten
from reports.license_words import at_stake, missing_areas, yearly
from reports.sheet import Report
from reports.sheets.summary import brief, decisions, unseen
from reports.texts import DEFAULT_ZONE, Texts
from rules.model import Assessment, Outcome

MOST_WORDS: Final = 200
_CLIENT_LIMIT: Final = 60
_NAME_WORDS: Final = 8
_SHORTEST_NAME: Final = 4  # characters; a shorter one would be found in any sentence
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])(?<!excl\.) ")
_SEE_SHEET: Final = re.compile(r"\s*\(«[^»]*»\)|\s*\(\"[^\"]*\"\)|\s*\((?:voir|see) [^()]*\)")
_CLAUSE_END: Final = re.compile(r"\s*[,;:(«]")
_KEPT_AT_CLAUSE: Final = 0.6  # of the words there is room for: a shorter beginning would say too little
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")
_INVISIBLE: Final = re.compile(r"[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_LINK: Final = re.compile(r"(?i)(?<=[a-z])://|\bwww\.")
_PAGE: Final = (
    '<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title></head>\n'
    '<body style="font-family:Calibri,Arial,sans-serif;font-size:11pt;color:#1f2933;max-width:42em">\n{body}\n'
    "</body></html>\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail in words. `decisions` is how many are asked for; `incomplete` whether anything could not be seen."""

    subject: str
    text: str
    html: str
    language: str
    decisions: int = 0
    incomplete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """How much is told: decisions listed, words of each, and of what is in brief the first sentences alone."""

    items: int = 5
    item_words: int = 45
    first_only: bool = False
    sentence_words: int = 60


# Tried in this order until the mail is short enough.
_FITS: Final = (
    _Fit(),
    _Fit(item_words=28),
    *(_Fit(item_words=most, first_only=True, sentence_words=40) for most in (28, 24, 21, 18, 15, 13)),
    _Fit(item_words=13, first_only=True, sentence_words=30),
    _Fit(item_words=13, first_only=True, sentence_words=24),
    _Fit(items=3, item_words=18, first_only=True, sentence_words=30),
    _Fit(items=2, item_words=18, first_only=True, sentence_words=20),
    _Fit(items=1, item_words=12, first_only=True, sentence_words=12),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One paragraph; `label` is set off before it, `items` are numbered below it."""

    text: str
    label: str = ""
    items: tuple[str, ...] = ()


def letter(
    assessment: Assessment,
    language: str,
    *,
    salutation: str = "",
    signature: str = "",
    zone: str = DEFAULT_ZONE,
    background: Background | None = None,
) -> Letter:
    """Word the mail that goes with a report: at most 200 words, however much there is to tell.

    `salutation` follows the greeting ("Madame Dubois"), `signature` ends the mail. Raises LookupError for a language
    without texts.
    """
    texts = Texts(language, zone=zone)
    report = Report(assessment, texts, background)
    asked = tuple(action for action in decisions(report) if action.owner != "provider")
    incomplete = is_incomplete(report)
    parts: Sequence[_Part] = ()
    for fit in _FITS:
        parts = tuple(_parts(report, asked, fit, salutation, signature))
        if _count(parts) <= MOST_WORDS:
            break
    subject = _subject(report, len(asked), incomplete=incomplete)
    return Letter(
        subject=subject,
        text=_as_text(parts, texts),
        html=_as_html(parts, texts, subject),
        language=language,
        decisions=len(asked),
        incomplete=incomplete,
    )


def trial_letter(client: str, language: str, *, signature: str = "") -> Letter:
    """Word a mail that only proves that mail arrives."""
    texts = Texts(language)
    client = _line(client, _CLIENT_LIMIT)
    parts = [_Part(text=texts.text("mail.greeting_none")), _Part(text=texts.text("mail.test_body", client=client))]
    parts += [_Part(text=_few(signature))] if signature else []
    subject = texts.text("mail.test_subject", client=client)
    body = _as_html(parts, texts, subject)
    return Letter(subject=subject, text=_as_text(parts, texts), html=body, language=language)


def is_incomplete(report: Report) -> bool:
    """Whether anything could not be seen: what the first sheet tells, and verdicts that are unknown."""
    unknown = (found for found in report.assessment.findings if found.outcome is Outcome.UNKNOWN)
    partly = bool(report.licenses.tenants) and not report.licenses.complete
    return partly or any(True for _ in unseen(report)) or any(not found.limited for found in unknown)


def _subject(report: Report, asked: int, *, incomplete: bool) -> str:
    texts = report.texts
    machines, tenants = report.view.known, report.licenses.tenants
    about = "both" if machines and tenants else "licenses" if tenants else "machines"
    subject = texts.text(
        "mail.subject",
        client=_line(report.assessment.client, _CLIENT_LIMIT),
        about=texts.text(f"mail.about_{about}"),
        month=texts.month(report.view.day),
        expected=texts.text("mail.expected" if asked else "mail.expected_none", count=asked),
    )
    return texts.text("mail.subject_incomplete", subject=subject) if incomplete else subject


def _parts(report: Report, asked: Sequence[Action], fit: _Fit, salutation: str, signature: str) -> Iterator[_Part]:
    texts = report.texts
    named = _few(salutation)
    yield _Part(text=texts.text("mail.greeting", salutation=named) if named else texts.text("mail.greeting_none"))
    yield _Part(
        text=texts.text(
            "mail.opening",
            month=texts.month(report.view.day),
            day=texts.date(report.view.day),
            coverage=", ".join(_coverage(report)),
        )
    )
    if report.assessment.demo:
        yield _Part(text=texts.text("workbook.demo"))
    sentences = list(_in_brief(report, fit))
    if is_incomplete(report):
        sentences.insert(0, texts.text("mail.incomplete"))
    if sentences:
        yield _Part(label=texts.text("mail.brief"), text=" ".join(sentences))
    people, shown = _people(report), asked[: fit.items]
    items = tuple(_item(report, action, people, fit.item_words) for action in shown)
    yield _Part(text=_asking(report, asked), items=items)
    if rest := len(asked) - len(shown):
        yield _Part(text=texts.text("mail.more", count=rest, sheet=report.title("summary")))
    if ours := len(decisions(report)) - len(asked):
        yield _Part(text=texts.text("mail.ours", count=ours, sheet=report.title("summary")))
    if report.reviews:
        column = texts.text("sheets.users.decision")
        yield _Part(text=texts.text("mail.return", sheet=report.title("users"), column=column))
    yield _Part(text=texts.text("mail.limits", sheet=report.title("coverage")))
    yield _Part(text=texts.text("mail.closing"))
    if signature:
        yield _Part(text=_few(signature))


def _coverage(report: Report) -> Iterator[str]:
    """What was seen of what there is: machines, then Microsoft 365."""
    texts, view, licenses = report.texts, report.view, report.licenses
    if view.known or not licenses.tenants:
        yield texts.text("mail.coverage", count=view.reached, known=view.known)
    if licenses.tenants:
        unread = len(licenses.reached) < len(licenses.tenants)
        partly = bool(missing_areas(report)) or not licenses.complete
        yield texts.text(f"mail.tenants_{'unread' if unread else 'partly' if partly else 'read'}")


def _in_brief(report: Report, fit: _Fit) -> Iterator[str]:
    """State and striking facts, as the first sheet has them; its outlook stays there."""
    nothing_striking = report.texts.text("sheets.summary.fact_none")
    for told in brief(report)[:-1]:
        if fit.first_only and told == nothing_striking:
            continue
        sentences = _SENTENCE_END.split(_harmless(told))
        for sentence in sentences[:1] if fit.first_only else sentences:
            yield _cut(sentence, fit.sentence_words)


def _asking(report: Report, asked: Sequence[Action]) -> str:
    """Ask for decisions, by the first day one of them is due; a day that is past is not asked for."""
    texts, day = report.texts, report.view.day
    if not asked:
        return texts.text("mail.decide_none")
    what = texts.text("mail.decide", count=len(asked))
    due = [action.due_on for action in asked if action.due_on is not None]
    if any(action.overdue for action in asked) or any(when < day for when in due):
        return texts.text("mail.decide_now", what=what)
    if due:
        return texts.text("mail.decide_by", what=what, day=texts.date(min(due)))
    return texts.text("mail.decide_head", what=what)


def _item(report: Report, action: Action, people: frozenset[str], most_words: int) -> str:
    """What is to be decided, and what it is worth."""
    texts = report.texts
    what = _harmless(words.proposal(report, action))
    if any(person in what.casefold() for person in people):
        what = texts.text(f"rules.{action.rule}.title")
    what = _cut(_SEE_SHEET.sub("", what), most_words).rstrip(". ")  # the sheets are named once, at the end
    money = _money(report, action)
    return texts.text("mail.item_money", what=what, money=money) if money else what


def _money(report: Report, action: Action) -> str:
    texts, money = report.texts, action.money
    if stake := at_stake(action):
        return texts.text("mail.saving", amount=texts.euros(stake))
    if money is None or not money.seats:
        return ""
    found = []
    if amount := yearly(money):
        found.append(texts.text("mail.saving" if amount > 0 else "mail.cost", amount=texts.euros(abs(amount))))
    if money.once:
        found.append(texts.text("mail.once", amount=texts.euros(money.once)))
    if money.unpriced and not found:
        found.append(texts.text("mail.unpriced"))
    return texts.clauses(found)


def _people(report: Report) -> frozenset[str]:
    """Everybody a finding is about, by address and by name, in lower case."""
    names = {finding.person for finding in report.assessment.findings}
    names |= {name for review in report.reviews for name in (review.person, review.name)}
    return frozenset(name.casefold() for name in names if len(name) >= _SHORTEST_NAME)


def _harmless(text: str) -> str:
    """A text on one line, without what no reader sees, and without anything a mail program would make a link of."""
    plain = _INVISIBLE.sub("", _CONTROL.sub(" ", text))
    return _LINK.sub(lambda found: f"{found[0][:-1]} {found[0][-1]}", plain)


def _line(text: str, limit: int) -> str:
    return shorten(" ".join(_harmless(text).split()), limit)


def _few(text: str) -> str:
    return _cut(_line(text, _CLIENT_LIMIT), _NAME_WORDS)


def _cut(text: str, most_words: int) -> str:
    """The beginning of a text, whole words, to the end of a clause where one is near; marked as cut."""
    ends = [found.end() for found in re.finditer(r"\S+", text)]
    if len(ends) <= most_words:
        return text
    kept = text[: ends[most_words - 1]]
    clauses = [found.start() for found in _CLAUSE_END.finditer(kept)]
    if clauses and len(kept[: clauses[-1]].split()) >= most_words * _KEPT_AT_CLAUSE:
        kept = kept[: clauses[-1]]
    return f"{kept.rstrip(' ,;:.(«')}…"


def _count(parts: Sequence[_Part]) -> int:
    told = (text for part in parts for text in (part.label, part.text, *(f"1) {item}" for item in part.items)))
    return sum(len(text.split()) for text in told) + sum(bool(part.label) for part in parts)


def _as_text(parts: Sequence[_Part], texts: Texts) -> str:
    found = []
    for part in parts:
        text = texts.text("mail.brief_line", label=part.label, what=part.text) if part.label else part.text
        numbered = (texts.text("mail.item", number=n, what=item) for n, item in enumerate(part.items, start=1))
        found.append("\n".join([text, *numbered]))
    return "\n\n".join(found) + "\n"


def _as_html(parts: Sequence[_Part], texts: Texts, title: str) -> str:
    found = []
    for part in parts:
        text = html.escape(part.text)
        if part.label:
            label = f"<strong>{html.escape(part.label)}</strong>"
            text = texts.text("mail.brief_line", label=label, what=text)
        if part.items:
            items = "".join(f"\n<li>{html.escape(item)}</li>" for item in part.items)
            found.append(f"<p><strong>{text}</strong></p>\n<ol>{items}\n</ol>")
        else:
            found.append(f"<p>{text}</p>")
    return _PAGE.format(language=texts.language, title=html.escape(title), body="\n".join(found))
