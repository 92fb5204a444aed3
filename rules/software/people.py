"""Who uses a product, as far as machines tell: certain people, shared machines, machines nobody tells of.

A person counts once for all versions of a product. The fewest who can be behind a version and the newer ones are
certain; of those who may be behind several versions, a right that runs them all is one right.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rules.rights import Metric
from rules.software.devices import Device
from rules.software.estate import RDS_HOST, Estate
from rules.software.needs import Need, family


@dataclass(slots=True, kw_only=True)
class People:
    """Who uses a product: `certain` people, those of whom some do on a shared machine, and machines nobody tells of.

    `shared` are the people of each machine that several use, `untold` machines without any. Where versions are added
    to each other, `told` is how many people these are at least.
    """

    certain: set[str] = field(default_factory=set)
    shared: dict[str, frozenset[str]] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)
    told: int = 0

    @property
    def all(self) -> set[str]:
        """Everybody who may use it, as far as people are known."""
        return self.certain.union(*self.shared.values())

    @property
    def least(self) -> int:
        """How many people use it at least: one alone may use all shared machines on which the same people work."""
        apart, found = set(self.certain), len(self.certain)
        for people in sorted(self.shared.values(), key=lambda people: (len(people), sorted(people))):
            if not people & apart:
                apart |= people
                found += 1
        return found or int(bool(self.untold))

    def add(self, older: "People") -> int:
        """Add who uses an older version; the answer is how many more people that are at least."""
        self.certain |= older.certain
        self.shared |= older.shared
        self.untold += older.untold
        more = max(0, self.least - self.told)
        self.told += more
        return more


def people_of(copies: Mapping[str, tuple[Device, tuple[str, ...]]], estate: Estate) -> People:
    """Who uses the copies on these machines: the people each is installed for, else those who work there."""
    found = People()
    for name, (device, users) in sorted(copies.items()):
        owner = estate.owners.of(device)
        if users:
            found.certain |= {estate.owners.person(device, user) for user in users}
        elif owner.primary and RDS_HOST not in device.roles:
            found.certain.add(owner.primary)
        elif owner.regulars:
            found.shared[name] = frozenset(owner.regulars)
        else:
            found.untold.append(name)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SamePeople:
    """Versions of one product behind which the same people may be: their `places`, and how many `people` that are."""

    places: tuple[int, ...]
    people: int

    def served(self, edges: Sequence[Sequence[int]], given: Callable[[int], Mapping[int, int]]) -> dict[int, int]:
        """Units that serve any of the versions so far, by right, of the rights that each run all of them.

        `edges` are the rights that may serve each need, `given` tells the units by right that serve one.
        """
        able = set[int].intersection(*(set(edges[number]) for number in self.places))
        units: Counter[int] = Counter()
        for number in self.places:
            units.update({right: count for right, count in given(number).items() if right in able})
        return dict(units)


def same_people(needs: Sequence[Need]) -> Iterator[SamePeople]:
    """Find versions of one product behind which the same people may be.

    Where somebody may count who is not known by name, it is not known how many people there are.
    """
    groups: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, need in enumerate(needs):
        if need.holders and family(need.metric, need.usual) is Metric.USER:
            groups[need.product, need.edition, need.terms.value].append(number)
    for numbers in groups.values():
        found = [needs[number] for number in numbers]
        people = {holder for need in found for holder in need.holders}
        counted = sum(len(need.holders) for need in found)
        if len(people) < counted and all(need.possible == len(need.holders) for need in found):
            yield SamePeople(places=tuple(numbers), people=len(people))
