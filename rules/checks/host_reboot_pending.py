"""host.reboot_pending: fixes are on disk, and the machine still runs the old code (L5, L23).

Decided from every sign there is: the reboot-required file alone proves nothing, because it exists only where an
optional package writes it; so the running kernel is always compared with the newest one on disk, and the advisories are
asked whether the running one has known flaws. Signs that contradict each other are shown one by one. A live patch
lowers the urgency and never removes the line (L14). Containers have no kernel of their own (L24).

On Windows component servicing and Windows Update say whether an update waits (W4). Files to be replaced and a new name
of the computer wait for a restart as well, and are no fixes: alone they are told and never a FAIL.

Texts: `fail`, `fail_kernel`, `fail_windows` (count = flaws that stay open), `fail_disputed`, `pass`, `pass_single`,
`pass_windows`, `pass_windows_single`, `pass_weak`, `kernel_unseen`, `signs_unseen`, `not_applicable`, `remedy`.
Parameters: running (kernel release or build), signals (signs that say yes), against (signs that say no), since_on
(newest trace of an update), cve_count, count (the same), kev_count, package (kernel source, Windows), fixed_version,
remedy (KB, `fail_windows`), due_on.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from collectors.feeds.records import Severity
from collectors.model import FactKind, RebootSignal
from rules.messages import Message, Params
from rules.model import Confidence, Evidence, Finding, Outcome, PatchState, Priority, PriorityLevel
from rules.priority import worst
from rules.proof import advisories_evidence, deadline_for, priority_for, sight_of, threat_for
from rules.remedies import reboot_command
from rules.rule import Case, Rule, finding, joined
from rules.verdicts import PatchVerdict
from rules.windows.builds import running_build
from rules.windows.traces import Traces

ID = "host.reboot_pending"
_KERNEL_SIGN = "newer-kernel"
_STAGED = "staged-update"
_KNOWN_SIGNS = (_KERNEL_SIGN, "reboot-required-file", "needs-restarting", "zypper-needs-rebooting", "needrestart")
_WINDOWS_SIGNS = ("component-servicing", "windows-update", _STAGED, "configuration-manager")
_WEAK_SIGNS = ("file-rename", "computer-rename")  # they wait for a restart, and no fix waits with them
_WORDED_SIGNS = frozenset((*_KNOWN_SIGNS, *_WINDOWS_SIGNS, *_WEAK_SIGNS))


def applies(case: Case) -> bool:
    """Not in a container: its kernel is its host's."""
    return not case.system.container


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL, one UNKNOWN or one PASS."""
    signals = _signals(case)
    waiting = case.verdicts_in(PatchState.REBOOT_PENDING)
    if waiting or any(signal.required for signal in signals if signal.name not in _WEAK_SIGNS):
        yield _pending(case, signals, waiting)
        return
    if case.is_windows:
        yield _nothing_waits(case, signals)
        return
    read = [signal for signal in signals if signal.required is not None]
    evidence = tuple(_sign(case, signal) for signal in signals)
    params: Params = {"running": case.system.kernel_release}
    if all(signal.name != _KERNEL_SIGN for signal in read):
        yield finding(ID, case, Outcome.UNKNOWN, "kernel_unseen", params=params, evidence=evidence)
        return
    several = len(read) > 1
    yield finding(
        ID,
        case,
        Outcome.PASS,
        "pass" if several else "pass_single",
        params=params,
        confidence=Confidence.CONFIRMED if several else Confidence.TENTATIVE,
        evidence=evidence,
    )


def _signals(case: Case) -> tuple[RebootSignal, ...]:
    """The signs there are. On Windows a package that was rolled back stays staged for ever, and asks for nothing."""
    signals = () if case.snapshot.reboot is None else case.snapshot.reboot.signals
    if not case.is_windows or not case.once(Traces, lambda: Traces(case.snapshot)).only_leftovers:
        return signals
    return tuple(replace(signal, required=False) if signal.name == _STAGED else signal for signal in signals)


def _nothing_waits(case: Case, signals: tuple[RebootSignal, ...]) -> Finding:
    """What Windows machines answer when no update asks for a restart."""
    read = [signal for signal in signals if signal.name in _WINDOWS_SIGNS and signal.required is not None]
    weak = [signal.name for signal in signals if signal.required and signal.name in _WEAK_SIGNS]
    params: Params = {"running": _running(case), "signals": joined(weak)}
    evidence = tuple(_sign(case, signal) for signal in signals)
    if not read:
        return finding(ID, case, Outcome.UNKNOWN, "signs_unseen", params=params, evidence=evidence)
    several = len(read) > 1
    text = "pass_weak" if weak else "pass_windows" if several else "pass_windows_single"
    confidence = Confidence.CONFIRMED if several else Confidence.TENTATIVE
    return finding(ID, case, Outcome.PASS, text, params=params, confidence=confidence, evidence=evidence)


def _running(case: Case) -> str:
    """What runs: the kernel's release, or the build of Windows."""
    build = running_build(case.snapshot)
    return case.system.kernel_release if build is None else build.text


