"""Who offers each installed package, and the repositories whose lists apt holds.

Source: apt-cache(8) policy, one block per package, and `apt-get indextargets`, which names Origin and Label of each
list (Release file). An installed version that no list carries any more (superseded) counts as offered by whoever offers
its upgrade; one that is newer than everything offered, or in no list at all, has no origin.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from collectors.hosts._apt import HIDE_PASSWORDS, NO_CACHE_FILES, is_security_suite
from collectors.hosts.base import (
    MAX_LINE_CHARACTERS,
    Facts,
    Family,
    HostCollector,
    Offer,
    Section,
    Unreadable,
    lines_of,
    unread_gap,
)
from collectors.model import FactKind, GapReason, Repository

_TARGET = "$(SITE)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(LABEL)"
_COMMAND = rf"""
apt-get {NO_CACHE_FILES} indextargets --format 'target|{_TARGET}' 'Created-By: Packages' | {HIDE_PASSWORDS}
dpkg-query -W -f='${{db:Status-Abbrev}}${{binary:Package}}\n' | sed -n 's/^.i. *//p' |
  xargs apt-cache {NO_CACHE_FILES} policy | {HIDE_PASSWORDS}
echo end
"""
_BLOCK = re.compile(r"^([^ \n]+):\n((?: .*\n)*)", re.MULTILINE)
_FIELD = re.compile(r"  (Installed|Candidate|Version table|Package pin|Versioned pins): ?(.*)")
_VERSION = re.compile(r" (?:\*\*\*|   ) ([^ ]+)(?: -?\d+)?(?: \(phased \d+%\))?")
_FROM = re.compile(r" +-?\d+ (?:(cdrom:/*\[[^]]*\]\S*|[^ ]+) ([^ ]+)(?: [^ ]+)? Packages|/[^ ]+)")
_TARGET_FIELDS = 6
_NONE = "(none)"


@dataclass(slots=True)
class _Block:
    """One package's block while it is read; `table` lists (version, its "site suite" keys) from high to low."""

    installed: str = ""
    candidate: str = ""
    table: list[tuple[str, list[str]]] = field(default_factory=list)


def _parse(section: Section) -> Facts:
    text = section.stdout
    if not text.endswith("\nend\n") and text != "end\n":
        raise Unreadable(GapReason.TRUNCATED, "the answer of apt-cache policy is not whole")
    targets, policy = _divided(text.removesuffix("end\n"))
    offers: dict[str, Offer] = {}
    unread: list[str] = []
    position = 0
    for block in _BLOCK.finditer(policy):
        unread += lines_of(policy[position : block.start()])
        offers[block[1]], bad = _read_block(block[2], targets)
        unread += bad
        position = block.end()
    unread += lines_of(policy[position:])
    if not offers:
        raise Unreadable(GapReason.FAILED, "apt-cache policy told of no package")
    gaps = unread_gap(COLLECTOR.name, FactKind.REPOSITORIES, unread, text.count("\n") - 1)
    return Facts(offers=offers, repositories=tuple(_suites(targets).values()), gaps=gaps)


def _divided(text: str) -> tuple[str, str]:
    """The lines about targets, which come first, and the rest."""
    end = 0
    while text.startswith("target|", end):
        end = text.find("\n", end) + 1 or len(text)
    return text[:end], text[end:]


@lru_cache(maxsize=4096)
def _targets(text: str) -> dict[str, Repository]:
    """Repositories by the "site suite/component" that apt-cache policy prints."""
    found: dict[str, Repository] = {}
    for line in lines_of(text):
        words = line.split("|")
        if len(words) == _TARGET_FIELDS:
            _, site, suite, component, origin, label = words
            security = is_security_suite(suite, label)
            repository = Repository(id=f"{site} {suite}", uri=site, suite=suite, origin=origin, security=security)
            found[f"{site} {suite}/{component}" if component else f"{site} {suite}"] = repository
    return found


def _suites(targets: str) -> dict[str, Repository]:
    """Each suite of each site once."""
    found: dict[str, Repository] = {}
    for repository in _targets(targets).values():
        found.setdefault(repository.id, repository)
    return found


@lru_cache(maxsize=100_000)  # hosts of one estate share most blocks
def _read_block(body: str, targets: str) -> tuple[Offer, tuple[str, ...]]:
    """One package's offer, and the lines of its block that were not understood."""
    block = _Block()
    unread = tuple(line for line in lines_of(body) if not _continue(block, line))
    return _offer(block, _targets(targets)), unread


def _continue(block: _Block, line: str) -> bool:
    if len(line) > MAX_LINE_CHARACTERS:
        return False
    if (match := _FIELD.fullmatch(line)) is not None:
        if match[1] == "Installed":
            block.installed = match[2]
        elif match[1] == "Candidate":
            block.candidate = match[2]
        return True
    if (match := _FROM.fullmatch(line)) is not None and block.table:
        if match[1]:
            block.table[-1][1].append(f"{match[1]} {match[2]}")
        return True
    if (match := _VERSION.fullmatch(line)) is not None:
        block.table.append((match[1], []))
        return True
    return False


def _offer(block: _Block, targets: Mapping[str, Repository]) -> Offer:
    """Origin of the installed version, else of the candidate when that is an upgrade (it stands above in the table)."""
    carried = dict(block.table)
    versions = [version for version, _ in block.table]
    of_installed = _known(carried.get(block.installed, []), targets)
    candidate = "" if block.candidate in (_NONE, block.installed) else block.candidate
    of_candidate = _known(carried.get(candidate, []), targets)
    origin = next((repository.origin for repository in of_installed), "")
    upgrade = candidate in versions and block.installed in versions
    if not of_installed and upgrade and versions.index(candidate) < versions.index(block.installed):
        origin = next((repository.origin for repository in of_candidate), "")
    return Offer(
        origin=origin,
        candidate_version=candidate,
        candidate_origin=", ".join(dict.fromkeys(f"{found.origin}:{found.suite}" for found in of_candidate)),
        security=any(repository.security for repository in of_candidate),
    )


def _known(keys: Iterable[str], targets: Mapping[str, Repository]) -> list[Repository]:
    return [targets[key] for key in keys if key in targets]


COLLECTOR = HostCollector(
    name="apt_policy",
    kinds=(FactKind.REPOSITORIES,),
    families=frozenset({Family.DEB}),
    needs=("apt-cache", "apt-get", "xargs"),
    command=_COMMAND,
    parse=_parse,
    slow=True,
    timeout_s=40,
)
