"""What the report says, before it is worded: states and counts, the same for every language.

Computed once per report from the assessment. Every figure on the first sheet is counted here from the rows the other
sheets show, so that a tile always equals the sheet it sums up. A machine is up to date only when the rule about missing
patches passed on it, left nothing unknown, and no installed fix waits for a reboot; without such a verdict it is
unknown, and unknown enters no rate. Where only products beside a Windows could not be told, the machine counts with its
system, and every figure it enters says so.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date
from enum import StrEnum
from functools import cached_property
from operator import and_
from typing import Final

from collectors.feeds.records import FeedState
from collectors.model import FactKind
from reports.frames import counts_by_machine, machines_where, ordered_positions, patch_frame
from reports.licenses import Licenses
from reports.software import Software, Standing
from rules.model import Assessment, CrossCheck, Finding, MachineSummary, Outcome, PatchState

MISSING_RULE: Final = "patch.missing"
OVERDUE_RULE: Final = "patch.overdue"
EXPLOITED_RULE: Final = "application.known_exploited"
REBOOT_RULE: Final = "host.reboot_pending"
SUPPORT_RULE: Final = "system.end_of_support"
COVERAGE_RULE: Final = "host.coverage"
_KEV_UNSEEN: Final = "rules.priority.kev_unseen"
_EPSS_UNSEEN: Final = "rules.priority.epss_unseen"
_UNCOVERED: Final = frozenset({"rules.host.coverage.no_feed", "rules.host.coverage.unsupported"})


class MachineState(StrEnum):
    """One word for a machine, the least known and the most worrying first."""

    NOT_AUDITED = "not_audited"
    UNKNOWN = "unknown"
    OUT_OF_SUPPORT = "out_of_support"
    MISSING = "missing"
    REBOOT = "reboot"
    SYSTEM_ONLY = "system_only"  # nothing is missing of the system itself; of a product nobody could tell
    UP_TO_DATE = "up_to_date"


_UNDECIDED: Final = frozenset({MachineState.NOT_AUDITED, MachineState.UNKNOWN})
_UPDATED: Final = (MachineState.UP_TO_DATE, MachineState.SYSTEM_ONLY)
_RANKS: Final = {state: rank for rank, state in enumerate(MachineState)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many findings, on how many machines; `accepted` tells how many of them a waiver accepts for a time."""

    findings: int = 0
    machines: int = 0
    accepted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineView:
    """One line of the sheet of machines.

    `verdict` tells whether the patch rule gave a complete answer about the system itself, `undecided` how many products
    beside it could not be told up to date or not.
    """

    summary: MachineSummary
    state: MachineState
    verdict: bool
    missing: int = 0
    urgent: int = 0
    overdue: int = 0
    reboot: Outcome = Outcome.UNKNOWN
    support: Finding | None = None
    partial: tuple[FactKind, ...] = ()
    undecided: int = 0

    @property
    def name(self) -> str:
        """Name of the machine in every sheet."""
        return self.summary.target.name


