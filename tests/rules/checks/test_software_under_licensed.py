"""software.under_licensed: deficits of what was bought, what cannot be settled, and what is said elsewhere."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from collectors.feeds.records import Severity
from rules.messages import Message
from rules.model import Confidence, Outcome, PriorityLevel
from rules.rights import Metric
from rules.software.position import Status
from tests.rules.checks.estate import only, spoken
from tests.rules.checks.software_estate import NOW, asked, line, machine, position, right

ID = "software.under_licensed"
SHORT = line("autocad-lt", Status.UNDER, owned=10, required=12, entitlements=("L1",), publisher="Autodesk")


def test_a_deficit_fails_with_its_count_its_rights_and_its_need() -> None:
    found = only(asked(ID, SHORT, rights=[right("L1", "AutoCAD LT")]))
    assert (found.outcome, found.severity, found.key, found.subject) == (
        Outcome.FAIL,
        Severity.MEDIUM,
        "autocad-lt",
        "",
    )
    assert spoken(found) == "Autocad Lt: 2 licenses are missing (need 12, rights 10, covered otherwise 0)."
    assert found.priority.level is PriorityLevel.PLAN
    need, bought, edition = found.evidence
    assert (need.seen, need.expected) == ("12 (pc-01, pc-02)", "10")
    assert (bought.seen, bought.source) == ("10", "licenses.xlsx, row L1")
    assert edition.seen == "2026-11"


def test_a_right_paid_by_the_year_costs_a_twelfth_a_month_and_one_for_good_costs_once() -> None:
    yearly = only(asked(ID, line("acrobat", Status.UNDER, owned=1, required=3, cost=Decimal(480), yearly=True)))
    assert yearly.money is not None
    assert (yearly.money.cost, yearly.money.once, yearly.money.seats) == (Decimal("40.00"), Decimal(0), 2)
    perpetual = only(asked(ID, line("acrobat", Status.UNDER, owned=1, required=3, cost=Decimal(480))))
    assert perpetual.money is not None
    assert (perpetual.money.cost, perpetual.money.once) == (Decimal(0), Decimal(480))


def test_case_39_a_price_that_is_not_known_is_no_zero() -> None:
    money = only(asked(ID, SHORT)).money
    assert money is not None
    assert (money.unpriced, money.priced) == (2, False)


def test_everything_covered_passes_and_counts_what_was_compared() -> None:
    found = only(asked(ID, line("acrobat", Status.OK, owned=4, required=4), line("7-zip", Status.FREE)))
    assert (found.outcome, found.message.params["count"]) == (Outcome.PASS, 1)


def test_case_68_machines_that_were_not_read_make_a_pass_unknown_and_a_deficit_a_minimum() -> None:
    blind = position(line("acrobat", Status.OK, owned=4, required=4), seen=2)
    found = only(asked(ID, summary=blind))
    assert (found.outcome, found.limited) == (Outcome.UNKNOWN, False)
    assert found.evidence[0].seen == "off-0"
    least = position(line("acrobat", Status.UNDER, owned=4, required=5, at_least=True, seen=2), seen=2)
    fail, more = asked(ID, summary=least)
    assert spoken(fail).startswith("Acrobat: at least 1 license is missing")
    assert (more.outcome, more.key) == (Outcome.UNKNOWN, "")


def test_case_56_a_line_nobody_can_settle_is_unknown_and_leaves_the_run_complete() -> None:
    why = Message(text="rules.software.evidence.rules")
    found = only(asked(ID, line("windows-server", Status.UNKNOWN, required=None, gap=None, notes=(why,))))
    assert (found.outcome, found.limited, found.key) == (Outcome.UNKNOWN, True, "windows-server")
    assert why in [proof.what for proof in found.evidence]


def test_what_was_never_bought_is_told_by_another_rule() -> None:
    assert only(asked(ID, line("winrar", Status.UNDER, required=5))).outcome is Outcome.PASS


def test_without_a_file_of_rights_nothing_is_called_a_deficit() -> None:
    nobody = position(line("acrobat", Status.UNKNOWN, required=5), declared=False)
    assert only(asked(ID, summary=nobody, rights=None)).outcome is Outcome.NOT_APPLICABLE


def test_case_64_old_data_is_counted_said_and_less_firm() -> None:
    seen_at = NOW - timedelta(days=50)
    why = Message(text="software.note.old", params={"count": 1, "limit_days": 45})
    old = line("acrobat", Status.UNDER, owned=1, required=2, old=1, entitlements=("L1",), notes=(why,))
    found = only(asked(ID, old, devices=[machine("pc-01", taken_at=seen_at, old=True), machine("pc-02")]))
    assert found.confidence is Confidence.TENTATIVE
    assert found.evidence[0].as_of == seen_at
    assert why in [proof.what for proof in found.evidence]


def test_case_70_no_machine_and_no_line_is_not_applicable() -> None:
    assert only(asked(ID, summary=position(seen=0, known=0))).outcome is Outcome.NOT_APPLICABLE


def test_case_52_cores_are_called_core_licenses() -> None:
    server = line("windows-server", Status.UNDER, owned=16, required=48, metric=Metric.CORE, entitlements=("L1",))
    assert "32 core licenses are missing" in spoken(only(asked(ID, server)))
    guests = position(replace(server, at_least=True, seen=2), seen=2)
    assert "at least 32 core licenses" in spoken(asked(ID, summary=guests)[0])
