"""Who the machine is: os-release, kernel, machine id, virtualization, boot time and clock.

Source: os-release(5), uname(1), machine-id(5), systemd-detect-virt(1); the container markers that systemd's own
src/basic/virt.c looks for; /proc/uptime.
"""

import re
import shlex
from datetime import UTC, datetime, timedelta

from collectors.hosts.base import Facts, HostCollector, Section, Unreadable, prefixed
from collectors.model import FactKind, GapReason, OperatingSystem

_COMMAND = r"""
for f in /etc/os-release /usr/lib/os-release; do [ -r $f ] && sed 's/^/os:/' $f && break; done; echo
[ -r /etc/redhat-release ] && sed 's/^/redhat:/' /etc/redhat-release; echo
echo "kernel:$(uname -r)"; echo "version:$(uname -v)"; echo "machine:$(uname -m)"; echo "node:$(uname -n)"
for f in /etc/machine-id /var/lib/dbus/machine-id; do [ -s $f ] && sed 's/^/id:/' $f && break; done; echo
echo "clock:$(date -u +%s)"
[ -r /proc/uptime ] && sed 's/^/uptime:/' /proc/uptime
command -v systemd-detect-virt >/dev/null 2>&1 && echo "virt:$(systemd-detect-virt 2>/dev/null)"
[ -e /.dockerenv ] && echo mark:docker
[ -e /run/.containerenv ] && echo mark:podman
[ -s /run/systemd/container ] && echo "mark:$(head -n 1 /run/systemd/container)"
[ -r /proc/1/environ ] && tr '\000' '\n' </proc/1/environ 2>/dev/null | sed -n 's/^container=/mark:/p'
grep -q '^[^ ]* /proc/[^ ]* fuse\.lxcfs ' /proc/mounts 2>/dev/null && echo mark:lxc
[ -r /proc/version ] && sed 's/^/proc:/' /proc/version
[ -r /sys/class/dmi/id/sys_vendor ] && sed 's/^/vendor:/' /sys/class/dmi/id/sys_vendor
[ -r /sys/class/dmi/id/product_name ] && sed 's/^/product:/' /sys/class/dmi/id/product_name
exit 0
"""

CONTAINERS = frozenset(
    {
        "systemd-nspawn",
        "lxc",
        "lxc-libvirt",
        "docker",
        "podman",
        "rkt",
        "wsl",
        "proot",
        "pouch",
        "openvz",
        "container-other",
        "oci",
    }
)
_HARDWARE = (
    ("vmware", "vmware"),
    ("virtualbox", "oracle"),
    ("innotek", "oracle"),
    ("qemu", "kvm"),
    ("kvm", "kvm"),
    ("xen", "xen"),
    ("virtual machine", "microsoft"),
    ("amazon ec2", "amazon"),
    ("google compute", "google"),
)
_REDHAT = re.compile(r"(?P<name>.+?) release (?P<version>[0-9.]+)")


def _parse(section: Section) -> Facts:
    lines = prefixed(section.stdout)
    release = _os_release(lines.get("os", []), lines.get("redhat", []))
    clock, boot = _times(lines)
    virtualization = _virtualization(lines)
    machine_id = _first(lines, "id").strip()
    system = OperatingSystem(
        id=release["ID"],
        id_like=tuple(release.get("ID_LIKE", "").split()),
        version_id=release.get("VERSION_ID", ""),
        codename=release.get("VERSION_CODENAME", ""),
        pretty_name=release.get("PRETTY_NAME", ""),
        variant_id=release.get("VARIANT_ID", ""),
        platform_id=release.get("PLATFORM_ID", ""),
        support_end=release.get("SUPPORT_END", ""),
        kernel_release=_first(lines, "kernel"),
        kernel_version=_first(lines, "version"),
        architecture=_first(lines, "machine"),
        hostname=_first(lines, "node"),
        machine_id=machine_id if re.fullmatch(r"[0-9a-f]{32}", machine_id) else "",
        virtualization=virtualization,
        container=virtualization in CONTAINERS,
        boot_time=boot,
    )
    return Facts(operating_system=system, clock=clock)


def _os_release(lines: list[str], redhat: list[str]) -> dict[str, str]:
    """Fields of os-release, quoting removed; systems older than it (EL 6) have /etc/redhat-release."""
    fields: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            fields[name] = "".join(shlex.split(value))
        except ValueError:  # unbalanced quotes: the text as it stands is better than none
            fields[name] = value.strip("\"'")
    if "ID" not in fields and redhat:
        fields |= _old_redhat(redhat[0])
    if not fields.get("ID"):
        raise Unreadable(GapReason.UNPARSABLE, "no os-release file names the distribution")
    return fields


def _old_redhat(line: str) -> dict[str, str]:
    if (match := _REDHAT.match(line)) is None:
        return {}
    name = match["name"].lower()
    identity = "centos" if "centos" in name else "rhel" if "red hat" in name else name.split()[0]
    return {"ID": identity, "ID_LIKE": "rhel", "VERSION_ID": match["version"], "PRETTY_NAME": line.strip()}


def _times(lines: dict[str, list[str]]) -> tuple[datetime | None, datetime | None]:
    """The host's clock, and its boot time by that clock."""
    try:
        clock = datetime.fromtimestamp(int(_first(lines, "clock")), UTC)
    except (ValueError, OverflowError, OSError):
        return None, None
    try:
        return clock, clock - timedelta(seconds=int(float(_first(lines, "uptime").split()[0])))
    except (ValueError, OverflowError, IndexError):
        return clock, None


def _virtualization(lines: dict[str, list[str]]) -> str:
    """systemd-detect-virt's answer; without it the markers it would look for, then the hardware's name."""
    told = _first(lines, "virt").strip()
    kernel = f"{_first(lines, 'kernel')} {_first(lines, 'proc')}".lower()
    if told not in ("", "none"):
        return told
    if "microsoft" in kernel and "azure" not in kernel:
        return "wsl"
    if marks := [mark.strip() for mark in lines.get("mark", []) if mark.strip()]:
        return marks[0] if marks[0] in CONTAINERS else "container-other"
    if told:
        return told
    hardware = f"{_first(lines, 'vendor')} {_first(lines, 'product')}".lower()
    return next((name for words, name in _HARDWARE if words in hardware), "")


def _first(lines: dict[str, list[str]], key: str) -> str:
    return lines.get(key, [""])[0]


COLLECTOR = HostCollector(
    name="identity",
    kinds=(FactKind.OPERATING_SYSTEM,),
    command=_COMMAND,
    parse=_parse,
)
