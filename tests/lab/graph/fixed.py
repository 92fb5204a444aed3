"""Tokens that were never asked for: for Graphs that take any bearer, and for tests that are not about signing in."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from collectors.cloud.credentials import CloudEndpoints
from collectors.cloud.tokens import Token
from collectors.credentials import Secret
from tests.lab.graph.tenant import EVERY_PERMISSION


@dataclass(slots=True)
class FixedTokens:
    """A token source with one token; `renewals` counts how often another was wanted."""

    tenant: str
    endpoints: CloudEndpoints
    granted: Iterable[str] = EVERY_PERMISSION
    delegated: bool = False
    client_id: str = "11111111-2222-4333-8444-555555555555"
    asked_tenant: str = "48a80680-7326-48cd-9935-b556b81d3a4e"
    renewals: list[Token] = field(default_factory=list)

    def token(self) -> Token:
        value = Secret("fixed.token.of-the-lab")
        granted = frozenset(self.granted)
        return Token(value=value, tenant_id=self.asked_tenant, granted=granted, delegated=self.delegated)

    def renew(self, rejected: Token) -> Token:
        self.renewals.append(rejected)
        return self.token()

    def close(self) -> None:
        """Nothing is open."""
