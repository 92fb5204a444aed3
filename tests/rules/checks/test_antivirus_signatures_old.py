"""antivirus.signatures_old: Defender's signatures, another product in its place, none at all."""

from datetime import timedelta

import pytest

from collectors.model import FactKind
from collectors.windows.facts import Antivirus
from rules.model import Confidence, Outcome, PriorityLevel
from tests.lab.snapshots import NOW, debian_host
from tests.rules.checks.estate import only, spoken
from tests.rules.checks.windows_estate import asked, hidden, program, server_host, windows_host

RULE = "antivirus.signatures_old"


def _ask(host=windows_host, *, as_of=NOW, gaps=(), applications=(), **facts):
    snapshot = host(antivirus=Antivirus(**facts), gaps=gaps, applications=applications)
    return only(asked(RULE, snapshot, as_of=as_of))


@pytest.mark.parametrize(
    ("age", "outcome", "text"),
    [
        (timedelta(hours=5), Outcome.PASS, "pass"),
        (timedelta(days=3), Outcome.PASS, "pass"),
        (timedelta(days=3, seconds=1), Outcome.PASS, "tolerated"),
        (timedelta(days=7), Outcome.PASS, "tolerated"),
        (timedelta(days=7, seconds=1), Outcome.FAIL, "fail"),
        (-timedelta(hours=1), Outcome.PASS, "pass"),  # a clock a little behind
    ],
)
def test_three_days_are_current_seven_are_tolerated_older_is_a_fail(age, outcome, text):
    found = _ask(enabled=True, signatures_at=NOW - age, signature_version="1.441.5.0")
    assert (found.outcome, found.message.text) == (outcome, f"rules.{RULE}.{text}")
    assert found.evidence[0].seen == "1.441.5.0 (on)"


def test_the_age_is_counted_to_when_it_was_read():
    later = NOW + timedelta(days=40)
    assert _ask(enabled=True, signatures_at=NOW, as_of=later).outcome is Outcome.PASS


def test_another_active_product_is_named_and_makes_the_question_moot():
    found = _ask(enabled=False, disabled_by="passive", other_products=("ESET Security",))
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "ESET Security" in spoken(found)


def test_defender_that_is_on_is_judged_whatever_else_is_installed():
    old = _ask(enabled=True, signatures_at=NOW - timedelta(days=30), other_products=("ESET Security",))
    assert old.outcome is Outcome.FAIL


@pytest.mark.parametrize(("by", "text"), [("", "off"), ("policy", "off_policy"), ("passive", "off")])
def test_no_antivirus_at_all_is_for_now(by, text):
    found = _ask(enabled=False, disabled_by=by)
    assert (found.outcome, found.message.text) == (Outcome.FAIL, f"rules.{RULE}.{text}")
    assert found.priority.level is PriorityLevel.NOW


@pytest.mark.parametrize(
    "name",
    [
        "Bitdefender Endpoint Security Tools",
        "Sophos Endpoint Agent",
        "Trend Micro Apex One Security Agent",
        "Kaspersky Security 11 pour Windows Server",
        "ESET Server Security",
        "WithSecure™ Elements Agent",
        "HarfangLab Hurukai agent",
    ],
)
def test_a_server_keeps_no_list_of_products_so_that_its_programs_tell(name):
    found = _ask(server_host, enabled=False, applications=(program(name, "7.9"),))
    assert (found.outcome, found.confidence) == (Outcome.NOT_APPLICABLE, Confidence.TENTATIVE)
    assert name in spoken(found)


@pytest.mark.parametrize("name", ["Sophos Connect", "ESET Management Agent", "Avast Secure Browser"])
def test_a_namesake_is_no_antivirus(name):
    assert _ask(server_host, enabled=False, applications=(program(name, "1"),)).outcome is Outcome.FAIL


def test_an_unread_state_or_date_is_unknown_and_no_fail():
    assert _ask(enabled=None).outcome is Outcome.UNKNOWN
    assert _ask(enabled=True, signatures_at=None).outcome is Outcome.UNKNOWN
    assert only(asked(RULE, windows_host(antivirus=None))).outcome is Outcome.UNKNOWN


def test_a_gap_makes_fresh_signatures_unknown_and_never_calls_a_machine_unprotected():
    gaps = hidden(FactKind.ANTIVIRUS)
    assert _ask(enabled=True, signatures_at=NOW, gaps=gaps).outcome is Outcome.UNKNOWN
    assert _ask(enabled=False, gaps=gaps).outcome is Outcome.UNKNOWN


def test_a_linux_machine_is_none_of_this_rules_business():
    assert only(asked(RULE, debian_host(packages={"bash": "5"}))).outcome is Outcome.NOT_APPLICABLE
