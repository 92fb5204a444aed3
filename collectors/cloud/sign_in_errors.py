"""What Microsoft Entra's refusals mean, and what to do about each.

Source: "Microsoft Entra authentication and authorization error codes". The numbers are not promised to stay: an unknown
one is shown with its own words.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

from collectors.cloud.credentials import CloudCredential
from collectors.errors import ConsentMissing, SignInFailed, TenantError
from collectors.model import GapReason

_CODE = re.compile(r"AADSTS(\d{3,8})")
_SHOWN_CHARACTERS = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One kind of refusal. `consent` marks those that an administrator's consent would mend."""

    problem: str
    hint: str
    consent: bool = False


_CONSENT = "An administrator of the tenant must open {consent_url} and accept."
_CERTIFICATE = "Upload the certificate under App registrations > the application > Certificates & secrets."
REFUSALS: Mapping[str, Refusal] = {
    "7000215": Refusal(
        problem="the client secret is wrong",
        hint="Copy the secret's value, not its id; it is shown once, when it is made.",
    ),
    "7000222": Refusal(
        problem="the client secret has expired",
        hint="Make another one under Certificates & secrets, or move to a certificate.",
    ),
    "7000218": Refusal(
        problem="the sign-in service wants a secret or certificate where none was sent",
        hint="For the device code, turn on 'Allow public client flows' under Authentication of the application.",
    ),
    "700016": Refusal(
        problem="the application is not known in this tenant", hint=f"Check the client id. {_CONSENT}", consent=True
    ),
    "7000229": Refusal(problem="the application is not known in this tenant", hint=_CONSENT, consent=True),
    "650052": Refusal(problem="the application lacks access to Microsoft Graph", hint=_CONSENT, consent=True),
    "65001": Refusal(problem="nobody has consented to the application", hint=_CONSENT, consent=True),
    "90094": Refusal(problem="only an administrator can consent to the application", hint=_CONSENT, consent=True),
    "7000112": Refusal(
        problem="the application is disabled in this tenant",
        hint="Enable it under Enterprise applications > the application > Properties.",
    ),
    "90002": Refusal(
        problem="the tenant does not exist",
        hint="Check the tenant id; it stands on the overview page of the Entra admin center.",
    ),
    "900023": Refusal(
        problem="the tenant id is neither an id nor a domain",
        hint="Check the tenant id; it stands on the overview page of the Entra admin center.",
    ),
    "5000225": Refusal(
        problem="the tenant is blocked because it was not used", hint="Microsoft's support can open it again."
    ),
    "700027": Refusal(
        problem="the certificate is not registered with the application, or has expired there", hint=_CERTIFICATE
    ),
    "7000214": Refusal(problem="the certificate has been revoked", hint=f"Make another one. {_CERTIFICATE}"),
    "1000502": Refusal(problem="the certificate has expired", hint=f"Make another one. {_CERTIFICATE}"),
    "700024": Refusal(
        problem="the signed request is outside its time range", hint="Set the clock of this machine right (NTP)."
    ),
    "50194": Refusal(
        problem="the application serves one tenant only",
        hint="Use its own tenant id, or make it multi-tenant under Authentication.",
    ),
    "500011": Refusal(
        problem="Microsoft Graph is not known in this tenant", hint="Check which cloud the tenant is in (endpoints)."
    ),
    "53003": Refusal(
        problem="conditional access blocks this sign-in",
        hint="Device codes are often blocked: use the application's certificate, or have the policy except it.",
    ),
    "530032": Refusal(
        problem="a security policy of the tenant blocks this sign-in", hint="Use the application's certificate."
    ),
    "50076": Refusal(problem="a second factor is required", hint="Sign in again and pass it, or use a certificate."),
    "50079": Refusal(problem="the person must set up a second factor", hint="Do so in a browser, then sign in again."),
    "50105": Refusal(
        problem="the person is not assigned to the application",
        hint="Assign them under Enterprise applications > the application > Users and groups.",
    ),
    "70020": Refusal(problem="the device code was not entered in time", hint="Run it again and enter the code."),
    "90072": Refusal(problem="the person belongs to another tenant", hint="Sign in with an account of this tenant."),
}
_BY_ERROR: Mapping[str, Refusal] = {
    "authorization_pending": REFUSALS["70020"],
    "expired_token": REFUSALS["70020"],
    "code_expired": REFUSALS["70020"],
    "authorization_declined": Refusal(problem="the person declined the sign-in", hint="Run it again and accept."),
    "access_denied": Refusal(problem="the person declined the sign-in", hint="Run it again and accept."),
}


def explain(tenant: str, result: Mapping[str, Any], credential: CloudCredential) -> TenantError:
    """The error for what msal or the sign-in service answered. The secret of the credential is in none of its words."""
    error = str(result.get("error") or "no reason given")
    told = " ".join(str(result.get("error_description") or "").split("Trace ID:")[0].splitlines()).strip()
    code = code_of(result)
    correlation = str(result.get("correlation_id") or "")
    refusal = REFUSALS.get(code) or (_BY_ERROR.get(error) if not code else None)
    if refusal is None:
        told = _printable(_without_secrets(told or error, credential))
        return SignInFailed(
            tenant,
            f"signing in failed: {told.rstrip('.')}.",
            hint=f"Correlation id for Microsoft's support: {_printable(correlation)}." if correlation else "",
            code=code,
            correlation_id=correlation,
        )
    url = credential.endpoints.consent_url(credential.tenant, credential.client_id)
    number = f" (AADSTS{code})" if code else ""
    kind = ConsentMissing if refusal.consent else SignInFailed
    late = refusal is REFUSALS["70020"]
    return kind(
        tenant,
        f"signing in failed: {refusal.problem}{number}.",
        hint=refusal.hint.format(consent_url=url),
        code=code,
        correlation_id=correlation,
        reason=GapReason.TIMED_OUT if late else None,
    )


def code_of(result: Mapping[str, Any]) -> str:
    """The AADSTS number of an answer; the one its text begins with, else the first of its list, else ""."""
    if found := _CODE.search(str(result.get("error_description") or "")):
        return found[1]
    codes = result.get("error_codes")
    return str(codes[0]) if isinstance(codes, list) and codes and isinstance(codes[0], int) else ""


def _without_secrets(text: str, credential: CloudCredential) -> str:
    for secret in (credential.secret, credential.passphrase):
        if secret is not None and secret.reveal():
            plain = secret.reveal()
            for written in (plain, quote(plain, safe=""), quote_plus(plain)):  # a form is echoed as it was sent
                text = text.replace(written, "…")
    return text


def _printable(text: str) -> str:
    clean = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * _SHOWN_CHARACTERS]).split())
    return clean if len(clean) <= _SHOWN_CHARACTERS else f"{clean[: _SHOWN_CHARACTERS - 1]}…"
