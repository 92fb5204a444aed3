"""Described tenant -> recording, in exactly the form a real visit leaves (`collectors.cloud.recording`).

The real client asks the real questions, and what it asks is answered from the description: a question without an answer
there fails the suite, so the demonstration cannot fall behind the product.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from auditor.demo.tenant.answers import ANSWERS, REPORTS, sign_ins
from auditor.demo.tenant.described import Tenant
from collectors.cloud.credentials import CloudCredential, CloudEndpoints
from collectors.cloud.facts import TenantSnapshot
from collectors.cloud.graph import GraphClient
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.recording import Answer, TenantRecording, file_name, read_recording, replay, write_recording
from collectors.cloud.throttle import Pace, Patience
from collectors.cloud.tokens import Token
from collectors.cloud.visit import visit_tenant
from collectors.cloud.wire import Reply
from collectors.credentials import Secret
from collectors.model import Protocol, Target

_JSON: Final = {"content-type": "application/json;odata.metadata=minimal"}
_CSV: Final = {"content-type": "application/octet-stream"}
_DOWNLOADS: Final = "https://reports.office.com/data/download/"
_DENIED: Final = (
    '{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}'
)


def target_of(described: Tenant) -> Target:
    """The tenant as a client file would name it."""
    return Target(name=described.domain, protocol=Protocol.M365, address=described.id)


def write(described: Tenant, folder: Path) -> Path:
    """Write the recording into `folder` and return its path. Raises LookupError for a question without an answer."""
    graph = _Described(described)
    _visit(described, graph)
    if graph.unanswered:
        raise LookupError(f"the demonstration has no answer for {', '.join(sorted(graph.unanswered))}")
    path = folder / file_name(described.domain)
    write_recording(
        path,
        TenantRecording(
            taken_at=described.taken_at,
            tenant_id=described.id,
            asked_tenant=described.id,
            granted=described.granted,
            answers=tuple(graph.given),
        ),
    )
    return path


def play(path: Path, target: Target) -> TenantSnapshot:
    """Visit the recorded tenant. Raises RecordingError for a recording that is absent or damaged."""
    recording = read_recording(path)
    return visit_tenant(
        target,
        credential=_credential(recording.tenant_id),
        policy=CloudPolicy(),
        taken_at=recording.taken_at,
        connect=replay(recording),
    )


def _visit(described: Tenant, graph: "_Described") -> TenantSnapshot:
    def connect(_target: Target, _credential: CloudCredential, policy: CloudPolicy) -> GraphClient:
        return GraphClient(
            _Tokens(described),
            policy=policy,
            open_wire=lambda _policy: graph,
            patience=Patience(longest_s=0.0, sleep=lambda _seconds: None),
            pace=Pace(),
        )

    return visit_tenant(
        target_of(described),
        credential=_credential(described.id),
        policy=CloudPolicy(),
        taken_at=described.taken_at,
        connect=connect,
    )


def _credential(tenant_id: str) -> CloudCredential:
    return CloudCredential(tenant=tenant_id, client_id="recorded", secret=Secret("recorded"))


@dataclass(slots=True)
class _Described:
    """A wire that answers from the description and remembers what it gave, each address once."""

    described: Tenant
    given: list[Answer] = field(default_factory=list)
    unanswered: set[str] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:  # noqa: ARG002  every question is answered alike
        """See `Wire`."""
        answer = self._answer(url)
        if url not in self._known:
            self._known.add(url)
            self.given.append(answer)
        return Reply(status=answer.status, headers=answer.headers, body=answer.content())

    def close(self) -> None:
        """See `Wire`."""

    def _answer(self, url: str) -> Answer:
        if url.startswith(_DOWNLOADS):
            return Answer(url=url, headers=_CSV, body=REPORTS[url.removeprefix(_DOWNLOADS)](self.described))
        parts = urlsplit(url)
        path = unquote(parts.path).removeprefix("/v1.0")
        if path in self.described.refused:
            return Answer(url=url, status=403, headers=_JSON, body=_DENIED)
        name = path.removeprefix("/reports/").partition("(")[0]
        if path.startswith("/reports/") and name in REPORTS:
            return Answer(url=url, status=302, headers={"location": _DOWNLOADS + name})
        if path == "/users" and "signInActivity" in parse_qs(parts.query).get("$select", [""])[0]:
            return Answer(url=url, headers=_JSON, body=sign_ins(self.described))
        if path not in ANSWERS:
            self.unanswered.add(path)
            return Answer(url=url, status=404, headers=_JSON, body="{}")
        return Answer(url=url, headers=_JSON, body=ANSWERS[path](self.described))


class _Tokens:
    """A signed-in application, without a sign-in."""

    client_id = "recorded"

    def __init__(self, described: Tenant) -> None:
        self.tenant = described.domain
        self.asked_tenant = described.id
        self.endpoints = CloudEndpoints()
        self._token = Token(value=Secret("recorded"), tenant_id=described.id, granted=frozenset(described.granted))

    def token(self) -> Token:
        """See `TokenSource`."""
        return self._token

    def renew(self, rejected: Token) -> Token:  # noqa: ARG002  never refused
        """See `TokenSource`."""
        return self._token

    def close(self) -> None:
        """See `TokenSource`."""
