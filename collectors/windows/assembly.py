"""From the blocks of one Windows machine to its snapshot.

A kind of fact that a block did not deliver, or that no block tells, becomes a gap here: an empty tuple without a gap
always means "looked, and found nothing".
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from collectors.assembly import Cut, clock_skew_s
from collectors.hosts.base import Unreadable, json_of, shown
from collectors.model import (
    CollectorOutcome,
    CollectorStatus,
    FactKind,
    Gap,
    GapReason,
    HostSnapshot,
    LastUpdate,
    OperatingSystem,
    RebootSignal,
    RebootState,
    Target,
)
from collectors.script import Delivery
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks.system import FIRST_WITH_UBR
from collectors.windows.facts import (
    InstalledUpdate,
    UpdatePolicy,
    UpdateSource,
    WindowsFacts,
    WindowsSystem,
)
from collectors.windows.names import nt_version

KINDS = (
    FactKind.OPERATING_SYSTEM,
    FactKind.REBOOT,
    FactKind.AVAILABLE_UPDATES,
    FactKind.APPLICATIONS,
    FactKind.LAST_UPDATE,
    FactKind.INSTALLED_UPDATES,
    FactKind.UPDATE_POLICY,
    FactKind.USER_APPLICATIONS,
    FactKind.STORE_APPS,
    FactKind.OFFICE,
    FactKind.DOTNET,
    FactKind.SQL_SERVER,
    FactKind.EXCHANGE,
    FactKind.ANTIVIRUS,
    FactKind.ACTIVATION,
    FactKind.PROCESSORS,
    FactKind.ROLES,
)
"""Every kind of fact a Windows machine is asked for."""

_DENIALS = (
    "unauthorizedaccess",
    "securityexception",
    "/accessdenied",
    "win32exception/5 ",  # its HRESULT says no more than "failed"
    "0x80070005",
    "0x80041003",
    "0x80240044",
)
_DELAYS = ("timeoutexception", "0x80041069")
_ABSENCES = ("0x80040154", "0x80041010", "0x8004100e", "/invalidclass", "/invalidnamespace")
_REASONS = {
    "denied": GapReason.DENIED,
    "failed": GapReason.FAILED,
    "timed_out": GapReason.TIMED_OUT,
    "missing": GapReason.MISSING,
}
_WAITING = frozenset({"staged", "install_pending"})
_ROLL_UP = "Package_for_RollupFix"


class _Envelope(msgspec.Struct):
    """What a block's frame holds: state, problem, refusals (kind, reason or problem, what), value."""

    s: str
    e: str = ""
    d: list[tuple[str, str, str]] = msgspec.field(default_factory=list)
    v: Any = None


def assemble_windows(
    target: Target,
    delivery: Delivery,
    blocks: Sequence[WindowsBlock],
    *,
    taken_at: datetime,
    window_s: float,
    cut: Cut,
) -> HostSnapshot:
    """Put a Windows machine's snapshot together. `window_s` is how long after `taken_at` its clock may have been read.

    Without its identity (build and revision) `windows` is None, and every kind of fact that stands there is a gap.
    """
    read = [(block, *_read(block, delivery, cut)) for block in blocks]
    parts = [part for _, part, _ in read]
    gaps = [gap for part in parts for gap in part.gaps]
    told = {kind for block, _, status in read if status.outcome is not CollectorOutcome.FAILED for kind in block.kinds}
    gaps += [_untold(kind) for kind in KINDS if kind not in told | {gap.kind for gap in gaps}]
    updates = tuple(update for part in parts for update in part.installed_updates)
    system = _system(parts, updates, delivery)
    identity = _identity(parts, system, taken_at, window_s)
    if system is None:
        gaps += _without_identity(gaps)
    return HostSnapshot(
        target=target,
        taken_at=taken_at,
        privileged=delivery.elevated,
        operating_system=identity,
        reboot=_reboot(parts, system, updates),
        applications=tuple(row for part in parts for row in part.applications),
        last_update=_last_update(parts),
        windows=None if system is None else _facts(system, parts, updates),
        collectors=tuple(status for _, _, status in read),
        gaps=tuple(dict.fromkeys(gaps)),
    )


def _read(block: WindowsBlock, delivery: Delivery, cut: Cut) -> tuple[WindowsPart, CollectorStatus]:
    section = delivery.sections.get(block.name)
    if section is None:
        reason, detail = cut.reason, cut.detail
        if block.name in delivery.cut:
            reason, detail = GapReason.TRUNCATED, "its answer did not come home whole"
        return _blind(block, reason, detail)
    try:
        part = read_answer(block, section.stdout, elevated=delivery.elevated)
    except Unreadable as failure:
        return _blind(block, failure.reason, failure.detail)
    if not part.gaps:
        return part, _status(block, CollectorOutcome.OK, "")
    outcome = CollectorOutcome.FAILED if replace(part, gaps=()) == WindowsPart() else CollectorOutcome.PARTIAL
    return part, _status(block, outcome, part.gaps[0].detail)


