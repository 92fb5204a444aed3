"""Whether SUSE's package manager asks for a reboot.

Source: zypper(8), needs-rebooting: exit status 102 (ZYPPER_EXIT_INF_REBOOT_NEEDED) asks for one, 0 does not.
"""

from collectors.hosts.base import Facts, Family, HostCollector, Section, first_line
from collectors.model import FactKind, RebootSignal

_REBOOT_NEEDED = 102


def _parse(section: Section) -> Facts:
    said = first_line(section.stdout) or first_line(section.stderr)
    required = {0: False, _REBOOT_NEEDED: True}.get(section.exit_status) if said else None
    detail = said if required is not None else f"exit status {section.exit_status}: {said}"
    return Facts(reboot_signals=(RebootSignal(name="zypper-needs-rebooting", required=required, detail=detail),))


COLLECTOR = HostCollector(
    name="zypper_reboot",
    kinds=(FactKind.REBOOT,),
    families=frozenset({Family.SUSE}),
    needs=("zypper",),
    optional=True,
    command="ZYPP_LOGFILE=/dev/null zypper -n --no-refresh needs-rebooting",
    answers=frozenset(range(124)),
    parse=_parse,
    slow=True,
)