def _pending(case: Case, signals: tuple[RebootSignal, ...], waiting: tuple[PatchVerdict, ...]) -> Finding:
    for_it = [signal for signal in signals if signal.required and signal.name not in _WEAK_SIGNS]
    against = [signal for signal in signals if signal.required is False and signal.name not in _WEAK_SIGNS]
    votes = len(for_it) + bool(waiting)
    alone = Confidence.TENTATIVE if against and not case.is_windows else Confidence.FIRM
    # Each sign of Windows speaks of other updates: one that asks for nothing does not contradict another.
    disputed = votes == 1 and bool(against) and not case.is_windows
    of_fix = "fail_windows" if case.is_windows else "fail_kernel"
    text = of_fix if waiting else "fail_disputed" if disputed else "fail"
    due = _due_on(case, waiting)
    since = case.snapshot.last_update
    first = waiting[0] if waiting else None
    cve_count = len({cve for verdict in waiting for cve in verdict.cves})
    return finding(
        ID,
        case,
        Outcome.FAIL,
        text,
        params={
            "running": _running(case),
            "signals": joined(signal.name for signal in for_it),
            "against": joined(signal.name for signal in against),
            "since_on": None if since is None else since.at.date().isoformat(),
            "cve_count": cve_count,
            "count": cve_count,
            "remedy": "" if first is None else first.remedy or first.fixed_version,
            "kev_count": sum(len(threat_for(case, verdict).exploited) for verdict in waiting),
            "package": "" if first is None else first.package,
            "fixed_version": "" if first is None else first.fixed_version,
            "due_on": None if due is None else due.isoformat(),
        },
        severity=worst(verdict.severity for verdict in waiting) if waiting else Severity.MEDIUM,
        confidence=Confidence.CONFIRMED if votes > 1 else alone,
        state=PatchState.REBOOT_PENDING,
        remedy=Message(text=f"rules.{ID}.remedy", params={"command": reboot_command(case)}),
        priority=_priority(case, waiting, due),
        evidence=(*(_sign(case, signal) for signal in signals), *_asked_by(case), *_advisories(case, waiting)),
        released_on=min((day for verdict in waiting if (day := verdict.released_on)), default=None),
        due_on=due,
    )


def _due_on(case: Case, waiting: tuple[PatchVerdict, ...]) -> date | None:
    """The last day in time: the grace after the newest trace of an update, or the fix's own deadline if earlier.

    The update that asks for the reboot is that trace or an older one, so that a day past the grace is surely late.
    """
    days = [found.due_on for verdict in waiting if (found := deadline_for(case, verdict)) is not None]
    if case.snapshot.last_update is not None:
        days.append(case.snapshot.last_update.at.date() + timedelta(days=case.contract.reboot_grace_days))
    return min(days, default=None)


def _priority(case: Case, waiting: tuple[PatchVerdict, ...], due: date | None) -> Priority:
    late = due is not None and case.today > due
    mitigated = case.verdicts_in(PatchState.MITIGATED)
    if waiting:
        exposure, sight = case.snapshot.target.exposure, sight_of(case)
        ranked = (priority_for(case, verdict, exposure, sight) for verdict in waiting)
        base = max(ranked, key=lambda priority: priority.score)
    elif mitigated:
        base = Priority(level=PriorityLevel.WATCH, score=20.0, reasons=(Message(text="rules.priority.livepatch"),))
    else:
        base = Priority(level=PriorityLevel.PLAN, score=40.0, reasons=(Message(text="rules.priority.reboot"),))
    if not late or due is None or (mitigated and not waiting):
        return base
    reason = Message(text="rules.priority.overdue", params={"count": (case.today - due).days})
    return Priority(level=PriorityLevel.NOW, score=base.score, reasons=(reason, *base.reasons))


def _sign(case: Case, signal: RebootSignal) -> Evidence:
    name = signal.name.replace("-", "_") if signal.name in _WORDED_SIGNS else "other"
    answer = {True: "yes", False: "no", None: "unread"}[signal.required]
    return Evidence(
        what=Message(text=f"rules.reboot.{name}.{answer}", params={"sign": signal.name}),
        seen=signal.detail,
        source=signal.name,
        as_of=case.snapshot.taken_at,
    )


def _asked_by(case: Case) -> Iterable[Evidence]:
    packages = () if case.snapshot.reboot is None else case.snapshot.reboot.packages
    if packages:
        yield Evidence(
            what=Message(text="rules.evidence.reboot_packages"),
            seen=", ".join(packages),
            as_of=case.snapshot.taken_at,
        )


def _advisories(case: Case, waiting: tuple[PatchVerdict, ...]) -> Iterable[Evidence]:
    for verdict in waiting:
        yield from advisories_evidence(case, verdict)


RULE = Rule(
    id=ID,
    needs=(FactKind.OPERATING_SYSTEM, FactKind.KERNELS, FactKind.REBOOT),
    needs_on_windows=(FactKind.OPERATING_SYSTEM, FactKind.REBOOT),
    applies=applies,
    check=check,
)
