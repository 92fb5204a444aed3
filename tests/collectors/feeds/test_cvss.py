import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.feeds import cvss
from collectors.feeds.records import Severity


@pytest.mark.parametrize(
    ("vector", "score"),
    [  # the examples FIRST publishes with the specification
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9),
        ("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 8.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 6.8),
        ("CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:H", 9.3),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:L/A:N", 5.3),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N", 5.4),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
    ],
)
def test_base_scores_are_those_of_the_specification(vector: str, score: float) -> None:
    assert cvss.base_score(vector) == score


def test_temporal_and_environmental_metrics_do_not_change_the_base_score() -> None:
    assert cvss.base_score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O/RC:C/MAV:L") == 9.8


@pytest.mark.parametrize(
    "vector",
    [
        "",
        "not a vector",
        "AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "CVSS:2.0/AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
        "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:X/C:H/I:H/A:H",
        "CVSS:3.1/AV:N/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    ],
)
def test_another_version_or_a_broken_vector_has_no_score(vector: str) -> None:
    assert cvss.base_score(vector) is None


_METRICS = st.tuples(
    *(st.sampled_from(values) for values in ("NALP", "LH", "NLH", "NR", "UC", "HLN", "HLN", "HLN"))
).map(lambda values: dict(zip(("AV", "AC", "PR", "UI", "S", "C", "I", "A"), values, strict=True)))


def _vector(metrics: dict[str, str]) -> str:
    return "CVSS:3.1/" + "/".join(f"{name}:{value}" for name, value in metrics.items())


@given(_METRICS)
def test_every_vector_scores_one_decimal_and_never_falls_when_confidentiality_suffers_more(
    metrics: dict[str, str],
) -> None:
    scores = [cvss.base_score(_vector({**metrics, "C": impact})) for impact in "NLH"]
    assert all(score is not None and 0.0 <= score <= 10.0 and round(score, 1) == score for score in scores)
    assert scores == sorted(scores, key=lambda score: score or 0.0)


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        (10.0, Severity.CRITICAL),
        (9.0, Severity.CRITICAL),
        (8.9, Severity.HIGH),
        (7.0, Severity.HIGH),
        (6.9, Severity.MEDIUM),
        (4.0, Severity.MEDIUM),
        (3.9, Severity.LOW),
        (0.0, Severity.LOW),
    ],
)
def test_scores_are_rated_at_the_specifications_bounds(score: float, severity: Severity) -> None:
    assert cvss.severity_of_score(score) is severity


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("Critical", Severity.CRITICAL),
        ("Important", Severity.HIGH),
        ("high", Severity.HIGH),
        ("Moderate", Severity.MEDIUM),
        ("medium", Severity.MEDIUM),
        ("Low", Severity.LOW),
        ("negligible", Severity.LOW),
        ("unimportant", Severity.LOW),
        ("not yet assigned", Severity.UNKNOWN),
        ("untriaged", Severity.UNKNOWN),
        ("end-of-life", Severity.UNKNOWN),
        ("", Severity.UNKNOWN),
    ],
)
def test_vendors_words_are_rated_and_unknown_words_stay_unknown(word: str, severity: Severity) -> None:
    assert cvss.severity_of_word(word) is severity


def test_the_gravest_known_severity_wins_over_unknown() -> None:
    assert cvss.highest([Severity.UNKNOWN, Severity.LOW, Severity.MEDIUM]) is Severity.MEDIUM
    assert cvss.highest([Severity.UNKNOWN]) is Severity.UNKNOWN
    assert cvss.highest([]) is Severity.UNKNOWN
