"""Visit machines: one snapshot per target, whatever happens.

A visit never raises (but for an interruption): what goes wrong on a host becomes a gap of that host. The blanket
`except Exception` of the collecting side stands here and nowhere else.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import replace
from datetime import UTC, datetime

from collectors.assembly import Cut, assemble
from collectors.credentials import Credential
from collectors.errors import CollectorError, HostError
from collectors.hosts import discover
from collectors.hosts.base import Family, HostCollector, first_line
from collectors.model import FactKind, Gap, GapReason, HostSnapshot, Protocol, Target
from collectors.parallel import as_finished
from collectors.script import Delivery, build_script, new_nonce, read_sections
from collectors.shapes import make_ready
from collectors.transports.base import ConnectionPolicy, Deadline, Interpreter, ScriptOutput, Transport
from collectors.windows import blocks as windows_blocks
from collectors.windows import degraded
from collectors.windows.assembly import assemble_windows
from collectors.windows.block import WindowsBlock
from collectors.windows.script import build_windows_script

_log = logging.getLogger(__name__)
_SAME_BOOT_S = 60.0
_NOT_HOME = "did not come home"
_OLDEST_POWERSHELL = 3
_POWERSHELL_XML = "#< CLIXML"
_MUTE = "Constrained Language Mode, or a policy that blocks PowerShell"


def visit(
    target: Target,
    *,
    transport: Transport,
    credential: Credential,
    policy: ConnectionPolicy,
    taken_at: datetime,
    collectors: Sequence[HostCollector] | None = None,
    blocks: Sequence[WindowsBlock] | None = None,
) -> HostSnapshot:
    """Collect everything of one machine in one round trip: `blocks` of a Windows machine, `collectors` of any other.

    Where PowerShell answers nothing, one line of reg.exe is tried (W31). `taken_at` is when the visit begins (for a
    recording: when it was made). Returns a snapshot in every case; only KeyboardInterrupt and SystemExit pass through.
    """
    started = time.monotonic()
    chosen = discover() if collectors is None else tuple(collectors)
    asked = windows_blocks.discover() if blocks is None else tuple(blocks)
    make_ready()
    try:
        snapshot = _visit(target, transport, credential, policy, taken_at, chosen, asked)
    except CollectorError as error:
        _log.info("%s: not visited: %s", target.name, error)
        reason = error.reason if isinstance(error, HostError) else GapReason.FAILED
        problem = f"{error.problem} {error.hint}".strip()
        snapshot = _unvisited(target, taken_at, transport.protocol, reason, problem)
    except Exception as error:  # noqa: BLE001 - one host must never end the run
        _log.exception("%s: the visit broke", target.name)
        detail = f"the visit broke inside this product: {type(error).__name__}, see the log"
        snapshot = _unvisited(target, taken_at, transport.protocol, GapReason.FAILED, detail)
    return replace(snapshot, duration_s=round(time.monotonic() - started, 3))


def _visit(
    target: Target,
    transport: Transport,
    credential: Credential,
    policy: ConnectionPolicy,
    taken_at: datetime,
    collectors: Sequence[HostCollector],
    blocks: Sequence[WindowsBlock],
) -> HostSnapshot:
    nonce = new_nonce()
    deadline = Deadline.after(policy.host_deadline_s)
    if transport.interpreter is Interpreter.POWERSHELL:
        script = build_windows_script(blocks, nonce=nonce, deadline_s=policy.host_deadline_s)
    else:
        script = build_script(collectors, nonce=nonce)
    output = transport.run(target, script, credential=credential, policy=policy, deadline=deadline)
    for note in output.notes:
        _log.info("%s: %s", target.name, note)
    # A recording carries the nonce of the visit it was made on.
    delivery = read_sections(output.stdout, nonce=None if transport.protocol is Protocol.REPLAY else nonce)
    if transport.protocol is Protocol.REPLAY and not delivery.answered and degraded.recognises(output.stdout):
        return _degraded(target, output, taken_at) or _mute(target, transport, taken_at, output)
    if transport.interpreter is Interpreter.POWERSHELL and (why := _powershell_failed(output, delivery)):
        asked = _ask_reg(target, transport, credential, policy, deadline)
        found = None if asked is None else _degraded(target, asked, taken_at, *why)
        if found is not None:
            return found
    if not delivery.answered:
        return _mute(target, transport, taken_at, output)
    window_s, cut = policy.host_deadline_s, _cut(output, delivery)
    if delivery.family is Family.WINDOWS:
        return assemble_windows(target, delivery, blocks, taken_at=taken_at, window_s=window_s, cut=cut)
    snapshot = assemble(target, delivery, collectors, taken_at=taken_at, window_s=window_s, cut=cut)
    return replace(snapshot, privileged=output.privileged or delivery.uid == 0)


def _powershell_failed(output: ScriptOutput, delivery: Delivery) -> tuple[GapReason, str] | None:
    """Why another way than PowerShell is worth a try: it ended by itself without a word, or is too old (W31)."""
    version = delivery.powershell_version
    if delivery.answered:
        major = version.partition(".")[0]
        old = major.isdecimal() and int(major) < _OLDEST_POWERSHELL
        return (GapReason.MISSING, f"PowerShell {version} is older than 3.0") if old else None
    if output.timed_out or output.truncated or output.exit_status is None:
        return None
    return GapReason.DENIED, _MUTE


def _ask_reg(
    target: Target, transport: Transport, credential: Credential, policy: ConnectionPolicy, deadline: Deadline
) -> ScriptOutput | None:
    """What one line of reg.exe printed; None when it could not be run, for then PowerShell's failure is the news."""
    if transport.run_command is None or deadline.passed:
        return None
    try:
        return transport.run_command(
            target, degraded.COMMAND.encode(), credential=credential, policy=policy, deadline=deadline
        )
    except HostError as error:
        _log.info("%s: reg.exe was not run either: %s", target.name, error)
        return None


