"""patch.missing: security fixes the vendor has released, and the machine has not installed.

One FAIL per source package (key: the advisories' package name), cross-checked with the host's own updater; one more for
each source package whose security update only the updater knows (D2, D12).

UNKNOWN, one per reason, for fixes that may or may not be owed (`undecided.<reason>`, key "undecided:<reason>").

NOT_APPLICABLE, told without being counted: a running kernel whose flaws a live patch covers (L14, key
"mitigated:<source>"), and, instead of a PASS, a system whose publisher announces nothing any more: that nothing is
missing there says nothing.

Texts: `fail` (count = number of CVEs), `fail_no_cve`, `theirs`, `theirs_disagree`, `undecided.*` (count), `mitigated`
(count), `out_of_support`, `pass`, `pass_alone`, `pass_uninformed` and `pass_unrated` (count = packages compared; when
the updater was not seen, has no repository that would tell it, or offers updates without saying which are security),
`remedy`, `remedy_held`, `remedy_kernel` (command).
Parameters of `fail`: package, packages (binary names, at most six, then how many more), installed_version,
fixed_version, advisories (ids), cves (at most six), cve_count, count (= cve_count), kev_count, epss_max (0..1 or None),
epss_percent, cross_check (agree, only_ours, only_theirs, not_seen), cross_check_why (key of `rules.crosscheck`),
severity, released_on, due_on (ISO dates or None), kernel (bool). `theirs` has the same names.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from collectors.feeds.records import Advisory, Severity
from collectors.model import AvailableUpdate, FactKind
from rules.crosscheck import Opinion, Unmatched, Updater, updater_of
from rules.deadlines import Deadline, deadline_of
from rules.kernels import KernelDoubt
from rules.model import Confidence, CrossCheck, Evidence, Finding, Message, Outcome, Params, PatchState
from rules.priority import Sight, Threat, priority_of, threat_of, worst
from rules.proof import (
    advisories_evidence,
    advisory_evidence,
    deadline_for,
    priority_for,
    sight_of,
    threat_evidence,
    threat_for,
)
from rules.remedies import manager_of, package_command, upgrade_command
from rules.rule import Case, FeedRole, Rule, finding, joined
from rules.rulings import Doubt
from rules.support import is_out_of_support
from rules.verdicts import PatchVerdict

ID = "patch.missing"
_CONFIDENCE = {
    CrossCheck.AGREE: Confidence.CONFIRMED,
    CrossCheck.ONLY_OURS: Confidence.FIRM,
    CrossCheck.NOT_SEEN: Confidence.FIRM,
    CrossCheck.ONLY_THEIRS: Confidence.FIRM,
}
_DOUBTS = frozenset((*Doubt, *KernelDoubt))
_RATINGS = {
    "critical": Severity.CRITICAL,
    "important": Severity.HIGH,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
}


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL per source package, or one PASS."""
    updater = updater_of(case)
    sight = sight_of(case)
    found = list(_missing(case, updater, sight))
    found.extend(_theirs(case, unmatched, updater, sight) for unmatched in updater.only_theirs())
    found.extend(_undecided(case))
    yield from (_mitigated(case, verdict) for verdict in case.verdicts_in(PatchState.MITIGATED))
    yield from found or (_nothing_missing(case, updater),)


