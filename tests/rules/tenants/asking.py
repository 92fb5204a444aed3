"""What the tests about users share: one rule asked alone, users seen by reports only, mailboxes by size."""

from datetime import timedelta

from collectors.cloud.facts import Mailbox, SignIn, SignInKnowledge, Usage
from rules.checks import discover_tenant_rules
from tests.lab.tenants import NOW, TODAY, judge, sku, user

GIB = 1024**3
SILENT = {"sign_in": None, "sign_in_known": SignInKnowledge.NOT_ASKED}
"""No Entra P1: sign-ins are not told."""

NEVER = {"sign_in": None, "sign_in_known": SignInKnowledge.NEVER}
SPB = (sku("SPB", enabled=25, consumed=5),)


def asked(rule, snapshot, **options):
    """Ask one rule alone and return its answers; every text used is there in every language."""
    rules = tuple(one for one in discover_tenant_rules() if one.id == rule)
    return judge(snapshot, rules=rules, **options).findings


def named(found):
    """Outcome and last part of the text."""
    return found.outcome, found.message.text.rpartition(".")[2]


def signed(days_ago, **changes):
    """A last successful sign-in so many days ago."""
    at = NOW - timedelta(days=days_ago)
    return {"sign_in": SignIn(successful_at=at, at=at), "sign_in_known": SignInKnowledge.KNOWN, **changes}


def idle(name="ann", days_ago=120, *, holds=("SPB",), **changes):
    """A user whose last successful sign-in was so many days ago."""
    return user(name, holds=holds, **signed(days_ago, **changes))


def used(name, days_ago):
    """A row of the active-user report; None: never."""
    return Usage(upn=f"{name}@example.com", last_on=None if days_ago is None else TODAY - timedelta(days=days_ago))


def box(name, gigabytes, *, archive=False, kind="shared", **changes):
    """A row of the mailbox report."""
    used_bytes = None if gigabytes is None else int(gigabytes * GIB)
    return Mailbox(upn=f"{name}@example.com", used_bytes=used_bytes, archive=archive, kind=kind, **changes)
