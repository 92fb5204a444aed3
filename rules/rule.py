"""What a rule is, and the case it is asked about: one host, the knowledge, the contract and a date.

A rule answers with findings: FAIL for each thing that is wrong, one PASS when it looked at everything and nothing is,
NOT_APPLICABLE with a `PatchState` for what is told without being counted (no fix exists, outside the distribution's
scope). It declares which facts and feeds its answer rests on; what becomes of a PASS that rests on a blind spot is the
engine's business alone (`rules.engine`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from collectors.feeds.records import FeedState, Severity
from collectors.model import FactKind, HostSnapshot, OperatingSystem
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.messages import Message, Params
from rules.model import NO_PRIORITY, Confidence, Evidence, Finding, Outcome, PatchState, Priority
from rules.verdicts import PatchVerdict
from rules.windows.builds import is_windows

Match = Callable[[HostSnapshot], tuple[PatchVerdict, ...]]
Refine = Callable[["Case", tuple[PatchVerdict, ...]], tuple[PatchVerdict, ...]]
Memo = dict[object, dict[object, tuple[object, Any]]]
T = TypeVar("T")


def as_found(_case: "Case", found: tuple[PatchVerdict, ...]) -> tuple[PatchVerdict, ...]:
    """Leave the matcher's verdicts as they are."""
    return found


WINDOWS_PRODUCTS = (
    FactKind.OPERATING_SYSTEM,
    FactKind.DOTNET,
    FactKind.OFFICE,
    FactKind.SQL_SERVER,
    FactKind.EXCHANGE,
)
"""The facts a verdict on a Windows machine's patches rests on: its build decides, each product has its own version."""


class FeedRole(StrEnum):
    """What a rule needs of the feeds.

    `ADVISORIES` are those that announce fixes for the host's own release (`FeedState.covers`), `STATES` these and those
    that only explain (why a CVE has no fix). Every other role is played by the feed that bears its name; a test holds
    them to the feeds there are.
    """

    ADVISORIES = "advisories"
    STATES = "states"
    KEV = "kev"
    EPSS = "epss"
    LIFECYCLES = "endoflife"
    AFFECTED_VERSIONS = "nvd-kev"  # of applications on Windows

    def player(self, feeds: Mapping[str, FeedState]) -> FeedState | None:
        """The feed that plays this role (one that `is_single`), None when there is none."""
        return feeds.get(self.value)

    @property
    def is_single(self) -> bool:
        """Whether one feed plays this role, for every release."""
        return self not in (FeedRole.ADVISORIES, FeedRole.STATES)


