"""What one file of this folder asks of a tenant, and the part of its snapshot that it gets.

A question never answers with emptiness: its `ask` returns what it read, with a gap for what it could not, or lets the
`TenantError` of the client through; the visit then makes one gap for each of the question's `kinds`. Every gap names
the permission that is missing where that is the cause.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from collectors.cloud.facts import (
    Activations,
    AppsUsage,
    DeletedUser,
    DetectedApp,
    Group,
    Mailbox,
    ManagedDevice,
    Organization,
    Report,
    SignIn,
    SubscribedSku,
    Subscription,
    TenantFact,
    TenantGap,
    Usage,
    User,
)
from collectors.cloud.graph import GraphClient
from collectors.errors import TenantError
from collectors.model import GapReason


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantPart:
    """What one question got; the fields are those of `TenantSnapshot`, the visit joins the parts of all questions.

    `sign_ins` and `mailbox_types` are by user id; a user that was asked for and has no sign-in is there with None.
    """

    organization: Organization | None = None
    skus: tuple[SubscribedSku, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    users: tuple[User, ...] = ()
    sign_ins: Mapping[str, SignIn | None] = field(default_factory=dict)
    mailbox_types: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    reports: tuple[Report, ...] = ()
    usage: tuple[Usage, ...] = ()
    apps_usage: tuple[AppsUsage, ...] = ()
    mailboxes: tuple[Mailbox, ...] = ()
    activations: tuple[Activations, ...] = ()
    devices: tuple[ManagedDevice, ...] = ()
    detected_apps: tuple[DetectedApp, ...] = ()
    deleted_users: tuple[DeletedUser, ...] = ()
    names_concealed: bool | None = None
    gaps: tuple[TenantGap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What earlier questions of the same visit found: a later one decides by it whether it applies, and what to ask.

    `organization`, `skus` and `users` are None until they were asked and answered: unknown is not "owns none".
    `mailboxes` are those that the report told of, and `every_mailbox` whether each is to be asked for its type.
    """

    taken_at: datetime
    organization: Organization | None = None
    skus: tuple[SubscribedSku, ...] | None = None
    users: tuple[User, ...] | None = None
    mailboxes: tuple[Mailbox, ...] = ()
    names_concealed: bool | None = None
    every_mailbox: bool = False

    @property
    def plans(self) -> frozenset[str] | None:
        """Service plan GUIDs the tenant owns, by its SKUs and its organization; None when neither is known."""
        if self.organization is None and self.skus is None:
            return None
        owned = {plan.id for sku in self.skus or () for plan in sku.plans}
        return frozenset(owned | (self.organization.plans if self.organization is not None else frozenset()))


def _always(_asked: Asked) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantQuestion:
    """A module's `QUESTION`.

    `permissions` are the Graph application permissions it needs, the least privileged first; they name what is missing
    when Graph refuses, and are what `auditor doctor` and `auditor onboard` list. `order` is low for what others build
    on (organization 10, SKUs 20, users 40, ...). `ask` may raise a `TenantError`.
    """

    name: str
    kinds: tuple[TenantFact, ...]
    permissions: tuple[str, ...]
    ask: Callable[[GraphClient, Asked], TenantPart]
    applies: Callable[[Asked], bool] = _always
    order: int = 50

    def gap(self, kind: TenantFact, reason: GapReason, detail: str, *, permission: str = "") -> TenantGap:
        """One gap in this question's name."""
        return TenantGap(kind=kind, collector=self.name, reason=reason, detail=detail, permission=permission)

    def refused(self, error: TenantError) -> tuple[TenantGap, ...]:
        """One gap per kind of fact for a failure of the client; `permission` is set where one is missing."""
        detail = f"{error.problem} {error.hint}".strip()
        return tuple(self.gap(kind, error.reason, detail, permission=error.permission) for kind in self.kinds)
