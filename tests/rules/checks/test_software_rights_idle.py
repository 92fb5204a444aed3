"""software.rights_idle: rows that meet nothing are no proof of being in order (cases 66 and 67)."""

from dataclasses import replace
from decimal import Decimal

from rules.messages import Message
from rules.model import Outcome
from rules.software.position import Reduction, Status
from tests.rules.checks.estate import only
from tests.rules.checks.software_estate import asked, line, position, right

ID = "software.rights_idle"
LINE = line("acrobat", Status.OK, owned=10, required=4, entitlements=("L1",))
WORDS = Message(text="rules.software.evidence.right", params={"right": "L2", "proof": "F-7"})


def test_case_66_a_row_that_meets_nothing_says_so_and_where_it_stands() -> None:
    found = only(asked(ID, summary=position(LINE, idle=(WORDS,)), rights=[right("L1"), right("L2", "Visio")]))
    assert (found.outcome, found.key, found.message) == (Outcome.FAIL, "L2", WORDS)
    assert found.evidence[1].source == "licenses.xlsx, row L2"


def test_machines_that_were_not_read_may_hold_it() -> None:
    found = only(asked(ID, summary=position(LINE, idle=(WORDS,), seen=2), rights=[right("L2", "Visio")]))
    assert (found.outcome, found.key, found.limited) == (Outcome.UNKNOWN, "L2", True)
    assert found.evidence[0].what == WORDS


def test_words_about_no_row_keep_their_own_key() -> None:
    other = Message(text="rules.software.evidence.rules")
    first, second = asked(ID, summary=position(LINE, idle=(WORDS, other)), rights=[right("L2")])
    assert first.key != second.key


def test_rows_that_all_meet_something_pass() -> None:
    found = only(asked(ID, LINE, rights=[right("L1")]))
    assert (found.outcome, found.message.params["count"]) == (Outcome.PASS, 1)


def test_without_machines_nothing_is_called_idle() -> None:
    nobody = position(idle=(WORDS,), seen=0, known=0)
    assert only(asked(ID, summary=nobody, rights=[right("L2")])).outcome is Outcome.NOT_APPLICABLE


def test_a_row_that_meets_nothing_is_told_once() -> None:
    rights = [right("L2", "Visio")]
    idle = line("visio", Status.EXCESS, owned=2, required=0, entitlements=("L2",))
    unproved = position(replace(idle, status=Status.UNKNOWN), idle=(WORDS,), seen=2)
    (only_blind,) = asked("software.under_licensed", summary=unproved, rights=rights)
    assert only_blind.key == ""
    checked = position(replace(idle, status=Status.CHECK), idle=(WORDS,))
    assert only(asked("software.to_check", summary=checked, rights=rights)).outcome is Outcome.PASS
    perpetual = position(idle, idle=(WORDS,))
    assert only(asked("software.surplus", summary=perpetual, rights=rights)).outcome is Outcome.PASS
    assert only(asked(ID, summary=perpetual, rights=rights)).key == "L2"


def test_what_is_paid_by_the_year_and_can_be_given_up_is_a_surplus_with_its_money() -> None:
    parts = (Reduction(units=2, amount=Decimal(600)),)
    yearly = line(
        "visio",
        Status.EXCESS,
        owned=2,
        required=0,
        entitlements=("L2",),
        yearly=True,
        saving=Decimal(600),
        reductions=parts,
    )
    summary = position(yearly, idle=(WORDS,))
    assert only(asked("software.surplus", summary=summary, rights=[right("L2", "Visio")])).outcome is Outcome.FAIL
    assert only(asked(ID, summary=summary, rights=[right("L2", "Visio")])).outcome is Outcome.PASS
