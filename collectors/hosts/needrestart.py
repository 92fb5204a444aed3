"""needrestart's opinion on the running kernel. It wants root, and nothing depends on it: a sign more, never a gap.

Source: needrestart(1) batch mode (README.batch.md): NEEDRESTART-KSTA 0 unknown, 1 current, 2 ABI-compatible upgrade
pending, 3 version upgrade pending. `-k` looks at the kernel only, `-r l` lists and never restarts.
"""

from collectors.hosts.base import Facts, HostCollector, Section, first_line, lines_of
from collectors.model import FactKind, RebootSignal

_STATES: dict[str, bool | None] = {"0": None, "1": False, "2": True, "3": True}


def _parse(section: Section) -> Facts:
    fields = dict(line.split(": ", 1) for line in lines_of(section.stdout) if ": " in line)
    state = fields.get("NEEDRESTART-KSTA", "").strip()
    required = _STATES.get(state)
    if state in _STATES and "NEEDRESTART-KCUR" in fields:
        detail = f"running {fields['NEEDRESTART-KCUR']}, expected {fields.get('NEEDRESTART-KEXP', 'unknown')}"
    else:
        detail = first_line(section.stderr) or first_line(section.stdout) or f"exit status {section.exit_status}"
    return Facts(reboot_signals=(RebootSignal(name="needrestart", required=required, detail=detail),))


COLLECTOR = HostCollector(
    name="needrestart",
    kinds=(FactKind.REBOOT,),
    needs=("needrestart",),
    optional=True,
    command="needrestart -b -k -r l",
    answers=frozenset(range(124)),
    parse=_parse,
    slow=True,
)
