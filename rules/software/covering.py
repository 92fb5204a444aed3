"""Gives rights to needs so that as much as possible is covered, in one order whatever the order of the files.

Several rights may cover one need (downgrade, several purchases) and one right several needs. Needs are served one after
the other; each takes as much as it can without taking from an earlier one, by passing rights on along chains. So no
right lies idle while a need it could serve goes without, and a right added later never leaves any need worse off.
"""

from collections import deque
from collections.abc import Sequence


class Pool:
    """Units of rights, given to needs. `edges[need]` are the rights that may serve it, the most fitting first."""

    def __init__(self, supplies: Sequence[int], edges: Sequence[Sequence[int]]) -> None:
        self._free = list(supplies)
        self._edges = [tuple(own) for own in edges]
        self._given: list[dict[int, int]] = [{} for _ in edges]
        self._users: list[set[int]] = [set() for _ in supplies]

    def serve(self, need: int, units: int) -> int:
        """Give a need up to so many units more, and say how many it got."""
        got = 0
        while got < units:
            step = self._pass_on(need, units - got)
            if not step:
                break
            got += step
        return got

    def given(self, need: int) -> dict[int, int]:
        """Units by right that serve a need."""
        return {right: units for right, units in self._given[need].items() if units}

    def left(self, right: int) -> int:
        """Units of a right that serve nobody."""
        return self._free[right]

    def _pass_on(self, need: int, units: int) -> int:
        """Find the shortest chain to a right that is free, and move what can be moved along it."""
        came: dict[int, tuple[int, int]] = {}  # right -> (the need that takes it, the right that need gives up, or -1)
        queue = deque([(need, -1)])
        seen = {need}
        while queue:
            taker, given_up = queue.popleft()
            for right in self._edges[taker]:
                if right in came or right == given_up:
                    continue
                came[right] = (taker, given_up)
                if self._free[right]:
                    return self._move(right, came, units)
                for other in sorted(self._users[right]):
                    if other not in seen:
                        seen.add(other)
                        queue.append((other, right))
        return 0

    def _move(self, free: int, came: dict[int, tuple[int, int]], units: int) -> int:
        chain: list[tuple[int, int, int]] = []
        right, amount = free, min(units, self._free[free])
        while True:
            taker, given_up = came[right]
            chain.append((taker, right, given_up))
            if given_up < 0:
                break
            amount = min(amount, self._given[taker][given_up])
            right = given_up
        self._free[free] -= amount
        for taker, taken, given_up in chain:
            self._add(taker, taken, amount)
            if given_up >= 0:
                self._add(taker, given_up, -amount)
        return amount

    def _add(self, need: int, right: int, units: int) -> None:
        given = self._given[need]
        given[right] = given.get(right, 0) + units
        if given[right]:
            self._users[right].add(need)
        else:
            del given[right]
            self._users[right].discard(need)
