"""m365.replication_drift: Microsoft counts more (or fewer) seats in use than there are people who hold one.

The balance rests on Microsoft's count (`consumedUnits`), the names on the list of users; replication and deleted
accounts in the bin make them differ a little. Up to the larger of 2 seats and 2 % that is told and nothing more
(NOT_APPLICABLE); beyond it, who holds the seats is not known well enough (UNKNOWN). Free SKUs are left out.

Texts: `within` (count), `fewer` (count), `beyond` (count), `pass`, `remedy`. Parameters: count, license, consumed,
named, limit.
"""

from collections import Counter
from collections.abc import Iterable

from collectors.cloud.facts import SubscribedSku, TenantFact
from rules.messages import Message, Params
from rules.model import Evidence, Finding, Outcome
from rules.rule import joined
from rules.tenants.people import is_paid, label
from rules.tenants.rule import TenantCase, TenantRule, finding

ID = "m365.replication_drift"
TOLERATED_SEATS = 2
TOLERATED_PERCENT = 2


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one finding per SKU whose two counts differ, or one PASS."""
    if case.snapshot.gaps_of(TenantFact.USERS):
        yield finding(ID, case, Outcome.PASS, "pass")  # half a list differs from every count; the gap is the answer
        return
    named = Counter(held.sku_id for user in case.snapshot.users for held in user.licenses)
    found = [
        _told(case, sku, sku.consumed, named[sku.sku_id])
        for sku in case.snapshot.skus
        if sku.consumed is not None and sku.consumed != named[sku.sku_id] and is_paid(case, sku.sku_id)
    ]
    yield from found or [finding(ID, case, Outcome.PASS, "pass")]


def tolerance(consumed: int) -> int:
    """How many seats the two counts may differ by: the larger of 2 and 2 %."""
    return max(TOLERATED_SEATS, consumed * TOLERATED_PERCENT // 100)


def _told(case: TenantCase, sku: SubscribedSku, consumed: int, named: int) -> Finding:
    limit = tolerance(consumed)
    binned = len(_binned(case, sku))
    beyond = min(abs(consumed - named), abs(consumed - named - binned)) > limit
    params: Params = {
        "count": abs(consumed - named),
        "license": label(case, sku.sku_id),
        "consumed": consumed,
        "named": named,
        "limit": limit,
    }
    return finding(
        ID,
        case,
        Outcome.UNKNOWN if beyond else Outcome.NOT_APPLICABLE,
        "beyond" if beyond else "within" if consumed > named else "fewer",
        key=sku.sku_id,
        params=params,
        remedy="remedy" if beyond else "",
        evidence=tuple(_evidence(case, sku, consumed, named)),
    )


def _evidence(case: TenantCase, sku: SubscribedSku, consumed: int, named: int) -> Iterable[Evidence]:
    what = Message(text=f"rules.{ID}.evidence", params={"license": label(case, sku.sku_id)})
    seen, source = str(consumed), "Microsoft Graph, subscribedSkus"
    yield Evidence(what=what, seen=seen, expected=str(named), source=source, as_of=case.snapshot.taken_at)
    binned = _binned(case, sku)
    if binned:
        names = joined(binned, 20)
        params: Params = {"count": len(binned)}
        source = "Microsoft Graph, directory/deletedItems"
        what = Message(text=f"rules.{ID}.deleted", params=params)
        yield Evidence(what=what, seen=names, source=source, as_of=case.snapshot.taken_at)


def _binned(case: TenantCase, sku: SubscribedSku) -> list[str]:
    """Deleted accounts that still hold a seat, for the thirty days they can be restored."""
    return sorted(user.upn for user in case.snapshot.deleted_users if sku.sku_id in user.sku_ids)


RULE = TenantRule(id=ID, needs=(TenantFact.SKUS, TenantFact.USERS), check=check)
