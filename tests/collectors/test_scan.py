"""Visits that go wrong, visits in parallel, and one machine under two names."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from collectors.credentials import Credential, Secret
from collectors.errors import HostKeyChanged, LoginDenied, RecordingError, Unreachable
from collectors.model import FactKind, GapReason, HostSnapshot, Protocol, Target
from collectors.scan import merge_same_machines, scan, visit
from collectors.script import build_script, read_sections
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput, Transport
from tests.collectors.frames import end, hello, ran
from tests.lab.snapshots import debian_host, gap, unreached

TAKEN_AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
IDENTITY = 'os:ID=debian\nos:VERSION_ID="12"\nkernel:6.1\nversion:#1\nmachine:x86_64\nnode:h\nclock:1795334400\n'
DPKG = "bash\tamd64\tii \t5.2.15-2\tbash\t5.2.15-2\n"


def transport(answer: Callable[[bytes], ScriptOutput], protocol: Protocol = Protocol.SSH) -> Transport:
    """A fake of the seam: gets the script's nonce, answers as the host would."""

    def run(
        target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
    ) -> ScriptOutput:
        return answer(script)

    return Transport(protocol=protocol, run=run)


def nonce_of(script: bytes) -> str:
    return script.split(b"\nN=", 1)[1][:16].decode()


def seen_by(answer: Callable[[bytes], ScriptOutput], protocol: Protocol = Protocol.SSH) -> HostSnapshot:
    target = Target(name="h", protocol=protocol, address="h.lab.example")
    return visit(
        target,
        transport=transport(answer, protocol),
        credential=Credential(password=Secret("hunter2")),
        policy=ConnectionPolicy(),
        taken_at=TAKEN_AT,
    )


def whole(script: bytes) -> ScriptOutput:
    nonce = nonce_of(script)
    frames = [hello(nonce=nonce), ran("identity", IDENTITY, nonce=nonce), ran("dpkg", DPKG, nonce=nonce)]
    return ScriptOutput(stdout=b"".join([*frames, end(nonce=nonce)]), exit_status=0)


