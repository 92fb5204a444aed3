"""One light visit to each machine, by the collectors and transports of an audit: whether it answers, and what it tells.

Everything of a Linux machine is asked (a second or two); of a Windows machine all but the slow blocks, for which what
an ordinary account may not read is known beforehand. What is found here is what an audit would list as not read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from auditor.checkup.checks import Check, Section, State, say
from auditor.workers import Droppable
from collectors.model import FactKind, Gap, GapReason, HostSnapshot, Protocol, Target
from rules.messages import Message

if TYPE_CHECKING:
    from collectors.credentials import Credential
    from collectors.transports.base import ConnectionPolicy
    from collectors.windows.block import WindowsBlock

_COVERAGE = "rules.host.coverage"
_DOCUMENTS = {True: "docs/windows.md", False: "docs/linux.md"}
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one visit came to, and the section that tells it."""

    target: Target
    snapshot: HostSnapshot
    section: Section


def visit_machines(
    targets: Sequence[Target],
    credentials: "Mapping[str, Credential]",
    policy: "ConnectionPolicy",
    *,
    clock: Clock,
    width: int,
) -> list[Seen]:
    """Visit all targets at once, and tell each in their order. A machine whose credential is missing is left out."""
    from collectors.hosts import discover as host_collectors
    from collectors.scan import visit
    from collectors.transports import discover as transports
    from collectors.windows import degraded
    from collectors.windows.blocks import discover as windows_blocks

    wanted = [target for target in targets if target.credential in credentials]
    if not wanted:
        return []
    available, collectors, blocks = transports(), host_collectors(), windows_blocks()
    quick = tuple(block for block in blocks if not block.slow)

    def seen(target: Target) -> Seen:
        snapshot = visit(
            target,
            transport=available[target.protocol],
            credential=credentials[target.credential],
            policy=policy,
            taken_at=clock(),
            collectors=collectors,
            blocks=quick,
        )
        if snapshot.windows is not None and all(status.name != degraded.NAME for status in snapshot.collectors):
            snapshot = _with_what_is_slow(snapshot, blocks)
        sudo = credentials[target.credential].sudo
        return Seen(target=target, snapshot=snapshot, section=section_of(snapshot, sudo=sudo))

    pool = Droppable(min(width, len(wanted)), "doctor")
    try:
        futures = {pool.submit(seen, target): target.name for target in wanted}
        found = {futures[future]: future.result() for future in as_completed(futures)}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for transport in available.values():
            transport.close()
    return [found[target.name] for target in wanted]


def _with_what_is_slow(snapshot: HostSnapshot, blocks: "Iterable[WindowsBlock]") -> HostSnapshot:
    """Instead of gaps of blocks that were not asked: what this account could not read of them."""
    asked = {block.name for block in blocks if not block.slow}
    told = {kind for block in blocks if not block.slow for kind in block.kinds}
    gaps = [gap for gap in snapshot.gaps if gap.kind in told or gap.collector in asked]
    for block in blocks:
        if block.slow and not snapshot.privileged:
            gaps += [
                Gap(kind=kind, collector=block.name, reason=GapReason.DENIED, detail="for administrators only")
                for kind in block.needs_admin
                if kind is not FactKind.ROLES or _is_server(snapshot)
            ]
    return replace(snapshot, gaps=tuple(gaps))


def _is_server(snapshot: HostSnapshot) -> bool:
    """Whether there are roles to ask for."""
    return snapshot.operating_system is not None and snapshot.operating_system.variant_id == "server"


def section_of(snapshot: HostSnapshot, *, sudo: str = "never") -> Section:
    """What one machine's visit means for an audit."""
    return Section(name="machine", heading=_heading(snapshot.target), checks=tuple(_checks(snapshot, sudo)))


def unvisited(target: Target, problem: str) -> Section:
    """A machine that could not be tried at all: what is wrong with its credential."""
    check = Check(name="machine.reached", state=State.FAILED, text=say("unvisited", problem=problem), refuses=True)
    return Section(name="machine", heading=_heading(target), checks=(check,))


def _heading(target: Target) -> Message:
    place = target.address + (f":{target.port}" if target.port else "")
    return say("machine", name=target.name, place=f"{target.protocol.value} {place}".strip())


def _checks(snapshot: HostSnapshot, sudo: str) -> Iterator[Check]:
    lost = next((gap for gap in snapshot.gaps if gap.kind is FactKind.HOST), None)
    if lost is not None:
        yield _unreached(snapshot, lost)
        return
    system = snapshot.operating_system
    name = "" if system is None else system.pretty_name or f"{system.id} {system.version_id}".strip()
    key = "reached_privileged" if snapshot.privileged else "reached"
    yield Check(name="machine.reached", state=State.OK, text=say(key, system=name or "?"))
    if sudo != "never" and not snapshot.privileged and snapshot.windows is None:
        yield Check(name="machine.sudo", state=State.WARNING, text=say("no_sudo"), todo=say("no_sudo_todo"))
    yield from _unread(snapshot)
    yield from _unjudged(snapshot, name)


def _unreached(snapshot: HostSnapshot, gap: Gap) -> Check:
    """The detail of such a gap carries its own advice; the guide is named where the machine has to be prepared."""
    todo: Message | str = ""
    if gap.reason in (GapReason.UNREACHABLE, GapReason.DENIED):
        todo = say("machine_todo", document=_DOCUMENTS[snapshot.target.protocol is Protocol.WINRM])
    return Check(name="machine.reached", state=State.FAILED, text=say("unreached", detail=gap.detail), todo=todo)


def _unread(snapshot: HostSnapshot) -> Iterator[Check]:
    """Areas that were not read, those for want of a right in one line."""
    on_windows = snapshot.windows is not None
    gaps = [gap for gap in snapshot.gaps if not gap.is_limit]
    denied = list(dict.fromkeys(gap.kind for gap in gaps if gap.reason is GapReason.DENIED))
    if denied:
        words = {"areas": tuple(f"rules.fact.{kind.value}" for kind in denied)}
        todo = say("rights_todo_windows" if on_windows else "rights_todo", document=_DOCUMENTS[on_windows])
        text = say("rights", count=len(denied))
        yield Check(name="machine.rights", state=State.PARTIAL, text=text, words=words, todo=todo)
    for gap in gaps:
        if gap.reason is not GapReason.DENIED:
            text = say("unread", detail=gap.detail)
            words = {"area": (f"rules.fact.{gap.kind.value}",)}
            yield Check(name="machine.unread", state=State.PARTIAL, text=text, words=words)


def _unjudged(snapshot: HostSnapshot, name: str) -> Iterator[Check]:
    from collectors.releases import release_of

    system = snapshot.operating_system
    if system is not None and release_of(system) is None:
        text = Message(text=f"{_COVERAGE}.unsupported", params={"system": name})
        yield Check(name="machine.unsupported", state=State.PARTIAL, text=text)
