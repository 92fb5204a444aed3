"""Repository files (.repo) of dnf, yum and zypper, and the age of each repository's cached metadata."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from collectors.hosts.base import (
    MAX_LINE_CHARACTERS,
    Facts,
    Section,
    Unreadable,
    denied_or,
    first_line,
    lines_of,
    shown,
    unread_gap,
)
from collectors.model import FactKind, Gap, GapReason, PackageLists, Repository

HIDE_PASSWORDS = (
    r"sed -e 's#://[^/@ ]*@#://#g' -e '/^line:[[:space:]]*\(proxy_\)*\(password\|username\)[[:space:]]*[=:]/d'"
)


def command(directories: tuple[str, ...], caches: tuple[str, ...], *, hide_queries: bool = False) -> str:
    """Sh text that prints every .repo file of `directories` and "cache:<seconds> <path>" per file of `caches`.

    A folder on the way to a cache that is closed to this user (root's umask of 027, as hardening guides want it) is
    printed as "closed:<path>": that no cache was seen behind it says nothing.
    SUSE's addresses carry an access token as their query: `hide_queries` keeps it on the host.
    """
    hide = f"{HIDE_PASSWORDS} -e 's#^\\(line:.*://[^?]*\\)?.*#\\1#'" if hide_queries else HIDE_PASSWORDS
    folders = dict.fromkeys(folder for path in caches for folder in _folders(path))
    return rf"""
for d in {" ".join(directories)}; do
  [ -e $d ] || continue
  ls $d >/dev/null || exit 1
  for f in $d/*.repo; do [ -e "$f" ] && {{ echo "file:$f"; sed 's/^/line:/' "$f" | {hide}; echo; }}; done
done
for f in {" ".join(caches)}; do [ -e "$f" ] && echo "cache:$(stat -c %Y "$f") $f"; done
for d in {" ".join(folders)}; do
  [ ! -d "$d" ] || {{ [ -r "$d" ] && [ -x "$d" ]; }} || echo "closed:$d"
done
exit 0
"""


def _folders(path: str) -> list[str]:
    """The folders a cache lies in, below /var/cache."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(4, len(parts))]


_SECTION = re.compile(r"\[([^]]+)\]\s*(?:[#;].*)?")
_OPTION = re.compile(r"([A-Za-z0-9_.\-\[\]]+)\s*[=:]\s*(.*)")
_FALSE = frozenset({"0", "no", "false", "off"})


@dataclass(slots=True)
class _Read:
    """What has been read so far of all files."""

    stanzas: dict[str, dict[str, str]]
    caches: dict[str, datetime]
    unread: list[str]
    closed: list[str]
    current: str = ""
    last: str = ""


def parser(name: str, manager: str, cached_as: Callable[[str, str], bool]) -> Callable[[Section], Facts]:
    """Parse function of collector `name`; `cached_as(repository id, path)` tells whose cache a path is."""

    def parse(section: Section) -> Facts:
        read = _Read({}, {}, [], [])
        lines = lines_of(section.stdout)
        for line in lines:
            _take(read, line)
        if not read.stanzas and not read.unread and section.stderr.strip():
            raise Unreadable(denied_or(GapReason.FAILED, section.stderr), first_line(section.stderr))
        repositories = tuple(_repository(key, options) for key, options in read.stanzas.items())
        lists, missing = _lists(name, manager, repositories, read, cached_as)
        gaps = unread_gap(name, FactKind.REPOSITORIES, read.unread, len(lines)) + missing + _errors(name, section)
        return Facts(repositories=repositories, package_lists=lists, gaps=gaps)

    return parse


def _errors(name: str, section: Section) -> tuple[Gap, ...]:
    if not section.stderr.strip():
        return ()
    reason = denied_or(GapReason.FAILED, section.stderr)
    return (Gap(kind=FactKind.REPOSITORIES, collector=name, reason=reason, detail=first_line(section.stderr)),)


def _take(read: _Read, line: str) -> None:
    if line.startswith("file:"):
        read.current = read.last = ""
    elif line.startswith("cache:"):
        seconds, _, path = line.removeprefix("cache:").partition(" ")
        try:
            read.caches[path] = datetime.fromtimestamp(int(seconds), UTC)
        except (ValueError, OverflowError, OSError):
            read.unread.append(line)
    elif line.startswith("closed:"):
        read.closed.append(line.removeprefix("closed:"))
    elif line and (not line.startswith("line:") or not _option(read, line.removeprefix("line:"))):
        read.unread.append(line.removeprefix("line:"))


def _option(read: _Read, text: str) -> bool:
    if len(text) > MAX_LINE_CHARACTERS:
        return False
    if not text.strip() or text.lstrip().startswith(("#", ";")):
        return True
    if (match := _SECTION.fullmatch(text.strip())) is not None:
        read.current, read.last = match[1], ""
        if read.current != "main":
            read.stanzas.setdefault(read.current, {})
        return True
    stanza = read.stanzas.get(read.current, {}) if read.current else None
    if stanza is None:
        return False
    if text[0] in " \t" and read.last:  # a value may go on in the next line
        stanza[read.last] += f" {text.strip()}"
        return True
    if (match := _OPTION.fullmatch(text.strip())) is None:
        return False
    read.last = match[1].lower()
    stanza[read.last] = match[2].strip()
    return True


def _repository(key: str, options: dict[str, str]) -> Repository:
    uri = next((options[name].split()[0] for name in ("baseurl", "mirrorlist", "metalink") if options.get(name)), "")
    return Repository(id=key, uri=uri, enabled=options.get("enabled", "1").lower() not in _FALSE)


def _lists(
    name: str,
    manager: str,
    repositories: tuple[Repository, ...],
    read: _Read,
    cached_as: Callable[[str, str], bool],
) -> tuple[PackageLists | None, tuple[Gap, ...]]:
    """Age of the oldest cache among the enabled repositories; one without cache beside others is a gap."""
    found: list[datetime] = []
    without: list[str] = []
    for repository in repositories:
        if not repository.enabled:
            continue
        times = [at for path, at in read.caches.items() if cached_as(repository.id, path)]
        found += [max(times)] if times else []
        without += [] if times else [repository.id]
    if any(path.startswith("/var/cache/yum/") for path in read.caches):
        manager = "yum"
    gaps: tuple[Gap, ...] = ()
    if without and read.closed:
        detail = f"the age of {', '.join(without)} is hidden: {shown(read.closed[0])} is closed to this user"
        gaps = (Gap(kind=FactKind.PACKAGE_LISTS, collector=name, reason=GapReason.DENIED, detail=detail),)
        if not found:
            return None, gaps
    elif found and without:
        detail = f"no cached metadata for {', '.join(without)}"
        gaps = (Gap(kind=FactKind.PACKAGE_LISTS, collector=name, reason=GapReason.MISSING, detail=detail),)
    return PackageLists(manager=manager, refreshed_at=min(found, default=None)), gaps
