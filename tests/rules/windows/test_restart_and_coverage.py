"""host.reboot_pending and host.coverage on Windows machines."""

from dataclasses import replace
from datetime import timedelta

import pytest

from collectors.model import FactKind, Gap, GapReason, LastUpdate, RebootState
from collectors.windows.facts import UserProfile
from rules.model import Confidence, Outcome, PatchState, PriorityLevel
from tests.lab.snapshots import gap
from tests.lab.windows_snapshots import SEEN_AT, cbs, sign, windows_host
from tests.rules.checks.estate import judge, only, spoken
from tests.rules.windows.msrc_rows import flaw, known, lcu

RESTART, COVERAGE = "host.reboot_pending", "host.coverage"
ABOUT = known(flaw("CVE-2026-0006", lcu("26100.8655", "KB5094126")))


def ask(rule, host):
    return tuple(finding for finding in judge(host, ABOUT, as_of=SEEN_AT).findings if finding.rule == rule)


def restart(*signals, **changes):
    return only(ask(RESTART, windows_host(signals=signals, **changes)))


def test_two_quiet_signs_are_a_confirmed_pass() -> None:
    found = restart(sign("component-servicing", False), sign("windows-update", False))
    assert (found.outcome, found.confidence) == (Outcome.PASS, Confidence.CONFIRMED)
    assert "26100.8655" in spoken(found)


def test_one_quiet_sign_alone_is_a_tentative_pass() -> None:
    found = restart(sign("component-servicing", False), sign("windows-update", None))
    assert (found.outcome, found.confidence) == (Outcome.PASS, Confidence.TENTATIVE)


@pytest.mark.parametrize("name", ["component-servicing", "windows-update", "staged-update", "configuration-manager"])
def test_W4_each_sign_of_an_update_asks_for_a_restart(name) -> None:
    found = restart(sign(name), sign("file-rename", False))
    assert (found.outcome, found.state, found.confidence) == (
        Outcome.FAIL,
        PatchState.REBOOT_PENDING,
        Confidence.FIRM,
    )
    assert found.remedy.params["command"] == "shutdown /r /t 0"


@pytest.mark.parametrize("name", ["file-rename", "computer-rename"])
def test_weak_signs_alone_are_told_and_never_a_fail(name) -> None:
    found = restart(sign(name), sign("component-servicing", False), sign("windows-update", False))
    assert (found.outcome, found.message.params["signals"]) == (Outcome.PASS, name)
    assert any("rename" in line.what.text for line in found.evidence)


def test_a_quiet_sign_of_windows_does_not_contradict_another() -> None:
    found = restart(sign("windows-update"), sign("component-servicing", False))
    assert (found.outcome, found.confidence, found.message.params["against"]) == (
        Outcome.FAIL,
        Confidence.FIRM,
        "component-servicing",
    )


def test_two_signs_confirm_each_other() -> None:
    assert restart(sign("windows-update"), sign("component-servicing")).confidence is Confidence.CONFIRMED


def test_W4_flaws_that_wait_with_the_update_are_counted() -> None:
    found = restart(
        sign("component-servicing"),
        build="26100.8457",
        updates=[cbs("26100.8655", state="install_pending")],
    )
    assert spoken(found) == (
        "Restart required: Windows 11 24H2 is updated (KB5094126) but still runs build 26100.8457;"
        " 1 flaw stays open until then."
    )
    assert found.due_on is not None


def test_W4_a_package_that_was_rolled_back_asks_for_no_restart_for_ever() -> None:
    signals = [sign("component-servicing", False), sign("windows-update", False), sign("staged-update")]
    found = restart(*signals, build="26100.8457", updates=[cbs("26100.8655", state="staged")])
    assert found.outcome is Outcome.PASS
    ready = restart(*signals, build="26100.8457", updates=[cbs("26100.8655", state="install_pending")])
    assert ready.outcome is Outcome.FAIL


