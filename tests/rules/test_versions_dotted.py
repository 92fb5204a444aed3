"""Versions of programs sort as people read them; what is no version is told apart."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.versions import dotted_key

numbers = st.lists(st.integers(0, 10**9), min_size=1, max_size=6)
texts = st.from_regex(r"\A[0-9]{1,5}([.\-_ ]([0-9]{1,5}|rc|beta|[a-z]{1,3})){0,5}\Z")


def _key(version: str) -> bytes:
    key = dotted_key(version)
    assert key is not None, version
    return key


@pytest.mark.parametrize(
    "versions",
    [
        ("9.20", "16.02", "24.07", "25.01"),
        ("99.0.4844.51", "145.0.7632.9", "145.0.7632.77", "145.0.7632.110", "146.0"),
        ("7.0.6-50084", "7.0.6-50085"),
        ("2.44.0-alpha1", "2.44.0-beta1", "2.44.0-rc0", "2.44.0-rc1", "2.44.0", "2.44.1"),
        ("11.0.0-M1", "11.0.0-M20", "11.0.0", "11.0.1"),
        ("1.1.1", "1.1.1a", "1.1.1k", "1.1.2"),
        ("8.0.391", "8.0.441", "11.0.2", "17.0.9"),
        ("5.8", "5.08.1", "5.10"),
    ],
)
def test_each_is_older_than_the_next(versions: tuple[str, ...]) -> None:
    for older, newer in pairwise(versions):
        assert _key(older) < _key(newer), (older, newer)


@pytest.mark.parametrize(
    "versions",
    [
        ("7.12", "7.12.0", "7.12.0.0", "07.012", "v7.12"),
        ("26.001.20101", "26.1.20101"),
        ("17.0.9+9", "17.0.9"),
        ("140.5.0esr", "140.5.0 ESR", "140.5"),
        ("12, 3, 2", "12.3.2"),
        ("1.0-rc1", "1.0.0-rc1", "1-RC.1"),
    ],
)
def test_these_are_the_same_version(versions: tuple[str, ...]) -> None:
    assert len({_key(version) for version in versions}) == 1


@pytest.mark.parametrize("text", ["", " ", "latest", "Version inconnue", "-", "*", "é1", "١.٢", "R29_P1"])
def test_what_does_not_begin_like_a_version_is_none(text: str) -> None:
    assert dotted_key(text) is None


@given(numbers, numbers)
def test_numbers_alone_sort_like_lists_of_numbers(a: list[int], b: list[int]) -> None:
    while a and a[-1] == 0:
        a = a[:-1]
    while b and b[-1] == 0:
        b = b[:-1]
    key_a, key_b = (_key(".".join(map(str, parts)) or "0") for parts in (a, b))
    assert (key_a > key_b) - (key_a < key_b) == (a > b) - (a < b)


@given(numbers, st.integers(0, 5))
def test_zeros_at_the_end_do_not_count(parts: list[int], zeros: int) -> None:
    text = ".".join(map(str, parts))
    assert _key(text) == _key(text + ".0" * zeros)


@given(texts)
def test_a_pre_release_is_older_and_an_update_is_newer(text: str) -> None:
    assert _key(f"{text}-rc1") < _key(text) < _key(f"{text}.0.1")


@given(st.text(max_size=40))
def test_any_text_has_a_key_or_none(text: str) -> None:
    key = dotted_key(text)
    assert key is None or key.endswith(b"\2")


@given(st.text(alphabet="0123456789.abcrv-+ ", max_size=12), st.text(alphabet="0123456789.abcrv-+ ", max_size=12))
def test_no_key_begins_another_unless_they_are_equal(a: str, b: str) -> None:
    """Keys end with a mark of their own, so that comparing bytes compares versions."""
    key_a, key_b = dotted_key(a), dotted_key(b)
    if key_a is not None and key_b is not None and key_a != key_b:
        assert not key_a.startswith(key_b)
