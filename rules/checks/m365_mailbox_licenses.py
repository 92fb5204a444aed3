"""m365.mailbox_licenses: shared mailboxes and rooms that hold a license they do not need, or lack the one they do.

A mailbox that is nobody's own needs no license up to 50 GB without an archive: a license on it can go, once nothing is
on hold (case 20). Larger, or with an archive, it needs Exchange Online Plan 2: without it the tenant is under-licensed
(case 21). One that people sign in to directly does need a license, as long as they do. Room licenses (Teams Rooms) are
counted by device and are none of this. What kind of mailbox it is, or how large, may not be known: that is told once,
as UNKNOWN, or as a limit chosen where the client's file does not ask for the types and Microsoft's report has none.

Texts: `unneeded`, `unneeded_room`, `signed_in`, `missing_plan_2`, `missing_plan_2_archive`, `maybe_missing`, `weak`,
`remedy_unneeded`, `remedy_signed_in`, `remedy_plan_2`, `remedy_maybe`, `remedy_kinds`, `pass`, `unknown_kinds` (count),
`kinds_not_asked` (count), `unknown_sizes` (count), `unknown_report`. Parameters: name, licenses, size, last_on, count,
names.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from collectors.cloud.facts import SignInKnowledge, TenantFact, User
from collectors.feeds.records import Severity
from collectors.model import GapReason
from rules.model import Confidence, Finding, Outcome
from rules.prices import Money, Share
from rules.tenants.activity import ActivityState, Proof, ReportState
from rules.tenants.billing import positions, prices
from rules.tenants.mailboxes import (
    EXCHANGE_PLAN_2,
    EXCHANGE_PLAN_2_PART,
    MailboxKind,
    MailboxNeed,
    MailboxView,
    mailboxes,
)
from rules.tenants.money import to_buy
from rules.tenants.people import (
    PLAN,
    Person,
    Standing,
    exchange_levels,
    gap_proofs,
    labels,
    last_seen_on,
    mailbox_proof,
    people,
    proofs,
    standing_in,
    worth,
)
from rules.tenants.relevance import matters
from rules.tenants.rule import TenantCase, TenantRule, finding

ID = "m365.mailbox_licenses"
_ARCHIVE_RANK = 2  # Exchange Online Plan 1, to which an archive can be added
_FULL_RANK = 3  # Plan 2


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per mailbox with a license too many or too few, what could not be told, or one PASS."""
    licensed = {person.user.id: person for person in standing_in(case, Standing.NOBODYS_MAILBOX)}
    found = [*_surplus(case, licensed.values()), *_lacking(case)]
    yield from found
    doubts = [*_unknown_kinds(case), *_unknown_sizes(case, licensed.values())] or list(_no_report(case))
    yield from doubts
    if not found and not doubts:
        yield finding(ID, case, Outcome.PASS, "pass")


def _surplus(case: TenantCase, licensed: Iterable[Person]) -> Iterator[Finding]:
    """Paid licenses on mailboxes that need none; one that is signed in to directly is asked about, without money."""
    for person in licensed:
        if person.mailbox.need is not MailboxNeed.NONE:
            continue
        active = person.seen.state is ActivityState.ACTIVE and person.seen.proof is Proof.SIGN_IN
        signed_in = active and person.user.enabled is not False
        told = person.user.enabled is False or person.user.sign_in_known is not SignInKnowledge.NOT_ASKED
        room = person.mailbox.kind is MailboxKind.ROOM
        yield finding(
            ID,
            case,
            Outcome.FAIL,
            "signed_in" if signed_in else "unneeded_room" if room else "unneeded",
            key=person.user.id,
            person=person.user.upn,
            params={
                "name": person.name,
                "licenses": labels(case, person.skus),
                "size": person.mailbox.gigabytes,
                "last_on": last_seen_on(person),
            },
            severity=Severity.LOW,
            confidence=Confidence.FIRM if told and not signed_in else Confidence.TENTATIVE,
            remedy="remedy_signed_in" if signed_in else "remedy_unneeded",
            priority=PLAN,
            evidence=proofs(case, person),
            money=None if signed_in else worth(case, person),
        )


