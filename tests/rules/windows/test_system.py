"""Windows itself: the running build against the fixed builds of its own branch (W1-W12, D6, D8, D10, M2, M4)."""

import logging
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from collectors.model import FactKind
from rules.matching import Matcher, needed
from rules.model import PatchState
from rules.verdicts import PatchVerdict
from rules.windows.doubts import WindowsDoubt
from tests.lab.snapshots import gap
from tests.lab.windows_snapshots import cbs, history, qfe, sign, windows_host
from tests.rules.windows.msrc_rows import CLIENT, JULY, JUNE, MAY, SERVER, build, flaw, known, lcu, without_build

THREE_MONTHS = (
    flaw("CVE-2026-0005", lcu("26100.8457", "KB5089549"), on=MAY),
    flaw("CVE-2026-0006", lcu("26100.8655", "KB5094126"), on=JUNE),
    flaw("CVE-2026-0007", lcu("26100.8875", "KB5101650"), on=JULY),
)


def verdicts(host, *made, **more) -> tuple[PatchVerdict, ...]:
    return Matcher(known(*made, **more)).match(host)


def one(host, *made, **more) -> PatchVerdict:
    found = verdicts(host, *made, **more)
    assert len(found) == 1, found
    return found[0]


def test_W1_a_newer_cumulative_update_holds_every_earlier_fix_whatever_the_hotfix_list_says() -> None:
    host = windows_host(build="26100.8875", updates=[qfe("KB5000001")])
    assert verdicts(host, *THREE_MONTHS) == ()


def test_one_line_per_machine_names_the_newest_update_and_every_open_flaw_oldest_first() -> None:
    found = one(windows_host(build="26100.8037"), *THREE_MONTHS)
    assert (found.package, found.state) == ("Windows 11 24H2", PatchState.MISSING)
    assert (found.installed_version, found.fixed_version) == ("26100.8037", "26100.8875")
    assert (found.remedy, found.remedy_on) == ("KB5101650", JULY)
    assert [advisory.id for advisory in found.advisories] == ["CVE-2026-0005", "CVE-2026-0006", "CVE-2026-0007"]
    assert [fix.remedy for fix in found.fixes] == ["KB5089549", "KB5094126", "KB5101650"]
    assert found.released_on == MAY


def test_the_boundary_build_itself_is_patched_and_the_one_before_it_is_not() -> None:
    assert verdicts(windows_host(build="26100.8655"), *THREE_MONTHS[:2]) == ()
    assert one(windows_host(build="26100.8654"), *THREE_MONTHS[:2]).cves == ("CVE-2026-0006",)


def test_W2_W3_D10_nothing_in_the_machines_own_records_overrules_the_build() -> None:
    claimed = [qfe("KB5094126"), history("KB5094126", on=date(2026, 6, 11)), cbs("26100.8655")]
    assert one(windows_host(build="26100.8457", updates=claimed), *THREE_MONTHS[:2]).state is PatchState.MISSING
    assert verdicts(windows_host(build="26100.8655", updates=[]), *THREE_MONTHS[:2]) == ()


def test_W4_a_staged_newer_build_is_installed_and_waits_for_the_restart() -> None:
    host = windows_host(
        build="26100.8457", updates=[cbs("26100.8655", state="staged")], signals=[sign("windows-update")]
    )
    found = one(host, *THREE_MONTHS[:2])
    assert (found.state, found.remedy, found.fixed_version) == (PatchState.REBOOT_PENDING, "KB5094126", "26100.8655")


def test_W4_what_the_staged_update_does_not_hold_stays_missing() -> None:
    host = windows_host(build="26100.8457", updates=[cbs("26100.8655", state="install_pending")])
    missing, pending = verdicts(host, *THREE_MONTHS)
    assert (missing.state, missing.cves) == (PatchState.MISSING, ("CVE-2026-0007",))
    assert (pending.state, pending.cves) == (PatchState.REBOOT_PENDING, ("CVE-2026-0006",))


@pytest.mark.parametrize("state", ["staged", "install_pending"])
def test_W4_an_update_laid_ready_before_the_last_start_was_rolled_back_and_is_missing(state) -> None:
    leftover = replace(cbs("26100.8655", state=state), installed_on=date(2026, 6, 10))
    started = datetime(2026, 6, 15, tzinfo=UTC)
    host = windows_host(build="26100.8457", updates=[leftover], signals=[sign("windows-update")], booted_at=started)
    assert one(host, *THREE_MONTHS[:2]).state is PatchState.MISSING
    ready = replace(leftover, installed_on=date(2026, 6, 16))
    host = replace(host, windows=replace(host.windows, installed_updates=(ready,)))
    assert one(host, *THREE_MONTHS[:2]).state is PatchState.REBOOT_PENDING


@pytest.mark.parametrize("asked", [False, None])
def test_W4_a_staged_package_that_nothing_asks_to_restart_for_waits_for_nothing(asked) -> None:
    signs = [sign("windows-update", required=asked), sign("staged-update")]
    host = windows_host(build="26100.8457", updates=[cbs("26100.8655", state="staged")], signals=signs)
    assert one(host, *THREE_MONTHS[:2]).state is PatchState.MISSING


