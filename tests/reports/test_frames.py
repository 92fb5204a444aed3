"""What leaves the data frames are plain values: texts stay texts, counts whole numbers, and nothing is NaN."""

from datetime import date

from reports.frames import counts_by_machine, machines_where, ordered_positions, patch_frame
from tests.lab import assessments as lab

DAY = date(2026, 8, 5)


def test_no_column_holds_a_nan_even_where_dates_and_names_are_absent():
    found = [
        lab.missing("", "", due_on=None, released_on=None, epss=None),
        lab.missing("nan", "None"),
        lab.missing("1", "2"),
    ]
    frame = patch_frame(found, DAY, [False, True, False])
    assert not frame.isna().to_numpy().any()
    assert list(frame["machine"]) == ["", "nan", "1"]
    assert list(frame["key"]) == ["", "None", "2"]


def test_counts_are_plain_whole_numbers_by_machine_name():
    found = [
        lab.missing("a", "x"),
        lab.missing("a", "y", due_on=None),
        lab.missing("007", "z", due_on=date(2026, 9, 1)),
    ]
    counts = counts_by_machine(patch_frame(found, DAY, [False] * 3))
    assert counts == {"007": (1, 1, 0), "a": (2, 2, 1)}
    assert all(type(number) is int for row in counts.values() for number in row)


def test_an_empty_frame_counts_nothing():
    frame = patch_frame([], DAY, [])
    assert counts_by_machine(frame) == {}
    assert ordered_positions(frame) == []
    assert [machines_where(frame, column) for column in ("urgent", "overdue", "exploited")] == [0, 0, 0]


def test_the_order_does_not_depend_on_the_order_of_input():
    found = list(lab.crowded().findings[:120])
    found = [finding for finding in found if finding.rule == "patch.missing"]
    turned = list(reversed(found))
    one = [found[position].fingerprint for position in ordered_positions(patch_frame(found, DAY, [False] * len(found)))]
    other = [
        turned[position].fingerprint for position in ordered_positions(patch_frame(turned, DAY, [False] * len(found)))
    ]
    assert one == other
