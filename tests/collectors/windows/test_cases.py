"""Every Windows block on recorded answers named by their oddity, and what holds for all of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.hosts.base import Unreadable
from collectors.model import FactKind, GapReason
from collectors.windows.assembly import KINDS, read_answer
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks import body, discover
from tests.collectors.windows.cases import CASES, load, names, told

BLOCKS = {block.name: block for block in discover()}


def read_or_none(block: WindowsBlock, text: str) -> WindowsPart | None:
    """What a block reads, None when the answer tells nothing (which the assembly turns into gaps)."""
    try:
        return read_answer(block, text, elevated=True)
    except Unreadable:
        return None


every_block = pytest.mark.parametrize("block", BLOCKS.values(), ids=lambda block: block.name)


EXPECTED = [(name, oddity) for name, oddity in names() if load(name, oddity).expected is not None]


@pytest.mark.parametrize(("name", "oddity"), EXPECTED)
def test_a_recorded_answer_gives_the_facts_written_by_hand(name: str, oddity: str) -> None:
    case = load(name, oddity)
    assert told(BLOCKS[name], case) == case.expected


@pytest.mark.parametrize(("name", "oddity"), names())
def test_no_recorded_answer_breaks_its_block_and_none_is_empty_in_silence(name: str, oddity: str) -> None:
    """Facts, a gap, or an answer that tells nothing at all: never a part without any of them."""
    case = load(name, oddity)
    part = read_or_none(BLOCKS[name], case.text)
    if part is None:
        return
    envelope = json.loads(case.text)
    if envelope["s"] != "ok" or envelope["d"]:
        assert part.gaps
    assert part != WindowsPart() or envelope["v"]


@every_block
class TestEveryBlock:
    def test_it_has_cases_one_of_them_garbled(self, block: WindowsBlock) -> None:
        oddities = {oddity for name, oddity in names() if name == block.name}
        assert len(oddities) > 2
        assert any("garbled" in oddity for oddity in oddities), oddities

    def test_its_script_lies_beside_its_parser(self, block: WindowsBlock) -> None:
        assert body(block.name).strip()

    def test_it_tells_kinds_the_assembly_knows(self, block: WindowsBlock) -> None:
        assert block.kinds
        assert set(block.kinds) <= set(KINDS)
        assert set(block.needs_admin) <= set(block.kinds)

    @pytest.mark.parametrize("state", ["failed", "timed_out"])
    def test_a_block_that_gave_nothing_is_a_gap_of_each_of_its_kinds(self, block: WindowsBlock, state: str) -> None:
        text = json.dumps({"s": state, "e": "InvalidOperationException 0x80131509: non", "d": [], "v": None})
        part = read_answer(block, text, elevated=True)
        reason = GapReason.FAILED if state == "failed" else GapReason.TIMED_OUT
        assert [(gap.kind, gap.reason) for gap in part.gaps] == [(kind, reason) for kind in block.kinds]

    def test_a_refusal_names_the_missing_right(self, block: WindowsBlock) -> None:
        refused = [[kind, "UnauthorizedAccessException 0x80070005: Zugriff verweigert", "x"] for kind in block.kinds]
        text = json.dumps({"s": "ok", "e": "", "d": refused, "v": None})
        gaps = read_answer(block, text, elevated=False).gaps
        assert {gap.reason for gap in gaps} == {GapReason.DENIED}
        for gap in gaps:
            assert ("administrator" in gap.detail) == (gap.kind in block.needs_admin)

    def test_an_answer_without_a_value_is_not_an_empty_one(self, block: WindowsBlock) -> None:
        with pytest.raises(Unreadable):
            read_answer(block, '{"s": "ok", "e": "", "d": [], "v": null}', elevated=True)

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"s": 1}', '{"s": "odd", "v": {}}', '{"v": "\\ud800"}'])
    def test_nonsense_is_told_as_such(self, block: WindowsBlock, text: str) -> None:
        with pytest.raises(Unreadable):
            read_answer(block, text, elevated=True)

    def test_a_refusal_of_a_kind_nobody_knows_is_not_lost(self, block: WindowsBlock) -> None:
        text = '{"s": "ok", "e": "", "d": [["teapot", "denied", "x"]], "v": {}}'
        with pytest.raises(Unreadable):
            read_answer(block, text, elevated=True)


def test_every_kind_of_fact_is_some_blocks_to_tell() -> None:
    assert {kind for block in discover() for kind in block.kinds} == set(KINDS)


def test_the_verdicts_facts_come_first_and_the_search_last() -> None:
    order = [block.name for block in discover()]
    assert order[:4] == ["system", "updates", "reboot", "update_policy"]
    assert order[-1] == "update_search"
    slow = [block.slow for block in discover()]
    assert slow == sorted(slow)


def test_no_case_stands_for_a_block_that_is_gone_and_no_expectation_for_a_case() -> None:
    assert {name for name, _ in names()} <= set(BLOCKS)
    for expected in CASES.glob("*/*.expected.json"):
        assert expected.with_name(expected.name.replace(".expected", "")).exists(), expected.name


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[WindowsBlock, str]:
    """A recorded answer in which one value, anywhere, was replaced by junk."""
    name, oddity = draw(st.sampled_from(names()))
    envelope = json.loads(load(name, oddity).text)
    place: object = envelope
    while True:
        if isinstance(place, dict) and place:
            key: object = draw(st.sampled_from(sorted(place)))
        elif isinstance(place, list) and place:
            key = draw(st.integers(0, len(place) - 1))
        else:
            break
        inner = place[key]  # type: ignore[index]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            place[key] = draw(JUNK)  # type: ignore[index]
            break
        place = inner
    return BLOCKS[name], json.dumps(envelope)


@given(spoilt())
def test_a_hostile_value_anywhere_never_ends_the_visit(case: tuple[WindowsBlock, str]) -> None:
    part = read_or_none(*case)
    assert part is None or all(gap.kind in frozenset(FactKind) for gap in part.gaps)
