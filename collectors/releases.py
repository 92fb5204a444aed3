"""The release key: which advisories speak about which system.

A key is "<distribution>:<release>", shared by feeds (rows are compiled under it), rules (hosts are matched by it) and
reports: "debian:12", "ubuntu:24.04", "almalinux:9", "rocky:8", "rhel:9", "sles:15.5", "opensuse-leap:15.5",
"alpine:3.18". A system outside this table has no key: no advisory is ever guessed from a relative's (L20, L27).
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
