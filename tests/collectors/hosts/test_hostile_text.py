"""Whatever a host prints, a collector answers with facts or gaps: one exception would cost the whole host."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.assembly import Cut, assemble
from collectors.hosts import discover
from collectors.hosts.base import Facts, Family, Section
from collectors.model import FactKind, GapReason, Target
from collectors.script import read_sections
from tests.collectors.frames import end, hello, ran
from tests.collectors.hosts.cases import CASES, names

COLLECTORS = {collector.name: collector for collector in discover()}
RECORDED = [(name, (CASES / name / oddity / "output").read_bytes()) for name, oddity in names()]
DIRT = st.one_of(
    st.sampled_from(
        [
            b"\n",
            b"\t",
            b":",
            b" ",
            b"\0",
            b"\xff",
            b"\x1c",
            "\u2028".encode(),
            "²".encode(),
            "٣".encode(),
            b"9" * 5000,
            b"-1",
            b"[",
            b"(",
            b"=",
            b'"',
            b"{",
            b"<!",
            b"(none)",
            b"status:0\n",
            b"file:",
            b"@@A1 ",
        ]
    ),
    st.binary(max_size=8),
)


@settings(max_examples=2000)
@given(
    recorded=st.sampled_from(RECORDED),
    place=st.floats(min_value=0, max_value=1),
    removed=st.integers(min_value=0, max_value=40),
    dirt=DIRT,
    exit_status=st.sampled_from([0, 0, 0, 1, 6, 100, 102]),
)
def test_damaged_answers_never_raise(
    recorded: tuple[str, bytes], place: float, removed: int, dirt: bytes, exit_status: int
) -> None:
    name, output = recorded
    at = int(place * len(output))
    text = (output[:at] + dirt + output[at + removed :]).decode("utf-8", "backslashreplace")
    facts = COLLECTORS[name].read(Section(name=name, stdout=text, stderr=text[:80], exit_status=exit_status))
    assert isinstance(facts, Facts)


@given(name=st.sampled_from(sorted(COLLECTORS)), text=st.text(max_size=200), errors=st.text(max_size=80))
def test_any_text_never_raises(name: str, text: str, errors: str) -> None:
    assert isinstance(COLLECTORS[name].read(Section(name=name, stdout=text, stderr=errors)), Facts)


@given(name=st.sampled_from(sorted(COLLECTORS)), text=st.text(max_size=80))
def test_a_gap_is_short_enough_to_print(name: str, text: str) -> None:
    facts = COLLECTORS[name].read(Section(name=name, stdout=text * 200, stderr=text * 200, exit_status=9))
    assert all(len(gap.detail) < 1500 for gap in facts.gaps)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), family=st.sampled_from(sorted(Family)))
def test_any_mixture_of_recorded_answers_makes_a_snapshot(data: st.DataObject, family: str) -> None:
    """A host may answer one question well and another badly, and claim any family."""
    frames = [hello(family)]
    for name in COLLECTORS:
        output = data.draw(st.sampled_from([output for other, output in RECORDED if other == name]))
        frames.append(ran(name, output, status=data.draw(st.sampled_from([0, 0, 0, 1, 124]))))
    snapshot = assemble(
        Target(name="host"),
        read_sections(b"".join([*frames, end()])),
        discover(),
        taken_at=datetime(2026, 11, 22, 8, tzinfo=UTC),
        window_s=120,
        cut=Cut(reason=GapReason.TRUNCATED, detail="did not come home"),
    )
    assert len(snapshot.collectors) == len(COLLECTORS)
    if not snapshot.packages:
        assert snapshot.gaps_of(FactKind.PACKAGES)
    if snapshot.operating_system is None:
        assert snapshot.gaps_of(FactKind.OPERATING_SYSTEM)


LONG = 2_000_000


@pytest.mark.parametrize(
    ("collector", "text"),
    [
        ("apt_updates", "1 upgraded, 0 newly installed, 0 to remove\nInst a (1 " + "[" * LONG),
        ("apt_policy", "a:\n  Installed: 1\n *** 1 500\n        500 " + "cdrom:[" * (LONG // 7) + "\nend\n"),
        ("apt_sources", "file:/etc/apt/sources.list\nline:deb [" + " [" * (LONG // 2)),
        ("dnf_repositories", "file:a.repo\nline:[" + "://" * (LONG // 3)),
        ("apk_updates", "Installed:\n" + "-1" * (LONG // 2)),
        ("zypper", "<stream>\n" + "<update/>\n" * (LONG // 10)),
        ("dpkg", "://a" * (LONG // 4)),
    ],
)
def test_one_endless_line_is_unread_at_once(collector: str, text: str) -> None:
    """An expression tried on it from every place would keep every other host waiting for hours."""
    facts = COLLECTORS[collector].read(Section(name=collector, stdout=text, stderr=text[:LONG]))
    assert facts.gaps
    assert all(len(gap.detail) < 500 for gap in facts.gaps)
