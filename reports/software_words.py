"""Sentences about installed software and rights that several sheets, the terminal and the mail share."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from reports.software import deficit, least, surplus
from rules.model import Finding, Outcome
from rules.rights import Metric
from rules.software.position import PositionLine, Status
from rules.software.wording import title_of

if TYPE_CHECKING:
    from reports.actions import Action
    from reports.sheet import Report

_NAME: Final = "sheets.software."
_NAMES_SHOWN: Final = 6
_PRODUCTS_SHOWN: Final = 4
_FREE_SHOWN: Final = 25
_SURPLUS: Final = "software_surplus"
_BY_UNITS: Final = frozenset({"software_under", _SURPLUS})
_ENDING: Final = "software_ending"
_SEE: Final = "software_see"
_CHECK: Final = "software_check"
# Which variant of the texts about an end what the rule found asks for.
_ENDS: Final = {
    "fail": "_right",
    "fail_today": "_right",
    "ended": "_right_ended",
    "maintenance": "_maintenance",
    "maintenance_today": "_maintenance",
    "maintenance_ended": "_maintenance_ended",
}
_COUNTED: Final = frozenset({"software_unrecognized", "software_no_file"})
# Texts of the position that the sheet says once, above its table or in the column of confidence.
_EARLIER: Final = "software.note.machines_earlier"
_SAID_ABOVE: Final = frozenset(
    (*(f"software.note.{name}" for name in ("no_file", "partial", "machines_unread")), _EARLIER)
)
_STATES: Final = (Status.UNDER, Status.CHECK, Status.UNKNOWN, Status.EXCESS, Status.OK)


def amount(report: "Report", *, yearly: Decimal, once: Decimal) -> str:
    """Word an amount, what is paid once apart from what is paid every year; excluding VAT. "" for none."""
    texts = report.texts
    if once and yearly:
        return texts.text("amount.both", once=texts.euros(once), yearly=texts.euros(yearly))
    if once:
        return texts.text("amount.once", amount=texts.euros(once))
    return texts.text("amount.yearly", amount=texts.euros(yearly)) if yearly else ""


def intro(report: "Report") -> str:
    """Of when the position is, on how many machines and declared rights it rests."""
    texts, summary = report.texts, report.software.summary
    if summary is None:
        return texts.text(_NAME + "intro_absent")
    rights = (
        texts.text(_NAME + "intro_rights", count=summary.entitlements, file=summary.file)
        if summary.declared
        else texts.text(_NAME + "intro_no_rights")
    )
    return texts.text(
        _NAME + ("intro_earlier" if summary.earlier else "intro"),
        day=texts.local_day(report.assessment.as_of),
        earlier=summary.earlier,
        count=summary.seen,
        known=summary.known,
        rights=rights,
    )


def unseen(report: "Report") -> list[str]:
    """What the position could not see, the largest first; nothing where everything was seen."""
    texts, software = report.texts, report.software
    summary = software.summary
    if summary is None:
        return [texts.text(_NAME + "not_audited")]
    found = []
    if not summary.known:
        found.append(texts.text(_NAME + "no_machine"))
    elif not summary.seen:
        found.append(texts.text(_NAME + "none_seen", count=summary.known))
    elif summary.seen < summary.known:
        found.append(texts.text(_NAME + "partly_seen", count=summary.known - summary.seen, known=summary.known))
    found += earlier(report)
    if summary.old:
        found.append(texts.text(_NAME + "old_data", count=summary.old))
    if not summary.declared:
        found.append(texts.text(_NAME + "no_file"))
    return found


def earlier(report: "Report") -> list[str]:
    """Name the machines that were not reached this time, whose programs are counted as an audit before saw them."""
    summary = report.software.summary
    found = () if summary is None else summary.notes
    return [report.texts.message(note) for note in found if note.text == _EARLIER]


def states(report: "Report") -> str:
    """Count the products by status in one sentence, those the client accepts apart; not those no license is for."""
    texts, software = report.texts, report.software
    counts = software.counts
    told = [
        texts.text(f"software_status.count.{status.value}", count=counts[status])
        for status in _STATES
        if counts[status]
    ]
    if waived := len(software.accepted):
        told.append(texts.text("software_status.count.accepted", count=waived))
    base = sum(counts[status] for status in _STATES) + waived
    if not base:
        return texts.text(_NAME + "states_none")
    return texts.text(_NAME + "states", count=base, states=", ".join(told))


def money(report: "Report") -> list[str]:
    """What the deficits cost and what the surplus could save, in sentences; none without either."""
    texts, short, spare = report.texts, report.software.short, report.software.spare
    found = []
    if short.units:
        told = amount(report, yearly=short.yearly, once=short.once)
        sentence = texts.text(_NAME + ("to_buy" if told else "to_buy_unpriced"), count=short.units, amount=told)
        if short.cores:
            variant = "to_buy_in_cores" if short.cores == short.units else "to_buy_cores"
            sentence = f"{sentence} {texts.text(_NAME + variant, count=short.cores)}"
        if told and short.unpriced:
            sentence = f"{sentence} {texts.text(_NAME + 'to_buy_partly', count=short.unpriced)}"
        reason = least(report.software)
        found.append(f"{sentence} {texts.text(f'{_NAME}to_buy_{reason}')}" if reason else sentence)
    if spare.units:
        if spare.yearly:
            found.append(texts.text(_NAME + "to_save", amount=texts.euros(spare.yearly)))
        if spare.kept_value:
            found.append(texts.text(_NAME + "to_keep", amount=texts.euros(spare.kept_value)))
        if spare.unpriced:
            found.append(texts.text(_NAME + "to_save_unpriced", count=spare.unpriced))
        if spare.tied:
            found.append(texts.text(_NAME + "to_save_tied", count=spare.tied))
    if accepted := report.software.accepted:
        names = texts.listing([title_of(line) for line in accepted], limit=_NAMES_SHOWN)
        found.append(texts.text(_NAME + "accepted", count=len(accepted), names=names))
    return found


def notes(report: "Report", line: PositionLine) -> list[str]:
    """Remarks on one line, without those the columns and the head of the sheet say of every line."""
    return [report.texts.message(note) for note in line.notes if note.text not in _SAID_ABOVE]


def limits(report: "Report") -> list[str]:
    """What limits the whole position beside machines that were not seen."""
    summary = report.software.summary
    found = () if summary is None else summary.notes
    return [report.texts.message(note) for note in found if note.text not in _SAID_ABOVE]


def shown(report: "Report") -> list[PositionLine]:
    """The lines of the table, in their order."""
    return [line for line in report.software.lines if not is_told_apart(line)]


def is_told_apart(line: PositionLine) -> bool:
    """Whether a line is told in a sentence below the table: it needs no right, nobody bought one, nothing to say."""
    return line.status is Status.FREE and not (line.notes or line.owned or line.unlimited or line.entitlements)


def free(report: "Report", lines: Iterable[PositionLine]) -> str:
    """Name what is installed and needs no right."""
    names = sorted({title_of(line) for line in lines}, key=str.casefold)
    if not names:
        return ""
    texts = report.texts
    return texts.text(_NAME + "free", count=len(names), names=texts.listing(names, limit=_FREE_SHOWN))


def state(report: "Report") -> str:
    """One sentence for the first sheet: what is short, what is too much, what nobody can tell."""
    texts, software = report.texts, report.software
    summary = software.summary
    if summary is None or software.empty:
        return texts.text("sheets.summary.software_unknown")
    sentence = states(report)
    short = software.short
    if short.units:
        names = texts.listing([title_of(line) for line in software.of_status(Status.UNDER)], limit=2)
        told = amount(report, yearly=short.yearly, once=short.once)
        cost = texts.text("sheets.summary.software_cost", amount=told) if told else ""
        lacking = texts.text(
            "sheets.summary.software_short" + in_cores(short.units, short.cores),
            count=short.units,
            cores=short.cores,
            names=names,
            cost=cost,
        )
        sentence = f"{sentence} {lacking}"
    reason = least(software)
    return f"{sentence} {texts.text(f'sheets.summary.software_{reason}')}" if reason else sentence


def in_cores(units: int, cores: int) -> str:
    """Which variant of a text counts licenses: all of them of cores, some of them, or none; the last part of its id."""
    if not cores:
        return ""
    return "_cores" if cores == units else "_with_cores"


def finding_text(report: "Report", action: "Action") -> str:
    """Say what was found."""
    return _said(report, action, "finding")


def proposal(report: "Report", action: "Action") -> str:
    """Say what to do about it, as one imperative sentence."""
    return _said(report, action, "proposal")


def impact(report: "Report", action: "Action") -> str:
    """Say why it matters."""
    kind = action.kind
    if kind == _ENDING:
        kind += _ended(action)
    elif kind == _SEE and len(_lines(report, action)) < len(action.findings):
        kind += "_estate"  # checks that machines nobody read leave open: not of one product alone
    text = report.texts.text(f"actions.impact.{kind}")
    return " ".join((text, *_later(report, action))) if kind == _SURPLUS else text


def _later(report: "Report", action: "Action") -> Iterator[str]:
    """What of a surplus falls after what ends next, and what that saves: the plan's amount is of the first end only."""
    parts = [part for line in _lines(report, action) for part in line.reductions[1:]]
    if not parts:
        return
    known = [part.amount for part in parts if part.amount is not None]
    unpriced = sum(part.units for part in parts if part.amount is None)
    yield report.texts.text(
        "actions.impact.software_later" + ("" if not unpriced else "_partly" if known else "_unpriced"),
        count=len(parts),
        units=sum(part.units for part in parts),
        amount=report.texts.euros(sum(known, Decimal(0))),
        unpriced=unpriced,
    )


