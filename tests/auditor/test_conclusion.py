"""Which exit code wins, and what counts."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from auditor.conclusion import conclude
from auditor.exits import Exit
from auditor.outcomes import _tell_problems
from auditor.pipeline import Result
from collectors.feeds.records import Severity
from collectors.model import FactKind, Gap, GapReason, Target
from rules.messages import Message
from rules.model import Assessment, Finding, MachineSummary, Outcome, RuleFailure
from rules.waivers import Waiver

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _finding(outcome: Outcome = Outcome.FAIL, severity: Severity = Severity.MEDIUM) -> Finding:
    return Finding(
        rule="patch.missing", subject="web", key="sudo", outcome=outcome, severity=severity, message=Message(text="x")
    )


def _machine(*, reached: bool = True) -> MachineSummary:
    gap = Gap(kind=FactKind.HOST, collector="ssh", reason=GapReason.UNREACHABLE, detail="no answer")
    return MachineSummary(target=Target(name="web"), taken_at=NOW, reached=reached, gaps=() if reached else (gap,))


def _result(*findings: Finding, interrupted: bool = False, history_problem: str = "", **changes: object) -> Result:
    values: dict[str, object] = {
        "client": "Fournil",
        "as_of": NOW,
        "started_at": NOW,
        "finished_at": NOW,
        "product_version": "0",
        "machines": (_machine(),),
        "findings": findings,
        "feeds": (),
    }
    assessment = Assessment(**(values | changes))  # type: ignore[arg-type]
    return Result(run=1, assessment=assessment, interrupted=interrupted, history_problem=history_problem)


def test_nothing_found_and_everything_seen_is_0() -> None:
    assert conclude(_result(_finding(Outcome.PASS), _finding(Outcome.NOT_APPLICABLE)), "low").code is Exit.COMPLIANT


@pytest.mark.parametrize(
    ("severity", "fail_on", "code"),
    [
        (Severity.LOW, "low", Exit.FINDINGS),
        (Severity.LOW, "medium", Exit.COMPLIANT),
        (Severity.HIGH, "high", Exit.FINDINGS),
        (Severity.HIGH, "critical", Exit.COMPLIANT),
        (Severity.CRITICAL, "critical", Exit.FINDINGS),
        (Severity.CRITICAL, "never", Exit.COMPLIANT),
        (Severity.UNKNOWN, "high", Exit.FINDINGS),
        (Severity.UNKNOWN, "critical", Exit.COMPLIANT),
    ],
)
def test_findings_count_from_the_threshold_on_and_an_undisclosed_severity_is_high(
    severity: Severity, fail_on: str, code: Exit
) -> None:
    assert conclude(_result(_finding(severity=severity)), fail_on).code is code


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"machines": (_machine(reached=False),)}, "machines_not_audited"),
        ({"machines": ()}, "no_machine"),
        ({"stale_feeds": ("kev",)}, "feeds_stale"),
        ({"failures": (RuleFailure(rule="r", subject="web", error="x"),)}, "rules_failed"),
    ],
)
def test_whatever_was_not_seen_is_3(changes: dict[str, object], reason: str) -> None:
    concluded = conclude(_result(**changes), "low")
    assert (concluded.code, concluded.reasons) == (Exit.INCOMPLETE, (reason,))


def test_an_unknown_verdict_is_3_even_with_nothing_to_fail_on() -> None:
    assert conclude(_result(_finding(Outcome.UNKNOWN)), "never").code is Exit.INCOMPLETE


def _waiver() -> Waiver:
    return Waiver(id="W1", rule="*", reason="accepted", approved_by="Mme Dubois", until=NOW.date())


def test_what_a_waiver_accepts_is_no_failure() -> None:
    accepted = replace(_finding(severity=Severity.CRITICAL), waiver=_waiver())
    assert conclude(_result(accepted), "low").code is Exit.COMPLIANT
    assert conclude(_result(accepted, _finding()), "low").code is Exit.FINDINGS


def test_a_waiver_never_makes_an_unknown_or_an_unseen_machine_fine() -> None:
    doubt = replace(_finding(Outcome.UNKNOWN), waiver=_waiver())
    assert conclude(_result(doubt), "low").code is Exit.INCOMPLETE
    accepted = replace(_finding(), waiver=_waiver())
    assert conclude(_result(accepted, machines=(_machine(reached=False),)), "low").code is Exit.INCOMPLETE


def test_what_only_the_way_of_looking_hides_leaves_the_run_complete() -> None:
    limited = replace(_finding(Outcome.UNKNOWN), limited=True)
    assert conclude(_result(limited), "low").code is Exit.COMPLIANT
    assert conclude(_result(limited, _finding(Outcome.UNKNOWN)), "low").code is Exit.INCOMPLETE


def test_incomplete_wins_over_findings_and_both_are_named() -> None:
    concluded = conclude(_result(_finding(), machines=(_machine(reached=False),)), "low")
    assert concluded.code is Exit.INCOMPLETE
    assert concluded.reasons == ("machines_not_audited", "findings")


def test_trouble_of_our_own_wins_over_what_was_found_and_an_interruption_over_all() -> None:
    assert conclude(_result(_finding(), history_problem="disk full"), "low").code is Exit.USAGE
    concluded = conclude(_result(_finding(), history_problem="disk full", interrupted=True), "low")
    assert concluded.code is Exit.INTERRUPTED
    assert concluded.reasons == ("interrupted", "history_not_written", "findings")


def test_a_lost_report_names_its_run_in_the_history_unless_the_history_is_lost_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _tell_problems(_result(), (), ("r.xlsx: the disk is full.",))
    assert "kept as number 1 of the history" in capsys.readouterr().err
    _tell_problems(_result(history_problem="disk full"), (), ("r.xlsx: the disk is full.",))
    told = capsys.readouterr().err
    assert "history not written" in told
    assert "kept" not in told
