"""What a host is entitled to: Ubuntu Pro and SUSE services (L12), and the minor stream Red Hat keeps it on (L16).

A fix that needs a service the host lacks is a license finding, not a missing patch; whether it lacks it must be known.
"""

import re

from collectors.model import FactKind, HostSnapshot, OperatingSystem, Subscription

_EXTENDED = re.compile(r"(?:^|[-_.])(eus|aus|tus|e4s)(?:[-_.]|$)", re.IGNORECASE)
# Product identifiers of SUSEConnect(8) -> entitlements of the SUSE feed.
_SUSE_PRODUCTS = {
    "sles-ltss": "ltss",
    "sles-ltss-core": "ltss-core",
    "sles-ltss-extended-security": "ltss-extended-security",
    "sles-espos": "espos",
    "sles-bcl": "bcl",
    "sles_sap": "sap",
    "sles_sap-ltss": "ltss",
}


def services_of(system: OperatingSystem, snapshot: HostSnapshot) -> frozenset[str] | None:
    """Return the services whose fixes the host may install, None when that could not be told.

    Empty for distributions without paid fixes, and for a host that is not attached.
    """
    match system.id:
        case "ubuntu":
            return _ubuntu_services(snapshot)
        case "sles" | "sles_sap":
            return _suse_services(system, snapshot)
        case _:
            return frozenset()


def _ubuntu_services(snapshot: HostSnapshot) -> frozenset[str] | None:
    attached, found = _attached(snapshot, "ubuntu-pro")
    if attached is None:
        return None
    return frozenset(service for entry in found for service in entry.services)


def _suse_services(system: OperatingSystem, snapshot: HostSnapshot) -> frozenset[str] | None:
    attached, found = _attached(snapshot, "suse")
    products = [service.partition(" ")[0].casefold() for entry in found for service in entry.services]
    if attached is None or (attached and not products):  # a plain user sees that it is registered, not for what
        return None
    known = {_SUSE_PRODUCTS[product] for product in products if product in _SUSE_PRODUCTS}
    return frozenset(known | ({"sap"} if attached and system.id == "sles_sap" else set()))


def _attached(snapshot: HostSnapshot, kind: str) -> tuple[bool | None, list[Subscription]]:
    """Whether a host is attached to one kind of subscription, and to which; without any sign of it, it is not.

    One that has expired delivers nothing: it is none.
    """
    found = [entry for entry in snapshot.subscriptions if entry.kind == kind]
    valid = [entry for entry in found if entry.attached and not _has_expired(entry, snapshot)]
    if valid:
        return True, valid
    unread = any(entry.attached is None for entry in found)
    if unread or (not found and snapshot.gaps_of(FactKind.SUBSCRIPTION)):
        return None, []
    return False, []


def _has_expired(entry: Subscription, snapshot: HostSnapshot) -> bool:
    return entry.expires_at is not None and entry.expires_at < snapshot.taken_at


def extended_release(system: OperatingSystem, snapshot: HostSnapshot) -> str:
    """Return the release key of the minor stream a Red Hat host is kept on ("rhel-eus:9.4"), "" for the main one."""
    if system.id != "rhel":
        return ""
    kinds = (_EXTENDED.search(entry.id) for entry in snapshot.repositories if entry.enabled)
    kind = next((found[1].lower() for found in kinds if found), "")
    return f"rhel-{kind}:{system.version_id}" if kind else ""
