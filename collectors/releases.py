"""The release key: which advisories speak about which system.

A key is "<distribution>:<release>", shared by feeds (rows are compiled under it), rules (hosts are matched by it) and
reports: "debian:12", "ubuntu:24.04", "almalinux:9", "rocky:8", "rhel:9", "sles:15.5", "opensuse-leap:15.5",
"alpine:3.18". Windows: "windows:<build>-client" and "windows:<build>-server", because client and server may share a
build (W5): "windows:26100-client". A system outside this table has no key: no advisory is ever
guessed from a relative's (L20, L27).
"""

from collectors.model import OperatingSystem

_BY_MAJOR = {"debian": "debian", "almalinux": "almalinux", "rocky": "rocky", "rhel": "rhel"}
_BY_MINOR = {
    "ubuntu": "ubuntu",
    "sles": "sles",
    "sles_sap": "sles",
    "opensuse-leap": "opensuse-leap",
    "alpine": "alpine",
}
_ALPINE_PARTS = 2


def release_of(system: OperatingSystem) -> str | None:
    """Return the release key of a system, or None when no advisory feed covers it.

    Derivatives (Raspbian, Kali, Mint), rolling and testing releases without VERSION_ID, and CentOS Stream (L18) have
    none. Proxmox VE names itself Debian and is one, apart from its kernel.
    """
    if system.id == "windows":
        return _windows(system)
    if system.version_id == "" or (system.id == "alpine" and "_alpha" in system.version_id):
        return None
    if system.id in _BY_MAJOR:
        return f"{_BY_MAJOR[system.id]}:{system.version_id.split('.', maxsplit=1)[0]}"
    if system.id in _BY_MINOR:
        version = system.version_id
        if system.id == "alpine":
            version = ".".join(version.split(".")[:_ALPINE_PARTS])
        return f"{_BY_MINOR[system.id]}:{version}"
    return None


_WINDOWS_BRANCHES = {
    "client": frozenset(
        {7601, 9200, 9600, 10240, 10586, 14393, 15063, 16299, 17134, 17763, 18362, 18363, 19041, 19042, 19043, 19044}
        | {19045, 22000, 22621, 22631, 26100, 26200, 28000}
    ),
    "server": frozenset({7601, 9200, 9600, 14393, 17763, 18362, 18363, 19041, 19042, 20348, 25398, 26100}),
}
"""Builds Microsoft has released, by kind. A build outside is unknown, never "the latest known" (W12)."""


def _windows(system: OperatingSystem) -> str | None:
    """Build and kind; None for Nano Server, Hyper-V Server, Azure Stack HCI and builds nobody knows (W12, W32)."""
    parts = system.version_id.split(".")
    kind = system.variant_id
    if len(parts) < 3 or not parts[2].isdecimal() or int(parts[2]) not in _WINDOWS_BRANCHES.get(kind, ()):
        return None
    return f"windows:{parts[2]}-{kind}"
