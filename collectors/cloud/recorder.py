"""Recording: what Graph answers during a visit goes to a file as it comes. `recording` plays it back."""

import base64
import logging
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from collectors.cloud.credentials import CloudCredential
from collectors.cloud.graph import GraphClient
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.recording import Answer, RecordingWriter, TenantRecording, file_name
from collectors.cloud.tokens import EntraTokens, Token, TokenSource
from collectors.cloud.visit import Connect
from collectors.cloud.wire import OpenWire, Reply, Wire, WireBroken, open_wire
from collectors.model import Target

_log = logging.getLogger(__name__)
_KEPT_HEADERS = frozenset({"content-type", "etag", "location", "request-id", "retry-after"})


def _log_unwritten(name: str, error: OSError) -> None:
    _log.error("%s: its visit could not be recorded (%s)", name, error.strerror or error)


def record(directory: Path, *, unwritten: Callable[[str, OSError], None] = _log_unwritten) -> Connect:
    """Connect to tenants so that each visit is also written to `directory`, one file per tenant.

    A tenant that gave no token leaves no file. `unwritten` is told, in the visit's thread, the name of a tenant whose
    recording could not be written; the visit counts all the same.
    """

    def connect(target: Target, credential: CloudCredential, policy: CloudPolicy) -> GraphClient:
        tokens = EntraTokens(credential, policy=policy, tenant=target.name)
        path = directory / file_name(target.name)
        return recording_client(tokens, policy, path, unwritten=lambda error: unwritten(target.name, error))

    return connect


def recording_client(
    tokens: TokenSource,
    policy: CloudPolicy,
    path: Path,
    *,
    unwritten: Callable[[OSError], None],
    open_wire: OpenWire = open_wire,
) -> GraphClient:
    """A client that writes what Graph answers to `path`, and finishes the file when it is closed."""
    return _RecordingClient(tokens, policy, _Recorder(path, tokens, unwritten), open_wire)


class _Recorder:
    """What the wires and the tokens of one visit tell; the first failure to write ends the recording only."""

    def __init__(self, path: Path, tokens: TokenSource, unwritten: Callable[[OSError], None]) -> None:
        self._unwritten = unwritten
        self._hidden: dict[str, str] = {}
        self._secrets: set[bytes] = set()
        self._token: Token | None = None
        self._writer: RecordingWriter | None = None
        visit = TenantRecording(
            taken_at=datetime.now(UTC),
            tenant_id="",
            asked_tenant=tokens.asked_tenant,
            client_id=tokens.client_id,
            endpoints=tokens.endpoints,
        )
        try:
            self._writer = RecordingWriter(path, visit)
        except OSError as error:
            unwritten(error)

    def saw(self, token: Token) -> Token:
        """Remember what a token says, and its text to strike it out."""
        self._token = token
        self._secrets.add(token.value.reveal().encode())
        return token

    def add(self, url: str, reply: Reply) -> None:
        """Write one answer, with a stand-in for an address that opens by itself."""
        headers = {name: value for name, value in reply.headers.items() if name in _KEPT_HEADERS}
        location = headers.get("location")
        if location is not None:
            target, stand_in = _stand_in(url, location, len(self._hidden))
            headers["location"] = self._hidden.setdefault(target, stand_in)
        body = reply.body
        for secret in self._secrets:
            body = body.replace(secret, b"...")
        self._write(_answer(self._hidden.get(url, url), reply.status, headers, body))

    def add_broken(self, url: str, error: WireBroken) -> None:
        """Write that no answer came."""
        self._write(Answer(url=self._hidden.get(url, url), status=0, broken=error.problem, again=error.again))

    def close(self) -> None:
        """Finish the file where the tenant gave a token, else leave none."""
        writer, self._writer, token = self._writer, None, self._token
        if writer is None:
            return
        try:
            if token is not None:
                writer.finish(token.tenant_id, tuple(sorted(token.granted)), delegated=token.delegated)
        except OSError as error:
            self._unwritten(error)
        finally:
            writer.discard()

    def _write(self, answer: Answer) -> None:
        if self._writer is None:
            return
        try:
            self._writer.add(answer)
        except OSError as error:  # a full disk on our side costs the recording, not what was seen
            self._writer.discard()
            self._writer = None
            self._unwritten(error)


def _answer(url: str, status: int, headers: dict[str, str], body: bytes) -> Answer:
    try:
        return Answer(url=url, status=status, headers=headers, body=body.decode())
    except UnicodeDecodeError:
        return Answer(url=url, status=status, headers=headers, body64=base64.b64encode(body).decode())


def _stand_in(url: str, location: str, number: int) -> tuple[str, str]:
    """Where a redirect leads, and an address on the same server that opens nothing; for no address, another such."""
    try:
        target = urllib.parse.urljoin(url, location)
        parts = urllib.parse.urlsplit(target)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return location, "refused:recorded"
    return target, f"{parts.scheme}://{parts.hostname or ''}{port}/recorded/{number}"


class _RecordingTokens:
    def __init__(self, tokens: TokenSource, recorder: _Recorder) -> None:
        self._tokens, self._recorder = tokens, recorder
        self.tenant, self.asked_tenant = tokens.tenant, tokens.asked_tenant
        self.client_id, self.endpoints = tokens.client_id, tokens.endpoints

    def token(self) -> Token:
        """See `TokenSource`."""
        return self._recorder.saw(self._tokens.token())

    def renew(self, rejected: Token) -> Token:
        """See `TokenSource`."""
        return self._recorder.saw(self._tokens.renew(rejected))

    def close(self) -> None:
        """See `TokenSource`."""
        self._tokens.close()


class _RecordingWire:
    def __init__(self, wire: Wire, recorder: _Recorder) -> None:
        self._wire, self._recorder = wire, recorder

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        """See `Wire`."""
        try:
            reply = self._wire.get(url, headers)
        except WireBroken as error:
            self._recorder.add_broken(url, error)
            raise
        self._recorder.add(url, reply)
        return reply

    def close(self) -> None:
        """See `Wire`."""
        self._wire.close()


class _RecordingClient(GraphClient):
    def __init__(self, tokens: TokenSource, policy: CloudPolicy, recorder: _Recorder, open_wire: OpenWire) -> None:
        super().__init__(
            _RecordingTokens(tokens, recorder),
            policy=policy,
            open_wire=lambda policy: _RecordingWire(open_wire(policy), recorder),
        )
        self._recorder = recorder

    def close(self) -> None:
        super().close()
        self._recorder.close()
