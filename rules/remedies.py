"""The exact command that installs a fix, for the technician.

Package names come from machines an attacker may own and end up in a line that someone pastes into a root shell: every
word is quoted, and a name that could be taken for an option is left out.
"""

import shlex
from collections.abc import Iterable, Sequence

from collectors.model import HostSnapshot, PackageScheme
from rules.rule import Case
from rules.verdicts import PatchVerdict
from rules.windows.builds import is_windows

_MOST_WORDS = 12  # beyond that the command that takes everything is shorter and as right
_EVERYTHING = {
    "apt": "apt-get upgrade",
    "dnf": "dnf upgrade --security",
    "yum": "yum update --security",
    "zypper": "zypper patch --category security",
    "apk": "apk upgrade",
}


def manager_of(snapshot: HostSnapshot) -> str:
    """Name the package manager: what the host reported, else what its kind of packages and system imply.

    On Windows "wsus" where a policy says that updates are approved there, else "windows-update".
    """
    if is_windows(snapshot):
        policy = None if snapshot.windows is None else snapshot.windows.policy
        return "wsus" if policy is not None and policy.uses_wsus else "windows-update"
    if snapshot.package_lists is not None and snapshot.package_lists.manager in _EVERYTHING:
        return snapshot.package_lists.manager
    scheme = snapshot.packages[0].scheme if snapshot.packages else PackageScheme.DEB
    if scheme is PackageScheme.RPM:
        system = snapshot.operating_system
        suse = system is not None and ("suse" in system.id or system.id.startswith("sle") or "suse" in system.id_like)
        return "zypper" if suse else "dnf"
    return "apk" if scheme is PackageScheme.APK else "apt"


def upgrade_command(case: Case, verdict: PatchVerdict) -> str:
    """The command that installs the fix of one verdict on one host."""
    manager = manager_of(case.snapshot)
    if manager == "apt":
        return _apt_kernel(case) if verdict.kernel else _unhold(verdict) + package_command(manager, _names(verdict))
    if manager in ("dnf", "yum"):
        ids = [advisory.id for advisory in verdict.advisories]
        if ids and len(ids) <= _MOST_WORDS:
            verb = "dnf upgrade" if manager == "dnf" else "yum update"
            return f"{verb} --advisory={shlex.quote(','.join(ids))}"
    if manager == "zypper" and 0 < len(verdict.cves) <= _MOST_WORDS:
        return "zypper patch " + " ".join(f"--cve={shlex.quote(cve)}" for cve in verdict.cves)
    return package_command(manager, _names(verdict))


def reboot_command(case: Case) -> str:
    """The command that reboots a host."""
    if case.is_windows:
        return "shutdown /r /t 0"
    return "reboot" if case.system.id == "alpine" else "systemctl reboot"


def package_command(manager: str, names: Sequence[str]) -> str:
    """The command that upgrades installed packages by name; the one that upgrades all when there are too many."""
    safe = [shlex.quote(name) for name in names if not name.startswith("-")]
    if not safe or len(safe) > _MOST_WORDS:
        return _EVERYTHING[manager]
    verb = {
        "apt": "apt-get install --only-upgrade",
        "dnf": "dnf upgrade",
        "yum": "yum update",
        "zypper": "zypper update",
        "apk": "apk upgrade",
    }[manager]
    return f"{verb} {' '.join(safe)}"


def _unhold(verdict: PatchVerdict) -> str:
    """What must come before an installation that apt would refuse (L4)."""
    held = sorted({package.name for package in verdict.packages if package.held and not package.name.startswith("-")})
    return f"apt-mark unhold {' '.join(shlex.quote(name) for name in held)} && " if held else ""


def _names(verdict: PatchVerdict) -> list[str]:
    return sorted({package.name for package in verdict.packages})


def _apt_kernel(case: Case) -> str:
    """A fixed kernel arrives as a new package: `--only-upgrade` of the running one would install nothing."""
    metas = _kernel_metas(package.name for package in case.snapshot.packages)
    if not metas:
        return "apt-get dist-upgrade"
    return "apt-get install " + " ".join(shlex.quote(name) for name in metas)


def _kernel_metas(names: Iterable[str]) -> list[str]:
    """Kernel meta packages: linux-image-amd64, linux-image-generic; never one that bears a release."""
    prefix = "linux-image-"
    return sorted(
        {name for name in names if name.startswith(prefix) and not name[len(prefix) : len(prefix) + 1].isdigit()}
    )
