"""software.rights_ending: a right, or the maintenance of one, ends soon or has just ended (case 61).

A right that ends counts to its last day included; the end of maintenance ends new versions and leaves the right. Told
from `ends_horizon_days` before until as long after, then the position alone tells what is missing. A row that another
row of the same product follows without a break is renewed, and no news.

Texts: `fail` (count = days left), `fail_today`, `ended`, `maintenance` (count), `maintenance_today`,
`maintenance_ended`, `pass` (count = rights), `not_applicable`, `remedy`, `remedy_ended`, `remedy_maintenance`.
Parameters: right, product, ends_on, proof.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from collectors.feeds.records import Severity
from rules.messages import Params
from rules.model import Finding, Outcome, Priority, PriorityLevel
from rules.products import plain_text, product_named
from rules.rights import Entitlement
from rules.software.rule import EstateCase, EstateRule, finding
from rules.software.wording import right_evidence

ID = "software.rights_ending"
NEAR_DAYS = 14
_MAINTENANCE_KEY = ":maintenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """One day of one row: that of the right, or that of its maintenance."""

    right: Entitlement
    on: date
    maintenance: bool


def check(case: EstateCase) -> Iterable[Finding]:
    """Yield one FAIL per right or maintenance that ends or just ended, or one PASS."""
    rights = case.contract.entitlements or ()
    found = [_told(case, end) for right in rights for end in _ends(right) if _is_news(case, end, rights)]
    return found or (finding(ID, Outcome.PASS, "pass", params={"count": len(rights)}),)


def _ends(right: Entitlement) -> Iterator[_End]:
    if right.end is not None:
        yield _End(right=right, on=right.end, maintenance=False)
    if right.maintenance_end is not None and right.maintenance_end != right.end:
        yield _End(right=right, on=right.maintenance_end, maintenance=True)


def _is_news(case: EstateCase, end: _End, rights: Iterable[Entitlement]) -> bool:
    if abs((end.on - case.today).days) > case.contract.software.ends_horizon_days:
        return False
    if end.maintenance and not end.right.is_in_force(case.today):
        return False  # the right itself is over, or has not begun
    return not any(_follows(other, end) for other in rights if other is not end.right)


def _follows(other: Entitlement, end: _End) -> bool:
    """Whether another row goes on where this one ends: same product, no day between them."""
    if other.metric is not end.right.metric or _product(other) != _product(end.right):
        return False
    last = other.maintenance_end if end.maintenance else other.end
    if end.maintenance and last is None:
        return False  # a row that says nothing of maintenance brings none
    begins_in_time = other.start is not None and other.start <= end.on + timedelta(days=1)
    return begins_in_time and (last is None or last > end.on)


def _product(right: Entitlement) -> tuple[str, str]:
    product = None if "*" in right.product else product_named(right.product)
    return (plain_text(right.product) if product is None else product.id, plain_text(right.edition))


def _told(case: EstateCase, end: _End) -> Finding:
    days = (end.on - case.today).days
    over = days < 0
    kind = "maintenance" if end.maintenance else "fail"
    over_text = "maintenance_ended" if end.maintenance else "ended"
    today_text = f"{kind}_today"
    params: Params = {
        "right": end.right.id,
        "product": _name(end.right),
        "ends_on": end.on.isoformat(),
        "count": days,
        "proof": end.right.proof,
    }
    return finding(
        ID,
        Outcome.FAIL,
        over_text if over else kind if days else today_text,
        key=end.right.id + (_MAINTENANCE_KEY if end.maintenance else ""),
        params=params,
        severity=Severity.LOW if end.maintenance else Severity.MEDIUM,
        remedy="remedy_maintenance" if end.maintenance else "remedy_ended" if over else "remedy",
        priority=_priority(days, maintenance=end.maintenance),
        evidence=(right_evidence(end.right),),
        due_on=None if over else end.on,
    )


def _priority(days: int, *, maintenance: bool) -> Priority:
    if maintenance:
        return Priority(level=PriorityLevel.WATCH, score=32.0)
    near = 0 <= days <= NEAR_DAYS
    return Priority(level=PriorityLevel.NOW if near else PriorityLevel.PLAN, score=62.0)


def _name(right: Entitlement) -> str:
    """The product as the table calls it, with the edition and version the row names."""
    product = None if "*" in right.product else product_named(right.product)
    words = right.product if product is None else product.name
    return " ".join(part for part in (words, right.edition, right.version) if part)


RULE = EstateRule(
    id=ID,
    check=check,
    needs_file=True,
    needs_machines=False,  # rests on the client's file alone
    applies=lambda case: bool(case.contract.entitlements),
)
