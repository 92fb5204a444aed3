"""A Graph of canned answers, behind the real client: what one question makes of one answer.

`tests.lab.graph` is the Graph with a will of its own; here every byte is the test's.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from collectors.cloud.credentials import CloudCredential, CloudEndpoints
from collectors.cloud.facts import TenantFact, TenantSnapshot
from collectors.cloud.graph import GraphClient
from collectors.cloud.policy import CloudPolicy
from collectors.cloud.question import Asked, TenantPart, TenantQuestion
from collectors.cloud.throttle import Pace, Patience
from collectors.cloud.tokens import Token
from collectors.cloud.visit import visit_tenant
from collectors.cloud.wire import Reply, WireBroken
from collectors.credentials import Secret
from collectors.model import GapReason, Protocol, Target

TENANT = "48a80680-7326-48cd-9935-b556b81d3a4e"
SPB = "cbdc14ab-d96c-4c30-b9f4-6ada7cdc1d46"
E3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"
P1 = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
P2 = "eec0eb4f-6444-4f95-aba0-50c24d67f998"
EXCHANGE = "9aaf7827-d63c-4b61-89c3-182f06f82e5c"
TEAMS = "57ff2da0-773e-42df-b2af-ffb7a2317929"
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ASKED = Asked(taken_at=NOW)
GRANTED = frozenset(
    {
        "Organization.Read.All",
        "LicenseAssignment.Read.All",
        "User.Read.All",
        "Reports.Read.All",
        "AuditLog.Read.All",
        "ReportSettings.Read.All",
        "GroupMember.Read.All",
        "DeviceManagementManagedDevices.Read.All",
        "MailboxSettings.Read",
    }
)

Answer = object  # a JSON document, bytes, a Reply, a WireBroken, or a list of Replies given one after the other


def refusal(status: int, code: str = "", *, message: str = "no", **headers: str) -> Reply:
    """An error as Graph sends it."""
    body = {"error": {"code": code, "message": message, "innerError": {"request-id": "r-1"}}}
    return Reply(status=status, headers=headers, body=json.dumps(body).encode())


def rows(*entries: Mapping[str, Any], link: str = "") -> dict[str, Any]:
    """One page of a listing."""
    page: dict[str, Any] = {"value": list(entries)}
    return page | ({"@odata.nextLink": f"https://graph.microsoft.com/v1.0{link}"} if link else {})


class Wire:
    """Answers by path, or by path and query; what is not there was not found."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = {name: list(one) if isinstance(one, list) else one for name, one in answers.items()}
        self.asked: list[str] = []
        self.headers: list[Mapping[str, str]] = []

    def get(self, url: str, headers: Mapping[str, str]) -> Reply:
        parts = urlsplit(url)
        path = unquote(parts.path.removeprefix("/v1.0"))
        asked = f"{path}?{unquote(parts.query)}" if parts.query else path
        self.asked.append(asked)
        self.headers.append(headers)
        name = asked if asked in self.answers else path
        answer = self.answers.get(name, refusal(404, "ResourceNotFound"))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, WireBroken):
            raise answer
        if isinstance(answer, Reply):
            return answer
        return Reply(status=200, headers={}, body=answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def close(self) -> None:
        """Nothing is open."""


class Tokens:
    tenant, asked_tenant, client_id = "contoso", TENANT, "app"

    def __init__(self, granted: frozenset[str] = GRANTED) -> None:
        self.endpoints = CloudEndpoints()
        self._token = Token(value=Secret("a.b.c"), tenant_id=TENANT, granted=granted)

    def token(self) -> Token:
        return self._token

    def renew(self, rejected: Token) -> Token:
        return self._token

    def close(self) -> None:
        """Nothing is open."""


def client(wire: Wire, *, granted: frozenset[str] = GRANTED, policy: CloudPolicy | None = None) -> GraphClient:
    """The real client over canned answers; it never waits."""
    patience = Patience(longest_s=600, sleep=lambda _seconds: None, chance=lambda: 0.0)
    policy = policy or CloudPolicy()
    return GraphClient(Tokens(granted), policy=policy, open_wire=lambda _policy: wire, patience=patience, pace=Pace())


def ask(
    question: TenantQuestion, answers: Mapping[str, Answer], *, asked: Asked = ASKED, wire: Wire | None = None
) -> TenantPart:
    """What one question makes of these answers."""
    return question.ask(client(wire or Wire(answers)), asked)


def visit(
    answers: Mapping[str, Answer],
    *,
    wire: Wire | None = None,
    granted: frozenset[str] = GRANTED,
    questions: tuple[TenantQuestion, ...] | None = None,
    **policy: Any,
) -> TenantSnapshot:
    """A visit of a tenant that answers so."""
    return visit_tenant(
        Target(name="contoso", protocol=Protocol.M365, address=TENANT),
        credential=CloudCredential(tenant=TENANT, client_id="app"),
        policy=CloudPolicy(**policy),
        taken_at=NOW,
        questions=questions,
        connect=lambda _target, _credential, policy: client(wire or Wire(answers), granted=granted, policy=policy),
    )


def hidden(snapshot: TenantSnapshot | TenantPart) -> dict[TenantFact, tuple[GapReason, str]]:
    """Why each fact that has a gap has one, and the permission that is missing."""
    return {gap.kind: (gap.reason, gap.permission) for gap in snapshot.gaps}
