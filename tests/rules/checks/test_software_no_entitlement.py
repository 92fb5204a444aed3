"""software.no_entitlement: paid software without any right (case 63), and a client without a file of rights."""

from dataclasses import replace
from decimal import Decimal

from rules.model import Confidence, Outcome, PriorityLevel
from rules.rights import Metric
from rules.software.position import Status
from tests.rules.checks.estate import only, spoken
from tests.rules.checks.software_estate import asked, line, position

ID = "software.no_entitlement"


def test_case_63_software_free_for_private_use_needs_a_right_in_a_company() -> None:
    found = only(asked(ID, line("winrar", Status.CHECK, required=3, devices=("pc-01", "pc-02", "pc-03"))))
    assert (found.outcome, found.key, found.confidence) == (Outcome.FAIL, "winrar", Confidence.TENTATIVE)
    assert spoken(found) == "Winrar: installed or used 3 times, no right is known; 3 licenses to justify."
    assert "pc-03" in found.evidence[0].seen


def test_software_nobody_bought_is_told_here_and_once() -> None:
    nothing_bought = line("autocad", Status.UNDER, required=2, cost=Decimal(1200))
    found = only(asked(ID, nothing_bought))
    assert (found.outcome, found.confidence) == (Outcome.FAIL, Confidence.FIRM)
    assert found.money is not None
    assert found.money.once == Decimal(1200)
    for other in ("software.under_licensed", "software.to_check"):
        assert only(asked(other, nothing_bought)).outcome is Outcome.PASS


def test_what_has_a_right_of_any_kind_is_no_case_of_this_rule() -> None:
    partly = line("winrar", Status.UNDER, owned=1, required=2, entitlements=("L1",))
    suite = line("acrobat", Status.UNDER, required=2, transferred=1)
    assert only(asked(ID, partly, suite, line("7-zip", Status.FREE))).outcome is Outcome.PASS


def test_without_a_file_of_rights_it_is_said_once_and_leaves_the_run_complete() -> None:
    lines = (line("winrar", Status.UNKNOWN, required=3), line("autocad", Status.UNKNOWN, required=1))
    found = only(asked(ID, summary=position(*lines, declared=False), rights=None))
    assert (found.outcome, found.limited, found.key) == (Outcome.UNKNOWN, True, "")
    assert found.priority.level is PriorityLevel.WATCH
    assert found.message.params == {"count": 2, "products": "Autocad, Winrar"}


def test_an_estate_without_paid_software_and_without_a_file_stays_quiet() -> None:
    covered = (line("7-zip", Status.FREE), line("windows", Status.OK, owned=2, required=2))
    found = only(asked(ID, summary=position(*covered, declared=False), rights=None))
    assert found.outcome is Outcome.NOT_APPLICABLE


def test_machines_that_were_not_read_make_a_pass_unknown() -> None:
    assert only(asked(ID, summary=position(line("7-zip", Status.FREE), seen=1))).outcome is Outcome.UNKNOWN


def test_a_count_over_machines_not_all_read_is_a_minimum() -> None:
    few = line("winrar", Status.UNDER, required=3, at_least=True, seen=2)
    fail, _more = asked(ID, summary=position(few, seen=2))
    assert "at least 3 times" in spoken(fail)


def test_case_52_cores_are_counted_as_core_licenses_on_servers() -> None:
    server = line("windows-server", Status.UNDER, required=48, installed=4, metric=Metric.CORE)
    assert "runs on 4 server(s)" in spoken(only(asked(ID, server)))
    fail, _more = asked(ID, summary=position(replace(server, at_least=True, seen=2), seen=2))
    assert "at least 48 core licenses" in spoken(fail)
