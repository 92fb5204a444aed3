"""Installed packages of Debian and its relatives, with their source packages.

Source: dpkg-query(1), fields of deb-control(5). The second letter of the status is what is there, the first what was
wished: only "installed" counts, whatever the wish (L4). `source:Package` and `source:Version` are never empty, dpkg
derives them from the binary's own when the package names no source (dpkg >= 1.16.2).
"""

from functools import lru_cache

from collectors.hosts.base import Facts, Family, HostCollector, Section, Unreadable, lines_of, read_lines
from collectors.model import FactKind, GapReason, Package, PackageScheme

_FIELDS = ("binary:Package", "Architecture", "db:Status-Abbrev", "Version", "source:Package", "source:Version")
_COMMAND = "dpkg-query -W -f='" + "\\t".join(f"${{{name}}}" for name in _FIELDS) + "\\n'"
_WISHES = frozenset("uihrp")
_STATES = frozenset("ncHUFWti")


def _parse(section: Section) -> Facts:
    packages, gaps = read_lines("dpkg", FactKind.PACKAGES, lines_of(section.stdout), _package)
    if not packages and not gaps:
        raise Unreadable(GapReason.FAILED, "dpkg-query listed no installed package")
    return Facts(packages=packages, gaps=gaps)


@lru_cache(maxsize=200_000)  # hosts of one estate share most lines, and so the package objects
def _package(line: str) -> Package | None:
    name, architecture, status, version, source, source_version = line.split("\t")
    status = status.rstrip(" ")
    if len(status) not in (2, 3) or status[0] not in _WISHES or status[1] not in _STATES or not name:
        raise ValueError(line)
    if status[1] != "i":
        return None
    if not version or not architecture:
        raise ValueError(line)
    return Package(
        name=name.partition(":")[0],
        version=version,
        architecture=architecture,
        source_name=source or name.partition(":")[0],
        source_version=source_version or version,
        scheme=PackageScheme.DEB,
        held=status[0] == "h",
    )


COLLECTOR = HostCollector(
    name="dpkg",
    kinds=(FactKind.PACKAGES,),
    families=frozenset({Family.DEB}),
    needs=("dpkg-query",),
    command=_COMMAND,
    parse=_parse,
)