class View:
    """An assessment as the sheets read it."""

    def __init__(self, assessment: Assessment) -> None:
        self.assessment = assessment

    @cached_property
    def licenses(self) -> Licenses:
        """What is told of Microsoft 365."""
        return Licenses(self.assessment)

    @cached_property
    def software(self) -> Software:
        """What is told of installed software against what was bought."""
        return Software(self.assessment)

    @cached_property
    def standing(self) -> Standing:
        """Both kinds of licenses together."""
        return Standing(self.licenses, self.software)

    @cached_property
    def day(self) -> date:
        """Day against which deadlines are counted: the UTC day of the data, as the rules count."""
        return self.assessment.as_of.astimezone(UTC).date()

    @cached_property
    def by_rule(self) -> Mapping[str, tuple[Finding, ...]]:
        """Findings of each rule, in the order of the assessment."""
        found: defaultdict[str, list[Finding]] = defaultdict(list)
        for finding in self.assessment.findings:
            found[finding.rule].append(finding)
        return {rule: tuple(findings) for rule, findings in found.items()}

    @cached_property
    def _patches(self) -> tuple[tuple[Finding, ...], Mapping[str, tuple[int, int, int]], Mapping[str, Tally]]:
        rules = (*self.by_rule.get(MISSING_RULE, ()), *self.by_rule.get(EXPLOITED_RULE, ()))
        found = [finding for finding in rules if finding.outcome is Outcome.FAIL]
        frame = patch_frame(found, self.day, [exploited(finding) is True for finding in found])
        accepted = [finding.waiver is not None for finding in found]
        tallies = {
            column: Tally(
                findings=int(frame[column].sum()),
                machines=machines_where(frame, column),
                accepted=sum(map(and_, frame[column], accepted)) if any(accepted) else 0,
            )
            for column in ("urgent", "overdue", "exploited")
        }
        rows = tuple(found[position] for position in ordered_positions(frame))
        return rows, counts_by_machine(frame), tallies

    @property
    def missing(self) -> tuple[Finding, ...]:
        """Missing patches, from the most to the least urgent: the rows of the sheet of that name.

        A program in a version that attackers are known to exploit is one too: its publisher's fix is not installed.
        """
        return self._patches[0]

    @property
    def urgent(self) -> Tally:
        """Missing patches rated critical or high, or by nobody (G4)."""
        return self._patches[2]["urgent"]

    @property
    def overdue(self) -> Tally:
        """Missing patches past the contract's deadline."""
        return self._patches[2]["overdue"]

    @property
    def exploited(self) -> Tally:
        """Missing patches for a flaw known to be exploited."""
        return self._patches[2]["exploited"]

    @cached_property
    def machines(self) -> tuple[MachineView, ...]:
        """All machines: not audited first, then unknown, then by urgency, then by name."""
        counts = self._patches[1]
        missing = self._outcomes(MISSING_RULE)
        undecided = self._undecided
        reboot = self._outcomes(REBOOT_RULE)
        support = {finding.subject: finding for finding in self.by_rule.get(SUPPORT_RULE, ())}
        found = [
            _machine(
                summary,
                counts.get(summary.target.name, (0, 0, 0)),
                missing.get(summary.target.name, frozenset()),
                reboot.get(summary.target.name, frozenset()),
                support.get(summary.target.name),
                undecided[summary.target.name],
            )
            for summary in self.assessment.machines
        ]
        return tuple(sorted(found, key=lambda machine: (_RANKS[machine.state], machine.name)))

    @cached_property
    def _undecided(self) -> Counter[str]:
        """By machine: products whose patches could not be told, while the verdict on the system itself stands."""
        found: Counter[str] = Counter()
        for finding in self.by_rule.get(MISSING_RULE, ()):
            if finding.beside:
                count = finding.message.params.get("count")
                found[finding.subject] += count if isinstance(count, int) else 1
        return found

    def _outcomes(self, rule: str) -> Mapping[str, frozenset[Outcome]]:
        found: defaultdict[str, set[Outcome]] = defaultdict(set)
        for finding in self.by_rule.get(rule, ()):
            if not finding.beside:
                found[finding.subject].add(finding.outcome)
        return {machine: frozenset(outcomes) for machine, outcomes in found.items()}

    def in_state(self, state: MachineState) -> tuple[MachineView, ...]:
        """Machines in one state."""
        return tuple(machine for machine in self.machines if machine.state is state)

    @cached_property
    def known(self) -> int:
        """How many machines the client is known to have."""
        return len(self.machines)

    @cached_property
    def reached(self) -> int:
        """How many machines were seen."""
        return sum(machine.summary.reached for machine in self.machines)

    @cached_property
    def judged(self) -> int:
        """How many machines gave a complete verdict on missing patches: the base of every rate about patches."""
        return sum(machine.verdict for machine in self.machines)

    @cached_property
    def decided(self) -> int:
        """How many machines could be told up to date or not: the base of that rate."""
        return sum(machine.state not in _UNDECIDED for machine in self.machines)

    @cached_property
    def updated(self) -> int:
        """How many machines are up to date, those included of which that is said of the system only (`in_doubt`)."""
        return sum(machine.state in _UPDATED for machine in self.machines)

    @cached_property
    def in_doubt(self) -> tuple[MachineView, ...]:
        """Machines with a verdict on their system, and with products that could not be told up to date or not."""
        return tuple(machine for machine in self.machines if machine.verdict and machine.undecided)

    @cached_property
    def without_verdict(self) -> tuple[MachineView, ...]:
        """Machines that were seen but gave no complete verdict on missing patches."""
        return tuple(machine for machine in self.machines if machine.summary.reached and not machine.verdict)

    @cached_property
    def unanswered(self) -> tuple[MachineView, ...]:
        """Machines that were seen and of which it is not known whether any patch is missing."""
        return tuple(machine for machine in self.in_state(MachineState.UNKNOWN) if not machine.verdict)

    def rebooting(self, outcome: Outcome) -> int:
        """How many machines have this answer about a pending reboot."""
        return sum(machine.reboot is outcome for machine in self.machines)

    def supporting(self, outcome: Outcome) -> int:
        """How many machines have this answer about the support of their system."""
        return sum(machine.support is not None and machine.support.outcome is outcome for machine in self.machines)

    @cached_property
    def out_of_support(self) -> tuple[MachineView, ...]:
        """Machines whose system no longer gets fixes."""
        return tuple(machine for machine in self.machines if is_out_of_support(machine.support))

    @cached_property
    def ending_soon(self) -> tuple[MachineView, ...]:
        """Machines whose system still gets fixes, but not for long."""
        return tuple(
            machine
            for machine in self.machines
            if machine.support is not None
            and machine.support.outcome is Outcome.FAIL
            and not is_out_of_support(machine.support)
        )

    @cached_property
    def blind_spots(self) -> Mapping[str, tuple[str, ...]]:
        """Machines of `without_verdict` by cause.

        "no_feed" (advisories not downloaded), "unsupported" (nobody publishes any for the system), "out_of_support"
        (nobody does any more), "verdicts" (anything else).
        """
        causes = {
            finding.subject: finding.message.text.rpartition(".")[2]
            for finding in self.by_rule.get(COVERAGE_RULE, ())
            if finding.message.text in _UNCOVERED
        }
        unknown = {
            finding.subject for finding in self.by_rule.get(MISSING_RULE, ()) if finding.outcome is Outcome.UNKNOWN
        }
        found: defaultdict[str, list[str]] = defaultdict(list)
        for machine in self.without_verdict:
            ended = machine.state is MachineState.OUT_OF_SUPPORT and machine.name not in unknown
            found["out_of_support" if ended else causes.get(machine.name, "verdicts")].append(machine.name)
        return {cause: tuple(names) for cause, names in found.items()}

    @cached_property
    def feeds_never_fetched(self) -> tuple[str, ...]:
        """Titles of the sources that are needed and were never downloaded."""
        return tuple(title for title, state in self.stale_feeds if self._never(state))

    @cached_property
    def feeds_too_old(self) -> tuple[str, ...]:
        """Titles of the sources that are there, but past their limit."""
        return tuple(title for title, state in self.stale_feeds if not self._never(state))

    def _never(self, state: FeedState | None) -> bool:
        return state is None or state.age_days(self.assessment.as_of) is None

    @cached_property
    def stale_feeds(self) -> tuple[tuple[str, FeedState | None], ...]:
        """Sources past their limit or never fetched: (name to show, state when there is one)."""
        states = {feed.name: feed for feed in self.assessment.feeds}
        return tuple(
            (states[name].title if name in states else name, states.get(name)) for name in self.assessment.stale_feeds
        )

    @cached_property
    def with_gaps(self) -> tuple[MachineView, ...]:
        """Machines that were seen, but not entirely."""
        return tuple(machine for machine in self.machines if machine.summary.reached and machine.partial)


