"""Installed packages of Alpine, with the origin package that secfixes are keyed by.

Source: the installed database of apk(8), /lib/apk/db/installed (/usr/lib/apk/db/installed since apk-tools 3): one
paragraph per package, P name, V version, A architecture, o origin.
"""

from functools import lru_cache

from collectors.hosts.base import Facts, Family, HostCollector, Section, Unreadable, lines_of, read_lines, unread_gap
from collectors.model import FactKind, Gap, GapReason, Package, PackageScheme

_COMMAND = r"""
for f in /lib/apk/db/installed /usr/lib/apk/db/installed; do
  if [ -e $f ]; then sed -n -e '/^[PVAo]:/p' -e '/^$/p' $f; exit; fi
done
echo "no installed database" >&2; exit 1
"""
_KEYS = frozenset("PVAo")


def _parse(section: Section) -> Facts:
    unread: list[str] = []
    paragraphs: list[str] = []
    lines = 0
    current: list[str] = []
    for line in [*lines_of(section.stdout), ""]:
        lines += 1
        if line == "":
            paragraphs += ["\n".join(current)] if current else []
            current = []
        elif line[:1] in _KEYS and line[1:2] == ":":
            current.append(line)
        else:
            unread.append(line)
    packages, gaps = read_lines("apk", FactKind.PACKAGES, paragraphs, _package)
    gaps += _unread(unread, lines)
    if not packages and not gaps:
        raise Unreadable(GapReason.FAILED, "the installed database lists no package")
    return Facts(packages=packages, gaps=gaps)


def _unread(unread: list[str], lines: int) -> tuple[Gap, ...]:
    return unread_gap("apk", FactKind.PACKAGES, unread, lines)


@lru_cache(maxsize=200_000)  # hosts of one estate share most lines, and so the package objects
def _package(paragraph: str) -> Package | None:
    fields = {entry[0]: entry[2:] for entry in paragraph.split("\n")}
    if not fields.get("P") or not fields.get("V"):
        raise ValueError(paragraph)
    return Package(
        name=fields["P"],
        version=fields["V"],
        architecture=fields.get("A", ""),
        source_name=fields.get("o") or fields["P"],
        source_version=fields["V"],
        scheme=PackageScheme.APK,
    )


COLLECTOR = HostCollector(
    name="apk",
    kinds=(FactKind.PACKAGES,),
    families=frozenset({Family.APK}),
    command=_COMMAND,
    parse=_parse,
)