def test_W4_an_update_that_is_staged_and_not_newer_than_what_runs_waits_for_nothing() -> None:
    host = windows_host(build="26100.8457", updates=[cbs("26100.8457", state="staged")])
    assert one(host, *THREE_MONTHS[:2]).state is PatchState.MISSING


@pytest.mark.parametrize(
    ("day", "restart", "state"),
    [
        (date(2026, 6, 18), True, PatchState.REBOOT_PENDING),
        (date(2026, 6, 18), False, PatchState.MISSING),
        (date(2026, 6, 1), True, PatchState.MISSING),  # before the last start: rolled back since
    ],
)
def test_W3_the_history_counts_as_a_pending_restart_only_since_the_last_start(day, restart, state) -> None:
    host = windows_host(
        build="26100.8457",
        updates=[history("KB5094126", on=day)],
        signals=[sign("windows-update", required=restart)],
        booted_at=datetime(2026, 6, 15, tzinfo=UTC),
    )
    assert one(host, *THREE_MONTHS[:2]).state is state


def test_W5_D6_server_2025_and_windows_11_24h2_share_a_build_and_no_fix() -> None:
    both = (
        flaw("CVE-2026-0001", lcu("26100.8655", "KB5094126"), lcu("26100.32995", "KB5094125", kind="server")),
        flaw("CVE-2026-0002", lcu("26100.32995", "KB5094125", kind="server")),
    )
    assert verdicts(windows_host(build="26100.8655"), *both) == ()
    server = one(windows_host(build="26100.32860", kind="server"), *both)
    assert (server.package, server.remedy, server.cves) == (
        "Windows Server 2025",
        "KB5094125",
        ("CVE-2026-0001", "CVE-2026-0002"),
    )
    assert tuple(needed(windows_host(build="26100.32860", kind="server"))) == (SERVER,)


def test_W6_D8_a_hotpatched_machine_is_patched_by_the_lower_of_the_two_builds() -> None:
    march = (
        flaw(
            "CVE-2026-0003",
            lcu("26100.8037", "KB5079473"),
            lcu("26100.7979", "KB5079420", remedy_kind="Hotpatch"),
            on=date(2026, 3, 10),
        ),
    )
    assert verdicts(windows_host(build="26100.7979"), *march) == ()
    behind = one(windows_host(build="26100.7922"), *march)  # the preview before
    assert (behind.remedy, behind.fixed_version) == ("KB5079473", "26100.8037")


def test_W6_the_build_table_corrects_a_slip_in_a_hotpatch_row() -> None:
    rows = lcu("26100.8037", "KB5079473"), lcu("26100.8037", "KB5079420", remedy_kind="Security Hotpatch Update")
    table = (build("26100.7979", "KB5079420", date(2026, 3, 10), hotpatch=True),)
    slip = flaw("CVE-2026-0003", *rows, on=date(2026, 3, 10))
    assert verdicts(windows_host(build="26100.7979"), slip, builds=table) == ()


def test_W7_a_preview_that_is_absent_is_not_missing_and_an_out_of_band_security_release_is() -> None:
    previews = (build("26100.8737", "KB5095000", date(2026, 6, 23), preview=True),)
    assert verdicts(windows_host(build="26100.8655"), *THREE_MONTHS[:2], builds=previews) == ()
    out_of_band = flaw("CVE-2025-59287", lcu("26100.6905", "KB5070893", kind="server"), on=date(2025, 10, 14))
    found = one(windows_host(build="26100.6899", kind="server"), out_of_band)
    assert found.remedy == "KB5070893"
    assert verdicts(windows_host(build="26100.6905", kind="server"), out_of_band) == ()


def test_W8_a_servicing_stack_is_never_listed() -> None:
    stack = flaw("ADV990001", without_build("KB5094300", remedy_kind="Servicing Stack Update"))
    assert verdicts(windows_host(), *THREE_MONTHS[:2], stack) == ()


def test_a_build_above_everything_listed_is_patched() -> None:
    assert verdicts(windows_host(build="26100.9999"), *THREE_MONTHS) == ()


def test_another_architecture_is_asked_about_its_own_rows() -> None:
    arm = flaw("CVE-2026-0006", lcu("26100.8655", "KB5094126", architecture="arm64"))
    other = one(windows_host(build="26100.8457"), arm)  # rows of another architecture are no silence to pass on
    assert (other.state, other.reason) == (PatchState.UNKNOWN, WindowsDoubt.NOT_COVERED)
    assert one(windows_host(build="26100.8457", architecture="arm64"), arm).cves == ("CVE-2026-0006",)


@pytest.mark.parametrize("version", ["10.0.29999.1", "10.0.26100", ""])
def test_W12_a_build_nobody_knows_has_no_verdict(version) -> None:
    host = windows_host()
    host = replace(host, operating_system=replace(host.operating_system, version_id=version))
    assert verdicts(host, *THREE_MONTHS) == ()
    assert needed(host) == {}


