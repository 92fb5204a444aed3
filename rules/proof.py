"""Lines of proof that several rules share: what an advisory, KEV and EPSS say, from which feed, as of when."""

from collections.abc import Iterator

from collectors.feeds.records import Advisory
from rules.deadlines import Deadline, deadline_of
from rules.messages import Message, Params
from rules.model import Evidence, Priority
from rules.priority import Sight, Threat, priority_of, threat_of
from rules.rule import Case, FeedRole, joined
from rules.verdicts import PatchVerdict


def sight_of(case: Case) -> Sight:
    """How far the exploitation feeds can be relied on today."""
    epss = case.feeds_of(FeedRole.EPSS)
    return Sight(
        kev=case.is_current(FeedRole.KEV),
        epss=case.is_current(FeedRole.EPSS),
        epss_model=epss[0].edition if epss else "",
    )


def deadline_for(case: Case, verdict: PatchVerdict) -> Deadline | None:
    """The earliest deadline of a verdict's advisories, computed once for all hosts."""
    return case.shared("deadline", verdict, lambda: deadline_of(verdict.advisories, case.contract.sla, case.knowledge))


def threat_for(case: Case, verdict: PatchVerdict) -> Threat:
    """What KEV and EPSS know of a verdict's CVEs, looked up once for all hosts."""
    return case.shared("threat", verdict, lambda: threat_of(verdict.cves, case.knowledge))


def priority_for(case: Case, verdict: PatchVerdict, exposure: str, sight: Sight) -> Priority:
    """When to act on a verdict, decided once for all hosts that are equally exposed."""
    return case.shared(
        ("priority", exposure),
        verdict,
        lambda: priority_of(threat_for(case, verdict), verdict.severity, exposure, sight),
    )


def advisory_evidence(case: Case, advisory: Advisory, seen: str, expected: str) -> Evidence:
    """One line of proof: what one advisory says, from which feed, as of when."""
    feed = case.knowledge.feeds.get(advisory.feed)
    params: Params = {"advisory": advisory.id, "cves": ", ".join(advisory.cves) or None}
    text = "undated"
    if advisory.issued_on is not None:
        text, params["released_on"] = "advisory", advisory.issued_on.isoformat()
    return Evidence(
        what=Message(text=f"rules.evidence.{text}_{advisory.severity.value}", params=params),
        seen=seen,
        expected=expected,
        source=f"{advisory.feed if feed is None else feed.title} {advisory.id}",
        url=advisory.url,
        as_of=None if feed is None else feed.published_at or feed.checked_at,
    )


def advisories_evidence(case: Case, verdict: PatchVerdict) -> tuple[Evidence, ...]:
    """One line of proof per advisory of a verdict, naming the package; made once for all hosts."""
    seen, expected = f"{verdict.package} {verdict.installed_version}", f"{verdict.package} {verdict.fixed_version}"
    return case.shared(
        "advisories",
        verdict,
        lambda: (
            *(advisory_evidence(case, advisory, seen, expected) for advisory in verdict.advisories),
            *_borrowed_rating(case, verdict),
        ),
    )


def _borrowed_rating(case: Case, verdict: PatchVerdict) -> Iterator[Evidence]:
    """Say whose rating it is when the vendor gave its advisories none."""
    borrowed = [advisory for advisory in verdict.advisories if advisory.id in case.knowledge.rated_by_cves]
    if borrowed:
        scores = [advisory.cvss for advisory in borrowed if advisory.cvss is not None]
        yield Evidence(
            what=Message(text="rules.evidence.rated_by_cves", params={"advisory": joined(a.id for a in borrowed)}),
            seen=f"CVSS {max(scores)}" if scores else verdict.severity.value,
        )


def threat_evidence(case: Case, threat: Threat) -> Iterator[Evidence]:
    """Lines of proof for known exploitation and its probability, each with its feed and date."""
    for entry in threat.exploited:
        feed = FeedRole.KEV.player(case.knowledge.feeds)
        params: Params = {"cve": entry.cve, "added_on": entry.added_on.isoformat(), "due_on": entry.due_on.isoformat()}
        yield Evidence(
            what=Message(text="rules.evidence.exploited", params=params),
            seen=entry.name,
            source="" if feed is None else feed.title,
            url="" if feed is None else feed.url,
            as_of=None if feed is None else feed.published_at or feed.checked_at,
        )
    if threat.epss_max is not None:
        feed = FeedRole.EPSS.player(case.knowledge.feeds)
        params = {"cve": threat.epss_cve, "model": "" if feed is None else feed.edition}
        yield Evidence(
            what=Message(text="rules.evidence.epss", params=params),
            seen=f"{threat.epss_max:.3f}",
            source="" if feed is None else feed.title,
            url="" if feed is None else feed.url,
            as_of=None if feed is None else feed.published_at or feed.checked_at,
        )