def _missing(case: Case, updater: Updater, sight: Sight) -> Iterator[Finding]:
    """Findings of our own feeds. All but the host's name and its updater's word is made once for the whole estate."""
    name, exposure = case.snapshot.target.name, case.snapshot.target.exposure
    manager = manager_of(case.snapshot)
    shapes: dict[Opinion, dict[object, tuple[object, Finding]]] = {}
    for verdict in case.verdicts_in(PatchState.MISSING):
        opinion = updater.opinion(verdict)
        table = shapes.get(opinion)
        if table is None:
            table = shapes[opinion] = case.table((ID, opinion, exposure, manager))
        known = table.get(id(verdict))
        if known is None:
            known = table[id(verdict)] = (verdict, _shape(case, verdict, opinion, sight))
        shape = known[1]
        yield Finding(
            rule=ID,
            subject=name,
            key=shape.key,
            outcome=Outcome.FAIL,
            severity=shape.severity,
            confidence=shape.confidence,
            state=PatchState.MISSING,
            message=shape.message,
            # which meta package pulls the fixed kernel differs from host to host
            remedy=_remedy(verdict, upgrade_command(case, verdict)) if verdict.kernel else shape.remedy,
            priority=shape.priority,
            evidence=(*shape.evidence, updater.evidence(opinion)),
            released_on=shape.released_on,
            due_on=shape.due_on,
        )


def _shape(case: Case, verdict: PatchVerdict, opinion: Opinion, sight: Sight) -> Finding:
    """The finding about a verdict as every host with the same package manager and opinion has it; without subject."""
    exposure = case.snapshot.target.exposure
    threat = threat_for(case, verdict)
    deadline = deadline_for(case, verdict)
    return Finding(
        rule=ID,
        subject="",
        key=verdict.package,
        outcome=Outcome.FAIL,
        severity=verdict.severity,
        confidence=_CONFIDENCE[opinion.check],
        message=_message(verdict, threat, deadline, opinion),
        remedy=_remedy(verdict, upgrade_command(case, verdict)),
        priority=priority_for(case, verdict, exposure, sight),
        evidence=case.shared("evidence", verdict, lambda: tuple(_evidence(case, verdict, threat, deadline))),
        released_on=verdict.released_on,
        due_on=None if deadline is None else deadline.due_on,
    )


def _message(verdict: PatchVerdict, threat: Threat, deadline: Deadline | None, opinion: Opinion) -> Message:
    released = verdict.released_on
    params = _params(
        package=verdict.package,
        packages=sorted({package.name for package in verdict.packages}),
        installed=verdict.installed_version,
        fixed=verdict.fixed_version,
        advisories=[advisory.id for advisory in verdict.advisories],
        cves=verdict.cves,
        threat=threat,
        opinion=opinion,
    )
    params |= {
        "severity": verdict.severity.value,
        "released_on": None if released is None else released.isoformat(),
        "due_on": None if deadline is None else deadline.due_on.isoformat(),
        "kernel": verdict.kernel,
    }
    return Message(text=f"rules.{ID}.fail" if verdict.cves else f"rules.{ID}.fail_no_cve", params=params)


def _params(
    *,
    package: str,
    packages: list[str],
    installed: str,
    fixed: str,
    advisories: list[str],
    cves: tuple[str, ...],
    threat: Threat,
    opinion: Opinion,
) -> Params:
    return {
        "package": package,
        "packages": joined(packages),
        "installed_version": installed,
        "fixed_version": fixed,
        "advisories": joined(advisories),
        "cves": joined(cves),
        "cve_count": len(cves),
        "count": len(cves),
        "kev_count": len(threat.exploited),
        "epss_max": threat.epss_max,
        "epss_percent": None if threat.epss_max is None else int(threat.epss_max * 100),
        "cross_check": opinion.check.value,
        "cross_check_why": opinion.why,
    }


def _mitigated(case: Case, verdict: PatchVerdict) -> Finding:
    """The running kernel lacks fixes, and a live patch is loaded (L14): which flaws it covers was not read."""
    livepatch = "" if case.snapshot.kernels is None else case.snapshot.kernels.livepatch
    line = Evidence(what=Message(text="rules.evidence.livepatch"), seen=livepatch, as_of=case.snapshot.taken_at)
    return finding(
        ID,
        case,
        Outcome.NOT_APPLICABLE,
        "mitigated",
        key=f"mitigated:{verdict.package}",
        params={
            "count": len(verdict.cves),
            "package": verdict.package,
            "installed_version": verdict.installed_version,
            "fixed_version": verdict.fixed_version,
            "livepatch": livepatch,
        },
        severity=verdict.severity,
        confidence=Confidence.TENTATIVE,
        state=PatchState.MITIGATED,
        remedy=_remedy(verdict, upgrade_command(case, verdict)),
        evidence=(line, *advisories_evidence(case, verdict)),
        released_on=verdict.released_on,
    )


