"""Words, plurals, dates and numbers in every language, without any locale installed."""

import re
from datetime import UTC, date, datetime

import pytest

from reports.texts import Texts, UnknownTextError, flatten, languages, tables, typography
from rules.messages import Message

NBSP, NARROW = "\u00a0", "\u202f"


def parsed(language):
    return dict(flatten(tables(language), language))


def placeholders(entry):
    if isinstance(entry, dict):
        return frozenset().union(*(placeholders(form) for form in entry.values()))
    return frozenset(entry[1::2])


def test_there_are_french_and_english():
    assert languages() == ("en", "fr")


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_texts_with_the_same_parameters(language):
    french, other = parsed("fr"), parsed(language)
    assert set(other) == set(french)
    different = {key for key in french if placeholders(french[key]) != placeholders(other[key])}
    assert not different


@pytest.mark.parametrize("language", languages())
def test_a_plural_in_one_language_is_a_plural_in_the_other(language):
    french, other = parsed("fr"), parsed(language)
    assert {k for k, v in french.items() if isinstance(v, dict)} == {k for k, v in other.items() if isinstance(v, dict)}


@pytest.mark.parametrize("language", languages())
def test_no_text_has_a_brace_that_is_no_parameter(language):
    for key, entry in parsed(language).items():
        for form in entry.values() if isinstance(entry, dict) else (entry,):
            assert not re.search(r"[{}]", "".join(form[::2])), key


def test_the_french_file_keeps_to_its_vocabulary():
    forbidden = re.compile(r"\b(overage|seats?|ELP|compliance|tenants?)\b", re.IGNORECASE)
    for key, entry in parsed("fr").items():
        if not key.startswith("cli."):
            for form in entry.values() if isinstance(entry, dict) else (entry,):
                assert not forbidden.search("".join(form[::2])), key


def test_zero_and_one_are_singular_in_french_and_only_one_in_english():
    fr, en = Texts("fr", strict=True), Texts("en", strict=True)
    assert [fr.text("values.machines", count=n) for n in (0, 1, 2)] == ["0 machine", "1 machine", "2 machines"]
    assert [en.text("values.machines", count=n) for n in (0, 1, 2)] == ["0 machines", "1 machine", "2 machines"]


def test_french_spaces_before_double_signs_do_not_break():
    assert typography("Alerte : non ; « oui » ! 5 % ou 3 € ?") == (
        f"Alerte{NBSP}: non{NARROW}; «{NBSP}oui{NBSP}»{NARROW}! 5{NBSP}% ou 3{NBSP}€{NARROW}?"
    )


def test_values_filled_in_are_left_as_they_are():
    message = Message(text="console.heading", params={"client": "A : {day} ; B", "day": "x"})
    assert Texts("fr", strict=True).message(message) == f"A : {{day}} ; B{NBSP}: données au x"


def test_dates_and_numbers_take_the_form_of_the_language():
    fr, en = Texts("fr", strict=True), Texts("en", strict=True)
    day = date(2026, 8, 5)
    assert (fr.date(day), en.date(day)) == ("05/08/2026", "5 Aug 2026")
    assert (fr.month(day), en.month(day)) == ("août 2026", "August 2026")
    assert (fr.number(1234567), en.number(1234567)) == (f"1{NARROW}234{NARROW}567", "1,234,567")
    assert (fr.number(2026), fr.number(3.5), en.number(3.5)) == ("2026", "3,5", "3.5")
    assert (fr.percent(0.955, decimals=1), en.percent(0.955, decimals=1)) == (f"95,5{NBSP}%", "95.5%")
    assert fr.number(-12345.5) == f"-12{NARROW}345,5"


def test_moments_are_told_in_the_readers_time():
    moment = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert Texts("fr", strict=True).moment(moment) == "01/01/2027 à 00:30"
    assert Texts("en", zone="America/New_York", strict=True).moment(moment) == "31 Dec 2026 at 18:30"
    assert Texts("fr").local_day(moment) == date(2027, 1, 1)


def test_message_parameters_named_on_and_at_are_dates_and_moments():
    params = {"version": "1", "started_at": "2026-08-05T06:30:00+00:00", "finished_at": "nonsense"}
    text = Texts("fr", strict=True).message(Message(text="sheets.coverage.version", params=params))
    assert "05/08/2026 à 08:30 au nonsense" in text
    due = Message(text="sheets.summary.outlook_due", params={"count": 1, "first_on": "2026-08-12"})
    assert "12/08/2026" in Texts("fr", strict=True).message(due)


def test_an_absent_text_or_parameter_is_an_error_in_tests():
    strict = Texts("fr", strict=True)
    for ask in (
        lambda: strict.text("sheets.nothing.here"),
        lambda: strict.text("console.heading", client="A"),
        lambda: strict.text("values.days"),
    ):
        with pytest.raises(UnknownTextError):
            ask()


def test_an_absent_text_is_a_visible_marker_for_a_reader(monkeypatch):
    told = []
    monkeypatch.setattr("reports.texts._log.error", lambda form, *args: told.append(form % args))
    lenient = Texts("fr")
    assert lenient.text("sheets.nothing.here") == "[?sheets.nothing.here]"
    assert lenient.text("sheets.nothing.here") == "[?sheets.nothing.here]"
    assert "[?client]" in lenient.text("console.heading", day="x")
    assert len(told) == 2  # each told once


def test_a_language_without_texts_is_named():
    with pytest.raises(LookupError, match=r"'xx'.*en, fr"):
        Texts("xx")


def test_a_list_of_names_says_how_many_are_left_out():
    texts = Texts("fr", strict=True)
    assert texts.listing([]) == ""
    assert texts.listing(["a"]) == "a"
    assert texts.listing(["a", "b", "c"]) == "a, b et c"
    assert texts.listing(list("abcdef"), limit=3) == "a, b, c et 3 de plus"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("licenses.csv, row 12", "licenses.csv, ligne 12"),
        ("licenses.xlsx, sheet Droits, 2026, row 7", "licenses.xlsx, feuille Droits, 2026, ligne 7"),
        ("waivers.toml, waiver 2", "waivers.toml, waiver 2"),
    ],
)
def test_a_place_in_a_file_of_the_clients_is_worded_in_the_readers_language(place, told):
    assert Texts("fr").place(place) == told
    assert Texts("en").place(place) == place
