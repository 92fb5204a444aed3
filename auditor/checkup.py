"""What a client's audits rest on, checked before they run: files, sign-in and permissions of each tenant, feeds.

A check is a question about one subject with an answer in one line. More subjects are more functions that yield
`Check`s; nothing else knows which there are.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from auditor.onboarding import key_of
from auditor.prices import PriceList
from auditor.settings import ClientSettings, TenantSettings
from collectors.cloud.credentials import CloudCredential
from collectors.cloud.permissions import PERMISSIONS, Permission, needed_for
from collectors.cloud.policy import CloudPolicy
from collectors.errors import TenantError
from rules.messages import Message, Params

if TYPE_CHECKING:
    from collectors.cloud.facts import Organization
    from collectors.cloud.graph import GraphClient
    from collectors.cloud.visit import Connect
    from collectors.feeds.records import FeedState

_log = logging.getLogger(__name__)
_SOON = timedelta(days=30)
_MOST_NAMES = 5
_SKU_NAMES = "m365-skus"
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


class State(StrEnum):
    """How one check went; FAILED means that the audit would be incomplete."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One answer. `text` is a message of the locale files, or said as it is where it has no id.

    `name` is stable, for other programs ("m365.permission"); `permission` names the one it is about. `words` are
    parameters of `text` that are messages themselves, by their ids.
    """

    name: str
    state: State
    text: Message | str
    todo: Message | str = ""
    permission: str = ""
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The checks of one subject; `heading` is a message of the locale files."""

    heading: Message
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """What the checks need: how tenants are reached, and what time it is."""

    policy: CloudPolicy
    now: datetime
    connect: "Connect"
    width: int = 16


def tenant_sections(
    tenants: Sequence[TenantSettings], credentials: dict[str, CloudCredential], doctor: Doctor
) -> Iterator[Section]:
    """One section per tenant, in their order; all are asked at once."""
    if not tenants:
        return

    def asked(tenant: TenantSettings) -> Section:
        params: Params = {"name": tenant.target.name, "tenant": tenant.target.address}
        return Section(
            heading=_say("tenant", **params),
            checks=tuple(_tenant_checks(tenant, credentials[tenant.target.name], doctor)),
        )

    with ThreadPoolExecutor(max_workers=min(doctor.width, len(tenants)), thread_name_prefix="doctor") as pool:
        yield from pool.map(asked, tenants)


def _tenant_checks(tenant: TenantSettings, credential: CloudCredential, doctor: Doctor) -> Iterator[Check]:
    yield from _certificate(tenant, credential, doctor.now)
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
        text=_say("certificate_soon" if soon else "certificate", **params),
        todo=_say("certificate_todo") if soon else "",
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
            text=_say("signed_in_person" if person else "signed_in", **params),
            todo=_say("person_reports") if person else "",
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
                    text=_say("writes", permission=name),
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
            text = _say("organization_unread", problem=error.problem)
            return None, Check(name="m365.organization", state=State.WARNING, text=text, permission=error.permission)
        if found is None:
            text = _say("organization_unread", problem="")
            return None, Check(name="m365.organization", state=State.WARNING, text=text)
        text = _say("organization", name=found.name, domain=found.default_domain)
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
            words = {"why": f"{texts}.why", "cost": f"{texts}.cost"}
        return Check(
            name="m365.permission",
            state=state,
            text=_say(key, permission=name),
            todo=self._grant() if key in ("optional", "missing") else "",
            permission=name,
            words=words,
        )

    def _grant(self) -> Message:
        if self._credential.device_code:
            return _say("grant_person")
        url = self._credential.endpoints.consent_url(self._credential.tenant, self._tenant.client_id)
        return _say("grant", client_id=self._tenant.client_id, url=url)

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
                state=State.WARNING,
                text=_say("concealed"),
                todo=_say("concealed_todo"),
            )


def _premium(organization: "Organization") -> bool:
    from collectors.cloud.m365_sign_ins import PREMIUM_PLANS

    return bool(organization.plans & PREMIUM_PLANS)


def covers(granted: Iterable[str], name: str) -> bool:
    """Whether what was granted allows every call that the permission is asked for; a broader one does too."""
    held = set(granted)
    wanted = [any_of for path, select in _CALLS for any_of in needed_for(path, select) if any_of[0] == name]
    return all(held.intersection(any_of) for any_of in wanted or ((name,),))


def files_section(settings: ClientSettings, prices: PriceList, today: date) -> Section:
    """What the client's own files say and lack."""
    checks: list[Check] = []
    if not settings.everything:
        checks.append(Check(name="client.empty", state=State.FAILED, text=_say("nothing")))
    if prices.prices:
        newest = max(price.valid_from for price in prices.prices).isoformat()
        text = _say("prices", count=len(prices.prices), newest_on=newest)
        checks.append(Check(name="client.prices", state=State.OK, text=text))
    elif settings.tenants:
        checks.append(
            Check(name="client.prices", state=State.NOTE, text=_say("no_prices"), todo=_say("no_prices_todo"))
        )
    checks += [Check(name="client.price_missing", state=State.NOTE, text=note) for note in prices.notes]
    over = [exception.who for exception in settings.contract.m365.exceptions if exception.until < today]
    if over:
        names = ", ".join(over[:_MOST_NAMES]) + (", …" if len(over) > _MOST_NAMES else "")
        text = _say("exceptions_over", count=len(over), names=names)
        checks.append(Check(name="client.exceptions_over", state=State.NOTE, text=text))
    return Section(heading=_say("files"), checks=tuple(checks))


def feeds_section(settings: ClientSettings, states: "Sequence[FeedState]", now: datetime) -> Section:
    """How old the feeds are; only the names of products matter to a client without machines."""
    checks: list[Check] = []
    current = fetched = 0
    limits = settings.contract.feed_max_age_days
    for state in states:
        age = state.age_days(now)
        fetched += age is not None
        if age is None:
            if state.name == _SKU_NAMES and settings.tenants:
                text = _say("feed_names", title=state.title)
                checks.append(Check(name="feeds.names", state=State.WARNING, text=text, todo=_say("feeds_todo")))
        elif state.is_stale(now, limits.get(state.name)):
            text = _say(
                "feed_stale",
                title=state.title,
                age_days=int(age),
                limit_days=limits.get(state.name, state.max_age_days),
            )
            failed = State.FAILED if settings.targets else State.WARNING
            checks.append(Check(name="feeds.stale", state=failed, text=text, todo=_say("feeds_todo")))
        else:
            current += 1
    if current:
        checks.insert(0, Check(name="feeds.current", state=State.OK, text=_say("feeds_current", count=current)))
    if settings.targets and not fetched:
        checks.append(Check(name="feeds.none", state=State.FAILED, text=_say("feeds_none"), todo=_say("feeds_todo")))
    return Section(heading=_say("feeds"), checks=tuple(checks))


def _say(key: str, **params: str | float | bool | None) -> Message:
    return Message(text=f"cli.doctor.{key}", params=dict(params))
