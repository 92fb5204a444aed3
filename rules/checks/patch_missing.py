"""patch.missing: security fixes the vendor has released, and the machine has not installed.

One FAIL per source package (key: the advisories' package name), cross-checked with the host's own updater; one more for
each source package whose security update only the updater knows (D2, D12).

UNKNOWN, one per reason, for fixes that may or may not be owed (`undecided.<reason>`, key "undecided:<reason>").

NOT_APPLICABLE, told without being counted: a running kernel whose flaws a live patch covers (L14, key
"mitigated:<source>"), and, instead of a PASS, a system whose publisher announces nothing any more: that nothing is
missing there says nothing.

Of a Windows machine: one FAIL for Windows itself and one per product, in the words of `rules.windows.wording`. Fixes
that came after its end of support are told and not counted (key "out_of_support").

Texts: `fail` (count = number of CVEs), `fail_no_cve`, `fail_windows*`, `fail_office*`, `fail_update` (remedy,
remedy_on), `theirs*`, `undecided.*` (count), `mitigated` (count), `out_of_support`, `out_of_support_windows` and
`out_of_support_edition` (count; nobody sells more for it),
`pass`, `pass_alone`, `pass_uninformed` and `pass_unrated` (count = packages compared; when the updater was not seen,
has no repository that would tell it, or offers updates without saying which are security), `pass_windows`,
`pass_windows_alone`, `pass_windows_waiting`, `remedy`, `remedy_held`, `remedy_kernel`, `remedy_office`,
`remedy_windows`, `remedy_wsus`, `remedy_runtime`, `remedy_download` (remedy, fixed_version).
Parameters of `fail`: package, packages (binary names, at most six, then how many more), installed_version,
fixed_version, advisories (ids), cves (at most six), cve_count, count (= cve_count), kev_count (None: not known),
epss_max (0..1 or None), epss_percent, cross_check (agree, only_ours, only_theirs, not_seen), cross_check_why (key of
`rules.crosscheck`), severity, released_on, due_on (ISO dates or None), kernel (bool). `theirs` has the same names.
"""

from collections.abc import Iterable, Iterator

from collectors.feeds.records import Advisory, Severity
from collectors.model import FactKind
from rules.crosscheck import updater_of
from rules.deadlines import Deadline, deadline_of
from rules.messages import Message, Params
from rules.model import Confidence, CrossCheck, Evidence, Finding, Outcome, PatchState
from rules.opinions import Opinion, SecondOpinion, Unmatched
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
from rules.support import is_out_of_support
from rules.undecided import undecided
from rules.verdicts import PatchVerdict, ProductLine
from rules.windows import wording

