"""What the rules about the estate share: which lines need a right, what a line is worth, and the lines of its proof."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cache

from rules.messages import Message, Params
from rules.model import Evidence
from rules.prices import MONTHS, Money, Share
from rules.products import products
from rules.rights import Entitlement, Metric
from rules.rule import joined
from rules.software.position import PositionLine, Reduction, Status
from rules.software.rule import EstateCase

_NAMES = 12  # of machines or people in one line of proof
_RIGHTS = 6  # lines of the file of rights in one proof
_SOURCES = {
    "windows": "SoftwareLicensingProduct",
    "windows-server": "SoftwareLicensingProduct",
    "sql-server": "Instance Names",
    "exchange-server": "ExSetup.exe",
    "microsoft-365-apps": "ClickToRun",
}
_OF_NO_USE = frozenset(f"software.note.{words}" for words in ("ended", "starts", "version_beyond", "version_other"))
_ELSEWHERE = tuple(
    f"software.note.{words}" for words in ("windows_", "cloud_", "cal_", "keyed", "ambiguous", "small_company")
)


def title_of(line: PositionLine) -> str:
    """Name a line as people do: product, edition, version, no word twice."""
    words = line.name
    for part in (line.edition, line.version):
        if part and part.casefold() not in words.casefold():
            words = f"{words} {part}"
    return words


def has_no_right(line: PositionLine) -> bool:
    """Whether nothing was ever bought for what is installed: no row is over, to come or of another version."""
    if line.entitlements or line.owned or line.unlimited or line.transferred or line.not_subject:
        return False
    return not any(note.text in _OF_NO_USE for note in line.notes)


def is_paid(line: PositionLine) -> bool:
    """Whether a company needs a right to run this product."""
    return line.product in _paid_products()


@cache
def _paid_products() -> frozenset[str]:
    return frozenset(product.id for product in products() if product.license.is_paid)


def is_without_right(line: PositionLine) -> bool:
    """Whether a line needs a right and nothing was bought for it: told as such (case 63), and as nothing else.

    A question about a right that stands elsewhere than in the file (a key in use, a user's license, CALs that nobody
    counted) is `software.to_check`'s.
    """
    if not line.installed or not has_no_right(line):
        return False
    if line.status is Status.CHECK:
        return is_paid(line) and not any(note.text.startswith(_ELSEWHERE) for note in line.notes)
    return line.status is Status.UNDER


def idle_rights(case: EstateCase) -> frozenset[str]:
    """Ids of the rows of the file of rights that meet nothing installed (case 66)."""
    known = {right.id for right in case.contract.entitlements or ()}
    return (
        frozenset(value for words in case.summary.idle for value in words.params.values() if isinstance(value, str))
        & known
    )


def is_idle(case: EstateCase, line: PositionLine) -> bool:
    """Whether a line is only that of rights that meet nothing: `software.rights_idle` tells it."""
    return not line.installed and bool(line.entitlements) and idle_rights(case).issuperset(line.entitlements)


def is_saving(line: PositionLine) -> bool:
    """Whether a surplus can be given up: paid by the year, and no machine is left that may need it."""
    return line.status is Status.EXCESS and bool(line.reductions) and line.seen >= line.known


def by_unit(text: str, line: PositionLine) -> str:
    """The text that counts in the units of a line: core licenses are not called licenses for short."""
    return f"{text}_cores" if line.metric is Metric.CORE else text


def params_of(line: PositionLine) -> Params:
    """The values every text about a line may name."""
    return {
        "product": title_of(line),
        "need": line.required,
        "owned": line.owned,
        "installed": line.installed,
        "transferred": line.transferred,
    }


def cost_of(line: PositionLine, count: int) -> Money:
    """What buying `count` missing units costs: a month where the right is paid by the year, else once."""
    if line.cost is None:
        return Money.of((Share(sku_id=line.key, seats=count, unpriced=count, missing=True),))
    if line.yearly:
        return Money.of((Share(sku_id=line.key, seats=count, cost=monthly(line.cost), missing=True),))
    return replace(Money.of((Share(sku_id=line.key, seats=count, missing=True),)), once=line.cost)


def saving_of(line: PositionLine, part: Reduction) -> Money:
    """What not buying again what ends on one day saves, a month: from that day, if it is known.

    A yearly right cannot be given back before its end, and what ends later is not given back with it.
    """
    if part.amount is None:
        return Money.of((Share(sku_id=line.key, seats=part.units, unpriced=part.units),), part.on)
    return Money.of((Share(sku_id=line.key, seats=part.units, later=monthly(part.amount)),), part.on)


def monthly(yearly: Decimal) -> Decimal:
    """A twelfth of an amount, not rounded: twelve of them are the amount of a year that the sheets show."""
    return yearly / MONTHS


def proof_of(case: EstateCase, line: PositionLine) -> tuple[Evidence, ...]:
    """The need, the rights, what covers it otherwise, the line's own notes, and the edition of the rules."""
    return tuple(_proof(case, line))


def _proof(case: EstateCase, line: PositionLine) -> Iterator[Evidence]:
    names = (*line.devices, *line.users)
    seen = "?" if line.required is None else str(line.required)
    owned = None if line.owned is None else str(line.owned + line.transferred)
    yield Evidence(
        what=Message(text="rules.software.evidence.need", params={"product": title_of(line)}),
        seen=f"{seen} ({joined(names, _NAMES)})" if names else seen,
        expected=owned or "",
        source=_source(line),
        as_of=oldest_visit(case, line.devices),
    )
    rights = [right for right in case.contract.entitlements or () if right.id in line.entitlements]
    for right in rights[:_RIGHTS]:
        yield right_evidence(right)
    if line.owned_oem:
        yield _count("oem", line.owned_oem)
    if line.transferred:
        yield _count("transferred", line.transferred)
    for note in line.notes:
        yield Evidence(what=note, seen="")
    what = Message(text="rules.software.evidence.rules")
    yield Evidence(what=what, seen=case.summary.rules_version)


def _source(line: PositionLine) -> str:
    """Where the machines tell what a line counts, as they call it; "" where people do."""
    if line.metric in (Metric.USER_CAL, Metric.DEVICE_CAL):
        return ""
    if line.metric is Metric.CORE:
        return "Win32_Processor"
    return _SOURCES.get(line.product, "Uninstall")


def right_evidence(right: Entitlement) -> Evidence:
    """One row of the client's file: how many, by which proof, where it stands."""
    packs = "∞" if right.quantity is None else f"{right.quantity.normalize():f}"
    seen = f"{packs} × {right.units_per_pack}" if right.units_per_pack > 1 else packs
    what = Message(text="rules.software.evidence.right", params={"right": right.id, "proof": right.proof})
    return Evidence(what=what, seen=seen, source=right.place)


def _count(text: str, count: int) -> Evidence:
    return Evidence(what=Message(text=f"rules.software.evidence.{text}", params={"count": count}), seen=str(count))


def oldest_visit(case: EstateCase, devices: Iterable[str]) -> datetime:
    """When machines were seen (aware UTC): of several, the oldest visit counts."""
    names = set(devices)
    return min((device.taken_at for device in case.devices if device.name in names), default=case.as_of)
