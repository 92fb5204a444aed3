"""The people about whom somebody must decide: one line per person and product, by the strongest reason.

The rules count every seat once in money, by the strongest reason (`rules.tenants.strongest`): a finding that lost all
its seats to a stronger one of the same person is that person's line no more. People appear only where a decision
depends on them; what the provider mends without asking, and what the client's file excepts, names nobody here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from reports.decided import Decided
from reports.licenses import Licenses
from rules.decisions import Decision
from rules.model import Confidence, Finding, Outcome
from rules.prices import MONTHS, Share
from rules.tenants.strongest import STRONGEST_FIRST

_RANKS: Final = {rule: rank for rank, rule in enumerate(STRONGEST_FIRST)}
# What the provider repairs: nobody has to decide whether somebody keeps something.
_NO_DECISION: Final = frozenset({"m365.assignment_errors"})
# The text of a finding whose "last_on" is the day of an attempt, before which the last activity must lie.
_ATTEMPT: Final = ".fail_attempt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One line. `yearly` is saved (positive) or to be spent (negative), in euro excluding VAT.

    `priced` is false where seats are meant and no price is known; without seats there is nothing to price. `last_on` is
    the last known activity, None where the finding tells none. `sku_id` is "" where the line is about no seat;
    `decision` is what the client decided about it before and nobody has done yet.
    """

    finding: Finding
    person: str
    name: str
    product: str
    seats: int
    yearly: Decimal
    priced: bool
    last_on: date | None
    confidence: Confidence
    sku_id: str = ""
    decision: Decision | None = None

    @property
    def address(self) -> str:
        """How the person is shown."""
        return address(self.person)


def address(person: str) -> str:
    """A sign-in name as people write it: that of a guest hides an ordinary address ("ann_firm.example#EXT#@…")."""
    own, mark, _ = person.partition("#EXT#@")
    user, at, domain = own.rpartition("_")
    return f"{user}@{domain}" if mark and at and user and domain else person


def reviews(licenses: Licenses) -> tuple[Review, ...]:
    """All lines: by reason, the strongest first, then by what a person's lines save; the lines of a person together."""
    wanted = [found for found in licenses.findings if _wants_a_decision(found)]
    ranks: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for found in wanted:
        if found.money is not None and found.money.shares:
            ranks[found.subject, found.person.casefold()].append(_rank(found))
    names = _names(licenses.findings)
    lines = [
        line
        for found in wanted
        if not _outdone(found, ranks[found.subject, found.person.casefold()])
        for line in _lines(found, licenses.product_names, names, licenses.decided)
    ]
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        totals[line.finding.fingerprint] += line.yearly
    return tuple(sorted(lines, key=lambda line: _order(line, totals[line.finding.fingerprint])))


def _wants_a_decision(found: Finding) -> bool:
    """A waiver is a decision already made."""
    failed = found.outcome is Outcome.FAIL and found.waiver is None
    return bool(found.person) and failed and found.rule not in _NO_DECISION


def _outdone(found: Finding, ranks: Iterable[int]) -> bool:
    """Whether a stronger reason of the same person has all the seats that this finding once spoke of."""
    return found.money is None and found.rule in _RANKS and any(rank < _rank(found) for rank in ranks)


def _rank(found: Finding) -> int:
    return _RANKS.get(found.rule, len(_RANKS))


def _lines(found: Finding, products: Mapping[str, str], names: Mapping[str, str], decided: Decided) -> Iterator[Review]:
    for share in found.money.shares if found.money is not None else ():
        decision = decided.of_line(found, share.sku_id)
        yield _line(found, names, products.get(share.sku_id) or _product(found), share, decision)
    if found.money is None or not found.money.shares:
        yield _line(found, names, _product(found), None, decided.of_line(found))


def _line(
    found: Finding, names: Mapping[str, str], product: str, share: Share | None, decision: Decision | None
) -> Review:
    money = Decimal(0) if share is None else share.now + share.later - share.cost
    return Review(
        finding=found,
        person=found.person,
        name=names.get(found.person.casefold(), ""),
        product=product,
        seats=0 if share is None else share.seats,
        yearly=money * MONTHS,
        priced=share is not None and share.unpriced < share.seats,
        last_on=_last_on(found),
        confidence=found.confidence,
        sku_id="" if share is None else share.sku_id,
        decision=decision,
    )


def _product(found: Finding) -> str:
    """What a finding without seats of its own is about."""
    params = found.message.params
    named = (params.get(name) for name in ("products", "product", "licenses", "suite"))
    return next((str(value) for value in named if value), "")


def _last_on(found: Finding) -> date | None:
    """The last activity a finding tells; an attempt to sign in is none, whenever it was."""
    attempt = found.message.text.endswith(_ATTEMPT)
    day = None if attempt else found.message.params.get("last_on")
    return date.fromisoformat(day) if isinstance(day, str) and day else None


def _names(findings: Iterable[Finding]) -> Mapping[str, str]:
    """How people are called, by user principal name, from the findings that say it."""
    found = {}
    for finding in findings:
        name = finding.message.params.get("name")
        if finding.person and isinstance(name, str) and name and name != finding.person:
            found[finding.person.casefold()] = name
    return found


def _order(line: Review, total: Decimal) -> tuple[int, str, Decimal, str, str, Decimal, str]:
    found = line.finding
    return (_rank(found), found.rule, -total, line.person.casefold(), found.key, -line.yearly, line.product)