@pytest.mark.parametrize(("days", "late"), [(7, False), (8, True)])
def test_a_restart_is_late_after_the_grace_of_the_contract(days, late) -> None:
    host = windows_host(signals=[sign("windows-update")])
    host = replace(host, last_update=LastUpdate(at=SEEN_AT - timedelta(days=days), source="history"))
    found = only(ask(RESTART, host))
    assert (found.priority.level is PriorityLevel.NOW) is late


def test_no_sign_that_could_be_read_is_unknown() -> None:
    found = restart(sign("component-servicing", None), sign("windows-update", None), sign("file-rename", False))
    assert (found.outcome, found.message.text) == (Outcome.UNKNOWN, "rules.host.reboot_pending.signs_unseen")


@pytest.mark.parametrize("changes", [{"gaps": (gap(FactKind.REBOOT),)}, {}])
def test_G2_signs_that_were_not_collected_are_unknown(changes) -> None:
    host = replace(windows_host(**changes), reboot=None)
    assert only(ask(RESTART, host)).outcome is Outcome.UNKNOWN


def test_a_gap_beside_quiet_signs_makes_the_pass_unknown() -> None:
    host = replace(
        windows_host(gaps=(gap(FactKind.REBOOT),)), reboot=RebootState(signals=(sign("windows-update", False),))
    )
    assert only(ask(RESTART, host)).outcome is Outcome.UNKNOWN


# --- coverage ---------------------------------------------------------------------------------------------------------


def test_everything_seen_is_a_pass() -> None:
    assert only(ask(COVERAGE, windows_host())).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (FactKind.OPERATING_SYSTEM, PriorityLevel.PLAN),
        (FactKind.AVAILABLE_UPDATES, PriorityLevel.WATCH),
        (FactKind.ACTIVATION, PriorityLevel.WATCH),
    ],
)
def test_G2_the_system_is_essential_and_the_rest_is_not(kind, level) -> None:
    found = only(ask(COVERAGE, windows_host(gaps=(gap(kind),))))
    assert (found.outcome, found.key, found.priority.level) == (Outcome.UNKNOWN, "partial", level)


_SIGNED_OUT = Gap(
    kind=FactKind.USER_APPLICATIONS,
    collector="applications",
    reason=GapReason.MISSING,
    detail="1 of 2 profiles were not signed in, so their own programs are not seen: paul",
)


def test_W26_people_who_are_not_signed_in_are_a_limit_and_nothing_to_repair() -> None:
    profiles = (
        UserProfile(sid="S-1-5-21-1", name="marie", hive_loaded=True),
        UserProfile(sid="S-1-5-21-2", name="paul", hive_loaded=False),
    )
    found = only(ask(COVERAGE, windows_host(gaps=(_SIGNED_OUT,), profiles=profiles)))
    assert (found.outcome, found.limited, found.priority.level) == (Outcome.UNKNOWN, True, PriorityLevel.WATCH)
    assert spoken(found) == (
        "1 person was not signed in: what they installed for themselves alone was not seen. All the rest was read."
    )
    assert "paul" in found.evidence[0].seen


def test_W26_a_hive_that_an_ordinary_account_may_not_read_is_a_gap_like_any_other() -> None:
    barred = replace(_SIGNED_OUT, reason=GapReason.DENIED)
    assert not only(ask(COVERAGE, windows_host(gaps=(barred,)))).limited
    both = only(ask(COVERAGE, windows_host(gaps=(_SIGNED_OUT, gap(FactKind.OFFICE)))))
    assert (both.limited, both.message.params["count"]) == (False, 2)


def test_a_build_without_revision_is_told_here_even_where_no_collector_said_so() -> None:
    host = windows_host()
    host = replace(host, operating_system=replace(host.operating_system, version_id="10.0.26100"))
    found = only(ask(COVERAGE, host))
    assert (found.outcome, found.message.params["areas"]) == (Outcome.UNKNOWN, "operating_system")
    assert "UBR" in found.gaps[0].detail
