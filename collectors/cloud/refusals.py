"""Words for what Graph refused: what was asked, what lacks, and the page that grants it."""

from typing import Any

from collectors.cloud.answers import Refused
from collectors.cloud.call import Call
from collectors.cloud.permissions import missing_for, needed_for
from collectors.cloud.tokens import Token, TokenSource
from collectors.errors import GraphError, PermissionMissing
from collectors.model import GapReason

NOT_PREMIUM = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
"""Sign-ins are told to tenants with Entra ID P1 or P2 only; to those the refusal comes and goes all the same."""


def refusal(source: TokenSource, call: Call, why: Refused, token: Token) -> GraphError:
    """The error for an answer of 4xx or 5xx; PermissionMissing where the token lacks what the call needs."""
    where = f"Graph refused {call.path} (HTTP {why.status}{', ' + why.code if why.code else ''})"
    problem = f"{where}: {why.message.rstrip('.')}." if why.message else f"{where}."
    known: dict[str, Any] = {
        "status": why.status,
        "code": why.code,
        "message": why.message,
        "request_id": why.request_id,
        "path": call.path,
    }
    if why.status == 401:
        hint = "A token fresh from the sign-in service was refused: check that both serve the same cloud."
        return GraphError(source.tenant, problem, hint=hint, reason=GapReason.DENIED, **known)
    if why.status != 403:
        hint = f"Request id for Microsoft's support: {why.request_id}." if why.request_id else ""
        return GraphError(source.tenant, problem, hint=hint, **known)
    if why.code == NOT_PREMIUM:  # no permission would help
        owned = why.code in call.again_on
        hint = "It is known to come and go: run the audit again." if owned else "Entra ID P1 or P2 would be needed."
        reason = GapReason.DENIED if owned else GapReason.UNSUPPORTED
        return GraphError(source.tenant, problem, hint=hint, reason=reason, **known)
    lacking = missing_for(call.path, call.select, token.granted)
    if lacking:
        return PermissionMissing(
            source.tenant,
            f"{problem} The permission {lacking} is missing.",
            hint=_how_to_grant(source, lacking, token),
            permission=lacking,
            **known,
        )
    return GraphError(source.tenant, problem, hint=_despite(call, token), reason=GapReason.DENIED, **known)


def _how_to_grant(source: TokenSource, permission: str, token: Token) -> str:
    url = source.endpoints.consent_url(token.tenant_id or source.asked_tenant, source.client_id)
    kind = "delegated" if token.delegated else "application"
    return (
        f"Add the Microsoft Graph {kind} permission {permission} to the application (App registrations > API "
        f"permissions), then have an administrator consent: {url}"
    )


def _despite(call: Call, token: Token) -> str:
    """What may help where Graph refuses although every permission we know of was granted."""
    if call.is_report and token.delegated:
        return "The person who signed in needs the role Reports Reader (Global Reader sees totals only)."
    if call.path.startswith("/deviceManagement/"):
        return "The tenant may have no active Intune license."
    if needed_for(call.path, call.select):
        return "The permission was granted; a consent given just now takes some minutes to take effect."
    return ""
