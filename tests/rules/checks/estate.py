"""What the rule tests share: current feeds, a few advisories, a contract, and one line to judge one host."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from collectors.feeds.records import (
    Advisory,
    AffectedPackage,
    Exploited,
    ExploitProbability,
    FeedRecords,
    FeedState,
    FixState,
    Lifecycle,
    PackageKind,
    Severity,
)
from collectors.model import AvailableUpdate, HostSnapshot
from reports.texts import Texts
from rules.checks import discover
from rules.contract import Contract
from rules.engine import Judge, Judgement
from rules.knowledge import Knowledge
from rules.model import Finding, Outcome, PatchState
from rules.verdicts import PatchVerdict
from tests.lab.snapshots import NOW

TODAY = NOW.date()
RELEASES = (
    "debian:12",
    "debian:13",
    "ubuntu:20.04",
    "ubuntu:22.04",
    "almalinux:9",
    "rhel:9",
    "sles:15.5",
    "alpine:3.20",
)


def feed(name: str, *, age_days: float = 0.1, covers: tuple[str, ...] = (), **changes: Any) -> FeedState:
    """A feed of a given age, with a limit of three days."""
    state = FeedState(
        name=name,
        title=f"Feed {name}",
        url=f"https://{name}.example/",
        licence="test",
        max_age_days=3,
        checked_at=NOW - timedelta(days=age_days),
        covers=covers,
    )
    return replace(state, **changes)


FEEDS = (
    feed("tracker", covers=RELEASES),
    feed("kev"),
    feed("epss", edition="v2025.03.14"),
    feed("endoflife"),
)


def without(name: str) -> tuple[FeedState, ...]:
    """All feeds but one."""
    return tuple(state for state in FEEDS if state.name != name)


def aged(name: str, age_days: float) -> tuple[FeedState, ...]:
    """All feeds, one of them of a given age."""
    moment = NOW - timedelta(days=age_days)
    return tuple(replace(state, checked_at=moment) if state.name == name else state for state in FEEDS)


def advisory(
    id_: str = "DSA-9001-1",
    *,
    severity: Severity = Severity.HIGH,
    days_ago: int | None = 3,
    cves: tuple[str, ...] = ("CVE-2026-0001",),
    cvss: float | None = None,
) -> Advisory:
    """An advisory first published some days before the audit."""
    issued = None if days_ago is None else TODAY - timedelta(days=days_ago)
    return Advisory(
        id=id_, feed="tracker", severity=severity, issued_on=issued, cves=cves, cvss=cvss, url=f"https://x/{id_}"
    )


def fixed(
    package: str, version: str, *, by: str = "DSA-9001-1", release: str = "debian:12", **changes: Any
) -> AffectedPackage:
    """A fix released for a source package."""
    row = AffectedPackage(
        advisory=by,
        release=release,
        package=package,
        kind=PackageKind.SOURCE,
        state=FixState.FIXED,
        fixed_version=version,
    )
    return replace(row, **changes)


def knowledge(
    *,
    feeds: tuple[FeedState, ...] = FEEDS,
    advisories: tuple[Advisory, ...] = (),
    affected: tuple[AffectedPackage, ...] = (),
    exploited: tuple[Exploited, ...] = (),
    probabilities: tuple[ExploitProbability, ...] = (),
    lifecycles: tuple[Lifecycle, ...] = (),
) -> Knowledge:
    """Knowledge from a few records."""
    return Knowledge.from_records(
        FeedRecords(
            feeds=feeds,
            advisories=advisories,
            affected=affected,
            exploited=exploited,
            probabilities=probabilities,
            lifecycles=lifecycles,
        )
    )


def exploited(cve: str = "CVE-2026-0001", *, due_in: int = 5, ransomware: bool = False) -> Exploited:
    """A KEV entry whose due date is some days after (or before) the audit."""
    return Exploited(
        cve=cve,
        added_on=TODAY - timedelta(days=2),
        due_on=TODAY + timedelta(days=due_in),
        ransomware=ransomware,
        name="Some flaw",
    )


def probability(value: float, cve: str = "CVE-2026-0001") -> ExploitProbability:
    return ExploitProbability(cve=cve, probability=value, percentile=value)


def verdict(
    package: str = "openssl",
    state: PatchState = PatchState.MISSING,
    *,
    advisories: Sequence[Advisory] = (),
    **changes: Any,
) -> PatchVerdict:
    """A hand-written verdict of the matcher."""
    made = PatchVerdict(
        package=package,
        packages=(),
        installed_version="1.0-1",
        fixed_version="1.0-2",
        state=state,
        advisories=tuple(advisories) or (advisory(),),
    )
    return replace(made, **changes)


def offer(name: str, candidate: str, **changes: Any) -> AvailableUpdate:
    """A security update the host's own package manager offers."""
    update = AvailableUpdate(
        name=name,
        architecture="amd64",
        installed_version="1.0-1",
        candidate_version=candidate,
        origin="Debian-Security:12/oldstable-security",
        security=True,
    )
    return replace(update, **changes)


def judge(
    snapshot: HostSnapshot,
    about: Knowledge | None = None,
    *,
    contract: Contract | None = None,
    as_of: datetime = NOW,
    verdicts: Sequence[PatchVerdict] | None = None,
) -> Judgement:
    """Ask every rule about one host."""
    match = None if verdicts is None else (lambda _snapshot: tuple(verdicts))
    judge = Judge(about or knowledge(), contract or Contract(client="ACME"), as_of, match=match)
    judgement = judge.judge(snapshot)
    assert judgement.failures == (), judgement.failures
    for finding in judgement.findings:
        spoken(finding)
    return judgement


def ask(rule: str, snapshot: HostSnapshot, about: Knowledge | None = None, **options: Any) -> tuple[Finding, ...]:
    """Ask every rule and keep the answers of one."""
    assert rule in {known.id for known in discover()}, rule
    return tuple(finding for finding in judge(snapshot, about, **options).findings if finding.rule == rule)


def only(findings: Sequence[Finding]) -> Finding:
    """The only finding."""
    assert len(findings) == 1, [(finding.key, finding.outcome, finding.message.text) for finding in findings]
    return findings[0]


def outcomes(findings: Sequence[Finding]) -> dict[str, Outcome]:
    """Outcome by key."""
    found = {finding.key: finding.outcome for finding in findings}
    assert len(found) == len(findings), "two findings of one rule on one host share a key"
    return found


def spoken(finding: Finding, language: str = "en") -> str:
    """The finding in words; raises when any text or parameter it uses is absent in a language."""
    for code in ("en", "fr"):
        texts = Texts(code, strict=True)
        messages = [finding.message, *finding.priority.reasons, *(line.what for line in finding.evidence)]
        if finding.remedy is not None:
            messages.append(finding.remedy)
        for message in messages:
            texts.message(message)
        texts.text(f"rules.{finding.rule}.title")
        texts.text(f"rules.{finding.rule}.impact")
    return Texts(language, strict=True).message(finding.message)


def days(count: int) -> date:
    """A day relative to the audit."""
    return TODAY + timedelta(days=count)