def read_answer(block: WindowsBlock, text: str, *, elevated: bool) -> WindowsPart:
    """Facts and gaps of a block's answer; `text` is the JSON of its frame. Raises `Unreadable` when it tells nothing.

    `elevated` says whether the login was an administrator's, for the words of what was refused.
    """
    try:
        return _part(block, msgspec.convert(json_of(text), _Envelope), elevated=elevated)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise Unreadable(GapReason.UNPARSABLE, f"its answer was not understood: {shown(str(error))}") from error


def _part(block: WindowsBlock, envelope: _Envelope, *, elevated: bool) -> WindowsPart:
    """Facts of an answer. A block that failed or was stopped midway may still have told something."""
    refusals = [_refusal(block, *refusal, elevated=elevated) for refusal in envelope.d]
    trouble = _trouble(block, envelope, elevated=elevated)
    if envelope.v is None:
        if trouble or refusals:
            hidden = {gap.kind for gap in (*trouble, *refusals)}
            unsaid = [
                _gap(block, kind, GapReason.FAILED, "the block gave no value")
                for kind in block.kinds
                if kind not in hidden
            ]
            return WindowsPart(gaps=(*trouble, *refusals, *unsaid))
        raise Unreadable(GapReason.UNPARSABLE, "its answer holds no value")
    part = block.parse(envelope.v)
    return replace(part, gaps=(*part.gaps, *refusals, *trouble))


def _trouble(block: WindowsBlock, envelope: _Envelope, *, elevated: bool) -> list[Gap]:
    match envelope.s:
        case "ok":
            return []
        case "timed_out":
            detail = _one_line(envelope.e) or "stopped at its time limit"
            return [_gap(block, kind, GapReason.TIMED_OUT, detail) for kind in block.kinds]
        case "failed":
            return [
                _gap(block, kind, _reason(envelope.e), _worded(block, kind, "", envelope.e, elevated=elevated))
                for kind in block.kinds
            ]
        case _:
            raise Unreadable(GapReason.UNPARSABLE, f"its state is not understood: {shown(envelope.s)!r}")


def _refusal(block: WindowsBlock, kind: str, reason: str, what: str, *, elevated: bool) -> Gap:
    if kind not in frozenset(FactKind):
        raise Unreadable(GapReason.UNPARSABLE, f"a refusal names no kind of fact: {shown(kind)!r}")
    problem = "" if reason in _REASONS else reason
    found = _REASONS.get(reason) or _reason(reason)
    if found is GapReason.DENIED:
        problem = problem or "refused"
    return _gap(block, FactKind(kind), found, _worded(block, FactKind(kind), what, problem, elevated=elevated))


def _reason(problem: str) -> GapReason:
    """Told by the error's type and HRESULT; the message is in the machine's language."""
    head = problem.partition(":")[0].casefold()
    if any(word in head for word in _DENIALS):
        return GapReason.DENIED
    if any(word in head for word in _DELAYS):
        return GapReason.TIMED_OUT
    return GapReason.MISSING if any(word in head for word in _ABSENCES) else GapReason.FAILED


def _worded(block: WindowsBlock, kind: FactKind, what: str, problem: str, *, elevated: bool) -> str:
    said = ": ".join(part for part in (_one_line(what), _one_line(problem)) if part) or "not readable"
    if kind in block.needs_admin and not elevated:
        return f"{said.rstrip('.')}; only an administrator of the machine may read it, and this login is none"
    return said


def _one_line(text: str) -> str:
    return shown(" ".join(text.split()))


def _blind(block: WindowsBlock, reason: GapReason, detail: str) -> tuple[WindowsPart, CollectorStatus]:
    gaps = tuple(_gap(block, kind, reason, detail) for kind in block.kinds)
    return WindowsPart(gaps=gaps), _status(block, CollectorOutcome.FAILED, detail)


def _gap(block: WindowsBlock, kind: FactKind, reason: GapReason, detail: str) -> Gap:
    return Gap(kind=kind, collector=block.name, reason=reason, detail=detail)


def _status(block: WindowsBlock, outcome: CollectorOutcome, detail: str) -> CollectorStatus:
    return CollectorStatus(name=block.name, outcome=outcome, detail=detail)


def _untold(kind: FactKind) -> Gap:
    detail = "no collector tells this of a Windows machine"
    return Gap(kind=kind, collector="script", reason=GapReason.UNSUPPORTED, detail=detail)


