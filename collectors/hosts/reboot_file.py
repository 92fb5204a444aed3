"""The file by which Debian and Ubuntu ask for a reboot, and the packages that asked.

Source: /run/reboot-required and .pkgs, written by update-notifier-common, unattended-upgrades or reboot-notifier from
their kernel hooks. Where none of them is installed nothing writes the file, and its absence says nothing (L23).
"""

from collectors.hosts.base import Facts, Family, HostCollector, Section, Unreadable, prefixed
from collectors.model import FactKind, GapReason, RebootSignal

_COMMAND = r"""
f=/run/reboot-required; [ -e $f ] || f=/var/run/reboot-required
if [ -e $f ]; then echo file:yes; else echo file:no; fi
[ -r $f.pkgs ] && sed -n 's/^\(.\)/package:\1/p' $f.pkgs
for w in /usr/share/update-notifier/notify-reboot-required /etc/kernel/postinst.d/unattended-upgrades \
  /etc/kernel/postinst.d/reboot-notifier /usr/share/reboot-notifier/notify-reboot-required; do
  [ -e $w ] && echo "writer:$w"
done
exit 0
"""


def _parse(section: Section) -> Facts:
    lines = prefixed(section.stdout)
    packages = tuple(dict.fromkeys(name.strip() for name in lines.get("package", []) if name.strip()))
    required: bool | None
    match lines.get("file", [""])[0], bool(lines.get("writer")):
        case "yes", _:
            required, detail = True, f"the file exists, asked for by {', '.join(packages) or 'no named package'}"
        case "no", True:
            required, detail = False, "the file does not exist"
        case "no", False:
            required, detail = None, "nothing on this host writes the file, so its absence says nothing"
        case _:
            raise Unreadable(GapReason.UNPARSABLE, "no answer whether the file exists")
    signal = RebootSignal(name="reboot-required-file", required=required, detail=detail)
    return Facts(reboot_signals=(signal,), reboot_packages=packages)


COLLECTOR = HostCollector(
    name="reboot_file",
    kinds=(FactKind.REBOOT,),
    families=frozenset({Family.DEB}),
    command=_COMMAND,
    parse=_parse,
)