ID = "patch.missing"
_CONFIDENCE = {
    CrossCheck.AGREE: Confidence.CONFIRMED,
    CrossCheck.ONLY_OURS: Confidence.FIRM,
    CrossCheck.NOT_SEEN: Confidence.FIRM,
    CrossCheck.ONLY_THEIRS: Confidence.FIRM,
}
_RATINGS = {
    "critical": Severity.CRITICAL,
    "important": Severity.HIGH,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
}


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL per source package, or one PASS; on Windows also one UNKNOWN per product that was not read."""
    updater = updater_of(case)
    sight = sight_of(case)
    found = list(_missing(case, updater, sight))
    found.extend(_theirs(case, unmatched, updater, sight) for unmatched in updater.only_theirs())
    found.extend(undecided(ID, case))
    found.extend(_ended(case))
    yield from (_mitigated(case, verdict) for verdict in case.verdicts_in(PatchState.MITIGATED))
    if not found or wording.only_products_in_doubt(case, found):
        yield _nothing_missing(case, updater)
    yield from found
    yield from wording.unread_products(case)


def _missing(case: Case, updater: SecondOpinion, sight: Sight) -> Iterator[Finding]:
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
            remedy=_remedy(case, verdict) if verdict.kernel else shape.remedy,
            priority=shape.priority,
            evidence=(
                *_seen(case, verdict),
                *shape.evidence,
                *wording.traces_evidence(case, verdict),
                updater.evidence(opinion),
            ),
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
        key=verdict.label,
        outcome=Outcome.FAIL,
        severity=verdict.severity,
        confidence=_CONFIDENCE[opinion.check],
        message=_message(verdict, threat, deadline, opinion),
        remedy=_remedy(case, verdict),
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
    if verdict.line is ProductLine.PACKAGE:
        return Message(text=f"rules.{ID}.fail" if verdict.cves else f"rules.{ID}.fail_no_cve", params=params)
    if not verdict.cves:
        params["kev_count"] = (
            None  # which flaws a release of Office fixes is not told: whether one is exploited neither
        )
    text = wording.missing_text(verdict, exploited=bool(threat.exploited))
    return Message(text=f"rules.{ID}.{text}", params=params | wording.missing_params(verdict))


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
        remedy=_remedy(case, verdict),
        evidence=(line, *advisories_evidence(case, verdict)),
        released_on=verdict.released_on,
    )


def _remedy(case: Case, verdict: PatchVerdict) -> Message:
    if verdict.line is not ProductLine.PACKAGE:
        return wording.remedy_for(verdict, manager_of(case.snapshot))
    command = upgrade_command(case, verdict)
    held = any(package.held for package in verdict.packages)
    text = "remedy_kernel" if verdict.kernel else "remedy_held" if held else "remedy"
    return Message(text=f"rules.{ID}.{text}", params={"command": command, "package": verdict.package})


def _seen(case: Case, verdict: PatchVerdict) -> tuple[Evidence, ...]:
    """What was seen on this very machine; of packages it is the same for all machines with this verdict."""
    return () if verdict.line is ProductLine.PACKAGE else (wording.build_evidence(case, verdict),)


def _evidence(case: Case, verdict: PatchVerdict, threat: Threat, deadline: Deadline | None) -> Iterator[Evidence]:
    if verdict.line is ProductLine.PACKAGE:
        names = ", ".join(sorted(f"{package.name} {package.version}" for package in verdict.packages))
        what = "kernel" if verdict.kernel else "packages"
        yield Evidence(what=Message(text=f"rules.evidence.{what}"), seen=names or verdict.installed_version)
    fixes = [fix.fixed_version for fix in verdict.fixes] or [verdict.fixed_version] * len(verdict.advisories)
    for advisory, fixed in zip(verdict.advisories, fixes, strict=True):
        yield advisory_evidence(case, advisory, verdict.installed_version, fixed)
    if verdict.also_fixed:
        yield Evidence(what=Message(text="rules.evidence.also_fixed"), seen=", ".join(verdict.also_fixed))
    yield from threat_evidence(case, threat)
    if deadline is not None:
        yield Evidence(what=deadline.words, seen="", source=deadline.advisory)
    if verdict.line is not ProductLine.PACKAGE:
        yield wording.where_to_get(verdict)


def _theirs(case: Case, unmatched: Unmatched, updater: SecondOpinion, sight: Sight) -> Finding:
    """A security update only the updater knows: missing by its origin, whether or not it has a CVE (D2)."""
    opinion = Opinion(CrossCheck.ONLY_THEIRS, unmatched.why, unmatched.offered, unmatched.origin)
    known = unmatched.known(case.knowledge)
    cves = tuple(sorted({cve for advisory in known for cve in advisory.cves}))
    threat = threat_of(cves, case.knowledge)
    deadline = deadline_of(known, case.contract.sla, case.knowledge)
    severity = _rating(unmatched, known)
    released = min((advisory.issued_on for advisory in known if advisory.issued_on is not None), default=None)
    params = _params(
        package=unmatched.package,
        packages=list(unmatched.names),
        installed=unmatched.installed_version,
        fixed=unmatched.offered,
        advisories=sorted(unmatched.advisories),
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
    disagree = unmatched.why.endswith("disagree")
    alone = unmatched.why.endswith("no_list")
    if case.is_windows:
        text = "theirs_disagree_windows" if disagree else "theirs_alone_windows" if alone else "theirs_windows"
    else:
        text = "theirs_disagree" if disagree else "theirs_alone" if alone else "theirs"
    return finding(
        ID,
        case,
        Outcome.FAIL,
        text,
        key=unmatched.package,
        params=params,
        severity=severity,
        confidence=Confidence.TENTATIVE if disagree else _CONFIDENCE[opinion.check],
        state=PatchState.MISSING,
        remedy=_their_remedy(case, unmatched),
        priority=priority_of(threat, severity, case.snapshot.target.exposure, sight),
        evidence=(
            *unmatched.offers,
            *(advisory_evidence(case, one, unmatched.installed_version, unmatched.offered) for one in known),
            *threat_evidence(case, threat),
            updater.evidence(opinion),
        ),
        released_on=released,
        due_on=None if deadline is None else deadline.due_on,
    )


def _their_remedy(case: Case, unmatched: Unmatched) -> Message:
    manager = manager_of(case.snapshot)
    if case.is_windows:
        return wording.remedy_for_offer(unmatched.offered, manager)
    command = package_command(manager, unmatched.names)
    return Message(text=f"rules.{ID}.remedy", params={"command": command, "package": unmatched.package})


def _rating(unmatched: Unmatched, known: list[Advisory]) -> Severity:
    """Severity of an update we hold no verdict for: the advisory's, else the updater's word, else undisclosed."""
    if unmatched.why == "kernel_userland":
        return Severity.LOW  # headers and tools of the kernel source carry none of its flaws (L7)
    if known:
        return worst(advisory.severity for advisory in known)
    return worst(_RATINGS.get(rating.lower(), Severity.UNKNOWN) for rating in unmatched.severities)


def _ended(case: Case) -> Iterator[Finding]:
    """Fixes of Windows that came after this machine's end of support: told, not counted (D7)."""
    later = case.verdicts_in(PatchState.OUT_OF_SUPPORT)
    if not later:
        return
    yield finding(
        ID,
        case,
        Outcome.NOT_APPLICABLE,
        wording.out_of_support_text(case),
        key="out_of_support",
        params=wording.out_of_support_params(case),
        severity=worst(verdict.severity for verdict in later),
        state=PatchState.OUT_OF_SUPPORT,
        evidence=tuple(line for verdict in later for line in advisories_evidence(case, verdict)),
    )


