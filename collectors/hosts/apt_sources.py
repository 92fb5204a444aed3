"""Repositories configured for apt, whether or not their lists were ever fetched.

Source: sources.list(5), one-line and deb822 style. Passwords in addresses are removed on the host.
"""

import re
from collections.abc import Iterator

from collectors.hosts._apt import HIDE_PASSWORDS, is_security_suite
from collectors.hosts.base import (
    MAX_LINE_CHARACTERS,
    Facts,
    Family,
    HostCollector,
    Section,
    denied_or,
    first_line,
    lines_of,
    unread_gap,
)
from collectors.model import FactKind, Gap, GapReason, Repository

_COMMAND = rf"""
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  [ -e "$f" ] || continue
  echo "file:$f"; sed 's/^/line:/' "$f" | {HIDE_PASSWORDS}; echo
done
exit 0
"""
_ONE_LINE = re.compile(
    r"deb(?P<source>-src)?\s+(?:\[[^]]*\]\s+)?(?P<uri>cdrom:\[[^]]*\]\S*|\S+)\s+(?P<suite>\S+)(?P<components>(?:\s+[^\s#]+)*)\s*(?:#.*)?"
)


def _parse(section: Section) -> Facts:
    found: dict[str, Repository] = {}
    unread: list[str] = []
    total = 0
    for path, lines in _files(section.stdout):
        total += len(lines)
        rows, bad = _deb822(lines) if path.endswith(".sources") else _one_line(lines)
        unread += [f"{path}: {line}" for line in bad]
        for row in rows:
            found.setdefault(row.id, row)
    gaps = unread_gap(COLLECTOR.name, FactKind.REPOSITORIES, unread, total) + _errors(section)
    return Facts(repositories=tuple(found.values()), gaps=gaps)


def _errors(section: Section) -> tuple[Gap, ...]:
    if not section.stderr.strip():
        return ()
    reason = denied_or(GapReason.FAILED, section.stderr)
    return (COLLECTOR.gap(FactKind.REPOSITORIES, reason, first_line(section.stderr)),)


def _files(text: str) -> Iterator[tuple[str, list[str]]]:
    path = ""
    lines: list[str] = []
    for line in lines_of(text):
        if line.startswith("file:"):
            if path:
                yield path, lines
            path, lines = line.removeprefix("file:"), []
        elif line:
            lines.append(line.removeprefix("line:"))
    if path or lines:
        yield path, lines


def _one_line(lines: list[str]) -> tuple[list[Repository], list[str]]:
    rows: list[Repository] = []
    unread: list[str] = []
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if len(text) > MAX_LINE_CHARACTERS or (match := _ONE_LINE.fullmatch(text)) is None:
            unread.append(text)
        elif match["source"] is None:
            rows.append(_repository(match["uri"], match["suite"]))
    return rows, unread


def _deb822(lines: list[str]) -> tuple[list[Repository], list[str]]:
    rows: list[Repository] = []
    unread: list[str] = []
    stanza: dict[str, str] = {}
    last = ""
    for line in [*lines, ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            rows += _stanza(stanza)
            stanza, last = {}, ""
        elif line[0] in " \t" and last:
            stanza[last] += f" {line.strip()}"
        elif ":" in line and " " not in line.partition(":")[0]:
            last, _, value = line.partition(":")
            last = last.lower()
            stanza[last] = value.strip()
        else:
            unread.append(line)
    return rows, unread


def _stanza(stanza: dict[str, str]) -> Iterator[Repository]:
    if "deb" not in stanza.get("types", "").split():
        return
    enabled = stanza.get("enabled", "yes").lower() not in ("no", "false", "0", "off", "without", "disable")
    for uri in stanza.get("uris", "").split():
        for suite in stanza.get("suites", "").split():
            yield _repository(uri, suite, enabled=enabled)


def _repository(uri: str, suite: str, *, enabled: bool = True) -> Repository:
    uri = uri.rstrip("/")
    return Repository(id=f"{uri} {suite}", uri=uri, suite=suite, enabled=enabled, security=is_security_suite(suite))


COLLECTOR = HostCollector(
    name="apt_sources",
    kinds=(FactKind.REPOSITORIES,),
    families=frozenset({Family.DEB}),
    command=_COMMAND,
    parse=_parse,
)
