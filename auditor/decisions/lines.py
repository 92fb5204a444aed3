"""The lines a client was asked about: those of its last run, and of earlier runs where a workbook is older.

A line is told by the finding's reference and the product's name, as the report shows both.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from auditor.decisions.wording import same_words
from auditor.errors import HistoryError
from auditor.history.store import Run, Store
from reports import plain
from reports.licenses import Licenses
from reports.reviews import Review, reviews
from reports.texts import Texts, languages
from rules.contract import Contract, LicenseException
from rules.decisions import Choice, Decision, DecisionState, with_decisions
from rules.model import Assessment
from rules.waivers import with_waivers

if TYPE_CHECKING:
    from rules.model import Finding

_EARLIER_RUNS = 36
_SAME_MOMENT = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedLine:
    """One line as a report showed it. `sku` names it in the client's files: a part number, or a GUID, "" for no seat.

    `skus` are all names of that SKU, for comparing; `run` is the number of the run that showed it. `needed` tells that
    the person lacks this product: there is nothing to remove.
    """

    ref: str
    rule: str
    person: str
    name: str
    product: str
    sku: str
    skus: frozenset[str]
    run: int
    needed: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """As `Decision.line` has it."""
        return self.ref.casefold(), self.sku.casefold()

    def is_called(self, product: str) -> bool:
        """Whether a cell names this product, as a report words it in any language."""
        told = {plain.worded(Texts(language))(self.product) for language in languages()}
        return same_words(product) in {same_words(one) for one in (self.product, *told)}


@dataclass(slots=True)
class Asked:
    """What a client was asked, and how it stands now; earlier runs are read when a reference is not of the last one.

    `today` is the day of the import. The files of the client count as they are now, whatever they said at the run.
    """

    store: Store
    contract: Contract
    today: date
    run: Run = field(init=False)
    latest: Assessment = field(init=False)
    _lines: dict[str, list[AskedLine]] = field(default_factory=dict, init=False)
    _open: frozenset[tuple[str, str]] = field(init=False)
    _earlier: Iterator[Run] = field(init=False)

    def __post_init__(self) -> None:
        self.run = self.store.latest()
        bare = _without_waivers(self.store.assessment(self.run.id))
        self.latest = with_waivers(bare, self.contract, self.today, whole=False)
        self._earlier = (
            run
            for run in self.store.runs()[: _EARLIER_RUNS + 1]
            if run.id < self.run.id and run.concluded and run.demo == self.run.demo
        )
        self._open = frozenset(line.key for line in lines_of(self.latest, self.run.id))
        self._add(lines_of(bare, self.run.id))

    @property
    def open(self) -> frozenset[tuple[str, str]]:
        """The lines that would be asked about today, by `AskedLine.key`."""
        return self._open

    def lines(self, ref: str, product: str = "") -> list[AskedLine]:
        """Every line of a reference, the newest wording of each; [] for a reference no run of this client had.

        Earlier runs are looked into for a reference that the last one does not have, or not for this `product`.
        """
        while not self._has(ref, product) and (run := next(self._earlier, None)) is not None:
            try:
                self._add(lines_of(self.store.assessment(run.id), run.id))
            except HistoryError:  # no longer kept: what it asked is not known any more
                continue
        return list(self._lines.get(ref, ()))

    def people(self) -> list[tuple[str, str]]:
        """Everybody a line read so far is about: sign-in name, and how they are called."""
        return sorted({(line.person, line.name) for lines in self._lines.values() for line in lines})

    def shown_by(self, moment: datetime | None) -> Run | None:
        """The run whose report was made at a moment; None where no run of this history was."""
        if moment is None:
            return None
        ended = ((run, run.finished_at) for run in self.store.runs())
        return next((run for run, at in ended if at is not None and abs(at - moment) <= _SAME_MOMENT), None)

    def state(self, line: AskedLine) -> DecisionState:
        """What a thing to do about this line would be now."""
        todo = Decision(
            ref=line.ref,
            rule=line.rule,
            person=line.person,
            choice=Choice.REMOVE,
            decided_on=self.today,
            decided_by="",
            product=line.product,
            sku=line.sku,
        )
        return self.states((todo,))[0]

    def states(self, decisions: tuple[Decision, ...]) -> tuple[DecisionState, ...]:
        """What became of decisions by what the last run saw, as far as the history still knows whom it saw."""
        contract = replace(self.contract, decisions=decisions)
        told = with_decisions(self.latest, contract, self.today, nameless=self.run.nameless)
        return tuple(use.state for use in told.decisions)

    def elsewhere(self, line: AskedLine) -> str:
        """The reference under which the same product of the same person is asked about today; "" for none."""
        for lines in self._lines.values():
            for other in lines:
                same = other.person.casefold() == line.person.casefold() and line.sku and other.sku == line.sku
                if same and other.ref != line.ref and other.key in self._open:
                    return other.ref
        return ""

    def exception(self, line: AskedLine) -> LicenseException | None:
        """The exception of client.toml that accepts a line today."""
        for one in self.contract.m365.exceptions:
            same = one.who.casefold() == line.person.casefold() and self.today <= one.until
            if same and not one.rules and (not one.product or one.product.casefold() in line.skus):
                return one
        return None

    def finding(self, ref: str) -> "Finding | None":
        """A finding of the last run."""
        return next((found for found in self.latest.findings if found.ref == ref), None)

    def _has(self, ref: str, product: str) -> bool:
        lines = self._lines.get(ref, ())
        return any(not product or line.is_called(product) for line in lines)

    def _add(self, lines: Iterator[AskedLine]) -> None:
        known = {line.key for each in self._lines.values() for line in each}
        for line in lines:
            if line.key not in known:
                self._lines.setdefault(line.ref, []).append(line)


def lines_of(assessment: Assessment, run: int) -> Iterator[AskedLine]:
    """The lines of one run's sheet of people; those whose people were taken out of the history are left out."""
    licenses = Licenses(assessment)
    known = {line.sku_id: line for tenant in assessment.tenants for line in tenant.licenses}
    for review in reviews(licenses):
        if review.person.startswith("#"):
            continue
        sold = known.get(review.sku_id)
        names = {review.sku_id, sold.part_number if sold is not None else ""} - {""}
        yield AskedLine(
            ref=review.finding.ref,
            rule=review.finding.rule,
            person=review.person,
            name=review.name,
            product=review.product,
            sku=(sold.part_number if sold is not None else "") or review.sku_id,
            skus=frozenset(name.casefold() for name in names),
            run=run,
            needed=_is_missing(review),
        )


def _is_missing(review: Review) -> bool:
    shares = () if review.finding.money is None else review.finding.money.shares
    return any(share.missing for share in shares if share.sku_id == review.sku_id)


def _without_waivers(assessment: Assessment) -> Assessment:
    """What a run found: the waivers of that day count no more, those of the client's files today do."""
    return replace(assessment, findings=tuple(replace(found, waiver=None) for found in assessment.findings))
