"""The board itself."""

from types import SimpleNamespace

from tests.quality.scoreboard import Score, record_score, scores_of, table

HALF = Score(host="h", feed="f", flagged=4, offered=9, false_missing=1, found=3, expected=6, remark="why")
EMPTY = Score(host="longer", feed="f", flagged=0, offered=0, false_missing=0)


def test_scores_travel_in_the_reports_of_tests_and_are_shown_once() -> None:
    node = SimpleNamespace(user_properties=[("something", "else")])
    record_score(SimpleNamespace(node=node), HALF)  # type: ignore[arg-type]
    assert scores_of([node, node]) == [HALF]


def test_precision_and_recall_are_percentages_with_their_base() -> None:
    assert (HALF.precision, HALF.recall) == ("75.0 %", "50.0 % (3/6)")
    assert (EMPTY.precision, EMPTY.recall) == ("-", "-")


def test_the_table_has_a_line_per_host_under_one_head() -> None:
    head, first, second = table([HALF, EMPTY])
    assert head.split() == ["host", "feed", "flagged", "offered", "false", "missing", "precision", "recall", "remark"]
    assert first.endswith("why")
    assert second.startswith("longer")
