"""A mistyped password of a domain account is one mistake, not two hundred: the directory locks the account after a few.

Each machine asks the same domain, so refusals add up across machines. Until one machine has taken a domain account's
password, at most two try it; when both are refused, the others are not asked. Accounts of the machines themselves count
apart on each of them, and are not held back.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from collectors.credentials import Secret
from collectors.errors import ConversationFailed, DeadlineExceeded, LoginDenied
from collectors.transports.base import Deadline
from collectors.transports.marks import mark
from collectors.transports.wsman.endpoint import Endpoint

ATTEMPTS = 2


@dataclass(slots=True)
class _Account:
    change: threading.Condition = field(default_factory=threading.Condition)
    proven: bool = False
    under_way: int = 0
    forgotten: bool = False
    refused_by: list[str] = field(default_factory=list)


_accounts: dict[tuple[str, bytes], _Account] = {}
_lock = threading.Lock()


def is_of_a_domain(user: str, where: Endpoint) -> bool:
    """Whether a directory checks the password rather than the machine itself."""
    domain, separator, _ = user.rpartition("\\")
    if not separator:
        return "@" in user
    return domain.lower() not in ("", ".", "localhost", where.name.partition(".")[0].lower())


@contextmanager
def attempt(subject: str, where: Endpoint, user: str, password: Secret | None, deadline: Deadline) -> Iterator[None]:
    """Log in inside; waits for the first outcomes, raises `LoginDenied` when they were refusals."""
    if password is None or not is_of_a_domain(user, where):
        yield
        return
    with _lock:
        account = _accounts.setdefault((user.lower(), mark(password)), _Account())
    _enter(subject, user, account, deadline)
    refused = proven = False
    try:
        yield
        proven = True
    except LoginDenied:
        refused = True
        raise
    finally:
        with account.change:
            account.under_way -= 1
            account.proven = account.proven or proven
            if refused:
                account.refused_by.append(subject)
            account.change.notify_all()


def _enter(subject: str, user: str, account: _Account, deadline: Deadline) -> None:
    with account.change:
        while not account.proven and account.under_way + len(account.refused_by) >= ATTEMPTS:
            if len(account.refused_by) >= ATTEMPTS:
                others = " and ".join(account.refused_by)
                raise LoginDenied(
                    subject,
                    f"login as {user} was not tried: {others} have refused it, and the domain would lock the account.",
                    hint="Check user and password, then run again.",
                )
            if account.forgotten:
                raise ConversationFailed(subject, "the visit was stopped while the same login was tried elsewhere.")
            if deadline.passed:
                raise DeadlineExceeded(subject, "the deadline passed while the same login was tried elsewhere.")
            account.change.wait(deadline.remaining_s())
        account.under_way += 1


def forget() -> None:
    """Begin anew: the next run may have another password behind the same name. Whoever waits here waits no more."""
    with _lock:
        accounts = list(_accounts.values())
        _accounts.clear()
    for account in accounts:
        with account.change:
            account.forgotten = True
            account.change.notify_all()
