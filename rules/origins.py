"""Whose package is it: the distribution's own, or one its advisories do not speak about (L11, L27).

A backport or a package of docker.com may carry the name and nearly the version of the distribution's package; its
advisories then prove nothing, either way. Only a *named* foreign origin or the mark of one in the version takes a
package out of scope: an installed version that no repository offers any more has no origin, and is usually the
distribution's own, outdated one.
"""

import re

from collectors.model import Package

# Origin label of apt (Release file, field Origin), vendor of rpm. The EL rebuilds share their sources: a machine
# converted from one to another keeps packages of the first, and updates them from the second.
_OWN = {
    "debian": ("debian", "debian-security"),
    "ubuntu": ("ubuntu",),
    "almalinux": ("almalinux", "rocky", "red hat", "centos"),
    "rocky": ("almalinux", "rocky", "red hat", "centos"),
    "rhel": ("red hat", "almalinux", "rocky", "centos"),
    "sles": ("suse", "opensuse"),
    "opensuse-leap": ("suse", "opensuse"),
    "alpine": ("alpine",),
}
_EXACT = frozenset({"debian"})  # "Debian Backports" is an origin of its own
_BACKPORT = re.compile(r"[~+.]bpo\d")
_MARKS = (  # of versions whose archive is no longer asked, or was never there: name of the origin, mark
    ("Raspberry Pi", re.compile(r"\+rp[it]\d")),
    ("Proxmox", re.compile(r"[+~-](?:pve|pmx)\d")),
    ("deb.sury.org", re.compile(r"deb\.sury\.org|\+0~20\d{6}")),
    ("PostgreSQL (PGDG)", re.compile(r"[.-]?pgdg\d*|PGDG")),
    ("NodeSource", re.compile(r"nodesource", re.IGNORECASE)),
    ("MariaDB Foundation", re.compile(r"\+maria~")),
    ("Docker", re.compile(r"~(?:debian|ubuntu)\.\d+(?:\.\d+)?~")),
    ("a private archive (PPA)", re.compile(r"ppa\d|~ppa", re.IGNORECASE)),
    ("a vendor's own archive", re.compile(r"~(?:buster|bullseye|bookworm|trixie|bionic|focal|jammy|noble)$")),
    ("a vendor's own archive", re.compile(r"[+\d]debian1\d(?:\.\d+)?$")),
    ("Remi's RPM repository", re.compile(r"\.remi(?:\.|$)")),
    ("ELRepo", re.compile(r"\.elrepo(?:\.|$)")),
    ("nginx.org", re.compile(r"\.ngx(?:\.|$)")),
)


_ANY_MARK = re.compile("|".join(f"(?:{mark.pattern})" for _, mark in _MARKS), re.IGNORECASE)


def foreign_origin(package: Package, distribution: str) -> str:
    """Name whose package it is when not the distribution's ("Docker", "Debian Backports", ...), "" when it may be.

    `distribution` is the first half of a release key ("debian", "almalinux", ...).
    """
    version = package.version
    if "bpo" in version and _BACKPORT.search(version):
        return f"{distribution.capitalize()} Backports"
    if package.origin:
        return "" if _is_own(package.origin, distribution) else package.origin
    if not _ANY_MARK.search(version):
        return ""
    return next((name for name, mark in _MARKS if mark.search(version)), "")


def _is_own(origin: str, distribution: str) -> bool:
    label = origin.casefold()
    own = _OWN.get(distribution, ())
    return label in own if distribution in _EXACT else label.startswith(own)
