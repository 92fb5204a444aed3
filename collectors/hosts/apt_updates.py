"""Updates apt would install now, from the lists it has, with the origin of each.

Source: apt-get(8) -s dist-upgrade, whose "Inst" lines name origins; plain `upgrade` would hide new kernel ABIs. The
summary line counts what must have been read: "10 upgraded, 0 newly installed, 0 to remove and 0 not upgraded."
"""

import re

from collectors.hosts._apt import NO_CACHE_FILES, is_security_origin
from collectors.hosts.base import Facts, Family, HostCollector, Section, Unreadable, lines_of, read_lines
from collectors.model import AvailableUpdate, FactKind, GapReason

_INST = re.compile(
    r"Inst (?P<name>[^ :]+)(?::(?P<foreign>[^ ]+))?(?: \[(?P<old>[^]]+)\])?"
    r" \((?P<new>[^ ]+) (?P<origin>.*?) ?\[(?P<architecture>[^]]+)\]\)(?: \[.*\])?\s*"
)
_SUMMARY = re.compile(
    r"([0-9]{1,7}) upgraded, ([0-9]{1,7}) newly installed, (?:\d+ reinstalled, )?(?:\d+ downgraded, )?\d+ to remove",
    re.MULTILINE,
)
_KEPT_BACK = (
    "The following packages have been kept back:",
    "The following upgrades have been deferred due to phasing:",
)


def _parse(section: Section) -> Facts:
    lines = lines_of(section.stdout)
    inst = [line for line in lines if line.startswith("Inst")]
    summary = _SUMMARY.search(section.stdout)
    if summary is None:
        raise Unreadable(GapReason.UNPARSABLE, "apt-get printed no summary line")
    updates, gaps = read_lines("apt_updates", FactKind.AVAILABLE_UPDATES, inst, _update)
    expected = int(summary[1]) + int(summary[2])
    if len(inst) < expected:
        detail = f"apt-get announced {expected} installations and named {len(inst)}"
        gaps += (COLLECTOR.gap(FactKind.AVAILABLE_UPDATES, GapReason.TRUNCATED, detail),)
    return Facts(available_updates=updates, held_back=_held_back(lines), gaps=gaps)


def _update(line: str) -> AvailableUpdate:
    if (match := _INST.fullmatch(line)) is None:
        raise ValueError(line)
    return AvailableUpdate(
        name=match["name"],
        architecture=match["foreign"] or match["architecture"],
        installed_version=match["old"] or "",
        candidate_version=match["new"],
        origin=match["origin"].strip(),
        security=is_security_origin(match["origin"].strip()),
    )


def _held_back(lines: list[str]) -> tuple[str, ...]:
    names: list[str] = []
    inside = False
    for line in lines:
        if line in _KEPT_BACK:
            inside = True
        elif inside and line.startswith("  "):
            names += line.split()
        else:
            inside = False
    return tuple(names)


COLLECTOR = HostCollector(
    name="apt_updates",
    kinds=(FactKind.AVAILABLE_UPDATES,),
    families=frozenset({Family.DEB}),
    needs=("apt-get",),
    # apt 3 can be told to print its summary otherwise.
    command=f"apt-get -s -o Debug::NoLocking=1 -o APT::Output-Version=0 {NO_CACHE_FILES} dist-upgrade",
    parse=_parse,
    slow=True,
    timeout_s=60,
)
