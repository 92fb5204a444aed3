"""When to act: decided by known exploitation, then its probability, then severity, then exposure, in that order.

| level | when |
| --- | --- |
| now | a flaw is in CISA's list of exploited ones; or EPSS is urgent; or the fix is rated critical; or it is rated |
| | high (or not rated) and the machine can be reached from the internet |
| plan | EPSS is raised; or rated high or not rated; or rated medium and the machine can be reached from the internet |
| watch | everything else |

Every reason that took part is kept as a message, the decisive one first. EPSS raises a priority and never shortens a
deadline. Its probabilities are recalibrated with each model, so the thresholds name the model they were chosen for.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from collectors.feeds.records import Exploited, Severity
from rules.knowledge import Knowledge
from rules.messages import Message, Params
from rules.model import Priority, PriorityLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class EpssThresholds:
    """Probabilities (0..1) of exploitation within 30 days from which a fix is urgent or is moved up.

    `model` is the EPSS edition the figures were chosen for (the first of its fourth model): a threshold is a point on
    one model's curve of effort against coverage, and the points move when the model does, so that a score of another
    edition is marked as such. FIRST prescribes no threshold; these are this product's own:

    - `raised`, one in ten: far above the base rate (most published flaws score below 0.01), so that what is moved up to
      "plan" stays a small part of what is open.
    - `urgent`, one in two: exploitation within a month is likelier than not, which is treated like a critical rating.

    Sources: https://www.first.org/epss/model, https://empiricalsecurity.com/research/epss-effort-vs-coverage
    """

    model: str
    urgent: float
    raised: float


EPSS_THRESHOLDS = EpssThresholds(model="v2025.03.14", urgent=0.5, raised=0.1)

_SEVERITY_RANK = {
    Severity.CRITICAL: 4,
    Severity.HIGH: 3,
    Severity.UNKNOWN: 3,  # undisclosed counts as high (G4)
    Severity.MEDIUM: 2,
    Severity.LOW: 1,
}
_EXPOSURE_RANK = {"internet": 1, "internal": -1, "": 0}
_ORDER = (PriorityLevel.WATCH, PriorityLevel.PLAN, PriorityLevel.NOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """What the world knows about a set of CVEs. `epss_max` is 0..1, None when no CVE has a score."""

    cve_count: int
    exploited: tuple[Exploited, ...]
    epss_max: float | None
    epss_cve: str = ""

    @property
    def ransomware(self) -> bool:
        """Whether one of the exploited flaws is known to be used by ransomware."""
        return any(entry.ransomware for entry in self.exploited)


def threat_of(cves: Iterable[str], knowledge: Knowledge) -> Threat:
    """Look a set of CVEs up in KEV and EPSS. A CVE that neither knows adds nothing but to the count."""
    ids = tuple(cves)
    exploited = tuple(knowledge.exploited[cve] for cve in ids if cve in knowledge.exploited)
    scored = ((knowledge.probabilities[cve].probability, cve) for cve in ids if cve in knowledge.probabilities)
    probability, cve = max(scored, default=(None, ""))
    return Threat(cve_count=len(ids), exploited=exploited, epss_max=probability, epss_cve=cve)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Whether the exploitation feeds could be relied on; blind, a priority may be too low and says so."""

    kev: bool = True
    epss: bool = True
    epss_model: str = ""


def priority_of(threat: Threat, severity: Severity, exposure: str, sight: Sight) -> Priority:
    """Decide when to act on a missing fix and explain it. `exposure` is "internet", "internal" or "" (not stated)."""
    level, reasons = PriorityLevel.WATCH, []
    band = 0
    if threat.exploited:
        level = PriorityLevel.NOW
        reasons.append(_exploited_reason(threat))
    if threat.epss_max is not None and threat.epss_max >= EPSS_THRESHOLDS.raised:
        band = 2 if threat.epss_max >= EPSS_THRESHOLDS.urgent else 1
        level = _at_least(level, PriorityLevel.NOW if band > 1 else PriorityLevel.PLAN)
        params: Params = {
            "percent": int(threat.epss_max * 100),
            "cve": threat.epss_cve,
            "model": sight.epss_model or "?",
        }
        reasons.append(Message(text="rules.priority.epss", params=params))
    level = _at_least(level, _by_severity(severity, exposure))
    reasons.append(Message(text=f"rules.priority.severity_{severity.value}"))
    if exposure in ("internet", "internal"):
        reasons.append(Message(text=f"rules.priority.{exposure}"))
    reasons.extend(_blind_spots(threat, sight))
    score = (
        10_000.0 * len(threat.exploited[:1])
        + 1_000.0 * band
        + 100.0 * _SEVERITY_RANK[severity]
        + 10.0 * (1 + _EXPOSURE_RANK.get(exposure, 0))
        + (threat.epss_max or 0.0)
    )
    return Priority(level=level, score=round(score, 4), reasons=tuple(reasons))


def worst(severities: Iterable[Severity]) -> Severity:
    """Return the highest severity, UNKNOWN when there is none."""
    return max(
        severities, key=lambda severity: (_SEVERITY_RANK[severity], severity is Severity.HIGH), default=Severity.UNKNOWN
    )


def _by_severity(severity: Severity, exposure: str) -> PriorityLevel:
    rank = _SEVERITY_RANK[severity] + (exposure == "internet" and severity is not Severity.LOW)
    if rank > _SEVERITY_RANK[Severity.HIGH]:
        return PriorityLevel.NOW
    return PriorityLevel.PLAN if rank == _SEVERITY_RANK[Severity.HIGH] else PriorityLevel.WATCH


def _at_least(level: PriorityLevel, other: PriorityLevel) -> PriorityLevel:
    return max(level, other, key=_ORDER.index)


def _exploited_reason(threat: Threat) -> Message:
    first = min(threat.exploited, key=lambda entry: (not entry.ransomware, entry.due_on, entry.cve))
    text = "rules.priority.ransomware" if first.ransomware else "rules.priority.exploited"
    return Message(text=text, params={"cve": first.cve, "added_on": first.added_on.isoformat()})


def _blind_spots(threat: Threat, sight: Sight) -> Iterable[Message]:
    """Say what could have raised the priority but was not seen; nothing to say for a fix without CVE."""
    if not threat.cve_count:
        return
    if not sight.kev:
        yield Message(text="rules.priority.kev_unseen")
    if not sight.epss:
        yield Message(text="rules.priority.epss_unseen")
    elif sight.epss_model and sight.epss_model != EPSS_THRESHOLDS.model and threat.epss_max is not None:
        params: Params = {"model": sight.epss_model, "expected": EPSS_THRESHOLDS.model}
        yield Message(text="rules.priority.epss_model", params=params)
