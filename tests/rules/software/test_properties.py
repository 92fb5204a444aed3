"""What holds of every position, whatever is installed and bought: arithmetic, order, more rights never hurt."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.rights import Channel, Metric, VersionRule
from rules.software.covering import Pool
from rules.software.position import Status
from tests.lab.holdings import (
    device,
    install,
    key,
    office,
    position,
    program,
    right,
    server,
    unreached,
    windows,
    windows_server,
)

EDITIONS, VERSIONS = ("Standard", "Professional Plus"), ("2016", "2019", "2021")
PRODUCTS = ("office", "office", "office", "autocad", "winrar", "windows", "windows-server", "Kompas*", "*")
UNSURE = {Status.CHECK, Status.UNKNOWN, Status.FREE}


@st.composite
def copies(draw):
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return office(draw(st.sampled_from(EDITIONS)), draw(st.sampled_from(VERSIONS)))
    return install("autocad") if kind == 1 else install("winrar") if kind == 2 else windows("Pro")


@st.composite
def estates(draw):
    found = []
    for number in range(draw(st.integers(0, 6))):
        installs = draw(st.lists(copies(), max_size=3, unique_by=lambda copy: (copy.product.id, copy.edition)))
        keys = draw(st.sampled_from([(), (key("OEM:DM"),), (key("Volume:MAK"),)]))
        other = draw(st.sampled_from([(), (program("Kompas Paie 9"),)]))
        found.append(device(f"pc{number}", *installs, activations=keys, unrecognized=other))
    for number in range(draw(st.integers(0, 2))):
        edition = draw(st.sampled_from(["Standard", "Datacenter"]))
        version = draw(st.sampled_from(["2019", "2022"]))
        found.append(server(f"srv{number}", windows_server(edition, version), cores=draw(st.integers(1, 40))))
    found += [unreached(f"x{number}") for number in range(draw(st.integers(0, 1)))]
    return found


@st.composite
def rights(draw):
    product = draw(
        st.sampled_from(
            ["office", "office", "office", "autocad", "winrar", "windows", "windows-server", "Kompas*", "*"]
        )
    )
    changes = {
        "channel": draw(st.sampled_from(list(Channel))),
        "version_rule": draw(st.sampled_from(list(VersionRule))),
    }
    if product == "office":
        changes |= {
            "edition": draw(st.sampled_from(["", *EDITIONS])),
            "version": draw(st.sampled_from(["", *VERSIONS])),
        }
        if draw(st.booleans()):
            changes["bound_to"] = (f"pc{draw(st.integers(0, 6))}",)
    metric = Metric.DEVICE
    if product == "windows-server":
        metric = draw(st.sampled_from([Metric.CORE, Metric.SERVER]))
        changes |= {
            "edition": draw(st.sampled_from(["Standard", "Datacenter"])),
            "version": draw(st.sampled_from(["", "2016", "2019", "2022"])),
            "units_per_pack": 2 if metric is Metric.CORE else 1,
        }
    number = draw(st.integers(0, 10**6))
    return right(product, draw(st.integers(0, 12)), metric, id=f"R{number}", **changes)


def deficits(summary):
    """Missing units by line; a line that a person decides about, or that nobody knows, lacks none."""
    return {line.key: -line.gap for line in summary.lines if line.status is Status.UNDER}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(estates(), st.lists(rights(), max_size=5))
def test_the_gap_is_what_is_owned_and_transferred_less_what_is_needed(estate, bought):
    summary = position(estate, bought)
    for line in summary.lines:
        if line.gap is not None:
            assert line.gap == (line.owned or 0) + line.transferred - line.required
        assert (line.status is Status.UNDER) <= (line.gap is not None and line.gap < 0)
        assert (line.status is Status.EXCESS) <= (line.gap is not None and line.gap > 0 and not line.at_least)
        if line.status is Status.OK and line.gap is not None:
            assert line.gap >= 0
        assert line.cost is None or line.status is Status.UNDER
        assert line.saving is None or line.status is Status.EXCESS
    assert sum(line.transferred for line in summary.lines) == 0
    assert max(Counter(line.key for line in summary.lines).values(), default=1) == 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(estates(), st.lists(rights(), max_size=4), rights())
def test_one_more_right_never_makes_a_deficit_larger(estate, bought, more):
    before, after = position(estate, bought), position(estate, [*bought, more])
    lacked = deficits(before)
    judged = {(line.key, line.metric) for line in before.lines if line.status not in UNSURE}
    metrics = {line.key: line.metric for line in after.lines}
    for name, units in deficits(after).items():
        if (name, metrics[name]) in judged:  # what was a question, or counted otherwise, may now be told in numbers
            assert units <= lacked.get(name, 0), name


@settings(max_examples=40, deadline=None, derandomize=True)
@given(estates(), st.lists(rights(), max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_machines_and_rights_changes_nothing(estate, bought, random):
    told = position(estate, bought)
    shuffled, rows = list(estate), list(bought)
    random.shuffle(shuffled)
    random.shuffle(rows)
    assert position(shuffled, rows) == told


@settings(max_examples=25, deadline=None, derandomize=True)
@given(estates())
def test_without_a_file_of_rights_nothing_is_ever_a_deficit_or_a_surplus(estate):
    assert not {line.status for line in position(estate).lines} & {Status.UNDER, Status.EXCESS}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=5).flatmap(
        lambda supplies: st.tuples(
            st.just(supplies),
            st.lists(st.tuples(st.integers(0, 6), st.sets(st.integers(0, len(supplies) - 1))), min_size=1, max_size=5),
        )
    )
)
def test_no_right_lies_idle_while_a_need_it_could_serve_goes_without(case):
    supplies, needs = case
    pool = Pool(supplies, [sorted(edges) for _, edges in needs])
    got = [pool.serve(number, wanted) for number, (wanted, _) in enumerate(needs)]
    assert sum(got) == most(supplies, needs)
    for number, (wanted, edges) in enumerate(needs):
        assert got[number] <= wanted
        assert sum(pool.given(number).values()) == got[number]
        assert set(pool.given(number)) <= edges
        if got[number] < wanted:
            assert not any(pool.left(right) for right in edges)


def most(supplies, needs):
    """The most units that can be given at all: by the theorem of max-flow and min-cut, over all sets of needs."""
    return min(
        sum(wanted for number, (wanted, _) in enumerate(needs) if not chosen >> number & 1)
        + sum(
            units
            for right, units in enumerate(supplies)
            if any(chosen >> number & 1 and right in edges for number, (_, edges) in enumerate(needs))
        )
        for chosen in range(1 << len(needs))
    )