def _machine(
    summary: MachineSummary,
    counts: tuple[int, int, int],
    outcomes: frozenset[Outcome],
    reboot: frozenset[Outcome],
    support: Finding | None,
    undecided: int,
) -> MachineView:
    """Decide the state of one machine; a verdict needs an answer of the patch rule and no doubt about its system.

    Products beside the system leave the verdict standing; they are counted and told.
    """
    verdict = summary.reached and bool(outcomes & {Outcome.PASS, Outcome.FAIL}) and Outcome.UNKNOWN not in outcomes
    rebooting = _worst(reboot)
    if not summary.reached:
        state = MachineState.NOT_AUDITED
    elif is_out_of_support(support):
        state = MachineState.OUT_OF_SUPPORT
    elif counts[0]:
        state = MachineState.MISSING
    elif rebooting is Outcome.FAIL:
        state = MachineState.REBOOT if verdict else MachineState.UNKNOWN
    elif not verdict or rebooting is Outcome.UNKNOWN:
        state = MachineState.UNKNOWN
    else:
        state = MachineState.SYSTEM_ONLY if undecided else MachineState.UP_TO_DATE
    return MachineView(
        summary=summary,
        state=state,
        verdict=verdict,
        missing=counts[0],
        urgent=counts[1],
        overdue=counts[2],
        reboot=rebooting,
        support=support,
        partial=tuple(dict.fromkeys(gap.kind for gap in summary.gaps)),
        undecided=undecided,
    )


