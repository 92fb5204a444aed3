"""Each Microsoft 365 tenant: the sign-in, whose tenant it is, and what every missing permission costs."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from auditor.checkup.checks import Check, Section, State, say
from auditor.onboarding import key_of
from auditor.settings import TenantSettings
from collectors.cloud.credentials import CloudCredential
from collectors.cloud.permissions import PERMISSIONS, Permission, needed_for
from collectors.cloud.policy import CloudPolicy
from collectors.errors import TenantError
from rules.messages import Message, Params

if TYPE_CHECKING:
    from collectors.cloud.facts import Organization
    from collectors.cloud.graph import GraphClient
    from collectors.cloud.visit import Connect

_log = logging.getLogger(__name__)
_SOON = timedelta(days=30)
# Nothing else tells what these do: without them an audit ends as incomplete, though they are optional.
_ALONE = frozenset({"AuditLog.Read.All", "MailboxSettings.Read"})
# One call of each kind that a visit makes, with what it selects where that decides about permissions.
_CALLS = (
    ("/organization", ""),
    ("/subscribedSkus", ""),
    ("/users", ""),
    ("/users", "signInActivity"),
    ("/groups", ""),
    ("/users/id/mailboxSettings", ""),
    ("/admin/reportSettings", ""),
    ("/reports/getOffice365ActiveUserDetail", ""),
    ("/deviceManagement/managedDevices", ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """What the checks need: how tenants are reached, and what time it is. `offline` asks none of them."""

    policy: CloudPolicy
    now: datetime
    connect: "Connect"
    width: int = 16
    offline: bool = False


def tenant_sections(
    tenants: Sequence[TenantSettings], credentials: Mapping[str, CloudCredential], doctor: Doctor
) -> Iterator[Section]:
    """One section per tenant, in their order; all are asked at once. One whose credential is missing is left out."""
    tenants = [tenant for tenant in tenants if tenant.target.name in credentials]
    if not tenants:
        return

    def asked(tenant: TenantSettings) -> Section:
        return Section(
            name="m365",
            heading=_heading(tenant),
            checks=tuple(_tenant_checks(tenant, credentials[tenant.target.name], doctor)),
        )

    with ThreadPoolExecutor(max_workers=min(doctor.width, len(tenants)), thread_name_prefix="doctor") as pool:
        yield from pool.map(asked, tenants)


def unasked(tenant: TenantSettings, problem: str) -> Section:
    """A tenant that could not be tried at all: what is wrong with its credential."""
    text = say("unvisited", problem=problem)
    check = Check(name="m365.sign_in", state=State.FAILED, text=text, refuses=True)
    return Section(name="m365", heading=_heading(tenant), checks=(check,))


def _heading(tenant: TenantSettings) -> Message:
    params: Params = {"name": tenant.target.name, "tenant": tenant.target.address}
    return say("tenant", **params)


def _tenant_checks(tenant: TenantSettings, credential: CloudCredential, doctor: Doctor) -> Iterator[Check]:
    yield from _certificate(tenant, credential, doctor.now)
    if doctor.offline:
        return
    try:
        client = doctor.connect(tenant.target, credential, doctor.policy)
        with client:
            yield from _Asked(tenant, credential, client, doctor.now).checks()
    except TenantError as error:
        problem = f"{error.problem} {error.hint}".strip()
        yield Check(name="m365.sign_in", state=State.FAILED, text=problem, permission=error.permission)
    except Exception as error:  # noqa: BLE001 - as for a visit: one tenant must never end the others' checks
        _log.exception("%s: the check broke", tenant.target.name)
        text = f"the check broke inside this product: {type(error).__name__}, see the log"
        yield Check(name="m365.sign_in", state=State.FAILED, text=text)


def _certificate(tenant: TenantSettings, credential: CloudCredential, now: datetime) -> Iterator[Check]:
    """How long the certificate still serves; what is wrong with it is told by the sign-in."""
    if credential.certificate_file is None and credential.pfx_file is None:
        return
    from cryptography.x509 import load_pem_x509_certificate

    from collectors.cloud.certificate import key_of as material

    try:
        pem = material(credential, tenant.target.name, now)["public_certificate"]
    except TenantError:
        return
    until = load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    days = (until - now).days
    params: Params = {"until_on": until.date().isoformat(), "count": days}
    soon = until - now < _SOON
    yield Check(
        name="m365.certificate",
        state=State.WARNING if soon else State.OK,
        text=say("certificate_soon" if soon else "certificate", **params),
        todo=say("certificate_todo") if soon else "",
    )


class _Asked:
    """The checks of a tenant that can be signed in to."""

    def __init__(
        self, tenant: TenantSettings, credential: CloudCredential, client: "GraphClient", now: datetime
    ) -> None:
        self._now = now
        self._credential = credential
        self._tenant = tenant
        self._client = client

    def checks(self) -> Iterator[Check]:
        granted, tenant_id = self._client.granted, self._client.tenant_id
        person = self._credential.device_code
        params: Params = {"tenant_id": tenant_id, "client_id": self._tenant.client_id}
        yield Check(
            name="m365.sign_in",
            state=State.OK,
            text=say("signed_in_person" if person else "signed_in", **params),
            todo=say("person_reports") if person else "",
        )
        organization, check = self._organization()
        yield check
        for permission in PERMISSIONS:
            yield self._permission(permission, granted, organization)
        for name in sorted(granted):
            if "Write" in name:
                yield Check(
                    name="m365.more_than_needed",
                    state=State.WARNING,
                    text=say("writes", permission=name),
                    permission=name,
                )
        if covers(granted, "ReportSettings.Read.All"):
            yield from self._concealed()

    def _organization(self) -> "tuple[Organization | None, Check]":
        from collectors.cloud.m365_organization import QUESTION
        from collectors.cloud.question import Asked
        from collectors.errors import SignInFailed, TenantUnreachable, WrongTenant

        try:
            found = QUESTION.ask(self._client, Asked(taken_at=self._now)).organization
        except (SignInFailed, TenantUnreachable, WrongTenant):
            raise
        except TenantError as error:
            text = say("organization_unread", problem=error.problem)
            return None, Check(name="m365.organization", state=State.WARNING, text=text, permission=error.permission)
        if found is None:
            text = say("organization_unread", problem="")
            return None, Check(name="m365.organization", state=State.WARNING, text=text)
        text = say("organization", name=found.name, domain=found.default_domain)
        return found, Check(name="m365.organization", state=State.OK, text=text)

    def _permission(
        self, permission: Permission, granted: frozenset[str], organization: "Organization | None"
    ) -> Check:
        name, texts = permission.name, f"cli.permission.{key_of(permission.name)}"
        state, key, words = State.OK, "granted", {}
        if covers(granted, name):
            pass
        elif name == "AuditLog.Read.All" and organization is not None and not _premium(organization):
            state, key, words = State.NOTE, "unneeded", {"why": f"{texts}.unneeded"}
        else:
            state, key = (State.NOTE, "optional") if permission.optional else (State.FAILED, "missing")
            state = State.PARTIAL if name in _ALONE else state
            words = {"why": f"{texts}.why", "cost": f"{texts}.cost"}
        return Check(
            name="m365.permission",
            state=state,
            text=say(key, permission=name),
            todo=self._grant() if key in ("optional", "missing") else "",
            permission=name,
            words=words,
        )

    def _grant(self) -> Message:
        if self._credential.device_code:
            return say("grant_person")
        url = self._credential.endpoints.consent_url(self._credential.tenant, self._tenant.client_id)
        return say("grant", client_id=self._tenant.client_id, url=url)

    def _concealed(self) -> Iterator[Check]:
        from collectors.cloud.m365_report_settings import QUESTION
        from collectors.cloud.question import Asked

        try:
            concealed = QUESTION.ask(self._client, Asked(taken_at=self._now)).names_concealed
        except TenantError as error:
            yield Check(name="m365.names_concealed", state=State.WARNING, text=error.problem)
            return
        if concealed:
            yield Check(
                name="m365.names_concealed",
                state=State.PARTIAL,
                text=say("concealed"),
                todo=say("concealed_todo"),
            )


def _premium(organization: "Organization") -> bool:
    from collectors.cloud.m365_sign_ins import PREMIUM_PLANS

    return bool(organization.plans & PREMIUM_PLANS)


def covers(granted: Iterable[str], name: str) -> bool:
    """Whether what was granted allows every call that the permission is asked for; a broader one does too."""
    held = set(granted)
    wanted = [any_of for path, select in _CALLS for any_of in needed_for(path, select) if any_of[0] == name]
    return all(held.intersection(any_of) for any_of in wanted or ((name,),))
