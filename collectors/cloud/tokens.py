"""Tokens for one tenant: signed in by certificate, secret or device code, and checked to be that tenant's.

msal does the protocol. It answers errors as dictionaries; here they become words. Tokens and secrets stay in memory and
appear in no message, log or `repr`.
"""

import base64
import binascii
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from typing import Protocol as Interface

from collectors.cloud.certificate import key_of
from collectors.cloud.credentials import CloudCredential, CloudEndpoints
from collectors.cloud.policy import CloudPolicy, DeviceCode
from collectors.cloud.sign_in_errors import explain
from collectors.cloud.sign_in_wire import SignInWire
from collectors.cloud.wire import WireBroken
from collectors.credentials import Secret
from collectors.errors import SignInFailed, TenantError, TenantUnreachable, WrongTenant
from collectors.model import GapReason

if TYPE_CHECKING:
    import msal  # type: ignore[import-untyped]

_log = logging.getLogger(__name__)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# An id or a domain; never "common" or "organizations", where nobody knows whose token comes back.
_TENANT = re.compile(rf"{_GUID.pattern}|(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{{2,}}")
# msal blanks tokens and secrets in what it logs of a sign-in, but not the device code.
logging.getLogger("msal.token_cache").addFilter(lambda record: not str(record.msg).startswith("event="))
_CACHE_LOCK = threading.Lock()
_CACHE: "list[msal.TokenCache]" = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token and what it says of itself.

    `granted` are permissions as Graph names them: application roles, or, where `delegated`, the scopes of a person.
    """

    value: Secret
    tenant_id: str
    granted: frozenset[str] = frozenset()
    delegated: bool = False


class TokenSource(Interface):
    """Where a `GraphClient` gets its tokens. `tenant` is the name that errors show; used by one thread."""

    tenant: str
    asked_tenant: str
    client_id: str
    endpoints: CloudEndpoints

    def token(self) -> Token:
        """A token that is valid now. Raises SignInFailed, WrongTenant or TenantUnreachable."""

    def renew(self, rejected: Token) -> Token:
        """Another token than the one Graph rejected. Raises like `token`."""

    def close(self) -> None:
        """Let go of connections; a later call opens them anew."""


def shared_cache() -> "msal.TokenCache":
    """The tokens of this process, in memory only; its keys hold tenant and application. Thread-safe."""
    import msal

    with _CACHE_LOCK:
        if not _CACHE:
            _CACHE.append(msal.TokenCache())
        return _CACHE[0]


class EntraTokens:
    """Tokens from Microsoft Entra ID for one tenant: one msal application of its own, so that none is mixed up.

    `tenant` is the name shown in errors ("" takes the credential's tenant). `cache` is shared by the tenants of a run;
    a person's sign-in is kept out of it.
    """

    def __init__(
        self,
        credential: CloudCredential,
        *,
        policy: CloudPolicy | None = None,
        tenant: str = "",
        cache: "msal.TokenCache | None" = None,
    ) -> None:
        self.tenant = tenant or credential.tenant
        self.asked_tenant = credential.tenant.strip().lower()
        self.client_id = credential.client_id
        self.endpoints = credential.endpoints
        self._credential = credential
        self._policy = policy or CloudPolicy()
        self._cache = cache
        self._wire = SignInWire(self._policy)
        self._app: Any = None

    def __repr__(self) -> str:
        return f"EntraTokens({self.tenant!r})"

    def token(self) -> Token:
        """See `TokenSource`."""
        return self._acquire()

    def renew(self, rejected: Token) -> Token:
        """See `TokenSource`."""
        return self._acquire(rejected)

    def close(self) -> None:
        """See `TokenSource`."""
        self._wire.close()

    def _guarded(self, talk: Callable[[], Any]) -> Any:
        """Let msal talk to the sign-in service; every failure comes out as a TenantError without a secret."""
        try:
            return talk()
        except WireBroken as error:
            if self._wire.last_words:  # out of order, and it says why
                said = self._refused(self._wire.last_words)
                raise TenantUnreachable(self.tenant, said.problem, hint=said.hint or error.hint) from error
            raise TenantUnreachable(
                self.tenant, f"the sign-in service could not be reached: {error.problem}.", hint=error.hint
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            # msal raises these where the service's description of itself is absent or no description.
            _log.debug("%s: msal failed: %s", self.tenant, type(error).__name__)
            raise self._no_authority() from error

    def _acquire(self, rejected: Token | None = None) -> Token:
        if self._app is None:
            self._app = self._new_app()
        scopes = [self.endpoints.token_scope]
        if self._credential.device_code:
            result = self._by_person(scopes, renew=rejected is not None)
        else:
            if rejected is not None:
                self._forget(rejected)
            result = self._guarded(lambda: self._app.acquire_token_for_client(scopes=scopes))
        return self._checked(result)

    def _new_app(self) -> Any:
        import msal

        if _TENANT.fullmatch(self.asked_tenant) is None or not self._credential.client_id:
            raise SignInFailed(
                self.tenant,
                "signing in needs a client id, and a tenant by its id or by one of its domains "
                f"({self.asked_tenant[:80]!r} is neither).",
                hint="The tenant id stands on the overview page of the Entra admin center.",
            )
        authority = f"{self.endpoints.login.rstrip('/')}/{self.asked_tenant}"
        # Our own authority list is the configuration: msal need not ask the public cloud about a national one.
        shared: dict[str, Any] = {"authority": authority, "instance_discovery": False, "http_client": self._wire}
        client_id = self._credential.client_id
        if self._credential.device_code:
            return self._guarded(lambda: msal.PublicClientApplication(client_id, **shared))
        shared |= {
            "client_credential": key_of(self._credential, self.tenant, datetime.now(UTC)),
            "token_cache": self._cache if self._cache is not None else shared_cache(),
            "azure_region": False,  # no surprise from MSAL_FORCE_REGION
        }
        return self._guarded(lambda: msal.ConfidentialClientApplication(client_id, **shared))

    def _forget(self, rejected: Token) -> None:
        """Drop one token from the cache; msal's own way would drop those of every other tenant of the application."""
        cache = self._app.token_cache
        held = cache.search(cache.CredentialType.ACCESS_TOKEN, query={"client_id": self.client_id})
        for entry in list(held):
            if entry.get("secret") == rejected.value.reveal():
                cache.remove_at(entry)

    def _by_person(self, scopes: list[str], *, renew: bool) -> Mapping[str, Any]:
        held = self._guarded(lambda: self._silently(scopes, renew=renew))
        if held is not None:
            return dict(held)
        if self._policy.show_device_code is None:
            raise SignInFailed(
                self.tenant,
                "signing in by device code needs a person, and this run has none.",
                hint="Run it from a terminal, or use the application's certificate.",
            )
        flow = self._guarded(lambda: self._app.initiate_device_flow(scopes=scopes))
        if "user_code" not in flow:
            raise self._refused(flow)
        ends = min(time.time() + self._policy.device_code_wait_s, float(flow.get("expires_at", time.time() + 900)))
        flow["expires_at"] = ends
        self._policy.show_device_code(
            DeviceCode(
                tenant=self.tenant,
                url=str(flow.get("verification_uri", "")),
                code=str(flow["user_code"]),
                expires_at=datetime.fromtimestamp(ends, UTC),
            )
        )
        return dict(self._guarded(lambda: self._app.acquire_token_by_device_flow(flow)))

    def _silently(self, scopes: list[str], *, renew: bool) -> Any:
        """What the person's earlier sign-in still gives; None where there was none."""
        found = (
            self._app.acquire_token_silent_with_error(scopes, account=account, force_refresh=renew)
            for account in self._app.get_accounts()
        )
        return next((result for result in found if result is not None), None)

    def _checked(self, result: Mapping[str, Any]) -> Token:
        value = result.get("access_token")
        if not isinstance(value, str) or not value:
            raise self._refused(result)
        claims = claims_of(value)
        tenant_id = str(claims.get("tid", "")).lower()
        expected = self._expected_tenant()
        if not tenant_id or tenant_id != expected:
            told = f"tenant {tenant_id}" if tenant_id else "no tenant that could be told"
            raise WrongTenant(
                self.tenant,
                f"the token is of {told}, {expected} was asked for; nothing was read.",
                hint="Check the tenant id of the credential.",
            )
        roles, scopes = claims.get("roles"), claims.get("scp")
        delegated = isinstance(scopes, str)
        granted = scopes.split() if isinstance(scopes, str) else roles if isinstance(roles, list) else []
        names = frozenset(name for name in granted if isinstance(name, str))
        return Token(value=Secret(value), tenant_id=tenant_id, granted=names, delegated=delegated)

    def _expected_tenant(self) -> str:
        """The tenant id that was asked for; for a domain, the one the sign-in service knows it by."""
        if _GUID.fullmatch(self.asked_tenant):
            return self.asked_tenant
        return str(self._app.authority.tenant).lower()

    def _refused(self, result: Mapping[str, Any]) -> TenantError:
        return explain(self.tenant, result, self._credential)

    def _no_authority(self) -> TenantError:
        """What to say where the sign-in service did not describe itself: its own last words, if it said any."""
        said = self._wire.last_words
        if said:
            return self._refused(said)
        return SignInFailed(
            self.tenant,
            f"{self.endpoints.login} did not answer as a Microsoft sign-in service.",
            hint="Check the tenant id, and that no proxy answers in its place.",
            reason=GapReason.UNPARSABLE,
        )


def claims_of(token: str) -> Mapping[str, Any]:
    """What a JWT says of itself, unverified (Graph verifies it); {} for anything else."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
