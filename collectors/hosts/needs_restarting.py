"""Whether core libraries or the kernel were updated since boot, as Red Hat's own tool sees it.

Source: needs-restarting(1) of yum-utils, or the dnf plugin of that name, option -r: exit status 1 asks for a reboot.
Errors of the tool exit with 1 as well, so the sentence must be there too.
"""

import re

from collectors.hosts._dnf import LEAVE_NOTHING
from collectors.hosts.base import MAX_LINE_CHARACTERS, Facts, Family, HostCollector, Section, first_line, lines_of
from collectors.model import FactKind, RebootSignal

_COMMAND = rf"""
{LEAVE_NOTHING.strip()}
if command -v dnf >/dev/null 2>&1; then dnf -C -q needs-restarting -r; else needs-restarting -r; fi
"""
_YES = "Reboot is required"
_NO = ("Reboot should not be necessary", "Reboot is probably not necessary")  # dnf's plugin; yum-utils of EL 7
_NAMED = re.compile(r"\s+(?:\* (?P<listed>.+)|(?P<updated>\S+) -> \S+)")  # likewise


def _parse(section: Section) -> Facts:
    required: bool | None = None
    if section.exit_status == 1 and _YES in section.stdout:
        required = True
    elif section.exit_status == 0 and any(words in section.stdout for words in _NO):
        required = False
    found = (_NAMED.fullmatch(line.rstrip()[:MAX_LINE_CHARACTERS]) for line in lines_of(section.stdout))
    named = [match["listed"] or match["updated"] for match in found if match]
    if required is None:
        detail = f"exit status {section.exit_status}: {first_line(section.stderr) or first_line(section.stdout)}"
    else:
        detail = f"updated since boot: {', '.join(named)}" if named else first_line(section.stdout)
    signal = RebootSignal(name="needs-restarting", required=required, detail=detail)
    return Facts(reboot_signals=(signal,), reboot_packages=tuple(named))


COLLECTOR = HostCollector(
    name="needs_restarting",
    kinds=(FactKind.REBOOT,),
    families=frozenset({Family.RHEL}),
    when="have needs-restarting || have dnf",
    command=_COMMAND,
    answers=frozenset(range(124)),
    parse=_parse,
    slow=True,
)