def _lines(report: "Report", action: "Action") -> list[PositionLine]:
    return [line for finding in action.findings if (line := report.software.line_of(finding)) is not None]


def _ended(action: "Action") -> str:
    """Which variant of a text about an end is true: of a right or its maintenance, to come or past."""
    kinds = {finding.message.text.rpartition(".")[2] for finding in action.findings}
    if len(action.findings) > 1 or not kinds <= _ENDS.keys():
        return ""
    return _ENDS[kinds.pop()]


def _variant(report: "Report", action: "Action", part: str) -> str:
    """What the text of an action needs to be true beside its kind and part: the last part of its id."""
    if action.kind == _ENDING:
        variant = _ended(action)
        return variant if part == "finding" or variant.endswith("_ended") else ""
    lines = _lines(report, action)
    if action.kind in _BY_UNITS:
        cores = sum(_units(line) for line in lines if line.metric is Metric.CORE)
        return in_cores(sum(map(_units, lines)), cores).replace("_with_cores", "")
    return ""


def _units(line: PositionLine) -> int:
    return deficit(line) or surplus(line)


def _count(report: "Report", action: "Action", part: str) -> int:
    """How many an action is about: units that lack, or are too many; of these only what ends next is given back."""
    if action.kind == _SURPLUS and part == "proposal":
        return _told_count(action)
    if action.kind in _BY_UNITS:
        return sum(map(_units, _lines(report, action)))
    return _told_count(action) if action.kind in _COUNTED else len(action.findings)


