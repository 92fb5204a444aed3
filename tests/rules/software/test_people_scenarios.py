"""Against every way people may use some machines: what is claimed holds in all of them, and nothing less is asked."""

from itertools import combinations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.rights import Channel, Metric
from rules.software.position import Status
from tests.lab.holdings import device, install, position, profile, right

KNOWN = ("ann", "bob", "cyd")
OPEN = {Status.UNDER, Status.CHECK, Status.UNKNOWN}
MACHINES = st.lists(
    st.tuples(st.sampled_from(["2023", "2024", "2025"]), st.sets(st.sampled_from(KNOWN))), min_size=1, max_size=4
)


def users(number, people):
    """Who may use one machine: any of its people together; without any, somebody known or one person more."""
    if not people:
        return [{name} for name in (*KNOWN, f"somebody {number}")]
    return [set(some) for count in range(1, len(people) + 1) for some in combinations(sorted(people), count)]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(MACHINES, st.integers(0, 6))
def test_rights_for_every_version_are_compared_with_all_who_may_use_one(machines, bought):
    ways = product(*(users(number, people) for number, (_, people) in enumerate(machines)))
    counts = {len(set().union(*way)) for way in ways}
    least, most = min(counts), max(counts)
    pcs = [
        device(f"pc{number}", install("autocad-lt", version=version), profiles=tuple(map(profile, sorted(people))))
        for number, (version, people) in enumerate(machines)
    ]
    lines = position(pcs, [right("AutoCAD LT", bought, Metric.NAMED_USER, channel=Channel.SUBSCRIPTION)]).lines
    assert sum(-told.gap for told in lines if told.status is Status.UNDER) <= max(0, least - bought)
    assert any(told.status is Status.UNDER for told in lines) == (bought < least)
    assert any(told.status in OPEN for told in lines) == (bought < most)
    assert sum(told.gap for told in lines if told.status is Status.EXCESS) == max(0, bought - most)
