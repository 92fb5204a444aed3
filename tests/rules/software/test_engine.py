"""The law of the estate: silence is no answer, what breaks costs itself only, a client without rights stays quiet."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from collectors.feeds.records import FeedRecords
from reports.texts import Texts, languages
from rules.checks import discover, discover_estate_rules, discover_tenant_rules
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.model import Assessment, Finding, Outcome, Priority, PriorityLevel
from rules.software import engine
from rules.software.engine import SoftwareJudgement, judge_software, judged, reduced, with_software
from rules.software.position import SoftwareSummary, Status
from rules.software.rule import EstateCase, EstateRule, finding
from tests.lab.windows_snapshots import windows_host
from tests.rules.checks.software_estate import NOW, case_of, line, machine, position

OK = line("acrobat", Status.OK, owned=4, required=4)


def _rule(*outcomes: tuple[Outcome, str], **options: bool) -> EstateRule:
    def check(_case: EstateCase) -> Iterable[Finding]:
        return [finding("software.to_check", outcome, "fail", key=key) for outcome, key in outcomes]

    return EstateRule(id="software.to_check", check=check, **options)  # type: ignore[arg-type]


def _judged(summary: SoftwareSummary, *rules: EstateRule) -> list[tuple[Outcome, str]]:
    return [(found.outcome, found.key) for found in judged(case_of(summary), rules).findings]


def test_a_pass_over_machines_all_read_stands() -> None:
    assert _judged(position(OK), _rule((Outcome.PASS, ""))) == [(Outcome.PASS, "")]


def test_a_pass_that_rests_on_a_machine_nobody_read_is_unknown() -> None:
    assert _judged(position(OK, seen=2), _rule((Outcome.PASS, ""))) == [(Outcome.UNKNOWN, "")]


def test_a_fail_stays_and_beside_it_stands_that_more_may_be_hidden() -> None:
    found = _judged(position(OK, seen=2), _rule((Outcome.FAIL, "acrobat")))
    assert found == [(Outcome.UNKNOWN, ""), (Outcome.FAIL, "acrobat")]
    both = _judged(position(OK, seen=2), _rule((Outcome.FAIL, "")))
    assert both == [(Outcome.FAIL, ""), (Outcome.UNKNOWN, "incomplete")]


def test_a_rule_that_rests_on_the_file_alone_is_left_as_it_is() -> None:
    rule = _rule((Outcome.PASS, ""), needs_machines=False)
    assert _judged(position(OK, seen=2), rule) == [(Outcome.PASS, "")]


def test_a_rule_that_needs_the_file_of_rights_is_not_asked_without_one() -> None:
    rule = _rule((Outcome.FAIL, "x"), needs_file=True)
    assert _judged(position(OK, declared=False), rule) == [(Outcome.NOT_APPLICABLE, "")]


def test_a_rule_that_breaks_is_an_unknown_and_a_failure_and_costs_no_other() -> None:
    def check(_case: EstateCase) -> Iterable[Finding]:
        raise LookupError("no such metric")

    broken = EstateRule(id="software.surplus", check=check)
    answer = judged(case_of(position(OK)), [broken, _rule((Outcome.PASS, ""))])
    by_rule = {found.rule: found.outcome for found in answer.findings}
    assert by_rule == {"software.surplus": Outcome.UNKNOWN, "software.to_check": Outcome.PASS}
    (failure,) = answer.failures
    assert (failure.rule, failure.subject, failure.error) == ("software.surplus", "", "LookupError: no such metric")


def test_a_rule_that_says_nothing_is_a_defect() -> None:
    assert judged(case_of(position(OK)), [_rule()]).failures[0].error.startswith("ValueError")


def test_a_position_that_cannot_be_made_leaves_the_report_standing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> SoftwareSummary:
        raise ZeroDivisionError("no cores")

    monkeypatch.setattr(engine, "assess", broken)
    answer = judge_software([machine("pc-01")], [], Contract(client="ACME"), _knowledge(), NOW)
    assert answer.summary is None
    assert [found.outcome for found in answer.findings] == [Outcome.UNKNOWN]
    assert answer.failures[0].error == "ZeroDivisionError: no cores"


def test_a_machine_that_cannot_be_reduced_counts_as_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(engine, "device_of", broken)
    device = reduced(windows_host("pc-01"), old=True)
    assert (device.name, device.reached, device.old) == ("pc-01", False, True)


def test_a_client_without_rights_and_without_programs_gets_no_finding() -> None:
    nothing = position(declared=False, seen=2)
    answer = judged(case_of(nothing), discover_estate_rules())
    assert (answer.summary, answer.findings, answer.failures) == (nothing, (), ())


def test_the_position_joins_an_assessment_in_the_order_of_a_report() -> None:
    urgent = finding("software.to_check", Outcome.FAIL, "fail", key="b", priority=Priority(level=PriorityLevel.NOW))
    quiet = finding("software.to_check", Outcome.PASS, "pass", key="a")
    made = with_software(_assessment(quiet), SoftwareJudgement(summary=position(OK), findings=(urgent,)))
    assert made.software == position(OK)
    assert made.findings == (urgent, quiet)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        judge_software([], [], Contract(client="ACME"), _knowledge(), datetime(2026, 11, 22))  # noqa: DTZ001


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("rule", discover_estate_rules(), ids=lambda rule: rule.id)
def test_every_rule_has_a_title_an_impact_and_its_own_name(rule: EstateRule, language: str) -> None:
    texts = Texts(language, strict=True)
    assert texts.message(rule.title)
    assert texts.message(rule.impact).endswith(".")
    others = {other.id for other in (*discover(), *discover_tenant_rules())}
    assert rule.id not in others


def _knowledge() -> Knowledge:
    return Knowledge.from_records(FeedRecords())


def _assessment(*findings: Finding) -> Assessment:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    return Assessment(
        client="ACME",
        as_of=moment,
        started_at=moment,
        finished_at=moment,
        product_version="0",
        machines=(),
        findings=findings,
        feeds=(),
    )
