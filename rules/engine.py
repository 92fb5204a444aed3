"""Asks every rule about every host, and turns a PASS that rests on a blind spot into UNKNOWN.

The one law: silence is never an answer. A rule that found nothing wrong has only passed when every fact and every
feed it needs was seen and current. A FAIL stays a FAIL; beside it stands an UNKNOWN when more could be hidden. A
machine that was never reached is unknown to every rule, and told once: by `host.coverage`, whose finding alone carries
a priority.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from collectors.feeds.records import FeedState, Severity
from collectors.model import FactKind, Gap, HostSnapshot
from collectors.releases import release_of
from rules.checks import discover
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.matching import Matcher
from rules.messages import Message, Params
from rules.model import Assessment, Evidence, Finding, MachineSummary, Outcome, RuleFailure
from rules.ordering import ordered
from rules.rule import Case, FeedRole, Match, Memo, Rule, as_found
from rules.silence import corrected
from rules.windows.blindness import unexplained, windows_gaps
from rules.windows.builds import is_windows
from rules.windows.matching import needed
from rules.windows.owed import owed

_log = logging.getLogger(__name__)

_KERNEL_FACTS = (FactKind.KERNELS, FactKind.REBOOT)
_SINGLE_FACTS = {
    FactKind.OPERATING_SYSTEM: "operating_system",
    FactKind.PACKAGES: "packages",
    FactKind.KERNELS: "kernels",
    FactKind.REBOOT: "reboot",
    FactKind.PACKAGE_LISTS: "package_lists",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What all rules concluded about one machine."""

    machine: MachineSummary
    findings: tuple[Finding, ...]
    failures: tuple[RuleFailure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blindness:
    """Why a rule could not see everything: gaps of needed facts, roles without a feed, feeds past their limit.

    `outside` counts packages the advisories do not speak about where they are most of the machine's: a mirror that
    signs as a distribution of its own hides what it serves (L11).
    """

    gaps: tuple[Gap, ...] = ()
    absent: tuple[FeedRole, ...] = ()
    stale: tuple[FeedState, ...] = ()
    outside: int = 0

    def __bool__(self) -> bool:
        return bool(self.gaps or self.absent or self.stale or self.outside)

    @property
    def limited(self) -> bool:
        """Whether nothing went wrong: the way of looking reaches no further."""
        return bool(self.gaps) and self == _Blindness(gaps=tuple(gap for gap in self.gaps if gap.is_limit))


class Judge:
    """Judges snapshots against one body of knowledge, one contract and one date; keeps what hosts share.

    `rules` defaults to all of `rules.checks`. `match` replaces the matcher (a test's hand-written verdicts).
    """

    def __init__(
        self,
        knowledge: Knowledge,
        contract: Contract,
        as_of: datetime,
        rules: Sequence[Rule] | None = None,
        *,
        match: Match | None = None,
    ) -> None:
        if as_of.tzinfo is None:
            raise ValueError("as_of must be aware: a deadline has no meaning without a time zone")
        self.knowledge = knowledge
        self.contract = contract
        self.as_of = as_of
        self.rules = tuple(discover() if rules is None else rules)
        self._match: Match = Matcher(knowledge).match if match is None else match
        self._memo: Memo = {}

    def judge(self, snapshot: HostSnapshot) -> Judgement:
        """Ask every rule about one host. Never raises: a rule that breaks becomes an unknown and a failure."""
        system = snapshot.operating_system
        release = None if system is None else release_of(system)
        on_windows = is_windows(snapshot)
        case = Case(
            snapshot=snapshot,
            release=release,
            knowledge=self.knowledge,
            contract=self.contract,
            as_of=self.as_of,
            match=self._match,
            memo=self._memo,
            products=tuple(key for key in needed(snapshot) if key != release) if on_windows else (),
            refine=owed if on_windows else as_found,
        )
        findings: list[Finding] = []
        failures: list[RuleFailure] = []
        for rule in self.rules:
            try:
                findings.extend(_ask(rule, case))
            except Exception as error:  # noqa: BLE001 - one rule on one host: the other of the two places that may
                _log.exception("rule %s broke on %s", rule.id, snapshot.target.name)
                problem = f"{type(error).__name__}: {error}"
                failures.append(RuleFailure(rule=rule.id, subject=snapshot.target.name, error=problem))
                findings.append(_unknown(rule, case, "rule_failed", {"error": problem}))
        return Judgement(machine=_summary(case), findings=tuple(findings), failures=tuple(failures))

    def conclude(
        self,
        judgements: Iterable[Judgement],
        *,
        client: str,
        started_at: datetime,
        finished_at: datetime,
        product_version: str,
        demo: bool = False,
    ) -> Assessment:
        """Gather all judgements, sorted so that two runs over the same machines compare line by line."""
        judged = sorted(judgements, key=lambda judgement: judgement.machine.target.name)
        findings = ordered(finding for judgement in judged for finding in judgement.findings)
        sla = self.contract.sla
        rated = (severity for severity in Severity if severity is not Severity.UNKNOWN)
        return Assessment(
            client=client,
            as_of=self.as_of,
            started_at=started_at,
            finished_at=finished_at,
            product_version=product_version,
            machines=tuple(judgement.machine for judgement in judged),
            findings=findings,
            feeds=tuple(self.knowledge.feeds.values()),
            stale_feeds=self._stale_feeds({judgement.machine.release for judgement in judged}),
            failures=tuple(failure for judgement in judged for failure in judgement.failures),
            sla_days={severity.value: sla.days(severity) for severity in rated},
            demo=demo,
        )

    def _stale_feeds(self, releases: Collection[str | None]) -> tuple[str, ...]:
        """Names of feeds this estate rests on that are past their limit or absent (G6), sorted.

        A feed about distributions nobody here runs is left out: its age changes no verdict of this report.
        """
        windows = any(release is not None and release.startswith("windows:") for release in releases)
        unused = () if windows else (FeedRole.AFFECTED_VERSIONS,)
        roles = [role for role in FeedRole if role.is_single and role not in unused]
        players = {role: role.player(self.knowledge.feeds) for role in roles}
        stale = {role.value for role, feed in players.items() if feed is None}
        for feed in self.knowledge.feeds.values():
            used = feed in players.values() or any(release in feed.covers for release in releases)
            if used and self.knowledge.is_stale(feed, self.as_of, self.contract.feed_max_age_days):
                stale.add(feed.name)
        return tuple(sorted(stale))


def _ask(rule: Rule, case: Case) -> Iterator[Finding]:
    """Put one rule to one host and correct its answer for what could not be seen."""
    snapshot = case.snapshot
    if not rule.judges_absence:
        if not snapshot.reached:
            gaps = tuple(gap for gap in snapshot.gaps if gap.kind is FactKind.HOST)
            yield _unknown(rule, case, "not_audited", {}, _Blindness(gaps=gaps))
            return
        if snapshot.operating_system is None:
            gaps = _gaps(snapshot, FactKind.OPERATING_SYSTEM)
            yield _unknown(rule, case, FactKind.OPERATING_SYSTEM.value, {}, _Blindness(gaps=gaps))
            return
    if not rule.applies(case):
        yield Finding(
            rule=rule.id,
            subject=snapshot.target.name,
            outcome=Outcome.NOT_APPLICABLE,
            message=Message(text=f"rules.{rule.id}.not_applicable"),
        )
        return
    answer = tuple(rule.check(case))
    if not answer:
        raise ValueError(f"rule {rule.id} gave no answer; nothing to report is a PASS")
    yield from _corrected(rule, case, answer)


def _corrected(rule: Rule, case: Case, answer: tuple[Finding, ...]) -> Iterator[Finding]:
    blindness = _blindness(rule, case)
    if not blindness:
        yield from answer
        return
    text, params = _reason(case, blindness)
    blind = _unknown(rule, case, text, params, blindness)
    yield from corrected(answer, blind, _nothing_seen(blind.message, blindness))


def _nothing_seen(message: Message, blindness: _Blindness) -> Message:
    """What stands in place of a PASS: where only a limit hides something, that nothing was found in what was seen."""
    return Message(text="rules.unknown.signed_out") if blindness.limited else message


def _blindness(rule: Rule, case: Case) -> _Blindness:
    gaps = tuple(gap for kind in rule.needs_of(case) for gap in _gaps(case.snapshot, kind))
    absent: list[FeedRole] = []
    stale: list[FeedState] = []
    for role in rule.feeds:
        if role is FeedRole.KEV and not case.contract.sla.kev:
            continue  # the contract does not count CISA's dates
        feeds = case.feeds_of(role)
        if not feeds:
            absent.append(role)
        stale.extend(feed for feed in feeds if case.is_stale(feed))
    asks_advisories = any(not role.is_single for role in rule.feeds)
    outside = case.outside_count if asks_advisories and case.outside_count > case.compared_count else 0
    return _Blindness(gaps=gaps, absent=tuple(absent), stale=tuple(stale), outside=outside)


def _gaps(snapshot: HostSnapshot, kind: FactKind) -> tuple[Gap, ...]:
    """Gaps of a kind; a fact that is simply not there, without a gap that says why, is one too."""
    system = snapshot.operating_system
    if kind in _KERNEL_FACTS and system is not None and system.container:
        return ()  # a container's kernel is its host's (L24): there is nothing to be blind to
    if is_windows(snapshot):
        return windows_gaps(snapshot, kind)
    gaps = snapshot.gaps_of(kind)
    if not gaps and kind in _SINGLE_FACTS and not getattr(snapshot, _SINGLE_FACTS[kind]):
        return (unexplained(kind),)
    return gaps


def _reason(case: Case, blindness: _Blindness) -> tuple[str, Params]:
    """Say in one sentence why a verdict is unknown: facts of the machine first, then the feeds."""
    kinds = {gap.kind for gap in blindness.gaps}
    if len(kinds) == 1:
        return kinds.pop().value, {}
    if kinds:
        return "several", {"count": len(kinds)}
    if blindness.outside:
        return "mostly_outside", {"count": blindness.outside, "installed": len(case.snapshot.packages)}
    if any(not role.is_single for role in blindness.absent):
        return "no_advisories", {"system": case.system.pretty_name or case.system.id}
    if blindness.absent:
        return f"no_feed_{blindness.absent[0].value}", {}
    feed = blindness.stale[0]
    age = feed.age_days(case.as_of)
    if age is None:
        return "feed_never_fetched", {"feed": feed.title}
    limit = case.contract.feed_max_age_days.get(feed.name, feed.max_age_days)
    return "stale_feed", {"feed": feed.title, "age_days": int(age), "limit_days": limit}


def _unknown(rule: Rule, case: Case, text: str, params: Params, blindness: _Blindness | None = None) -> Finding:
    blindness = blindness or _Blindness()
    return Finding(
        rule=rule.id,
        subject=case.snapshot.target.name,
        outcome=Outcome.UNKNOWN,
        message=Message(text=f"rules.unknown.{text}", params=params),
        evidence=(*_gap_evidence(case, blindness.gaps), *_feed_evidence(case, blindness)),
        gaps=blindness.gaps,
        limited=blindness.limited,
    )


def _gap_evidence(case: Case, gaps: tuple[Gap, ...]) -> Iterator[Evidence]:
    for gap in gaps:
        what = Message(text=f"rules.fact.{gap.kind.value}")
        yield Evidence(what=what, seen=gap.detail, source=gap.collector, as_of=case.snapshot.taken_at)


def _feed_evidence(case: Case, blindness: _Blindness) -> Iterator[Evidence]:
    for role in blindness.absent:
        yield Evidence(what=Message(text=f"rules.feed.{role.value}"), seen="")
    for feed in blindness.stale:
        limit = case.contract.feed_max_age_days.get(feed.name, feed.max_age_days)
        yield Evidence(
            what=Message(text="rules.feed.age", params={"feed": feed.title, "limit_days": limit}),
            seen=feed.error,
            source=feed.title,
            url=feed.url,
            as_of=feed.published_at or feed.checked_at,
        )


def _summary(case: Case) -> MachineSummary:
    snapshot = case.snapshot
    return MachineSummary(
        target=snapshot.target,
        taken_at=snapshot.taken_at,
        reached=snapshot.reached,
        privileged=snapshot.privileged,
        aliases=snapshot.aliases,
        operating_system=snapshot.operating_system,
        release=case.release,
        package_count=_package_count(snapshot),
        collectors=snapshot.collectors,
        gaps=snapshot.gaps,
        last_update=snapshot.last_update,
        updates_from=_updates_from(snapshot),
    )


def _package_count(snapshot: HostSnapshot) -> int:
    """Packages of the package manager; on Windows the programs a person would find in the list of programs (W27)."""
    if snapshot.windows is None:
        return len(snapshot.packages)
    return sum(not application.noise for application in snapshot.applications)


def _updates_from(snapshot: HostSnapshot) -> str:
    """Who brings this machine its updates; "" when it was not seen."""
    if snapshot.windows is None:
        return snapshot.package_lists.manager if snapshot.package_lists is not None else ""
    policy = snapshot.windows.policy
    if policy is None or policy.uses_wsus is None:
        return ""
    return "wsus" if policy.uses_wsus else "windows_update"
