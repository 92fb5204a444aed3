"""Counts every seat once: a (user, SKU) pair by its strongest reason, and no more monthly seats than there are.

A leaver whose license is also covered by another plan is one seat, not two. The first finding in the order below keeps
its money; the others keep their words and lose the share. What is taken back first fills what is missing, in grace or
kept free on purpose: only what then is left of the paid seats comes off the invoice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from rules.model import Finding, Outcome
from rules.prices import Share
from rules.tenants.billing import Position, positions
from rules.tenants.money import SeatPool, share_of, total
from rules.tenants.rule import TenantCase

STRONGEST_FIRST = (
    "m365.unassigned_seats",  # nobody's seats go before anybody's
    "m365.disabled_users",
    "m365.mailbox_licenses",
    "m365.never_active_users",
    "m365.inactive_users",
    "m365.guest_licenses",
    "m365.redundant_licenses",
)
_RANK = {rule: rank for rank, rule in enumerate(STRONGEST_FIRST)}


def counted_once(case: TenantCase, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Give back the findings in their order, with money on each seat once; only a FAIL is worth money."""
    known = positions(case)
    back = reclaimable(findings)
    pools = {sku_id: _pool(position, back.get(sku_id, 0)) for sku_id, position in known.items()}
    counted: set[tuple[str, str]] = set()
    settled: dict[int, Finding] = {}
    order = sorted(range(len(findings)), key=lambda index: (_RANK.get(findings[index].rule, len(_RANK)), index))
    for index in order:
        found = findings[index]
        if found.money is None:
            continue
        if found.outcome is not Outcome.FAIL:
            settled[index] = replace(found, money=None)
        elif found.money.shares and not any(share.missing for share in found.money.shares):
            shares = _once(case, found, known, pools, counted)
            settled[index] = replace(found, money=total(case, shares))
    return tuple(settled.get(index, found) for index, found in enumerate(findings))


def reclaimable(findings: Iterable[Finding]) -> Mapping[str, int]:
    """How many seats of each SKU the findings would take back from people, each person's seat once."""
    pairs = {
        (found.person.casefold(), share.sku_id)
        for found in findings
        if found.person and found.outcome is Outcome.FAIL
        for share in _given_up(found)
    }
    return Counter(sku_id for _person, sku_id in pairs)


def _given_up(found: Finding) -> Iterator[Share]:
    if found.money is not None:
        yield from (share for share in found.money.shares if not share.missing)


def _pool(position: Position, back: int) -> SeatPool:
    """The paid seats of a SKU that nobody needs once `back` of them were taken back from people."""
    pool = SeatPool.of(position)
    seats = position.seats
    if seats is None:
        return pool
    left = seats.enabled - position.on_trial - position.spare - seats.need + back
    paid = min(pool.paid, max(0, left))
    return SeatPool(monthly=min(pool.monthly, paid), paid=paid)


def _once(
    case: TenantCase,
    found: Finding,
    known: Mapping[str, Position],
    pools: Mapping[str, SeatPool],
    counted: set[tuple[str, str]],
) -> Iterable[Share]:
    assert found.money is not None
    for share in found.money.shares:
        if found.person:
            if (found.person.casefold(), share.sku_id) in counted:
                continue
            counted.add((found.person.casefold(), share.sku_id))
        yield share_of(case, known[share.sku_id], pools[share.sku_id], share.seats)
