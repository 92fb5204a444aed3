"""host.reboot_pending: at least two signs, disagreement explained, never inferred from a missing file."""

from datetime import timedelta

import pytest

from collectors.model import FactKind, KernelState, LastUpdate, RebootSignal, RebootState
from rules.model import Confidence, Outcome, PatchState, PriorityLevel
from tests.lab.snapshots import NOW, alpine_host, debian_host, gap, unreached
from tests.rules.checks.estate import ask, days, only, verdict

RULE = "host.reboot_pending"


def _signs(**answers):
    signals = tuple(RebootSignal(name=name.replace("_", "-"), required=answer) for name, answer in answers.items())
    return RebootState(signals=signals)


def _host(state, **changes):
    return debian_host(packages={"bash": "5"}, reboot=state, **changes)


def _ask(state, *, verdicts=(), **changes):
    return only(ask(RULE, _host(state, **changes), verdicts=verdicts))


KERNEL_WAITS = verdict(
    "linux",
    PatchState.REBOOT_PENDING,
    kernel=True,
    installed_version="6.1.158-1",
    fixed_version="6.1.170-1",
)


def test_two_signs_that_say_no_pass_confirmed():
    found = _ask(_signs(newer_kernel=False, needs_restarting=False))
    assert (found.outcome, found.confidence) == (Outcome.PASS, Confidence.CONFIRMED)


def test_L23_the_kernel_comparison_alone_passes_but_says_that_it_stands_alone():
    found = _ask(_signs(newer_kernel=False, reboot_required_file=None))
    assert (found.outcome, found.confidence) == (Outcome.PASS, Confidence.TENTATIVE)
    assert found.message.text.endswith("pass_single")


def test_L23_an_absent_reboot_required_file_alone_proves_nothing():
    found = _ask(_signs(reboot_required_file=False))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.host.reboot_pending.kernel_unseen")
    assert _ask(_signs(reboot_required_file=False, newer_kernel=None)).outcome is Outcome.UNKNOWN


def test_two_signs_that_say_yes_are_confirmed():
    found = _ask(_signs(newer_kernel=True, reboot_required_file=True))
    assert (found.outcome, found.confidence) == (Outcome.FAIL, Confidence.CONFIRMED)
    assert found.state is PatchState.REBOOT_PENDING


def test_L23_signs_that_contradict_each_other_are_told_one_by_one():
    found = _ask(_signs(newer_kernel=True, reboot_required_file=False))
    assert (found.outcome, found.confidence) == (Outcome.FAIL, Confidence.TENTATIVE)
    assert found.message.params["signals"] == "newer-kernel"
    assert found.message.params["against"] == "reboot-required-file"
    assert [line.what.text for line in found.evidence] == [
        "rules.reboot.newer_kernel.yes",
        "rules.reboot.reboot_required_file.no",
    ]


def test_L5_a_fixed_kernel_on_disk_counts_as_a_sign_of_its_own():
    found = _ask(_signs(newer_kernel=True), verdicts=[KERNEL_WAITS])
    assert (found.message.text, found.confidence) == ("rules.host.reboot_pending.fail_kernel", Confidence.CONFIRMED)
    assert found.message.params["fixed_version"] == "6.1.170-1"
    assert found.remedy is not None
    assert found.remedy.params["command"] == "systemctl reboot"


def test_L14_a_live_patch_lowers_the_urgency_and_keeps_the_line():
    mitigated = verdict("linux", PatchState.MITIGATED, kernel=True)
    found = _ask(_signs(newer_kernel=True), verdicts=[mitigated], kernels=KernelState(livepatch="kpatch"))
    assert (found.outcome, found.priority.level) == (Outcome.FAIL, PriorityLevel.WATCH)


@pytest.mark.parametrize(("age", "level"), [(7, PriorityLevel.PLAN), (8, PriorityLevel.NOW)])
def test_the_grace_of_seven_days_ends_after_its_last_day(age, level):
    found = _ask(_signs(newer_kernel=True), last_update=LastUpdate(at=NOW - timedelta(days=age), source="dpkg.log"))
    assert (found.due_on, found.priority.level) == (days(7 - age), level)


def test_the_fixs_own_deadline_counts_when_it_is_earlier():
    found = _ask(_signs(newer_kernel=True), verdicts=[KERNEL_WAITS], last_update=LastUpdate(at=NOW, source="x"))
    assert found.due_on == days(7)
    found = _ask(_signs(newer_kernel=True), verdicts=[KERNEL_WAITS], last_update=None)
    assert found.due_on == days(11)


def test_without_any_date_nothing_is_late():
    found = _ask(_signs(newer_kernel=True), last_update=None)
    assert (found.due_on, found.priority.level) == (None, PriorityLevel.PLAN)


def test_L24_a_container_has_no_kernel_to_reboot():
    found = only(ask(RULE, debian_host(packages={"bash": "5"}, container=True, kernels=None, reboot=None)))
    assert found.outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("kind", [FactKind.REBOOT, FactKind.KERNELS])
def test_unread_signs_or_kernels_are_unknown(kind):
    host = debian_host(packages={"bash": "5"}, gaps=(gap(kind),))
    assert only(ask(RULE, host)).outcome is Outcome.UNKNOWN


def test_no_signs_at_all_are_unknown():
    assert _ask(None).outcome is Outcome.UNKNOWN
    assert _ask(RebootState(signals=())).outcome is Outcome.UNKNOWN


def test_a_sign_we_have_no_words_for_is_shown_under_its_own_name():
    found = _ask(_signs(newer_kernel=False, checkrestart=True))
    assert found.evidence[-1].what.params == {"sign": "checkrestart"}


def test_alpine_reboots_with_its_own_command():
    host = alpine_host(packages={"musl": "1-r0"}, reboot=_signs(newer_kernel=True))
    found = only(ask(RULE, host))
    assert found.remedy is not None
    assert found.remedy.params["command"] == "reboot"


def test_G1_an_unreached_machine_is_unknown():
    assert only(ask(RULE, unreached())).outcome is Outcome.UNKNOWN
