"""Updates apk would install, from the indexes it has; apk does not say which are security.

Source: apk-version(8), `apk version -l '<'`: a header, then "name-version < available". Warnings on standard error name
indexes that are not there: what they offer was not looked at.
"""

import re

from collectors.hosts.base import Facts, Family, HostCollector, Section, Unreadable, first_line, lines_of, read_lines
from collectors.model import AvailableUpdate, FactKind, GapReason

_ROW = re.compile(r"(?P<name>\S+)-(?P<old>[0-9][^-\s]*-r\d+)\s+<\s+(?P<new>[0-9]\S*)(?:\s+@\S+)?\s*")
_HEADER = "Installed:"


def _parse(section: Section) -> Facts:
    lines = lines_of(section.stdout)
    if not any(line.startswith(_HEADER) for line in lines):
        raise Unreadable(GapReason.UNPARSABLE, f"no header line: {first_line(section.stdout)!r}")
    updates, gaps = read_lines("apk_updates", FactKind.AVAILABLE_UPDATES, lines, _update)
    if warning := first_line("\n".join(line for line in lines_of(section.stderr) if "WARNING" in line)):
        gaps += (COLLECTOR.gap(FactKind.AVAILABLE_UPDATES, GapReason.MISSING, warning),)
    return Facts(available_updates=updates, gaps=gaps)


def _update(line: str) -> AvailableUpdate | None:
    if line.startswith(_HEADER):
        return None
    if (match := _ROW.fullmatch(line)) is None:
        raise ValueError(line)
    return AvailableUpdate(
        name=match["name"], architecture="", installed_version=match["old"], candidate_version=match["new"]
    )


COLLECTOR = HostCollector(
    name="apk_updates",
    kinds=(FactKind.AVAILABLE_UPDATES,),
    families=frozenset({Family.APK}),
    needs=("apk",),
    command="apk --no-network version -l '<'",
    parse=_parse,
    slow=True,
    timeout_s=40,
)
