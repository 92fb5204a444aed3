"""Hand-built backgrounds for report tests: what the history would tell beside an assessment."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from reports.background import Background, Change, Changes, Figures, Kept, SeatCount
from reports.figures import figures_of
from rules.model import Assessment, Finding, Outcome

BEFORE = datetime(2026, 7, 6, 6, 0, tzinfo=UTC)
FIRST_SEEN = date(2026, 6, 3)


def change(finding: Finding, **changes: object) -> Change:
    made = Change(
        ref=finding.ref,
        fingerprint=finding.fingerprint,
        rule=finding.rule,
        subject=finding.subject,
        key=finding.key,
        severity=finding.severity.value,
        first_on=FIRST_SEEN,
        last_on=BEFORE.date(),
        released_on=finding.released_on,
        due_on=finding.due_on,
    )
    return replace(made, **changes)


def seat(name: str, seats: int, price: str | None) -> SeatCount:
    return SeatCount(product=name, name=name, seats=seats, monthly_price=None if price is None else Decimal(price))


def months(assessment: Assessment, count: int) -> tuple[Figures, ...]:
    """This run's figures last; each month before had one updated machine less and two urgent patches more."""
    present = figures_of(assessment, count)
    past = []
    for number in range(1, count):
        ago = count - number
        month = (present.as_of.month - ago - 1) % 12 + 1
        year = present.as_of.year + (present.as_of.month - ago - 1) // 12
        past.append(
            replace(
                present,
                run=number,
                as_of=present.as_of.replace(year=year, month=month, day=4),
                complete=ago != 3,
                updated=max(0, present.updated - ago),
                urgent=None if present.urgent is None else present.urgent + 2 * ago,
                license_good=None if ago == 5 else present.license_good,
            )
        )
    return (*past, present)


def changes(assessment: Assessment) -> Changes:
    """Half of what is open is new, two things were fixed, one late, one came back, one was not looked at again."""
    found = [finding for finding in assessment.findings if finding.outcome is Outcome.FAIL]
    half = len(found) // 2
    gone = [replace(finding, key=f"{finding.key} gone") for finding in found[:2]]
    return Changes(
        before=BEFORE,
        new=tuple(change(finding, first_on=assessment.as_of.date()) for finding in found[:half]),
        fixed=tuple(
            change(finding, fixed_on=assessment.as_of.date(), late=number == 1) for number, finding in enumerate(gone)
        ),
        reopened=tuple(map(change, found[half : half + 1])),
        unseen=tuple(change(replace(finding, key="unseen")) for finding in found[-1:]),
        still_open=len(found) - half,
        first_seen={finding.fingerprint: FIRST_SEEN for finding in found[half:]},
        deadlines=Kept(kept=1, missed=1),
    )


def background(assessment: Assessment, count: int = 12) -> Background:
    """A history of so many months."""
    return Background(trend=months(assessment, count), changes=changes(assessment) if count > 1 else None)