def _without_identity(gaps: Iterable[Gap]) -> list[Gap]:
    hidden = {gap.kind for gap in gaps}
    detail = "build and revision of this Windows are not known, so nothing can be told of it"
    return [
        Gap(kind=kind, collector="script", reason=GapReason.FAILED, detail=detail)
        for kind in KINDS
        if kind not in hidden
    ]


def _system(
    parts: Iterable[WindowsPart], updates: Iterable[InstalledUpdate], delivery: Delivery
) -> WindowsSystem | None:
    system = next((part.system for part in parts if part.system is not None), None)
    if system is None:
        return None
    ubr = system.ubr if system.build >= FIRST_WITH_UBR else max(system.ubr, _installed_revision(system, updates))
    return replace(
        system,
        ubr=ubr,
        powershell_version=delivery.powershell_version,
        language_mode=delivery.language_mode,
        elevated=delivery.elevated,
    )


def _installed_revision(system: WindowsSystem, updates: Iterable[InstalledUpdate]) -> int:
    """Revision of the newest roll-up in effect: before Windows 10 not every one of them moved UBR."""
    return max((revision for update in updates if (revision := _revision(update, system, {"installed"}))), default=0)


def _revision(update: InstalledUpdate, system: WindowsSystem, states: Iterable[str]) -> int:
    """Revision of a cumulative package of this build in one of the states, else 0."""
    if update.source is not UpdateSource.CBS or update.state not in states or not update.package.startswith(_ROLL_UP):
        return 0
    build, _, revision = update.build.partition(".")
    return int(revision) if build == str(system.build) and revision.isdecimal() else 0


def _identity(
    parts: Iterable[WindowsPart], system: WindowsSystem | None, taken_at: datetime, window_s: float
) -> OperatingSystem | None:
    found = next((part for part in parts if part.operating_system is not None), None)
    if found is None or found.operating_system is None or system is None:
        return None
    return replace(
        found.operating_system,
        version_id=f"{nt_version(system.build)}.{system.full_build}",
        clock_skew_s=clock_skew_s(found.clock, taken_at, window_s),
    )


def _reboot(
    parts: Iterable[WindowsPart], system: WindowsSystem | None, updates: Sequence[InstalledUpdate]
) -> RebootState | None:
    signals = [signal for part in parts for signal in part.reboot_signals]
    staged = _staged(system, updates)
    return RebootState(signals=(*signals, staged)) if signals or staged.required else None


def _staged(system: WindowsSystem | None, updates: Sequence[InstalledUpdate]) -> RebootSignal:
    """Whether a cumulative update newer than the running build lies ready (W4)."""
    name = "staged-update"
    if system is None or not any(update.source is UpdateSource.CBS for update in updates):
        return RebootSignal(name=name, required=None, detail="no component servicing package was read")
    waiting = [(revision, update) for update in updates if (revision := _revision(update, system, _WAITING))]
    revision, newest = max(waiting, key=lambda pair: pair[0], default=(0, None))
    if newest is None or revision <= system.ubr:
        return RebootSignal(name=name, required=False)
    state = newest.state.replace("_", " ")
    return RebootSignal(name=name, required=True, detail=f"running {system.full_build}, {newest.build} is {state}")


def _last_update(parts: Iterable[WindowsPart]) -> LastUpdate | None:
    return max(
        (part.last_update for part in parts if part.last_update is not None), key=lambda one: one.at, default=None
    )


def _facts(system: WindowsSystem, parts: Sequence[WindowsPart], updates: tuple[InstalledUpdate, ...]) -> WindowsFacts:
    return WindowsFacts(
        system=system,
        installed_updates=updates,
        search=tuple(row for part in parts for row in part.search),
        policy=_policy(parts),
        office=tuple(row for part in parts for row in part.office),
        dotnet=next((part.dotnet for part in parts if part.dotnet is not None), None),
        sql_instances=tuple(row for part in parts for row in part.sql_instances),
        exchange_version=next((part.exchange_version for part in parts if part.exchange_version), ""),
        antivirus=next((part.antivirus for part in parts if part.antivirus is not None), None),
        activations=tuple(row for part in parts for row in part.activations),
        processors=next((part.processors for part in parts if part.processors is not None), None),
        profiles=tuple(row for part in parts for row in part.profiles),
        roles=tuple(dict.fromkeys(role for part in parts for role in part.roles)),
    )


def _policy(parts: Iterable[WindowsPart]) -> UpdatePolicy | None:
    """The policy's own block decides; the agent's history adds when it last succeeded, told to administrators only."""
    found = [part.policy for part in parts if part.policy is not None]
    policy = next((one for one in found if one.uses_wsus is not None), None)
    if policy is None:
        return None
    searched = [one.last_success_at for one in found if one.last_success_at is not None]
    installed = [one.last_install_at for one in found if one.last_install_at is not None]
    return replace(policy, last_success_at=max(searched, default=None), last_install_at=max(installed, default=None))
