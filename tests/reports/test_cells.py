"""The gate every cell passes: whatever a machine is called, the file opens and nothing runs."""

import string
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.cells import EMPTY, TEXT_LIMIT, CellKind, clean, content, guard_csv, shorten

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2", "@SUM(A1)", "#REF!", "#N/A", "'quoted", "\tx"])
def test_a_text_that_looks_like_a_formula_stays_a_text(text):
    cell = content(text, PARIS)
    assert cell.kind is CellKind.TEXT
    assert cell.text == text
    assert cell.quoted


@pytest.mark.parametrize("text", ["openssl", "3.0.11", "a=b", "é"])
def test_an_ordinary_text_is_unchanged_and_unquoted(text):
    cell = content(text, PARIS)
    assert (cell.text, cell.quoted) == (text, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nul\x00", "nul\ufffd"),
        ("esc\x1b[31m", "esc\ufffd[31m"),
        ("\ufffe\uffff", "\ufffd\ufffd"),
        ("a\ud800b", "a\ufffdb"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("c1\x85", "c1\ufffd"),
        ("tab\tline\n", "tab\tline\n"),
        ("dos\r\nmac\r", "dos\nmac\n"),
        ("שלום", "שלום"),
        ("😀", "😀"),
        ("_x0041_", "_x005F_x0041_"),
    ],
)
def test_unsafe_characters_are_replaced_and_others_kept(text, expected):
    assert clean(text) == expected


def test_a_text_above_the_limit_ends_with_an_ellipsis():
    cut = clean("x" * (TEXT_LIMIT + 1))
    assert len(cut) == TEXT_LIMIT
    assert cut.endswith("…")
    assert clean("x" * TEXT_LIMIT) == "x" * TEXT_LIMIT


def test_the_limit_counts_utf_16_units_and_never_halves_a_character():
    cut = clean("😀" * TEXT_LIMIT)
    assert len(cut.encode("utf-16-le")) // 2 <= TEXT_LIMIT
    assert set(cut) == {"😀", "…"}


@given(st.text(st.characters(exclude_categories=()), max_size=60), st.integers(2, 40))
def test_shortened_text_fits_and_safe_text_survives(text, limit):
    assert len(shorten(text, limit).encode("utf-16-le", "surrogatepass")) // 2 <= limit
    once = clean(text)
    once.encode()  # no lone surrogate is left
    assert not any(ord(character) < 32 and character not in "\t\n" for character in once)


@given(st.text(string.printable + "é\u202f", max_size=40))
def test_numbers_never_come_out_of_texts(text):
    assert content(text, PARIS).kind in (CellKind.TEXT, CellKind.EMPTY)


@pytest.mark.parametrize("value", [None, "", float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_what_says_nothing_is_an_empty_cell(value):
    assert content(value, PARIS) is EMPTY


def test_numbers_and_dates_are_written_as_such():
    assert content(42, PARIS).number == 42
    assert content(Decimal("12.50"), PARIS).number == Decimal("12.50")
    assert content(date(1900, 3, 1), PARIS).number == 61
    assert content(date(2026, 8, 5), PARIS).number == 46239


def test_an_aware_moment_becomes_local_time_without_offset():
    noon = datetime(2026, 8, 5, 10, 0, tzinfo=UTC)
    assert content(noon, PARIS).number == 46239.5
    assert content(noon.astimezone(timezone(timedelta(hours=-5))), PARIS).number == 46239.5


def test_a_naive_moment_and_a_bare_truth_value_are_refused():
    with pytest.raises(ValueError, match="naive"):
        content(datetime(2026, 8, 5), PARIS)  # noqa: DTZ001 - the point of the test
    with pytest.raises(TypeError, match="language"):
        content(True, PARIS)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx"])
def test_a_csv_field_that_would_run_is_prefixed(text):
    assert guard_csv(text).startswith("'")
    assert guard_csv("plain") == "plain"
