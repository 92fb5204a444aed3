"""Installed software against what was bought, before it is worded; and both kinds of licenses together.

A line without a verdict is in no rate and in no sum, and nothing is called a deficit where nobody said what was bought.
What the client accepts for a time (a waiver) is neither missing nor too much: it is counted apart and in no amount.
Amounts are euro, excluding VAT. What is paid once and what is paid every year are never added up; a surplus of rights
that were paid once saves nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

from reports.licenses import Licenses, Rate
from rules.model import Assessment, Finding, SeatVerdict
from rules.rights import Metric
from rules.software.position import PositionLine, SoftwareSummary, Status, Unrecognized
from rules.software.wording import title_of
from rules.waivers import Waiver

RULES: Final = "software."
# Rules whose findings bear the key of a line. Others bear what may read the same: the id of a right is the client's.
_OF_LINES: Final = frozenset(f"software.{name}" for name in ("under_licensed", "no_entitlement", "to_check", "surplus"))
_IDLE: Final = "software.rights_idle"
_OF_RIGHTS: Final = frozenset({_IDLE, "software.rights_ending"})
_ORDER: Final = {status: rank for rank, status in enumerate(Status)}
_DECIDED: Final = frozenset({Status.OK, Status.EXCESS, Status.UNDER, Status.CHECK})
_GOOD: Final = frozenset({Status.OK, Status.EXCESS})
_ZERO: Final = Decimal(0)
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """Licenses to buy, counted in units of their metric. `unpriced` of them are in no amount, `cores` are for cores.

    `accepted` ones lack too and are in none of these numbers: the client accepts that for a time. `sure` tells whether
    everything was seen: else the number is a minimum.
    """

    units: int = 0
    products: int = 0
    yearly: Decimal = _ZERO
    once: Decimal = _ZERO
    unpriced: int = 0
    cores: int = 0
    accepted: int = 0
    sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """Licenses that are paid for and not needed. `yearly` is what giving `returned` of them up saves a year.

    `unpriced` products could save something and have no price; `kept_value` is what rights once paid had cost: nothing
    is saved by not using them. `tied` licenses stay with the machine they were sold with and are in no value, `cores`
    are for cores.
    `accepted` ones are in none of these numbers: the client keeps them for a time.
    """

    units: int = 0
    products: int = 0
    yearly: Decimal = _ZERO
    kept_value: Decimal = _ZERO
    unpriced: int = 0
    returned: int = 0
    tied: int = 0
    cores: int = 0
    accepted: int = 0
    sure: bool = True


class Software:
    """The license position of one assessment."""

    def __init__(self, assessment: Assessment) -> None:
        self.summary: SoftwareSummary | None = assessment.software
        self.findings = tuple(finding for finding in assessment.findings if is_about_software(finding))

    @property
    def told(self) -> bool:
        """Whether a position was made at all."""
        return self.summary is not None

    @property
    def declared(self) -> bool:
        """Whether the client said what was bought."""
        return self.summary is not None and self.summary.declared

    @property
    def empty(self) -> bool:
        """Whether nothing was looked at: no position was made, or no machine was seen for it."""
        return self.summary is None or not self.summary.seen

    @cached_property
    def complete(self) -> bool:
        """Whether every machine was seen, lately, and every line has a verdict."""
        summary = self.summary
        if summary is None or not summary.declared or not summary.seen:
            return False
        whole = summary.seen >= summary.known and not summary.old
        return whole and not any(line.at_least or line.status is Status.UNKNOWN for line in summary.lines)

    @cached_property
    def lines(self) -> tuple[PositionLine, ...]:
        """All lines: what is short first, then by what it costs, by its size and by name."""
        return tuple(sorted(() if self.summary is None else self.summary.lines, key=_most_pressing))

    @cached_property
    def by_key(self) -> Mapping[str, PositionLine]:
        """Lines by their key, as findings bear it."""
        return {line.key: line for line in self.lines}

    def of_status(self, status: Status) -> tuple[PositionLine, ...]:
        """Lines of one status, in their order, without those the client accepts as they are."""
        return tuple(line for line in self.lines if line.status is status and line.key not in self._waived)

    @cached_property
    def accepted(self) -> tuple[PositionLine, ...]:
        """Lines of which a waiver accepts what was found: the client has decided about them for a time."""
        return tuple(line for line in self.lines if line.key in self._waived)

    def is_accepted(self, line: PositionLine) -> bool:
        """Whether a waiver accepts what was found about a line."""
        return line.key in self._waived

    def waivers_of(self, line: PositionLine) -> tuple[Waiver, ...]:
        """Waivers that accept what was found about a line, in the order of the findings."""
        return self._waived.get(line.key, ())

    @cached_property
    def _waived(self) -> Mapping[str, tuple[Waiver, ...]]:
        """Waivers by the key of the line they speak of: of itself, or of all rights that make its surplus."""
        by_line, by_right = self._waivers_by_key(_OF_LINES), self._waivers_by_key(frozenset({_IDLE}))
        for line in self.lines:
            rights = set(line.entitlements)
            if line.status is Status.EXCESS and rights and rights <= by_right.keys():
                by_line[line.key] += [waiver for right in line.entitlements for waiver in by_right[right]]
        return {key: tuple(dict.fromkeys(waivers)) for key, waivers in by_line.items()}

    def _waivers_by_key(self, rules: frozenset[str]) -> defaultdict[str, list[Waiver]]:
        found: defaultdict[str, list[Waiver]] = defaultdict(list)
        for finding in self.findings:
            if finding.rule in rules and finding.key and finding.waiver is not None:
                found[finding.key].append(finding.waiver)
        return found

    @cached_property
    def counts(self) -> Mapping[Status, int]:
        """How many lines have each status, those apart that are accepted; those not subject to a license too."""
        return {status: len(self.of_status(status)) for status in Status}

    @cached_property
    def rate(self) -> Rate:
        """Products in order or with a surplus, among those with a verdict."""
        return Rate(  # what is accepted is in order no more than before
            good=sum(line.status in _GOOD for line in self.lines),
            base=sum(line.status in _DECIDED for line in self.lines),
            unknown=sum(line.status is Status.UNKNOWN for line in self.lines),
        )

    @cached_property
    def short(self) -> Short:
        """What the lines called under-licensed lack together."""
        lines = self.of_status(Status.UNDER)
        return Short(
            units=sum(deficit(line) for line in lines),
            products=len(lines),
            yearly=sum((line.cost or _ZERO for line in lines if line.yearly), _ZERO),
            once=sum((line.cost or _ZERO for line in lines if not line.yearly), _ZERO),
            unpriced=sum(deficit(line) for line in lines if line.cost is None),
            cores=sum(deficit(line) for line in lines if line.metric is Metric.CORE),
            accepted=sum(deficit(line) for line in self.accepted if line.status is Status.UNDER),
            sure=self.complete,
        )

    @cached_property
    def spare(self) -> Spare:
        """What the lines called a surplus have too much together."""
        lines = self.of_status(Status.EXCESS)
        return Spare(
            units=sum(surplus(line) for line in lines),
            products=len(lines),
            yearly=sum((line.saving or _ZERO for line in lines if line.yearly), _ZERO),
            kept_value=sum((kept_value(line) for line in lines), _ZERO),
            unpriced=sum(line.saving is None and surplus(line) > line.tied for line in lines),
            returned=sum(part.units for line in lines for part in line.reductions),
            tied=sum(line.tied for line in lines),
            cores=sum(surplus(line) for line in lines if line.metric is Metric.CORE),
            accepted=sum(surplus(line) for line in self.accepted if line.status is Status.EXCESS),
            sure=self.complete,
        )

    @cached_property
    def unrecognized(self) -> tuple[Unrecognized, ...]:
        """Programs that look commercial and are no product of the table: on the most machines first."""
        found = () if self.summary is None else self.summary.unrecognized
        return tuple(sorted(found, key=lambda one: (-len(one.devices), one.name.casefold(), one.publisher)))

    def line_of(self, finding: Finding) -> PositionLine | None:
        """The line a finding speaks of; None where it speaks of none."""
        return self.by_key.get(finding.key) if is_about_software(finding) and finding.rule in _OF_LINES else None

    def lines_about(self, finding: Finding) -> tuple[PositionLine, ...]:
        """The line a finding speaks of, or those that a right has which it speaks of (`software.rights_idle`)."""
        line = self.line_of(finding)
        if line is not None:
            return (line,)
        if finding.rule not in _OF_RIGHTS or not is_about_software(finding):
            return ()
        return tuple(line for line in self.lines if finding.key in line.entitlements)

    def devices_of(self, findings: Iterable[Finding]) -> tuple[str, ...]:
        """Machines on which the software of findings was seen, each once, by name."""
        found: set[str] = set()
        for finding in findings:
            line = self.line_of(finding)
            named = str(finding.message.params.get("devices") or "")
            found |= set(line.devices) if line is not None else set(filter(None, named.split(", ")))
        return tuple(sorted(found))


def is_about_software(finding: Finding) -> bool:
    """Whether a finding is about installed software as a whole, rather than one machine or tenant."""
    return not finding.subject and finding.rule.startswith(RULES)


def deficit(line: PositionLine) -> int:
    """Units that lack; 0 where none does or nobody knows."""
    return max(0, -(line.gap or 0))


def surplus(line: PositionLine) -> int:
    """Units left over; 0 where none is or nobody knows."""
    return max(0, line.gap or 0)


def kept(line: PositionLine) -> int:
    """Units of a surplus that another machine may use: not those that stay with the one they were sold with."""
    return max(0, surplus(line) - line.tied)


def kept_value(line: PositionLine) -> Decimal:
    """What the units of a surplus that can be used elsewhere had cost once; 0 where they are paid by the year."""
    if line.yearly or not line.saving or not kept(line):
        return _ZERO
    return (line.saving * kept(line) / surplus(line)).quantize(_CENT) if line.tied else line.saving


def least(software: Software) -> str:
    """Why the numbers of an incomplete position may be too small: the last part of a text's id; "" for a whole one."""
    summary = software.summary
    if summary is None or software.complete:
        return ""
    unsettled = any(line.at_least or line.status is Status.UNKNOWN for line in summary.lines)
    return "least" if unsettled or summary.seen < summary.known else "least_old"


