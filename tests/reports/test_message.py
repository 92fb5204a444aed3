"""The monthly mail in words: what the first sheet says, in 200 words, in the client's language, harmless."""

import html
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from reports.message import MOST_WORDS, Letter, letter, trial_letter
from reports.sheet import Report
from reports.sheets.summary import brief, decisions
from reports.texts import Texts
from rules.messages import Message
from rules.model import Assessment, Finding, Outcome, Priority, PriorityLevel
from tests.lab import assessments, licensed

SAMPLES = {**assessments.SAMPLES, **licensed.SAMPLES}
LANGUAGES = ("fr", "en")
NBSP, NARROW = "\u00a0", "\u202f"


def plain(text: str) -> str:
    """With ordinary spaces, for comparing."""
    return text.replace(NBSP, " ").replace(NARROW, " ")


def decision(number: int, what: str, due_on: date | None = None) -> Finding:
    """Something the client decides by itself, in words of its own."""
    return Finding(
        rule="m365.renewal_decision",
        subject=licensed.NAME,
        key=f"sku-{number}",
        outcome=Outcome.FAIL,
        message=Message(text="rules.m365.renewal_decision.title", params={"product": f"{what} {number}"}),
        remedy=Message(text="rules.m365.renewal_decision.title"),
        priority=Priority(level=PriorityLevel.PLAN, score=100.0 - number),
        due_on=due_on,
    )


def deciding(count: int, what: str = "Produit", due_on: date | None = None) -> Assessment:
    """In order but for that many decisions."""
    base = licensed.licenses_in_order()
    return replace(base, findings=(*base.findings, *(decision(n, what, due_on) for n in range(count))))