class TestVisit:
    def test_the_facts_of_the_answer_are_in_the_snapshot(self) -> None:
        seen = seen_by(whole)
        assert seen.reached
        assert [package.name for package in seen.packages] == ["bash"]
        assert not seen.privileged

    def test_root_is_told_by_the_host_itself(self) -> None:
        def as_root(script: bytes) -> ScriptOutput:
            nonce = nonce_of(script)
            return ScriptOutput(stdout=hello("deb", 0, nonce=nonce) + end(nonce=nonce), exit_status=0)

        assert seen_by(as_root).privileged

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (Unreachable("h", "nobody answers on port 22.", hint="Is it on?"), GapReason.UNREACHABLE),
            (LoginDenied("h", "the password was refused."), GapReason.DENIED),
            (HostKeyChanged("h", "the host key has changed."), GapReason.REFUSED),
            (RecordingError("h", "is cut short."), GapReason.FAILED),
        ],
    )
    def test_G1_an_error_of_the_host_is_one_gap_on_the_whole_host(self, error: Exception, reason: GapReason) -> None:
        def fail(script: bytes) -> ScriptOutput:
            raise error

        seen = seen_by(fail)
        assert not seen.reached
        assert [(found.kind, found.reason, found.collector) for found in seen.gaps] == [(FactKind.HOST, reason, "ssh")]
        assert str(error).removeprefix("h: ") == seen.gaps[0].detail

    def test_an_error_of_ours_is_a_gap_and_a_traceback_in_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        def broken(script: bytes) -> ScriptOutput:
            raise ZeroDivisionError

        seen = seen_by(broken)
        assert [found.reason for found in seen.gaps] == [GapReason.FAILED]
        assert "ZeroDivisionError" in caplog.text
        assert "hunter2" not in caplog.text + repr(seen)

    @pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
    def test_an_interruption_passes_through(self, stop: type[BaseException]) -> None:
        def interrupted(script: bytes) -> ScriptOutput:
            raise stop

        with pytest.raises(stop):
            seen_by(interrupted)

    @pytest.mark.parametrize(
        ("output", "reason", "words"),
        [
            (ScriptOutput(stdout=b"restricted\n", exit_status=0), GapReason.DENIED, "'restricted'"),
            (
                ScriptOutput(stdout=b"This account is currently not available.\n", exit_status=1),
                GapReason.DENIED,
                "not av",
            ),
            (ScriptOutput(stdout=b"", stderr=b"sh: not found\n", exit_status=127), GapReason.DENIED, "sh: not found"),
            (ScriptOutput(stdout=b"", timed_out=True), GapReason.TIMED_OUT, "deadline"),
            (ScriptOutput(stdout=b"\xff" * 99, truncated=True), GapReason.TRUNCATED, "cut off"),
            (ScriptOutput(stdout=b""), GapReason.FAILED, "connection ended"),
            (
                ScriptOutput(stdout=b"", truncated=True, notes=("the machine aborted the operation (995).",)),
                GapReason.TRUNCATED,
                "before it began; the machine aborted the operation (995).",
            ),
        ],
    )
    def test_a_host_that_did_not_run_the_script_is_not_audited(
        self, output: ScriptOutput, reason: GapReason, words: str
    ) -> None:
        seen = seen_by(lambda script: output)
        assert not seen.reached
        assert seen.operating_system is None
        assert [found.reason for found in seen.gaps] == [reason]
        assert words in seen.gaps[0].detail

    def test_a_forged_answer_without_the_nonce_is_no_answer(self) -> None:
        seen = seen_by(lambda script: ScriptOutput(stdout=hello() + ran("identity", IDENTITY) + end(), exit_status=0))
        assert not seen.reached

    def test_a_recording_is_read_with_the_nonce_of_its_own_day(self) -> None:
        recorded = hello() + ran("identity", IDENTITY) + ran("dpkg", DPKG) + end()
        seen = seen_by(lambda script: ScriptOutput(stdout=recorded, exit_status=0), Protocol.REPLAY)
        assert len(seen.packages) == 1

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"timed_out": True, "exit_status": None}, GapReason.TIMED_OUT),
            ({"truncated": True, "exit_status": None}, GapReason.TRUNCATED),
            ({"truncated": True, "exit_status": None, "notes": ("the shell is gone",)}, GapReason.TRUNCATED),
            ({"exit_status": 137}, GapReason.TRUNCATED),
        ],
    )
    def test_G2_what_did_not_come_home_has_the_reason_the_transport_gave(
        self, changes: dict[str, object], reason: GapReason
    ) -> None:
        def half(script: bytes) -> ScriptOutput:
            output = whole(script)
            cut = output.stdout[: output.stdout.rindex(b"\n@@A1 ")]
            return replace(output, stdout=cut, **changes)  # type: ignore[arg-type]

        seen = seen_by(half)
        assert seen.reached
        assert len(seen.packages) == 1
        assert {found.reason for found in seen.gaps_of(FactKind.AVAILABLE_UPDATES)} == {reason}
        for note in changes.get("notes", ()):  # type: ignore[attr-defined]
            assert any(note in found.detail for found in seen.gaps)

    def test_the_script_sent_is_the_one_read(self) -> None:
        sent: list[bytes] = []

        def keep(script: bytes) -> ScriptOutput:
            sent.append(script)
            return whole(script)

        seen_by(keep)
        seen_by(keep)
        assert nonce_of(sent[0]) != nonce_of(sent[1])
        assert sent[0].replace(nonce_of(sent[0]).encode(), b"") == sent[1].replace(nonce_of(sent[1]).encode(), b"")


def targets(count: int) -> list[Target]:
    return [Target(name=f"h{number}", address=f"h{number}.lab.example") for number in range(count)]


