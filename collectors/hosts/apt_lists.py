"""When apt last renewed its package lists, successfully.

Source: apt(8), tried against servers that answer 200, 304 and not at all. The files under /var/lib/apt/lists carry the
server's date as their time of modification; their time of *change* is set by every successful check of a Release file,
also by one that finds it unchanged, and by no failed one. Stamps and directories are touched by failed updates too:
`apt-get update` exits 0 when no server can be reached.

With several repositories the distribution's own decide, and of those the one that was not renewed for longest.
"""

from datetime import UTC, datetime

from collectors.hosts.base import Facts, Family, HostCollector, Section, Unreadable, prefixed, shown
from collectors.model import FactKind, GapReason, PackageLists

_COMMAND = r"""
d=/var/lib/apt/lists
ls $d >/dev/null || exit 1
for f in $d/*Packages*; do [ -e "$f" ] && echo list:1; done
for f in $d/*Release; do
  [ -e "$f" ] && echo "release:$(stat -c %Z "$f") $(sed -n -e 's/^Origin: *//p' -e '/^SHA/q' "$f" | head -n 1)"
done
echo done:1
"""
_DISTRIBUTIONS = frozenset({"Debian", "Ubuntu", "Raspbian"})


def _parse(section: Section) -> Facts:
    lines = prefixed(section.stdout)
    if "done" not in lines:
        raise Unreadable(GapReason.TRUNCATED, "the list of package lists is not whole")
    releases = [_release(line) for line in lines.get("release", [])]
    own = [at for at, origin in releases if origin in _DISTRIBUTIONS] or [at for at, _ in releases]
    refreshed_at = min(own, default=None) if lines.get("list") else None
    return Facts(package_lists=PackageLists(manager="apt", refreshed_at=refreshed_at))


def _release(line: str) -> tuple[datetime, str]:
    seconds, _, origin = line.partition(" ")
    try:
        return datetime.fromtimestamp(int(seconds), UTC), origin.strip()
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable(GapReason.UNPARSABLE, f"not a number of seconds: {shown(line)!r}") from error


COLLECTOR = HostCollector(
    name="apt_lists",
    kinds=(FactKind.PACKAGE_LISTS,),
    families=frozenset({Family.DEB}),
    needs=("apt-get",),
    command=_COMMAND,
    parse=_parse,
)