class Read(HTMLParser):
    """Tags, addresses and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"<{tag}> is not closed where it was opened"

    def handle_data(self, data: str) -> None:
        if "title" not in self.open:
            self.words += data.split()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_no_mail_is_longer_than_two_hundred_words(name: str, language: str) -> None:
    told = letter(SAMPLES[name](), language, salutation="Madame Dubois", signature="Infogérance Martin")
    assert len(told.text.split()) <= MOST_WORDS
    assert len(Read(told.html).words) <= MOST_WORDS + 5  # the numbers of a list are its reader's


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_no_text_is_missing_and_nothing_reads_like_a_program(name: str, language: str) -> None:
    told = letter(SAMPLES[name](), language)
    for text in (told.subject, told.text, html.unescape(told.html)):
        assert "[?" not in text
        assert not re.search(r"\bNone\b|\bnan\b|\{[a-z_]+\}", text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [1, 3, 5, 9])
def test_however_long_the_decisions_are_the_mail_is_short(count: int, language: str) -> None:
    assessment = deciding(count, "Un produit dont le nom ne finit pas " * 12)
    told = letter(assessment, language, salutation="M " * 50, signature="S " * 99)
    assert len(told.text.split()) <= MOST_WORDS
    assert "1)" in told.text, "one decision is always told"


@pytest.mark.parametrize("name", SAMPLES)
def test_mail_and_first_sheet_say_the_same(name: str) -> None:
    assessment = SAMPLES[name]()
    report = Report(assessment, Texts("fr"))
    told = letter(assessment, "fr")
    asked = [action for action in decisions(report) if action.owner != "provider"]
    assert told.decisions == len(asked) <= 5
    if brief(report)[:-1]:
        first = re.split(r"[.,(]", brief(report)[0])[0]
        assert plain(first) in plain(told.text)


def test_the_subject_names_client_month_and_what_is_expected() -> None:
    assert plain(letter(deciding(2), "fr").subject) == (
        "[Menuiserie Dubois & Fils] Rapport mensuel postes & licences – août 2026 : 2 décisions attendues"
    )
    assert plain(letter(deciding(1), "fr").subject).endswith(": 1 décision attendue")
    assert letter(deciding(1), "en").subject == (
        "[Menuiserie Dubois & Fils] Monthly report computers & licenses – August 2026: 1 decision needed"
    )


def test_without_a_decision_the_mail_says_so_and_asks_for_none() -> None:
    told = letter(assessments.spotless(), "fr")
    assert plain(told.subject).endswith(": aucune décision attendue")
    assert "Aucune décision n'est attendue de votre part ce mois-ci." in told.text
    assert "besoin de votre décision" not in told.text
    assert "Utilisateurs à revoir" not in told.text, "the sheet has no line to decide about"


@pytest.mark.parametrize("name", ["blind", "nothing_known", "licenses_hidden", "licenses_unreached"])
def test_an_audit_that_did_not_see_everything_says_so_in_the_subject(name: str) -> None:
    told = letter(SAMPLES[name](), "fr")
    assert told.incomplete
    assert told.subject.endswith(" – audit incomplet")
    assert "Cet audit est incomplet." in told.text
    assert "Ce qui n'a pas pu être vérifié est indiqué dans la feuille" in told.text
    assert letter(SAMPLES[name](), "en").subject.endswith(" – audit incomplete")


def test_one_unknown_verdict_alone_makes_the_audit_incomplete() -> None:
    base = assessments.spotless()
    assert not letter(base, "fr").incomplete
    unknown = assessments.not_seen(base.machines[0].target.name)
    assert letter(replace(base, findings=(*base.findings, unknown)), "fr").incomplete


def test_the_first_due_day_is_the_day_asked_for() -> None:
    assert plain("votre décision sur 2 points avant le 20/08/2026 :") in plain(
        letter(deciding(2, due_on=date(2026, 8, 20)), "fr").text
    )
    assert "on 2 points by 20 Aug 2026:" in letter(deciding(2, due_on=date(2026, 8, 20)), "en").text


@pytest.mark.parametrize(
    ("due_on", "asked"), [(date(2026, 8, 5), "avant le 05/08/2026"), (date(2026, 8, 4), "dès que")]
)
def test_a_day_that_is_past_is_not_asked_for(due_on: date, asked: str) -> None:
    assert asked in letter(deciding(1, due_on=due_on), "fr").text


def test_decisions_carry_what_they_are_worth_a_year() -> None:
    text = plain(letter(licensed.licensed(), "fr").text)
    assert re.search(r"\d\) .*\((économie|coût) : [\d ]+ € HT/an\)", text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_no_person_is_named(name: str, language: str) -> None:
    assessment = SAMPLES[name]()
    told = letter(assessment, language)
    people = {finding.person for finding in assessment.findings if finding.person}
    people |= {review.name for review in Report(assessment, Texts(language)).reviews if len(review.name) > 3}
    for text in (told.subject, told.text, html.unescape(told.html)):
        assert not [person for person in people if person.casefold() in text.casefold()]


def test_a_rule_that_words_a_person_into_its_advice_is_not_quoted() -> None:
    base = deciding(1, "La licence de marie@contoso.example")
    finding = replace(base.findings[-1], person="marie@contoso.example")
    told = letter(replace(base, findings=(*base.findings[:-1], finding)), "fr")
    assert told.decisions == 1
    assert "marie" not in told.text.casefold()


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_text_and_never_markup(language: str) -> None:
    what = '<script>alert(1)</script><img src=x onerror=alert(1)> "Gestion" & Cie'
    told = letter(replace(deciding(2, what), client="<b>Contoso</b>"), language, salutation="<i>M. X</i>")
    read = Read(told.html)
    assert read.tags <= {"html", "head", "meta", "title", "body", "p", "strong", "ol", "li"}
    assert read.attributes <= {"lang", "charset", "style"}
    assert "&lt;script&gt;" in told.html
    assert "<script>alert(1)</script>" in told.text, "plain text shows it as it is"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_a_machine_or_program_becomes_a_link(language: str) -> None:
    told = letter(deciding(1, "Voir https://evil.example/x et www.evil.example"), language)
    for text in (told.text, told.html):
        assert "://" not in text
        assert "www." not in text


def test_line_breaks_and_invisible_signs_of_names_reach_no_line_of_their_own() -> None:
    hostile = "Contoso\r\nBcc: all@evil.example\u2028\u202ex\x00"
    told = letter(replace(deciding(1, hostile), client=hostile), "fr", salutation=hostile, signature=hostile)
    assert "\n" not in told.subject
    assert told.subject.isprintable() or set(told.subject) & {NBSP, NARROW}
    assert not re.search(r"(?m)^Bcc", told.text)
    for sign in ("\r", "\u2028", "\u202e", "\x00"):
        assert sign not in told.text + told.subject + told.html


def test_text_and_page_say_the_same() -> None:
    told = letter(licensed.licensed(), "fr", signature="Infogérance Martin")
    assert [word for word in told.text.split() if not re.fullmatch(r"\d\)", word)] == Read(told.html).words


def test_the_same_assessment_gives_the_same_mail() -> None:
    def made() -> Letter:
        return letter(licensed.licensed(), "fr", salutation="Madame Dubois", signature="Martin")

    assert made() == made()


def test_a_trial_says_what_it_is_and_holds_no_figure() -> None:
    told = trial_letter("Contoso <SARL>", "fr", signature="Martin")
    assert told.subject == "[Contoso <SARL>] Message d'essai"
    assert "Contoso &lt;SARL&gt;" in told.html
    assert not re.search(r"\d", told.text)


@pytest.mark.parametrize("word", ["seat", "overage", "compliance", "tenant", "ELP"])
def test_the_french_mail_speaks_french(word: str) -> None:
    for make in SAMPLES.values():
        assert not re.search(rf"\b{word}\b", letter(make(), "fr").text, re.IGNORECASE)