def _remedy(verdict: PatchVerdict, command: str) -> Message:
    held = any(package.held for package in verdict.packages)
    text = "remedy_kernel" if verdict.kernel else "remedy_held" if held else "remedy"
    return Message(text=f"rules.{ID}.{text}", params={"command": command, "package": verdict.package})


def _evidence(case: Case, verdict: PatchVerdict, threat: Threat, deadline: Deadline | None) -> Iterator[Evidence]:
    names = ", ".join(sorted(f"{package.name} {package.version}" for package in verdict.packages))
    what = "kernel" if verdict.kernel else "packages"
    yield Evidence(what=Message(text=f"rules.evidence.{what}"), seen=names or verdict.installed_version)
    for advisory in verdict.advisories:
        yield advisory_evidence(case, advisory, verdict.installed_version, verdict.fixed_version)
    if verdict.also_fixed:
        yield Evidence(what=Message(text="rules.evidence.also_fixed"), seen=", ".join(verdict.also_fixed))
    yield from threat_evidence(case, threat)
    if deadline is not None:
        yield Evidence(what=deadline.words, seen="", source=deadline.advisory)


def _theirs(case: Case, unmatched: Unmatched, updater: Updater, sight: Sight) -> Finding:
    """A security update only the updater knows: missing by its origin, whether or not it has a CVE (D2)."""
    update = unmatched.updates[0]
    opinion = Opinion(CrossCheck.ONLY_THEIRS, unmatched.why, update.candidate_version, update.origin)
    known = unmatched.known(case.knowledge)
    cves = tuple(sorted({cve for advisory in known for cve in advisory.cves}))
    threat = threat_of(cves, case.knowledge)
    deadline = deadline_of(known, case.contract.sla, case.knowledge)
    severity = _rating(unmatched, known)
    released = min((advisory.issued_on for advisory in known if advisory.issued_on is not None), default=None)
    names = sorted({package.name for package in unmatched.installed})
    installed = update.installed_version or unmatched.installed[0].version
    params = _params(
        package=unmatched.source,
        packages=names,
        installed=installed,
        fixed=update.candidate_version,
        advisories=sorted({name for offered in unmatched.updates for name in offered.advisories}),
        cves=cves,
        threat=threat,
        opinion=opinion,
    )
    params |= {
        "severity": severity.value,
        "released_on": None if released is None else released.isoformat(),
        "due_on": None if deadline is None else deadline.due_on.isoformat(),
        "kernel": False,
    }
    command = package_command(manager_of(case.snapshot), names)
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "theirs_disagree" if unmatched.why == "disagree" else "theirs",
        key=unmatched.source,
        params=params,
        severity=severity,
        confidence=Confidence.TENTATIVE if unmatched.why == "disagree" else _CONFIDENCE[opinion.check],
        state=PatchState.MISSING,
        remedy=Message(text=f"rules.{ID}.remedy", params={"command": command, "package": unmatched.source}),
        priority=priority_of(threat, severity, case.snapshot.target.exposure, sight),
        evidence=(
            *(_offer(offered, updater) for offered in unmatched.updates),
            *(advisory_evidence(case, advisory, installed, update.candidate_version) for advisory in known),
            *threat_evidence(case, threat),
            updater.evidence(opinion),
        ),
        released_on=released,
        due_on=None if deadline is None else deadline.due_on,
    )


