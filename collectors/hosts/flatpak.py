"""Flatpaks installed for the whole system; those of single users are not looked at.

Source: flatpak-list(1), tab-separated when the output is no terminal.
"""

from collectors.hosts.base import Facts, HostCollector, Section, lines_of, read_lines
from collectors.model import Application, FactKind


def _parse(section: Section) -> Facts:
    applications, gaps = read_lines("flatpak", FactKind.APPLICATIONS, lines_of(section.stdout), _application)
    return Facts(applications=applications, gaps=gaps)


def _application(line: str) -> Application:
    name, version, branch, origin = line.split("\t")
    if not name:
        raise ValueError(line)
    return Application(name=name, version=version, scope="flatpak", publisher=origin, channel=branch)


COLLECTOR = HostCollector(
    name="flatpak",
    kinds=(FactKind.APPLICATIONS,),
    needs=("flatpak",),
    optional=True,
    command="flatpak list --system --columns=application,version,branch,origin",
    parse=_parse,
    slow=True,
)
