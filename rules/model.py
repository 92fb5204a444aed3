"""Findings: what a rule concluded, on what evidence, how urgent, and what to do."""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from collectors.feeds.records import FeedState, Severity
from collectors.model import CollectorStatus, Gap, OperatingSystem, Target

Params = dict[str, str | int | float | bool | None]


class Outcome(StrEnum):
    """Answer of a rule about one subject. A PASS that rests on a gap or a stale feed becomes UNKNOWN (the engine)."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    PASS = "pass"
    NOT_APPLICABLE = "not_applicable"


class Confidence(StrEnum):
    """How firmly a finding stands: two independent sources, one authoritative source, or signs only."""

    CONFIRMED = "confirmed"
    FIRM = "firm"
    TENTATIVE = "tentative"


class PatchState(StrEnum):
    """State of one fix on one host; every one has its own label in the report (domain vocabulary)."""

    NONE = ""
    MISSING = "missing"
    REBOOT_PENDING = "reboot_pending"  # fixed version on disk, old one still running
    NO_FIX = "no_fix"
    UPCOMING = "upcoming"  # fix announced for a later point release
    PRO_REQUIRED = "pro_required"
    MITIGATED = "mitigated"  # live patch
    OUT_OF_SUPPORT = "out_of_support"
    OUTSIDE_SCOPE = "outside_scope"  # third-party origin
    UNKNOWN = "unknown"


class CrossCheck(StrEnum):
    """What the host's own package manager says about a fix of ours."""

    AGREE = "agree"
    ONLY_OURS = "only_ours"
    ONLY_THEIRS = "only_theirs"
    NOT_SEEN = "not_seen"  # the updater's answer is a gap or its lists are too old (L22)


class PriorityLevel(StrEnum):
    """When to act, in the order of the action plan."""

    NOW = "now"
    PLAN = "plan"
    WATCH = "watch"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A text of the locale files by its id, with the values to fill in.

    A parameter whose name ends in `_on` is an ISO date and one ending in `_at` an ISO timestamp: the reports format
    them for their language. All other values are shown as they are.
    """

    text: str
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One line of proof: what was looked at, seen, expected, from which source, as of when."""

    what: Message
    seen: str
    expected: str = ""
    source: str = ""
    url: str = ""
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """When to act, and why in words. `score` orders findings of one level (higher first).

    Decided by KEV, then EPSS, then severity, then exposure, in that order.
    """

    level: PriorityLevel
    score: float = 0.0
    reasons: tuple[Message, ...] = ()


NO_PRIORITY = Priority(level=PriorityLevel.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One conclusion of one rule about one subject.

    `subject` is a target name ("" for the whole estate). `key` tells findings of one rule on one subject apart (a
    source package, a reason); "" for a rule that speaks once. `released_on` is when the vendor first released the fix
    (the SLA clock, G4); `due_on` the day after which it is late.
    """

    rule: str
    subject: str
    key: str = ""
    outcome: Outcome
    severity: Severity = Severity.UNKNOWN
    confidence: Confidence = Confidence.FIRM
    state: PatchState = PatchState.NONE
    message: Message
    remedy: Message | None = None
    priority: Priority = NO_PRIORITY
    evidence: tuple[Evidence, ...] = ()
    gaps: tuple[Gap, ...] = ()
    released_on: date | None = None
    due_on: date | None = None

    @property
    def fingerprint(self) -> str:
        """Stable over time: sha256 of rule, subject and key, as hexadecimal."""
        return hashlib.sha256(
            "\0".join((self.rule, self.subject, self.key)).encode("utf-8", "surrogatepass")
        ).hexdigest()

    @property
    def ref(self) -> str:
        """Short reference a person can read out: "F-" and eight hexadecimal digits of the fingerprint."""
        return f"F-{self.fingerprint[:8].upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSummary:
    """What the report tells of a machine beside its findings; `reached` false means "not audited"."""

    target: Target
    taken_at: datetime
    reached: bool
    privileged: bool = False
    aliases: tuple[str, ...] = ()
    operating_system: OperatingSystem | None = None
    release: str | None = None
    package_count: int = 0
    collectors: tuple[CollectorStatus, ...] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFailure:
    """A rule that broke on a host: an unknown for the reader, a traceback in the log."""

    rule: str
    subject: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Everything one run concluded: the only input of `reports`.

    `findings` are sorted by (priority, subject, rule, key); PASS and NOT_APPLICABLE findings are included so that
    every percentage can carry its base. `demo` marks recorded demonstration data.
    """

    client: str
    as_of: datetime
    started_at: datetime
    finished_at: datetime
    product_version: str
    machines: tuple[MachineSummary, ...]
    findings: tuple[Finding, ...]
    feeds: tuple[FeedState, ...]
    stale_feeds: tuple[str, ...] = ()
    failures: tuple[RuleFailure, ...] = ()
    sla_days: dict[str, int] = field(default_factory=dict)
    demo: bool = False
