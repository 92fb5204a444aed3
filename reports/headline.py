"""The state of a client in one sentence: machines, then licenses, with what is not known said in the same breath."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from reports import software_words
from reports.sheet import Report
from reports.view import MachineState

_NAME: Final = "headline."
_MOST_CLAUSES: Final = 9  # all of them


def headline(report: Report) -> str:
    """The sentence. A part that was not to be audited is not in it."""
    texts = report.texts
    machines = report.view.known or not report.view.standing.wanted
    told = texts.listing(list(_machines(report)), limit=_MOST_CLAUSES) if machines else ""
    if report.view.standing.wanted:
        licenses = texts.listing(list(_licenses(report)), limit=_MOST_CLAUSES)
        told = texts.text(_NAME + ("both" if told else "licenses"), machines=told, licenses=licenses)
    return f"{told[:1].upper()}{told[1:]}."


def _machines(report: Report) -> Iterator[str]:
    texts, view = report.texts, report.view
    if not view.decided:
        yield texts.text(_NAME + "unknown")
        return
    unknown = view.known - view.decided
    partly = len(view.in_state(MachineState.SYSTEM_ONLY))
    beside = texts.text(_NAME + "system_only", count=partly) if partly else ""
    if view.updated == view.decided:
        updated = texts.text(_NAME + ("good_judged" if unknown else "good"), count=view.updated)
    else:
        updated = texts.text(_NAME + "some", count=view.updated, base=view.decided)
    yield updated + beside
    if view.missing:
        yield texts.text(_NAME + "missing", count=len(view.missing))
    if unknown:
        yield texts.text(_NAME + "rest", count=unknown)


def _licenses(report: Report) -> Iterator[str]:
    texts, standing = report.texts, report.view.standing
    if not standing.readable:
        yield texts.text(_NAME + "licenses_unknown")
        return
    short, spare = standing.short, standing.spare
    least = not standing.complete or (standing.tenants and not report.licenses.activity_known)
    cost = software_words.amount(report, yearly=short.yearly, once=short.once)
    saving = software_words.amount(report, yearly=spare.yearly, once=Decimal(0))
    for name, sum_, amount in (("short", short, cost), ("spare", spare, saving)):
        count = sum_.units
        if not count:
            check = name == "short" and standing.to_check
            told = texts.text(f"{_NAME}{name}_none{'_sure' if check else ''}", count=standing.to_check)
        else:
            told = texts.text(f"{_NAME}{name}{'_least' if least and not standing.only_old else ''}", count=count)
            if sum_.cores:
                told = texts.text(
                    _NAME + ("only_cores" if sum_.cores == count else "with_cores"), what=told, count=sum_.cores
                )
            told = texts.text(_NAME + "with_amount", what=told, amount=amount) if amount else told
        yield texts.text(_NAME + "with_accepted", what=told, count=sum_.accepted) if sum_.accepted else told
    if report.licenses.tenants and not report.licenses.readable:
        yield texts.text(_NAME + "tenants_unread")
    elif least and (standing.only_old or not (short.units and spare.units)):  # else both say "at least" themselves
        yield texts.text(_NAME + ("least_old" if standing.only_old else "least"))
