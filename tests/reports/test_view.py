"""States and counts: nothing unknown ever counts as fine, and every tile equals its sheet."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from collectors.feeds.records import Severity
from collectors.model import FactKind, Gap, GapReason
from reports.actions import actions
from reports.view import MachineState, Tally, View, late_days
from rules.messages import Message
from rules.model import Outcome, PriorityLevel
from tests.lab import assessments as lab


def state_of(*findings, **kwargs):
    return View(lab.assessment((lab.machine("m", **kwargs),), findings)).machines[0]


def test_a_machine_is_up_to_date_only_when_the_patch_rule_passed():
    machine = state_of(*lab.healthy("m"))
    assert (machine.state, machine.verdict) == (MachineState.UP_TO_DATE, True)


def test_a_machine_without_any_answer_is_unknown_and_never_up_to_date():
    machine = state_of()
    assert (machine.state, machine.verdict) == (MachineState.UNKNOWN, False)


def test_G2_a_pass_beside_an_unknown_is_no_verdict():
    machine = state_of(*lab.healthy("m"), lab.not_seen("m"))
    assert (machine.state, machine.verdict) == (MachineState.UNKNOWN, False)


def test_a_missing_patch_stays_missing_where_more_may_be_hidden():
    machine = state_of(lab.missing("m", "sudo"), replace(lab.not_seen("m"), key="incomplete"))
    assert (machine.state, machine.verdict, machine.missing) == (MachineState.MISSING, False, 1)


def test_G1_a_machine_that_was_not_reached_is_not_audited():
    view = View(lab.assessment((lab.absent("m"),), lab.not_audited("m")))
    assert view.machines[0].state is MachineState.NOT_AUDITED
    assert (view.known, view.reached, view.judged, view.updated) == (1, 0, 0, 0)


def test_an_unsupported_system_is_never_up_to_date():
    machine = state_of(*(f for f in lab.healthy("m") if f.rule != "system.end_of_support"), lab.ended("m"))
    assert machine.state is MachineState.OUT_OF_SUPPORT


def test_a_system_ending_soon_is_told_apart_from_one_that_ended():
    healthy = [f for f in lab.healthy("m") if f.rule != "system.end_of_support"]
    view = View(lab.assessment((lab.machine("m"),), (*healthy, lab.ending("m"))))
    assert (len(view.ending_soon), len(view.out_of_support)) == (1, 0)
    assert view.machines[0].state is MachineState.UP_TO_DATE


def test_a_pending_reboot_shows_on_an_otherwise_healthy_machine():
    machine = state_of(*(f for f in lab.healthy("m") if f.rule != "host.reboot_pending"), lab.rebooting("m"))
    assert (machine.state, machine.reboot) == (MachineState.REBOOT, Outcome.FAIL)


def test_a_reboot_that_could_not_be_checked_leaves_the_machine_unknown():
    machine = state_of(*(f for f in lab.healthy("m") if f.rule != "host.reboot_pending"))
    assert machine.state is MachineState.UNKNOWN


def test_unknown_machines_enter_no_rate():
    view = View(lab.ordinary())
    assert (view.known, view.reached, view.judged, view.decided, view.updated) == (10, 8, 7, 7, 2)
    assert [machine.name for machine in view.without_verdict] == ["srv-sauvegarde"]


def test_counts_equal_the_rows_that_are_shown():
    view = View(lab.ordinary())
    assert len(view.missing) == sum(machine.missing for machine in view.machines) == 6
    assert view.urgent == Tally(findings=4, machines=3)  # G4: the undisclosed one too
    assert view.urgent.findings == sum(machine.urgent for machine in view.machines)
    assert view.overdue == Tally(findings=3, machines=3)
    assert view.exploited == Tally(findings=2, machines=2)


def test_machines_nobody_saw_come_first():
    names = [machine.name for machine in View(lab.ordinary()).machines]
    assert names[:3] == ["nas-archives", "srv-paie", "srv-sauvegarde"]


@pytest.mark.parametrize(
    ("due_on", "days"), [(date(2026, 8, 4), 1), (date(2026, 8, 5), 0), (date(2026, 8, 6), 0), (None, 0)]
)
def test_a_patch_is_late_from_the_day_after_its_due_day(due_on, days):
    assert late_days(lab.missing("m", "sudo", due_on=due_on), lab.TODAY) == days


def test_exploitation_is_unknown_when_its_list_was_not_seen():
    from reports.view import exploited

    blind = (Message(text="rules.priority.kev_unseen"),)
    assert exploited(lab.missing("m", "sudo")) is False
    assert exploited(lab.missing("m", "sudo", reasons=blind)) is None
    assert exploited(lab.missing("m", "sudo", kev=1, reasons=blind)) is True


def test_missing_patches_are_sorted_by_urgency_then_name():
    rows = View(lab.ordinary()).missing
    assert [(row.subject, row.key) for row in rows][:3] == [
        ("srv-compta", "openssl"),
        ("srv-web", "openssl"),
        ("srv-web", "nginx"),
    ]


def test_an_assessment_without_machines_counts_nothing():
    view = View(lab.nothing_known())
    assert (view.known, view.judged, view.missing, view.urgent) == (0, 0, (), Tally())


# ---------------------------------------------------------------------------------------------------- the action plan


def plan(assessment):
    return actions(View(assessment))


def test_similar_findings_are_one_action():
    found = plan(lab.crowded())
    assert [(action.kind, action.level) for action in found] == [
        ("install", PriorityLevel.NOW),
        ("install", PriorityLevel.PLAN),
        ("install", PriorityLevel.WATCH),
    ]
    assert all(len(action.machines) == 10 for action in found)
    assert sum(len(action.findings) for action in found) == 200


def test_every_finding_that_needs_something_done_is_in_exactly_one_action():
    assessment = lab.ordinary()
    told = [finding for action in plan(assessment) for finding in action.findings]
    assert len(told) == len(set(map(id, told)))
    fails = [finding for finding in assessment.findings if finding.outcome is Outcome.FAIL]
    assert {id(finding) for finding in fails} <= {id(finding) for finding in told}
    blind = {finding.subject for finding in assessment.findings if finding.outcome is Outcome.UNKNOWN}
    assert blind <= {machine for action in plan(assessment) for machine in action.machines}


def test_a_machine_that_was_not_audited_is_one_thing_to_do_whatever_the_rules_say_of_it():
    audit = [action for action in plan(lab.blind()) if action.kind == "audit"]
    assert [action.machines for action in audit] == [("srv-a", "srv-b", "srv-c")]
    assert len(plan(lab.blind())) == 1


def test_the_late_patches_of_a_machine_are_told_once():
    late = lab.answered("m", "patch.overdue", Outcome.FAIL, "fail")
    assessment = lab.assessment((lab.machine("m"),), (lab.missing("m", "sudo"), late))
    assert [action.kind for action in plan(assessment)] == ["install"]
    alone = lab.assessment((lab.machine("m"),), (late,))
    assert [action.rule for action in plan(alone)] == ["patch.overdue"]


def test_a_late_patch_is_to_be_installed_now_however_mild():
    """The rule about deadlines says so; told with its patch, its urgency must not get lost."""
    mild = lab.missing("m", "sudo", severity=Severity.LOW, level=PriorityLevel.WATCH)
    (action,) = plan(lab.assessment((lab.machine("m"),), (mild,)))
    assert (action.level, action.overdue) == (PriorityLevel.NOW, 1)
    in_time = lab.missing("m", "sudo", level=PriorityLevel.WATCH, due_on=date(2026, 8, 5))
    (action,) = plan(lab.assessment((lab.machine("m"),), (in_time,)))
    assert (action.level, action.overdue) == (PriorityLevel.WATCH, 0)


def test_a_machine_the_run_never_came_to_is_no_mere_thing_to_watch():
    found = lab.not_audited("m", "interrupted")
    calm = replace(found[0], priority=replace(found[0].priority, level=PriorityLevel.WATCH))
    (action,) = plan(lab.assessment((lab.absent("m"),), (calm, *found[1:])))
    assert (action.kind, action.level) == ("audit", PriorityLevel.PLAN)


def test_a_rule_nobody_has_heard_of_still_has_its_action():
    unheard = lab.answered("m", "firewall.absent", Outcome.FAIL, "fail", severity=Severity.LOW)
    (action,) = plan(lab.assessment((lab.machine("m"),), (unheard,)))
    assert (action.rule, action.kind, action.ref) == ("firewall.absent", "", unheard.ref)


def test_the_reference_of_a_group_does_not_depend_on_the_day():
    before = {action.ref for action in plan(lab.ordinary())}
    later = replace(lab.ordinary(), as_of=lab.AS_OF + timedelta(hours=20))
    assert before == {action.ref for action in plan(later)}


def test_a_partial_view_of_a_machine_is_shown_where_it_is_counted():
    gap = Gap(kind=FactKind.SUBSCRIPTION, collector="pro", reason=GapReason.MISSING, detail="no pro")
    view = View(lab.assessment((lab.machine("m", gaps=(gap,)),), lab.healthy("m")))
    assert [machine.partial for machine in view.with_gaps] == [(FactKind.SUBSCRIPTION,)]
