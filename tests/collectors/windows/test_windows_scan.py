"""Visits of Windows machines through `collectors.scan`: which script, which assembly, one machine under two names."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collectors.credentials import Credential
from collectors.model import FactKind, GapReason, HostSnapshot, Protocol, Target
from collectors.scan import merge_same_machines, visit
from collectors.transports import replay
from collectors.transports.base import ConnectionPolicy, Deadline, Interpreter, ScriptOutput, Transport
from tests.collectors.frames import end
from tests.collectors.windows.frames import CLIENT, FRENCH_SERVER, PLAIN_LAPTOP, PLAIN_USER, answer, hello

TAKEN_AT = datetime(2026, 11, 10, 8, 0, tzinfo=UTC)
TARGET = Target(name="pc", protocol=Protocol.WINRM, address="pc.lab.example")


def nonce_of(script: bytes) -> str:
    found = re.search(rb"Nonce = '([0-9a-f]{16})'", script)
    assert found is not None
    return found[1].decode()


def seen_by(reply: Callable[[str], ScriptOutput], target: Target = TARGET) -> HostSnapshot:
    def run(
        target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
    ) -> ScriptOutput:
        return reply(nonce_of(script))

    transport = Transport(protocol=Protocol.WINRM, run=run, interpreter=Interpreter.POWERSHELL)
    return visit(target, transport=transport, credential=Credential(), policy=ConnectionPolicy(), taken_at=TAKEN_AT)


def whole(nonce: str) -> ScriptOutput:
    return ScriptOutput(stdout=answer(FRENCH_SERVER, nonce=nonce), exit_status=0)


class TestVisit:
    def test_a_windows_machine_gets_the_windows_script_and_assembly(self) -> None:
        seen = seen_by(whole)
        assert seen.windows is not None
        assert seen.operating_system is not None
        assert seen.operating_system.id == "windows"
        assert seen.privileged
        assert FactKind.PACKAGES not in {gap.kind for gap in seen.gaps}

    def test_a_plain_user_is_not_privileged(self) -> None:
        seen = seen_by(lambda nonce: ScriptOutput(stdout=answer(PLAIN_LAPTOP, PLAIN_USER, nonce=nonce), exit_status=0))
        assert not seen.privileged

    @pytest.mark.parametrize(
        ("more", "reason"),
        [
            ({"timed_out": True}, GapReason.TIMED_OUT),
            ({"truncated": True}, GapReason.TRUNCATED),
            ({"exit_status": 1}, GapReason.TRUNCATED),
        ],
    )
    def test_the_reason_of_a_cut_answer_reaches_its_gaps(self, more: dict[str, object], reason: GapReason) -> None:
        def cut(nonce: str) -> ScriptOutput:
            stdout = answer(FRENCH_SERVER, nonce=nonce)
            return ScriptOutput(stdout=stdout[: stdout.index(b" update_search ")], **more)  # type: ignore[arg-type]

        seen = seen_by(cut)
        assert seen.operating_system is not None
        assert {gap.reason for gap in seen.gaps_of(FactKind.AVAILABLE_UPDATES)} == {reason}

    def test_an_answer_under_another_nonce_is_none_of_ours(self) -> None:
        seen = seen_by(lambda _: ScriptOutput(stdout=answer(FRENCH_SERVER), exit_status=0))
        assert not seen.reached

    def test_noise_of_powershell_is_not_quoted(self) -> None:
        noise = b'#< CLIXML\r\n<Objs Version="1.1.0.1"></Objs>'
        mute = seen_by(lambda _: ScriptOutput(stdout=b"", stderr=noise, exit_status=1))
        short = seen_by(lambda nonce: ScriptOutput(stdout=hello(nonce=nonce), stderr=noise, exit_status=1))
        assert "CLIXML" not in " ".join(gap.detail for gap in (*mute.gaps, *short.gaps))

    def test_a_recording_of_a_windows_machine_is_told_by_its_first_frame(self, tmp_path: Path) -> None:
        path = tmp_path / "srv.rec"
        replay.write_recording(path, replay.Recording(taken_at=TAKEN_AT, output=whole("f" * 16)))
        target = Target(name="srv", protocol=Protocol.REPLAY, address=str(path))
        seen = visit(
            target,
            transport=replay.TRANSPORT,
            credential=Credential(),
            policy=ConnectionPolicy(),
            taken_at=TAKEN_AT,
        )
        assert seen.windows is not None
        assert seen.windows.system.full_build == "20348.4294"

    def test_a_visit_that_asks_some_blocks_only_says_what_was_not_asked(self) -> None:
        seen = seen_by(lambda nonce: ScriptOutput(stdout=hello(nonce=nonce) + end(nonce=nonce), exit_status=0))
        assert {gap.reason for gap in seen.gaps} == {GapReason.FAILED}


class TestOneMachineUnderTwoNames:
    def both(self, first: HostSnapshot, second: HostSnapshot) -> tuple[HostSnapshot, ...]:
        return merge_same_machines((first, replace(second, target=replace(TARGET, name="other"))))

    def test_G3_one_uuid_one_name_one_boot_is_one_machine(self) -> None:
        merged = self.both(seen_by(whole), seen_by(whole))
        assert [(one.target.name, one.aliases) for one in merged] == [("pc", ("other",))]

    def test_G3_the_administrators_view_of_a_machine_is_kept(self) -> None:
        plain = seen_by(lambda nonce: ScriptOutput(stdout=answer(PLAIN_LAPTOP, PLAIN_USER, nonce=nonce), exit_status=0))
        full = seen_by(lambda nonce: ScriptOutput(stdout=answer(CLIENT, nonce=nonce), exit_status=0))
        merged = self.both(plain, full)
        assert [(one.privileged, one.aliases) for one in merged] == [(True, ("pc",))]

    def test_boards_that_share_a_bogus_uuid_stay_two_machines(self) -> None:
        cases = {**CLIENT, "system": "thirty_two_bit_windows_10"}
        one = seen_by(lambda nonce: ScriptOutput(stdout=answer(cases, nonce=nonce), exit_status=0))
        assert len(self.both(one, one)) == 2
