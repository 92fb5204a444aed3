"""Office, Visio and Project that a user's Microsoft 365 license covers, matched with the machines where they run.

One license covers its user on several machines. A machine is covered when somebody who works on it holds the right. Who
works there is what the client or Intune says, else what the profiles resemble; and where nobody can be named, people
whom Microsoft's report shows with Office activated, and who were met on no audited machine, stand in for as many. A
person who is firmly known to have no right makes a deficit, or a question where somebody with the right has been there
too; a machine whose user is not known asks a question.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from rules.products import LicenseKind
from rules.rights import Channel, Metric
from rules.software.devices import Device
from rules.software.estate import RDS_HOST, Estate
from rules.software.matching import APPS
from rules.software.needs import Need, named, note, rows_of
from rules.software.owners import Owner
from rules.software.recognition import Install
from rules.software.tenant_rights import CloudRight, CloudUser

_SOLD_BOTH_WAYS = {"visio": CloudRight.VISIO, "project": CloudRight.PROJECT}
_COMPUTERS_PER_USER = 5
_PRIVATE = "Personal or Family"  # comes with new machines as a trial, mostly never used


class _Copy(NamedTuple):
    device: Device
    install: Install


@dataclass(slots=True, kw_only=True)
class _Sorted:
    """Machines by what is known of the license of who works there."""

    covered: dict[str, list[str]] = field(default_factory=dict)  # by user principal name
    without: dict[str, list[str]] = field(default_factory=dict)  # firm users without the right
    unclear: list[str] = field(default_factory=list)  # whose user has no right, while somebody else may use it there
    unknown: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)  # shared computers whose users all have the shared right
    unshared: list[str] = field(default_factory=list)  # shared computers where somebody, or everybody, lacks it


def cloud_right(install: Install) -> CloudRight | None:
    """The right of a user that covers a copy; None for a copy that needs a license of its own.

    Retail ids of Visio and Project without a year are the subscription, or the edition of 2016: both are tried.
    """
    if install.license is not LicenseKind.COMMERCIAL:
        return None
    if install.product.id == APPS:
        return CloudRight.OFFICE
    by_user = install.channel is Channel.SUBSCRIPTION or (not install.version and install.channel is Channel.UNKNOWN)
    return _SOLD_BOTH_WAYS.get(install.product.id) if by_user else None


def cloud_needs(estate: Estate) -> Iterator[Need]:
    """Yield one need per product and edition that users' licenses cover."""
    groups: defaultdict[tuple[str, str], list[_Copy]] = defaultdict(list)
    for device in estate.devices:
        for install in device.installs:
            if cloud_right(install) is not None:
                groups[install.product.id, install.edition].append(_Copy(device, install))
    for _, copies in sorted(groups.items()):
        yield _need(copies, estate)


def _need(copies: list[_Copy], estate: Estate) -> Need:
    first = copies[0].install
    right = cloud_right(first)
    devices = tuple(sorted({copy.device.name for copy in copies}))
    need = Need(
        product=first.product.id,
        name=first.product.name,
        publisher=first.product.publisher,
        edition=first.edition,
        metric=Metric.USER,
        usual=Metric.USER,
        rows=rows_of(copy.install for copy in copies),
        devices=devices,
        installed=len(devices),
    )
    if first.edition == _PRIVATE:
        need.notes.append(note("private_edition"))
    if right is None or not estate.tenants_read:
        need.possible = len(devices)
        need.unseen.append(note("cloud_unread" if estate.tenants else "cloud_absent", count=len(devices)))
        return need
    need.by_tenant = True
    found = _sorted(copies, right, estate)
    spared = _stand_in(found, right, estate)
    _tell(need, found, spared, estate)
    return need