def _nothing_missing(case: Case, updater: SecondOpinion) -> Finding:
    text, confidence = _second_opinion(updater)
    seen, what = str(case.compared_count), "compared"
    if case.is_windows:
        seen, what = wording.compared(case), "compared_windows"
    evidence = tuple(
        Evidence(
            what=Message(text=f"rules.evidence.{what}", params={"feed": feed.title}),
            seen=seen,
            source=feed.title,
            url=feed.url,
            as_of=feed.published_at or feed.checked_at,
        )
        for feed in case.feeds_of(FeedRole.ADVISORIES)
    )
    out = is_out_of_support(case)
    params: Params = {"count": case.compared_count}
    if case.is_windows:
        text, params = wording.passed(case, updater)
        evidence = (*wording.passed_evidence(case), *evidence)
    return finding(
        ID,
        case,
        Outcome.NOT_APPLICABLE if out else Outcome.PASS,
        "out_of_support" if out else text,
        params=params,
        confidence=confidence,
        state=PatchState.OUT_OF_SUPPORT if out else PatchState.NONE,
        evidence=evidence,
    )


def _second_opinion(updater: SecondOpinion) -> tuple[str, Confidence]:
    """What the updater's silence about security updates is worth."""
    if updater.unseen:
        return "pass_alone", Confidence.FIRM
    if updater.uninformed:
        return "pass_uninformed", Confidence.FIRM
    return ("pass_unrated", Confidence.FIRM) if updater.unrated else ("pass", Confidence.CONFIRMED)


RULE = Rule(
    id=ID,
    needs=(FactKind.OPERATING_SYSTEM, FactKind.PACKAGES, FactKind.KERNELS),
    needs_on_windows=(FactKind.OPERATING_SYSTEM,),  # products are asked one by one, and told when they were not seen
    feeds=(FeedRole.ADVISORIES,),
    check=check,
)
