"""m365.disabled_users: accounts that nobody can sign in to any more and that still hold a paid license.

One FAIL per account. What to do depends on the mailbox: a person's is made a shared one first; one whose kind could not
be read is looked at before the license goes (case 22); a large one, or one with an archive, would need a license of its
own as a shared mailbox, so that no saving is told. Nothing is ever to be deleted. A disabled account that *is* a shared
mailbox or a room belongs to `m365.mailbox_licenses`.

Texts: `fail`, `fail_no_mailbox`, `fail_unknown_mailbox`, `fail_large`, `fail_archive`, `remedy`, `remedy_no_mailbox`,
`remedy_unknown_mailbox`, `remedy_large`, `pass`, `unread` (count), `not_applicable`. Parameters: name, licenses,
last_on (last known activity), size, count.
"""

from collections.abc import Iterable

from collectors.cloud.facts import TenantFact
from collectors.feeds.records import Severity
from rules.model import Confidence, Finding, Outcome
from rules.tenants.mailboxes import MailboxKind, MailboxNeed, mailboxes
from rules.tenants.people import (
    PLAN,
    Person,
    Standing,
    concerned,
    exchange_levels,
    labels,
    last_seen_on,
    people,
    proofs,
    standing_in,
    worth,
)
from rules.tenants.rule import TenantCase, TenantRule, finding

ID = "m365.disabled_users"


def check(case: TenantCase) -> Iterable[Finding]:
    """Yield one FAIL per disabled account with a paid license, or one PASS; accounts whose state is unread are told."""
    found = [_fail(case, person) for person in standing_in(case, Standing.DISABLED)]
    yield from found
    unread = sum(person.user.enabled is None for person in people(case))
    if unread:
        yield finding(ID, case, Outcome.UNKNOWN, "unread", params={"count": unread})
    elif not found:
        yield finding(ID, case, Outcome.PASS, "pass", params={"count": len(people(case))})


def _fail(case: TenantCase, person: Person) -> Finding:
    variant = _variant(case, person)
    suffix = f"_{variant}" if variant else ""
    return finding(
        ID,
        case,
        Outcome.FAIL,
        f"fail{suffix}",
        key=person.user.id,
        person=person.user.upn,
        params={
            "name": person.name,
            "licenses": labels(case, person.skus),
            "last_on": last_seen_on(person),
            "size": person.mailbox.gigabytes,
        },
        severity=Severity.LOW,
        confidence=Confidence.FIRM if _is_sure(person, variant) else Confidence.TENTATIVE,
        remedy="remedy_large" if person.mailbox.is_large else f"remedy{suffix}",
        priority=PLAN,
        evidence=proofs(case, person),
        money=None if person.mailbox.is_large else worth(case, person),
    )


def _is_sure(person: Person, variant: str) -> bool:
    """Whether the license can go without looking any further: there is no mailbox, or one known to be small enough."""
    return variant == "no_mailbox" or (variant == "" and person.mailbox.need is MailboxNeed.NONE)


def _variant(case: TenantCase, person: Person) -> str:
    """Which text fits: what is known of the mailbox decides what must be done before the license goes."""
    if person.mailbox.is_large:
        return "large" if person.mailbox.is_oversized else "archive"
    if person.mailbox.kind is MailboxKind.USER:
        return ""
    rank, _archive = exchange_levels(case, person.user)
    has_none = not rank and not person.user.mailbox and not mailboxes(case).has_row(person.user)
    return "no_mailbox" if has_none else "unknown_mailbox"


RULE = TenantRule(id=ID, needs=(TenantFact.SKUS, TenantFact.USERS), check=check, applies=concerned)
