"""software.unrecognized: neither fine nor missing, listed once, and the run is complete without it."""

from datetime import timedelta

from rules.model import Outcome, PriorityLevel
from rules.software.position import Status, Unrecognized
from tests.rules.checks.estate import only, spoken
from tests.rules.checks.software_estate import NOW, asked, line, machine, position

ID = "software.unrecognized"
STRANGE = (
    Unrecognized(name="Pilote presse XR", publisher="Presses du Nord", devices=("pc-01",), versions=("4.1",)),
    Unrecognized(name="Devis Bâtiment", publisher="Éditions Dupin", devices=("pc-01", "pc-02"), versions=("9", "10")),
)


def test_programs_nobody_knows_are_listed_once_the_most_spread_first() -> None:
    found = only(asked(ID, summary=position(unrecognized=STRANGE)))
    assert (found.outcome, found.limited, found.key) == (Outcome.UNKNOWN, True, "")
    assert found.priority.level is PriorityLevel.WATCH
    assert spoken(found).startswith("2 programs that look commercial are not identified (Devis Bâtiment, Pilote")
    first = found.evidence[0]
    assert (first.seen, first.source) == ("9, 10 · pc-01, pc-02", "Éditions Dupin")


def test_what_a_machine_told_some_time_ago_bears_the_day_of_its_visit_and_not_of_the_audit() -> None:
    """Case 64: a machine that is off today is counted as last seen."""
    seen = NOW - timedelta(days=20)
    machines = (machine("pc-01", taken_at=seen), machine("pc-02"))
    found = only(asked(ID, summary=position(unrecognized=STRANGE), devices=machines))
    assert [one.as_of for one in found.evidence] == [seen, seen]
    recent = only(asked(ID, summary=position(unrecognized=STRANGE), devices=(machine("pc-01"), machine("pc-02"))))
    assert [one.as_of for one in recent.evidence] == [NOW, NOW]


def test_machines_that_were_not_read_go_with_it_and_are_not_told_twice() -> None:
    found = only(asked(ID, summary=position(unrecognized=STRANGE, seen=2)))
    assert found.evidence[-1].seen == "off-0"


def test_nothing_strange_passes_and_is_unknown_where_machines_were_not_read() -> None:
    known = line("acrobat", Status.OK, owned=4, required=4)
    assert only(asked(ID, known)).outcome is Outcome.PASS
    assert only(asked(ID, summary=position(known, seen=2))).outcome is Outcome.UNKNOWN