def _degraded(
    target: Target,
    output: ScriptOutput,
    taken_at: datetime,
    reason: GapReason = GapReason.DENIED,
    because: str = _MUTE,
) -> HostSnapshot | None:
    cut = None
    if output.timed_out or output.truncated:
        cut = _cut(output, Delivery(sections={}))
    return degraded.read(target, output.stdout, taken_at=taken_at, reason=reason, because=because, cut=cut)


def _mute(target: Target, transport: Transport, taken_at: datetime, output: ScriptOutput) -> HostSnapshot:
    reason, detail = _no_answer(output, transport)
    return _unvisited(target, taken_at, transport.protocol, reason, detail)


def _no_answer(output: ScriptOutput, transport: Transport) -> tuple[GapReason, str]:
    """Why not even the first frame came: a forced command, a shell that runs nothing, a cut connection."""
    said = _complaint(output) or first_line(output.stdout.decode("utf-8", "backslashreplace"))
    words = f", it said {said!r}" if said else ""
    because = "".join(f"; {note}" for note in output.notes)
    if output.timed_out:
        return GapReason.TIMED_OUT, f"the script gave no answer before the deadline{words}{because}"
    if output.truncated:
        return GapReason.TRUNCATED, f"the answer was cut off before it began{words}{because}"
    if output.exit_status is None:
        return GapReason.FAILED, f"the connection ended before the script answered{words}{because}"
    windows = transport.interpreter is Interpreter.POWERSHELL
    what = f"the host did not run the script (exit status {output.exit_status}{words})"
    if output.notes and (windows or transport.protocol is Protocol.REPLAY):
        return GapReason.DENIED, f"{what}{because}"  # whoever visited knew better than we can guess
    return GapReason.DENIED, f"{what}: {_MUTE if windows else 'forced command or no login shell'}?"


def _complaint(output: ScriptOutput) -> str:
    """First line of standard error; PowerShell's is XML full of noise when it is not a plain line."""
    said = first_line(output.stderr.decode("utf-8", "backslashreplace"))
    return "" if said.startswith(_POWERSHELL_XML) else said


