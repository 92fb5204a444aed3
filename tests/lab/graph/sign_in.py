"""The lab's sign-in service: enough of OAuth for msal, with Microsoft's own error numbers.

It checks what it is sent: the secret, or the signature and the header of a client assertion. npm's oidc-provider is the
independent opinion (tests/lab/oidc.py); this one needs no Node and knows how to give wrong tokens.
"""

import base64
import json
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.lab.graph.tenant import LabTenant


@dataclass(slots=True, kw_only=True)
class Issued:
    """A token that was given: for whom, and how many more calls it is good for (None: no end)."""

    tenant: LabTenant
    calls_left: int | None


@dataclass(slots=True, kw_only=True)
class SignInService:
    """Tokens by value; `asked` counts requests for one. `answers`, when set, are sent instead, oldest first."""

    tenants: dict[str, LabTenant]
    issued: dict[str, Issued] = field(default_factory=dict)
    asked: int = 0
    algorithms: list[str] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tenant_of(self, name: str) -> LabTenant | None:
        """A tenant by id or domain."""
        return next((t for t in self.tenants.values() if name.lower() in (t.id, t.domain)), None)

    def configuration(self, base: str, name: str) -> tuple[int, Any]:
        """/.well-known/openid-configuration of one tenant."""
        tenant = self.tenant_of(name)
        if tenant is None:
            text = f"AADSTS90002: Tenant '{name}' not found. Check to make sure you have the correct tenant ID."
            return 400, _error("invalid_tenant", text, 90002)
        root = f"{base}/{tenant.id}"
        return 200, {
            "issuer": f"{root}/v2.0",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
        }

    def token(self, name: str, body: bytes, endpoint: str) -> tuple[int, Any]:
        """Answer a token request."""
        with self.lock:
            self.asked += 1
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        tenant = self.tenant_of(name)
        if tenant is None:
            return 400, _error("invalid_tenant", f"AADSTS90002: Tenant '{name}' not found.", 90002)
        if form.get("client_id") != tenant.client_id:
            text = f"AADSTS700016: Application with identifier '{form.get('client_id')}' was not found in the directory"
            return 400, _error("unauthorized_client", text, 700016)
        if (refusal := self._refusal(tenant, form, endpoint)) is not None:
            return 401, refusal
        value = self.give(tenant)
        return 200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": value}

    def give(self, tenant: LabTenant) -> str:
        """A new token of that tenant, shaped as Microsoft's are."""
        claims = {
            "aud": "https://graph.microsoft.com",
            "tid": tenant.token_tenant or tenant.id,
            "appid": tenant.client_id,
            "roles": sorted(tenant.granted),
            "uti": secrets.token_urlsafe(12),
        }
        value = ".".join((_part({"typ": "JWT", "alg": "RS256"}), _part(claims), secrets.token_urlsafe(32)))
        with self.lock:
            self.issued[value] = Issued(tenant=tenant, calls_left=tenant.calls_per_token)
        return value

    def spend(self, header: str) -> LabTenant | None:
        """The tenant a call's Authorization header speaks for; None where the token is unknown or spent."""
        with self.lock:
            issued = self.issued.get(header.removeprefix("Bearer "))
            if issued is None or issued.calls_left == 0:
                return None
            if issued.calls_left is not None:
                issued.calls_left -= 1
            return issued.tenant

    def _refusal(self, tenant: LabTenant, form: dict[str, str], endpoint: str) -> Any:
        if "client_assertion" not in form:
            if form.get("client_secret") == tenant.secret:
                return None
            return _error("invalid_client", "AADSTS7000215: Invalid client secret provided.", 7000215)
        import jwt
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509 import load_pem_x509_certificate

        certificate = load_pem_x509_certificate(tenant.certificate) if tenant.certificate else None
        assertion = form["client_assertion"]
        header = jwt.get_unverified_header(assertion)
        self.algorithms.append(header["alg"])
        unknown = _error("invalid_client", "AADSTS700027: The certificate is not registered on application.", 700027)
        if certificate is None:
            return unknown
        thumbprint = hashes.SHA256() if header["alg"] == "PS256" else hashes.SHA1()
        expected = base64.urlsafe_b64encode(certificate.fingerprint(thumbprint)).rstrip(b"=").decode()
        if header.get("x5t#S256" if header["alg"] == "PS256" else "x5t", "").rstrip("=") != expected:
            return unknown
        try:
            jwt.decode(assertion, certificate.public_key(), algorithms=["PS256", "RS256"], audience=endpoint)  # type: ignore[arg-type]
        except jwt.PyJWTError as error:
            return _error("invalid_client", f"AADSTS700027: {error}", 700027)
        return None


def _error(error: str, description: str, code: int) -> dict[str, Any]:
    return {
        "error": error,
        "error_description": f"{description}\r\nTrace ID: 11111111\r\nCorrelation ID: 22222222",
        "error_codes": [code],
        "correlation_id": "22222222-3333-4444-8555-666666666666",
    }


def _part(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