def test_W32_an_edition_that_is_not_supported_is_never_matched_to_its_relative() -> None:
    host = windows_host(build="17763.100", kind="server")
    host = replace(host, operating_system=replace(host.operating_system, variant_id=""))
    assert verdicts(host, flaw("CVE-2026-1", lcu("17763.8880", "KB5094123", kind="server"))) == ()


# --- rows without a usable build (M2) ---------------------------------------------------------------------------------


def test_M2_the_build_of_the_same_update_in_another_row_decides() -> None:
    odd = flaw("CVE-2026-0100", without_build("KB5094126"))
    assert verdicts(windows_host(build="26100.8655"), THREE_MONTHS[1], odd) == ()
    assert one(windows_host(build="26100.8457"), THREE_MONTHS[1], odd).cves == ("CVE-2026-0006", "CVE-2026-0100")


def test_M2_the_build_table_knows_the_build_of_an_update() -> None:
    odd = flaw("CVE-2025-0100", without_build("KB5072033"), on=date(2025, 12, 9))
    table = (build("26100.7462", "KB5072033", date(2025, 12, 9)), build("26200.7462", "KB5072033", date(2025, 12, 9)))
    assert verdicts(windows_host(build="26100.7462"), odd, builds=table) == ()
    assert one(windows_host(build="26100.7309"), odd, builds=table).remedy == "KB5072033"


def test_M2_a_trace_of_the_update_or_a_build_as_new_closes_what_no_number_decides() -> None:
    odd = flaw("CVE-2026-0100", without_build("KB4000001"), on=JUNE)
    table = (build("26100.8655", "KB5094126", JUNE), build("26100.8457", "KB5089549", MAY))
    traced = windows_host(build="26100.8457", updates=[cbs(kb="KB4000001")])
    assert verdicts(traced, THREE_MONTHS[0], odd, builds=table) == ()
    assert verdicts(windows_host(build="26100.8655"), THREE_MONTHS[0], odd, builds=table) == ()


def test_M2_what_nothing_decides_is_a_doubt_and_never_a_missing_patch(caplog) -> None:
    odd = flaw("CVE-2026-0100", without_build("KB4000001"), on=JUNE)
    with caplog.at_level(logging.INFO, "rules.windows.system"):
        found = one(windows_host(build="26100.8457"), THREE_MONTHS[0], odd)
    assert (found.state, found.reason, found.remedy) == (PatchState.UNKNOWN, WindowsDoubt.BUILD, "KB4000001")
    assert "1 advisories name no build" in caplog.text


def test_M2_a_fixed_build_of_another_branch_decides_nothing_here() -> None:
    wrong = flaw("CVE-2026-0100", lcu("26100.8655", "KB5094126"), on=JUNE)
    wrong = (wrong[0], tuple(replace(one, fixed_version="10.0.26200.8655") for one in wrong[1]))
    found = one(windows_host(build="26100.8457"), THREE_MONTHS[0], wrong)
    assert found.state is PatchState.UNKNOWN


def test_M4_on_2012_r2_the_security_only_update_closes_what_the_rollup_would() -> None:
    rollup = lcu("9600.23228", "KB5094041", kind="server", remedy_kind="Monthly Rollup")
    only = lcu("9600.23227", "KB5094040", kind="server", remedy_kind="Security Only")
    both = flaw("CVE-2026-0006", rollup, only)
    bare = windows_host(build="9600.23000", kind="server")
    assert one(bare, both).remedy == "KB5094041"
    assert verdicts(windows_host(build="9600.23000", kind="server", updates=[cbs(kb="KB5094040")]), both) == ()
    assert one(windows_host(build="9600.23227", kind="server"), both).remedy == "KB5094041"


def test_M4_which_track_a_machine_follows_is_a_doubt_where_its_updates_could_not_be_read() -> None:
    rollup = lcu("9600.23228", "KB5094041", kind="server", remedy_kind="Monthly Rollup")
    only = lcu("9600.23227", "KB5094040", kind="server", remedy_kind="Security Only")
    blind = windows_host(build="9600.23000", kind="server", gaps=(gap(FactKind.INSTALLED_UPDATES),))
    found = one(blind, flaw("CVE-2026-0006", rollup, only))
    assert (found.state, found.reason) == (PatchState.UNKNOWN, WindowsDoubt.TRACES)
    assert one(blind, flaw("CVE-2026-0006", rollup)).state is PatchState.MISSING  # one way only: the build decides


# --- shared work ------------------------------------------------------------------------------------------------------


def test_equal_machines_share_their_verdict_objects() -> None:
    matcher = Matcher(known(*THREE_MONTHS))
    first, second = (matcher.match(windows_host(name, build="26100.8037")) for name in ("pc01", "pc02"))
    assert first[0] is second[0]


def test_what_is_needed_of_the_feeds_is_the_machines_own_branch() -> None:
    assert needed(windows_host()) == {CLIENT: {"windows/x64"}}
