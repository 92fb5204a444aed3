"""How a client stands against earlier months: the figure of a month, what changed, and why the bill did.

Nothing is compared that was not known both times: an unknown figure has no trend, and a month without an audit no
point in a curve.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from reports.actions import Action
from reports.background import Background, Change, Changes, Figures
from reports.sheet import Report
from rules.prices import Effects, effects

_NAME: Final = "evolution."
_ZERO: Final = Decimal(0)


class Direction(StrEnum):
    """Where a figure went; each has a symbol and a word of its own."""

    UP = "up"
    DOWN = "down"
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Why the monthly amount for Microsoft 365 changed, in euro excluding VAT.

    `left_out` products have no known price in one of the two months and are in no amount.
    """

    effects: Effects
    left_out: int = 0

    @property
    def change(self) -> Decimal:
        """More (positive) or less a month."""
        return self.effects.volume + self.effects.price


def before(background: Background) -> Figures | None:
    """The figures of the report before this one; None for the first one."""
    return background.trend[-2] if len(background.trend) > 1 else None


def first(background: Background) -> bool:
    """Whether there is nothing to compare with."""
    return before(background) is None and background.changes is None


def direction(old: Fraction | Decimal | int, new: Fraction | Decimal | int) -> Direction:
    """Where a figure went from one report to the next."""
    if new == old:
        return Direction.SAME
    return Direction.UP if new > old else Direction.DOWN


def share(count: int | None, base: int | None) -> Fraction | None:
    """A rate; None where it has no base."""
    return Fraction(count, base) if count is not None and base else None


def updated_share(figures: Figures) -> Fraction | None:
    """Machines up to date among those that gave a verdict."""
    return share(figures.updated, figures.decided)


def license_share(figures: Figures) -> Fraction | None:
    """Products compliant among those with a verdict."""
    return share(figures.license_good, figures.license_base)


def trend_words(report: Report, old: Fraction | int | None, new: Fraction | int | None, shown: str) -> str:
    """Symbol and word for a figure since the report before, whose figure was `shown`; "" for the first report."""
    past = before(report.background)
    if past is None:
        return ""
    if old is None or new is None:
        return report.texts.text(_NAME + "no_trend")
    month = report.texts.month(report.texts.local_day(past.as_of))
    return report.texts.text(f"{_NAME}{direction(old, new)}", shown=shown, month=month)


def bill(old: Figures, new: Figures) -> Bill | None:
    """Split the change of the monthly amount by seats and by prices (case 40); None where no product has a price."""
    past = {seat.product: seat for seat in old.seats}
    present = {seat.product: seat for seat in new.seats}
    volume = price = _ZERO
    compared = left_out = 0
    for product in sorted(past.keys() | present.keys()):
        was, now = past.get(product), present.get(product)
        old_price = was.monthly_price if was is not None else now.monthly_price if now is not None else None
        new_price = now.monthly_price if now is not None else old_price
        if old_price is None or new_price is None:
            left_out += 1
            continue
        part = effects(was.seats if was else 0, old_price, now.seats if now else 0, new_price)
        volume, price, compared = volume + part.volume, price + part.price, compared + 1
    return Bill(effects=Effects(volume=volume, price=price), left_out=left_out) if compared else None


def bill_sentence(report: Report) -> str:
    """One sentence on the effect of volume and of prices since the report before; "" where there are no seats."""
    texts, past = report.texts, before(report.background)
    if past is None:
        return ""
    present = report.background.trend[-1]
    if not past.seats or not present.seats:
        return texts.text(_NAME + "bill_unknown") if past.seats or present.seats else ""
    found = bill(past, present)
    if found is None:
        return texts.text(_NAME + "bill_unknown")
    month = texts.month(texts.local_day(past.as_of))
    if not found.effects.volume and not found.effects.price:
        sentence = texts.text(_NAME + "bill_same", month=month)
    else:
        sentence = texts.text(
            _NAME + "bill",
            month=month,
            change=_signed(report, found.change),
            volume=_signed(report, found.effects.volume),
            price=_signed(report, found.effects.price),
        )
    lacking = texts.text(_NAME + "bill_left_out", count=found.left_out) if found.left_out else ""
    return " ".join(filter(None, (sentence, lacking)))


def _signed(report: Report, amount: Decimal) -> str:
    text = report.texts.euros(amount)
    return f"+{text}" if amount > 0 else text


def changed(report: Report) -> str:
    """One sentence: new, fixed, reopened, still open, not audited again; "" without an earlier run to compare with."""
    changes, texts = report.background.changes, report.texts
    if changes is None:
        return ""
    counts = (
        ("new", len(changes.new)),
        ("reopened", len(changes.reopened)),
        ("fixed", len(changes.fixed)),
        ("open", changes.still_open),
        ("unseen", len(changes.unseen)),
    )
    told = [texts.text(f"{_NAME}changed_{name}", count=count) for name, count in counts if count or name in _ALWAYS]
    return texts.text(_NAME + "changed", day=texts.local_day(changes.before), what=", ".join(told))


_ALWAYS: Final = frozenset({"new", "fixed", "open"})


def deadlines(report: Report) -> str:
    """One sentence on the deadlines of patches installed since; "" where none was."""
    changes, texts = report.background.changes, report.texts
    if changes is None:
        return ""
    kept = changes.deadlines
    counts = (("kept", kept.kept), ("missed", kept.missed), ("untold", kept.untold))
    if not any(count for _, count in counts):
        return texts.text(_NAME + "deadlines_none")
    told = [texts.text(f"{_NAME}deadlines_{name}", count=count) for name, count in counts if count or name != "untold"]
    return texts.text(_NAME + "deadlines", what=", ".join(told))


def sentences(report: Report) -> Iterator[str]:
    """What the first sheet and the mail say about the time since the last report."""
    if first(report.background):
        yield report.texts.text(_NAME + "first")
        return
    yield from filter(None, (changed(report), *([deadlines(report)] if _patched(report.background.changes) else [])))
    if report.background.changes is None:
        yield report.texts.text(_NAME + "no_changes")


def _patched(changes: Changes | None) -> bool:
    return changes is not None and bool(changes.deadlines.kept + changes.deadlines.missed)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckChanges:
    """What changed about one check."""

    rule: str
    new: int
    reopened: int
    fixed: int
    unseen: int


def by_check(changes: Changes) -> tuple[CheckChanges, ...]:
    """What changed, check by check, those with the most new and reopened findings first."""

    def count(found: Sequence[Change]) -> Counter[str]:
        return Counter(change.rule for change in found)

    new, reopened, fixed, unseen = map(count, (changes.new, changes.reopened, changes.fixed, changes.unseen))
    found = [
        CheckChanges(rule=rule, new=new[rule], reopened=reopened[rule], fixed=fixed[rule], unseen=unseen[rule])
        for rule in {*new, *reopened, *fixed, *unseen}
    ]
    return tuple(sorted(found, key=lambda row: (-row.new - row.reopened, -row.fixed, row.rule)))


def since(report: Report, action: Action) -> date:
    """Day the oldest finding of an action was first found; that of this report where none was known before."""
    changes = report.background.changes
    seen = {} if changes is None else changes.first_seen
    days = [seen[finding.fingerprint] for finding in action.findings if finding.fingerprint in seen]
    return min(days, default=report.texts.local_day(report.assessment.as_of))
