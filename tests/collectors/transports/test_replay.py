"""Recordings: exact, whole or refused, and free of secrets."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.credentials import Credential, Secret
from collectors.errors import DeadlineExceeded, RecordingError, Unreachable
from collectors.model import Protocol, Target
from collectors.transports import replay
from collectors.transports.base import ConnectionPolicy, Deadline, ScriptOutput
from collectors.transports.replay import Recording, file_name, read_recording, write_recording

TAKEN_AT = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


def play(path: Path, *, limit_bytes: int = 1 << 20, deadline_s: float = 10.0) -> ScriptOutput:
    target = Target(name="srv1", protocol=Protocol.REPLAY, address=str(path))
    policy = ConnectionPolicy(output_limit_bytes=limit_bytes)
    return replay.run(target, b"", credential=Credential(), policy=policy, deadline=Deadline.after(deadline_s))


outputs = st.builds(
    ScriptOutput,
    stdout=st.binary(),
    stderr=st.binary(),
    exit_status=st.none() | st.integers(0, 255),
    timed_out=st.booleans(),
    truncated=st.booleans(),
    privileged=st.booleans(),
    notes=st.lists(st.text()).map(tuple),
)


@given(outputs)
def test_what_was_recorded_is_what_is_replayed(output: ScriptOutput) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.rec"
        write_recording(path, Recording(taken_at=TAKEN_AT, output=output))
        assert read_recording(path) == Recording(taken_at=TAKEN_AT, output=output)
        assert play(path) == output
        assert path.stat().st_mode & 0o777 == 0o600
        assert [entry.name for entry in Path(directory).iterdir()] == ["a.rec"]


def test_a_recording_written_by_hand_needs_only_the_documented_header(tmp_path: Path) -> None:
    path = tmp_path / "hand.rec"
    path.write_bytes(
        b'{"format": 1, "taken_at": "2026-11-20T09:30:00+01:00", "privileged": true, "exit_status": 0, '
        b'"timed_out": false, "truncated": false}\nline\n\0\xff'
    )
    recording = read_recording(path)
    assert recording.taken_at == TAKEN_AT
    assert recording.output == ScriptOutput(stdout=b"line\n\0\xff", exit_status=0, privileged=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "first line"),
        (b"not json\nbody", "first line"),
        (b'{"format": 1}\n', "first line"),
        (b'{"format": 1, "taken_at": "2026-11-20T09:30:00Z", "colour": 1}\n', "colour"),
        (b'{"format": 1, "taken_at": "2026-11-20T09:30:00Z", "stderr": "&&&"}\n', "first line"),
        (b'{"format": 2, "taken_at": "2026-11-20T09:30:00Z"}\n', "format 2"),
        (b'{"format": 1, "taken_at": "2026-11-20T09:30:00"}\n', "time zone"),
        (b'{"format": 1, "taken_at": "2026-11-20T09:30:00Z"}', "cut short"),
        (b'{"format": 1, "taken_at": "2026-11-20T09:30:00Z", "stdout_bytes": 9}\nhalf', "cut short"),
        (b"\xff\xfe\n", "first line"),
    ],
)
def test_a_damaged_recording_is_refused_and_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "damaged.rec"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=words) as caught:
        play(path)
    assert caught.value.subject == str(path)


def test_an_absent_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"absent.rec.*cannot be read"):
        play(tmp_path / "absent.rec")


def test_the_output_limit_holds_for_recordings_too(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    write_recording(path, Recording(taken_at=TAKEN_AT, output=ScriptOutput(stdout=b"x" * 100, exit_status=0)))
    output = play(path, limit_bytes=10)
    assert output == ScriptOutput(stdout=b"x" * 10, truncated=True)


def test_a_passed_deadline_reads_nothing(tmp_path: Path) -> None:
    with pytest.raises(DeadlineExceeded):
        play(tmp_path / "absent.rec", deadline_s=-1.0)


@pytest.mark.parametrize(
    "name", ["srv1", "srv.example.com", "a/b", "..", "é à", "web:22", "x" * 60, ".hidden", "C:\\x"]
)
def test_any_target_name_makes_a_file_in_the_folder(tmp_path: Path, name: str) -> None:
    path = tmp_path / file_name(name)
    assert path.parent == tmp_path
    write_recording(path, Recording(taken_at=TAKEN_AT, output=ScriptOutput(stdout=b"")))
    assert [entry.name for entry in tmp_path.iterdir()] == [file_name(name)]


def test_different_names_make_different_files() -> None:
    names = ["a/b", "a_b", "a%2Fb", "a b", "A/b"]
    assert len({file_name(name) for name in names}) == len(names)


def test_a_host_that_could_not_be_visited_leaves_no_recording(tmp_path: Path) -> None:
    def fails(target: Target, script: bytes, **kwargs: object) -> ScriptOutput:
        raise Unreachable(target.name, "nobody there.")

    recorder = replay.record(fails, tmp_path)
    credential = Credential(password=Secret("hunter2"))
    with pytest.raises(Unreachable):
        recorder(Target(name="a"), b"", credential=credential, policy=ConnectionPolicy(), deadline=Deadline.after(1))
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_cannot_be_written_costs_the_recording_and_not_the_visit(tmp_path: Path) -> None:
    """A full disk, a folder taken away, a name too long for the file system: on our side, not the host's."""

    def answers(target: Target, script: bytes, **kwargs: object) -> ScriptOutput:
        return ScriptOutput(stdout=b"seen", exit_status=0)

    told: list[str] = []
    recorder = replay.record(answers, tmp_path, unwritten=lambda name, error: told.append(f"{name}: {error.strerror}"))
    name = "é" * 200
    output = recorder(
        Target(name=name), b"", credential=Credential(), policy=ConnectionPolicy(), deadline=Deadline.after(1)
    )
    assert output.stdout == b"seen"
    assert told == [f"{name}: File name too long"]


def test_a_recording_bears_the_time_its_visit_began(tmp_path: Path) -> None:
    """The host's clock is compared with it, and was read before a slow command ended."""
    during: list[datetime] = []

    def answers(target: Target, script: bytes, **kwargs: object) -> ScriptOutput:
        during.append(datetime.now(UTC))
        return ScriptOutput(stdout=b"seen", exit_status=0)

    recorder = replay.record(answers, tmp_path)
    recorder(Target(name="a"), b"", credential=Credential(), policy=ConnectionPolicy(), deadline=Deadline.after(1))
    assert read_recording(tmp_path / file_name("a")).taken_at <= during[0]
