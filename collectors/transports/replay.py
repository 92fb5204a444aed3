"""Recorded visits: `record()` writes one file per machine, the transport plays it back without network.

A recording is one header line of JSON and then exactly what the script printed on standard output. It holds no
credential: neither the script's input nor anything about the login is written.
"""

import base64
import binascii
import logging
import os
import tempfile
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from collectors.credentials import Credential
from collectors.errors import DeadlineExceeded, RecordingError
from collectors.model import Protocol, Target
from collectors.shapes import make_ready
from collectors.transports.base import ConnectionPolicy, Deadline, RunScript, ScriptOutput, Transport
from collectors.transports.capture import Capture

_log = logging.getLogger(__name__)
FORMAT = 1
SUFFIX = ".rec"
_SAFE_IN_NAMES = " @[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded visit: when it began (UTC) and what came back."""

    taken_at: datetime
    output: ScriptOutput


class _Header(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """First line of a recording; `stdout_bytes`, when given, guards against a file cut short. `stderr` is base64."""

    format: int
    taken_at: datetime
    privileged: bool = False
    exit_status: int | None = None
    timed_out: bool = False
    truncated: bool = False
    notes: tuple[str, ...] = ()
    stderr: str = ""
    stdout_bytes: int | None = None


def file_name(target_name: str) -> str:
    """Name of the recording of a target: its own name, with what file systems dislike percent-encoded."""
    return urllib.parse.quote(target_name, safe=_SAFE_IN_NAMES).replace("%2E", ".") + SUFFIX


def write_recording(path: Path, recording: Recording) -> None:
    """Write a recording whole or not at all, readable by its owner only. Raises `OSError`."""
    output = recording.output
    header = _Header(
        format=FORMAT,
        taken_at=recording.taken_at,
        privileged=output.privileged,
        exit_status=output.exit_status,
        timed_out=output.timed_out,
        truncated=output.truncated,
        notes=output.notes,
        stderr=base64.b64encode(output.stderr).decode(),
        stdout_bytes=len(output.stdout),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    number, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(msgspec.json.encode(header) + b"\n" + output.stdout)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def read_recording(path: Path) -> Recording:
    """Read a recording. Raises `RecordingError` when it is absent, damaged or of a later format."""
    subject = str(path)
    try:
        first, separator, stdout = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise RecordingError(subject, f"cannot be read ({error.strerror}).") from error
    make_ready()
    try:
        header = msgspec.json.decode(first, type=_Header)
        stderr = base64.b64decode(header.stderr, validate=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error) as error:
        raise RecordingError(subject, f"is not a recording: its first line is not understood ({error}).") from error
    if header.format != FORMAT:
        raise RecordingError(subject, f"has format {header.format}; this version reads format {FORMAT}.")
    if header.taken_at.tzinfo is None:
        raise RecordingError(subject, "does not say in which time zone it was taken.")
    if not separator or header.stdout_bytes not in (None, len(stdout)):
        raise RecordingError(
            subject, f"is cut short or altered: {len(stdout)} bytes instead of {header.stdout_bytes or 0}."
        )
    output = ScriptOutput(
        stdout=stdout,
        stderr=stderr,
        exit_status=header.exit_status,
        timed_out=header.timed_out,
        truncated=header.truncated,
        privileged=header.privileged,
        notes=header.notes,
    )
    return Recording(taken_at=header.taken_at.astimezone(UTC), output=output)


def _log_unwritten(name: str, error: OSError) -> None:
    _log.error("%s: its visit could not be recorded (%s)", name, error.strerror or error)


def record(run: RunScript, directory: Path, *, unwritten: Callable[[str, OSError], None] = _log_unwritten) -> RunScript:
    """Wrap a transport's `run`: each visit that came back is also written to `directory`, one file per target.

    A host that could not be visited leaves no file, and its error passes through unchanged. `unwritten` is told, in
    the visit's thread, the name of a target whose recording could not be written; the visit counts all the same.
    """

    def recorded(
        target: Target, script: bytes, *, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
    ) -> ScriptOutput:
        begun = datetime.now(UTC)
        output = run(target, script, credential=credential, policy=policy, deadline=deadline)
        try:
            write_recording(directory / file_name(target.name), Recording(taken_at=begun, output=output))
        except OSError as error:  # a full disk on our side costs the recording, not what was seen
            unwritten(target.name, error)
        return output

    return recorded


def run(
    target: Target,
    script: bytes,  # noqa: ARG001  what it prints is already recorded
    *,
    credential: Credential,  # noqa: ARG001
    policy: ConnectionPolicy,
    deadline: Deadline,
) -> ScriptOutput:
    """Play back the recording at `target.address`; the script and the credential are not used.

    The output limit holds here too. Raises `RecordingError`, or `DeadlineExceeded` when the deadline has passed.
    """
    if deadline.passed:
        raise DeadlineExceeded(target.name, "the deadline of the host passed before the recording was read.")
    output = read_recording(Path(target.address)).output
    capture = Capture(policy.output_limit_bytes)
    if capture.output(output.stdout) and capture.error(output.stderr):
        return output
    return ScriptOutput(
        stdout=capture.stdout,
        stderr=capture.stderr,
        timed_out=output.timed_out,
        truncated=not output.timed_out,
        privileged=output.privileged,
        notes=output.notes,
    )


TRANSPORT = Transport(protocol=Protocol.REPLAY, run=run)