def _lacking(case: TenantCase) -> Iterator[Finding]:
    """Mailboxes that need Exchange Online Plan 2 and whose account does not have it."""
    boxes = mailboxes(case)
    for user in case.snapshot.users:
        mailbox = boxes.of(user)
        if not mailbox.is_large or mailbox.kind is MailboxKind.USER or _covered(case, user, mailbox):
            continue
        sure = not mailbox.is_someones
        if not sure and user.licenses:
            continue  # a person's mailbox as far as anybody knows, and licensed
        rank, _archive = exchange_levels(case, user)
        missing = "missing_plan_2" if mailbox.is_oversized else "missing_plan_2_archive"
        yield finding(
            ID,
            case,
            Outcome.FAIL,
            "maybe_missing" if not sure else "weak" if rank else missing,
            key=user.id,
            person=user.upn,
            params={"name": user.name or user.upn, "size": mailbox.gigabytes, "archive": mailbox.archive},
            severity=Severity.MEDIUM if sure else Severity.LOW,
            confidence=Confidence.FIRM if sure else Confidence.TENTATIVE,
            remedy="remedy_plan_2" if sure else "remedy_maybe",
            priority=PLAN,
            evidence=mailbox_proof(user, mailbox),
            money=_plan_2(case) if sure and not rank else None,
        )


def _covered(case: TenantCase, user: User, mailbox: MailboxView) -> bool:
    """Whether the account's Exchange plan is enough: Plan 2, or Plan 1 with its archive where only that is needed."""
    rank, archive = exchange_levels(case, user)
    if rank >= _FULL_RANK:
        return True
    return rank >= _ARCHIVE_RANK and archive and not mailbox.is_oversized


def _plan_2(case: TenantCase) -> Money:
    """What one seat of Exchange Online Plan 2 costs, whether or not the tenant owns the SKU."""
    if EXCHANGE_PLAN_2 in positions(case):
        return to_buy(case, EXCHANGE_PLAN_2, 1)
    price = prices(case).price(case.today, EXCHANGE_PLAN_2, EXCHANGE_PLAN_2_PART)
    cost, unpriced = (Decimal(0), 1) if price is None else (price.monthly, 0)
    return Money.of([Share(sku_id=EXCHANGE_PLAN_2, seats=1, cost=cost, unpriced=unpriced, missing=True)])


def _unknown_kinds(case: TenantCase) -> Iterator[Finding]:
    """Accounts with a mail license of whose mailbox nothing tells whether it is a person's."""
    boxes = mailboxes(case)
    usable = boxes.state is ReportState.USABLE
    unknown = [
        person
        for person in people(case)
        if person.mailbox.kind is MailboxKind.UNKNOWN
        and person.standing is not Standing.DISABLED  # asked there, one by one
        and person.user.mail
        and exchange_levels(case, person.user)[0]
        and (not usable or boxes.has_row(person.user))  # a report that is there lacks mailboxes of these days only
    ]
    if unknown:
        types = [gap for gap in case.snapshot.gaps_of(TenantFact.MAILBOX_TYPES) if gap.reason is not GapReason.REFUSED]
        chosen = usable and not types
        yield finding(
            ID,
            case,
            Outcome.NOT_APPLICABLE if chosen else Outcome.UNKNOWN,
            "kinds_not_asked" if chosen else "unknown_kinds",
            key="kinds" if chosen else "",
            params={"count": len(unknown)},
            remedy="" if types else "remedy_kinds",
            evidence=gap_proofs(case, (*case.snapshot.gaps_of(TenantFact.MAILBOXES), *types)),
        )


def _unknown_sizes(case: TenantCase, licensed: Iterable[Person]) -> Iterator[Finding]:
    """Licensed mailboxes that are nobody's own and whose size or archive is not known."""
    unknown = [person for person in licensed if person.mailbox.need is MailboxNeed.UNKNOWN]
    if unknown:
        yield finding(
            ID,
            case,
            Outcome.UNKNOWN,
            "unknown_sizes",
            key="sizes",
            params={"count": len(unknown), "names": ", ".join(person.name for person in unknown[:6])},
            evidence=gap_proofs(case, case.snapshot.gaps_of(TenantFact.MAILBOXES)),
        )


def _no_report(case: TenantCase) -> Iterator[Finding]:
    """Without a recent report no mailbox without a license is known to be small enough to do without one."""
    if mailboxes(case).state is not ReportState.USABLE and matters(case, TenantFact.MAILBOXES):
        evidence = gap_proofs(case, case.snapshot.gaps_of(TenantFact.MAILBOXES))
        yield finding(ID, case, Outcome.UNKNOWN, "unknown_report", evidence=evidence)


RULE = TenantRule(id=ID, needs=(TenantFact.SKUS, TenantFact.USERS), check=check)
