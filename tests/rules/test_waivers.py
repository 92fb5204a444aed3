"""Waivers: what they accept, until which day, and what someone must know about them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.feeds.records import Severity
from collectors.model import Target
from rules.contract import Contract
from rules.messages import Message
from rules.model import (
    Assessment,
    Finding,
    FreeReason,
    LicenseLine,
    MachineSummary,
    Outcome,
    PriorityLevel,
    SeatVerdict,
    SkuKind,
    TenantSummary,
)
from rules.software.position import Status
from rules.waivers import Waiver, WaiverUse, with_waivers
from tests.rules.checks.estate import spoken
from tests.rules.checks.software_estate import line, position

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
TODAY = NOW.date()
SPB = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"


def _finding(rule: str = "patch.missing", subject: str = "srv-01", key: str = "openssl", **changes: Any) -> Finding:
    made = Finding(
        rule=rule, subject=subject, key=key, outcome=Outcome.FAIL, severity=Severity.HIGH, message=Message(text="x")
    )
    return replace(made, **changes)


def _waiver(identity: str = "W1", *, rule: str = "*", ends_in: int = 200, **changes: Any) -> Waiver:
    made = Waiver(
        id=identity,
        rule=rule,
        reason="remplacement prévu",
        approved_by="Mme Dubois",
        until=TODAY + timedelta(days=ends_in),
        place="waivers.toml, waiver 1",
    )
    return replace(made, **changes)


def _machine(name: str, *aliases: str) -> MachineSummary:
    return MachineSummary(target=Target(name=name), taken_at=NOW, reached=True, aliases=aliases)


def _assessment(*findings: Finding, **changes: Any) -> Assessment:
    made = Assessment(
        client="ACME",
        as_of=NOW,
        started_at=NOW,
        finished_at=NOW,
        product_version="0",
        machines=(_machine("srv-01", "fichiers"), _machine("srv-02")),
        findings=findings,
        feeds=(),
    )
    return replace(made, **changes)


def _with(*waivers: Waiver, on: tuple[Finding, ...], today: date = TODAY, **changes: Any) -> Assessment:
    """The assessment with waivers; what it announces can be put into words in every language."""
    contract = Contract(client="ACME", waivers=waivers)
    made = with_waivers(_assessment(*on, **changes), contract, today)
    for found in _told(made):
        spoken(found)
    return made


def _told(assessment: Assessment) -> list[Finding]:
    return [found for found in assessment.findings if found.rule.startswith("waiver.")]


def _accepted(assessment: Assessment) -> list[str]:
    return [found.key for found in assessment.findings if found.waiver is not None]


def test_a_waiver_marks_what_it_accepts_and_deletes_nothing() -> None:
    other = _finding(key="sudo")
    made = _with(_waiver(rule="patch.missing", subject="srv-01", key="openssl"), on=(_finding(), other))
    assert _accepted(made) == ["openssl"]
    assert {found.key for found in made.findings} == {"openssl", "sudo"}
    assert made.waivers == (WaiverUse(waiver=made.waivers[0].waiver, matched=1, state="in_force"),)
    assert _told(made) == []


@pytest.mark.parametrize(
    ("changes", "meets"),
    [
        ({"rule": "patch.*"}, True),
        ({"rule": "PATCH.Missing"}, True),
        ({"rule": "patch"}, False),
        ({"rule": "patch.miss?ng"}, False),
        ({"rule": "patch.[m]issing"}, False),
        ({"subject": "srv-*"}, True),
        ({"subject": "SRV-01"}, True),
        ({"subject": "srv"}, False),
        ({"subject": "fichiers"}, True),
        ({"key": "open*"}, True),
        ({"key": "*ssl"}, True),
        ({"key": "ssl"}, False),
    ],
)
def test_patterns_are_compared_without_case_and_a_star_is_any_text(changes: dict[str, str], meets: bool) -> None:
    made = _with(_waiver(**changes), on=(_finding(),))
    assert bool(_accepted(made)) is meets
    assert made.waivers[0].matched == meets


def test_a_finding_is_named_by_its_reference() -> None:
    named = _finding(key="sudo")
    made = _with(_waiver(key=named.ref.lower()), on=(_finding(), named))
    assert _accepted(made) == ["sudo"]


def test_a_person_is_named_by_the_principal_name() -> None:
    person = _finding("m365.inactive_users", "acme", "a-guid", person="Jean@acme.example")
    made = _with(_waiver(rule="m365.*", subject="jean@*"), on=(person, replace(person, key="b", person="eva@acme.fr")))
    assert _accepted(made) == ["a-guid"]


def test_a_sku_and_a_product_are_named_as_people_name_them() -> None:
    sku = LicenseLine(
        sku_id=SPB,
        part_number="SPB",
        name="Microsoft 365 Business Premium",
        kind=SkuKind.USER,
        free_reason=FreeReason.NONE,
        verdict=SeatVerdict.UNDER,
        bought=1,
        assigned=2,
    )
    tenant = TenantSummary(target=Target(name="acme"), taken_at=NOW, reached=True, licenses=(sku,))
    software = position(line("sql-server", Status.UNDER, key="sql-server/standard/2019"))
    on = (
        _finding("m365.under_licensed", "acme", SPB),
        _finding("software.under_licensed", "", "sql-server/standard/2019"),
        _finding("application.known_exploited", "srv-01", "x1", message=Message(text="x", params={"product": "7-Zip"})),
    )
    for key, wanted in (("spb", SPB), ("*business premium", SPB), ("sql server", on[1].key), ("7-zip", "x1")):
        assert _accepted(_with(_waiver(key=key), on=on, tenants=(tenant,), software=software)) == [wanted], key


def test_a_waiver_never_turns_an_unknown_or_a_pass_into_fine() -> None:
    unknown = _finding(outcome=Outcome.UNKNOWN)
    passed = _finding("system.end_of_support", key="", outcome=Outcome.PASS)
    made = _with(_waiver(), on=(unknown, passed))
    assert _accepted(made) == []
    assert made.waivers[0].matched == 0


@pytest.mark.parametrize(
    ("ends_in", "state", "holds"),
    [(31, "in_force", True), (30, "expiring", True), (0, "expiring", True), (-1, "expired", False)],
)
def test_boundary_day_it_holds_to_its_last_day_included(ends_in: int, state: str, holds: bool) -> None:
    made = _with(_waiver(ends_in=ends_in), on=(_finding(),))
    assert made.waivers[0].state == state
    assert bool(_accepted(made)) is holds


def test_an_end_that_comes_and_one_that_passed_are_announced_with_what_rests_on_them() -> None:
    ending = _with(_waiver(ends_in=30), on=(_finding(), _finding(key="sudo")))
    (told,) = _told(ending)
    assert (told.rule, told.key, told.due_on) == ("waiver.ending", "W1", TODAY + timedelta(days=30))
    assert (told.severity, told.priority.level, told.waiver) == (Severity.LOW, PriorityLevel.PLAN, None)
    assert spoken(told).startswith("Waiver W1 ends on")
    assert "2 accepted findings will count again" in spoken(told)
    assert (told.evidence[0].seen, told.evidence[0].source) == ("remplacement prévu", "waivers.toml, waiver 1")
    (over,) = _told(_with(_waiver(ends_in=-1), on=(_finding(),)))
    assert "1 finding it covered counts again" in spoken(over)
    assert over.due_on is None


def test_an_expired_waiver_that_meets_nothing_is_listed_and_no_news() -> None:
    made = _with(_waiver(ends_in=-1, key="gone"), on=(_finding(),))
    assert (made.waivers[0].state, _told(made)) == ("expired", [])


def test_the_old_row_beside_its_renewal_is_no_news() -> None:
    old, new = _waiver("W1", ends_in=-5), _waiver("W2", ends_in=300)
    made = _with(old, new, on=(_finding(),))
    assert [found.waiver for found in made.findings] == [new]
    assert [use.state for use in made.waivers] == ["expired", "in_force"]
    assert _told(made) == []
    soon = _with(_waiver("W1", ends_in=5), new, on=(_finding(),))
    assert (_told(soon), [use.state for use in soon.waivers]) == ([], ["expiring", "in_force"])


def test_of_several_waivers_the_one_that_holds_longest_stands() -> None:
    made = _with(_waiver("W1", ends_in=300), _waiver("W2", ends_in=90), on=(_finding(),))
    assert [found.waiver.id for found in made.findings if found.waiver] == ["W1"]
    assert [use.matched for use in made.waivers] == [1, 1]


def test_a_waiver_that_meets_nothing_is_told_once_everything_was_looked_at() -> None:
    made = _with(_waiver(rule="patch.misssing"), on=(_finding(),))
    assert made.waivers[0].state == "orphaned"
    (told,) = _told(made)
    assert (told.rule, told.priority.level) == ("waiver.orphaned", PriorityLevel.WATCH)
    assert "patch.misssing" in spoken(told)


@pytest.mark.parametrize(
    "hidden",
    [
        _finding(outcome=Outcome.UNKNOWN, key=""),
        _finding(outcome=Outcome.UNKNOWN, key="incomplete", limited=True),
        _finding(outcome=Outcome.UNKNOWN, subject="", key=""),
    ],
)
def test_a_waiver_whose_finding_may_be_hidden_is_not_called_orphaned(hidden: Finding) -> None:
    assert _with(_waiver(rule="patch.*", subject="srv-01", key="sudo"), on=(hidden,)).waivers[0].state == "in_force"


def test_an_unknown_of_another_machine_or_rule_hides_nothing() -> None:
    hidden = (
        _finding(outcome=Outcome.UNKNOWN, key="", subject="srv-02"),
        _finding("host.reboot_pending", outcome=Outcome.UNKNOWN, key=""),
    )
    assert _with(_waiver(rule="patch.*", subject="srv-01"), on=hidden).waivers[0].state == "orphaned"


def test_a_tenant_that_was_not_read_hides_its_people() -> None:
    tenant = TenantSummary(target=Target(name="acme"), taken_at=NOW, reached=False)
    unread = _finding("m365.inactive_users", "acme", "", outcome=Outcome.UNKNOWN)
    waiver = _waiver(rule="m365.inactive_users", subject="jean@acme.example")
    assert _with(waiver, on=(unread,), tenants=(tenant,)).waivers[0].state == "in_force"
    assert _with(waiver, on=(), tenants=(tenant,)).waivers[0].state == "orphaned"


def test_where_only_a_part_was_looked_at_nothing_is_orphaned() -> None:
    contract = Contract(client="ACME", waivers=(_waiver(subject="srv-99"),))
    made = with_waivers(_assessment(_finding()), contract, TODAY, whole=False)
    assert (made.waivers[0].state, _told(made)) == ("in_force", [])


def test_without_waivers_nothing_changes() -> None:
    made = _assessment(_finding())
    assert with_waivers(made, Contract(client="ACME"), TODAY) is made


_WORDS = st.sampled_from(["*", "patch.*", "patch.missing", "srv-*", "srv-01", "SRV-02", "openssl", "o*l", "", "[a"])


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    patterns=st.lists(st.tuples(_WORDS, _WORDS, _WORDS, st.integers(-3, 40)), max_size=4),
    outcomes=st.lists(st.sampled_from(Outcome), min_size=1, max_size=4),
)
def test_whatever_the_waivers_no_answer_changes_and_only_failures_in_force_are_accepted(
    patterns: list[tuple[str, str, str, int]], outcomes: list[Outcome]
) -> None:
    on = tuple(_finding(key=f"o{number}l", outcome=outcome) for number, outcome in enumerate(outcomes))
    waivers = tuple(
        _waiver(f"W{number}", rule=rule, subject=subject, key=key, ends_in=days)
        for number, (rule, subject, key, days) in enumerate(patterns)
    )
    made = _with(*waivers, on=on)
    kept = {(found.fingerprint, found.outcome) for found in made.findings if found not in _told(made)}
    assert kept == {(found.fingerprint, found.outcome) for found in on}
    for found in made.findings:
        if found.waiver is not None:
            assert found.outcome is Outcome.FAIL
            assert found.waiver.until >= TODAY
    assert len(made.waivers) == len(waivers)
    assert all(use.matched == 0 for use in made.waivers if use.state == "orphaned")


def test_findings_stay_in_the_order_of_a_report() -> None:
    made = _with(_waiver(rule="nothing"), on=(_finding(key="b"), _finding(key="a")))
    levels = [found.priority.level for found in made.findings]
    assert levels == sorted(levels, key=list(PriorityLevel).index)