@dataclass(slots=True, kw_only=True)
class Case:
    """One host before the rules. `as_of` is aware UTC: rules know no other clock.

    `system` is None only for a rule that also judges machines that were not seen (`Rule.judges_absence`). `products`
    are the release keys of what is judged beside the system itself (SQL Server, Office, .NET). `refine` takes from the
    matcher's verdicts what contract, date and entitlement of this machine change about them.
    """

    snapshot: HostSnapshot
    release: str | None
    knowledge: Knowledge
    contract: Contract
    as_of: datetime
    match: Match
    memo: Memo
    products: tuple[str, ...] = ()
    refine: Refine = as_found
    _verdicts: tuple[PatchVerdict, ...] | None = field(default=None, init=False)
    _by_state: dict[PatchState, list[PatchVerdict]] = field(default_factory=dict, init=False)
    _made: dict[object, Any] = field(default_factory=dict, init=False)

    @property
    def system(self) -> OperatingSystem:
        """The operating system. Raises LookupError when it was not seen (the engine asks no rule then)."""
        if self.snapshot.operating_system is None:
            raise LookupError(f"{self.snapshot.target.name}: the operating system was not seen")
        return self.snapshot.operating_system

    @property
    def is_windows(self) -> bool:
        """Whether this is a Windows machine; false also where no system was seen."""
        return is_windows(self.snapshot)

    @property
    def today(self) -> date:
        """The day of the audit, in UTC."""
        return self.as_of.date()

    @property
    def verdicts(self) -> tuple[PatchVerdict, ...]:
        """What the advisories say about every installed package; matched once per host, on first use."""
        if self._verdicts is None:
            found = self.refine(self, self.match(self.snapshot))
            self._verdicts = tuple([self._interned(verdict) if verdict.kernel else verdict for verdict in found])
            for verdict in self._verdicts:
                self._by_state.setdefault(verdict.state, []).append(verdict)
        return self._verdicts

    def _interned(self, verdict: PatchVerdict) -> PatchVerdict:
        """One object for equal kernel verdicts, as the matcher gives for packages: proofs are shared by identity."""
        packages = tuple((package.name, package.version, package.architecture) for package in verdict.packages)
        advisories = tuple(id(advisory) for advisory in verdict.advisories)  # knowledge keeps them alive
        versions = (verdict.package, verdict.installed_version, verdict.fixed_version)
        key = (*versions, verdict.state, verdict.entitlement, verdict.reason, packages, advisories)
        interned: PatchVerdict = self.table("kernel").setdefault(key, (None, verdict))[1]
        return interned

    def verdicts_in(self, *states: PatchState) -> tuple[PatchVerdict, ...]:
        """Verdicts in one of the states."""
        if not self.verdicts:
            return ()
        return tuple(verdict for state in states for verdict in self._by_state.get(state, ()))

    @property
    def outside_count(self) -> int:
        """How many installed packages bear an origin the distribution's advisories do not speak about (L11)."""
        return sum(len(verdict.packages) for verdict in self.verdicts_in(PatchState.OUTSIDE_SCOPE))

    @property
    def compared_count(self) -> int:
        """How many installed packages the advisories could speak about."""
        return max(0, len(self.snapshot.packages) - self.outside_count)

    def table(self, kind: object) -> dict[object, tuple[object, Any]]:
        """What is remembered under one heading for all hosts: (owner, value) by the owner's id (see `shared`)."""
        return self.memo.setdefault(kind, {})

    def once(self, kind: object, make: Callable[[], T]) -> T:
        """Make once what several rules ask about this host."""
        if kind not in self._made:
            self._made[kind] = make()
        value: T = self._made[kind]
        return value

    def shared(self, kind: object, owner: object, make: Callable[[], T]) -> T:
        """Make once what is the same for every host with the same `owner` (a shared verdict), keyed by its identity.

        The owner is kept alive beside the value, so that its id cannot be given to another object.
        """
        table = self.table(kind)
        found = table.get(id(owner))
        if found is None:
            found = table[id(owner)] = (owner, make())
        value: T = found[1]
        return value

    def feeds_of(self, role: FeedRole) -> tuple[FeedState, ...]:
        """Feeds that play a role for this host; empty when none speaks of its system.

        A feed that only explains neither supports nor, once stale, hides a missing fix: it is none of the advisories.
        """
        if not role.is_single:
            feeds = () if self.release is None else self.knowledge.advisory_feeds(self.release)
            if feeds:
                others = (feed for product in self.products for feed in self.knowledge.advisory_feeds(product))
                feeds = tuple({feed.name: feed for feed in (*feeds, *others)}.values())
            return tuple(feed for feed in feeds if feed.announces or role is FeedRole.STATES)
        feed = role.player(self.knowledge.feeds)
        return () if feed is None else (feed,)

    def is_stale(self, feed: FeedState) -> bool:
        """Whether a feed is past its limit on the day of the audit (G6)."""
        return self.knowledge.is_stale(feed, self.as_of, self.contract.feed_max_age_days)

    def is_current(self, role: FeedRole) -> bool:
        """Whether every feed of a role is there and within its limit."""
        feeds = self.feeds_of(role)
        return bool(feeds) and not any(self.is_stale(feed) for feed in feeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One question asked about every host.

    `id` is `subject.condition` and names the file, the test and the texts: `rules.<id>.title` (what is asked),
    `.impact` (one sentence for the manager: why it matters), `.not_applicable`, and what the module's docstring lists.
    `needs` are the facts and `feeds` the feeds a PASS rests on; `needs_on_windows` are the facts it needs of a Windows
    machine where they differ (None: the same). `judges_absence` is for rules about coverage, which are also asked about
    a machine that was not seen.
    """

    id: str
    needs: tuple[FactKind, ...]
    check: Callable[[Case], Iterable[Finding]]
    applies: Callable[[Case], bool] = lambda _case: True
    feeds: tuple[FeedRole, ...] = ()
    judges_absence: bool = False
    needs_on_windows: tuple[FactKind, ...] | None = None

    def needs_of(self, case: Case) -> tuple[FactKind, ...]:
        """The facts a PASS about this machine rests on."""
        return self.needs_on_windows if case.is_windows and self.needs_on_windows is not None else self.needs

    @property
    def title(self) -> Message:
        """What the rule asks, as a heading."""
        return Message(text=f"rules.{self.id}.title")

    @property
    def impact(self) -> Message:
        """Why it matters, in one sentence for the manager."""
        return Message(text=f"rules.{self.id}.impact")


def not_windows(case: Case) -> bool:
    """`Rule.applies` of a rule about package managers."""
    return not case.is_windows


def finding(
    rule: str,
    case: Case,
    outcome: Outcome,
    text: str,
    *,
    key: str = "",
    params: Params | None = None,
    severity: Severity = Severity.UNKNOWN,
    confidence: Confidence = Confidence.FIRM,
    state: PatchState = PatchState.NONE,
    remedy: Message | None = None,
    priority: Priority = NO_PRIORITY,
    evidence: tuple[Evidence, ...] = (),
    released_on: date | None = None,
    due_on: date | None = None,
) -> Finding:
    """Make a finding about the case's host; `text` is relative to the rule's own texts ("fail")."""
    return Finding(
        rule=rule,
        subject=case.snapshot.target.name,
        key=key,
        outcome=outcome,
        severity=severity,
        confidence=confidence,
        state=state,
        message=Message(text=f"rules.{rule}.{text}", params=params or {}),
        remedy=remedy,
        priority=priority,
        evidence=evidence,
        released_on=released_on,
        due_on=due_on,
    )


def joined(names: Iterable[str], limit: int = 6) -> str:
    """Join names for one cell: the first `limit`, then how many more ("a, b, c (+12)")."""
    items = list(names)
    rest = len(items) - limit
    return ", ".join(items[:limit]) + (f" (+{rest})" if rest > 0 else "")
