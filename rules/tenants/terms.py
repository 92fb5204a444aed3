"""How long subscriptions are bought for, read from their dates: Graph tells neither term nor automatic renewal.

`nextLifecycleDateTime` is when the next state comes if nothing renews it; it is there for subscriptions that renew by
themselves too. A monthly one is never further than a month from it; an annual one comes round on the day it was bought.
In the month before such a day both look alike: then the term is taken for annual, and said to be likely only, unless
the last audit saw what settles it: a day more than a month ahead then, or one that has moved by less than a year since.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from collectors.cloud.facts import Subscription
from rules.prices import Commitment
from rules.tenants.rule import TenantCase

ENABLED = "enabled"
_MONTH_DAYS = 31
_TOLERANCE_DAYS = 3
_MONTHS = 12
_YEAR_DAYS = 330  # no annual term comes round in less, whatever days vendors round by


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """The term of one subscription. `sure` is false where its dates fit another one as well."""

    commitment: Commitment
    sure: bool = True


UNKNOWN_TERM = Term(commitment=Commitment.UNKNOWN, sure=False)


def is_active(subscription: Subscription) -> bool:
    """Whether a subscription is neither expired nor suspended. No status at all reads as active."""
    return subscription.status.casefold() in ("", ENABLED)


def ends_on(subscription: Subscription) -> date | None:
    """The day its next state comes; None where it has none."""
    return None if subscription.next_lifecycle_at is None else subscription.next_lifecycle_at.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the last audit saw of the same subscription: when, and the day its next state was to come."""

    seen_on: date
    end: date


def term_in(case: TenantCase, subscription: Subscription) -> Term:
    """The term of one of the tenant's subscriptions, with what the last audit saw of it."""
    return term_of(subscription, case.snapshot.taken_at.date(), _before(case).get(subscription.id))


def _before(case: TenantCase) -> dict[str, Before]:
    return case.once("subscriptions_before", lambda: dict(_read(case)))


def _read(case: TenantCase) -> Iterator[tuple[str, Before]]:
    if case.previous is None:
        return
    for one in case.previous.subscriptions:
        end = ends_on(one)
        if one.id and end is not None and is_active(one) and not one.trial:
            yield one.id, Before(seen_on=case.previous.taken_at.date(), end=end)


def term_of(subscription: Subscription, seen_on: date, before: Before | None = None) -> Term:
    """Derive the term of an active, paid subscription as it was seen on a day; unknown for every other one."""
    end = ends_on(subscription)
    if end is None or subscription.created_at is None or subscription.trial or not is_active(subscription):
        return UNKNOWN_TERM
    bought = subscription.created_at.date()
    left = (end - seen_on).days
    if left > _MONTH_DAYS:
        return Term(commitment=Commitment.ANNUAL)
    if before is not None and (end - before.end).days in range(1, _YEAR_DAYS):
        return Term(commitment=Commitment.MONTHLY)
    if before is not None and before.end == end and (end - before.seen_on).days > _MONTH_DAYS:
        return Term(commitment=Commitment.ANNUAL)
    if _comes_round(bought, end, _MONTHS):
        return Term(commitment=Commitment.ANNUAL, sure=False)
    if _comes_round(bought, end, 1):
        return Term(commitment=Commitment.MONTHLY)
    return UNKNOWN_TERM


def _comes_round(bought: date, end: date, months: int) -> bool:
    """Whether `end` lies a multiple of so many months after `bought`, give or take the days vendors round by."""
    apart = (end.year - bought.year) * _MONTHS + end.month - bought.month
    nearest = [count for count in (apart - 1, apart, apart + 1) if count > 0 and count % months == 0]
    return any(abs((end - _later(bought, count)).days) <= _TOLERANCE_DAYS for count in nearest)


def _later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, _MONTHS)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
