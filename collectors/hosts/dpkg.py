"""Installed packages of Debian and its relatives, with their source packages.

Source: dpkg-query(1), fields of deb-control(5). The second letter of the status is what is there, the first what was
wished: only "installed" counts, whatever the wish (L4), with or without triggers still to run. A package that is
unpacked or configured half-way is on the disk in an unknown state: a gap, never nothing. `source:Package` and
`source:Version` are never empty, dpkg derives them from the binary's own when the package names no source
(dpkg >= 1.16.2).
"""

from functools import lru_cache

from collectors.hosts.base import Facts, Family, HostCollector, Section, Unreadable, lines_of, read_lines, shown
from collectors.model import FactKind, Gap, GapReason, Package, PackageScheme

_FIELDS = ("binary:Package", "Architecture", "db:Status-Abbrev", "Version", "source:Package", "source:Version")
_COMMAND = "dpkg-query -W -f='" + "\\t".join(f"${{{name}}}" for name in _FIELDS) + "\\n'"
_WISHES = frozenset("uihrp")
_STATES = frozenset("ncHUFWti")


_INSTALLED = frozenset("iWt")
_HALF_WAY = frozenset("HUF")
_SHOWN_NAMES = 3


def _parse(section: Section) -> Facts:
    lines = lines_of(section.stdout)
    packages, gaps = read_lines("dpkg", FactKind.PACKAGES, lines, _package)
    gaps += _half_way(lines)
    if not packages and not gaps:
        raise Unreadable(GapReason.FAILED, "dpkg-query listed no installed package")
    return Facts(packages=packages, gaps=gaps)


def _half_way(lines: list[str]) -> tuple[Gap, ...]:
    rows = [fields for line in lines if len(fields := line.split("\t")) == len(_FIELDS)]
    names = [name for name, _, status, *_ in rows if status[1:2] in _HALF_WAY]
    if not names:
        return ()
    named = ", ".join(names[:_SHOWN_NAMES]) + (", …" if len(names) > _SHOWN_NAMES else "")
    detail = f"{len(names)} packages are installed half-way ({shown(named)}): `dpkg --configure -a` ends it"
    return (Gap(kind=FactKind.PACKAGES, collector="dpkg", reason=GapReason.FAILED, detail=detail),)


@lru_cache(maxsize=200_000)  # hosts of one estate share most lines, and so the package objects
def _package(line: str) -> Package | None:
    name, architecture, status, version, source, source_version = line.split("\t")
    status = status.rstrip(" ")
    if len(status) not in (2, 3) or status[0] not in _WISHES or status[1] not in _STATES or not name:
        raise ValueError(line)
    if status[1] not in _INSTALLED:
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
