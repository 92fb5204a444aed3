"""Recorded visits of a tenant: what Graph answered, played back through the client that would have asked it.

A recording is text, one JSON object per line: the visit, then each answer in order, then what the token said of itself.
It holds no token and no secret: nothing that was sent is written, a download address that opens by itself is replaced,
and a token echoed by whatever stood in between is struck out. It does hold personal data: its owner alone may read it.
"""

import base64
import os
import shutil
import tempfile
import urllib.parse
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from collectors.cloud.credentials import CloudCredential, CloudEndpoints
from collectors.cloud.facts import TenantSnapshot
from collectors.cloud.graph import GraphClient
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.throttle import Pace, Patience
from collectors.cloud.tokens import Token
from collectors.cloud.visit import Connect, visit_tenant
from collectors.cloud.wire import Reply, WireBroken
from collectors.credentials import Secret
from collectors.errors import RecordingError
from collectors.model import Target
from collectors.shapes import make_ready

FORMAT = 1
SUFFIX = ".m365"
_SAFE_IN_NAMES = " @[]"
_NOT_ASKED = b'{"error":{"code":"NotRecorded","message":"This was not asked when the recording was made."}}'


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came back for one address; `url` may begin with "/", below the recording's Graph.

    `body` is text, `body64` bytes that are none. `broken` is why no answer came, and `again` whether asking again
    was worth it.
    """

    url: str
    status: int = 200
    headers: dict[str, str] = {}
    body: str = ""
    body64: str = ""
    broken: str = ""
    again: bool = False

    def content(self) -> bytes:
        """The body as it came. Raises ValueError for a damaged one."""
        return base64.b64decode(self.body64, validate=True) if self.body64 else self.body.encode()


class _Visit(msgspec.Struct, frozen=True, kw_only=True, tag="visit", forbid_unknown_fields=True):
    """First line."""

    format: int
    taken_at: datetime
    asked_tenant: str
    client_id: str
    endpoints: CloudEndpoints


class _Token(msgspec.Struct, frozen=True, kw_only=True, tag="token", forbid_unknown_fields=True):
    """Last line; its absence tells a recording that was cut short."""

    answers: int
    tenant_id: str
    granted: tuple[str, ...] = ()
    delegated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecording:
    """One recorded visit. `granted` and `tenant_id` are what the token said, `endpoints` where the cloud was."""

    taken_at: datetime
    tenant_id: str
    asked_tenant: str = ""
    client_id: str = "recorded"
    granted: tuple[str, ...] = ()
    delegated: bool = False
    endpoints: CloudEndpoints = field(default_factory=CloudEndpoints)
    answers: tuple[Answer, ...] = ()


def file_name(target_name: str) -> str:
    """Name of the recording of a tenant: its own name, with what file systems dislike percent-encoded."""
    return urllib.parse.quote(target_name, safe=_SAFE_IN_NAMES).replace("%2E", ".") + SUFFIX


def write_recording(path: Path, recording: TenantRecording) -> None:
    """Write a recording whole or not at all, readable by its owner only. Raises `OSError`."""
    writer = RecordingWriter(path, recording)
    try:
        for answer in recording.answers:
            writer.add(answer)
        writer.finish(recording.tenant_id, recording.granted, delegated=recording.delegated)
    finally:
        writer.discard()


def read_recording(path: Path) -> TenantRecording:
    """Read a recording. Raises `RecordingError` when it is absent, damaged or of a later format."""
    subject = str(path)
    try:
        first, *lines, last = path.read_bytes().splitlines() or [b""]
    except ValueError:
        raise RecordingError(subject, "is cut short.") from None
    except OSError as error:
        raise RecordingError(subject, f"cannot be read ({error.strerror}).") from error
    make_ready()
    try:
        visit = msgspec.json.decode(first, type=_Visit)
        if visit.format != FORMAT:
            raise RecordingError(subject, f"has format {visit.format}; this version reads format {FORMAT}.")
        answers = tuple(map(msgspec.json.Decoder(Answer).decode, lines))
        token = msgspec.json.decode(last, type=_Token)
        for answer in answers:
            answer.content()
    except (msgspec.MsgspecError, ValueError) as error:
        raise RecordingError(subject, f"is no recording of a tenant, or is damaged ({error}).") from error
    if token.answers != len(answers):
        raise RecordingError(subject, f"is altered: {len(answers)} answers instead of {token.answers}.")
    if visit.taken_at.tzinfo is None:
        raise RecordingError(subject, "does not say in which time zone it was taken.")
    return TenantRecording(
        taken_at=visit.taken_at.astimezone(UTC),
        tenant_id=token.tenant_id,
        asked_tenant=visit.asked_tenant,
        client_id=visit.client_id,
        granted=token.granted,
        delegated=token.delegated,
        endpoints=visit.endpoints,
        answers=answers,
    )


class RecordingWriter:
    """A recording in the making, without a name until it is finished: a run that is stopped leaves nothing behind.

    `visit` is taken but for token and answers.
    """

    def __init__(self, path: Path, visit: TenantRecording) -> None:
        self._path = path
        self._count = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] | None = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  closed by `discard`
        self._line(
            _Visit(
                format=FORMAT,
                taken_at=visit.taken_at,
                asked_tenant=visit.asked_tenant,
                client_id=visit.client_id,
                endpoints=visit.endpoints,
            )
        )

    def add(self, answer: Answer) -> None:
        """Add one answer."""
        self._line(answer)
        self._count += 1

    def finish(self, tenant_id: str, granted: tuple[str, ...], *, delegated: bool) -> None:
        """Put the recording in its place."""
        self._line(_Token(answers=self._count, tenant_id=tenant_id, granted=granted, delegated=delegated))
        if self._file is None:
            return
        self._file.seek(0)
        number, aside = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")  # mode 0600
        try:
            with os.fdopen(number, "wb") as target:
                shutil.copyfileobj(self._file, target)
            Path(aside).replace(self._path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
        self.discard()

    def discard(self) -> None:
        """Leave nothing behind of what was not finished."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _line(self, what: msgspec.Struct) -> None:
        if self._file is not None:
            self._file.write(msgspec.json.encode(what) + b"\n")


