"""Kernel images on disk and live patches loaded; which package owns an image is put together in `collectors.assembly`.

Source: /boot/vmlinuz-<release> (kernel-install(8), Debian kernel policy), /lib/modules/<release>, and
/sys/kernel/livepatch/<patch>/enabled (Documentation/ABI/testing/sysfs-kernel-livepatch), readable by every user.
"""

from collectors.hosts.base import Facts, HostCollector, Section, prefixed
from collectors.model import FactKind

_COMMAND = r"""
closed=0; open=0
for d in /boot /lib/modules; do [ -e $d ] || continue; if ls $d >/dev/null; then open=1; else closed=1; fi; done
[ $open = 1 ] || [ $closed = 0 ] || exit 1
for f in /boot/vmlinuz-* /boot/vmlinux-* /boot/Image-*; do [ -e "$f" ] && echo "boot:${f#/boot/*-}"; done
for d in /lib/modules/*; do [ -d "$d" ] && echo "modules:${d#/lib/modules/}"; done
for d in /sys/kernel/livepatch/*; do
  [ -r "$d/enabled" ] && echo "livepatch:${d#/sys/kernel/livepatch/} $(cat "$d/enabled")"
done
exit 0
"""
_NOT_RELEASES = ("0-rescue-", "rescue-")


def _parse(section: Section) -> Facts:
    lines = prefixed(section.stdout)
    found = dict.fromkeys(lines.get("boot", []) + lines.get("modules", []))
    releases = tuple(release for release in found if release and not release.startswith(_NOT_RELEASES))
    loaded = [line.rpartition(" ")[0] for line in lines.get("livepatch", []) if line.endswith(" 1")]
    return Facts(kernel_images=releases, livepatch=f"livepatch: {', '.join(loaded)}" if loaded else "")


COLLECTOR = HostCollector(name="kernels", kinds=(FactKind.KERNELS,), command=_COMMAND, parse=_parse)
