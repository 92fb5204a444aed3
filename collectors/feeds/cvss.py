"""CVSS v3 base scores from vectors, and the vendors' rating words on one scale.

Advisories carry a vector or a word, seldom both; a deadline needs one `Severity`. Version 2 and version 4 vectors have
another formula and scale: they answer None rather than a number that looks like a v3 score.
"""

import math
from collections.abc import Iterable

from collectors.feeds.records import Severity

_ATTACK_VECTOR = {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}
_ATTACK_COMPLEXITY = {"L": 0.77, "H": 0.44}
_PRIVILEGES = {"N": 0.85, "L": 0.62, "H": 0.27}
_PRIVILEGES_CHANGED = {"N": 0.85, "L": 0.68, "H": 0.5}
_USER_INTERACTION = {"N": 0.85, "R": 0.62}
_IMPACT = {"H": 0.56, "L": 0.22, "N": 0.0}
_SCOPE = ("U", "C")

_WORDS = {
    "critical": Severity.CRITICAL,
    "important": Severity.HIGH,  # Red Hat and its rebuilds, SUSE
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "negligible": Severity.LOW,  # Ubuntu
    "unimportant": Severity.LOW,  # Debian
}
_ORDER = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.UNKNOWN)


def base_score(vector: str) -> float | None:
    """Return the CVSS v3.0 or v3.1 base score (0.0 to 10.0) of a vector.

    None for another CVSS version and for a vector that lacks a base metric, repeats one or holds an unknown value.
    Source: https://www.first.org/cvss/v3.1/specification-document section 7.1 and appendix A (3.0 differs in rounding
    only by floating point error, so both are rounded as 3.1 prescribes).
    """
    prefix, *parts = vector.strip().rstrip("/").split("/")
    if prefix not in {"CVSS:3.0", "CVSS:3.1"}:
        return None
    metrics: dict[str, str] = {}
    for part in parts:
        name, separator, value = part.partition(":")
        if not separator or name in metrics:
            return None
        metrics[name] = value
    try:
        return _score(metrics)
    except KeyError:
        return None


def severity_of_score(score: float) -> Severity:
    """Rate a base score on the qualitative scale of CVSS v3; 0.0 ("none") counts as low."""
    if score >= 9.0:
        return Severity.CRITICAL
    if score >= 7.0:
        return Severity.HIGH
    return Severity.MEDIUM if score >= 4.0 else Severity.LOW


def severity_of_word(word: str) -> Severity:
    """Rate a vendor's word (any case); a word outside the known ones, "untriaged" or "" stays UNKNOWN."""
    return _WORDS.get(word.strip().lower(), Severity.UNKNOWN)


def highest(severities: Iterable[Severity]) -> Severity:
    """Return the gravest severity; UNKNOWN only when nothing better is known."""
    return min(severities, key=_ORDER.index, default=Severity.UNKNOWN)


def _score(metrics: dict[str, str]) -> float:
    if metrics["S"] not in _SCOPE:
        raise KeyError(metrics["S"])
    changed = metrics["S"] == "C"
    intact = math.prod(1 - _IMPACT[metrics[name]] for name in ("C", "I", "A"))
    subscore = 1 - intact
    impact = 7.52 * (subscore - 0.029) - 3.25 * (subscore - 0.02) ** 15 if changed else 6.42 * subscore
    privileges = _PRIVILEGES_CHANGED if changed else _PRIVILEGES
    exploitability = (
        8.22
        * _ATTACK_VECTOR[metrics["AV"]]
        * _ATTACK_COMPLEXITY[metrics["AC"]]
        * privileges[metrics["PR"]]
        * _USER_INTERACTION[metrics["UI"]]
    )
    if impact <= 0:
        return 0.0
    return _round_up(min((1.08 if changed else 1.0) * (impact + exploitability), 10.0))


def _round_up(value: float) -> float:
    """Round up to one decimal on integers, as appendix A does to keep floating point noise out."""
    scaled = round(value * 100_000)
    if scaled % 10_000 == 0:
        return scaled / 100_000
    return (scaled // 10_000 + 1) / 10