def _offer(update: AvailableUpdate, updater: Updater) -> Evidence:
    return Evidence(
        what=Message(text="rules.evidence.offer", params={"package": update.name}),
        seen=update.installed_version,
        expected=update.candidate_version,
        source=update.origin,
        as_of=updater.refreshed_at,
    )


def _rating(unmatched: Unmatched, known: list[Advisory]) -> Severity:
    """Severity of an update we hold no verdict for: the advisory's, else the updater's word, else undisclosed."""
    if unmatched.why == "kernel_userland":
        return Severity.LOW  # headers and tools of the kernel source carry none of its flaws (L7)
    if known:
        return worst(advisory.severity for advisory in known)
    return worst(_RATINGS.get(update.severity.lower(), Severity.UNKNOWN) for update in unmatched.updates)


def _undecided(case: Case) -> Iterator[Finding]:
    """One UNKNOWN per reason why a fix may or may not be owed: hundreds of packages can share one."""
    groups: defaultdict[str, list[PatchVerdict]] = defaultdict(list)
    kernels_told = bool(case.snapshot.gaps_of(FactKind.KERNELS))  # the engine tells a gap; not twice
    for verdict in case.verdicts_in(PatchState.UNKNOWN):
        if kernels_told and verdict.reason == KernelDoubt.LIST_UNREAD:
            continue
        groups[verdict.reason if verdict.reason in _DOUBTS else "other"].append(verdict)
    for reason, group in sorted(groups.items()):
        names = sorted({verdict.package for verdict in group})
        yield finding(
            ID,
            case,
            Outcome.UNKNOWN,
            f"undecided.{reason}",
            key=f"undecided:{reason}",
            params={"count": len(names), "packages": joined(names), "running": case.system.kernel_release},
            state=PatchState.UNKNOWN,
            evidence=tuple(_doubt(case, verdict) for verdict in group),
        )


def _doubt(case: Case, verdict: PatchVerdict) -> Evidence:
    feed = case.knowledge.feeds.get(verdict.advisories[0].feed) if verdict.advisories else None
    ids = ", ".join(advisory.id for advisory in verdict.advisories)
    return case.shared(
        "doubt",
        verdict,
        lambda: Evidence(
            what=Message(text="rules.evidence.doubt", params={"package": verdict.package}),
            seen=verdict.installed_version,
            expected=verdict.fixed_version,
            source=ids if feed is None else f"{feed.title} {ids}",
            as_of=None if feed is None else feed.published_at or feed.checked_at,
        ),
    )


def _nothing_missing(case: Case, updater: Updater) -> Finding:
    text, confidence = _second_opinion(updater)
    evidence = tuple(
        Evidence(
            what=Message(text="rules.evidence.compared", params={"feed": feed.title}),
            seen=str(case.compared_count),
            source=feed.title,
            url=feed.url,
            as_of=feed.published_at or feed.checked_at,
        )
        for feed in case.feeds_of(FeedRole.ADVISORIES)
    )
    out = is_out_of_support(case)
    return finding(
        ID,
        case,
        Outcome.NOT_APPLICABLE if out else Outcome.PASS,
        "out_of_support" if out else text,
        params={"count": case.compared_count},
        confidence=confidence,
        state=PatchState.OUT_OF_SUPPORT if out else PatchState.NONE,
        evidence=evidence,
    )


def _second_opinion(updater: Updater) -> tuple[str, Confidence]:
    """What the updater's silence about security updates is worth."""
    if updater.unseen:
        return "pass_alone", Confidence.FIRM
    if updater.uninformed:
        return "pass_uninformed", Confidence.FIRM
    return ("pass_unrated", Confidence.FIRM) if updater.unrated else ("pass", Confidence.CONFIRMED)


RULE = Rule(
    id=ID,
    needs=(FactKind.OPERATING_SYSTEM, FactKind.PACKAGES, FactKind.KERNELS),
    feeds=(FeedRole.ADVISORIES,),
    check=check,
)