def _most_pressing(line: PositionLine) -> tuple[int, Decimal, int, str, str]:
    worth = max(line.cost or _ZERO, line.saving or _ZERO)
    return (_ORDER[line.status], -worth, -(deficit(line) or surplus(line)), title_of(line).casefold(), line.key)


class Standing:
    """Microsoft 365 and installed software together: the three figures about licenses of the first sheet.

    A part that was not to be audited is in none of them; one that could not be read is told beside them.
    """

    def __init__(self, licenses: Licenses, software: Software) -> None:
        self._licenses = licenses
        self._software = software

    @cached_property
    def tenants(self) -> bool:
        """Whether Microsoft 365 enters."""
        return bool(self._licenses.tenants) and self._licenses.readable

    @cached_property
    def programs(self) -> bool:
        """Whether installed software enters: where nobody said what was bought there is nothing to count."""
        return self._software.declared and not self._software.empty

    @cached_property
    def wanted(self) -> bool:
        """Whether anything about licenses was to be audited."""
        return bool(self._licenses.tenants) or self._software.declared

    @cached_property
    def readable(self) -> bool:
        """Whether there is anything to tell of."""
        return self.tenants or self.programs

    @property
    def unread_tenants(self) -> bool:
        """Whether Microsoft 365 was to be read and could not."""
        return bool(self._licenses.tenants) and not self._licenses.readable

    @property
    def rate_note(self) -> str:
        """Which text below `kpi.license_rate` says what the rate is of."""
        if not self.programs:
            return "note"
        if self.unread_tenants:
            return "note_no_tenant"
        return "note_both" if self.tenants else "note_software"

    @property
    def unread_note(self) -> str:
        """Which text below `kpi` says what could not be read."""
        if not self._software.declared:
            return "licenses_unknown_note"
        return "software_unknown_both_note" if self._licenses.tenants else "software_unknown_note"

    @cached_property
    def complete(self) -> bool:
        """Whether nothing the figures rest on is hidden."""
        return (not self._licenses.tenants or self._licenses.complete) and (
            not self._software.declared or self._software.complete
        )

    @cached_property
    def only_old(self) -> bool:
        """Whether all was read, and nothing makes the figures doubtful but that some of it was seen long ago."""
        licenses = self._licenses
        tenants = not licenses.tenants or (licenses.complete and licenses.activity_known)
        return tenants and self._software.declared and least(self._software) == "least_old"

    @cached_property
    def rate(self) -> Rate:
        """Products in order among those with a verdict, of both kinds."""
        parts = [self._licenses.rate] if self.tenants else []
        parts += [self._software.rate] if self.programs else []
        return Rate(
            good=sum(part.good for part in parts),
            base=sum(part.base for part in parts),
            unknown=sum(part.unknown for part in parts),
        )

    @cached_property
    def to_check(self) -> int:
        """Products of both kinds of which a person must tell: they may lack seats or rights."""
        seats = sum(product.line.verdict is SeatVerdict.CHECK for product in self._licenses.products)
        return (seats if self.tenants else 0) + (self._software.counts[Status.CHECK] if self.programs else 0)

    @cached_property
    def short(self) -> Short:
        """Seats and rights to buy."""
        missing, short = self._licenses.missing, self._software.short
        with_tenants, with_programs = self.tenants, self.programs
        return Short(
            units=(missing.seats if with_tenants else 0) + (short.units if with_programs else 0),
            products=(len(missing.products) if with_tenants else 0) + (short.products if with_programs else 0),
            yearly=(missing.cost if with_tenants else _ZERO) + (short.yearly if with_programs else _ZERO),
            once=short.once if with_programs else _ZERO,
            unpriced=(missing.unpriced if with_tenants else 0) + (short.unpriced if with_programs else 0),
            cores=short.cores if with_programs else 0,
            accepted=(missing.accepted if with_tenants else 0) + (short.accepted if with_programs else 0),
            sure=self.complete,
        )

    @cached_property
    def spare(self) -> Spare:
        """Seats and rights too many."""
        licenses, spare = self._licenses, self._software.spare
        totals = licenses.totals
        unpriced = sum(product.saving_unknown for product in licenses.products)
        return Spare(
            units=(totals.surplus if self.tenants else 0) + (spare.units if self.programs else 0),
            products=spare.products if self.programs else 0,
            yearly=(totals.saving if self.tenants else _ZERO) + (spare.yearly if self.programs else _ZERO),
            kept_value=spare.kept_value if self.programs else _ZERO,
            unpriced=(unpriced if self.tenants else 0) + (spare.unpriced if self.programs else 0),
            returned=(totals.surplus if self.tenants else 0) + (spare.returned if self.programs else 0),
            tied=spare.tied if self.programs else 0,
            cores=spare.cores if self.programs else 0,
            accepted=(totals.kept if self.tenants else 0) + (spare.accepted if self.programs else 0),
            sure=self.complete and (not self._licenses.tenants or licenses.activity_known),
        )
