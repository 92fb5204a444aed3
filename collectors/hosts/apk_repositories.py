"""Repositories of Alpine's apk, and when their indexes were last renewed.

Source: apk-repositories(5): one address per line, "@tag" before it for a pinned one; indexes in /var/cache/apk or, with
a cache set up, in the directory /etc/apk/cache points to.
"""

import re
from datetime import UTC, datetime

from collectors.hosts.base import (
    Facts,
    Family,
    HostCollector,
    Section,
    Unreadable,
    denied_or,
    first_line,
    prefixed,
    read_lines,
)
from collectors.model import FactKind, GapReason, PackageLists, Repository

_COMMAND = r"""
for f in /etc/apk/repositories /etc/apk/repositories.d/*.list; do
  [ -e "$f" ] && { sed 's/^/line:/' "$f" || exit 1; echo; }
done | sed 's#://[^/@ ]*@#://#g'
for f in /var/cache/apk/APKINDEX.* /etc/apk/cache/APKINDEX.*; do [ -e "$f" ] && echo "index:$(stat -c %Y "$f")"; done
echo done:1
"""
_LINE = re.compile(r"(?:@\S+\s+)?(?P<uri>(?:https?|ftp|file)://\S+|/\S+)")
_BRANCH = re.compile(r"/(v\d+\.\d+|edge|latest-stable)/([a-z]+)/?$")


def _parse(section: Section) -> Facts:
    lines = prefixed(section.stdout)
    if "done" not in lines:
        raise Unreadable(GapReason.TRUNCATED, "the list of repositories is not whole")
    if "line" not in lines:
        detail = first_line(section.stderr) or "no file names a repository"
        raise Unreadable(denied_or(GapReason.FAILED, section.stderr), detail)
    repositories, gaps = read_lines("apk_repositories", FactKind.REPOSITORIES, lines["line"], _repository)
    try:
        times = [datetime.fromtimestamp(int(value), UTC) for value in lines.get("index", [])]
    except (ValueError, OverflowError, OSError) as error:
        raise Unreadable(GapReason.UNPARSABLE, f"a time of {lines['index']!r} is no number of seconds") from error
    lists = PackageLists(manager="apk", refreshed_at=min(times, default=None))
    return Facts(repositories=repositories, package_lists=lists, gaps=gaps)


def _repository(line: str) -> Repository | None:
    text = line.strip()
    if text.startswith("#"):
        return None
    if (match := _LINE.fullmatch(text)) is None:
        raise ValueError(line)
    uri = match["uri"].rstrip("/")
    branch = _BRANCH.search(uri)
    suite = f"{branch[1]}/{branch[2]}" if branch else ""
    return Repository(id=uri, uri=uri, suite=suite, origin="Alpine" if branch else "")


COLLECTOR = HostCollector(
    name="apk_repositories",
    kinds=(FactKind.REPOSITORIES, FactKind.PACKAGE_LISTS),
    families=frozenset({Family.APK}),
    command=_COMMAND,
    parse=_parse,
)