def _worst(outcomes: frozenset[Outcome]) -> Outcome:
    """FAIL before UNKNOWN before PASS before NOT_APPLICABLE; no answer at all is unknown."""
    return next((outcome for outcome in Outcome if outcome in outcomes), Outcome.UNKNOWN)


def is_out_of_support(finding: Finding | None) -> bool:
    """Whether a finding about support says that it has ended."""
    return finding is not None and finding.outcome is Outcome.FAIL and finding.state is PatchState.OUT_OF_SUPPORT


def exploited(finding: Finding) -> bool | None:
    """Whether a fix closes a flaw known to be exploited; None when that list, or the flaws, are not known."""
    if finding.rule == EXPLOITED_RULE:
        return True if finding.outcome is Outcome.FAIL else None
    params = finding.message.params
    count = params.get("kev_count")
    if isinstance(count, int) and count > 0:
        return True
    if count is None and "kev_count" in params:  # a release of Office: which flaws it fixes is not told
        return None
    # An update only the machine's own updater knows names no flaw: there is nothing to look up.
    nameless = params.get("cross_check") == CrossCheck.ONLY_THEIRS and not params.get("cve_count")
    return None if nameless or _blind(finding, _KEV_UNSEEN) else False


def probability(finding: Finding) -> float | None:
    """Highest probability (0..1) of exploitation among the flaws a fix closes; None when no flaw has one."""
    value = finding.message.params.get("epss_max")
    return float(value) if isinstance(value, int | float) else None


def update_of(finding: Finding) -> str:
    """The one update that brings a fix of Microsoft's ("KB5066835"), "" where versions say it all."""
    update = str(finding.message.params.get("remedy") or "")
    return update if update.startswith("KB") else ""


def probability_unseen(finding: Finding) -> bool:
    """Whether the probabilities could not be relied on."""
    return _blind(finding, _EPSS_UNSEEN)


def _blind(finding: Finding, reason: str) -> bool:
    return any(message.text == reason for message in finding.priority.reasons)


def late_days(finding: Finding, day: date) -> int:
    """Days past the deadline; 0 when there is none or it lies ahead."""
    return max(0, (day - finding.due_on).days) if finding.due_on is not None else 0
