"""What a Microsoft 365 tenant gives its users on machines: Office, Visio, Project, Windows, and who uses which machine.

Rights are read from the service plans a user really has: those of every SKU held that still works, without the ones
switched off. The names of plans vary, their GUIDs do not.
Source of the GUIDs: Microsoft, "Product names and service plan identifiers for licensing".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from collectors.cloud.facts import Activations, SubscribedSku, TenantFact, TenantSnapshot, User
from rules.knowledge import Knowledge
from rules.software.identity import name_key, usable_serial


class CloudRight(StrEnum):
    """What a user's license lets them install or use on a machine."""

    OFFICE = "office"  # the desktop programs of Microsoft 365 Apps
    SHARED = "shared"  # the same on computers several people share (case 42)
    VISIO = "visio"
    PROJECT = "project"
    WINDOWS_ENTERPRISE = "windows_enterprise"  # Enterprise instead of Pro, virtual desktops included
    WINDOWS_BUSINESS = "windows_business"


_PLANS: Mapping[str, tuple[CloudRight, ...]] = {
    "094e7854-93fc-4d55-b2c0-3ab5369ebdc1": (CloudRight.OFFICE,),  # OFFICE_BUSINESS
    "43de0ff5-c92c-492b-9116-175376d08c38": (CloudRight.OFFICE, CloudRight.SHARED),  # OFFICESUBSCRIPTION
    "de9234ff-6483-44d9-b15e-dca72fdd27af": (CloudRight.OFFICE, CloudRight.SHARED),  # OFFICESUBSCRIPTION_GOV
    "276d6e8a-f056-4f70-b7e8-4fc27f79f809": (CloudRight.SHARED,),  # OFFICE_SHARED_COMPUTER_ACTIVATION
    "663a804f-1c30-4ff0-9915-9db84f0d1cea": (CloudRight.VISIO,),  # VISIO_CLIENT_SUBSCRIPTION
    "fafd7243-e5c1-4a3a-9e40-495efcb1d3c3": (CloudRight.PROJECT,),  # PROJECT_CLIENT_SUBSCRIPTION
    "21b439ba-a0ca-424f-a6cc-52f954a5b111": (CloudRight.WINDOWS_ENTERPRISE,),  # WIN10_PRO_ENT_SUB
    "e7c91390-7625-45be-94e0-e16907e03118": (CloudRight.WINDOWS_ENTERPRISE,),  # virtualization rights, E3/E5 and VDA
    "e041597c-9c7f-4ed9-99b0-2663301576f7": (CloudRight.WINDOWS_ENTERPRISE,),  # WIN10_ENT_LOC_F1
    "8e229017-d77b-43d5-9305-903395523b99": (CloudRight.WINDOWS_BUSINESS,),  # WINBIZ
}
_GUEST = "guest"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudUser:
    """One user of a tenant. `computers` counts those on which Office is activated, shared ones left out.

    It is None where the activation report tells nothing of this user or could not be used; `seen_on_shared` says that
    the report shows this user on a shared computer. `enabled` is None where that was not read.
    """

    upn: str
    name: str = ""
    enabled: bool | None = None
    guest: bool = False
    licensed: bool = False
    rights: frozenset[CloudRight] = frozenset()
    computers: int | None = None
    seen_on_shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRights:
    """The rights of one tenant's users. `read` tells whether users and their licenses could be read at all.

    `users` go by user principal name. `managed` are the machines Intune knows with a user: their names in lower case
    and the user's principal name; `serials` their serial numbers by name. `activations_on` is the day of the activation
    report, None where none could be used (missing, concealed names).
    """

    tenant: str
    read: bool
    users: tuple[CloudUser, ...] = ()
    managed: Mapping[str, str]
    serials: Mapping[str, str]
    activations_on: date | None = None

    @property
    def members(self) -> tuple[CloudUser, ...]:
        """Licensed people of the client itself whose account works: the users that access licenses are bought for."""
        return tuple(user for user in self.users if user.licensed and not user.guest and user.enabled is not False)


def rights_of(tenant: TenantSnapshot, knowledge: Knowledge) -> TenantRights:
    """Read what each user may run, from one tenant's snapshot and Microsoft's table of plans."""
    plans = {sku.sku_id: _plans(sku, knowledge) for sku in tenant.skus if _works(sku)}
    report = next((one for one in tenant.reports if one.kind is TenantFact.ACTIVATIONS), None)
    usable = report is not None and not report.concealed and not tenant.gaps_of(TenantFact.ACTIVATIONS)
    activations = _by_user(tenant.activations) if usable else {}
    devices = [device for device in tenant.devices if device.name]
    return TenantRights(
        tenant=tenant.target.name,
        read=not (tenant.gaps_of(TenantFact.USERS) or tenant.gaps_of(TenantFact.SKUS)),
        users=tuple(sorted((_user(user, plans, activations) for user in tenant.users), key=lambda user: user.upn)),
        managed=_unambiguous((device.name, device.upn) for device in devices),
        serials=_unambiguous((device.name, usable_serial(device.serial)) for device in devices),
        activations_on=report.refreshed_on if report is not None and usable else None,
    )


def _works(sku: SubscribedSku) -> bool:
    """Whether a SKU still gives its users anything: seats in grace do, suspended ones do not."""
    return sku.enabled is None or sku.enabled + sku.warning > 0


def _plans(sku: SubscribedSku, knowledge: Knowledge) -> frozenset[str]:
    return frozenset(plan.id for plan in sku.plans) or knowledge.sku_plans.get(sku.sku_id, frozenset())


def _user(user: User, plans: Mapping[str, frozenset[str]], activations: Mapping[str, list[Activations]]) -> CloudUser:
    rights = {
        right
        for held in user.licenses
        for plan in plans.get(held.sku_id, frozenset()) - held.disabled_plans
        for right in _PLANS.get(plan, ())
    }
    rows = activations.get(user.upn.casefold())
    own = [row.windows + row.mac for row in rows or () if not row.shared_computer]
    return CloudUser(
        upn=user.upn,
        name=user.name,
        enabled=user.enabled,
        guest=user.type.casefold() == _GUEST,
        licensed=bool(user.licenses),
        rights=frozenset(rights),
        computers=None if rows is None else max(own, default=0),
        seen_on_shared=any(row.shared_computer for row in rows or ()),
    )


def _by_user(rows: Iterable[Activations]) -> dict[str, list[Activations]]:
    found: dict[str, list[Activations]] = {}
    for row in rows:
        found.setdefault(row.upn.casefold(), []).append(row)
    return found


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values by machine name; a name that two machines bear with different values tells nothing."""
    found: dict[str, set[str]] = {}
    for name, value in pairs:
        if value:
            found.setdefault(name_key(name), set()).add(value)
    return {name: next(iter(values)) for name, values in found.items() if len(values) == 1}