def _sorted(copies: list[_Copy], right: CloudRight, estate: Estate) -> _Sorted:
    found = _Sorted()
    for device, install in sorted(copies, key=lambda copy: copy.device.name):
        owner = estate.owners.of(device)
        if right is CloudRight.OFFICE and (install.shared_computer or RDS_HOST in device.roles):
            _sort_shared(found, device, owner.users)
            continue
        holder = next((user for user in owner.users if _holds(user, right)), None)
        firm = next((user for user in owner.users[:1] if user.upn.casefold() == owner.firm.casefold()), None)
        if holder is not None and (firm is None or _holds(firm, right) or _works_there(owner, holder, firm)):
            found.covered.setdefault(holder.upn.casefold(), []).append(device.name)
        elif firm is None:
            found.unknown.append(device.name)
        elif holder is not None or install.edition == _PRIVATE:
            found.unclear.append(device.name)
        else:
            found.without.setdefault(firm.upn.casefold(), []).append(device.name)
    return found


def _works_there(owner: Owner, holder: CloudUser, firm: CloudUser) -> bool:
    """Whether a holder of the right was there after the one who is said to be: not just once, to set it up."""
    upn = firm.upn.casefold()
    latest = list(owner.people)
    return upn not in latest or latest.index(holder.upn.casefold()) < latest.index(upn)


def _holds(user: CloudUser, right: CloudRight) -> bool:
    return right in user.rights and user.enabled is not False


def _sort_shared(found: _Sorted, device: Device, users: tuple[CloudUser, ...]) -> None:
    """A computer that several people share needs the shared right of each who uses Office there (case 42)."""
    all_may = bool(users) and all(CloudRight.SHARED in user.rights for user in users if user.enabled is not False)
    (found.shared if all_may else found.unshared).append(device.name)


def _stand_in(found: _Sorted, right: CloudRight, estate: Estate) -> int:
    """How many machines without a known user are spoken for by people who have Office activated somewhere else."""
    limit = estate.contract.m365.usage_max_age_days
    fresh = [
        tenant
        for tenant in estate.tenants
        if tenant.activations_on is not None and (estate.today - tenant.activations_on).days <= limit
    ]
    if right is not CloudRight.OFFICE:
        return 0
    met = set(found.covered)
    people = {
        user.upn.casefold()
        for tenant in fresh
        for user in tenant.users
        if _holds(user, right) and (user.computers or 0) > 0 and user.upn.casefold() not in met
    }
    return min(len(people), len(found.unknown))


def _tell(need: Need, found: _Sorted, spared: int, estate: Estate) -> None:
    """Put what was sorted into numbers and words."""
    matched = sum(len(names) for names in found.covered.values())
    need.users = tuple(sorted(found.covered))
    need.not_subject = matched + spared + len(found.shared)
    need.sure = len(found.without)
    open_machines = len(found.unknown) - spared
    need.possible = need.sure + open_machines + len(found.unshared) + len(found.unclear)
    if matched:
        need.notes.append(note("cloud_covered", count=matched, users=len(found.covered)))
    if found.shared:
        need.notes.append(note("cloud_shared", devices=named(found.shared), count=len(found.shared)))
    if spared:
        need.notes.append(note("cloud_activated", count=spared, as_of_on=_report_day(estate)))
    if found.without:
        people = named(found.without)
        machines = [name for names in found.without.values() for name in names]
        need.notes.append(note("cloud_without", count=len(found.without), users=people, devices=named(machines)))
    if open_machines:
        need.doubts.append(note("cloud_user_unknown", count=open_machines, devices=named(found.unknown)))
    if found.unclear:
        need.doubts.append(note("cloud_unclear", count=len(found.unclear), devices=named(found.unclear)))
    if found.unshared:
        need.doubts.append(note("cloud_unshared", count=len(found.unshared), devices=named(found.unshared)))
    crowded = {upn: names for upn, names in found.covered.items() if len(names) > _COMPUTERS_PER_USER}
    if crowded:
        need.asks.append(note("cloud_crowded", users=named(crowded), count=len(crowded), limit=_COMPUTERS_PER_USER))


def _report_day(estate: Estate) -> str | None:
    days = [tenant.activations_on for tenant in estate.tenants if tenant.activations_on is not None]
    return min(days).isoformat() if days else None