def _cut(output: ScriptOutput, delivery: Delivery) -> Cut:
    if output.timed_out:
        return Cut(reason=GapReason.TIMED_OUT, detail=f"{_NOT_HOME}: the deadline of the host passed")
    if output.truncated:
        why = output.notes[-1] if output.notes else "output limit reached or connection lost"
        return Cut(reason=GapReason.TRUNCATED, detail=f"{_NOT_HOME}: {why}")
    if delivery.complete:
        return Cut(reason=GapReason.FAILED, detail=f"{_NOT_HOME}: damaged on the way, or not asked when recorded")
    status = "unknown" if output.exit_status is None else str(output.exit_status)
    said = _complaint(output)
    detail = f"{_NOT_HOME}: the script ended early with exit status {status}" + (f", it said {said!r}" if said else "")
    return Cut(reason=GapReason.TRUNCATED, detail=detail)


def _unvisited(target: Target, taken_at: datetime, collector: str, reason: GapReason, detail: str) -> HostSnapshot:
    gap = Gap(kind=FactKind.HOST, collector=collector, reason=reason, detail=detail)
    return HostSnapshot(target=target, taken_at=taken_at, gaps=(gap,))


def scan(
    targets: Iterable[Target], visit_one: Callable[[Target], HostSnapshot], *, executor: Executor
) -> Generator[HostSnapshot, None, None]:
    """Visit many machines over an executor and yield their snapshots as they finish.

    On KeyboardInterrupt what is not yet begun is cancelled, what is finished is still yielded, every other target is
    yielded with an INTERRUPTED gap, and the interruption is raised again at the end. A running visit is not waited for.
    """
    yield from as_finished({executor.submit(visit_one, target): target for target in targets}, _result)


def _result(future: Future[HostSnapshot], target: Target) -> HostSnapshot:
    if not future.done():
        return _interrupted(target)
    try:
        return future.result()
    except CancelledError:
        return _interrupted(target)
    except Exception as error:  # noqa: BLE001 - a broken worker (a distributed executor's) is one host's gap
        _log.error("%s: the visit broke", target.name, exc_info=error)
        detail = f"the visit broke inside this product: {type(error).__name__}, see the log"
        return _unvisited(target, datetime.now(UTC), "scan", GapReason.FAILED, detail)


def _interrupted(target: Target) -> HostSnapshot:
    return _unvisited(
        target, datetime.now(UTC), "scan", GapReason.INTERRUPTED, "the operator stopped the run before this machine"
    )


def merge_same_machines(snapshots: Iterable[HostSnapshot]) -> tuple[HostSnapshot, ...]:
    """Merge snapshots of one machine reached under several names (G3), keeping the more complete one of each.

    Machines are one when machine-id and host name are equal and the boot times do not differ by more than a minute:
    cloned virtual machines often share their machine-id, and merging two machines would hide one. The order of first
    appearance is kept; the other target names become `aliases`.
    """
    kept: list[HostSnapshot] = []
    for snapshot in snapshots:
        twin = next((index for index, other in enumerate(kept) if _same_machine(other, snapshot)), None)
        if twin is None:
            kept.append(snapshot)
        else:
            kept[twin] = _merged(kept[twin], snapshot)
    return tuple(kept)


def _same_machine(one: HostSnapshot, other: HostSnapshot) -> bool:
    a, b = one.operating_system, other.operating_system
    if a is None or b is None or not a.machine_id or a.machine_id != b.machine_id or a.hostname != b.hostname:
        return False
    if a.boot_time is None or b.boot_time is None:
        return True
    return abs((a.boot_time - b.boot_time).total_seconds()) <= _SAME_BOOT_S


def _merged(one: HostSnapshot, other: HostSnapshot) -> HostSnapshot:
    first, second = (other, one) if _completeness(other) > _completeness(one) else (one, other)
    aliases = {*one.aliases, *other.aliases, second.target.name} - {first.target.name}
    return replace(first, target=_described_by_both(first.target, second.target), aliases=tuple(sorted(aliases)))


def _described_by_both(first: Target, second: Target) -> Target:
    """What the client file says of either name holds for the machine; exposed under one name is exposed."""
    exposed = "internet" in (first.exposure, second.exposure)
    return replace(
        first,
        site=first.site or second.site,
        exposure="internet" if exposed else first.exposure or second.exposure,
        labels=tuple(dict.fromkeys((*first.labels, *second.labels))),
    )


def _completeness(snapshot: HostSnapshot) -> tuple[int, bool, int]:
    return -len(snapshot.gaps), snapshot.privileged, len(snapshot.packages)