class TestScan:
    def test_every_target_comes_back_once_as_it_finishes(self) -> None:
        with ThreadPoolExecutor(4) as executor:
            seen = list(
                scan(targets(20), lambda target: HostSnapshot(target=target, taken_at=TAKEN_AT), executor=executor)
            )
        assert sorted(found.target.name for found in seen) == sorted(target.name for target in targets(20))

    def test_a_broken_worker_is_one_hosts_gap(self) -> None:
        def visit_one(target: Target) -> HostSnapshot:
            if target.name == "h1":
                raise MemoryError
            return HostSnapshot(target=target, taken_at=TAKEN_AT)

        with ThreadPoolExecutor(2) as executor:
            seen = {found.target.name: found for found in scan(targets(3), visit_one, executor=executor)}
        assert [seen[name].reached for name in ("h0", "h1", "h2")] == [True, False, True]

    def test_an_interruption_keeps_what_is_home_and_names_what_is_not(self) -> None:
        release = threading.Event()

        def visit_one(target: Target) -> HostSnapshot:
            if target.name != "h0":
                release.wait(10)
            return HostSnapshot(target=target, taken_at=TAKEN_AT)

        seen: list[HostSnapshot] = []
        with ThreadPoolExecutor(2) as executor:
            results = scan(targets(6), visit_one, executor=executor)
            seen.append(next(results))
            seen.append(results.throw(KeyboardInterrupt()))  # type: ignore[attr-defined]
            with pytest.raises(KeyboardInterrupt):
                seen.extend(results)
            release.set()
        assert sorted(found.target.name for found in seen) == [f"h{number}" for number in range(6)]
        interrupted = [found for found in seen if not found.reached]
        assert len(interrupted) == 5
        assert {found.gaps[0].reason for found in interrupted} == {GapReason.INTERRUPTED}

    def test_two_runs_give_the_same_snapshots_whatever_the_order(self) -> None:
        def names(width: int) -> set[str]:
            with ThreadPoolExecutor(width) as executor:
                found = scan(targets(9), lambda t: HostSnapshot(target=t, taken_at=TAKEN_AT), executor=executor)
                return {snapshot.target.name for snapshot in found}

        assert names(1) == names(8)


class TestOneMachineUnderTwoNames:
    def test_G3_the_more_complete_visit_is_kept_and_the_other_name_recorded(self) -> None:
        one = debian_host("srv", machine_id="a" * 32, hostname="srv", gaps=(gap(FactKind.REPOSITORIES),))
        two = debian_host("srv.lan", machine_id="a" * 32, hostname="srv")
        (merged,) = merge_same_machines((one, two))
        assert (merged.target.name, merged.aliases) == ("srv.lan", ("srv",))
        assert not merged.gaps

    def test_three_names_are_one_machine(self) -> None:
        hosts = [debian_host(name, machine_id="a" * 32, hostname="srv") for name in ("a", "b", "c")]
        (merged,) = merge_same_machines(hosts)
        assert (merged.target.name, merged.aliases) == ("a", ("b", "c"))

    def test_what_is_said_of_either_name_holds_for_the_machine(self) -> None:
        one, two = (debian_host(name, machine_id="a" * 32, hostname="srv") for name in ("inside", "outside"))
        one = replace(one, target=replace(one.target, exposure="internal", labels=("prod",)))
        two = replace(two, target=replace(two.target, exposure="internet", labels=("prod", "web"), site="Lyon"))
        (merged,) = merge_same_machines((one, two))
        assert (merged.target.name, merged.target.exposure) == ("inside", "internet"), "never exposed less than it is"
        assert (merged.target.labels, merged.target.site) == (("prod", "web"), "Lyon")

    def test_cloned_machines_with_one_machine_id_stay_two(self) -> None:
        one = debian_host("web1", machine_id="a" * 32, hostname="web1")
        two = debian_host("web2", machine_id="a" * 32, hostname="web2")
        assert len(merge_same_machines((one, two))) == 2

    def test_clones_that_kept_even_the_host_name_differ_by_their_boot(self) -> None:
        one = debian_host("web1", machine_id="a" * 32, hostname="golden")
        two = debian_host("web2", machine_id="a" * 32, hostname="golden", boot_time=TAKEN_AT - timedelta(days=9))
        assert len(merge_same_machines((one, two))) == 2

    def test_machines_without_machine_id_or_not_reached_are_never_merged(self) -> None:
        hosts = (
            debian_host("a", machine_id="", hostname="x"),
            debian_host("b", machine_id="", hostname="x"),
            unreached("c"),
            unreached("d"),
        )
        assert [host.target.name for host in merge_same_machines(hosts)] == ["a", "b", "c", "d"]


def test_an_empty_choice_of_collectors_still_makes_a_readable_answer() -> None:
    script = build_script((), nonce="0123456789abcdef")
    assert script.endswith(b"exit 0\n")
    assert not read_sections(b"").answered
