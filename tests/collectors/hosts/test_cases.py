"""Every source of host facts on recorded answers: normal, empty, garbled, denied, and the oddities of real hosts."""

import pytest

from collectors.hosts import discover
from collectors.hosts.base import HostCollector, Section
from collectors.model import FactKind, GapReason
from tests.collectors.hosts.cases import facts_of, load, names

COLLECTORS = {collector.name: collector for collector in discover()}
REQUIRED = {"normal", "empty", "garbled", "denied"}


@pytest.mark.parametrize(("collector", "oddity"), names())
def test_a_recorded_answer_gives_the_facts_written_by_hand(collector: str, oddity: str) -> None:
    case = load(collector, oddity)
    assert facts_of(COLLECTORS[collector], case.section) == case.expected


@pytest.mark.parametrize("collector", sorted(COLLECTORS))
def test_every_collector_has_its_four_cases(collector: str) -> None:
    present = {oddity for name, oddity in names() if name == collector}
    assert present >= REQUIRED, f"{collector} lacks recorded cases: {sorted(REQUIRED - present)}"


def test_no_case_stands_for_a_collector_that_is_gone() -> None:
    assert {name for name, _ in names()} <= set(COLLECTORS)


ANSWERED_BY_NOTHING = {
    "kernels": "no image on disk is what a container shows",
    "flatpak": "flatpak prints nothing when nothing is installed",
    "snap": "snap says on standard error that nothing is installed",
    "apk_updates": "the header alone means that nothing is pending",
    "apt_updates": "a summary of zeros means that nothing is pending",
    "dnf": "two empty lists with their statuses mean that nothing is pending",
    "yum": "two empty lists with their statuses mean that nothing is pending",
    "zypper": "two empty update lists mean that nothing is pending",
    "apt_sources": "no source configured is a fact (and a finding)",
    "dnf_repositories": "no repository configured is a fact (L19)",
    "zypper_repositories": "no repository configured is a fact",
}


@pytest.mark.parametrize(
    ("collector", "oddity"),
    [
        (name, oddity)
        for name in sorted(COLLECTORS)
        for oddity in ("garbled", "empty", "denied")
        if oddity != "empty" or name not in ANSWERED_BY_NOTHING
    ],
)
def test_nonsense_never_leaves_a_fact_without_a_gap_or_an_open_sign(collector: str, oddity: str) -> None:
    facts = COLLECTORS[collector].read(load(collector, oddity).section)
    open_sign = any(signal.required is None for signal in facts.reboot_signals)
    assert facts.gaps or open_sign


@pytest.mark.parametrize("collector", COLLECTORS.values(), ids=lambda collector: collector.name)
class TestEveryCollector:
    def test_its_gaps_carry_its_name_and_its_kinds(self, collector: HostCollector) -> None:
        facts = collector.read(Section(name=collector.name, timed_out=True, exit_status=124))
        assert [gap.kind for gap in facts.gaps] == list(collector.kinds)
        assert {(gap.collector, gap.reason) for gap in facts.gaps} == {(collector.name, GapReason.TIMED_OUT)}

    def test_a_missing_tool_is_a_gap_unless_its_absence_is_an_answer(self, collector: HostCollector) -> None:
        facts = collector.read(Section(name=collector.name, missing="tool"))
        expected = [] if collector.optional else [(kind, GapReason.MISSING) for kind in collector.kinds]
        assert [(gap.kind, gap.reason) for gap in facts.gaps] == expected

    def test_it_is_deterministic_data(self, collector: HostCollector) -> None:
        assert collector.command.isascii()
        assert collector.kinds
        assert FactKind.HOST not in collector.kinds
