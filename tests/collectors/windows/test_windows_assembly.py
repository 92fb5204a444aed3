"""From the blocks of one Windows machine to its snapshot: what is told, what is not, and what follows."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.assembly import Cut
from collectors.model import CollectorOutcome, FactKind, GapReason, HostSnapshot, Protocol, RebootSignal, Target
from collectors.releases import release_of
from collectors.script import read_sections
from collectors.windows.assembly import KINDS, assemble_windows, read_answer
from collectors.windows.blocks import discover
from collectors.windows.facts import ProductType
from tests.collectors.frames import NONCE, end
from tests.collectors.windows.cases import load, names
from tests.collectors.windows.frames import (
    ADMINISTRATOR,
    CLIENT,
    FRENCH_SERVER,
    PLAIN_LAPTOP,
    PLAIN_USER,
    answer,
    hello,
    packed,
)

TAKEN_AT = datetime(2026, 11, 10, 8, 0, tzinfo=UTC)
TARGET = Target(name="pc", protocol=Protocol.WINRM, address="pc.lab.example")
CUT = Cut(reason=GapReason.TRUNCATED, detail="did not come home")


def snapshot(stdout: bytes, *, taken_at: datetime = TAKEN_AT) -> HostSnapshot:
    delivery = read_sections(stdout, nonce=NONCE)
    return assemble_windows(TARGET, delivery, discover(), taken_at=taken_at, window_s=120, cut=CUT)


def changed(
    cases: Mapping[str, str], block: str, change: Mapping[str, Any], words: str = ADMINISTRATOR
) -> HostSnapshot:
    """A visit whose `block` answers with some values replaced."""
    frames = []
    for name, oddity in cases.items():
        envelope = json.loads(load(name, oddity).text)
        if name == block:
            for path, value in change.items():
                place = envelope["v"]
                *way, last = path.split("/")
                for step in way:
                    place = place[step]
                place[last] = value
        frames.append(packed(name, json.dumps(envelope)))
    return snapshot(b"".join([hello(words), *frames, end()]))


def signal(seen: HostSnapshot, name: str) -> RebootSignal:
    assert seen.reboot is not None
    return next(one for one in seen.reboot.signals if one.name == name)


def hidden(seen: HostSnapshot) -> set[FactKind]:
    return {gap.kind for gap in seen.gaps}


class TestAWholeAnswer:
    def test_a_french_server_core_is_told_whole(self) -> None:
        seen = snapshot(answer(FRENCH_SERVER))
        assert seen.operating_system is not None
        assert seen.windows is not None
        assert seen.operating_system.pretty_name == "Windows Server 2022 Standard (Server Core)"
        assert seen.operating_system.version_id == "10.0.20348.4294"
        assert release_of(seen.operating_system) == "windows:20348-server"
        system = seen.windows.system
        assert (system.product_type, system.culture) == (ProductType.DOMAIN_CONTROLLER, "fr-FR")
        assert (system.powershell_version, system.language_mode) == ("5.1.26100.7019", "FullLanguage")
        assert system.elevated
        assert seen.privileged
        assert [search.server for search in seen.windows.search] == ["default", "microsoft"]
        assert seen.windows.policy is not None
        assert seen.windows.policy.uses_wsus

    def test_W5_server_2025_and_24h2_share_a_build_and_not_a_release(self) -> None:
        client = snapshot(answer(CLIENT))
        server = changed(
            FRENCH_SERVER, "system", {"current_version/CurrentBuildNumber": "26100", "current_version/UBR": 32230}
        )
        assert client.operating_system is not None
        assert server.operating_system is not None
        assert release_of(client.operating_system) == "windows:26100-client"
        assert release_of(server.operating_system) == "windows:26100-server"
        assert server.operating_system.pretty_name == "Windows Server 2025 Standard (Server Core)"

    def test_W1_the_newest_package_of_windows_10_and_later_does_not_raise_the_running_build(self) -> None:
        seen = changed(CLIENT, "system", {"current_version/UBR": 7019})
        assert seen.windows is not None
        assert seen.windows.system.full_build == "26100.7019"

    def test_before_windows_10_the_newest_installed_roll_up_tells_the_revision(self) -> None:
        cases = {
            **FRENCH_SERVER,
            "system": "server_2012_r2_revision_in_the_build_string",
            "updates": "server_2012_r2_with_hundreds_of_parts",
        }
        seen = changed(cases, "system", {"current_version/BuildLabEx": "9600.19994.amd64fre.winblue_ltsb"})
        assert seen.operating_system is not None
        assert seen.operating_system.version_id == "6.3.9600.22824"  # 9600.22175 waits to be removed

    @pytest.mark.parametrize(
        "oddity", ["nano_server", "hyper_v_server_2019", "azure_stack_hci", "unknown_future_build", "no_product_type"]
    )
    def test_W12_W32_what_is_no_known_release_has_none(self, oddity: str) -> None:
        seen = snapshot(answer({**CLIENT, "system": oddity}))
        assert seen.operating_system is not None
        assert release_of(seen.operating_system) is None

    def test_dates_of_the_agent_are_added_to_the_policy(self) -> None:
        seen = snapshot(answer(CLIENT))
        assert seen.windows is not None
        assert seen.windows.policy is not None
        assert seen.windows.policy.last_success_at == datetime(2026, 11, 10, 7, 55, 2, tzinfo=UTC)

    def test_the_agents_dates_alone_are_no_policy(self) -> None:
        cases = {name: oddity for name, oddity in CLIENT.items() if name != "update_policy"}
        seen = snapshot(answer(cases))
        assert seen.windows is not None
        assert seen.windows.policy is None
        assert FactKind.UPDATE_POLICY in hidden(seen)

    @pytest.mark.parametrize(("ahead_s", "skew_s"), [(-3600, -3592), (0, 0), (119, 7), (3600, 3488)])
    def test_clock_skew_is_what_lies_outside_the_visit(self, ahead_s: int, skew_s: int) -> None:
        clock = (TAKEN_AT + timedelta(seconds=ahead_s + 8)).isoformat()
        seen = changed(CLIENT, "system", {"clock": clock})
        assert seen.operating_system is not None
        assert seen.operating_system.clock_skew_s == skew_s


class TestRebootSigns:
    def test_W4_a_newer_cumulative_update_that_waits_is_a_sign(self) -> None:
        found = signal(snapshot(answer(CLIENT)), "staged-update")
        assert found.required
        assert found.detail == "running 26100.7171, 26100.8655 is install pending"

    def test_once_it_runs_the_sign_is_gone(self) -> None:
        seen = changed(CLIENT, "system", {"current_version/UBR": 8655})
        assert signal(seen, "staged-update").required is False

    def test_W6_a_hotpatched_machine_waits_for_nothing(self) -> None:
        cases = {**CLIENT, "updates": "hotpatched"}
        seen = changed(cases, "system", {"current_version/UBR": 8517})
        assert signal(seen, "staged-update").required is False

    def test_a_package_of_another_build_is_no_sign(self) -> None:
        """An enablement package moved the machine to 26200; what 26100 had staged is history."""
        seen = changed(CLIENT, "system", {"current_version/CurrentBuildNumber": "26200"})
        assert signal(seen, "staged-update").required is False

    def test_unread_packages_leave_the_sign_open(self) -> None:
        assert signal(snapshot(answer({**CLIENT, "updates": "denied"})), "staged-update").required is None

    def test_a_waiting_update_is_told_even_without_the_other_signs(self) -> None:
        cases = {name: oddity for name, oddity in CLIENT.items() if name != "reboot"}
        seen = snapshot(answer(cases))
        assert signal(seen, "staged-update").required
        assert FactKind.REBOOT in hidden(seen)


class TestLeastPrivilege:
    def test_without_administrator_the_verdict_by_build_is_complete(self) -> None:
        seen = snapshot(answer(PLAIN_LAPTOP, PLAIN_USER))
        assert seen.operating_system is not None
        assert release_of(seen.operating_system) == "windows:26100-client"
        assert seen.operating_system.boot_time is not None
        assert seen.operating_system.machine_id
        assert not seen.gaps_of(FactKind.OPERATING_SYSTEM)
        assert not seen.gaps_of(FactKind.REBOOT)
        assert not seen.gaps_of(FactKind.UPDATE_POLICY)
        assert not seen.privileged

    def test_what_was_refused_is_a_gap_that_names_the_right(self) -> None:
        seen = snapshot(answer(PLAIN_LAPTOP, PLAIN_USER))
        for kind in (FactKind.INSTALLED_UPDATES, FactKind.AVAILABLE_UPDATES):
            gaps = seen.gaps_of(kind)
            assert {gap.reason for gap in gaps} == {GapReason.DENIED}
            assert all("administrator" in gap.detail for gap in gaps)

    def test_an_administrator_is_not_told_to_become_one(self) -> None:
        seen = snapshot(answer({**CLIENT, "updates": "denied"}))
        assert "only an administrator" not in " ".join(gap.detail for gap in seen.gaps_of(FactKind.INSTALLED_UPDATES))


class TestReasons:
    @pytest.mark.parametrize(
        ("problem", "reason"),
        [
            ("SecurityException 0x8013150a: x", GapReason.DENIED),
            ("UnauthorizedAccessException 0x80070005: x", GapReason.DENIED),
            ("CimException/AccessDenied 0x80041003: x", GapReason.DENIED),
            ("Win32Exception/5 0x80004005: x", GapReason.DENIED),
            ("Win32Exception/1060 0x80004005: x", GapReason.FAILED),
            ("Win32Exception/50 0x80004005: x", GapReason.FAILED),
            ("CimException/InvalidClass 0x80041010: x", GapReason.MISSING),
            ("COMException 0x80040154: x", GapReason.MISSING),
            ("TimeoutException 0x80131505: x", GapReason.TIMED_OUT),
            ("CimException/Failed 0x80041069: x", GapReason.TIMED_OUT),
            ("COMException 0x80240438: 0x80070005 SecurityException", GapReason.FAILED),  # words of a message
        ],
    )
    def test_a_failure_is_sorted_by_type_and_code_never_by_its_words(self, problem: str, reason: GapReason) -> None:
        text = json.dumps({"s": "failed", "e": problem, "d": [["roles", problem, "a part"]], "v": None})
        block = next(block for block in discover() if block.name == "roles")
        assert {gap.reason for gap in read_answer(block, text, elevated=True).gaps} == {reason}


class TestWhatDidNotComeHome:
    def test_a_block_that_is_missing_is_a_gap_of_each_of_its_kinds(self) -> None:
        for block in discover():
            cases = {name: oddity for name, oddity in CLIENT.items() if name != block.name}
            seen = snapshot(answer(cases))
            status = next(one for one in seen.collectors if one.name == block.name)
            assert status.outcome is CollectorOutcome.FAILED
            assert {gap.kind for gap in seen.gaps if gap.collector == block.name} == set(block.kinds)

    def test_nothing_but_the_first_frame_hides_every_kind(self) -> None:
        seen = snapshot(hello())
        assert hidden(seen) == set(KINDS)
        assert seen.windows is None
        assert seen.operating_system is None
        assert {gap.reason for gap in seen.gaps} == {GapReason.TRUNCATED}

    def test_without_identity_nothing_is_told_as_if_it_were_known(self) -> None:
        cases = {**CLIENT, "system": "no_ubr_on_windows_10"}
        seen = snapshot(answer(cases))
        assert seen.windows is None
        assert set(KINDS) == hidden(seen)

    def test_a_garbled_block_costs_its_own_kinds_only(self) -> None:
        seen = snapshot(answer({**CLIENT, "update_policy": "no_policy_at_all", "update_search": "garbled"}))
        assert [gap.reason for gap in seen.gaps_of(FactKind.AVAILABLE_UPDATES)] == [GapReason.UNPARSABLE]
        assert not seen.gaps_of(FactKind.UPDATE_POLICY)

    def test_a_block_stopped_midway_keeps_what_it_had(self) -> None:
        seen = snapshot(answer({**CLIENT, "update_search": "hung_in_the_second_search"}))
        assert seen.windows is not None
        assert len(seen.windows.search) == 1
        assert [gap.reason for gap in seen.gaps_of(FactKind.AVAILABLE_UPDATES)] == [GapReason.TIMED_OUT]
        assert {one.name: one.outcome for one in seen.collectors}["update_search"] is CollectorOutcome.PARTIAL

    @given(st.data())
    def test_whatever_is_cut_off_no_kind_is_empty_in_silence(self, data: st.DataObject) -> None:
        """Every kind is told by a block that came home whole, or hidden by a gap."""
        cases = data.draw(st.sampled_from([CLIENT, FRENCH_SERVER, PLAIN_LAPTOP]))
        whole = answer(cases)
        seen = snapshot(whole[: data.draw(st.integers(0, len(whole)))])
        home = {one.name for one in seen.collectors if one.outcome is not CollectorOutcome.FAILED}
        told = {kind for block in discover() if block.name in home for kind in block.kinds}
        assert set(KINDS) <= told | hidden(seen)
        assert (seen.windows is None) == ("system" not in home)

    @given(
        st.fixed_dictionaries(
            {block.name: st.sampled_from([o for n, o in names() if n == block.name]) for block in discover()}
        )
    )
    def test_any_mixture_of_answers_makes_a_snapshot(self, cases: Mapping[str, str]) -> None:
        seen = snapshot(answer(cases))
        assert seen.collectors
        assert (seen.windows is None) == (seen.operating_system is None)
