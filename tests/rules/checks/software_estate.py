"""Positions written by hand for the tests of the rules about the estate: what was concluded, not how.

asked("software.surplus", line("acrobat", Status.EXCESS, owned=6, required=4))
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from collectors.feeds.records import FeedRecords
from rules.checks import discover_estate_rules
from rules.contract import Contract
from rules.knowledge import Knowledge
from rules.model import Finding
from rules.rights import Entitlement, Metric, SoftwareTerms
from rules.software.devices import Device
from rules.software.engine import judged
from rules.software.position import PositionLine, SoftwareSummary, Status
from rules.software.rule import EstateCase
from tests.rules.checks.estate import spoken

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
TODAY = NOW.date()


def day(offset: int) -> date:
    """A day relative to the audit."""
    return TODAY + timedelta(days=offset)


def line(product: str, status: Status, **changes: Any) -> PositionLine:
    """One product, seen on every machine; the gap follows from `owned` and `required` unless it is given."""
    made = PositionLine(
        key=product,
        product=product,
        publisher="Adobe",
        name=product.replace("-", " ").title(),
        metric=Metric.DEVICE,
        status=status,
        owned=0,
        installed=changes.get("required") or 0,
        seen=3,
        known=3,
        devices=("pc-01", "pc-02"),
    )
    made = replace(made, **changes)
    if "gap" not in changes and made.owned is not None and made.required is not None:
        made = replace(made, gap=made.owned + made.transferred - made.required)
    return made


def position(*lines: PositionLine, **changes: Any) -> SoftwareSummary:
    """A position of three machines, all read, with a file of rights."""
    made = SoftwareSummary(declared=True, file="licenses.xlsx", entitlements=3, lines=lines, seen=3, known=3)
    return replace(made, **changes)


def right(identity: str, product: str = "Acrobat Pro", **changes: Any) -> Entitlement:
    """A row of the file of rights: ten of a product, per device."""
    values: dict[str, Any] = {
        "metric": Metric.DEVICE,
        "quantity": Decimal(10),
        "place": f"licenses.xlsx, row {identity}",
        "proof": "F-2024-018",
        **changes,
    }
    return Entitlement(id=identity, product=product, **values)


def machine(name: str, *, reached: bool = True, **changes: Any) -> Device:
    """A machine of the estate."""
    return Device(name=name, taken_at=changes.pop("taken_at", NOW), reached=reached, system="windows", **changes)


def case_of(
    summary: SoftwareSummary,
    *,
    rights: Iterable[Entitlement] | None = (),
    terms: SoftwareTerms | None = None,
    devices: Sequence[Device] | None = None,
) -> EstateCase:
    """The estate before the rules; `rights` None: the client has no file of them."""
    unread = [machine(f"off-{number}", reached=False) for number in range(summary.known - summary.seen)]
    known = [machine(f"pc-{number:02d}") for number in range(1, summary.seen + 1)]
    contract = Contract(
        client="ACME",
        entitlements=None if rights is None else tuple(rights),
        software=terms or SoftwareTerms(),
    )
    return EstateCase(
        summary=summary,
        devices=tuple(devices if devices is not None else [*known, *unread]),
        rights=(),
        contract=contract,
        knowledge=Knowledge.from_records(FeedRecords()),
        as_of=NOW,
    )


def asked(
    rule: str, *lines: PositionLine, summary: SoftwareSummary | None = None, **options: Any
) -> tuple[Finding, ...]:
    """The answers of one rule about one position; they can be put into words in every language."""
    rules = [found for found in discover_estate_rules() if found.id == rule]
    assert len(rules) == 1, rule
    judgement = judged(case_of(summary or position(*lines), **options), rules)
    assert judgement.failures == (), judgement.failures
    for found in judgement.findings:
        spoken(found)
    keys = [(found.rule, found.key) for found in judgement.findings]
    assert len(set(keys)) == len(keys), "two findings of one rule share a key"
    return judgement.findings