def visit_recording(target: Target, *, taken_at: datetime, policy: CloudPolicy | None = None) -> TenantSnapshot:
    """Play the recording at `target.address`: a snapshot of when it was made, in every case.

    `taken_at` stands where the recording cannot be read, which is then the one gap.
    """
    try:
        recording = read_recording(Path(target.address))
        connect, taken_at = replay(recording), recording.taken_at
    except RecordingError as error:
        connect = _fail_with(error)
    credential = CloudCredential(tenant=target.name, client_id="recorded")
    return visit_tenant(
        target, credential=credential, policy=policy or CloudPolicy(), taken_at=taken_at, connect=connect
    )


def _fail_with(error: RecordingError) -> Connect:
    def connect(_target: Target, _credential: CloudCredential, _policy: CloudPolicy) -> GraphClient:
        raise error

    return connect


def replay(recording: TenantRecording) -> Connect:
    """Connect to a recording instead of a tenant: without network, without waiting, through the real client."""

    def connect(target: Target, _credential: CloudCredential, policy: CloudPolicy) -> GraphClient:
        played = _Played(recording)
        return GraphClient(
            _RecordedTokens(target.name, recording),
            policy=policy,
            open_wire=lambda _policy: played,
            patience=Patience(longest_s=policy.longest_wait_s, sleep=lambda _seconds: None),
            pace=Pace(),
        )

    return connect


class _RecordedTokens:
    def __init__(self, tenant: str, recording: TenantRecording) -> None:
        self.tenant = tenant
        self.client_id = recording.client_id
        self.asked_tenant = recording.asked_tenant or recording.tenant_id
        self.endpoints = recording.endpoints
        self._token = Token(
            value=Secret("recorded"),
            tenant_id=recording.tenant_id,
            granted=frozenset(recording.granted),
            delegated=recording.delegated,
        )

    def token(self) -> Token:
        """See `TokenSource`."""
        return self._token

    def renew(self, rejected: Token) -> Token:  # noqa: ARG002  a recorded token is never refused for good
        """See `TokenSource`."""
        return self._token

    def close(self) -> None:
        """See `TokenSource`."""


@dataclass(slots=True)
class _Played:
    """Gives the answers of each address in their order, the last one again and again."""

    recording: TenantRecording
    _left: dict[str, deque[Answer]] = field(init=False)

    def __post_init__(self) -> None:
        self._left = defaultdict(deque)
        graph = self.recording.endpoints.graph.rstrip("/")
        for answer in self.recording.answers:
            url = f"{graph}{answer.url}" if answer.url.startswith("/") else answer.url
            self._left[url].append(answer)

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:  # noqa: ARG002  what was sent is not recorded
        """See `Wire`."""
        answers = self._left.get(url)
        if not answers:
            return Reply(status=404, headers={"content-type": "application/json"}, body=_NOT_ASKED)
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if answer.broken:
            raise WireBroken(answer.broken, again=answer.again)
        return Reply(status=answer.status, headers=answer.headers, body=answer.content())

    def close(self) -> None:
        """See `Wire`."""
