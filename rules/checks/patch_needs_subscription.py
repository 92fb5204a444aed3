"""patch.needs_subscription: fixes exist, but only for machines with a subscription this one does not have (L12).

A decision about a license, not a missing patch: one finding per host and entitlement (key: the entitlement), priced by
the provider, with every package in the evidence. When it could not be told whether the machine is attached, the answer
is UNKNOWN: "buy Ubuntu Pro" is never advised on a guess.

Texts: `fail` (count), `unseen` (count, packages), `pass`, `not_applicable`, `remedy_ubuntu`, `remedy_ubuntu_enable` (it
is attached, the service is off), `remedy`. Parameters of `fail`: count (source packages), packages (at most
six), entitlement ("esm-apps"), subscription (what it is sold as: "Ubuntu Pro (esm-apps)", "SUSE LTSS"), cve_count,
kev_count, released_on (the oldest).
"""

from collections import defaultdict
from collections.abc import Iterable

from collectors.model import FactKind
from rules.messages import Message, Params
from rules.model import Finding, Outcome, PatchState
from rules.priority import Threat, priority_of, worst
from rules.proof import advisories_evidence, sight_of, threat_for
from rules.rule import Case, FeedRole, Rule, finding, joined
from rules.rulings import Doubt
from rules.verdicts import PatchVerdict

ID = "patch.needs_subscription"
_DISTRIBUTIONS = ("ubuntu", "rhel", "sles", "sles_sap")
_SOLD_AS = {
    "ltss": "SUSE LTSS",
    "ltss-core": "SUSE LTSS Core",
    "ltss-extended-security": "SUSE LTSS Extended Security",
    "espos": "SUSE ESPOS",
    "bcl": "SUSE BCL",
}


def applies(case: Case) -> bool:
    """Only distributions that sell fixes."""
    return case.system.id in _DISTRIBUTIONS


def check(case: Case) -> Iterable[Finding]:
    """Yield one FAIL per entitlement, or one PASS."""
    groups: defaultdict[str, list[PatchVerdict]] = defaultdict(list)
    for verdict in case.verdicts_in(PatchState.PRO_REQUIRED):
        groups[verdict.entitlement].append(verdict)
    unseen = [verdict for verdict in case.verdicts_in(PatchState.UNKNOWN) if verdict.reason == Doubt.SUBSCRIPTION]
    if unseen:
        names = sorted({verdict.package for verdict in unseen})
        params: Params = {"count": len(names), "packages": joined(names)}
        yield finding(ID, case, Outcome.UNKNOWN, "unseen", params=params, state=PatchState.UNKNOWN)
    for entitlement, group in sorted(groups.items()):
        yield _needed(case, entitlement, group)
    if not groups and not unseen:
        yield finding(ID, case, Outcome.PASS, "pass")


def _needed(case: Case, entitlement: str, group: list[PatchVerdict]) -> Finding:
    severity = worst(verdict.severity for verdict in group)
    threats = [threat_for(case, verdict) for verdict in group]
    released = min((day for verdict in group if (day := verdict.released_on) is not None), default=None)
    exploited = {entry.cve: entry for threat in threats for entry in threat.exploited}
    likeliest = max(threats, key=lambda threat: threat.epss_max or 0.0)
    threat = Threat(
        cve_count=len({cve for verdict in group for cve in verdict.cves}),
        exploited=tuple(exploited.values()),
        epss_max=likeliest.epss_max,
        epss_cve=likeliest.epss_cve,
    )
    return finding(
        ID,
        case,
        Outcome.FAIL,
        "fail",
        key=entitlement,
        params={
            "count": len(group),
            "packages": joined(sorted(verdict.package for verdict in group)),
            "entitlement": entitlement,
            "subscription": _sold_as(case, entitlement),
            "cve_count": threat.cve_count,
            "kev_count": len(exploited),
            "released_on": None if released is None else released.isoformat(),
        },
        severity=severity,
        state=PatchState.PRO_REQUIRED,
        remedy=_remedy(case, entitlement),
        priority=priority_of(threat, severity, case.snapshot.target.exposure, sight_of(case)),
        evidence=tuple(line for verdict in group for line in advisories_evidence(case, verdict)),
        released_on=released,
    )


def _sold_as(case: Case, entitlement: str) -> str:
    """Name a subscription as its vendor sells it."""
    return f"Ubuntu Pro ({entitlement})" if case.system.id == "ubuntu" else _SOLD_AS.get(entitlement, entitlement)


def _remedy(case: Case, entitlement: str) -> Message:
    attached = any(entry.attached for entry in case.snapshot.subscriptions if entry.kind == "ubuntu-pro")
    text = "remedy" if case.system.id != "ubuntu" else "remedy_ubuntu_enable" if attached else "remedy_ubuntu"
    params: Params = {"entitlement": entitlement, "subscription": _sold_as(case, entitlement)}
    return Message(text=f"rules.{ID}.{text}", params=params)


RULE = Rule(
    id=ID,
    needs=(FactKind.OPERATING_SYSTEM, FactKind.PACKAGES, FactKind.SUBSCRIPTION),
    feeds=(FeedRole.ADVISORIES,),
    applies=applies,
    check=check,
)