def _said(report: "Report", action: "Action", part: str) -> str:
    texts = report.texts
    ends = [str(finding.message.params.get("ends_on") or "") for finding in action.findings]
    return texts.text(
        f"actions.{action.kind}.{part}{_variant(report, action, part)}",
        count=_count(report, action, part),
        products=texts.listing(products(report, action), limit=_PRODUCTS_SHOWN),
        owned=sum(line.owned or 0 for line in _lines(report, action)),
        ends_on=date.fromisoformat(min(ends)) if all(ends) else "",
        sheet=report.title("software"),
        coverage=report.title("coverage"),
    )


def _told_count(action: "Action") -> int:
    """What one finding counts for many: programs nobody knows, products without a file of rights."""
    counts = (finding.message.params.get("count") for finding in action.findings)
    return sum(count if isinstance(count, int) else 1 for count in counts)


def products(report: "Report", action: "Action") -> list[str]:
    """Name what the findings of an action are about, each once; of several products with how many are short."""
    names: dict[str, None] = {}
    known = report.software.by_key
    for finding in sorted(action.findings, key=lambda found: found.key not in known):  # products before checks
        line = report.software.line_of(finding)
        short = 0 if line is None or action.kind == _CHECK else deficit(line)  # to be checked: no deficit is claimed
        name = _name(report, finding, line)
        names[f"{name} ({short})" if short and len(action.findings) > 1 else name] = None
    return list(names)


def _name(report: "Report", finding: Finding, line: PositionLine | None) -> str:
    if line is not None:
        return title_of(line)
    params = finding.message.params
    named = next((str(params[name]) for name in ("product", "program", "waiver", "right") if params.get(name)), "")
    if named or finding.outcome is not Outcome.UNKNOWN:
        return named or finding.key
    return report.texts.text(f"rules.{finding.rule}.title")
