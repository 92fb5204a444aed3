"""Installed snaps.

Source: snap(8) list: Name Version Rev Tracking Publisher Notes; the publisher carries a mark when verified ("✓",
"**" in an ASCII locale). With no snap installed it says so on standard error and exits 0.
"""

from collectors.hosts.base import Facts, HostCollector, Section, Unreadable, denied_or, first_line, lines_of, read_lines
from collectors.model import Application, FactKind, GapReason

_COLUMNS = ["Name", "Version", "Rev", "Tracking", "Publisher", "Notes"]
_NONE = "No snaps are installed yet"


def _parse(section: Section) -> Facts:
    lines = lines_of(section.stdout)
    if not lines:
        if _NONE in section.stderr:
            return Facts()
        raise Unreadable(denied_or(GapReason.FAILED, section.stderr), f"no answer: {first_line(section.stderr)}")
    if lines[0].split() != _COLUMNS:
        raise Unreadable(GapReason.UNPARSABLE, f"unknown columns: {first_line(lines[0])!r}")
    applications, gaps = read_lines("snap", FactKind.APPLICATIONS, lines[1:], _application)
    return Facts(applications=applications, gaps=gaps)


def _application(line: str) -> Application:
    name, version, _, tracking, publisher, _ = line.split()
    return Application(
        name=name,
        version=version,
        scope="snap",
        publisher="" if publisher == "-" else publisher.rstrip("*✓✪"),
        channel="" if tracking == "-" else tracking,
    )


COLLECTOR = HostCollector(
    name="snap",
    kinds=(FactKind.APPLICATIONS,),
    needs=("snap",),
    optional=True,
    command="snap list",
    parse=_parse,
    slow=True,
)
